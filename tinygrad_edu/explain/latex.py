r"""`to_latex`: a graph as formulas for a page: forward with numbers, then the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.explain.ledger import Ledger
from tinygrad_edu.explain.notation import one_line
from tinygrad_edu.tape import Instruction, Slot

_LIMIT = 60
# Operations that mathematics writes with signs; all others are functions by their names.
_SIGNS = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": r"{0} \cdot {1}",
    "divide": r"\frac{{{0}}}{{{1}}}", "matmul": r"{0} \, {1}", "negative": "-{0}",
    "power": r"\left({0}\right)^{{{1}}}", "square": r"\left({0}\right)^2",
    "sqrt": r"\sqrt{{{0}}}", "absolute": r"\left|{0}\right|", "reciprocal": r"\frac{{1}}{{{0}}}",
    "exp": "e^{{{0}}}", "log": r"\ln {0}", "tanh": r"\tanh {0}", "sin": r"\sin {0}",
    "cos": r"\cos {0}", "sigmoid": r"\sigma\left({0}\right)", "sum": r"\sum {0}",
    "relu": r"\max\left({0}, 0\right)", "transpose": r"{0}^{{\mathsf{{T}}}}",
    **{name: rf"\{sign} {{0}}" for name, sign in (
        ("tan", "tan"), ("sinh", "sinh"), ("cosh", "cosh"), ("arcsin", "arcsin"),
        ("arccos", "arccos"), ("arctan", "arctan"), ("log10", "log_{{10}}"), ("log2", "log_{{2}}"),
    )},
    "cbrt": r"\sqrt[3]{{{0}}}", "exp2": "2^{{{0}}}", "floor": r"\lfloor {0} \rfloor",
    "ceil": r"\lceil {0} \rceil", "remainder": r"{0} \bmod {1}",
    "maximum": r"\max\left({0}, {1}\right)", "minimum": r"\min\left({0}, {1}\right)",
}  # fmt: skip
_ESCAPES = {c: "\\" + c for c in "#$%&_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


class Latex(str):
    """LaTeX that a notebook shows as formulas."""

    __slots__ = ()

    def _repr_latex_(self) -> str:
        return f"$${self}$$"


def to_latex(value: Value) -> Latex:
    r"""The graph of ``value`` as an ``aligned`` environment of LaTeX (needs ``amsmath``).

    What is given, one line per operation with its number, then the derivative for each named leaf
    that has one. Raises `StaleGraphError` on a stale graph, and `DTypeError` above 60 operations:
    use `trace_table` there.

    >>> print(to_latex(Value(3.0, "w1") * Value(2.0, "x")))
    \begin{aligned}
    w_{1} &= 3 \\
    x &= 2 \\
    v_{1} &= w_{1} \cdot x = 6 \\
    \frac{\partial v_{1}}{\partial w_{1}} &= 2 \\
    \frac{\partial v_{1}}{\partial x} &= 3
    \end{aligned}
    """
    ledger = Ledger(value, "to_latex")
    steps = ledger.tape.instructions
    if len(steps) > _LIMIT:
        raise DTypeError(
            f"{len(steps):,} operations are more than a page of formulas holds ({_LIMIT})",
            hint="tg.trace_table(value) lists any number of them",
        )
    names = [_symbol(v.name) if v.name else "" for v in ledger.values]
    for i, v in enumerate(ledger.values):
        symbol = f"v_{{{i - ledger.leaves + 1}}}" if v.op is not None or v.shape else None
        names[i] = names[i] or symbol or _number(v._data)
    given = [i for i in range(ledger.leaves) if ledger.values[i].name or ledger.values[i].shape]
    lines = [f"{names[i]} &= {_number(ledger.values[i]._data)}" for i in given]
    lines += [f"{names[s.out]} &= {_formula(s, names)} = {_number(s.recorded)}" for s in steps]
    root = names[ledger.slots[value]]
    for i in given:
        if ledger.gradients[i] is not None and i != ledger.slots[value]:
            derivative = rf"\frac{{\partial {root}}}{{\partial {names[i]}}}"
            lines.append(f"{derivative} &= {_number(ledger.gradients[i])}")
    lines = lines or [f"{root} &= {_number(value._data)}"]
    return Latex("\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}")


def _formula(step: Instruction, names: list[str]) -> str:
    xs = [names[a.number] if isinstance(a, Slot) else _number(a) for a in step.args]
    if step.op.name == "add_n":
        return " + ".join(xs)
    if step.op.name in _SIGNS and len(xs) <= 2:
        guarded = [f"({x})" if x.startswith("-") else x for x in xs]
        return _SIGNS[step.op.name].format(*guarded)
    return rf"\operatorname{{{_text(step.op.name)}}}\left({', '.join(xs)}\right)"


def _symbol(name: str) -> str:
    r"""A user's name as a symbol: `w1` is $w_{1}$, a word is set upright."""
    last = one_line(name).rsplit(".", 1)[-1]
    head = last.rstrip("0123456789")
    if len(head) == 1 and head.isascii() and head.isalpha():
        return f"{head}_{{{last[1:]}}}" if last[1:] else head
    return rf"\text{{{_text(last)}}}"


def _text(text: str) -> str:
    return "".join(_ESCAPES.get(c, c) for c in text)


def _number(x: Any) -> str:
    if np.ndim(x) == 0:
        text = f"{float(x):.4g}"
        if "e" in text:
            mantissa, exponent = text.split("e")
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
        return text.replace("inf", r"\infty").replace("nan", r"\text{nan}")
    x = np.asarray(x)
    if x.ndim > 2 or x.size > 9:
        return r"\text{array }" + r" \times ".join(map(str, x.shape))
    rows = [r" & ".join(_number(n) for n in row) for row in np.atleast_2d(x)]
    return r"\begin{bmatrix}" + r" \\ ".join(rows) + r"\end{bmatrix}"
