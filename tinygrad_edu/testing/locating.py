"""Which operation is wrong: each node's own rule beside differences of that operation alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value, make_leaf
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.raw import operand
from tinygrad_edu.tape import Instruction, Slot, Tape
from tinygrad_edu.testing.judging import Finding, Judge, directions_for, uneven
from tinygrad_edu.testing.report import Culprit
from tinygrad_edu.testing.subject import Gradient, Subject, flat, from_function, from_value

_NODES = 5000  # more are not looked at: the caller is told that no culprit was found


def locate(function: Callable[..., Any] | Value, *args: Any, order: int = 2) -> Culprit | None:
    """The first operation whose own derivative is wrong at this run's numbers, or None.

    Every operation of the recorded graph is compared with differences of that operation alone,
    with an uneven seed, in reverse and forward mode, up to the given order.

    >>> import tinygrad_edu as tg
    >>> locate(lambda x: tg.tanh(x) * 2.0, 0.3) is None
    True
    """
    if isinstance(function, Value):
        subject, xs, _, _ = from_value(function)
    else:
        subject, xs, _, _ = from_function(function, args)
    return locate_in(subject, xs, order)


def locate_in(subject: Subject, xs: list[Any], order: int) -> Culprit | None:
    """`locate` for a subject; every order from the first up to ``order`` is looked at."""
    leaves, outs = subject.record(xs)
    roots = [out for out in outs if isinstance(out, Value)]
    if not roots:
        return None
    tape = Tape.of(*roots, inputs=leaves, roles=False)
    slots = [leaf.value._data for leaf in tape.leaves]
    slots += [step.recorded for step in tape.instructions]
    moved = set(range(len(leaves)))
    for step in tape.instructions[:_NODES]:
        if moved.intersection(step.slots):
            moved.add(step.out)
            for level in range(1, order + 1):
                culprit = _check_step(step, slots, moved, level)
                if culprit is not None:
                    return culprit
    return None


def _check_step(step: Instruction, slots: list[Any], moved: set[int], order: int) -> Culprit | None:
    """Operand by operand; at second order all together, because x · y bends along both only."""
    data = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
    operands = [
        i
        for i, (a, x) in enumerate(zip(step.args, data, strict=True))
        if isinstance(a, Slot) and a.number in moved and np.asarray(x).dtype.kind == "f"
    ]
    groups = [[i] for i in operands] if order == 1 else [operands]
    for group in groups:
        for finding in _findings(step, data, group, order):
            if finding.verdict == "wrong":
                place = f"{step.site}: {step.site.text}" if step.site else ""
                pair = finding.claimed, finding.measured
                operand_number = group[finding.direction.argument or 0]
                return Culprit(step.op.name, operand_number, place, *pair, order)
    return None


def _findings(
    step: Instruction, data: list[Any], group: list[int], order: int
) -> Iterator[Finding]:
    """What differences of one operation along its operands say, a few numbers of each at most."""

    def call(values: list[Value]) -> list[Any]:
        fixed = [
            x if not isinstance(a, Slot) else make_leaf(operand(x, plain=True))
            for x, a in zip(data, step.args, strict=True)
        ]
        for i, value in zip(group, values, strict=True):
            fixed[i] = value
        return [step.op(*fixed, **step.params)]

    rng = np.random.default_rng(step.out)
    xs = [data[i] if type(data[i]) is float else np.array(data[i], dtype=float) for i in group]
    subject: Subject = Subject(call)
    try:
        outs = subject.record(xs)[1]
        if order == 2:
            subject = Gradient(subject, uneven(rng, len(flat(outs))))
            outs = subject.record(xs)[1]
        judge = Judge(subject, xs, uneven(rng, len(flat(outs))))
        for direction in directions_for(xs, 6, 2, rng):
            yield from judge.judge(direction)
    except TinygradError:
        return  # it has no derivative of this order here
