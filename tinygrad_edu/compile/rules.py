"""Rewritings of one instruction that change no bit of its result, for the pass `simplify`.

A rule is given an instruction and what is known of its operands, and returns the operand that is
the result already, another instruction, or the same one. What is *not* here is as important:
``x + 0.0`` is not x (−0.0 becomes 0.0), ``x * 0.0`` is not 0 (∞, NaN), and ``(x + y) + z`` is not
``x + (y + z)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.families import operation
from tinygrad_edu.tape import Instruction, Slot, Tape

FLOAT64 = np.dtype(np.float64)


class Facts:
    """What is known of every slot before the program runs: type, shape, memory order, origin."""

    def __init__(self, tape: Tape) -> None:
        self.data = [leaf.value._data for leaf in tape.leaves]
        self.data += [step.recorded for step in tape.instructions]
        self.made: dict[int, Instruction] = {}

    def of(self, arg: Any) -> Any:
        """The number or array that an argument was when the program was recorded."""
        return self.data[arg.number] if isinstance(arg, Slot) else arg

    def like(self, arg: Any, step: Instruction) -> bool:
        """Whether an argument has the type, shape and memory order of the result."""
        x, out = self.of(arg), step.recorded
        if type(out) is float:
            return type(x) is float
        return isinstance(x, np.ndarray) and layout(x) == layout(out)

    def source(self, arg: Any, name: str) -> Instruction | None:
        """The instruction that computed an argument, if it is one of this operation."""
        made = self.made.get(arg.number) if isinstance(arg, Slot) else None
        return made if made is not None and made.op.name == name else None


def layout(x: Any) -> Any:
    """Type, shape and memory order of an array; the type of a number."""
    return (x.dtype, x.shape, x.strides) if isinstance(x, np.ndarray) else type(x)


Rule = Callable[[Instruction, Facts], Any]


def identity(step: Instruction, facts: Facts) -> Any:
    """`positive` and `detach` are their operand, where that is made of floats already."""
    same = step.op.name in ("positive", "detach") and facts.like(step.args[0], step)
    return step.args[0] if same else step


_NEUTRAL = {("multiply", 1): 1.0, ("multiply", 0): 1.0, ("divide", 1): 1.0, ("subtract", 1): 0.0}


def neutral(step: Instruction, facts: Facts) -> Any:
    """``x * 1.0``, ``1.0 * x``, ``x / 1.0`` and ``x - 0.0`` are x."""
    for (name, place), number in _NEUTRAL.items():
        if step.op.name != name or type(step.args[place]) is not float:
            continue
        other, number_here = step.args[1 - place], step.args[place]
        exact = number_here == number and math.copysign(1.0, number_here) > 0
        if exact and isinstance(other, Slot) and facts.like(other, step):
            return other
    return step


def undone(step: Instruction, facts: Facts) -> Any:
    """A sign or an order of axes changed twice, two shapes one after the other."""
    name = step.op.name
    before = (
        facts.source(step.args[0], name) if name in ("negative", "transpose", "reshape") else None
    )
    if before is None:
        return step
    if name == "negative":
        return before.args[0] if facts.like(before.args[0], step) else step
    if name == "transpose":
        axes = tuple(before.params["axes"][a] for a in step.params["axes"])
        if axes == tuple(range(len(axes))):
            return before.args[0]
        return replace(step, args=before.args, params={"axes": axes})
    inner = before.args[0]
    if facts.like(inner, step):
        return inner
    contiguous = isinstance(facts.of(inner), np.ndarray) and facts.of(inner).flags.c_contiguous
    return replace(step, args=before.args) if contiguous else step


def shorter(step: Instruction, facts: Facts) -> Any:
    """A sum over what a bias was spread is a plain sum, a clip at one end a maximum or minimum."""
    if step.op.name == "sum_to":
        have, want = np.shape(facts.of(step.args[0])), step.params["shape"]
        lead = len(have) - len(want)
        if have[lead:] == want:
            axis = 0 if lead == 1 else tuple(range(lead))
            params = {"axis": axis, "keepdims": False}
            return replace(step, op=operation("sum"), params=params)
    if step.op.name == "clip" and facts.like(step.args[0], step):
        x, low, high = step.args
        if type(low) is float and type(high) is float and math.inf in (high, -low):
            op, bound = ("maximum", low) if high == math.inf else ("minimum", high)
            return replace(step, op=operation(op), args=(x, bound))
    return step


_SPREADING = ("add", "subtract", "multiply", "divide", "greater", "greater_equal", "less",
              "less_equal", "equal", "not_equal")  # fmt: skip


def unspread(step: Instruction, facts: Facts) -> Any:
    """An operand that is one number everywhere, beside one of the result's shape, is a number."""
    if step.op.name not in _SPREADING:
        return step
    args = list(step.args)
    for place in (0, 1):
        other, x = facts.of(args[1 - place]), facts.of(args[place])
        if not (isinstance(args[1 - place], Slot) and isinstance(other, np.ndarray)):
            continue
        natural = isinstance(x, np.ndarray) and isinstance(step.recorded, np.ndarray)
        if not natural or x.dtype != other.dtype or other.shape != step.recorded.shape:
            continue
        scale = step.recorded.itemsize
        if [s * other.itemsize for s in step.recorded.strides] != [
            s * scale for s in other.strides
        ]:
            continue  # the memory order of the result would be another, and with it later sums
        spread = facts.source(args[place], "broadcast_to")
        if spread is not None and (
            type(facts.of(spread.args[0])) is not float or x.dtype == FLOAT64
        ):
            args[place] = spread.args[0]
        elif not isinstance(args[place], Slot) and x.size and _uniform(x):
            args[place] = float(x.flat[0])
    return replace(step, args=tuple(args))


def _uniform(x: np.ndarray) -> bool:
    first = np.full_like(x, x.flat[0], order="C")
    return x.dtype.kind == "f" and np.ascontiguousarray(x).tobytes() == first.tobytes()


RULES: tuple[Rule, ...] = (identity, neutral, undone, shorter, unspread)
