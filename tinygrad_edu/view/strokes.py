"""Lines as SVG paths: straight between neighbours, level curves through lanes, heads at the end.

>>> from tinygrad_edu.view.layout import Point
>>> curve([Point(0, 0), Point(10, 0), Point(30, 8)])
'M0 0H10C20 0 20 8 30 8'
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tinygrad_edu.view.layout import Box, Layout, Point
from tinygrad_edu.view.metrics import boundary
from tinygrad_edu.view.scene import Bundle, Edge, Node, Scene
from tinygrad_edu.view.theme import ROLES

__all__ = ["Stroke", "bundle_paths", "curve", "figure", "stroke", "stroke_width"]


def figure(value: float) -> str:
    """A coordinate with one decimal and no trailing zero; never "-0"."""
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def stroke_width(edge: Edge) -> float:
    """1.1 for plain lines, 0.8 to 4.2 by |w| for weighted ones."""
    return 1.1 if edge.weight is None else 0.8 + 3.4 * edge.thickness


def curve(points: Sequence[Point]) -> str:
    """A path through `points`: level where two have one height, an S between two heights."""
    parts = [f"M{figure(points[0].x)} {figure(points[0].y)}"]
    for one, two in pairwise(points):
        if abs(one.y - two.y) < 0.05:
            parts.append(f"H{figure(two.x)}")
            continue
        middle = figure((one.x + two.x) / 2)
        parts.append(
            f"C{middle} {figure(one.y)} {middle} {figure(two.y)} {figure(two.x)} {figure(two.y)}"
        )
    return "".join(parts)


class Stroke:
    """One drawn line: its path, its head's path and the middle, where a label goes."""

    def __init__(self, path: str, head: str, middle: Point) -> None:
        self.path = path
        self.head = head
        self.middle = middle


def _clip(box: Box, shape: str, toward: Point, spare: float = 0.0) -> Point:
    """Where the line from the middle of `box` to `toward` leaves its shape, plus `spare`."""
    middle = box.middle
    dx, dy = boundary(shape, box.width, box.height, toward.x - middle.x, toward.y - middle.y)
    length = math.hypot(dx, dy) or 1.0
    scale = 1 + spare / length
    return Point(middle.x + dx * scale, middle.y + dy * scale)


def stroke(
    edge: Edge,
    route: Sequence[Point],
    boxes: tuple[Box, Box],
    shapes: tuple[str, str],
    twin: tuple[int, int] = (0, 1),
    headed: bool = True,
) -> Stroke:
    """The line of `edge` along `route`, clipped at both shapes.

    `twin` is (which, of how many) lines between the same two shapes: they bow apart.
    """
    width = stroke_width(edge)
    head = 5.0 + 1.4 * width if headed else 0.0
    source, target = boxes
    if len(route) == 2:
        return _straight(source, target, shapes, twin, head, width)
    apart = (twin[0] - (twin[1] - 1) / 2) * 13.0
    start = Point(source.right, source.middle.y + apart * 0.5)
    inner = [Point(p.x, p.y + apart) for p in route[1:-1] if p.x > start.x + 0.05]
    goal = target.middle
    while inner and target.x - inner[-1].x < head + 10 and abs(inner[-1].y - goal.y) > 0.5:
        inner.pop()  # no room left to turn in: turn before
    before = inner[-1] if inner else start
    side = 0.62 * (before.y - goal.y)
    reach = max(target.width * 0.75, 1.0)
    tip = _clip(target, shapes[1], Point(goal.x - reach, goal.y + _limit(side, reach)), 0.6)
    away = math.hypot(tip.x - goal.x, tip.y - goal.y) or 1.0
    nx, ny = (tip.x - goal.x) / away, (tip.y - goal.y) / away
    base = Point(tip.x + nx * head, tip.y + ny * head)
    path = curve([start, *inner])
    last = inner[-1] if inner else start
    gap = max(2.0, (base.x - last.x) * 0.55)
    if abs(last.y - base.y) < 0.05 and abs(ny) < 0.02:
        path += f"H{figure(base.x)}"
    else:
        path += (
            f"C{figure(last.x + gap)} {figure(last.y)} {figure(base.x + nx * gap * 0.7)} "
            f"{figure(base.y + ny * gap * 0.7)} {figure(base.x)} {figure(base.y)}"
        )
    middle = Point((start.x + tip.x) / 2, (start.y + tip.y) / 2)
    return Stroke(path, _head(base, tip, width) if headed else "", middle)


def _limit(value: float, bound: float) -> float:
    return max(-bound, min(bound, value))


def _straight(
    source: Box,
    target: Box,
    shapes: tuple[str, str],
    twin: tuple[int, int],
    head: float,
    width: float,
) -> Stroke:
    which, of = twin
    bow = (which - (of - 1) / 2) * 26.0
    one, two = source.middle, target.middle
    length = math.hypot(two.x - one.x, two.y - one.y) or 1.0
    ax, ay = -(two.y - one.y) / length * bow, (two.x - one.x) / length * bow
    bend = Point((one.x + two.x) / 2 + ax, (one.y + two.y) / 2 + ay)
    if not head and not bow and source.right < target.x:  # from column to column: side to side
        start, tip = Point(source.right, one.y), Point(target.x, two.y)
    else:
        start = _clip(source, shapes[0], bend if bow else two)
        tip = _clip(target, shapes[1], bend if bow else one, 0.6)
    back = bend if bow else start
    reach = math.hypot(back.x - tip.x, back.y - tip.y) or 1.0
    base = Point(tip.x + (back.x - tip.x) / reach * head, tip.y + (back.y - tip.y) / reach * head)
    via = f"Q{figure(bend.x)} {figure(bend.y)} " if bow else "L"
    path = f"M{figure(start.x)} {figure(start.y)}{via}{figure(base.x)} {figure(base.y)}"
    middle = Point((start.x + tip.x) / 2 + ax / 2, (start.y + tip.y) / 2 + ay / 2)
    return Stroke(path, _head(base, tip, width) if head else "", middle)


def _head(base: Point, tip: Point, width: float) -> str:
    """A filled triangle from `base` to `tip`."""
    length = math.hypot(tip.x - base.x, tip.y - base.y) or 1.0
    half = 2.4 + 0.75 * width
    nx, ny = -(tip.y - base.y) / length * half, (tip.x - base.x) / length * half
    return (
        f"M{figure(tip.x)} {figure(tip.y)}L{figure(base.x + nx)} {figure(base.y + ny)}"
        f"L{figure(base.x - nx)} {figure(base.y - ny)}Z"
    )


def strokes(scene: Scene, made: Layout) -> dict[str, Stroke]:
    """The line of every edge of `scene`."""
    nodes: dict[str, Node] = {node.id: node for node in scene.nodes}
    total: dict[tuple[str, str], int] = {}
    for edge in scene.edges:
        total[edge.source, edge.target] = total.get((edge.source, edge.target), 0) + 1
    seen: dict[tuple[str, str], int] = {}
    drawn: dict[str, Stroke] = {}
    for edge in scene.edges:
        pair = (edge.source, edge.target)
        which = seen.get(pair, 0)
        seen[pair] = which + 1
        shapes = (ROLES[nodes[pair[0]].role].shape, ROLES[nodes[pair[1]].role].shape)
        boxes = (made.nodes[pair[0]], made.nodes[pair[1]])
        headed = scene.level != "neuron"
        route = made.routes[edge.id]
        drawn[edge.id] = stroke(edge, route, boxes, shapes, (which, total[pair]), headed)
    return drawn


BUCKETS = 5


def bundle_paths(
    bundle: Bundle, rows: Sequence[Point], columns: Sequence[Point]
) -> dict[tuple[str, int], str]:
    """All lines of a bundle as one path per sign and width: ("pos" | "neg", bucket) → path."""
    starts = [f"M{figure(p.x)} {figure(p.y)} " for p in rows]
    stops = [f"{figure(p.x)} {figure(p.y)}" for p in columns]
    parts: dict[tuple[str, int], list[str]] = {}
    scale = BUCKETS / (bundle.largest or 1.0)
    at = 0
    for start in starts:
        for stop in stops:
            weight = bundle.weights[at]
            at += 1
            if weight != weight:
                continue
            bucket = min(BUCKETS - 1, int(abs(weight) * scale))
            key = ("pos" if weight >= 0 else "neg", bucket)
            parts.setdefault(key, []).append(start + stop)
    return {key: "".join(parts[key]) for key in sorted(parts)}


def bounds(boxes: Mapping[str, Box]) -> Box:
    """The rectangle around all `boxes`."""
    if not boxes:
        return Box(0, 0, 0, 0)
    left, top = min(b.x for b in boxes.values()), min(b.y for b in boxes.values())
    right, low = max(b.right for b in boxes.values()), max(b.bottom for b in boxes.values())
    return Box(left, top, right - left, low - top)
