"""The line of the user's program that made a node, at the cost of a dictionary look-up."""

from __future__ import annotations

import linecache
import os
import sys
from itertools import islice
from types import CodeType, FrameType


class Site:
    """A line of the user's program. Made once per call site; line and text are looked up late."""

    __slots__ = ("code", "instruction")

    def __init__(self, code: CodeType, instruction: int) -> None:
        self.code, self.instruction = code, instruction

    @property
    def filename(self) -> str:
        """The file as Python names it; `<stdin>` and cells have such names too."""
        return self.code.co_filename

    @property
    def function(self) -> str:
        """The function the line is in, `<module>` outside of any."""
        return self.code.co_qualname

    @property
    def line(self) -> int:
        """The line number, from 1."""
        positions = next(islice(self.code.co_positions(), self.instruction // 2, None), (None,))
        return positions[0] or self.code.co_firstlineno

    @property
    def text(self) -> str:
        """The line's source text, or `""` where the source is not to be had."""
        return linecache.getline(self.filename, self.line).strip()

    def __str__(self) -> str:
        return f"{os.path.basename(self.filename)}:{self.line}"

    def __repr__(self) -> str:
        return f"Site({self.filename!r}, line {self.line}: {self.text})"


SITES: dict[int, Site] = {}  # by the address of the calling instruction
INSIDE = Site((lambda: None).__code__, -1)  # marks a call site of the library itself
_PACKAGE = __name__.split(".")[0]
_SHOWN = (f"{_PACKAGE}.tour",)  # a program of the library's that is shown as the user's
_kept: list[CodeType] = []
lines = True


def trace_lines(on: bool) -> None:
    """Switch the recording of source lines on or off, for all threads.

    >>> trace_lines(True)
    """
    global lines
    lines = on


def user_site(depth: int) -> Site | None:
    """The call site of the nearest caller outside the library, from ``depth`` frames up."""
    if not lines:
        return None
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        key = id(frame.f_code) + frame.f_lasti  # instructions lie inside their code object
        site = SITES.get(key) or _new_site(key, frame)
        if site is not INSIDE:
            return site
        frame = frame.f_back
    return None


def _new_site(key: int, frame: FrameType) -> Site:
    # The code object is kept alive, so that its id cannot be given to another one.
    name = frame.f_globals.get("__name__") or ""
    file = frame.f_code.co_filename  # an example in a docstring is a user's program
    ours = name.split(".")[0] == _PACKAGE and name not in _SHOWN and not file.startswith("<doctest")
    inside = ours or file.startswith("<frozen")
    if inside:
        _kept.append(frame.f_code)
    return SITES.setdefault(key, INSIDE if inside else Site(frame.f_code, frame.f_lasti))
