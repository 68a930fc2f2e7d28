"""Graphviz's SVG brought to the visual language: bold titles, coloured ∇ lines, light and dark.

Graphviz gives one style to all lines of a plain label, and no style sheet. The groups it writes
(``<g class="node node-weight">``) are the same in every build, so this reads those alone.
"""

from __future__ import annotations

import re

from tinygrad_edu.view.scene import Scene
from tinygrad_edu.view.style import role_class, tone_class, tone_step
from tinygrad_edu.view.svg import safe
from tinygrad_edu.view.theme import CLUSTERS, EDGES, FONT, GROUND, ROLES, tint

__all__ = ["finish"]

_NODE = re.compile(r'<g id="([^"]*)" class="node[^"]*">.*?</g>\n', re.S)
_TEXT = re.compile(r"<text ([^>]*)>([^<]*)</text>")
_GRADIENT = ("∇", "‖∇‖", "Σ∇", "&#8711;", "&#8214;&#8711;", "&#931;&#8711;")


def finish(scene: Scene, svg: str, theme: str = "auto") -> str:
    """`svg` as Graphviz wrote it for `scene`, with titles, ∇ lines, style sheet and description."""
    svg = svg[svg.index("<svg") :]
    titled = {node.id for node in scene.nodes if node.title}
    svg = _NODE.sub(lambda match: _emphasise(match[0], titled), svg)
    opening = svg.index(">") + 1
    head = svg[:opening].replace("<svg ", '<svg class="tg" role="img" ', 1)
    return (
        f"{head}\n<title>{safe(scene.title or 'Computation graph')}</title>\n"
        f"<desc>{safe(scene.description)}</desc>\n"
        f"<style>{_sheet(scene, theme)}</style>{svg[opening:]}"
    )


def _emphasise(group: str, titled: set[str]) -> str:
    texts = list(_TEXT.finditer(group))
    number_of = _NODE.match(group)
    bold = number_of is not None and number_of[1] in titled
    if not texts or 'id="legend' in group:
        return group
    parts, at = [], 0
    for number, match in enumerate(texts):
        parts.append(group[at : match.start()])
        kind = ' class="b"' if number == 0 and bold else ""
        if number and match[2].startswith(_GRADIENT):
            kind = ' class="g"'
        parts.append(f"<text{kind} {match[1]}>{match[2]}</text>")
        at = match.end()
    return "".join([*parts, group[at:]])


def _sheet(scene: Scene, theme: str) -> str:
    base = f".tg text{{font-family:{FONT}}}.tg .b{{font-weight:bold}}.tg .g{{font-size:11px}}"
    sheet = base + _rules(scene, theme == "dark")
    return sheet + (
        f"@media(prefers-color-scheme:dark){{{_rules(scene, True)}}}" if theme == "auto" else ""
    )


def _rules(scene: Scene, dark: bool) -> str:
    ground = GROUND[dark]
    parts = [
        f".tg .graph>polygon{{fill:{ground.fill}}}.tg text{{fill:{ground.text}}}"
        '.tg .node polygon[fill="none"]{fill:none}'  # the outer line of a double octagon
    ]
    for role in scene.roles():
        paint = ROLES[role].dark if dark else ROLES[role].light
        name = f".tg .{role_class(role)}"
        outline = ",".join(f"{name} {tag}" for tag in ("path", "polygon", "ellipse"))
        parts.append(
            f"{outline}{{fill:{paint.fill};stroke:{paint.stroke}}}{name} text{{fill:{paint.text}}}"
            f"{name} .g{{fill:{paint.gradient}}}"
        )
    found = {tone_step(node.tone) for node in scene.nodes} | {-3, 3}
    for step in sorted(step for step in found if step is not None):
        paint, name = tint(step, dark), f".tg .{tone_class(step)}"
        parts.append(
            f"{name} ellipse{{fill:{paint.fill}}}{name} text{{fill:{paint.text}}}"
            f"{name} .g{{fill:{paint.gradient}}}"
        )
    for kind in dict.fromkeys(cluster.kind for cluster in scene.clusters):
        paint = CLUSTERS[kind].dark if dark else CLUSTERS[kind].light
        parts.append(
            f".tg .cluster.{kind} path{{fill:{paint.fill};stroke:{paint.stroke}}}"
            f".tg .cluster.{kind} text{{fill:{paint.text}}}"
        )
    for sign, look in EDGES.items():
        colour = look.dark if dark else look.light
        parts.append(
            f".tg .w-{sign} path{{stroke:{colour}}}.tg .w-{sign} polygon{{stroke:{colour};"
            f"fill:{colour}}}"
        )
    return "".join(parts)
