"""Graph → Scene at layer level: one box per layer with its shapes, parameters and norms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.view import labels, titles
from tinygrad_edu.view.build import STALE, describe, layer_facts
from tinygrad_edu.view.graph import Graph, Step
from tinygrad_edu.view.regions import Region, Regions
from tinygrad_edu.view.scene import Edge, Node, Scene

__all__ = ["box_lines", "layer_scene"]


def norm(arrays: list[Any]) -> float | None:
    """The Euclidean norm of all numbers together; None where one of them is not known."""
    if not arrays or any(array is None for array in arrays):
        return None
    with np.errstate(all="ignore"):
        total = sum(float(np.square(np.asarray(a, dtype=float)).sum()) for a in arrays)
    return float(np.sqrt(total))


def box_lines(facts: list[str], weights: list[Any], biases: list[Any]) -> tuple[str, ...]:
    """["2→4", "tanh"] with the parameter count below, then the norm of the weights."""
    count = sum(int(np.size(x)) for x in [*weights, *biases])
    size = norm(weights)
    lines = [" · ".join(facts)] if facts else []
    lines.append(f"{labels.count(count)} parameters" if count else "no parameters")
    if weights:
        lines.append("‖W‖ –" if size is None else f"‖W‖ {labels.number(size, 2)}")
    return tuple(lines)


class _Boxes:
    """Steps gathered into boxes: layers, loose neurons, inputs, the ending, everything else."""

    def __init__(self, graph: Graph, regions: Regions) -> None:
        self.graph, self.regions = graph, regions
        self.box: dict[Step, Any] = {}
        self.members: dict[Any, list[Step]] = {}

    def gather(self) -> None:
        open_boxes = self.open_boxes()
        for step in self.graph.steps:
            key = self.key(step, open_boxes)
            if key is not None:
                self.box[step] = key
                self.members.setdefault(key, []).append(step)

    def in_order(self) -> list[Any]:
        """The boxes in the order of computation, inputs first."""
        computed = [self.box[step] for step in self.graph.steps if not step.leaf]
        inputs = [k for k in self.members if isinstance(k, Region) and k.kind == "inputs"]
        return list(dict.fromkeys([*inputs, *computed, *self.members]))

    def key(self, step: Step, open_boxes: dict[Step, Step]) -> Any:
        home = self.regions.home[step]
        if home is not None and home.kind == "output":
            return "loss" if not step.leaf else None
        if home is not None and home.kind == "inputs":
            return home
        if home is not None:
            chain = home.chain()
            layers = [each for each in chain if each.kind == "layer"]
            return layers[0] if layers else chain[-1]
        return None if step.leaf else open_boxes[step]

    def open_boxes(self) -> dict[Step, Step]:
        """Operations outside of all regions, joined with their neighbours: step → first of them."""
        leader: dict[Step, Step] = {}

        def find(step: Step) -> Step:
            while leader[step] is not step:
                leader[step] = leader[leader[step]]
                step = leader[step]
            return step

        for step in self.graph.steps:
            if step.leaf or self.regions.home[step] is not None:
                continue
            leader[step] = step
            for x in step.parents:
                if x in leader:
                    leader[find(step)] = find(x)
        return {step: find(step) for step in leader}


def layer_scene(graph: Graph, regions: Regions) -> Scene:
    """The layer-level picture of a folded graph."""
    boxes = _Boxes(graph, regions)
    boxes.gather()
    keys = boxes.in_order()
    ids = {key: f"n{index}" for index, key in enumerate(keys)}
    users = graph.users()
    drafts = [_node(boxes, key, ids[key], users) for key in keys]
    largest = max((node.strength for node in drafts), default=0.0) or 1.0
    nodes = [_scaled(node, largest) for node in drafts]
    edges: dict[tuple[Any, Any], str] = {}
    for step in graph.steps:
        for x in step.parents:
            pair = (boxes.box.get(x), boxes.box.get(step))
            if None in pair or pair[0] is pair[1] or pair[0] == pair[1]:
                continue
            edges.setdefault(pair, _carried(x, boxes.members[pair[0]]))
    lines = [
        Edge(f"e{index}", ids[a], ids[b], label=label)
        for index, ((a, b), label) in enumerate(edges.items())
    ]
    count = sum(isinstance(key, Region) and key.kind == "layer" for key in keys)
    return Scene(
        "layer", tuple(nodes), tuple(lines),
        title=f"Layers of {titles.title(graph.root)}",
        description=describe(graph, f"{count} layers in {len(keys)} boxes"),
        banner=STALE if graph.stale else "",
    )  # fmt: skip


def _scaled(node: Node, largest: float) -> Node:
    return replace(node, strength=node.strength / largest)


def _carried(x: Step, members: list[Step]) -> str:
    """How many numbers a line carries per example."""
    if np.ndim(x.data) > 2:
        return ""  # the box at its end has the whole shape
    if np.ndim(x.data):
        return labels.count(int(np.shape(x.data)[-1]))
    return labels.count(len(members)) if x.leaf and len(members) > 1 else ""


def _node(boxes: _Boxes, key: Any, number: str, users: dict[Step, list[Step]]) -> Node:
    steps = boxes.members[key]
    if key == "loss":
        root = boxes.graph.root
        return Node(
            number, "loss", titles.title(root), titles.value_lines(root.data),
            titles.gradient_line(root), strength=titles.magnitude(root.grad), tip=titles.tip(root),
            value=titles.scalar(root.data), slope=titles.scalar(root.grad),
        )  # fmt: skip
    if isinstance(key, Region) and key.kind == "inputs":
        return _inputs(steps, number)
    inner = [step for step in steps if not step.leaf]
    last = inner[-1] if inner else steps[-1]
    leaves = [step for step in steps if step.leaf and step.role in ("weight", "bias", "factor")]
    if isinstance(key, Region):
        facts = layer_facts(key, boxes.regions)
        name = key.name or ("layer" if key.kind == "layer" else key.kind)
    else:
        facts, name = [f"{labels.count(len(inner))} operations"], "operations"
    if len(inner) == 1 and not leaves:
        titled = isinstance(key, Region) and key.kind == "layer" and key.name
        name, facts = name if titled else titles.title(last), []
    elif leaves and np.ndim(last.data) > 2:
        facts = [*facts, titles.shape_text(last.data)]
    weights = [step.data for step in leaves if step.role != "bias"]
    biases = [0.0 if step.data is None else step.data for step in leaves if step.role == "bias"]
    lines = list(box_lines(facts, weights, biases)) if leaves else facts
    if not leaves:
        lines += list(titles.value_lines(last.data))
    slopes = [step.grad for step in leaves] or [last.grad]
    size = norm(slopes)
    wanted = any(step.differentiable for step in [*leaves, last])
    gradient = "" if not wanted else "∇ –" if size is None else f"‖∇‖ {labels.number(size)}"
    strength = size if size is not None and np.isfinite(size) else 0.0
    tip = "\n".join([name, *lines, gradient, last.line]).strip()
    role = "layer" if leaves else "operation"
    return Node(number, role, labels.shorten(name), tuple(lines), gradient, "", strength, tip=tip)


def _inputs(steps: list[Step], number: str) -> Node:
    if len(steps) == 1:
        step = steps[0]
        return Node(
            number, "input", titles.title(step), titles.value_lines(step.data),
            titles.gradient_line(step), strength=titles.magnitude(step.grad), tip=titles.tip(step),
        )  # fmt: skip
    size = norm([step.grad for step in steps])
    gradient = "" if not any(s.differentiable for s in steps) else "∇ –"
    gradient = gradient if size is None else f"‖∇‖ {labels.number(size)}"
    lines = (f"{labels.count(len(steps))} inputs",)
    return Node(number, "input", "inputs", lines, gradient, strength=size or 0.0, tip="inputs")
