"""Clipping, L-BFGS and the learning-rate range test."""

from __future__ import annotations

import importlib
import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import (
    AutodiffError,
    BackendError,
    DataError,
    DTypeError,
    NonFiniteError,
    ShapeError,
    TinygradError,
)
from tinygrad_edu.optim import LBFGS, SGD, Adam, clip_grad_norm, clip_grad_value, lr_range_test

# Clipping ----------------------------------------------------------------------------------------


def with_gradients() -> list[tg.Value]:
    a, b, c = tg.weight(1.0, "a"), tg.weight(np.ones(2), "b"), tg.weight(1.0, "c")
    a.grad, b.grad = 2.0, np.array([-3.0, 6.0])
    return [a, b, c]


@pytest.mark.parametrize(
    ("norm_type", "norm"),
    [(2.0, 7.0), (1.0, 11.0), (3, (8 + 27 + 216) ** (1 / 3)), (math.inf, 6.0), ("inf", 6.0)],
)
def test_all_gradients_are_one_vector(norm_type: Any, norm: float) -> None:
    ps = with_gradients()
    assert clip_grad_norm(ps, 1.0, norm_type) == pytest.approx(norm, rel=1e-15)
    factor = 1.0 / (norm + 1e-6)
    assert ps[0].grad == pytest.approx(2.0 * factor, rel=1e-15)
    assert ps[1].grad == pytest.approx(np.array([-3.0, 6.0]) * factor, rel=1e-15)
    assert ps[2].grad is None and not ps[1].grad.flags.writeable


def test_short_gradients_stay() -> None:
    ps = with_gradients()
    held = ps[1].grad
    assert clip_grad_norm(iter(ps), 7.1) == 7.0
    assert ps[1].grad is held and ps[0].grad == 2.0
    assert clip_grad_norm(ps[2], 1.0) == 0.0  # no gradient at all, as in PyTorch


def test_types_stay_and_no_square_overflows() -> None:
    w = tg.weight(np.ones(2, dtype=np.float32), "w")
    w.grad = np.array([3e30, 4e30], dtype=np.float32)
    assert clip_grad_norm([w], 1.0) == pytest.approx(5e30, rel=1e-6)
    assert w.grad.dtype == np.float32 and w.grad == pytest.approx([0.6, 0.8], rel=1e-6)
    v = tg.weight(1.0)
    v.grad = 1e200
    assert clip_grad_norm([v], 1.0) == 1e200 and v.grad == pytest.approx(1.0)
    clip_grad_value([w, v], 0.7)
    assert w.grad.dtype == np.float32 and w.grad == pytest.approx([0.6, 0.7], rel=1e-6)
    assert v.grad == 0.7


def test_values_are_cut_on_both_sides() -> None:
    ps = with_gradients()
    clip_grad_value(ps, 2.5)
    assert ps[0].grad == 2.0 and ps[1].grad.tolist() == [-2.5, 2.5] and ps[2].grad is None
    assert not ps[1].grad.flags.writeable


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_told_and_nothing_has_changed(bad: float) -> None:
    for clip in (clip_grad_norm, clip_grad_value):
        ps = with_gradients()
        ps[1].grad = np.array([1.0, bad])
        with pytest.raises(NonFiniteError, match=r"gradient of 'b'.* is not finite(.|\n)*birth_of"):
            clip(ps, 1.0)
        assert ps[0].grad == 2.0
    norm = clip_grad_norm(ps, 1.0, error_if_nonfinite=False)
    assert str(norm) == str(bad) and math.isnan(ps[1].grad[1])
    assert math.isnan(ps[0].grad) if math.isnan(bad) else ps[0].grad == 0.0


def test_bad_arguments_of_clipping() -> None:
    for call, message in (
        (lambda: clip_grad_norm(with_gradients(), -1.0), "max_norm is a number from 0 up"),
        (lambda: clip_grad_norm(with_gradients(), 1.0, 0), "norm_type is a number above 0"),
        (lambda: clip_grad_norm(with_gradients(), 1.0, "two"), "norm_type is a number above 0"),
        (lambda: clip_grad_value(with_gradients(), math.nan), "clip_value is a number from 0 up"),
        (lambda: clip_grad_norm([], 1.0), "no parameters"),
        (lambda: clip_grad_norm([1.0], 1.0), "a parameter is a Value, not 1.0"),
    ):
        with pytest.raises(DTypeError, match=message):
            call()


def test_clipping_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    for order in (1.0, 2.0, 2.5, math.inf):
        arrays = [rng.normal(size=(3, 2)), rng.normal(size=4)]
        ours = [tg.weight(a) for a in arrays]
        theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
        for p, q, a in zip(ours, theirs, arrays, strict=True):
            p.grad, q.grad = 3.0 * a, torch.tensor(3.0 * a)
        norm = torch.nn.utils.clip_grad_norm_(theirs, 2.0, order)
        assert clip_grad_norm(ours, 2.0, order) == pytest.approx(float(norm), rel=1e-14)
        torch.nn.utils.clip_grad_value_(theirs, 0.3)
        clip_grad_value(ours, 0.3)
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-14)


# L-BFGS ------------------------------------------------------------------------------------------

RNG = np.random.default_rng(5)
X = RNG.normal(size=(20, 3))
Y = X @ np.array([1.0, -2.0, 0.5]) + 0.7 + 0.1 * RNG.normal(size=20)


def fit_loss(w: Any, b: Any) -> Any:
    rest = X @ w + b - Y
    return (rest * rest).mean()


def valley(x: Any, y: Any) -> Any:
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


def test_lbfgs_finds_the_least_squares() -> None:
    pytest.importorskip("scipy")
    w, b = tg.weight(np.zeros(3), "w"), tg.bias(0.0, "b")
    opt = LBFGS([w, b], tolerance_change=0.0)
    start = fit_loss(w, b).data
    assert opt.minimize(lambda: fit_loss(w, b)) == start
    best = np.linalg.lstsq(np.c_[X, np.ones(20)], Y)[0]
    np.testing.assert_allclose([*w.data, b.data], best, rtol=1e-6)
    assert abs(b.grad) < 1e-6 and type(b.data) is float and opt.steps == 1
    assert "iterations" in opt.report


def test_lbfgs_finds_the_valley_and_explains_itself() -> None:
    pytest.importorskip("scipy")
    x, y, other = tg.weight(-1.2, "x"), tg.weight(1.0, "y"), tg.weight(4.0, "other")
    frozen = tg.Value(2.0, "frozen", requires_grad=False)
    opt = LBFGS([x, y, other, frozen], tolerance_change=1e-15, tolerance_grad=1e-10)
    assert opt.step(lambda: valley(x, y) * frozen) == pytest.approx(48.4)
    assert (x.data, y.data) == pytest.approx((1.0, 1.0), abs=1e-7)
    assert (other.data, frozen.data) == (4.0, 2.0)
    why = opt.why(x)
    assert sum(why.exact().values()) == Fraction(x.data) - Fraction(-1.2)
    assert set(why.parts) == {"gradient", "curvature", "rounding"}
    assert "curvature (and the line search)" in str(why)
    with pytest.raises(AutodiffError, match=r"'other'.* has not been updated yet"):
        opt.why(other)


def test_lbfgs_takes_a_closure_that_goes_backward_itself_and_keeps_float32() -> None:
    pytest.importorskip("scipy")
    w = tg.weight(np.full((2, 2), 3.0, dtype=np.float32), "w")
    opt = LBFGS([w])

    def closure() -> Any:
        opt.zero_grad()
        loss = ((w - 1.0) ** 2).sum()
        loss.backward()
        return loss

    opt.step(closure)
    assert w.data.dtype == np.float32 and w.data == pytest.approx(np.ones((2, 2)), abs=1e-4)
    again = LBFGS([w])
    again.load_state_dict(opt.state_dict())
    assert again.steps == 1 and again.settings() == opt.settings()


def test_lbfgs_has_pytorchs_minimum() -> None:
    pytest.importorskip("scipy")
    torch = pytest.importorskip("torch")
    point = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    other = torch.optim.LBFGS([point], max_iter=500, line_search_fn="strong_wolfe",
                              tolerance_grad=1e-10, tolerance_change=1e-15)  # fmt: skip

    def closure() -> Any:
        other.zero_grad()
        loss = valley(point[0], point[1])
        loss.backward()
        return loss

    other.step(closure)
    x, y = tg.weight(-1.2), tg.weight(1.0)
    LBFGS([x, y], tolerance_change=1e-15, tolerance_grad=1e-10).minimize(lambda: valley(x, y))
    assert point.detach().numpy() == pytest.approx([x.data, y.data], abs=1e-7)


def test_lbfgs_is_all_or_nothing() -> None:
    pytest.importorskip("scipy")
    w = tg.weight(np.array([2.0, 3.0]), "w")
    opt = LBFGS([w])

    def bad_after_a_while() -> Any:
        return tg.log(w).sum() if w.data[0] < 2.0 else (w * w).sum()

    def broken() -> Any:
        raise KeyError("mine")

    with pytest.raises(NonFiniteError, match=r"the loss is nan(.|\n)*born in log"):
        opt.minimize(bad_after_a_while)
    with pytest.raises(KeyError, match="mine"):
        opt.minimize(broken)
    assert w.data.tolist() == [2.0, 3.0] and opt.steps == 0


def test_bad_calls_of_lbfgs(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.weight(np.ones(2), "w")
    opt = LBFGS([w])
    with pytest.raises(DTypeError, match=r"asks for the loss again and again(.|\n)*lambda"):
        opt.minimize((w * w).sum())
    with pytest.raises(DTypeError, match="by a function, not None"):
        opt.step()
    with pytest.raises(DTypeError, match="they are one group"):
        LBFGS([{"params": [w]}, {"params": [tg.weight(1.0)]}])
    with pytest.raises(DTypeError, match="max_iter is a whole number from 1 up, not 0"):
        LBFGS([w], max_iter=0)
    with pytest.raises(AutodiffError, match="LBFGS has no learning rate"):
        _ = opt.lr
    if importlib.util.find_spec("scipy"):
        with pytest.raises(ShapeError, match=r"the function gave .*not a single number"):
            opt.minimize(lambda: w * w)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(BackendError, match=r"LBFGS needs SciPy(.|\n)*pip install scipy"):
        opt.minimize(lambda: (w * w).sum())


# The range test ----------------------------------------------------------------------------------

DATA = X, Y


def model_of() -> tuple[Any, Any]:
    model = tg.nn.MLP(3, [4], 1, seed=2)
    opt = Adam([{"params": model.layers[0]}, {"params": model.layers[1], "lr": 0.02}], lr=0.01)
    for _ in range(2):
        opt.minimize(((model(X).reshape(20) - Y) ** 2).mean())
    return model, opt


@pytest.mark.parametrize("batch_size", [None, 6])
def test_afterwards_all_is_as_it_was(batch_size: int | None) -> None:
    model, opt = model_of()
    before = [(p.data, p.grad) for p in opt.parameters]
    state, why = opt.state_dict(), str(opt.why(opt.parameters[0]))
    found = lr_range_test(model, DATA, "mse_loss", opt, steps=30, batch_size=batch_size)
    assert found.suggestion is not None and len(found.rates) == len(found.losses)
    for p, (data, gradient) in zip(opt.parameters, before, strict=True):
        assert p.data.tobytes() == data.tobytes() and p.grad is gradient
    after = opt.state_dict()
    assert (after["steps"], after["groups"]) == (state["steps"], state["groups"])
    for i in state["state"]:
        assert all(np.array_equal(after["state"][i][k], v) for k, v in state["state"][i].items())
    assert str(opt.why(opt.parameters[0])) == why


def test_running_means_and_random_draws_are_restored_too() -> None:
    nn = tg.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    before, random = model.state_dict(), model.modules()[3]
    drawn = random.generator.bit_generator.state
    lr_range_test(model, DATA, "mse_loss", Adam(model), steps=5)
    assert random.generator.bit_generator.state == drawn
    assert {k: v.tobytes() for k, v in model.state_dict().items()} == {
        k: v.tobytes() for k, v in before.items()
    }


def test_the_losses_are_those_after_the_steps() -> None:
    w = tg.weight(1.0, "w")
    found = lr_range_test(
        lambda x: x * w, (np.ones(1), np.zeros(1)), "mse_loss", SGD([w]), 0.01, 0.16, 3
    )
    ends = np.cumprod(1.0 - 2.0 * np.array([0.01, 0.04, 0.16]))
    assert found.rates == pytest.approx((0.01, 0.04, 0.16)) and found.start == 1.0
    assert found.losses == pytest.approx(tuple(ends**2)) and found.smoothed == found.losses


def test_the_suggestion_falls_fastest_and_divergence_ends_the_run() -> None:
    w = tg.weight(np.zeros(3), "w")
    found = lr_range_test(lambda x: x @ w, DATA, "mse_loss", SGD([w], lr=0.1), high=1e3)
    assert found.stopped is not None and "ended at lr" in found.stopped
    assert 1e-3 < (found.suggestion or 0.0) < found.rates[int(np.argmin(found.smoothed))]
    text = str(found)
    assert text.splitlines()[0].split() == ["lr", "loss", "smoothed"]
    assert text.count("<- suggested") == 1 and "falls fastest" in found.reason
    assert repr(found).startswith(f"RangeTest({len(found.rates)} rates, suggestion 0.")


def test_groups_keep_their_ratio() -> None:
    v, w = tg.weight(1.0), tg.weight(1.0)
    opt = SGD([{"params": [v]}, {"params": [w], "lr": 0.0}], lr=0.5)
    seen = []

    def loss(outputs: Any, target: Any) -> Any:
        seen.append((v.data, w.data))
        return outputs.mean()

    lr_range_test(lambda x: x * (v + w), (np.ones(1), np.ones(1)), loss, opt, steps=5)
    assert seen[-1][0] < 0.0 and {second for _, second in seen} == {1.0}
    assert (v.data, w.data, opt.lr) == (1.0, 1.0, 0.5)


def test_where_nothing_falls_nothing_is_suggested() -> None:
    w = tg.weight(0.0, "w")
    found = lr_range_test(lambda x: x * w, (np.ones(2), np.zeros(2)), "mse_loss", SGD([w]), steps=5)
    assert found.suggestion is None and "never fell" in found.reason
    assert "no suggestion" in repr(found) and "suggested" not in str(found)


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    w = tg.weight(1.0, "w")
    data = np.ones(1), np.zeros(1)
    found = lr_range_test(lambda x: tg.sqrt(w * x), data, lambda o, y: o.mean(), SGD([w]), stop=1e9)
    assert found.stopped is not None and "the loss is nan" in found.stopped and w.data == 1.0
    with pytest.raises(NonFiniteError, match="the loss is nan"):
        lr_range_test(lambda x: tg.log(-w * x), data, lambda o, y: o.mean(), SGD([w]))


def test_the_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.weight(np.zeros(3), "w")
    found = lr_range_test(lambda x: x @ w, DATA, "mse_loss", SGD([w]), steps=20)
    if importlib.util.find_spec("matplotlib"):
        figure = found.plot(tmp_path / "range.svg")
        assert figure.axes[0].get_xscale() == "log" and len(figure.axes[0].lines) == 3
        assert (tmp_path / "range.svg").read_text(encoding="utf-8").startswith("<?xml")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendError, match=r"a plot needs matplotlib(.|\n)*pip install"):
        found.plot()


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"data": X}, DataError, r"data is \(x, y\), not ndarray"),
        ({"data": (X, Y[:3])}, DataError, "are not rows of samples"),
        ({"loss": "mse_los"}, TinygradError, r"no loss 'mse_los'(.|\n)*did you mean 'mse_loss'"),
        ({"low": 1.0, "high": 0.5}, DTypeError, "rates grow from low to high"),
        ({"low": 0.0}, DTypeError, "rates grow from low to high"),
        ({"steps": 2}, DTypeError, "steps is a whole number from 3 up, not 2"),
        ({"batch_size": 0}, DTypeError, "batch_size is a whole number from 1 up"),
        ({"smoothing": 1.0}, DTypeError, "smoothing is a number from 0 up and below 1"),
        ({"optimizer": "sgd"}, DTypeError, "from an optimizer, not str"),
        ({"optimizer": LBFGS([tg.weight(1.0)])}, DTypeError, "LBFGS has no learning rate"),
    ],
)
def test_bad_arguments_of_the_range_test(change: Any, kind: Any, message: str) -> None:
    w = tg.weight(np.zeros(3), "w")
    given = {"data": DATA, "loss": "mse_loss", "optimizer": SGD([w]), **change}
    with pytest.raises(kind, match=message):
        lr_range_test(lambda x: x @ w, **given)
