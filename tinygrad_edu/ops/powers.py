"""Powers, logarithms and lengths beyond those of a first network."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from tinygrad_edu.define import elementwise
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import (
    INF,
    LN2,
    POSITIVE,
    Operand,
    absolute,
    divide,
    equal,
    greater,
    less,
    less_equal,
    log,
    logical_and,
    logical_or,
    power,
    sigmoid,
    sign,
    square,
    where,
)
from tinygrad_edu.ops.numeric import by_numpy, either

float_power = power  # here every number is a float, and float32 stays float32


@elementwise(
    [lambda out, x: LN2 * out], formula="2ˣ", code="m.exp2({0})", analytic=True,
    js="Math.pow(2, {0})",
)  # fmt: skip
def exp2(x: Operand) -> Any:
    """2 to the power x."""
    return either(math.exp2, np.exp2)(x)


@elementwise(
    [lambda out, x: square(1.0 / out) / 3.0], formula="∛x", domain=POSITIVE, kinks=(lambda x: x,),
    code="m.cbrt({0})", torch="",
    conventions=(
        Convention("cube root at 0: honestly infinite", "d(tg.cbrt)(0.0)", "inf",
                   "D(lambda x: x ** (1 / 3))(t(0.0)).item()", "inf"),
    ),
)  # fmt: skip
def cbrt(x: Operand) -> Any:
    """The cube root, of negative numbers too; its derivative at 0 is infinite."""
    return either(math.cbrt, np.cbrt)(x)


def _share(leg: Any, out: Any, other: Any) -> Any:
    """leg / out: 0 at the origin, and the limit ±1 where this leg alone is infinite."""
    alone = logical_and(equal(out, INF), less(absolute(other), INF))
    edge = logical_or(equal(out, 0.0), alone)
    return where(alone, sign(leg), where(edge, 0.0, leg) / where(edge, 1.0, out))


@elementwise(
    [lambda out, x, y: _share(x, out, y), lambda out, x, y: _share(y, out, x)],
    formula="√(x² + y²)", code="m.hypot({0}, {1})",
    kinks=(lambda x, y: np.hypot(x, y),),
    stable="the operands are scaled before they are squared, so that no square overflows",
    conventions=(
        Convention("hypot at the origin", "d(tg.hypot, (0, 1))(0.0, 0.0)", "(0.0, 0.0)",
                   "D(torch.hypot)(t(0.0), t(0.0)).item()", "nan"),
    ),
)  # fmt: skip
def hypot(x: Operand, y: Operand) -> Any:
    """The distance of the point (x, y) from the origin; its derivative there is 0."""
    return math.hypot(x, y) if type(x) is type(y) is float else np.hypot(x, y)


def _lead(x: Any, y: Any) -> Any:
    """x − y, and 0 where both are the same infinity."""
    same = logical_and(equal(x, y), greater(absolute(x), sys.float_info.max))
    return where(same, 0.0, x) - where(same, 0.0, y)


_NO_OVERFLOW = "the larger term is taken out first, so that no power overflows"


@elementwise(
    [lambda out, x, y: sigmoid(_lead(x, y)), lambda out, x, y: sigmoid(_lead(y, x))],
    formula="ln(eˣ + eʸ)", stable=_NO_OVERFLOW,
    code=("float(np.logaddexp({0}, {1}))", "np.logaddexp({0}, {1})"),
    conventions=(
        Convention("logaddexp of -inf and -inf: a tie",
                   "d(tg.logaddexp, (0, 1))(-np.inf, -np.inf)", "(0.5, 0.5)",
                   "D(torch.logaddexp)(t(-np.inf), t(-np.inf)).item()", "nan"),
    ),
)  # fmt: skip
def logaddexp(x: Operand, y: Operand) -> Any:
    """log(exp(x) + exp(y)) without overflow: the sum of two probabilities in logarithms."""
    return by_numpy(np.logaddexp)(x, y)


@elementwise(
    [lambda out, x, y: sigmoid(LN2 * _lead(x, y)), lambda out, x, y: sigmoid(LN2 * _lead(y, x))],
    formula="log₂(2ˣ + 2ʸ)", stable=_NO_OVERFLOW,
    code=("float(np.logaddexp2({0}, {1}))", "np.logaddexp2({0}, {1})"),
)  # fmt: skip
def logaddexp2(x: Operand, y: Operand) -> Any:
    """log2(2**x + 2**y) without overflow."""
    return by_numpy(np.logaddexp2)(x, y)


def _log_factor(out: Any, x: Any, y: Any) -> Any:
    flat = logical_and(equal(x, 0.0), less_equal(y, 0.0))  # 0·ln 0 stays 0, where ln 0 is -inf
    return where(flat, 0.0, log(where(flat, 1.0, y)))


def _ratio(out: Any, x: Any, y: Any) -> Any:
    empty = logical_and(equal(x, 0.0), equal(y, 0.0))
    return where(empty, 0.0, divide(x, where(empty, 1.0, y)))


def _xlogy(x: Any, y: Any) -> Any:
    absent = (x == 0.0) & (y == y)
    if type(x) is type(y) is float:
        return x * math.log(1.0 if absent else y)
    return x * np.log(np.where(absent, x + 1.0, y))  # 1 in the type of x, which is 0 there


@elementwise(
    [_log_factor, _ratio], formula="x · ln y", domain=((-math.inf, math.inf), (0.0, math.inf)),
    code=(
        "{0} * math.log(1.0 if {0} == 0.0 and {1} == {1} else {1})",
        "{0} * np.log(np.where(({0} == 0.0) & ({1} == {1}), {0} + 1.0, {1}))",
    ),
    jax="jax.scipy.special.xlogy({0}, {1})",
    stable="where x is 0 the logarithm is not taken, so that 0 · ln 0 is 0 and not NaN",
    conventions=(
        Convention("xlogy at (0, 0), to x", "d(tg.xlogy)(0.0, 0.0)", "0.0",
                   "D(torch.xlogy)(t(0.0), t(0.0)).item()", "0.0"),
        Convention("xlogy at (0, 0), to y", "d(tg.xlogy, 1)(0.0, 0.0)", "0.0",
                   "D(torch.xlogy, 1)(t(0.0), t(0.0)).item()", "nan"),
    ),
)  # fmt: skip
def xlogy(x: Operand, y: Operand) -> Any:
    """x · log(y), which is 0 where x is 0, whatever y: an entropy's term (name: PyTorch, SciPy)."""
    return _xlogy(x, y)
