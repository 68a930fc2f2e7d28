"""`tg.help`: one screen of the names a beginner needs, and a card for every operation.

The first lines of any other name are those of its docstring.
"""

from __future__ import annotations

import difflib
import inspect
import sys
import textwrap
from types import FunctionType, ModuleType
from typing import Any

from tinygrad_edu.cards import Card, call, card_of
from tinygrad_edu.engine import OPS, Op
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.families import FAMILIES, knows, load, namespace
from tinygrad_edu.other_names import instead
from tinygrad_edu.terminal import say

SCREEN = """\
tinygrad_edu: build a neuron, see every part of it, trust every gradient.

    import tinygrad_edu as tg

  x = tg.input(0.8, "x")          a number from outside; yes or no is 1 or 0
  w = tg.weight(0.3, "w")         a number that training adjusts; it multiplies
  b = tg.bias(0.1, "b")           a number that training adjusts; it is added
  y = tg.tanh(w * x + b)          a neuron: weighted sum, bias, activation
  loss = (y - 1)**2; loss.backward()   every gradient: w.grad, b.grad, x.grad
  tg.optim.SGD([w, b], lr=0.1)    .step() moves w and b against their gradients
  tg.draw(loss)                   the picture: values, gradients, roles, legend
  tg.trace_table(loss)            the same as a table, forward and backward
  tg.explain(loss, w)             why this gradient: every share of it
  tg.check(loss)                  are the gradients computed right?
  tg.nn.MLP(2, [4], 1)            neurons into layers into a network
  tg.train.fit(model, data, ...)  train it on a table of yours

  tg.help("tanh")   the card of an operation or the first lines on any name
  tg.registry()     every operation        tg.tour()  all of this on penguins
"""


def help(what: Any = None) -> None:
    """Print one screen with the twelve names a beginner needs, or what there is to know of one.

    ``what`` is a name (``"tanh"``, ``"draw"``, ``"nn.MLP"``) or the thing itself. An operation
    prints its card: formula, derivative, domain, kinks, an example; any other name the first part
    of its docstring. `TinygradError` names the nearest names for one that does not exist.

    >>> help("tanh")
    tg.tanh(x)    activation
      The hyperbolic tangent: an S between -1 and 1.
      formula     tanh x
      derivative  ∂/∂x = 1 − out²
      domain      every number
      elsewhere   np.tanh    F.tanh    jnp.tanh
      example     tanh(0.5) = 0.4621    ∂/∂x = 0.7864
    """
    if what is None:
        say(SCREEN.rstrip("\n"))
        return
    name, found = (_plain(what), lookup(what)) if isinstance(what, str) else ("", what)
    if _is_mathematics(found):
        say(str(card_of(found)))
        return
    if not (isinstance(found, ModuleType) or callable(found)):
        found = type(found)
    say(about(name or getattr(found, "__name__", repr(found)), found))


def card(what: Any) -> Card:
    """The card of an operation or of a function made of them, as data; a notebook shows it.

    ``what`` is its name or the thing itself.

    >>> card("tanh").derivative
    ('∂/∂x = 1 − out²',)
    """
    found = lookup(what) if isinstance(what, str) else what
    if not _is_mathematics(found):
        raise TinygradError(f"{what!r} is not an operation", hint="tg.help(…) tells about the rest")
    return card_of(found)


def _is_mathematics(thing: Any) -> bool:
    """An operation, or a function of the tables that operations stand in."""
    home = (getattr(thing, "__module__", None) or "").partition(".")[2]
    table = home in FAMILIES or home.startswith(("ops.", "functions", "linalg", "networks."))
    return isinstance(thing, Op) or (isinstance(thing, FunctionType) and table)


def _plain(name: str) -> str:
    """A name without the package before it, or NumPy."""
    first, _, rest = name.partition(".")
    return rest if rest and first in ("tg", "tinygrad_edu", "np", "numpy") else name


def lookup(name: str) -> Any:
    """The thing called ``name`` in `tinygrad_edu`, an operation first; near matches if none is."""
    package = sys.modules[__name__.partition(".")[0]]
    parts = _plain(name).split(".")
    if len(parts) == 1 and knows(parts[0]):
        load(parts[0])
    if len(parts) == 1 and parts[0] in OPS:
        return OPS[parts[0]]
    at: Any = package
    if len(parts) == 1 and not hasattr(package, parts[0]):
        at = namespace("linalg") if parts[0] in namespace("linalg").__all__ else package
    for i, part in enumerate(parts):
        if part.startswith("_") or not hasattr(at, part):
            names = {*dir(at), *(OPS if i == 0 else ())}
            known = {n.lower(): n for n in sorted(names, reverse=True) if not n.startswith("_")}
            close = difflib.get_close_matches(part.lower(), known, n=3, cutoff=0.6)
            said = " or ".join(repr(known[c]) for c in close)
            other = instead(part).removeprefix(": ") if i == 0 else ""
            hint = other or (f"did you mean {said}?" if close else None)
            where = "tg" if i == 0 else "tg." + ".".join(parts[:i])
            raise TinygradError(
                f"there is no {part!r} in {where}", hint=hint or "tg.help() lists where to begin"
            )
        at = getattr(at, part)
        if isinstance(at, ModuleType) and callable(at):
            at = getattr(at, part)  # a module that answers as the function it holds
    return at


def about(name: str, thing: Any) -> str:
    """The call and the first part of the docstring: its text up to the first example.

    >>> print(about("scope.change", sys.exit).splitlines()[0])
    tg.scope.change(status=None)
    """
    text = (inspect.getdoc(thing) or "No description.").split("\n>>>")[0].strip()
    head = textwrap.fill(f"tg.{name}{call(thing)}", 86, subsequent_indent="    ")
    return f"{head}\n{textwrap.indent(text, '  ')}"
