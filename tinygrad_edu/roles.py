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

import numpy as np

from tinygrad_edu.autodiff import topological
from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value

_NAMES = [
    (Role.WEIGHT, re.compile(r"(w|weights?|kernel|theta)[_\d.,₀-₉]*", re.I)),
    (Role.BIAS, re.compile(r"(b|bias(es)?|intercept)[_\d.,₀-₉]*", re.I)),
    (Role.INPUT, re.compile(r"(x|inputs?|features?)[_\d.,₀-₉]*", re.I)),
    (Role.TARGET, re.compile(r"(y|t|y_?true|targets?|labels?)[_\d.,₀-₉]*", re.I)),
]
_SUMS = ("add", "add_n")
_GIVEN = (Role.INPUT, Role.TARGET, Role.CONSTANT)


def infer_roles(root: Value) -> dict[Value, Role]:
    """The role of every node below ``root``, itself included. Pure: nothing is changed.

    >>> from tinygrad_edu.ops.elementwise import tanh
    >>> w, x, b = Value(0.3, "w"), Value(2.0, "x"), Value(0.1, "b")
    >>> y = tanh(w * x + b)
    >>> [infer_roles(y)[v].value for v in (w, x, b, y)]
    ['weight', 'input', 'bias', 'activation']
    """
    return _Inference(root).roles


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


class _Inference:
    """One pass over a graph from the leaves up, with the consumers of each node at hand."""

    def __init__(self, root: Value) -> None:
        self.root = root
        self.order = topological(root, every=True)[::-1]
        self.users: dict[Value, list[Value]] = defaultdict(list)
        for v in self.order:
            for x in v.inputs:
                if isinstance(x, Value):
                    self.users[x].append(v)
        self.roles: dict[Value, Role] = {}
        for v in self.order:
            self.roles[v] = v.tag.role or (self.known_leaf(v) if v.op is None else Role.OPERATION)
        for v in self.order:
            if v.op is None and self.roles[v] is Role.FACTOR and self.multiplies(v):
                self.roles[v] = Role.WEIGHT
        for v in self.order:
            if v.op is not None and v.tag.role is None:
                self.roles[v] = self.computed(v)
        self.loss()

    def known_leaf(self, v: Value) -> Role:
        if not v.requires_grad:
            return Role.INPUT
        name = v.tag.name or ""
        last = name.rsplit(".", 1)[-1]
        return next((role for role, names in _NAMES if names.fullmatch(last)), Role.FACTOR)

    def multiplies(self, v: Value) -> bool:
        """Whether a leaf is a factor of computed nodes or inputs wherever it is used."""

        def as_weight(user: Value) -> bool:
            assert user.op is not None
            x, y = user.inputs if len(user.inputs) == 2 else (None, None)
            if user.op.name == "matmul":
                return y is v and x is not v
            other = y if x is v else x
            if user.op.name != "multiply" or other is v:
                return False
            if isinstance(other, Value):
                return other.op is not None or self.roles[other] is Role.INPUT
            return False

        return bool(self.users[v]) and all(as_weight(user) for user in self.users[v])

    def is_product(self, v: Any) -> bool:
        return isinstance(v, Value) and self.roles.get(v) is Role.PRODUCT

    def computed(self, v: Value) -> Role:
        assert v.op is not None
        if v.op.kind in ("activation", "loss"):
            return Role(v.op.kind)
        if v.op.name == "multiply" or v.op.name == "matmul":
            factors = [self.roles[x] for x in v.inputs if isinstance(x, Value)]
            squared = v.inputs[0] is v.inputs[1]
            if Role.WEIGHT in factors and not squared:
                alone = v.op.name == "matmul" and not self.added(v)
                return Role.WEIGHTED_SUM if alone else Role.PRODUCT
        if v.op.name in _SUMS or (v.op.name == "sum" and self.is_product(v.inputs[0])):
            return self.sum_role(v)
        return Role.OPERATION

    def added(self, v: Value) -> bool:
        return any(user.op is not None and user.op.name in _SUMS for user in self.users[v])

    def terms(self, v: Value) -> list[Any]:
        """The terms of a sum, through the partial sums that feed nothing else."""
        found, stack = [], [v]
        while stack:
            at = stack.pop()
            for x in at.inputs:
                inner = isinstance(x, Value) and x.op is not None and x.op.name in _SUMS
                if inner and len(self.users[x]) == 1 and x.tag.role is None:
                    stack.append(x)
                else:
                    found.append(x)
        return found

    def sum_role(self, v: Value) -> Role:
        terms = self.terms(v)
        if not any(self.is_product(x) for x in terms):
            return Role.OPERATION
        leaves = [x for x in terms if isinstance(x, Value) and x.op is None]
        unknown = [x for x in leaves if self.roles[x] is Role.FACTOR]
        if len(unknown) == 1 and len(leaves) == 1 and self.users[unknown[0]]:
            self.roles[unknown[0]] = Role.BIAS
        inner = [u for u in self.users[v] if u.op is not None and u.op.name in _SUMS]
        whole = len(self.users[v]) != 1 or not inner
        return Role.WEIGHTED_SUM if whole else Role.PARTIAL_SUM

    def loss(self) -> None:
        """The root is a loss if it measures the distance of a neuron's result to a target."""
        root = self.root
        if root.tag.role is not None or root.op is None or root.shape:
            return
        if any(self.roles[v] is Role.TARGET for v in self.order) or self.measures_distance():
            self.roles[root] = Role.LOSS

    def measures_distance(self) -> bool:
        """(result - number)², |result - number|, and sums and means of those, nothing else on top."""
        neurons = (Role.ACTIVATION, Role.WEIGHTED_SUM)
        at: Any = self.root
        distance = False
        while isinstance(at, Value) and at.op is not None:
            name = at.op.name
            if name == "subtract":
                sides = [x for x in at.inputs if isinstance(x, Value)]
                given = [x for x in at.inputs if not isinstance(x, Value) or x.op is None]
                return distance and len(given) == 1 and any(self.roles[x] in neurons for x in sides)
            distance = distance or name in ("square", "absolute") or _is_square(at)
            if not (name in ("square", "absolute", "sum", "mean") or _is_square(at)):
                return False
            at = at.inputs[0]
        return False


def _is_square(v: Value) -> bool:
    assert v.op is not None
    if v.op.name == "multiply":
        return v.inputs[0] is v.inputs[1]
    return v.op.name == "power" and np.ndim(v.inputs[1]) == 0 and bool(v.inputs[1] == 2.0)
