"""Where each step belongs: scopes, neurons found by their structure, inputs, output and loss.

A weighted sum with its products, weights, bias and activation *is* a neuron, so a hand-written one
gets its frame without any annotation; a matrix product with its bias and activation is a layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.view.graph import Graph, Step

__all__ = ["Region", "Regions", "find_regions"]

_CELLS = ("neuron", "layer")


@dataclass(slots=True, eq=False)
class Region:
    """A cluster before it is drawn: kind, own name, parent, and the steps right inside."""

    kind: str
    name: str
    parent: Region | None = None
    steps: list[Step] = field(default_factory=list)
    implicit: bool = False

    def chain(self) -> list[Region]:
        """This region and those around it, innermost first."""
        found, at = [self], self.parent
        while at is not None:
            found.append(at)
            at = at.parent
        return found


@dataclass(slots=True, eq=False)
class Regions:
    """Step → region (None: the open ground), the predictions, the steps from them to the loss."""

    home: dict[Step, Region | None]
    predictions: list[Step]
    ending: set[Step]
    all: list[Region]

    def cell(self, step: Step, kind: str) -> Region | None:
        """The innermost region of `kind` around a step, or None."""
        at = self.home[step]
        while at is not None and at.kind != kind:
            at = at.parent
        return at


def find_regions(graph: Graph) -> Regions:
    """Give every step of a folded graph its region."""
    users = graph.users()
    home: dict[Step, Region | None] = {}
    ending, predictions = _ending(graph)
    found: dict[Any, Region] = {}

    def region(path: tuple[tuple[str, str], ...]) -> Region | None:
        if not path:
            return None
        if path not in found:
            name, kind = path[-1]
            kind = kind if kind in ("layer", "neuron", "model", "function") else "group"
            found[path] = Region(kind, name, region(path[:-1]))
        return found[path]

    implicit = _implicit_cells(graph, users, ending)
    for step in graph.steps:
        if step.leaf:
            continue
        if step in ending:
            home[step] = found.setdefault("output", Region("output", ""))
        elif step in implicit:
            outer = region(step.scope)
            cell = found.setdefault(implicit[step], Region(implicit[step][0], "", outer, [], True))
            home[step] = cell
        else:
            home[step] = region(step.scope)
    for step in reversed(graph.steps):
        if step.leaf:
            home[step] = _leaf_home(step, users[step], home, found)
    regions = _in_order(graph, home)
    return Regions(home, predictions, ending, regions)


def _in_order(graph: Graph, home: dict[Step, Region | None]) -> list[Region]:
    """The regions in the order of computation, inputs first, outer ones before inner ones."""
    regions: dict[Region, None] = {}
    for step in graph.steps:
        inner = home[step]
        if inner is not None:
            inner.steps.append(step)
    early = [step for step in graph.steps if step.leaf and step.role == "input"]
    computed = [step for step in graph.steps if not step.leaf]
    last = {home[step]: index for index, step in enumerate(computed)}
    ends = [step for index, step in enumerate(computed) if last[home[step]] == index]
    for step in [*early, *ends, *graph.steps]:
        inner = home[step]
        if inner is not None:
            for each in reversed(inner.chain()):
                regions.setdefault(each)
    return list(regions)


def _ending(graph: Graph) -> tuple[set[Step], list[Step]]:
    """The steps from the predictions to the loss, and the predictions, first used first."""
    root = graph.root
    if root.role != "loss":
        cells = ("activation", "weighted sum", "output")
        return (set(), [root] if root.role in cells and not root.leaf else [])
    ending: set[Step] = set()
    predictions: dict[Step, None] = {}
    stack = [root]
    while stack:
        step = stack.pop()
        if step in ending:
            continue
        ending.add(step)
        for x in step.parents:
            inner = x.role in ("loss", "operation") and not any(k in _CELLS for _, k in x.scope)
            if x.leaf:
                continue
            if inner:
                stack.append(x)
            else:
                predictions[x] = None
    position = {step: index for index, step in enumerate(graph.steps)}
    return ending, sorted(predictions, key=lambda step: position[step])


def _implicit_cells(
    graph: Graph, users: dict[Step, list[Step]], ending: set[Step]
) -> dict[Step, tuple[str, int]]:
    """Steps of neurons and layers that no scope names: step → (kind, number)."""
    cells: dict[Step, tuple[str, int]] = {}
    for step in graph.steps:
        if step.leaf or step in ending or any(kind in _CELLS for _, kind in step.scope):
            continue
        matrix = step.op == "matmul" or any(x.op == "matmul" for x in step.parents)
        if step.role != "weighted sum" or (np.size(step.data) > 1 and not matrix):
            continue
        key = ("layer" if matrix else "neuron", len(cells))
        cells[step] = key
        for x in step.parents:
            if x.role == "product" and len(users[x]) == 1 and x.scope == step.scope:
                cells[x] = key
        follows = users[step]
        if len(follows) == 1 and follows[0].role in ("activation", "output"):
            after = follows[0]
            if after not in ending and after.kind == "activation" and after.scope == step.scope:
                cells[after] = key
    return cells


def _leaf_home(
    step: Step,
    users: list[Step],
    home: dict[Step, Region | None],
    found: dict[Any, Region],
) -> Region | None:
    """Inputs stand together, targets by the loss, weights in the innermost region of all users:
    a weight that two neurons share stands beside both."""
    homes = [home[user] for user in users]
    output = found.get("output")
    if output is not None and homes and all(place is output for place in homes):
        return output
    if step.role == "input":
        return found.setdefault("inputs", Region("inputs", "inputs"))
    if not homes or homes[0] is None:
        return None
    for shared in homes[0].chain():
        if all(place is not None and shared in place.chain() for place in homes):
            return None if shared is output else shared
    return None
