"""Numbers taken by index and put by index, without changing the array they come from.

NumPy writes ``x[index] = values`` into the array; a recorded number does not change, so here the
result is a new array: `set_at` and `add_at` (``x.at[index].set(values)`` in JAX, ``index_put`` in
PyTorch).
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.define import general
from tinygrad_edu.engine import Value
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.arrays import astype, reshape
from tinygrad_edu.ops.composed import along, array, axis_of, composed, mistake, whole
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand, equal, where
from tinygrad_edu.ops.indexing import Hole, filled, getitem, getitem_transpose, index_parts
from tinygrad_edu.ops.plain import detach
from tinygrad_edu.ops.shapes import ravel
from tinygrad_edu.raw import shape as shape_of


def _gradient_of_values(g: Any, out: Any, x: Any, values: Any, *arrays: Any, index: Any) -> Any:
    """What was put and not overwritten by a later number at the same place."""
    part = getitem(g, *arrays, index=_shifted(index))
    if any(isinstance(p, np.ndarray) for p in _parts(index)) or arrays:
        order = np.arange(float(np.size(getattr(part, "_data", part)))).reshape(shape_of(part))
        last = setitem(np.zeros(shape_of(x)), order, *arrays, index=index)
        part = where(equal(getitem(last, *arrays, index=_shifted(index)), order), part, 0.0)
    extra = len(shape_of(values)) - len(shape_of(part))
    return reshape(part, shape=(1,) * extra + shape_of(part)) if extra > 0 else part


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) and not isinstance(index, Hole) else (index,)


def _shifted(index: Any) -> Any:
    """The index as `getitem` numbers its arrays, which has one operand less before them."""
    holes = [Hole(p.number - 1) if isinstance(p, Hole) else p for p in _parts(index)]
    return tuple(holes) if isinstance(index, tuple) and not isinstance(index, Hole) else holes[0]


def _prepare_setitem(x: Any, values: Any, *arrays: Any, index: Any) -> Any:
    if arrays:
        return {"index": index}
    kept, operands = index_parts(index, first=1)
    return setitem(x, values, *operands, index=kept) if operands else {"index": kept}


_TWICE = (
    Convention(
        "a place set twice: the last number, and its gradient alone",
        "d(lambda v: tg.sum(tg.set_at(np.zeros(1), [0, 0], v)))(np.ones(2)).tolist()",
        "[0.0, 1.0]",
        "D(lambda v: torch.zeros(1).index_put((t([0, 0]),), v).sum())(torch.ones(2)).tolist()",
        "[1.0, 1.0]",
    ),
)


@general(
    vjp=[
        lambda g, out, x, values, *arrays, index: setitem(g, 0.0, *arrays, index=index),
        _gradient_of_values,
    ],
    jvp=[
        lambda t, out, x, values, *arrays, index: setitem(t, 0.0, *arrays, index=index),
        lambda t, out, x, values, *arrays, index: setitem(
            np.zeros(shape_of(x), getattr(out, "dtype", np.float64)), t, *arrays, index=index
        ),
    ],
    kind="shape", symbol="[ ]=", formula="x with values at index", prepare=_prepare_setitem,
    code=source.SETITEM, examples=examples.setitem, numpy="", torch="", analytic=True,
    conventions=_TWICE,
    jax="jnp.asarray({0}).at[{index}].set({1})",
)  # fmt: skip
def setitem(*operands: Operand, index: Any) -> Any:
    """x with values at the index; where a place is named twice the last one stays."""
    x, values, *arrays = operands
    out = np.array(x, dtype=np.result_type(x, values))
    out[filled(index, (None, *arrays))] = values
    return out


@composed("x", "values", indices="index")
def set_at(x: Any, index: Any, values: Any) -> Any:
    """A copy of x in which ``x[index]`` is ``values``: every index of NumPy, and broadcasting.

    Where a place is named twice the last number stays, as in NumPy, and only that one has a
    gradient.

    >>> set_at(np.zeros(3), 1, 5.0), set_at(np.zeros(3), [0, 0], np.array([1.0, 2.0]))
    (array([0., 5., 0.]), array([2., 0., 0.]))
    """
    return setitem(array(x), array(values), index=index)


@composed("x", "values", indices="index")
def add_at(x: Any, index: Any, values: Any) -> Any:
    """A copy of x with ``values`` added at ``index``; a place named twice gets both.

    >>> add_at(np.zeros(3), [0, 0, 2], np.array([1.0, 2.0, 3.0]))
    array([3., 0., 3.])
    """
    x, values = array(x), array(values)
    kept, arrays = index_parts(index)
    added = getitem_transpose(values, *arrays, index=kept, shape=shape_of(x))
    if not shape_of(values) and isinstance(x, (Value, np.ndarray)):
        added = astype(added, dtype=x.dtype)  # a scalar is weak: it takes the type of the array
    return x + added


# Along an axis -----------------------------------------------------------------------------------


@composed("x", indices="indices")
def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The slices with these numbers along an axis, or the numbers of x in a row.

    ``mode``: an index out of bounds is an error ("raise"), counted round ("wrap") or held at the
    ends ("clip").

    >>> take(np.array([10.0, 20.0, 30.0]), [2, 0, 0])
    array([30., 10., 10.])
    """
    x, indices = ravel(x) if axis is None else array(x), whole(indices)
    at = axis_of(len(shape_of(x)), 0 if axis is None else axis)
    size = shape_of(x)[at]
    if mode != "raise":
        if mode not in ("wrap", "clip") or isinstance(indices, Value):
            raise mistake("an unknown mode", '"raise"; "wrap" or "clip" for plain indices')
        indices = np.mod(indices, size) if mode == "wrap" else np.clip(indices, 0, size - 1)
    return getitem(x, index=along(len(shape_of(x)), at, indices))


def _grid(shape: tuple[int, ...], axis: int, indices: Any) -> tuple[Any, ...]:
    """The index with ``indices`` at the axis and each place itself along the others."""
    n = len(shape)
    return tuple(
        indices if i == axis else np.arange(shape[i]).reshape((-1,) + (1,) * (n - 1 - i))
        for i in range(n)
    )


def _aligned(x: Any, indices: Any, axis: Any) -> tuple[Any, Any, int]:
    x, indices = array(x), whole(indices)
    n, m = len(shape_of(x)), len(np.shape(getattr(indices, "_data", indices)))
    if n != m:
        raise mistake(f"indices of {m} axes for an array of {n}", "as many axes as the array has")
    return x, indices, axis_of(n, axis)


@composed("x", indices="indices")
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """From each row along the axis the numbers with the indices of that row, as after `argsort`.

    >>> take_along_axis(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]]), axis=1)
    array([[2.],
           [3.]])
    """
    x = ravel(x) if axis is None else x
    x, indices, at = _aligned(x, indices, 0 if axis is None else axis)
    return getitem(x, index=_grid(shape_of(x), at, indices))


@composed("x", "values", indices="indices")
def put_along_axis(x: Any, indices: Any, values: Any, axis: int | None) -> Any:
    """A copy of x with ``values`` where `take_along_axis` would take them.

    >>> put_along_axis(np.zeros((2, 2)), np.array([[1], [0]]), 5.0, axis=1)
    array([[0., 5.],
           [5., 0.]])
    """
    if axis is None:
        return reshape(put_along_axis(ravel(x), indices, values, 0), shape=shape_of(array(x)))
    x, indices, at = _aligned(x, indices, axis)
    return set_at(x, _grid(shape_of(x), at, indices), values)


def _torch_grid(x: Any, index: Any, axis: int) -> tuple[Any, tuple[Any, ...]]:
    x, index, at = _aligned(x, index, axis)
    shape = shape_of(index)
    wrong = [i for i, n in enumerate(shape) if i != at and n > shape_of(x)[i]]
    if wrong:
        what = f"index of shape {shape} is longer than x of shape {shape_of(x)} along {wrong[0]}"
        raise mistake(what, f"it may be longer along axis {at} only")
    return x, _grid(shape, at, index)


@composed("x", indices="index")
def gather(x: Any, axis: int, index: Any) -> Any:
    """PyTorch's gather: ``out[i, j] = x[index[i, j], j]`` for axis 0, with the shape of ``index``.

    >>> gather(np.array([[1.0, 2.0], [3.0, 4.0]]), 0, np.array([[1, 0]]))
    array([[3., 2.]])
    """
    x, grid = _torch_grid(x, index, axis)
    return getitem(x, index=grid)


@composed("x", "src", indices="index")
def scatter(x: Any, axis: int, index: Any, src: Any) -> Any:
    """A copy of x with the numbers of ``src`` where `gather` would take them.

    >>> scatter(np.zeros((2, 2)), 0, np.array([[1, 0]]), np.array([[5.0, 6.0]]))
    array([[0., 6.],
           [5., 0.]])
    """
    x, grid = _torch_grid(x, index, axis)
    return set_at(x, grid, _cut(src, np.broadcast_shapes(*[np.shape(_raw(p)) for p in grid])))


@composed("x", "src", indices="index")
def scatter_add(x: Any, axis: int, index: Any, src: Any) -> Any:
    """A copy of x with ``src`` added where `gather` would take; a place named twice gets both.

    >>> scatter_add(np.zeros((2, 2)), 0, np.array([[1, 0], [1, 0]]), np.ones((2, 2)))
    array([[0., 2.],
           [2., 0.]])
    """
    x, grid = _torch_grid(x, index, axis)
    return add_at(x, grid, _cut(src, np.broadcast_shapes(*[np.shape(_raw(p)) for p in grid])))


def _raw(x: Any) -> Any:
    return x._data if isinstance(x, Value) else x


def _cut(src: Any, shape: tuple[int, ...]) -> Any:
    """As much of ``src`` as the index has places, as PyTorch allows."""
    src = array(src)
    if not shape_of(src) or len(shape_of(src)) != len(shape):
        return src
    return getitem(src, index=tuple(slice(n) for n in shape))


@composed("x", "source", indices="index")
def index_add(x: Any, axis: int, index: Any, source: Any, alpha: float = 1.0) -> Any:
    """A copy of x with ``alpha`` times the slices of ``source`` added to those with these numbers.

    >>> index_add(np.zeros(3), 0, [0, 0, 2], np.array([1.0, 2.0, 3.0]))
    array([3., 0., 3.])
    """
    x, index, source = array(x), whole(index), array(source)
    at = axis_of(len(shape_of(x)), axis)
    part = source if alpha == 1.0 else source * alpha
    return add_at(x, along(len(shape_of(x)), at, index), part)


@composed("x", "value", indices="mask")
def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """x with ``value`` wherever the mask holds; what is covered has gradient exactly 0.

    >>> masked_fill(np.array([1.0, 2.0]), np.array([True, False]), -np.inf)
    array([-inf,   2.])
    """
    x, mask, value = array(x), whole(mask), array(value)
    flags = np.shape(_raw(mask))
    if np.asarray(_raw(mask)).dtype != bool:
        raise mistake("the mask is not made of bools", "x > 0, or mask.astype(bool)", TypeError)
    if np.broadcast_shapes(flags, shape_of(value), shape_of(x)) != shape_of(x):
        raise mistake(f"a mask of shape {flags} for x of shape {shape_of(x)}", "it must broadcast")
    return where(mask, value, x)


# Classes -----------------------------------------------------------------------------------------


@composed("weight", indices="indices")
def embedding(indices: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """The row of ``weight`` for each index: what a network has learnt of each word or class.

    The row ``padding_idx`` stands for "nothing here" and gets no gradient.

    >>> embedding([2, 0], np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    array([[3., 3.],
           [1., 1.]])
    """
    indices, weight = whole(indices), array(weight)
    if not shape_of(weight):
        raise mistake("weight has no rows", "weight: (how many, width)")
    _within(indices, shape_of(weight)[0], "rows")
    rows = getitem(weight, index=indices if np.ndim(_raw(indices)) else (indices,))
    if padding_idx is None:
        return rows
    pad = axis_of(shape_of(weight)[0], padding_idx)
    nothing = equal(indices, float(pad))
    wide = reshape(nothing, shape=np.shape(_raw(nothing)) + (1,) * (len(shape_of(weight)) - 1))
    return where(wide, detach(rows), rows)


def _within(indices: Any, size: int, what: str) -> None:
    """Indices between 0 and the size; unknown while a program is recorded."""
    if isinstance(indices, Value) or not np.size(indices):
        return
    low, high = int(np.min(indices)), int(np.max(indices))
    if low < 0 or high >= size:
        wrong = low if low < 0 else high
        hint = f"they count from 0 to {size - 1}"
        raise mistake(f"index {wrong} is out of bounds for {size} {what}", hint, IndexError)


@composed(indices="labels")
def one_hot(labels: Any, num_classes: int = -1, dtype: Any = np.float64) -> Any:
    """A row per label with 1 at the label's place and 0 elsewhere; plain numbers.

    ``num_classes=-1``: as many as the largest label needs. ``dtype=np.float32`` beside such data.

    >>> one_hot([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels, count = whole(labels), operator.index(num_classes)
    if count < 0:
        if isinstance(labels, Value):
            what = "the number of classes would be that of the recorded labels"
            raise mistake(what, "tg.one_hot(labels, num_classes=10)")
        count = int(np.max(labels, initial=-1)) + 1
    _within(labels, count, "classes")
    wide = (*np.shape(_raw(labels)), 1)
    column = reshape(labels, shape=wide) if isinstance(labels, Value) else np.reshape(labels, wide)
    return astype(where(equal(column, np.arange(float(count))), 1.0, 0.0), dtype=dtype)
