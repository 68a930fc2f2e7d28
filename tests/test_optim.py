"""Optimizers: PyTorch's numbers, all gradients before all updates, and updates that explain."""

from __future__ import annotations

import io
import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import AutodiffError, DTypeError, NonFiniteError, ShapeError
from tinygrad_edu.optim import SGD, Adam, AdamW, Optimizer

START = [0.5, -1.25, 2.0]
MAKERS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "sgd": (SGD, {"lr": 0.05}),
    "decay": (SGD, {"lr": 0.05, "weight_decay": 0.1}),
    "momentum": (SGD, {"lr": 0.02, "momentum": 0.9}),
    "dampening": (SGD, {"lr": 0.02, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    "nesterov": (SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (Adam, {"lr": 0.05}),
    "adam_decay": (Adam, {"lr": 0.05, "betas": (0.4, 0.9), "weight_decay": 0.1, "eps": 1e-6}),
    "adamw": (AdamW, {"lr": 0.05, "weight_decay": 0.1}),
}
# After 100 steps of torch 2.13 in float64 along these gradients. They do not depend on the
# parameters, so that rounding is not amplified from step to step.
REFERENCE = {
    "sgd": [-1.0189597313724674, -0.28006425761130305, 1.4731940584370093],
    "decay": [-0.8805886087525849, 0.007468527123155296, 0.7911363748253432],
    "momentum": [-5.152661782482885, 2.3194403659030227, 0.16761522542506102],
    "dampening": [-3.3249408392133883, 1.286094965019266, 0.5345757817141394],
    "nesterov": [-4.843176586011603, 2.3007158583710314, -0.06293562558343341],
    "adam": [-1.5902507054362753, 0.09408278611840079, 1.1686742370077756],
    "adam_decay": [-1.158190532362076, 0.29526166185727254, 0.4523633843307746],
    "adamw": [-1.3219144444895008, 0.30514559612216996, 0.5775894603594663],
}


def gradient_at(k: int) -> np.ndarray:
    return np.array([0.3, -0.2, 0.1]) + np.sin(k * np.array([1.0, 2.0, 3.0]))


def loss_of(p: Any) -> Any:
    return ((p - np.array([1.0, 0.5, -0.25])) ** 4).sum() * 0.1 + p.sum() * 0.3


@pytest.mark.parametrize("name", MAKERS)
def test_a_hundred_steps_give_the_reference_numbers(name: str) -> None:
    make, options = MAKERS[name]
    p = tg.weight(np.array(START), "p")
    opt = make([p], **options)
    for k in range(100):
        p.grad = gradient_at(k)
        opt.step()
    np.testing.assert_allclose(p.data, REFERENCE[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MAKERS)
def test_scalar_parameters_step_like_array_parameters(name: str) -> None:
    make, options = MAKERS[name]
    ps = [tg.weight(x) for x in START]
    opt = make(ps, **options)
    for k in range(100):
        for p, g in zip(ps, gradient_at(k), strict=True):
            p.grad = g
        opt.step()
    np.testing.assert_allclose([p.data for p in ps], REFERENCE[name], rtol=1e-12, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_pytorch_agrees_step_by_step(data: st.DataObject) -> None:
    torch = pytest.importorskip("torch")
    number = lambda high: st.floats(0.001, high)  # noqa: E731
    momentum = data.draw(st.sampled_from([0.0, 0.5, 0.9]))
    nesterov = momentum > 0 and data.draw(st.booleans())
    sgd = {
        "lr": data.draw(number(0.1)), "momentum": momentum, "nesterov": nesterov,
        "dampening": 0.0 if nesterov else data.draw(st.sampled_from([0.0, 0.3])),
        "weight_decay": data.draw(st.sampled_from([0.0, 0.1])),
    }  # fmt: skip
    adam = {
        "lr": data.draw(number(0.1)), "eps": data.draw(st.sampled_from([1e-8, 1e-3])),
        "betas": (data.draw(st.floats(0.0, 0.95)), data.draw(st.floats(0.5, 0.999))),
        "weight_decay": data.draw(st.sampled_from([0.0, 0.1])),
    }  # fmt: skip
    name, options = data.draw(st.sampled_from([("SGD", sgd), ("Adam", adam), ("AdamW", adam)]))
    ours = tg.weight(np.array(START), "p")
    theirs = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    mine, other = getattr(tg.optim, name)([ours], **options), getattr(torch.optim, name)
    other = other([theirs], **options)
    for k in range(100):
        ours.grad, theirs.grad = gradient_at(k), torch.tensor(gradient_at(k))
        mine.step()
        other.step()
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_float32_parameters_stay_float32() -> None:
    for make, options in MAKERS.values():
        p = tg.weight(np.array(START, dtype=np.float32), "p")
        opt = make([p], **options)
        for _ in range(3):
            opt.minimize(((p - 1.0) ** 2).sum())
        assert p.data.dtype == np.float32
        assert all(v.dtype == np.float32 for s in opt._states.values()
                   for v in s.values() if isinstance(v, np.ndarray))  # fmt: skip
        opt.why(p)


def test_the_loss_falls() -> None:  # T57
    for make, options in MAKERS.values():
        w = tg.weight(3.0)
        opt = make([w], **options)
        losses = [opt.minimize((w - 1.0) ** 2) for _ in range(20)]
        assert losses[-1] < losses[1] < losses[0] == 4.0


def test_all_gradients_are_taken_before_any_weight_moves() -> None:  # T58
    v, w = tg.weight(2.0, "v"), tg.weight(3.0, "w")
    SGD([v, w], lr=0.1).minimize(v * w)
    assert (v.data, w.data) == (2.0 - 0.1 * 3.0, 3.0 - 0.1 * 2.0)


def test_a_tied_weight_steps_once() -> None:  # T60
    w = tg.weight(1.0, "w")
    opt = SGD([w, w, w], lr=0.5)
    opt.minimize(w * 1.0)
    assert w.data == 0.5 and len(opt.parameters) == 1

    class Tied(tg.nn.Module):
        def __init__(self) -> None:
            self.encoder = [w]
            self.decoder = {"same": w}

        def forward(self) -> Any:
            return w

    assert SGD(Tied().parameters(), lr=0.1).parameters == [w]


def test_parameters_as_list_generator_or_module() -> None:
    model = tg.nn.Linear(2, 1)
    for given_ in (model.parameters(), (p for p in model.parameters()), model):
        assert SGD(given_, lr=0.1).parameters == model.parameters()


def test_a_parameter_without_a_gradient_is_left_alone() -> None:
    used, unused = tg.weight(1.0), tg.weight(1.0)
    opt = Adam([used, unused], lr=0.1)
    opt.minimize(used * used)
    assert unused.data == 1.0 and unused not in opt._states


class Broadcasting(SGD):
    def update(self, p: Any, g: Any, state: Any, s: Any) -> Any:
        return np.stack([p, p]), state


def test_an_update_never_broadcasts_a_parameter_and_leaves_all_as_they_were() -> None:  # T26
    class LastOnly(Broadcasting):
        def update(self, p: Any, g: Any, state: Any, s: Any) -> Any:
            small = np.size(p) < 3
            return SGD.update(self, p, g, state, s) if small else super().update(p, g, state, s)

    first, last = tg.weight(np.ones(2), "first"), tg.weight(np.ones(3), "last")
    opt = LastOnly([first, last], lr=0.1)
    with pytest.raises(ShapeError, match=r"an update of shape \(2, 3\) for 'last'"):
        opt.minimize(first.sum() + last.sum())
    assert first.data.tolist() == [1.0, 1.0] and opt.steps == 0


def test_updated_arrays_are_read_only_and_nobodys() -> None:
    for make, options in MAKERS.values():
        p = tg.weight(np.array(START))
        opt = make([p], **options)
        opt.minimize((p * p).sum())
        arrays = [p.data, p.grad, *[x for x in opt._states[p].values() if np.ndim(x)]]
        assert not any(x.flags.writeable for x in arrays)


def test_step_without_backward_says_what_to_write() -> None:
    w = tg.weight(1.0, "w")
    with pytest.raises(
        AutodiffError, match=r"no parameter has a gradient(.|\n)*loss\.backward\(\)"
    ):
        SGD([w], lr=0.1).step()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([], "no parameters to train"),
        ([0.5], "a parameter is a Value, not 0.5"),
        (3, "a list of parameters, not int"),
        ({"w": 1}, "a list of parameters, not dict"),
        (np.ones(3), "a list of parameters, not ndarray"),
        (tg.weight(1.0, "w"), r"is given the parameters, not 'w'.*(\n.*)*tg.parameters\(loss\)"),
        ([tg.weight(1.0, "w") * 2.0], "was computed; only a leaf can be trained"),
    ],
)
def test_bad_parameters(parameters: Any, message: str) -> None:
    with pytest.raises((DTypeError, AutodiffError), match=message):
        SGD(parameters, lr=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: SGD(p, lr=-0.1), "lr is a number from 0 up, not -0.1"),
        (lambda p: SGD(p, lr=math.nan), "lr is a number from 0 up, not nan"),
        (lambda p: SGD(p, lr="0.1"), "lr is a number from 0 up, not '0.1'"),
        (lambda p: SGD(p, lr=[1, 2]), "lr is a number, not"),
        (lambda p: SGD(p, lr=0.1, nesterov=True), "nesterov needs a momentum"),
        (lambda p: Adam(p, betas=(0.9, 1.0)), r"betas\[1\] is a number from 0 up and below 1"),
        (lambda p: Adam(p, betas=0.9), "betas are two numbers"),
        (lambda p: Adam(p, eps=0.0), "eps must be above 0"),
    ],
)
def test_bad_settings(make: Any, message: str) -> None:
    with pytest.raises(DTypeError, match=message):
        make([tg.weight(1.0)])


# What is not finite ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_nan_loss_stops_with_its_birth_and_moves_nothing() -> None:  # T62
    w = tg.weight(-2.0, "w")
    opt = SGD([w], lr=0.1)
    with pytest.raises(NonFiniteError, match=r"the loss is nan\nnan was born in log(.|\n)*w = -2"):
        opt.minimize(tg.log(w) * 1.0)
    assert w.data == -2.0 and opt.steps == 0


def test_a_nan_gradient_behind_a_finite_loss_stops_too() -> None:
    w = tg.weight(np.array([0.0, 1.0]), "w")
    opt = SGD([w], lr=0.1)
    with pytest.raises(NonFiniteError, match=r"loss is 1, but the gradient of 'w'(.|\n)*at sqrt"):
        opt.minimize(tg.sqrt(w).sum())
    assert w.data.tolist() == [0.0, 1.0]
    with pytest.raises(NonFiniteError, match=r"gradient of 'w'(.|\n)*birth_of_nan\(loss\)"):
        opt.step()


def test_large_finite_gradients_are_no_alarm() -> None:
    for data in (np.array([1e200, 1e200]), 1e200):
        w = tg.weight(data, "w")
        w.grad = data
        SGD([w], lr=0.5).step()
        assert np.all(w.data == 0.5e200)


def test_minimize_needs_one_number() -> None:
    w = tg.weight(np.ones(3), "w")
    with pytest.raises(ShapeError, match=r"is not a single number(.|\n)*losses\.mean\(\)"):
        SGD([w], lr=0.1).minimize(w * w)


def test_minimize_is_the_three_lines() -> None:
    v, w = tg.weight(2.0), tg.weight(2.0)
    one, two = SGD([v], lr=0.1, momentum=0.5), SGD([w], lr=0.1, momentum=0.5)
    for _ in range(3):
        square = v * v
        assert one.minimize(square) == square.data
        loss = w * w
        two.zero_grad()
        loss.backward()
        two.step()
        assert (v.data, v.grad, square.grad) == (w.data, w.grad, loss.grad)


# Why ---------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(MAKERS)),
    start=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=3),
    gradients=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4),
    scalar=st.booleans(),
)
def test_the_parts_of_an_update_add_up_exactly(
    name: str, start: list[float], gradients: list[float], scalar: bool
) -> None:
    make, options = MAKERS[name]
    p = tg.weight(start[0] if scalar else np.array(start), "p")
    opt = make([p], **options)
    for g in gradients:
        p.grad = g if scalar else np.full(len(start), g)
        before = p.data
        opt.step()
    why = opt.why(p)
    assert np.array_equal(why.old, before) and np.array_equal(why.new, p.data)
    for i in [()] if scalar else [(i,) for i in range(len(start))]:
        old, new = (Fraction(float(np.asarray(x)[i])) for x in (before, p.data))
        parts = why.exact(i)
        assert sum(parts.values()) == new - old
        scale = max(abs(old), *map(abs, parts.values()))
        assert abs(parts["rounding"]) <= scale * Fraction(1, 2**48)


def test_why_reads_as_a_sentence_and_a_sum() -> None:
    w = tg.weight(1.0, "w2")
    opt = SGD([w], lr=0.5, momentum=0.5, weight_decay=0.25)
    opt.minimize(w * 1.0)
    opt.minimize(w * 1.0)
    why = opt.why(w)
    assert (why.old, why.new, why.gradient, why.rate, why.step) == (0.375, -0.484375, 1.0, 0.5, 2)
    assert dict(why.parts) == {
        "gradient": -0.5, "momentum": -0.3125, "decay": -0.046875, "rounding": 0.0
    }  # fmt: skip
    assert str(why).splitlines() == [
        "w2 fell from 0.375 to -0.484375: raising it would have raised the loss (∇ +1)",
        "  new = old - lr * velocity,  velocity = momentum * velocity + gradient"
        " + weight_decay * old",
        "  lr = 0.5, momentum = 0.5, weight_decay = 0.25",
        "  old                           +0.375",
        "  this step's gradient          -0.5",
        "  momentum (earlier gradients)  -0.3125",
        "  weight decay                  -0.046875",
        "  new                           -0.484375",
    ]


def test_why_prints_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.weight(1.0, "w")
    opt = SGD([w], lr=0.5)
    opt.minimize(w * 1.0)
    screen = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", screen)
    print(opt.why(w))
    screen.flush()
    assert "(grad +1)" in screen.buffer.getvalue().decode("cp1252")  # type: ignore[attr-defined]
    assert "∇ +1" in opt.why(w).text()


def test_why_of_an_array_shows_the_number_that_changed_most() -> None:
    w = tg.weight(np.zeros((2, 2)), "W")
    opt = SGD([w], lr=1.0)
    opt.minimize((w * np.array([[1.0, -2.0], [4.0, 3.0]])).sum())
    text = str(opt.why(w))
    assert text.startswith("W[1, 0] fell from 0 to -4") and "of shape (2, 2)" in text


def test_why_notices_shares_that_are_not_the_causes() -> None:
    class Wrong(SGD):
        def shares(self, *args: Any) -> dict[str, Any]:
            return {"gradient": -0.1}

    w = tg.weight(1.0, "w")
    opt = Wrong([w], lr=0.5)
    opt.minimize(w * 1.0)
    with pytest.raises(AutodiffError, match="unexplained"):
        opt.why(w)


def test_why_without_an_update() -> None:
    w, other = tg.weight(1.0, "w"), tg.weight(1.0, "other")
    opt = SGD([w], lr=0.1)
    with pytest.raises(AutodiffError, match=r"'w'.*has not been updated yet"):
        opt.why(w)
    with pytest.raises(AutodiffError, match=r"'other'.*is not trained by this optimizer"):
        opt.why(other)


# State -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MAKERS)
def test_training_goes_on_from_a_saved_state(name: str) -> None:
    make, options = MAKERS[name]
    whole = tg.weight(np.array(START))
    opt = make([whole], **options)
    for _ in range(5):
        opt.minimize(loss_of(whole))
    half = tg.weight(whole.data)
    again: Optimizer = make([half], **options)
    again.load_state_dict(opt.state_dict())
    for _ in range(5):
        opt.minimize(loss_of(whole))
        again.minimize(loss_of(half))
    assert np.array_equal(whole.data, half.data) and again.steps == 10


def test_a_state_of_another_model_is_refused() -> None:
    w, v = tg.weight(np.ones(3), "w"), tg.weight(np.ones(2), "v")
    opt, other = Adam([w]), Adam([v])
    opt.minimize(w.sum())
    with pytest.raises(ShapeError, match=r"mean of shape \(3,\) for 'v'"):
        other.load_state_dict(opt.state_dict())
