"""Positions at neuron level: one column per layer, neurons evenly spaced, lines straight.

A "more" node stands for the neurons left out between the first and the last ones; the lines of a
`Bundle` to those begin at their places in that gap.
"""

from __future__ import annotations

from tinygrad_edu.view import layers
from tinygrad_edu.view.layout import Box, Layout, Point, node_size
from tinygrad_edu.view.metrics import text_width
from tinygrad_edu.view.scene import Bundle, Node, Scene
from tinygrad_edu.view.theme import CLUSTERS

__all__ = ["bundle_points", "columns"]

_MARGIN, _PAD, _TITLE, _SPACE = 16.0, 14.0, 26.0, 10.0


def _groups(scene: Scene) -> dict[str, list[Node]]:
    """The nodes of each column; a node outside of all clusters has a column of its own."""
    groups: dict[str, list[Node]] = {}
    for node in scene.nodes:
        groups.setdefault(node.cluster or f"·{node.id}", []).append(node)
    return groups


def columns(scene: Scene) -> Layout:
    """Place a neuron-level scene."""
    groups = _groups(scene)
    keys = list(groups)
    column_of = {node.id: index for index, key in enumerate(keys) for node in groups[key]}
    links = [(column_of[edge.source], column_of[edge.target]) for edge in scene.edges]
    links += [(keys.index(b.source), keys.index(b.target)) for b in scene.bundles]
    stacks = _stacks(layers.ranks(len(keys), links))
    sizes = {node.id: node_size(node) for node in scene.nodes}
    titles = {cluster.id: cluster for cluster in scene.clusters}
    heights = {
        key: sum(sizes[n.id][1] + _SPACE for n in group) - _SPACE + 2 * _PAD + _TITLE
        for key, group in groups.items()
    }
    tall = max((sum(heights[keys[c]] + 14 for c in stack) for stack in stacks), default=0.0)
    nodes: dict[str, Box] = {}
    clusters: dict[str, Box] = {}
    x = _MARGIN
    for stack in stacks:
        wide = max(max(sizes[n.id][0] for n in groups[keys[c]]) for c in stack) + 2 * _PAD
        for c in stack:
            if keys[c] in titles:
                cluster = titles[keys[c]]
                size = CLUSTERS[cluster.kind].title_size
                wide = max(wide, text_width(cluster.title, size) + 2 * _PAD)
        y = _MARGIN + (tall - sum(heights[keys[c]] + 14 for c in stack)) / 2
        for c in stack:
            key = keys[c]
            if key in titles:
                clusters[key] = Box(x, y, wide, heights[key])
            level = y + _PAD + _TITLE
            for node in groups[key]:
                width, height = sizes[node.id]
                nodes[node.id] = Box(x + (wide - width) / 2, level, width, height)
                level += height + _SPACE
            y += heights[key] + 14
        x += wide + _between(max(len(groups[keys[c]]) for c in stack))
    right = max((b.right for b in [*nodes.values(), *clusters.values()]), default=0.0)
    routes = {e.id: (nodes[e.source].middle, nodes[e.target].middle) for e in scene.edges}
    return Layout(right + _MARGIN, tall + 2 * _MARGIN - 14, nodes, clusters, routes)


def _stacks(rank: list[int]) -> list[list[int]]:
    """Columns by rank, those of one rank above each other."""
    stacks: list[list[int]] = [[] for _ in range(1 + max(rank, default=0))]
    for index, number in enumerate(rank):
        stacks[number].append(index)
    return [stack for stack in stacks if stack]


def _between(neurons: int) -> float:
    return min(150.0, 54.0 + 14.0 * neurons)


def bundle_points(scene: Scene, made: Layout, bundle: Bundle) -> tuple[list[Point], list[Point]]:
    """Where the lines of a bundle start and stop, shown neurons and hidden ones alike."""
    left = _places(scene, made, bundle.source, bundle.rows, True)
    return left, _places(scene, made, bundle.target, bundle.columns, False)


def _places(scene: Scene, made: Layout, cluster: str, count: int, leaving: bool) -> list[Point]:
    points = [Point(0.0, 0.0)] * count
    for node in scene.nodes:
        if node.cluster != cluster:
            continue
        box = made.nodes[node.id]
        x = box.right if leaving else box.x
        if node.role != "more":
            points[node.index] = Point(x, box.middle.y)
            continue
        step = box.height / node.stands_for
        for offset in range(node.stands_for):
            points[node.index + offset] = Point(x, box.y + (offset + 0.5) * step)
    return points
