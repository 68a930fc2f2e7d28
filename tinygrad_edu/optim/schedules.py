"""Learning rates that change while training goes on, with PyTorch's names and arithmetic.

A schedule is made from an optimizer and sets the rate of each of its groups; call ``step()`` after
``optimizer.step()``, once per epoch or per batch, as its numbers count. In `train.fit`, once per
epoch: ``callbacks=lambda history: schedule.step()``.

>>> from tinygrad_edu.optim import SGD
>>> from tinygrad_edu.engine import Value
>>> opt = SGD([Value(1.0, "w")], lr=0.8)
>>> schedule, rates = StepLR(opt, step_size=2, gamma=0.5), []
>>> for epoch in range(5):
...     rates.append(opt.lr)
...     opt.parameters[0].grad = 0.0
...     opt.step()
...     schedule.step()
>>> rates
[0.8, 0.8, 0.4, 0.4, 0.2]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_edu.errors import DTypeError, NonFiniteError
from tinygrad_edu.optim.groups import Settings, checked, whole
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.scheduling import (
    LRScheduler,
    Remembers,
    number,
    one_of,
    per_group,
    scheduled,
)


class StepLR(LRScheduler):
    """The rate times ``gamma`` after every ``step_size`` epochs: lr = lr0 * gamma^(t // step_size).

    Large steps find the valley, small ones its floor.

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> StepLR(SGD([Value(1.0)], lr=0.5), step_size=30)
    StepLR(epoch 0, lr 0.5)
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size, self.gamma = whole("step_size", step_size), checked("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`."""
        due = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return float(group["lr"] * self.gamma if due else group["lr"])


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` at each epoch of ``milestones``; one named twice counts twice.

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> MultiStepLR(SGD([Value(1.0)], lr=0.5), milestones=[30, 80]).milestones
    [30, 80]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = sorted(whole("a milestone", m, 0) for m in milestones)
        self.gamma = checked("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`."""
        times = self.milestones.count(self.last_epoch)
        return float(group["lr"] * self.gamma**times if times else group["lr"])

    def first_rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.first_rate`."""
        return self.base_lrs[i] * self.gamma ** bisect_right(self.milestones, 0)


class ExponentialLR(LRScheduler):
    """The rate times ``gamma`` in every epoch: lr = lr0 * gamma^t.

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> ExponentialLR(SGD([Value(1.0)], lr=0.5), gamma=0.9)
    ExponentialLR(epoch 0, lr 0.5)
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = checked("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`."""
        return float(group["lr"] if self._initial else group["lr"] * self.gamma)


class LinearLR(LRScheduler):
    """A warm-up: the rate goes straight from ``start_factor`` to ``end_factor`` of itself.

    It takes ``total_iters`` steps; later ones leave the rate alone. The first steps of a network
    are its worst guides, and the means of Adam are not known yet.

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> LinearLR(SGD([Value(1.0)], lr=0.5), start_factor=0.1, total_iters=5)
    LinearLR(epoch 0, lr 0.05)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = number("start_factor", start_factor, 0.0, 1.0)
        if self.start_factor == 0.0:
            raise DTypeError("start_factor is above 0", hint="start_factor=0.01")
        self.end_factor = number("end_factor", end_factor, 0.0, 1.0)
        self.total_iters = whole("total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`."""
        if self.last_epoch == 0:
            return float(group["lr"] * self.start_factor)
        if self._initial or self.last_epoch > self.total_iters:
            return float(group["lr"])
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return float(group["lr"] * (1.0 + rise / before))

    def first_rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.first_rate`."""
        return self.base_lrs[i] * self.start_factor


class LambdaLR(LRScheduler):
    """The rate at the start times a function of the epoch, or one function per group.

    The functions are not part of `state_dict`: the program that loads it has them.

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> LambdaLR(SGD([Value(1.0)], lr=0.5), lambda epoch: 1 / (1 + epoch))
    LambdaLR(epoch 0, lr 0.5)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        n = len(scheduled(optimizer).param_groups)
        given = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * n
        if len(given) != n or not all(callable(f) for f in given):
            raise DTypeError(
                f"lr_lambda is a function of the epoch, or a list of {n}: one per group",
                hint="tg.optim.LambdaLR(opt, lambda epoch: 0.95**epoch)",
            )
        self.lr_lambdas = given
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`."""
        return float(self.base_lrs[i] * self.lr_lambdas[i](self.last_epoch))

    def first_rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.first_rate`."""
        return self.rate(i, group)


class ReduceLROnPlateau(Remembers):
    """The rate times ``factor`` when a measured number has not improved for ``patience`` epochs.

    Call ``step(loss)`` with the held-out loss (``mode="max"`` for an accuracy). Better means by
    more than ``threshold``, as a share of the best so far ("rel") or as it is ("abs"); ``cooldown``
    epochs pass after each reduction, ``min_lr`` (one, or one per group) is the lowest rate, and
    changes up to ``eps`` are not made. Raises `NonFiniteError` for NaN.

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> schedule = ReduceLROnPlateau(SGD([Value(1.0)], lr=0.5), patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0]:
    ...     schedule.step(loss)
    >>> schedule
    ReduceLROnPlateau(epoch 4, lr 0.05)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = scheduled(optimizer)
        self.mode = one_of("mode", mode, ("min", "max"))
        self.threshold_mode = one_of("threshold_mode", threshold_mode, ("rel", "abs"))
        self.factor, self.patience = checked("factor", factor, 1.0), whole("patience", patience, 0)
        self.threshold = checked("threshold", threshold)
        self.cooldown = whole("cooldown", cooldown, 0)
        self.min_lrs = per_group("min_lr", min_lr, optimizer)
        self.eps = checked("eps", eps)
        self.last_epoch, self.num_bad_epochs, self.cooldown_counter = 0, 0, 0
        self.best = math.inf if mode == "min" else -math.inf

    def step(self, metrics: Any) -> None:
        """One epoch further, in which ``metrics`` was measured: a number or a one-element Value."""
        current = float(metrics)
        if math.isnan(current):
            raise NonFiniteError(
                "the measured number is NaN", hint="opt.minimize(loss) tells where it was born"
            )
        self.last_epoch += 1
        better = self._is_better(current)
        self.best = current if better else self.best
        self.num_bad_epochs = 0 if better else self.num_bad_epochs + 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                new = max(group["lr"] * self.factor, least)
                group["lr"] = new if group["lr"] - new > self.eps else group["lr"]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, current: float) -> bool:
        sign = 1.0 if self.mode == "min" else -1.0
        if self.threshold_mode == "rel":
            return sign * current < sign * (self.best * (1.0 - sign * self.threshold))
        return sign * current < sign * (self.best - sign * self.threshold)

    get_last_lr = LRScheduler.get_last_lr
    __repr__ = LRScheduler.__repr__
