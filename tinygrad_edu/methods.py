"""The methods of arrays on a `Value`, with NumPy's names and arguments, spelled out one per line.

Each is the operation of the same name; those of the engine itself (`data`, `assign`, `backward`)
and the operators stand in `Value`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_edu.families import OPS

if TYPE_CHECKING:
    from tinygrad_edu.engine import Value


class ArrayMethods:
    """What `Value` has in common with `numpy.ndarray`."""

    __slots__ = ()

    # fmt: off
    def reshape(self, *shape: Any) -> Value: return OPS["reshape"](self, shape)
    def transpose(self, *axes: Any) -> Value: return OPS["transpose"](self, axes or None)
    def astype(self, dtype: Any) -> Value: return OPS["astype"](self, dtype)
    def sum(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["sum"](self, axis, keepdims)
    def mean(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["mean"](self, axis, keepdims)
    def max(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["max"](self, axis, keepdims)
    def min(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["min"](self, axis, keepdims)
    # fmt: on
