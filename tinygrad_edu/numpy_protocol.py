"""NumPy's own functions on Values: `np.tanh(v)`, `np.stack([v, w])` record the same operations.

What has no rule raises and names the nearest; what only asks about numbers (`np.isnan`,
`np.shape`, `np.allclose`) gives a plain result.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import DTypeError, UnknownOperationError
from tinygrad_edu.families import FAMILIES, knows, load, namespace, registry
from tinygrad_edu.families import function as function_of
from tinygrad_edu.other_names import OTHERS
from tinygrad_edu.wording import ambiguous_equality, called

_ALIASES = {
    "amax": "max", "amin": "min", "true_divide": "divide", "abs": "absolute", "fabs": "absolute",
    "float_power": "power", "fix": "trunc", "around": "round", "rint": "round", "mod": "remainder",
    "degrees": "rad2deg", "radians": "deg2rad", "conjugate": "positive", "real": "positive",
    "copy": "positive",
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
    "may_share_memory", "shares_memory", "isrealobj", "isreal", "iscomplex",
    "array_equiv", "isin", "digitize", "nanargmax", "nanargmin", "argpartition", "lexsort",
}  # fmt: skip
_JOINS = {"concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"}
# What NumPy's own functions may be given and that changes nothing.
_SILENT: dict[str, tuple[Any, ...]] = {
    "out": (None,), "dtype": (None,), "where": (True,), "initial": (), "casting": ("same_kind",),
    "order": (None, "C", "K"), "subok": (True, False), "kind": (None,), "stable": (None,),
    "device": (None,), "copy": (None,), "mean": (), "correction": (),
    "overwrite_input": (True, False), "method": ("linear",), "interpolation": (None,),
    "UPLO": ("L", "U"), "writeable": (False,),
}  # fmt: skip
_RENAMED = {"a_min": "lower", "min": "lower", "a_max": "upper", "max": "upper"}  # of np.clip
_METHODS = {
    "add.reduce": "tg.sum(v, axis=0)", "add.accumulate": "tg.cumsum(v, axis=0)",
    "add.at": "tg.add_at(x, indices, values)", "add.outer": "v[:, None] + w",
    "multiply.reduce": "tg.prod(v, axis=0)", "multiply.accumulate": "tg.cumprod(v, axis=0)",
    "multiply.outer": "tg.outer(v, w)", "maximum.reduce": "tg.max(v, axis=0)",
    "minimum.reduce": "tg.min(v, axis=0)", "maximum.accumulate": "tg.cummax(v, axis=0)",
    "minimum.accumulate": "tg.cummin(v, axis=0)", "logaddexp.reduce": "tg.logsumexp(v, axis=0)",
    "subtract.outer": "v[:, None] - w", "divide.outer": "v[:, None] / w",
}  # fmt: skip
_NEAREST = {
    "average": "tg.sum(w * v) / tg.sum(w)", "ptp": "tg.max(v) - tg.min(v)",
    "gradient": "tg.diff(v)", "ediff1d": "tg.diff(tg.ravel(v))", "cov": "tg.var(v), x @ x.T",
    "corrcoef": "tg.cosine_similarity(v - tg.mean(v), w - tg.mean(w), axis=0)",
    "convolve": "tg.conv1d", "correlate": "tg.conv1d", "polyfit": "tg.linalg.lstsq",
    "polyval": "p[0] * x**2 + p[1] * x + p[2]", "interp": "tg.where", "select": "tg.where",
    "choose": "tg.where", "piecewise": "tg.where", "i0": "tg.exp", "percentile": "tg.sort",
    "quantile": "tg.sort", "nanpercentile": "tg.sort", "nanquantile": "tg.sort",
    "partition": "tg.sort", "trapezoid": "tg.sum((y[1:] + y[:-1]) / 2 * dx)",
    "divmod": "tg.floor(x / y), tg.remainder(x, y)", "floor_divide": "tg.floor(x / y)",
    "modf": "tg.trunc(v), v - tg.trunc(v)", "ldexp": "x * tg.exp2(n)", "delete": "v[kept]",
    "insert": "tg.concatenate", "append": "tg.concatenate", "resize": "tg.tile",
    "cond": "tg.linalg.svd", "block": "tg.vstack([tg.hstack([a, b]), tg.hstack([c, d])])",
    "vander": "x[:, None] ** np.arange(n)", "histogram": "np.histogram(v.data)",
    "linspace": "a + (b - a) * np.linspace(0.0, 1.0, n)", "trim_zeros": "v[first:last]",
    "apply_along_axis": "axis=… of the operation itself", "rollaxis": "tg.moveaxis",
    "einsum_path": "np.einsum_path(…, v.data)",
}  # fmt: skip


def call_ufunc(ufunc: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `numpy.exp(v)`, `array * v` and `array += v` do."""
    name = ufunc.__name__
    load(name)
    if method == "__call__" and not kwargs and name in OPS and name not in _IDENTITY:
        return OPS[name](*args)
    if method != "__call__":
        raise _unknown(f"{name}.{method}", name)
    name = _ALIASES.get(name, name)
    if any(x is not None for x in kwargs.get("out", ())):
        raise DTypeError(
            f"np.{name} cannot write a Value into an array in place",
            hint="write `total = total + v` instead of `total += v` for an array `total`",
        )
    if name in _IDENTITY:
        value = next(x for x in args if isinstance(x, Value))
        raise ambiguous_equality(value, "an array")
    if name in _PLAIN_UFUNCS:
        return ufunc(*[x._readable(f"np.{name}") if isinstance(x, Value) else x for x in args])
    found = _ours(ufunc, name)
    if found is None:
        raise _unknown(ufunc.__name__, name)
    ours = found
    return ours(*args, **_accepted(ours, name, {k: v for k, v in kwargs.items() if k != "out"}))


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `numpy.sum(v)`, `numpy.concatenate([v, w])` and their kin do."""
    name = _ALIASES.get(function.__name__, function.__name__)
    if name == "where" and len(args) == 1:
        name, function = "nonzero", np.nonzero
    if name in _PLAIN_FUNCTIONS:
        return function(*_numbers(args, name), **_numbers(kwargs, name))
    if name in _IN_PLACE:
        raise DTypeError(
            f"np.{name} writes into its array, and a Value does not change",
            hint=f"the changed one is a new Value: y = {_IN_PLACE[name]}",
        )
    ours = _ours(function, name)
    if ours is None:
        raise _unknown(_where(function) + function.__name__, name)
    if name == "clip":
        return _clip(ours, *args, **kwargs)
    args, kwargs = _by_name(function, ours, args, kwargs)
    if name in _JOINS and args and isinstance(args[0], Value):
        args = (list(args[0]), *args[1:])  # as NumPy takes an array for the list of its rows
    kwargs = _accepted(ours, _where(function) + name, kwargs)
    try:
        inspect.signature(ours).bind(*args, **kwargs)
    except TypeError as error:
        what = f"np.{_where(function)}{name} of a Value: {error}"
        raise DTypeError(what, hint=called(ours)) from None
    return ours(*args, **kwargs)


def _ours(function: Any, name: str) -> Callable[..., Any] | None:
    """The function of this library that a NumPy function stands for: `np.linalg.inv` its own."""
    inner = namespace("linalg") if _where(function) == "linalg." or not knows(name) else None
    if inner is not None and name in inner.__all__:
        return getattr(inner, name)  # type: ignore[no-any-return]
    return function_of(name) if knows(name) and _where(function) != "fft." else None


def _where(function: Any) -> str:
    """The part of NumPy a function is from: `linalg.`, `fft.`, or nothing."""
    parts = (getattr(function, "__module__", None) or "").split(".")
    return f"{parts[1]}." if len(parts) > 1 and parts[1] in ("linalg", "fft") else ""


def _clip(ours: Any, *args: Any, **kwargs: Any) -> Any:
    """`np.clip(v, 0, 1)`, and with its bounds by any of the names that NumPy has for them."""
    named = {_RENAMED.get(k, k): v for k, v in kwargs.items()}
    x, low, high = (*args, None, None, None)[:3]
    x, low, high = named.pop("a", x), named.pop("lower", low), named.pop("upper", high)
    _accepted(ours, "clip", named)
    return ours(x, low, high)


@functools.lru_cache
def _parameters(function: Any) -> tuple[str, ...]:
    """The names of NumPy's parameters; nothing where they cannot be told."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    return () if any(p.kind is p.VAR_POSITIONAL for p in found) else tuple(p.name for p in found)


def _by_name(
    function: Any, ours: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, by name from the first one on that only NumPy has; operands by position."""
    theirs, mine = _parameters(function), inspect.signature(ours).parameters
    kwargs = dict(kwargs)
    for name in theirs[len(args) :]:
        ours_too = name in mine and mine[name].default is not mine[name].empty
        if name not in kwargs or name in _SILENT or ours_too:
            break
        args = (*args, kwargs.pop(name))
    odd = [i for i, n in enumerate(theirs[: len(args)]) if n in _SILENT and n not in mine]
    if not odd:
        return args, kwargs
    named = zip(theirs[odd[0] :], args[odd[0] :], strict=False)
    return args[: odd[0]], {**dict(named), **kwargs}


def _accepted(ours: Any, name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments that count; one that would be ignored is an error."""
    mine = inspect.signature(ours).parameters
    if any(p.kind is p.VAR_KEYWORD for p in mine.values()):
        return kwargs
    kept = {k: v for k, v in kwargs.items() if k in mine or not _changes_nothing(k, v)}
    odd = [k for k in kept if k not in mine]
    if odd:
        raise DTypeError(f"np.{name} of a Value takes no {', '.join(odd)}", hint=called(ours))
    return kept


def _changes_nothing(name: str, given: Any) -> bool:
    if type(given).__name__ == "_NoValueType":
        return True
    plain = given is None or isinstance(given, (bool, str))
    return plain and given in _SILENT.get(name, ())


def _numbers(tree: Any, name: str) -> Any:
    if isinstance(tree, Value):
        return tree._data if name in ("shape", "ndim", "size") else tree._readable(f"np.{name}")
    if isinstance(tree, dict):
        return {key: _numbers(item, name) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_numbers(item, name) for item in tree)
    return tree


def _unknown(what: str, name: str) -> UnknownOperationError:
    """A NumPy function without a rule: what is nearest, by meaning or by name."""
    offer = _METHODS.get(what) or _NEAREST.get(name) or OTHERS.get(name)
    if offer is None:
        names = {*registry(), *[n for names in FAMILIES.values() for n in names]}
        near = [name] if name in names else difflib.get_close_matches(name, sorted(names), 3, 0.5)
        offer = ", ".join(f"tg.{n}" for n in near) or "tg.registry() lists what there is"
    return UnknownOperationError(
        f"np.{what} has no derivative rule",
        hint=f"nearest: {offer}; v.data gives plain numbers; tg.define adds an operation",
    )
