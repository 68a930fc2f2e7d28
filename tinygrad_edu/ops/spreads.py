"""How far numbers lie apart and how large they are together: variance, norms, order statistics.

Also the plain questions that are asked of whole arrays: any, all, how many are not 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.define import general, plain
from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.arrays import reshape, stack
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand, absolute, equal, not_equal, power, sign, where
from tinygrad_edu.ops.reductions import (
    Axis,
    axes_of,
    count_of,
    listed,
    max,
    mean,
    min,
    select,
    some_numbers,
    spread,
    sum,
    winners,
)


def _array(x: Any) -> Any:
    """A list of Values stacked, anything else that is no Value as an array of NumPy's."""
    if isinstance(x, Value):
        return x
    values = isinstance(x, (list, tuple)) and Value in map(type, x)  # `any` is an operation here
    return stack(*x, axis=0) if values else np.asarray(x)


def _prepare_spread(op: str) -> Any:
    def prepare(x: Any, **static: Any) -> Any:
        array = _array(x)
        if not array.shape:
            array = reshape(array, (1,))
        if array is not x:
            return OPS[op](array, **static)
        axes_of(x, static["axis"])
        return static

    return prepare


def _per(x: Any, axis: Axis, ddof: float) -> float:
    """One over the divisor; nan where that is not positive, as in NumPy."""
    free = count_of(x, axis) - ddof
    return 1.0 / free if free > 0.0 else math.nan


def _centred(x: Any, axis: Axis) -> Any:
    return x - mean(x, axis=axis, keepdims=True)


def _over(g: Any, out: Any) -> Any:
    """g / out, and 0 where the result is 0: the convention for norms there."""
    zero = equal(out, 0.0)
    return where(zero, 0.0, g / where(zero, 1.0, out))


_DDOF = Convention(
    "var and std divide by n by default, as in NumPy; ddof=1 divides by n - 1",
    "tg.var(np.array([1.0, 3.0]))", "1.0",
    "torch.var(t([1.0, 3.0])).item()", "2.0",
)  # fmt: skip


@general(
    vjp=[
        lambda g, out, x, axis, ddof, keepdims: (
            spread(g * (2.0 * _per(x, axis, ddof)), x, axis) * _centred(x, axis)
        )
    ],
    jvp=[
        lambda t, out, x, axis, ddof, keepdims: (
            sum(t * _centred(x, axis), axis, keepdims) * (2.0 * _per(x, axis, ddof))
        )
    ],
    kind="reduction", symbol="σ²", formula="Σᵢ (xᵢ − mean x)² / (n − ddof)",
    prepare=_prepare_spread("var"), conventions=(_DDOF,),
    code="np.var({0}, axis={axis}, ddof={ddof}, keepdims={keepdims})",
    torch="torch.var({0}, dim={axis}, correction={ddof}, keepdim={keepdims})",
    stable="The mean is subtracted first: a large offset cancels before anything is squared.",
    examples=examples.spread,
)  # fmt: skip
def var(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The mean squared distance from the mean; ``ddof`` is taken off the divisor."""
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)


@general(
    vjp=[
        lambda g, out, x, axis, ddof, keepdims: (
            spread(_over(g, out) * _per(x, axis, ddof), x, axis) * _centred(x, axis)
        )
    ],
    jvp=[
        lambda t, out, x, axis, ddof, keepdims: (
            _over(sum(t * _centred(x, axis), axis, keepdims), out) * _per(x, axis, ddof)
        )
    ],
    kind="reduction", symbol="σ", formula="√(Σᵢ (xᵢ − mean x)² / (n − ddof))",
    prepare=_prepare_spread("std"),
    kinks=(lambda x, axis, ddof, keepdims: np.std(x, axis=axis, ddof=ddof),),
    code="np.std({0}, axis={axis}, ddof={ddof}, keepdims={keepdims})",
    torch="torch.std({0}, dim={axis}, correction={ddof}, keepdim={keepdims})",
    stable="The mean is subtracted first: a large offset cancels before anything is squared.",
    conventions=(Convention(
        "std of equal numbers: derivative 0",
        "d(lambda x: tg.std(x))(np.array([2.0, 2.0])).tolist()", "[0.0, 0.0]",
        "D(lambda x: torch.std(x))(t([2.0, 2.0])).tolist()", "[0.0, 0.0]",
    ),),
    examples=examples.spread,
)  # fmt: skip
def std(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The square root of the variance; its derivative is 0 where all numbers are equal."""
    return np.std(x, axis=axis, ddof=ddof, keepdims=keepdims)


# Norms -------------------------------------------------------------------------------------------


def _prepare_norm(x: Any, ord: Any, axis: Axis, keepdims: bool) -> Any:
    array = _array(x)
    if not array.shape:
        array = reshape(array, (1,))
    if ord in (None, "fro"):
        ord = None
    elif isinstance(ord, str):
        raise DTypeError(f"norm: no order {ord!r}", hint='a number, np.inf, or "fro"')
    elif len(axes_of(array, axis)) != 1:
        raise ShapeError(
            f"norm of order {ord} over {len(axes_of(array, axis))} axes of shape {array.shape}",
            hint="name one axis; x.reshape(-1) takes all numbers as one vector; "
            "tg.linalg.norm has the norms of matrices",
        )
    if ord == 0:
        return sum(where(not_equal(array, 0.0), 1.0, 0.0), axis, keepdims)
    if ord == 1:
        return sum(absolute(array), axis, keepdims)
    if ord in (math.inf, -math.inf):
        return (max if ord > 0 else min)(absolute(array), axis, keepdims)
    if array is not x:
        return norm(array, ord, axis, keepdims)
    return {"ord": ord, "axis": axis, "keepdims": keepdims}


def _norm_slope(g: Any, out: Any, x: Any, ord: float, axis: Axis) -> Any:
    """g times the partial derivatives: x / out, or sign(x) · (|x| / out)^(ord - 1)."""
    if ord in (None, 2):
        return spread(_over(g, out), x, axis) * x
    zero = equal(x, 0.0)
    ratio = absolute(x) / spread(where(equal(out, 0.0), 1.0, out), x, axis)
    slope = sign(x) * power(where(zero, 1.0, ratio), ord - 1.0)
    return where(zero, 0.0, spread(g, x, axis) * slope)


@general(
    vjp=[lambda g, out, x, ord, axis, keepdims: _norm_slope(g, out, x, ord, axis)],
    jvp=[
        lambda t, out, x, ord, axis, keepdims: (
            _over(sum(x * t, axis, keepdims), out) if ord in (None, 2)
            else sum(_norm_slope(1.0, out, x, ord, axis) * t, axis, keepdims)
        )
    ],
    kind="reduction", symbol="‖x‖", formula="(Σᵢ |xᵢ|^ord)^(1/ord)", prepare=_prepare_norm,
    kinks=(
        lambda x, ord, axis, keepdims: (
            np.max(np.abs(x), axis=axis, initial=0.0) if ord in (2, None) else np.asarray(x)
        ),
    ),
    code=source.NORM, numpy="np.linalg.norm({0}, {ord}, {axis}, {keepdims})",
    torch="torch.linalg.vector_norm({0}, {ord} or 2, dim={axis}, keepdim={keepdims})",
    jax="jnp.linalg.norm({0}, {ord}, {axis}, {keepdims})",
    stable="The numbers are divided by the largest of them before they are squared.",
    conventions=(Convention(
        "the norm of nothing but zeros: derivative 0",
        "d(lambda x: tg.norm(x))(np.array([0.0, 0.0])).tolist()", "[0.0, 0.0]",
        "D(lambda x: torch.linalg.vector_norm(x))(t([0.0, 0.0])).tolist()", "[0.0, 0.0]",
    ),),
    examples=examples.norm,
)  # fmt: skip
def norm(x: Operand, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The length of a vector: of order 2, 0, 1, any p, or ±inf; "fro" over several axes.

    The same as ``sqrt(sum(x²))``, but at 0 its derivative is 0 where that one's is nan.

    >>> norm(np.array([3e200, 4e200])), norm(np.array([3.0, -4.0]), ord=1)
    (5e+200, 7.0)
    """
    size = abs(x)
    top = np.max(size, axis=axis, keepdims=True, initial=0.0)
    top = np.where((top > 0.0) & (top < np.inf), top, 1.0)
    size = size / top
    if ord in (None, 2):
        out = top * np.sqrt(np.sum(size * size, axis=axis, keepdims=True))
    else:
        out = top * np.sum(size**ord, axis=axis, keepdims=True) ** (1.0 / ord)
    return out if keepdims else np.squeeze(out, axis=axis)


# Order statistics --------------------------------------------------------------------------------


def _apart(x: Any, k: int, axis: Axis, keepdims: bool) -> Any:
    """How far each number is from the chosen one, and that one from its nearest rival."""
    chosen = order_statistic.forward(x, k, axis, True)
    won = x == chosen
    rival = np.min(np.where(won, np.inf, np.abs(x - chosen)), axis=axis, keepdims=True)
    tie = np.sum(won, axis=axis, keepdims=True) > 1
    return np.where(won, np.where(tie, 0.0, rival), x - chosen)


def _prepare_order(x: Any, k: int, axis: Axis, keepdims: bool) -> Any:
    if not isinstance(x, Value) and not isinstance(x, np.ndarray):
        return order_statistic(_array(x), k, axis, keepdims)
    some_numbers(x if isinstance(x, np.ndarray) else x._data, axis, "order statistic")
    count = int(count_of(x, axis))
    if not -count <= k < count:
        raise ShapeError(
            f"order_statistic: no number {k} among {count}",
            hint=f"k counts from 0, the smallest, to {count - 1}; -1 is the largest",
        )
    return _order_or_x(x, k=k, axis=axis, keepdims=keepdims)


_order_or_x = listed("order_statistic")


@general(
    vjp=[
        lambda g, out, x, k, axis, keepdims: select(winners(out, x, axis), spread(g, x, axis))
    ],
    jvp=[
        lambda t, out, x, k, axis, keepdims: sum(
            select(winners(out, x, axis), t), axis=axis, keepdims=keepdims
        )
    ],
    kind="order", symbol="x₍ₖ₎", formula="number k in the order of size",
    prepare=_prepare_order, kinks=(_apart,), code=source.ORDER_STATISTIC,
    numpy="np.sort({0}, axis={axis}).take({k}, axis={axis})",
    torch="torch.kthvalue({0}, {k} + 1, dim={axis}, keepdim={keepdims}).values",
    jax="jnp.sort({0}, axis={axis}).take(jnp.array([{k}]), axis={axis})"
        ".max(axis={axis}, keepdims={keepdims})",
    conventions=(
        Convention(
            "the median of an even count: the mean of the two in the middle, as in NumPy",
            "tg.median(np.array([1.0, 2.0, 4.0, 9.0]))", "3.0",
            "torch.median(t([1.0, 2.0, 4.0, 9.0])).item()", "2.0",
        ),
        Convention(
            "median and order statistics where numbers tie: the gradient is shared equally",
            "d(lambda x: tg.median(x, axis=0))(np.array([2.0, 2.0, 5.0])).tolist()",
            "[0.5, 0.5, 0.0]",
            "D(lambda x: torch.median(x, 0).values)(t([2.0, 2.0, 5.0])).tolist()",
            "[0.0, 1.0, 0.0]",
        ),
    ),
    examples=examples.order_statistic,
)  # fmt: skip
def order_statistic(x: Operand, /, k: int, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number at place ``k`` in the order of size, counted from 0: the base of the median."""
    axes = axes_of(x, axis)
    rows = np.moveaxis(x, axes, range(-len(axes), 0))
    rows = rows.reshape(*rows.shape[: x.ndim - len(axes)], -1)
    rows = np.sort(rows, axis=-1)  # nan is the largest
    out = np.where(np.isnan(rows[..., -1]), np.nan, rows[..., k])
    return np.expand_dims(out, axes) if keepdims else out


# Questions ---------------------------------------------------------------------------------------


@plain(
    formula="is any xᵢ true", code="np.any({0}, axis={axis}, keepdims={keepdims})",
    examples=examples.reduction,
)  # fmt: skip
def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any number over the axes is not 0, as a plain bool or bool array."""
    return np.any(x, axis=axis, keepdims=keepdims)


@plain(
    formula="are all xᵢ true", code="np.all({0}, axis={axis}, keepdims={keepdims})",
    examples=examples.reduction,
)  # fmt: skip
def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all numbers over the axes are not 0, as a plain bool or bool array."""
    return np.all(x, axis=axis, keepdims=keepdims)


@plain(
    formula="how many xᵢ are not 0",
    code="np.count_nonzero({0}, axis={axis}, keepdims={keepdims})",
    torch="({0} != 0).sum(dim={axis}, keepdim={keepdims})", examples=examples.reduction,
)  # fmt: skip
def count_nonzero(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """How many numbers over the axes are not 0, as plain integers."""
    return np.count_nonzero(x, axis=axis, keepdims=keepdims)


@plain(kind="comparison", formula="x is nan", code=("{0} != {0}", "np.isnan({0})"))
def isnan(x: Operand) -> Any:
    """Whether each number is nan, as a plain bool or bool array."""
    return x != x if type(x) is float else np.isnan(x)


@plain(kind="comparison", formula="x is a number", code="m.isfinite({0})")
def isfinite(x: Operand) -> Any:
    """Whether each number is neither infinite nor nan, as a plain bool or bool array."""
    return math.isfinite(x) if type(x) is float else np.isfinite(x)


@plain(kind="comparison", formula="x is ±∞", code="m.isinf({0})")
def isinf(x: Operand) -> Any:
    """Whether each number is infinite, as a plain bool or bool array."""
    return math.isinf(x) if type(x) is float else np.isinf(x)
