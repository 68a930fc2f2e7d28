"""Optimizers: PyTorch's numbers, all gradients before all updates, and updates that explain."""

from __future__ import annotations

import io
import json
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
from tinygrad_edu.optim import (
    SGD,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
)  # fmt: skip
from tinygrad_edu.testing.laws import check_optimizer

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
    "rmsprop": (RMSprop, {"lr": 0.02}),
    "rmsprop_all": (RMSprop, {"lr": 0.02, "alpha": 0.4, "eps": 1e-3, "momentum": 0.5,
                              "centered": True, "weight_decay": 0.1}),
    "adagrad": (Adagrad, {"lr": 0.1}),
    "adagrad_all": (Adagrad, {"lr": 0.1, "lr_decay": 0.01, "initial_accumulator_value": 0.5,
                              "weight_decay": 0.1}),
    "amsgrad": (Adam, {"lr": 0.05, "amsgrad": True, "betas": (0.9, 0.9), "weight_decay": 0.1}),
    "nadam": (NAdam, {"lr": 0.05, "weight_decay": 0.1}),
    "nadam_beside": (NAdam, {"lr": 0.05, "weight_decay": 0.1, "momentum_decay": 0.02,
                             "decoupled_weight_decay": True}),
    "radam": (RAdam, {"lr": 0.05, "weight_decay": 0.1}),
    "radam_beside": (RAdam, {"lr": 0.05, "weight_decay": 0.1, "betas": (0.8, 0.99),
                             "decoupled_weight_decay": True}),
    "adamax": (Adamax, {"lr": 0.05, "weight_decay": 0.1}),
}  # fmt: skip
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
    "rmsprop": [-1.2849295060543866, -0.1321230966109818, 1.1175813308084077],
    "rmsprop_all": [-1.5685549065263982, 0.3757817765832984, 0.11005325871036194],
    "adagrad": [-0.3312607781925288, -0.7336198186269839, 1.5822323963434084],
    "adagrad_all": [-0.10411181302519591, -0.7477344763822058, 1.4616048252020015],
    "amsgrad": [-1.260400702671739, 0.3255688737865215, 0.537985028318146],
    "nadam": [-1.1701239240504946, 0.2934312435806818, 0.48346055456152365],
    "nadam_beside": [-1.2118391227900094, 0.2785262052030228, 0.6006427303130678],
    "radam": [0.044163311383011446, -0.9257983979414085, 1.6682038509264996],
    "radam_beside": [-0.47256914778101394, -0.2738828414116901, 0.9482495070786039],
    "adamax": [-0.7620285775338003, -0.1395315243081042, 0.8883558730994461],
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
        (lambda p: SGD(p, nesterov="yes"), "nesterov is True or False, not 'yes'"),
        (lambda p: Adam(p, amsgrad=1), "amsgrad is True or False, not 1"),
        (lambda p: RMSprop(p, alpha=1.0), "alpha is a number from 0 up and below 1, not 1"),
        (lambda p: NAdam(p, betas=(-0.1, 0.9)), r"betas\[0\] is a number from 0 up and below 1"),
        (lambda p: Adagrad(p, lr_decay=-1.0), "lr_decay is a number from 0 up, not -1"),
        (lambda p: RAdam(p, weight_decay=-1.0), "weight_decay is a number from 0 up, not -1"),
        (lambda p: Adamax(p, betas=(0.9, 0.9, 0.9)), "betas are two numbers"),
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


@pytest.mark.parametrize("name", MAKERS)
def test_gradients_whose_square_overflows_are_told_where_it_is_needed(name: str) -> None:
    make, options = MAKERS[name]
    for data in (np.array([1.0, 1.0]), 1.0):
        w = tg.weight(data, "w")
        opt = make([w], **options)
        w.grad = data * 1e200
        if make in (SGD, Adamax):
            opt.step()
            assert np.all(np.isfinite(w.data)) and np.all(w.data < 1.0)
        else:
            with pytest.raises(NonFiniteError, match=r"'w'.* too large to be sq(.|\n)*clip_grad"):
                opt.step()
            assert np.all(w.data == 1.0) and not opt._states


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
        "  velocity = 1.71875",
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


def test_a_state_of_another_optimizer_is_refused_and_nothing_has_changed() -> None:
    w = tg.weight(np.ones(3), "w")
    opt = Adam([w], lr=0.5)
    for saved, message in (
        (SGD([w]).state_dict(), "this is the state of SGD; it cannot go on as Adam"),
        ({"w": 1}, "this is not the state of an optimizer"),
        (
            {**opt.state_dict(), "groups": []},
            r"groups of \[\] parameters",
        ),
        ({**opt.state_dict(), "groups": [{"params": [0], "lt": 1.0}]}, "did you mean 'lr'"),
        ({**opt.state_dict(), "groups": [{"params": [0], "lr": -1.0}]}, "lr is a number from 0 up"),
        ({**opt.state_dict(), "state": {7: {}}}, "a state for parameter 7; there are 1"),
    ):
        with pytest.raises((DTypeError, ShapeError), match=message):
            opt.load_state_dict(saved)
    assert (opt.lr, opt.steps, opt._states) == (0.5, 0, {})


@pytest.mark.parametrize("name", MAKERS)
def test_a_state_survives_being_written_as_text(name: str) -> None:
    make, options = MAKERS[name]
    p = tg.weight(0.5)
    opt = make([p], **options)
    for _ in range(3):
        opt.minimize((p - 1.0) ** 2)
    opt.lr = 0.01
    again = make([tg.weight(p.data)], **options)
    again.load_state_dict(json.loads(json.dumps(opt.state_dict())))
    opt.minimize((p - 1.0) ** 2)
    again.minimize((again.parameters[0] - 1.0) ** 2)
    assert again.parameters[0].data == p.data and again.lr == 0.01
    assert again.state_dict() == opt.state_dict()


# Laws that need no reference ---------------------------------------------------------------------


@pytest.mark.parametrize("name", MAKERS)
def test_no_gradient_and_no_decay_is_no_update(name: str) -> None:
    make, options = MAKERS[name]
    for data in (0.5, np.array(START)):
        p = tg.weight(data)
        opt = make([p], **{**options, "weight_decay": 0.0})
        for _ in range(3):
            p.grad = np.zeros(3) if np.ndim(data) else 0.0
            opt.step()
        assert np.array_equal(p.data, data)


@pytest.mark.parametrize("name", MAKERS)
def test_a_convex_bowl_is_descended(name: str) -> None:
    make, options = MAKERS[name]
    w = tg.weight(np.array([3.0, -2.0]))
    opt = make([w], **{**options, "weight_decay": 0.0})
    start = opt.minimize((w * w * np.array([1.0, 3.0])).sum())
    for _ in range(300):
        end = opt.minimize((w * w * np.array([1.0, 3.0])).sum())
    assert end < 0.5 * start


@pytest.mark.parametrize("name", MAKERS)
def test_every_optimizer_is_lawful(name: str) -> None:  # T26, T57, T58, T60
    make, options = MAKERS[name]
    check_optimizer(make([tg.weight(1.0)], **options))


@pytest.mark.parametrize("name", MAKERS)
def test_the_formula_names_the_parts(name: str) -> None:
    make, options = MAKERS[name]
    p = tg.weight(np.array(START), "p")
    opt = make([p], **options)
    for _ in range(3):
        opt.minimize(loss_of(p))
    why = opt.why(p)
    assert why.formula.startswith("new = old") and (
        ("weight_decay" in why.formula) == ("decay" in why.parts) == ("weight_decay" in options)
    )
    assert all(f"{term} = " in why.text() for term in why.terms)
    scales = [v for k, v in why.terms.items() if k.startswith("lr / ")]
    if scales and "momentum" not in why.parts:  # then the scale is what one unit of gradient moves
        assert np.allclose(why.parts["gradient"], -scales[0] * why.gradient, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", MAKERS)
def test_the_formula_computed_by_hand_gives_the_new_number(name: str) -> None:
    make, options = MAKERS[name]
    p = tg.weight(0.75, "p")
    opt = make([p], **options)
    for k in range(8):
        p.grad = math.sin(1.0 + k)
        opt.step()
        why = opt.why(p)
        rule = why.formula.split(",  ")[0].removeprefix("new = ")
        if make is RAdam and "r" not in why.terms:
            rule = "old - lr * m" if "decoupled" not in str(options) else (
                "old - lr * weight_decay * old - lr * m"
            )  # fmt: skip
        for words, python in (("M mu'", "M * mu'"), ("mu'", "ahead"), ("^", "**"), ("²", "**2")):
            rule = rule.replace(words, python)
        gradient = why.gradient
        if "gradient + weight_decay * old for the gradient" in why.formula:
            gradient += why.settings["weight_decay"] * why.old
        known = {"old": why.old, "gradient": gradient, "t": why.step, "sqrt": math.sqrt}
        terms = {key.replace("mu'", "ahead"): value for key, value in why.terms.items()}
        new = eval(rule, {**known, **why.settings, **terms})
        assert new == pytest.approx(why.new, rel=1e-13)


def test_why_shows_the_adaptive_scaling() -> None:
    w = tg.weight(1.0, "w")
    opt = RMSprop([w], lr=0.5, alpha=0.75, eps=1.0)
    opt.minimize(w * 2.0)
    assert str(opt.why(w)).splitlines() == [
        "w fell from 1 to 0.5: raising it would have raised the loss (∇ +2)",
        "  new = old - lr * gradient / (sqrt(v) + eps),"
        "  v the running mean of the gradient's square",
        "  lr = 0.5, alpha = 0.75, eps = 1",
        "  v = 1, lr / (sqrt(v) + eps) = 0.25",
        "  old                   +1",
        "  this step's gradient  -0.5",
        "  new                   +0.5",
    ]


def test_the_mean_of_equal_gradients_has_no_variance() -> None:
    w = tg.weight(1.0, "w")
    opt = RMSprop([w], lr=1e-6, alpha=0.1, centered=True, eps=1e-3)
    for _ in range(60):  # rounding takes v - m² below 0 here
        w.grad = 0.1
        opt.step()
    assert math.isfinite(w.data) and opt.why(w).terms["lr / (sqrt(v) + eps)"] <= 1e-3


# Groups ------------------------------------------------------------------------------------------


def test_groups_have_rates_of_their_own() -> None:
    v, w = tg.weight(1.0, "v"), tg.weight(1.0, "w")
    opt = SGD([{"params": [v], "lr": 0.5}, {"params": w, "weight_decay": 1.0}], lr=0.25)
    opt.minimize(v + w)
    assert (v.data, w.data) == (0.5, 0.5)
    assert opt.why(v).settings == {"lr": 0.5} and opt.why(w).settings["weight_decay"] == 1.0
    assert opt.parameters == [v, w] and opt.lr == 0.5
    assert repr(opt) == "SGD(2 parameters in 2 groups, lr=0.5)"
    opt.param_groups[0]["lr"] = 0.0
    opt.minimize(v + w)
    assert v.data == 0.5 and opt.why(v).rate == 0.0
    opt.lr = 0.125
    assert [group["lr"] for group in opt.param_groups] == [0.125, 0.125]


def test_groups_of_modules_and_groups_added_later() -> None:
    first, second = tg.nn.Linear(2, 3), tg.nn.Linear(3, 1)
    opt = Adam([{"params": first}, {"params": second.parameters(), "lr": 0.1}])
    assert opt.parameters == [*first.parameters(), *second.parameters()]
    w = tg.weight(1.0, "w")
    opt.add_param_group({"params": [w], "betas": (0.5, 0.5)})
    assert opt.settings(2)["betas"] == (0.5, 0.5) and opt.parameters[-1] is w
    with pytest.raises(DTypeError, match=r"'w'.* is in group 2 and in group 3"):
        opt.add_param_group({"params": [w]})


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([{"params": []}], "no parameters to train"),
        ([{"lr": 0.1}], r"group 0 has no 'params', only 'lr'(.|\n)*\"params\": model"),
        ([{}], "group 0 has no 'params', only nothing"),
        ([{"params": [tg.weight(1.0)], "momentun": 0.1}], "group 0 of SGD has no setting "
         r"'momentun'(.|\n)*did you mean 'momentum'"),
        ([{"params": [tg.weight(1.0)], "zzz": 0.1}], r"no setting 'zzz'(.|\n)*it has lr, momentum"),
        ([{"params": [tg.weight(1.0)], "lr": -0.1}], "lr is a number from 0 up, not -0.1"),
        ([{"params": [tg.weight(1.0)], "nesterov": True}], "nesterov needs a momentum"),
        ([{"params": [tg.weight(1.0) * 2.0]}], "was computed; only a leaf"),
        ([{"params": [tg.weight(1.0)]}, tg.weight(1.0)], "a parameter is a Value, not"),
    ],
)  # fmt: skip
def test_bad_groups(groups: Any, message: str) -> None:
    with pytest.raises((DTypeError, AutodiffError), match=message):
        SGD(groups, lr=0.1)


def test_one_parameter_in_two_groups_is_refused() -> None:
    v, w = tg.weight(1.0, "v"), tg.weight(1.0, "w")
    with pytest.raises(DTypeError, match=r"'w'.* is in group 0 and in group 1(.|\n)*in one"):
        SGD([{"params": [v, w]}, {"params": [w]}], lr=0.1)
