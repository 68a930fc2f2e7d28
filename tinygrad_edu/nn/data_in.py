"""What a network is given, in the form it computes with: named input nodes."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError, TinygradError
from tinygrad_edu.ops.arrays import stack

Row = Sequence[Any]  # an entry per input: a scalar for one sample, a column (n,) for a batch


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


def as_row(x: Any, inputs: int, names: tuple[str, ...]) -> Row:
    """One sample as scalar Values, or a batch as columns of shape (n,): one node per input.

    Plain numbers become input nodes, named x1, x2, … or by ``names``. A batch goes through the
    neurons side by side: each weight is one number, each node holds the n samples.
    """
    if isinstance(x, Value):
        _check_shape(x.shape, inputs, 2)
        return [x[:, j] if x.ndim == 2 else x[j] for j in range(inputs)]
    if _holds_values(x):
        batched = any(isinstance(row, (list, tuple, np.ndarray)) for row in x)
        for row in list(x) if batched else [x]:
            own = (len(row),) if isinstance(row, (list, tuple)) else np.shape(row)
            _check_shape(own, inputs, 1)
        row = [[row[j] for row in x] for j in range(inputs)] if batched else list(x)
    else:
        array = _numbers(x)
        _check_shape(array.shape, inputs, 2)
        row = list(np.ascontiguousarray(array.T)) if array.ndim == 2 else array.tolist()
    own_names = names or tuple(f"x{i + 1}" for i in range(inputs))
    return [_node(v, name) for v, name in zip(row, own_names, strict=True)]


def _node(v: Any, name: str) -> Value:
    if isinstance(v, Value):
        return v
    if _holds_values(v):
        return stack(*v)  # type: ignore[no-any-return]
    return Value(v, name, Role.INPUT, requires_grad=False)


def join(outputs: Row) -> Value:
    """The outputs of neurons as one Value: (outputs,), or (n, outputs) for a batch."""
    return stack(*outputs, axis=-1)  # type: ignore[no-any-return]
