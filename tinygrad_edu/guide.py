"""`tg.help`: one screen of the names a beginner needs, and a card for every operation.

A card says nothing that was written for it: formula, domain and kinks come from the registry, and
the derivative is what the operation's own rule does, recorded and printed as a formula.
"""

from __future__ import annotations

import difflib
import inspect
import math
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from random import Random
from types import BuiltinFunctionType, ModuleType
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import OPS, Op, Value
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.families import knows, load
from tinygrad_edu.tape import Instruction, Slot, Tape
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
      example     tanh(0.5) = 0.4621    ∂/∂x = 0.7864
    """
    if what is None:
        say(SCREEN.rstrip("\n"))
    elif isinstance(what, Op):
        say(card(what))
    elif isinstance(what, str):
        found = lookup(what)
        say(card(found) if isinstance(found, Op) else about(what.removeprefix("tg."), found))
    else:
        if not (isinstance(what, ModuleType) or callable(what)):
            what = type(what)
        say(about(getattr(what, "__name__", repr(what)), what))


def lookup(name: str) -> Any:
    """The thing called ``name`` in `tinygrad_edu`, an operation first; near matches if none is."""
    package = sys.modules[__name__.partition(".")[0]]
    parts = name.removeprefix("tg.").removeprefix("tinygrad_edu.").split(".")
    if len(parts) == 1 and knows(parts[0]):
        load(parts[0])
    if len(parts) == 1 and parts[0] in OPS:
        return OPS[parts[0]]
    at: Any = package
    for i, part in enumerate(parts):
        if part.startswith("_") or not hasattr(at, part):
            names = {*dir(at), *(OPS if i == 0 else ())}
            known = {n.lower(): n for n in sorted(names, reverse=True) if not n.startswith("_")}
            close = difflib.get_close_matches(part.lower(), known, n=3, cutoff=0.6)
            said = " or ".join(repr(known[c]) for c in close)
            hint = f"did you mean {said}?" if close else None
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
    head = textwrap.fill(f"tg.{name}{_call(thing)}", 86, subsequent_indent="    ")
    return f"{head}\n{textwrap.indent(text, '  ')}"


def _call(thing: Any) -> str:
    """The arguments with their defaults, without annotations: what one writes between brackets."""
    try:
        parameters = inspect.signature(thing).parameters.values() if callable(thing) else None
    except (TypeError, ValueError):
        return ""
    if parameters is None:
        return ""
    stars: dict[Any, str] = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    said = []
    for p in parameters:
        plain = isinstance(p.default, (str, int, float, tuple, type(None)))
        default = "" if p.default is p.empty else f"={p.default!r}" if plain else "=…"
        said.append(stars.get(p.kind, "") + p.name + default)
    return f"({', '.join(said)})"


# The card of an operation ------------------------------------------------------------------------


def card(op: Op[Any]) -> str:
    """Everything the registry knows of an operation, on a few lines."""
    kind = "no derivative" if op.plain else op.kind
    infix = op.kind in ("comparison", "logic") and op._arity == 2
    rows = [("formula", f"x {op.symbol} y" if infix else op.formula)]
    rows += [("derivative", line) for line in derivative(op)]
    rows += [("domain", line) for line in _domain(op)]
    if op.kinks:
        rows.append(("kinks", _kinks(op)))
    rows += [("example", line) for line in _example(op)]
    lines = [
        f"{op!r}    {kind}",
        *textwrap.wrap(_summary(op), 86, initial_indent="  ", subsequent_indent="  "),
    ]
    shown = ""
    for label, text in rows:
        lines.append(f"  {label if label != shown else '':<11} {text}")
        shown = label
    return "\n".join(lines)


def _names(op: Op[Any], count: int = 0) -> tuple[str, ...]:
    """What the operands are called: x and y where they are only Python's own a and b."""
    if not op._operands:
        return tuple(f"x{i + 1}" for i in range(count))
    own = tuple(op._operands)
    return {("a",): ("x",), ("a", "b"): ("x", "y")}.get(own, own)


def _summary(op: Op[Any]) -> str:
    doc = inspect.getdoc(op.forward) or ""
    return "" if isinstance(op.forward, BuiltinFunctionType) else doc.split("\n\n")[0]


def _domain(op: Op[Any]) -> list[str]:
    if op.plain:
        return []
    if not op.domain:
        return ["every number"]
    names = _names(op, len(op.domain))
    return [
        f"{_interval(low, high, name)}" for (low, high), name in zip(op.domain, names, strict=False)
    ]


def _interval(low: float, high: float, name: str) -> str:
    left = "" if low == -math.inf else f"{low:g} < "
    right = "" if high == math.inf else f" < {high:g}"
    return f"{left}{name}{right}" if left or right else f"every {name}"


def _kinks(op: Op[Any]) -> str:
    """Where there is no derivative, and what the rule answers there: asked, not written down."""
    if op.rules is None or isinstance(op.rules, float) or len(op.kinks) != 1:
        return f"{len(op.kinks)} kind{'s' * (len(op.kinks) != 1)} of point without a derivative"
    n = op._arity
    point = [0.0] if n == 1 else [1.0] * n
    if op.kinks[0](*point, **op._defaults) != 0.0:
        return "none with these parameters"
    leaves = [Value(x) for x in point]
    grads = pull_back(op(*leaves), ONE)
    answers = ", ".join(f"{grads[leaf] or 0.0:g}" for leaf in leaves)
    place = f"{_names(op)[0]} = 0" if n == 1 else " = ".join(_names(op))
    return f"at {place}; the derivative there is {answers} by convention"


def _example(op: Op[Any]) -> list[str]:
    """One call with numbers, and its derivatives, where every operand can be a number."""
    given = _numbers(op)
    if given is None:
        return []
    leaves = [Value(x, name) for x, name in zip(given, _names(op), strict=True)]
    out = op(*leaves)
    grads = pull_back(out, ONE) if isinstance(out, Value) else {}
    call = f"{op.name}({', '.join(f'{x:g}' for x in given)}) = {_short(out)}"
    shares = [f"∂/∂{x.name} = {_short(grads[x] or 0.0)}" for x in leaves if x in grads]
    return ["    ".join([call, *shares])]


def _short(x: Any) -> str:
    data = x.data if isinstance(x, Value) else x
    return f"{data:.4g}" if isinstance(data, float) else str(data)


def _numbers(op: Op[Any]) -> list[float] | None:
    """A number per operand inside the domain; None for an operation that needs arrays."""
    if (op.rules is None and op.kind not in ("comparison", "logic")) or op._arity < 1:
        return None
    if op.name == "where":
        return [1.0, 2.0, 3.0]
    given = [0.5, 2.0, 3.0, 4.0][: op._arity]
    for i, (low, high) in enumerate(op.domain):
        given[i] = given[i] if low < given[i] < high else (max(low, -1.0) + min(high, 1.0)) / 2
    return [float(x > 1) for x in given] if op.kind == "logic" else given


def derivative(op: Op[Any]) -> list[str]:
    """The derivative per operand as a formula, read off what the operation's own rule does.

    An operation on numbers gives ∂/∂x; one on whole arrays the gradient it hands to each operand
    when ``g`` arrives from above.

    >>> derivative(OPS["divide"])
    ['∂/∂x = 1 ÷ y', '∂/∂y = −out ÷ y']
    >>> derivative(OPS["matmul"])[0]
    'gradient of x = g @ yᵀ'
    """
    if op.plain or not callable(op.pull):
        return []
    if isinstance(op.rules, float):
        return [f"∂/∂xᵢ = {op.rules:g} for every term"]
    found = _sample(op)
    if found is None:
        return []
    given, params, through = found
    names = _names(op, len(given))
    leaves = [Value(x, name) for x, name in zip(given, names, strict=False)]
    out = op(*[leaf.data for leaf in leaves], **params)
    seed = Value(np.ones(np.shape(out)) if np.ndim(out) else 1.0, "g")

    def pulled(seed: Any, *xs: Any) -> list[Any]:
        out = op(*xs, **params)
        grads = pull_back(out, seed if through else ONE, create_graph=True)
        return [out, *[0.0 if grads.get(x) is None else grads[x] for x in xs]]

    tape = Tape.record(pulled, seed, *leaves)
    texts, parts = formulas(tape)
    label = "gradient of " if through else "∂/∂"
    lines = [f"{label}{x.name} = {texts[i]}" for x, i in zip(leaves, tape.outputs[1:], strict=True)]
    if through:
        shapes = [f"{x.name} of shape {x.shape}" for x in leaves]
        static = [f"{k}={v}" for k, v in params.items() if v is not None]
        parts = [*parts, f"g arrives from above; here with {', '.join([*shapes, *static])}"]
    return lines + parts


def _sample(op: Op[Any]) -> tuple[list[Any], dict[str, Any], bool] | None:
    """Operands and static parameters that fit, and whether they are arrays; None: none is known."""
    numbers = _numbers(op)
    if numbers is not None:
        return numbers, {}, False
    if op._arity >= 1 and not set(op._names) - set(op._defaults):
        return [np.array([[0.5, 1.0], [2.0, 3.0]])] * op._arity, {}, True
    drawn = op.examples(Random(1)) if op.examples is not None else (None, {})
    operands, params = drawn
    if operands is None or any(np.asarray(x).dtype.kind != "f" for x in operands):
        return None
    return list(operands), params, True


# Formulas from a tape ----------------------------------------------------------------------------

_ATOM, _CALL, _POWER, _PRODUCT, _MINUS, _SUM, _COMPARE, _CHOICE = range(8)
_BINDING = {
    "add": _SUM, "subtract": _SUM, "multiply": _PRODUCT, "divide": _PRODUCT, "matmul": _PRODUCT,
    "power": _POWER, "less": _COMPARE, "less_equal": _COMPARE, "greater": _COMPARE,
    "greater_equal": _COMPARE, "equal": _COMPARE, "not_equal": _COMPARE,
    "logical_and": _COMPARE, "logical_or": _COMPARE,
}  # fmt: skip


_LONG = 12  # a part that is longer and used twice gets a name


def formulas(tape: Tape) -> tuple[list[str], list[str]]:
    """A formula for every slot, in the names of the leaves, and the parts that got a name.

    The first output is called ``out``.

    >>> x = Value(2.0, "x")
    >>> formulas(Tape.of(OPS["square"](x) + 1.0))[0]
    ['x', 'x²', 'out']
    """
    texts = [(leaf.name or _number(leaf.value.data), _ATOM) for leaf in tape.leaves]
    uses = Counter(slot for step in tape.instructions for slot in step.slots)
    parts: list[str] = []
    known: dict[str, str] = {}
    for step in tape.instructions:
        made = ("out", _ATOM) if step.out == tape.outputs[0] else _formula(step, texts)
        if made[0] in known:
            made = (known[made[0]], _ATOM)
        elif uses[step.out] > 1 and len(made[0]) > _LONG:
            name = known[made[0]] = f"t{len(parts) + 1}"
            parts.append(f"with {name} = {made[0]}")
            made = (name, _ATOM)
        texts.append(made)
    return [text for text, _ in texts], parts


def _formula(step: Instruction, texts: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """One instruction as a formula, its arguments in brackets where they bind less tightly."""
    name = step.op.name
    args = [texts[a.number] if isinstance(a, Slot) else (_number(a), _ATOM) for a in step.args]
    plain = [text for text, _ in args]
    if name == "where":
        return f"{plain[1]} if {plain[0]} else {_held(args[2], _COMPARE)}", _CHOICE
    if name == "square" or (name == "multiply" and plain[0] == plain[1]):
        return f"{_held(args[0], _ATOM)}²", _POWER
    if name == "transpose" and np.ndim(step.recorded) == 2:
        return f"{_held(args[0], _ATOM)}ᵀ", _ATOM
    if name == "negative":
        return f"−{_held(args[0], _PRODUCT)}", _MINUS
    if name in _BINDING:
        level = _BINDING[name]
        right = level - 1 if name in ("subtract", "divide", "matmul", "power") else level
        left = level - 1 if name == "power" else max(level, _MINUS)
        return f"{_held(args[0], left)} {step.op.symbol} {_held(args[1], right)}", level
    static = [
        f"{k}={_number(v)}" for k, v in step.params.items() if v is not None and v is not False
    ]
    return f"{name}({', '.join([*plain, *static])})", _CALL


def _held(part: tuple[str, int], level: int) -> str:
    text, own = part
    return text if own <= level else f"({text})"


def _number(x: Any) -> str:
    if isinstance(x, np.ndarray) and x.size == 1:
        x = float(x.reshape(()))
    return f"{x:.4g}" if isinstance(x, float) else str(x)
