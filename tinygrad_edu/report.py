"""Plain words and plain numbers for the tour and the command line: headings, shares, confusions."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_edu.errors import BackendError
from tinygrad_edu.terminal import console, is_live, say

WIDTH = 79
T = TypeVar("T")


def heading(title: str) -> None:
    """A title between blank lines, underlined."""
    say(f"\n{title}\n{'─' * len(title)}")


def paragraph(text: str) -> None:
    """Running text, filled to the width of a terminal."""
    say(textwrap.fill(" ".join(text.split()), WIDTH, break_on_hyphens=False))


def block(text: object) -> None:
    """A table or a program as it is, set off by a blank line and four spaces."""
    say("\n" + textwrap.indent(str(text).strip("\n"), "    "))


def bullets(lines: Iterable[str]) -> str:
    """One ``-`` per line, filled.

    >>> print(bullets(["one", "two"]))
      - one
      - two
    """
    fill = textwrap.TextWrapper(WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(fill.fill(line) for line in lines)


def interval(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, JASA 22, 1927): what so few examples can say.

    >>> low, high = interval(66, 66)
    >>> round(low, 3), high
    (0.945, 1.0)
    """
    z = 1.959963984540054
    share, spread = right / count, z * z / count
    half = z * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    low, high = (
        (share + spread / 2 - half) / (1 + spread),
        (share + spread / 2 + half) / (1 + spread),
    )
    return (0.0 if right == 0 else low), (1.0 if right == count else high)


def share(right: int, count: int) -> str:
    """A share with what it rests on.

    >>> print(share(66, 66))
    100.0 % (66 of 66; 95 % interval 94.5 to 100.0 %)
    """
    low, high = interval(right, count)
    ends = f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    return f"{100 * right / count:.1f} % ({right} of {count}; {ends})"


def amount(x: float) -> str:
    """A number of somebody's unit, to four digits, written out where that can be read.

    >>> amount(12613.7), amount(0.0421), amount(4.2e12)
    ('12,610', '0.0421', '4.2e+12')
    """
    return f"{float(f'{x:.4g}'):,.0f}" if 1e4 <= abs(x) < 1e9 else f"{x:.4g}"


def confusion(truth: ArrayLike, answers: ArrayLike, classes: Sequence[str]) -> str:
    """How often each class was answered for each: a row per truth, a column per answer.

    >>> print(confusion([0, 0, 1], [0, 1, 1], ["a", "b"]))
    truth \\ answer  a  b
                 a  1  1
                 b  0  1
    """
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (np.asarray(truth), np.asarray(answers)), 1)
    corner = "truth \\ answer"
    left = max(len(corner), *map(len, classes))
    widths = [max(len(name), len(str(counts.max()))) for name in classes]
    head = "  ".join(f"{name:>{w}}" for name, w in zip(classes, widths, strict=True))
    rows = [f"{corner:>{left}}  {head}"]
    for name, row in zip(classes, counts, strict=True):
        cells = "  ".join(f"{n:>{w}}" for n, w in zip(row, widths, strict=True))
        rows.append(f"{name:>{left}}  {cells}")
    return "\n".join(rows)


def steps(items: Sequence[T], label: str) -> Iterator[T]:
    """The items one by one, with a progress bar where a person is watching.

    The bar is drawn between the items: no thread does it, so that it works where there are none.
    """
    if not is_live():
        yield from items
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(), auto_refresh=False) as progress:
        task = progress.add_task(label, total=len(items))
        for item in items:
            yield item
            progress.update(task, advance=1, refresh=True)


def save_picture(picture: Any, path: Path) -> list[Path]:
    """Write ``path`` as SVG, as a page and, where something installed can, as PNG; the files."""
    files = [picture.save(path.with_suffix(ending)) for ending in (".svg", ".html")]
    try:
        return [*files, picture.save(path.with_suffix(".png"))]
    except BackendError:
        return files
