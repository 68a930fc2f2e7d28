"""Angles and their inverses, circular and hyperbolic; `sin`, `cos` and `tanh` are in other tables.

Derivatives: Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 4.3 to 4.6.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.define import elementwise
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import (
    INF,
    Operand,
    absolute,
    cos,
    equal,
    less,
    reciprocal,
    sin,
    sqrt,
    square,
    where,
)
from tinygrad_edu.ops.numeric import by_numpy, either
from tinygrad_edu.ops.powers import hypot

WITHIN_ONE = ((-1.0, 1.0),)
_INVERSE = "1 − x² as (1 − x)·(1 + x), so that no digit is lost near 1"
_FAR = "√(x² + 1) as a hypotenuse, so that a large x does not overflow"


@elementwise([lambda out, x: 1.0 + out * out], formula="tan x", code="m.tan({0})", analytic=True)
def tan(x: Operand) -> Any:
    """The tangent of an angle in radians."""
    return either(math.tan, np.tan)(x)


@elementwise(
    [lambda out, x: reciprocal(sqrt((1.0 - x) * (1.0 + x)))],
    formula="arcsin x", domain=WITHIN_ONE, code="m.asin({0})", stable=_INVERSE, analytic=True,
    conventions=(
        Convention("arcsin at 1: honestly infinite", "d(tg.arcsin)(1.0)", "inf",
                   "D(torch.arcsin)(t(1.0)).item()", "inf"),
    ),
)  # fmt: skip
def arcsin(x: Operand) -> Any:
    """The angle in [−π/2, π/2] whose sine is x; NaN outside [-1, 1]."""
    return either(math.asin, np.arcsin)(x)


@elementwise(
    [lambda out, x: -reciprocal(sqrt((1.0 - x) * (1.0 + x)))],
    formula="arccos x", domain=WITHIN_ONE, code="m.acos({0})", stable=_INVERSE, analytic=True,
)  # fmt: skip
def arccos(x: Operand) -> Any:
    """The angle in [0, π] whose cosine is x; NaN outside [-1, 1]."""
    return either(math.acos, np.arccos)(x)


@elementwise(
    [lambda out, x: square(1.0 / hypot(x, 1.0))],
    formula="arctan x", code="m.atan({0})", analytic=True, stable=_FAR,
)  # fmt: skip
def arctan(x: Operand) -> Any:
    """The angle in (−π/2, π/2) whose tangent is x."""
    return either(math.atan, np.arctan)(x)


def _turn(along: Any, y: Any, x: Any) -> Any:
    """``along`` / (x² + y²), which is 0 at the origin, where there is no direction."""
    radius = hypot(y, x)
    radius = where(equal(radius, 0.0), 1.0, radius)
    return along / radius / radius


@elementwise(
    [lambda out, y, x: _turn(x, y, x), lambda out, y, x: _turn(-y, y, x)],
    formula="the angle of (x, y)", code="m.atan2({0}, {1})",
    # crossing the negative x-axis, the angle jumps from π to −π
    kinks=(lambda y, x: np.where(np.asarray(x) <= 0.0, y, INF),),
    stable="divides by the distance twice, so that no square can overflow or vanish",
    conventions=(
        Convention("arctan2 at the origin", "d(tg.arctan2)(0.0, 0.0)", "0.0",
                   "D(torch.atan2)(t(0.0), t(0.0)).item()", "0.0"),
    ),
)  # fmt: skip
def arctan2(y: Operand, x: Operand) -> Any:
    """The angle in (−π, π] of the point (x, y), in every quadrant; NumPy's order: y first."""
    return math.atan2(y, x) if type(x) is type(y) is float else np.arctan2(y, x)


@elementwise([lambda out, x: cosh(x)], formula="sinh x", code="m.sinh({0})", analytic=True)
def sinh(x: Operand) -> Any:
    """The hyperbolic sine, (eˣ − e⁻ˣ) / 2."""
    return either(math.sinh, np.sinh)(x)


@elementwise([lambda out, x: sinh(x)], formula="cosh x", code="m.cosh({0})", analytic=True)
def cosh(x: Operand) -> Any:
    """The hyperbolic cosine, (eˣ + e⁻ˣ) / 2."""
    return either(math.cosh, np.cosh)(x)


@elementwise(
    [lambda out, x: 1.0 / hypot(x, 1.0)], formula="arsinh x", code="m.asinh({0})", stable=_FAR,
    analytic=True,
)  # fmt: skip
def arcsinh(x: Operand) -> Any:
    """The number whose hyperbolic sine is x."""
    return either(math.asinh, np.arcsinh)(x)


@elementwise(
    [lambda out, x: reciprocal(sqrt(x - 1.0)) * reciprocal(sqrt(x + 1.0))],
    formula="arcosh x", domain=((1.0, INF),), code="m.acosh({0})", analytic=True,
    stable="√(x² − 1) as √(x − 1)·√(x + 1): no digit lost near 1, no overflow, NaN below 1",
)  # fmt: skip
def arccosh(x: Operand) -> Any:
    """The number from 0 on whose hyperbolic cosine is x; NaN below 1."""
    return either(math.acosh, np.arccosh)(x)


@elementwise(
    [lambda out, x: 1.0 / ((1.0 - x) * (1.0 + x))],
    formula="artanh x", domain=WITHIN_ONE, code="m.atanh({0})", stable=_INVERSE, analytic=True,
)  # fmt: skip
def arctanh(x: Operand) -> Any:
    """The number whose hyperbolic tangent is x; infinite at ±1, NaN beyond."""
    return either(math.atanh, np.arctanh)(x)


@elementwise(
    [math.pi / 180.0],
    formula="x · π / 180",
    code="{0} * (math.pi / 180.0)",
    js="{0} * (Math.PI / 180)",
)
def deg2rad(x: Operand) -> Any:
    """Degrees as radians."""
    return x * (math.pi / 180.0)


@elementwise(
    [180.0 / math.pi],
    formula="x · 180 / π",
    code="{0} * (180.0 / math.pi)",
    js="{0} * (180 / Math.PI)",
)
def rad2deg(x: Operand) -> Any:
    """Radians as degrees."""
    return x * (180.0 / math.pi)


# (sin t / t)′ = Σ (−1)ᵏ · 2k · t²ᵏ⁻¹ / (2k + 1)!; the last one is below half a rounding error at 1.
_SERIES = [(-1.0) ** k * 2.0 * k / math.factorial(2 * k + 1) for k in range(1, 12)]
_NEAR = 0.3  # below it the series: above, the quotient loses no more than a digit


def _sinc_slope(out: Any, x: Any) -> Any:
    near = less(absolute(x), _NEAR)
    t = math.pi * where(near, x, 0.0)
    square, total = t * t, _SERIES[-1]
    for coefficient in _SERIES[-2::-1]:
        total = total * square + coefficient
    far = where(near, 1.0, x)
    quotient = (cos(math.pi * far) - sin(math.pi * far) / (math.pi * far)) / far
    return where(near, math.pi * t * total, quotient)


@elementwise(
    [_sinc_slope], formula="sin(πx) / (πx)",
    code=("float(np.sinc({0}))", "np.sinc({0})"),
    stable="near 0 the derivative is a power series, where the quotient would be 0/0",
)  # fmt: skip
def sinc(x: Operand) -> Any:
    """sin(πx) / (πx), which is 1 at 0, with derivatives exact to the last digits there too."""
    return by_numpy(np.sinc)(x)
