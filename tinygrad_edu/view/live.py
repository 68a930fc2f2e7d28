"""A graph of single numbers as JavaScript, so that a page can compute it anew: values, gradients.

What is written is the recorded tape with its recorded gradients, one assignment per instruction;
how an operation is written is the fact ``js`` of its declaration. There is no second set of rules.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from tinygrad_edu.engine import Op
from tinygrad_edu.tape import Instruction, Slot, Tape

__all__ = ["Program", "program"]

MOST = 3_000
"""More instructions than this are not written into a page."""


@dataclass(frozen=True)
class Program:
    """``source`` is a JavaScript function that fills ``v``, an array whose first entries are the
    leaves' numbers ``start``: those of the graph, ``leaves`` of them, and constants of the rules.
    ``slopes`` says for each slot of the graph's tape where in ``v`` its gradient stands."""

    source: str
    leaves: int
    start: tuple[float, ...]
    slopes: tuple[int, ...]

    def place(self, slot: int) -> int:
        """Where in ``v`` a slot of the graph's tape stands: results come after the constants."""
        return slot if slot < self.leaves else slot + len(self.start) - self.leaves


def program(tape: Tape) -> Program | str:
    """The program of a tape and its gradients, or the reason why there is none.

    >>> from tinygrad_edu.engine import Value
    >>> import tinygrad_edu.ops.elementwise
    >>> made = program(Tape.of(Value(3.0, "w") * Value(2.0, "x")))
    >>> print(made.source)
    (v) => {
      v[3] = v[0] * v[1];
    }
    >>> made.start, made.slopes  # the gradients of a product are its factors, and 1
    ((3.0, 2.0, 1.0), (1, 0, 2))
    """
    if any(type(step.recorded) is not float for step in tape.instructions):
        return "it computes with arrays, and sliders move single numbers"
    if any(type(leaf.value._data) is not float for leaf in tape.leaves):
        return "it computes with arrays, and sliders move single numbers"
    whole = tape.with_gradients()
    if len(whole.instructions) > MOST:
        return f"it has {len(whole.instructions):,} instructions"
    missing = sorted({s.op.name for s in whole.instructions if template_of(s.op) is None})
    if missing:
        return f"{', '.join(missing)} has no form in JavaScript (the fact `js`)"
    start = tuple(float(leaf.value._data) for leaf in whole.leaves)
    if not all(map(math.isfinite, start)):
        return "not all of its numbers are finite"
    functions: dict[str, None] = {}
    lines = [f"v[{s.out}] = {_expression(s, functions)};" for s in whole.instructions]
    body = "\n".join(f"  {line}" for line in (*functions, *lines))
    slopes = whole.outputs[len(tape.outputs) :]
    return Program(f"(v) => {{\n{body}\n}}", len(tape.leaves), start, slopes)


_PLAIN = re.compile(r"(?:\{(?:\+|\d+)\}|m\.[a-z0-9]+|[-+*/<>=!(),. \d])+")
_MATH = {
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "exp",
    "expm1", "hypot", "log", "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh",
}  # fmt: skip


def template_of(op: Op[Any]) -> str | None:
    """How an operation is written in JavaScript: its fact ``js``, or its ``code`` where that is an
    expression that both languages read alike."""
    declared, code = op.facts["js"], op.code
    if declared is not None or not isinstance(code, str) or not _PLAIN.fullmatch(code):
        return declared  # type: ignore[no-any-return]
    return code.replace("m.", "Math.") if _MATH.issuperset(re.findall(r"m\.(\w+)", code)) else None


def _expression(step: Instruction, functions: dict[str, None]) -> str:
    template, *helpers = (template_of(step.op) or "").split("\n")
    functions.update(dict.fromkeys(helpers))
    operands = [f"v[{a.number}]" if isinstance(a, Slot) else _literal(a) for a in step.args]

    def field(match: re.Match[str]) -> str:
        name = match[1]
        if name == "+":
            return " + ".join(operands)
        return operands[int(name)] if name.isdigit() else _literal(step.params[name])

    return re.sub(r"\{(\+|\w+)\}", field, template)


def _literal(x: Any) -> str:
    """A number as JavaScript; a negative one in brackets, so that no sign meets another."""
    number = float(x)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "(-Infinity)"
    return repr(number) if math.copysign(1.0, number) > 0 else f"({number!r})"
