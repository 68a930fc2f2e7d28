"""Reductions and scans: sums, means, extremes, products, spreads, along any axes.

Where numbers tie for an extreme they share the gradient equally, and the shares add up to 1.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinygrad_edu.define import general, linear
from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.ops import conventions, examples, numeric, source
from tinygrad_edu.ops.arrays import astype, broadcast_to, reshape, stack
from tinygrad_edu.ops.elementwise import Operand, add_n, equal, exp, where
from tinygrad_edu.raw import operand
from tinygrad_edu.raw import shape as shape_of
from tinygrad_edu.wording import no_axis, refusal

Axis = int | tuple[int, ...] | None


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """The axes as non-negative numbers; None means all."""
    n = len(shape_of(x))
    if axis is None:
        return tuple(range(n))
    several = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = tuple(a + n if a < 0 else a for a in map(operator.index, several))
    if any(not 0 <= a < n for a in found) or len(set(found)) != len(found):
        raise no_axis(axis, x, n)
    return found


def _reduced_shape(x: Any, axis: Axis) -> tuple[int, ...]:
    axes = axes_of(x, axis)
    return tuple(1 if i in axes else n for i, n in enumerate(shape_of(x)))


def spread(g: Any, x: Any, axis: Axis) -> Any:
    """A reduced array brought back to the shape of ``x``."""
    if type(g) is float:
        return np.full(shape_of(x), g, dtype=getattr(x, "dtype", np.float64))
    if not isinstance(g, Value):  # the same on numbers, without a call of two operations
        return np.broadcast_to(np.reshape(g, _reduced_shape(x, axis)), shape_of(x))
    wide = broadcast_to(reshape(g, shape=_reduced_shape(x, axis)), shape=shape_of(x))
    return astype(wide, dtype=x.dtype)  # a scalar is weak: it takes the type of the array


def _prepare_sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    if isinstance(x, (list, tuple)) and any(isinstance(item, Value) for item in x):
        scalars = all(np.ndim(item) == 0 for item in x)
        if scalars and not keepdims and axis in (None, 0):
            return add_n(*x)
        return sum(stack(*x, axis=0), axis=axis, keepdims=keepdims)
    return _prepare(x, axis, keepdims)


def listed(op: str) -> Any:
    """A list of Values is stacked first, as NumPy does with a list of arrays."""

    def prepare(x: Any, **static: Any) -> Any:
        if isinstance(x, (list, tuple)) and any(isinstance(item, Value) for item in x):
            return OPS[op](stack(*x, axis=0), **static)
        found = _prepare(x, static["axis"], static["keepdims"])
        return static if type(found) is dict else found

    return prepare


def _prepare(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    if type(x) is Value and x.ndim and not keepdims:
        return {"axis": axis, "keepdims": keepdims}
    if axis is None and (type(x) is float or not np.shape(getattr(x, "_data", x))):
        return x if isinstance(x, Value) else operand(x)  # a scalar is its own sum and maximum
    if keepdims and isinstance(x, Value) and _reduced_shape(x, axis) == x.shape:
        return x  # and so is an array along axes of length 1
    return {"axis": axis, "keepdims": keepdims}


def count_of(x: Any, axis: Axis) -> float:
    """How many numbers become one."""
    if axis is None:
        return float(math.prod(shape_of(x)))
    return float(math.prod(shape_of(x)[a] for a in axes_of(x, axis)))


@linear(
    lambda g, x, axis, keepdims: spread(g, x, axis),
    kind="reduction", symbol="Σ", formula="Σᵢ xᵢ", prepare=_prepare_sum,
    code="np.sum({0}, axis={axis}, keepdims={keepdims})", analytic=True,
    examples=examples.reduction,
)  # fmt: skip
def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over the axes, or of all numbers; a list of scalar Values is summed as one node."""
    return np.add.reduce(x, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]


@linear(
    lambda g, x, axis, keepdims: spread(g / count_of(x, axis), x, axis),
    kind="reduction", formula="Σᵢ xᵢ / n", prepare=listed("mean"),
    code="np.mean({0}, axis={axis}, keepdims={keepdims})", analytic=True,
    examples=examples.reduction,
)  # fmt: skip
def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """The arithmetic mean over the axes, or of all numbers."""
    if np.ndim(x) == 0 or x.dtype.itemsize < 4:
        return np.mean(x, axis=axis, keepdims=keepdims)  # float16 is summed in float32 there
    total: Any = np.add.reduce(x, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]
    return total / count_of(x, axis)


def winners(out: Any, x: Any, axis: Axis) -> Any:
    """1/k for each of the k numbers that tie for the extreme, 0 for the others."""
    mask = equal(x, spread(out, x, axis))
    won = where(mask, 1.0, 0.0)
    return won / sum(won, axis=axis, keepdims=True)


_EXTREME: dict[str, Any] = {
    "vjp": [lambda g, out, x, axis, keepdims: select(winners(out, x, axis), spread(g, x, axis))],
    "jvp": [
        lambda t, out, x, axis, keepdims: sum(
            select(winners(out, x, axis), t), axis=axis, keepdims=keepdims
        )
    ],
    "kind": "reduction",
}


def select(share: Any, g: Any) -> Any:
    """The gradient of the winners; an infinite one does not reach the others."""
    return share * where(equal(share, 0.0), 0.0, g)


def some_numbers(x: Any, axis: Axis, what: str) -> None:
    """Refuse to choose one of no numbers."""
    if np.size(x) == 0 and 0 in [np.shape(x)[a] for a in axes_of(x, axis)]:
        raise ShapeError(
            f"no numbers to take the {what} of: shape {np.shape(x)} along axis {axis}",
            hint="check `x.size` first; the sum of no numbers is 0 and their product 1",
        )


def _lead(sign: float) -> Any:
    """How far each number is ahead of its best rival or behind the winner; 0 where they tie.

    The signs change when another number wins, so that no one differentiates across that.
    """

    def lead(x: Any, axis: Axis, keepdims: bool) -> Any:
        axes = axes_of(x, axis)
        x = sign * np.asarray(x)
        top = np.max(x, axis=axes, keepdims=True)
        won = x == top
        rival = np.max(np.where(won, -np.inf, x), axis=axes, keepdims=True)
        tie = np.sum(won, axis=axes, keepdims=True) > 1
        return np.where(won, x - np.where(tie, top, rival), x - top)

    return lead


@general(
    **_EXTREME, prepare=listed("max"), formula="maxᵢ xᵢ", kinks=(_lead(1.0),),
    code="np.max({0}, axis={axis}, keepdims={keepdims})",
    torch="torch.amax({0}, dim={axis}, keepdim={keepdims})", conventions=conventions.MAX,
    examples=examples.reduction,
)  # fmt: skip
def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest number over the axes; numbers that tie share the gradient equally."""
    some_numbers(x, axis, "maximum")
    return np.max(x, axis=axis, keepdims=keepdims)


@general(
    **_EXTREME, prepare=listed("min"), formula="minᵢ xᵢ", kinks=(_lead(-1.0),),
    code="np.min({0}, axis={axis}, keepdims={keepdims})",
    torch="torch.amin({0}, dim={axis}, keepdim={keepdims})", examples=examples.reduction,
)  # fmt: skip
def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest number over the axes; numbers that tie share the gradient equally."""
    some_numbers(x, axis, "minimum")
    return np.min(x, axis=axis, keepdims=keepdims)


def _logsumexp(x: Any, axis: Axis, keepdims: bool) -> Any:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    total = np.sum(numeric.exp(x - np.where(np.isfinite(top), top, 0.0)), axis=axis, keepdims=True)
    out = numeric.log(np.maximum(total, 1.0)) + top  # less than 1 where all numbers are -inf
    return out if keepdims else np.reshape(out, np.shape(np.sum(x, axis=axis)))


def _softmax(out: Any, x: Any, axis: Axis) -> Any:
    finite = where(equal(out, -math.inf), 0.0, out)  # -inf - -inf is nan; these shares are 0
    return exp(x - spread(finite, x, axis))


@general(
    vjp=[lambda g, out, x, axis, keepdims: spread(g, x, axis) * _softmax(out, x, axis)],
    jvp=[
        lambda t, out, x, axis, keepdims: sum(
            t * _softmax(out, x, axis), axis=axis, keepdims=keepdims
        )
    ],
    kind="reduction", formula="ln Σᵢ eˣⁱ", prepare=listed("logsumexp"), code=source.LOGSUMEXP,
    numpy="scipy.special.logsumexp({0}, axis={axis}, keepdims={keepdims})",
    jax="jax.nn.logsumexp({0}, axis={axis}, keepdims={keepdims})",
    stable="The largest number is subtracted before exp is taken, and added again afterwards.",
    conventions=conventions.LOGSUMEXP,
    examples=examples.reduction,
)  # fmt: skip
def logsumexp(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) without overflow."""
    return _logsumexp(x, axis, keepdims)


def shared_along(op: str) -> Any:
    """The `prepare` of shares along an axis: a scalar has none, a list of Values is stacked."""

    def prepare(x: Any, axis: Axis = -1) -> Any:
        if isinstance(x, (list, tuple)) and Value in map(type, x):
            return OPS[op](stack(*x, axis=0), axis=axis)
        if np.ndim(x) == 0:
            hint = f"tg.{op}(tg.stack([a, b])) has an axis"
            raise refusal(op, "a scalar has no axis", hint, x=x)
        return {"axis": axis}

    return prepare


@general(
    vjp=[lambda g, out, x, axis: out * (g - sum(g * out, axis=axis, keepdims=True))],
    jvp=[lambda t, out, x, axis: out * (t - sum(t * out, axis=axis, keepdims=True))],
    kind="activation", formula="eˣⁱ / Σⱼ eˣʲ", prepare=shared_along("softmax"), code=source.SOFTMAX,
    numpy="scipy.special.softmax({0}, axis={axis})",
    stable="exp is taken of scores less their logsumexp, none of which is above 0.",
    examples=examples.along,
)  # fmt: skip
def softmax(x: Operand, axis: int = -1) -> Any:
    """Positive shares that add up to 1 along the axis: probabilities from scores."""
    return np.exp(x - _logsumexp(x, axis, True))


@general(
    vjp=[lambda g, out, x, axis: g - exp(out) * sum(g, axis=axis, keepdims=True)],
    jvp=[lambda t, out, x, axis: t - sum(t * exp(out), axis=axis, keepdims=True)],
    kind="activation", formula="x − ln Σⱼ eˣʲ", prepare=shared_along("log_softmax"),
    code=source.LOG_SOFTMAX,
    numpy="scipy.special.log_softmax({0}, axis={axis})",
    stable="No logarithm of a share is taken, so that a share of 0 in floats loses no digits.",
    examples=examples.along,
)  # fmt: skip
def log_softmax(x: Operand, axis: int = -1) -> Any:
    """log(softmax(x)) without loss of digits."""
    return x - _logsumexp(x, axis, True)
