"""What to write instead, for mistakes that NumPy finds: read from its words and the shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

Shapes = Sequence[tuple[int, ...]]


def advice(name: str, shapes: Shapes, error: Exception) -> str | None:
    """The repair of a failed operation, or None where nothing better than its words is known.

    >>> advice("add", [(3, 4), (3,)], ValueError())
    'shapes are matched from the right: y[:, None] has shape (3, 1)'
    """
    if isinstance(error, np.exceptions.AxisError):
        return None if error.ndim is None else axes(error.ndim)
    if "duplicate value in 'axis'" in str(error):
        return axes(len(shapes[0])) if shapes else None
    if isinstance(error, IndexError):
        return _index(shapes, str(error))
    if name == "matmul":
        return _product(*shapes) if len(shapes) == 2 and all(shapes) else None
    if name in ("stack", "concatenate", "hstack", "vstack", "dstack", "column_stack", "append"):
        return _joint(name, shapes)
    return None if _broadcast(shapes) else _match(shapes)


def axes(n: int) -> str:
    """Which axes there are."""
    return f"axes are {-n} to {n - 1}, each once" if n else "a scalar has no axis"


def _broadcast(shapes: Shapes) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def _match(shapes: Shapes) -> str:
    """For shapes that do not broadcast, the transpose or the axis that is missing."""
    right = "shapes are matched from the right"
    if len(shapes) != 2:
        return f"{right}: all lengths of an axis are equal, or 1"
    a, b = shapes
    if len(a) == 1 and a[0] == b[0]:
        return f"{right}: x[:, None] has shape {(a[0], 1)}"
    if len(b) == 1 and b[0] == a[0]:
        return f"{right}: y[:, None] has shape {(b[0], 1)}"
    if len(a) > 1 and a == b[::-1]:
        return f"{right}: y.T has shape {a}"
    return f"{right}: both lengths of an axis are equal, or one of them is 1"


def _product(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    if len(a) == len(b) == 2 and a[1] == b[1]:
        return f"inner lengths must agree: {a} @ {b[::-1]} is  x @ W.T"
    return f"inner lengths must agree: the last of {a} and the first matrix length of {b}"


def _joint(name: str, shapes: Shapes) -> str:
    if not shapes:
        return f"tg.{name}([v, w]) joins two"
    if () in shapes:
        return "tg.stack([v, w]) joins numbers; tg.reshape(v, 1) is an array of one"
    if len({*map(len, shapes)}) > 1:
        return "each has as many axes: w[None] makes a row of a vector, w[:, None] a column"
    if name == "stack":
        return "all have one shape; tg.concatenate joins along an axis that they have"
    return "all lengths agree but along the axis they are joined along: axis=…, x.T, x[:n]"


def _index(shapes: Shapes, said: str) -> str | None:
    """For an index that is none of this array."""
    shape = shapes[0] if shapes else ()
    outside = re.search(r"out of bounds for axis \d+ with size (\d+)", said)
    if outside:
        n = int(outside[1])
        return f"places are {-n} to {n - 1}" if n else "nothing is there: test x.size before"
    if "too many indices" in said:
        return f"one index per axis at most, and the shape is {shape}" if shape else (
            "a number has no places: it is v itself"
        )  # fmt: skip
    if "boolean index" in said:
        return f"a mask has the shape {shape}, or as many lengths of it from the left"
    if "shape mismatch" in said:
        return "arrays in an index go together, place by place; x[np.ix_(rows, columns)] crosses"
    return "x[0], x[1:], x[..., 0], x[None], x[[0, 2]], x[mask]"
