"""From a typed column to the numbers a neuron takes, fitted on training rows only.

A number is standardised, two values become one 0/1 column, words become one column each (one-hot).
What was never seen in training is encoded by a stated rule, and told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.columns import Column, Floats, Kind, shorten
from tinygrad_edu.train.csv_reader import many
from tinygrad_edu.train.number_format import NumberFormat, label

FeatureKind = Literal["number", "binary", "category"]
LARGEST = 1e150
_MISSING, _UNKNOWN = -1, -2


def numbers_of(column: Column) -> Floats:
    """The numbers of a column, NaN where missing; `DataError` for words and for huge numbers."""
    if column.numbers is None:
        for i, cell in enumerate(column.cells):
            if cell is not None and NumberFormat().parse(cell) is None:
                raise DataError(
                    f"row {i + 1}, column {column.name!r}: {shorten(cell)} is not a number"
                )
        parse = NumberFormat().parse
        found = [np.nan if cell is None else parse(cell) for cell in column.cells]
        numbers = np.array(found, dtype=np.float64)
    else:
        numbers = column.numbers
    huge = np.flatnonzero(np.abs(numbers) > LARGEST)
    if huge.size:
        raise DataError(
            f"row {huge[0] + 1}, column {column.name!r}: {numbers[huge[0]]:g} is too large to "
            f"compute with (the limit is {LARGEST:g})"
        )
    return numbers


def mean_and_scale(numbers: Floats) -> tuple[float, float]:
    """Mean and standard deviation (divided by n); the deviation is 0 when all numbers are equal.

    >>> mean_and_scale(np.array([1.0, 3.0])), mean_and_scale(np.array([0.1, 0.1, 0.1]))[1]
    ((2.0, 1.0), 0.0)
    """
    if numbers.min() == numbers.max():  # exact, and no division by 0 below
        return float(numbers[0]), 0.0
    size = float(np.abs(numbers).max())  # squares of tiny numbers would vanish
    unit = numbers / size
    return float(unit.mean()) * size, float(unit.std()) * size


def value_index(column: Column, values: Sequence[str]) -> NDArray[np.int64]:
    """Per row the position of its value in ``values``, -1 for missing and -2 for unknown."""
    index = {value: i for i, value in enumerate(values)}
    names = column.labels()
    found = np.empty(len(column), dtype=np.int64)
    for i, cell in enumerate(column.cells):
        name = names[i]
        if cell is None or name is None:
            found[i] = _MISSING
            continue
        if cell not in index and name not in index:
            number = NumberFormat().parse(cell)
            name = name if number is None or np.isinf(number) else label(number)
        found[i] = index.get(cell, index.get(name, _UNKNOWN))
    return found


@dataclass(frozen=True)
class NumberFeature:
    """``(number - mean) / scale``; a missing number is the training median first."""

    column: str
    median: float
    mean: float
    scale: float
    kind: ClassVar[FeatureKind] = "number"

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the one column that comes out."""
        return (self.column,)

    @property
    def kinds(self) -> tuple[FeatureKind, ...]:
        """The kind of the one column that comes out."""
        return (self.kind,)

    def encode(self, column: Column, told: list[str]) -> Floats:
        """The standardised column, shape (rows, 1)."""
        numbers = numbers_of(column)
        gone = np.isnan(numbers)
        if gone.any():
            told.append(
                f"column {self.column!r}: {many(int(gone.sum()), 'missing value')} filled with "
                f"{self.median:g}, the median of the training rows"
            )
        filled = np.where(gone, self.median, numbers)
        return ((filled - self.mean) / self.scale)[:, None]


@dataclass(frozen=True)
class BinaryFeature:
    """Two values as one column, 0 and 1; ``usual`` (0 or 1) stands in for what is neither.

    When training rows lack the value (``missing=True``), a second column says where it is missing.
    """

    column: str
    values: tuple[str, str]
    usual: int
    missing: bool
    kind: ClassVar[FeatureKind] = "binary"

    @property
    def names(self) -> tuple[str, ...]:
        """``smoker`` for 0 and 1, ``sex=male`` for other values (the one that becomes 1)."""
        is_flag = self.values == ("0", "1")
        name = self.column if is_flag else f"{self.column}={self.values[1]}"
        return (name, f"{self.column}=missing") if self.missing else (name,)

    @property
    def kinds(self) -> tuple[FeatureKind, ...]:
        """Binary, all of them."""
        return (self.kind,) * (1 + self.missing)

    def encode(self, column: Column, told: list[str]) -> Floats:
        """0 and 1, shape (rows, 1), or (rows, 2) with the column that flags a missing value."""
        found = value_index(column, self.values)
        _tell_unknown(column, found, f"read as {self.values[self.usual]!r}, the usual value", told)
        gone = found == _MISSING
        coded = np.where(found == _UNKNOWN, self.usual, found).astype(np.float64)
        if self.missing:
            return np.column_stack([np.where(gone, 0.0, coded), gone.astype(np.float64)])
        if gone.any():
            told.append(
                f"column {self.column!r}: {many(int(gone.sum()), 'missing value')} read as "
                f"{self.values[self.usual]!r}, the usual value (none was missing in training)"
            )
        return np.where(gone, float(self.usual), coded)[:, None]


@dataclass(frozen=True)
class CategoryFeature:
    """One 0/1 column per value seen in training, and one for "missing" if that was seen too."""

    column: str
    values: tuple[str, ...]
    missing: bool
    kind: ClassVar[FeatureKind] = "category"

    @property
    def names(self) -> tuple[str, ...]:
        """``island=Biscoe``, ``island=Dream``, …"""
        names = [f"{self.column}={value}" for value in self.values]
        gone = f"{self.column}=missing"
        while gone in names:
            gone += "*"
        return (*names, gone) if self.missing else tuple(names)

    @property
    def kinds(self) -> tuple[FeatureKind, ...]:
        """Category, all of them."""
        return (self.kind,) * len(self.names)

    def encode(self, column: Column, told: list[str]) -> Floats:
        """One-hot rows, shape (rows, values); a row of zeros for what training never saw."""
        found = value_index(column, self.values)
        _tell_unknown(column, found, "not in the training rows, so none of its columns is 1", told)
        gone = found == _MISSING
        if gone.any() and not self.missing:
            told.append(
                f"column {self.column!r}: {many(int(gone.sum()), 'missing value')}; none was "
                "missing in training, so none of its columns is 1"
            )
        hot = (found[:, None] == np.arange(len(self.values))).astype(np.float64)
        return np.column_stack([hot, gone.astype(np.float64)]) if self.missing else hot


Feature = NumberFeature | BinaryFeature | CategoryFeature


def _tell_unknown(column: Column, found: NDArray[np.int64], how: str, told: list[str]) -> None:
    strange = Counter(str(column.cells[i]) for i in np.flatnonzero(found == _UNKNOWN))
    for value, count in list(strange.items())[:5]:
        told.append(f"column {column.name!r}: {shorten(value)} ({many(count, 'row')}) {how}")
    if len(strange) > 5:
        told.append(f"column {column.name!r}: {len(strange) - 5} more unknown values, likewise")


def fit_feature(
    column: Column, kind: Kind, told: list[str], *, standardize: bool = True
) -> Feature | None:
    """The feature that fits these training rows; None, and told, when they hold nothing to learn.

    ``kind`` is the column's kind in the whole table, ``column`` its training rows.
    """
    name = column.name
    if column.missing == len(column):
        told.append(f"column {name!r} left out: all its values are missing in the training rows")
        return None
    values = column.values()
    if len(values) == 1 and not (column.missing and kind in ("binary", "category")):
        told.append(f"column {name!r} left out: it is {shorten(values[0])} in all training rows")
        return None
    if kind == "binary" and len(values) == 2:
        found = value_index(column, values)
        usual = int((found == 1).sum() > (found == 0).sum())
        return BinaryFeature(name, (values[0], values[1]), usual, column.missing > 0)
    if kind != "number":
        return CategoryFeature(name, values, column.missing > 0)
    numbers = numbers_of(column)
    numbers = numbers[~np.isnan(numbers)]
    median = float(np.median(numbers))
    filled = np.concatenate([numbers, np.full(column.missing, median)])
    mean, scale = mean_and_scale(filled)
    if scale < 1e-300:
        told.append(f"column {name!r} left out: its values hardly differ")
        return None
    return NumberFeature(name, median, *((mean, scale) if standardize else (0.0, 1.0)))
