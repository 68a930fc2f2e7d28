"""Pooling: one number for each window, the largest or the sum.

The winners of `max_pool` are an instruction of their own, so that a replay on other data decides
anew; what is linear given the winners, picking from them and sharing among them, is its derivative
in either direction, and each is the other's transpose.

All are for any number of spatial axes. `tinygrad_edu.networks` has them with PyTorch's names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.define import general, linear, plain
from tinygrad_edu.engine import Value
from tinygrad_edu.ops import pools, windows
from tinygrad_edu.ops import window_examples as examples
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.ops.windows import Geometry
from tinygrad_edu.raw import shape as shape_of

_CONVENTIONS = (
    Convention(
        "max pooling, numbers of a window that tie",
        "d(lambda x: tg.max_pool1d(x, 2)[0, 0, 0])(np.ones((1, 1, 2))).tolist()",
        "[[[0.5, 0.5]]]",
        "D(lambda x: torch.max_pool1d(x, 2)[0, 0, 0])(torch.ones(1, 1, 2)).tolist()",
        "[[[1.0, 0.0]]]",
    ),
    Convention(
        "max pooling of NaN, which equals nothing and so wins nothing",
        "d(lambda x: tg.max_pool1d(x, 2)[0, 0, 0])(np.array([[[math.nan, 1.0]]])).tolist()",
        "[[[0.0, 0.0]]]",
        "D(lambda x: torch.max_pool1d(x, 2)[0, 0, 0])(t([[[math.nan, 1.0]]])).tolist()",
        "[[[1.0, 0.0]]]",
    ),
)
_GEOMETRY = "{kernel}, {stride}, {padding}, {dilation})"


def _code(call: str) -> str | None:
    return pools.CODE and f"{call}, {_GEOMETRY}\n{pools.CODE}"


def _ordered(params: dict[str, Any]) -> list[Geometry]:
    return [params[name] for name in ("kernel", "stride", "padding", "dilation")]


def _unless_idle(x: Any, /, **params: Any) -> Any:
    """The operand itself where each window meets its own number alone: nothing is recorded."""
    order, shape = _ordered(params), shape_of(x)[2:]
    size = params.get("size", params.get("shape"))
    if size != shape:
        return params
    axes = [(n, windows.along(n, n, *g)) for n, *g in zip(shape, *order, strict=True)]
    own = all(
        [range(n)[met] for _, met, _ in axis] == [range(n)[w] for _, _, w in axis]
        and n == len([i for _, met, _ in axis for i in range(n)[met]])
        for n, axis in axes
    )
    return x if own else params


def _share(g: Any, x: Any, top: Any, geometry: dict[str, Any]) -> Any:
    if Value not in map(type, (g, x, top)):  # the same on numbers, with the winners as bools
        won = pools.winners(x, top, *_ordered(geometry))
        return pools.share(g, won, shape_of(x)[2:], *_ordered(geometry))
    won = max_pool_winners(x, top, **geometry)
    return max_pool_share(g, won, shape=shape_of(x)[2:], **geometry)


def _scatter(g: Any, x: Any, geometry: dict[str, Any]) -> Any:
    shape = shape_of(x)[2:]
    if isinstance(g, Value):
        return sum_pool_transpose(g, shape=shape, **geometry)
    return pools.spread_evenly(g, shape, *_ordered(geometry))


def _lead(x: Any, size: Geometry, **geometry: Geometry) -> Any:
    """How far each number of a window is ahead of its best rival there, or behind the winner."""
    order = _ordered(geometry)
    kernel = tuple(range(2, x.ndim))
    inside = windows.columns(np.ones_like(x), size, *order) != 0.0
    met = np.where(inside, windows.columns(x, size, *order), -np.inf)
    top = met.max(axis=kernel, keepdims=True)
    won = inside & (met == top)
    rival = np.where(won, -np.inf, met).max(axis=kernel, keepdims=True)
    tie = won.sum(axis=kernel, keepdims=True) > 1
    lead = np.where(won, met - np.where(tie, top, rival), met - top)
    return np.where(inside, lead, np.inf)


@general(
    vjp=[lambda g, out, x, size, **geometry: _share(g, x, out, geometry)],
    jvp=[
        lambda t, out, x, size, **geometry: max_pool_pick(
            t, max_pool_winners(x, out, **geometry), size=size, **geometry
        )
    ],
    kind="reduction", symbol="max pool", formula="max of each window", torch="", jax="",
    kinks=(_lead,), conventions=_CONVENTIONS, prepare=_unless_idle,
    code=_code("largest({0}, {size}"), examples=examples.pooling,
)  # fmt: skip
def max_pool(
    x: Operand, /, *, size: Geometry,
    kernel: Geometry, stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """The largest number of each window; numbers that tie share the gradient equally.

    The first of ``size`` windows starts ``padding`` places before x. `max_pool1d` and
    `max_pool2d` work the size out.
    """
    return pools.largest(x, size, kernel, stride, padding, dilation)


@plain(
    formula="which taps meet the maximum", torch="", jax="",
    code=_code("winners({0}, {1}"), examples=examples.winners,
)  # fmt: skip
def max_pool_winners(
    x: Operand, top: Operand, /, *,
    kernel: Geometry, stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """Whether a tap of a window meets its maximum: bools (batch, channels, *kernel, *size)."""
    return pools.winners(x, top, kernel, stride, padding, dilation)


@general(
    vjp=[
        lambda g, out, t, won, size, **geometry: max_pool_share(
            g, won, shape=shape_of(t)[2:], **geometry
        )
    ],
    jvp=[lambda d, out, t, won, **p: max_pool_pick(d, won, **p)],
    kind="reduction", formula="mean over the winners of each window", torch="", jax="",
    code=_code("pick({0}, {1}, {size}"), examples=examples.pick,
)  # fmt: skip
def max_pool_pick(
    t: Operand, won: Operand, /, *, size: Geometry,
    kernel: Geometry, stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """The mean of what the winners of each window meet in t: `max_pool`, going forward."""
    return pools.pick(t, won, size, kernel, stride, padding, dilation)


@general(
    vjp=[
        lambda d, out, g, won, shape, **geometry: max_pool_pick(
            d, won, size=shape_of(g)[2:], **geometry
        )
    ],
    jvp=[lambda d, out, g, won, **p: max_pool_share(d, won, **p)],
    kind="reduction", formula="g / k to each of k winners", torch="", jax="",
    code=_code("share({0}, {1}, {shape}"), examples=examples.share,
)  # fmt: skip
def max_pool_share(
    g: Operand, won: Operand, /, *, shape: Geometry,
    kernel: Geometry, stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """A number per window in equal parts to what its winners meet: `max_pool_pick` transposed."""
    return pools.share(g, won, shape, kernel, stride, padding, dilation)


@linear(
    lambda g, x, size, **geometry: _scatter(g, x, geometry),
    kind="reduction", symbol="Σ pool", formula="Σ of each window", torch="", jax="",
    prepare=_unless_idle, code=_code("total({0}, {size}"), examples=examples.pooling,
)  # fmt: skip
def sum_pool(
    x: Operand, /, *, size: Geometry,
    kernel: Geometry, stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """The sum of each window, 0 counted in the padding. `avg_pool1d`, `avg_pool2d` divide it."""
    return pools.total(x, size, kernel, stride, padding, dilation)


@linear(
    lambda g, y, shape, **p: sum_pool(g, size=shape_of(y)[2:], **p),
    kind="reduction", symbol="Σᵀ", formula="y added where the window lay", torch="", jax="",
    prepare=_unless_idle, code=_code("spread_evenly({0}, {shape}"),
    examples=examples.sum_pool_transpose,
)  # fmt: skip
def sum_pool_transpose(
    y: Operand, /, *, shape: Geometry,
    kernel: Geometry, stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """A number per window added to all that it meets: `sum_pool` transposed."""
    return pools.spread_evenly(y, shape, kernel, stride, padding, dilation)
