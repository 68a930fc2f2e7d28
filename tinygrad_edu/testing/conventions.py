"""On a kink there is no derivative, and differences across it measure nothing.

Two things can be said all the same. An operation's own rule must give a number between the slopes
beside the kink. And a whole gradient must follow from those numbers: every operation that has kinks
is replaced by the straight line that its rule claims here, and what is left can be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value, make_leaf
from tinygrad_edu.raw import canonical, operand
from tinygrad_edu.tape import Instruction, Slot, Tape
from tinygrad_edu.testing.differences import slopes_around
from tinygrad_edu.testing.subject import Numbers, Vector, flat, gradient_of, split, tangent_of


class Straightened:
    """The recorded operations, those with kinks replaced by the line that their own rule claims.

    >>> import tinygrad_edu as tg
    >>> x = Value(0.0)
    >>> line = Straightened([x], [tg.relu(x) + tg.exp(x)])
    >>> line.values([0.5]) == np.exp(0.5)
    array([ True])
    """

    def __init__(self, leaves: Sequence[Value], outs: Sequence[Any]) -> None:
        self.outs = outs
        roots = [out for out in outs if isinstance(out, Value)]
        tape = Tape.of(*roots, inputs=leaves, roles=False) if roots else None
        self.steps = tape.instructions if tape else ()
        self.constants = [leaf.value._data for leaf in tape.leaves[len(leaves) :]] if tape else []
        self.lines: dict[int, Any] = {}
        slots: list[Any] = [leaf._data for leaf in leaves] + self.constants
        slots += [step.recorded for step in self.steps]
        for step in self.steps:
            xs = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
            if step.op.kinks and not step.op.plain:
                self.lines[step.out] = _line(step, xs)
        places = iter(tape.outputs) if tape else iter(())
        self.where = [next(places) if isinstance(out, Value) else None for out in outs]

    def values(self, xs: Numbers) -> Vector:
        """All outputs at other numbers."""
        slots: list[Any] = [*xs, *self.constants]
        for step in self.steps:
            args = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
            line = self.lines.get(step.out)
            if step.op.plain:
                slots.append(step.recorded)  # a choice, held as it was made
                continue
            made = step.op.forward(*args, **step.params) if line is None else line(args)
            slots.append(canonical(made) if np.asarray(made).dtype.kind == "f" else made)
        pairs = zip(self.where, self.outs, strict=True)
        return flat([out if place is None else slots[place] for place, out in pairs])


def _line(step: Instruction, data: list[Any]) -> Callable[[list[Any]], Any]:
    """The operation near these operands as its own rule has it: f(x) + J·(x′ − x)."""
    moving = [
        i
        for i, (a, x) in enumerate(zip(step.args, data, strict=True))
        if isinstance(a, Slot) and np.asarray(x).dtype.kind == "f"
    ]
    leaves = [make_leaf(operand(data[i]), None, True) for i in moving]
    fixed = list(data)
    for i, leaf in zip(moving, leaves, strict=True):
        fixed[i] = leaf
    out = step.op(*fixed, **step.params)

    def line(args: list[Any]) -> Any:
        change = flat([np.asarray(args[i]) - np.asarray(data[i]) for i in moving])
        [moved] = split(tangent_of(leaves, [out], change), [out])
        return out._data + moved

    return line


def slopes_beside(
    values: Callable[[Vector], Vector], points: Vector, gradient: Vector, seed: Vector, j: int
) -> tuple[float, float] | None:
    """The least and largest slope beside a kink along number ``j``, if the claim is not between.

    None where it is, or where the function jumps, so that no side has a slope. ``seed`` weights
    the outputs and is positive.
    """
    here = values(points)
    size = float(seed @ np.abs(here))
    slack = 1e-3 * (1.0 + abs(gradient[j])) + 1e-8 * size
    nudge = np.zeros(len(points))
    for relative in (1e-10, 1e-7):  # small where kinks follow each other, large where it drowns
        nudge[j] = h = relative * max(1.0, abs(points[j]))
        up, down = (float(seed @ (values(points + s * nudge) - here)) for s in (1.0, -1.0))
        low, high = sorted((up / h, -down / h))
        if not np.isfinite([low, high]).all() or max(high, -low) > 1e4 * (1.0 + size):
            return None
        if low - slack <= gradient[j] <= high + slack:
            return None
    if not low - slack <= gradient[j] <= high + slack:
        low, high = slopes_around(values, points, nudge, seed)
        if not low - slack <= gradient[j] <= high + slack:
            return low, high
    return None


def against_convention(subject: Any, xs: Numbers) -> tuple[int, float, tuple[float, float]] | None:
    """The number whose claimed slope is not between those beside the kink, or None."""
    leaves, outs = subject.record(xs)
    points, count = flat(xs), len(flat(outs))
    seed = np.random.default_rng(count).uniform(0.5, 1.5, count)
    gradient = gradient_of(leaves, outs, seed)
    for j in range(min(len(points), 50)):
        beside = slopes_beside(lambda x: subject.values(split(x, xs)), points, gradient, seed, j)
        if beside is not None:
            return j, float(gradient[j]), beside
    return None
