"""Hypothesis strategies: numbers, arrays, shapes, calls of operations, and whole programs.

All are bounded to what differences can judge: numbers of ordinary size, seasoned with zeros, tiny
ones, large ones and repeats, which is where rules go wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from tinygrad_edu.engine import Op
from tinygrad_edu.testing.builder import Builder
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.programs import Program, usable

Interval = tuple[float, float]
REALS: Interval = (-math.inf, math.inf)
SMOOTH = ("tanh", "sigmoid", "softplus", "silu")
"""The activations without a kink that `neurons` and `mlps` draw where no others are asked for."""
_BESIDE = (0.0, 1e-9, -1e-9, 1e-4, -1e-4)  # of a place, and on both sides of it
_SCALES = (1.0, 1e-6, 1e-3, 1e3, 1e6)
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
    shape: tuple[int, ...] | st.SearchStrategy[tuple[int, ...]] = (3,),
    domain: Interval = REALS,
    spiced: bool = True,
    pool: Sequence[float] | None = None,
    near: Sequence[float] = (),
    scales: bool = False,
    dtype: Any = np.float64,
) -> Any:
    """An array (a float for no shape) inside the domain; often with repeated numbers.

    ``near`` names places, kinks say, on and beside which some numbers are put; ``scales`` makes
    whole arrays tiny or large; ``dtype`` is a float type, or a strategy that draws one.

    >>> import hypothesis
    >>> hypothesis.find(arrays((2,), near=(0.5,)), lambda x: x[0] == 0.5 != x[1])
    array([0.5, 0. ])
    """
    shape = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
    kind = np.dtype(draw(dtype) if isinstance(dtype, st.SearchStrategy) else dtype)
    count = int(np.prod(shape, dtype=int))
    if pool is None:
        own = values(domain, spiced)
        beside = [x + d for x in near for d in _BESIDE if domain[0] < x + d < domain[1]]
        own = st.one_of(own, st.sampled_from(beside)) if beside else own
        few = draw(st.integers(1, 2 * count)) if count else 0  # fewer numbers than places: repeats
        pool = draw(st.lists(own, min_size=min(few, count), max_size=min(few, count)))
    picks = pool if len(pool) == count else [draw(st.sampled_from(pool)) for _ in range(count)]
    if scales and domain == REALS:
        factor = draw(st.sampled_from(_SCALES))
        picks = [x * factor for x in picks]
    made = np.array(picks, dtype=np.float64).reshape(shape).astype(kind)
    return made if shape else float(made)


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
def programs(
    draw: st.DrawFn, size: int = 8, operations: Sequence[str] | None = None, spiced: bool = False
) -> Program:
    """A random program of about ``size`` operations, of all or of the named ones.

    Every draw runs: its shapes fit, its numbers are finite, no two inputs are equal. A failure
    shrinks to a short one; printing it gives Python that repeats the failure. ``spiced`` inputs
    are what rules stumble over: zeros, repeats, tiny and large ones (many then end on a kink).
    """
    shape_list = draw(st.lists(st.sampled_from([(), (2,), (3,), (2, 3), (3, 2)]), max_size=2))
    number = st.integers(-2000, 2000).map(lambda k: (k + 0.37) / 1000.0)
    inputs = [
        draw(arrays(shape, scales=True)) if spiced else _filled(draw, number, shape) + 0.00011 * k
        for k, shape in enumerate([(), *shape_list])
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


# Neurons and networks ----------------------------------------------------------------------------


@st.composite
def neurons(
    draw: st.DrawFn, most: int = 4, activations: Sequence[str | None] = SMOOTH
) -> tuple[Any, Any]:
    """A `nn.Neuron` of up to ``most`` inputs with drawn weights and bias, and one sample for it.

    >>> import hypothesis
    >>> neuron, sample = hypothesis.find(neurons(), lambda drawn: drawn[0].inputs == 2)
    >>> neuron(sample).shape
    ()
    """
    from tinygrad_edu.nn.layers import Neuron

    inputs = draw(st.integers(1, most))
    weights = [draw(values(spiced=False)) for _ in range(inputs)]
    bias = draw(st.sampled_from([False, True])) and draw(values(spiced=False))
    made = Neuron(inputs, draw(st.sampled_from(activations)), bias, weights=weights)
    return made, draw(arrays((inputs,), spiced=False))


@st.composite
def mlps(
    draw: st.DrawFn,
    most: int = 4,
    layers: int = 2,
    activations: Sequence[str] = SMOOTH,
    form: Literal["tensor", "scalar"] | None = None,
) -> tuple[Any, Any]:
    """An `nn.MLP` with up to ``layers`` hidden layers of up to ``most`` neurons, and a batch.

    ``form`` is "scalar" or "tensor"; both are drawn without it.

    >>> import hypothesis
    >>> model, batch = hypothesis.find(mlps(form="tensor"), lambda drawn: drawn[0].inputs == 3)
    >>> model(batch).shape
    (1, 1)
    """
    from tinygrad_edu.nn.mlp import MLP

    size = st.integers(1, most)
    inputs, outputs = draw(size), draw(size)
    hidden = draw(st.lists(size, max_size=layers))
    forms: list[Literal["tensor", "scalar"]] = ["tensor", "scalar"]
    made = MLP(
        inputs, hidden, outputs, draw(st.sampled_from(activations)),
        form=draw(st.sampled_from(forms)) if form is None else form, seed=draw(st.integers(0, 99)),
    )  # fmt: skip
    rows = draw(st.integers(1, 3))
    return made, draw(arrays((rows, inputs), spiced=False))


__all__ = [
    "REALS",
    "SMOOTH",
    "arrays",
    "cases",
    "mlps",
    "neurons",
    "programs",
    "shapes",
    "values",
]
