"""When an operation or a rule raises: what IEEE 754 says on floats, or the error in plain words.

Python's floats raise where NumPy's give inf or nan (`1/0`, `exp(1000)`, `log(0)`); the same
computation on NumPy's floats decides. What still fails is a mistake, and is told as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_edu import raw, wording
from tinygrad_edu.errors import TinygradError


def forward(op: Any, inputs: Sequence[Any], params: dict[str, Any], error: Exception) -> Any:
    """The result of ``op`` after all, or the error with operands, parameters and the line."""
    if isinstance(error, TinygradError) and error.reason is not None:
        raise error  # told already
    xs = [getattr(x, "_data", x) for x in inputs]
    if isinstance(error, (ArithmeticError, ValueError)) and float in map(type, xs):
        try:
            return raw.ieee(op.forward, *xs, **params)
        except Exception as again:
            error = again
    raise wording.failure(op, inputs, params, error) from error.__cause__


def pull(
    op: Any, i: int, g: Any, out: Any, xs: Sequence[Any], params: dict[str, Any], error: Exception
) -> Any:
    """The gradient of operand ``i`` after all, or an error that names the rule and its numbers."""
    if isinstance(error, TinygradError):
        raise error
    try:
        return raw.ieee(lambda g, out, *xs: op.pull(i, g, out, xs, params), g, out, *xs)
    except Exception as again:
        raise wording.rule_failure(op, i, xs, again) from again
