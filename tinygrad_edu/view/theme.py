"""The visual language as one table: which shape and colours a role has, in light and in dark.

Drawing and legend both read it, so a picture can never show what its legend does not explain.
Hues follow Okabe and Ito (https://jfly.uni-koeln.de/color/), fills are light tints and borders
dark shades of them; every role differs in shape too, because colours alone do not survive grey
print or colour-blind eyes. Text reaches a contrast of at least 4.5 on its fill (a test computes
it).

>>> ROLES["bias"].shape, ROLES["bias"].dashed
('box', True)
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CLUSTERS",
    "EDGES",
    "GROUND",
    "ROLES",
    "ClusterLook",
    "EdgeLook",
    "Look",
    "Paint",
    "tint",
]

_INK, _INK_DARK = "#1B1F24", "#E6EDF3"
_NABLA, _NABLA_DARK = "#8A1C62", "#F2A0D4"


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours of one shape in one scheme."""

    fill: str
    stroke: str
    text: str = _INK
    gradient: str = _NABLA


@dataclass(frozen=True, slots=True)
class Look:
    """How one role is drawn, and the words its legend entry has."""

    label: str
    shape: str
    light: Paint
    dark: Paint
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class ClusterLook:
    """How one kind of cluster is drawn."""

    light: Paint
    dark: Paint
    title_size: int = 12


@dataclass(frozen=True, slots=True)
class EdgeLook:
    """How one kind of line is drawn, and the words its legend entry has."""

    label: str
    light: str
    dark: str
    dashed: bool = False


def _dark(fill: str, stroke: str, text: str = _INK_DARK, gradient: str = _NABLA_DARK) -> Paint:
    return Paint(fill, stroke, text, gradient)


ROLES: dict[str, Look] = {
    "input": Look("input", "rounded", Paint("#DCEBF7", "#0B5C94"), _dark("#12324A", "#6CB6F0")),
    "weight": Look("weight", "box", Paint("#FFF0D1", "#9A6200"), _dark("#3E2E0B", "#E9B44C")),
    "bias": Look("bias", "box", Paint("#FFF0D1", "#9A6200"), _dark("#3E2E0B", "#E9B44C"), True),
    "factor": Look(
        "factor (role unknown)", "notched", Paint("#F3EEE6", "#6B5B45"), _dark("#332C22", "#C9B798")
    ),
    "constant": Look(
        "constant", "tag", Paint("#FFFFFF", "#5F6670"), _dark("#161B22", "#9AA4B0"), True
    ),
    "product": Look("product", "circle", Paint("#F4F4F5", "#5F6670"), _dark("#22272E", "#9AA4B0")),
    "weighted sum": Look(
        "weighted sum Σ", "disc", Paint("#E4E6EA", "#3A4149"), _dark("#2D333B", "#C3CBD5")
    ),
    "operation": Look(
        "operation", "pill", Paint("#F4F4F5", "#5F6670"), _dark("#22272E", "#9AA4B0")
    ),
    "activation": Look(
        "activation", "hexagon", Paint("#D3F0E4", "#00664A"), _dark("#0C3B2C", "#4CC79A")
    ),
    "neuron": Look("neuron", "dial", Paint("#FFFFFF", "#3A4149"), _dark("#0D1117", "#C3CBD5")),
    "layer": Look("layer", "slab", Paint("#D3F0E4", "#00664A"), _dark("#0C3B2C", "#4CC79A")),
    "output": Look(
        "output ŷ",
        "rounded",
        Paint("#006A4E", "#00402F", "#FFFFFF", "#BFF0DC"),
        _dark("#4CC79A", "#B8F0D8", "#06281C", "#4A0E38"),
    ),
    "target": Look(
        "target", "rounded", Paint("#FFFFFF", "#5F6670"), _dark("#0D1117", "#9AA4B0"), True
    ),
    "loss": Look("loss", "octagon", Paint("#F8DCEC", "#9B2C72"), _dark("#46203A", "#E58BC0")),
    "more": Look("", "none", Paint("#FFFFFF", "#FFFFFF"), _dark("#0D1117", "#0D1117")),
}
"""Role → look, in the order of the legend."""

CLUSTERS: dict[str, ClusterLook] = {
    "inputs": ClusterLook(
        Paint("#F3F8FC", "#9DBEDA", "#0B5C94"), _dark("#0F1C28", "#2F5878", "#8CC6F5")
    ),
    "layer": ClusterLook(
        Paint("#FAFAFB", "#C3C8CF", "#3A4149"), _dark("#13181F", "#3A434E", "#C3CBD5")
    ),
    "neuron": ClusterLook(
        Paint("#FFFFFF", "#8B939D", "#3A4149"), _dark("#0D1117", "#596370", "#C3CBD5"), 11
    ),
    "function": ClusterLook(
        Paint("#FBFBF8", "#B9B7A6", "#3A4149"), _dark("#14150F", "#4A493C", "#C3CBD5"), 11
    ),
    "model": ClusterLook(
        Paint("#FFFFFF", "#C3C8CF", "#3A4149"), _dark("#0D1117", "#3A434E", "#C3CBD5")
    ),
    "group": ClusterLook(
        Paint("#FAFAFB", "#C3C8CF", "#3A4149"), _dark("#13181F", "#3A434E", "#C3CBD5")
    ),
    "output": ClusterLook(
        Paint("#FDF5FA", "#D9A9C6", "#9B2C72"), _dark("#22131D", "#6D3A58", "#E58BC0")
    ),
}
"""Kind of cluster → look. Only kinds in this table are drawn."""

EDGES: dict[str, EdgeLook] = {
    "plain": EdgeLook("", "#5F6670", "#9AA4B0"),
    "pos": EdgeLook("positive weight (width: |w|)", "#0B5C94", "#6CB6F0"),
    "neg": EdgeLook("negative weight", "#B8430A", "#F28E4E", True),
}
"""Kind of line → look; sign is told by colour and by dash."""

GROUND = (
    Paint("#FFFFFF", "#D5D9DE", _INK, _NABLA),
    Paint("#0D1117", "#30363D", _INK_DARK, _NABLA_DARK),
)
"""The picture's own ground, light and dark, so that no page's background shows through."""

FONT = "'DejaVu Sans', Verdana, Geneva, 'Bitstream Vera Sans', sans-serif"


def tint(step: int, dark: bool = False) -> Paint:
    """The fill of a neuron whose activation falls in `step` (−4 … 4): orange, ground, blue."""
    far = (108, 182, 240) if step >= 0 else (242, 142, 78)
    near = (13, 17, 23)
    if not dark:
        far, near = ((11, 92, 148) if step >= 0 else (184, 67, 10)), (255, 255, 255)
    share = min(4, abs(step)) / 4 * (0.46 if dark else 0.55)
    red, green, blue = (round(n + (f - n) * share) for n, f in zip(near, far, strict=True))
    look = ROLES["neuron"].dark if dark else ROLES["neuron"].light
    # On a strong tint the usual ∇ colour would be hard to read.
    nabla = ("#FFD9EF" if dark else "#5A0E3F") if abs(step) > 1 else look.gradient
    return Paint(f"#{red:02X}{green:02X}{blue:02X}", look.stroke, look.text, nabla)
