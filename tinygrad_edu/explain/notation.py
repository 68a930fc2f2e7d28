"""How the explaining tools write numbers, names and tables: as text, as plain ASCII, as HTML."""

from __future__ import annotations

import functools
import html
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.tape import Instruction, formula
from tinygrad_edu.terminal import ascii_fallback, encoding_of

_SUBSCRIPT = str.maketrans("0123456789-", "₀₁₂₃₄₅₆₇₈₉₋")
SMALL = 6  # arrays of at most that many numbers are written out


def subscript(number: int) -> str:
    """A number as the index of a variable.

    >>> subscript(-12)
    '₋₁₂'
    """
    return str(number).translate(_SUBSCRIPT)


def number(x: Any) -> str:
    """A number in four digits, or an array: its numbers if they are few, else shape and norm.

    >>> number(-0.98512), number(np.ones((20, 5)))
    ('−0.9851', 'array(20, 5), norm 10')
    """
    if np.ndim(x) == 0:
        return f"{float(x):.4g}".replace("-", "−")
    x = np.asarray(x)
    shape = str(x.shape).replace(",)", ")")
    if x.size <= SMALL:
        written = np.array2string(x, precision=4, separator=", ").replace("\n", "")
        return f"{written.replace('-', '−')}"
    return f"array{shape}, norm {number(norm(x))}"


def signed(x: Any) -> str:
    """A scalar with its sign, as gradients are written: +1.477.

    >>> signed(1.4771), signed(-2.0), signed(0.0)
    ('+1.477', '−2', '0')
    """
    text = number(x)
    return text if np.ndim(x) or text.startswith("−") or not x else f"+{text}"


def norm(x: Any) -> float:
    """The Euclidean length of all the numbers together."""
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.sum(np.square(np.asarray(x, dtype=np.float64)))))


def right_hand_side(step: Instruction, names: Sequence[str] | dict[int, str]) -> str:
    """What an instruction computes, as a person writes it: `w1 × x1`."""
    return one_line(formula(step, names))  # type: ignore[arg-type]


def one_line(text: str) -> str:
    """The text without line breaks and control characters, which names of users may hold.

    >>> one_line("a\\nb")
    'a b'
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)


def plain(text: str) -> str:
    """The text in ASCII, for terminals that cannot write more.

    >>> plain("v̄₋₁ += v̄₃ · ∂v₃/∂v₋₁ = −0.5")
    "v'-1 += v'3 * dv3/dv-1 = -0.5"
    """
    return ascii_fallback(text.replace("\u0304", "'").replace("∇ ", "grad "))


def printable(text: str) -> str:
    """The text as standard output can hold it: `print` must not fail on a Windows code page."""
    try:
        text.encode(encoding_of(sys.stdout))
    except UnicodeEncodeError:
        return plain(text)
    except LookupError:
        return text if text.isascii() else plain(text)
    return text


def width(text: str) -> int:
    """How many columns a terminal gives the text: a combining mark takes none."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


@functools.cache
def _char_width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def align(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Rows of cells as lines with straight columns.

    >>> align([["a", "1"], ["long", "2"]])
    ['a     1', 'long  2']
    """
    widths = [[width(cell) for cell in row] for row in rows]
    columns = max(map(len, rows), default=0)
    widest = [max((w[i] for w in widths if i < len(w)), default=0) for i in range(columns)]
    lines = []
    for row, have in zip(rows, widths, strict=True):
        cells = [cell + " " * (widest[i] - have[i]) for i, cell in enumerate(row)]
        lines.append(gap.join(cells).rstrip())
    return lines


def html_table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()
) -> str:
    """A table for a notebook; everything is escaped, so that no name can become a tag."""
    head = "".join(f"<th style='text-align:left'>{html.escape(h)}</th>" for h in heads)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{_cell(c)}</td>" for c in row) + "</tr>"
        for row in rows
    )
    said = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    return f"<div class='tinygrad-edu'><p><b>{html.escape(title)}</b></p>{table}{said}</div>"


def _cell(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
