"""Which operation is wrong: each node's own rule beside differences of that operation alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value, make_leaf
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.raw import operand
from tinygrad_edu.tape import Instruction, Slot, Tape
from tinygrad_edu.terminal import printable
from tinygrad_edu.testing.conventions import against_convention
from tinygrad_edu.testing.judging import Finding, Judge, directions_for, uneven
from tinygrad_edu.testing.report import Culprit, Kink
from tinygrad_edu.testing.subject import (
    Gradient,
    Subject,
    Vector,
    flat,
    from_function,
    from_value,
    gradient_of,
    split,
    tangent_of,
)

_NODES = 5000  # more are not looked at, and that is told
_SAME = 1e-8  # relative agreement with differences of fourth order that ends the matter for a node


@dataclass(frozen=True)
class Located:
    """Where a wrong derivative comes from: ``verdict`` is "op", "engine" or "kink".

    "op": the rule of ``culprit`` is wrong. "kink": no rule is, but a node lies on a place without
    a derivative. "engine": every rule agrees with differences of its operation alone, so what is
    wrong happens between them. ``str()`` is the verdict as a sentence.
    """

    verdict: str
    culprit: Culprit | None = None
    kink: Kink | None = None
    nodes: int = 0

    def __str__(self) -> str:
        if self.culprit is not None:
            return printable(str(self.culprit))
        if self.kink is not None:
            return printable(f"kink: {self.kink}")
        looked = f"{self.nodes} of them looked at" if self.nodes > 1 else "1 looked at"
        return (
            f"every op is right ({looked}): the engine, or the function's own gradient code, "
            "or a number that has left the graph (`.data`, `detach`)"
        )


def locate(function: Callable[..., Any] | Value, *args: Any, order: int = 2) -> Located:
    """Which operation's own derivative is wrong at this run's numbers.

    To be asked when the gradient as a whole is wrong. Every operation of the recorded graph is
    compared with differences of that operation alone, with uneven seeds, in reverse and forward
    mode, up to the given order; the first that is wrong is named.

    >>> import tinygrad_edu as tg
    >>> locate(lambda x: tg.tanh(x) * 2.0, 0.3).verdict
    'engine'
    """
    if isinstance(function, Value):
        subject, xs, _, _ = from_value(function)
    else:
        subject, xs, _, _ = from_function(function, args)
    with np.errstate(all="ignore"):
        return locate_in(subject, xs, order)


def locate_in(subject: Subject, xs: list[Any], order: int) -> Located:
    """`locate` for a subject; every order from the first up to ``order`` is looked at."""
    leaves, outs = subject.record(xs)
    roots = [out for out in outs if isinstance(out, Value)]
    if not roots:
        return Located("engine")
    tape = Tape.of(*roots, inputs=leaves, roles=False)
    slots = [leaf.value._data for leaf in tape.leaves]
    slots += [step.recorded for step in tape.instructions]
    moved = set(range(len(leaves)))
    nodes, kink = 0, None
    for step in tape.instructions[:_NODES]:
        if not moved.intersection(step.slots):
            continue
        moved.add(step.out)
        nodes += 1
        for level in range(1, order + 1):
            culprit, near = _check_step(step, slots, moved, level)
            if culprit is not None:
                return Located("op", culprit, None, nodes)
            if near is not None:
                kink = Kink(near.op, near.distance, _line(step))
    return Located("engine" if kink is None else "kink", None, kink, nodes)


def _line(step: Instruction) -> str:
    return f"{step.site}: {step.site.text}" if step.site else ""


def _check_step(
    step: Instruction, slots: list[Any], moved: set[int], order: int
) -> tuple[Culprit | None, Kink | None]:
    """Operand by operand; at second order all together, because x · y bends along both only."""
    data = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
    operands = [
        i
        for i, (a, x) in enumerate(zip(step.args, data, strict=True))
        if isinstance(a, Slot) and a.number in moved and np.asarray(x).dtype.kind == "f"
    ]
    kink = None
    for group in [[i] for i in operands] if order == 1 else [operands]:
        subject = _alone(step, data, group)
        if _agrees(subject, [data[i] for i in group], order):
            continue
        signs = (1.0, -1.0)  # a rule that is not linear in what comes back may be right for one
        found = (f for s in signs for f in _findings(subject, step.out, data, group, order, s))
        for finding in found:
            if np.isnan(finding.claimed) and finding.mode == "forward":
                continue  # an infinite slope, times a number that is not nudged
            if finding.verdict == "wrong":
                pair = finding.claimed, finding.measured
                operand_number = group[finding.direction.argument or 0]
                return Culprit(step.op.name, operand_number, _line(step), *pair, order), None
            if finding.verdict == "kink":
                kink = finding.kink
        if order == 1 and kink is not None and kink.distance == 0.0:
            off = _off_convention(subject, [data[i] for i in group])
            if off is not None:
                claimed, beside = off
                middle = (beside[0] + beside[1]) / 2.0
                place = _line(step)
                return Culprit(step.op.name, group[0], place, claimed, middle, 1, beside), None
    return None, kink


def _off_convention(subject: Subject, data: list[Any]) -> tuple[float, tuple[float, float]] | None:
    """On its kink: the claimed slope and those beside it, where it is not between them."""
    xs = [x if type(x) is float else np.array(x, dtype=float) for x in data]
    try:
        found = against_convention(subject, xs)
    except (TinygradError, ArithmeticError, ValueError):
        return None
    return None if found is None else found[1:]


def _alone(step: Instruction, data: list[Any], group: list[int]) -> Subject:
    """One operation as a function of some of its operands, the others held fixed."""

    def call(values: list[Value]) -> list[Any]:
        fixed = [
            x if not isinstance(a, Slot) else make_leaf(operand(x, plain=True))
            for x, a in zip(data, step.args, strict=True)
        ]
        for i, value in zip(group, values, strict=True):
            fixed[i] = value
        return [step.op(*fixed, **step.params)]

    return Subject(call)


def _agrees(subject: Subject, xs: list[Any], order: int) -> bool:
    """One uneven direction, one step, both modes: if they agree to eight digits, all is well."""
    try:
        leaves, outs = subject.record(xs)
        if order == 2:
            subject = Gradient(subject, _weights(len(flat(outs))))
            leaves, outs = subject.record(xs)
        size = len(flat(xs))
        v, u = _weights(len(flat(outs))), _weights(size + 1)[1:]
        point = flat(xs)
        h = 1e-3 * (float(np.min(np.abs(point))) or 1.0)
        f = [subject.values(split(point + k * h * u, xs)) for k in (-2.0, -1.0, 1.0, 2.0)]
        pulled, pushed = gradient_of(leaves, outs, v), tangent_of(leaves, outs, u)
        if order == 1 and not np.array_equal(gradient_of(leaves, outs, -v), -pulled):
            return False
    except (TinygradError, ArithmeticError, ValueError):
        return False
    slopes = (f[0] - 8.0 * f[1] + 8.0 * f[2] - f[3]) / (12.0 * h)
    rounding = 1e-14 * np.max(np.abs(f), axis=0) / h
    near = abs(pulled @ u - v @ slopes) <= np.abs(v) @ (_SAME * np.abs(slopes) + rounding)
    most = _SAME * np.max(np.abs(slopes), initial=0.0) + rounding
    return bool(near and np.all(np.abs(pushed - slopes) <= most))


@cache
def _weights(count: int) -> Vector:
    return uneven(np.random.default_rng(count), count)


def _findings(
    subject: Subject, seed: int, data: list[Any], group: list[int], order: int, sign: float
) -> Iterator[Finding]:
    """What differences of one operation along its operands say, a few numbers of each at most."""
    rng = np.random.default_rng(seed)
    xs = [data[i] if type(data[i]) is float else np.array(data[i], dtype=float) for i in group]
    if not np.isfinite(flat(xs)).all():
        return
    try:
        outs = subject.record(xs)[1]
        if order == 2:
            subject = Gradient(subject, uneven(rng, len(flat(outs))))
            outs = subject.record(xs)[1]
        judge = Judge(subject, xs, sign * uneven(rng, len(flat(outs))))
        for direction in directions_for(xs, 6, 2, rng):
            yield from judge.judge(direction)
    except TinygradError:
        return  # it has no derivative of this order here
