"""From a `Table` to a `Dataset`: what is learned, from what, and on which rows.

Every statistic (median, mean, deviation, categories) comes from the training rows alone, so the
hold-out rows stay what they are for: rows the model has never seen in any form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.columns import Column, Floats
from tinygrad_edu.train.csv_reader import many
from tinygrad_edu.train.encoder import ClassTarget, Encoder, NumberTarget, Target, Task
from tinygrad_edu.train.features import (
    Feature,
    FeatureKind,
    fit_feature,
    mean_and_scale,
    numbers_of,
)
from tinygrad_edu.train.split import Indices, check_split, split_rows
from tinygrad_edu.train.table import Table

FEWEST_ROWS = 8
MOST_INTEGER_CLASSES = 10
_WHY_LEFT_OUT = {
    "identifier": "left out: every value is different, so it names rows and teaches nothing",
    "text": "left out: too many different words to be categories",
    "empty": "left out: all its values are missing",
}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Arrays to train on and arrays held out, with names and with the encoder that made them.

    ``x_train`` (rows, features) and ``x_holdout`` are float64; ``y_train`` and ``y_holdout`` are
    int64 positions in ``classes`` for classification and standardised float64 for regression
    (`Encoder.decode` gives the unit back). All arrays are read-only. ``train_rows`` and
    ``holdout_rows`` are positions in the table that was prepared. ``notes`` tells everything
    that was found, filled or left out, from the file to the arrays.
    """

    x_train: Floats
    y_train: NDArray[Any]
    x_holdout: Floats
    y_holdout: NDArray[Any]
    encoder: Encoder
    train_rows: Indices
    holdout_rows: Indices
    seed: int
    notes: tuple[str, ...]

    @property
    def task(self) -> Task:
        """``classification`` or ``regression``."""
        return self.encoder.task

    @property
    def target(self) -> str:
        """The name of the target column."""
        return self.encoder.target.column

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, sorted; empty for regression."""
        return self.encoder.classes

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of ``x``, such as ``body_mass_g`` or ``island=Biscoe``."""
        return self.encoder.feature_names

    @property
    def feature_kinds(self) -> tuple[FeatureKind, ...]:
        """``number``, ``binary`` or ``category`` per column of ``x``."""
        return self.encoder.feature_kinds

    def __repr__(self) -> str:
        width = self.x_train.shape[1]
        what = f"{len(self.classes)} classes" if self.classes else "numbers"
        return (
            f"Dataset({self.task} of {self.target!r}, {what}: {len(self.x_train)} training rows, "
            f"{len(self.x_holdout)} held out, {many(width, 'feature')})"
        )


def prepare(
    table: Table,
    target: str,
    *,
    features: Sequence[str] | None = None,
    task: Task | None = None,
    holdout: float = 0.25,
    seed: int = 0,
    standardize: bool = True,
    missing: Literal["fill", "drop"] = "fill",
) -> Dataset:
    """Split, encode and standardise a table for learning ``target`` from ``features``.

    ``features`` are column names (default: all that can teach something; identifiers, free text,
    empty and constant columns are left out, and told). ``task`` follows the target: words and
    two-valued columns are classified; numbers are classified when they are at most 10 different
    whole numbers and each occurs at least twice, and predicted (regression) otherwise; the choice
    is noted and ``task=`` overrules it. The split is drawn by ``seed``; a classification holds out
    the same share of every class, at least one row.

    Missing numbers become the training median, missing words a category of their own
    (``missing="drop"`` leaves those rows out instead). Rows without a target are left out.
    ``standardize=False`` leaves numbers, a regression's target included, as they are.

    Raises `DataError` when there is nothing to learn: no such column, an identifier as the target,
    one class only, a class of one row, fewer than 8 rows, no feature left.

    >>> table = Table.of({"x": [0, 1, 2, 3] * 4, "y": ["low", "low", "high", "high"] * 4})
    >>> data = prepare(table, "y", seed=1)
    >>> data
    Dataset(classification of 'y', 2 classes: 12 training rows, 4 held out, 1 feature)
    >>> data.classes, float(abs(data.x_train.mean()).round(9))
    (('high', 'low'), 0.0)
    """
    check_split(holdout, seed)
    _check_wishes(table, task, missing)
    wanted = _wanted_features(table, target, features)
    told = list(table.notes)
    for name in (target, *wanted):
        if table[name].numbers is not None:
            numbers_of(table[name])  # refuses huge ones, by the row of the file
    rows = _usable_rows(table, target, wanted if missing == "drop" else (), told)
    used = table if rows.size == len(table) else table.take(rows)
    chosen = choose_task(used[target], task, told)
    columns = _kept_features(used, wanted, features is not None, told)
    _tell_disguise(columns, used[target], told)
    labels = _labels(used[target]) if chosen == "classification" else None
    train, held = split_rows(len(used), holdout=holdout, seed=seed, labels=labels)
    fitted: list[Feature] = []
    for column in columns:
        feature = fit_feature(column.take(train), column.kind, told, standardize=standardize)
        fitted += [feature] if feature is not None else []
    if not fitted:
        raise DataError(f"no feature is left to learn {target!r} from:\n  " + "\n  ".join(told))
    encoder = Encoder(tuple(fitted), _fit_target(used[target], chosen, train, standardize))
    encoded = encoder.transform(used)
    told += encoded.notes
    y = encoder.encode_target(used)
    parts = [_frozen(part[where]) for part in (encoded.x, y) for where in (train, held)]
    x_train, x_held, y_train, y_held = parts
    _tell_copies(x_train, y_train, x_held, y_held, told)
    where = (_frozen(rows[train]), _frozen(rows[held]))
    return Dataset(x_train, y_train, x_held, y_held, encoder, *where, seed, tuple(told))


def _check_wishes(table: Table, task: str | None, missing: str) -> None:
    if not isinstance(table, Table):
        raise DataError(
            f"prepare takes a Table, not {type(table).__name__}",
            hint="prepare(read_csv('table.csv'), 'target')",
        )
    if task not in (None, "classification", "regression"):
        raise DataError(f"task is 'classification' or 'regression', not {task!r}")
    if missing not in ("fill", "drop"):
        raise DataError(f"missing is 'fill' or 'drop', not {missing!r}")


def _wanted_features(table: Table, target: str, features: Sequence[str] | None) -> tuple[str, ...]:
    if target not in table:
        raise table.no_column(target, "target column")
    if features is None:
        return tuple(name for name in table.names if name != target)
    if isinstance(features, str):
        raise DataError("features is a list of names", hint=f"features=[{features!r}]")
    for name in features:
        if name not in table:
            raise table.no_column(name, "feature column")
    if target in features:
        raise DataError(f"{target!r} is the target, so it cannot be a feature: it is the answer")
    twice = [name for name, count in Counter(features).items() if count > 1]
    if twice or not features:
        raise DataError(f"features names {twice[0]!r} twice" if twice else "features is empty")
    return tuple(features)


def _usable_rows(table: Table, target: str, complete: Sequence[str], told: list[str]) -> Indices:
    """Positions of the rows that have a target (and all of the ``complete`` columns)."""
    column = table[target]
    if column.missing == len(column):
        raise DataError(f"the target {target!r} has no values: all {len(column)} are missing")
    usable = np.array([cell is not None for cell in column.cells])
    if column.missing:
        told.append(f"{many(column.missing, 'row')} without a value of {target!r} left out")
    whole = usable.copy()
    for name in complete:
        if table[name].kind not in _WHY_LEFT_OUT:
            whole &= np.array([cell is not None for cell in table[name].cells])
    if whole.sum() < usable.sum():
        told.append(
            f"{many(int(usable.sum() - whole.sum()), 'row')} with missing features left out"
        )
    rows = np.flatnonzero(whole)
    if rows.size < FEWEST_ROWS:
        raise DataError(
            f"{many(rows.size, 'usable row')} of {len(table)}: too few to learn "
            f"from and to hold some out; {FEWEST_ROWS} are the least"
        )
    return rows


def choose_task(column: Column, asked: Task | None, told: list[str]) -> Task:
    """Classification or regression, by the rule in `prepare`; a target without sense is refused."""
    name, count = repr(column.name), len(column)
    values = Counter(value for value in column.labels() if value is not None)
    if len(values) == 1:
        raise DataError(
            f"the target {name} is {next(iter(values))!r} in all {count} rows: one "
            f"{'class' if column.numbers is None else 'value'} only, so there is nothing to learn"
        )
    numeric = column.numbers is not None
    if asked == "regression" and not numeric:
        raise DataError(f"the target {name} holds words, so it can be classified only")
    _refuse_identifier(column, asked, len(values))
    rare = [value for value, times in values.items() if times == 1]
    whole = numeric and all("." not in value and "e" not in value for value in values)
    few = whole and len(values) <= MOST_INTEGER_CLASSES and not rare
    if asked is not None:
        task = asked
    elif numeric and column.kind != "binary" and not few:
        task = "regression"
        told.append(f"the target {name} is predicted as a number ({len(values)} different values)")
    else:
        task = "classification"
        if numeric:
            told.append(
                f"the target {name} is classified: {len(values)} different whole numbers "
                "(task='regression' predicts it as a number)"
            )
    if task == "classification" and rare:
        raise DataError(
            f"class {rare[0]!r} of the target {name} has a single row"
            + (f", and so have {len(rare) - 1} more classes" if len(rare) > 1 else "")
            + ": one to train on and one to hold out are needed",
            hint="leave such rows out, or join rare classes into one",
        )
    return task


def _refuse_identifier(column: Column, asked: Task | None, different: int) -> None:
    if asked == "regression":
        return
    free_text = column.kind == "text" and different > len(column) / 2
    if column.kind == "identifier" or free_text:
        hint = "choose another target"
        if column.numbers is not None:
            hint += ", or task='regression' if it is a quantity after all"
        raise DataError(
            f"the target {column.name!r} looks like an identifier: {different} different values "
            f"in {len(column)} rows, so no row tells anything about another",
            hint=hint,
        )


def _kept_features(
    table: Table, wanted: Sequence[str], explicit: bool, told: list[str]
) -> list[Column]:
    """The columns that can teach something; an identifier of numbers only when it was asked for."""
    columns = [table[name] for name in wanted]
    useful = [c for c in columns if c.kind not in _WHY_LEFT_OUT]
    numbered = [c for c in columns if c.kind == "identifier" and c.numbers is not None]
    rescued = numbered if explicit or not useful else []
    kept = []
    for column in columns:
        if column in useful:
            kept.append(column)
        elif column in rescued:
            told.append(f"column {column.name!r} looks like an identifier; used as a number")
            kept.append(Column(column.name, "number", column.cells, column.numbers))
        else:
            told.append(f"column {column.name!r} {_WHY_LEFT_OUT[column.kind]}")
    if not kept:
        raise DataError("no feature is left to learn from:\n  " + "\n  ".join(told))
    return kept


def _tell_disguise(columns: Sequence[Column], target: Column, told: list[str]) -> None:
    """A column that maps one to one onto the target may be the answer under another name."""
    answers = target.labels()
    different = len(set(answers))
    for column in columns:
        numbers = column.numbers
        if different > len(answers) / 2:  # any two columns of all different values are one to one
            same = (
                numbers is not None
                and target.numbers is not None
                and np.array_equal(numbers, target.numbers)
            )
        elif numbers is not None and np.unique(numbers).size != different:
            same = False
        else:
            pairs = set(zip(column.labels(), answers, strict=True))
            same = len(pairs) == different == len({value for value, _ in pairs})
        if same:
            told.append(
                f"column {column.name!r} maps one to one onto the target {target.name!r}: is it "
                "the answer under another name?"
            )


def _labels(column: Column) -> NDArray[np.int64]:
    return ClassTarget(column.name, column.values()).encode(column)


def _fit_target(column: Column, task: Task, train: Indices, standardize: bool) -> Target:
    if task == "classification":
        return ClassTarget(column.name, column.values())
    mean, scale = mean_and_scale(numbers_of(column.take(train)))
    if scale < 1e-300:
        raise DataError(f"the target {column.name!r} has one value in all training rows")
    return NumberTarget(column.name, *((mean, scale) if standardize else (0.0, 1.0)))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def _tell_copies(
    x: Floats, y: NDArray[Any], x_held: Floats, y_held: NDArray[Any], told: list[str]
) -> None:
    seen = {row.tobytes() for row in np.column_stack([x, y])}
    copies = sum(row.tobytes() in seen for row in np.column_stack([x_held, y_held]))
    if copies:
        told.append(
            f"{copies} of {len(x_held)} hold-out rows equal a training row in features and target"
        )


def majority_baseline(data: Dataset) -> float:
    """Hold-out accuracy of always answering the most frequent class of the training rows.

    >>> table = Table.of({"x": range(0, 24, 2), "y": ["a", "a", "b"] * 4})
    >>> round(majority_baseline(prepare(table, "y")), 3)
    0.667
    """
    if data.task != "classification":
        raise DataError("a regression has no majority class", hint="mean_baseline(data)")
    usual = np.bincount(data.y_train, minlength=len(data.classes)).argmax()
    return float((data.y_holdout == usual).mean())


def mean_baseline(data: Dataset) -> float:
    """Hold-out RMSE, in the target's unit, of always answering the mean of the training rows."""
    target = data.encoder.target
    if not isinstance(target, NumberTarget):
        raise DataError("classes have no mean", hint="majority_baseline(data)")
    errors = (data.y_holdout - data.y_train.mean()) * target.scale
    return float(np.sqrt(np.mean(errors**2)))
