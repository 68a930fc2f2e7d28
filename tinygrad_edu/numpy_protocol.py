"""NumPy's own functions on Values: `np.tanh(v)`, `np.stack([v, w])` record the same operations.

What has no rule raises and names the nearest; what only asks about numbers (`np.isnan`,
`np.shape`, `np.allclose`) gives a plain result.
"""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import DTypeError, UnknownOperationError
from tinygrad_edu.families import function as function_of
from tinygrad_edu.families import knows, load, registry
from tinygrad_edu.wording import ambiguous_equality

_PACKAGE = __name__.split(".")[0]
_ALIASES = {
    "amax": "max", "amin": "min", "true_divide": "divide", "abs": "absolute",
    "float_power": "power", "fix": "trunc",
}  # fmt: skip
_IDENTITY = {"equal", "not_equal"}
_PLAIN_UFUNCS = {"isnan", "isfinite", "isinf", "signbit"}
_IN_PLACE = {
    "put_along_axis": "tg.put_along_axis(x, indices, values, axis)",
    "put": "tg.set_at(tg.ravel(x), indices, values)", "place": "tg.set_at(x, mask, values)",
    "putmask": "tg.where(mask, values, x)", "copyto": "tg.where(mask, values, x)",
    "fill_diagonal": "tg.set_at(x, np.diag_indices(n), value)",
}  # fmt: skip
_PLAIN_FUNCTIONS = {
    "shape", "ndim", "size", "allclose", "isclose", "array_equal", "any", "all", "zeros_like",
    "ones_like", "empty_like", "full_like", "result_type", "can_cast", "array2string", "array_repr",
    "array_str", "count_nonzero", "nonzero", "argwhere", "flatnonzero", "iscomplexobj",
    "may_share_memory", "shares_memory", "isrealobj",
}  # fmt: skip


def call_ufunc(ufunc: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `numpy.exp(v)`, `array * v` and `array += v` do."""
    name = ufunc.__name__
    load(name)
    if method == "__call__" and not kwargs and name in OPS and name not in _IDENTITY:
        return OPS[name](*args)
    name = _ALIASES.get(name, name)
    load(name)
    if "out" in kwargs:
        raise DTypeError(
            f"np.{name} cannot write a Value into an array in place",
            hint="write `total = total + v` instead of `total += v` for an array `total`",
        )
    if method != "__call__":
        raise _unknown(f"{ufunc.__name__}.{method}", "sum" if name == "add" else name)
    if kwargs:
        raise DTypeError(f"np.{name} of a Value takes no {', '.join(kwargs)}", hint=f"tg.{name}(v)")
    if name in _IDENTITY:
        value = next(x for x in args if isinstance(x, Value))
        raise ambiguous_equality(value, "an array")
    if name in _PLAIN_UFUNCS:
        return ufunc(*[x._readable(f"np.{name}") if isinstance(x, Value) else x for x in args])
    if name not in OPS:
        raise _unknown(name, name)
    return OPS[name](*args)


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `numpy.sum(v)`, `numpy.concatenate([v, w])` and their kin do."""
    name = _ALIASES.get(function.__name__, function.__name__)
    if name in _PLAIN_FUNCTIONS:
        return function(*_numbers(args, name), **_numbers(kwargs, name))
    if name in _IN_PLACE:
        raise DTypeError(
            f"np.{name} writes into its array, and a Value does not change",
            hint=f"the changed one is a new Value: y = {_IN_PLACE[name]}",
        )
    if function.__module__ == "numpy.linalg":
        found = getattr(importlib.import_module(f"{_PACKAGE}.linalg"), name, None)
        if found is None:
            raise _unknown(f"linalg.{name}", name)
        return found(*args, **kwargs)
    if not knows(name):
        raise _unknown(name, name)
    return function_of(name)(*args, **kwargs)


def _numbers(tree: Any, name: str) -> Any:
    if isinstance(tree, Value):
        return tree._data if name in ("shape", "ndim", "size") else tree._readable(f"np.{name}")
    if isinstance(tree, dict):
        return {key: _numbers(item, name) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_numbers(item, name) for item in tree)
    return tree


def _unknown(called: str, name: str) -> UnknownOperationError:
    near = [name] if name in OPS else difflib.get_close_matches(name, registry(), n=3, cutoff=0.5)
    offer = ", ".join(f"tg.{n}" for n in near) or "tg.registry() lists what there is"
    return UnknownOperationError(
        f"np.{called} has no derivative rule",
        hint=f"nearest: {offer}; v.data gives plain numbers; tg.define adds an operation",
    )
