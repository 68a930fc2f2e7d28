"""Standardizing: numbers less their mean, over their deviation. All norms of networks are this.

With s = 1 / √(variance + ε) and y = (x − mean) · s, the Jacobian of y is s · (I − 1/n − y yᵀ/n):
symmetric, so that one rule serves both directions; and the derivative of s is −s² y / n. So the
two operations are closed under differentiation. Ioffe and Szegedy, "Batch normalization" (2015);
Ba, Kiros and Hinton, "Layer normalization" (2016); Zhang and Sennrich, "Root mean square layer
normalization" (2019).
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np

from tinygrad_edu.define import general
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.ops.examples import Example, numbers
from tinygrad_edu.ops.printing import printed
from tinygrad_edu.ops.reductions import mean, sum
from tinygrad_edu.raw import shape as shape_of


def deviations(x: Any, axis: Any, centred: bool) -> Any:
    """The numbers less their mean over the axes, as an array of their own."""
    count = max(1.0, float(np.prod([x.shape[a] for a in axis])))
    if not centred:
        return x.copy()
    apart = x - np.add.reduce(x, axis=axis, keepdims=True) / count
    apart -= np.add.reduce(apart, axis=axis, keepdims=True) / count  # what rounding has left
    return apart


def inverse(squares: Any, axis: Any, eps: float) -> Any:
    """1 / √(mean of the squares + ε)."""
    count = max(1.0, float(np.prod([squares.shape[a] for a in axis])))
    return 1.0 / np.sqrt(np.add.reduce(squares, axis=axis, keepdims=True) / count + eps)


def standardized(x: Any, axis: Any, eps: float, centred: bool) -> Any:
    """The numbers less their mean, over their deviation; two arrays are all the memory it takes."""
    apart = deviations(x, axis, centred)
    squares = apart * apart
    return np.multiply(apart, inverse(squares, axis, eps), out=squares)


def inverse_deviations(x: Any, axis: Any, eps: float, centred: bool) -> Any:
    """One over the deviation."""
    apart = deviations(x, axis, centred)
    apart *= apart
    return inverse(apart, axis, eps)


_CODE = printed(deviations, inverse, standardized, inverse_deviations)
_PARAMS = "({0}, {axis}, {eps}, {centred})"


def _example(rng: Random) -> Example:
    shape = rng.choice([(3, 2), (2, 3, 2), (2, 4)])
    axes = rng.choice([(0,), (len(shape) - 1,), tuple(range(len(shape))), (0, len(shape) - 1)])
    eps = rng.choice([1e-5, 0.1])
    return (numbers(rng, *shape),), {"axis": axes, "eps": eps, "centred": rng.random() < 0.7}


def _along(g: Any, out: Any, x: Any, axis: Any, eps: float, centred: bool) -> Any:
    if 0 in shape_of(x):
        return g
    if type(g) is type(out) is type(x) is np.ndarray and g.dtype == x.dtype:
        return _along_in_place(g, out, x, axis, eps, centred)
    part = g - out * mean(g * out, axis=axis, keepdims=True)
    if centred:
        part = part - mean(g, axis=axis, keepdims=True)
    return part * inverse_deviation(x, axis=axis, eps=eps, centred=centred)


def _along_in_place(g: Any, out: Any, x: Any, axis: Any, eps: float, centred: bool) -> Any:
    """The same on numbers, in the memory of one array: half of the time is memory."""
    count = float(math.prod(x.shape[a] for a in axis))
    part = deviations(x, axis, centred)
    part *= part
    scale = inverse(part, axis, eps)
    np.multiply(g, out, out=part)
    np.multiply(out, np.add.reduce(part, axis=axis, keepdims=True) / count, out=part)
    np.subtract(g, part, out=part)
    if centred:
        part -= np.add.reduce(g, axis=axis, keepdims=True) / count
    part *= scale
    return part


def _slope(out: Any, x: Any, axis: Any, **params: Any) -> Any:
    count = math.prod(shape_of(x)[a] for a in axis)
    return standardize(x, axis=axis, **params) * (out * out / -float(count or 1))


@general(
    vjp=[_along], jvp=[_along],
    kind="reduction", formula="(x − mean x) / √(var x + ε)", torch="", jax="", examples=_example,
    code=_CODE and f"standardized{_PARAMS}\n{_CODE}",
    stable="the mean is subtracted before anything is squared, and its rounding after that",
)  # fmt: skip
def standardize(x: Operand, /, *, axis: tuple[int, ...], eps: float, centred: bool = True) -> Any:
    """x less its mean over the axes, over its deviation; the mean stays if not ``centred``."""
    return standardized(x, axis, eps, centred)


@general(
    vjp=[lambda g, out, x, **params: g * _slope(out, x, **params)],
    jvp=[
        lambda t, out, x, axis, **params: sum(
            t * _slope(out, x, axis, **params), axis=axis, keepdims=True
        )
    ],
    kind="reduction", formula="1 / √(var x + ε)", torch="", jax="", examples=_example,
    code=_CODE and f"inverse_deviations{_PARAMS}\n{_CODE}",
)  # fmt: skip
def inverse_deviation(
    x: Operand, /, *, axis: tuple[int, ...], eps: float, centred: bool = True
) -> Any:
    """One over the deviation of x over the axes, which are kept with length 1."""
    return inverse_deviations(x, axis, eps, centred)
