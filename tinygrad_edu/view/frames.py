"""What a layout works on: each cluster as a frame of items, and every line cut into spans.

An item is a node, an inner cluster, or a lane that keeps a passing line its place in a column.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tinygrad_edu.view.metrics import Line, shape_size, text_width
from tinygrad_edu.view.scene import Cluster, Edge, Node, Scene
from tinygrad_edu.view.theme import CLUSTERS, ROLES

__all__ = [
    "LEFT",
    "RIGHT",
    "Frame",
    "Item",
    "depths",
    "frames_of",
    "label_lines",
    "node_size",
    "spread",
]


def label_lines(node: Node) -> list[Line]:
    """The lines of a node's label with their sizes: title, values, gradient."""
    small = node.role == "neuron"
    lines = [Line(node.title, 10 if small else 12, True)] if node.title else []
    lines += [Line(text, 10 if small else 12) for text in node.lines]
    if node.gradient:
        lines.append(Line(node.gradient, 9 if small else 11))
    return lines


def node_size(node: Node) -> tuple[float, float]:
    """Width and height that hold the node's label in its role's shape."""
    return shape_size(ROLES[node.role].shape, label_lines(node))


@dataclass(slots=True)
class Item:
    """A node, a cluster or a lane within one frame. Ports: edge id → height below the top."""

    width: float
    height: float
    node: str = ""
    cluster: str = ""
    rank: int = 0
    x: float = 0.0
    y: float = 0.0
    entries: dict[str, float] = field(default_factory=dict)
    exits: dict[str, float] = field(default_factory=dict)

    @property
    def lane(self) -> bool:
        return not self.node and not self.cluster

    def port(self, edge: str, entering: bool) -> float:
        return (self.entries if entering else self.exits).get(edge, self.height / 2)


@dataclass(slots=True)
class Frame:
    """One cluster (or the whole picture, "") while it is laid out."""

    key: str
    title_height: float = 0.0
    title_width: float = 0.0
    items: list[Item] = field(default_factory=list)
    spans: list[tuple[Edge, int, int]] = field(default_factory=list)
    chains: dict[str, list[int]] = field(default_factory=dict)
    columns: list[list[int]] = field(default_factory=list)
    edges_x: list[tuple[float, float]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0


LEFT, RIGHT = -1, -2


def depths(scene: Scene) -> dict[str, int]:
    """How deep each cluster lies; the whole picture, "", is 0."""
    parents = {cluster.id: cluster.parent for cluster in scene.clusters}
    found = {"": 0}
    for key in parents:
        path = []
        while key not in found:
            path.append(key)
            key = parents[key]
        for each in reversed(path):
            found[each] = found[parents[each]] + 1
    return found


def frames_of(scene: Scene) -> dict[str, Frame]:
    """A frame for every cluster that holds something, with its items in scene order."""
    frames: dict[str, Frame] = {"": Frame("")}
    by_id = {cluster.id: cluster for cluster in scene.clusters}

    def frame_of(key: str) -> Frame:
        missing: list[Cluster] = []
        while key not in frames:
            missing.append(by_id[key])
            key = by_id[key].parent
        for cluster in reversed(missing):
            size = CLUSTERS[cluster.kind].title_size
            wide = text_width(cluster.title, size)
            frame = Frame(cluster.id, size + 8.0 if cluster.title else 0.0, wide)
            frames[cluster.parent].items.append(Item(0, 0, cluster=cluster.id))
            frames[cluster.id] = frame
        return frames[missing[0].id] if missing else frames[key]

    for node in scene.nodes:
        width, height = node_size(node)
        frame_of(node.cluster).items.append(Item(width, height, node=node.id))
    return frames


def spread(scene: Scene, frames: dict[str, Frame]) -> None:
    """Cut every edge into the spans it has in each frame on its way."""
    parents = {cluster.id: cluster.parent for cluster in scene.clusters}
    seat = {
        item.node or item.cluster: index
        for frame in frames.values()
        for index, item in enumerate(frame.items)
    }
    home = {node.id: node.cluster for node in scene.nodes}

    def path(node: str) -> list[tuple[str, str]]:
        steps, inner, outer = [], node, home[node]
        while True:
            steps.append((outer, inner))
            if not outer:
                return steps
            inner, outer = outer, parents[outer]

    for edge in scene.edges:
        up, down = path(edge.source), path(edge.target)
        shared = {outer for outer, _ in up} & {outer for outer, _ in down}
        meeting = next(outer for outer, _ in up if outer in shared)
        ends = {}
        for outer, inner in up:
            if outer == meeting:
                ends["a"] = seat[inner]
                break
            frames[outer].spans.append((edge, seat[inner], RIGHT))
        for outer, inner in down:
            if outer == meeting:
                ends["b"] = seat[inner]
                break
            frames[outer].spans.append((edge, LEFT, seat[inner]))
        frames[meeting].spans.append((edge, ends["a"], ends["b"]))
