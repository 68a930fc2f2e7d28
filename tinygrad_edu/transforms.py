"""Functional derivatives: functions in, functions out. `grad(grad(f))` is what it looks like."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu import raw
from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.context import MODE, Mode, Switch
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import OPS, Value, describe, make_leaf
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.tangents import push_forward

Function = Callable[..., Any]
ArgNums = int | Sequence[int]


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of nested lists, tuples and dicts, and the function that puts others in place.

    >>> leaves, rebuild = flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves, rebuild(["x", "y", "z"])
    ([1.0, 2.0, 3.0], {'w': ['x', 'y'], 'b': 'z'})
    """
    if isinstance(tree, dict):
        keys, items = list(tree), list(tree.values())
    elif isinstance(tree, (list, tuple)):
        keys, items = None, list(tree)
    else:
        return [tree], lambda leaves: leaves[0]
    parts = [flatten(item) for item in items]
    sizes = [len(leaves) for leaves, _ in parts]

    def rebuild(leaves: list[Any]) -> Any:
        out, at = [], 0
        for size, (_, part) in zip(sizes, parts, strict=True):
            out.append(part(leaves[at : at + size]))
            at += size
        if keys is not None:
            return dict(zip(keys, out, strict=True))
        named = hasattr(tree, "_fields")
        return type(tree)(*out) if named else type(tree)(out)

    return [leaf for leaves, _ in parts for leaf in leaves], rebuild


class _Inside(Switch):
    """While a transform runs its function: inner transforms keep the graph of their results."""

    def change(self, mode: Mode) -> Mode:
        return mode.but(nested=True, grad=True)


class _Call:
    """One run of ``f`` with the arguments ``argnums`` replaced by fresh leaves of the graph.

    A Value given as an argument is linked by the identity `positive`: a new node, so that other
    uses of the same Value inside ``f`` are not taken for the argument.
    """

    def __init__(self, f: Function, args: Sequence[Any], kwargs: Any, argnums: ArgNums) -> None:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        bad = [n for n in numbers if not -len(args) <= n < len(args)]
        if bad:
            raise DTypeError(
                f"argnums {bad[0]}, but the function was called with {len(args)} arguments"
            )
        picked = [args[n] for n in numbers]
        flat, self.rebuild = flatten(picked)
        mode = MODE.get()
        self.create = mode.nested or mode.recording is not None
        self.create = self.create or any(isinstance(x, Value) for x in flat)
        with _Inside():
            self.leaves = [OPS["positive"](x) if isinstance(x, Value) else Value(x) for x in flat]
            for leaf in self.leaves:
                leaf.requires_grad = True
            filled = list(args)
            for n, tree in zip(numbers, self.rebuild(self.leaves), strict=True):
                filled[n] = tree
            self.out = f(*filled, **kwargs)
        self.single = isinstance(argnums, int)
        self.floor = min((leaf.id for leaf in self.leaves), default=0) - 1

    def structured(self, per_leaf: list[Any]) -> Any:
        """One result per leaf, in the arguments' own structure."""
        tree = self.rebuild(per_leaf)
        return tree[0] if self.single else tuple(tree)

    def give(self, x: Any) -> Any:
        """A result as the caller wants it: numbers, unless the graph is to go on."""
        if self.create:
            return x if isinstance(x, Value) else make_leaf(raw.canonical(x), None)
        return x._data if isinstance(x, Value) else raw.canonical(x)

    def gradients(self, root: Any, seed: Any) -> list[Any]:
        """The gradient of ``root`` for each leaf; zeros where it does not depend on the leaf."""
        grads: dict[Value, Any] = {}
        if isinstance(root, Value) and root.requires_grad:
            create = self.create or isinstance(seed, Value)
            grads = pull_back(root, seed, self.floor, create)
        zeros = [np.zeros(x.shape, x.dtype) if x.shape else 0.0 for x in self.leaves]
        found = [grads.get(leaf) for leaf in self.leaves]
        return [self.give(z if g is None else g) for g, z in zip(found, zeros, strict=True)]


def value_and_grad(f: Function, argnums: ArgNums = 0) -> Function:
    """The function that returns ``(f(*args), gradient)``; ``f`` returns a scalar.

    ``argnums`` says for which arguments (an int or several, as in JAX). Arguments may be numbers,
    arrays, Values, or nested lists, tuples and dicts of them; the gradient has their structure.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """

    @functools.wraps(f, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums)
        if raw.shape(call.out if isinstance(call.out, Value) else raw.operand(call.out)):
            raise ShapeError(
                f"grad needs a scalar; the function returned {describe(call.out)}",
                hint="sum or average it, or use tg.jacobian(f) or tg.vjp(f, x)",
            )
        return call.give(call.out), call.structured(call.gradients(call.out, ONE))

    return transformed


def grad(f: Function, argnums: ArgNums = 0) -> Function:
    """The function that computes the gradient of the scalar function ``f``; see `value_and_grad`.

    >>> grad(grad(grad(lambda x: x**4)))(2.0)
    48.0
    >>> grad(lambda p: p["w"] * 3.0 + p["b"])({"w": 2.0, "b": 1.0})
    {'w': 3.0, 'b': 1.0}
    """
    both = value_and_grad(f, argnums)
    return functools.wraps(f, updated=())(lambda *args, **kwargs: both(*args, **kwargs)[1])


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """``(f(*primals), pull)``: ``pull(g)`` is gᵀJ, a tuple with an entry per primal.

    >>> out, pull = vjp(lambda x: x * x, 2.0)
    >>> out, pull(10.0)
    (4.0, (40.0,))
    """
    call = _Call(f, primals, {}, range(len(primals)))
    leaves, rebuild = flatten(call.out)

    def pull(gradient: Any) -> Any:
        seeds, _ = flatten(gradient)
        totals: list[Any] = [None] * len(call.leaves)
        for out, seed in zip(leaves, seeds, strict=True):
            seed = seed if isinstance(seed, Value) else raw.operand(seed)
            if raw.shape(seed) != raw.shape(out):
                raise ShapeError(f"gradient of shape {raw.shape(seed)} for {describe(out)}")
            parts = call.gradients(out, seed)
            totals = [p if t is None else t + p for t, p in zip(totals, parts, strict=True)]
        return call.structured(totals)

    return rebuild([call.give(x) for x in leaves]), pull


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """``(f(*primals), J·tangents)`` by forward mode: how the output moves when the inputs do.

    >>> jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (6.0, 3.0)
    """
    call = _Call(f, primals, {}, range(len(primals)))
    flat, _ = flatten(list(tangents))
    flat = [t if isinstance(t, Value) else raw.operand(t) for t in flat]
    if [raw.shape(t) for t in flat] != [leaf.shape for leaf in call.leaves]:
        raise ShapeError(
            f"tangents of shapes {[raw.shape(t) for t in flat]} for inputs of shapes "
            f"{[leaf.shape for leaf in call.leaves]}",
            hint="a tangent has the shape of its input",
        )
    call.create = call.create or any(isinstance(t, Value) for t in flat)

    def push(out: Any) -> Any:
        t = None
        if isinstance(out, Value) and out.requires_grad:
            start = dict(zip(call.leaves, flat, strict=True))
            t = push_forward(out, start, call.floor, call.create)
        return call.give(np.zeros(raw.shape(out)) if t is None else t)

    outs, rebuild = flatten(call.out)
    return rebuild([call.give(x) for x in outs]), rebuild([push(x) for x in outs])


def jacobian(f: Function, argnums: ArgNums = 0) -> Function:
    """The function that computes all partial derivatives: shape ``output.shape + input.shape``.

    One backward pass per output number.

    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    def transformed(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums)
        outs, rebuild = flatten(call.out)
        return rebuild([call.structured(_rows(call, out)) for out in outs])

    return transformed


def _rows(call: _Call, out: Any) -> list[Any]:
    shape = raw.shape(out)
    if not shape:
        return call.gradients(out, ONE)
    size = int(np.prod(shape))
    basis = np.eye(size).reshape((size, *shape))
    passes = [call.gradients(out, row) for row in basis]
    stacked = []
    for i, leaf in enumerate(call.leaves):
        rows = [grads[i] for grads in passes] or [np.zeros((0, *leaf.shape))]
        whole = OPS["stack"](*rows, axis=0) if call.create and passes else np.stack(rows)
        stacked.append(call.give(OPS["reshape"](whole, shape=shape + leaf.shape)))
    return stacked


def hessian(f: Function, argnums: ArgNums = 0) -> Function:
    """The function that computes the matrix of second derivatives of the scalar function ``f``.

    >>> hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of the scalar function ``f`` times ``tangents``, without forming it.

    Forward over reverse (Pearlmutter, "Fast Exact Multiplication by the Hessian", 1994): costs a
    few gradients, whatever the size. A tuple with an entry per primal.

    >>> hvp(lambda x: (x**3).sum(), [np.array([1.0, 2.0])], [np.array([1.0, 1.0])])
    (array([ 6., 12.]),)
    """
    return jvp(grad(f, range(len(primals))), primals, tangents)[1]
