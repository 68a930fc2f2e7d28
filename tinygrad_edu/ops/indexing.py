"""Taking parts of an array, and products of matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.define import general
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.raw import operand
from tinygrad_edu.raw import shape as shape_of


class Hole(NamedTuple):
    """Stands in a recorded index for the operand with this number."""

    number: int


def _prepare_getitem(x: Any, *arrays: Any, index: Any) -> Any:
    if arrays:
        return {"index": index}
    parts = index if isinstance(index, tuple) else (index,)
    operands: list[Value] = []
    fixed: list[Any] = []
    for part in parts:
        if isinstance(part, Value):
            if part.dtype.kind == "f":
                raise DTypeError(f"an index of type {part.dtype}", hint="indices are whole numbers")
            fixed.append(Hole(len(operands)))
            operands.append(part)
        elif isinstance(part, (list, np.ndarray)):
            fixed.append(operand(part, plain=True))  # a copy: the caller's may change later
        else:
            fixed.append(part)
    kept = tuple(fixed) if isinstance(index, tuple) else fixed[0]
    return getitem(x, *operands, index=kept) if operands else {"index": kept}


def _filled(index: Any, arrays: tuple[Any, ...]) -> Any:
    if isinstance(index, Hole):
        return arrays[index.number]
    if isinstance(index, tuple):
        return tuple(arrays[i.number] if isinstance(i, Hole) else i for i in index)
    return index


@general(
    vjp=[
        lambda g, out, x, *arrays, index: getitem_transpose(
            g, *arrays, index=index, shape=shape_of(x)
        )
    ],
    jvp=[lambda t, out, x, *arrays, index: getitem(t, *arrays, index=index)],
    kind="shape", symbol="[ ]", formula="x[index]", prepare=_prepare_getitem, code="{0}[{index}]",
    examples=examples.getitem,
)  # fmt: skip
def getitem(*operands: Operand, index: Any) -> Any:
    """x[index], with every kind of NumPy index; numbers taken twice get both gradients."""
    x, *arrays = operands
    return np.asarray(x)[_filled(index, tuple(arrays))]


@general(
    vjp=[lambda g, out, x, *arrays, index, shape: getitem(g, *arrays, index=index)],
    jvp=[
        lambda t, out, x, *arrays, index, shape: getitem_transpose(
            t, *arrays, index=index, shape=shape
        )
    ],
    kind="shape", symbol="[ ]ᵀ", formula="0 with x added at index", code=source.GETITEM_TRANSPOSE,
    examples=examples.getitem_transpose,
)  # fmt: skip
def getitem_transpose(*operands: Operand, index: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with x added at the index: the transpose of `getitem`."""
    x, *arrays = operands
    out = np.zeros(shape, dtype=getattr(x, "dtype", np.float64))
    np.add.at(out, _filled(index, tuple(arrays)), x)
    return out


def _swapped(x: Any) -> Any:
    n = len(shape_of(x))
    return x.T if n == 2 else x.transpose((*range(n - 2), n - 1, n - 2))


def _as_matrix(x: Any, column: bool) -> Any:
    shape = shape_of(x)
    return x if len(shape) > 1 else x.reshape((-1, 1) if column else (1, -1))


def _left(g: Any, out: Any, x: Any, y: Any) -> Any:
    if len(shape_of(x)) == len(shape_of(y)) == 2:
        return g @ y.T
    full = _full_gradient(g, x, y) @ _swapped(_as_matrix(y, column=True))
    shape = shape_of(full)
    return full.reshape((*shape[:-2], shape[-1])) if len(shape_of(x)) == 1 else full


def _right(g: Any, out: Any, x: Any, y: Any) -> Any:
    if len(shape_of(x)) == len(shape_of(y)) == 2:
        return x.T @ g
    full = _swapped(_as_matrix(x, column=False)) @ _full_gradient(g, x, y)
    return full.reshape(shape_of(full)[:-1]) if len(shape_of(y)) == 1 else full


def _full_gradient(g: Any, x: Any, y: Any) -> Any:
    """The gradient of the product with the axes that vector operands had lost."""
    shape = list(shape_of(g))
    if len(shape_of(x)) == 1:
        shape.insert(len(shape) - (len(shape_of(y)) > 1), 1)
    if len(shape_of(y)) == 1:
        shape.append(1)
    return (np.asarray(g) if type(g) is float else g).reshape(tuple(shape))


@general(
    vjp=[_left, _right],
    jvp=[lambda t, out, x, y: t @ y, lambda t, out, x, y: x @ t],
    kind="matmul", symbol="@", formula="x @ y", code="{0} @ {1}",
    examples=examples.matmul,
)  # fmt: skip
def matmul(x: Operand, y: Operand) -> Any:
    """The matrix product, with NumPy's rules for vectors and stacks of matrices."""
    return np.matmul(x, y)
