"""Operations number by number at the edges: far out, near 0, at infinity, in float32."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg


def derivatives(f: Any, x: float) -> tuple[float, float, float]:
    """The value, the first and the second derivative at one number, which an array confirms."""
    one = (f(tg.Value(x)).data, tg.grad(f)(x), tg.grad(tg.grad(f))(x))
    total = lambda v: tg.sum(f(v))  # noqa: E731
    row = np.array([x, x])
    slope = tg.grad(total)
    many = (f(tg.Value(row)).data, slope(row), tg.grad(lambda v: tg.sum(slope(v)))(row))
    for scalar, array in zip(one, many, strict=True):
        assert array == pytest.approx(np.full(2, scalar), rel=1e-12, abs=1e-300, nan_ok=True)
    return one


def test_sinc_and_its_derivatives_at_and_near_zero() -> None:
    # sin(πx)/(πx) = 1 − (πx)²/6 + (πx)⁴/120 − …
    for x in (0.0, 1e-300, -1e-9, 1e-5, 1e-3):
        value, first, second = derivatives(tg.sinc, x)
        t = math.pi * x
        assert value == pytest.approx(1.0 - t * t / 6.0 + t**4 / 120.0, rel=1e-15)
        assert first == pytest.approx(math.pi * (-t / 3.0 + t**3 / 30.0), rel=1e-12)
        assert second == pytest.approx(math.pi**2 * (-1.0 / 3.0 + t * t / 10.0), rel=1e-10)
    below, above = derivatives(tg.sinc, 0.3 - 1e-12), derivatives(tg.sinc, 0.3 + 1e-12)
    assert below == pytest.approx(above, rel=1e-10)


def test_hypot_does_not_overflow_and_does_not_vanish() -> None:
    for size in (1e-300, 1e300):
        assert tg.hypot(3.0 * size, 4.0 * size) == pytest.approx(5.0 * size, rel=1e-15)
        assert tg.grad(tg.hypot, (0, 1))(3.0 * size, 4.0 * size) == pytest.approx((0.6, 0.8))
        towards = tg.grad(tg.arctan2, (0, 1))(3.0 * size, 4.0 * size)
        assert towards == pytest.approx((0.16 / size, -0.12 / size))


def test_arcsinh_and_arccosh_have_a_slope_far_out() -> None:
    for f in (tg.arcsinh, tg.arccosh):
        assert tg.grad(f)(1e200) == pytest.approx(1e-200)
    assert math.isnan(tg.grad(tg.arccosh)(-2.0))


def test_logaddexp_with_infinities() -> None:
    for f in (tg.logaddexp, tg.logaddexp2):
        assert f(-np.inf, -np.inf) == -np.inf and f(np.inf, 3.0) == np.inf
        assert tg.grad(f, (0, 1))(-np.inf, 2.0) == (0.0, 1.0)
        assert tg.grad(f, (0, 1))(np.inf, np.inf) == (0.5, 0.5)
        assert tg.grad(f, (0, 1))(1e4, -1e4) == (1.0, 0.0)
    assert tg.logaddexp(1e4, 1e4) == pytest.approx(1e4 + math.log(2.0), rel=1e-15)
    assert tg.grad(tg.grad(tg.logaddexp))(2.0, 2.0) == 0.25


def test_xlogy_where_its_factor_is_zero() -> None:
    assert [tg.xlogy(0.0, y) for y in (0.0, -1.0, np.inf)] == [0.0] * 3
    assert math.isnan(tg.xlogy(0.0, np.nan)) and tg.xlogy(2.0, 0.0) == -np.inf
    assert tg.grad(tg.xlogy, (0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert tg.grad(tg.xlogy, (0, 1))(0.0, 2.0) == (math.log(2.0), 0.0)
    assert tg.grad(tg.grad(tg.xlogy, 1))(0.0, 2.0) == 0.5
    shares = tg.Value([0.0, 0.25, 0.75])
    (-tg.sum(tg.xlogy(shares, shares))).backward()
    assert shares.grad[1:] == pytest.approx(-np.log([0.25, 0.75]) - 1.0)


def test_small_arguments_keep_their_digits() -> None:
    for x in (1e-300, 1e-20, -1e-12):
        for f in (tg.expm1, tg.log1p, tg.sinh, tg.arcsinh, tg.arctanh, tg.tan, tg.arcsin):
            assert derivatives(f, x)[:2] == pytest.approx((x, 1.0), rel=1e-11)


def test_numpys_own_functions_record_the_same_operations() -> None:
    v = tg.Value([0.25, 0.5])
    for name in ("arcsin", "sinh", "deg2rad", "sinc", "cbrt", "exp2"):
        out = getattr(np, name)(v)
        assert out.op.name == name and out.data == pytest.approx(getattr(np, name)(v.data))
    assert np.hypot(v, 1.0).op.name == "hypot" and np.arctan2(1.0, v).op.name == "arctan2"
    assert np.abs(v).op.name == "absolute" and np.float_power(v, 3.0).op.name == "power"
    assert tg.float_power is tg.power
