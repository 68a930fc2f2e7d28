"""State dicts: a module's numbers by path, in PyTorch's layouts, taken out and put back whole."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError, TinygradError
from tinygrad_edu.nn.module import Array, Module, is_parameter, items_of
from tinygrad_edu.raw import operand


class Place(NamedTuple):
    """One path that leads to a number of the state, and whether it stands there transposed."""

    path: str
    transposed: bool

    def turn(self, array: Any) -> Any:
        """From the model's layout to that of the state, or back: it is its own inverse."""
        return array.T if self.transposed else array


Entries = dict[Value, list[Place]]


def entries(module: Module) -> Entries:
    """What the state holds, once each, with every path that leads there; the first one counts."""
    found: Entries = {}
    for place, value in _places(module, "", None, frozenset()):
        found.setdefault(value, []).append(place)
    return found


def _places(
    x: Any, path: str, owner: Module | None, above: frozenset[int]
) -> Iterator[tuple[Place, Value]]:
    if isinstance(x, Value):
        name = path.rpartition(".")[2]
        if is_parameter(x) or (owner is not None and name in type(owner).buffers):
            yield Place(path, owner is not None and name in type(owner).transposed), x
        return
    if id(x) in above or not isinstance(x, (Module, list, tuple, Mapping, set, frozenset)):
        return
    inside = x if isinstance(x, Module) else None
    for name, item in items_of(x, path):
        yield from _places(item, f"{path}.{name}" if path else name, inside, above | {id(x)})


def state_of(module: Module) -> dict[str, Array]:
    """See `Module.state_dict`."""
    return {
        places[0].path: np.array(places[0].turn(value.numpy()), order="C")
        for value, places in entries(module).items()
    }


def load_state(
    module: Module, state: Mapping[str, Any], strict: bool
) -> tuple[list[str], list[str]]:
    """See `Module.load_state_dict`. Everything is looked at before anything is changed."""
    if not isinstance(state, Mapping):
        raise DTypeError(
            f"a state is a dict of arrays by path, not {type(state).__name__}",
            hint="model.load_state_dict(other.state_dict())",
        )
    own = entries(module)
    known = {place.path: place for places in own.values() for place in places}
    missing = [p[0].path for p in own.values() if not any(q.path in state for q in p)]
    unexpected = [str(path) for path in state if path not in known]
    arrays = {path: _numbers(path, state[path]) for path in known if path in state}
    others = [
        line
        for value, places in own.items()
        for place in places
        if place.path in arrays and (line := _other_shape(place, arrays[place.path], value))
    ]
    if (missing or unexpected) and strict:
        raise TinygradError(
            _mismatch(missing, unexpected, others, own, arrays, state),
            hint="build the model it was saved from, or load_state_dict(state, strict=False)",
        )
    if others:
        raise ShapeError("\n".join(others), hint="build the model with the sizes it was saved with")
    new = {value: _agreed(places, arrays) for value, places in own.items()}
    for value, array in new.items():
        if array is not None:
            value.assign(array)
    return missing, unexpected


def change_type(module: Module, dtype: Any) -> None:
    """See `Module.astype`."""
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = np.dtype(object)
    if wanted not in (np.float32, np.float64):
        raise DTypeError(f"parameters are float32 or float64, not {dtype!r}", hint="np.float32")
    for value in entries(module):
        new = value.numpy().astype(wanted)
        value._data = operand(new)  # `assign` would keep the old type
        value._dtype = None if new.ndim else wanted.type
        value.assign(value._data)


def _numbers(path: str, given: Any) -> Array:
    array = np.asarray(given)
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"{path}: {array.dtype} is not a type of real numbers")
    return array


def _other_shape(place: Place, array: Array, value: Value) -> str:
    wanted = value.shape[::-1] if place.transposed else value.shape
    if array.shape == wanted:
        return ""
    text = f"{place.path}: the state holds shape {array.shape}, the model needs {wanted}"
    if place.transposed and array.shape == value.shape:
        text += ", (outputs, inputs) as in PyTorch: transpose it"
    return text


def _agreed(places: list[Place], arrays: Mapping[str, Array]) -> Array | None:
    """The numbers for a parameter, which all paths that lead to it must agree on."""
    given = [
        (place.path, place.turn(arrays[place.path])) for place in places if place.path in arrays
    ]
    for path, array in given[1:]:
        if not np.array_equal(array, given[0][1], equal_nan=True):
            raise TinygradError(
                f"{given[0][0]} and {path} are one parameter here, and two in the state",
                hint="give each its own parameter before loading, or drop one of the two",
            )
    return given[0][1] if given else None


def _mismatch(
    missing: list[str], unexpected: list[str], others: list[str], own: Entries,
    arrays: Mapping[str, Array], state: Mapping[str, Any],
) -> str:  # fmt: skip
    shapes = {
        place.path: place.turn(np.broadcast_to(0.0, value.shape)).shape
        for value, places in own.items()
        for place in places
    }
    lines = ["the state does not fit this model"]
    if missing:
        lines.append(f"  missing: {', '.join(missing[:5])}" + " …" * (len(missing) > 5))
    for path in unexpected[:5]:
        near = difflib.get_close_matches(path, missing, n=1)
        also = f" (did you mean {near[0]} {shapes[near[0]]}?)" if near else ""
        lines.append(f"  unexpected: {path} {np.shape(state[path])}{also}")
    lines += [f"  and {len(unexpected) - 5} more"] if len(unexpected) > 5 else []
    return "\n".join(lines + [f"  mismatched: {line}" for line in others[:5]])
