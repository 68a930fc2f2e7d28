"""Growing random programs: any operation on whatever numbers are there, made to fit.

Nothing here knows an operation by name. What an operation takes is read from its declaration:
``domain`` and the number of operands where any shapes that broadcast will do, else ``examples``,
whose shapes, static parameters and fixed operands are taken over. Numbers are brought to a shape by
indexing, and near an example where an operation asks for more than ordinary numbers (a symmetric
matrix, say).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any

import numpy as np

from tinygrad_edu.engine import Op
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.testing.programs import Program, Step, usable

LARGEST = 50.0  # numbers beyond this are brought back by tanh, so that programs stay differentiable
RECENT = 6  # how far back a step looks for its operands
NEAR = 0.05  # how far from an example an operand moves that must keep its structure
EDGE = 0.9  # how much of a bounded domain is used, because at its edges slopes may be infinite
_EXAMPLES = 100
_LOOKED_AT = 12
_Way = Callable[[Op[Any], Any], tuple[Any, ...]]


class Builder:
    """Grows a program step by step; every choice is one call of ``choose`` with a list."""

    def __init__(self, inputs: Sequence[Any], choose: Callable[[Sequence[Any]], Any]) -> None:
        self.program = Program(list(inputs))
        self.slots: list[Any] = list(inputs)
        self.choose = choose

    def add(self, op: str, *args: Any, **params: Any) -> int:
        """Append a step, run it, and give the number of its slot."""
        step = Step(op, args, params)
        result = self.program._execute(step, self.slots)
        self.program.steps.append(step)
        self.slots.append(result)
        return len(self.slots) - 1

    def grow(self, op: Op[Any]) -> bool:
        """One step with this operation on slots that fit it; False where it gives no number."""
        seed = self.choose(range(_EXAMPLES)) if op.examples else 0
        operands, params = op.examples(Random(seed)) if op.examples else (None, {})
        if operands is None:
            ways: list[_Way] = [self._spread, self._spread_tamely]
        elif _takes_ordinary_numbers(op):
            ways = [self._fitted, self._fitted_tamely, self._near]
        else:
            ways = [self._near]
        for way in ways:
            mark = len(self.program.steps)
            try:
                slot = self.add(op.name, *way(op, operands), **params)
                if _fine(self.slots[slot]):
                    return True
            except (TinygradError, ArithmeticError, np.linalg.LinAlgError):
                pass
            del self.program.steps[mark:], self.slots[len(self.program.inputs) + mark :]
        return False

    def finish(self) -> Program:
        """Bring all ends together into one number, each with a weight of its own."""
        if not self.program.steps:
            self.add("multiply", 0, 1.37)
        used = {a for step in self.program.steps for a in step.args if type(a) is int}
        first = len(self.program.inputs)
        ends = [i for i in range(first, len(self.slots)) if i not in used]
        total = None
        for k, i in enumerate(ends):
            part = i
            if np.ndim(self.slots[i]):  # unevenly: many gradients are right in the sum alone
                part = self.add("sum", self.add("multiply", i, _uneven(np.shape(self.slots[i]))))
            part = self.add("multiply", part, 1.0 + 0.37 * k) if k else part
            total = part if total is None else self.add("add", total, part)
        self._drop_unused_inputs()
        return self.program

    def _drop_unused_inputs(self) -> None:
        steps = self.program.steps
        used = {a for step in steps for a in step.args if type(a) is int}
        for k in reversed(range(len(self.program.inputs))):
            if k not in used and len(self.program.inputs) > 1:
                del self.program.inputs[k], self.slots[k]
                steps[:] = [_renumbered(step, k, -1) for step in steps]

    # Operands that fit ---------------------------------------------------------------------------

    def _spread(self, op: Op[Any], _: Any) -> tuple[Any, ...]:
        """Slots whose shapes broadcast together, brought into the domain."""
        a = self.choose(self._recent())
        args: list[Any] = [a]
        shape = np.shape(self.slots[a])
        for _i in range((2 if op._arity < 0 else op._arity) - 1):
            fits = [i for i, x in enumerate(self.slots) if _broadcasts(np.shape(x), shape)]
            args.append(self.choose([*fits, 0.73]))
            shape = np.broadcast_shapes(shape, np.shape(self._data(args[-1])))
        return tuple(self._inside(op, i, x) for i, x in enumerate(args))

    def _fitted(self, op: Op[Any], operands: Sequence[Any]) -> tuple[Any, ...]:
        """Slots with the shapes of an example; what is not differentiable is taken from it."""
        own = self._own_inputs(operands, [True, False, False])
        return tuple(
            own[i] if i in own else self._inside(op, i, self._shaped(x)) if _moves(x) else _fixed(x)
            for i, x in enumerate(operands)
        )

    def _near(self, op: Op[Any], operands: Sequence[Any]) -> tuple[Any, ...]:
        """The example's own operands: as inputs, or each moved a little by a slot."""
        args = []
        own = self._own_inputs(operands, [True, False])
        for i, x in enumerate(operands):
            if i in own or not _moves(x):
                args.append(own.get(i, _fixed(x)))
                continue
            move = self.add("multiply", self.add("tanh", self._shaped(x)), NEAR)
            args.append(self.add("add", move, x))
        return tuple(args)

    def _own_inputs(self, operands: Sequence[Any], odds: Sequence[bool]) -> dict[int, int]:
        """The example's numbers as inputs of the program, for some operands: by operand, the slot.

        An input stands before all steps, so what comes later moves up by one.
        """
        made = {}
        for i, x in enumerate(operands):
            if _moves(x) and self.choose(odds):
                k = made[i] = len(self.program.inputs)
                self.program.inputs.append(x)
                self.slots.insert(k, x)
                self.program.steps[:] = [_renumbered(s, k, 1) for s in self.program.steps]
        return made

    def _spread_tamely(self, op: Op[Any], _: Any) -> tuple[Any, ...]:
        return self._tame(self._spread(op, None))

    def _fitted_tamely(self, op: Op[Any], operands: Sequence[Any]) -> tuple[Any, ...]:
        return self._tame(self._fitted(op, operands))

    def _tame(self, args: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(self.add("tanh", a) if type(a) is int else a for a in args)

    def _shaped(self, like: Any) -> int:
        """A slot with the shape of ``like``: one that has it, or another one indexed."""
        shape = np.shape(like)
        slot: int = self.choose(self._recent())
        have = np.shape(self.slots[slot])
        if have == shape:
            return slot
        if not have:  # times different numbers, so that nothing ties
            return self.add("multiply", slot, _uneven(shape))
        flat = slot if len(have) == 1 else self.add("reshape", slot, shape=-1)
        size, count = math.prod(have), math.prod(shape)
        if not shape:
            return self.add("getitem", flat, index=0)
        index = np.arange(count).reshape(shape) % size
        taken = self.add("getitem", flat, index=index)
        return taken if count <= size else self.add("multiply", taken, _uneven(shape))

    def _inside(self, op: Op[Any], i: int, slot: Any) -> Any:
        """The slot, brought into the operation's domain where it is not."""
        if i >= len(op.domain) or type(slot) is not int:
            return slot
        low, high = op.domain[i]
        x = np.asarray(self.slots[slot])
        margin = 0.05 * (high - low if math.isfinite(high - low) else 1.0)
        if np.all((x > low + margin) & (x < high - margin)):
            return slot
        if math.isfinite(low) and math.isfinite(high):
            moved = self.add("multiply", self.add("tanh", slot), EDGE * (high - low) / 2.0)
            middle = (high + low) / 2.0
            return self.add("add", moved, middle) if middle else moved
        if math.isfinite(low):
            return self.add("add", self.add("softplus", slot), low + 0.1)
        return self.add("subtract", high - 0.1, self.add("softplus", slot))

    def _recent(self) -> list[int]:
        return list(range(max(0, len(self.slots) - RECENT), len(self.slots)))[::-1]

    def _data(self, argument: Any) -> Any:
        return self.slots[argument] if type(argument) is int else argument


def random_program(rng: Random, size: int = 8, operations: Sequence[str] | None = None) -> Program:
    """A random program without Hypothesis: a hundred times as many in the same time, unshrunk.

    >>> random_program(Random(1), size=3, operations=["tanh"]).operations[0]
    'tanh'
    """
    shapes = [(), *rng.choices([(), (2,), (3,), (2, 3), (3, 2)], k=rng.randrange(3))]
    inputs = []
    for shape in shapes:
        drawn = [round(rng.uniform(-2.0, 2.0), 4) + 0.00011 for _ in range(math.prod(shape))]
        inputs.append(np.array(drawn).reshape(shape) if shape else drawn[0])
    builder = Builder(inputs, rng.choice)
    table = usable(operations)
    for _ in range(rng.randint(1, size)):
        builder.grow(rng.choice(table))
    return builder.finish()


def _renumbered(step: Step, first: int, by: int) -> Step:
    """A step whose slots from ``first`` on have moved."""
    args = tuple(a + by if type(a) is int and a >= first else a for a in step.args)
    return Step(step.op, args, step.params)


def _moves(x: Any) -> bool:
    return np.asarray(x).dtype.kind == "f"


def _fixed(x: Any) -> Any:
    return np.int64(x) if type(x) is int else x  # a plain int among the arguments is a slot


def _fine(x: Any) -> bool:
    """Finite real numbers of ordinary size, and at least one."""
    kind = np.asarray(x).dtype.kind
    return kind == "f" and np.size(x) > 0 and bool(np.all(np.abs(x) <= LARGEST))


def _broadcasts(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    pairs = zip(reversed(first), reversed(second), strict=False)
    return all(n == m or 1 in (n, m) for n, m in pairs)


def _uneven(shape: tuple[int, ...]) -> Any:
    """Different numbers of both signs, always the same ones for a shape."""
    count = math.prod(shape)
    numbers = np.round(0.4 + 0.31 * np.arange(count), 2) * (-1.0) ** np.arange(count)
    return numbers.reshape(shape) if shape else float(numbers[0])


@cache
def _takes_ordinary_numbers(op: Op[Any]) -> bool:
    """Whether the examples' operands are any numbers: of both signs, small, without symmetry."""
    drawn = [op.examples(Random(seed))[0] for seed in range(_LOOKED_AT)]
    drawn = [operands for operands in drawn if operands is not None]
    most = max((len(operands) for operands in drawn), default=0)
    for i in range(most):
        found = [np.asarray(x[i]) for x in drawn if i < len(x) and _moves(x[i])]
        numbers = np.concatenate([np.ravel(x) for x in found]) if found else np.zeros(0)
        declared = i < len(op.domain)
        if numbers.size and not declared and not numbers.min() < 0.0 < numbers.max():
            return False
        if numbers.size and np.abs(numbers).max() > 3.0:
            return False
        if any(_symmetric(x) for x in found):
            return False
    return True


def _symmetric(x: Any) -> bool:
    square = x.ndim >= 2 and x.shape[-1] == x.shape[-2] > 1
    return square and bool(np.array_equal(x, np.swapaxes(x, -1, -2)))
