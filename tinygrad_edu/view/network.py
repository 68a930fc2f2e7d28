"""Columns of neurons and the weights between them → Scene at neuron level, at any size.

A column that is too long shows its head, "⋮ n more" and its tail. Connections of what is shown are
lines of their own; all others go into a `Bundle`, drawn as one path per sign and width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.view import labels
from tinygrad_edu.view.scene import Bundle, Cluster, Edge, Node, Scene

__all__ = ["Cell", "Column", "Connection", "keep_strongest", "network_scene"]

SHOWN, HEAD, TAIL = 16, 5, 3


@dataclass(frozen=True, slots=True)
class Cell:
    """One neuron, input or result: what its shape says."""

    role: str
    title: str = ""
    lines: tuple[str, ...] = ()
    gradient: str = ""
    size: float = 0.0
    tone: float | None = None
    tip: str = ""
    value: float | None = None
    slope: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A layer: `cell(i)` describes neuron i of `size`. Without a kind it has no frame."""

    kind: str
    title: str
    size: int
    cell: Callable[[int], Cell]


@dataclass(frozen=True, slots=True)
class Connection:
    """The weights (rows of the source column, columns of the target); NaN where there is no line.
    Without weights the lines are plain: those of `pairs`, or all of them if that is None."""

    source: int
    target: int
    weights: NDArray[Any] | None = None
    pairs: frozenset[tuple[int, int]] | None = None


def shown(size: int) -> list[int]:
    """The indices that are drawn: all, or head and tail."""
    if size <= SHOWN:
        return list(range(size))
    return [*range(HEAD), *range(size - TAIL, size)]


def network_scene(
    columns: Sequence[Column],
    connections: Sequence[Connection],
    title: str,
    description: str,
    banner: str = "",
    notes: tuple[str, ...] = (),
) -> Scene:
    """The neuron-level picture of `columns` in the order given."""
    cells = [{index: column.cell(index) for index in shown(column.size)} for column in columns]
    strongest = max((cell.size for some in cells for cell in some.values()), default=0.0) or 1.0
    nodes: list[Node] = []
    ids: list[dict[int, str]] = []
    clusters: list[Cluster] = []
    for number, column in enumerate(columns):
        home = f"c{number}" if column.kind else ""
        if column.kind:
            clusters.append(
                Cluster(home, column.kind, labels.shorten(column.title, 48), "", column.size)
            )
        ids.append({})
        for index, cell in cells[number].items():
            ids[-1][index] = f"n{len(nodes)}"
            nodes.append(_node(f"n{len(nodes)}", home, index, cell, strongest))
            if column.size > SHOWN and index == HEAD - 1:
                nodes.append(_more(f"n{len(nodes)}", home, column.size))
    largest = max((_largest(each.weights) for each in connections), default=0.0)
    edges: list[Edge] = []
    bundles: list[Bundle] = []
    for each in connections:
        _edges(each, ids, largest, edges)
        hidden = columns[each.source].size > SHOWN or columns[each.target].size > SHOWN
        if hidden and each.weights is not None:
            bundles.append(_bundle(f"b{len(bundles)}", each, ids, largest))
    return Scene(
        "neuron", tuple(nodes), tuple(edges), tuple(clusters), tuple(bundles),
        title, description, banner, (*_faint(bundles), *notes),
    )  # fmt: skip


def _node(number: str, home: str, index: int, cell: Cell, strongest: float) -> Node:
    return Node(
        number, cell.role, cell.title, cell.lines, cell.gradient, home,
        cell.size / strongest, cell.tone, cell.tip, cell.value, cell.slope, index,
    )  # fmt: skip


def _more(number: str, home: str, size: int) -> Node:
    count = size - HEAD - TAIL
    text = f"{labels.count(count)} more"
    return Node(number, "more", "⋮", (text,), "", home, tip=text, index=HEAD, stands_for=count)


def _largest(weights: NDArray[Any] | None) -> float:
    if weights is None or not weights.size:
        return 0.0
    finite = np.abs(weights[np.isfinite(weights)])
    return float(finite.max()) if finite.size else 0.0


def keep_strongest(scene: Scene, lines: int) -> Scene:
    """The scene with its `lines` strongest connections, and a note that says so."""
    whole = [np.array(bundle.weights, dtype=float) for bundle in scene.bundles]
    single = [edge.weight for edge in scene.edges if edge.weight is not None]
    sizes = np.abs(np.concatenate([*whole, np.array(single, dtype=float)]))
    sizes = sizes[np.isfinite(sizes)]
    if sizes.size <= lines:
        return scene
    floor = float(np.partition(sizes, sizes.size - lines)[sizes.size - lines])
    bundles = [
        replace(bundle, weights=tuple(np.where(np.abs(table) < floor, np.nan, table).tolist()))
        for bundle, table in zip(scene.bundles, whole, strict=True)
    ]
    counts = f"{labels.count(lines)} strongest of {labels.count(sizes.size)}"
    note = f"the {counts} connections are drawn"
    return replace(scene, bundles=tuple(bundles), notes=(note, *scene.notes))


def _faint(bundles: Sequence[Bundle]) -> tuple[str, ...]:
    return ("faint lines: the connections of neurons that are not shown",) if bundles else ()


def _edges(
    each: Connection, ids: Sequence[dict[int, str]], largest: float, edges: list[Edge]
) -> None:
    """The lines between what is shown."""
    for i, source in ids[each.source].items():
        for j, target in ids[each.target].items():
            if each.pairs is not None and (i, j) not in each.pairs:
                continue
            weight = None if each.weights is None else float(each.weights[i, j])
            if weight is not None and weight != weight:
                continue
            width = 0.0 if weight is None else min(1.0, abs(weight) / max(largest, 1e-300))
            tip = "" if weight is None else f"weight {i + 1} → {j + 1}: {weight:.6g}"
            edges.append(Edge(f"e{len(edges)}", source, target, 0, weight, width, "", tip))


def _bundle(number: str, each: Connection, ids: Sequence[dict[int, str]], largest: float) -> Bundle:
    """All the other lines."""
    assert each.weights is not None
    weights = np.array(each.weights, dtype=float)
    weights[np.ix_(list(ids[each.source]), list(ids[each.target]))] = np.nan
    rows, columns = weights.shape
    flat = tuple(weights.ravel().tolist())
    source, target = f"c{each.source}", f"c{each.target}"
    return Bundle(number, source, target, rows, columns, flat, largest)
