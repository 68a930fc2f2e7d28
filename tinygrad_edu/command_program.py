"""``tinygrad-edu draw`` and ``check``: run a user's file and look at a Value or model in it."""

from __future__ import annotations

import difflib
import inspect
import linecache
import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import GradientError, TinygradError
from tinygrad_edu.terminal import say


class ProgramError(TinygradError):
    """A user's file that could not be read, run, or did not hold what was asked for."""


def draw_program(program: str, level: str, out: str | None, show: bool) -> None:
    """Write the picture of what ``FILE.py:NAME`` names, and open it if asked."""
    from tinygrad_edu.view.picture import draw

    name, thing = find(program)
    thing = made(name, thing)
    if not isinstance(thing, Value) and not callable(getattr(thing, "structure", None)):
        raise ProgramError(
            f"{name} is {_what(thing)}, and only a Value or a model can be drawn",
            hint="name the loss, an output, or the model",
        )
    picture = draw(thing, level=level)
    if out is None and show:
        picture.show()
        return
    path = picture.save(out or f"{name.rpartition('.')[2]}.svg")
    say(f"{path}: {len(picture.scene.nodes)} nodes, {picture.level} level")
    if show:
        picture.show()


def check_program(program: str) -> None:
    """Print the check of the gradients of what ``FILE.py:NAME`` names; `GradientError` if wrong.

    A Value, or a function that returns one, is checked where it stands; a function whose arguments
    have shapes, or a `gradient_property`, at many points; a model by the laws of modules.
    """
    name, thing = find(program)
    prop = getattr(thing, "gradient_property", None) or _with_shapes(thing)
    try:
        if prop is not None:
            prop.run()
            say(f"gradient check: right\n  {name}, wherever it was drawn")
            return
        thing = made(name, thing)
        if callable(getattr(thing, "structure", None)):
            from tinygrad_edu.testing.laws import check_module

            report = check_module(thing)
            if not report.right:
                raise GradientError(str(report), report=report)
        elif isinstance(thing, Value):
            from tinygrad_edu.testing import check

            report = check(thing)
        else:
            raise ProgramError(
                f"{name} is {_what(thing)}, and only a Value, a model or a function has gradients "
                "to check",
                hint="name the loss, or a function that needs no arguments and returns it",
            )
    except GradientError as error:
        if getattr(error.report, "verdict", "wrong") == "wrong":
            raise
        raise ProgramError(str(error)) from None  # nothing is known to be wrong
    say(report)


def _with_shapes(thing: Any) -> Any:
    """The property of a function whose every argument is annotated with a shape, or None."""
    if not inspect.isfunction(thing) or not inspect.signature(thing).parameters:
        return None
    from tinygrad_edu.testing import gradient_property

    try:
        return gradient_property(thing).gradient_property
    except TinygradError:
        return None


def find(program: str) -> tuple[str, Any]:
    """Run the file of ``FILE.py:NAME`` and take NAME from it; the name and what it stands for."""
    path, name = _split(program)
    names = _run(path)
    public = [key for key in names if not key.startswith("_")]
    head, *rest = name.split(".")
    if head not in names:
        known = [k for k in public if _interesting(names[k])] or public
        raise ProgramError(f"there is no {head!r} in {path}{_near(head, public, known)}")
    thing = names[head]
    for part in rest:
        if not hasattr(thing, part):
            known = [key for key in dir(thing) if not key.startswith("_")]
            raise ProgramError(f"{head} has no {part!r}{_near(part, known, [])}")
        head, thing = f"{head}.{part}", getattr(thing, part)
    return name, thing


def made(name: str, thing: Any) -> Any:
    """``thing`` itself, or what it returns when it is a function that needs no arguments."""
    is_model = callable(getattr(thing, "structure", None)) and not isinstance(thing, type)
    if isinstance(thing, Value) or is_model or not callable(thing):
        return thing
    try:
        inspect.signature(thing).bind()
    except (TypeError, ValueError) as error:
        raise ProgramError(
            f"{name} needs arguments ({error}), so it cannot be called from here",
            hint=f"write a function without arguments around it: def example(): return {name}(…)\n"
            f"    or, for `check` at many points, annotate shapes: def {name}(w: (3,), b: ()): …",
        ) from None
    try:
        return thing()
    except (TinygradError, Exception) as error:
        raise ProgramError(f"{name}() failed:\n{_told(error)}") from None


def _split(program: str) -> tuple[Path, str]:
    path, colon, name = program.rpartition(":")
    if not colon or not path or name.endswith(".py") or set(name) & set("/\\"):
        path, name = program, ""
    file = Path(path)
    if file.is_dir():
        raise ProgramError(f"{path} is a folder", hint="name a file in it: FILE.py:NAME")
    if not file.exists():
        folder = file.parent if file.parent.is_dir() else Path()
        others = [p.name for p in folder.glob("*.py")]
        raise ProgramError(f"no such file: {path}{_near(file.name, others, [])}")
    if not name:
        public = {k: v for k, v in _run(file).items() if not k.startswith("_")}
        known = [key for key, value in public.items() if _interesting(value)]
        listed = f": one of {', '.join(known[:10])}" if known else ""
        raise ProgramError(f"{path} needs a name{listed}", hint=f"{path}:{(known or ['NAME'])[0]}")
    return file, name


def _run(path: Path) -> dict[str, Any]:
    """The names that a program leaves behind. Its folder is searched for what it imports."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        return runpy.run_path(str(path), run_name=path.stem)
    except SystemExit as stop:
        raise ProgramError(
            f"{path} ended itself with exit({stop.code!r}) before anything could be looked at",
            hint='put that part below: if __name__ == "__main__":',
        ) from None
    except OSError as error:
        if error.filename and os.path.abspath(str(error.filename)) == str(path.resolve()):
            raise ProgramError(f"{path} cannot be read: {error.strerror}") from None
        raise ProgramError(f"{path} failed:\n{_told(error)}") from None
    except Exception as error:
        raise ProgramError(f"{path} failed:\n{_told(error)}") from None
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _told(error: BaseException) -> str:
    """The error with the innermost line of the user's own program, and no frames of ours."""
    if isinstance(error, SyntaxError) and error.filename:
        text = (error.text or linecache.getline(error.filename, error.lineno or 0)).strip()
        return f"  {error.filename}:{error.lineno}: {text}\n  {type(error).__name__}: {error.msg}"
    here = os.path.dirname(os.path.abspath(__file__))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<frozen", here)) and os.path.exists(frame.filename)
        if os.path.basename(frame.filename) != "runpy.py"
    ]
    place = f"  {frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}\n" if frames else ""
    return f"{place}  {type(error).__name__}: {error}"


def _interesting(thing: Any) -> bool:
    own = isinstance(thing, Value) or callable(getattr(thing, "structure", None))
    return (own and not isinstance(thing, type)) or inspect.isfunction(thing)


def _near(name: str, names: list[str], known: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; it has {', '.join(known[:10])}" if known else ""


def _what(thing: Any) -> str:
    kind = type(thing).__name__
    if callable(getattr(thing, "structure", None)):
        return f"a model ({kind})"
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
