"""What the functions of this package ask of their arguments, and how they refuse them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.raw import operand
from tinygrad_edu.wording import refusal

Geometry = tuple[int, ...]


def array(x: Any) -> Any:
    """A Value as it is, anything else as a locked array; of floats in any case."""
    x = x if isinstance(x, Value) else np.asarray(operand(x))
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def numbers(function: str, name: str, given: Any, axes: int, least: int) -> Geometry:
    """A whole number per spatial axis, from one for all or a tuple of them.

    >>> numbers("max_pool2d", "stride", 2, 2, 1), numbers("max_pool2d", "stride", (2, 1), 2, 1)
    ((2, 2), (2, 1))
    """
    try:
        found = tuple(map(operator.index, given if isinstance(given, (tuple, list)) else [given]))
    except TypeError:
        found = ()
    found = found * axes if len(found) == 1 else found
    if len(found) != axes or min(found) < least:
        what = "one whole number" if axes == 1 else f"a whole number or a tuple of {axes}"
        raise refusal(function, f"{name}={given!r}", f"{name} is {what}, each at least {least}")
    return found


def count(given: Any) -> int:
    """A whole number as Python's own; 0, which no caller takes, for anything else.

    >>> count(np.int64(2)), count(2.0)
    (2, 0)
    """
    try:
        return operator.index(given)
    except TypeError:
        return 0


def spatial(function: str, x: Any, axes: int) -> Any:
    """The input as an array of batch, channels and so many spatial axes."""
    x = array(x)
    if x.ndim == axes + 2:
        return x
    names = ("batch", "channels", "height", "width")[: axes + 2] if axes == 2 else (
        "batch", "channels", "length"
    )  # fmt: skip
    more = "x[None] adds a batch of one" if x.ndim == axes + 1 else "reshape it"
    wanted = f"input is ({', '.join(names)})"
    raise refusal(function, f"an input of {x.ndim} axes", f"{wanted}; {more}", input=x)


def per_channel(function: str, x: Any, channels: int, **given: Any) -> list[Any]:
    """Optional numbers per channel, in a shape that meets axis 1 of the input."""
    found = []
    for name, numbers_ in given.items():
        v = None if numbers_ is None else array(numbers_)
        if v is not None and v.shape != (channels,):
            reason = f"{name} of shape {v.shape} for {channels} channels"
            raise refusal(function, reason, f"{name} has shape ({channels},)", input=x, **{name: v})
        found.append(v if v is None else v.reshape((channels,) + (1,) * (x.ndim - 2)))
    return found
