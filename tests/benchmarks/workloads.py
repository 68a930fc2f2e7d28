"""What every contender computes: data, starting weights, and the right answers by NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

SIZES, RATE, PENALTY = [2, 16, 16, 1], 0.05, 1e-4
NEURON_X, NEURON_W, NEURON_B = [0.5, -1.2, 0.8], [0.3, 0.7, -0.4], 0.1
Answer = tuple[float, list[np.ndarray]]


def moons(n: int = 100, noise: float = 0.1, seed: int = 1337) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's two moons by their formula; targets -1 and +1."""
    r = np.random.RandomState(seed)
    t = np.linspace(0, np.pi, n // 2)
    upper = np.c_[np.cos(t), np.sin(t)]
    lower = np.c_[1 - np.cos(t), 0.5 - np.sin(t)]
    x, y = np.vstack([upper, lower]), np.r_[np.ones(n // 2), -np.ones(n // 2)]
    x = x + r.normal(scale=noise, size=x.shape)
    order = r.permutation(n)
    return x[order], y[order]


def parameters(seed: int = 7) -> list[np.ndarray]:
    """W and b of each layer of the 2-16-16-1 network."""
    r = np.random.RandomState(seed)
    found = []
    for i, o in pairwise(SIZES):
        found += [r.uniform(-1, 1, (i, o)) * (1.5 / np.sqrt(i)), r.uniform(-0.1, 0.1, (o,))]
    return found


def _network(x: np.ndarray, p: Sequence[np.ndarray], f: Callable[[Any], Any]) -> list[np.ndarray]:
    layers = [x]
    for i in range(0, len(p), 2):
        z = layers[-1] @ p[i] + p[i + 1]
        layers.append(f(z) if i + 2 < len(p) else z)
    return layers


def _back(
    layers: list[np.ndarray], p: Sequence[np.ndarray], d: np.ndarray, slope: Callable[[Any], Any]
) -> list[np.ndarray]:
    gradients: list[Any] = [None] * len(p)
    for i in range(len(p) - 2, -1, -2):
        h = layers[i // 2]
        gradients[i], gradients[i + 1] = h.T @ d, d.sum(0)
        if i:
            d = (d @ p[i].T) * slope(h)
    return gradients


def tanh_answer(x: np.ndarray, y: np.ndarray, p: Sequence[np.ndarray]) -> Answer:
    """Mean squared error of the tanh network, and its gradients."""
    layers = _network(x, p, np.tanh)
    d = layers[-1] - y
    return float((d * d).mean()), _back(layers, p, d * (2 / d.size), lambda h: 1 - h * h)


def relu_answer(x: np.ndarray, y: np.ndarray, p: Sequence[np.ndarray]) -> Answer:
    """Hinge loss with an L2 penalty of the relu network, and its gradients."""
    layers = _network(x, p, lambda z: np.maximum(z, 0))
    margin = 1 - y * layers[-1]
    loss = np.maximum(margin, 0).mean() + PENALTY * sum((w * w).sum() for w in p)
    d = (margin > 0) * y * (-1 / len(x))
    gradients = _back(layers, p, d, lambda h: h > 0)
    return float(loss), [g + (2 * PENALTY) * w for g, w in zip(gradients, p, strict=True)]


def neuron_answer() -> Answer:
    """Output of the single neuron; its gradients by w, x and b."""
    o = float(np.tanh(np.dot(NEURON_X, NEURON_W) + NEURON_B))
    d = 1 - o * o
    return o, [d * np.array(NEURON_X), d * np.array(NEURON_W), np.array(d)]


def error(answer: Answer, right: Answer) -> float:
    """The largest deviation from the right answer, relative to each array's largest number."""
    worst = abs(answer[0] - right[0]) / max(1.0, abs(right[0]))
    for a, b in zip(answer[1], right[1], strict=True):
        if np.shape(a) != np.shape(b):
            return float("inf")
        worst = max(worst, float(np.max(np.abs(a - b)) / (np.max(np.abs(b)) + 1e-12)))
    return worst
