"""Text to rows: which sign separates the fields, where the header is, and which line a row is from.

The parsing itself is the standard library's `csv`; this module decides what `csv` must be told,
refuses what it would quietly repair (an open quote, ragged rows), and notes every decision.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.number_format import looks_number

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MISSING_WORDS = "NA na N/A n/a #N/A #NA <NA> NaN nan NAN -nan -NaN null NULL Null ? -"
MISSING = frozenset(["", *_MISSING_WORDS.split()])
_END = "\ue000end\ue000"
_SEP_LINE = re.compile(r"\"?sep=(.)\"?[\r\n]+", re.IGNORECASE)
_SAMPLE = 200


@dataclass(frozen=True)
class Records:
    """The rows of a table as trimmed text: ``columns[j][i]`` is column ``j`` in row ``i``."""

    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    delimiter: str
    notes: list[str] = field(default_factory=list)

    def place(self, row: int) -> str:
        """Where a row is, for a message: ``row 3 (line 4)``, counted from 1."""
        return f"row {row + 1} (line {self.lines[row]})" if self.lines else f"row {row + 1}"


def read_records(
    text: str, *, delimiter: str | None = None, header: bool | None = None, name: str = "the text"
) -> Records:
    """Split a table's text into named columns of trimmed cells.

    ``delimiter=None`` finds it among comma, semicolon, tab and bar; ``header=None`` finds out
    whether the first line is a header. Raises `DataError` for an empty text, a header without
    rows, rows of different lengths and a quote that is never closed.

    >>> records = read_records("a;b\\n1,5;x\\n2,5;'y'\\n")
    >>> records.names, records.columns[0], records.delimiter
    (('a', 'b'), ('1,5', '2,5'), ';')
    """
    notes: list[str] = []
    skipped = 0
    if match := _SEP_LINE.match(text):  # Excel's own way of naming the delimiter
        delimiter = delimiter or match.group(1)
        notes.append(f"the first line names the delimiter: {match.group(1)!r}")
        text, skipped = text[match.end() :], 1
    if not text.strip():
        raise DataError(f"{name!r} is empty")
    if delimiter is None:
        delimiter = find_delimiter(text)
        if delimiter is None:
            notes.append("no delimiter found (comma, semicolon, tab, bar): read as one column")
        elif delimiter != ",":
            notes.append(f"fields are separated by {DELIMITERS[delimiter]}s")
    elif len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataError(f"a delimiter is one character, not {delimiter!r}")
    rows = _parse(text, delimiter or "\x1f", skipped)
    names, body = _split_header(rows, header, notes, name)
    body = _drop_blank(body, notes)
    if not body:
        raise DataError(f"{name!r} has a header ({', '.join(names[:5])}) but no rows")
    _check_widths(names, body)
    columns = tuple(tuple(column) for column in zip(*(row for _, row in body), strict=True))
    return Records(names, columns, tuple(line for line, _ in body), delimiter or "", notes)


def _parse(text: str, delimiter: str, skipped: int = 0) -> list[tuple[int, list[str]]]:
    """``(line, cells)`` of every record that is not blank. A marker row shows an open quote."""
    ending = "" if text.endswith(("\n", "\r")) else "\n"
    stream = io.StringIO(text + ending + _END + "\n", newline="")
    reader = csv.reader(stream, delimiter=delimiter, skipinitialspace=delimiter != " ")
    rows: list[tuple[int, list[str]]] = []
    row: list[str] = []
    line = 1
    try:
        for row in reader:
            if row:
                rows.append((line + skipped, [cell.strip() for cell in row]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"line {line + skipped} cannot be read: {error}; {_OPEN_QUOTE}") from None
    if row != [_END]:
        raise DataError(f"the row that begins in line {rows[-1][0]}: {_OPEN_QUOTE}")
    return rows[:-1]


_OPEN_QUOTE = 'a quote (") is opened and never closed'


def find_delimiter(text: str) -> str | None:
    """The delimiter under which the rows are as long as the header and most cells are numbers.

    >>> find_delimiter("a;b\\n1,5;2,5\\n"), find_delimiter("word\\nonce\\n")
    (';', None)
    """
    best: tuple[tuple[float, float], str] | None = None
    for delimiter in ("\t", ";", "|", ","):
        score = _score(text, delimiter)
        if score is not None and (best is None or score > best[0]):
            best = (score, delimiter)
    return best[1] if best else None


def _score(text: str, delimiter: str) -> tuple[float, float] | None:
    """Share of rows as long as the header, and share of cells that are numbers or missing."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [row for row in islice(reader, _SAMPLE) if row]
    except csv.Error:
        return None
    if not rows or len(rows[0]) < 2:
        return None
    fitting = sum(len(row) == len(rows[0]) for row in rows)
    cells = [cell.strip() for row in rows[1:] for cell in row]
    clear = sum(cell in MISSING or looks_number(cell) for cell in cells)
    return fitting / len(rows), clear / max(len(cells), 1)


def _split_header(
    rows: list[tuple[int, list[str]]], header: bool | None, notes: list[str], name: str
) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    first = rows[0][1]
    if header is None:
        header = not _is_data(first, [row for _, row in rows[1:_SAMPLE]])
        numbers = [cell for cell in first if looks_number(cell)]
        if not header:
            notes.append(
                f"no header: the first line is data; columns are named x1 to x{len(first)}"
            )
        elif numbers:
            notes.append(
                f"the first line is taken as the header although it holds {numbers[0]!r}; "
                "header=False reads it as data"
            )
    if not header:
        return tuple(f"x{j + 1}" for j in range(len(first))), rows
    if all(cell in MISSING for cell in first):
        raise DataError(f"{name!r}: line {rows[0][0]}, the header, names no column")
    return unique_names(first, notes), rows[1:]


def _is_data(first: list[str], below: list[list[str]]) -> bool:
    """A first line of numbers is data; so is one whose words are values that come again below."""
    if not any(looks_number(cell) for cell in first):
        return False
    seen = [{row[j] for row in below if j < len(row)} for j in range(len(first))]
    return all(
        looks_number(cell) or cell in MISSING or cell in seen[j] for j, cell in enumerate(first)
    )


def many(count: int, what: str) -> str:
    """A count in words.

    >>> many(1, "row"), many(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count} {what}{'s' * (count != 1)}"


def unique_names(header: list[str], notes: list[str]) -> tuple[str, ...]:
    """Names that are neither empty nor double; every change is noted.

    >>> notes = []
    >>> unique_names(["a", "", "a"], notes), notes[0]
    (('a', 'column_2', 'a_2'), "column 2 has no name: called 'column_2'")
    """
    taken = set(header)
    names: list[str] = []
    for position, raw in enumerate(header, start=1):
        wanted = " ".join(raw.split()) or f"column_{position}"
        chosen, count = wanted, 1
        while chosen in names or (count > 1 and chosen in taken):
            count += 1
            chosen = f"{wanted}_{count}"
        if not raw:
            notes.append(f"column {position} has no name: called {chosen!r}")
        elif chosen != wanted:
            notes.append(f"column name {wanted!r} occurs again: column {position} is {chosen!r}")
        names.append(chosen)
    return tuple(names)


def _drop_blank(rows: list[tuple[int, list[str]]], notes: list[str]) -> list[tuple[int, list[str]]]:
    kept = [(line, row) for line, row in rows if any(row)]
    if len(kept) < len(rows):
        notes.append(f"{many(len(rows) - len(kept), 'row')} of empty cells left out")
    return kept


def _check_widths(names: tuple[str, ...], rows: list[tuple[int, list[str]]]) -> None:
    width = len(names)
    wrong = [(i, line, len(row)) for i, (line, row) in enumerate(rows) if len(row) != width]
    if not wrong:
        return
    i, line, found = wrong[0]
    more = f" ({len(wrong)} such rows)" if len(wrong) > 1 else ""
    widths = Counter(count for _, _, count in wrong)
    hint = "a cell that holds the delimiter must stand in double quotes"
    if len(wrong) == len(rows) and len(widths) == 1:
        hint = "every row has this length: the header lacks a name, or is no header (header=False)"
    raise DataError(
        f"row {i + 1} (line {line}) has {many(found, 'field')} where the header names "
        f"{width}{more}",
        hint=hint,
    )
