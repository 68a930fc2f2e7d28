"""Forward mode: tangents pushed along the recorded graph, with the rules that backward pulls by."""

from __future__ import annotations

from typing import Any

from tinygrad_edu import raw
from tinygrad_edu.autodiff import topological
from tinygrad_edu.engine import OPS, Value


def push_forward(
    root: Value, tangents: dict[Value, Any], floor: int, create_graph: bool = False
) -> Any:
    """Forward mode over the recorded graph: the tangent of ``root``; None: nothing reaches it."""
    for v in reversed(topological(root, floor)):
        op = v.op
        ts = [tangents.get(x) if type(x) is Value else None for x in v.inputs]
        if v in tangents or op is None or all(t is None for t in ts):
            continue
        xs = [x._data if type(x) is Value and not create_graph else x for x in v.inputs]
        out, params = v if create_graph else v._data, v.params or {}
        try:
            t = op.push(ts, out, xs, params)
        except (ArithmeticError, ValueError):
            t = raw.ieee(lambda o, *args: op.push(ts, o, args, params), out, *xs)  # noqa: B023
        if t is not None and raw.shape(t) != v.shape:
            t = OPS["broadcast_to"](t, shape=v.shape)
        tangents[v] = t
    return tangents.get(root)
