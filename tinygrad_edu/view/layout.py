"""Scene → positions: columns by role, clusters side by side, lines that never cross a shape's row.

Each cluster is laid out by itself, as ranks of nodes and inner clusters, from the innermost
outwards; a line that passes a column, on its way into a cluster or out of one, keeps a lane of its
own there. That is what puts a neuron's inputs between its weights and makes its parts stand in
columns.

>>> from tinygrad_edu.view.scene import Edge, Node, Scene
>>> nodes = (Node("n0", "input", "x"), Node("n1", "loss", "x²"))
>>> made = layout(Scene("op", nodes, (Edge("e0", "n0", "n1"),)))
>>> made.nodes["n0"].right < made.nodes["n1"].x
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tinygrad_edu.view import layers
from tinygrad_edu.view.frames import (
    LEFT,
    RIGHT,
    Frame,
    Item,
    depths,
    frames_of,
    label_lines,
    node_size,
    spread,
)
from tinygrad_edu.view.scene import Edge, Scene

__all__ = ["Box", "Layout", "Point", "label_lines", "layout", "node_size"]

_LANE = 8.0
_GAP = {(False, False): 12.0, (False, True): 8.0, (True, False): 12.0, (True, True): 6.0}
_PAD = 12.0
_MARGIN = 16.0
_NARROW = 10.0  # a shape narrower than its column by more than this gets its lines level


class Point(NamedTuple):
    """A place in the picture, in pixels from its top left corner."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle by its top left corner and size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> Point:
        return Point(self.x + self.width / 2, self.y + self.height / 2)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands. A route lists the points that a line goes through, level in lanes;
    it begins and ends in the middle of its nodes."""

    width: float
    height: float
    nodes: Mapping[str, Box]
    clusters: Mapping[str, Box]
    routes: Mapping[str, tuple[Point, ...]]


def layout(scene: Scene) -> Layout:
    """Place every node, cluster and line of `scene`. Deterministic; no two shapes overlap."""
    frames = frames_of(scene)
    spread(scene, frames)
    homes: dict[str, tuple[Frame, int]] = {}
    for frame in frames.values():
        for index, item in enumerate(frame.items):
            if item.cluster:
                homes[item.cluster] = (frame, index)
    depth = depths(scene)
    for key in sorted(frames, key=lambda key: -depth[key]):
        frame = frames[key]
        for item in frame.items:
            if item.cluster:
                inner = frames[item.cluster]
                item.width, item.height = inner.width, inner.height
                item.entries, item.exits = _ports(inner)
        _solve(scene, frame)
    _stretch(frames)
    return _absolute(scene, frames)


def _solve(scene: Scene, frame: Frame) -> None:
    """Ranks, lanes, order and positions of one frame."""
    inner = [(a, b) for _, a, b in frame.spans if a >= 0 and b >= 0]
    rank = layers.ranks(len(frame.items), inner)
    _pull_leaves(scene, frame, rank, inner)
    for item, value in zip(frame.items, rank, strict=True):
        item.rank = value
    links = _lanes(frame)
    columns: list[list[int]] = [
        [] for _ in range(1 + max((i.rank for i in frame.items), default=0))
    ]
    seats = _seats(frame)
    for index in sorted(range(len(frame.items)), key=lambda index: seats[index]):
        columns[frame.items[index].rank].append(index)
    frame.columns = layers.order(columns, links)
    heights = [item.height for item in frame.items]
    lanes = [item.lane for item in frame.items]
    tops = layers.place(frame.columns, links, heights, _GAP, lanes)
    top = min(tops, default=0.0)
    inset = _PAD if frame.key else _MARGIN
    for item, height in zip(frame.items, tops, strict=True):
        item.y = height - top + inset + frame.title_height
    _set_columns(frame, links)
    low = max((item.y + item.height for item in frame.items), default=0.0)
    frame.height = low + inset


def _seats(frame: Frame) -> list[tuple[int, int]]:
    """The order to start from: scene order, and a lane right below what shares its end."""
    order = [(index, 0) for index in range(len(frame.items))]
    for chain in frame.chains.values():
        ends = [index for index in chain if not frame.items[index].lane]
        for index in chain:
            if frame.items[index].lane and ends:
                order[index] = (ends[-1], 1)
    return order


def _pull_leaves(scene: Scene, frame: Frame, rank: list[int], links: list[tuple[int, int]]) -> None:
    """Move what nothing enters beside its first consumer, biases beside the weights."""
    roles = {node.id: node.role for node in scene.nodes}
    entered = {b for _, b in links}
    consumers: dict[int, list[int]] = {}
    feeders: dict[int, list[int]] = {}
    for a, b in links:
        consumers.setdefault(a, []).append(b)
        feeders.setdefault(b, []).append(a)
    for index in range(len(frame.items)):
        if index in entered or index not in consumers:
            continue
        first = min(consumers[index], key=lambda b: rank[b])
        rank[index] = max(0, rank[first] - 1)
        if roles.get(frame.items[index].node) == "bias":
            siblings = [a for a in feeders[first] if a != index and a in entered]
            rank[index] = max(0, min([rank[index], *(rank[a] - 1 for a in siblings)]))


def _lanes(frame: Frame) -> list[layers.Link]:
    """Give every span a chain of items in neighbouring ranks, adding lanes where it passes."""
    last = max((item.rank for item in frame.items), default=0)
    links: list[layers.Link] = []
    shared: dict[tuple[str, int, int], int] = {}
    twins: dict[tuple[str, str], int] = {}
    for edge, a, b in frame.spans:
        start = frame.items[a].rank + 1 if a >= 0 else 0
        stop = frame.items[b].rank if b >= 0 else last + 1
        chain = [a] if a >= 0 else []
        twin = twins[edge.source, edge.target] = twins.get((edge.source, edge.target), -1) + 1
        for rank in range(start, stop):
            key = (edge.source, twin, rank)
            lane = shared.get(key) if edge.weight is None else None
            if lane is None:
                lane = len(frame.items)
                frame.items.append(Item(0.0, _LANE, rank=rank))
                if edge.weight is None:
                    shared[key] = lane
            chain.append(lane)
        chain += [b] if b >= 0 else []
        frame.chains[edge.id] = chain
        if start > stop:
            continue
        for left, right in pairwise(chain):
            one, two = frame.items[left], frame.items[right]
            strength = 1000.0 if one.lane and edge.weight is not None else 4.0 if two.lane else 1.0
            out, into = one.port(edge.id, False), two.port(edge.id, True)
            links.append(layers.Link(left, right, out, into, strength))
    return links


def _set_columns(frame: Frame, links: list[layers.Link]) -> None:
    """Horizontal positions: each column as wide as its widest item, gaps by how far lines climb."""
    inset = _PAD if frame.key else _MARGIN
    climb = [0.0] * len(frame.columns)
    wide = [False] * len(frame.columns)
    for link in links:
        one, two = frame.items[link.source], frame.items[link.target]
        rise = abs(one.y + link.out_port - two.y - link.in_port)
        climb[one.rank] = max(climb[one.rank], rise)
        wide[one.rank] |= bool(one.cluster or two.cluster)
    edge = float(inset)
    for number, column in enumerate(frame.columns):
        width = max((frame.items[index].width for index in column), default=0.0)
        for index in column:
            item = frame.items[index]
            item.x = edge + (width - item.width) / 2
            if item.cluster:
                item.x = edge
        frame.edges_x.append((edge, edge + width))
        edge += width
        if number < len(frame.columns) - 1:
            low, high, slope = (34.0, 150.0, 0.22) if wide[number] else (32.0, 90.0, 0.14)
            edge += min(high, low + slope * climb[number])
    frame.width = max(edge + inset, frame.title_width + 2 * inset)
    spare = (frame.width - edge - inset) / 2
    for item in frame.items:
        item.x += spare
    frame.edges_x = [(a + spare, b + spare) for a, b in frame.edges_x]


def _ports(frame: Frame) -> tuple[dict[str, float], dict[str, float]]:
    """The heights at which lines enter and leave a finished frame."""
    entries: dict[str, float] = {}
    exits: dict[str, float] = {}
    for edge, a, b in frame.spans:
        chain = frame.chains[edge.id]
        if a == LEFT:
            item = frame.items[chain[0]]
            entries[edge.id] = item.y + item.port(edge.id, True)
        elif b == RIGHT:
            item = frame.items[chain[-1]]
            exits[edge.id] = item.y + item.port(edge.id, False)
    return entries, exits


def _stretch(frames: dict[str, Frame]) -> None:
    """Clusters that stand above each other get the same width."""
    for frame in frames.values():
        for column, (left, right) in zip(frame.columns, frame.edges_x, strict=True):
            for index in column:
                item = frame.items[index]
                if item.cluster:
                    item.x, item.width = left, right - left
                    frames[item.cluster].width = item.width


def _absolute(scene: Scene, frames: dict[str, Frame]) -> Layout:
    nodes: dict[str, Box] = {}
    clusters: dict[str, Box] = {}
    places: dict[str, tuple[str, int]] = {}
    depth = depths(scene)
    for key in sorted(frames, key=lambda key: depth[key]):
        frame = frames[key]
        for index, item in enumerate(frame.items):
            item.x += frame.x
            item.y += frame.y
            box = Box(item.x, item.y, item.width, item.height)
            if item.node:
                nodes[item.node] = box
                places[item.node] = (key, index)
            elif item.cluster:
                clusters[item.cluster] = box
                frames[item.cluster].x, frames[item.cluster].y = item.x, item.y
                places[item.cluster] = (key, index)
        frame.edges_x = [(a + frame.x, b + frame.x) for a, b in frame.edges_x]
    routes = {edge.id: _route(edge, frames, places, nodes) for edge in scene.edges}
    root = frames[""]
    return Layout(root.width, root.height, nodes, clusters, routes)


def _route(
    edge: Edge,
    frames: dict[str, Frame],
    places: dict[str, tuple[str, int]],
    nodes: dict[str, Box],
) -> tuple[Point, ...]:
    """The points of one line: out of the inner frames, across, and in again."""

    def within(key: str) -> list[str]:
        found = [key]
        while found[-1]:
            found.append(places[found[-1]][0])
        return found

    out = [key for key in within(places[edge.source][0]) if edge.id in frames[key].chains]
    into = [key for key in within(places[edge.target][0]) if edge.id in frames[key].chains]
    points = [nodes[edge.source].middle]
    for key in [*out, *(key for key in reversed(into) if key not in out)]:
        frame = frames[key]
        for index in frame.chains[edge.id]:
            item = frame.items[index]
            left, right = frame.edges_x[item.rank]
            if item.lane:
                level = item.y + item.height / 2
                points += [Point(left, level), Point(right, level)]
            elif item.cluster:
                leaving = edge.id in item.exits
                level = item.y + item.port(edge.id, not leaving)
                points.append(Point(right if leaving else left, level))
            elif item.node == edge.source and right - item.x - item.width > _NARROW:
                points.append(Point(right, item.y + item.height / 2))
            elif item.node == edge.target and item.x - left > _NARROW:
                points.append(Point(left, item.y + item.height / 2))
    points.append(nodes[edge.target].middle)
    return tuple(points)
