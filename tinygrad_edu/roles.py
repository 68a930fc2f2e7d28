"""What each node of a graph is for: read from its structure, never guessed.

In this order: an explicit role or leaf constructor; ``requires_grad=False`` (an input); the user's
own names (`w1`, `b`, `x2`, `target`); a leaf that only multiplies computed nodes or inputs (a
weight); the right operand of ``@`` (a weight); a leaf added to products (a bias); otherwise
"factor". Names come before structure, because in `x * sigmoid(x)` only the name tells an input.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from tinygrad_edu.autodiff import topological
from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value

_NAMES = [
    (Role.WEIGHT, re.compile(r"(w|weights?|kernel|theta)[_\d.,₀-₉]*", re.I)),
    (Role.BIAS, re.compile(r"(b|bias(es)?|intercept)[_\d.,₀-₉]*", re.I)),
    (Role.INPUT, re.compile(r"(x|inputs?|features?)[_\d.,₀-₉]*", re.I)),
    (Role.TARGET, re.compile(r"(y|t|y_?true|targets?|labels?)[_\d.,₀-₉]*", re.I)),
]
_SUMS = ("add", "add_n", "sum")
_WHOLE = ("matmul", "convolution", "convolution_transpose")  # products and their sums at once
_GIVEN = (Role.INPUT, Role.TARGET, Role.CONSTANT)


def infer_roles(root: Value) -> dict[Value, Role]:
    """The role of every node below ``root``, itself included. Pure: nothing is changed.

    >>> from tinygrad_edu.ops.elementwise import tanh
    >>> w, x, b = Value(0.3, "w"), Value(2.0, "x"), Value(0.1, "b")
    >>> y = tanh(w * x + b)
    >>> [infer_roles(y)[v].value for v in (w, x, b, y)]
    ['weight', 'input', 'bias', 'activation']
    """
    order = topological(root, every=True)[::-1]
    users: dict[Value, list[Value]] = defaultdict(list)
    for v in order:
        for x in v.inputs:
            if type(x) is Value:
                users[x].append(v)
    roles = {v: v.tag.role or _first_guess(v) for v in order}
    for v in order:
        if roles[v] is Role.FACTOR and users[v] and all(_weighs(v, u, roles) for u in users[v]):
            roles[v] = Role.WEIGHT
    sums: dict[Value, tuple[bool, list[Value]]] = {}
    for v in order:
        if v.op is not None:
            roles[v] = v.tag.role or _computed(v, roles, users, sums)
    open_ = root.op is not None and root.tag.role is None and not root.shape
    if open_ and (Role.TARGET in roles.values() or _measures_distance(root, roles)):
        roles[root] = Role.LOSS
    return roles


def parameters(root: Any) -> list[Value]:
    """What training adjusts: the leaves below a Value that need a gradient and are no given data.

    In the order of their creation, each once; of a module, `module.parameters()`.

    >>> w, x = Value(0.3, "w"), Value(2.0, "x")
    >>> [p.name for p in parameters(w * x)]
    ['w']
    """
    if not isinstance(root, Value):
        return list(root.parameters())
    roles = infer_roles(root)
    leaves = [v for v in roles if v.op is None and v.requires_grad and roles[v] not in _GIVEN]
    return sorted(leaves, key=lambda v: v.id)


def _first_guess(v: Value) -> Role:
    """What a leaf is by itself: data without gradient is an input, a telling name counts."""
    if v.op is not None:
        return Role.OPERATION
    last = (v.tag.name or "").rsplit(".", 1)[-1]
    named = next((role for role, names in _NAMES if names.fullmatch(last)), Role.FACTOR)
    return named if v.requires_grad else Role.INPUT


def _weighs(v: Value, user: Value, roles: dict[Value, Role]) -> bool:
    """Whether ``user`` multiplies the leaf ``v`` with a computed node or an input."""
    a, b = user.inputs if len(user.inputs) == 2 else (None, None)
    name, other = user.op and user.op.name, b if a is v else a
    if name in _WHOLE:
        return b is v and a is not v
    if name != "multiply" or other is v or type(other) is not Value:
        return False
    return other.op is not None or roles[other] is Role.INPUT


def _computed(
    v: Value,
    roles: dict[Value, Role],
    users: dict[Value, list[Value]],
    sums: dict[Value, tuple[bool, list[Value]]],
) -> Role:
    """The role of a computed node. ``sums`` holds of each sum: any products, its first leaves."""
    assert v.op is not None
    name, values = v.op.name, [x for x in v.inputs if type(x) is Value]
    if v.op.kind == "activation":
        return Role.ACTIVATION
    added = any(u.op is not None and u.op.name in _SUMS for u in users[v])
    product = name in ("multiply", *_WHOLE) and v.inputs[0] is not v.inputs[1]
    if product and Role.WEIGHT in [roles[x] for x in values]:
        return Role.WEIGHTED_SUM if name in _WHOLE and not added else Role.PRODUCT
    if name not in _SUMS:
        return Role.OPERATION
    products, leaves = False, []
    for x in values:
        inner = sums[x] if x in sums and len(users[x]) == 1 and not x.tag.role else None
        products = products or (inner[0] if inner else roles[x] is Role.PRODUCT)
        leaves += inner[1] if inner else [x] if x.op is None else []
    sums[v] = products, leaves[:2]
    if not products:
        return Role.OPERATION
    if added and len(users[v]) == 1:
        return Role.PARTIAL_SUM
    if len(leaves) == 1 and roles[leaves[0]] is Role.FACTOR:
        roles[leaves[0]] = Role.BIAS
    return Role.WEIGHTED_SUM


def _measures_distance(root: Value, roles: dict[Value, Role]) -> bool:
    """(result - number)², |result - number|, and sums and means of those, penalties on weights."""
    pending, seen, distances = [(root, False)], set[tuple[Value, bool]](), 0
    while pending:
        at, squared = step = pending.pop()
        seen.add(step)
        x, y = (at.inputs[0], at.inputs[-1]) if at.op else (None, None)
        values, name = [z for z in at.inputs if type(z) is Value], at.op.name if at.op else ""
        if name == "subtract" and squared:
            given = [z for z in (x, y) if type(z) is not Value or z.op is None]
            distances += len(given) == 1 and any(_result(z, roles) for z in values)
            continue
        square = name in ("square", "absolute") or (name == "multiply" and x is y)
        square = square or (name == "power" and type(y) is float and y == 2.0)
        scaled = name in ("multiply", "divide") and len(values) == 1
        if at.op is None and not (squared and roles[at] is Role.WEIGHT):
            return False
        if at.op and not (square or scaled or name in (*_SUMS, "mean", "stack")):
            return False
        pending += {(z, squared or square) for z in values} - seen
    return distances > 0


def _result(v: Value, roles: dict[Value, Role]) -> bool:
    """Whether ``v`` is what neurons answer, in whatever shape."""
    while v.op is not None and v.op.kind == "shape":
        v = next(x for x in v.inputs if type(x) is Value)
    return roles[v] in (Role.ACTIVATION, Role.WEIGHTED_SUM)
