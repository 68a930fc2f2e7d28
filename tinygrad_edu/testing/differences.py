"""Derivatives from differences alone: a sweep of steps, extrapolated, the plateau chosen.

No single step is right for all functions: too large and the curve shows, too small and rounding
does. Steps fall by a factor of 4; two neighbours give Richardson's extrapolation, and what three
neighbours agree on is a plateau. See Press et al., "Numerical Recipes", 3rd ed., section 5.7, and
Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4 (1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
FACTOR = 4.0


class Estimate(NamedTuple):
    """A derivative measured per output, with its doubt and the step it was measured with."""

    value: Vector
    doubt: Vector
    step: Vector


def steps_for(x: float, widest: float = 0.25, finest: float = 1e-9) -> list[float]:
    """The steps of a sweep around a number of the size of ``x``, ``widest`` times it first.

    The last is ``finest`` or, for large numbers, the smallest that does not drown in rounding.

    >>> steps = steps_for(1.0)
    >>> steps[0], steps[0] / steps[1], steps[-1] < 1e-8
    (0.25, 4.0, True)
    """
    size = abs(x)
    top = widest * max(size, 1.0)
    smallest = max(64.0 * np.finfo(float).eps * size, 1e-280)
    bottom = max(min(1e-6 * size if size else finest, finest), smallest)
    count = math.ceil(math.log(top / bottom) / math.log(FACTOR)) + 1
    return [2.0 ** (round(math.log2(top)) - 2 * k) for k in range(count)]


def central(plus: Vector, minus: Vector, h: Any) -> Vector:
    """(f(x + h) − f(x − h)) / 2h: wrong by a multiple of h²."""
    slope: Vector = (plus - minus) / (2.0 * h)
    return slope


def one_sided(here: Vector, far: Vector, near: Vector, h: Any) -> Vector:
    """From f(x), f(x + h) and f(x + h/4), wrong by a multiple of h²; negative h looks back."""
    slope: Vector = (16.0 * (near - here) - (far - here)) / (3.0 * h)
    return slope


def plateau(slopes: Vector, noise: Vector, steps: Vector) -> Estimate:
    """The best extrapolation per column from slopes at falling steps (rows; NaN where unusable).

    Of the rows that are accurate enough the one with the smallest step wins, because a large step
    may look over a narrow feature; otherwise the one with the least doubt. Where still smaller
    steps contradict it by more than their doubt, the surest of those, if any is sure.
    """
    with np.errstate(all="ignore"):
        better = (16.0 * slopes[1:] - slopes[:-1]) / 15.0
        gap = np.abs(better[1:] - better[:-1])
        doubt = np.maximum(gap[1:], gap[:-1]) + 2.0 * noise[3:]
        doubt = np.where(np.isfinite(doubt), doubt, np.inf)
        middle = better[1:-1]
        good = doubt <= 1e-7 * np.abs(middle)
    last = len(doubt) - 1 - np.argmax(good[::-1], axis=0)
    row = np.where(good.any(axis=0), last, np.argmin(doubt, axis=0))
    column = np.arange(slopes.shape[1])
    smaller = np.arange(len(doubt))[:, None] > row
    with np.errstate(all="ignore"):
        apart = np.abs(middle - middle[row, column]) - 2.0 * doubt[row, column]
        rounding = np.maximum(noise[3:], np.finfo(float).eps / np.reshape(steps[2:-1], (-1, 1)))
        blurred = doubt[row, column] > np.abs(middle[row, column])  # 0, for all it knows
        least, beyond = np.where(blurred, 1e1, 1e2), np.where(blurred, 1.0, 2.0)
        against = apart > least * rounding
        against &= (apart > beyond * doubt) | (apart > 1e4 * rounding)
        unsure = np.where(smaller & np.isfinite(middle), doubt / np.abs(middle), np.inf)
    for k in np.flatnonzero((against & smaller).any(axis=0)):
        row[k] = np.argmin(unsure[:, k])
        if not unsure[row[k], k] < 0.1:
            doubt[row[k], k] = np.inf  # no step of the sweep is small enough to decide
    return Estimate(middle[row, column], doubt[row, column], steps[2:-1][row])


def slopes_around(
    function: Callable[[Vector], Vector], points: Vector, nudge: Vector, weights: Vector
) -> tuple[float, float]:
    """The least and the largest slope of the weighed outputs along ``nudge`` at points close by.

    Between them lies what may be called a derivative on a kink: of three numbers that tie, none
    can move the median alone. Clarke, "Optimization and Nonsmooth Analysis" (1983), section 2.1.
    """
    rng, h = np.random.default_rng(0), float(np.max(nudge))
    count = 12 * max(4, len(points))  # of n that tie, each wins at one point in n
    near = [points + 1e-3 * rng.normal(size=points.shape) for _ in range(count)]
    found = [float(weights @ (function(x + nudge) - function(x))) / h for x in near]
    return min(found), max(found)
