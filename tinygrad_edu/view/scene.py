"""The picture as plain data: nodes, edges, clusters and numbers, and nothing of the engine.

A `Scene` is what every renderer reads (SVG, DOT, text, and whatever comes later) and what every
builder writes. It holds strings and numbers only, so that ``json.dumps(scene.as_dict())`` works and
the same graph gives the same bytes. Ids are counters in drawing order, never names or addresses.

>>> scene = Scene("op", nodes=(Node("n0", "input", "x₁", ("0.800",), "∇ –"),))
>>> scene.as_dict()["nodes"][0]["title"]
'x₁'
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from tinygrad_edu.view.theme import ROLES

__all__ = ["Bundle", "Cluster", "Edge", "Node", "Scene"]


@dataclass(frozen=True, slots=True)
class Node:
    """One drawn shape. `role` is a key of `theme.ROLES` and decides shape and colours.

    `lines` stand under the title (value, shape, summary), `gradient` is the last line: "∇ −0.985",
    "∇ –" where it has not been computed, "" where there can be none. `strength` is |∇| relative to
    the largest in the picture (0 to 1) and becomes the border's width. `tone` (−1 to 1) tints a
    neuron by its activation. `index` is the place of a neuron in its layer, and `stands_for` the
    number of neurons that a "more" node replaces.
    """

    id: str
    role: str
    title: str
    lines: tuple[str, ...] = ()
    gradient: str = ""
    cluster: str = ""
    strength: float = 0.0
    tone: float | None = None
    tip: str = ""
    value: float | None = None
    slope: float | None = None
    index: int = 0
    stands_for: int = 1


@dataclass(frozen=True, slots=True)
class Edge:
    """One line from `source` to `target`; `slot` is the operand's place, so `x*x` has two edges.

    `weight` gives the line its sign (colour and dash) and `thickness` (0 to 1) its width; a plain
    line has no weight. `label` is written beside the line.
    """

    id: str
    source: str
    target: str
    slot: int = 0
    weight: float | None = None
    thickness: float = 0.0
    label: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A titled box around nodes and other clusters. `kind` is a key of `theme.CLUSTERS`."""

    id: str
    kind: str
    title: str
    parent: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Bundle:
    """All connections between two columns of neurons: `weights[i * columns + j]` joins i to j.

    Large layers are drawn from this, as one path per sign and width, because a hundred thousand
    `Edge`s would be neither readable nor quick. Connections drawn as an `Edge` are NaN here.
    """

    id: str
    source: str
    target: str
    rows: int
    columns: int
    weights: tuple[float, ...] = field(repr=False)
    largest: float = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture at one level ("op", "neuron" or "layer")."""

    level: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    title: str = ""
    description: str = ""
    banner: str = ""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The scene as dicts and lists that `json` takes; NaN and infinities become strings."""
        plain: dict[str, Any] = _jsonable(asdict(self))
        return plain

    def roles(self) -> tuple[str, ...]:
        """The roles that occur, in the order of the theme table."""
        present = {node.role for node in self.nodes}
        return tuple(role for role in ROLES if role in present)


def _jsonable(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: _jsonable(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_jsonable(value) for value in item]
    if isinstance(item, float) and not math.isfinite(item):
        return str(item)
    return item
