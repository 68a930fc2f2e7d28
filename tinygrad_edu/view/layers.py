"""The three steps of a layered drawing, on plain integers: ranks, order, positions.

Sugiyama's method (K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of
hierarchical system structures", 1981), with barycentre sweeps for the order and, for the
positions, the least squares fit under "keep this order and this distance", which pool-adjacent-
violators solves exactly (R. Barlow et al., "Statistical inference under order restrictions", 1972).

>>> ranks(3, [(0, 1), (1, 2), (0, 2)])
[0, 1, 2]
>>> settle([5.0, 5.0], [1.0, 1.0], [2.0, 2.0], [0.0, 1.0])
[3.5, 6.5]
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Link", "order", "place", "ranks", "settle"]


class Link(NamedTuple):
    """A line between neighbouring ranks; the ports are heights below the items' tops."""

    source: int
    target: int
    out_port: float
    in_port: float
    strength: float


def ranks(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Longest-path ranks of `count` items. Cycles are cut where the earliest item is entered."""
    after: list[set[int]] = [set() for _ in range(count)]
    waiting = [0] * count
    for a, b in links:
        if a != b and b not in after[a]:
            after[a].add(b)
            waiting[b] += 1
    rank = [0] * count
    done = [False] * count
    ready = [item for item in range(count) if waiting[item] == 0]
    heapq.heapify(ready)
    first_open = 0
    for _ in range(count):
        if not ready:
            while done[first_open]:
                first_open += 1
            heapq.heappush(ready, first_open)
        item = heapq.heappop(ready)
        done[item] = True
        for other in after[item]:
            if not done[other]:
                rank[other] = max(rank[other], rank[item] + 1)
                waiting[other] -= 1
                if waiting[other] == 0:
                    heapq.heappush(ready, other)
    return rank


def order(columns: list[list[int]], links: Sequence[Link], sweeps: int = 6) -> list[list[int]]:
    """The columns reordered against crossings; ties keep the order given."""
    before: dict[int, list[tuple[int, float]]] = {}
    after: dict[int, list[tuple[int, float]]] = {}
    for link in links:
        after.setdefault(link.source, []).append((link.target, link.in_port))
        before.setdefault(link.target, []).append((link.source, link.out_port))
    best = [list(column) for column in columns]
    fewest = crossings(best, links)
    current = [list(column) for column in columns]
    for sweep in range(sweeps):
        if fewest == 0 and sweep > 0:
            break
        leftward = sweep % 2 == 0
        path = range(len(current) - 2, -1, -1) if leftward else range(1, len(current))
        for column in path:
            neighbours = after if leftward else before
            fixed = current[column + 1 if leftward else column - 1]
            current[column] = _sorted_by_barycentre(current[column], fixed, neighbours)
        found = crossings(current, links)
        if found <= fewest:
            best, fewest = [list(column) for column in current], found
    return best


def _sorted_by_barycentre(
    column: list[int], fixed: list[int], neighbours: dict[int, list[tuple[int, float]]]
) -> list[int]:
    seat = {item: index for index, item in enumerate(fixed)}
    keys: dict[int, float] = {}
    for index, item in enumerate(column):
        pulls = [
            seat[other] + port * 1e-4 for other, port in neighbours.get(item, ()) if other in seat
        ]
        keys[item] = sum(pulls) / len(pulls) if pulls else -1.0
        if not pulls:
            # An item without neighbours stays beside the item above it.
            keys[item] = keys[column[index - 1]] if index else -1.0
    return sorted(column, key=lambda item: keys[item])


def crossings(columns: list[list[int]], links: Sequence[Link]) -> int:
    """How many pairs of links cross, counted with a binary indexed tree."""
    seat: dict[int, tuple[int, int]] = {}
    for number, column in enumerate(columns):
        for index, item in enumerate(column):
            seat[item] = (number, index)
    gaps: dict[int, list[tuple[int, float, int, float]]] = {}
    for link in links:
        number, row = seat[link.source]
        gaps.setdefault(number, []).append((row, link.out_port, seat[link.target][1], link.in_port))
    total = 0
    for pairs in gaps.values():
        pairs.sort()
        total += _inversions([(target, port) for _, _, target, port in pairs])
    return total


def _inversions(ends: list[tuple[int, float]]) -> int:
    place_of = {end: index + 1 for index, end in enumerate(sorted(set(ends)))}
    tree = [0] * (len(place_of) + 1)
    total = 0
    for seen, end in enumerate(ends):
        index = place_of[end]
        below, at = 0, index
        while at:
            below += tree[at]
            at &= at - 1
        total += seen - below
        while index < len(tree):
            tree[index] += 1
            index += index & -index
    return total


def settle(
    wanted: Sequence[float],
    strengths: Sequence[float],
    sizes: Sequence[float],
    gaps: Sequence[float],
) -> list[float]:
    """Tops nearest to `wanted` in least squares, in order, at least `gaps[i]` below item i − 1."""
    offsets: list[float] = []
    edge = 0.0
    for size, gap in zip(sizes, gaps, strict=True):
        edge += gap if offsets else 0.0
        offsets.append(edge)
        edge += size
    blocks: list[tuple[float, float, int]] = []
    for want, strength, offset in zip(wanted, strengths, offsets, strict=True):
        mean, weight, length = want - offset, strength, 1
        while blocks and blocks[-1][0] >= mean:
            other, heavy, more = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, length = weight + heavy, length + more
        blocks.append((mean, weight, length))
    shifts = [mean for mean, _, length in blocks for _ in range(length)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=True)]


def place(
    columns: list[list[int]],
    links: Sequence[Link],
    heights: Sequence[float],
    gap: dict[tuple[bool, bool], float],
    lanes: Sequence[bool],
    rounds: int = 12,
) -> list[float]:
    """The top of every item: lines as level as order and distances allow."""
    tops = [0.0] * len(heights)
    spaces: list[list[float]] = []
    for column in columns:
        pairs = zip([None, *column[:-1]], column, strict=True)
        spaces.append([0.0 if a is None else gap[lanes[a], lanes[b]] for a, b in pairs])
        total = sum(heights[item] for item in column) + sum(spaces[-1])
        edge = -total / 2
        for item, space in zip(column, spaces[-1], strict=True):
            edge += space
            tops[item] = edge
            edge += heights[item]
    pulls: dict[int, list[tuple[int, float, float, float]]] = {}
    for link in links:
        source, target, out_port, in_port, strength = link
        pulls.setdefault(source, []).append((target, out_port, in_port, strength))
        pulls.setdefault(target, []).append((source, in_port, out_port, strength))
    tallest = max(range(len(columns)), key=lambda c: len(columns[c]), default=0)
    right = [*range(tallest + 1, len(columns)), *range(len(columns) - 2, -1, -1)]
    path = [*right, *range(1, len(columns))]
    for _ in range(rounds):
        for column in path:
            _pull(columns[column], spaces[column], pulls, tops, heights)
    return tops


def _pull(
    column: list[int],
    spaces: list[float],
    pulls: dict[int, list[tuple[int, float, float, float]]],
    tops: list[float],
    heights: Sequence[float],
) -> None:
    """Move one column to where its neighbours want it."""
    wanted: list[float] = []
    strengths: list[float] = []
    for item in column:
        total = moment = 0.0
        for other, own_port, other_port, strength in pulls.get(item, ()):
            total += strength
            moment += strength * (tops[other] + other_port - own_port)
        wanted.append(moment / total if total else tops[item])
        strengths.append(total or 0.05)
    sizes = [heights[item] for item in column]
    for item, top in zip(column, settle(wanted, strengths, sizes, spaces), strict=True):
        tops[item] = top
