"""Schedules along a cosine, the cycle of one rise and fall, and schedules made of schedules."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tinygrad_edu.errors import AutodiffError, DTypeError
from tinygrad_edu.optim.groups import Settings, checked, flag, whole
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.scheduling import LRScheduler, number, one_of, per_group, scheduled


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the rate at the start down to ``eta_min`` in ``T_max`` epochs, and back.

    lr = eta_min + (lr0 - eta_min) * (1 + cos(π t / T_max)) / 2. Loshchilov and Hutter, "SGDR:
    stochastic gradient descent with warm restarts" (2017), without the restarts.

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> CosineAnnealingLR(SGD([Value(1.0)], lr=0.5), T_max=10)
    CosineAnnealingLR(epoch 0, lr 0.5)
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max, self.eta_min = whole("T_max", T_max), checked("eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`."""
        lr, t, length = group["lr"], self.last_epoch, self.T_max
        if self._initial:
            return float(lr)
        height = self.base_lrs[i] - self.eta_min
        if self._count == 1 and t > 0:
            return self.eta_min + height * (1 + math.cos(t * math.pi / length)) / 2
        if (t - 1 - length) % (2 * length) == 0:  # out of the valley, where the ratio is 0 / 0
            return float(lr + height * (1 - math.cos(math.pi / length)) / 2)
        now, before = (1 + math.cos(math.pi * n / length) for n in (t, t - 1))
        return float(now / before * (lr - self.eta_min) + self.eta_min)

    def first_rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.first_rate`."""
        return self.eta_min + (self.base_lrs[i] - self.eta_min)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to ``eta_min``, then up at once and down again, ``T_mult`` times as long.

    The first takes ``T_0`` epochs; ``step(epoch)`` takes a fraction of an epoch too. A restart
    leaves a narrow valley. Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm
    restarts" (2017).

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> schedule = CosineAnnealingWarmRestarts(SGD([Value(1.0)], lr=0.5), T_0=4)
    >>> schedule.step(2.0)
    >>> schedule
    CosineAnnealingWarmRestarts(epoch 2, lr 0.25)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_0, self.T_mult = whole("T_0", T_0), whole("T_mult", T_mult)
        self.T_i, self.T_cur = self.T_0, float(last_epoch)
        self.eta_min = checked("eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """One epoch further, or to ``epoch``, which may be a fraction: ``epoch + batch / n``."""
        if epoch is None and self.last_epoch >= 0:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
            self.last_epoch += 1
        else:
            self._go_to(checked("epoch", 0.0 if epoch is None else epoch))
        self._count += 1
        self._set(self.rate)

    def _go_to(self, epoch: float) -> None:
        self.last_epoch, self.T_i, start = math.floor(epoch), self.T_0, 0
        while epoch >= start + self.T_i:
            if self.T_mult == 1:
                start = self.T_0 * int(epoch // self.T_0)
                break
            start, self.T_i = start + self.T_i, self.T_i * self.T_mult
        self.T_cur = epoch - start

    def restart(self) -> None:
        """Epoch 0 once more, from the rates at the start."""
        self.step(0.0)

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`."""
        height = self.base_lrs[i] - self.eta_min
        return self.eta_min + height * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _straight(start: float, end: float, share: float) -> float:
    return (end - start) * share + start


_WAYS = {"cos": _cosine, "linear": _straight}


class OneCycleLR(LRScheduler):
    """One rise from ``max_lr / div_factor`` to ``max_lr`` and one fall far below the start.

    Made for ``total_steps`` steps, or ``epochs`` times ``steps_per_epoch``; ``step()`` is called
    after every batch. The rise takes the share ``pct_start``, the fall ends at ``div_factor *
    final_div_factor`` below ``max_lr``; with ``three_phase`` it first mirrors the rise. Momentum
    (or ``betas[0]``) runs the other way, from ``max_momentum`` to ``base_momentum`` and back. Smith
    and Topin, "Super-convergence: very fast training of neural networks using large learning rates"
    (2018).

    >>> from tinygrad_edu.optim import SGD
    >>> from tinygrad_edu.engine import Value
    >>> OneCycleLR(SGD([Value(1.0)], lr=0.1, momentum=0.9), max_lr=0.5, total_steps=100)
    OneCycleLR(epoch 0, lr 0.02)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        self.pct_start = number("pct_start", pct_start, 0.0, 1.0)
        self.anneal_strategy = one_of("anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.three_phase = flag("three_phase", three_phase)
        self.cycle_momentum = flag("cycle_momentum", cycle_momentum)
        tops = per_group("max_lr", max_lr, optimizer)
        low = number("div_factor", div_factor, 1e-300, math.inf)
        lowest = number("final_div_factor", final_div_factor, 1e-300, math.inf)
        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, tops, strict=True):
                start = top / low
                group.update(initial_lr=start, max_lr=top, min_lr=start / lowest)
        if self.cycle_momentum:
            self._momenta(optimizer, base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _momenta(self, optimizer: Optimizer, base: Any, top: Any, last_epoch: int) -> None:
        if not {"momentum", "betas"} & set(optimizer.defaults):
            raise DTypeError(
                f"{type(optimizer).__name__} has no momentum to cycle", hint="cycle_momentum=False"
            )
        bases, tops = (
            per_group(name, value, optimizer)
            for name, value in (("base_momentum", base), ("max_momentum", top))
        )
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, bases, tops, strict=True):
                group.update(max_momentum=high, base_momentum=low)

    def _phases(self) -> list[tuple[float, str, str, str, str]]:
        """Where each phase ends, the rates it goes between, and the momenta."""
        share, last = self.pct_start * self.total_steps, self.total_steps - 1.0
        rise = (share - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
        if not self.three_phase:
            return [rise, (last, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        fall = (2 * share - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
        return [rise, fall, (last, "initial_lr", "min_lr", "max_momentum", "max_momentum")]

    def rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.rate`; sets the momentum too."""
        t, start, way = self.last_epoch, 0.0, _WAYS[self.anneal_strategy]
        if t > self.total_steps:
            raise AutodiffError(
                f"step {t} of a cycle that was made for {self.total_steps}",
                hint="total_steps=epochs * batches, and one schedule.step() per batch",
            )
        *early, phase = self._phases()
        for one in early:
            if t <= one[0]:
                phase = one
                break
            start = one[0]
        end, low, high, heavy, light = phase
        share = (
            min((t - start) / (end - start), 1.0) if end > start else 1.0
        )  # after the last: stay
        if self.cycle_momentum:
            momentum = way(group[heavy], group[light], share)
            if "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum
        return way(group[low], group[high], share)

    def first_rate(self, i: int, group: Settings) -> float:
        """See `LRScheduler.first_rate`."""
        return self.rate(i, group)


def _total(steps: int | None, epochs: int | None, per_epoch: int | None) -> int:
    if steps is not None:
        return whole("total_steps", steps)
    if epochs is None or per_epoch is None:
        raise DTypeError(
            "OneCycleLR needs to know its length",
            hint="total_steps=1000, or epochs=10 and steps_per_epoch=100",
        )
    return whole("epochs", epochs) * whole("steps_per_epoch", per_epoch)


class _Several:
    """A schedule made of schedules of one optimizer."""

    optimizer: Optimizer
    schedulers: list[LRScheduler]

    def _take(self, schedulers: Iterable[Any], optimizer: Optimizer | None) -> None:
        self.schedulers = list(schedulers)
        if not self.schedulers:
            raise DTypeError(f"{type(self).__name__} of no schedules")
        for i, schedule in enumerate(self.schedulers):
            if not isinstance(schedule, (LRScheduler, _Several)):
                raise DTypeError(
                    f"schedule {i} of {type(self).__name__} is a {type(schedule).__name__}, which "
                    "does not count epochs by itself"
                )
        self.optimizer = scheduled(optimizer or self.schedulers[0].optimizer)
        for i, schedule in enumerate(self.schedulers):
            if schedule.optimizer is not self.optimizer:
                raise DTypeError(f"schedule {i} of {type(self).__name__} has another optimizer")

    def state_dict(self) -> dict[str, Any]:
        """The states of all schedules, and the own epoch."""
        states = [schedule.state_dict() for schedule in self.schedulers]
        own = {"last_epoch": self.last_epoch} if hasattr(self, "last_epoch") else {}
        return {"schedule": type(self).__name__, "schedulers": states, **own}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where the schedule that gave this `state_dict` stopped."""
        kind = saved.get("schedule")
        if kind != type(self).__name__ or len(saved["schedulers"]) != len(self.schedulers):
            raise DTypeError(f"a state of {kind or 'something else'} for {self!r}")
        before = self.state_dict()
        try:
            for schedule, state in zip(self.schedulers, saved["schedulers"], strict=True):
                schedule.load_state_dict(state)
        except DTypeError:
            for schedule, state in zip(self.schedulers, before["schedulers"], strict=True):
                schedule.load_state_dict(state)
            raise
        if "last_epoch" in saved:
            self.last_epoch = int(saved["last_epoch"])

    get_last_lr = LRScheduler.get_last_lr

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.schedulers))})"


class SequentialLR(_Several):
    """One schedule after the other: at each epoch of ``milestones`` the next one begins.

    >>> from tinygrad_edu.engine import Value
    >>> from tinygrad_edu.optim import SGD, ExponentialLR, LinearLR
    >>> opt = SGD([Value(1.0)], lr=0.5)
    >>> warm, cool = LinearLR(opt, 0.1, total_iters=5), ExponentialLR(opt, 0.9)
    >>> SequentialLR(opt, [warm, cool], milestones=[5]).get_last_lr()
    [0.05]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[Any], milestones: Sequence[int]
    ) -> None:
        self._take(schedulers, optimizer)
        self.milestones = [whole("a milestone", m) for m in milestones]
        if len(self.milestones) != len(self.schedulers) - 1:
            n, m = len(self.schedulers), len(self.milestones)
            raise DTypeError(f"{m} milestones for {n} schedules; one less than schedules is needed")
        if sorted(set(self.milestones)) != self.milestones:
            raise DTypeError(f"milestones rise, {self.milestones} do not")
        self.last_epoch = 0
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for schedule in self.schedulers:
            if not isinstance(schedule, LRScheduler):
                raise DTypeError(f"SequentialLR takes single schedules, not {schedule!r}")
            schedule.last_epoch -= 1
        self.schedulers[0]._begin()

    def step(self) -> None:
        """One epoch further in the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self.milestones, self.last_epoch)
        if turn and self.milestones[turn - 1] == self.last_epoch:
            self.schedulers[turn].restart()
        else:
            self.schedulers[turn].step()


class ChainedScheduler(_Several):
    """Several schedules at once: each changes the rate that the one before it has set.

    >>> from tinygrad_edu.engine import Value
    >>> from tinygrad_edu.optim import SGD, ExponentialLR, LinearLR
    >>> opt = SGD([Value(1.0)], lr=0.5)
    >>> ChainedScheduler([LinearLR(opt, 0.1), ExponentialLR(opt, 0.9)]).get_last_lr()
    [0.05]
    """

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)

    def step(self) -> None:
        """One epoch further in each."""
        for schedule in self.schedulers:
            schedule.step()
