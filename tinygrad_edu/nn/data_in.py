"""What a network is given, in the form it computes with: named input nodes, one row per sample."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError, TinygradError
from tinygrad_edu.ops.arrays import stack

Row = Sequence[Any]  # the numbers or scalar Values of one sample


def check_count(n: Any, what: str) -> int:
    """A whole number from 1 up, or an error that says what it counts."""
    if isinstance(n, (bool, np.bool_)) or not isinstance(n, numbers.Integral) or n < 1:
        raise ShapeError(f"{what} is a whole number from 1 up, not {n!r}", hint="nn.Layer(2, 3)")
    return int(n)


def check_names(names: Sequence[str] | None, count: int, what: str) -> tuple[str, ...]:
    """As many names as there are things to name, or () for none."""
    if names is None:
        return ()
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TinygradError(f"{what} names are a list of texts, not {names!r}")
    if len(names) != count:
        raise TinygradError(f"{len(names)} names for {count} {what}s", hint="one name each")
    return tuple(names)


def _holds_values(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and any(isinstance(i, Value) or _holds_values(i) for i in x)


def _numbers(x: Any) -> Any:
    try:
        array = np.asarray(x)
    except ValueError:
        raise ShapeError(
            "the samples do not all have the same number of inputs", hint="rows of equal length"
        ) from None
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"inputs of type {array.dtype} are not real numbers",
            hint="encode words as numbers first: tg.train.datasets.prepare",
        )
    return array


def _check_shape(shape: tuple[int, ...], inputs: int, most_axes: int | None) -> None:
    if shape and shape[-1] == inputs and (most_axes is None or len(shape) <= most_axes):
        return
    if len(shape) == 1 and inputs == 1:
        hint = "a batch of single numbers is a column: x[:, None]"
    else:
        hint = f"one sample has shape ({inputs},), a batch of n has shape (n, {inputs})"
    raise ShapeError(f"data of shape {shape} for {inputs} input{'s' * (inputs != 1)}", hint=hint)


def as_array(x: Any, inputs: int) -> Value:
    """One sample (inputs,) or a batch (n, inputs) as a Value; plain data becomes an input node."""
    if _holds_values(x):
        x = stack([stack(list(row)) if isinstance(row, (list, tuple)) else row for row in x])
    if not isinstance(x, Value):
        x = Value(_numbers(x), "x", Role.INPUT, requires_grad=False)
    _check_shape(x.shape, inputs, None)
    return x  # type: ignore[no-any-return]


def as_rows(x: Any, inputs: int, names: tuple[str, ...]) -> tuple[list[Row], bool]:
    """One sample or a batch as rows of scalar Values, and whether it was a batch.

    Plain numbers become input nodes, named x1, x2, … or by ``names``.
    """
    if isinstance(x, Value):
        _check_shape(x.shape, inputs, 2)
        batched = x.ndim == 2
        if batched:
            return [[x[i, j] for j in range(inputs)] for i in range(len(x))], True
        return [[x[j] for j in range(inputs)]], False
    if _holds_values(x):
        batched = any(isinstance(row, (list, tuple, np.ndarray)) for row in x)
        rows = list(x) if batched else [x]
        for row in rows:
            _check_shape(
                (len(row),) if isinstance(row, (list, tuple)) else np.shape(row), inputs, 1
            )
    else:
        array = _numbers(x)
        _check_shape(array.shape, inputs, 2)
        batched = array.ndim == 2
        rows = array.tolist() if batched else [array.tolist()]
    own = names or tuple(f"x{i + 1}" for i in range(inputs))
    return [[_node(v, name) for v, name in zip(row, own, strict=True)] for row in rows], batched


def _node(v: Any, name: str) -> Value:
    return v if isinstance(v, Value) else Value(v, name, Role.INPUT, requires_grad=False)
