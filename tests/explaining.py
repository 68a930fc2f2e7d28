"""What the tests of explaining share: the neuron of the documents, and random programs."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_edu as tg


def golden() -> dict[str, tg.Value]:
    """The neuron of the documents: two inputs, two weights, a bias, a squared distance."""
    x1, x2 = tg.input(0.8, "x1"), tg.input(-1.2, "x2")
    w1, w2, b = tg.weight(0.32, "w1"), tg.weight(0.63, "w2"), tg.bias(0.44, "b")
    y = tg.tanh(w1 * x1 + w2 * x2 + b)
    return {"x1": x1, "x2": x2, "w1": w1, "w2": w2, "b": b, "y": y, "loss": (y - 1.0) ** 2}


_ONE = [tg.tanh, tg.sigmoid, tg.relu, tg.square, tg.exp, tg.sin, tg.absolute, tg.softplus]
_ONE += [tg.leaky_relu, tg.negative, tg.log, tg.reciprocal, tg.elu, tg.silu, tg.sqrt]
_TWO = [tg.add, tg.subtract, tg.multiply, tg.divide, tg.maximum, tg.minimum, tg.power]


@st.composite
def programs(draw: Any) -> list[tg.Value]:
    """Scalar graphs with sharing: each node takes any of the ones before it, one of them twice."""
    numbers = st.floats(-2.0, 2.0) | st.sampled_from([0.0, -0.0, 1.0, 1000.0])
    values = [
        tg.weight(draw(numbers), draw(st.sampled_from(["w", "w", "lambda", "α", None])))
        for _ in range(draw(st.integers(1, 3)))
    ]
    for _ in range(draw(st.integers(1, 12))):
        pick = st.sampled_from(values)
        if draw(st.booleans()):
            values.append(draw(st.sampled_from(_ONE))(draw(pick)))
        else:
            second = draw(pick | numbers)
            values.append(draw(st.sampled_from(_TWO))(draw(pick), second))
    return [v for v in values if isinstance(v, tg.Value)]


_REDUCE = [tg.sum, tg.mean, tg.max, tg.logsumexp, lambda v: tg.sum(v, axis=-1, keepdims=True)]
_SHAPE = [lambda v: v.T, lambda v: v.reshape(-1), lambda v: v[0], lambda v: tg.stack([v, v, v])]
_SHAPE += [lambda v: tg.concatenate([v, v]), lambda v: v[..., ::-1], tg.softmax]


@st.composite
def array_programs(draw: Any) -> list[tg.Value]:
    """Graphs of arrays of many shapes, in float32 too, that end in one number."""
    kind = draw(st.sampled_from([np.float64, np.float64, np.float32]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shapes = draw(st.lists(st.sampled_from([(2, 3), (3,), (2, 1), ()]), min_size=1, max_size=3))
    values: list[Any] = [tg.weight(rng.normal(size=s).astype(kind), "w") for s in shapes]
    for _ in range(draw(st.integers(1, 8))):
        x = draw(st.sampled_from(values))
        which = draw(st.integers(0, 3))
        if which == 0:
            values.append(draw(st.sampled_from(_ONE))(x))
        elif which == 1 and x.ndim:
            values.append(draw(st.sampled_from(_SHAPE if x.size < 100 else [tg.softmax]))(x))
        elif which == 2 and x.ndim:
            values.append(draw(st.sampled_from(_REDUCE))(x))
        else:
            mates = [v for v in values if _broadcasts(v.shape, x.shape)]
            values.append(draw(st.sampled_from(_TWO))(x, draw(st.sampled_from(mates))))
    last = values[-1]
    return [*values, last.sum()] if last.ndim else values


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        return bool(np.broadcast_shapes(a, b) or True)
    except ValueError:
        return False
