"""Functions put together from pieces: choices that skip NaN, signs, steps, points on a line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu import raw
from tinygrad_edu.define import Select, elementwise
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import (
    INF,
    Operand,
    absolute,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_not,
    logical_or,
    not_equal,
    sign,
    where,
)
from tinygrad_edu.ops.numeric import by_numpy

abs = absolute


def _shares(reaches: Any, beats: Any) -> list[Select]:
    """The partial derivatives: x has it where it `beats` y or y is NaN, y else; half at a tie."""

    def first(out: Any, x: Any, y: Any) -> Any:
        return logical_or(reaches(x, y), not_equal(y, y))

    def second(out: Any, x: Any, y: Any) -> Any:
        return logical_not(logical_or(beats(x, y), not_equal(y, y)))

    def tie(out: Any, x: Any, y: Any) -> Any:
        return where(equal(x, y), 0.5, 1.0)

    return [Select(first, tie), Select(second, tie)]


@elementwise(
    _shares(greater_equal, greater),
    symbol="fmax", formula="max(x, y), NaN aside", kinks=(lambda x, y: x - y,),
    code=("{0} if {0} > {1} or {1} != {1} else {1}", "np.fmax({0}, {1})"),
    conventions=(
        Convention("fmax at a tie", "d(tg.fmax, (0, 1))(1.0, 1.0)", "(0.5, 0.5)",
                   "tuple(g.item() for g in D(torch.fmax, (0, 1))(t(1.0), t(1.0)))", "(1.0, 0.0)"),
        Convention("fmax beside NaN", "d(tg.fmax, (0, 1))(math.nan, 1.0)", "(0.0, 1.0)",
                   "tuple(g.item() for g in D(torch.fmax, (0, 1))(t(math.nan), t(1.0)))",
                   "(0.0, 1.0)"),
    ),
    js="{0} > {1} || Number.isNaN({1}) ? {0} : {1}",
)  # fmt: skip
def fmax(x: Operand, y: Operand) -> Any:
    """The larger of two, or the one that is a number where the other is NaN; ties share."""
    if type(x) is type(y) is float:
        return x if x > y or y != y else y
    return np.fmax(x, y)


@elementwise(
    _shares(less_equal, less),
    symbol="fmin", formula="min(x, y), NaN aside", kinks=(lambda x, y: x - y,),
    code=("{0} if {0} < {1} or {1} != {1} else {1}", "np.fmin({0}, {1})"),
    js="{0} < {1} || Number.isNaN({1}) ? {0} : {1}",
)  # fmt: skip
def fmin(x: Operand, y: Operand) -> Any:
    """The smaller of two, or the one that is a number where the other is NaN; ties share."""
    if type(x) is type(y) is float:
        return x if x < y or y != y else y
    return np.fmin(x, y)


@elementwise(
    [0.0, Select(lambda out, x, at_zero: equal(x, 0.0))],
    formula="0, at_zero or 1, as x < 0, x = 0 or x > 0", kinks=(lambda x, at_zero: x,),
    code=("float(np.heaviside({0}, {1}))", "np.heaviside({0}, {1})"),
    torch="torch.where({0} == 0, {1}, torch.sign(torch.relu({0})))",
    conventions=(
        Convention("heaviside: its honest derivative", "d(tg.heaviside)(2.0, 0.5)", "0.0",
                   "D(torch.heaviside)(t(2.0), t(0.5)).item()", "raises RuntimeError"),
    ),
)  # fmt: skip
def heaviside(x: Operand, at_zero: Operand) -> Any:
    """The unit step, with a value of one's own at 0; its derivative is 0 by convention."""
    return by_numpy(np.heaviside)(x, at_zero)


@elementwise(
    [lambda out, x, y: sign(x) * copysign(1.0, y), 0.0],
    formula="|x| with the sign of y", kinks=(lambda x, y: x, lambda x, y: y),
    code="m.copysign({0}, {1})",
    conventions=(
        Convention("copysign at 0", "d(tg.copysign)(0.0, 1.0)", "0.0",
                   "D(torch.copysign)(t(0.0), t(1.0)).item()", "0.0"),
    ),
)  # fmt: skip
def copysign(x: Operand, y: Operand) -> Any:
    """The size of x with the sign of y, that of -0.0 and of NaN too."""
    return math.copysign(x, y) if type(x) is type(y) is float else np.copysign(x, y)


_REPLACE = "nan={nan}, posinf={posinf}, neginf={neginf}"


@elementwise(
    [Select(lambda out, x, **_: less(absolute(x), INF))],
    formula="x, or a number in place of NaN and ±∞",
    code=(f"float(np.nan_to_num({{0}}, {_REPLACE}))", f"np.nan_to_num({{0}}, {_REPLACE})"),
    examples=lambda rng: (None, {"nan": 0.0, "posinf": rng.choice([None, 9.0]), "neginf": None}),
    torch=f"torch.nan_to_num({{0}}, {_REPLACE})", jax=f"jnp.nan_to_num({{0}}, {_REPLACE})",
    conventions=(
        Convention("nan_to_num where it replaces", "d(tg.nan_to_num)(math.nan)", "0.0",
                   "D(torch.nan_to_num)(t(math.nan)).item()", "0.0"),
    ),
)  # fmt: skip
def nan_to_num(
    x: Operand, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """x with numbers in place of NaN and of infinities (None: the largest there are).

    What was replaced gets gradient 0; where the NaN came from keeps its own, see `where`.
    """
    return by_numpy(np.nan_to_num)(x, nan=nan, posinf=posinf, neginf=neginf)


@elementwise(
    [
        lambda out, start, end, weight: 1.0 - weight,
        lambda out, start, end, weight: weight,
        lambda out, start, end, weight: end - start,
    ],
    formula="start + weight · (end − start)",
    code=(
        "{0} + {2} * ({1} - {0}) if {2} < 0.5 else {1} - (1.0 - {2}) * ({1} - {0})",
        "np.where({2} < 0.5, {0} + {2} * ({1} - {0}), {1} - (1.0 - {2}) * ({1} - {0}))",
    ),
    jax="{0} + {2} * ({1} - {0})",
    stable="from the nearer end, so that weight 1 gives the end exactly",
    js="{2} < 0.5 ? {0} + {2} * ({1} - {0}) : {1} - (1 - {2}) * ({1} - {0})",
)  # fmt: skip
def lerp(start: Operand, end: Operand, weight: Operand) -> Any:
    """The point between start and end: start at weight 0, end at weight 1, beyond them too."""
    way = end - start
    return raw.where(weight < 0.5, start + weight * way, end - (1.0 - weight) * way)
