"""Hypothesis strategies: numbers, arrays, shapes, calls of operations, and whole programs.

All are bounded to what differences can judge: numbers of ordinary size, seasoned with zeros, tiny
ones, large ones and repeats, which is where rules go wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_edu.engine import Op
from tinygrad_edu.testing.builder import Builder
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.programs import Program, usable

Interval = tuple[float, float]
REALS: Interval = (-math.inf, math.inf)
_SPICE = (0.0, 1e-9, -1e-9, 1e-4, -1e-4, 1.0, -1.0, 0.5, -2.0, 20.0, -20.0, 3000.0)


def values(domain: Interval = REALS, spiced: bool = True) -> st.SearchStrategy[float]:
    """Floats inside the open interval, of ordinary size; ``spiced`` with tiny, large and zero.

    >>> import hypothesis
    >>> hypothesis.find(values((0.0, 1.0)), lambda x: x > 0.5) < 1.0
    True
    """
    low, high = domain
    if math.isfinite(low) and math.isfinite(high):
        ordinary = st.integers(1, 4095).map(lambda k: low + (high - low) * k / 4096.0)
    elif math.isfinite(low):
        ordinary = st.integers(32, 8192).map(lambda k: low + k / 1024.0)
    elif math.isfinite(high):
        ordinary = st.integers(32, 8192).map(lambda k: high - k / 1024.0)
    else:
        ordinary = st.integers(-4096, 4096).map(lambda k: k / 1024.0)
    spice = [x for x in _SPICE if low < x < high]
    if not spiced or not spice:
        return ordinary
    return st.integers(0, 9).flatmap(lambda k: st.sampled_from(spice) if k == 9 else ordinary)


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: tuple[int, ...] = (3,),
    domain: Interval = REALS,
    spiced: bool = True,
    pool: Sequence[float] | None = None,
) -> Any:
    """A float64 array (a float for no shape) inside the domain; often with repeated numbers."""
    count = int(np.prod(shape, dtype=int))
    if pool is None:
        own = values(domain, spiced)
        few = draw(st.integers(1, 2 * count))  # fewer numbers than places: repeats
        pool = draw(st.lists(own, min_size=min(few, count), max_size=min(few, count)))
    picks = pool if len(pool) == count else [draw(st.sampled_from(pool)) for _ in range(count)]
    return np.array(picks, dtype=np.float64).reshape(shape) if shape else float(picks[0])


@st.composite
def shapes(draw: st.DrawFn, count: int = 2, most: int = 2) -> list[tuple[int, ...]]:
    """Shapes of up to ``most`` axes that broadcast together; one at least is the full shape."""
    full = tuple(draw(st.lists(st.integers(1, 3), min_size=0, max_size=most)))
    made = []
    for _ in range(count):
        lead = draw(st.integers(0, len(full)))
        ones = draw(st.lists(st.booleans(), min_size=len(full) - lead, max_size=len(full) - lead))
        made.append(tuple(1 if one else n for n, one in zip(full[lead:], ones, strict=True)))
    if count and full not in made:
        made[draw(st.integers(0, count - 1))] = full
    return made


@st.composite
def cases(draw: st.DrawFn, op: Op[Any], spiced: bool = True) -> Case:
    """A call of the operation with operands from its domain, or from its declared examples."""
    operands: Any = None
    params: dict[str, Any] = {}
    if op.examples is not None:
        operands, params = op.examples(Random(draw(st.integers(0, 2**20))))
    if operands is not None:
        if draw(st.integers(0, 3)) == 3:  # on a coarse grid numbers repeat and tie
            operands = tuple(_coarse(x) for x in operands)
        return Case(op, operands, params)
    count = draw(st.integers(1, 3)) if op._arity < 0 else op._arity
    shape_list = draw(shapes(count))
    tied = not op.domain and count > 1 and draw(st.integers(0, 2)) == 2
    pool = draw(st.lists(values(REALS, spiced), min_size=1, max_size=3)) if tied else None
    domains = op.domain or (REALS,) * count
    operands = tuple(
        draw(arrays(shape, domain, spiced, pool))
        for shape, domain in zip(shape_list, domains, strict=True)
    )
    return Case(op, operands, params)


def _coarse(x: Any) -> Any:
    if np.asarray(x).dtype.kind != "f":
        return x
    return np.round(x) if isinstance(x, np.ndarray) else float(round(x))


@st.composite
def programs(draw: st.DrawFn, size: int = 8, operations: Sequence[str] | None = None) -> Program:
    """A random program of about ``size`` operations, of all or of the named ones.

    Every draw runs: its shapes fit, its numbers are finite, no two inputs are equal. A failure
    shrinks to a short one; printing it gives Python that repeats the failure.
    """
    shape_list = draw(st.lists(st.sampled_from([(), (2,), (3,), (2, 3), (3, 2)]), max_size=2))
    number = st.integers(-2000, 2000).map(lambda k: (k + 0.37) / 1000.0)
    inputs = [
        _filled(draw, number, shape) + 0.00011 * k for k, shape in enumerate([(), *shape_list])
    ]
    choose: Callable[[Sequence[Any]], Any] = lambda options: options[  # noqa: E731
        draw(st.integers(0, len(options) - 1))
    ]
    builder = Builder(inputs, choose)
    table = usable(operations)
    for _ in range(draw(st.integers(1, size))):
        builder.grow(choose(table))
    return builder.finish()


def _filled(draw: st.DrawFn, number: st.SearchStrategy[float], shape: tuple[int, ...]) -> Any:
    count = int(np.prod(shape, dtype=int))
    found = draw(st.lists(number, min_size=count, max_size=count, unique=True))
    return np.array(found).reshape(shape) if shape else found[0]


__all__ = ["REALS", "arrays", "cases", "programs", "shapes", "values"]
