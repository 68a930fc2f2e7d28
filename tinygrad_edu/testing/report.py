"""What a gradient check found: one word, the numbers behind it, and what to do next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from tinygrad_edu.errors import AutodiffError, GradientError
from tinygrad_edu.terminal import printable

VERDICTS = ("right", "wrong", "kink", "random", "step")
CONVENTION = "convention"  # the side of a finding on a kink
_ORDERS = {1: "first derivative", 2: "second derivative"}


@dataclass(frozen=True)
class Kink:
    """The place without a derivative that is nearest to where the check was made."""

    op: str
    distance: float
    where: object = ""  # the user's line

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        reach = "exactly on it" if self.distance == 0.0 else f"distance {self.distance:.3g}"
        return f"{self.op}{at}, {reach}"


@dataclass(frozen=True)
class Culprit:
    """The operation whose own rule is wrong: compared with differences of that operation alone."""

    op: str
    operand: int
    where: str
    claimed: float
    measured: float
    order: int = 1
    beside: tuple[float, float] | None = None  # on a kink: the least and largest slope around it

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        if self.beside is not None:
            low, high = self.beside
            return (
                f"op `{self.op}`, argument {self.operand}{at}: on its kink its own derivative is "
                f"{self.claimed:.6g}, the slopes beside it go from {low:.6g} to {high:.6g}"
            )
        return (
            f"op `{self.op}`, argument {self.operand}{at}: its own {_ORDERS[self.order]} is "
            f"{self.claimed:.6g}, differences of the op alone give {self.measured:.6g}"
        )


@dataclass(frozen=True)
class Report:
    """The outcome of a gradient check; ``print(report)`` tells all of it.

    ``verdict`` is ``right``, ``wrong``, ``kink`` (on or beside a place without a derivative),
    ``random`` (two runs differ) or ``step`` (no step of the differences can decide). The numbers
    are those of the worst entry.

    >>> print(Report("right", argument="w", claimed=3.0, measured=3.0, step=1e-5))
    gradient check: right
      worst entry: w, reverse mode, first derivative
        claimed  3
        measured 3  (central differences, step 1e-05)
        agreement: 16.0 digits
    """

    verdict: str
    order: int = 1
    mode: str = "reverse"
    argument: str | None = None
    index: tuple[int, ...] | None = None
    claimed: float | None = None
    measured: float | None = None
    uncertainty: float | None = None
    step: float | None = None
    side: str = "central"
    kink: Kink | None = None
    culprit: Culprit | None = None
    advice: str = ""
    checked: str = ""
    notes: tuple[str, ...] = ()
    witnesses: tuple[Any, ...] = ()
    point: Any = field(default=None, repr=False, compare=False)

    @property
    def right(self) -> bool:
        """Whether the verdict is "right"."""
        return self.verdict == "right"

    @property
    def digits(self) -> float | None:
        """How many leading digits of claimed and measured agree (16 at most), or None."""
        if self.claimed is None or self.measured is None:
            return None
        return digits_of(self.claimed, self.measured)

    def __str__(self) -> str:
        lines = [f"gradient check: {self.verdict}"]
        if self.checked:
            lines.append(f"  checked: {self.checked}")
        if self.argument is not None:
            lines += self._entry()
        if self.witnesses:
            lines.append("  witnesses:")
            lines += [f"    {w.verdict:<6} {w}" for w in self.witnesses]
        if self.culprit is not None:
            lines.append(f"  culprit: {self.culprit}")
        if self.kink is not None:
            lines.append(f"  nearest kink: {self.kink}")
        lines += [f"  note: {note}" for note in self.notes]
        if self.advice:
            lines.append(f"  next: {self.advice}")
        return printable("\n".join(lines))

    def _entry(self) -> list[str]:
        index = "" if not self.index else str(list(self.index))
        what = f"{self.argument}{index}, {self.mode} mode, {_ORDERS[self.order]}"
        lines = [f"  {'worst' if self.right else 'bad'} entry: {what}"]
        if self.claimed is not None:
            lines.append(f"    claimed  {self.claimed:.12g}")
        if self.measured is not None:
            known = self.uncertainty is not None and math.isfinite(self.uncertainty)
            doubt = f"± {self.uncertainty:.1g}, " if known and self.uncertainty else ""
            how = f"{doubt}{self.side} differences, step {self.step:.3g}"
            if self.side == CONVENTION:
                how = "differences, what is on its kink replaced by the line of its convention"
            lines.append(f"    measured {self.measured:.12g}  ({how})")
        if self.digits is not None:
            lines.append(f"    agreement: {self.digits:.1f} digits")
        return lines

    def curve(self) -> Any:
        """Steps and relative errors of central differences at the worst entry, or None."""
        return None if self.point is None else self.point.curve()

    def draw(self, **options: Any) -> Any:
        """The picture of what was checked, with every value and gradient at this point."""
        from tinygrad_edu.view.picture import draw

        root = None if self.point is None else self.point.value()
        if root is None:
            raise AutodiffError("this check recorded no graph: there is nothing to draw")
        return draw(root, **options)

    def _repr_html_(self) -> str:
        from tinygrad_edu.testing.report_html import html_of

        return html_of(self)

    def settle(self) -> Report:
        """This report if the verdict is "right"; otherwise it is raised as a `GradientError`."""
        if self.right:
            return self
        raise GradientError(str(self), report=self)

    def but(self, **changes: Any) -> Report:
        """This report with some fields changed."""
        return replace(self, **changes)


def digits_of(claimed: float, measured: float) -> float:
    """How many leading digits of the two agree, 0 to 16.

    >>> round(digits_of(1.0, 1.001), 1)
    3.0
    """
    if claimed == measured:
        return 16.0
    size = max(abs(claimed), abs(measured))
    if not math.isfinite(size):
        return 0.0
    return min(16.0, max(0.0, -math.log10(abs(claimed - measured) / size)))
