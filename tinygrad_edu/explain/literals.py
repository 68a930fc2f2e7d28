"""Numbers, arrays, indices and remarks as Python source, in ASCII."""

from __future__ import annotations

import math
import operator
import pprint
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.explain.ledger import same
from tinygrad_edu.explain.notation import one_line
from tinygrad_edu.ops.indexing import Hole


def literal(x: Any, nested: bool = True) -> str:
    """A number as source; in an expression (``nested``) a negative one has parentheses.

    >>> literal(-2.0), literal(0.1), literal(float("inf"), nested=False)
    ('(-2.0)', '0.1', 'math.inf')
    """
    if isinstance(x, float) and not math.isfinite(x):
        text = "math.nan" if x != x else ("math.inf" if x > 0 else "-math.inf")
    else:
        text = repr(x)
    return f"({text})" if nested and text.startswith("-") else text


SHORT = 8  # a uniform array longer than that is written as one number


def printed_size(array: np.ndarray) -> int:
    """How many numbers `array_literal` writes."""
    return 1 if array.size > SHORT and _uniform(array) else array.size


def _uniform(array: np.ndarray) -> bool:
    return same(array, np.full_like(array, array.flat[0]))


def array_literal(array: np.ndarray) -> str:
    """An array as source that gives it back: every bit, type, shape and memory order.

    >>> array_literal(np.array([[1.0, np.nan]], dtype=np.float32))
    'np.array([[1.0, np.nan]], dtype=np.float32)'
    """
    kind = "" if array.dtype in (np.float64, np.bool_, np.int64) else f", dtype=np.{array.dtype}"
    if array.size == 0:
        return f"np.zeros({array.shape}, dtype=np.{array.dtype})"
    if array.size > SHORT and _uniform(array):
        number = literal(array.flat[0].item(), nested=False).replace("math.", "np.")
        one = f"np.{array.dtype}({number})" if kind else number
        if not any(array.strides):  # one number seen everywhere: sums of it depend on the layout
            return f"np.broadcast_to({one}, {array.shape})"
        return f"np.full({array.shape}, {one})"
    if array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous:
        kind += ', order="F"'
    text = pprint.pformat(array.tolist(), width=88, compact=True)
    text = re.sub(r"\b(inf|nan)\b", r"np.\1", text)
    if "\n" in text:
        lines = "\n".join(f"    {line}" for line in text.split("\n"))
        return (
            f"np.array(\n{lines}{kind}\n)"
            if not kind
            else f"np.array(\n{lines},\n    {kind[2:]}\n)"
        )
    return f"np.array({text}{kind})"


def static(
    x: Any, operands: Sequence[str], constant: Callable[[np.ndarray], str], index: bool = False
) -> str:
    """A static parameter (an axis, a shape, a type, an ``index``) as source.

    ``operands`` are the instruction's, for an index that holds computed numbers; ``constant``
    gives an array its name.

    >>> static((slice(None, 2), ..., None), [], str, index=True), static((3,), [], str)
    (':2, ..., None', '(3,)')
    """
    if isinstance(x, np.dtype):
        return f"np.{x}"
    if isinstance(x, type):
        return f"np.{np.dtype(x)}"
    if isinstance(x, tuple) and not isinstance(x, Hole):
        parts = [_index_part(part, operands, constant) for part in x]
        text = ", ".join(parts) + ("," if len(parts) == 1 else "")
        return text if index and text else f"({text})"
    return _index_part(x, operands, constant)


def _index_part(x: Any, operands: Sequence[str], constant: Callable[[np.ndarray], str]) -> str:
    if isinstance(x, Hole):
        return operands[x.number + 1]
    if isinstance(x, slice):
        ends = [x.start, x.stop] if x.step is None else [x.start, x.stop, x.step]
        return ":".join("" if e is None else literal(operator.index(e), nested=False) for e in ends)
    if x is Ellipsis:
        return "..."
    if isinstance(x, np.ndarray):
        return constant(x)
    if isinstance(x, np.generic):
        x = x.item()
    return literal(x, nested=False)


def ascii_comment(text: str, quoted: bool = True) -> str:
    """A user's text for a remark: one line, ASCII, nothing that could end the remark.

    >>> ascii_comment("w₁\\nimport os")
    "'w\\\\u2081 import os'"
    """
    text = one_line(text)
    return ascii(text) if quoted else text.encode("ascii", "backslashreplace").decode("ascii")
