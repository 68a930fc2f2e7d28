"""Module → Scene without any data: structure, weights and their gradients; activations are "–".

It reads the list of plain layer descriptions that a module's `structure()` gives (see
`LayerInfo`), so that it needs to know no module class.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.view import labels
from tinygrad_edu.view.boxes import box_lines, norm
from tinygrad_edu.view.network import Cell, Column, Connection, network_scene
from tinygrad_edu.view.neurons import check_names
from tinygrad_edu.view.scene import Edge, Node, Scene

__all__ = ["LayerInfo", "module_scene"]


class LayerInfo(Protocol):
    """One layer: its name and kind, sizes, activation, and arrays (None where it has none).

    `weight` has shape (inputs, outputs), `bias` (outputs,); gradients likewise or None.
    """

    name: str
    kind: str
    inputs: int
    outputs: int
    activation: str | None
    weight: Any
    bias: Any
    weight_grad: Any
    bias_grad: Any


def module_scene(
    structure: Sequence[LayerInfo], level: str, name: str, names: tuple[str, ...] = ()
) -> Scene:
    """The picture of a module. "op" is refused: operations exist only once data has gone through.

    "auto" is the neuron level where every layer has a weight matrix, else the layer level.
    """
    layers = list(structure)
    if not layers:
        raise DTypeError(f"{name} has no layers to draw", hint="draw(model(x)) draws what it does")
    if level == "op":
        raise DTypeError(
            f"{name} without data has no operations to draw",
            hint="draw(model(x), level='op'), or draw(model) for its structure",
        )
    dense = all(np.ndim(layer.weight) == 2 for layer in layers)
    fits = all(a.outputs == b.inputs for a, b in pairwise(layers))
    if level == "layer" or not (dense and fits):
        return _boxes(layers, name)
    return _neurons(layers, name, names)


def _facts(layer: LayerInfo) -> list[str]:
    sizes = f"{labels.count(layer.inputs)}→{labels.count(layer.outputs)}"
    facts = [sizes] if layer.outputs else []  # a layer that takes any shape has no sizes
    return facts + ([layer.activation] if layer.activation else [])


def _count(size: int) -> str:
    return labels.count(size) if size else ""


def _boxes(layers: Sequence[LayerInfo], name: str) -> Scene:
    sizes = [norm([layer.weight_grad, layer.bias_grad]) if layer.weight_grad is not None else None
             for layer in layers]  # fmt: skip
    largest = max((size for size in sizes if size), default=1.0) or 1.0
    first = Node("n0", "input", "inputs", (_count(layers[0].inputs), "–"))
    nodes, edges = [first], []
    for number, (layer, size) in enumerate(zip(layers, sizes, strict=True), start=1):
        weights = [] if layer.weight is None else [layer.weight]
        biases = [] if layer.bias is None else [layer.bias]
        lines = box_lines(_facts(layer), weights, biases)
        gradient = "" if not weights else "∇ –" if size is None else f"‖∇‖ {labels.number(size)}"
        tip = "\n".join([f"{layer.name} · {layer.kind}", *lines, gradient]).strip()
        nodes.append(
            Node(
                f"n{number}", "layer", labels.shorten(layer.name), lines, gradient,
                strength=(size or 0.0) / largest, tip=tip,
            )
        )  # fmt: skip
        carried = _count(layer.inputs)
        edges.append(Edge(f"e{number - 1}", f"n{number - 1}", f"n{number}", label=carried))
    outputs = (_count(layers[-1].outputs), "–")
    nodes.append(Node(f"n{len(layers) + 1}", "output", "ŷ", outputs))
    carried = _count(layers[-1].outputs)
    edges.append(Edge(f"e{len(layers)}", f"n{len(layers)}", f"n{len(layers) + 1}", label=carried))
    return Scene(
        "layer", tuple(nodes), tuple(edges), title=f"Layers of {name}",
        description=f"{name}: {len(layers)} layers, no data yet.",
    )  # fmt: skip


def _neurons(layers: Sequence[LayerInfo], name: str, names: tuple[str, ...]) -> Scene:
    size = layers[0].inputs
    check_names(names, [size])
    names = names or tuple(getattr(layers[0], "input_names", ()))

    def input_cell(index: int) -> Cell:
        title = labels.subscripted(names[index] if index < len(names) else f"x{index + 1}")
        tip = f"input {index + 1}, {title}: no data yet"
        return Cell("input", labels.shorten(title, 18), ("–",), tip=tip)

    columns = [Column("inputs", f"inputs · {labels.count(size)}", size, input_cell)]
    for layer in layers:
        title = " · ".join([labels.shorten(layer.name), *_facts(layer)])
        columns.append(Column("layer", title, layer.outputs, _cells(layer)))
    connections = [
        Connection(number, number + 1, np.asarray(layer.weight, dtype=float))
        for number, layer in enumerate(layers)
    ]
    counts = ", ".join(labels.count(column.size) for column in columns)
    text = f"{name}: columns of {counts}; no data yet, so activations are not known."
    return network_scene(columns, connections, f"Neurons of {name}", text)


def _cells(layer: LayerInfo) -> Any:
    """A function index → Cell: the neuron's activation is "–", its ∇ that of its own weights."""

    def cell(index: int) -> Cell:
        bias = None if layer.bias is None else float(np.ravel(layer.bias)[index])
        tip = [f"neuron {index + 1} of {layer.name}", "activation: no data yet"]
        tip.append("no bias" if bias is None else f"bias: {bias:.6g}")
        gradient, size = "∇ –", 0.0
        if layer.weight_grad is not None:
            own = [np.asarray(layer.weight_grad)[:, index]]
            if layer.bias_grad is not None:
                own.append(np.ravel(layer.bias_grad)[index : index + 1])
            size = norm(own) or 0.0
            gradient = f"‖∇‖ {labels.number(size, 2)}"
            tip.append(f"norm of its weights' gradients: {size:.6g}")
        shown = "–" if bias is None else f"b {labels.number(bias, 2)}"
        return Cell("neuron", "–", (shown,), gradient, size, None, "\n".join(tip))

    return cell
