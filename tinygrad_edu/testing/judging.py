"""One subject at one point: each claimed derivative beside differences, and a word for each pair.

Cheap steps first: where one pair of points already agrees to six digits, nothing more is asked.
Only a disputed entry gets the sweep over all steps, with the kink map beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.testing.branches import Branches, branches_of, moving_numbers, place_name
from tinygrad_edu.testing.conventions import Straightened
from tinygrad_edu.testing.differences import central, one_sided, plateau, steps_for
from tinygrad_edu.testing.report import CONVENTION, Kink
from tinygrad_edu.testing.rounding import answer_to_all, numbers_of, precision
from tinygrad_edu.testing.subject import (
    Gradient,
    Numbers,
    Subject,
    Vector,
    flat,
    gradient_of,
    pull,
    recorded,
    split,
    steepest,
    tangent_of,
)
from tinygrad_edu.testing.witnesses import ComplexTape, Witness

CLOSE = 1e-6  # relative agreement that ends the matter at once
LOOSE = 1e-5  # relative agreement that is asked for after the sweep
NOISE = 1e-11  # times the output: what differences cannot tell from 0
CANCELLED = 200.0  # rounding units of the largest number on the way: the same
SLIPS = 8.0  # rounding units that each number on the way may be off
_FEW = 40  # measured values, each of which is worth a pass of its own
SMALLEST = 2.2e-308  # below it numbers lose their digits
USABLE = 5  # points on one side, at falling steps, that make an extrapolation with a doubt


class Direction(NamedTuple):
    """Which way the inputs are nudged: one number of one argument, or all of them at once."""

    vector: Vector
    size: float
    argument: int | None = None
    place: tuple[int, ...] | None = None


class Finding(NamedTuple):
    """One claimed derivative beside its measured one."""

    verdict: str
    mode: str
    claimed: float
    measured: float
    doubt: float
    step: float
    side: str
    direction: Direction
    kink: Kink | None = None
    hidden: str = ""
    column: int = 0

    @property
    def error(self) -> float:
        """How far apart the two are, relative to the larger."""
        size = max(abs(self.claimed), abs(self.measured))
        if not np.isfinite(self.claimed):
            return np.inf
        return abs(self.claimed - self.measured) / size if size else 0.0


@dataclass
class Judge:
    """The engine's claims at one point, and what it takes to measure them."""

    subject: Subject
    xs: Numbers
    seed: Vector
    modes: tuple[str, ...] = ("reverse", "forward")
    point: Vector = field(init=False)
    home: Vector = field(init=False)
    answers: dict[int, float] = field(init=False, default_factory=dict)
    remainder: Witness | None = None  # of Taylor's formula, once it has been measured

    def __post_init__(self) -> None:
        self.leaves, self.outs = self.subject.record(self.xs)
        self.point = flat(self.xs)
        self.home = self.measured_values(self.outs)
        self.gradient = gradient_of(self.leaves, self.outs, self.seed)
        scale = np.abs(flat(self.outs))
        self.eps, level = precision(self.outs)
        self.level = level
        own = self._selected(scale, float(np.abs(self.seed) @ scale))
        unit = CANCELLED * self.eps
        self.floor = np.maximum(max(NOISE, unit) * own, unit * level)

    def _selected(self, forward: Vector, reverse: float) -> Vector:
        """Only what the modes ask for: the outputs one by one, then their weighted sum."""
        parts = [forward] if "forward" in self.modes else []
        parts += [np.array([reverse])] if "reverse" in self.modes else []
        return np.concatenate(parts)

    def measured_values(self, outs: list[Any]) -> Vector:
        values = flat(outs)
        return self._selected(values, float(self.seed @ values))

    def claims(self, direction: Direction) -> Vector:
        """What the engine says: the tangent of each output, and the gradient times the nudge."""
        tangent = np.zeros(0)
        if "forward" in self.modes:
            tangent = tangent_of(self.leaves, self.outs, direction.vector)
        moved = direction.vector != 0.0  # an infinite slope elsewhere is not asked for
        reverse = float(self.gradient[moved] @ direction.vector[moved])
        return self._selected(tangent, reverse)

    @cached_property
    def complex_tape(self) -> ComplexTape:
        """The recorded operations on complex numbers."""
        return ComplexTape(self.leaves, self.outs)

    def exact(self, direction: Direction) -> Vector | None:
        """The slopes by complex step, or None; only in double precision is it worth asking."""
        found = self.complex_tape.slopes(direction.vector) if self.eps < 1e-12 else None
        return None if found is None else self._selected(found, float(self.seed @ found))

    def at(self, direction: Direction, t: float) -> Numbers:
        return split(self.point + t * direction.vector, self.xs)

    def values_at(self, direction: Direction, t: float) -> Vector:
        values = self.subject.values(self.at(direction, t))
        return self._selected(values, float(self.seed @ values))

    def mode_of(self, column: int) -> str:
        last = "reverse" in self.modes and column == len(self.home) - 1
        return "reverse" if last else "forward"

    def judge(self, direction: Direction) -> list[Finding]:
        """The findings that matter in this direction: the worst right one, or all disputed ones."""
        claimed = self.claims(direction)
        size = abs(direction.size) or 1.0
        floor = self.floor / max(size, 1.0)
        with np.errstate(all="ignore"):
            h = 2.0 ** round(np.log2(6e-6 * size))
            slope = central(self.values_at(direction, h), self.values_at(direction, -h), h)
            close = _close(claimed, slope, 0.0)
            if not close.all():
                h = 2.0 ** round(np.log2(1e-3 * size))
                wide = central(self.values_at(direction, h), self.values_at(direction, -h), h)
                q = h / 4.0
                near = central(self.values_at(direction, q), self.values_at(direction, -q), q)
                again = (16.0 * near - wide) / 15.0
                now = _close(claimed, again, floor) & ~close
                slope = np.where(now, again, slope)
                close = close | now
            if not close.all():
                return self.dispute(direction, claimed, np.flatnonzero(~close), floor)
        return [self._worst(claimed, slope, h, direction)]

    def _worst(self, claimed: Vector, slope: Vector, h: float, direction: Direction) -> Finding:
        error = np.abs(claimed - slope) / np.maximum(np.abs(claimed), self.floor + 1e-300)
        i = int(np.argmax(error))
        pair = float(claimed[i]), float(slope[i])
        return Finding("right", self.mode_of(i), *pair, 0.0, h, "central", direction, column=i)

    def dispute(
        self, direction: Direction, claimed: Vector, columns: Any, floor: Vector
    ) -> list[Finding]:
        """The sweep over all steps, only between points where the program went the same way."""
        widest = 4.0 if self.eps > 1e-12 else 0.25
        finest = 1e-9 if direction.argument is not None else 1e-14  # relative to all the numbers
        steps = np.array(steps_for(direction.size, widest, finest))
        here = branches_of(self.leaves, self.outs)
        plus, way_plus = self._walk(direction, steps)
        minus, way_minus = self._walk(direction, -steps)
        half = len(steps) // 2
        moving = moving_numbers([w for w in way_plus[half:] if w is not None])
        same_plus = _all_the_way([w is not None and here.same(w, moving) for w in way_plus])
        same_minus = _all_the_way([w is not None and here.same(w, moving) for w in way_minus])
        hidden = place_name(here.places[min(moving)]) if moving else ""
        noise = self._noise(plus, minus, steps, columns)
        side, slopes = self._slopes(plus, minus, same_plus, same_minus, steps)
        crossed = not (same_plus.all() and same_minus.all())
        kink = here.nearest or self._kink_below()
        if slopes is None:
            word = "kink" if crossed else "step"
            naive = central(plus, minus, steps[:, None])[len(steps) // 2]
            found = [(i, word, naive[i], np.inf, steps[len(steps) // 2]) for i in columns]
        else:
            best = plateau(slopes, noise[: len(slopes)], steps[: len(slopes)])
            found = []
            for i in columns:
                d, doubt = float(best.value[i]), float(best.doubt[i])
                word = _word(float(claimed[i]), d, doubt, float(floor[i]), self.eps)
                on_it = kink is not None and kink.distance == 0.0 and not np.isfinite(claimed[i])
                word = "kink" if on_it or (word == "step" and crossed) else word
                if word == "step" and not hidden:
                    word, d = self._arbitrate(direction, i, float(claimed[i]), d)
                elif word == "wrong" and abs(claimed[i] - d) <= self._rounding(direction, i):
                    word = "right"
                found.append((i, word, d, doubt, best.step[i]))
        made = [
            Finding(word, self.mode_of(i), float(claimed[i]), float(d), float(doubt), float(h),
                    side, direction, kink, hidden, int(i))
            for i, word, d, doubt, h in found
        ]  # fmt: skip
        if kink is None or kink.distance != 0.0 or all(f.verdict != "kink" for f in made):
            return made
        return self._by_convention(made, steps, floor)

    def _noise(self, plus: Vector, minus: Vector, steps: Vector, columns: Any = ()) -> Vector:
        """What rounding may have done to the slope of each step."""
        size = np.fmax(np.abs(self.home), np.fmax(np.abs(plus), np.abs(minus)))
        size = np.where(np.isfinite(size), size, np.abs(self.home))
        noise: Vector = (4.0 * self.eps * size + self._slips(columns) + SMALLEST) / steps[:, None]
        return noise

    def _by_convention(self, found: list[Finding], steps: Vector, floor: Vector) -> list[Finding]:
        """On a kink the convention is the reference: the claim must follow from it."""
        try:
            plus, minus = (
                np.array([self._straight_at(found[0].direction, s * t) for t in steps])
                for s in (1.0, -1.0)
            )
        except (TinygradError, ArithmeticError, ValueError, TypeError):
            return found
        slopes = central(plus, minus, steps[:, None])
        best = plateau(slopes, self._noise(plus, minus, steps), steps)
        made = []
        for f in found:
            d, doubt = float(best.value[f.column]), float(best.doubt[f.column])
            word = _word(f.claimed, d, doubt, float(floor[f.column]), self.eps)
            if f.verdict == "kink" and word in ("right", "wrong") and np.isfinite(f.claimed):
                h = float(best.step[f.column])
                f = f._replace(measured=d, doubt=doubt, step=h, side=CONVENTION)
                f = f._replace(verdict="kink" if word == "right" else "wrong")
            made.append(f)
        return made

    @cached_property
    def straight(self) -> Straightened:
        """The recorded operations without their kinks."""
        return Straightened(self.leaves, self.outs)

    def _straight_at(self, direction: Direction, t: float) -> Vector:
        values = self.straight.values(self.at(direction, t))
        return self._selected(values, float(self.seed @ values))

    def _arbitrate(
        self, direction: Direction, i: int, claimed: float, measured: float
    ) -> tuple[str, float]:
        """Where no difference can decide, the complex step does, if every operation allows it."""
        exact = self.exact(direction)
        if exact is None or not np.isfinite(claimed):
            return "step", measured
        size = max(abs(claimed), abs(float(exact[i])))
        apart = abs(claimed - float(exact[i]))
        near = apart <= CLOSE * size + float(self.floor[i])
        near = near or apart <= self._rounding(direction, i)
        return ("right" if near else "wrong"), float(exact[i])

    def _rounding(self, direction: Direction, i: int) -> float:
        """What rounding may have done to a claim: the sum of what each number on the way did.

        Where a function is saturated, 1 − tanh² say, few digits of its slope are left, and the
        factors after it make the loss large. Each number is off by one unit; how much the claim
        answers to that is the derivative of the claim by the number.
        """
        seed = self.seed if self.mode_of(i) == "reverse" else np.eye(len(self.seed))[i]
        parts = split(direction.vector, self.leaves)
        try:
            with recorded():
                found = pull(self.leaves, self.outs, seed, create_graph=True)
                terms = [
                    OPS["sum"](g * t)
                    for g, t in zip(found, parts, strict=True)
                    if isinstance(g, Value) and g.requires_grad
                ]
                total = OPS["add_n"](*terms, 0.0)
        except (TinygradError, ArithmeticError, ValueError):
            return 0.0
        on_the_way = steepest(self.leaves, self.outs, direction.vector)
        return SLIPS * self.eps * (answer_to_all(total) + on_the_way)

    def _slips(self, columns: Any) -> Vector:
        """What rounding on the way may have done to each measured value, of many to `columns`."""
        parts = [x for out in self.outs for x in numbers_of(out)]
        many = len(self.home) > _FEW
        for i in columns[:_FEW] if many else range(len(parts)):
            if i < len(parts) and i not in self.answers:
                self.answers[i] = answer_to_all(parts[i])
        found = self.eps * np.array([self.answers.get(i, 0.0) for i in range(len(parts))])
        return self._selected(found, float(np.abs(self.seed) @ found))

    def _kink_below(self) -> Kink | None:
        """The nearest kink of the function itself, when its gradient is the subject."""
        if isinstance(self.subject, Gradient):
            return branches_of(*self.subject.inner.record(self.xs)).nearest
        return None

    def _slopes(
        self, plus: Vector, minus: Vector, same_plus: Any, same_minus: Any, steps: Vector
    ) -> tuple[str, Vector | None]:
        """Slopes at falling steps from the points that may be used; from one side if need be."""
        both = same_plus & same_minus
        columns = steps[:, None]
        if both.sum() >= USABLE:
            slopes = central(plus, minus, columns)
            return "central", np.where(both[:, None], slopes, np.nan)
        for side, values, same, sign in (
            ("right-hand", plus, same_plus, 1.0),
            ("left-hand", minus, same_minus, -1.0),
        ):
            if same.sum() >= USABLE + 1:
                slopes = one_sided(self.home, values[:-1], values[1:], sign * columns[:-1])
                usable = (same[:-1] & same[1:])[:, None]
                return side, np.where(usable, slopes, np.nan)
        return "central", None

    def _walk(self, direction: Direction, steps: Vector) -> tuple[Vector, list[Branches | None]]:
        """Values and ways at each step; a point outside the domain gives NaN and None."""
        rows: list[Vector] = []
        ways: list[Branches | None] = []
        for t in steps:
            way = None
            row = np.full(len(self.home), np.nan)
            try:
                leaves, outs = self.subject.record(self.at(direction, float(t)))
                values = self.measured_values(outs)
                if len(values) == len(row):
                    row, way = values, branches_of(leaves, outs)
            except (ArithmeticError, ValueError):
                pass
            rows.append(row)
            ways.append(way)
        return np.array(rows), ways


def _all_the_way(same: list[bool]) -> Any:
    """Where all smaller steps go the same way too: floor(3004) is on a kink just as floor(3000)."""
    return np.logical_and.accumulate(same[::-1])[::-1]


def _close(claimed: Vector, measured: Vector, floor: Any) -> Any:
    size = np.maximum(np.abs(claimed), np.abs(measured))
    return np.isfinite(claimed) & (np.abs(claimed - measured) <= CLOSE * size + floor)


def _word(claimed: float, measured: float, doubt: float, floor: float, eps: float) -> str:
    """right, wrong, or step: the differences themselves are too uncertain to say."""
    size = max(abs(claimed), abs(measured))
    loose = max(LOOSE, 1e3 * eps)
    if not np.isfinite(measured) or not np.isfinite(doubt):
        return "step"
    if not np.isfinite(claimed):
        return "wrong"
    gap = abs(claimed - measured)
    within = gap <= 3.0 * doubt and doubt <= 1e-3 * size and eps > 1e-12
    if within or gap <= loose * size + floor:
        return "right"
    return "wrong" if gap > 20.0 * doubt else "step"


def directions_for(
    xs: Numbers, limit: int, count: int, rng: np.random.Generator
) -> list[Direction]:
    """Every number of every argument up to ``limit``; beyond it a sample, and random directions."""
    sizes = [int(np.size(x)) for x in xs]
    total = sum(sizes)
    chosen = (
        range(total) if total <= limit else sorted(rng.choice(total, limit // 2, replace=False))
    )
    starts = np.cumsum([0, *sizes])
    point = flat(xs)
    made = []
    for j in chosen:
        k = int(np.searchsorted(starts, j, side="right")) - 1
        index = tuple(int(i) for i in np.unravel_index(int(j) - int(starts[k]), np.shape(xs[k])))
        vector = np.zeros(total)
        vector[j] = 1.0
        made.append(Direction(vector, float(point[j]), k, index))
    if total > limit:
        scale = np.maximum(np.abs(point), np.mean(np.abs(point)) or 1.0)
        made += [Direction(uneven(rng, total) * scale, 1.0) for _ in range(count)]
    return made


def uneven(rng: np.random.Generator, count: int) -> Vector:
    """Weights of both signs and uneven size: ones would hide a rule that swaps or drops entries."""
    weights: Vector = rng.uniform(0.5, 1.5, count) * rng.choice([-1.0, 1.0], count)
    return weights
