"""Which way a program went: its operations, its frozen numbers, and the side of every kink.

Differences may only be taken between points where the program went the same way. Three things are
compared: the sequence of operations (a Python `if` changes it), the plain numbers in the graph (a
mask computed from data changes them), and the sign of every declared kink's distance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.tape import Instruction, Slot, Tape
from tinygrad_edu.testing.report import Kink

ON_IT = 1e-14  # times the largest operand: this near to a kink of a whole array is on it


class Branches(NamedTuple):
    """The way one run went; two runs went the same way where all but ``kinks`` agree."""

    ops: tuple[Any, ...]
    numbers: tuple[Any, ...]  # the plain operands and static parameters, as comparable tokens
    places: tuple[Any, ...]  # where each of the numbers enters: an instruction, or words
    signs: tuple[bytes, ...]
    kinks: tuple[Kink, ...]

    def same(self, other: Branches, moving: frozenset[int] = frozenset()) -> bool:
        """Whether both runs went the same way, the ``moving`` numbers left aside."""
        if self.ops != other.ops or self.signs != other.signs:
            return False
        pairs = zip(self.numbers, other.numbers, strict=True)
        return all(a == b or i in moving for i, (a, b) in enumerate(pairs))

    @property
    def nearest(self) -> Kink | None:
        """The kink with the smallest distance."""
        return min(self.kinks, key=lambda kink: kink.distance, default=None)


def branches_of(leaves: Sequence[Value], outs: Sequence[Any]) -> Branches:
    """Read the way a recorded run went from its tape."""
    roots = [out for out in outs if isinstance(out, Value)]
    loose = [_token(out) for out in outs if not isinstance(out, Value)]
    if not roots:
        return Branches((), tuple(loose), ("the result",) * len(loose), (), ())
    tape = Tape.of(*roots, inputs=leaves, roles=False)
    slots = [leaf.value._data for leaf in tape.leaves]
    slots += [step.recorded for step in tape.instructions]
    ops: list[Any] = [len(tape.leaves), tape.outputs]
    numbers: list[Any] = [_token(leaf.value._data) for leaf in tape.leaves[len(leaves) :]]
    places: list[Any] = [
        f"the leaf {leaf.name or 'without a name'}" for leaf in tape.leaves[len(leaves) :]
    ]
    signs: list[bytes] = []
    kinks: list[Kink] = []
    for step in tape.instructions:
        plain = [a for a in step.args if not isinstance(a, Slot)]
        frozen = [_token(a) for a in plain] + [_token(p) for p in step.params.values()]
        ops.append((step.op.name, tuple(step.slots), len(frozen)))
        numbers += frozen
        places += [step] * len(frozen)
        if step.op.kinks:
            xs = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
            _measure(step, xs, signs, kinks)
    numbers += loose
    places += ["the result"] * len(loose)
    return Branches(tuple(ops), tuple(numbers), tuple(places), tuple(signs), tuple(kinks))


def distances(step: Instruction, xs: Sequence[Any]) -> Iterator[Any]:
    """How far the operands are from each declared kink, element by element."""
    for distance in step.op.kinks:
        with np.errstate(all="ignore"):
            d = np.asarray(distance(*xs, **step.params), dtype=np.float64)
        if step.op.rules is None:  # equal but for rounding is equal: the spread of three thirds
            d = np.where(np.abs(d) <= ON_IT * _size(xs), 0.0, d)
        yield d


def _measure(step: Instruction, xs: Sequence[Any], signs: list[bytes], kinks: list[Kink]) -> None:
    for d in distances(step, xs):
        signs.append(np.sign(d).tobytes())
        if d.size and not np.isnan(d).all():
            nearest = float(np.nanmin(np.abs(d)))
            if np.isfinite(nearest):
                kinks.append(Kink(step.op.name, nearest, step.site or ""))


def _size(xs: Sequence[Any]) -> float:
    floats = [np.abs(x) for x in map(np.asarray, xs) if x.dtype.kind == "f" and x.size]
    largest = max((float(np.max(x)) for x in floats), default=0.0)
    return largest if np.isfinite(largest) else 0.0


def place_name(place: Any) -> str:
    """Where a number enters, in words: operation and line."""
    if isinstance(place, Instruction):
        name = place.op.name
        return f"{name} at {place.site}: {place.site.text}" if place.site else name
    return str(place)


def _token(x: Any) -> Any:
    """Something that is equal exactly where the numbers are the same, NaN included."""
    if type(x) is float:
        return x.hex()
    if isinstance(x, np.ndarray):
        return (x.shape, x.dtype.str, x.tobytes())
    if isinstance(x, (tuple, list)):
        return tuple(_token(item) for item in x)
    return repr(x)


def moving_numbers(runs: Sequence[Branches]) -> frozenset[int]:
    """The positions of numbers that follow the input smoothly, though the graph holds them fixed.

    A branch gives a few distinct numbers over many steps; what was read out of a Value (`.data`,
    `detach`) gives a new one at each.
    """
    if not runs or any(run.ops != runs[0].ops for run in runs):
        return frozenset()
    columns = zip(*[run.numbers for run in runs], strict=True)
    return frozenset(i for i, column in enumerate(columns) if len(set(column)) > len(runs) // 2 + 1)
