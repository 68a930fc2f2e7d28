"""A module without data: its structure, weights and gradients; activations are "–"."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.view.picture import draw


@dataclass
class Info:
    name: str
    inputs: int
    outputs: int
    activation: str | None = "tanh"
    kind: str = "Layer"
    weight: Any = None
    bias: Any = None
    weight_grad: Any = None
    bias_grad: Any = None


class Network:
    """Anything with a `structure`."""

    def __init__(self, *sizes: int, gradients: bool = False) -> None:
        rng = np.random.default_rng(0)
        self.layers: list[Info] = []
        for number, (a, b) in enumerate(pairwise(sizes)):
            info = Info(f"layers.{number}", a, b)
            info.weight, info.bias = rng.normal(size=(a, b)), np.zeros(b)
            if gradients:
                info.weight_grad, info.bias_grad = np.full((a, b), 0.5), np.ones(b)
            self.layers.append(info)

    def structure(self) -> list[Info]:
        return self.layers


def matrix(weights: list[float | None], rows: int) -> NDArray[Any]:
    return np.array(weights, dtype=float).reshape(rows, -1)


def test_neurons_without_data_show_weights_and_no_activation() -> None:
    network = Network(2, 4, 1)
    scene = draw(network).scene
    assert scene.level == "neuron"
    assert [n.role for n in scene.nodes] == ["input"] * 2 + ["neuron"] * 5
    assert {n.lines for n in scene.nodes[:2]} == {("–",)}
    assert {n.title for n in scene.nodes[2:]} == {"–"}
    assert {n.gradient for n in scene.nodes[2:]} == {"∇ –"}
    assert [c.title for c in scene.clusters] == [
        "inputs · 2", "layers.0 · 2→4 · tanh", "layers.1 · 4→1 · tanh",
    ]  # fmt: skip
    weights = [edge.weight for edge in scene.edges]
    assert np.array_equal(matrix(weights[:8], 2), network.layers[0].weight)
    assert "no data yet" in scene.description


def test_gradients_of_the_weights_are_shown_where_there_are_some() -> None:
    scene = draw(Network(2, 4, 1, gradients=True)).scene
    assert scene.nodes[2].gradient == "‖∇‖ 1.22"  # √(2·0.5² + 1²)
    boxes = draw(Network(2, 4, 1, gradients=True), "layer").scene
    assert boxes.nodes[1].gradient == "‖∇‖ 2.449"  # √(8·0.5² + 4)


def test_layers_are_boxes_with_shapes_parameters_and_norms() -> None:
    network = Network(784, 128, 10)
    scene = draw(network, "layer").scene
    assert [(n.role, n.title) for n in scene.nodes] == [
        ("input", "inputs"), ("layer", "layers.0"), ("layer", "layers.1"), ("output", "ŷ"),
    ]  # fmt: skip
    lines = scene.nodes[1].lines
    assert lines[0] == "784→128 · tanh"
    assert lines[1] == "100\N{NO-BREAK SPACE}480 parameters"
    assert lines[2].startswith("‖W‖ ")
    assert [edge.label for edge in scene.edges] == ["784", "128", "10"]


def test_a_layer_without_a_matrix_gives_the_layer_level() -> None:
    network = Network(4, 3)
    network.layers.append(Info("dropout", 3, 3, None, "Dropout"))
    scene = draw(network).scene
    assert scene.level == "layer"
    assert scene.nodes[2].lines[1] == "no parameters"
    assert scene.nodes[2].gradient == ""


def test_all_levels_render() -> None:
    for level in ("auto", "neuron", "layer"):
        assert draw(Network(30, 20, 2), level).svg().startswith("<svg")


def test_what_a_module_cannot_show_is_said() -> None:
    with pytest.raises(DTypeError, match=r"draw\(model\(x\), level='op'\)"):
        draw(Network(2, 1), "op")
    with pytest.raises(DTypeError, match="Network has no layers to draw"):
        draw(Network())
