"""One call of one operation, with everything a law needs to run it on numbers or on Values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.engine import Op, Value


@dataclass(frozen=True, eq=False)
class Case:
    """``op(*operands, **params)``; operands of floats are differentiable, others are held fixed.

    >>> import tinygrad_edu as tg
    >>> Case(tg.OPS["tanh"], (0.5,), {}).source()
    'tg.tanh(0.5)'
    """

    op: Op[Any]
    operands: tuple[Any, ...]
    params: dict[str, Any]

    @property
    def moving(self) -> list[int]:
        """The numbers of the operands that can be differentiated."""
        return [i for i, x in enumerate(self.operands) if np.asarray(x).dtype.kind == "f"]

    @property
    def points(self) -> list[Any]:
        """The operands that can be differentiated."""
        return [self.operands[i] for i in self.moving]

    def function(self) -> Callable[..., Any]:
        """The call as a function of the `points` alone."""
        moving = self.moving

        def call(*xs: Any) -> Any:
            full = list(self.operands)
            for i, x in zip(moving, xs, strict=True):
                full[i] = x
            return self.op(*full, **self.params)

        return call

    def with_points(self, points: Sequence[Any]) -> Case:
        """The same call at other numbers."""
        full = list(self.operands)
        for i, x in zip(self.moving, points, strict=True):
            full[i] = x
        return Case(self.op, tuple(full), self.params)

    def record(self) -> tuple[list[Value], Any]:
        """Fresh Values for the points, and the result computed from them."""
        leaves = [Value(x) for x in self.points]
        return leaves, self.function()(*leaves)

    def source(self) -> str:
        """The call as Python."""
        parts = [literal(x) for x in self.operands]
        parts += [f"{name}={literal(value)}" for name, value in self.params.items()]
        return f"{spelled(self.op.name)}({', '.join(parts)})"

    __repr__ = source


def spelled(name: str) -> str:
    """An operation in a program: `tg.NAME` where it is public, else as the registry has it.

    >>> spelled("tanh"), spelled("getitem_transpose")
    ('tg.tanh', "tg.OPS['getitem_transpose']")
    """
    public = hasattr(sys.modules[__name__.partition(".")[0]], name)
    return f"tg.{name}" if public else f"tg.OPS[{name!r}]"


def literal(x: Any) -> str:
    """A number, array or index as Python source.

    >>> literal((slice(1, 3), np.array([0, 2]))), literal(np.float32)
    ('(slice(1, 3, None), np.array([0, 2]))', 'np.float32')
    """
    if isinstance(x, np.ndarray):
        dtype = "" if x.dtype in (np.float64, np.int64, bool) else f", dtype=np.{x.dtype}"
        return f"np.array({x.tolist()}{dtype})"
    if isinstance(x, tuple):
        return f"({', '.join(map(literal, x))}{',' if len(x) == 1 else ''})"
    if isinstance(x, type) and issubclass(x, np.generic):
        return f"np.{x.__name__}"
    if isinstance(x, np.dtype):
        return f"np.{x}"
    return repr(x)
