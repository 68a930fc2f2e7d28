"""`Table`: named, typed columns; and `read_csv`, which reads one from any user's file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.columns import (
    Column,
    Reading,
    WantedKind,
    build_column,
    check_types,
    near,
)
from tinygrad_edu.train.csv_reader import MISSING, Records, read_records
from tinygrad_edu.train.decoding import decode, read_source
from tinygrad_edu.train.number_format import NumberFormat, decimal_votes


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of one length, and ``notes``: what was found out or changed while reading.

    >>> table = Table.of({"size": [1.5, 2.5, None], "kind": ["a", "b", "a"]})
    >>> table.names, len(table), table["size"].kind, table["kind"].kind
    (('size', 'kind'), 3, 'number', 'binary')
    >>> print(table["size"].numbers)
    [1.5 2.5 nan]
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    source: str = "the table"

    @classmethod
    def of(
        cls, columns: Mapping[str, Iterable[Any]], *, types: Mapping[str, str] | None = None
    ) -> Table:
        """A table from Python values by column name. None and NaN are missing values.

        A pandas data frame works too: anything whose ``items()`` gives names and columns.
        """
        raw = {str(name): tuple(_text_of(v) for v in column) for name, column in columns.items()}
        lengths = {name: len(column) for name, column in raw.items()}
        if not raw or not min(lengths.values()):
            raise DataError("a table needs at least one column and one row")
        if len(set(lengths.values())) > 1:
            raise DataError(f"columns of different lengths: {lengths}")
        records = Records(tuple(raw), tuple(raw.values()), (), ",")
        return _build(records, "the table", decimal=".", types=types, missing=None)

    @classmethod
    def of_rows(
        cls, rows: Iterable[Mapping[str, Any]], *, types: Mapping[str, str] | None = None
    ) -> Table:
        """A table from one dict per row; a name that a row lacks is a missing value there.

        >>> Table.of_rows([{"x": 1, "y": "a"}, {"x": 2}])["y"].cells
        ('a', None)
        """
        kept = list(rows)
        for i, row in enumerate(kept):
            if not isinstance(row, Mapping):
                raise DataError(
                    f"row {i + 1} is {type(row).__name__}, not a dict of column names and values",
                    hint="[{'bill_length_mm': 39.1, 'island': 'Biscoe'}]",
                )
        names = dict.fromkeys(name for row in kept for name in row)
        known = {name: kind for name, kind in (types or {}).items() if name in names}
        columns = {name: [row.get(name) for row in kept] for name in names}
        return cls.of(columns, types=known)

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in the order of the file."""
        return tuple(column.name for column in self.columns)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.columns[0]) if self.columns else 0

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Column:
        """The column of this name; `DataError` names the nearest one there is."""
        for column in self.columns:
            if column.name == name:
                return column
        raise self.no_column(name)

    def no_column(self, name: str, what: str = "column") -> DataError:
        """The error for a name that is not there, with near matches and the names there are."""
        hint = None
        if len(self.columns) == 1:
            hint = "there is one column: is there a title above the header, or another delimiter?"
        return DataError(f"no {what} {name!r} in {self.source}{near(name, self.names)}", hint=hint)

    def __repr__(self) -> str:
        return f"Table({len(self)} rows, {len(self.columns)} columns from {self.source})"

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Table:
        """The table with these rows only, in this order."""
        return Table(tuple(c.take(rows) for c in self.columns), self.notes, self.source)

    def keep(self, name: str, values: Collection[str]) -> Table:
        """The rows whose column ``name`` has one of these values.

        >>> Table.of({"x": [1, 2, 3], "k": ["a", "b", "c"]}).keep("k", ["a", "c"])["x"].cells
        ('1', '3')
        """
        column = self[name]
        values = [values] if isinstance(values, str) else [str(value) for value in values]
        for value in values:
            if value not in column.values():
                raise DataError(f"column {name!r} has no value {value!r}; it has {_few(column)}")
        rows = [i for i, value in enumerate(column.labels()) if value in values]
        return self.take(rows)

    def describe(self) -> str:
        """One line per column: name, kind, what is in it, how many values are missing."""
        width = max((len(column.name) for column in self.columns), default=0)
        lines = [repr(self)]
        for column in self.columns:
            gone = f", {column.missing} missing" if column.missing else ""
            lines.append(f"  {column.name:<{width}}  {column.kind:<10}  {_content(column)}{gone}")
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def _content(column: Column) -> str:
    if column.kind == "number" and column.numbers is not None:
        low, high = np.nanmin(column.numbers), np.nanmax(column.numbers)
        return f"{low:g} to {high:g}, median {np.nanmedian(column.numbers):g}"
    return _few(column) if column.kind != "empty" else "nothing"


def _few(column: Column, most: int = 5) -> str:
    values = column.values()
    return ", ".join(values[:most]) + (f", … ({len(values)})" if len(values) > most else "")


def _text_of(value: Any) -> str:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    return str(value).strip()


def read_csv(
    source: str | os.PathLike[str] | IO[str] | IO[bytes],
    target: str | None = None,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    missing: Collection[str] | None = None,
    types: Mapping[str, str] | None = None,
) -> Table:
    """Read a table from a path or an open file; what is found out is told in ``table.notes``.

    Found without asking, and told: the encoding (UTF-8, UTF-16, cp1252, byte-order marks), the
    delimiter (comma, semicolon, tab, bar), the decimal sign (a comma only where it does not
    separate the fields), thousands separators where nothing else fits, whether there is a header,
    missing values (an empty cell, ``NA N/A nan null ? - #N/A`` and their like; among numbers also
    ``none`` and ``.``), and the kind of every column (`Column`). Each keyword overrules one of
    these: ``types={"year": "category"}`` reads numbers as words (or ``"number"``, ``"text"``),
    ``missing={"-999"}`` replaces the list of words for a missing value.

    ``target`` only has to be one of the columns. No file is ever written.

    Raises `DataError` for what cannot be read as it is: no such file, no table, rows of different
    lengths, text in a column of numbers (row and column named), an infinity, ``1,234`` when
    nothing shows whether it is a thousand.

    >>> import io
    >>> table = read_csv(io.StringIO("size;kind\\n1,5;a\\n2,5;b\\nNA;a\\n"))
    >>> table["size"].numbers.tolist(), table["kind"].cells
    ([1.5, 2.5, nan], ('a', 'b', 'a'))
    >>> print(*table.notes, sep="\\n")
    fields are separated by semicolons
    ',' is the decimal sign
    missing values: 1 in 'size' (written NA)
    """
    if decimal not in (None, ".", ","):
        raise DataError(f"decimal is '.' or ',', not {decimal!r}")
    if isinstance(missing, str):
        raise DataError("missing is a collection of words", hint=f"missing={{{missing!r}}}")
    content, name = read_source(source)
    if isinstance(content, bytes):
        text, notes = decode(content, name, encoding)
    else:
        text, notes = content.removeprefix("\ufeff"), []
    records = read_records(text, delimiter=delimiter, header=header, name=name)
    records.notes[:0] = notes
    gone = None if missing is None else frozenset(missing)
    table = _build(records, name, decimal=decimal, types=types, missing=gone)
    if target is not None and target not in table:
        raise table.no_column(target, "target column")
    return table


def _build(
    records: Records,
    source: str,
    *,
    decimal: str | None,
    types: Mapping[str, str] | None,
    missing: frozenset[str] | None,
) -> Table:
    wishes = dict(types or {})
    check_types(wishes, records.names)
    votes = [decimal_votes(column) for column in records.columns]
    reading, notes = _reading(records, sum(votes, Counter()), decimal, missing)
    columns = []
    for name, cells, own in zip(records.names, records.columns, votes, strict=True):
        wanted = cast("WantedKind | None", wishes.get(name))
        column, told = build_column(name, cells, reading, own, wanted)
        columns.append(column)
        notes += told
    notes += _notes_on_missing(columns, records)
    return Table(tuple(columns), (*records.notes, *notes), source)


def _reading(
    records: Records, votes: Counter[str], decimal: str | None, missing: frozenset[str] | None
) -> tuple[Reading, list[str]]:
    """The decimal sign of the file: as told, or as its cells show; a comma file has points."""
    fixed = decimal is not None or records.delimiter == ","
    if decimal is None:
        decimal = "."
        clear_comma = votes[","] > votes["."]
        only_comma = votes["?,"] and not votes["."] and not votes["?."]
        if not fixed and (clear_comma or only_comma):
            decimal = ","
        sure = votes[decimal] > 0 or decimal == ","
    else:
        sure = True
    notes = ["',' is the decimal sign"] if decimal == "," else []
    return Reading(NumberFormat(decimal), sure, fixed, records.place, missing), notes


def _notes_on_missing(columns: list[Column], records: Records) -> list[str]:
    counts, words = [], set()
    for column, raw in zip(columns, records.columns, strict=True):
        if column.missing:
            counts.append(f"{column.missing} in {column.name!r}")
            pairs = zip(raw, column.cells, strict=True)
            words |= {text for text, cell in pairs if cell is None and text}
    if not counts:
        return []
    written = f" (written {', '.join(sorted(words))})" if words else ""
    return [f"missing values: {', '.join(counts)}{written}"]


__all__ = ["MISSING", "Column", "Table", "read_csv"]
