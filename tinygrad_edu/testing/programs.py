"""Random programs: directed graphs of operations with shapes that fit, runnable and printable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import OPS, Op
from tinygrad_edu.families import registry
from tinygrad_edu.testing.case import literal

LARGEST = 50.0  # numbers beyond this are brought back by tanh, so that programs stay differentiable
_UNFIT = {"positive", "sum_to", "getitem_transpose", "astype", "sign"}


class Step(NamedTuple):
    """``v = op(*args, **params)``; an int among the args is the number of a slot."""

    op: str
    args: tuple[Any, ...]
    params: dict[str, Any]


@dataclass
class Program:
    """A random program; ``run`` executes it on its own inputs or on others of the same shapes.

    >>> program = Program([np.array([1.0, 2.0])], [Step("square", (0,), {}), Step("sum", (1,), {})])
    >>> program.run()
    5.0
    >>> print(program)
    import numpy as np
    import tinygrad_edu as tg
    <BLANKLINE>
    <BLANKLINE>
    def program(x0):
        v1 = tg.square(x0)
        v2 = tg.sum(v1)
        return v2
    <BLANKLINE>
    <BLANKLINE>
    tg.check(program, np.array([1.0, 2.0]))
    """

    inputs: list[Any]
    steps: list[Step] = field(default_factory=list)

    def run(self, inputs: Sequence[Any] | None = None) -> Any:
        """The result of the last step, for numbers or for Values."""
        slots = list(self.inputs if inputs is None else inputs)
        for step in self.steps:
            slots.append(self._execute(step, slots))
        return slots[-1]

    def __call__(self, *inputs: Any) -> Any:
        return self.run(inputs)

    @staticmethod
    def _execute(step: Step, slots: Sequence[Any]) -> Any:
        args = [slots[a] if type(a) is int else a for a in step.args]
        return OPS[step.op](*args, **step.params)

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in order."""
        return [step.op for step in self.steps]

    def source(self) -> str:
        """The program as Python that runs on its own and checks itself."""
        names = [f"x{i}" for i in range(len(self.inputs))]
        lines = ["import numpy as np", "import tinygrad_edu as tg", "", ""]
        lines.append(f"def program({', '.join(names)}):")
        for step in self.steps:
            args = [names[a] if type(a) is int else literal(a) for a in step.args]
            args += [f"{key}={literal(value)}" for key, value in step.params.items()]
            names.append(f"v{len(names)}")
            lines.append(f"    {names[-1]} = tg.{step.op}({', '.join(args)})")
        numbers = ", ".join(map(literal, self.inputs))
        return "\n".join(
            [*lines, f"    return {names[-1]}", "", "", f"tg.check(program, {numbers})"]
        )

    __str__ = source
    __repr__ = source


class Builder:
    """Grows a program step by step; every choice is one call of ``choose`` with a list."""

    def __init__(self, inputs: Sequence[Any], choose: Callable[[Sequence[Any]], Any]) -> None:
        self.program = Program(list(inputs))
        self.slots: list[Any] = list(inputs)
        self.choose = choose

    def add(self, op: str, *args: Any, **params: Any) -> int:
        """Append a step, run it, and give the number of its slot."""
        step = Step(op, args, params)
        self.program.steps.append(step)
        self.slots.append(self.program._execute(step, self.slots))
        return len(self.slots) - 1

    def grow(self, op: Op[Any]) -> bool:
        """One step with this operation on slots that fit it; False where none does."""
        made = self._arguments(op)
        if made is None:
            return False
        slot = self.add(op.name, *made[0], **made[1])
        if not np.all(np.abs(self.slots[slot]) <= LARGEST):
            del self.program.steps[-1], self.slots[-1]
            tame = [self.add("tanh", a) if type(a) is int else a for a in made[0]]
            slot = self.add(op.name, *tame, **made[1])
            if not np.all(np.abs(self.slots[slot]) <= LARGEST):
                del self.program.steps[-1], self.slots[-1]  # 1/x beside its pole stays out
        return True

    def finish(self) -> Program:
        """Bring all ends together into one number, each with a weight of its own."""
        used = {a for step in self.program.steps for a in step.args if type(a) is int}
        ends = [i for i in range(len(self.slots)) if i not in used] or [len(self.slots) - 1]
        total = None
        for k, i in enumerate(ends):
            part = self.add("sum", i) if np.ndim(self.slots[i]) else i
            part = self.add("multiply", part, 1.0 + 0.37 * k)
            total = part if total is None else self.add("add", total, part)
        return self.program

    def _arguments(self, op: Op[Any]) -> Any:
        recent = range(max(0, len(self.slots) - 6), len(self.slots))
        a = self.choose(list(recent))
        shape = np.shape(self.slots[a])
        params = op.examples(Random(self.choose(range(100))))[1] if op.examples else {}
        if op.rules is not None:
            return self._elementwise(op, a, params)
        if op.kind == "reduction" or op.name in ("softmax", "log_softmax"):
            if not shape:
                return None
            axes = list(range(-len(shape), len(shape)))
            axis = self.choose([None, *axes] if op.kind == "reduction" else axes)
            return (a,), {"axis": axis}
        return self._shaped(op.name, a, shape)

    def _elementwise(self, op: Op[Any], a: int, params: dict[str, Any]) -> Any:
        shape = np.shape(self.slots[a])
        count = 2 if op._arity < 0 else op._arity
        if op.name == "where":
            flags = np.arange(int(np.prod(shape, dtype=int))).reshape(shape) % 2 == 0
            return ((bool(flags) if not shape else flags), a, self._partner(shape)), {}
        if op.name == "clip":
            return (a, -1.01, self.choose([0.49, 2.03])), {}
        args = (a, *[self._partner(shape) for _ in range(count - 1)])
        return tuple(self._inside(op, i, x) for i, x in enumerate(args)), params

    def _partner(self, shape: tuple[int, ...]) -> Any:
        """Another slot that broadcasts with this shape, or a number."""
        fits = [i for i, x in enumerate(self.slots) if _broadcasts(np.shape(x), shape)]
        return self.choose([*fits, 0.73])

    def _inside(self, op: Op[Any], i: int, slot: Any) -> Any:
        """The slot, brought into the operation's domain where it is not."""
        if not op.domain or type(slot) is not int:
            return slot
        low, high = op.domain[i]
        x = np.asarray(self.slots[slot])
        if np.all((x > low + 0.05) & (x < high)):
            return slot
        if np.isfinite(high):
            return self.add("tanh", slot)
        return self.add("add", self.add("softplus", slot), low + 0.1)

    def _shaped(self, name: str, a: int, shape: tuple[int, ...]) -> Any:
        x = self.slots[a]
        if name == "reshape":
            return (a,), {"shape": self.choose([-1, (1, *shape), (*shape, 1)])}
        if name == "broadcast_to":
            return (a,), {"shape": (2, *shape)} if len(shape) < 3 else {"shape": shape}
        if name == "stack":
            same = [i for i, y in enumerate(self.slots) if np.shape(y) == shape]
            return (a, self.choose(same)), {"axis": self.choose([0, -1])}
        if not shape:
            return None
        if name == "transpose":
            return (a,), {"axes": self.choose([None, (*range(1, len(shape)), 0)])}
        if name == "getitem":
            last = shape[0] - 1
            return (a,), {
                "index": self.choose([0, -1, slice(None, None, -1), np.array([last, 0, 0])])
            }
        if name == "concatenate":
            same = [i for i, y in enumerate(self.slots) if np.shape(y)[1:] == shape[1:]]
            same = [i for i in same if np.ndim(self.slots[i]) == len(shape)]
            return (a, self.choose(same)), {"axis": 0}
        if name == "matmul":
            fits = [i for i, y in enumerate(self.slots) if _multiplies(x, y)]
            return ((a, self.choose(fits)), {}) if fits else None
        return None


def _broadcasts(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    pairs = zip(reversed(first), reversed(second), strict=False)
    return all(n == m or 1 in (n, m) for n, m in pairs)


def _multiplies(x: Any, y: Any) -> bool:
    left, right = np.shape(x), np.shape(y)
    if not right or left[-1] != (right[-2] if len(right) > 1 else right[0]):
        return False
    return _broadcasts(left[:-2], right[:-2])


def usable(names: Sequence[str] | None = None) -> list[Op[Any]]:
    """The operations that random programs are made of: all that are differentiable and public."""
    found = [op for name, op in registry().items() if not op.plain and name not in _UNFIT]
    return [op for op in found if names is None or op.name in names]
