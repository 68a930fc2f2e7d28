"""Scans: running sums, products and extremes along an axis, and the product of all numbers.

Their derivatives run along the axis the other way. Those that depend on what came before are one
recurrence, out[i] = b[i] + a[i] · out[i-1], which is its own kind of derivative: it divides by
nothing, so that zeros and underflow do no harm, and it takes as many vectorised steps as the
length of the axis has binary digits (Blelloch, "Prefix sums and their applications", 1990).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.define import general, linear
from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.arrays import concatenate, reshape, stack, transpose
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand, equal, exp, where
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.ops.reductions import Axis, axes_of, listed, spread, sum
from tinygrad_edu.raw import shape as shape_of


def _part(x: Any, axis: int, part: slice) -> Any:
    index = [slice(None)] * len(shape_of(x))
    index[axis] = part
    return getitem(x, index=tuple(index))


def _flipped(x: Any, axis: int) -> Any:
    return _part(x, axis, slice(None, None, -1))


def _shifted(x: Any, axis: int, first: float) -> Any:
    """At each place what was at the place before; ``first`` comes in at the start."""
    shape = list(shape_of(x))
    shape[axis] = min(1, shape[axis])
    start = np.full(tuple(shape), first, dtype=x.dtype)
    return concatenate(start, _part(x, axis, slice(None, -1)), axis=axis)


def _returned(g: Any, a: Any, axis: int) -> Any:
    """The recurrence from the other end: its transpose with respect to b."""
    carried = _shifted(_flipped(a, axis), axis, 0.0)
    return _flipped(linear_recurrence(carried, _flipped(g, axis), axis=axis), axis)


def _prepare_recurrence(a: Any, b: Any, axis: int) -> Any:
    shapes = [x.shape if isinstance(x, Value) else np.shape(x) for x in (a, b)]
    if shapes[0] != shapes[1] or not shapes[0]:
        raise ShapeError(
            f"linear_recurrence: a has shape {shapes[0]}, b has shape {shapes[1]}",
            hint="one factor per term: both have the same shape, with at least one axis",
        )
    return {"axis": axes_of(b if isinstance(b, Value) else np.asarray(b), axis)[0]}


@general(
    vjp=[
        lambda g, out, a, b, axis: _returned(g, a, axis) * _shifted(out, axis, 0.0),
        lambda g, out, a, b, axis: _returned(g, a, axis),
    ],
    jvp=[
        lambda t, out, a, b, axis: linear_recurrence(a, t * _shifted(out, axis, 0.0), axis=axis),
        lambda t, out, a, b, axis: linear_recurrence(a, t, axis=axis),
    ],
    kind="scan", symbol="⟲", formula="outᵢ = bᵢ + aᵢ · outᵢ₋₁", prepare=_prepare_recurrence,
    code=source.LINEAR_RECURRENCE, torch="", jax="",
    stable="Nothing is divided by: zeros and underflow do no harm.",
    examples=examples.recurrence,
)  # fmt: skip
def linear_recurrence(a: Operand, b: Operand, /, axis: int = -1) -> Any:
    """out[i] = b[i] + a[i] · out[i-1] along an axis; where a is 0 nothing is carried over.

    A moving average, a savings account and a linear recurrent neuron are of this form.

    >>> linear_recurrence(np.array([0.0, 0.5, 0.5]), np.array([8.0, 0.0, 1.0]))
    array([8., 4., 3.])
    """
    out = np.array(b, dtype=np.result_type(a, b))
    total, factor = np.moveaxis(out, axis, -1), np.moveaxis(np.array(a), axis, -1)
    factor[..., :1] = 0.0
    step = 1
    while step < total.shape[-1]:
        late, reset = factor[..., step:], factor[..., step:] == 0.0
        total[..., step:] += late * np.where(reset, 0.0, total[..., :-step])
        factor[..., step:] = late * np.where(reset, 0.0, factor[..., :-step])
        step *= 2
    return out


def _scanned(op: str) -> Any:
    """Without an axis the numbers are taken in one row, as in NumPy."""

    def prepare(x: Any, axis: int | None = None) -> Any:
        if not isinstance(x, (Value, np.ndarray)):
            values = isinstance(x, (list, tuple)) and any(isinstance(item, Value) for item in x)
            return OPS[op](stack(*x, axis=0) if values else np.asarray(x), axis=axis)
        if axis is None and x.ndim != 1:
            return OPS[op](reshape(x, -1), axis=0)
        [along] = axes_of(x, 0 if axis is None else axis)
        return x if isinstance(x, Value) and x.shape[along] < 2 else {"axis": along}

    return prepare


@linear(
    lambda g, x, axis: _flipped(cumsum(_flipped(g, axis), axis=axis), axis),
    kind="scan", symbol="Σ…", formula="x₁ + … + xᵢ", prepare=_scanned("cumsum"),
    code="np.cumsum({0}, axis={axis})",
    examples=examples.along, analytic=True,
)  # fmt: skip
def cumsum(x: Operand, axis: int | None = None) -> Any:
    """The running sums along an axis, or of all numbers in one row."""
    return np.cumsum(x, axis=axis)


@general(
    vjp=[lambda g, out, x, axis: _returned(g, x, axis) * _shifted(out, axis, 1.0)],
    jvp=[lambda t, out, x, axis: linear_recurrence(x, t * _shifted(out, axis, 1.0), axis=axis)],
    kind="scan", symbol="Π…", formula="x₁ · … · xᵢ", prepare=_scanned("cumprod"),
    code="np.cumprod({0}, axis={axis})",
    stable="The derivative multiplies the other factors and never divides, so zeros are exact.",
    examples=examples.along, analytic=True,
)  # fmt: skip
def cumprod(x: Operand, axis: int | None = None) -> Any:
    """The running products along an axis, or of all numbers in one row."""
    return np.cumprod(x, axis=axis)


def _others(x: Any, axis: Axis) -> Any:
    """For each number the product of all the others: those before times those after."""
    n, axes = len(shape_of(x)), axes_of(x, axis)
    order = (*[i for i in range(n) if i not in axes], *axes)
    turned = tuple(shape_of(x)[i] for i in order)
    rows = (*turned[: n - len(axes)], math.prod(turned[n - len(axes) :]))
    row = reshape(transpose(x, order), rows)
    before = _shifted(cumprod(row, axis=-1), -1, 1.0)
    after = _flipped(_shifted(cumprod(_flipped(row, -1), axis=-1), -1, 1.0), -1)
    back = tuple(int(i) for i in np.argsort(order))
    return transpose(reshape(before * after, turned), back)


@general(
    vjp=[lambda g, out, x, axis, keepdims: spread(g, x, axis) * _others(x, axis)],
    jvp=[lambda t, out, x, axis, keepdims: sum(t * _others(x, axis), axis, keepdims)],
    kind="reduction", symbol="Π", formula="Πᵢ xᵢ", prepare=listed("prod"),
    code="np.prod({0}, axis={axis}, keepdims={keepdims})",
    stable="The derivative multiplies the other factors and never divides, so zeros are exact.",
    examples=examples.reduction, analytic=True,
)  # fmt: skip
def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product over the axes, or of all numbers; 1 where there are none."""
    return np.prod(x, axis=axis, keepdims=keepdims)


def _kept(out: Any, axis: int) -> Any:
    """The share of the sum so far that was in the sum before."""
    return exp(_shifted(out, axis, -math.inf) - _finite(out))


def _finite(out: Any) -> Any:
    return where(equal(out, -math.inf), 0.0, out)  # exp(-inf - 0) is 0, where -inf + inf is nan


@general(
    vjp=[
        lambda g, out, x, axis: (
            exp(x - _finite(out)) * _returned(g, _kept(out, axis), axis)
        )
    ],
    jvp=[
        lambda t, out, x, axis: linear_recurrence(
            _kept(out, axis), t * exp(x - _finite(out)), axis=axis
        )
    ],
    kind="scan", formula="ln(eˣ¹ + … + eˣⁱ)", prepare=_scanned("logcumsumexp"),
    code="np.logaddexp.accumulate({0}, axis={axis})",
    numpy="np.logaddexp.accumulate({0}, axis={axis})",
    jax="jax.lax.cumlogsumexp({0}, axis={axis})",
    stable="Each step adds two numbers by their difference; every factor of the derivative is ≤ 1.",
    examples=examples.along,
)  # fmt: skip
def logcumsumexp(x: Operand, axis: int | None = None) -> Any:
    """log(cumsum(exp(x))) without overflow."""
    return np.logaddexp.accumulate(x, axis=axis or 0)


def _still(out: Any, axis: int) -> Any:
    """1 where the extreme is the one of the place before, else 0."""
    return where(equal(out, _shifted(out, axis, 0.0)), 1.0, 0.0)


def _shared_by(out: Any, x: Any, axis: int) -> Any:
    """How many of the numbers so far tie for the extreme."""
    return linear_recurrence(_still(out, axis), where(equal(x, out), 1.0, 0.0), axis=axis)


def _record(larger: bool) -> Any:
    """How far each number is beyond the extreme before it; the sign says whether it is one."""

    def beyond(x: Any, axis: int) -> Any:
        accumulate = np.maximum.accumulate if larger else np.minimum.accumulate
        before = np.moveaxis(accumulate(x, axis=axis), axis, -1)[..., :-1]
        ahead = np.full(np.moveaxis(np.asarray(x), axis, -1).shape, np.inf)
        ahead[..., 1:] = np.moveaxis(np.asarray(x), axis, -1)[..., 1:] - before
        return np.moveaxis(ahead, -1, axis)

    return beyond


_RUNNING: dict[str, Any] = {
    "vjp": [
        lambda g, out, x, axis: where(
            equal(x, out),
            _returned(g / _shared_by(out, x, axis), _still(out, axis), axis),
            0.0,
        )
    ],
    "jvp": [
        lambda t, out, x, axis: (
            linear_recurrence(_still(out, axis), where(equal(x, out), t, 0.0), axis=axis)
            / _shared_by(out, x, axis)
        )
    ],
    "kind": "scan",
    "examples": examples.along,
}


@general(
    **_RUNNING, formula="max(x₁, …, xᵢ)", kinks=(_record(True),), prepare=_scanned("cummax"),
    code="np.maximum.accumulate({0}, axis={axis})", numpy="np.maximum.accumulate({0}, axis={axis})",
    torch="torch.cummax({0}, dim={axis}).values", jax="jax.lax.cummax({0}, axis={axis})",
    conventions=(Convention(
        "cummax and cummin where numbers tie: those so far share the gradient equally",
        "d(lambda x: tg.cummax(x)[1])(np.array([3.0, 3.0])).tolist()", "[0.5, 0.5]",
        "D(lambda x: torch.cummax(x, 0).values[1])(t([3.0, 3.0])).tolist()", "[0.0, 1.0]",
    ),),
)  # fmt: skip
def cummax(x: Operand, axis: int | None = None) -> Any:
    """The largest number so far along an axis; numbers that tie share the gradient equally."""
    return np.maximum.accumulate(x, axis=axis or 0)


@general(
    **_RUNNING, formula="min(x₁, …, xᵢ)", kinks=(_record(False),), prepare=_scanned("cummin"),
    code="np.minimum.accumulate({0}, axis={axis})", numpy="np.minimum.accumulate({0}, axis={axis})",
    torch="torch.cummin({0}, dim={axis}).values", jax="jax.lax.cummin({0}, axis={axis})",
)  # fmt: skip
def cummin(x: Operand, axis: int | None = None) -> Any:
    """The smallest number so far along an axis; numbers that tie share the gradient equally."""
    return np.minimum.accumulate(x, axis=axis or 0)
