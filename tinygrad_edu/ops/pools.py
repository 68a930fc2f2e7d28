"""Pooling in NumPy: the largest number, or the sum, of what each window meets.

Beside `windows`, and as there: loops over taps only, and `tg.to_code` prints these functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.printing import printed
from tinygrad_edu.ops.windows import Geometry, along, taps


def largest(x: Any, size: Geometry, kernel: Geometry, *geometry: Geometry) -> Any:
    """The largest number of each window; -inf where a window meets nothing."""
    out = np.full((*x.shape[:2], *size), -np.inf, dtype=x.dtype)
    for _, met, windows in taps(x.shape[2:], size, kernel, *geometry):
        part = out[(..., *windows)]
        np.maximum(part, x[(..., *met)], out=part)
    return out


def winners(x: Any, top: Any, kernel: Geometry, *geometry: Geometry) -> Any:
    """Which taps of a window meet its largest number: (batch, channels, *kernel, *size) of bool."""
    every, size = slice(None), top.shape[2:]
    won = np.zeros((*x.shape[:2], *kernel, *size), dtype=bool)
    for place, met, windows in taps(x.shape[2:], size, kernel, *geometry):
        np.equal(x[(..., *met)], top[(..., *windows)], out=won[every, every, *place, *windows])
    return won


def even(t: Any, won: Any, kernel: Geometry) -> Any:
    """A number per window divided by how many have won in it."""
    count = np.add.reduce(won, axis=tuple(range(2, 2 + len(kernel))), dtype=t.dtype)
    return t / np.maximum(count, 1.0)


def pick(t: Any, won: Any, size: Geometry, kernel: Geometry, *geometry: Geometry) -> Any:
    """The mean of what the winners of each window meet in ``t``."""
    every, out = slice(None), np.zeros((*t.shape[:2], *size), dtype=t.dtype)
    for place, met, windows in taps(t.shape[2:], size, kernel, *geometry):
        chosen = won[every, every, *place, *windows] != 0.0
        out[(..., *windows)] += np.where(chosen, t[(..., *met)], 0.0)
    return even(out, won, kernel)


def share(g: Any, won: Any, shape: Geometry, kernel: Geometry, *geometry: Geometry) -> Any:
    """A number per window, in equal parts to what its winners meet: (..., *shape)."""
    every, out, part = slice(None), np.zeros((*g.shape[:2], *shape), g.dtype), even(g, won, kernel)
    for place, met, windows in taps(shape, g.shape[2:], kernel, *geometry):
        chosen = won[every, every, *place, *windows] != 0.0
        out[(..., *met)] += np.where(chosen, part[(..., *windows)], 0.0)
    return out


def total(x: Any, size: Geometry, kernel: Geometry, *geometry: Geometry) -> Any:
    """The sum of what each window meets."""
    out = np.zeros((*x.shape[:2], *size), dtype=x.dtype)
    for _, met, windows in taps(x.shape[2:], size, kernel, *geometry):
        out[(..., *windows)] += x[(..., *met)]
    return out


def spread_evenly(y: Any, shape: Geometry, kernel: Geometry, *geometry: Geometry) -> Any:
    """A number per window added to all that it meets: (..., *shape)."""
    out = np.zeros((*y.shape[:2], *shape), dtype=y.dtype)
    for _, met, windows in taps(shape, y.shape[2:], kernel, *geometry):
        out[(..., *met)] += y[(..., *windows)]
    return out


CODE = printed(along, taps, largest, winners, even, pick, share, total, spread_evenly)
if CODE is not None:  # a program may hold convolutions too, which bring their own
    CODE = CODE.replace("taps(", "pool_taps(").replace("along", "along_axis")
