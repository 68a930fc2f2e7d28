"""The theme table as a style sheet: one rule per role, kind and sign that occurs, light and dark.

>>> "prefers-color-scheme" in stylesheet(["weight"], [], [], [], "auto")
True
>>> "prefers-color-scheme" in stylesheet(["weight"], [], [], [], "light")
False
"""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_edu.view.theme import CLUSTERS, EDGES, FONT, GROUND, ROLES, Paint, tint

__all__ = ["role_class", "stylesheet", "tone_class", "tone_step"]

_BASE = (
    ".tg text{font-family:" + FONT + ";font-size:12px;text-anchor:middle}"
    ".tg .b{font-weight:bold}"
    ".tg .g{font-size:11px}"
    ".tg .s text{font-size:10px}"
    ".tg .s .g{font-size:9px}"
    ".tg .l{text-anchor:start;font-size:11px}"
    ".tg .t{font-size:12px}"
    ".tg .u{font-size:11px}"
    ".tg .line{fill:none}"
    ".tg .dash{stroke-dasharray:6 3.5}"
    ".tg .edge.dash{stroke-dasharray:5 3.5}"
    ".tg .haze{opacity:.2}"
    ".tg .many{fill:none}"
)


def role_class(role: str) -> str:
    """The class name of a role: "weighted sum" → "node-weighted-sum"."""
    return "node-" + role.replace(" ", "-")


def tone_step(tone: float | None) -> int | None:
    """The step of the activation scale (−4 … 4) that a tone falls in."""
    if tone is None or tone != tone:
        return None
    return round(max(-1.0, min(1.0, tone)) * 4)


def tone_class(step: int) -> str:
    """The class name of a step: 3 → "tone3", −3 → "tone_3"."""
    return f"tone{step}".replace("-", "_")


def _node_rules(name: str, paint: Paint) -> str:
    return (
        f".tg .{name} .shape{{fill:{paint.fill};stroke:{paint.stroke}}}"
        f".tg .{name} text{{fill:{paint.text}}}"
        f".tg .{name} .g{{fill:{paint.gradient}}}"
    )


def _rules(
    roles: Iterable[str],
    kinds: Iterable[str],
    signs: Iterable[str],
    steps: Iterable[int],
    dark: bool,
) -> str:
    ground = GROUND[dark]
    parts = [
        f".tg .ground{{fill:{ground.fill}}}.tg text{{fill:{ground.text}}}"
        f".tg .g{{fill:{ground.gradient}}}.tg .rule{{stroke:{ground.stroke}}}"
        f".tg .banner rect{{fill:{'#3A2A00' if dark else '#FFF4CE'};"
        f"stroke:{'#E9B44C' if dark else '#9A6200'}}}"
    ]
    for role in roles:
        look = ROLES[role]
        parts.append(_node_rules(role_class(role), look.dark if dark else look.light))
    for step in steps:
        parts.append(_node_rules(tone_class(step), tint(step, dark)))
    for kind in kinds:
        paint = CLUSTERS[kind].dark if dark else CLUSTERS[kind].light
        parts.append(
            f".tg .{kind}>.box{{fill:{paint.fill};stroke:{paint.stroke}}}"
            f".tg .{kind}>text{{fill:{paint.text}}}"
        )
    for sign in signs:
        colour = EDGES[sign].dark if dark else EDGES[sign].light
        parts.append(f".tg .w-{sign}{{stroke:{colour}}}.tg .h-{sign}{{fill:{colour}}}")
    return "".join(parts)


def stylesheet(
    roles: Iterable[str],
    kinds: Iterable[str],
    signs: Iterable[str],
    steps: Iterable[int],
    theme: str,
) -> str:
    """The rules for what occurs. `theme` is "light", "dark", or "auto": light, and dark on request
    of the reader's system."""
    chosen = (list(roles), list(kinds), list(signs), list(steps))
    sheet = _BASE + _rules(*chosen, dark=theme == "dark")
    if theme == "auto":
        sheet += f"@media(prefers-color-scheme:dark){{{_rules(*chosen, dark=True)}}}"
    return sheet
