"""The product of matrices, which every layer is made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.define import general
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.ops import examples
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.raw import shape as shape_of


def swapped(x: Any) -> Any:
    """The last two axes exchanged: each matrix of a batch transposed."""
    n = len(shape_of(x))
    return x.T if n == 2 else x.transpose((*range(n - 2), n - 1, n - 2))


def _as_matrix(x: Any, column: bool) -> Any:
    shape = shape_of(x)
    return x if len(shape) > 1 else x.reshape((-1, 1) if column else (1, -1))


def _left(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim == y.ndim == 2:
        return g @ y.T
    full = _full_gradient(g, x, y) @ swapped(_as_matrix(y, column=True))
    shape = shape_of(full)
    return full.reshape((*shape[:-2], shape[-1])) if len(shape_of(x)) == 1 else full


def _right(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim == y.ndim == 2:
        return x.T @ g
    if len(shape_of(y)) == 2 < len(shape_of(x)):  # one matrix for a batch: one product
        rows = math.prod(shape_of(x)[:-1])
        return x.reshape((rows, shape_of(x)[-1])).T @ g.reshape((rows, shape_of(g)[-1]))
    full = swapped(_as_matrix(x, column=False)) @ _full_gradient(g, x, y)
    return full.reshape(shape_of(full)[:-1]) if len(shape_of(y)) == 1 else full


def _full_gradient(g: Any, x: Any, y: Any) -> Any:
    """The gradient of the product with the axes that vector operands had lost."""
    shape = list(shape_of(g))
    if len(shape_of(x)) == 1:
        shape.insert(len(shape) - (len(shape_of(y)) > 1), 1)
    if len(shape_of(y)) == 1:
        shape.append(1)
    return (np.asarray(g) if type(g) is float else g).reshape(tuple(shape))


def _misfit(x: tuple[int, ...], y: tuple[int, ...]) -> ShapeError:
    """Why two shapes have no product; what to write is known to `wording`, except for these two."""
    if not x or not y:
        return ShapeError("a number is no matrix", hint="x * 2.0 multiplies by a number")
    columns, rows = x[-1], y[-2:][0]
    if columns != rows:
        return ShapeError(f"{columns} columns of {x} meet {rows} rows of {y}", hint=None)
    what = f"batches of {x[:-2]} and {y[:-2]} matrices do not go together"
    return ShapeError(what, hint="all axes but the last two are broadcast")


@general(
    vjp=[_left, _right],
    jvp=[lambda t, out, x, y: t @ y, lambda t, out, x, y: x @ t],
    kind="matmul", symbol="@", formula="x @ y", code="{0} @ {1}",
    examples=examples.matmul, analytic=True,
)  # fmt: skip
def matmul(x: Operand, y: Operand) -> Any:
    """The matrix product, with NumPy's rules for vectors and stacks of matrices."""
    try:
        return np.matmul(x, y)
    except ValueError:
        raise _misfit(shape_of(x), shape_of(y)) from None
