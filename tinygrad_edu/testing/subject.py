"""What is checked: a function of a flat list of numbers, its graph, and the engine's derivatives.

A second-order check is a first-order check of the gradient, so there is one kind of subject:
something that gives numbers at a point, and can record the graph that claims their derivative.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.context import Mode, Switch, no_grad
from tinygrad_edu.engine import Value, make_leaf
from tinygrad_edu.errors import DTypeError, GradientError
from tinygrad_edu.raw import canonical, operand, shape
from tinygrad_edu.tangents import push_forward
from tinygrad_edu.tape import Slot, Tape
from tinygrad_edu.transforms import flatten

Numbers = list[Any]  # a float or a float64 array per argument
Vector = NDArray[np.float64]
Call = Callable[[list[Value]], list[Any]]


class recorded(Switch):
    """Record the graph even inside `no_grad`; transforms inside the function keep theirs."""

    def change(self, mode: Mode) -> Mode:
        return mode.but(nested=True, grad=True)


class Subject:
    """A function of numbers whose derivative the engine claims to know."""

    order = 1

    def __init__(self, call: Call) -> None:
        self.call = call

    def record(self, xs: Numbers) -> tuple[list[Value], list[Any]]:
        """Fresh leaves for the numbers, and the outputs computed from them."""
        with recorded():
            leaves = [make_leaf(canonical(x), None, True) for x in xs]
            return leaves, self.call(leaves)

    def values(self, xs: Numbers) -> Vector:
        """All outputs as one vector, computed without recording where that is possible."""
        with no_grad():
            return flat(self.call([make_leaf(canonical(x), None, True) for x in xs]))


class Gradient(Subject):
    """The gradient of another subject, its outputs weighted by ``seed``."""

    order = 2

    def __init__(self, inner: Subject, seed: Vector) -> None:
        self.inner, self.seed = inner, seed

    def record(self, xs: Numbers) -> tuple[list[Value], list[Any]]:
        leaves, outs = self.inner.record(xs)
        with recorded():
            found = pull(leaves, outs, self.seed, create_graph=True)
        return leaves, [
            _zero(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)
        ]

    def values(self, xs: Numbers) -> Vector:
        leaves, outs = self.inner.record(xs)
        return gradient_of(leaves, outs, self.seed)


def _zero(leaf: Value) -> Any:
    return np.zeros(leaf.shape) if leaf.shape else 0.0


def data_of(x: Any) -> Any:
    """The numbers of a Value or array, as float64 without a shape of their own for scalars."""
    return np.asarray(x._data if isinstance(x, Value) else x, dtype=np.float64)


def flat(parts: Sequence[Any]) -> Vector:
    """All numbers of the parts, one after the other."""
    numbers = [x._data if type(x) is Value else x for x in parts]
    if all(type(x) is float for x in numbers):
        return np.array(numbers, dtype=np.float64)
    return np.concatenate([data_of(x).reshape(-1) for x in parts]) if parts else np.zeros(0)


def split(vector: Vector, like: Sequence[Any]) -> Numbers:
    """The inverse of `flat`: floats and arrays with the shapes of ``like``."""
    parts: Numbers = []
    at = 0
    for x in like:
        lengths = () if type(x) is float else np.shape(x._data if isinstance(x, Value) else x)
        size = math.prod(lengths)
        part = vector[at : at + size]
        parts.append(part.reshape(lengths).copy() if lengths else float(part[0]))
        at += size
    return parts


def pull(
    leaves: Sequence[Value], outs: Sequence[Any], seed: Vector, create_graph: bool = False
) -> list[Any]:
    """Reverse mode with a seed per output number; None for a leaf that the graph does not reach."""
    floor = min((leaf.id for leaf in leaves), default=0) - 1
    totals: list[Any] = [None] * len(leaves)
    for out, part in zip(outs, split(seed, outs), strict=True):
        if isinstance(out, Value) and out.requires_grad:
            grads = pull_back(out, part, floor, create_graph)
            for i, leaf in enumerate(leaves):
                g = grads.get(leaf)
                if g is not None:
                    _must_fit(g, leaf)
                    totals[i] = g if totals[i] is None else totals[i] + g
    return totals


class MisshapenError(GradientError):
    """A gradient that has not the shape of its number."""


def _must_fit(g: Any, leaf: Value) -> None:
    if shape(g) != leaf.shape:
        raise MisshapenError(
            f"a gradient of shape {shape(g)} came back to an argument of shape {leaf.shape}"
        )


def gradient_of(leaves: Sequence[Value], outs: Sequence[Any], seed: Vector) -> Vector:
    """`pull` as one vector over all leaves, zero where nothing is reached."""
    found = pull(leaves, outs, seed)
    return flat([_zero(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)])


def tangent_of(leaves: Sequence[Value], outs: Sequence[Any], direction: Vector) -> Vector:
    """Forward mode: how all outputs move when the leaves move along ``direction``."""
    floor = min((leaf.id for leaf in leaves), default=0) - 1
    known = dict(zip(leaves, split(direction, leaves), strict=True))
    return flat(_tangents(outs, known, floor))


def steepest(leaves: Sequence[Value], outs: Sequence[Any], direction: Vector) -> float:
    """The largest slope that any number on the way to the outputs has along ``direction``."""
    floor = min((leaf.id for leaf in leaves), default=0) - 1
    known: dict[Value, Any] = dict(zip(leaves, split(direction, leaves), strict=True))
    _tangents(outs, known, floor)
    found = [
        float(np.max(np.abs(data_of(t)), initial=0.0)) for t in known.values() if t is not None
    ]
    return max((size for size in found if np.isfinite(size)), default=0.0)


def _tangents(outs: Sequence[Any], known: dict[Value, Any], floor: int) -> list[Any]:
    tangents = []
    for out in outs:
        t = None
        if isinstance(out, Value) and out.requires_grad:
            t = push_forward(out, known, floor)  # what one output has pushed, the next one finds
        tangents.append(np.zeros(np.shape(data_of(out))) if t is None else t)
    return tangents


def argument_names(f: Callable[..., Any], args: Sequence[Any]) -> list[str]:
    """A name per number or array: the parameter's name and the path into nested arguments.

    >>> argument_names(lambda w, x: w, [{"a": 1.0, "b": [2.0, 3.0]}, 4.0])
    ["w['a']", "w['b'][0]", "w['b'][1]", 'x']
    """
    try:
        given = list(inspect.signature(f).bind(*args).arguments.items())
    except (TypeError, ValueError):
        given = [(f"argument {i}", x) for i, x in enumerate(args)]
    names: list[str] = []
    for name, x in given:
        names += _paths(x, name)
    return names


def _paths(tree: Any, name: str) -> list[str]:
    if isinstance(tree, dict):
        items: Any = [(f"[{key!r}]", x) for key, x in tree.items()]
    elif isinstance(tree, (list, tuple)):
        items = [(f"[{i}]", x) for i, x in enumerate(tree)]
    else:
        return [name]
    return [path for suffix, x in items for path in _paths(x, name + suffix)]


def from_function(
    f: Callable[..., Any], args: Sequence[Any]
) -> tuple[Subject, Numbers, list[str], list[str]]:
    """The subject, the point, the names and the notes of ``f(*args)``."""
    leaves, rebuild = flatten(list(args))
    names = argument_names(f, args)
    notes = []
    xs = []
    for i, leaf in enumerate(leaves):
        data = leaf._data if isinstance(leaf, Value) else operand(leaf)
        kind = leaf.dtype if isinstance(leaf, Value) else getattr(leaf, "dtype", None)
        if isinstance(leaf, Value) and leaf.name:
            names[i] = leaf.name
        if kind is not None and kind.kind == "f" and kind.itemsize < 8:
            notes.append(f"{names[i]} is {kind}; it was checked in float64")
        xs.append(_wide(data))

    def call(values: list[Value]) -> list[Any]:
        outs, _ = flatten(f(*rebuild(list(values))))
        for out in outs:
            if not isinstance(out, Value) and np.asarray(out).dtype.kind not in "fiub":
                raise DTypeError(
                    f"the function returned {type(out).__name__}, not numbers",
                    hint="return a Value, or nested lists, tuples and dicts of Values",
                )
        return outs

    return Subject(call), xs, names, notes


def _wide(data: Any) -> Any:
    return data if type(data) is float else np.array(data, dtype=np.float64)


def from_value(value: Value) -> tuple[Subject, Numbers, list[str], list[str]]:
    """The recorded graph of ``value`` as a subject: its tape, replayed with nudged leaves."""
    tape = Tape.of(value, roles=False)
    names = tape.names()
    moving = [i for i, leaf in enumerate(tape.leaves) if leaf.value.requires_grad]
    notes = [
        f"{names[i]} is {tape.leaves[i].value.dtype}; it was checked in float64"
        for i in moving
        if tape.leaves[i].value.dtype.itemsize < 8
    ]

    def call(values: list[Value]) -> list[Any]:
        given = dict(zip(moving, values, strict=True))
        slots: list[Any] = [given.get(i, leaf.value) for i, leaf in enumerate(tape.leaves)]
        for step in tape.instructions:
            xs = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
            out = step.op(*xs, **step.params)
            if isinstance(out, Value):
                out.site = step.site
            slots.append(out)
        return [slots[i] for i in tape.outputs]

    xs = [_wide(tape.leaves[i].value._data) for i in moving]
    return Subject(call), xs, [names[i] for i in moving], notes
