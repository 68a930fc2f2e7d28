"""Maths on a Python float or a NumPy array: the only place where the two are told apart.

Scalar maths on floats is about ten times faster than on 0-d arrays, so a scalar is always a
`float` here. A function of this module may raise `ZeroDivisionError`, `OverflowError` or a
"math domain error" on floats; the engine then asks `ieee` for what IEEE 754 prescribes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError

Raw = Any  # float | np.ndarray of ndim >= 1; a union would need a cast at every operator


def shape(x: Raw) -> tuple[int, ...]:
    """The shape of a float, an array or a Value; `()` for a scalar."""
    return () if type(x) in (float, bool, int) else x.shape


def common(a: Any, b: Any) -> Any:
    """The float type two scalars share; None is a weak Python float, which takes any."""
    return a or b if a is b or not (a and b) else np.promote_types(a, b).type


def lock(array: np.ndarray) -> np.ndarray:
    """Make an array of our own read-only and return it."""
    array.setflags(write=False)
    return array


def canonical(x: Any, plain: bool = False) -> Raw:
    """The one form of data: a Python float, or a read-only float array with ndim >= 1.

    For results computed by the library; `operand` is for data that somebody else may hold.
    ``plain`` keeps bool and int data as they are, which is allowed while recording a program.

    >>> canonical(np.float64(2.0)), canonical(np.array(3.0)), canonical(np.array([1, 2]))
    (2.0, 3.0, array([1., 2.]))
    """
    if type(x) is float:
        return x
    x = x if type(x) is np.ndarray else np.asarray(x)
    if x.dtype.kind == "f":
        return lock(x) if x.ndim else float(x)
    if x.dtype.kind in "iub":
        if plain:
            return lock(x) if x.ndim else x.item()
        return canonical(x.astype(np.float64))
    raise DTypeError(f"{x.dtype.name} data cannot be differentiated here", hint=_DTYPE_HINT)


_DTYPE_HINT = "use real numbers: float, int, bool, or arrays of them (masked ones .filled())"


def operand(x: Any, plain: bool = False) -> Raw:
    """Somebody's number or array as data that nobody can change: locked data is used, other copied.

    >>> operand(True), operand([1, 2]), operand(1, plain=True)
    (1.0, array([1., 2.]), 1)
    """
    if type(x) is float:
        return x
    if isinstance(x, (str, bytes, complex, type(None))) or hasattr(x, "filled"):
        what = "None" if x is None else f"{type(x).__name__} {x!r}"
        raise DTypeError(f"{what} is not a number to compute with", hint=_DTYPE_HINT)
    array = x if type(x) is np.ndarray else np.asarray(x)
    if array.base is None and not array.flags.writeable and array.ndim and array.dtype.kind == "f":
        return array
    if array.ndim and array.dtype.kind in "fiub" and not _is_locked(array):
        array = array.copy()
    return canonical(array, plain)


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
    return canonical(out) if isinstance(out, (np.generic, np.ndarray)) else out


def where(condition: Any, x: Raw, y: Raw) -> Raw:
    """``x`` where the condition holds, else ``y``; on floats without a detour through arrays."""
    if type(condition) in (bool, np.bool_) and type(x) is type(y) is float:
        return x if condition else y
    return np.where(condition, x, y)


def sum_to(x: Raw, shape_: tuple[int, ...]) -> Raw:
    """Add up what broadcasting had spread: the transpose of `numpy.broadcast_to`.

    >>> sum_to(np.ones((2, 3)), (3,)), sum_to(np.ones((2, 3)), (2, 1)), sum_to(np.ones(4), ())
    (array([2., 2., 2.]), array([[3.],
           [3.]]), 4.0)
    """
    have = shape(x)
    if have == shape_:
        return x
    lead = len(have) - len(shape_)
    if lead >= 0 and have[lead:] == shape_:  # the usual case: a bias, spread over the batch
        return canonical(np.add.reduce(x, axis=0 if lead == 1 else tuple(range(lead))))
    same = [lead >= 0 and n == m for n, m in zip(shape_, have[max(lead, 0) :], strict=False)]
    if lead < 0 or any(n != 1 and not s for n, s in zip(shape_, same, strict=True)):
        raise ShapeError(f"shape {have} does not come from broadcasting {shape_}")
    axes = (*range(lead), *(i + lead for i, s in enumerate(same) if not s))
    return canonical(np.sum(x, axis=axes, keepdims=True).reshape(shape_))
