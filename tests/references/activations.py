"""References of `ops/activations`, `ops/rectifiers`, `ops/squashing` and `ops/special`."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

from tests.references.basic import each, long_softmax


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else 0.0


def softplus(x: float, beta: float = 1.0) -> float:
    z = beta * x
    return (z + math.log1p(math.exp(-z)) if z > 0 else math.log1p(math.exp(z))) / beta


def gelu(x: float, approximate: str = "none") -> float:
    return 0.5 * x * math.erfc(-x * math.sqrt(0.5)) if x > -38.0 else -0.0


def gelu_tanh(x: float) -> float:
    return x * sigmoid(2.0 * math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))


def tanhshrink(x: float) -> float:
    if abs(x) > 0.4:
        return x - math.tanh(x)
    terms = [2.0 * k * x ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(1, 9)]
    return math.fsum(terms) / math.cosh(x)


def polygamma(x: float, n: int) -> float:
    """The series of Abramowitz and Stegun (1964), 6.4.10, and the rest by Euler and Maclaurin."""
    if n == 0:
        return digamma(x)
    end = 2000
    tail = (x + end) ** -n / n + 0.5 * (x + end) ** (-n - 1) + (n + 1) / 12 * (x + end) ** (-n - 2)
    total = math.fsum([*[(x + k) ** (-n - 1) for k in range(end)], tail])
    return math.factorial(n) * (total if n % 2 else -total)


def digamma(x: float) -> float:
    """The recurrence to a far end, where the logarithm and three terms are exact."""
    far = x + 300
    parts = [math.log(far), -0.5 / far, -1.0 / (12.0 * far**2), 1.0 / (120.0 * far**4)]
    return math.fsum([*parts, *[-1.0 / (x + k) for k in range(300)]])


def erfinv(x: float) -> float:
    """The quantile of the standard library, and a step of Newton for its last digits."""
    near = NormalDist(0.0, math.sqrt(0.5)).inv_cdf(0.5 + 0.5 * x)
    miss = (1.0 - x) - math.erfc(near) if x > 0.5 else math.erf(near) - x
    return near - miss * 0.5 * math.sqrt(math.pi) * math.exp(near * near)


REFERENCES: dict[str, Callable[..., Any]] = {
    "softplus": each(softplus),
    "prelu": each(lambda x, weight: x if x > 0.0 else weight * x),
    "selu": each(
        lambda x: 1.0507009873554805 * (x if x > 0.0 else 1.6732632423543772 * math.expm1(x))
    ),
    "celu": each(lambda x, alpha: x if x > 0.0 else alpha * math.expm1(x / alpha)),
    "gelu": each(gelu),
    "gelu_tanh": each(gelu_tanh),
    "mish": each(lambda x: x * math.tanh(softplus(x))),
    "hardswish": each(lambda x: x * min(max(x + 3.0, 0.0), 6.0) / 6.0),
    "relu6": each(lambda x: min(max(x, 0.0), 6.0)),
    "threshold": each(lambda x, threshold, value: x if x > threshold else value),
    "softshrink": each(lambda x, lambd: math.copysign(max(abs(x) - lambd, 0.0), x)),
    "hardshrink": each(lambda x, lambd: x if abs(x) > lambd else 0.0),
    "softsign": each(lambda x: x / (1.0 + abs(x))),
    "logsigmoid": each(lambda x: -softplus(-x)),
    "hardtanh": each(lambda x, min_val, max_val: min(max(x, min_val), max_val)),
    "hardsigmoid": each(lambda x: min(max((x + 3.0) / 6.0, 0.0), 1.0)),
    "tanhshrink": each(tanhshrink),
    "step": each(lambda x, straight_through: 1.0 if x > 0.0 else 0.0),
    "softmin": lambda x, axis: long_softmax(np.negative(x), axis),
    "erf": each(math.erf),
    "erfc": each(math.erfc),
    "erfinv": each(erfinv),
    "gammaln": each(math.lgamma),
    "digamma": each(digamma),
    "polygamma": each(polygamma),
}
