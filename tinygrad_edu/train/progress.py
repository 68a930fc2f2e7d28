"""What is shown while a model trains: a bar that moves, or a few plain lines.

The bar is redrawn by the training loop itself, so no thread is ever started.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from tinygrad_edu.terminal import console, is_live, say
from tinygrad_edu.train.history import History

_REDRAW = 0.1  # seconds


class Progress(ABC):
    """The base of the ways to show progress; a context manager."""

    def __enter__(self) -> Progress:
        return self

    @abstractmethod
    def batch(self, epoch: int, share: float, loss: float) -> None:
        """A mini-batch is done; ``share`` is the part of the epoch's batches that are."""

    @abstractmethod
    def epoch(self, history: History) -> None:
        """An epoch is done."""

    def close(self) -> None:  # noqa: B027
        """The end, also after an error."""

    def __exit__(self, *exception: object) -> None:
        self.close()


class Silent(Progress):
    """Shows nothing."""

    def batch(self, epoch: int, share: float, loss: float) -> None:
        """Nothing."""

    def epoch(self, history: History) -> None:
        """Nothing."""


class Lines(Progress):
    """About ten lines for the whole run: for files, pipes and notebooks."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._start = time.perf_counter()
        self._at = {1, epochs, *(round(epochs * i / 10) for i in range(1, 10))}
        self._said = 0

    def batch(self, epoch: int, share: float, loss: float) -> None:
        """Nothing: lines come by epoch."""

    def epoch(self, history: History) -> None:
        """A line at the first epoch, the last one, and every tenth part between."""
        done = history.epoch[-1]
        if done in self._at:
            self._said = done
            say(f"epoch {done:>{len(str(self._epochs))}}/{self._epochs}  {_numbers(history)}")


class Bar(Progress):
    """A bar with loss, metric and the time that is left, on one line of a terminal."""

    def __init__(self, epochs: int) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Live

        self._live = Live(
            TextColumn("epoch {task.fields[done]}/" + str(epochs)),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console(),
            auto_refresh=False,
        )
        self._task = self._live.add_task("", total=float(epochs), done=0, numbers="")
        self._drawn = 0.0
        self._epochs = epochs

    def __enter__(self) -> Progress:
        self._live.start()
        return self

    def close(self) -> None:
        """Leave the bar as it is and give the line back."""
        self._live.refresh()
        self._live.stop()

    def batch(self, epoch: int, share: float, loss: float) -> None:
        """Move the bar."""
        self._show(epoch - 1 + share, force=False)

    def epoch(self, history: History) -> None:
        """Move the bar and show the numbers."""
        done = history.epoch[-1]
        self._live.update(self._task, done=done, numbers=_numbers(history))
        self._show(done, force=done == self._epochs)

    def _show(self, completed: float, force: bool) -> None:
        now = time.perf_counter()
        if force or now - self._drawn >= _REDRAW:
            self._drawn = now
            self._live.update(self._task, completed=completed, refresh=True)


def _numbers(history: History) -> str:
    parts: list[tuple[str, list[Any]]] = [
        ("loss", history.loss),
        ("held out", history.validation_loss),
    ]
    if history.metric_name:
        name = history.metric_name.replace("_", " ")
        which = history.validation_metric or history.metric
        parts.append((name + (" held out" if history.validation_metric else ""), which))
    return "  ".join(f"{label} {values[-1]:.4f}" for label, values in parts if values)


def progress_for(epochs: int, wanted: bool) -> Progress:
    """A bar in a terminal, lines elsewhere, nothing if not wanted or nothing is to be done."""
    if not wanted or epochs == 0:
        return Silent()
    return Bar(epochs) if is_live() else Lines(epochs)
