"""Text for the terminal or file at hand: what its encoding cannot hold is written in ASCII.

A Windows code page has no ``∇`` and no ``₁``; ``tour > out.txt`` there must not end in a
`UnicodeEncodeError`. Only the characters that do not fit are replaced, so a terminal that can
show the notation of the field shows it.
"""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_ASCII = {
    "×": "*", "·": "*", "⋅": "*", "⊙": "*", "•": "*", "÷": "/", "−": "-", "–": "-", "—": "-",
    "±": "+/-", "∇": "grad ", "∂": "d", "Σ": "sum", "∑": "sum", "Π": "prod", "√": "sqrt",
    "∞": "inf", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "≡": "==", "→": "->", "←": "<-",
    "↔": "<->", "⇒": "=>", "↦": "->", "↑": "^", "↓": "v", "▲": "^", "▼": "v", "▶": ">",
    "◀": "<", "●": "*", "○": "o", "■": "#", "□": "[]", "…": "...", "′": "'", "″": '"',
    "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": "<<", "»": ">>", "‖": "||",
    "⟨": "<", "⟩": ">", "∈": "in", "✓": "ok", "✔": "ok", "✗": "x", "✘": "x", "°": " deg",
    "ß": "ss", "€": "EUR", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "µ": "u", "ᵀ": "^T",
    "⁻": "^-", "₊": "+", "₋": "-", "\N{REPLACEMENT CHARACTER}": "?",
    **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)), "░": ".", "▒": ":", "▓": "#",
}  # fmt: skip
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿˣⁱ"


def ascii_fallback(text: str, encoding: str | None = "ascii") -> str:
    """``text`` with every character that ``encoding`` cannot hold written in ASCII.

    ``None`` or an unknown encoding counts as ASCII.

    >>> ascii_fallback("∇w₁ = Σ x²·δ − ½ → “ok” │─┼ ä")
    'grad w1 = sum x^2*delta - 1/2 -> "ok" |-+ a'
    >>> ascii_fallback("a × b → ∇", "cp1252") == "a × b -> grad "
    True
    """
    encoding = encoding or "ascii"
    if _fits(text, encoding):
        return text
    if not _fits("∇", encoding):
        text = text.replace("∇ ", "∇")  # what replaces it ends in a space of its own
    return "".join([c if _fits(c, encoding) else _replacement(c) for c in text])


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    except LookupError:
        return text.isascii()
    return True


def _replacement(char: str) -> str:
    if char in _ASCII:
        return _ASCII[char]
    if "\u2500" <= char <= "\u257f":
        return _line(unicodedata.name(char))
    if char in _SUPERSCRIPTS:
        return "^" + unicodedata.normalize("NFKD", char)
    name = unicodedata.name(char, "")
    if name.startswith("GREEK") and " LETTER " in name:
        letter = name.split(" LETTER ")[1].split(" ")[0]
        return letter.lower() if "SMALL" in name else letter.capitalize()
    plain = unicodedata.normalize("NFKD", char)
    plain = plain.replace("\N{FRACTION SLASH}", "/").encode("ascii", "ignore").decode()
    mark = unicodedata.category(char) in ("Mn", "Cf")  # accents of their own, joiners: no sign
    return plain or ("" if mark else "?")


def _line(name: str) -> str:
    """An ASCII stroke for a box-drawing character, by its Unicode name."""
    what = name.removeprefix("BOX DRAWINGS ")
    if "AND" not in what and "DIAGONAL" not in what:
        if "HORIZONTAL" in what or what.endswith(("LEFT", "RIGHT")):
            return "=" if "DOUBLE" in what else "-"
        return "|"
    if "DIAGONAL" in what:
        return {"UPPER RIGHT TO": "/", "UPPER LEFT TO": "\\"}.get(
            what.split("DIAGONAL ")[1][:14], "X"
        )
    sides = [word for word in ("HORIZONTAL", "LEFT", "RIGHT") if word in what]
    vertical = [word for word in ("VERTICAL", "UP", "DOWN") if word in what.replace("UPPER", "")]
    return "+" if sides and vertical else ("-" if sides else "|")


def encoding_of(stream: Any) -> str:
    """The encoding a stream writes in; a stream of text without one holds everything."""
    return getattr(stream, "encoding", None) or "utf-8"


def say(text: object = "", *, end: str = "\n", file: IO[str] | None = None) -> None:
    """`print`, but never a `UnicodeEncodeError`: what the stream cannot hold becomes ASCII.

    >>> say("loss = Σ (y − t)²")
    loss = Σ (y − t)²
    """
    stream = sys.stdout if file is None else file
    if stream is not None:  # a program without a console has no stdout
        stream.write(ascii_fallback(f"{text}{end}", encoding_of(stream)))
        stream.flush()


def printable(text: str) -> str:
    """``text`` as standard output can hold it: what `print` gets from a ``__str__``.

    >>> printable("∇ +1")
    '∇ +1'
    """
    return text if sys.stdout is None else ascii_fallback(text, encoding_of(sys.stdout))


class SafeStream:
    """A text stream in front of another one, in whose encoding it writes with `ascii_fallback`."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.encoding = encoding_of(stream)

    def write(self, text: str) -> int:
        """Write ``text``; gives its own length, as streams do."""
        self._stream.write(ascii_fallback(text, self.encoding))
        return len(text)

    def flush(self) -> None:
        """Hand on what is buffered."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person may be watching."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The number of the file below; raises as the stream below does."""
        return self._stream.fileno()


def console(file: IO[str] | None = None, **options: Any) -> Console:
    """A `rich` console on ``file`` (standard output) that cannot fail on a character.

    Its tables have ASCII frames where the encoding is not a Unicode one.
    """
    from rich.console import Console

    stream = file if file is not None else sys.stdout
    options = {"highlight": False, "soft_wrap": False, **options}
    if stream is None:
        return Console(file=io.StringIO(), quiet=True, **options)
    return Console(file=SafeStream(stream), **options)  # type: ignore[arg-type]


def is_live(file: IO[str] | None = None) -> bool:
    """Whether a display that rewrites its lines makes sense: a terminal, with threads, not dumb."""
    stream = file if file is not None else sys.stdout
    if stream is None or sys.platform == "emscripten" or os.environ.get("TERM") == "dumb":
        return False
    return bool(stream.isatty())
