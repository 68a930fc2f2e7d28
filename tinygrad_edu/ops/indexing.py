"""Taking parts of an array."""

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
    examples=examples.getitem, analytic=True,
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
    examples=examples.getitem_transpose, analytic=True,
)  # fmt: skip
def getitem_transpose(*operands: Operand, index: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with x added at the index: the transpose of `getitem`."""
    x, *arrays = operands
    out = np.zeros(shape, dtype=getattr(x, "dtype", np.float64))
    np.add.at(out, _filled(index, tuple(arrays)), x)
    return out
