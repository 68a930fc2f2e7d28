"""Derivatives of recorded graphs, backward: from a result to everything it was computed from.

One loop does it (`pull_back`). It reads the rules declared with the operations; with
``create_graph`` the same rules are given Values and so record the derivative as a graph, which can
be differentiated again. Forward mode is in `tangents`, the functional forms in `transforms`. See
Baydin, Pearlmutter, Radul and Siskind, "Automatic Differentiation in Machine Learning: a Survey",
JMLR 18 (2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from types import FunctionType
from typing import Any

import numpy as np

from tinygrad_edu import raw, recover, wording
from tinygrad_edu.context import MODE
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import OPS, Op, Value, make_leaf
from tinygrad_edu.raw import canonical, operand


def topological(
    root: Value, floor: int = -1, every: bool = False, moved: list[Value] | None = None
) -> list[Value]:
    """The nodes ``root`` was computed from, each after all its consumers (newest first).

    Only those that need a gradient unless ``every``, and only those with an id above ``floor``:
    what is older than a leaf cannot depend on it. A leaf that was assigned since the graph was
    recorded raises `StaleGraphError`, or is put into the list ``moved``.
    """
    seen, order = {root}, [root]
    for v in order:  # grows while it is read: breadth first, no recursion
        i = v.id
        for x in v._x if v._y is None else (v._x, v._y):
            if type(x) is Value:
                if x.id >= i:
                    if moved is None or x.op is not None:
                        raise wording.stale(x, v)
                    moved.append(x)
                if x not in seen and (x.requires_grad or every) and x.id > floor:
                    seen.add(x)
                    order.append(x)
    order.sort(key=attrgetter("id"), reverse=True)
    return order


def fit(d: Any, x: Any, op: Op[Any], i: int) -> Any:
    """A gradient brought to its operand's shape (summed over what was broadcast) and type."""
    have, want = raw.shape(d), raw.shape(x._data)
    if type(d) is np.ndarray and have[1:] == want:  # the usual case: a bias, spread over the batch
        d = raw.sum_to(d, want)
    elif have != want:
        pairs = zip(want[::-1], have[::-1], strict=False)
        if len(have) < len(want) or any(n not in (1, m) for n, m in pairs):
            raise wording.rule_shape(op.name, i, have, want)
        d = OPS["sum_to"](d, shape=want) if type(d) is Value else raw.sum_to(d, want)
    if want and d.dtype != x._data.dtype:
        d = OPS["astype"](d, dtype=x.dtype) if type(d) is Value else d.astype(x._data.dtype)
    return d if type(d) in (float, np.ndarray, Value) else canonical(d)


def pull(op: Op[Any], i: int, g: Any, out: Any, xs: Sequence[Any], params: Any, x: Value) -> Any:
    """The gradient of operand ``i``, the Value ``x``, in its shape and type; None: none."""
    try:
        d = op.pull(i, g, out, xs, params or {})
    except (ArithmeticError, ValueError) as error:
        d = recover.pull(op, i, g, out, xs, params or {}, error)
    same = type(d) is type(x._data) is np.ndarray and d.shape == x._data.shape
    return d if d is None or (same and d.dtype is x._data.dtype) else fit(d, x, op, i)


def pull_back(
    root: Value, seed: Any, floor: int = -1, create_graph: bool = False
) -> dict[Value, Any]:
    """Reverse mode: the gradient of ``root`` (times ``seed``) for every node below it.

    Gradients live in the dictionary that is returned, so an exception or a second thread leaves
    nothing behind. None marks a node that no gradient reaches.
    """
    order = topological(root, floor)
    grads: dict[Value, Any] = dict.fromkeys(order)
    if seed is not ONE and root.shape and seed.dtype != root.dtype:
        seed = seed.astype(root.dtype)  # a float64 seed leaves a float32 graph float32
    grads[root] = seed
    outer, rule = MODE.get(), FunctionType
    try:
        for v, g in grads.items():  # the values change on the way, the keys do not
            op = v.op
            if op is None or g is None:
                continue
            params, rules, out = v.params, op.rules, v if create_graph else v._data
            x, y = v._x, v._y
            # Scalars first: what the loop at the end does, spelled out, in half the time.
            if type(out) is float and rules is ONE:
                for x in v.inputs:
                    if type(x) is Value and x.requires_grad and x.id > floor:
                        old = grads[x]
                        grads[x] = g if old is None else old + g
                continue
            if type(out) is float and y is not None and type(rules) is tuple and params is None:
                p, q = rules
                a, b = x._data if type(x) is Value else x, y._data if type(y) is Value else y
                if type(x) is Value and x.requires_grad and x.id > floor:
                    try:
                        d = g if p is ONE else g * p(out, a, b) if type(p) is rule else None
                    except (ArithmeticError, ValueError):
                        d = None
                    old, d = grads[x], d if type(d) is float else pull(op, 0, g, out, (a, b), {}, x)
                    grads[x] = d if old is None else old + d
                if type(y) is Value and y.requires_grad and y.id > floor:
                    try:
                        d = g if q is ONE else g * q(out, a, b) if type(q) is rule else None
                    except (ArithmeticError, ValueError):
                        d = None
                    old, d = grads[y], d if type(d) is float else pull(op, 1, g, out, (a, b), {}, y)
                    grads[y] = d if old is None else old + d
                continue
            inputs = v.inputs
            if create_graph:
                xs: Sequence[Any] = inputs
                tag = v.tag.scope.child("∂", "derivative").tag
                MODE.set(outer.but(tag=tag, site=v.site, grad=True))
            else:
                xs = [x._data if type(x) is Value else x for x in inputs]
            for i, x in enumerate(inputs):
                if type(x) is Value and x.requires_grad and x.id > floor:
                    d, old = pull(op, i, g, out, xs, params, x), grads[x]
                    if d is not None:
                        grads[x] = d if old is None else old + d
    finally:
        MODE.set(outer)
    return grads


def backward(
    root: Value, gradient: Any = None, create_graph: bool = False, keep_inner: bool = True
) -> None:
    """Fill ``grad`` of every node below ``root``: leaves add to what is there, others replace it.

    ``gradient`` seeds a root that is not a scalar (its shape is the root's); ``create_graph``
    makes every ``grad`` a Value that can be differentiated again; ``keep_inner=False`` keeps the
    leaves' gradients only. Raises `StaleGraphError` if a leaf was assigned since the forward pass.

    >>> x = Value(3.0)
    >>> y = x * x * x
    >>> backward(y); x.grad
    27.0
    >>> backward(y); x.grad       # the second call adds the same addend
    54.0
    """
    if not root.requires_grad:
        raise wording.nothing_to_differentiate(root)
    create_graph = (recording := MODE.get().recording) is not None or create_graph
    gradient = gradient if create_graph else getattr(gradient, "_data", gradient)
    grads = pull_back(root, _seed(root, gradient), -1, create_graph)
    used: set[int] = {id(gradient)}
    for v, g in grads.items():
        leaf = v.op is None
        if g is None or not (leaf or keep_inner):
            if not leaf:
                v._grad = None
            continue
        if create_graph:
            g = g if type(g) is Value else make_leaf(canonical(g), v._dtype)
        elif type(g) is not float:
            if id(g) in used or g.base is not None:
                g = g.copy()  # no two gradients share memory, nor with the seed
            used.add(id(g))
        if leaf and (recording or v._grad is not None):
            g = recording.gradient(v, g) if recording else v._grad + g
        v._grad = raw.lock(g) if type(g) is np.ndarray else g


def _seed(root: Value, gradient: Any) -> Any:
    if gradient is None and not root.shape:
        return ONE
    if gradient is None:
        raise wording.needs_gradient(root)
    seed = gradient if isinstance(gradient, Value) else operand(gradient)
    if raw.shape(seed) != root.shape:
        raise wording.gradient_shape(raw.shape(seed), root)
    return seed
