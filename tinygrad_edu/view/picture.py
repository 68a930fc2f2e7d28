"""`draw`: the picture of a value or a module, shown in a notebook, saved, or opened."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tinygrad_edu.errors import BackendError, DTypeError
from tinygrad_edu.files import write_whole
from tinygrad_edu.terminal import printable, say
from tinygrad_edu.view import backends
from tinygrad_edu.view.dot import dot
from tinygrad_edu.view.scene import Scene
from tinygrad_edu.view.text import text

__all__ = ["LEVELS", "Picture", "draw"]

LEVELS = ("auto", "op", "neuron", "layer")
BUDGET = 300
"""How many shapes a reader can take in: above it, "auto" folds operations into neurons."""
_FORMATS = ".svg .png .pdf .html .dot .txt"


def draw(value: Any, level: str = "auto", input_names: Sequence[str] = ()) -> Picture:
    """The picture of the graph below a Value, or of a module's structure.

    `level` is "op" (every operation), "neuron", "layer", or "auto": the most detailed one that a
    reader can take in (about 300 shapes). A module without data shows its weights, and "–" for
    the activations that only data would give. A notebook shows the result by itself; from a script
    use `.show()` or `.save("neuron.svg")`. `input_names` are what the columns of the input are
    called at neuron level, where they are not nodes with names of their own.

    Raises `DTypeError` for what is neither a Value nor a module, `ValueError` for an unknown level,
    `ShapeError` for more or fewer names than inputs.

    >>> from tinygrad_edu.engine import Value
    >>> w, x = Value(0.5, "w"), Value(3.0, "x")
    >>> picture = draw(w * x)
    >>> print(picture.text())
    × = 1.500  ∇ –  (product)
    ├─ w = 0.500  ∇ –  (weight)
    └─ x = 3.000  ∇ –  (input)
    """
    if level not in LEVELS:
        raise ValueError(f"no level {level!r}; one of {', '.join(map(repr, LEVELS))}")
    if isinstance(input_names, str):
        raise DTypeError("input_names is one text", hint='a list: input_names=["mass", "sex"]')
    names = tuple(map(str, input_names))
    return Picture(_scene(value, level, names), value, names)


def _scene(value: Any, level: str, names: tuple[str, ...]) -> Scene:
    from tinygrad_edu.engine import Value, describe

    if isinstance(value, Value):
        return _graph_scene(value, level, names)
    if callable(getattr(value, "structure", None)):
        from tinygrad_edu.view.module_scene import module_scene

        return module_scene(value.structure(), level, type(value).__name__, names)
    raise DTypeError(
        f"draw needs a Value or a module, got {describe(value)}",
        hint="draw(loss), or draw(model); numbers alone have no graph",
    )


def _graph_scene(value: Any, level: str, names: tuple[str, ...]) -> Scene:
    from tinygrad_edu.view.boxes import layer_scene
    from tinygrad_edu.view.build import op_scene
    from tinygrad_edu.view.fold import fold
    from tinygrad_edu.view.graph import read
    from tinygrad_edu.view.neurons import neuron_count, neuron_scene
    from tinygrad_edu.view.regions import find_regions

    graph = fold(read(value))
    regions = find_regions(graph)
    if level == "auto":
        level = _fitting(len(graph.steps), neuron_count(regions), bool(regions.all))
    if level == "neuron":
        return neuron_scene(graph, regions, names)
    return op_scene(graph, regions) if level == "op" else layer_scene(graph, regions)


def _levels(
    value: Any, drawn: Scene, names: tuple[str, ...]
) -> tuple[dict[str, Scene], dict[str, Any] | None, Any]:
    """The levels that a page can zoom through, and at op level its story and its program."""
    from tinygrad_edu.engine import Value

    if not isinstance(value, Value):
        others = [level for level in ("layer", "neuron") if level != drawn.level]
        made = {level: _scene(value, level, names) for level in others}
        return {drawn.level: drawn, **{s.level: s for s in made.values()}}, None, ""
    from tinygrad_edu.tape import Tape
    from tinygrad_edu.view.build import op_scene
    from tinygrad_edu.view.fold import fold
    from tinygrad_edu.view.graph import read
    from tinygrad_edu.view.live import program
    from tinygrad_edu.view.neurons import neuron_count
    from tinygrad_edu.view.regions import find_regions
    from tinygrad_edu.view.story import story

    graph = fold(read(value))
    regions = find_regions(graph)
    scenes = {drawn.level: drawn}
    if any(region.kind == "layer" for region in regions.all):
        scenes["layer"] = _graph_scene(value, "layer", names)
    if neuron_count(regions) > 1:
        scenes["neuron"] = _graph_scene(value, "neuron", names)
    if len(graph.steps) <= BUDGET:
        scenes["op"] = op_scene(graph, regions)
    if "op" not in scenes or graph.stale or all(step.leaf for step in graph.steps):
        return scenes, None, ""  # nothing was computed, or it cannot be told with these numbers
    tape = Tape.of(value)
    return scenes, story(value, graph, scenes["op"]), program(tape) if value.requires_grad else ""


def _fitting(steps: int, neurons: int, folds: bool) -> str:
    """The most detailed level within the budget; where nothing can be folded, op to the caps."""
    if steps <= BUDGET:
        return "op"
    if neurons:
        return "neuron"
    return "layer" if folds or steps > backends.NODE_CAP else "op"


class Picture:
    """A drawn graph. `scene` is all that is in it, as plain data."""

    def __init__(self, scene: Scene, source: Any = None, names: tuple[str, ...] = ()) -> None:
        self.scene, self._source, self._names = scene, source, names

    @property
    def level(self) -> str:
        """The level that was drawn: "op", "neuron" or "layer"."""
        return self.scene.level

    def svg(self, theme: str = "auto") -> str:
        """The picture as one standalone SVG; `theme` is "auto", "light" or "dark"."""
        if theme not in ("auto", "light", "dark"):
            raise ValueError(f"no theme {theme!r}; 'auto', 'light' or 'dark'")
        return backends.render_svg(self.scene, theme)

    def dot(self) -> str:
        """The picture as DOT source, for Graphviz and other programs."""
        return dot(self.scene)

    def text(self, ascii: bool = False) -> str:
        """The picture as an expression tree."""
        return text(self.scene, ascii)

    def html(self) -> str:
        """The picture as one interactive HTML page that asks nothing of any network.

        It pans and zooms through the levels, tells of every shape its formula, numbers and chain
        rule, and steps through the computation forward and backward. What was drawn stays what it
        was: where the graph has changed since, the page holds this picture alone and says so.
        """
        from tinygrad_edu.view.page import page

        scenes, told, live, note = {self.scene.level: self.scene}, None, "", ""
        if self._source is not None:
            now = _scene(self._source, self.scene.level, self._names)
            if now.as_dict() == self.scene.as_dict():
                scenes, told, live = _levels(self._source, self.scene, self._names)
            else:
                note = "The graph has changed since this picture was made: draw it again to step."
        return page(scenes, self.scene.level, told, note, live)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; the format is the path's ending: .svg .png .pdf .html .dot .txt.

        The file is written whole or not at all. Raises `BackendError` where nothing installed can
        write the format, with what to install. Returns the path.
        """
        target = Path(path)
        makers = {
            ".svg": lambda: self.svg().encode(),
            ".png": lambda: backends.render_png(self.scene),
            ".pdf": lambda: backends.render_pdf(self.scene),
            ".html": lambda: self.html().encode(),
            ".dot": lambda: self.dot().encode(),
            ".gv": lambda: self.dot().encode(),
            ".txt": lambda: (self.text() + "\n").encode(),
        }
        make = makers.get(target.suffix.lower())
        if make is None:
            raise BackendError(
                f"cannot save a picture as {str(target)!r}: unknown ending {target.suffix!r}",
                hint=f"one of {_FORMATS}",
            )
        if not target.parent.is_dir():
            raise BackendError(
                f"cannot write {str(target)!r}: there is no folder {str(target.parent)!r}",
                hint="make the folder first, or choose another",
            )
        return write_whole(target, make())

    def show(self) -> None:
        """Open the picture in the browser, from a script or a terminal.

        Where there is no browser to open (a remote terminal, a browser's own Python), the text
        form is printed and the path named instead.
        """
        handle, name = tempfile.mkstemp(prefix="tinygrad_edu_", suffix=".html")
        os.close(handle)
        path = self.save(name)
        if not _opened(path):
            say(self.text())
            say(f"the picture is in {path}")

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/svg+xml"] = self.svg()
        except BackendError as error:
            bundle["text/plain"] = f"{self!r}\n{error}"
        wanted = include if include is not None else bundle
        return {k: v for k, v in bundle.items() if k in wanted and k not in (exclude or ())}

    def __str__(self) -> str:
        return printable(self.text())

    def __repr__(self) -> str:
        scene = self.scene
        return (
            f"Picture({scene.level} level, {len(scene.nodes)} nodes, {len(scene.edges)} edges; "
            '.show() opens it, .save("picture.svg") writes it)'
        )


def _opened(path: Path) -> bool:
    """Whether a browser took the file."""
    if sys.platform == "emscripten":
        return False
    import webbrowser

    try:
        return webbrowser.open(path.resolve().as_uri())
    except (webbrowser.Error, OSError):
        return False
