"""Orders: sorted numbers, the largest few, the k-th; and questions that have plain answers.

The order is an instruction of its own (`argsort`), so a recorded program sorts other data anew.
Where numbers are equal, each keeps its own place and its own gradient: the order is stable.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.define import plain
from tinygrad_edu.engine import Value
from tinygrad_edu.ops import examples
from tinygrad_edu.ops.arrays import reshape
from tinygrad_edu.ops.composed import along, array, axis_of, composed, mistake
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.ops.gathering import take_along_axis
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.ops.plain import argsort
from tinygrad_edu.ops.shapes import ravel, squeeze
from tinygrad_edu.raw import shape as shape_of


@composed("x")
def sort(
    x: Any,
    axis: int | None = -1,
    kind: str | None = None,
    descending: bool = False,
    stable: bool | None = None,
) -> Any:
    """The numbers in ascending order along the axis, or all in one row; NaN comes last.

    Always stable, whatever ``kind`` says: each number's gradient goes back to its own place.

    >>> sort(np.array([3.0, 1.0, 2.0]))
    array([1., 2., 3.])
    """
    x = ravel(x) if axis is None else array(x)
    at = axis_of(len(shape_of(x)), 0 if axis is None else axis)
    return take_along_axis(x, argsort(x, axis=at, descending=bool(descending)), at)


def _chosen(x: Any, axis: int, places: slice, descending: bool) -> tuple[Any, Any]:
    """The numbers at these places of the sorted order, and where they are."""
    order = argsort(x, axis=axis, descending=descending)
    index = along(len(shape_of(x)), axis, places)
    where = getitem(order, index=index) if isinstance(order, Value) else order[index]
    return take_along_axis(x, where, axis), where


@composed("x")
def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> tuple[Any, Any]:
    """The k largest numbers along the axis, the largest first, and their plain positions.

    Of equal numbers the earlier comes first. NaN counts as the largest, so that it is seen.

    >>> topk(np.array([3.0, 1.0, 2.0]), 2)
    (array([3., 2.]), array([0, 2]))
    """
    x = array(x)
    at = axis_of(len(shape_of(x)), axis)
    count, size = operator.index(k), shape_of(x)[at]
    if not 0 <= count <= size:
        raise mistake(f"{count} of {size} numbers along axis {at}", f"k is 0 to {size}")
    return _chosen(x, at, slice(count), bool(largest))


@composed("x")
def kthvalue(x: Any, k: int, axis: int = -1, keepdims: bool = False) -> tuple[Any, Any]:
    """The k-th smallest number along the axis, counted from 1, and its plain position.

    >>> kthvalue(np.array([3.0, 1.0, 2.0]), 2)
    (2.0, 2)
    """
    x = array(x)
    at = axis_of(len(shape_of(x)), axis)
    count, size = operator.index(k), shape_of(x)[at]
    if not 1 <= count <= size:
        raise mistake(f"number {count} of {size} along axis {at}", f"k is 1 to {size}")
    value, where = _chosen(x, at, slice(count - 1, count), False)
    if keepdims:
        return value, where
    if isinstance(where, Value):
        shape = shape_of(where)
        return squeeze(value, at), reshape(where, shape=shape[:at] + shape[at + 1 :])
    plain = np.squeeze(where, at)
    return squeeze(value, at), plain if plain.ndim else plain.item()


@plain(
    formula="where x fits into sorted a", examples=examples.searchsorted, torch="",
    code="np.searchsorted({0}, {1}, side={side})",
)  # fmt: skip
def searchsorted(a: Operand, v: Operand, side: str = "left") -> Any:
    """The places at which numbers would keep a sorted vector sorted, as plain integers."""
    return np.searchsorted(a, v, side=side)  # type: ignore[call-overload]


def _numbers(x: Any, name: str) -> Any:
    """The plain numbers; while a program is recorded their count would be frozen, so none."""
    return x._readable(f"tg.{name}") if isinstance(x, Value) else array(x)


@composed("x")
def nonzero(x: Any) -> tuple[Any, ...]:
    """The plain indices of the numbers that are not 0, one array per axis.

    >>> nonzero(np.array([0.0, 3.0, 4.0]))
    (array([1, 2]),)
    """
    return tuple(np.nonzero(_numbers(x, "nonzero")))


@composed("x")
def unique(
    x: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    equal_nan: bool = True,
) -> Any:
    """The different numbers in ascending order, plain; with `numpy.unique`'s options and extras.

    >>> unique(np.array([2.0, 1.0, 2.0]))
    array([1., 2.])
    """
    extras: Any = (return_index, return_inverse, return_counts, axis)
    return np.unique(_numbers(x, "unique"), *extras, equal_nan=equal_nan)
