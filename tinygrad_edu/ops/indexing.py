"""Taking parts of an array."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.define import general
from tinygrad_edu.engine import Value, describe
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.composed import composed, mistake
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.raw import operand
from tinygrad_edu.raw import shape as shape_of


class Hole(NamedTuple):
    """Stands in a recorded index for the operand with this number."""

    number: int


def index_parts(index: Any, first: int = 0) -> tuple[Any, list[Value]]:
    """An index that nobody can change any more, and the computed arrays it holds, as operands.

    A `Hole` stands in it for each of them, numbered from ``first``.
    """
    operands: list[Value] = []
    fixed: list[Any] = []
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, (Value, list, np.ndarray, float)):
            part = _index_array(part)
        if isinstance(part, Value):
            operands.append(part)
            part = Hole(first + len(operands) - 1)
        fixed.append(part)
    return (tuple(fixed) if isinstance(index, tuple) else fixed[0]), operands


def _index_array(part: Any) -> Any:
    """A copy of an array in an index, for the caller's may change later; it has whole numbers."""
    if not isinstance(part, Value):
        kept = np.asarray(part)
        if not kept.size and isinstance(part, list):
            return np.zeros(kept.shape, np.intp)
        if kept.dtype.kind in "iub":
            return operand(kept, plain=True)
    dtype = part.dtype if isinstance(part, Value) else kept.dtype
    if dtype.kind in "iub":
        return part
    what = describe(part) if isinstance(part, Value) else repr(part)
    hint = "int(i), i.astype(int), v.data.astype(int); x[mask] takes an array of bools"
    raise mistake(f"an index is of type {dtype}, and not whole: {what}", hint, IndexError)


def _takes_all(x: Any, index: Any) -> bool:
    """Whether an index of full slices, or none, gives back the whole array."""
    parts = index if isinstance(index, tuple) else (index,)
    lengths = iter(shape_of(x))
    for part in parts:
        if type(part) is slice:
            n = next(lengths, None)
            if n is None or (part != _FULL and range(n)[part] != range(n)):
                return False
        elif part is not Ellipsis or len(parts) > 1:
            return False
    return True


_FULL = slice(None)


@composed("x", "arrays", indices="index")
def _prepare_getitem(x: Any, *arrays: Any, index: Any) -> Any:
    if arrays:
        return {"index": index}
    kind = type(index)
    if kind is int:
        return {"index": index}
    if kind is slice or kind is tuple or index is Ellipsis:
        x = x if type(x) in (Value, np.ndarray, float) else np.asarray(x)
        if _takes_all(x, index):
            return x
    kept, operands = index_parts(index)
    return getitem(x, *operands, index=kept) if operands else {"index": kept}


def filled(index: Any, arrays: tuple[Any, ...]) -> Any:
    if isinstance(index, Hole):
        return arrays[index.number]
    if isinstance(index, tuple):
        return tuple(arrays[i.number] if isinstance(i, Hole) else i for i in index)
    return index


@general(
    vjp=[
        lambda g, out, x, *arrays, index: getitem_transpose(
            g, *arrays, index=index, shape=shape_of(x)
        )
    ],
    jvp=[lambda t, out, x, *arrays, index: getitem(t, *arrays, index=index)],
    kind="shape", symbol="[ ]", formula="x[index]", prepare=_prepare_getitem, code="{0}[{index}]",
    examples=examples.getitem, analytic=True,
    numpy="{0}[{index}]", torch="{0}[{index}]", jax="{0}[{index}]",
)  # fmt: skip
def getitem(*operands: Operand, index: Any) -> Any:
    """x[index], with every kind of NumPy index; numbers taken twice get both gradients."""
    x, *arrays = operands
    return np.asarray(x)[filled(index, tuple(arrays))]


@general(
    vjp=[lambda g, out, x, *arrays, index, shape: getitem(g, *arrays, index=index)],
    jvp=[
        lambda t, out, x, *arrays, index, shape: getitem_transpose(
            t, *arrays, index=index, shape=shape
        )
    ],
    kind="shape", symbol="[ ]ᵀ", formula="0 with x added at index", code=source.GETITEM_TRANSPOSE,
    examples=examples.getitem_transpose, analytic=True,
    torch="", jax="jnp.zeros({shape}).at[{index}].add({0})",
)  # fmt: skip
def getitem_transpose(*operands: Operand, index: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with x added at the index: the transpose of `getitem`."""
    x, *arrays = operands
    out = np.zeros(shape, dtype=getattr(x, "dtype", np.float64))
    add_into(out, filled(index, tuple(arrays)), x)
    return out


MANY = 500  # numbers from which it pays to work out their places first


def add_into(out: np.ndarray, index: Any, x: Any) -> None:
    """``np.add.at(out, index, x)``, bit for bit, and faster where the index allows."""
    parts = index if isinstance(index, tuple) else (index,)
    try:
        if not any(_may_repeat(p) for p in parts):
            out[index] += x
            return
        places = _places(parts, out.shape) if np.size(x) >= MANY else None
        if places is None or places.size != np.size(x):
            np.add.at(out, index, x)
        else:
            np.add.at(out.reshape(-1), places.reshape(-1), np.reshape(x, -1))
    except ValueError:
        there = f"the index has places of shape {out[index].shape}"
        raise mistake(f"shape {np.shape(x)} does not fit: {there}") from None


def _may_repeat(part: Any) -> bool:
    """Slices, whole numbers and masks take no place twice; arrays of whole numbers may."""
    return isinstance(part, (np.ndarray, list)) and np.asarray(part).dtype != bool


def _places(parts: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray | None:
    """Where in the flat array each number goes, for arrays side by side in an index of slices."""
    arrays = [i for i, p in enumerate(parts) if type(p) is not slice]
    first, end = arrays[0], arrays[-1] + 1
    sliced = [p for p in parts if type(p) is slice]
    odd = any(isinstance(p, bool) or np.asarray(p).dtype.kind not in "iu" for p in parts[first:end])
    if len(arrays) != end - first or any(s != _FULL for s in sliced) or odd:
        return None
    sizes = shape[first:end]
    numbers = [np.asarray(p) for p in parts[first:end]]
    numbers = [np.where(p < 0, p + n, p) for p, n in zip(numbers, sizes, strict=True)]
    if any(p.size and not 0 <= p.min() <= p.max() < n for p, n in zip(numbers, sizes, strict=True)):
        return None  # `numpy.add.at` says what is out of bounds
    middle = np.ravel_multi_index(tuple(np.broadcast_arrays(*numbers)), sizes)
    inner = math.prod(shape[end:])
    outer = np.arange(math.prod(shape[:first])) * (math.prod(sizes) * inner)
    return outer[:, None, None] + np.reshape(middle, (-1, 1)) * inner + np.arange(inner)
