"""The interactive page: one HTML file with the pictures of all levels, their story and a viewer.

The file asks nothing of any network. Pictures and numbers are made here; the script
(assets/page.js) only moves, reveals and tells them. User-given names enter as JSON and as escaped
SVG text, and the script writes them with `textContent`, so that no name can become markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any

from tinygrad_edu.view.live import Program
from tinygrad_edu.view.network import keep_strongest
from tinygrad_edu.view.scene import Scene
from tinygrad_edu.view.style import stylesheet
from tinygrad_edu.view.svg import safe, svg

__all__ = ["asset", "embedded", "page"]

LINES = 4_000
"""Most connections a page shows at neuron level: beyond it a browser is slow, and a file large."""
_WORDS = {"layer": "Layers", "neuron": "Neurons", "op": "Operations"}


def page(
    scenes: Mapping[str, Scene],
    level: str,
    story: Mapping[str, Any] | None,
    note: str = "",
    live: Program | str = "",
) -> str:
    """The page of `scenes` by level, opened at `level`; `story` belongs to the level "op".

    `live` is the program that sliders run, or the reason why there are none.

    >>> from tinygrad_edu.view.scene import Node
    >>> made = page({"op": Scene("op", (Node("n0", "input", "</script>"),))}, "op", None)
    >>> made.count("</script>")  # the three of the page itself
    3
    """
    ordered = [name for name in _WORDS if name in scenes]
    drawn = {name: _prefixed(keep_strongest(scenes[name], LINES), name) for name in ordered}
    pictures = "\n".join(
        f'<div class="level" data-level="{name}"{"" if name == level else " hidden"}>'
        f"{svg(scene)}</div>"
        for name, scene in drawn.items()
    )
    data = {
        "level": level,
        "levels": [[name, _WORDS[name]] for name in ordered],
        "titles": {name: _title(scene) for name, scene in drawn.items()},
        "nodes": {node.id: _told(node) for scene in drawn.values() for node in scene.nodes},
        "edges": {e.id: [e.source, e.target] for s in drawn.values() for e in s.edges},
        "story": None if story is None else _story(story),
        "live": None if story is None else _live(story, live),
    }
    parts = {
        "TITLE": safe(_title(scenes[level])),
        "DESCRIPTION": safe(scenes[level].description),
        "NOTE": f'<p class="note">{safe(note)}</p>' if note else "",
        "STYLE": stylesheet([], [], ["pos", "neg"], [], "auto") + asset("page.css"),
        "PICTURES": pictures,
        "DATA": embedded(data),
        "PROGRAM": live.source if isinstance(live, Program) else "null",
        "SCRIPT": asset("page.js"),
    }
    return re.sub("<!--([A-Z]+)-->", lambda hole: parts[hole[1]], asset("page.html"))


def asset(name: str) -> str:
    """The text of a file beside this module's package data."""
    return (files("tinygrad_edu.view") / "assets" / name).read_text(encoding="utf-8")


def embedded(data: Any) -> str:
    """JSON that can stand inside a script element: no "<" is left that could end it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    marks = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028"}
    for mark, code in {**marks, "\u2029": "\\u2029"}.items():
        text = text.replace(mark, code)
    return text


def _title(scene: Scene) -> str:
    return scene.title or "Computation graph"


def _prefixed(scene: Scene, level: str) -> Scene:
    """The scene with ids of its own, because several stand in one document."""

    def named(number: str) -> str:
        return f"{level}-{number}" if number else ""

    return replace(
        scene,
        nodes=tuple(
            replace(n, id=named(n.id), cluster=named(n.cluster), tip=n.tip) for n in scene.nodes
        ),
        edges=tuple(
            replace(e, id=named(e.id), source=named(e.source), target=named(e.target))
            for e in scene.edges
        ),
        clusters=tuple(replace(c, id=named(c.id), parent=named(c.parent)) for c in scene.clusters),
        bundles=tuple(
            replace(b, id=named(b.id), source=named(b.source), target=named(b.target))
            for b in scene.bundles
        ),
    )


def _told(node: Any) -> list[Any]:
    """Title, role, lines, gradient, tip: what the panel shows where there is no story."""
    return [node.title, node.role, list(node.lines), node.gradient, node.tip]


def _story(story: Mapping[str, Any]) -> dict[str, Any]:
    def named(number: str) -> str:
        return f"op-{number}"

    return {
        "forward": [named(i) for i in story["forward"]],
        "backward": [named(i) for i in story["backward"]],
        "nodes": {named(i): node for i, node in story["nodes"].items()},
        "edges": {
            named(i): {**edge, "from": named(edge["from"]), "to": named(edge["to"])}
            for i, edge in story["edges"].items()
        },
    }


def _live(story: Mapping[str, Any], live: Program | str) -> dict[str, Any]:
    """What the sliders need: the numbers to start from, and where each shape's numbers stand."""
    if isinstance(live, str):
        return {"why": live}
    slots = {f"op-{i}": n["slot"] for i, n in story["nodes"].items() if "slot" in n}
    return {
        "start": list(live.start),
        "nodes": {i: [live.place(slot), live.slopes[slot]] for i, slot in slots.items()},
        "leaves": {i: slot for i, slot in slots.items() if slot < live.leaves},
    }
