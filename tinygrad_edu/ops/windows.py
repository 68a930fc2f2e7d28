"""Windows that slide over an array, in NumPy: what convolution and pooling have in common.

A window meets the array with the taps of its kernel. Loops run over the few taps, each a slice of
many examples, never over pixels or examples; what lies in the padding is never touched, so no
padded copy is made. `tg.to_code` prints these functions as they stand.

Arrays are (batch, channels, *spatial); a geometry is a tuple with a number per spatial axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.ops.printing import printed

Geometry = tuple[int, ...]


def along(n: int, count: int, k: int, step: int, before: int, gap: int) -> Any:
    """The taps of a kernel along one axis: place, what it meets of the axis, in which windows."""
    found = []
    for i in range(k):
        start = i * gap - before
        low, high = max(0, -(start // step)), min(count, (n - 1 - start) // step + 1)
        if low < high:
            met = slice(low * step + start, (high - 1) * step + start + 1, step)
            found.append((i, met, slice(low, high)))
    return found


def taps(
    shape: Geometry, size: Geometry, kernel: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """Each tap's place in the kernel, what it meets of an array of ``shape``, and in which windows.

    ``size`` windows start ``padding`` places before the array; a window that reaches past the end
    of the array meets nothing there.

    >>> taps((4,), (4,), (3,), (1,), (1,), (1,))[0]  # the left one of three, padding 1
    ((0,), (slice(0, 3, 1),), (slice(1, 4, None),))
    """
    axes = list(map(along, shape, size, kernel, stride, padding, dilation))
    places = np.ndindex(*[len(axis) for axis in axes])
    return [tuple(zip(*map(list.__getitem__, axes, place), strict=True)) for place in places]


def columns(
    x: Any, size: Geometry, kernel: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry,
) -> Any:  # fmt: skip
    """All windows as columns: (batch, channels, *kernel, *size), 0 in the padding."""
    every = slice(None)
    if set(kernel) == set(stride) == {1} and x.shape[2:] == size:
        return x.reshape(*x.shape[:2], *kernel, *size)  # each number is its own window
    out = np.zeros((*x.shape[:2], *kernel, *size), dtype=x.dtype)
    for place, met, windows in taps(x.shape[2:], size, kernel, stride, padding, dilation):
        out[every, every, *place, *windows] = x[every, every, *met]
    return out


def batches(n: int, numbers: int) -> Any:
    """Slices of n examples whose columns, so many ``numbers`` each, stay in the cache together.

    Columns repeat every number as often as windows meet it: all at once, they would need many
    times the memory of the input, and more time.

    >>> batches(5, 2**17)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, 2**18 // max(1, numbers))
    return [slice(i, i + step) for i in range(0, n, step)]


def convolve(
    x: Any, w: Any, size: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry, groups: int,
) -> Any:  # fmt: skip
    """The weighted sums of all windows, as one product of matrices per example and group."""
    (n, c), (o, _), kernel = x.shape[:2], w.shape[:2], w.shape[2:]
    taps_, places = int(np.prod(kernel)) * c // groups, int(np.prod(size))
    rows = w.reshape(groups, o // groups, taps_)
    out = np.empty((n, groups, o // groups, places), dtype=np.result_type(x, w))
    for some in batches(n, groups * taps_ * places):
        cols = columns(x[some], size, kernel, stride, padding, dilation)
        np.matmul(rows, cols.reshape(len(cols), groups, taps_, places), out=out[some])
    return out.reshape(n, o, *size)


def spread(
    y: Any, w: Any, shape: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry, groups: int,
) -> Any:  # fmt: skip
    """Each number of ``y`` times the kernel, added up where its window lies: (…, *shape)."""
    (n, o), c, kernel, size = y.shape[:2], w.shape[1] * groups, w.shape[2:], y.shape[2:]
    taps_, places, every = int(np.prod(kernel)) * w.shape[1], int(np.prod(size)), slice(None)
    rows = w.reshape(groups, o // groups, taps_).swapaxes(1, 2)
    lists = y.reshape(n, groups, o // groups, places)
    out = np.zeros((n, c, *shape), dtype=np.result_type(y, w))
    met = taps(shape, size, kernel, stride, padding, dilation)
    for some in batches(n, groups * taps_ * places):
        cols = rows @ lists[some]
        cols = cols.reshape(len(cols), c, *kernel, *size)
        for place, where, windows in met:
            out[some][every, every, *where] += cols[every, every, *place, *windows]
    return out


def correlate(
    x: Any, y: Any, kernel: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry, groups: int,
) -> Any:  # fmt: skip
    """Each tap's sum of products of what it meets in ``x`` with ``y``: (channels of y, …)."""
    (n, c), o, size = x.shape[:2], y.shape[1], y.shape[2:]
    taps_, places = int(np.prod(kernel)) * c // groups, int(np.prod(size))
    lists = y.reshape(n, groups, o // groups, places)
    out = np.zeros((groups, o // groups, taps_), dtype=np.result_type(x, y))
    for some in batches(n, groups * taps_ * places):
        cols, rows = columns(x[some], size, kernel, stride, padding, dilation), lists[some]
        cols = cols.reshape(len(rows), groups, taps_, places)
        if o // groups < places:
            out += (rows @ cols.swapaxes(2, 3)).sum(axis=0)
        else:  # products for each example would be larger than the columns: all in one
            cols = cols.transpose(1, 0, 3, 2).reshape(groups, len(rows) * places, taps_)
            rows = rows.transpose(1, 2, 0, 3).reshape(groups, o // groups, len(rows) * places)
            out += rows @ cols
    return out.reshape(o, c // groups, *kernel)


CODE = printed(along, taps, columns, batches, convolve, spread, correlate)
