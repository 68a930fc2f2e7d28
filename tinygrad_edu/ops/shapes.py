"""Other shapes, repeated, joined: made of `reshape`, `transpose`, `broadcast_to`, `concatenate`.

NumPy's names and arguments. Nothing here has a derivative rule: each is what it is made of.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.ops.arrays import broadcast_to, concatenate, reshape, stack, transpose
from tinygrad_edu.ops.composed import along, array, axes_of, axis_of, composed, mistake
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.raw import shape as shape_of

# Other shapes, the same numbers ------------------------------------------------------------------


@composed("x")
def ravel(x: Any, order: str = "C") -> Any:
    """The numbers in one row, the last axis fastest; ``order="F"``: the first axis fastest.

    >>> ravel(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 2., 3., 4.])
    """
    x = array(x)
    if order not in ("C", "F", "A", "K"):
        raise mistake("an unknown order", '"C" or "F"')
    return reshape(transpose(x) if order == "F" else x, shape=(math.prod(shape_of(x)),))


flatten = ravel


@composed("x")
def squeeze(x: Any, axis: Any = None) -> Any:
    """Without the axes of length 1, or without the named ones, which must have length 1.

    >>> squeeze(np.ones((1, 3, 1))).shape
    (3,)
    """
    x = array(x)
    shape = shape_of(x)
    gone = tuple(i for i, n in enumerate(shape) if n == 1)
    gone = gone if axis is None else axes_of(len(shape), axis)
    for a in gone:
        if shape[a] != 1:
            hint = f"only axes of length 1 can go; x[{':, ' * a}0] takes the first along axis {a}"
            raise mistake(f"axis {a} has length {shape[a]}", hint)
    return reshape(x, shape=tuple(n for i, n in enumerate(shape) if i not in gone))


@composed("x")
def expand_dims(x: Any, axis: Any) -> Any:
    """With new axes of length 1, at these places of the result.

    >>> expand_dims(np.ones(3), 0).shape, expand_dims(2.0, (0, 1))
    ((1, 3), array([[2.]]))
    """
    x = array(x)
    shape = shape_of(x)
    several = axis if isinstance(axis, (tuple, list)) else (axis,)
    new = axes_of(len(shape) + len(several), several)
    old = iter(shape)
    total = len(shape) + len(several)
    return reshape(x, shape=tuple(1 if i in new else next(old) for i in range(total)))


@composed("x")
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> swapaxes(np.ones((2, 3, 4)), 0, -1).shape
    (4, 3, 2)
    """
    x = array(x)
    n = len(shape_of(x))
    order = [*range(n)]
    a, b = axis_of(n, axis1), axis_of(n, axis2)
    order[a], order[b] = b, a
    return transpose(x, axes=tuple(order))


@composed("x")
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places; the others keep their order.

    >>> moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = array(x)
    n = len(shape_of(x))
    here, there = axes_of(n, source), axes_of(n, destination)
    if len(here) != len(there):
        raise mistake(f"{len(here)} axes to {len(there)} places", "one place for each axis")
    order = [i for i in range(n) if i not in here]
    for place, a in sorted(zip(there, here, strict=True)):
        order.insert(place, a)
    return transpose(x, axes=tuple(order))


def _at_least(n: int, xs: tuple[Any, ...]) -> Any:
    found = []
    for x in map(array, xs):
        shape = shape_of(x)
        if n == 3 and len(shape) < 3:  # NumPy puts the new axes around the others
            shape = ((1, 1, 1), (1, *shape, 1), (*shape, 1))[len(shape)]
        found.append(reshape(x, shape=(1,) * (n - len(shape)) + shape))
    return found[0] if len(found) == 1 else tuple(found)


@composed("arrays")
def atleast_1d(*arrays: Any) -> Any:
    """Each with at least one axis; several come back as a tuple.

    >>> atleast_1d(3.0)
    array([3.])
    """
    return _at_least(1, arrays)


@composed("arrays")
def atleast_2d(*arrays: Any) -> Any:
    """Each with at least two axes, new ones in front.

    >>> atleast_2d(np.ones(3)).shape
    (1, 3)
    """
    return _at_least(2, arrays)


@composed("arrays")
def atleast_3d(*arrays: Any) -> Any:
    """Each with at least three axes, as NumPy puts them: (n,) → (1, n, 1), (m, n) → (m, n, 1).

    >>> atleast_3d(np.ones(3)).shape
    (1, 3, 1)
    """
    return _at_least(3, arrays)


# Repeated ----------------------------------------------------------------------------------------


@composed("arrays")
def broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
    """All of them in the shape that they broadcast to.

    >>> [x.shape for x in broadcast_arrays(np.ones(3), np.ones((2, 1)))]
    [(2, 3), (2, 3)]
    """
    xs = [array(x) for x in arrays]
    shape = np.broadcast_shapes(*map(shape_of, xs))
    return tuple(broadcast_to(x, shape=shape) for x in xs)


@composed("arrays")
def meshgrid(
    *arrays: Any, indexing: str = "xy", sparse: bool = False, copy: bool = True
) -> tuple[Any, ...]:
    """The coordinates of a grid from those of its axes; ``indexing="ij"``: the first axis first.

    ``sparse=True`` leaves them thin, to broadcast; ``copy`` changes nothing.

    >>> x, y = meshgrid(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0]))
    >>> x.shape, y[1]
    ((2, 3), array([20., 20., 20.]))
    """
    if indexing not in ("xy", "ij"):
        raise mistake("an unknown order of axes", '"xy" or "ij"')
    xs, places = [ravel(x) for x in arrays], [*range(len(arrays))]
    if indexing == "xy" and len(xs) > 1:
        places[:2] = [1, 0]
    thin = [
        reshape(x, shape=(1,) * p + shape_of(x) + (1,) * (len(xs) - 1 - p))
        for x, p in zip(xs, places, strict=True)
    ]
    return tuple(thin) if sparse else broadcast_arrays(*thin)


@composed("x")
def tile(x: Any, reps: Any) -> Any:
    """The whole array laid side by side, so many times along each axis.

    >>> tile(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2., 1., 2.],
           [1., 2., 1., 2.]])
    """
    x = array(x)
    counts = [operator.index(r) for r in (reps if np.iterable(reps) else (reps,))]
    n = max(len(counts), len(shape_of(x)))
    counts = [1] * (n - len(counts)) + counts
    shape = (1,) * (n - len(shape_of(x))) + shape_of(x)
    pairs = list(zip(counts, shape, strict=True))
    if any(c != 1 for c in counts):
        x = reshape(x, shape=tuple(m for _, size in pairs for m in (1, size)))
        x = broadcast_to(x, shape=tuple(m for pair in pairs for m in pair))
    return reshape(x, shape=tuple(c * size for c, size in pairs))


@composed("x")
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each number so often in a row: one count for all, or one for each place along the axis.

    >>> repeat(np.array([1.0, 2.0]), 2), repeat(np.array([1.0, 2.0]), [1, 3])
    (array([1., 1., 2., 2.]), array([1., 2., 2., 2.]))
    """
    x = ravel(x) if axis is None else array(x)
    shape = shape_of(x)
    at = axis_of(len(shape), 0 if axis is None else axis)
    if np.ndim(repeats):
        counts = [operator.index(r) for r in repeats]
        if len(counts) not in (1, shape[at]) or min(counts, default=0) < 0:
            hint = f"one count for all, or {shape[at]}: one for each place along axis {at}"
            raise mistake(f"{len(counts)} counts for {shape[at]} places", hint)
        places = np.repeat(np.arange(shape[at]), counts)
        return getitem(x, index=along(len(shape), at, places))
    count = operator.index(repeats)
    if count < 0:
        raise mistake("a negative count", "0 or more")
    before, after = shape[: at + 1], shape[at + 1 :]
    thin = x if count == 1 else reshape(x, shape=(*before, 1, *after))
    wide = x if count == 1 else broadcast_to(thin, shape=(*before, count, *after))
    return reshape(wide, shape=(*shape[:at], shape[at] * count, *after))


# Joined ------------------------------------------------------------------------------------------


@composed("arrays")
def hstack(arrays: Sequence[Any]) -> Any:
    """Joined side by side: along the second axis, or the only one.

    >>> hstack([np.ones((2, 1)), np.zeros((2, 2))]).shape
    (2, 3)
    """
    xs = [array(x) for x in arrays]
    if not any(map(shape_of, xs)):
        return stack(*xs)
    xs = [atleast_1d(x) for x in xs]
    return concatenate(*xs, axis=0 if len(shape_of(xs[0])) == 1 else 1)


@composed("arrays")
def vstack(arrays: Sequence[Any]) -> Any:
    """Joined one above the other; vectors become rows.

    >>> vstack([np.ones(3), np.zeros((2, 3))]).shape
    (3, 3)
    """
    return concatenate(*[atleast_2d(x) for x in arrays], axis=0)


@composed("arrays")
def dstack(arrays: Sequence[Any]) -> Any:
    """Joined one behind the other, along a third axis.

    >>> dstack([np.ones((2, 3)), np.zeros((2, 3))]).shape
    (2, 3, 2)
    """
    return concatenate(*[atleast_3d(x) for x in arrays], axis=2)


@composed("arrays")
def column_stack(arrays: Sequence[Any]) -> Any:
    """Vectors as the columns of a matrix; matrices are joined side by side.

    >>> column_stack([np.ones(3), np.zeros((3, 2))]).shape
    (3, 3)
    """
    xs = [atleast_1d(x) for x in arrays]
    return concatenate(*[expand_dims(x, 1) if len(shape_of(x)) == 1 else x for x in xs], axis=1)


@composed("x", "values")
def append(x: Any, values: Any, axis: int | None = None) -> Any:
    """The numbers of both in one row, or joined along an axis.

    >>> append(np.array([1.0, 2.0]), 3.0)
    array([1., 2., 3.])
    """
    pair = [array(x), array(values)]
    return concatenate(*(map(ravel, pair) if axis is None else pair), axis=axis or 0)
