"""References of convolution and pooling: one number at a time, as the definition says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np


def meetings(
    shape: Any, size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> Iterator[tuple[Any, Any, Any]]:
    """Every window, every tap, and the place where they meet, if that is not in the padding."""
    for window in product(*map(range, size)):
        for tap in product(*map(range, kernel)):
            axes = zip(window, tap, stride, padding, dilation, strict=True)
            place = tuple(p * s - before + t * gap for p, t, s, before, gap in axes)
            if all(0 <= i < n for i, n in zip(place, shape, strict=True)):
                yield window, tap, place


def channels(groups: int, c: int, o: int) -> Iterator[tuple[int, int, int]]:
    """Channel in, filter, and the channel within the filter."""
    for group, inner, outer in product(range(groups), range(c), range(o)):
        yield group * c + inner, group * o + outer, inner


def naive_convolution(
    x: Any, w: Any, size: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    out = np.zeros((len(x), len(w), *size))
    for c, o, inner in channels(groups, w.shape[1], len(w) // groups):
        for p, t, i in meetings(x.shape[2:], size, w.shape[2:], stride, padding, dilation):
            out[:, o][(..., *p)] += x[:, c][(..., *i)] * w[o, inner][t]
    return out


def naive_transpose(
    y: Any, w: Any, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    out = np.zeros((len(y), w.shape[1] * groups, *shape))
    for c, o, inner in channels(groups, w.shape[1], len(w) // groups):
        for p, t, i in meetings(shape, y.shape[2:], w.shape[2:], stride, padding, dilation):
            out[:, c][(..., *i)] += y[:, o][(..., *p)] * w[o, inner][t]
    return out


def naive_weight(
    x: Any, y: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    out = np.zeros((y.shape[1], x.shape[1] // groups, *kernel))
    for c, o, inner in channels(groups, out.shape[1], len(out) // groups):
        for p, t, i in meetings(x.shape[2:], y.shape[2:], kernel, stride, padding, dilation):
            out[o, inner][t] += np.sum(x[:, c][(..., *i)] * y[:, o][(..., *p)])
    return out


def seen(x: Any, size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """What each window meets: (batch, channels, *size) lists of numbers."""
    lists = np.empty((*x.shape[:2], *size), dtype=object)
    for place in np.ndindex(lists.shape):
        lists[place] = []
    for p, t, i in meetings(x.shape[2:], size, kernel, stride, padding, dilation):
        for batch in np.ndindex(x.shape[:2]):
            lists[batch + p].append((t, i, x[batch + i]))
    return lists


def naive_pool(summary: Callable[[list[float]], float]) -> Callable[..., Any]:
    def pool(x: Any, size: Any, **geometry: Any) -> Any:
        lists = seen(x, size, **geometry)
        found = [summary([number for _, _, number in met]) for met in lists.reshape(-1)]
        return np.array(found).reshape(lists.shape)

    return pool


def naive_winners(x: Any, top: Any, kernel: Any, **geometry: Any) -> Any:
    won = np.zeros((*x.shape[:2], *kernel, *top.shape[2:]), dtype=bool)
    lists = seen(x, top.shape[2:], kernel, **geometry)
    for place in np.ndindex(lists.shape):
        for t, _, number in lists[place]:
            won[(*place[:2], *t, *place[2:])] = number == top[place]
    return won


def naive_pick(t: Any, won: Any, size: Any, kernel: Any, **geometry: Any) -> Any:
    out = np.zeros((*t.shape[:2], *size))
    lists = seen(t, size, kernel, **geometry)
    for place in np.ndindex(lists.shape):
        wins = won[(*place[:2], ..., *place[2:])]
        chosen = [number for tap, _, number in lists[place] if wins[tap]]
        out[place] = sum(chosen) / max(wins.sum(), 1)
    return out


def naive_share(g: Any, won: Any, shape: Any, kernel: Any, **geometry: Any) -> Any:
    out = np.zeros((*g.shape[:2], *shape))
    lists = seen(out, g.shape[2:], kernel, **geometry)
    for place in np.ndindex(lists.shape):
        wins = won[(*place[:2], ..., *place[2:])]
        for tap, i, _ in lists[place]:
            out[place[:2] + i] += g[place] / wins.sum() if wins[tap] else 0.0
    return out


def naive_sum_transpose(y: Any, shape: Any, **geometry: Any) -> Any:
    out = np.zeros((*y.shape[:2], *shape))
    lists = seen(out, y.shape[2:], **geometry)
    for place in np.ndindex(lists.shape):
        for _, i, _ in lists[place]:
            out[place[:2] + i] += y[place]
    return out


def long_deviations(x: Any, axis: Any, eps: float, centred: bool) -> tuple[Any, Any]:
    wide = np.asarray(x, dtype=np.longdouble)
    apart = wide - wide.mean(axis=axis, keepdims=True) if centred else wide
    return apart, 1.0 / np.sqrt((apart**2).mean(axis=axis, keepdims=True) + eps)


def long_standardize(x: Any, **params: Any) -> Any:
    apart, inverse = long_deviations(x, **params)
    return (apart * inverse).astype(float)


REFERENCES: dict[str, Callable[..., Any]] = {
    "convolution": naive_convolution,
    "convolution_transpose": naive_transpose,
    "convolution_weight": naive_weight,
    "max_pool": naive_pool(lambda met: max(met, default=-np.inf)),
    "max_pool_winners": naive_winners,
    "max_pool_pick": naive_pick,
    "max_pool_share": naive_share,
    "sum_pool": naive_pool(sum),
    "sum_pool_transpose": naive_sum_transpose,
    "standardize": long_standardize,
    "inverse_deviation": lambda x, **params: long_deviations(x, **params)[1].astype(float),
}
