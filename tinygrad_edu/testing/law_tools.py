"""What the laws share: their error, distances in units in the last place, seeds, other points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import GradientError
from tinygrad_edu.raw import canonical
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.subject import data_of, flat


class LawError(GradientError):
    """An operation does not obey a law; the text has the law, the call and both numbers."""


def broken(case: Case, law: str, *numbers: Any) -> LawError:
    shown = " against ".join(str(n) for n in numbers)
    return LawError(f"{case.op.name} breaks the law '{law}': {shown}\n  at {case.source()}")


def ulps(a: Any, b: Any) -> float:
    """How many representable numbers apart the two are at most; 0 for equal infinities and NaNs.

    >>> ulps(1.0, 1.0 + 2**-52), ulps(np.nan, np.nan), ulps(0.0, 1.0) > 1e15
    (1.0, 0.0, True)
    """
    x, y = np.broadcast_arrays(data_of(a), data_of(b))
    with np.errstate(all="ignore"):
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        unit = np.spacing(np.maximum(np.abs(x), np.abs(y)))
        apart = np.where(same, 0.0, np.abs(x - y) / unit)
    return float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


def data_of_dtype(x: Any) -> Any:
    dtype = np.asarray(x._data if isinstance(x, Value) else x).dtype
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def bits_of(x: Any) -> Any:
    data = np.asarray(x._data if isinstance(x, Value) else x)
    if data.dtype.kind == "f":  # one NaN is as good as another
        data = np.where(np.isnan(data), np.nan, data).astype(data.dtype)
    return data.shape, data.dtype.str, data.tobytes()


def finite(out: Any) -> bool:
    return isinstance(out, Value) and bool(np.isfinite(out._data).all())


def seed_for(out: Any) -> Any:
    """Uneven weights, the same for the same size, so that a failure repeats."""
    size = int(np.size(data_of(out)))
    return np.random.default_rng(size).uniform(0.5, 1.5, size) * (-1.0) ** np.arange(size)


def at_points(case: Case, points: Any) -> Any:
    at, parts = 0, []
    for x in case.points:
        size = int(np.size(x))
        parts.append(canonical(points[at : at + size].reshape(np.shape(x))))
        at += size
    return flat([case.function()(*parts)])


def across(case: Case) -> list[list[Any]]:
    """Other points of the same shapes: mirrored, and in reverse order, within the domain."""
    domains: Sequence[tuple[float, float]] = case.op.domain or ((-np.inf, np.inf),) * len(
        case.points
    )
    mirrored, reverse = [], []
    for x, (low, high) in zip(case.points, domains, strict=False):
        flipped = -np.asarray(x) if low == -np.inf else np.asarray(x) * 0.75
        mirrored.append(canonical(np.clip(flipped, low, high)))
        reverse.append(canonical(np.asarray(x).reshape(-1)[::-1].reshape(np.shape(x))))
    return [mirrored, reverse]


def moved_onto(case: Case, distance: Callable[..., Any]) -> Case:
    """The case with its first operand shifted so that the distance is 0 where that is possible."""
    d = np.asarray(distance(*case.operands, **case.params), dtype=np.float64)
    x = case.points[0]
    if case.op.rules is None:
        return case.with_points([np.round(x), *case.points[1:]])
    spread = np.broadcast_to(x, np.broadcast_shapes(np.shape(x), d.shape))
    moved = np.where(np.isfinite(d), spread - d, spread)
    return case.with_points([canonical(moved), *case.points[1:]])
