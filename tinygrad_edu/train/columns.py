"""Cells to typed columns: what is missing, what is a number, what kind of column it is."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.csv_reader import MISSING
from tinygrad_edu.train.number_format import (
    NumberFormat,
    has_unit,
    is_code,
    is_infinite,
    label,
)

Kind = Literal["number", "binary", "category", "identifier", "text", "empty"]
WantedKind = Literal["number", "category", "text"]
Floats = NDArray[np.float64]

_MISSING_WORDS = "none . .. -- --- n.a. n.a nil missing unknown void 1.#qnan 1.#ind -1.#ind"
_SHEET_ERRORS = "#div/0! #value! #ref! #num! #name? #null!"
MISSING_AMONG_NUMBERS = frozenset(f"{_MISSING_WORDS} {_SHEET_ERRORS}".split())
MOST_CATEGORIES = 50
FEWEST_FOR_IDENTIFIER = 8
_NUMBER_SHARE = 0.8
_DATE = re.compile(
    r"[0-9]{4}[-/.][0-9]{1,2}([-/.][0-9]{1,2})?([T ][0-9:.,]+ ?(Z|[+-][0-9:]+)?)?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}( [0-9:]+)?|[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?"
)
_ID_NAME = re.compile(
    r"(.*[ _.-])?(id|ids|index|idx|row|rowid|no|nr|key|uuid|guid)\.?|.*[a-z]ID|#|"
)


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table.

    ``cells`` are the trimmed texts, None where a value is missing. ``numbers`` is a read-only
    float array with NaN where missing, or None when the column is not made of numbers.

    Kinds: *number*; *binary* (two different values: any two words, or two whole numbers);
    *category* (words that come again); *identifier* (all different words, or 1 … n); *text* (too
    many different words to be categories); *empty* (nothing but missing values).
    """

    name: str
    kind: Kind
    cells: tuple[str | None, ...]
    numbers: Floats | None = None

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def missing(self) -> int:
        """How many values are missing."""
        return sum(cell is None for cell in self.cells)

    def labels(self) -> list[str | None]:
        """The values as names of categories; numbers are written one way (``1.0`` is ``1``)."""
        if self.numbers is None:
            return list(self.cells)
        return [None if np.isnan(number) else label(number) for number in self.numbers]

    def values(self) -> tuple[str, ...]:
        """The different values, sorted: numbers by size, words by letter."""
        if self.numbers is not None:
            return tuple(map(label, np.unique(self.numbers[~np.isnan(self.numbers)])))
        return sort_labels({cell for cell in self.cells if cell is not None})

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Column:
        """The column with these rows only; its kind is found again among them."""
        cells = tuple(self.cells[int(i)] for i in rows)
        numbers = None if self.numbers is None else _frozen(self.numbers[np.asarray(rows, int)])
        kept = replace(self, cells=cells, numbers=numbers)
        if self.kind in ("identifier", "text"):
            return kept if kept.missing < len(cells) else replace(kept, kind="empty")
        found = infer_kind(self.name, cells, numbers)
        return kept if found in ("identifier", "text") else replace(kept, kind=found)


def sort_labels(names: set[str]) -> tuple[str, ...]:
    """Sorted by size when all names are numbers, by letter otherwise.

    >>> sort_labels({"10", "9"}), sort_labels({"b", "a", "10"})
    (('9', '10'), ('10', 'a', 'b'))
    """
    sizes = {name: NumberFormat().parse(name) for name in names}
    if all(size is not None for size in sizes.values()):
        return tuple(sorted(names, key=lambda name: (sizes[name] or 0.0, name)))
    return tuple(sorted(names))


@dataclass(frozen=True)
class Reading:
    """How the cells of one table are to be read.

    ``sure`` says whether the file shows its decimal sign, so that the other one between groups of
    three digits can only be a thousands separator; ``fixed`` whether every column has that sign.
    ``missing`` replaces the words that stand for a missing value; ``place`` names a row.
    """

    form: NumberFormat
    sure: bool
    fixed: bool
    place: Callable[[int], str]
    missing: frozenset[str] | None = None

    def of_column(self, votes: Counter[str]) -> Reading:
        """The reading of one column, whose own cells may speak for another decimal sign."""
        form = self.form
        if not self.fixed and votes["."] != votes[","]:
            form = NumberFormat("." if votes["."] > votes[","] else ",")
        return replace(self, form=form, sure=self.sure or votes[form.decimal] > 0)


def build_column(
    name: str,
    raw: Sequence[str],
    reading: Reading,
    votes: Counter[str],
    wanted: WantedKind | None = None,
) -> tuple[Column, list[str]]:
    """A typed column and what there is to tell about it; ``votes`` are its `decimal_votes`.

    Raises `DataError` for text among numbers, for infinities, and for ``1,234`` when nothing
    tells its meaning.
    """
    gone = _missing_words(raw) if reading.missing is None else reading.missing
    cells = tuple(None if cell == "" or cell in gone else cell for cell in raw)
    if wanted in ("category", "text"):
        return Column(name, _kind_of_words(cells, wanted), cells), []
    own = reading.of_column(votes)
    notes: list[str] = []
    cells, numbers = _read_numbers(name, cells, own, wanted, notes)
    if numbers is None:
        notes += _notes_on_words(name, cells)
        return Column(name, infer_kind(name, cells, None), cells), notes
    _refuse_unclear(name, cells, own)
    notes += _notes_on_format(name, cells, own.form, reading.form)
    kind = infer_kind(name, cells, numbers)
    if wanted == "number" and kind == "identifier":
        kind = "number"
    return Column(name, kind, cells, _frozen(numbers)), notes


def _missing_words(raw: Sequence[str]) -> frozenset[str]:
    """'-' is a value of its own in a column that holds '+' (a rhesus factor, a charge)."""
    return MISSING - {"-"} if "+" in raw else MISSING


def _read_numbers(
    name: str,
    cells: tuple[str | None, ...],
    own: Reading,
    wanted: WantedKind | None,
    notes: list[str],
) -> tuple[tuple[str | None, ...], Floats | None]:
    """Cells and numbers; no numbers when the column is words; an error when it is neither."""
    parsed = [None if cell is None else own.form.parse(cell) for cell in cells]
    strange = {i: cell for i, cell in enumerate(cells) if cell is not None and parsed[i] is None}
    soft = {i: cell for i, cell in strange.items() if cell.lower() in MISSING_AMONG_NUMBERS}
    infinite = [i for i, cell in strange.items() if is_infinite(cell)]
    odd = {i: cell for i, cell in strange.items() if i not in soft}
    count = sum(number is not None for number in parsed)
    if wanted is None and not _is_numeric(cells, own, count + len(infinite), odd):
        if count and (odd or soft):
            notes.append(f"column {name!r} is read as words: {count} of its values are numbers")
        elif count:
            notes.append(f"column {name!r} is read as words: codes such as {_code(cells)!r}")
        return cells, None
    infinite += [i for i, number in enumerate(parsed) if number is not None and np.isinf(number)]
    if infinite:
        i = min(infinite)
        raise DataError(f"{own.place(i)}, column {name!r}: {cells[i]!r} is not a finite number")
    if odd:
        raise _not_numbers(name, odd, own)
    if soft:
        words = ", ".join(sorted({repr(cell) for cell in soft.values()}))
        cells = tuple(None if i in soft else cell for i, cell in enumerate(cells))
        notes.append(f"column {name!r}: {words} among numbers is read as missing")
    return cells, np.array([np.nan if n is None else n for n in parsed], dtype=np.float64)


def _is_numeric(cells: Sequence[str | None], own: Reading, count: int, odd: dict[int, str]) -> bool:
    """Whether a column counts as numbers: four fifths of it are, or the signs are mixed up."""
    if count == 0:
        return False
    other = NumberFormat(own.form.thousands)
    if odd and not own.fixed and all(other.parse(cell) is not None for cell in odd.values()):
        return True
    if not odd and _are_codes(cells):
        return False
    return count >= _NUMBER_SHARE * (count + sum(not is_infinite(cell) for cell in odd.values()))


def _not_numbers(name: str, odd: dict[int, str], own: Reading) -> DataError:
    shown = "; ".join(f"{own.place(i)}: {shorten(cell)}" for i, cell in list(odd.items())[:3])
    more = f"; and {len(odd) - 3} more" if len(odd) > 3 else ""
    other = NumberFormat(own.form.thousands)
    if all(other.parse(cell) is not None for cell in odd.values()):
        hint = f"{own.form.decimal!r} was taken as the decimal sign" + (
            f"; decimal={other.decimal!r} changes it" if own.fixed else "; use one in a column"
        )
    else:
        hint = (
            "correct the cell, or leave it empty if the value is missing; "
            f"types={{{name!r}: 'category'}} reads the column as words"
        )
    return DataError(
        f"column {name!r} holds numbers, but this is not one: {shown}{more}", hint=hint
    )


def shorten(text: str, length: int = 40) -> str:
    """A cell for a message: quoted, escaped, and never a page long."""
    return repr(text if len(text) <= length else text[: length - 1] + "…")


def _are_codes(cells: Sequence[str | None]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return all(cell.isdigit() for cell in known) and any(is_code(cell) for cell in known)


def _code(cells: Sequence[str | None]) -> str:
    return next(cell for cell in cells if cell is not None and is_code(cell))


def _refuse_unclear(name: str, cells: Sequence[str | None], own: Reading) -> None:
    for i, cell in enumerate(() if own.sure else cells):
        if cell is None or not own.form.is_grouped(cell):
            continue
        readings = [NumberFormat(sign).parse(cell) for sign in ".,"]
        if None not in readings:
            first, second = (label(number or 0.0) for number in readings)
            raise DataError(
                f"{own.place(i)}, column {name!r}: {cell!r} may mean {first} or {second}",
                hint=f"decimal='.' reads {first}, decimal=',' reads {second}",
            )


def _notes_on_format(
    name: str, cells: Sequence[str | None], form: NumberFormat, file_format: NumberFormat
) -> list[str]:
    notes = []
    if form != file_format:
        notes.append(f"column {name!r}: the decimal sign is {form.decimal!r} here")
    grouped = next((c for c in cells if c is not None and form.is_grouped(c)), None)
    if grouped is not None:
        value = label(form.parse(grouped) or 0.0)
        notes.append(f"column {name!r}: {grouped!r} is read as {value} (thousands separator)")
    return notes


def _notes_on_words(name: str, cells: Sequence[str | None]) -> list[str]:
    known = Counter(cell for cell in cells if cell is not None)
    example = repr(next(iter(known), None))
    notes = []
    if known and all(_DATE.fullmatch(cell) for cell in known):
        notes.append(f"column {name!r} looks like dates or times; they are words here, not numbers")
    elif known and all(has_unit(cell) for cell in known):
        notes.append(
            f"column {name!r}: values such as {example} are words here; without the sign they "
            "would be numbers"
        )
    elif any("," in cell for cell in known) and all(
        NumberFormat(",").parse(cell) is not None for cell in known
    ):
        notes.append(
            f"column {name!r}: values such as {example} are words here; decimal=',' reads them "
            "as numbers"
        )
    spellings: dict[str, str] = {}
    for cell in known if len(known) <= MOST_CATEGORIES else ():
        first = spellings.setdefault(cell.casefold(), cell)
        if first != cell:
            notes.append(
                f"column {name!r}: {first!r} and {cell!r} differ in capitals only; kept apart"
            )
    return notes


def infer_kind(name: str, cells: Sequence[str | None], numbers: Floats | None) -> Kind:
    """The kind of a column: see `Column`."""
    if numbers is None:
        return _kind_of_words(cells, None)
    known = numbers[~np.isnan(numbers)]
    if known.size == 0:
        return "empty"
    different = np.unique(known)
    whole = bool(np.all(known == np.floor(known)))
    if whole and different.size == 2:
        return "binary"
    if whole and different.size == known.size >= FEWEST_FOR_IDENTIFIER:
        counts_up = different[0] in (0, 1) and different[-1] - different[0] == known.size - 1
        if counts_up or _ID_NAME.fullmatch(name) or _ID_NAME.fullmatch(name.lower()):
            return "identifier"
    return "number"


def _kind_of_words(cells: Sequence[str | None], wanted: WantedKind | None) -> Kind:
    known = [cell for cell in cells if cell is not None]
    different = len(set(known))
    if not known:
        return "empty"
    if wanted == "text":
        return "text"
    if different == 2:
        return "binary"
    if wanted == "category":
        return "category"
    if different == len(known) >= FEWEST_FOR_IDENTIFIER:
        return "identifier"
    many = different > MOST_CATEGORIES or (different > 20 and different > len(known) / 2)
    return "text" if many else "category"


def _frozen(array: Floats) -> Floats:
    array.setflags(write=False)
    return array


def check_types(types: dict[str, str], names: Sequence[str]) -> None:
    """Refuse a wish for a column that is not there, or for a kind that cannot be wished."""
    for name, kind in types.items():
        if name not in names:
            raise DataError(f"types names {name!r}, which is no column{near(name, names)}")
        if kind not in get_args(WantedKind):
            raise DataError(
                f"types[{name!r}] is {kind!r}; it can be 'number', 'category' or 'text'"
            )


def near(name: str, names: Sequence[str]) -> str:
    """The end of a "no such column" message: near matches, or the names there are."""
    lowered = {other.lower(): other for other in names}
    close = difflib.get_close_matches(str(name).lower(), list(lowered), n=3, cutoff=0.6)
    listed = ", ".join(list(names)[:20]) + (", …" if len(names) > 20 else "")
    did = f"; did you mean {' or '.join(repr(lowered[c]) for c in close)}?" if close else "."
    return f"{did} The columns are: {listed}"
