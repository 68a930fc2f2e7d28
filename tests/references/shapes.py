"""References of the rearrangements: slices, loops and NumPy, nothing of the library."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np


def put(x: Any, values: Any, index: Any) -> Any:
    """Number by number, in the order in which NumPy reads them: a later one replaces."""
    total = np.array(x)
    places = np.arange(total.size).reshape(total.shape)[index]
    pairs = zip(np.ravel(places), np.ravel(np.broadcast_to(values, places.shape)), strict=True)
    for place, number in pairs:
        total.reshape(-1)[place] = number
    return total


def windows(x: Any, window_shape: Any, axis: Any) -> Any:
    """Each number of each window looked up by itself."""
    lengths = np.atleast_1d(window_shape).tolist()
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis).tolist()
    shape = list(x.shape)
    for a, n in zip(axes, lengths, strict=True):
        shape[a] -= n - 1
    out = np.zeros((*shape, *lengths))
    for place in product(*map(range, out.shape)):
        source = list(place[: x.ndim])
        for a, o in zip(axes, place[x.ndim :], strict=True):
            source[a] += o
        out[place] = x[tuple(source)]
    return out


def order(x: Any, axis: Any, descending: bool) -> Any:
    """The positions by a sort of Python's, which is stable, row by row."""
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    sign = -1.0 if descending else 1.0

    def of_row(row: Any) -> Any:
        return sorted(range(len(row)), key=lambda i: sign * row[i])

    return np.apply_along_axis(of_row, axis, x)


REFERENCES: dict[str, Callable[..., Any]] = {
    "setitem": put,
    "sliding_window_view": windows,
    "argsort": order,
}
