"""What all schedules share: an epoch, the rates of the groups, state as plain numbers."""

from __future__ import annotations

import numbers
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_edu.errors import AutodiffError, DTypeError
from tinygrad_edu.optim.groups import Settings, checked, whole
from tinygrad_edu.optim.optimizer import Optimizer


def number(name: str, value: Any, low: float, high: float) -> float:
    """A setting between two bounds, both allowed."""
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not real or not low <= value <= high:
        raise DTypeError(f"{name} is a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """A setting that is one of a few words."""
    if value not in choices:
        raise DTypeError(f"{name} is {' or '.join(map(repr, choices))}, not {value!r}")
    return str(value)


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[float]:
    """One number for all groups, or a list with one for each."""
    n = len(scheduled(optimizer).param_groups)
    given = list(value) if isinstance(value, (list, tuple)) else [value] * n
    if len(given) != n:
        raise DTypeError(f"{name} has {len(given)} numbers for {n} groups", hint=f"{name}=0.01")
    return [checked(name, x) for x in given]


def scheduled(optimizer: Any) -> Optimizer:
    """The optimizer, if it is one whose rate can be set."""
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(
            f"a schedule is made from an optimizer, not {type(optimizer).__name__}",
            hint="tg.optim.StepLR(opt, step_size=10)",
        )
    if "lr" not in optimizer.defaults:
        raise DTypeError(f"{type(optimizer).__name__} has no learning rate")
    return optimizer


class Remembers:
    """State as plain numbers: all attributes but the optimizer, and functions given by the user."""

    _kept_out: tuple[str, ...] = ("optimizer", "lr_lambdas", "_initial")

    def state_dict(self) -> dict[str, Any]:
        """All it takes to go on from here; the rates themselves are in the optimizer's state."""
        state = {k: v for k, v in vars(self).items() if k not in self._kept_out}
        own = {k: [*v] if isinstance(v, list) else v for k, v in state.items()}
        return {"schedule": type(self).__name__, **own}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where the schedule that gave this `state_dict` stopped.

        The optimizer's own state, which holds the rates, is loaded separately. Raises `DTypeError`
        for the state of another kind of schedule; nothing has been changed then.
        """
        own = self.state_dict()
        kind = saved.get("schedule")
        if kind != own["schedule"] or set(saved) != set(own):
            raise DTypeError(f"a state of {kind or 'something else'} for {own['schedule']}")
        for name in ("base_lrs", "min_lrs"):
            if len(saved.get(name, ())) != len(own.get(name, ())):
                n, m = len(saved[name]), len(own[name])
                raise DTypeError(f"a state for {n} groups; the optimizer has {m}")
        new = {k: [*v] if isinstance(v, list) else v for k, v in saved.items()}
        vars(self).update({k: v for k, v in new.items() if k != "schedule"})


class LRScheduler(Remembers, ABC):
    """The base of all schedules that count epochs: `rate` says what follows from the epoch.

    The rate at the start is kept as ``initial_lr`` in every group. ``last_epoch`` is how many steps
    were made; to go on from a later one, load the state of optimizer and schedule.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = scheduled(optimizer)
        self.last_epoch = whole("last_epoch", last_epoch, -1)
        for i, group in enumerate(optimizer.param_groups):
            if self.last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise DTypeError(
                    f"last_epoch={last_epoch}, but group {i} has no 'initial_lr' to go on from",
                    hint="load the states: opt.load_state_dict(…), schedule.load_state_dict(…)",
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self._begin()

    def _begin(self) -> None:
        self._count, self._initial = 0, True
        self.step()
        self._initial = False

    @abstractmethod
    def rate(self, i: int, group: Settings) -> float:
        """The new rate of group i, from its present one and `last_epoch`."""

    def first_rate(self, i: int, group: Settings) -> float:
        """The rate of group i in epoch 0, whatever its present one: `SequentialLR` begins here."""
        return self.base_lrs[i]

    def step(self) -> None:
        """One epoch further: set the rate of every group."""
        if self._count == 1 and self.optimizer.steps == 0:
            warnings.warn(
                "schedule.step() before the first optimizer.step(): the first rate is skipped. "
                "Write optimizer.step(), then schedule.step().",
                stacklevel=2,
            )
        self._count += 1
        self.last_epoch += 1
        self._set(self.rate)

    def restart(self) -> None:
        """Epoch 0 once more, from the rates at the start."""
        self.last_epoch = 0
        self._set(self.first_rate)

    def _set(self, rule: Callable[[int, Settings], float]) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.base_lrs):
            raise AutodiffError(
                f"{type(self).__name__} was made for {len(self.base_lrs)} groups, now there are "
                f"{len(groups)}",
                hint="opt.add_param_group(…) first, then the schedule",
            )
        rates = [checked("lr", rule(i, group)) for i, group in enumerate(groups)]
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate

    def get_last_lr(self) -> list[float]:
        """The rates as they are now, one per group."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def __repr__(self) -> str:
        rates = ", ".join(f"{rate:.6g}" for rate in self.get_last_lr())
        return f"{type(self).__name__}(epoch {self.last_epoch}, lr {rates})"
