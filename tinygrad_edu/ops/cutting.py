"""Arrays cut into parts, and parts left out: slices; NumPy's names and arguments."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.ops.composed import along, array, axis_of, composed, mistake
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.ops.shapes import ravel
from tinygrad_edu.raw import shape as shape_of


def _pieces(x: Any, ends: Any, axis: int) -> list[Any]:
    starts, stops = [0, *ends], [*ends, None]
    n = len(shape_of(x))
    return [
        getitem(x, index=along(n, axis, slice(a, b))) for a, b in zip(starts, stops, strict=True)
    ]


@composed("x")
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut into so many pieces, as equal as can be, or before each of these places.

    >>> [len(part) for part in array_split(np.arange(5.0), 3)]
    [2, 2, 1]
    """
    x = array(x)
    at = axis_of(len(shape_of(x)), axis)
    if np.ndim(indices_or_sections):
        return _pieces(x, [operator.index(i) for i in indices_or_sections], at)
    count = operator.index(indices_or_sections)
    if count <= 0:
        raise mistake(f"{count} pieces", "1 piece or more")
    each, more = divmod(shape_of(x)[at], count)
    return _pieces(x, [i * each + min(i, more) for i in range(1, count)], at)


@composed("x")
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Cut into so many equal pieces, or before each of these places.

    >>> split(np.arange(4.0), 2), split(np.arange(4.0), [1])
    ([array([0., 1.]), array([2., 3.])], [array([0.]), array([1., 2., 3.])])
    """
    x = array(x)
    size = shape_of(x)[axis_of(len(shape_of(x)), axis)]
    if not np.ndim(indices_or_sections) and size % (operator.index(indices_or_sections) or 1):
        hint = f"{indices_or_sections} does not divide {size}; tg.array_split makes unequal pieces"
        raise mistake(f"axis {axis} of length {size} cannot be cut into equal pieces", hint)
    return array_split(x, indices_or_sections, axis)


@composed("x")
def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the second axis, or the only one: the reverse of `hstack`.

    >>> [part.shape for part in hsplit(np.ones((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    x = array(x)
    return split(x, indices_or_sections, axis=min(1, max(0, len(shape_of(x)) - 1)))


@composed("x")
def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the first of two or more axes: the reverse of `vstack`.

    >>> [part.shape for part in vsplit(np.ones((4, 2)), [1])]
    [(1, 2), (3, 2)]
    """
    x = array(x)
    if len(shape_of(x)) < 2:
        raise mistake("two axes are needed", "tg.split(x, …) cuts a vector")
    return split(x, indices_or_sections, axis=0)


@composed("x")
def delete(x: Any, obj: Any, axis: int | None = None) -> Any:
    """Without these slices along the axis, or without these numbers of all in a row.

    >>> delete(np.array([1.0, 2.0, 3.0]), 1)
    array([1., 3.])
    """
    x = ravel(x) if axis is None else array(x)
    n = len(shape_of(x))
    at = axis_of(n, 0 if axis is None else axis)
    return getitem(x, index=along(n, at, np.delete(np.arange(shape_of(x)[at]), obj)))


@composed("x")
def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Cut along the third of three or more axes: the reverse of `dstack`.

    >>> [part.shape for part in dsplit(np.ones((2, 1, 4)), 2)]
    [(2, 1, 2), (2, 1, 2)]
    """
    x = array(x)
    if len(shape_of(x)) < 3:
        raise mistake("three axes are needed", "tg.split(x, …, axis=-1) cuts along the last")
    return split(x, indices_or_sections, axis=2)


@composed("x", indices="condition")
def compress(condition: Any, x: Any, axis: int | None = None) -> Any:
    """The slices along the axis for which the condition holds, or the numbers of all in a row.

    >>> compress([True, False, True], np.array([1.0, 2.0, 3.0]))
    array([1., 3.])
    """
    x = ravel(x) if axis is None else array(x)
    n = len(shape_of(x))
    return getitem(x, index=along(n, axis_of(n, axis or 0), np.flatnonzero(condition)))


@composed("x", indices="condition")
def extract(condition: Any, x: Any) -> Any:
    """The numbers for which the condition holds, in one row.

    >>> extract(np.array([True, False]), np.array([1.0, 2.0]))
    array([1.])
    """
    return compress(np.ravel(condition), x)


@composed("x")
def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The slices along an axis, one by one: the reverse of `stack`.

    >>> unstack(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    (array([1., 3.]), array([2., 4.]))
    """
    x = array(x)
    n = len(shape_of(x))
    at = axis_of(n, axis)
    return tuple(getitem(x, index=along(n, at, i)) for i in range(shape_of(x)[at]))
