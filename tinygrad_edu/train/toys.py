"""Small data sets made by formula: the truth tables of a neuron's first lessons, and point clouds.

All return plain arrays: ``x`` float64 of shape (n, 2), ``y`` int64 labels of shape (n,).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DataError
from tinygrad_edu.train.columns import Floats

Labels = NDArray[np.int64]


def _check(n: int, fewest: int, noise: float) -> None:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < fewest:
        raise DataError(f"n is a whole number of points, at least {fewest}, not {n!r}")
    if not 0 <= noise < np.inf:
        raise DataError(f"noise is a standard deviation, 0 or more, not {noise!r}")


def _truth_table(
    rule: Callable[[Labels, Labels], Any], n: int, noise: float, seed: int
) -> tuple[Floats, Labels]:
    _check(n, 1, noise)
    row = np.arange(n) % 4
    a, b = row // 2, row % 2
    x = np.column_stack([a, b]).astype(np.float64)
    x += noise * np.random.default_rng(seed).standard_normal(x.shape)
    return x, np.asarray(rule(a, b), dtype=np.int64)


def xor(n: int = 4, *, noise: float = 0.0, seed: int = 0) -> tuple[Floats, Labels]:
    """Exclusive or: 1 when exactly one input is 1. No single neuron can draw its boundary.

    The four rows of the truth table, repeated up to ``n`` rows, with Gaussian ``noise`` on ``x``.

    >>> x, y = xor()
    >>> x.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    return _truth_table(lambda a, b: a ^ b, n, noise, seed)


def and_(n: int = 4, *, noise: float = 0.0, seed: int = 0) -> tuple[Floats, Labels]:
    """And: 1 when both inputs are 1. One neuron can.

    >>> and_()[1].tolist()
    [0, 0, 0, 1]
    """
    return _truth_table(lambda a, b: a & b, n, noise, seed)


def or_(n: int = 4, *, noise: float = 0.0, seed: int = 0) -> tuple[Floats, Labels]:
    """Or: 1 when at least one input is 1. One neuron can.

    >>> or_()[1].tolist()
    [0, 1, 1, 1]
    """
    return _truth_table(lambda a, b: a | b, n, noise, seed)


def moons(n: int = 200, *, noise: float = 0.1, seed: int = 0) -> tuple[Floats, Labels]:
    """Two half circles that reach into each other, like scikit-learn's ``make_moons``.

    >>> x, y = moons(6, noise=0)
    >>> sorted(y.tolist()), x.shape
    ([0, 0, 0, 1, 1, 1], (6, 2))
    """
    _check(n, 2, noise)
    outer, inner = np.linspace(0, np.pi, n // 2), np.linspace(0, np.pi, n - n // 2)
    upper = np.column_stack([np.cos(outer), np.sin(outer)])
    lower = np.column_stack([1 - np.cos(inner), 0.5 - np.sin(inner)])
    return _scattered([upper, lower], noise, seed)


def circles(
    n: int = 200, *, noise: float = 0.1, factor: float = 0.5, seed: int = 0
) -> tuple[Floats, Labels]:
    """A circle around a smaller one of radius ``factor``, like scikit-learn's ``make_circles``.

    >>> x, y = circles(8, noise=0)
    >>> sorted((x**2).sum(axis=1).round(9).tolist())
    [0.25, 0.25, 0.25, 0.25, 1.0, 1.0, 1.0, 1.0]
    """
    _check(n, 2, noise)
    if not 0 < factor < 1:
        raise DataError(
            f"factor is the radius of the inner circle, between 0 and 1, not {factor!r}"
        )
    outer = np.linspace(0, 2 * np.pi, n // 2, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, n - n // 2, endpoint=False)
    large = np.column_stack([np.cos(outer), np.sin(outer)])
    small = factor * np.column_stack([np.cos(inner), np.sin(inner)])
    return _scattered([large, small], noise, seed)


def blobs(
    n: int = 150, *, centers: int = 3, noise: float = 1.0, seed: int = 0
) -> tuple[Floats, Labels]:
    """Round clouds, one per class, around ``centers`` points on a circle of radius 4.

    >>> x, y = blobs(9, centers=3)
    >>> np.bincount(y).tolist()
    [3, 3, 3]
    """
    if isinstance(centers, bool) or not isinstance(centers, int | np.integer) or centers < 1:
        raise DataError(f"centers is a number of clouds, at least 1, not {centers!r}")
    _check(n, int(centers), noise)
    angles = 2 * np.pi * np.arange(centers) / centers
    points = 4 * np.column_stack([np.cos(angles), np.sin(angles)])
    sizes = [n // centers + (i < n % centers) for i in range(centers)]
    groups = [np.tile(point, (size, 1)) for point, size in zip(points, sizes, strict=True)]
    return _scattered(groups, noise, seed)


def _scattered(groups: list[Floats], noise: float, seed: int) -> tuple[Floats, Labels]:
    """The groups under labels 0, 1, …, with noise, in an order drawn by seed."""
    rng = np.random.default_rng(seed)
    x = np.concatenate(groups)
    y = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    x = x + noise * rng.standard_normal(x.shape)
    order = rng.permutation(len(x))
    return x[order], y[order].astype(np.int64)
