"""The methods of arrays on a `Value`, with NumPy's names and arguments, spelled out one per line.

Each is the operation of the same name, and so is what NumPy's own functions do on a `Value`; those
of the engine itself (`data`, `assign`, `backward`) and the operators stand in `Value`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_edu import raw
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.families import OPS, function
from tinygrad_edu.wording import describe

if TYPE_CHECKING:
    from tinygrad_edu.engine import Value


class ArrayMethods:
    """What `Value` has in common with `numpy.ndarray`."""

    __slots__ = ()

    # fmt: off
    def __mod__(self, other: Any) -> Value: return function("remainder")(self, other)
    def __rmod__(self, other: Any) -> Value: return function("remainder")(other, self)
    def __floordiv__(self, other: Any) -> Value: return function("floor_divide")(self, other)
    def __rfloordiv__(self, other: Any) -> Value: return function("floor_divide")(other, self)
    def __divmod__(self, other: Any) -> Any: return self // other, self % other
    def __rdivmod__(self, other: Any) -> Any: return other // self, other % self
    def __round__(self, ndigits: int | None = None) -> Value: return self.round(ndigits or 0)
    def clip(self, min: Any = None, max: Any = None) -> Value: return OPS["clip"](self, min, max)
    def round(self, decimals: int = 0) -> Value: return function("round")(self, decimals)
    def reshape(self, *shape: Any, order: str = "C") -> Value:
        return OPS["reshape"](self, shape, order)
    def transpose(self, *axes: Any) -> Value: return OPS["transpose"](self, axes or None)
    def astype(self, dtype: Any) -> Value: return OPS["astype"](self, dtype)
    def ravel(self, order: str = "C") -> Value: return function("ravel")(self, order)
    def flatten(self, order: str = "C") -> Value: return function("ravel")(self, order)
    def squeeze(self, axis: Any = None) -> Value: return function("squeeze")(self, axis)
    def swapaxes(self, axis1: int, axis2: int) -> Value:
        return function("swapaxes")(self, axis1, axis2)
    def repeat(self, repeats: Any, axis: Any = None) -> Value:
        return function("repeat")(self, repeats, axis)
    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
        return function("diagonal")(self, offset, axis1, axis2)
    def take(self, indices: Any, axis: Any = None, mode: str = "raise") -> Value:
        return function("take")(self, indices, axis, mode)
    def sort(self, axis: Any = -1) -> Value: return function("sort")(self, axis)  # a new one
    def argsort(self, axis: Any = -1) -> Any: return OPS["argsort"](self, axis=axis)
    def nonzero(self) -> Any: return function("nonzero")(self)
    def searchsorted(self, v: Any, side: str = "left") -> Any:
        return function("searchsorted")(self, v, side)
    def sum(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["sum"](self, axis, keepdims)
    def mean(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["mean"](self, axis, keepdims)
    def max(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["max"](self, axis, keepdims)
    def min(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["min"](self, axis, keepdims)
    def prod(self, axis: Any = None, keepdims: bool = False) -> Value:
        return function("prod")(self, axis, keepdims)
    def var(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Value:
        return function("var")(self, axis, ddof, keepdims)
    def std(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Value:
        return function("std")(self, axis, ddof, keepdims)
    def ptp(self, axis: Any = None, keepdims: bool = False) -> Value:
        return function("ptp")(self, axis, keepdims)
    def cumsum(self, axis: Any = None) -> Value: return function("cumsum")(self, axis)
    def cumprod(self, axis: Any = None) -> Value: return function("cumprod")(self, axis)
    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
        return function("trace")(self, offset, axis1, axis2)
    def argmax(self, axis: Any = None, keepdims: bool = False) -> Any:
        return OPS["argmax"](self, axis, keepdims)
    def argmin(self, axis: Any = None, keepdims: bool = False) -> Any:
        return OPS["argmin"](self, axis, keepdims)
    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        return function("any")(self, axis, keepdims)
    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        return function("all")(self, axis, keepdims)
    # fmt: on

    def __len__(self) -> int:
        lengths = raw.shape(self)
        if not lengths:
            raise DTypeError(f"len() of {describe(self)}, a scalar")
        return int(lengths[0])

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        op = OPS.get(ufunc.__name__)
        if op is not None and op.kind == "arithmetic" and method == "__call__" and not kwargs:
            return op(*args)  # `array * v`, without a detour
        from tinygrad_edu.numpy_protocol import call_ufunc

        return call_ufunc(ufunc, method, args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from tinygrad_edu.numpy_protocol import call_function

        return call_function(function, args, kwargs)
