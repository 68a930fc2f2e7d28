"""Which learning rate? One short run in which it grows until the loss does."""

from __future__ import annotations

import difflib
import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import BackendError, DataError, DTypeError, NonFiniteError, TinygradError
from tinygrad_edu.files import write_whole
from tinygrad_edu.optim.groups import checked, whole
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.scheduling import scheduled
from tinygrad_edu.raw import lock

Loss = Callable[[Any, Any], Value]
_Generator = np.random.Generator


@dataclass(frozen=True)
class RangeTest:
    """What `lr_range_test` measured: ``losses[k]`` after a step with ``rates[k]``.

    ``start`` is the loss before the first step, ``smoothed`` the running mean of the losses,
    ``suggestion`` a rate or None, ``reason`` why, ``stopped`` why the run ended before the highest
    rate (or None).
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    start: float
    suggestion: float | None
    reason: str
    stopped: str | None = None

    def __str__(self) -> str:
        rows = sorted({round(i) for i in np.linspace(0, len(self.rates) - 1, 12)})
        if self.suggestion is not None:
            rows = sorted({*rows, self.rates.index(self.suggestion)})
        lines = [f"{'lr':>10}  {'loss':>12}  {'smoothed':>12}"]
        for i in rows:
            mark = "  <- suggested" if self.rates[i] == self.suggestion else ""
            numbers = f"{self.losses[i]:>12.6g}  {self.smoothed[i]:>12.6g}"
            lines.append(f"{self.rates[i]:>10.3g}  {numbers}{mark}")
        return "\n".join([*lines, *([self.stopped] if self.stopped else []), self.reason])

    def __repr__(self) -> str:
        said = "no suggestion" if self.suggestion is None else f"suggestion {self.suggestion:.3g}"
        return f"RangeTest({len(self.rates)} rates, {said})"

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """A matplotlib figure of the loss by rate; saved to ``path`` if one is given.

        Needs the extra ``plot``; raises `BackendError` with what to install.
        """
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except (ImportError, OSError) as error:
            raise BackendError(
                f"a plot needs matplotlib, which cannot be loaded ({error})",
                hint="python -m pip install matplotlib, or print(result)",
            ) from None
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        FigureCanvasAgg(figure)
        axis = figure.subplots()
        axis.plot(self.rates, self.losses, color="#999999", label="loss")
        axis.plot(self.rates, self.smoothed, color="#0072b2", label="smoothed")
        if self.suggestion is not None:
            axis.axvline(self.suggestion, color="#d55e00", linestyle="--", label="suggested")
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss after the step")
        axis.legend()
        if path is not None:
            image, kind = io.BytesIO(), Path(path).suffix.removeprefix(".") or "png"
            figure.savefig(image, format=kind)
            write_whole(path, image.getvalue())
        return figure


def lr_range_test(
    model: Callable[[Any], Value],
    data: Any,
    loss: str | Loss,
    optimizer: Optimizer,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int | None = None,
    seed: int = 0,
    smoothing: float | None = None,
    stop: float = 4.0,
) -> RangeTest:
    """Train for ``steps`` steps while the rate grows from ``low`` to ``high``: which one is best?

    ``data`` is ``(x, y)`` or a data set, ``loss`` a function of (outputs, target) or the name of
    one. The run ends early when the smoothed loss is above the first and above ``stop`` times the
    lowest, or not finite. Suggested is the rate at which the loss falls fastest, per tenfold rate.
    With ``batch_size`` the batches are drawn by ``seed`` and the losses averaged with the memory
    ``smoothing`` (0.9, or 0 where all rows are taken at once). The rates of other groups keep their
    ratio to that of the first. Afterwards model (its random draws too), gradients and optimizer are
    as they were, bit for bit. Smith, "Cyclical learning rates for training neural networks" (2017),
    section 3.3.

    >>> from tinygrad_edu.optim import SGD
    >>> w = Value(np.zeros(2), "w")
    >>> data = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([1.0, 2.0])
    >>> found = lr_range_test(lambda x: x @ w, data, "mse_loss", SGD([w], lr=0.1), steps=40)
    >>> found, w.data
    (RangeTest(38 rates, suggestion 0.0702), array([0., 0.]))
    """
    rates = _rates(low, high, steps)
    batches = _Batches(data, batch_size, seed)
    measure = _measure(model, _loss_of(loss))
    memory = (0.9 if batches.parts > 1 else 0.0) if smoothing is None else smoothing
    memory, stop = checked("smoothing", memory, 1.0), checked("stop", stop)
    with _restored(scheduled(optimizer), model), np.errstate(all="ignore"):
        start, found, why = _run(optimizer, rates, batches, measure, memory, stop)
    if not found:
        raise NonFiniteError(f"no step with a rate of {low:g} was possible: {why}")
    smoothed = _smooth(found, memory)
    best, reason = _suggest(rates, smoothed, start)
    return RangeTest(
        tuple(rates[: len(found)]), tuple(found), tuple(smoothed), start, best, reason, why
    )


def _rates(low: Any, high: Any, steps: Any) -> list[float]:
    first, last, count = checked("low", low), checked("high", high), whole("steps", steps, 3)
    if not 0.0 < first < last:
        raise DTypeError(f"rates grow from low to high: {low!r} to {high!r}", hint="1e-6, 10.0")
    return [float(first * (last / first) ** (k / (count - 1))) for k in range(count)]


def _run(
    opt: Optimizer, rates: list[float], batches: _Batches, measure: Loss, memory: float, stop: float
) -> tuple[float, list[float], str | None]:
    """The loss before all steps, those after each, and why it ended early."""
    scale = [group["lr"] / opt.lr if opt.lr else 1.0 for group in opt.param_groups]
    found: list[float] = []
    start = math.nan
    for k, (x, y) in zip(range(len(rates) + 1), batches, strict=False):
        last = k == len(rates)
        for group, share in zip(opt.param_groups, scale, strict=True):
            group["lr"] = rates[min(k, len(rates) - 1)] * share
        try:
            value = float(measure(x, y)) if last else opt.minimize(measure(x, y), keep_inner=False)
        except NonFiniteError as error:
            if not k:
                raise
            return start, found, f"ended at lr {rates[k - 1]:.3g}: {str(error).splitlines()[0]}"
        if k:
            found.append(value)
        else:
            start = value
        smooth = _smooth(found, memory)
        if found and not smooth[-1] <= stop * max(min(smooth), 0.0) and smooth[-1] > start:
            return start, found, f"ended at lr {rates[k - 1]:.3g}: the loss is {value:.4g}"
    return start, found, None


def _smooth(numbers: list[float], memory: float) -> list[float]:
    """The running mean, corrected for its start at 0."""
    mean, out = 0.0, []
    for k, value in enumerate(numbers, 1):
        mean = memory * mean + (1.0 - memory) * value
        out.append(mean / (1.0 - memory**k))
    return out


def _suggest(rates: list[float], smoothed: list[float], start: float) -> tuple[float | None, str]:
    """The rate of the steepest fall before the lowest loss, and why."""
    lowest = int(np.argmin(smoothed))
    if not smoothed[lowest] < start - 1e-3 * abs(start):
        return None, f"no suggestion: from {start:.4g}, the loss never fell by a thousandth"
    decade = math.log10(rates[1] / rates[0])
    before = [start, *smoothed]  # before[k + 1] is the loss after the step with rates[k]
    slopes = [(before[k + 1] - before[max(k - 1, 0)]) / decade for k in range(lowest + 1)]
    best = int(np.argmin(slopes))
    fall = -slopes[best] / (2 if best else 1)
    return rates[best], (
        f"lr {rates[best]:.3g}: here the loss falls fastest, by {fall:.3g} per tenfold rate; "
        f"it is lowest, {smoothed[lowest]:.4g}, at {rates[lowest]:.3g}"
    )


class _Batches:
    """Rows in parts, over and over, in a new order each time."""

    def __init__(self, data: Any, size: int | None, seed: int) -> None:
        pair = (data.x_train, data.y_train) if hasattr(data, "x_train") else data
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DataError(f"data is (x, y), not {type(data).__name__}")
        self.x, self.y = (lock(np.array(part)) for part in pair)
        if not self.x.ndim or not len(self.x) or len(self.x) != np.size(self.y, 0):
            shapes = f"x of shape {self.x.shape} and y of shape {self.y.shape}"
            raise DataError(f"{shapes} are not rows of samples and their targets")
        self.size = len(self.x) if size is None else whole("batch_size", size)
        self.parts = -(-len(self.x) // self.size)
        self._generator = np.random.default_rng(whole("seed", seed, 0))

    def __iter__(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        while True:
            if self.parts == 1:
                yield self.x, self.y
                continue
            order = self._generator.permutation(len(self.x))
            for at in range(0, len(order), self.size):
                rows = order[at : at + self.size]
                yield lock(self.x[rows]), lock(self.y[rows])


def _loss_of(loss: Any) -> Loss:
    if callable(loss):
        return loss  # type: ignore[no-any-return]
    from tinygrad_edu import functions, losses  # here, so that optimizers load without them

    names = {name: f for home in (losses, functions) for name, f in vars(home).items()
             if callable(f) and name.endswith(("loss", "entropy", "logits"))}  # fmt: skip
    if loss not in names:
        near = difflib.get_close_matches(str(loss), names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "a function (outputs, target)"
        raise TinygradError(f"no loss {loss!r}", hint=hint)
    return names[loss]  # type: ignore[no-any-return]


def _measure(model: Callable[[Any], Value], loss: Loss) -> Loss:
    def measure(x: Any, y: Any) -> Value:
        outputs = model(x)
        if outputs.shape == (len(y), 1) and y.ndim == 1:
            outputs = outputs.reshape(len(y))
        return loss(outputs, y)

    return measure


@contextmanager
def _restored(opt: Optimizer, model: Any) -> Iterator[None]:
    """All that the steps change, put back as it was."""
    kept = [(p, p._data, p._grad) for p in opt.parameters]
    groups = [dict(group) for group in opt.param_groups]
    steps, states, last = opt.steps, dict(opt._states), dict(opt._last)
    buffers = model.state_dict() if hasattr(model, "load_state_dict") else None
    parts = model.modules() if hasattr(model, "modules") else []
    draws = [x.bit_generator for m in parts for x in vars(m).values() if isinstance(x, _Generator)]
    drawn = [(source, source.state) for source in draws]
    try:
        yield
    finally:
        if buffers is not None:
            model.load_state_dict(buffers)
        for source, state in drawn:
            source.state = state
        for p, data, gradient in kept:
            p.assign(data)
            p._grad = gradient
        for group, old in zip(opt.param_groups, groups, strict=True):
            group.clear()
            group.update(old)
        opt.steps, opt._states, opt._last = steps, states, last
