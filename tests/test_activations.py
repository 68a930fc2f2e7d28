"""Activations at the edges: far out, at infinity, at NaN, by name, with wrong numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, OperationError, ShapeError

# Value, first and second derivative in the limit at -∞ and +∞; at ±10,000 they are reached.
ONE, ZERO, LINE = (1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (math.inf, 1.0, 0.0)
LIMITS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "tanh": ((-1.0, 0.0, 0.0), ONE),
    "sigmoid": (ZERO, ONE),
    "relu": (ZERO, LINE),
    "elu": ((-1.0, 0.0, 0.0), LINE),
    "selu": ((-1.7580993408473766, 0.0, 0.0), (math.inf, 1.0507009873554805, 0.0)),
    "celu": ((-1.0, 0.0, 0.0), LINE),
    "softplus": (ZERO, LINE),
    "silu": (ZERO, LINE),
    "gelu": (ZERO, LINE),
    "gelu_tanh": (ZERO, LINE),
    "mish": (ZERO, LINE),
    "hardswish": (ZERO, LINE),
    "relu6": (ZERO, (6.0, 0.0, 0.0)),
    "logsigmoid": ((-math.inf, 1.0, 0.0), ZERO),
    "softsign": ((-1.0, 0.0, 0.0), ONE),
    "hardtanh": ((-1.0, 0.0, 0.0), ONE),
    "hardsigmoid": (ZERO, ONE),
    "tanhshrink": ((-math.inf, 1.0, 0.0), LINE),
    "softshrink": ((-math.inf, 1.0, 0.0), LINE),
    "hardshrink": ((-math.inf, 1.0, 0.0), LINE),
    "threshold": (ZERO, LINE),
    "leaky_relu": ((-math.inf, 0.01, 0.0), LINE),
    "step": (ZERO, ONE),
}
ACTIVATIONS = sorted(
    name for name, op in tg.registry().items() if op.kind == "activation" and op.rules is not None
)


def orders(op: Any, x: Any) -> list[Any]:
    """The value, the first and the second derivative, on a float or number by number."""

    def slope(v: Any) -> Any:
        return tg.grad(lambda u: tg.sum(op(u)))(v)

    return [op(tg.Value(x)).data, slope(x), tg.grad(lambda v: tg.sum(slope(v)))(x)]


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "prelu"])
@pytest.mark.parametrize("far", [1e4, 1e300, math.inf])
def test_t39_limits_are_reached_without_a_warning(name: str, far: float) -> None:
    op = tg.registry()[name]
    for x, limit in zip((-far, far), LIMITS[name], strict=True):
        found = orders(op, x)
        for have, want in zip(found, limit, strict=True):
            if math.isinf(want):
                assert math.copysign(have, want) == have and abs(have) >= min(0.009 * far, 1e299)
            else:
                assert have == pytest.approx(want, rel=1e-15, abs=2.0 / far if far < 1e9 else 0.0)
        rows = orders(op, np.array([x, x]))
        assert [row[1] for row in rows] == pytest.approx(found, rel=1e-14, abs=0.0)
    if far == 1e4:
        single = np.array([-far, far], np.float32)
        assert all(np.isfinite(a).all() and a.dtype == np.float32 for a in orders(op, single))


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "prelu"])
def test_t35_nan_stays_nan(name: str) -> None:
    op = tg.registry()[name]
    assert math.isnan(op(tg.Value(math.nan)).data)
    out = op(tg.Value([math.nan, 1.0])).data
    assert math.isnan(out[0]) and not math.isnan(out[1])


def test_t34_relu_abs_clip_maximum_agree_at_zero() -> None:
    edge = (
        tg.relu, abs, lambda x: tg.clip(x, 0.0, 1.0), lambda x: tg.maximum(x, 0.0), tg.relu6,
        lambda x: tg.hardtanh(x, 0.0, 1.0), tg.threshold, lambda x: tg.clip(x, None, 0.0),
    )  # fmt: skip
    assert [tg.grad(f)(0.0) for f in edge] == [0.0] * len(edge)
    assert tg.grad(tg.leaky_relu)(0.0) == 0.01 and tg.grad(tg.prelu)(0.0, 0.3) == 0.3


def test_t41_the_flat_side_gives_exactly_zero_whatever_comes_back() -> None:
    for f in (tg.relu, tg.relu6, tg.hardtanh, tg.threshold, tg.softshrink, tg.hardshrink):
        x = tg.Value([-7.0 if f is not tg.softshrink and f is not tg.hardshrink else 0.0, 0.7])
        f(x).backward(gradient=np.array([math.inf, 1.0]))
        assert x.grad.tolist() == [0.0, 1.0]


def test_gelu_keeps_its_digits_in_the_tail() -> None:
    # x Φ(x) ≈ −φ(x) (1 − 1/x² + 3/x⁴ − …)
    x = -20.0
    asymptotic = -math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    assert tg.gelu(x) == pytest.approx(asymptotic * (1.0 - 1.0 / 400.0 + 3.0 / 160000.0), rel=1e-6)
    assert tg.gelu(np.array([x]))[0] == pytest.approx(tg.gelu(x), rel=1e-12)
    assert -1e-60 < tg.gelu_tanh(-12.0) < 0.0
    assert tg.gelu(0.7, "tanh") == tg.gelu_tanh(0.7) != tg.gelu(0.7)
    assert abs(tg.gelu(0.7, approximate="tanh") - tg.gelu(0.7)) < 1e-3


def test_tanhshrink_keeps_its_digits_near_zero() -> None:
    for x in (1e-5, -1e-3):
        want = x**3 / 3.0 - 2.0 * x**5 / 15.0
        assert tg.tanhshrink(x) == pytest.approx(want, rel=1e-13)
        assert orders(tg.tanhshrink, x)[1] == pytest.approx(x * x - 2.0 * x**4 / 3.0, rel=1e-11)


def test_softplus_with_beta_is_sharper() -> None:
    assert tg.softplus(0.5, beta=4.0) == pytest.approx(math.log1p(math.exp(2.0)) / 4.0)
    assert tg.grad(lambda x: tg.softplus(x, 4.0))(0.0) == 0.5
    assert tg.grad(tg.grad(lambda x: tg.softplus(x, 4.0)))(0.0) == 1.0


def test_prelu_learns_its_slope() -> None:
    x, weight = tg.Value([[-2.0, 3.0], [-1.0, -4.0]]), tg.weight([0.25, 0.5], "slope")
    out = tg.prelu(x, weight)
    assert out.data.tolist() == [[-0.5, 3.0], [-0.25, -2.0]]
    tg.sum(out).backward()
    assert weight.grad.tolist() == [-3.0, -4.0]
    assert x.grad.tolist() == [[0.25, 1.0], [0.25, 0.5]]


def test_step_is_honest_unless_told_otherwise() -> None:
    w = tg.Value(np.array([-0.5, 0.0, 0.5]))
    assert tg.step(w).data.tolist() == [0.0, 0.0, 1.0]
    tg.sum(tg.step(w) * np.array([2.0, 3.0, 4.0])).backward()
    assert w.grad.tolist() == [0.0, 0.0, 0.0]
    w.zero_grad()
    tg.sum(tg.step(w, straight_through=True) * np.array([2.0, 3.0, 4.0])).backward()
    assert w.grad.tolist() == [2.0, 3.0, 4.0]


def test_a_network_finds_them_by_name() -> None:
    for name in ("gelu", "mish", "hardswish", "softsign", "selu", "step", "softmin", "gelu_tanh"):
        net = tg.nn.MLP(2, [3], 1, activation=name, seed=1)
        assert np.isfinite(net(np.ones((4, 2))).data).all()
    assert tg.softmin(np.array([1.0, 2.0])) == pytest.approx(tg.softmax(np.array([-1.0, -2.0])))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda v: tg.gelu(v, "erf"), DTypeError, r"approximate = 'erf'(.|\n)*exact"),
        (lambda v: tg.softplus(v, beta=0.0), DTypeError, r"softplus: beta = 0\.0(.|\n)*above 0"),
        (lambda v: tg.celu(v, alpha=-1.0), DTypeError, r"celu: alpha = -1\.0"),
        (lambda v: tg.softshrink(v, -0.5), DTypeError, r"softshrink: lambd = -0\.5"),
        (lambda v: tg.hardshrink(v, "a"), DTypeError, r"hardshrink: lambd = 'a'"),
        (lambda v: tg.hardtanh(v, 1.0, -1.0), DTypeError, r"1\.0 to -1\.0(.|\n)*below max_val"),
        (lambda v: tg.softplus(v, beta=tg.Value(2.0)), DTypeError, r"beta"),
        (lambda v: tg.softmin(v[0]), ShapeError, r"softmin: a scalar has no axis(.|\n)*stack"),
        (lambda v: tg.glu(v), ShapeError, r"glu(.|\n)*3(.|\n)*even"),
        (lambda v: tg.glu(v[0]), OperationError, r"glu of a scalar(.|\n)*stack"),
        (lambda v: tg.glu(v, axis=2), ShapeError, r"axis 2(.|\n)*axes are -1 to 0"),
        (lambda v: tg.elu(v, "a"), DTypeError, r"alpha='a'(.|\n)*tg.elu\(x, alpha=1.0\)"),
    ],
)
def test_wrong_numbers_are_refused_by_name(call: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call(tg.Value([1.0, 2.0, 3.0]))


def test_glu_gates_one_half_by_the_other() -> None:
    x = np.array([[1.0, -2.0, 0.5, 3.0]])
    v = tg.Value(x)
    out = tg.glu(v)
    assert out.data == pytest.approx(x[:, :2] / (1.0 + np.exp(-x[:, 2:])))
    assert tg.glu(v.T, axis=0).shape == (2, 1) and tg.glu([1, 0, 0, 0]).tolist() == [0.5, 0.0]
    tg.sum(out).backward()
    s = 1.0 / (1.0 + np.exp(-x[:, 2:]))
    assert v.grad == pytest.approx(np.hstack([s, x[:, :2] * s * (1.0 - s)]))


def test_shares_of_a_list_of_values() -> None:
    leaves = [tg.Value(0.0), tg.Value(math.log(3.0))]
    for shares, want in ((tg.softmax, [0.25, 0.75]), (tg.softmin, [0.75, 0.25])):
        assert shares(leaves).data == pytest.approx(want)
    assert tg.log_softmax(leaves).data == pytest.approx(np.log([0.25, 0.75]))
