"""The point of a check, kept in its report: what else can be measured there, and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.testing.differences import central, steps_for
from tinygrad_edu.testing.judging import CANCELLED, Direction, Finding, Judge, uneven
from tinygrad_edu.testing.subject import Gradient, Vector, flat, tangent_of
from tinygrad_edu.testing.witnesses import (
    Witness,
    along,
    complex_witness,
    modes_witness,
    taylor_witness,
)


def all_at_once(judge: Judge) -> Vector:
    """A direction through all numbers, each moved by about its own size; always the same one."""
    size = np.abs(judge.point)
    rng = np.random.default_rng(len(size))
    direction: Vector = uneven(rng, len(size)) * np.maximum(size, np.mean(size) or 1.0)
    return direction


def taylor(judge: Judge, u: Vector) -> Witness:
    """The Taylor remainder along ``u``, which is `all_at_once`; measured once for a judge."""
    if judge.remainder is None:
        judge.remainder = _remainder(judge, u)
    return judge.remainder


def _remainder(judge: Judge, u: Vector) -> Witness:
    scale = float(np.abs(judge.seed) @ np.abs(flat(judge.outs)))
    noise = judge.eps * (4.0 * scale + judge.level)
    path = along(judge.subject.values, judge.xs, judge.seed, u)
    here = float(judge.seed @ flat(judge.outs))
    try:
        return taylor_witness(path, here, float(judge.gradient @ u), noise)
    except (ArithmeticError, ValueError):  # nudged out of the function's domain
        return Witness("Taylor remainder", "silent", "the function is not defined all around")


def witnesses(judge: Judge, worst: Finding) -> tuple[Witness, ...]:
    """What each way of measuring says of the worst entry, and of all numbers at once."""
    found = []
    known = np.isfinite(worst.measured)
    doubt = f" ± {worst.doubt:.1g}" if worst.doubt and np.isfinite(worst.doubt) else ""
    said = f"{worst.measured:.12g}{doubt}, step {worst.step:.3g}" if known else "no plateau"
    found.append(Witness(f"{worst.side} differences", worst.verdict, said))
    u = all_at_once(judge)
    if worst.verdict == "kink":
        found.append(Witness("Taylor remainder", "silent", "a kink lies in its way"))
    else:
        found.append(taylor(judge, u))
    exact = judge.exact(worst.direction)
    number = None if exact is None else float(exact[worst.column])
    found.append(complex_witness(judge.complex_tape, number, worst.claimed))
    pushed = tangent_of(judge.leaves, judge.outs, u)
    noise = CANCELLED * judge.eps * judge.level * float(np.abs(judge.seed).sum())
    found.append(modes_witness(pushed, judge.gradient, judge.seed, u, noise))
    return tuple(found)


class Curve(NamedTuple):
    """How far central differences are from the claimed derivative, step by step."""

    steps: Vector
    errors: Vector


@dataclass(frozen=True)
class Point:
    """Where a report was made: enough to measure again and to draw the graph."""

    judge: Judge
    direction: Direction
    column: int

    def curve(self) -> Curve:
        """The relative error of differences against the step: falls, then rises again."""
        steps = np.array(steps_for(self.direction.size))
        claimed = float(self.judge.claims(self.direction)[self.column])
        slopes = []
        for h in steps:
            try:
                with np.errstate(all="ignore"):
                    up, down = (self.judge.values_at(self.direction, s * h) for s in (1.0, -1.0))
                    slopes.append(float(central(up, down, h)[self.column]))
            except (ArithmeticError, ValueError, IndexError):
                slopes.append(np.nan)
        return Curve(steps, np.abs(np.array(slopes) - claimed) / (abs(claimed) or 1.0))

    def value(self) -> Value | None:
        """The recorded result at this point, with all gradients, for a picture."""
        subject = self.judge.subject
        inner = subject.inner if isinstance(subject, Gradient) else subject
        _, outs = inner.record(self.judge.xs)
        roots = [out for out in outs if isinstance(out, Value) and out.requires_grad]
        if not roots:
            return None
        root = roots[0]
        seed: Any = np.ones(root.shape) if root.shape else None
        root.backward(gradient=seed)
        return root
