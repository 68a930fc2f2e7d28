"""The benchmarks compute what they claim to; how fast is no test."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks import ours, peers
from tests.benchmarks.cells import Cell, interleave
from tests.benchmarks.workloads import error, parameters


@pytest.mark.parametrize("name", benchmarks.WORKLOADS)
def test_this_library_computes_the_right_thing_and_a_step_trains(name: str) -> None:
    _, right, makers = benchmarks.WORKLOADS[name]
    for cell in makers[0]():
        first = cell.answer()
        assert error(first, right()) < benchmarks.TOLERANCE
        cell.step()
        after = cell.answer()[0]
        assert after == first[0] if name == "W1b" else after < first[0]


@pytest.mark.parametrize(
    "make", [peers.numpy_relu, peers.numpy_tanh, peers.python_neuron]
)  # fmt: skip
def test_the_answers_by_hand_agree_with_differences(make: Any) -> None:
    (cell,) = make()
    loss, gradients = cell.answer()
    assert np.isfinite(loss) and all(np.isfinite(g).all() for g in gradients)
    if len(gradients) == len(parameters()):
        function = benchmarks.relu_answer if make is peers.numpy_relu else benchmarks.tanh_answer
        x, y = benchmarks.moons()
        for k in range(len(gradients)):
            up, down = parameters(), parameters()
            up[k].flat[0] += 1e-6
            down[k].flat[0] -= 1e-6
            rise = function(x, y[:, None], up)[0] - function(x, y[:, None], down)[0]
            assert rise / 2e-6 == pytest.approx(gradients[k].flat[0], rel=1e-6, abs=1e-9)


def test_a_contender_that_is_wrong_or_missing_is_told() -> None:
    good = ours.neuron()[0]
    wrong = Cell("wrong", lambda: (0.0, good.answer()[1]), good.step)
    with pytest.raises(SystemExit, match="wrong computes something else: off by"):
        benchmarks.contenders([lambda: [wrong]], good.answer())

    def missing() -> list[Cell]:
        raise ImportError("No module named 'nowhere'")

    assert benchmarks.contenders([missing], good.answer()) == (
        [], ["missing: No module named 'nowhere'"]
    )  # fmt: skip


def test_every_contender_gets_as_many_turns() -> None:
    cells = [*ours.neuron(), *peers.python_neuron()]
    interleave(cells, 3, 0.0)
    assert [len(cell.times) for cell in cells] == [3] * len(cells)
    assert cells[0].ratio(cells[0]) == 1.0
