"""What `copy`, `deepcopy` and `pickle` do with a Value: leaves are copied, with name and gradient.

A fresh id is given, so the graph of the original is nobody else's; within one `deepcopy` a weight
that is used twice stays one weight.
"""

from __future__ import annotations

import copyreg
from typing import Any

from tinygrad_edu.context import ROOT, Tag
from tinygrad_edu.engine import Op, Value, describe, make_leaf
from tinygrad_edu.errors import AutodiffError
from tinygrad_edu.families import operation
from tinygrad_edu.raw import operand


def take_apart(v: Value) -> Any:
    """The parts of a leaf; a computed Value is refused, because its graph would come along."""
    if v.op is not None:
        what = f"{describe(v)} is part of a graph and cannot be copied or pickled"
        raise AutodiffError(what, hint="copy the leaves (its weights), or v.detach()")
    scopes = tuple((s.name, s.kind) for s in v.tag.scope.lineage)
    return make_again, (v._data, v._dtype, v.requires_grad, v._grad, v.tag.name, v.tag.role, scopes)


def make_again(
    data: Any, dtype: Any, needs: bool, grad: Any, name: Any, role: Any, scopes: Any
) -> Value:
    """The leaf that `take_apart` described."""
    v, scope = make_leaf(operand(data, plain=True), dtype, needs), ROOT
    for part, kind in scopes:
        scope = scope.child(part, kind)
    v.tag, v.grad = Tag(name, role, scope), grad
    return v


copyreg.pickle(Value, take_apart)
copyreg.pickle(Op, lambda op: (operation, (op.name,)))
