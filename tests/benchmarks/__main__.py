"""``python -m tests.benchmarks``: all contenders, checked, then timed in turns; see README.md."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence

from rich.table import Table

from tests.benchmarks import imports, ours, peers
from tests.benchmarks.cells import Cell, interleave
from tests.benchmarks.workloads import (
    Answer,
    error,
    moons,
    neuron_answer,
    parameters,
    relu_answer,
    tanh_answer,
)
from tinygrad_edu.terminal import console

TOLERANCE = 1e-9
Maker = Callable[[], list[Cell]]


def _right(function: Callable[..., Answer]) -> Answer:
    x, y = moons()
    return function(x, y[:, None], parameters())


# title, right answer, contenders; the others are compared with the first one's first cell
WORKLOADS: dict[str, tuple[str, Callable[[], Answer], list[Maker]]] = {
    "W1": (
        "one training step of a 2-16-16-1 relu network on 100 samples, every weight a scalar node",
        lambda: _right(relu_answer),
        [ours.scalar_step, peers.micrograd_step],
    ),
    "W1b": (
        "one neuron of 3 inputs from scalars, forward and backward",
        neuron_answer,
        [ours.neuron, peers.micrograd_neuron, peers.torch_neuron, peers.python_neuron],
    ),
    "W2-tanh": (
        "one training step of the network as arrays, tanh and mean squared error",
        lambda: _right(tanh_answer),
        [ours.tensor_tanh, peers.torch_tanh, peers.numpy_tanh],
    ),
    "W2-relu": (
        "one training step of the network as arrays, relu, hinge loss and L2 (the maths of W1)",
        lambda: _right(relu_answer),
        [ours.tensor_relu, peers.torch_relu, peers.numpy_relu],
    ),
}


def contenders(makers: Sequence[Maker], right: Answer) -> tuple[list[Cell], list[str]]:
    """The cells that can be run and compute the right thing, and what was left out and why."""
    cells, left_out = [], []
    for make in makers:
        try:
            made = make()
        except ImportError as missing:
            left_out.append(f"{make.__name__}: {missing}")
            continue
        for cell in made:
            wrong = error(cell.answer(), right)
            if wrong > TOLERANCE:
                raise SystemExit(f"{cell.name} computes something else: off by {wrong:.2g}")
            cells.append(cell)
    return cells, left_out


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1.0 or unit == "us":
            return f"{seconds * scale:.3g} {unit}"
    raise AssertionError


def _table(name: str, title: str, cells: Sequence[Cell]) -> Table:
    table = Table(title=f"{name}: {title}", title_justify="left")
    table.add_column("contender")
    for column in ("median", "10 % - 90 %", f"times {cells[0].name}"):
        table.add_column(column, justify="right")
    for cell in sorted(cells, key=Cell.median):
        low, *_, high = statistics.quantiles(cell.times, n=10)
        spread = f"{_time(low)} - {_time(high)}"
        table.add_row(cell.name, _time(cell.median()), spread, f"{cell.ratio(cells[0]):.2f}")
    return table


def _imports(rounds: int) -> Table:
    found = imports.times(rounds)
    table = Table(title="import: a fresh interpreter", title_justify="left")
    table.add_column("program")
    table.add_column("median", justify="right")
    for name, values in found.items():
        table.add_row(name, _time(statistics.median(values)))
    table.add_row("tinygrad_edu / numpy", f"{imports.ratio(found):.2f}")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Check, time, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"{', '.join(WORKLOADS)}, import; default: all")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each contender")
    parser.add_argument("--seconds", type=float, default=0.05, help="length of a turn")
    options = parser.parse_args(arguments)
    unknown = set(options.only) - {*WORKLOADS, "import"}
    if unknown or options.rounds < 2:
        parser.error(f"unknown workload {', '.join(unknown)}" if unknown else "two rounds at least")
    screen = console()
    for name, (title, right, makers) in WORKLOADS.items():
        if options.only and name not in options.only:
            continue
        cells, left_out = contenders(makers, right())
        interleave(cells, options.rounds, options.seconds)
        screen.print(_table(name, title, cells))
        for line in left_out:
            screen.print(f"  left out: {line}")
        sys.stdout.flush()
    if not options.only or "import" in options.only:
        screen.print(_imports(options.rounds))


if __name__ == "__main__":
    main()
