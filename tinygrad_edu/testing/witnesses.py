"""The other witnesses beside differences: complex step, Taylor remainder, the two modes.

- *Complex step*: f(x + ih) has the derivative in its imaginary part, with no subtraction and so
  no lost digits; h may be 1e-100. It needs forward functions that are analytic and only knows the
  recorded tape. Squire and Trapp, "Using complex variables to estimate derivatives of real
  functions", SIAM Review 40 (1998).
- *Taylor remainder*: |f(x + tu) − f(x) − t·g·u| falls with t² where g is the gradient, with t
  where it is not. One direction through all numbers at once. Farrell, Ham, Funke and Rognes,
  "Automated derivation of the adjoint of high-level transient finite element programs", SIAM
  Journal on Scientific Computing 35 (2013), section 6.
- ⟨v, Ju⟩ = ⟨Jᵀv, u⟩: forward and reverse mode are each other's transposes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.tape import Instruction, Slot, Tape
from tinygrad_edu.testing.subject import Numbers, Vector, flat, split

NUDGE = 1e-100  # its square is 0 beside any number, and no number is lost beside it
STEPS = 4.0 ** -np.arange(1.0, 12.0)  # of the Taylor remainder, times the size of the numbers
SURE = 30.0  # how far above the noise a remainder must stand to be counted
MODES_AGREE = 1e-10  # relative to the sum of the absolute terms of both products


class Witness(NamedTuple):
    """What one way of measuring says: right, wrong, or silent with the reason."""

    name: str
    verdict: str
    said: str

    def __str__(self) -> str:
        return f"{self.name}: {self.said}"


# Complex step ------------------------------------------------------------------------------------


class ComplexTape:
    """The recorded operations, to be replayed on raw complex numbers.

    ``refused`` names the operation for which that is not possible, or is empty.
    """

    def __init__(self, leaves: Sequence[Value], outs: Sequence[Any]) -> None:
        self.leaves, self.outs = leaves, outs
        self.steps: tuple[Instruction, ...] = ()
        roots = [out for out in outs if isinstance(out, Value)]
        self.refused = "" if roots else "a result without a graph"
        if not roots:
            return
        tape = Tape.of(*roots, inputs=leaves, roles=False)
        self.steps = tape.instructions
        self.constants = [leaf.value._data for leaf in tape.leaves[len(leaves) :]]
        where = iter(tape.outputs)
        self.places = [next(where) if isinstance(out, Value) else None for out in outs]
        moved = set(range(len(leaves)))
        for step in self.steps:
            if moved.intersection(step.slots):
                moved.add(step.out)
                if not step.op.facts["analytic"]:
                    self.refused = self.refused or f"`{step.op.name}` is not declared analytic"

    def slopes(self, direction: Vector) -> Vector | None:
        """The slope of every output number along the direction; None where it cannot be told."""
        if self.refused:
            return None
        parts = split(direction, self.leaves)
        slots = [
            _complex(leaf._data, t) if np.any(t) else leaf._data
            for leaf, t in zip(self.leaves, parts, strict=True)
        ]
        slots += self.constants
        try:
            with np.errstate(all="ignore"):
                for step in self.steps:
                    slots.append(_replay(step, slots))
        except (TypeError, ValueError, ArithmeticError):
            return None
        found = [
            np.zeros(np.size(out)) if place is None else _imaginary(slots[place], out)
            for place, out in zip(self.places, self.outs, strict=True)
        ]
        joined = np.concatenate(found)
        return joined if np.isfinite(joined).all() else None


def _complex(x: Any, t: Any) -> Any:
    made = np.asarray(x) + 1j * (NUDGE * np.asarray(t))
    return made if made.ndim else made[()]


def _replay(step: Instruction, slots: Sequence[Any]) -> Any:
    """One instruction: a linear one on real and imaginary parts, another on complex numbers."""
    xs = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
    if not any(np.iscomplexobj(x) for x in xs):
        return step.recorded
    if not step.op.facts["linear"]:
        return step.op.forward(*xs, **step.params)
    real = [np.asarray(np.real(x)) if np.ndim(x) else float(np.real(x)) for x in xs]
    moves = [np.asarray(np.imag(x)) if np.ndim(x) else float(np.imag(x)) for x in xs]
    base, change = step.op.forward(*real, **step.params), step.op.forward(*moves, **step.params)
    made = np.asarray(base) + 1j * np.asarray(change)
    return made if made.ndim else made[()]


def _imaginary(z: Any, out: Any) -> Vector:
    """The slope, unless the real part is another number than the one that was recorded."""
    real, want = np.ravel(np.real(z)), np.ravel(np.asarray(out._data))
    if real.shape != want.shape or not np.allclose(real, want, rtol=1e-9, atol=0.0):
        return np.full(want.shape, np.nan)
    slope: Vector = np.ravel(np.imag(z)) / NUDGE
    return slope


def complex_witness(tape: ComplexTape, exact: float | None, claimed: float | None) -> Witness:
    """What the complex step says of one claimed derivative."""
    name = "complex step"
    if exact is None or claimed is None:
        return Witness(name, "silent", tape.refused or "not a finite number here")
    near = abs(exact - claimed) <= 1e-6 * max(abs(exact), abs(claimed)) + 1e-300
    return Witness(name, "right" if near else "wrong", f"{exact:.12g}, of the recorded graph")


# Taylor remainder --------------------------------------------------------------------------------


def taylor_witness(
    values: Callable[[float], float], here: float, slope: float, noise: float
) -> Witness:
    """How the remainder of ``values(t) ≈ here + t·slope`` falls, where it stands above the noise.

    >>> taylor_witness(lambda t: (1.0 + t) ** 3, 1.0, 3.0, 1e-16).said[:14]
    'falls as t^2.0'
    >>> taylor_witness(lambda t: (1.0 + t) ** 3, 1.0, 3.01, 1e-16).verdict
    'wrong'
    """
    name = "Taylor remainder"
    rests: list[tuple[float, float]] = []
    for t in STEPS:
        with np.errstate(all="ignore"):
            rest = abs(values(float(t)) - here - t * slope)
        if np.isfinite(rest) and rest > SURE * (noise + 4e-16 * abs(t * slope)):
            rests.append((float(t), rest))
        elif rests:
            break
    if len(rests) < 4:
        return Witness(name, "silent", "drowns in rounding: a straight line, or nearly")
    last = np.log(np.array(rests[-4:]))
    rates = np.diff(last[:, 1]) / np.diff(last[:, 0])
    rate = float(np.median(rates))
    span = f"t from {rests[0][0]:.2g} to {rests[-1][0]:.2g}"
    verdict = "right" if rates.min() > 1.6 else "wrong" if 0.8 < rate < 1.2 else "silent"
    return Witness(name, verdict, f"falls as t^{rate:.2f} (2 right, 1 wrong), {span}")


# The two modes -----------------------------------------------------------------------------------


def modes_witness(
    pushed: Vector, pulled: Vector, v: Vector, u: Vector, noise: float = 0.0
) -> Witness:
    """⟨v, Ju⟩ beside ⟨Jᵀv, u⟩, for uneven u and v, equal but for what rounding does."""
    left, right = float(v @ pushed), float(pulled @ u)
    size = float(np.abs(v) @ np.abs(pushed) + np.abs(pulled) @ np.abs(u))
    name = "⟨v, Ju⟩ = ⟨Jᵀv, u⟩"
    if not np.isfinite([left, right]).all():
        return Witness(name, "silent", "not finite here")
    verdict = "right" if abs(left - right) <= MODES_AGREE * size + noise else "wrong"
    return Witness(name, verdict, f"{left:.12g} and {right:.12g}")


def along(call: Callable[[Numbers], Vector], xs: Numbers, seed: Vector, u: Vector) -> Any:
    """The seeded output as a function of how far the numbers move along ``u``."""
    point = flat(xs)
    return lambda t: float(seed @ call(split(point + t * u, xs)))
