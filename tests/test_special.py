"""The error function and the gamma function: exact to a few units in the last place, everywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError

RNG = np.random.default_rng(7)
POINTS = np.concatenate([
    RNG.uniform(-6.0, 6.0, 1500), RNG.uniform(0.0, 27.5, 1500),
    10.0 ** RNG.uniform(-300.0, 1.0, 500), np.linspace(0.499, 0.501, 201),
    [-0.0, 0.0, 0.5, -0.5, 26.5, 26.6, 27.2],
])  # fmt: skip


def units(have: Any, want: list[Any]) -> float:
    """The largest error in units in the last place; ``want`` may have any number of digits."""
    worst = 0.0
    for a, b in zip(np.asarray(have).tolist(), want, strict=True):
        unit = max(float(np.spacing(abs(float(b)))), 5e-324)
        worst = max(worst, float(abs(a - b) / unit) if b == b and abs(b) < 1e308 else 0.0)
    return worst


def test_erf_and_erfc_of_arrays_are_those_of_the_standard_library() -> None:
    assert units(tg.erf(POINTS), [math.erf(x) for x in POINTS]) <= 4.0
    assert units(tg.erfc(POINTS), [math.erfc(x) for x in POINTS]) <= 4.0
    ends = np.array([-np.inf, -30.0, 30.0, np.inf, np.nan])
    assert tg.erf(ends)[:4].tolist() == [-1.0, -1.0, 1.0, 1.0] and math.isnan(tg.erf(ends)[4])
    assert tg.erfc(ends)[:4].tolist() == [2.0, 2.0, 0.0, 0.0]


def test_erf_and_erfc_are_within_four_units_of_fifty_digits() -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(50):
        exact = [mpmath.mpf(float(x)) for x in POINTS]
        for mine, theirs in ((tg.erf, mpmath.erf), (tg.erfc, mpmath.erfc)):
            want = [theirs(x) for x in exact]
            worst = 0.0
            for a, b in zip(mine(POINTS).tolist(), want, strict=True):
                unit = mpmath.mpf(max(float(np.spacing(abs(float(b)))), 5e-324))
                worst = max(worst, float(abs(mpmath.mpf(a) - b) / unit))
            assert worst <= 4.0


def test_erf_has_derivatives_at_infinity() -> None:
    for f, slope in ((tg.erf, 1.0), (tg.erfc, -1.0)):
        for x in (np.inf, -np.inf, 1e4, -1e300):
            assert tg.grad(f)(x) == tg.grad(tg.grad(f))(x) == 0.0
        assert tg.grad(f)(0.5) == pytest.approx(slope * 2.0 / math.sqrt(math.pi) * math.exp(-0.25))
    single = tg.erf(tg.Value(np.array([0.1, 2.0, -np.inf], np.float32)))
    assert single.data.dtype == np.float32


def test_erfinv_undoes_erf_in_the_tails_too() -> None:
    y = np.concatenate([np.linspace(-0.999, 0.999, 401), [1e-300, -1e-12, 1.0 - 1e-15, 0.5]])
    x = tg.erfinv(y)
    assert tg.erf(x) == pytest.approx(y, rel=4e-16, abs=0.0)
    tails = 10.0 ** -np.arange(1.0, 16.0)
    assert tg.erfc(tg.erfinv(1.0 - tails)) == pytest.approx(1.0 - (1.0 - tails), rel=1e-14)
    assert tg.erfinv(1e-300) == pytest.approx(0.5 * math.sqrt(math.pi) * 1e-300, rel=1e-15)
    assert tg.erfinv(-1.0) == -math.inf and math.isnan(tg.erfinv(1.5))
    assert tg.grad(tg.erfinv)(0.0) == pytest.approx(0.5 * math.sqrt(math.pi))


def test_gammaln_is_the_logarithm_of_factorials() -> None:
    n = np.arange(1.0, 20.0)
    want = np.log([float(math.factorial(int(k) - 1)) for k in n])
    assert tg.gammaln(n) == pytest.approx(want, rel=1e-15)
    assert tg.gammaln(-0.5) == pytest.approx(math.log(2.0 * math.sqrt(math.pi)))
    assert [tg.gammaln(x) for x in (0.0, -3.0, 1e308, np.inf)] == [np.inf] * 4
    assert tg.gammaln(np.array([0.0, 2.0])).tolist() == [np.inf, 0.0]
    assert tg.gammaln(np.zeros((0, 2))).shape == (0, 2)


EULER = 0.57721566490153286  # Euler's constant


def test_digamma_and_its_derivatives_at_known_points() -> None:
    assert tg.digamma(1.0) == pytest.approx(-EULER, rel=1e-15)
    assert tg.digamma(0.5) == pytest.approx(-EULER - 2.0 * math.log(2.0), rel=1e-15)
    assert tg.digamma(-0.5) == pytest.approx(2.0 - EULER - 2.0 * math.log(2.0), rel=1e-13)
    assert tg.grad(tg.digamma)(1.0) == pytest.approx(math.pi**2 / 6.0, rel=1e-15)
    assert tg.grad(tg.digamma)(-0.5) == pytest.approx(math.pi**2 / 2.0 + 4.0, rel=1e-14)
    assert tg.polygamma(1.0, n=2) == pytest.approx(-2.0 * 1.2020569031595943, rel=1e-15)
    assert tg.polygamma(1.0, n=3) == pytest.approx(math.pi**4 / 15.0, rel=1e-15)
    assert tg.digamma(1e-300) == pytest.approx(-1e300) and math.isnan(tg.digamma(-2.0))
    assert tg.digamma(0.0) == -math.inf and tg.polygamma(0.0, 1) == math.inf


@pytest.mark.parametrize("n", range(5))
def test_polygamma_follows_its_recurrence_on_both_sides_of_zero(n: int) -> None:
    x = np.concatenate([RNG.uniform(-6.0, 6.0, 200), RNG.uniform(10.0, 40.0, 50)])
    x = x[np.abs(x - np.round(x)) > 0.05]
    step = (-1.0) ** n * math.factorial(n) / x ** (n + 1)
    here, next_ = tg.polygamma(x, n=n), tg.polygamma(x + 1.0, n=n)
    scale = np.abs(here) + np.abs(step)
    assert np.max(np.abs(next_ - here - step) / scale) < 2e-13


def test_an_order_that_is_none_is_refused() -> None:
    for n in (-1, 0.5, "a"):
        with pytest.raises(DTypeError, match=r"polygamma: n = .*\n.*order: 0, 1, 2"):
            tg.polygamma(1.0, n=n)
