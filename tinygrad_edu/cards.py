"""The card of an operation: everything the registry knows of it, as data, text and Markdown.

A card says nothing that was written for it: formula, domain, kinks and conventions come from the
registry, and the derivative is what the operation's own rule does, recorded and printed.
"""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import Op, Value
from tinygrad_edu.explain.derivative import derivative, names_of, scalars
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.peers import LIBRARIES, elsewhere

_WIDTH = 86
# Functions that have the name of no other library.
_NO_PEERS = ("neuron", "hinge_loss", "batch_norm_statistics", "composite")
_NUMPY = {"np": np, "np.linalg": np.linalg}


@dataclass(frozen=True)
class Card:
    """What there is to know of one operation or function; `str` is what `tg.help` prints.

    >>> from tinygrad_edu.engine import OPS
    >>> card_of(OPS["exp"]).derivative, card_of(OPS["exp"]).elsewhere["torch"]
    (('∂/∂x = out',), 'torch.exp')
    """

    name: str
    call: str
    kind: str
    summary: str
    formula: str = ""
    derivative: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    kinks: str = ""
    stable: str = ""
    conventions: tuple[Convention, ...] = ()
    elsewhere: dict[str, str] | None = None
    example: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """What is known besides the summary, as labels and lines."""
        rows = [("formula", self.formula)] + [("derivative", line) for line in self.derivative]
        rows += [("domain", line) for line in self.domain]
        rows += [("kinks", self.kinks), ("stable", self.stable)]
        rows += [("convention", line) for line in map(_said, self.conventions)]
        peers = list((self.elsewhere or {}).values())
        short = sum(map(len, peers)) < _WIDTH - 24
        rows += [("elsewhere", text) for text in (["    ".join(peers)] if short else peers)]
        rows += [("example", self.example)]
        return [(label, text) for label, text in rows if text]

    def __str__(self) -> str:
        head = textwrap.fill(f"{self.call}    {self.kind}", _WIDTH, subsequent_indent="    ")
        lines = [head, *_indented(self.summary)]
        shown = ""
        for label, text in self.rows():
            first = f"  {label if label != shown else '':<11} "
            wrapped = textwrap.wrap(text, _WIDTH, subsequent_indent=" " * 16,
                                    break_long_words=False, break_on_hyphens=False)  # fmt: skip
            lines += [first + wrapped[0], *wrapped[1:]] if "    " not in text else [first + text]
            shown = label
        return "\n".join(line.rstrip() for line in lines)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def markdown(self, level: int = 3) -> str:
        """The card as a section of a page, or as a notebook shows it."""
        said = " ".join(self.summary.split("\n\n")[0].split())
        about = " · ".join(part for part in (f"`{self.call}`", self.kind, said) if part)
        lines = [f"{'#' * level} {self.name}", "", about, ""]
        return "\n".join([*lines, *[f"- {text}" for text in self._facts()]]).rstrip()

    def _facts(self) -> list[str]:
        facts = [f"formula: {_code(self.formula)}"] if self.formula else []
        ruled = [line for line in self.derivative if " = " in line or " steps of " in line]
        notes = [line for line in self.derivative if line not in ruled]
        if ruled:
            facts.append(f"derivative: {'; '.join(map(_ruled, ruled))}")
        facts += [f"where {note}" for note in notes]
        if self.domain and self.domain != ("every number",):
            facts.append(f"domain: {', '.join(map(_code, self.domain))}")
        facts += [f"{what}: {text}" for what, text in (("kinks", self.kinks),) if text]
        facts += [f"stable: {text}" for text in (self.stable,) if text]
        peers = [f"{LIBRARIES[k]} {_code(v)}" for k, v in (self.elsewhere or {}).items()]
        return facts + ([f"elsewhere: {', '.join(peers)}"] if peers else [])


def _code(text: str) -> str:
    return f"`{text}`" if "`" not in text else f"`` {text} ``"


def _ruled(line: str) -> str:
    return _code(line) if " = " in line else line


def _said(row: Convention) -> str:
    other = f"; elsewhere {row.gives_elsewhere}: {row.elsewhere}" if row.differs else ""
    return f"{row.question} → {row.gives}{other}"


def _indented(text: str) -> list[str]:
    """Paragraphs kept, their lines wrapped; what stands indented or in a list stays as it is."""
    lines = []
    for paragraph in text.split("\n\n"):
        kept = paragraph.startswith((" ", "-")) or "\n " in paragraph or "\n-" in paragraph
        shown = paragraph.split("\n") if kept else textwrap.wrap(paragraph, _WIDTH)
        lines += ["", *[f"  {line}" for line in shown]]
    return lines[1:] if text else []


def card_of(what: Op[Any] | Callable[..., Any]) -> Card:
    """The card of an operation, or of a function that is composed of them."""
    return _of_operation(what) if isinstance(what, Op) else _of_function(what)


def _of_operation(op: Op[Any]) -> Card:
    infix = op.kind in ("comparison", "logic") and op._arity == 2
    own = isinstance(op.forward, BuiltinFunctionType)  # Python's calls its operands a and b
    return Card(
        name=op.name,
        call=f"tg.{op.name}({', '.join(names_of(op))})" if own else repr(op),
        kind="no derivative" if op.plain else op.kind,
        summary=_first(op.forward),
        formula=f"x {op.symbol} y" if infix else op.formula,
        derivative=tuple(derivative(op)),
        domain=tuple(_domain(op)),
        kinks=_kinks(op) if op.kinks else "",
        stable=op.facts["stable"] or "",
        conventions=tuple(op.facts["conventions"]),
        elsewhere=elsewhere(op, names_of(op) if op._arity >= 0 else ("x1", "x2", "…")),
        example=_example(op),
    )


def _of_function(function: Callable[..., Any]) -> Card:
    name, home = function.__name__, function.__module__.partition(".")[2]
    text = (inspect.getdoc(function) or "").split("\n>>>")[0].strip()
    numpy = [place for place, module in _NUMPY.items() if hasattr(module, name)]
    shown = {"numpy": f"{numpy[0]}.{name}"} if numpy else {}
    if not numpy and name not in _NO_PEERS and home.startswith(("losses", "functions", "networks")):
        shown = {"torch": f"F.{name}"}
    public = f"linalg.{name}" if home == "linalg" else name
    return Card(
        public, f"tg.{public}{call(function)}", "function", text, elsewhere=shown,
        **getattr(function, "facts", {}),
    )  # fmt: skip


def call(thing: Any) -> str:
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


def _first(function: Any) -> str:
    doc = inspect.getdoc(function) or ""
    return "" if isinstance(function, BuiltinFunctionType) else doc.split("\n\n")[0]


def _domain(op: Op[Any]) -> list[str]:
    if op.plain:
        return []
    if not op.domain:
        return ["every number"]
    names = names_of(op, len(op.domain))
    return [_interval(low, high, name) for (low, high), name in zip(op.domain, names, strict=False)]


def _interval(low: float, high: float, name: str) -> str:
    left = "" if low == -math.inf else f"{low:g} < "
    right = "" if high == math.inf else f" < {high:g}"
    return f"{left}{name}{right}" if left or right else f"every {name}"


def _kinks(op: Op[Any]) -> str:
    """Where there is no derivative, and what the rule answers there: asked, not written down."""
    n = op._arity
    point = [0.0] if n == 1 else [1.0] * n
    one = op.rules is not None and len(op.kinks) == 1
    there = one and op.kinks[0](*point, **op._defaults) == 0.0
    if one and n == 1 and not there:
        return "none with these parameters"
    if not there:
        chosen = [f"{row.question} → {row.gives}" for row in op.facts["conventions"]]
        count = len(op.kinks)
        kinds = f"{count} kind{'s' * (count != 1)} of place without a derivative"
        return "; ".join(chosen) or kinds
    leaves = [Value(x) for x in point]
    grads = pull_back(op(*leaves), ONE)
    answers = ", ".join(f"{grads[leaf] or 0.0:g}" for leaf in leaves)
    place = f"{names_of(op)[0]} = 0" if n == 1 else " = ".join(names_of(op))
    return f"at {place}; the derivative there is {answers} by convention"


def _example(op: Op[Any]) -> str:
    """One call with numbers, and its derivatives, where every operand can be a number."""
    given = scalars(op)
    if given is None or set(op._names) - set(op._defaults):
        return ""
    leaves = [Value(x, name) for x, name in zip(given, names_of(op), strict=True)]
    out = op(*leaves)
    grads = pull_back(out, ONE) if isinstance(out, Value) else {}
    written = f"{op.name}({', '.join(f'{x:g}' for x in given)}) = {_short(out)}"
    shares = [f"∂/∂{x.name} = {_short(grads[x] or 0.0)}" for x in leaves if x in grads]
    return "    ".join([written, *shares])


def _short(x: Any) -> str:
    data = x.data if isinstance(x, Value) else x
    return f"{data:.4g}" if isinstance(data, float) else str(data)
