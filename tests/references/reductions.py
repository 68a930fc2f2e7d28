"""References of reductions and scans: one row at a time, in plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def along(row_function: Callable[[list[float]], list[float]]) -> Callable[..., Any]:
    """A function of one row of floats, applied along an axis."""

    def over(x: Any, axis: int) -> Any:
        return np.apply_along_axis(lambda row: np.array(row_function(row.tolist())), axis, x)

    return over


def over_axes(number: Callable[..., float]) -> Callable[..., Any]:
    """A function from a list of floats to one, applied over any axes."""

    def over(x: Any, axis: Any = None, keepdims: bool = False, **static: Any) -> Any:
        axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        axes = tuple(a % x.ndim for a in axes)
        kept = [i for i in range(x.ndim) if i not in axes]
        rows = np.transpose(x, (*kept, *axes)).reshape(*[x.shape[i] for i in kept], -1)
        out = np.apply_along_axis(lambda row: number(row.tolist(), **static), -1, rows)
        return np.expand_dims(out, axes) if keepdims else out

    return over


def recurrence(a: Any, b: Any, axis: int) -> Any:
    out = np.array(b)
    rows, factors = np.moveaxis(out, axis, 0), np.moveaxis(a, axis, 0)
    for i in range(1, len(rows)):
        rows[i] += factors[i] * rows[i - 1]
    return out


def _running(choose: Callable[..., float]) -> Callable[..., Any]:
    return along(lambda row: [choose(row[: i + 1]) for i in range(len(row))])


REFERENCES: dict[str, Callable[..., Any]] = {
    "linear_recurrence": recurrence,
    "cumprod": along(lambda row: [math.prod(row[: i + 1]) for i in range(len(row))]),
    "cummax": _running(max),
    "cummin": _running(min),
    "logcumsumexp": along(
        lambda row: [math.log(math.fsum(map(math.exp, row[: i + 1]))) for i in range(len(row))]
    ),
    "var": over_axes(
        lambda row, ddof: (
            math.fsum((x - math.fsum(row) / len(row)) ** 2 for x in row) / (len(row) - ddof)
        )
    ),
    "norm": over_axes(
        lambda row, ord: math.fsum(abs(x) ** (ord or 2) for x in row) ** (1.0 / (ord or 2))
    ),
    "order_statistic": over_axes(lambda row, k: sorted(row)[k]),
}
