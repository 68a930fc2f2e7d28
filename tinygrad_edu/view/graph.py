"""The recorded graph as plain steps: the only module of the picture that reads the engine.

>>> from tinygrad_edu.engine import Value
>>> from tinygrad_edu.ops.elementwise import tanh
>>> [step.role for step in read(tanh(Value(2.0, "w") * Value(0.5, "x"))).steps]
['weight', 'input', 'product', 'activation']
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import topological
from tinygrad_edu.engine import Value
from tinygrad_edu.roles import infer_roles

__all__ = ["Graph", "Step", "read", "stale_leaves"]

Scope = tuple[tuple[str, str], ...]


def stale_leaves(root: Value) -> list[Value]:
    """The leaves below ``root`` that were assigned after their consumers had been recorded."""
    moved: list[Value] = []
    topological(root, every=True, moved=moved)
    return list(dict.fromkeys(moved))


@dataclass(slots=True, eq=False)
class Step:
    """One node of the graph. `inputs` holds steps and raw numbers in the operands' order.

    `scope` is the path of (name, kind), outermost first. `data` and `grad` are a float or an
    array; `data` is None where the number is not known any more (a weight that has moved).
    """

    role: str
    op: str
    symbol: str
    kind: str
    formula: str
    name: str
    scope: Scope
    data: Any
    grad: Any
    differentiable: bool
    inputs: list[Any]
    params: dict[str, Any] = field(default_factory=dict)
    site: Any = None
    moved: bool = False
    folded: int = 0
    slots: tuple[int, ...] = ()
    """What it stands for, as slots of the graph's tape: its own result first, then what is folded
    into it."""

    @property
    def leaf(self) -> bool:
        return not self.op

    @property
    def line(self) -> str:
        """The user's line that made it, with the file's name alone, because pictures travel.
        Looked up late: it costs more than the rest of the step."""
        if self.site is None:
            return ""
        place = f"{os.path.basename(self.site.filename)}:{self.site.line}"
        return f"{place}  {self.site.text}".rstrip()

    @property
    def parents(self) -> list[Step]:
        """The operands that are steps, once per use."""
        return [x for x in self.inputs if isinstance(x, Step)]


@dataclass(slots=True, eq=False)
class Graph:
    """All steps below a result, operands first, and whether weights moved since."""

    steps: list[Step]
    root: Step
    stale: bool

    def users(self) -> dict[Step, list[Step]]:
        """Step → the steps that use it, once per use."""
        found: dict[Step, list[Step]] = {step: [] for step in self.steps}
        for step in self.steps:
            for parent in step.parents:
                found[parent].append(step)
        return found


def _postorder(root: Value) -> list[Value]:
    """Operands before their consumers, in the order of the operands: the same for equal graphs,
    whatever the ids are, and for graphs whose leaves have moved."""
    order: list[Value] = []
    state: dict[Value, bool] = {}
    stack: list[tuple[Value, bool]] = [(root, False)]
    while stack:
        value, finished = stack.pop()
        if finished:
            order.append(value)
            continue
        if value in state:
            continue
        state[value] = True
        stack.append((value, True))
        stack.extend((x, False) for x in reversed(value.inputs) if isinstance(x, Value))
    return order


def _roles(root: Value, order: list[Value], stale: bool) -> list[str]:
    """The role of every value in `order`."""
    if not stale:
        roles = infer_roles(root)
        return [roles[value].value for value in order]
    # Inference refuses a stale graph; a copy of its structure with ids in order has the same roles.
    twins: dict[Value, Value] = {}
    for value in order:
        twin = object.__new__(Value)
        twin._data, twin._dtype, twin._grad = value._data, value._dtype, None
        twin.op, twin.params, twin.site = value.op, value.params, None
        twin.inputs = tuple(twins[x] if isinstance(x, Value) else x for x in value.inputs)
        twin.requires_grad, twin.tag, twin.id = value.requires_grad, value.tag, len(twins)
        twins[value] = twin
    roles = infer_roles(twins[root])
    return [roles[twins[value]].value for value in order]


def _scope(value: Value) -> Scope:
    path: list[tuple[str, str]] = []
    scope = value.tag.scope
    while scope.parent is not None:
        path.append((scope.name, scope.kind))
        scope = scope.parent
    return tuple(reversed(path))


def _plain(data: Any) -> Any:
    """A float or an array, out of a Value if need be."""
    if data is None or isinstance(data, float | np.ndarray):
        return data
    return _plain(data._data) if isinstance(data, Value) else np.asarray(data)[()]


def read(root: Value) -> Graph:
    """The steps of the graph below `root`. Nothing is changed; stale graphs can be read too."""
    order = _postorder(root)
    moved = set(stale_leaves(root))
    slots = _slots(order)
    scopes: dict[int, Scope] = {}
    made: dict[Value, Step] = {}
    arrays: dict[int, Step] = {}
    steps: list[Step] = []
    for value, role in zip(order, _roles(root, order, bool(moved)), strict=True):
        key = id(value.tag.scope)
        if key not in scopes:
            scopes[key] = _scope(value)
        inputs: list[Any] = []
        for place, x in enumerate(value.inputs):
            if isinstance(x, np.ndarray) and x.size > 1:
                if id(x) not in arrays:
                    selects = value.op is not None and value.op.name == "where" and place == 0
                    arrays[id(x)] = _data_step(x, selects)
                    steps.append(arrays[id(x)])
                inputs.append(arrays[id(x)])
            else:
                inputs.append(made[x] if isinstance(x, Value) else x)
        step = _step(value, role, scopes[key], inputs, value in moved)
        step.slots = (slots[value],)
        made[value] = step
        steps.append(step)
    return Graph(steps, made[root], bool(moved))


def _slots(order: list[Value]) -> dict[Value, int]:
    """The slot of every value on the tape of the graph: leaves first, each in order of creation."""
    made = sorted(order, key=lambda value: (value.op is not None, value.id))
    return {value: slot for slot, value in enumerate(made)}


def _step(value: Value, role: str, scope: Scope, inputs: list[Any], moved: bool) -> Step:
    op = value.op
    return Step(
        role=role,
        op=op.name if op is not None else "",
        symbol=str(op.symbol) if op is not None else "",
        kind=op.kind if op is not None else "",
        formula=str(op.formula) if op is not None else "",
        name=value.tag.name or "",
        scope=scope,
        data=None if moved else _plain(value._data),
        grad=_plain(value._grad),
        differentiable=value.requires_grad,
        inputs=inputs,
        params=dict(value.params or {}),
        site=value.site,
        moved=moved,
    )


def _data_step(array: np.ndarray, selects: bool) -> Step:
    """A raw array among the operands: data, shown as an input; what only selects is a mask."""
    if selects:
        return Step("constant", "", "", "", "", "mask", (), array, None, False, [])
    return Step("input", "", "", "", "", "data", (), array, None, False, [])
