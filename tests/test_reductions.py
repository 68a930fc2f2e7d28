"""Reductions, scans and statistics: NumPy's arguments, ties, zeros, large numbers, no numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, ShapeError, TinygradError
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing import check_gradients

X = np.random.default_rng(3).normal(size=(4, 3, 5))
HOLES = np.where(np.random.default_rng(4).random(X.shape) < 0.2, np.nan, X)
REDUCTIONS = ["sum", "mean", "prod", "max", "min", "var", "std", "ptp", "median"]
AXES = [None, 0, -1, 1, (0, 2), (-1, 0), (0, 1, 2)]


@pytest.mark.parametrize("name", [*REDUCTIONS, "amax", "amin"])
def test_t28_axis_keepdims_and_the_divisor_are_numpys(name: str) -> None:
    for axis in AXES:
        for keepdims in (False, True):
            want = getattr(np, name)(X, axis=axis, keepdims=keepdims)
            have = getattr(tg, name)(tg.Value(X), axis=axis, keepdims=keepdims)
            assert have.shape == np.shape(want)
            np.testing.assert_allclose(have.data, want, rtol=1e-12)
            by_protocol = getattr(np, name)(tg.Value(X), axis=axis, keepdims=keepdims)
            assert by_protocol.shape == have.shape and np.all(by_protocol.data == have.data)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "ptp"])
def test_t28_methods_have_numpys_names(name: str) -> None:
    v = tg.Value(X)
    np.testing.assert_allclose(getattr(v, name)().data, getattr(np, name)(X), rtol=1e-12)
    want = getattr(np, name)(X, axis=1, keepdims=True)
    np.testing.assert_allclose(getattr(v, name)(axis=1, keepdims=True).data, want, rtol=1e-12)


def test_t28_an_axis_that_is_not_there_is_refused() -> None:
    for call in (
        lambda v: tg.var(v, axis=2), lambda v: tg.cumsum(v, axis=-3), lambda v: v.prod(axis=5),
        lambda v: tg.norm(v, axis=3), lambda v: tg.sum(v, axis=(1, 1)),
        lambda v: tg.median(v, axis=2), lambda v: v.std(axis=(0, 0)),
    ):  # fmt: skip
        with pytest.raises(ShapeError, match=r"(?s)axis.*shape \(2, 3\).*axes are -2 to 1") as told:
            call(tg.Value(np.ones((2, 3))))
        assert "\n  at test_reductions.py:" in str(told.value), "the user's line"


@pytest.mark.parametrize("name", ["var", "std", "norm", "median", "ptp", "sum", "mean", "max"])
def test_a_list_is_an_array_of_numbers_or_a_stack_of_values(name: str) -> None:
    reduce = getattr(tg, name)
    want = reduce(np.array([3.0, 4.0, 8.0]))
    assert type(want) is float and reduce([3, 4.0, 8]) == reduce((3.0, 4, 8)) == want
    leaves = [tg.Value(3.0), tg.Value(4.0)]
    out = reduce([*leaves, 8.0])
    assert out.data == want
    out.backward()
    assert sum(leaf.grad for leaf in leaves) == pytest.approx(
        sum(tg.grad(reduce)(np.array([3.0, 4.0, 8.0]))[:2])
    )


@pytest.mark.filterwarnings("ignore:Degrees of freedom")
@pytest.mark.parametrize("name", ["var", "std", "nanvar", "nanstd"])
def test_t28_too_few_numbers_for_the_divisor_have_no_spread(name: str) -> None:
    with np.errstate(all="ignore"):
        for ddof in (2, 3, 4, 5):
            for axis in (None, 0, 1, (0, 2)):
                want = getattr(np, name)(HOLES[:, :2, :2], axis=axis, ddof=ddof)
                have = getattr(np, name)(tg.Value(HOLES[:, :2, :2]), axis=axis, ddof=ddof)
                np.testing.assert_allclose(have.data, want, rtol=1e-12)


def test_t28_no_numbers() -> None:
    empty = tg.Value(np.zeros((3, 0)), "none")
    assert tg.sum(empty).data == 0.0 and tg.prod(empty).data == 1.0 and tg.norm(empty).data == 0.0
    assert tg.logsumexp(empty, axis=1).data.tolist() == [-np.inf] * 3
    assert tg.cumsum(empty, axis=1).shape == (3, 0) and tg.max(empty, axis=0).shape == (0,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert all(np.isnan(f(empty).data) for f in (tg.mean, tg.var, tg.std))
    for f in (tg.sum, tg.prod, tg.norm):
        assert tg.grad(f)(np.zeros((3, 0))).shape == (3, 0)
    for f, what in ((tg.max, "maximum"), (tg.min, "minimum"), (tg.median, "order statistic")):
        with pytest.raises(ShapeError, match=rf"no numbers to take the {what} of: shape \(3, 0\)"):
            f(empty)


def test_ddof_is_numpys() -> None:
    for ddof in (0, 1, 2):
        for name in ("var", "std", "nanvar", "nanstd"):
            np.testing.assert_allclose(
                getattr(tg, name)(X, axis=0, ddof=ddof), getattr(np, name)(X, axis=0, ddof=ddof)
            )
    assert check_gradients(lambda x: tg.std(x, axis=1, ddof=1), X).right


def test_t33_ties_share_and_the_shares_sum_to_one() -> None:
    x = tg.Value(2.0)
    for f in (tg.max, tg.min, tg.median, lambda v: tg.quantile(v, 0.3)):
        assert tg.grad(f)(np.array([3.0, 3.0, 3.0])) == pytest.approx([1 / 3] * 3)
        x.zero_grad()
        f(tg.stack([x, x])).backward()  # the same number twice
        assert x.grad == 1.0
    assert tg.grad(tg.median)(np.array([1.0, 2.0, 2.0, 9.0])).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert tg.grad(tg.median)(np.array([1.0, 2.0, 4.0, 9.0])).tolist() == [0.0, 0.5, 0.5, 0.0]
    for f in (tg.cummax, tg.cummin):
        jacobian = tg.jacobian(f)(np.array([3.0, 3.0, 3.0]))
        assert jacobian == pytest.approx(np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3]))
    jumps = tg.jacobian(tg.cummax)(np.array([1.0, 5.0, 2.0, 5.0, 6.0]))
    assert jumps.sum(axis=1).tolist() == [1.0] * 5
    assert jumps[3].tolist() == [0.0, 0.5, 0.0, 0.5, 0.0]


def test_an_infinite_gradient_stays_with_the_winner() -> None:
    x = tg.Value([0.0, 5.0])
    tg.log(tg.min(x)).backward()
    assert x.grad.tolist() == [np.inf, 0.0]
    x.zero_grad()
    tg.cummax(x).backward(np.array([np.inf, 1.0]))
    assert x.grad.tolist() == [np.inf, 1.0]


@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 3)])
def test_products_with_zeros_are_exact_to_second_order(zeros: tuple[int, ...]) -> None:
    x = np.array([2.0, -3.0, 0.5, 4.0])
    x[list(zeros)] = 0.0
    others = [np.prod(np.delete(x, i)) for i in range(4)]
    pairs = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)]
    assert tg.grad(tg.prod)(x) == pytest.approx(others, abs=0.0)
    assert tg.hessian(tg.prod)(x) == pytest.approx(np.array(pairs), abs=0.0)
    last = tg.hessian(lambda v: tg.cumprod(v)[-1])(x)
    assert last == pytest.approx(np.array(pairs), abs=0.0)
    assert check_gradients(tg.cumprod, x).right


def test_products_neither_divide_nor_underflow() -> None:
    x = np.array([1e-170, 1e-170, 3.0])
    assert tg.prod(x) == 0.0 and tg.grad(tg.prod)(x) == pytest.approx([3e-170, 3e-170, 0], 1e-15, 0)
    assert tg.grad(lambda v: tg.prod(v, axis=(0, 1)))(np.ones((2, 2))).shape == (2, 2)


def test_variance_of_a_large_offset() -> None:
    x = 1e8 + np.array([1.0, 2.0, 3.0, 4.0])
    assert tg.var(x) == 1.25 and tg.std(x, ddof=1) == pytest.approx(np.sqrt(5.0 / 3.0), rel=1e-15)
    assert tg.grad(tg.var)(x).tolist() == [-0.75, -0.25, 0.25, 0.75]


def test_t37_edges_have_a_policy_and_no_hidden_epsilon() -> None:
    zeros = np.zeros(3)
    assert tg.grad(tg.norm)(zeros).tolist() == [0.0] * 3
    assert tg.grad(lambda x: tg.log(tg.norm(x)))(zeros).tolist() == [0.0] * 3  # not inf · 0
    assert tg.grad(tg.std)(zeros).tolist() == [0.0] * 3
    assert tg.norm(np.array([3e-200, 4e-200])) == pytest.approx(5e-200, rel=1e-15)
    assert tg.norm(np.array([3e200, 4e200])) == pytest.approx(5e200, rel=1e-15)
    assert tg.grad(tg.norm)(np.array([3e200, 4e200])) == pytest.approx([0.6, 0.8])
    assert tg.grad(lambda x: tg.norm(x, 3))(np.array([1e200, 0.0])).tolist() == [1.0, 0.0]
    assert tg.grad(tg.sqrt)(0.0) == np.inf and tg.grad(tg.log)(0.0) == np.inf


def test_t38_the_same_maths_in_two_spellings() -> None:
    """norm knows what its derivative is at 0; a square root of a sum does not."""
    spelled_out = lambda x: tg.sqrt(tg.sum(x * x))  # noqa: E731
    x = np.array([0.3, -0.4])
    assert tg.grad(tg.norm)(x) == pytest.approx(tg.grad(spelled_out)(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(tg.grad(spelled_out)(np.zeros(2))).all()
    assert tg.grad(tg.norm)(np.zeros(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("order", [None, 2, 0, 1, 3, 1.5, -1, np.inf, -np.inf])
def test_norms_are_numpys(order: Any) -> None:
    for axis in (0, 1, -1):
        want = np.linalg.norm(X, order, axis=axis, keepdims=True)
        np.testing.assert_allclose(tg.norm(X, order, axis, True), want, rtol=1e-13)
    assert check_gradients(lambda x: tg.norm(x, order, axis=1), X).right
    assert tg.norm(-3.0, order) == (1.0 if order == 0 else 3.0)


def test_norms_of_matrices_are_not_guessed() -> None:
    assert tg.norm(X, "fro", axis=(0, 1)) == pytest.approx(np.linalg.norm(X, "fro", axis=(0, 1)))
    x = tg.Value(X)
    length, gradient = Tape.of(tg.norm(x), wrt=[x]).run()  # the recorded call is taken again
    assert length == pytest.approx(np.linalg.norm(X)) and gradient == pytest.approx(X / length)
    with pytest.raises(ShapeError, match=r"order 1 over 2 axes of shape \(2, 2\)") as caught:
        tg.norm(tg.Value(np.eye(2)), 1)
    assert "tg.linalg.norm" in str(caught.value)
    with pytest.raises(DTypeError, match="no order 'nuc'"):
        tg.norm(np.eye(2), "nuc")


def test_logarithms_of_sums_where_nothing_is_possible() -> None:
    nothing = np.full(3, -np.inf)
    for f in (tg.logsumexp, lambda x: tg.logcumsumexp(x)[-1]):
        assert f(nothing) == -np.inf
        assert tg.grad(f)(nothing).tolist() == [0.0] * 3
    assert tg.logsumexp(np.array([1e4, 1e4])) == pytest.approx(1e4 + np.log(2.0))
    large = np.array([-1e4, 1e4, 1e4, -np.inf])
    assert tg.logcumsumexp(large)[-1] == pytest.approx(1e4 + np.log(2.0))
    assert tg.grad(lambda x: tg.logcumsumexp(x)[-1])(large) == pytest.approx([0.0, 0.5, 0.5, 0.0])
    assert check_gradients(tg.logcumsumexp, np.array([0.3, -2.0, 700.0, 699.5])).right


def test_a_recurrence_resets_and_names_shapes_that_differ() -> None:
    a, b = np.array([np.nan, 2.0, 0.0, 3.0]), np.array([1.0, np.inf, 5.0, 1.0])
    assert tg.linear_recurrence(a, b).tolist() == [1.0, np.inf, 5.0, 16.0]
    with pytest.raises(ShapeError, match=r"a has shape \(2,\), b has shape \(3,\)"):
        tg.linear_recurrence(tg.Value([1.0, 2.0]), np.ones(3))


SCANS = ["cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"]


@pytest.mark.parametrize("name", SCANS)
def test_scans_take_all_numbers_in_one_row_without_an_axis(name: str) -> None:
    scan = getattr(tg, name)
    assert scan(tg.Value(X)).data.tolist() == scan(X.reshape(-1)).tolist()
    assert scan(tg.Value(2.0)).shape == (1,)
    assert scan([tg.Value(1.0), tg.Value(3.0)]).shape == (2,)
    single = tg.Value([4.0])
    assert scan(single) is single


def call(name: str, *args: Any, **static: Any) -> Any:
    return lambda x: getattr(tg, name)(x, *args, **static)


STATISTICS = [
    ("median", {}), ("median", {"axis": (0, 2), "keepdims": True}), ("quantile", {"q": 0.3}),
    ("quantile", {"q": [0.0, 0.25, 1.0], "axis": 1}), ("percentile", {"q": 33, "axis": -1}),
    ("trace", {}), ("trace", {"offset": -1, "axis1": 2, "axis2": 0}), ("trace", {"offset": 9}),
    ("diff", {}), ("diff", {"n": 2, "axis": 0}), ("diff", {"prepend": np.ones((4, 3, 1))}),
    ("ptp", {"axis": 1}), ("cumsum", {"axis": 1}), ("cumprod", {"axis": 2}),
    ("average", {"axis": 1, "weights": np.array([1.0, 2.0, 0.5])}), ("average", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "static"), STATISTICS)
def test_statistics_are_numpys_and_differentiable(name: str, static: Any) -> None:
    want = getattr(np, name)(X, **static)
    np.testing.assert_allclose(getattr(tg, name)(X, **static), want, rtol=1e-12)
    np.testing.assert_allclose(getattr(np, name)(tg.Value(X), **static).data, want, rtol=1e-12)
    assert check_gradients(call(name, **static), X).right


@pytest.mark.parametrize("name", [f"nan{n}" for n in ("sum", "mean", "max", "min", "prod", "var",
                                                      "std")])  # fmt: skip
def test_what_is_not_measured_is_skipped(name: str) -> None:
    for axis in (None, 0, (1, 2)):
        want = getattr(np, name)(HOLES, axis=axis, keepdims=True)
        have = getattr(tg, name)(tg.Value(HOLES), axis=axis, keepdims=True)
        np.testing.assert_allclose(have.data, want, rtol=1e-12)
    x = tg.Value(HOLES)
    getattr(tg, name)(x).backward()
    assert np.isfinite(x.grad).all() and not x.grad[np.isnan(HOLES)].any()
    known = X[~np.isnan(HOLES)]
    plain = getattr(tg, name.removeprefix("nan"))
    assert x.grad[~np.isnan(HOLES)] == pytest.approx(tg.grad(plain)(known))


def test_nothing_measured_gives_nan_and_a_flat_spread_no_slope() -> None:
    nothing = np.full((2, 2), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert all(np.isnan(f(nothing)) for f in (tg.nanmean, tg.nanmax, tg.nanvar))
    assert tg.nansum(nothing) == 0.0 and tg.nanprod(nothing) == 1.0
    assert tg.grad(tg.nanstd)(np.array([2.0, np.nan, 2.0])).tolist() == [0.0] * 3


def test_weights_of_an_average_have_gradients() -> None:
    w = np.random.default_rng(5).uniform(0.5, 1.0, size=X.shape)
    assert check_gradients(lambda x, w: tg.average(x, weights=w), X, w).right
    with pytest.raises(ShapeError, match=r"weights of shape \(2,\) for numbers of shape \(4, 3"):
        tg.average(X, 0, np.ones(2))


def test_bad_arguments_are_named() -> None:
    cases: list[tuple[Any, type[TinygradError], str]] = [
        (lambda: tg.quantile(X, 30), DTypeError, "q = 30 is no share"),
        (lambda: tg.trace(np.ones(3)), ShapeError, r"trace of shape \(3,\)"),
        (lambda: tg.diff(X, n=-1), DTypeError, "diff: n = -1"),
        (lambda: tg.order_statistic(np.ones(3), 3), ShapeError, "no number 3 among 3"),
        (lambda: tg.var(tg.Value([1.0]), ddof=tg.Value(1.0)), DTypeError, "static parameter"),
    ]
    for wrong, kind, text in cases:
        with pytest.raises(kind, match=text):
            wrong()


def test_nan_stays_visible() -> None:
    x = np.array([1.0, np.nan, 2.0])
    names = [*REDUCTIONS, "norm", "logsumexp", "cumsum", "cummax"]
    for name in names:
        assert np.isnan(np.atleast_1d(getattr(tg, name)(x))[-1]), name


def test_questions_are_plain_and_anew_on_replay() -> None:
    v = tg.Value([[0.0, 1.0], [2.0, np.nan]])
    assert v.any() and not v.all() and v.any(axis=1).tolist() == [True, True]
    assert tg.isnan(v).tolist() == [[False, False], [False, True]]
    assert v.argmax(axis=0, keepdims=True).shape == (1, 2) and tg.count_nonzero(v) == 3
    tape = Tape.record(lambda x: tg.where(tg.all(tg.greater(x, 0.0)), x, -x), np.ones(2))
    assert tape.run([np.array([1.0, -1.0])]).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("name", [*REDUCTIONS, *SCANS, "norm", "logsumexp", "nanstd", "average"])
def test_float32_stays_float32(name: str) -> None:
    x = tg.Value(X.astype(np.float32))
    out = getattr(tg, name)(x, axis=0) if name not in ("average",) else tg.average(x, 0)
    assert out.dtype == np.float32
    tg.sum(out).backward()
    assert x.grad.dtype == np.float32


def test_statistics_draw_as_one_box() -> None:
    for name in ("median", "ptp", "nanmean", "average", "trace", "diff"):
        assert getattr(tg, name)(tg.Value(X)).tag.scope.path == (name,)
