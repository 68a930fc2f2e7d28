"""The legend of a picture, generated from the theme table: only what occurs in this scene.

>>> from tinygrad_edu.view.scene import Node, Scene
>>> [entry.text for entry in entries(Scene("op", (Node("n0", "bias", "b", ("1.000",), "∇ –"),)))]
['bias', 'gradient, not computed yet: call backward()']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tinygrad_edu.view.metrics import text_width
from tinygrad_edu.view.scene import Scene
from tinygrad_edu.view.theme import EDGES, ROLES

__all__ = ["Entry", "entries", "flow"]

_ROW = 26.0
_SPACE = 22.0


class Entry(NamedTuple):
    """One legend entry: a role's shape, a sign's line, or a mark, and its words."""

    text: str
    role: str = ""
    sign: str = ""
    mark: str = ""
    step: int | None = None

    @property
    def width(self) -> float:
        return 40 + text_width(self.text, 11)


def entries(scene: Scene) -> list[Entry]:
    """The entries for what occurs in `scene`."""
    found = [Entry(ROLES[role].label, role=role) for role in scene.roles() if ROLES[role].label]
    if any(node.tone is not None for node in scene.nodes):
        found += [
            Entry("activation above 0", role="neuron", step=3),
            Entry("activation below 0", role="neuron", step=-3),
        ]
    signs = {edge.weight < 0 for edge in scene.edges if edge.weight is not None}
    for bundle in scene.bundles:
        signs |= {weight < 0 for weight in bundle.weights if weight == weight}
    if False in signs:
        found.append(Entry(EDGES["pos"].label, sign="pos"))
    if True in signs:
        words = EDGES["neg"].label + ("" if False in signs else " (width: |w|)")
        found.append(Entry(words, sign="neg"))
    slopes = [node.gradient for node in scene.nodes if node.gradient]
    if slopes and all(text.endswith("–") for text in slopes):
        found.append(Entry("gradient, not computed yet: call backward()", mark="∇ –"))
    elif slopes:
        mark = "‖∇‖" if all(text.startswith("‖") for text in slopes) else "∇"
        if any(text.startswith("Σ") for text in slopes):
            found.append(Entry("gradients, summed over the examples (border: size)", mark="Σ∇"))
        found.append(Entry("gradient of the result (border: its size)", mark=mark))
        if any(text.endswith("–") for text in slopes):
            found.append(Entry("gradient not computed", mark="∇ –"))
        if mark == "∇" and any(text.startswith("‖") for text in slopes):
            found.append(Entry("length of an array's gradient", mark="‖∇‖"))
    means = [line for node in scene.nodes for line in node.lines if line.startswith("μ ")]
    if any("σ" not in line for line in means):
        found.append(Entry("mean over the examples", mark="μ"))
    if any("σ" in line for line in means):
        found.append(Entry("mean and spread of an array, under its shape", mark="μ σ"))
    return found


def flow(keys: Sequence[Entry], width: float) -> tuple[list[tuple[float, float]], float]:
    """Where each entry stands when they run in rows of `width`, and the height they need."""
    spots: list[tuple[float, float]] = []
    x, y = 0.0, 22.0
    for entry in keys:
        if x and x + entry.width > width:
            x, y = 0.0, y + _ROW
        spots.append((x, y))
        x += entry.width + _SPACE
    return spots, (y + 16.0 if keys else 0.0)
