"""The logarithm of the gamma function, its derivatives, and the inverse of erf, without SciPy.

Each function stands alone, so that a printed program can hold it.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_edu.ops.error_function import error_functions


def log_gamma(x: float) -> float:
    """ln|gamma(x)| of one number; infinite at 0, -1, -2, ... and where it is too large."""
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):
        return math.inf


def polygamma_of(x: np.ndarray, n: int) -> np.ndarray:
    """The derivative of order n of digamma; Abramowitz and Stegun (1964), 6.3.7, 6.3.18, 6.4.

    Right of 0 the recurrence moves x far out, where the asymptotic series holds; left of it the
    reflection adds the derivative of order n of pi/tan(pi x).
    """
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
    wide = np.asarray(x, dtype=np.float64)
    left = wide <= 0.0
    y = np.where(left, 1.0 - wide, wide)
    total = np.zeros_like(y)
    for _ in range(15 + n):
        near = y < 15.0 + n
        total = total + np.where(near, np.where(near, y, 1.0) ** -(n + 1.0), 0.0)
        y = np.where(near, y + 1.0, y)
    u = 1.0 / y
    series = np.zeros_like(y)
    for k in range(8, 0, -1):
        scale = math.factorial(2 * k + n - 1) / math.factorial(2 * k)
        series = series * u * u + bernoulli[k - 1] * scale
    head = -np.log(y) if n == 0 else math.factorial(n - 1) * u**n
    out = head + math.factorial(n) * (0.5 * u ** (n + 1) + total) + series * u ** (n + 2)
    out = out if n % 2 else -out
    powers = [0.0, 1.0]  # coefficients of a polynomial in c = 1/tan(pi x), whose slope is -1 - c**2
    for _ in range(n):
        slope = [k * c for k, c in enumerate(powers)][1:]
        powers = [-a - b for a, b in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    angle = np.where(left, wide - np.round(wide), 0.25)
    cotangent = 1.0 / np.where(left & (wide != 0.0) & (angle == 0.0), np.nan, np.tan(np.pi * angle))
    bend = np.full_like(y, powers[-1])
    for c in powers[-2::-1]:
        bend = bend * cotangent + c
    mirrored = (-out if n % 2 else out) - np.pi ** (n + 1) * bend
    return np.where(left, mirrored, out).astype(np.asarray(x).dtype)


def erf_inverse(y: np.ndarray) -> np.ndarray:
    """The x with erf(x) = y; three steps of Halley from a start by Winitzki (2008).

    Beyond 0.5 the steps compare erfc(x) with 1 - y, which is exact, so the tail keeps its digits.
    """
    wide = np.asarray(y, dtype=np.float64)
    size = np.where(abs(wide) < 1.0, abs(wide), 0.0)
    logs = np.log1p(-size) + np.log1p(size)
    half = 2.0 / (np.pi * 0.147) + 0.5 * logs
    x = np.sqrt(-logs / 0.147 / (np.sqrt(half * half - logs / 0.147) + half))
    for _ in range(3):
        erf, erfc = error_functions(x)
        miss = np.where(size < 0.5, erf - size, (1.0 - size) - erfc)
        miss = miss * (0.5 * np.sqrt(np.pi) * np.exp(x * x))
        x = x - miss / (1.0 + x * miss)
    x = np.where(abs(wide) < 1.0, x, np.where(abs(wide) == 1.0, np.inf, np.nan))
    return np.copysign(x, wide).astype(np.asarray(y).dtype)
