"""Graph → columns of neurons: one shape per neuron, one line per weight.

Neurons come from scopes, from their structure (see `regions`), or, where a layer is one matrix
product, from the columns of its weight matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError
from tinygrad_edu.view import labels, titles
from tinygrad_edu.view.build import STALE, describe, region_title, weight_beside
from tinygrad_edu.view.graph import Graph, Step
from tinygrad_edu.view.network import Cell, Column, Connection, network_scene
from tinygrad_edu.view.regions import Region, Regions
from tinygrad_edu.view.scene import Scene

__all__ = ["check_names", "matrix_of", "neuron_count", "neuron_scene", "vector_cell"]


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


def vector_cell(role: str, name: str, step: Step, width: int, names: Sequence[str] = ()) -> Any:
    """A function index → Cell: the numbers of one neuron, its column of an array."""
    values, slopes = _by_column(step.data, width), _by_column(step.grad, width)

    def cell(index: int) -> Cell:
        title = names[index] if index < len(names) else labels.subscripted(f"x{index + 1}")
        return _cell(
            role,
            labels.shorten(title, 18) if role == "input" else "",
            None if values is None else values[:, index],
            None if slopes is None else slopes[:, index],
            step.differentiable,
            f"{name} {index + 1}",
        )

    return cell


def _by_column(data: Any, width: int) -> Any:
    """An array as (examples, width), its last axis being the neurons; None if it is not such."""
    if data is None or np.ndim(data) == 0 or np.shape(data)[-1] != width:
        return None
    return np.asarray(data).reshape(-1, width)


def _cell(role: str, title: str, values: Any, slopes: Any, open_slope: bool, tip: str) -> Cell:
    """A shape from its numbers over the examples: their mean, and the sum of their gradients."""
    several = values is not None and len(values) > 1
    value = None if values is None else float(np.mean(values))
    slope = None if slopes is None else float(np.sum(slopes))
    gradient = "" if not open_slope else "∇ –"
    if slope is not None:
        gradient = f"{'Σ∇' if several else '∇'} {labels.number(slope, 2)}"
    shown = "–" if value is None else f"{'μ ' if several else ''}{labels.number(value, 2)}"
    if several:
        tip += f"\nmean over {len(values)} examples: {value:.6g}"
        tip += "" if slope is None else f"\nsum of their gradients: {slope:.6g}"
    else:
        tip += "\nvalue: not computed" if value is None else f"\nvalue: {value:.6g}"
    return Cell(
        role=role,
        title=title,
        lines=(shown,),
        gradient=gradient,
        size=abs(slope) if slope is not None and np.isfinite(slope) else 0.0,
        tone=None if role == "input" else tone(value),
        tip=tip,
        value=value,
        slope=slope,
    )


class _Columns:
    """The columns of one graph while they are found, and where each step stands in them."""

    def __init__(self, graph: Graph, regions: Regions, names: Sequence[str] = ()) -> None:
        self.graph, self.regions, self.names = graph, regions, names
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
        single = [step for step in self.graph.steps if self.is_single_input(step)]
        if single:
            names = self.names if len(self.names) == len(single) else [""] * len(single)
            column = self.add(
                "inputs", "inputs", len(single), lambda i: input_cell(single[i], names[i])
            )
            self.place.update({step: (column, index) for index, step in enumerate(single)})
        for step in self.graph.steps:
            fed = [user for user in self.users[step] if user.op == "matmul"]
            if not step.leaf or step.role != "input" or step in self.place or not fed:
                continue
            width = int(np.shape(step.data)[-1])
            names = self.names if len(self.names) == width else ()
            cell = vector_cell("input", "input", step, width, names)
            name = titles.title(step) if step.name else "inputs"
            self.place[step] = (self.add("inputs", f"{name} · {width}", width, cell), None)

    def is_single_input(self, step: Step) -> bool:
        """One input of the neurons: a number, or its numbers over the examples of a batch."""
        source = step.inputs[0] if step.op == "getitem" and step.inputs else step
        if not isinstance(source, Step) or not source.leaf or source.role != "input":
            return False
        users = self.users[step]
        if source is step and titles.scalar(step.data) is not None:
            return bool(users) and not all(user in self.regions.ending for user in users)
        return np.ndim(step.data) <= 1 and any(
            x is step and weight_beside(user, slot) is not None
            for user in users
            for slot, x in enumerate(user.inputs)
        )

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
        name = region_title(region, self.regions)
        if len(leaving) == 1 and np.ndim(leaving[0].data) != 1:
            return step_cell(leaving[0], name)
        known = [step.grad for step in leaving if step.grad is not None]
        slopes = np.concatenate([np.ravel(g) for g in known]) if known else None
        values = [np.ravel(step.data) for step in leaving if step.data is not None]
        return _cell(
            "neuron", "", np.concatenate(values) if values else None, slopes,
            any(step.differentiable for step in leaving), name,
        )  # fmt: skip

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
        title = region_title(region, self.regions)
        cell = vector_cell("neuron", "neuron", last, width)
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


def input_cell(step: Step, name: str = "") -> Cell:
    """An input: its own number, or over a batch the mean of its numbers."""
    title = name or titles.title(step)
    if step.op == "getitem" and not name:
        index = step.params.get("index")
        last = index[-1] if isinstance(index, tuple) else index
        source = titles.own_name(step.inputs[0]) or "x"
        title = labels.subscripted(f"{source}{last + 1}") if isinstance(last, int) else title
    if titles.scalar(step.data) is None and step.data is not None:
        slopes = None if step.grad is None else np.ravel(step.grad)
        shown, tip = labels.shorten(title, 18), f"{title} · input"
        return _cell("input", shown, np.ravel(step.data), slopes, step.differentiable, tip)
    return replace(step_cell(step), role="input", title=labels.shorten(title))


def check_names(names: Sequence[str], sizes: Sequence[int]) -> None:
    """As many names as there are inputs, or none: a list that is off by one names wrongly."""
    if names and sizes and len(names) not in sizes:
        inputs = " and ".join(labels.count(size) for size in sizes)
        raise ShapeError(
            f"{len(names)} input_names for {inputs} inputs",
            hint="one name for each input",
        )


def neuron_scene(graph: Graph, regions: Regions, names: Sequence[str] = ()) -> Scene:
    """The neuron-level picture of a folded graph; `names` are those of the inputs' columns."""
    found = _Columns(graph, regions, names)
    found.find()
    check_names(names, [column.size for column in found.columns if column.kind == "inputs"])
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
