"""Who may be written over: arrays of the program that nobody reads any more.

An array belongs to a group with all its views. A group can be used again when the program itself
made the array, none of it is a result, and all have been read for the last time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compile.rules import layout
from tinygrad_edu.tape import Instruction, Slot, Tape

# Their results are arrays of their own, whoever the operands were.
FRESH = {"matmul", "sum", "mean", "where"}


class Memory:
    """The groups of a tape, and which of them are free while it is written, step by step."""

    def __init__(self, tape: Tape, data: list[Any]) -> None:
        from tinygrad_edu.compile.ufuncs import ufunc_of

        self.tape, self.data = tape, data
        self.first = len(tape.leaves)
        self.group = list(range(len(data)))
        own = set[int]()
        for step in tape.instructions:
            if not isinstance(step.recorded, np.ndarray) or step.op.random:
                continue
            if step.op.name in FRESH or ufunc_of(step) is not None:
                own.add(step.out)
                continue
            for arg in step.args:  # it may return a view of any of them
                if isinstance(arg, Slot) and isinstance(data[arg.number], np.ndarray):
                    self._join(step.out, arg.number)
        members = [self._root(i) for i in range(len(data))]
        foreign = {members[i] for i in range(len(data)) if i not in own and i < self.first}
        made_here = {members[i] for i in own}
        self.own = {i for i in own if members[i] in made_here - foreign}
        self.inputs = {members[i] for i in tape.inputs}
        self.last = self._last_uses(members)
        self.free: dict[Any, list[int]] = {}
        self.ending: dict[int, list[int]] = {}
        for slot in sorted(self.own):
            self.ending.setdefault(self.last[members[slot]], []).append(slot)

    def _root(self, i: int) -> int:
        while self.group[i] != i:
            i = self.group[i]
        return i

    def _join(self, a: int, b: int) -> None:
        self.group[self._root(a)] = self._root(b)

    def _last_uses(self, members: list[int]) -> dict[int, int]:
        last = dict[int, int]()
        for at, step in enumerate(self.tape.instructions):
            for slot in (*step.slots, step.out):
                last[members[slot]] = at
        never = len(self.tape.instructions)
        return last | {members[i]: never for i in self.tape.outputs}

    def shares_input(self, slot: int) -> bool:
        """Whether a slot may be an argument of the function, or a view of one."""
        return self._root(slot) in self.inputs

    def target(self, step: Instruction, at: int, elementwise: bool) -> int | None:
        """A slot whose array the result may be written into; it is taken then."""
        key = layout(step.recorded)
        if elementwise:  # an operand that is read here for the last time
            for slot in step.slots:
                if slot in self.own and self._ends(slot, at) and layout(self.data[slot]) == key:
                    self.own.discard(slot)
                    return slot
        waiting = self.free.get(key)
        return waiting.pop() if waiting else None

    def _ends(self, slot: int, at: int) -> bool:
        return self.last[self._root(slot)] == at

    def passed(self, at: int, step: Instruction) -> None:
        """Instruction ``at`` is written: what was read for the last time there is free."""
        for slot in self.ending.get(at, ()):
            if slot in self.own:
                self.own.discard(slot)
                self.free.setdefault(layout(self.data[slot]), []).append(slot)
