"""The right-hand side of an instruction on arrays: NumPy calls that can write into `out=`.

Which NumPy function an operation is, its fact ``code`` says: ``{0} + {1}`` is `np.add`,
``m.tanh({0})`` is `np.tanh`. There is no second table of operations.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from tinygrad_edu.compile.expressions import wrapped
from tinygrad_edu.explain.templates import fill, forms
from tinygrad_edu.tape import Instruction

_OPERATORS = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", ">": "greater",
    ">=": "greater_equal", "<": "less", "<=": "less_equal", "==": "equal", "!=": "not_equal",
}  # fmt: skip
_BINARY = re.compile(r"(\{\d\}|[\d.]+) ([-+*/<>=!]+) (\{\d\}|[\d.]+)")
_CALL = re.compile(r"np\.(\w+)\(((?:\{\d\}|[-\d.]+)(?:, (?:\{\d\}|[-\d.]+))*)\)")
_UNARY = {"-{0}": "np.negative({0})", "abs({0})": "np.absolute({0})"}


def ufunc_of(step: Instruction) -> str | None:
    """The call of one ufunc that an operation is on arrays, as a template, or None.

    Where a power is concerned `x ** y` is not `np.power`, bit for bit, so it is none.
    """
    if step.op.code is None:
        return None
    template = forms(step)[1]
    template = _UNARY.get(template, template)
    binary = _BINARY.fullmatch(template)
    if binary and binary[2] in _OPERATORS:
        return f"np.{_OPERATORS[binary[2]]}({binary[1]}, {binary[3]})"
    call = _CALL.fullmatch(template)
    if call and isinstance(getattr(np, call[1], None), np.ufunc) and call[1] != "power":
        return template
    return None


def array_expression(step: Instruction, args: list[str], writer: Any, at: int) -> str:
    """The expression on arrays, writing into a free array where there is one; "" for none."""
    out, name, params = step.recorded, step.op.name, step.params
    x = writer.of(step.args[0]) if step.args else None
    template = ufunc_of(step)
    if template is None and name == "matmul":
        template = "np.matmul({0}, {1})"
    if template is not None:
        text = fill(template, args, params, writer._array)
        slot = None
        if isinstance(out, np.ndarray) and out.flags.c_contiguous and _full(step, writer):
            slot = writer.memory.target(step, at, elementwise=name != "matmul")
        return wrapped(text if slot is None else f"{text[:-1]}, out={writer.names[slot]})", out)
    if name == "sum" or (name == "mean" and isinstance(x, np.ndarray) and x.dtype.itemsize >= 4):
        kept = ", keepdims=True" if params["keepdims"] else ""
        text = f"np.add.reduce({args[0]}, axis={params['axis']}{kept})"
        if name == "mean":
            text += f" / {_count(x, params['axis'])!r}"
        return wrapped(text, out)
    if name == "where":
        return wrapped(f"np.where({', '.join(args)})", out)
    if name == "transpose" and isinstance(x, np.ndarray):
        reverse = tuple(params["axes"]) == tuple(range(x.ndim))[::-1]
        return f"{args[0]}.T" if reverse else f"{args[0]}.transpose({params['axes']})"
    if name == "reshape" and isinstance(x, np.ndarray) and isinstance(out, np.ndarray):
        return f"{args[0]}.reshape({params['shape']})"
    return ""


def _full(step: Instruction, writer: Any) -> bool:
    """Whether NumPy computes in the type of the result: then `out=` rounds nothing else."""
    arrays = [writer.of(a) for a in step.args if isinstance(writer.of(a), np.ndarray)]
    return bool(arrays) and (
        step.recorded.dtype.kind == "b" or all(a.dtype == step.recorded.dtype for a in arrays)
    )


def _count(x: Any, axis: Any) -> float:
    axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    return float(np.prod([x.shape[a] for a in axes], dtype=int))
