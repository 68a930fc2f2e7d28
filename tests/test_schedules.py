"""Schedules: PyTorch's rates, epoch by epoch, and state that goes on."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import optim
from tinygrad_edu.errors import AutodiffError, DTypeError, NonFiniteError
from tinygrad_edu.optim import SGD

# The rates of eight epochs in torch 2.13, from a rate of 0.8.
RATES = {
    "StepLR": [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2],
    "MultiStepLR": [0.8, 0.8, 0.4, 0.4, 0.4, 0.1, 0.1, 0.1],
    "ExponentialLR": [0.8, 0.64, 0.512, 0.4096, 0.32768, 0.262144, 0.2097152, 0.16777216],
    "CosineAnnealingLR": [0.8, 0.697487373415292, 0.45, 0.202512626584708, 0.1,
        0.202512626584708, 0.45, 0.697487373415292],
    "CosineAnnealingWarmRestarts": [0.8, 0.45, 0.8, 0.697487373415292, 0.45, 0.202512626584708,
        0.8, 0.77335783637895],
    "OneCycleLR": [0.04, 0.819275104892192, 0.971941777387523, 0.811745653949763,
        0.555984014122702, 0.283060998208699, 0.0766415938342564, 4e-06],
    "three phases": [0.04, 0.476363636363636, 0.912727272727273, 0.650909090909091,
        0.214545454545455, 0.0307701538461538, 0.0153870769230769, 3.99999999999706e-06],
    "LinearLR": [0.16, 0.272, 0.384, 0.496, 0.608, 0.72, 0.72, 0.72],
    "LambdaLR": [0.8, 0.4, 0.266666666666667, 0.2, 0.16, 0.133333333333333, 0.114285714285714,
        0.1],
    "SequentialLR": [0.08, 0.32, 0.56, 0.8, 0.723606797749979, 0.523606797749979,
        0.276393202250021, 0.0763932022500211],
    "ChainedScheduler": [0.4, 0.45, 0.486, 0.5103, 0.52488, 0.472392, 0.4251528, 0.38263752],
}  # fmt: skip


def _sequence(opt: Any) -> Any:
    parts: list[Any] = [optim.LinearLR(opt, 0.1, total_iters=3), optim.CosineAnnealingLR(opt, 5)]
    return optim.SequentialLR(opt, parts, milestones=[3])


def _chain(opt: Any) -> Any:
    return optim.ChainedScheduler(
        [optim.LinearLR(opt, 0.5, total_iters=4), optim.ExponentialLR(opt, 0.9)]
    )


MAKERS: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda opt: optim.StepLR(opt, 3, 0.5),
    "MultiStepLR": lambda opt: optim.MultiStepLR(opt, [5, 2, 5], 0.5),
    "ExponentialLR": lambda opt: optim.ExponentialLR(opt, 0.8),
    "CosineAnnealingLR": lambda opt: optim.CosineAnnealingLR(opt, 4, 0.1),
    "CosineAnnealingWarmRestarts": lambda opt: optim.CosineAnnealingWarmRestarts(opt, 2, 2, 0.1),
    "OneCycleLR": lambda opt: optim.OneCycleLR(opt, 1.0, total_steps=8),
    "three phases": lambda opt: optim.OneCycleLR(
        opt, 1.0, epochs=2, steps_per_epoch=4, pct_start=0.4, anneal_strategy="linear",
        three_phase=True,
    ),
    "LinearLR": lambda opt: optim.LinearLR(opt, 0.2, 0.9, total_iters=5),
    "LambdaLR": lambda opt: optim.LambdaLR(opt, lambda t: 1 / (1 + t)),
    "SequentialLR": _sequence,
    "ChainedScheduler": _chain,
}  # fmt: skip


def made() -> Any:
    return SGD([tg.weight(1.0, "w")], lr=0.8, momentum=0.9)


def go(opt: Any, schedule: Any, epochs: int) -> list[float]:
    rates = []
    for _ in range(epochs):
        rates.append(opt.lr)
        opt.parameters[0].grad = 1e-6
        opt.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("name", MAKERS)
def test_the_rates_of_eight_epochs(name: str) -> None:
    opt = made()
    assert go(opt, MAKERS[name](opt), 8) == pytest.approx(RATES[name], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", MAKERS)
def test_a_schedule_goes_on_from_its_state(name: str) -> None:
    whole, first = made(), made()
    rates = go(whole, MAKERS[name](whole), 8)
    before = MAKERS[name](first)
    go(first, before, 4)
    saved = json.loads(json.dumps([first.state_dict(), before.state_dict()]))
    again = made()
    schedule = MAKERS[name](again)
    again.load_state_dict(saved[0])
    schedule.load_state_dict(saved[1])
    assert go(again, schedule, 4) == rates[4:]
    assert schedule.get_last_lr() == [again.lr]
    assert again.parameters[0].data != whole.parameters[0].data  # only the rates were compared


def test_a_plateau_is_noticed_and_its_state_goes_on() -> None:
    losses = [4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]
    # Two bad epochs, one of cooldown, two bad epochs.
    expected = [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2]

    def run(opt: Any, schedule: Any, part: list[float]) -> list[float]:
        found = []
        for loss in part:
            schedule.step(tg.Value(loss))
            found.append(opt.lr)
        return found

    opt = made()
    schedule = optim.ReduceLROnPlateau(opt, factor=0.5, patience=1, cooldown=1)
    assert run(opt, schedule, losses[:5]) == expected[:5]
    again = made()
    other = optim.ReduceLROnPlateau(again, factor=0.5, patience=1, cooldown=1)
    again.load_state_dict(opt.state_dict())
    other.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    assert run(again, other, losses[5:]) == run(opt, schedule, losses[5:]) == expected[5:]


@pytest.mark.parametrize(
    ("options", "numbers", "rate"),
    [
        ({"mode": "max", "patience": 0}, [0.5, 0.6, 0.7], 0.8),
        ({"mode": "max", "patience": 0}, [0.5, 0.5], 0.08),
        ({"threshold": 0.2, "patience": 0}, [1.0, 0.9], 0.08),
        ({"threshold": 0.2, "patience": 0}, [10.0, 9.0], 0.08),
        ({"threshold": 0.2, "threshold_mode": "abs", "patience": 0}, [10.0, 9.0], 0.8),
        ({"threshold": 0.2, "threshold_mode": "abs", "mode": "max", "patience": 0}, [1, 1.1], 0.08),
        ({"patience": 0, "min_lr": 0.3}, [1.0, 1.0, 1.0], 0.3),
        ({"patience": 0, "eps": 0.9}, [1.0, 1.0], 0.8),
    ],
)
def test_what_counts_as_better(options: Any, numbers: list[float], rate: float) -> None:
    opt = made()
    schedule = optim.ReduceLROnPlateau(opt, **options)
    for number in numbers:
        schedule.step(number)
    assert opt.lr == pytest.approx(rate)


def test_nan_is_no_measurement() -> None:
    opt = made()
    with pytest.raises(NonFiniteError, match="the measured number is NaN"):
        optim.ReduceLROnPlateau(opt).step(math.nan)


def test_each_group_has_its_own_rates() -> None:
    v, w = tg.weight(1.0), tg.weight(1.0)
    opt = SGD([{"params": [v]}, {"params": [w], "lr": 0.2}], lr=0.8)
    schedule = optim.LambdaLR(opt, [lambda t: 0.5**t, lambda t: 1.0])
    v.grad = w.grad = 0.0
    opt.step()
    schedule.step()
    assert schedule.get_last_lr() == [0.4, 0.2]
    assert repr(schedule) == "LambdaLR(epoch 1, lr 0.4, 0.2)"


def test_one_cycle_turns_the_momentum_the_other_way() -> None:
    for opt, momentum in (
        (made(), lambda group: group["momentum"]),
        (optim.Adam([tg.weight(1.0)]), lambda group: group["betas"][0]),
    ):
        schedule = optim.OneCycleLR(opt, 1.0, total_steps=10)
        assert momentum(opt.param_groups[0]) == 0.95
        go(opt, schedule, 2)
        assert momentum(opt.param_groups[0]) == pytest.approx(0.85) and opt.lr == pytest.approx(1.0)


def test_a_cycle_ends() -> None:
    opt = made()
    schedule = optim.OneCycleLR(opt, 1.0, total_steps=3, anneal_strategy="linear")
    go(opt, schedule, 3)  # one step of the schedule after each batch, the last one too
    assert 0.0 < opt.lr == pytest.approx(4e-6)
    with pytest.raises(AutodiffError, match=r"step 4 of a cycle that was made for 3(.|\n)*batches"):
        schedule.step()


def test_restarts_at_a_fraction_of_an_epoch() -> None:
    opt = made()
    schedule = optim.CosineAnnealingWarmRestarts(opt, 2, 2)
    for epoch, rate in ((1.0, 0.4), (2.0, 0.8), (4.0, 0.4), (6.0, 0.8), (10.0, 0.4), (0.5, 0.6828)):
        schedule.step(epoch)
        assert opt.lr == pytest.approx(rate, abs=1e-4)
    equal = optim.CosineAnnealingWarmRestarts(made(), 3)
    equal.step(300.0)
    assert equal.get_last_lr() == [0.8] and equal.T_i == 3


def test_a_schedule_that_goes_first_is_told() -> None:
    schedule = optim.StepLR(made(), 3)
    with pytest.warns(UserWarning, match=r"before the first optimizer.step\(\): the first rate"):
        schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()


def test_a_later_epoch_needs_the_rate_at_the_start() -> None:
    opt = made()
    with pytest.raises(DTypeError, match=r"last_epoch=3, but group 0 has no 'initial_lr'"):
        optim.StepLR(opt, 2, last_epoch=3)
    opt.param_groups[0]["initial_lr"] = 0.8
    assert optim.StepLR(opt, 5, 0.5, last_epoch=3).get_last_lr() == [0.8]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda opt: optim.StepLR("opt", 3), "made from an optimizer, not str"),
        (lambda opt: optim.StepLR(optim.LBFGS(opt.parameters), 3), "LBFGS has no learning rate"),
        (lambda opt: optim.StepLR(opt, 0), "step_size is a whole number from 1 up, not 0"),
        (lambda opt: optim.StepLR(opt, 2.5), "step_size is a whole number from 1 up, not 2.5"),
        (lambda opt: optim.StepLR(opt, 2, gamma=-1.0), "gamma is a number from 0 up"),
        (lambda opt: optim.MultiStepLR(opt, [-1]), "a milestone is a whole number from 0 up"),
        (lambda opt: optim.CosineAnnealingLR(opt, 0), "T_max is a whole number"),
        (lambda opt: optim.CosineAnnealingWarmRestarts(opt, 2, 0), "T_mult is a whole number"),
        (lambda opt: optim.LinearLR(opt, 0.0), "start_factor is above 0"),
        (lambda opt: optim.LinearLR(opt, 2.0), "start_factor is a number from 0 to 1, not 2"),
        (lambda opt: optim.LambdaLR(opt, [lambda t: 1.0] * 2), "a list of 1: one per group"),
        (lambda opt: optim.LambdaLR(opt, 0.5), "lr_lambda is a function of the epoch"),
        (lambda opt: optim.OneCycleLR(opt, 1.0), "needs to know its length"),
        (lambda opt: optim.OneCycleLR(opt, 1.0, 9, anneal_strategy="cosine"), "'cos' or 'linear'"),
        (lambda opt: optim.OneCycleLR(opt, 1.0, 9, pct_start=1.5), "pct_start is a number from 0"),
        (lambda opt: optim.OneCycleLR(opt, [1.0, 2.0], 9), "max_lr has 2 numbers for 1 groups"),
        (lambda opt: optim.OneCycleLR(optim.Adagrad(opt.parameters), 1.0, 9), "no momentum to"),
        (lambda opt: optim.ReduceLROnPlateau(opt, mode="low"), "mode is 'min' or 'max', not 'low'"),
        (lambda opt: optim.ReduceLROnPlateau(opt, factor=1.0), "factor is a number from 0 up and"),
        (lambda opt: optim.SequentialLR(opt, [], []), "SequentialLR of no schedules"),
        (
            lambda opt: optim.SequentialLR(opt, [optim.ReduceLROnPlateau(opt)], []),
            "schedule 0 of SequentialLR is a ReduceLROnPlateau, which does not count",
        ),
        (
            lambda opt: optim.SequentialLR(opt, [optim.StepLR(opt, 1)] * 2, [3, 5]),
            "2 milestones for 2 schedules",
        ),
        (
            lambda opt: optim.SequentialLR(opt, [optim.StepLR(opt, 1)] * 3, [5, 3]),
            r"milestones rise, \[5, 3\] do not",
        ),
        (
            lambda opt: optim.ChainedScheduler([optim.StepLR(opt, 1), optim.StepLR(made(), 1)]),
            "schedule 1 of ChainedScheduler has another optimizer",
        ),
    ],
)
def test_bad_schedules(make: Any, message: str) -> None:
    with pytest.raises(DTypeError, match=message):
        make(made())


def test_states_of_other_schedules_are_refused() -> None:
    step, chain = optim.StepLR(made(), 3), _chain(made())
    with pytest.raises(DTypeError, match="a state of ExponentialLR for StepLR"):
        step.load_state_dict(optim.ExponentialLR(made(), 0.5).state_dict())
    with pytest.raises(DTypeError, match="a state of something else for StepLR"):
        step.load_state_dict({})
    two = SGD([{"params": [tg.weight(1.0)]}, {"params": [tg.weight(1.0)]}], lr=0.1)
    with pytest.raises(DTypeError, match="a state for 2 groups; the optimizer has 1"):
        step.load_state_dict(optim.StepLR(two, 3).state_dict())
    before = chain.state_dict()
    broken = json.loads(json.dumps(before))
    broken["schedulers"][0]["last_epoch"], broken["schedulers"][1] = 5, {}
    with pytest.raises(DTypeError, match="a state of something else for ExponentialLR"):
        chain.load_state_dict(broken)
    assert chain.state_dict() == before


def test_a_group_that_came_later_is_told() -> None:
    opt = made()
    schedule, opt.steps = optim.StepLR(opt, 3), 1
    opt.add_param_group({"params": [tg.weight(1.0)]})
    with pytest.raises(AutodiffError, match=r"StepLR was made for 1 groups, now there are 2"):
        schedule.step()


def test_a_rate_below_zero_is_refused_and_no_group_has_changed() -> None:
    opt = SGD([{"params": [tg.weight(1.0)]}, {"params": [tg.weight(1.0)]}], lr=0.5)
    opt.steps = 1
    schedule = optim.LambdaLR(opt, [lambda t: 0.5**t, lambda t: 1.0 - 2.0 * t])
    with pytest.raises(DTypeError, match=r"lr is a number from 0 up, not -0\.5"):
        schedule.step()
    assert schedule.get_last_lr() == [0.5, 0.5]


def test_a_saved_state_is_nobodys() -> None:
    schedule = optim.MultiStepLR(made(), [1, 5])
    saved = schedule.state_dict()
    saved["milestones"].append(7)
    assert schedule.milestones == [1, 5]
    schedule.load_state_dict(saved)
    saved["milestones"].append(9)
    assert schedule.milestones == [1, 5, 7]


def test_a_schedule_in_fit() -> None:
    model = tg.nn.Linear(1, 1, seed=0)
    opt = SGD(model.parameters(), lr=0.1)
    schedule = optim.ExponentialLR(opt, 0.5)
    x = np.linspace(0.0, 1.0, 5)[:, None]
    tg.train.fit(
        model, (x, x[:, 0]), "mse_loss", opt, epochs=3, progress=False,
        callbacks=lambda history: schedule.step(),
    )  # fmt: skip
    assert opt.lr == pytest.approx(0.0125)


def test_each_schedule_of_a_sequence_begins_at_its_own_start() -> None:
    opt = made()
    parts: list[Any] = [
        optim.ExponentialLR(opt, 0.5), optim.CosineAnnealingWarmRestarts(opt, 4),
        optim.MultiStepLR(opt, [0, 2], 0.5), optim.LinearLR(opt, 0.25, total_iters=3),
    ]  # fmt: skip
    schedule = optim.SequentialLR(opt, parts, milestones=[2, 4, 7])
    cosine = 0.4 * (1.0 + math.cos(math.pi / 4))
    expected = [0.8, 0.4, 0.8, cosine, 0.4, 0.4, 0.2, 0.2, 0.4, 0.6, 0.8]
    assert go(opt, schedule, 11) == pytest.approx(expected)


def test_a_cycle_that_only_rises() -> None:
    opt = made()
    schedule = optim.OneCycleLR(opt, 1.0, total_steps=4, pct_start=1.0, final_div_factor=10.0)
    assert go(opt, schedule, 4)[-1] == pytest.approx(1.0)
    assert opt.lr == pytest.approx(0.004)
