"""Whole numbers and remainders: steps, whose derivative is 0 between the jumps, honestly.

Nothing below a rounding learns by gradients. To let gradients through as if it were not there (the
"straight-through" estimate), write ``x + tg.detach(tg.round(x) - x)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.define import elementwise
from tinygrad_edu.ops import examples
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.ops.numeric import by_numpy


def _to_whole(x: Any, **static: Any) -> Any:
    """The distance from the nearest whole number: below it negative, above positive."""
    return x - np.round(x)


def _to_half(x: Any, decimals: int) -> Any:
    """The distance from the nearest place where `round` jumps."""
    scaled = x * 10.0**decimals
    return scaled - np.floor(scaled) - 0.5


def _to_multiple(x: Any, y: Any) -> Any:
    """The distance of x from the nearest multiple of y, in units of y."""
    return x / np.asarray(y) - np.round(x / np.asarray(y))


@elementwise(
    [0.0], formula="⌊x⌋", kinks=(_to_whole,), code=("float(np.floor({0}))", "np.floor({0})"),
    conventions=(
        Convention("floor at a whole number", "d(tg.floor)(2.0)", "0.0",
                   "D(torch.floor)(t(2.0)).item()", "0.0"),
    ),
    js="Math.floor({0})",
)  # fmt: skip
def floor(x: Operand) -> Any:
    """The largest whole number up to x; its derivative is 0 everywhere by convention."""
    return by_numpy(np.floor)(x)


@elementwise(
    [0.0], formula="⌈x⌉", kinks=(_to_whole,), code=("float(np.ceil({0}))", "np.ceil({0})"),
    js="Math.ceil({0})",
)  # fmt: skip
def ceil(x: Operand) -> Any:
    """The smallest whole number from x on; its derivative is 0 everywhere by convention."""
    return by_numpy(np.ceil)(x)


@elementwise(
    [0.0], formula="x without its decimals", kinks=(_to_whole,),
    code=("float(np.trunc({0}))", "np.trunc({0})"),
    js="Math.trunc({0})",
)  # fmt: skip
def trunc(x: Operand) -> Any:
    """x rounded towards 0, in NumPy also `fix`; its derivative is 0 everywhere by convention."""
    return by_numpy(np.trunc)(x)


fix = trunc


@elementwise(
    [0.0], formula="x rounded to decimals", kinks=(_to_half,),
    code=("float(np.round({0}, {decimals}))", "np.round({0}, {decimals})"),
    examples=examples.parameter("decimals", 0, 1, -1),
    torch="torch.round({0}, decimals={decimals})",
    jax="jnp.round({0}, {decimals})",
    conventions=(
        Convention("round of a half: to the even neighbour", "[tg.round(0.5), tg.round(1.5)]",
                   "[0.0, 2.0]", "torch.round(torch.tensor([0.5, 1.5])).tolist()", "[0.0, 2.0]"),
        Convention("round at a jump", "d(tg.round)(0.5)", "0.0",
                   "D(torch.round)(t(0.5)).item()", "0.0"),
    ),
)  # fmt: skip
def round(x: Operand, decimals: int = 0) -> Any:
    """x rounded to so many decimals, halves to the even neighbour; its derivative is 0.

    >>> round(2.5), round(1234.5678, decimals=-2)
    (2.0, 1200.0)
    """
    return by_numpy(np.round)(x, decimals=decimals)


@elementwise(
    [0.0, 0.0], symbol="//", formula="⌊x / y⌋", kinks=(_to_multiple, lambda x, y: y),
    code=("{0} // {1}", "np.floor_divide({0}, {1})"),
    torch="torch.div({0}, {1}, rounding_mode='floor')",
)  # fmt: skip
def floor_divide(x: Operand, y: Operand) -> Any:
    """How often y goes into x, rounded down; its derivative is 0 everywhere by convention."""
    return x // y


@elementwise(
    [1.0, lambda out, x, y: -floor_divide(x, y)],
    symbol="mod", formula="x − y · ⌊x / y⌋", kinks=(_to_multiple, lambda x, y: y),
    code=("{0} % {1}", "np.remainder({0}, {1})"),
    conventions=(
        Convention("remainder at a multiple, to y", "d(tg.remainder, 1)(4.0, 2.0)", "-2.0",
                   "D(torch.remainder, 1)(t(4.0), t(2.0)).item()", "-2.0"),
        Convention("remainder of a negative number has the sign of y", "tg.remainder(-1.0, 3.0)",
                   "2.0", "torch.remainder(t(-1.0), t(3.0)).item()", "2.0"),
    ),
)  # fmt: skip
def remainder(x: Operand, y: Operand) -> Any:
    """What is left of x after whole multiples of y, with the sign of y: Python's %, NumPy's mod."""
    return x % y


mod = remainder


@elementwise(
    [1.0, lambda out, x, y: -round((x - out) / y)],
    formula="x − y · trunc(x / y)", kinks=(_to_multiple, lambda x, y: y), code="m.fmod({0}, {1})",
    conventions=(
        Convention("fmod of a negative number has the sign of x", "tg.fmod(-1.0, 3.0)",
                   "-1.0", "torch.fmod(t(-1.0), t(3.0)).item()", "-1.0"),
    ),
)  # fmt: skip
def fmod(x: Operand, y: Operand) -> Any:
    """What is left of x after whole multiples of y, with the sign of x, as in C."""
    return math.fmod(x, y) if type(x) is type(y) is float else np.fmod(x, y)
