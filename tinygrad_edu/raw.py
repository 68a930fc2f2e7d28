"""Maths on a Python float or a NumPy array: the only place where the two are told apart.

Scalar maths on floats is about ten times faster than on 0-d arrays, so a scalar is always a
`float` here. A function of this module may raise `ZeroDivisionError`, `OverflowError` or a
"math domain error" on floats; the engine then asks `ieee` for what IEEE 754 prescribes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError

Raw = Any  # float | np.ndarray of ndim >= 1; a union would need a cast at every operator
Shape = tuple[int, ...]


def shape(x: Raw) -> Shape:
    """The shape of a float, an array or a Value; `()` for a scalar."""
    return () if type(x) is float else tuple(x.shape)


def lock(array: np.ndarray) -> np.ndarray:
    """Make an array of our own read-only and return it."""
    array.flags.writeable = False
    return array


def canonical(x: Any) -> Raw:
    """The one form of data: a Python float, or a read-only float array with ndim >= 1.

    For results computed by the library; `operand` is for data that somebody else may hold.

    >>> canonical(np.float64(2.0)), canonical(np.array(3.0)), canonical(np.array([1, 2]))
    (2.0, 3.0, array([1., 2.]))
    """
    if type(x) is float:
        return x
    if type(x) is not np.ndarray:
        x = np.asarray(x)
    if x.dtype.kind != "f":
        if x.dtype.kind not in "iub":
            raise DTypeError(f"{_kind(x)} data cannot be differentiated here", hint=_DTYPE_HINT)
        x = x.astype(np.float64)
    return lock(x) if x.ndim else float(x)


_DTYPE_HINT = "use real numbers: float, int, bool, or arrays of them"


def _kind(x: np.ndarray) -> str:
    names = {"c": "complex", "O": "object", "U": "str", "S": "bytes", "M": "date", "m": "time"}
    return names.get(x.dtype.kind, str(x.dtype))


def operand(x: Any, plain: bool = False) -> Raw:
    """Somebody's number or array as data that nobody can change: locked data is used, other copied.

    ``plain`` keeps bool and int data as they are, which is allowed while recording a program.
    """
    if type(x) is float:
        return x
    if x is None or isinstance(x, (str, bytes, complex)):
        raise DTypeError(f"{type(x).__name__} {x!r} is not a number to compute with", hint=_DTYPE_HINT)
    array = x if type(x) is np.ndarray else np.asarray(x)
    if plain and array.dtype.kind in "iub":
        return lock(array.copy()) if array.ndim else array.item()
    if array.ndim and array.dtype.kind == "f" and not _is_locked(array):
        array = array.copy()
    return canonical(array)


def _is_locked(array: np.ndarray | None) -> bool:
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return array is None or isinstance(array, bytes)


def ieee(function: Callable[..., Any], *xs: Any, **params: Any) -> Raw:
    """Call ``function`` once more with `np.float64` in place of floats: inf and nan, not errors.

    >>> ieee(lambda x, y: x / y, 1.0, 0.0)
    inf
    """
    with np.errstate(all="ignore"):
        out = function(*[np.float64(x) if type(x) is float else x for x in xs], **params)
    return canonical(out)


def exp(x: Raw) -> Raw:
    return math.exp(x) if type(x) is float else np.exp(x)


def expm1(x: Raw) -> Raw:
    return math.expm1(x) if type(x) is float else np.expm1(x)


def log(x: Raw) -> Raw:
    return math.log(x) if type(x) is float else np.log(x)


def log2(x: Raw) -> Raw:
    return math.log2(x) if type(x) is float else np.log2(x)


def log10(x: Raw) -> Raw:
    return math.log10(x) if type(x) is float else np.log10(x)


def log1p(x: Raw) -> Raw:
    return math.log1p(x) if type(x) is float else np.log1p(x)


def sqrt(x: Raw) -> Raw:
    return math.sqrt(x) if type(x) is float else np.sqrt(x)


def sin(x: Raw) -> Raw:
    return math.sin(x) if type(x) is float else np.sin(x)


def cos(x: Raw) -> Raw:
    return math.cos(x) if type(x) is float else np.cos(x)


def tanh(x: Raw) -> Raw:
    return math.tanh(x) if type(x) is float else np.tanh(x)


def absolute(x: Raw) -> Raw:
    return abs(x)


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


def where(condition: Any, x: Raw, y: Raw) -> Raw:
    if type(condition) is bool and type(x) is type(y) is float:
        return x if condition else y
    return np.where(condition, x, y)


def maximum(x: Raw, y: Raw) -> Raw:
    if type(x) is type(y) is float:
        return x if x > y or x != x else y
    return np.maximum(x, y)


def minimum(x: Raw, y: Raw) -> Raw:
    if type(x) is type(y) is float:
        return x if x < y or x != x else y
    return np.minimum(x, y)


def sign(x: Raw) -> Raw:
    return (x if x != x else float((x > 0) - (x < 0))) if type(x) is float else np.sign(x)


def sum_to(x: Raw, shape_: Shape) -> Raw:
    """Add up what broadcasting had spread: the transpose of `numpy.broadcast_to`.

    >>> sum_to(np.ones((2, 3)), (3,)), sum_to(np.ones((2, 3)), (2, 1)), sum_to(np.ones(4), ())
    (array([2., 2., 2.]), array([[3.],
           [3.]]), 4.0)
    """
    have = shape(x)
    if have == shape_:
        return x
    lead = len(have) - len(shape_)
    kept = have[lead:] if lead >= 0 else None
    if kept is None or any(n not in (1, m) for n, m in zip(shape_, kept, strict=True)):
        raise ShapeError(f"shape {have} does not come from broadcasting {shape_}")
    axes = (
        *range(lead),
        *(i + lead for i, (n, m) in enumerate(zip(shape_, kept, strict=True)) if n != m),
    )
    return canonical(np.sum(x, axis=axes, keepdims=True).reshape(shape_))
