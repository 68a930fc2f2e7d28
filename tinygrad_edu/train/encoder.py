"""`Encoder`: everything that turns a table's rows into the arrays a model was trained on.

It is fitted on training rows, applied to any rows, and saved with the model as plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.columns import Column, Floats, shorten
from tinygrad_edu.train.features import (
    BinaryFeature,
    CategoryFeature,
    Feature,
    FeatureKind,
    NumberFeature,
    numbers_of,
    value_index,
)
from tinygrad_edu.train.table import Table

Task = Literal["classification", "regression"]
Rows = Table | Mapping[str, Any] | Iterable[Mapping[str, Any]]
_FORMAT, _VERSION = "tinygrad_edu encoder", 1


class Encoded(NamedTuple):
    """Features, float64 of shape (rows, features), and what there is to tell about them."""

    x: Floats
    notes: list[str]


@dataclass(frozen=True)
class ClassTarget:
    """A target of classes: the label of a row is the position of its class in ``classes``."""

    column: str
    classes: tuple[str, ...]
    task: Task = "classification"

    def encode(self, column: Column) -> NDArray[np.int64]:
        """Labels, int64 of shape (rows,). A missing or unknown class is a `DataError`."""
        found = value_index(column, self.classes)
        for i in np.flatnonzero(found < 0)[:1]:
            cell = column.cells[i]
            what = "is missing" if cell is None else f"is {shorten(cell)}"
            raise DataError(
                f"row {i + 1}: the target {self.column!r} {what}; the classes are "
                f"{', '.join(self.classes[:10])}"
            )
        return found

    def decode(self, outputs: ArrayLike) -> list[str]:
        """Class names from labels, shape (rows,), or from scores, shape (rows, classes)."""
        given = np.asarray(outputs)
        if given.ndim == 2 and given.shape[1] == len(self.classes) > 1:
            given = given.argmax(axis=1)
        if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
            raise DataError(
                f"class names come from whole-number labels of shape (rows,) or from scores of "
                f"shape (rows, {len(self.classes)}), not {given.dtype} of shape {given.shape}"
            )
        if given.size and not 0 <= given.min() <= given.max() < len(self.classes):
            raise DataError(f"labels go from 0 to {len(self.classes) - 1}, not to {given.max()}")
        return [self.classes[i] for i in given]


@dataclass(frozen=True)
class NumberTarget:
    """A target of numbers, standardised: ``(number - mean) / scale``."""

    column: str
    mean: float
    scale: float
    task: Task = "regression"

    @property
    def classes(self) -> tuple[str, ...]:
        """None: there are no classes."""
        return ()

    def encode(self, column: Column) -> Floats:
        """Standardised numbers, float64 of shape (rows,). A missing one is a `DataError`."""
        numbers = numbers_of(column)
        for i in np.flatnonzero(np.isnan(numbers))[:1]:
            raise DataError(f"row {i + 1}: the target {self.column!r} is missing")
        return (numbers - self.mean) / self.scale

    def decode(self, outputs: ArrayLike) -> Floats:
        """Numbers in the target's own unit."""
        return np.asarray(outputs, dtype=np.float64) * self.scale + self.mean


Target = ClassTarget | NumberTarget


@dataclass(frozen=True)
class Encoder:
    r"""Rows to arrays and outputs back to answers, with what the training rows taught.

    >>> from tinygrad_edu.train.datasets import penguins
    >>> encoder = penguins(features=["bill_length_mm", "island"]).encoder
    >>> encoder.feature_names
    ('bill_length_mm', 'island=Biscoe', 'island=Dream', 'island=Torgersen')
    >>> x, notes = encoder.transform([{"bill_length_mm": None, "island": "Ross"}])
    >>> print(x.shape, *notes, sep="\n")
    (1, 4)
    column 'bill_length_mm': 1 missing value filled with 44.95, the median of the training rows
    column 'island': 'Ross' (1 row) not in the training rows, so none of its columns is 1
    >>> encoder.decode([0, 2])
    ['Adelie', 'Gentoo']
    >>> Encoder.from_dict(encoder.to_dict()) == encoder
    True
    """

    features: tuple[Feature, ...]
    target: Target

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of ``x``."""
        return tuple(name for feature in self.features for name in feature.names)

    @property
    def feature_kinds(self) -> tuple[FeatureKind, ...]:
        """``number``, ``binary`` or ``category`` per column of ``x``."""
        return tuple(kind for feature in self.features for kind in feature.kinds)

    @property
    def task(self) -> Task:
        """``classification`` or ``regression``."""
        return self.target.task

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, sorted; empty for regression."""
        return self.target.classes

    def transform(self, data: Rows) -> Encoded:
        """Features of a table, of one row (a dict) or of rows (dicts), with training statistics.

        A missing value is None. Other columns than the features are ignored. Raises `DataError`
        for a feature that is not there and for words where numbers belong.
        """
        table = self._table(data)
        notes: list[str] = []
        parts = [feature.encode(table[feature.column], notes) for feature in self.features]
        return Encoded(np.concatenate(parts, axis=1), notes)

    def encode_target(self, data: Rows) -> NDArray[Any]:
        """The target of a table or of rows: labels (int64) or standardised numbers (float64)."""
        return self.target.encode(self._table(data)[self.target.column])

    def decode(self, outputs: ArrayLike) -> list[str] | Floats:
        """Class names from labels or scores; numbers in the target's unit for regression."""
        return self.target.decode(outputs)

    def _table(self, data: Rows) -> Table:
        if isinstance(data, Table):
            return data
        if isinstance(data, str | bytes):
            raise DataError("rows are dicts or a Table", hint="read_csv(path) makes a Table")
        rows = [data] if isinstance(data, Mapping) else list(data)
        kinds = {f.column: "number" if f.kind == "number" else "category" for f in self.features}
        numeric = isinstance(self.target, NumberTarget)
        kinds[self.target.column] = "number" if numeric else "category"
        return Table.of_rows(rows, types=kinds)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers: what `json.dumps` takes."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "features": [{"kind": f.kind, **_plain(f)} for f in self.features],
            "target": _plain(self.target),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Encoder:
        """The encoder that `to_dict` wrote; `DataError` says what is wrong with anything else."""
        if not isinstance(saved, Mapping) or saved.get("format") != _FORMAT:
            raise DataError("this is not a saved encoder: it has no 'format' line of one")
        if saved.get("version") != _VERSION:
            raise DataError(
                f"the encoder was saved in version {saved.get('version')!r} of the format; this "
                f"library reads version {_VERSION}"
            )
        try:
            features = tuple(_feature_of(part) for part in saved["features"])
            return cls(features, _target_of(saved["target"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"the saved encoder is damaged: {error!r}") from None


def _plain(part: Feature | Target) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(part).items()}


def _number(part: Mapping[str, Any], key: str) -> float:
    value = float(part[key])
    if not np.isfinite(value) or (key == "scale" and value <= 0):
        raise ValueError(f"{key} is {value}")
    return value


def _words(part: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values: Sequence[Any] = part[key]
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{key} is not a list of words")
    return tuple(values)


def _feature_of(part: Mapping[str, Any]) -> Feature:
    kind, column = part["kind"], str(part["column"])
    if kind == "number":
        mean, scale = _number(part, "mean"), _number(part, "scale")
        return NumberFeature(column, _number(part, "median"), mean, scale)
    values, missing = _words(part, "values"), bool(part["missing"])
    if kind == "binary":
        low, high = values
        return BinaryFeature(column, (low, high), int(part["usual"]) & 1, missing)
    if kind == "category":
        return CategoryFeature(column, values, missing)
    raise ValueError(f"unknown kind of feature: {kind!r}")


def _target_of(part: Mapping[str, Any]) -> Target:
    if part["task"] == "classification":
        return ClassTarget(str(part["column"]), _words(part, "classes"))
    if part["task"] == "regression":
        return NumberTarget(str(part["column"]), _number(part, "mean"), _number(part, "scale"))
    raise ValueError(f"unknown task: {part['task']!r}")
