"""Operands that fit convolution and pooling: small arrays, and a geometry that is drawn."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from tinygrad_edu.ops.examples import Example, flags, numbers

Geometry = tuple[int, ...]


class _Drawn(NamedTuple):
    shape: Geometry
    kernel: Geometry
    size: Geometry
    params: dict[str, Any]


def _geometry(rng: Random, least: int = 1) -> _Drawn:
    axes = []
    for _ in range(rng.choice([1, 1, 2])):
        k, step, gap = rng.randint(least, 3), rng.randint(1, 2), rng.randint(1, 2)
        span = (k - 1) * gap + 1
        before = rng.randint(0, min(2, span - 1))
        n = rng.randint(max(1, span - 2 * before) if least == 1 else span, span + 2)
        axes.append((n, k, (n + 2 * before - span) // step + 1, step, before, gap))
    shape, kernel, size, stride, padding, dilation = zip(*axes, strict=True)
    return _Drawn(shape, kernel, size, {"stride": stride, "padding": padding, "dilation": dilation})


def _channels(rng: Random) -> tuple[int, int, int]:
    """Groups, channels in and channels out of a group."""
    return rng.choice([(1, 1, 1), (1, 2, 1), (1, 1, 2), (2, 1, 1), (2, 1, 2), (1, 2, 3)])


def convolution(rng: Random) -> Example:
    (shape, kernel, size, params), (groups, c, o) = _geometry(rng), _channels(rng)
    x = numbers(rng, rng.randint(1, 2), groups * c, *shape)
    w = numbers(rng, groups * o, c, *kernel)
    return (x, w), {"size": size, **params, "groups": groups}


def convolution_transpose(rng: Random) -> Example:
    (shape, kernel, size, params), (groups, c, o) = _geometry(rng), _channels(rng)
    y = numbers(rng, rng.randint(1, 2), groups * o, *size)
    w = numbers(rng, groups * o, c, *kernel)
    return (y, w), {"shape": shape, **params, "groups": groups}


def convolution_weight(rng: Random) -> Example:
    (shape, kernel, size, params), (groups, c, o) = _geometry(rng), _channels(rng)
    n = rng.randint(1, 2)
    x, y = numbers(rng, n, groups * c, *shape), numbers(rng, n, groups * o, *size)
    return (x, y), {"kernel": kernel, **params, "groups": groups}


def pooling(rng: Random) -> Example:
    shape, kernel, size, params = _geometry(rng, least=2)
    x = numbers(rng, rng.randint(1, 2), rng.randint(1, 2), *shape)
    return (x,), {"size": size, "kernel": kernel, **params}


def _drawn_pool(rng: Random) -> tuple[tuple[int, int], _Drawn]:
    return (rng.randint(1, 2), rng.randint(1, 2)), _geometry(rng, least=2)


def pick(rng: Random) -> Example:
    batch, (shape, kernel, size, params) = _drawn_pool(rng)
    won = flags(rng, *batch, *kernel, *size)
    return (numbers(rng, *batch, *shape), won), {"size": size, "kernel": kernel, **params}


def share(rng: Random) -> Example:
    batch, (shape, kernel, size, params) = _drawn_pool(rng)
    won = flags(rng, *batch, *kernel, *size)
    return (numbers(rng, *batch, *size), won), {"shape": shape, "kernel": kernel, **params}


def winners(rng: Random) -> Example:
    batch, (shape, kernel, size, params) = _drawn_pool(rng)
    x, top = numbers(rng, *batch, *shape), numbers(rng, *batch, *size)
    return (x, top), {"kernel": kernel, **params}


def sum_pool_transpose(rng: Random) -> Example:
    batch, (shape, kernel, size, params) = _drawn_pool(rng)
    return (numbers(rng, *batch, *size),), {"shape": shape, "kernel": kernel, **params}
