"""The right-hand side of an instruction on single numbers, and the call of a forward function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.explain.literals import array_literal, static
from tinygrad_edu.explain.templates import defined, fill, forms
from tinygrad_edu.tape import Instruction

SHOWN = 6  # so many numbers of a constant array are shown in a remark


def number(
    step: Instruction,
    args: list[str],
    constant: Callable[[np.ndarray], str],
    known: Mapping[str, str],
) -> list[str]:
    """The expression on floats, and the functions it needs; `[""]` where `code` is not enough.

    A power may be complex in Python where it is NaN here, so only whole exponents are written out.
    """
    if step.op.code is None:
        return [""]
    template = forms(step)[0]
    expression, _, functions = template.partition("\n")
    if "**" in expression:
        exponent = step.args[-1]
        if not (type(exponent) is float and exponent.is_integer()):
            return [""]
    found = functions.split("\n\n\n") if functions else []
    names = {name for text in known if text not in found for name in defined(text)}
    if any(name in names for text in found for name in defined(text)):
        return [""]  # two operations define different functions of one name
    text = fill(expression, args, step.params, constant)
    return [wrapped(text, step.recorded) if "np." in text else text, *found]


def wrapped(text: str, recorded: Any) -> str:
    """The expression with a number in the one form numbers have; arrays stay as they are."""
    if isinstance(recorded, np.ndarray):
        return text
    kind = type(recorded).__name__
    return text if text.startswith(f"{kind}(") and text.count("(") == 1 else f"{kind}({text})"


def call(name: str, args: list[str], params: Mapping[str, Any], writer: Any) -> str:
    """``name(operands, static=…)``; what cannot be written in a line is a constant with a name."""
    parts = list(args)
    for key, value in params.items():
        simple = _simple(value)
        text = static(value, args, writer._array) if simple else writer.constant(value, f"{key}_")
        parts.append(f"{key}={text}")
    return f"{name}({', '.join(parts)})"


def _simple(x: Any) -> bool:
    if type(x) is tuple:
        return all(map(_simple, x))
    return x is None or type(x) in (bool, int, float, str) or isinstance(x, np.dtype)


def constant_text(x: Any) -> str:
    """A constant in a remark: short ones whole, others by shape."""
    if not isinstance(x, np.ndarray):
        text = repr(x)
        return (
            text if len(text) < 70 and text.isascii() and "\n" not in text else "static arguments"
        )
    if x.size <= SHOWN:
        return array_literal(x).replace("\n", " ")
    if not any(x.strides) or (x == x.flat[0]).all():
        return f"an array of shape {x.shape}, every number {x.flat[0].item()!r}"
    return f"an array of shape {x.shape}"
