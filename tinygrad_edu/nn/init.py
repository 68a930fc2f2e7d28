"""Where the weights start: seeded initialisers, each ``(shape, generator) -> array``.

``shape`` is (fan_in, fan_out): how many inputs a unit adds up, how many units it feeds. A start
that is too large saturates the units, one that is too small lets the signal die out, and one that
is the same for all units keeps them the same for ever.
"""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DTypeError, ShapeError, TinygradError
from tinygrad_edu.sites import user_site

Floats = NDArray[np.floating[Any]]
FanShape = tuple[int, int]
Initializer = Callable[[FanShape, np.random.Generator], Floats]

RELU_LIKE = (
    "relu", "leaky_relu", "elu", "selu", "celu", "gelu", "gelu_tanh", "silu", "softplus", "relu6",
    "mish", "hardswish",
)  # fmt: skip


def glorot_uniform(shape: FanShape, generator: np.random.Generator) -> Floats:
    """Uniform in ±√(6 / (fan_in + fan_out)): for tanh, sigmoid and linear units.

    Keeps the variance of signals and of gradients alike from layer to layer. Glorot and Bengio,
    "Understanding the difficulty of training deep feedforward neural networks" (2010), eq. 16.

    >>> w = glorot_uniform((2, 4), np.random.default_rng(0))
    >>> w.shape, bool(abs(w).max() <= 1.0)
    ((2, 4), True)
    """
    limit = math.sqrt(6.0 / (shape[0] + shape[1]))
    return generator.uniform(-limit, limit, shape)


def glorot_normal(shape: FanShape, generator: np.random.Generator) -> Floats:
    """Normal with variance 2 / (fan_in + fan_out); Glorot and Bengio (2010), eq. 12."""
    return generator.normal(0.0, math.sqrt(2.0 / (shape[0] + shape[1])), shape)


def he_uniform(shape: FanShape, generator: np.random.Generator) -> Floats:
    """Uniform in ±√(6 / fan_in): for relu and its kin, which pass on half of the signal.

    The variance 2 / fan_in is that of He, Zhang, Ren and Sun, "Delving deep into rectifiers:
    surpassing human-level performance on ImageNet classification" (2015), eq. 10.

    >>> w = he_uniform((6, 4), np.random.default_rng(0))
    >>> bool(abs(w).max() <= 1.0)
    True
    """
    limit = math.sqrt(6.0 / shape[0])
    return generator.uniform(-limit, limit, shape)


def he_normal(shape: FanShape, generator: np.random.Generator) -> Floats:
    """Normal with variance 2 / fan_in; He, Zhang, Ren and Sun (2015), eq. 10."""
    return generator.normal(0.0, math.sqrt(2.0 / shape[0]), shape)


def uniform(shape: FanShape, generator: np.random.Generator) -> Floats:
    """Uniform in ±1 / √fan_in, whatever the units: LeCun et al., "Efficient BackProp" (1998)."""
    limit = 1.0 / math.sqrt(shape[0])
    return generator.uniform(-limit, limit, shape)


def normal(shape: FanShape, generator: np.random.Generator) -> Floats:
    """Normal with variance 1 / fan_in; LeCun et al., "Efficient BackProp" (1998), eq. 16."""
    return generator.normal(0.0, 1.0 / math.sqrt(shape[0]), shape)


def zeros(shape: FanShape, generator: np.random.Generator) -> Floats:
    """All 0, with a warning: it is the start from which hidden units do not learn."""
    text = (
        "all weights start at 0: with relu the gradients are exactly 0 and stay so (a dead start), "
        "with any other activation all units of a layer stay the same as each other; "
        "initializer='glorot_uniform' breaks the symmetry"
    )
    site = user_site(2)
    if site is None:
        warnings.warn(text, stacklevel=2)
    else:  # at the line that asked for the network, however deep inside the library this is
        warnings.warn_explicit(text, UserWarning, site.filename, site.line)
    return np.zeros(shape)


INITIALIZERS: dict[str, Initializer] = {
    f.__name__: f
    for f in (glorot_uniform, glorot_normal, he_uniform, he_normal, uniform, normal, zeros)
}


def draw(
    shape: FanShape,
    seed: int | np.random.Generator | None,
    initializer: str | Initializer | None = None,
    activation: str | None = None,
) -> Floats:
    """Starting weights of ``shape`` by a name, a function, or (None) what suits the activation.

    relu and its kin get `he_uniform`, everything else `glorot_uniform`. Raises `TinygradError` for
    an unknown name, `ShapeError` for an initialiser that returns another shape.

    >>> bool((draw((2, 3), seed=1) == draw((2, 3), seed=1)).all())
    True
    """
    if initializer is None:
        initializer = he_uniform if activation in RELU_LIKE else glorot_uniform
    if isinstance(initializer, str):
        initializer = _named(initializer)
    if not callable(initializer):
        raise DTypeError(
            f"an initialiser is a name or a function (shape, generator) -> array, "
            f"not {initializer!r}",
            hint=f"initializer='he_normal'; there are {', '.join(INITIALIZERS)}",
        )
    weights = np.asarray(initializer(shape, np.random.default_rng(seed)))
    if weights.shape != shape:
        raise ShapeError(
            f"the initialiser returned shape {weights.shape} for weights of shape {shape}",
            hint="lambda shape, generator: generator.normal(size=shape)",
        )
    return weights


def _named(name: str) -> Initializer:
    if name in INITIALIZERS:
        return INITIALIZERS[name]
    near = difflib.get_close_matches(name, INITIALIZERS, n=1)
    raise TinygradError(
        f"no initialiser {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        hint=f"one of {', '.join(INITIALIZERS)}, or a function (shape, generator) -> array",
    )
