"""Passes: functions from a tape to a shorter tape that computes the same, bit for bit.

Each is small and pure. `PASSES` lists them in the order in which they run; none looks at the
numbers of the example, only at shapes, types and memory order, which a compiled function holds for.
There is no folding of constants: recording computes with numbers what depends on numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compile.rules import RULES, Facts
from tinygrad_edu.tape import Instruction, Slot, Tape

Pass = Callable[[Tape], Tape]


def simplify(tape: Tape) -> Tape:
    """Leave out what changes no bit, and write shorter what a shorter operation computes.

    `positive` and `detach` are their operand, ``x * 1.0`` is x, a transposed transpose is what it
    was; see `tinygrad_edu.compile.rules`. Sums are never reordered.
    """
    facts = Facts(tape)
    known: dict[int, Any] = {}
    steps: list[Instruction] = []
    for step in tape.instructions:
        new: Any = replace(step, args=tuple(_resolved(a, known) for a in step.args))
        for rule in RULES:
            new = rule(new, facts)
            if not isinstance(new, Instruction):
                break
        if isinstance(new, Instruction):
            steps.append(new)
            facts.made[step.out] = new
        else:
            known[step.out] = new
    return _settled(tape, steps, known)


def merge_common(tape: Tape) -> Tape:
    """Compute once what is computed twice from the same; each random draw stays its own."""
    seen: dict[Any, int] = {}
    known: dict[int, Any] = {}
    steps: list[Instruction] = []
    for step in tape.instructions:
        new = replace(step, args=tuple(_resolved(a, known) for a in step.args))
        key = (step.op.name, tuple(map(_identity, new.args)), _identity(step.params))
        if not step.op.random and key in seen:
            known[step.out] = Slot(seen[key])
        else:
            seen[key] = step.out
            steps.append(new)
    return _settled(tape, steps, known)


def drop_dead(tape: Tape) -> Tape:
    """Leave out what no output needs; draws stay, so that later ones draw the same numbers."""
    needed = set(tape.outputs)
    steps: list[Instruction] = []
    for step in reversed(tape.instructions):
        if step.out in needed or step.op.random:
            needed.update(step.slots)
            steps.append(step)
    return _settled(tape, steps[::-1], {}, needed)


PASSES: tuple[Pass, ...] = (simplify, merge_common, drop_dead)


def _resolved(arg: Any, known: dict[int, Any]) -> Any:
    while isinstance(arg, Slot) and arg.number in known:
        arg = known[arg.number]
    return arg


def _settled(
    tape: Tape,
    steps: Iterable[Instruction],
    known: dict[int, Any],
    needed: set[int] | None = None,
) -> Tape:
    """A tape of these instructions, slots numbered anew; ``needed`` leaves out other leaves."""
    kept = [i for i in range(len(tape.leaves)) if needed is None or i in needed or i in tape.inputs]
    place = {old: new for new, old in enumerate(kept)}
    made: list[Instruction] = []
    for step in steps:
        args = [_resolved(a, known) for a in step.args]
        args = [Slot(place[a.number]) if isinstance(a, Slot) else a for a in args]
        place[step.out] = len(kept) + len(made)
        made.append(replace(step, args=tuple(args), out=place[step.out]))
    outputs = tuple(place[_resolved(Slot(i), known).number] for i in tape.outputs)
    leaves = tuple(tape.leaves[i] for i in kept)
    return Tape(leaves, tuple(made), outputs, tape.inputs, tape.rebuild)


def _identity(x: Any) -> Any:
    """What two arguments must have in common to be the same in every bit, as a key."""
    if isinstance(x, np.ndarray):
        return x.dtype.str, x.shape, x.strides, x.tobytes()
    if isinstance(x, Slot):
        return x
    if isinstance(x, float):
        return type(x), float(x).hex()
    if isinstance(x, (tuple, list)):
        return type(x), *map(_identity, x)
    if isinstance(x, dict):
        return tuple((k, _identity(v)) for k, v in x.items())
    if isinstance(x, slice):
        return slice, *map(_identity, (x.start, x.stop, x.step))
    return (type(x), x) if type(x) in (int, bool, str) or x is None else (type(x), str(x), id(x))
