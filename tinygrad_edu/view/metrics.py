"""How wide a text is and how large a shape must be to hold it, without asking any font.

The tables are the advance widths of DejaVu Sans, in hundredths of the font size; Verdana, the next
in the list, has nearly the same, and the sans-serif fonts after it are narrower. So a label that
fits here fits wherever the picture is opened.

>>> round(text_width("tanh", 12), 1) < round(text_width("tanh", 12, bold=True), 1)
True
"""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import NamedTuple

__all__ = ["LINE", "Line", "boundary", "half_width", "shape_size", "text_width"]

# fmt: off
_REGULAR = (
    32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 54, 100, 69, 69, 70, 77, 64, 58, 78,
    76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64, 62, 74, 69, 99, 69, 62, 69, 40,
    34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62,
    64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
)
_BOLD = (
    35, 46, 53, 84, 70, 101, 88, 31, 46, 46, 53, 84, 38, 42, 38, 37, 70, 70, 70, 70,
    70, 70, 70, 70, 70, 70, 40, 40, 84, 84, 84, 58, 100, 78, 77, 74, 83, 69, 69, 83,
    84, 38, 38, 78, 64, 100, 84, 85, 74, 85, 77, 73, 69, 82, 78, 111, 78, 73, 73, 46,
    37, 46, 84, 50, 50, 68, 72, 60, 72, 68, 44, 72, 72, 35, 35, 67, 35, 105, 72, 69,
    72, 72, 50, 60, 48, 72, 66, 93, 65, 66, 59, 72, 37, 72, 84,
)
# fmt: on
_SIGNS = {
    **dict.fromkeys("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹", (41, 45)),
    **dict.fromkeys("⁻₋", (53, 53)),
    **dict.fromkeys("−×÷→∞≤≥≈±", (84, 84)),
    **dict.fromkeys("∇√Σσμ", (68, 79)),
    **dict.fromkeys("–‖", (50, 50)),
    **dict.fromkeys("…⋮", (100, 100)),
    "·": (32, 38),
    "\N{NO-BREAK SPACE}": (32, 35),
}
LINE = 14.5
"""The height of one line of a label."""


class Line(NamedTuple):
    """One line of a label."""

    text: str
    size: float
    bold: bool = False


@lru_cache(maxsize=4096)
def _advance(character: str, bold: bool) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return (_BOLD if bold else _REGULAR)[code - 32]
    if character in _SIGNS:
        return _SIGNS[character][bold]
    if unicodedata.combining(character):
        return 0
    base = unicodedata.normalize("NFD", character)[0]
    if base != character and 32 < ord(base) < 127:
        return _advance(base, bold)
    return 125 if bold else 112


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of `text` in pixels at font size `size`."""
    return sum(_advance(character, bold) for character in text) * size / 100


def _offsets(count: int) -> list[float]:
    """The heights of `count` line centres about the middle of the shape."""
    return [(index - (count - 1) / 2) * LINE for index in range(count)]


_LEAST = {
    "box": (72, 30), "rounded": (72, 30), "circle": (72, 72), "disc": (78, 78),
    "hexagon": (100, 58), "octagon": (100, 60), "pill": (60, 30), "tag": (40, 24),
    "notched": (72, 30), "dial": (56, 56), "slab": (96, 40), "none": (20, 16),
}  # fmt: skip
_INK = 0.42
"""Half the height of letters, relative to the font size: what must stay inside a slope."""


def shape_size(shape: str, lines: list[Line]) -> tuple[float, float]:
    """Width and height of the smallest `shape` that holds `lines`, on a grid of 4 pixels."""
    widths = [text_width(line.text, line.size, line.bold) / 2 + 5 for line in lines]
    edges = [abs(y) + line.size * _INK for y, line in zip(_offsets(len(lines)), lines, strict=True)]
    least_width, least_height = _LEAST[shape]
    height = max(least_height, len(lines) * LINE + 11)
    widest = max(widths, default=0.0)
    if shape in ("circle", "disc", "dial"):
        width, height = _round_size(widths, edges, least_width)
    elif shape == "hexagon":
        width = 2 * max(
            (
                w + _slant(height) * edge / (height / 2)
                for w, edge in zip(widths, edges, strict=True)
            ),
            default=0.0,
        )
    elif shape == "octagon":
        height += 14
        cut = height * 0.29
        slack = [max(0.0, edge - (height / 2 - cut)) for edge in edges]
        width = 2 * max((w + s + 5 for w, s in zip(widths, slack, strict=True)), default=0.0)
    elif shape == "pill":
        width = 2 * widest + height * 0.5
    else:
        width = 2 * widest + 8
    return max(least_width, math.ceil(width / 4) * 4), math.ceil(height / 2) * 2


def _round_size(widths: list[float], edges: list[float], least: float) -> tuple[float, float]:
    """A circle if the text allows one of a moderate size, else an ellipse."""
    pairs = list(zip(widths, edges, strict=True))
    radius = max([least / 2, *(math.hypot(w - 2, edge) for w, edge in pairs)])
    if radius <= least * 0.64:
        return 2 * math.ceil(radius), 2 * math.ceil(radius)
    half = max(least / 2, max(edges) + 12)
    across = max(w / math.sqrt(1 - (edge / half) ** 2) for w, edge in pairs)
    return math.ceil(across / 2) * 4, 2 * math.ceil(half)


def _slant(height: float) -> float:
    return height * 0.32


_RADIUS = {"rounded": 14.0, "pill": math.inf, "slab": 10.0, "tag": 3.0}


def half_width(shape: str, width: float, height: float, y: float) -> float:
    """Half the inner width of a shape at height `y` from its middle (0 outside of it)."""
    y = abs(y)
    if y > height / 2:
        return 0.0
    if shape in ("circle", "disc", "dial"):
        return width / 2 * math.sqrt(max(0.0, 1 - (y / (height / 2)) ** 2))
    if shape == "hexagon":
        return width / 2 - _slant(height) * y / (height / 2)
    if shape == "octagon":
        return width / 2 - max(0.0, y - (height / 2 - height * 0.29))
    if shape in _RADIUS:
        radius = min(_RADIUS[shape], height / 2)
        if y <= height / 2 - radius:
            return width / 2
        y -= height / 2 - radius
        return width / 2 - radius + math.sqrt(max(0.0, radius**2 - y**2))
    return width / 2


def corners(shape: str, width: float, height: float) -> list[tuple[float, float]]:
    """The corners of a polygonal shape about its middle, clockwise from the top left."""
    w, h = width / 2, height / 2
    if shape == "hexagon":
        s = _slant(height)
        return [(-w + s, -h), (w - s, -h), (w, 0), (w - s, h), (-w + s, h), (-w, 0)]
    if shape == "octagon":
        c = height * 0.29
        return [(-w + c, -h), (w - c, -h), (w, -h + c), (w, h - c),
                (w - c, h), (-w + c, h), (-w, h - c), (-w, -h + c)]  # fmt: skip
    if shape == "notched":
        c = 9
        return [(-w + c, -h), (w, -h), (w, h - c), (w - c, h), (-w, h), (-w, -h + c)]
    return [(-w, -h), (w, -h), (w, h), (-w, h)]


def boundary(shape: str, width: float, height: float, dx: float, dy: float) -> tuple[float, float]:
    """Where a ray from the middle in direction (dx, dy) leaves the shape."""
    if dx == 0 and dy == 0:
        return width / 2, 0.0
    if shape in ("circle", "disc", "dial"):
        scale = 1 / math.hypot(dx / (width / 2), dy / (height / 2))
        return dx * scale, dy * scale
    # The largest multiple of the ray that is still inside: every shape here is convex.
    inside, outside = 0.0, (width + height) / math.hypot(dx, dy)
    for _ in range(40):
        middle = (inside + outside) / 2
        x, y = abs(dx * middle), abs(dy * middle)
        if y <= height / 2 and x <= half_width(shape, width, height, y):
            inside = middle
        else:
            outside = middle
    return dx * inside, dy * inside
