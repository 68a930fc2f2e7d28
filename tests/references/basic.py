"""References of the operations of a first network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def each(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of floats, applied number by number: slow, plain, and independent."""

    def over(*operands: Any, **params: Any) -> Any:
        parts = np.broadcast_arrays(*operands)
        rows = zip(*[p.reshape(-1).tolist() for p in parts], strict=True)
        return np.array([function(*row, **params) for row in rows]).reshape(parts[0].shape)

    return over


def long_softmax(x: Any, axis: int) -> Any:
    wide = np.asarray(x, dtype=np.longdouble)
    shares = np.exp(wide - wide.max(axis=axis, keepdims=True))
    return (shares / shares.sum(axis=axis, keepdims=True)).astype(float)


def long_logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    wide = np.exp(np.asarray(x, dtype=np.longdouble))
    return np.log(np.sum(wide, axis=axis, keepdims=keepdims)).astype(float)


def sum_over_added_axes(x: Any, shape: Any) -> Any:
    """Every entry goes to where `numpy.broadcast_to` would have read it from."""
    total = np.zeros(shape)
    sources = np.broadcast_to(np.arange(total.size).reshape(shape), x.shape)
    for source, number in zip(sources.reshape(-1), x.reshape(-1), strict=True):
        total.reshape(-1)[source] += number
    return total


def scatter(x: Any, index: Any, shape: Any) -> Any:
    total = np.zeros(shape)
    places = np.arange(total.size).reshape(shape)[index]
    for place, number in zip(np.ravel(places), np.ravel(x), strict=True):
        total.reshape(-1)[place] += number
    return total


# NumPy has the other names itself, with the same arguments.
REFERENCES: dict[str, Callable[..., Any]] = {
    "add_n": lambda *terms: np.sum(np.broadcast_arrays(*terms), axis=0),
    "sigmoid": each(lambda x: 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else 0.0),
    "relu": each(lambda x: x if x > 0.0 else 0.0),
    "leaky_relu": each(lambda x, negative_slope: x if x > 0.0 else negative_slope * x),
    "elu": each(lambda x, alpha: x if x > 0.0 else alpha * math.expm1(x)),
    "silu": each(lambda x: x / (1.0 + math.exp(-x)) if x > -700.0 else -0.0),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "logsumexp": long_logsumexp,
    "softmax": long_softmax,
    "log_softmax": lambda x, axis: x - long_logsumexp(x, axis, True),
    "sum_to": sum_over_added_axes,
    "astype": lambda x, dtype: np.asarray(x, dtype=dtype),
    "stack": lambda *arrays, axis: np.stack(arrays, axis=axis),
    "concatenate": lambda *arrays, axis: np.concatenate(arrays, axis=axis),
    "getitem": lambda x, index: x[index],
    "getitem_transpose": scatter,
    "detach": lambda x: x,
}
