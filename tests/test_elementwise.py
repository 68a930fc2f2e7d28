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


@pytest.mark.parametrize("far", [1e160, 1e300, math.inf])
def test_a_second_derivative_far_out_is_its_limit_and_not_nan(far: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        for f in (tg.arctan, tg.arcsinh, tg.cbrt):
            for x in (far, -far):
                _, first, second = derivatives(f, x)
                assert abs(first) < 1e-100 and abs(second) < 1e-200
    assert derivatives(tg.arccosh, far)[1:] == pytest.approx((0.0, 0.0))
    with np.errstate(divide="ignore"):
        assert derivatives(tg.cbrt, 0.0)[1:] == (math.inf, -math.inf)
        assert derivatives(tg.cbrt, -0.0)[1:] == (math.inf, math.inf)
    assert derivatives(lambda x: tg.hypot(x, 3.0), -far)[1:] == (-1.0, 0.0)
    assert derivatives(lambda x: tg.hypot(3.0, x), far)[1:] == (1.0, 0.0)
    assert tg.grad(tg.hypot, (0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert tg.grad(tg.grad(tg.hypot))(0.0, 0.0) == 0.0


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


def test_rounding_has_an_honest_zero_gradient_and_remainders_have_one() -> None:
    for f in (tg.floor, tg.ceil, tg.trunc, tg.round, tg.fix):
        assert derivatives(f, 1.7)[1:] == (0.0, 0.0)
    v = tg.Value([-1.5, 2.5, 1234.56])
    assert v.round().data.tolist() == [-2.0, 2.0, 1235.0]
    assert v.round(-2).data.tolist() == [-0.0, 0.0, 1200.0]
    assert (
        np.round(v, 1).op is tg.round and np.fix(v).op is tg.trunc and np.mod(v, 2.0).op is tg.mod
    )
    assert (v % 2.0).data.tolist() == (v.data % 2.0).tolist()
    assert (5.0 % tg.Value(3.0)).data == 2.0 and (7.5 // tg.Value(2.0)).data == 3.0
    assert (v // 2.0).data.tolist() == [-1.0, 1.0, 617.0]
    for f in (tg.remainder, tg.fmod):
        assert tg.grad(f, (0, 1))(7.5, 2.0) == (1.0, -3.0)
    assert tg.grad(tg.remainder, 1)(-7.5, 2.0) == 4.0 and tg.grad(tg.fmod, 1)(-7.5, 2.0) == 3.0
    assert tg.grad(tg.fmod, 1)(1.0, 0.1) == -9.0  # 1 / 0.1 rounds to 10, and 10 · 0.1 is too much
    x = tg.Value(1.7)
    (3.0 * (x + tg.detach(tg.round(x) - x))).backward()
    assert x.grad == 3.0


def test_t30_to_t32_powers_at_their_edges() -> None:
    assert tg.grad(lambda x: x**0.0)(0.0) == 0.0 and tg.grad(tg.grad(lambda x: x**1.0))(0.0) == 0.0
    assert tg.grad(lambda x: x**0.5)(0.0) == math.inf  # like sqrt: no epsilon is hidden
    assert tg.grad(lambda b: 0.0**b)(2.0) == 0.0 and tg.grad(lambda b: 2.0**b)(3.0) == (
        pytest.approx(8.0 * math.log(2.0))
    )
    assert tg.grad(lambda x: x**3.0)(-2.0) == 12.0
    assert math.isnan(tg.grad(tg.power, 1)(-2.0, 3.0))  # a power of -2 exists at 3, not around it


def test_t33_shares_of_a_tie_sum_to_one() -> None:
    for f in (tg.maximum, tg.minimum, tg.fmax, tg.fmin, tg.logaddexp):
        assert tg.grad(f, (0, 1))(2.0, 2.0) == (0.5, 0.5)
    x = tg.Value(2.0)
    tg.maximum(x, x).backward()
    assert x.grad == 1.0


def test_t36_what_nan_to_num_replaces_gets_no_gradient() -> None:
    x = tg.Value([1.0, math.nan, math.inf, -math.inf])
    out = tg.nan_to_num(x, nan=7.0, posinf=8.0)
    assert out.data.tolist() == [1.0, 7.0, 8.0, -np.finfo(float).max]
    out.backward(gradient=np.array([1.0, math.nan, math.inf, 1.0]))
    assert x.grad.tolist() == [1.0, 0.0, 0.0, 0.0]
    narrow = tg.nan_to_num(tg.Value(np.array([np.inf, 1.0], np.float32))).data
    assert narrow.dtype == np.float32 and narrow[0] == np.finfo(np.float32).max


def test_fmax_and_fmin_skip_nan() -> None:
    for f in (tg.fmax, tg.fmin):
        assert f(math.nan, 1.0) == f(1.0, math.nan) == 1.0 and math.isnan(f(math.nan, math.nan))
        assert tg.grad(f, (0, 1))(math.nan, 1.0) == (0.0, 1.0)
        assert tg.grad(f, (0, 1))(1.0, math.nan) == (1.0, 0.0)
        assert sum(tg.grad(f, (0, 1))(math.nan, math.nan)) == 1.0


def test_lerp_ends_exactly_where_it_should() -> None:
    assert tg.lerp(1e16, 1.0, 1.0) == 1.0 and tg.lerp(1.0, 1e16, 0.0) == 1.0
    assert tg.grad(tg.lerp, (0, 1, 2))(1.0, 5.0, 0.25) == (0.75, 0.25, 4.0)


def test_copysign_and_heaviside_see_the_sign_of_zero_and_zero_itself() -> None:
    assert math.copysign(1.0, tg.copysign(2.0, -0.0)) == -1.0
    assert tg.grad(tg.copysign, (0, 1))(-2.0, -1.0) == (1.0, 0.0)
    assert [tg.heaviside(x, 0.25) for x in (-1.0, 0.0, 2.0)] == [0.0, 0.25, 1.0]
    assert tg.grad(tg.heaviside, (0, 1))(0.0, 0.25) == (0.0, 1.0)
    assert math.isnan(tg.heaviside(math.nan, 0.25))


def test_clip_as_a_method_has_numpys_arguments() -> None:
    v = tg.Value([-2.0, 0.5, 3.0])
    assert v.clip(-1.0, 1.0).data.tolist() == [-1.0, 0.5, 1.0]
    assert v.clip(min=0.0).data.tolist() == [0.0, 0.5, 3.0]
    assert v.clip(max=0.0).data.tolist() == [-2.0, 0.0, 0.0]


def test_t37_edges_of_domains_have_a_policy_and_no_hidden_epsilon() -> None:
    infinite = (
        (tg.cbrt, 0.0), (tg.arcsin, 1.0), (tg.arccosh, 1.0), (tg.arctanh, 1.0), (tg.erfinv, 1.0),
        (tg.log2, 0.0), (tg.sqrt, 0.0),
    )  # fmt: skip
    for f, x in infinite:
        assert tg.grad(f)(x) == math.inf, f
    for f in (tg.arcsin, tg.arccos, tg.arctanh, tg.erfinv):
        assert math.isnan(f(1.5))
    assert math.isnan(tg.arccosh(0.5)) and tg.arctanh(-1.0) == -math.inf
    assert math.isnan(tg.remainder(1.0, 0.0)) and math.isnan(tg.fmod(1.0, 0.0))
    assert tg.floor_divide(1.0, 0.0) == math.inf and tg.xlogy(1.0, 0.0) == -math.inf


def test_expm1_far_below_zero_has_the_slope_of_exp() -> None:
    assert derivatives(tg.expm1, -40.0) == pytest.approx((-1.0, math.exp(-40.0), math.exp(-40.0)))


def test_abs_is_absolute() -> None:
    assert tg.abs is tg.absolute and tg.abs(tg.Value(-2.0)).data == 2.0


def test_cube_roots_of_negative_numbers_are_numbers() -> None:
    assert tg.cbrt(-8.0) == -2.0
    assert derivatives(tg.cbrt, -8.0)[1:] == pytest.approx((1.0 / 12.0, 1.0 / 144.0))


_FLAT = [
    (tg.sign, 2.5), (tg.floor, 2.5), (tg.ceil, 2.5), (tg.trunc, -2.5), (tg.round, 2.3),
    (tg.step, 2.5), (tg.hardsigmoid, 4.0), (tg.hardswish, -4.0), (tg.relu, -1.0), (tg.relu6, 7.0),
    (lambda x: tg.maximum(x, 1.0 + 0.0 * tg.detach(x)), -1.0),
    (lambda x: tg.maximum(tg.Value(3.0), x), 2.0), (lambda x: tg.minimum(tg.Value(1.0), x), 2.0),
    (lambda x: tg.fmax(3.0, x), 2.0), (lambda x: tg.fmin(x, 1.0), 2.0),
    (lambda x: tg.prelu(4.0, x), 2.0), (lambda x: tg.heaviside(x, 0.5), 2.0),
    (lambda x: tg.copysign(3.0, x), 2.0), (lambda x: tg.floor_divide(x, 2.0), 3.0),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x"), _FLAT)
def test_where_a_function_is_flat_an_infinite_gradient_ends(f: Any, x: float) -> None:
    """It is selected away, not multiplied by 0, which would make it NaN: in both modes."""
    for start in (x, np.array([x, x])):
        seed = np.full(np.shape(start), math.inf)[()]
        leaf = tg.Value(start)
        for graph in (False, True):
            leaf.zero_grad()
            f(leaf).backward(gradient=seed, create_graph=graph)
            grad = getattr(leaf.grad, "data", leaf.grad)
            assert np.all(np.asarray(grad) == 0.0), grad
        assert np.all(np.asarray(tg.jvp(f, (start,), (seed,))[1]) == 0.0)


def test_pythons_round_and_divmod_record_too() -> None:
    x = tg.Value(7.25)
    assert round(x).data == 7.0 and round(x, 1).data == 7.2
    whole, rest = divmod(x, 2.0)
    assert (whole.data, rest.data) == (3.0, 1.25)
    whole, rest = divmod(15.0, x)
    (whole + rest).backward()
    assert (whole.data, rest.data, x.grad) == (2.0, 0.5, -2.0)


def test_a_declaration_with_too_few_partial_derivatives_is_told() -> None:
    with pytest.raises(tg.errors.TinygradError, match="1 partial derivatives for 2 operands"):

        @tg.define.elementwise([lambda out, x, y: y])
        def too_few(x: Any, y: Any) -> Any:
            """x times y."""
            return x * y

    assert "too_few" not in tg.OPS


def test_a_rule_with_an_if_says_what_to_write() -> None:
    @tg.define.elementwise([lambda out, x: 1.0 if x > 0.0 else 0.0])
    def decides(x: Any) -> Any:
        """relu, whose rule is for one number only."""
        return np.maximum(x, 0.0)

    try:
        with pytest.raises(tg.errors.AutodiffError, match=r"tg.where\(x > 0, a, b\)"):
            tg.grad(lambda x: tg.sum(decides(x)))(np.array([1.0, -1.0]))
    finally:
        del tg.OPS["decides"]
