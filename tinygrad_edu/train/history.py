"""`History`: what a training run measured, epoch by epoch."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any

from tinygrad_edu.errors import BackendError, DataError
from tinygrad_edu.files import write_whole

_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = ("epoch", "loss", "validation_loss", "metric", "validation_metric", "seconds")


def sparkline(numbers: Sequence[float], width: int = 40) -> str:
    """A line of bars, one per number or, where there are more than ``width``, per run of numbers.

    >>> sparkline([4.0, 3.0, 2.0, 1.0])
    '█▆▃▁'
    """
    known = [x for x in numbers if math.isfinite(x)]
    if not known:
        return ""
    count = min(width, len(known))
    edges = [round(i * len(known) / count) for i in range(count + 1)]
    means = [math.fsum(known[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    span = high - low or 1.0
    return "".join(_BARS[min(7, int(8 * (x - low) / span))] for x in means)


@dataclass
class History:
    """Lists of equal length, one entry per finished epoch; a list not measured is empty.

    ``loss`` is the mean over the epoch's samples while the weights move; ``validation_loss`` is
    measured on the held-out rows after the epoch. ``metric`` and ``validation_metric`` are those
    of ``metric_name``, measured after the epoch too. ``stopped`` says why the run ended early
    ("interrupted", "stopped by a callback"), or is None.

    >>> history = History([1, 2], [0.5, 0.25], seconds=[0.1, 0.2])
    >>> history
    History(2 epochs, loss 0.5 -> 0.25)
    >>> print(history.to_csv())
    epoch,loss,seconds
    1,0.5,0.1
    2,0.25,0.2
    <BLANKLINE>
    """

    epoch: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    metric_name: str | None = None
    stopped: str | None = None

    def __len__(self) -> int:
        return len(self.epoch)

    def columns(self) -> dict[str, list[Any]]:
        """What was measured, by name; the metrics under their own name."""
        own = self.metric_name or "metric"
        named = {"metric": own, "validation_metric": f"validation_{own}"}
        lists = {name: list(getattr(self, name)) for name in _COLUMNS}
        return {named.get(k, k): v for k, v in lists.items() if v}

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """The table as CSV text; written to ``path`` too, whole or not at all, if one is given."""
        text = io.StringIO()
        columns = self.columns()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        if path is not None:
            write_whole(path, text.getvalue())
        return text.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and texts: what `json.dumps` takes."""
        lists = {name: list(getattr(self, name)) for name in _COLUMNS}
        return {**lists, "metric_name": self.metric_name, "stopped": self.stopped}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> History:
        """The history that `to_dict` gave."""
        try:
            return cls(**saved)
        except TypeError as error:
            raise DataError(f"this is not a saved history: {error}") from None

    def sparkline(self, width: int = 40) -> str:
        """The loss as a line of bars."""
        return sparkline(self.loss, width)

    def plot(self, path: str | PathLike[str] | None = None) -> Any:
        """A matplotlib figure of loss and metric by epoch; saved to ``path`` if one is given.

        Needs the extra ``plot``; raises `BackendError` with what to install.
        """
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except (ImportError, OSError) as error:
            raise BackendError(
                f"a plot needs matplotlib, which cannot be loaded ({error})",
                hint="python -m pip install matplotlib, or history.sparkline()",
            ) from None
        if not self.epoch:
            raise DataError("there is nothing to plot: no epoch was finished")
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, 2 if self.metric else 1, squeeze=False)[0]
        own = (self.metric_name or "metric").replace("_", " ")
        pairs = [("loss", self.loss, self.validation_loss)]
        pairs += [(own, self.metric, self.validation_metric)] if self.metric else []
        for axis, (label, trained, held) in zip(axes, pairs, strict=True):
            axis.plot(self.epoch, trained, color="#0072b2", label="training")
            if held:
                axis.plot(self.epoch, held, color="#d55e00", linestyle="--", label="held out")
            axis.set(xlabel="epoch", ylabel=label)
            axis.legend()
        if path is not None:
            image, kind = io.BytesIO(), Path(path).suffix.removeprefix(".") or "png"
            figure.savefig(image, format=kind)
            write_whole(path, image.getvalue())
        return figure

    def __repr__(self) -> str:
        if not self.epoch:
            return "History(no epoch was finished)"
        n = len(self.epoch)
        parts = [f"{n} epoch{'s' * (n != 1)}", f"loss {self.loss[0]:.4g} -> {self.loss[-1]:.4g}"]
        if self.validation_loss:
            parts.append(f"held out {self.validation_loss[-1]:.4g}")
        if self.validation_metric or self.metric:
            last = (self.validation_metric or self.metric)[-1]
            parts.append(f"{self.metric_name or 'metric'} {last:.4g}")
        return f"History({', '.join([*parts, *([self.stopped] if self.stopped else [])])})"
