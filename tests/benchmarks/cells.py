"""A cell of the table, and the interleaved timing of all cells of a workload.

A machine that is shared swings in speed from second to second. So the contenders take turns in
short groups, the ratio of two of them is the median over rounds of the ratio within a round, and
the clock is the process's own: time in which another process has the processor is not counted.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.workloads import Answer


@dataclass
class Cell:
    """One contender on one workload: ``answer`` is checked, ``step`` is timed."""

    name: str
    answer: Callable[[], Answer]
    step: Callable[[], object]
    collector: bool = True  # the garbage collector is on during the steps
    times: list[float] = field(default_factory=list)  # seconds a step, one entry per round

    def median(self) -> float:
        """Seconds a step."""
        return statistics.median(self.times)

    def ratio(self, base: Cell) -> float:
        """Times slower than ``base``, round by round."""
        return statistics.median(a / b for a, b in zip(self.times, base.times, strict=True))


def _group(cell: Cell, seconds: float) -> float:
    """The mean time of as many steps as fit in ``seconds``, at least one.

    Each step pays for the garbage of the one before, so there is one before the clock is started.
    With the collector off, what it would have to free is freed after the clock is stopped.
    """
    gc.collect()
    if cell.collector:
        cell.step()
    else:
        gc.disable()
    try:
        count, start = 0, time.process_time()
        while True:
            cell.step()
            count += 1
            spent = time.process_time() - start
            if spent >= seconds or (not cell.collector and spent > 0.25 * seconds):
                return spent / count
    finally:
        gc.enable()


def interleave(cells: Sequence[Cell], rounds: int, seconds: float) -> None:
    """Fill ``times`` of all cells, one group each per round, in an order that turns.

    What lives before the first step (modules, data, models) is put out of the collector's sight,
    so that nobody pays for the others' objects.
    """
    for cell in cells:
        cell.step()
    gc.collect()
    gc.freeze()
    try:
        for i in range(rounds):
            turn = i % len(cells)
            for cell in [*cells[turn:], *cells[:turn]]:
                cell.times.append(_group(cell, seconds))
    finally:
        gc.unfreeze()
