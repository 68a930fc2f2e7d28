"""Pooling in one and two dimensions: the largest number or the mean of each window."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.functions import composite
from tinygrad_edu.networks.arguments import Geometry, numbers, spatial
from tinygrad_edu.ops.composed import composed
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.pooling import max_pool, sum_pool
from tinygrad_edu.ops.reductions import max, mean, sum
from tinygrad_edu.wording import refusal

Length = int | tuple[int, ...]


def _geometry(
    function: str, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> dict[str, Geometry]:
    """Sizes, kernel, stride, padding and dilation of windows that all meet the input."""
    axes = x.ndim - 2
    kernel = numbers(function, "kernel_size", kernel_size, axes, 1)
    step = kernel if stride is None else numbers(function, "stride", stride, axes, 1)
    before = numbers(function, "padding", padding, axes, 0)
    gap = numbers(function, "dilation", dilation, axes, 1)
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, gap, strict=True))
    if any(2 * p > s for p, s in zip(before, span, strict=True)):
        reason = f"padding={before} for windows that cover {span}"
        raise refusal(function, reason, "padding is at most half of the window", input=x)
    padded = tuple(n + 2 * p for n, p in zip(x.shape[2:], before, strict=True))
    if any(n < s for n, s in zip(padded, span, strict=True)):
        reason = f"the window covers {span}, the padded input is {padded}"
        raise refusal(function, reason, "use a smaller kernel_size or more padding", input=x)
    size = []
    for n, p, s, t in zip(x.shape[2:], before, span, step, strict=True):
        count = (n + 2 * p - s + (t - 1 if ceil else 0)) // t + 1
        size.append(count - (ceil and (count - 1) * t >= n + p))  # it would meet padding alone
    return {
        "size": tuple(size), "kernel": kernel, "stride": step, "padding": before, "dilation": gap
    }  # fmt: skip


def _averages(
    axes: int, input: Any, kernel_size: Any, stride: Any, padding: Any, ceil: bool, include: bool
) -> Any:
    function = f"avg_pool{axes}d"
    x = spatial(function, input, axes)
    geometry = _geometry(function, x, kernel_size, stride, padding, 1, ceil)
    counts: Any = 1.0
    order = [geometry[name] for name in ("size", "kernel", "stride", "padding")]
    for n, m, k, t, p in zip(x.shape[2:], *order, strict=True):
        start = np.arange(m) * t - p
        end = np.minimum(start + k, n + p)
        inside = end - start if include else np.minimum(end, n) - np.maximum(start, 0)
        counts = np.multiply.outer(counts, inside)
    counts = np.asarray(counts, dtype=x.dtype)
    same = counts.size > 0 and (counts == counts.flat[0]).all()
    return sum_pool(x, **geometry) / (float(counts.flat[0]) if same else counts)


@composed("input")
def max_pool1d(
    input: Any, kernel_size: Length, stride: Length | None = None, padding: Length = 0,
    dilation: Length = 1, ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """The largest number of each window of (batch, channels, length); see `max_pool2d`.

    >>> max_pool1d([[[1.0, 5.0, 2.0, 3.0]]], 2)
    array([[[5., 3.]]])
    """
    x = spatial("max_pool1d", input, 1)
    return max_pool(
        x, **_geometry("max_pool1d", x, kernel_size, stride, padding, dilation, ceil_mode)
    )


@composed("input")
def max_pool2d(
    input: Any, kernel_size: Length, stride: Length | None = None, padding: Length = 0,
    dilation: Length = 1, ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """The largest number of each window of (batch, channels, height, width).

    Windows are ``stride`` apart, by default side by side; the padding never wins. With
    ``ceil_mode`` a last window may reach past the end. Numbers that tie share the gradient
    equally. Raises `ShapeError`.

    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    x = spatial("max_pool2d", input, 2)
    return max_pool(
        x, **_geometry("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    )


@composite("avg_pool1d")
@composed("input")
def avg_pool1d(
    input: Any, kernel_size: Length, stride: Length | None = None, padding: Length = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """The mean of each window of (batch, channels, length); see `avg_pool2d`.

    >>> avg_pool1d([[[1.0, 5.0, 2.0, 3.0]]], 2)
    array([[[3. , 2.5]]])
    """
    return _averages(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


@composite("avg_pool2d")
@composed("input")
def avg_pool2d(
    input: Any, kernel_size: Length, stride: Length | None = None, padding: Length = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
) -> Any:  # fmt: skip
    """The mean of each window of (batch, channels, height, width).

    As in `max_pool2d`; the zeros of the padding count as numbers of the window unless
    ``count_include_pad=False``. Raises `ShapeError`.

    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    return _averages(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def _parts(function: str, x: Any, output_size: Any) -> Geometry:
    axes = x.ndim - 2
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * axes
    try:
        size = [
            n if m is None else operator.index(m) for n, m in zip(x.shape[2:], given, strict=False)
        ]
    except TypeError:
        size = []
    if len(size) != axes or len(given) != axes or min(size) < 1 or 0 in x.shape[2:]:
        what = "one whole number" if axes == 1 else "a whole number or a tuple of two"
        hint = f"output_size is {what}, at least 1; None keeps the length"
        raise refusal(function, f"output_size={output_size!r}", hint, input=x)
    return tuple(size)


def _met(x: Any, size: Geometry, nothing: float) -> tuple[Any, Any]:
    """What each window meets, in new axes at the end, and how many numbers that is.

    Window i of m over n numbers reaches from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉; shorter ones are filled up
    with ``nothing``.
    """
    axes, index, inside = len(size), [], np.ones((1,) * 2 * len(size), dtype=bool)
    for a, (n, m) in enumerate(zip(x.shape[2:], size, strict=True)):
        start, end = np.arange(m) * n // m, -(-(np.arange(m) + 1) * n // m)
        places = start[:, None] + np.arange(int((end - start).max()))
        shape = [1] * 2 * axes
        shape[a], shape[axes + a] = places.shape
        index.append(np.minimum(places, n - 1).reshape(shape))
        inside = inside & (places < end[:, None]).reshape(shape)
    count = inside.sum(axis=tuple(range(axes, 2 * axes))).astype(x.dtype)
    return where(inside, x[(slice(None), slice(None), *index)], nothing), count


def _adaptive(axes: int, input: Any, output_size: Any, largest: bool) -> Any:
    function = f"adaptive_{'max' if largest else 'avg'}_pool{axes}d"
    x = spatial(function, input, axes)
    size = _parts(function, x, output_size)
    if all(n % m == 0 for n, m in zip(x.shape[2:], size, strict=True)):
        pairs = zip(x.shape[2:], size, strict=True)
        parts = x.reshape((*x.shape[:2], *[k for n, m in pairs for k in (m, n // m)]))
        inner = tuple(range(3, parts.ndim, 2))
        return max(parts, axis=inner) if largest else mean(parts, axis=inner)
    last = tuple(range(-axes, 0))
    met, count = _met(x, size, -np.inf if largest else 0.0)
    return max(met, axis=last) if largest else sum(met, axis=last) / count


@composite("adaptive_avg_pool1d")
@composed("input")
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """The means of ``output_size`` windows that cover (batch, channels, length) evenly.

    >>> adaptive_avg_pool1d([[[1.0, 2.0, 6.0]]], 2)
    array([[[1.5, 4. ]]])
    """
    return _adaptive(1, input, output_size, largest=False)


@composite("adaptive_avg_pool2d")
@composed("input")
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """The means of so many windows that cover (batch, channels, height, width) evenly.

    ``output_size`` is a number or (height, width); None keeps a length. Neighbours overlap where
    the sizes do not divide. Raises `ShapeError`.

    >>> import numpy as np
    >>> adaptive_avg_pool2d(np.ones((2, 8, 7, 5)), 1).shape
    (2, 8, 1, 1)
    """
    return _adaptive(2, input, output_size, largest=False)


@composite("adaptive_max_pool1d")
@composed("input")
def adaptive_max_pool1d(input: Any, output_size: Any) -> Any:
    """The largest of ``output_size`` windows that cover (batch, channels, length) evenly.

    >>> adaptive_max_pool1d([[[1.0, 2.0, 6.0]]], 2)
    array([[[2., 6.]]])
    """
    return _adaptive(1, input, output_size, largest=True)


@composite("adaptive_max_pool2d")
@composed("input")
def adaptive_max_pool2d(input: Any, output_size: Any) -> Any:
    """The largest of so many windows that cover (batch, channels, height, width) evenly.

    As `adaptive_avg_pool2d`; numbers that tie share the gradient equally.

    >>> import numpy as np
    >>> adaptive_max_pool2d(np.arange(6.0).reshape(1, 1, 2, 3), (1, None))
    array([[[[3., 4., 5.]]]])
    """
    return _adaptive(2, input, output_size, largest=True)
