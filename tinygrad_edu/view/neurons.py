"""Graph → columns of neurons: one shape per neuron, one line per weight.

Neurons come from scopes, from their structure (see `regions`), or, where a layer is one matrix
product, from the columns of its weight matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.view import labels, titles
from tinygrad_edu.view.build import STALE, describe, region_title, weight_beside
from tinygrad_edu.view.graph import Graph, Step
from tinygrad_edu.view.network import Cell, Column, Connection, network_scene
from tinygrad_edu.view.regions import Region, Regions
from tinygrad_edu.view.scene import Scene

__all__ = ["matrix_of", "neuron_count", "neuron_scene", "vector_cell"]


def matrix_of(region: Region, regions: Regions) -> Step | None:
    """The one weight matrix of a layer made of a matrix product, else None."""
    steps = [step for each in regions.all if region in each.chain() for step in each.steps]
    found = [
        step.inputs[1]
        for step in steps
        if step.op == "matmul" and isinstance(step.inputs[1], Step) and step.inputs[1].leaf
    ]
    fits = len(found) == 1 and np.ndim(found[0].data) == 2 and found[0].role == "weight"
    return found[0] if fits else None


def neuron_count(regions: Regions) -> int:
    """How many neurons a neuron-level picture would have; 0 where there is nothing to fold."""
    single = sum(region.kind == "neuron" for region in regions.all)
    for region in regions.all:
        matrix = matrix_of(region, regions) if region.kind == "layer" else None
        single += int(matrix.data.shape[1]) if matrix is not None else 0
    return single


def tone(value: float | None) -> float | None:
    """A number as a tint: full at 1 and beyond."""
    return None if value is None or value != value else max(-1.0, min(1.0, value))


def vector_cell(role: str, name: str, values: Any, slopes: Any, open_slope: bool) -> Any:
    """A function index → Cell from per-neuron means: `values` and `slopes` (or None)."""

    def cell(index: int) -> Cell:
        value = None if values is None else float(values[index])
        slope = None if slopes is None else float(slopes[index])
        gradient = "" if not open_slope else "∇ –"
        if slope is not None:
            gradient = f"∇ {labels.number(slope, 2)}"
        shown = "–" if value is None else labels.number(value, 2)
        numbers = "not computed" if value is None else f"{value:.6g}"
        title = labels.subscripted(f"x{index + 1}") if role == "input" else ""
        return Cell(
            role=role,
            title=title,
            lines=(shown,),
            gradient=gradient,
            size=abs(slope) if slope is not None and np.isfinite(slope) else 0.0,
            tone=tone(value) if role == "neuron" else None,
            tip=f"{name} {index + 1}\nvalue: {numbers}",
            value=value,
            slope=slope,
        )

    return cell


def _over_batch(data: Any, width: int, reduce: Any) -> Any:
    """An array's numbers per neuron (its last axis), reduced over the batch; None if not such."""
    if data is None or np.ndim(data) == 0 or np.shape(data)[-1] != width:
        return None
    return reduce(np.asarray(data).reshape(-1, width), axis=0)


class _Columns:
    """The columns of one graph while they are found, and where each step stands in them."""

    def __init__(self, graph: Graph, regions: Regions) -> None:
        self.graph, self.regions = graph, regions
        self.users = graph.users()
        self.columns: list[Column] = []
        self.place: dict[Step, tuple[int, int | None]] = {}
        self.weights: dict[tuple[int, int], dict[tuple[int, int], float]] = {}
        self.plain: dict[tuple[int, int], set[tuple[int | None, int | None]]] = {}
        self.matrices: list[Connection] = []
        self.within = 0

    def find(self) -> None:
        """Make the columns: inputs, layers and neurons in graph order, open steps, the ending."""
        self.inputs()
        for region in self.regions.all:
            inner = [r for r in self.regions.all if r.kind == "neuron" and r.parent is region]
            matrix = matrix_of(region, self.regions) if region.kind == "layer" else None
            if matrix is not None:
                self.tensor_layer(region, matrix)
            elif region.kind != "neuron" and inner:
                self.neurons(region_title(region, self.regions), inner)
            elif region.kind == "neuron" and region.parent is None:
                self.neurons("", [region])
        for step in self.graph.steps:
            if step not in self.place and not step.leaf:
                self.open_step(step)

    def add(self, kind: str, title: str, size: int, cell: Any) -> int:
        self.columns.append(Column(kind, title, size, cell))
        return len(self.columns) - 1

    def inputs(self) -> None:
        single = [
            step
            for step in self.graph.steps
            if step.leaf and step.role == "input" and titles.scalar(step.data) is not None
            and self.users[step] and not all(u in self.regions.ending for u in self.users[step])
        ]  # fmt: skip
        if single:
            column = self.add("inputs", "inputs", len(single), lambda i: step_cell(single[i]))
            self.place.update({step: (column, index) for index, step in enumerate(single)})
        for step in self.graph.steps:
            fed = [user for user in self.users[step] if user.op == "matmul"]
            if not step.leaf or step.role != "input" or step in self.place or not fed:
                continue
            width = int(np.shape(step.data)[-1])
            values = _over_batch(step.data, width, np.mean)
            slopes = _over_batch(step.grad, width, np.sum)
            cell = vector_cell("input", "input", values, slopes, step.differentiable)
            name = titles.title(step) if step.name else "inputs"
            self.place[step] = (self.add("inputs", f"{name} · {width}", width, cell), None)

    def neurons(self, title: str, inner: list[Region]) -> None:
        column = self.add(
            "layer" if title else "", title, len(inner), lambda i: self.cell(inner[i])
        )
        for index, region in enumerate(inner):
            for each in self.regions.all:
                if region in each.chain():
                    self.place.update({s: (column, index) for s in each.steps if not s.leaf})

    def cell(self, region: Region) -> Cell:
        """A neuron from its last step; over several examples, the mean of them."""
        inside = set(region.steps)
        leaving = [
            step
            for step in region.steps
            if step is self.graph.root or any(user not in inside for user in self.users[step])
        ]
        leaving = [step for step in leaving if not step.leaf] or region.steps[-1:]
        if len(leaving) == 1:
            return step_cell(leaving[0], region_title(region, self.regions))
        values = [titles.scalar(step.data) or 0.0 for step in leaving]
        mean = float(np.mean(values))
        tip = f"{region_title(region, self.regions)}\nmean over {len(values)} examples: {mean:.6g}"
        size = float(np.linalg.norm([titles.magnitude(step.grad) for step in leaving]))
        gradient = f"‖∇‖ {labels.number(size, 2)}" if size else "∇ –"
        shown = (f"μ {labels.number(mean, 2)}",)
        return Cell("neuron", "", shown, gradient, size, tone(mean), tip, mean)

    def tensor_layer(self, region: Region, matrix: Step) -> None:
        width = int(matrix.data.shape[1])
        inside = {s for each in self.regions.all if region in each.chain() for s in each.steps}
        leaving = [
            step
            for step in self.graph.steps
            if step in inside and not step.leaf
            and (step is self.graph.root or any(u not in inside for u in self.users[step]))
        ]  # fmt: skip
        last = leaving[-1] if leaving else matrix
        values = _over_batch(last.data, width, np.mean)
        slopes = _over_batch(last.grad, width, np.sum)
        title = region_title(region, self.regions)
        cell = vector_cell("neuron", "neuron", values, slopes, last.differentiable)
        column = self.add("layer", title, width, cell)
        for step in inside:
            if not step.leaf:
                self.place[step] = (column, None)

    def open_step(self, step: Step) -> None:
        """An operation outside of all neurons: a shape of its own; the ending is one loss."""
        if step in self.regions.ending:
            root = self.graph.root
            column = self.add("", "", 1, lambda _: step_cell(root, role="loss"))
            self.place.update(dict.fromkeys(self.regions.ending, (column, 0)))
            return
        self.place[step] = (self.add("", "", 1, lambda _: step_cell(step)), 0)

    def connect(self) -> list[Connection]:
        """All lines between the columns."""
        for step in self.graph.steps:
            for slot, x in enumerate(step.inputs):
                if isinstance(x, Step) and x in self.place and step in self.place:
                    self.line(x, step, slot)
        made = list(self.matrices)
        for (a, b), lines in self.weights.items():
            table = np.full((self.columns[a].size, self.columns[b].size), np.nan)
            for (i, j), weight in lines.items():
                table[i, j] = weight
            made.append(Connection(a, b, table))
        for (a, b), pairs in self.plain.items():
            known = self.weights.get((a, b), {})
            single = frozenset((i, j) for i, j in pairs if i is not None and j is not None)
            every = len(single) < len(pairs)  # a whole column among them
            made.append(Connection(a, b, None, None if every else single - set(known)))
        return made

    def line(self, x: Step, step: Step, slot: int) -> None:
        (a, i), (b, j) = self.place[x], self.place[step]
        if a == b:
            self.within += i != j or (i is None and step.op == "matmul")
            return
        if step.op == "matmul" and slot == 0 and j is None:
            matrix = step.inputs[1]
            known = isinstance(matrix, Step) and np.ndim(matrix.data) == 2
            rows = self.columns[a].size
            if known and matrix.data.shape == (rows, self.columns[b].size):
                self.matrices.append(Connection(a, b, np.asarray(matrix.data, dtype=float)))
                return
        beside = weight_beside(step, slot)
        weight = titles.scalar(beside.data) if beside is not None else None
        if weight is not None and i is not None and j is not None:
            self.weights.setdefault((a, b), {})[i, j] = weight
        else:
            self.plain.setdefault((a, b), set()).add((i, j))


def step_cell(step: Step, name: str = "", role: str = "") -> Cell:
    """A step as a shape of the neuron level."""
    inner = not step.leaf and not role and bool(name)
    value = titles.scalar(step.data)
    role = role or ("neuron" if inner else step.role if step.leaf else "operation")
    shown = titles.value_lines(step.data) if not step.moved else ("moved",)
    gradient = titles.gradient_line(step)
    if inner and value is not None:
        shown = (labels.number(value, 2),)
        slope = titles.scalar(step.grad)
        gradient = f"∇ {labels.number(slope, 2)}" if slope is not None else gradient
    heading = "" if inner and not step.name else titles.title(step)
    if inner and step.name:
        heading = labels.shorten(labels.subscripted(titles.own_name(step)), 8)
    return Cell(
        role=role,
        title=heading,
        lines=shown,
        gradient=gradient,
        size=titles.magnitude(step.grad),
        tone=tone(value) if inner else None,
        tip=f"{name}\n{titles.tip(step)}".strip(),
        value=value,
        slope=titles.scalar(step.grad),
    )


def neuron_scene(graph: Graph, regions: Regions) -> Scene:
    """The neuron-level picture of a folded graph."""
    found = _Columns(graph, regions)
    found.find()
    sizes = [column.size for column in found.columns if column.kind]
    contents = "columns of " + ", ".join(labels.count(size) for size in sizes) + " shapes"
    connections = found.connect()
    notes: tuple[str, ...] = ()
    if found.within:
        lines = f"{labels.count(found.within)} connections within a layer are not drawn here"
        notes = (f"{lines}; level='op' shows them",)
    return network_scene(
        found.columns,
        connections,
        title=f"Neurons of {titles.title(graph.root)}",
        description=describe(graph, contents),
        banner=STALE if graph.stale else "",
        notes=notes,
    )
