"""The shapes of arrays: other shapes, other orders of axes, other types, joined.

Most are linear: the derivative of the map is the map, and its transpose is all there is to say.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinygrad_edu import raw
from tinygrad_edu.define import linear
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.composed import axes_of, composed, mistake
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.raw import shape as shape_of


def _unnested(args: Any) -> Any:
    """(3, 2) and ((3, 2),) mean the same, as in ``v.reshape(3, 2)`` and ``v.reshape((3, 2))``."""
    single = isinstance(args, tuple) and len(args) == 1 and not isinstance(args[0], int)
    return args[0] if single else args


def _lengths(shape: Any) -> tuple[int, ...]:
    """A shape as plain whole numbers; a single one stands for one axis."""
    return tuple([operator.index(n) for n in (shape if np.iterable(shape) else (shape,))])


def _typed(x: Any) -> Any:
    """A scalar as an array of the type it came from, where that is not float64."""
    weak = not isinstance(x, Value) or x.shape or x._dtype in (None, np.float64)
    return None if weak else stack(x, axis=0)


@composed("x")
def _prepare_reshape(x: Any, shape: Any, order: str = "C") -> Any:
    shape = _lengths(_unnested(shape))
    if order == "F":  # the first axis fastest: everything in reverse
        return transpose(reshape(transpose(x), shape=shape[::-1]))
    if order not in ("C", "A"):
        raise mistake("an unknown order", '"C" or "F"')
    have = np.shape(x) if not isinstance(x, Value) else x.shape
    count, rest = math.prod(have), math.prod(n for n in shape if n != -1)
    if -1 in shape and shape.count(-1) == 1 and rest and count % rest == 0:
        shape, rest = tuple(count // rest if n == -1 else n for n in shape), count
    if rest != count or min(shape, default=0) < 0:
        hint = f"{count} numbers; one length may be -1 where the others divide that"
        raise mistake(f"cannot reshape {have} into {shape}", hint)
    if shape == have:
        return x
    narrow = _typed(x) if shape else None
    return {"shape": shape} if narrow is None else reshape(narrow, shape=shape)


@linear(
    lambda g, x, shape: reshape(g, shape=shape_of(x)),
    kind="shape", formula="x in another shape", prepare=_prepare_reshape,
    code="np.reshape({0}, {shape})",
    examples=examples.reshape, torch="torch.reshape({0}, {shape})",
)  # fmt: skip
def reshape(x: Operand, /, shape: Any, order: str = "C") -> Any:
    """The same numbers in another shape; one length may be -1, to be worked out.

    The last axis is read fastest, or with ``order="F"`` the first.
    """
    return np.reshape(x, shape)


@composed("x")
def _prepare_transpose(x: Any, axes: Any = None) -> Any:
    n = x.ndim if isinstance(x, Value) else np.ndim(x)
    order = tuple(range(n))[::-1] if axes is None else axes_of(n, _unnested(axes))
    if len(order) != n:
        hint = "name every axis once; tg.swapaxes and tg.moveaxis move single ones"
        raise mistake(f"{len(order)} axes for an array of {n}", hint)
    return x if order == tuple(range(n)) else {"axes": order}


@linear(
    lambda g, x, axes: transpose(g, tuple(int(a) for a in np.argsort(axes))),
    kind="shape", symbol="ᵀ", formula="xᵀ", prepare=_prepare_transpose,
    code="np.transpose({0}, {axes})",
    examples=examples.transpose, torch="torch.permute({0}, {axes})",
)  # fmt: skip
def transpose(x: Operand, axes: Any = None) -> Any:
    """The axes in another order; reversed without ``axes``."""
    return np.transpose(x, axes)


@composed("x")
def _prepare_broadcast_to(x: Any, shape: Any) -> Any:
    shape = _lengths(shape)
    have = x.shape if isinstance(x, Value) else np.shape(x)
    if shape == have:
        return x
    lead = len(shape) - len(have)
    if lead < 0 or any(n not in (1, m) for n, m in zip(have, shape[lead:], strict=True)):
        hint = "shapes are matched from the right, and only axes of length 1 are repeated"
        raise mistake(f"shape {have} does not broadcast to {shape}", hint)
    narrow = _typed(x) if shape else None
    return {"shape": shape} if narrow is None else broadcast_to(narrow, shape=shape)


def _prepare_sum_to(x: Any, shape: Any) -> Any:
    shape = _lengths(shape)
    return x if shape == (x.shape if isinstance(x, Value) else np.shape(x)) else {"shape": shape}


@linear(
    lambda g, x, shape: sum_to(g, shape=shape_of(x)),
    kind="shape", formula="x repeated", prepare=_prepare_broadcast_to,
    code="np.broadcast_to({0}, {shape})",
    examples=examples.broadcast, torch="torch.broadcast_to({0}, {shape})",
)  # fmt: skip
def broadcast_to(x: Operand, /, shape: Any) -> Any:
    """x repeated along new and length-1 axes."""
    return np.broadcast_to(x, shape)


@linear(
    lambda g, x, shape: broadcast_to(g, shape=shape_of(x)),
    kind="shape", formula="Σ over broadcast axes", prepare=_prepare_sum_to, code=source.SUM_TO,
    examples=examples.sum_to, torch="{0}.sum_to_size({shape})", jax="",
)  # fmt: skip
def sum_to(x: Operand, /, shape: Any) -> Any:
    """x summed over the axes that broadcasting from ``shape`` adds: broadcast_to transposed."""
    return raw.sum_to(x, shape)


def _prepare_astype(x: Any, dtype: Any) -> Any:
    have = x.dtype if isinstance(x, (Value, np.ndarray)) else np.dtype(np.float64)
    if np.dtype(dtype).kind != "f":
        what = f"astype({np.dtype(dtype)}) would cut the numbers off and has no derivative"
        raise DTypeError(
            what, hint="np.float32, np.float64, …; v.data.astype(int) for plain numbers"
        )
    return x if np.dtype(dtype) == have else {"dtype": np.dtype(dtype)}


@linear(
    lambda g, x, dtype: astype(g, dtype=np.float64 if type(x) is float else x.dtype),
    kind="shape", formula="x", prepare=_prepare_astype,
    code=("float({dtype}({0}))", "{0}.astype({dtype})"),
    examples=examples.astype, numpy="{0}.astype({dtype})", torch="{0}.to({dtype})",
    jax="{0}.astype({dtype})",
)  # fmt: skip
def astype(x: Operand, /, dtype: Any) -> Any:
    """The same numbers, rounded to another float type."""
    return np.dtype(dtype).type(x) if type(x) is float else np.asarray(x).astype(dtype)


def _listed(arrays: Any) -> bool:
    """Whether they are a list, and perhaps the axis after it: `stack([v, w], 1)`."""
    whole = arrays[1:] and (arrays[1] is None or isinstance(arrays[1], (int, np.integer)))
    return len(arrays) == (2 if whole else 1) and isinstance(arrays[0], (list, tuple))


def _prepare_join(*arrays: Any, axis: int = 0, dtype: Any = None) -> Any:
    if _listed(arrays):
        return stack(*arrays[0], axis=arrays[1] if arrays[1:] else axis, dtype=dtype)
    if not arrays:
        raise ShapeError("nothing to stack", hint="tg.stack([v, w])")
    if dtype is None:  # scalars are weak floats: give them back the type they came from
        scalars = [x for x in arrays if isinstance(x, Value) and not x.shape]
        types = [x._dtype for x in scalars if x._dtype and len(scalars) == len(arrays)]
        dtype = np.result_type(*types) if types else None
    return {"axis": axis, "dtype": dtype}


def _piece(g: Any, axis: int, part: Any) -> Any:
    """A part of a gradient along an axis; of numbers a view, for each would copy the whole."""
    index: list[Any] = [slice(None)] * len(shape_of(g))
    index[axis] = part
    on_graph = isinstance(g, Value)
    return getitem(g, index=tuple(index)) if on_graph else raw.canonical(g[tuple(index)])


def _nth(i: int, g: Any, axis: int) -> Any:
    return _piece(g, axis, i)


@linear(
    lambda i, g, *arrays, axis, dtype: _nth(i, g, axis),
    kind="shape", formula="[x₁, x₂, …]", prepare=_prepare_join,
    code="np.stack([{*}], axis={axis}, dtype={dtype})",
    examples=examples.stack, numpy="np.stack([{*}], axis={axis})",
    torch="torch.stack([{*}], dim={axis})", jax="jnp.stack([{*}], axis={axis})",
)  # fmt: skip
def stack(*arrays: Operand, axis: int = 0, dtype: Any = None) -> Any:
    """Values of one shape joined along a new axis; takes a list, as NumPy does."""
    return np.stack(arrays, axis=axis, dtype=dtype)


def _prepare_concatenate(*arrays: Any, axis: int = 0, dtype: Any = None) -> Any:
    if _listed(arrays):
        return concatenate(*arrays[0], axis=arrays[1] if arrays[1:] else axis, dtype=dtype)
    if dtype is not None:
        return astype(concatenate(*arrays, axis=axis), dtype=dtype)
    if axis is None:
        return concatenate(*[reshape(x, -1) for x in arrays], axis=0)
    return {"axis": axis}


def _part(i: int, g: Any, arrays: Any, axis: int) -> Any:
    ends = np.cumsum([shape_of(x)[axis] for x in arrays])
    return _piece(g, axis, slice(int(ends[i]) - shape_of(arrays[i])[axis], int(ends[i])))


@linear(
    lambda i, g, *arrays, axis: _part(i, g, arrays, axis),
    kind="shape", formula="x₁ ‖ x₂ ‖ …", prepare=_prepare_concatenate,
    code="np.concatenate([{*}], axis={axis})",
    examples=examples.concatenate, numpy="np.concatenate([{*}], axis={axis})",
    torch="torch.cat([{*}], dim={axis})", jax="jnp.concatenate([{*}], axis={axis})",
)  # fmt: skip
def concatenate(*arrays: Operand, axis: int = 0, dtype: Any = None) -> Any:
    """Values joined along an axis they have; takes a list, as NumPy does."""
    return np.concatenate(arrays, axis=axis)
