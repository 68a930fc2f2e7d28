"""Numbers put elsewhere: turned, rolled, padded, taken along diagonals and in windows.

All but the windows are made of slices, joints and `where`; none computes anything.
"""

from __future__ import annotations

import operator
from itertools import product
from typing import Any

import numpy as np

from tinygrad_edu.define import linear
from tinygrad_edu.engine import Value
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.arrays import concatenate, reshape, transpose
from tinygrad_edu.ops.composed import along, array, axes_of, axis_of, composed, mistake
from tinygrad_edu.ops.elementwise import Operand, add_n, where
from tinygrad_edu.ops.gathering import setitem
from tinygrad_edu.ops.indexing import getitem, getitem_transpose
from tinygrad_edu.ops.shapes import moveaxis, ravel
from tinygrad_edu.raw import shape as shape_of

# Turned ------------------------------------------------------------------------------------------


@composed("x")
def flip(x: Any, axis: Any = None) -> Any:
    """In reverse order along the axes, or along all.

    >>> flip(np.array([[1.0, 2.0], [3.0, 4.0]]), 1)
    array([[2., 1.],
           [4., 3.]])
    """
    x = array(x)
    n = len(shape_of(x))
    turned = range(n) if axis is None else axes_of(n, axis)
    return getitem(x, index=tuple(slice(None, None, -1 if i in turned else 1) for i in range(n)))


@composed("x")
def fliplr(x: Any) -> Any:
    """Left becomes right: in reverse order along the second axis.

    >>> fliplr(np.array([[1.0, 2.0]]))
    array([[2., 1.]])
    """
    return flip(x, 1)


@composed("x")
def flipud(x: Any) -> Any:
    """Up becomes down: in reverse order along the first axis.

    >>> flipud(np.array([1.0, 2.0]))
    array([2., 1.])
    """
    return flip(x, 0)


@composed("x")
def rot90(x: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by k right angles in the plane of two axes, from the first to the second.

    >>> rot90(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[2., 4.],
           [1., 3.]])
    """
    x = array(x)
    a, b = axes_of(len(shape_of(x)), axes)
    turns = operator.index(k) % 4
    if turns == 2:
        return flip(x, (a, b))
    order = [*range(len(shape_of(x)))]
    order[a], order[b] = b, a
    if turns == 1:
        return transpose(flip(x, b), axes=tuple(order))
    return flip(transpose(x, axes=tuple(order)), b) if turns else x


@composed("x")
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Moved by ``shift`` places along the axes; what leaves at one end comes in at the other.

    >>> roll(np.array([1.0, 2.0, 3.0]), 1)
    array([3., 1., 2.])
    """
    x = array(x)
    shape = shape_of(x)
    if axis is None:
        row = ravel(x)
        rolled = roll(row, shift, 0)
        return x if rolled is row else reshape(rolled, shape=shape)
    axes = [axis_of(len(shape), a) for a in (axis if np.iterable(axis) else (axis,))]
    shifts = [operator.index(s) for s in (shift if np.iterable(shift) else (shift,))]
    pairs = [(int(s), int(a)) for s, a in np.broadcast(np.array(shifts), np.array(axes))]
    for a in dict.fromkeys(axes):
        start = -sum(s for s, at in pairs if at == a) % (shape[a] or 1)
        if start:
            ends = (slice(start, None), slice(start))
            x = concatenate(*[getitem(x, index=along(len(shape), a, e)) for e in ends], axis=a)
    return x


# Padded ------------------------------------------------------------------------------------------

_BY_PLACE = ("edge", "reflect", "symmetric", "wrap")


@composed("x")
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0.0) -> Any:
    """With more numbers around: ``pad_width`` is a count, (before, after), or that for each axis.

    They are ``constant_values`` (given like ``pad_width``), or numbers of x itself: its ``"edge"``,
    its mirror image without (``"reflect"``) or with the edge (``"symmetric"``), or its other end
    (``"wrap"``). A number taken twice gets both gradients.

    >>> pad(np.array([1.0, 2.0, 3.0]), (1, 2)), pad(np.array([1.0, 2.0, 3.0]), 2, mode="reflect")
    (array([0., 1., 2., 3., 0., 0.]), array([3., 2., 1., 2., 3., 2., 1.]))
    """
    x = array(x)
    shape = shape_of(x)
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu" or (given.size and given.min() < 0):
        raise mistake("a width is negative or not whole", "0 or more; x[1:-1] cuts off")
    try:
        widths = np.broadcast_to(given, (len(shape), 2)).tolist()
    except ValueError:
        hint = f"a count, (before, after), or a list of pairs, one for each of {len(shape)} axes"
        raise mistake(f"widths of shape {given.shape} for {len(shape)} axes", hint) from None
    if not np.any(widths):
        return x
    if mode == "constant":
        return _framed(x, shape, widths, constant_values)
    if mode not in _BY_PLACE:
        hint = f"one of {', '.join(map(repr, ('constant', *_BY_PLACE)))}"
        raise mistake(f"mode {mode!r} is not known here", hint)
    for axis, (before, after) in enumerate(widths):
        if before or after:
            if not shape[axis]:
                raise mistake(f"axis {axis} is empty: nothing to take from", 'mode="constant"')
            line = np.arange(shape[axis])
            places = np.pad(line, (before, after), mode=mode)  # type: ignore[call-overload]
            x = getitem(x, index=along(len(shape), axis, places))
    return x


def _framed(x: Any, shape: tuple[int, ...], widths: Any, constants: Any) -> Any:
    index = tuple(slice(b, b + n) for n, (b, _) in zip(shape, widths, strict=True))
    dtype = np.float64 if type(x) is float else x.dtype
    frame = np.pad(np.zeros(shape, dtype), widths, constant_values=constants)
    if not frame.any():
        return getitem_transpose(x, index=index, shape=frame.shape)
    return setitem(frame, x, index=index)


# Triangles and diagonals -------------------------------------------------------------------------


def _matrix(x: Any) -> tuple[Any, int, int]:
    x = array(x)
    if not shape_of(x):
        raise mistake("a scalar has no triangle", "one axis or more is needed")
    rows, columns = shape_of(x)[-2:] if len(shape_of(x)) > 1 else shape_of(x) * 2
    return x, rows, columns


@composed("x")
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of the last two axes, 0 above the k-th diagonal.

    >>> tril(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 0.],
           [3., 4.]])
    """
    x, rows, columns = _matrix(x)
    return where(np.tri(rows, columns, k=operator.index(k), dtype=bool), x, 0.0)


@composed("x")
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of the last two axes, 0 below the k-th diagonal.

    >>> triu(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [0., 4.]])
    """
    x, rows, columns = _matrix(x)
    return where(np.tri(rows, columns, k=operator.index(k) - 1, dtype=bool), 0.0, x)


@composed("x")
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The numbers on a diagonal of two axes, as the last axis; ``offset`` > 0: above the main one.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]])), diagonal(np.ones((2, 3, 4)), 1).shape
    (array([1., 4.]), (4, 2))
    """
    x = array(x)
    n = len(shape_of(x))
    if n < 2:
        raise mistake("a diagonal needs two axes", "tg.diag(x) makes a matrix of a vector")
    axes_of(n, (axis1, axis2))
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(x)[-2:]
    first, k = max(0, -operator.index(offset)), operator.index(offset)
    i = np.arange(first, max(first, min(rows, columns - k)))
    return getitem(x, index=(*[slice(None)] * (n - 2), i, i + k))


@composed("x")
def diag(x: Any, k: int = 0) -> Any:
    """The k-th diagonal of a matrix, or the matrix with this diagonal and 0 elsewhere.

    >>> diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    x = array(x)
    if len(shape_of(x)) == 2:
        return diagonal(x, k)
    if len(shape_of(x)) != 1:
        raise mistake(f"{len(shape_of(x))} axes", "a vector or a matrix; tg.diagonal takes stacks")
    size, k = shape_of(x)[0], operator.index(k)
    i = np.arange(size)
    index = (i + max(0, -k), i + max(0, k))
    return getitem_transpose(x, index=index, shape=(size + abs(k),) * 2)


@composed("x")
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with all numbers of x, in a row, as its k-th diagonal.

    >>> diagflat(np.array([[1.0, 2.0]]), 1).shape
    (3, 3)
    """
    return diag(ravel(x), k)


# Windows -----------------------------------------------------------------------------------------


@composed("x")
def _prepare_sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Any:
    lengths = window_shape if np.iterable(window_shape) else (window_shape,)
    lengths = tuple(operator.index(n) for n in lengths)
    shape = shape_of(array(x))
    named = range(len(shape)) if axis is None else axis if np.iterable(axis) else (axis,)
    axes = tuple(axis_of(len(shape), a) for a in named)
    if len(lengths) != len(axes):
        hint = "one length for each axis: window_shape=(2, 3), or name them: axis=-1"
        raise mistake(f"{len(lengths)} lengths for {len(axes)} axes", hint)
    for length, a in zip(lengths, axes, strict=True):
        if not 0 <= length <= shape[a]:
            hint = f"a window of 0 to {shape[a]} numbers fits along axis {a}"
            raise mistake(f"a window of {length} numbers is larger than the {shape[a]}", hint)
    return {"window_shape": lengths, "axis": axes}


def _windows_added(g: Any, x: Any, window_shape: Any, axis: Any) -> Any:
    """Each number gets the gradients of all windows that hold it: one slice per place in them."""
    shape, count = shape_of(x), len(shape_of(x))
    total = np.zeros(shape, getattr(g, "dtype", np.float64))
    parts = []
    for offset in product(*map(range, window_shape)):
        starts = [0] * count
        for a, o in zip(axis, offset, strict=True):
            starts[a] += o
        lengths = shape_of(g)[:count]
        index = tuple(slice(s, s + n) for s, n in zip(starts, lengths, strict=True))
        part = getitem(g, index=(*[slice(None)] * count, *offset))
        if isinstance(g, Value):
            parts.append(getitem_transpose(part, index=index, shape=shape))
        else:
            total[index] += part
    return add_n(*parts) if parts else total


@linear(
    _windows_added, kind="shape", formula="x[i : i + n] for every i",
    prepare=_prepare_sliding_window_view, code=source.WINDOWS, examples=examples.windows,
    numpy="np.lib.stride_tricks.sliding_window_view({0}, {window_shape}, axis={axis})", torch="",
    jax="",
)  # fmt: skip
def sliding_window_view(x: Operand, /, window_shape: Any, axis: Any = None) -> Any:
    """All windows of a shape, without a copy: their places first, then what is in them."""
    return np.lib.stride_tricks.sliding_window_view(x, window_shape, axis=axis)


@composed("x")
def unfold(x: Any, axis: int, size: int, step: int = 1) -> Any:
    """The windows of one length along one axis, ``step`` apart; PyTorch's ``Tensor.unfold``.

    >>> unfold(np.arange(5.0), 0, 3, step=2)
    array([[0., 1., 2.],
           [2., 3., 4.]])
    """
    x = array(x)
    at = axis_of(len(shape_of(x)), axis)
    if operator.index(step) < 1:
        raise mistake("no step forward", "1 or more")
    windows = sliding_window_view(x, (operator.index(size),), (at,))
    return getitem(windows, index=along(len(shape_of(x)), at, slice(None, None, step)))
