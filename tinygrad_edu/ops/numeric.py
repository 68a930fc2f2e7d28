"""The mathematics of the op tables, on a Python float or an array: told apart in one place.

On floats a function may raise `ZeroDivisionError`, `OverflowError` or "math domain error"; the
engine then asks `raw.ieee` for what IEEE 754 prescribes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.raw import Raw, where


def either(on_float: Callable[[float], float], on_array: Callable[..., Any]) -> Callable[..., Any]:
    """One function of the two that compute the same on a float and on an array."""
    return lambda x: on_float(x) if type(x) is float else on_array(x)


def by_numpy(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function, with a Python float for a scalar: where `math` has none."""

    def compute(*xs: Raw, **params: Any) -> Raw:
        if set(map(type, xs)) != {float}:
            return function(*xs, **params)
        with np.errstate(all="ignore"):
            return float(function(*xs, **params))

    return compute


exp, expm1 = either(math.exp, np.exp), either(math.expm1, np.expm1)
log, log1p = either(math.log, np.log), either(math.log1p, np.log1p)
log2, log10 = either(math.log2, np.log2), either(math.log10, np.log10)
sqrt, tanh = either(math.sqrt, np.sqrt), either(math.tanh, np.tanh)
sin, cos = either(math.sin, np.sin), either(math.cos, np.cos)
sign = either(lambda x: x if x != x else float((x > 0) - (x < 0)), np.sign)


def power(x: Raw, y: Raw) -> Raw:
    out = x**y
    return math.nan if type(out) is complex else out  # (-8.0) ** (1 / 3) is complex in Python


def sigmoid(x: Raw) -> Raw:
    """1 / (1 + exp(-x)) without overflow: exp is only taken of numbers <= 0."""
    e = exp(-abs(x))
    return where(x >= 0, 1.0, e) / (1.0 + e)


def softplus(x: Raw) -> Raw:
    """log(1 + exp(x)) without overflow."""
    return maximum(x, 0.0) + log1p(exp(-abs(x)))


def maximum(x: Raw, y: Raw) -> Raw:
    if type(x) is type(y) is float:
        return x if x > y or x != x else y
    return np.maximum(x, y)


def minimum(x: Raw, y: Raw) -> Raw:
    if type(x) is type(y) is float:
        return x if x < y or x != x else y
    return np.minimum(x, y)
