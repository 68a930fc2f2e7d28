"""PyTorch's trajectories: every optimizer under every schedule, on a linear fit and Rosenbrock.

Both losses are added up and their parameters are in two groups, so that one run tells on both. The
rates are such that a rounding error is not amplified from step to step: where it is (RMSprop going
back and forth over a minimum), PyTorch's own two implementations differ by more than 1e-12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def all_in_float64() -> Iterator[None]:
    """PyTorch keeps NAdam's product of momenta in its default type, and float32 is too coarse."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 2e-4}),
    "momentum": ("SGD", {"lr": 1e-4, "momentum": 0.5, "dampening": 0.2, "weight_decay": 0.01}),
    "nesterov": ("SGD", {"lr": 1e-4, "momentum": 0.6, "nesterov": True, "weight_decay": 0.01}),
    "rmsprop": ("RMSprop", {"lr": 4e-4, "alpha": 0.97}),
    "rmsprop all": (
        "RMSprop",
        {"lr": 1e-3, "alpha": 0.8, "momentum": 0.5, "centered": True, "weight_decay": 0.02,
         "eps": 1e-3},
    ),
    "adagrad": ("Adagrad", {"lr": 0.05}),
    "adagrad all": (
        "Adagrad",
        {"lr": 0.05, "lr_decay": 0.01, "initial_accumulator_value": 0.1, "weight_decay": 0.02},
    ),
    "adam": ("Adam", {"lr": 0.01}),
    "amsgrad": ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.02, "betas": (0.4, 0.9)}),
    "adamw": ("AdamW", {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}),
    "nadam": ("NAdam", {"lr": 0.01, "weight_decay": 0.02, "momentum_decay": 0.01}),
    "nadam apart": ("NAdam", {"lr": 0.002, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "radam": ("RAdam", {"lr": 1e-3, "weight_decay": 0.02}),
    "radam apart": (
        "RAdam",
        {"lr": 1e-3, "betas": (0.8, 0.99), "weight_decay": 0.1, "decoupled_weight_decay": True},
    ),
    "adamax": ("Adamax", {"lr": 0.01, "weight_decay": 0.02}),
}  # fmt: skip


def sequence(library: Any, opt: Any) -> Any:
    warm = library.LinearLR(opt, 0.1, total_iters=6)
    parts = [warm, library.CosineAnnealingLR(opt, 20), library.StepLR(opt, 3, 0.8)]
    return library.SequentialLR(opt, parts, milestones=[6, 40])


def other_sequence(library: Any, opt: Any) -> Any:
    parts = [
        library.ExponentialLR(opt, 0.9), library.MultiStepLR(opt, [0, 3], 0.7),
        library.CosineAnnealingWarmRestarts(opt, 4, 2), library.LambdaLR(opt, lambda t: 0.95**t),
    ]  # fmt: skip
    return library.SequentialLR(opt, parts, milestones=[5, 11, 30])


def chain(library: Any, opt: Any) -> Any:
    return library.ChainedScheduler([library.LinearLR(opt), library.ExponentialLR(opt, 0.98)])


SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "none": lambda _, opt: None,
    "step": lambda s, opt: s.StepLR(opt, 7, gamma=0.5),
    "multistep": lambda s, opt: s.MultiStepLR(opt, [3, 8, 8, 50], gamma=0.6),
    "exponential": lambda s, opt: s.ExponentialLR(opt, 0.97),
    "cosine": lambda s, opt: s.CosineAnnealingLR(opt, 8, eta_min=1e-5),
    "restarts": lambda s, opt: s.CosineAnnealingWarmRestarts(opt, 6, 2, eta_min=1e-5),
    "one cycle": lambda s, opt: s.OneCycleLR(
        opt, [1e-3, 2e-3], total_steps=100, max_momentum=0.9, base_momentum=0.7,
        cycle_momentum="betas" in opt.param_groups[0] or "momentum" in opt.param_groups[0],
    ),
    "three phases": lambda s, opt: s.OneCycleLR(
        opt, 1e-3, epochs=10, steps_per_epoch=10, pct_start=0.2, anneal_strategy="linear",
        three_phase=True, cycle_momentum=False, div_factor=10.0, final_div_factor=100.0,
    ),
    "plateau": lambda s, opt: s.ReduceLROnPlateau(
        opt, factor=0.5, patience=2, threshold=0.05, cooldown=1, min_lr=[1e-5, 2e-5]
    ),
    "warm-up": lambda s, opt: s.LinearLR(opt, 0.2, 0.9, total_iters=15),
    "lambda": lambda s, opt: s.LambdaLR(opt, [lambda t: 0.98**t, lambda t: 1 / (1 + t)]),
    "sequence": sequence,
    "other sequence": other_sequence,
    "chain": chain,
}  # fmt: skip

RNG = np.random.default_rng(6)
X = RNG.normal(size=(12, 3))
Y = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * RNG.normal(size=(12, 1)) + 0.3
W, B, POINT = RNG.normal(size=(3, 1)), np.zeros(1), np.array([-1.2, 1.0])


STARTS = [W, B, POINT]


def loss_of(w: Any, b: Any, point: Any) -> Any:
    """A linear fit and Rosenbrock's valley, added up; for Values, tensors and arrays."""
    x, y = point[0], point[1]
    rest = DATA[type(w)][0] @ w + b - DATA[type(w)][1]
    return (rest * rest).mean() + (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


DATA = {
    torch.Tensor: (torch.tensor(X), torch.tensor(Y)), tg.Value: (X, Y), np.ndarray: (X, Y),
}  # fmt: skip


def by_hand(w: Any, b: Any, point: Any) -> list[np.ndarray]:
    """The gradients of `loss_of`."""
    rest, (x, y) = X @ w + b - Y, point
    slope = np.array([-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)])
    return [2.0 / len(X) * X.T @ rest, 2.0 / len(X) * rest.sum(axis=0), slope]


def trajectory(
    library: Any, parameters: list[Any], rule: str, schedule: str, gradients: Callable[[], float]
) -> list[list[np.ndarray]]:
    """All parameters after each of 100 steps."""
    kind, options = RULES[rule]
    groups = [{"params": parameters[:2]}, {"params": parameters[2:], "lr": options["lr"] / 2}]
    opt = getattr(library, kind)(groups, **options)
    rates = getattr(library, "lr_scheduler", library)
    made, places = SCHEDULES[schedule](rates, opt), []
    for _ in range(100):
        loss = gradients()
        opt.step()
        if schedule == "plateau":
            made.step(loss)
        elif made is not None:
            made.step()
        places.append([np.array(as_array(p)) for p in parameters])
    return places


def as_array(p: Any) -> Any:
    return p.data if isinstance(p, tg.Value) else p.detach().numpy()


def theirs(rule: str, schedule: str, backward: bool = False) -> list[list[np.ndarray]]:
    ps = [torch.tensor(start, requires_grad=True) for start in STARTS]

    def gradients() -> float:
        arrays = [p.detach().numpy() for p in ps]
        if backward:
            for p in ps:
                p.grad = None
            loss_of(*ps).backward()
        else:
            for p, g in zip(ps, by_hand(*arrays), strict=True):
                p.grad = torch.from_numpy(g)
        return float(loss_of(*arrays))

    return trajectory(torch.optim, ps, rule, schedule, gradients)


def ours(rule: str, schedule: str, backward: bool = False) -> list[list[np.ndarray]]:
    ps = [tg.weight(start) for start in STARTS]

    def gradients() -> float:
        arrays = [p.data for p in ps]
        if backward:
            for p in ps:
                p.zero_grad()
            loss_of(*ps).backward()
        else:
            for p, g in zip(ps, by_hand(*arrays), strict=True):
                p.grad = g
        return float(loss_of(*arrays))

    return trajectory(tg.optim, ps, rule, schedule, gradients)


def compare(mine: list[list[np.ndarray]], other: list[list[np.ndarray]]) -> None:
    for step, (here, there) in enumerate(zip(mine, other, strict=True), 1):
        for a, b in zip(here, there, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=f"step {step}")
    moved = [abs(a - b).max() for a, b in zip(mine[-1], STARTS, strict=True)]
    assert min(moved) > 1e-5


@pytest.mark.parametrize("rule", RULES)
def test_every_optimizer_under_every_schedule(rule: str) -> None:
    for schedule in SCHEDULES:
        compare(ours(rule, schedule), theirs(rule, schedule))


@pytest.mark.parametrize("rule", RULES)
def test_with_the_gradients_of_backward(rule: str) -> None:
    compare(ours(rule, "none", backward=True), theirs(rule, "none", backward=True))
