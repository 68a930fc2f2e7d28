"""What functions made of operations share: operands as arrays, axes that exist, errors that tell.

A rearrangement such as `roll` needs no rule of its own: it is slices, joined. Its mistakes are told
like those of an operation: operands by name and shape, the user's line, the repair.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu import wording
from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import DTypeError, TinygradError
from tinygrad_edu.raw import operand

F = TypeVar("F", bound=Callable[..., Any])


def mistake(reason: str, hint: str | None = None, kind: type[Exception] = ValueError) -> Exception:
    """A plain exception with a hint, for whoever tells it with the operands."""
    error = kind(reason)
    error.hint = hint  # type: ignore[attr-defined]
    return error


def refusal(
    name: str,
    inputs: Sequence[Any],
    reason: str,
    hint: str | None = None,
    kind: type[Exception] = ValueError,
    **params: Any,
) -> Exception:
    """The error of a call that cannot be: operation, static parameters, operands, user's line."""
    return wording.failure(SimpleNamespace(name=name), inputs, params, mistake(reason, hint, kind))


def composed(*operands: str, indices: str = "") -> Callable[[F], F]:
    """Tell the mistakes in a function of operations as its own; ``operands`` are its arrays.

    Everything else is static, and a Value there is refused, save in the ``indices`` or flags of
    this name, which are computed while a program is recorded. The ``prepare`` of an operation can
    be such a function.
    """

    def decorate(function: F) -> F:
        name = function.__name__.removeprefix("_prepare_")
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except (TypeError, ValueError, IndexError) as error:
                told = _told(name, signature, (operands, indices), args, kwargs, error)
            raise told

        return wrapper  # type: ignore[return-value]

    return decorate


def _told(
    name: str, signature: Any, kinds: tuple[Any, str], args: Any, kwargs: Any, error: Exception
) -> Exception:
    operands, indices = kinds
    op = SimpleNamespace(name=name, __signature__=signature)
    called = wording.signature(op)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as odd:
        return DTypeError(f"{name}: {odd}", hint=f"it is called as {called}")
    static = {key: x for key, x in given.items() if key not in operands}
    for key, x in static.items():
        value = next((part for part in leaves(x) if isinstance(part, Value)), None)
        if value is not None and key != indices:
            return wording.static_value(op, {key: value})
    first = error.reason if isinstance(error, TinygradError) else error
    if first is None:
        return error
    if getattr(first, "hint", None) is None:
        first.hint = getattr(error, "hint", None)  # type: ignore[attr-defined]
    if isinstance(first, TypeError) and getattr(first, "hint", None) is None:
        first = mistake(str(first), f"it is called as {called}", TypeError)
    shown = [part for key in operands if key in given for part in _shown(given[key])]
    return wording.failure(op, shown, static, first)


def _shown(x: Any) -> list[Any]:
    """One operand, or those in a list; a list of plain numbers is one array."""
    parts = leaves(x)
    several = any(isinstance(part, (Value, np.ndarray)) for part in parts)
    return parts if several or not isinstance(x, (list, tuple)) else [np.asarray(x)]


def leaves(x: Any) -> list[Any]:
    """The parts of nested lists and tuples; anything else is its own part."""
    return [p for item in x for p in leaves(item)] if isinstance(x, (list, tuple)) else [x]


def given(x: Any) -> Any:
    """An operand as a Value, or as a locked number or array."""
    return x if isinstance(x, Value) else operand(x)


def array(x: Any) -> Any:
    """A Value as it is, a list of Values stacked, anything else as a locked number or array."""
    if isinstance(x, (Value, float)):
        return x
    if isinstance(x, (list, tuple)) and any(isinstance(part, Value) for part in leaves(x)):
        return OPS["stack"](*[array(item) for item in x], axis=0)
    return operand(x)


def whole(x: Any) -> Any:
    """Whole numbers or flags as they are: indices, labels, masks; a Value only while recording."""
    if isinstance(x, Value):
        if x.dtype.kind == "f":
            raise mistake(
                f"whole numbers are needed, and {wording.describe(x)} holds {x.dtype}",
                "v.data.astype(int) makes plain ones",
                TypeError,
            )
        return x
    x = np.asarray(x)
    if not x.size and x.dtype.kind == "f":
        x = x.astype(np.intp)  # an empty list
    if x.dtype.kind not in "iub":
        hint = "x.astype(int), or // instead of / where they are computed"
        raise mistake(f"whole numbers are needed, not {x.dtype}", hint, TypeError)
    return operand(x, plain=True)


def axis_of(n: int, axis: Any) -> int:
    """An axis as a number from 0 to n - 1."""
    found = operator.index(axis)
    if not -n <= found < n:
        known = f"axes are {-n} to {n - 1}" if n else "a scalar has no axis: tg.expand_dims(x, 0)"
        raise mistake(f"axis {found} is out of bounds for an array of {n} axes", known)
    return found % n


def axes_of(n: int, axis: Any) -> tuple[int, ...]:
    """One axis or several as numbers from 0 to n - 1, each named once."""
    several = axis if isinstance(axis, Iterable) else (axis,)
    found = tuple([axis_of(n, a) for a in several])
    if len(set(found)) != len(found):
        raise mistake(f"axis {axis} names an axis twice", "name every axis once")
    return found


def along(n: int, axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes ``part`` of one axis and all of those before it."""
    return (*[slice(None)] * (axis % n), part)
