"""Statistics composed of operations: medians, quantiles, averages, and sums that skip nan.

Each draws as one box.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.functions import composite
from tinygrad_edu.ops.arrays import astype, broadcast_to, concatenate, stack
from tinygrad_edu.ops.composed import composed, mistake
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import divide, equal, greater, sqrt, square, where
from tinygrad_edu.ops.rearranging import diagonal
from tinygrad_edu.ops.reductions import Axis, axes_of, count_of, max, mean, min, sum
from tinygrad_edu.ops.scans import prod
from tinygrad_edu.ops.spreads import all, isnan, order_statistic

amax, amin = max, min


def _array(x: Any) -> Any:
    if isinstance(x, Value):
        return x if x.shape else x.reshape(1)
    values = isinstance(x, (list, tuple)) and any(isinstance(item, Value) for item in x)
    x = stack(*x) if values else np.atleast_1d(x)
    return x if x.dtype.kind == "f" else x.astype(float)


@composite("ptp")
@composed("x")
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """How far the largest number is above the smallest ("peak to peak").

    >>> ptp(np.array([3.0, 7.0, 4.0]))
    4.0
    """
    return max(x, axis, keepdims) - min(x, axis, keepdims)


@composite("average")
@composed("x", "weights")
def average(x: Any, axis: Axis = None, weights: Any = None, keepdims: bool = False) -> Any:
    """The weighted mean, ``sum(w · x) / sum(w)``; the weights may carry gradients too.

    ``weights`` has the shape of ``x``, or one number per place of the one axis.

    >>> average(np.array([1.0, 4.0]), weights=np.array([2.0, 1.0]))
    2.0
    """
    x = _array(x)
    if weights is None:
        return mean(x, axis, keepdims)
    weights = _array(weights)
    if weights.shape != x.shape:
        axes = axes_of(x, axis)
        if len(axes) != 1 or weights.shape != (x.shape[axes[0]],):
            raise mistake(
                f"weights of shape {weights.shape} for numbers of shape {x.shape}, axis {axis}",
                "weights shaped like the numbers, or one per place of a single axis",
            )
        weights = weights.reshape(tuple(-1 if i == axes[0] else 1 for i in range(len(x.shape))))
    weights = broadcast_to(weights, x.shape)
    return divide(sum(weights * x, axis, keepdims), sum(weights, axis, keepdims))


@composite("median")
@composed("x")
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number in the middle of the order; of an even count the mean of the two there.

    Numbers that tie share the gradient equally.

    >>> median(np.array([9.0, 1.0, 2.0])), median(np.array([9.0, 1.0, 2.0, 4.0]))
    (2.0, 3.0)
    """
    x = _array(x)
    n = int(count_of(x, axis))
    upper = order_statistic(x, n // 2, axis, keepdims)
    if n % 2:
        return upper
    return 0.5 * order_statistic(x, n // 2 - 1, axis, keepdims) + 0.5 * upper


@composite("quantile")
@composed("x")
def quantile(x: Any, q: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number below which a share ``q`` of the numbers lies, between two by a straight line.

    Several shares give a result each, along a new first axis. Hyndman and Fan (1996), type 7.

    >>> quantile(np.array([1.0, 2.0, 4.0]), 0.75)
    3.0
    """
    x, shares = _array(x), np.asarray(q, dtype=float)
    if shares.ndim > 1 or not np.all((shares >= 0.0) & (shares <= 1.0)):
        raise mistake(
            f"q = {q} is no share", "numbers from 0 to 1; tg.percentile takes 0-100", TypeError
        )
    if shares.ndim:
        return stack(*[_quantile(x, float(s), axis, keepdims) for s in shares])
    return _quantile(x, float(shares), axis, keepdims)


def _quantile(x: Any, share: float, axis: Axis, keepdims: bool) -> Any:
    place = share * (count_of(x, axis) - 1.0)
    k = math.floor(place)
    lower = order_statistic(x, k, axis, keepdims)
    if place == k:
        return lower
    upper = order_statistic(x, k + 1, axis, keepdims)
    return lower + (upper - lower) * (place - k)


@composed("x")
def percentile(x: Any, q: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`quantile` with ``q`` from 0 to 100.

    >>> percentile(np.array([1.0, 2.0, 4.0]), 50)
    2.0
    """
    return quantile(x, np.asarray(q, dtype=float) / 100.0, axis, keepdims)


@composite("trace")
@composed("x")
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum along a diagonal of a matrix, or of each matrix that two axes span.

    >>> trace(np.array([[1.0, 2.0], [3.0, 4.0]])), trace(np.array([[1.0, 2.0], [3.0, 4.0]]), 1)
    (5.0, 2.0)
    """
    x = _array(x)
    if len(x.shape) < 2:
        raise mistake(f"trace of shape {x.shape}", "a matrix has two axes; tg.sum has one")
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


@composite("diff")
@composed("x", "prepend", "append")
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along an axis, taken ``n`` times.

    >>> diff(np.array([1.0, 4.0, 9.0]))
    array([3., 5.])
    """
    x = _array(x)
    [along] = axes_of(x, axis)
    if n < 0:
        raise mistake(f"n = {n}", "how many times: 0, 1, 2, …", TypeError)
    ends = [_array(e) if e is not None else None for e in (prepend, append)]
    if any(e is not None for e in ends):
        x = concatenate(*[e for e in (ends[0], x, ends[1]) if e is not None], axis=along)
    before = (slice(None),) * along
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


# Where nan means "not measured" --------------------------------------------------------------


@composite("nansum")
@composed("x")
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum of what is not nan; nan gets gradient 0.

    >>> nansum(np.array([1.0, np.nan, 2.0]))
    3.0
    """
    x = _array(x)
    return sum(where(isnan(x), 0.0, x), axis, keepdims)


@composite("nanprod")
@composed("x")
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product of what is not nan.

    >>> nanprod(np.array([4.0, np.nan, 2.0]))
    8.0
    """
    x = _array(x)
    return prod(where(isnan(x), 1.0, x), axis, keepdims)


def _counted(x: Any, axis: Axis, keepdims: bool) -> Any:
    return sum(astype(where(isnan(x), 0.0, 1.0), dtype=x.dtype), axis, keepdims)


@composite("nanmean", conventions=(
    Convention("nanmean of nothing but nan", "tg.nanmean(np.array([np.nan]))", "nan",
               "torch.nanmean(t([math.nan])).item()", "nan"),
))  # fmt: skip
@composed("x")
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of what is not nan; nan where nothing is.

    >>> nanmean(np.array([1.0, np.nan, 2.0]))
    1.5
    """
    x = _array(x)
    return divide(sum(where(isnan(x), 0.0, x), axis, keepdims), _counted(x, axis, keepdims))


def _nan_extreme(extreme: Any, loser: float, x: Any, axis: Axis, keepdims: bool) -> Any:
    found = extreme(where(isnan(x), loser, x), axis, keepdims)
    return where(all(isnan(x), axis, keepdims), math.nan, found)


@composite("nanmax", conventions=(
    Convention("nanmax where numbers tie: the gradient is shared equally",
               "d(tg.nanmax)(np.array([2.0, 2.0, np.nan])).tolist()", "[0.5, 0.5, 0.0]",
               "jax.grad(jnp.nanmax)(jnp.array([2.0, 2.0, math.nan])).tolist()",
               "[0.5, 0.5, 0.0]"),
))  # fmt: skip
@composed("x")
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest of what is not nan; nan where nothing is.

    >>> nanmax(np.array([1.0, np.nan, 2.0]))
    2.0
    """
    return _nan_extreme(max, -math.inf, _array(x), axis, keepdims)


@composite("nanmin")
@composed("x")
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest of what is not nan; nan where nothing is.

    >>> nanmin(np.array([1.0, np.nan, 2.0]))
    1.0
    """
    return _nan_extreme(min, math.inf, _array(x), axis, keepdims)


@composite("nanvar", stable="the mean is subtracted before anything is squared")
@composed("x")
def nanvar(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The variance of what is not nan; ``ddof`` is taken off the divisor.

    >>> nanvar(np.array([1.0, np.nan, 3.0]))
    1.0
    """
    return _nanvar(_array(x), axis, ddof, keepdims)


def _nanvar(x: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    missing = isnan(x)
    known = where(missing, 0.0, x)
    middle = divide(sum(known, axis, True), _counted(x, axis, True))
    squares = square(where(missing, 0.0, known - middle))
    free = _counted(x, axis, keepdims) - ddof
    free = where(greater(free, 0.0), free, math.nan)  # as NumPy: no spread of too few numbers
    return divide(sum(squares, axis, keepdims), free)


@composite("nanstd", stable="the mean is subtracted before anything is squared")
@composed("x")
def nanstd(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The square root of `nanvar`; its derivative is 0 where all numbers are equal.

    >>> nanstd(np.array([1.0, np.nan, 3.0]))
    1.0
    """
    variance = _nanvar(_array(x), axis, ddof, keepdims)
    flat = equal(variance, 0.0)
    return where(flat, 0.0, sqrt(where(flat, 1.0, variance)))
