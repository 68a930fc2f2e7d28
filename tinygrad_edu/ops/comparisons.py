"""Comparisons and logic: plain results outside recording, instructions of a recorded program.

What a rule decides by them is decided anew when the program runs on other data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.define import plain
from tinygrad_edu.ops import examples

Operand = Any


@plain(kind="comparison", symbol=">", code="{0} > {1}")
def greater(x: Operand, y: Operand) -> Any:
    """x > y, as a plain bool or bool array."""
    return x > y


@plain(kind="comparison", symbol="≥", code="{0} >= {1}")
def greater_equal(x: Operand, y: Operand) -> Any:
    """x >= y, as a plain bool or bool array."""
    return x >= y


@plain(kind="comparison", symbol="<", code="{0} < {1}")
def less(x: Operand, y: Operand) -> Any:
    """x < y, as a plain bool or bool array."""
    return x < y


@plain(kind="comparison", symbol="≤", code="{0} <= {1}")
def less_equal(x: Operand, y: Operand) -> Any:
    """x <= y, as a plain bool or bool array."""
    return x <= y


@plain(kind="comparison", symbol="=", code="{0} == {1}", torch="torch.eq({*})")
def equal(x: Operand, y: Operand) -> Any:
    """Whether the numbers are equal, as a plain bool or bool array (== of Values is identity)."""
    return x == y


@plain(kind="comparison", symbol="≠", code="{0} != {1}", torch="torch.ne({*})")
def not_equal(x: Operand, y: Operand) -> Any:
    """Whether the numbers differ, as a plain bool or bool array."""
    return x != y


@plain(
    kind="logic", symbol="not", code=("not {0}", "np.logical_not({0})"), js="!{0}",
    examples=examples.negation,
)  # fmt: skip
def logical_not(x: Operand) -> Any:
    """Not x, number by number."""
    return not x if np.ndim(x) == 0 else np.logical_not(x)


@plain(
    kind="logic", symbol="and", code=("bool({0} and {1})", "np.logical_and({0}, {1})"),
    js="{0} && {1}", examples=examples.logic,
)  # fmt: skip
def logical_and(x: Operand, y: Operand) -> Any:
    """x and y, number by number."""
    return np.logical_and(x, y)[()]


@plain(
    kind="logic", symbol="or", code=("bool({0} or {1})", "np.logical_or({0}, {1})"),
    js="{0} || {1}", examples=examples.logic,
)  # fmt: skip
def logical_or(x: Operand, y: Operand) -> Any:
    """x or y, number by number."""
    return np.logical_or(x, y)[()]
