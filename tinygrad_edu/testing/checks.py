"""`check` and `check_gradients`: are the derivatives computed right, here, to second order?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import AutodiffError, DTypeError, TinygradError
from tinygrad_edu.testing.branches import branches_of, place_name
from tinygrad_edu.testing.judging import (
    Direction,
    Finding,
    Judge,
    directions_for,
    uneven,
)
from tinygrad_edu.testing.locating import locate_in
from tinygrad_edu.testing.point import Point, all_at_once, taylor, witnesses
from tinygrad_edu.testing.report import Report
from tinygrad_edu.testing.rounding import precision
from tinygrad_edu.testing.subject import (
    Gradient,
    MisshapenError,
    Numbers,
    Subject,
    flat,
    from_function,
    from_value,
    pull,
    split,
)

MODES = ("reverse", "forward")
_ENOUGH = 8  # disputed entries that are settled by a full sweep before the check stops
_PROVEN = 3  # wrong ones, of which the worst is told
DROWNED = 1e-3  # two numbers so far apart agree because the rounding of the result allows it
_ORDER = ("wrong", "kink", "step", "right")  # which verdict speaks for the whole


def check(value_or_function: Any, *args: Any, **options: Any) -> Report:
    """Are the gradients computed right? Of a Value's recorded graph, or of ``function(*args)``.

    ``check(loss)`` replays the recorded graph with each leaf nudged and compares; the options are
    those of `check_gradients`. Returns the report, or raises `GradientError` that carries it.

    >>> w, x = Value(0.5, "w"), Value(2.0, "x")
    >>> check((w * x) ** 3).verdict
    'right'
    """
    if not isinstance(value_or_function, Value):
        return check_gradients(value_or_function, *args, **options)
    if args:
        raise DTypeError(
            "check(value) takes no further arguments",
            hint="check(loss), or check(function, argument, …)",
        )
    if not value_or_function.requires_grad:
        raise AutodiffError(
            f"{describe(value_or_function)} does not depend on anything that needs a gradient",
            hint="make the leaves with requires_grad=True, outside no_grad()",
        )
    return _Check(*from_value(value_or_function), **options).run().settle()


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    modes: Sequence[str] = MODES,
    limit: int = 200,
    directions: int = 8,
    seed: int = 0,
    find_culprit: bool = True,
) -> Report:
    """Compare every derivative of ``f`` at ``args`` with differences of ``f`` itself.

    ``args`` may be numbers, arrays, Values and nested lists, tuples and dicts of them; they are
    never changed. Options: ``order`` (2: the second derivative too), ``modes`` ("reverse",
    "forward"), ``limit`` (200: with more numbers than that, half as many are checked one by one
    and ``directions`` (8) random combinations of all), ``seed`` (0), ``find_culprit`` (True: a
    wrong result is traced to the operation whose own rule is wrong).

    Returns a `Report` with the verdict "right"; any other ("wrong", "kink", "random", "step") is
    raised as a `GradientError` whose ``report`` holds the numbers.

    >>> print(check_gradients(lambda x: x**3, 2.0, order=1).checked)
    1 of 1 numbers, reverse and forward mode, first derivative
    """
    options = {"order": order, "modes": modes, "limit": limit, "directions": directions}
    return report_of(f, *args, **options, seed=seed, find_culprit=find_culprit).settle()


def report_of(f: Callable[..., Any], *args: Any, **options: Any) -> Report:
    """`check_gradients` that returns the report whatever its verdict is."""
    if not callable(f):
        raise DTypeError(
            f"check needs a Value or a function, got {describe(f)}",
            hint="tg.check(loss), or tg.check(lambda w: …, w)",
        )
    return _Check(*from_function(f, args), **options).run()


def report_on(
    subject: Subject, xs: Numbers, names: list[str], notes: list[str], **options: Any
) -> Report:
    """The report of a subject of one's own, whatever its verdict is."""
    return _Check(subject, xs, names, notes, **options).run()


@dataclass
class _Check:
    """One check: the subject, the point, the names of the arguments, and the options."""

    subject: Subject
    xs: Numbers
    names: list[str]
    notes: list[str]
    order: int = 2
    modes: Sequence[str] = MODES
    limit: int = 200
    directions: int = 8
    seed: int = 0
    find_culprit: bool = True

    def __post_init__(self) -> None:
        self.modes = (self.modes,) if isinstance(self.modes, str) else tuple(self.modes)
        unknown = set(self.modes) - set(MODES)
        if unknown or not self.modes:
            raise DTypeError(f"modes {self.modes!r}", hint=f"one or both of {MODES}")
        if self.order not in (1, 2):
            raise DTypeError(f"order {self.order!r}", hint="1, or 2 for second derivatives too")
        if not sum(np.size(x) for x in self.xs):
            raise DTypeError(
                "there is no number to nudge", hint="check(function, x) with x not empty"
            )
        self.rng = np.random.default_rng(self.seed)
        self.judges: dict[int, Judge] = {}

    def run(self) -> Report:
        """The report of all orders: the first one that is not right, else the worst right entry."""
        try:
            with np.errstate(all="ignore"):  # nudged far, a function may leave its domain
                return self._run()
        except MisshapenError as error:
            advice = "a gradient is summed over the axes along which its number was broadcast"
            return Report("wrong", notes=(*self.notes, str(error)), advice=advice)

    def _run(self) -> Report:
        leaves, outs = self.subject.record(self.xs)
        early = self._cannot_judge(outs)
        if early is not None:
            return early
        self._tell_unreached(leaves, outs)
        if precision(outs)[0] > 1e-12:
            self.notes.append("the function computes in float32 inside: the rest is noise")
        seed = self._weights(outs)
        if len(seed) > 1:
            self.notes.append("the outputs were weighted by uneven random numbers for reverse mode")
        findings = self._judge(self.subject, seed, self.limit)
        if all(f.verdict == "right" for f in findings):
            findings += self._doubted(self.judges[1])
        if self.order == 2 and all(f.verdict == "right" for f in findings):
            second = Gradient(self.subject, seed)
            leaves, outs = second.record(self.xs)
            findings_2 = self._judge(second, self._weights(outs), min(self.limit, 30))
            if any(f.verdict != "right" for f in findings_2):
                return self._report(findings_2, 2)
        return self._drowned(self._report(findings, 1), findings)

    def _drowned(self, report: Report, findings: list[Finding]) -> Report:
        """Slopes that drown in the rounding of a large result: each operation alone has no such."""
        if not (report.right and self.find_culprit and any(f.error > DROWNED for f in findings)):
            return report
        culprit = locate_in(self.subject, self.xs, 1).culprit
        if culprit is None:
            return report
        advice = f"correct the derivative rule of `{culprit.op}`"
        return report.but(verdict="wrong", culprit=culprit, advice=advice)

    def _weights(self, outs: list[Any]) -> Any:
        count = len(flat(outs))
        return np.ones(1) if count == 1 else uneven(self.rng, count)

    def _cannot_judge(self, outs: list[Any]) -> Report | None:
        """Random results and numbers that are not finite: nothing can be compared."""
        if not np.isfinite(flat(self.xs)).all():
            return Report("step", advice="check at a point where all numbers are finite")
        values = flat(outs)
        again = self.subject.values(self.xs)
        if values.tobytes() != again.tobytes():
            return Report(
                "random",
                notes=_differing(values, again, self.subject, self.xs),
                advice="draw the random numbers outside, or seed the generator inside the function",
            )
        if not np.isfinite(values).all():
            return Report(
                "step",
                notes=(f"the result is not finite: {values[~np.isfinite(values)][0]}",),
                advice="check at a point where the function is finite",
            )
        return None

    def _tell_unreached(self, leaves: list[Value], outs: list[Any]) -> None:
        found = pull(leaves, outs, np.ones(len(flat(outs))))
        missed = [name for name, g in zip(self.names, found, strict=True) if g is None]
        if missed:
            self.notes.append(
                f"no graph leads from the result to {', '.join(missed)}: gradient 0. "
                "Was the graph cut (`.data`, `detach`, a constant), or is it not used?"
            )

    def _judge(self, subject: Subject, seed: Any, limit: int) -> list[Finding]:
        judge = self.judges[subject.order] = Judge(subject, self.xs, seed, tuple(self.modes))
        directions = directions_for(self.xs, limit, self.directions, self.rng)
        if subject.order == 1:
            self.checked = self._said(directions)
        worst: list[Finding] = []
        disputed = wrong = 0
        for direction in directions:
            found = judge.judge(direction)
            worst += found
            words = {f.verdict for f in found}
            disputed += words != {"right"}
            wrong += "wrong" in words
            if wrong >= _PROVEN or disputed >= _ENOUGH:
                break
        return worst

    def _doubted(self, judge: Judge) -> list[Finding]:
        """The Taylor remainder sees all numbers at once; where it objects, the sweep decides."""
        u = all_at_once(judge)
        if judge.eps > 1e-12 or taylor(judge, u).verdict != "wrong":
            return []
        return judge.judge(Direction(u, 1.0))

    def _said(self, directions: list[Direction]) -> str:
        total = sum(np.size(x) for x in self.xs)
        single = sum(d.argument is not None for d in directions)
        beyond = f" and {len(directions) - single} random directions" if total > single else ""
        orders = "first derivative" if self.order == 1 else "first and second derivative"
        return f"{single} of {total} numbers{beyond}, {' and '.join(self.modes)} mode, {orders}"

    def _report(self, findings: list[Finding], order: int) -> Report:
        word = next(w for w in _ORDER if any(f.verdict == w for f in findings))
        worst = max((f for f in findings if f.verdict == word), key=lambda f: f.error)
        d = worst.direction
        name = "a random direction" if d.argument is None else self.names[d.argument]
        report = Report(
            word, order, worst.mode, name, d.place, worst.claimed, worst.measured,
            worst.doubt or None, worst.step, worst.side, worst.kink,
            checked=self.checked, notes=tuple(self.notes),
            witnesses=witnesses(self.judges[order], worst),
            point=Point(self.judges[order], d, worst.column),
        )  # fmt: skip
        if word in ("wrong", "kink"):
            report = self._blame(report, worst)
        return report.but(advice=_advice(report, worst))

    def _blame(self, report: Report, worst: Finding) -> Report:
        """Look for the operation; on a kink too, because a wrong rule may stand beside one."""
        culprit = None
        if self.find_culprit:
            culprit = locate_in(self.subject, self.xs, report.order).culprit
        if culprit is not None:
            return report.but(verdict="wrong", culprit=culprit)
        if report.verdict == "wrong" and not np.isfinite(worst.claimed):
            return report.but(verdict="step")  # 0 · ∞ on the way, and every rule is right
        return self._beside(report) if report.verdict == "kink" else report

    def _beside(self, report: Report) -> Report:
        """Numbers that have left the graph are not seen on a kink; beside it they are."""
        point = flat(self.xs)
        size = 1e-3 * np.maximum(np.abs(point), np.mean(np.abs(point)) or 1.0)
        xs = split(point + size * uneven(np.random.default_rng(self.seed), len(point)), self.xs)
        few = min(self.limit, 12)
        aside = _Check(self.subject, xs, [], [], 1, self.modes, few, 2, self.seed)
        try:
            found = aside._judge(self.subject, self._weights(self.subject.record(xs)[1]), few)
        except (TinygradError, ArithmeticError, ValueError):
            return report
        wrong = [f for f in found if f.verdict == "wrong"]
        if not wrong:
            return report
        worst = max(wrong, key=lambda f: f.error)
        told = f"beside the kink too: claimed {worst.claimed:.6g}, measured {worst.measured:.6g}"
        return report.but(verdict="wrong", notes=(*report.notes, told))


def _differing(first: Any, second: Any, subject: Subject, xs: Numbers) -> tuple[str, ...]:
    """What two runs with the same inputs differ in, and where the difference enters."""
    pairs = list(zip(first, second, strict=False))
    i = next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
    told = f"two runs with the same inputs gave {first[i]:.12g} and {second[i]:.12g}"
    if len(first) != len(second):
        told = f"two runs with the same inputs gave {len(first)} and {len(second)} numbers"
    runs = [branches_of(*subject.record(xs)) for _ in range(2)]
    numbers = zip(runs[0].numbers, runs[1].numbers, runs[0].places, strict=False)
    where = next((place_name(place) for a, b, place in numbers if a != b), "")
    return (told, f"a random number enters at {where}") if where else (told,)


def _advice(report: Report, worst: Finding) -> str:
    """What to do next, in one sentence."""
    if report.verdict == "right":
        return ""
    if report.culprit is None and not np.isfinite(worst.claimed):
        return (
            "the gradient is not finite: an infinite slope on the way (sqrt or log at 0, say), or "
            "0 times one; check at another point, or keep the number away from that place before "
            "the operation: tg.sqrt(tg.where(x > 0, x, 1.0)), and a tg.where around it"
        )
    if report.culprit is not None:
        return f"correct the derivative rule of `{report.culprit.op}`"
    if report.verdict == "wrong" and worst.hidden:
        return (
            f"a number that changes with the input enters as a constant ({worst.hidden}): "
            "compute it from the Value itself, not from `.data` or `detach()`"
        )
    if report.verdict == "wrong":
        return (
            "every operation's own rule agrees with its differences: look where numbers leave the "
            "graph (`.data`, `float()`, `detach`) or where the function computes its own gradient"
        )
    if report.verdict == "kink":
        return (
            "there is no derivative here to compare with: the gradient follows the convention; "
            "check at a point away from the kink"
        )
    return (
        "no step of the differences settles: rescale the inputs, or check at a less extreme point"
    )
