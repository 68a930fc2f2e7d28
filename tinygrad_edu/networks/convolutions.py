"""Convolutions in one and two dimensions, and the transposed ones that undo their sizes."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.functions import composite
from tinygrad_edu.networks.arguments import (
    Geometry,
    array,
    count,
    numbers,
    per_channel,
    spatial,
)
from tinygrad_edu.ops.composed import composed
from tinygrad_edu.ops.convolution import convolution, convolution_transpose
from tinygrad_edu.wording import refusal

Length = int | tuple[int, ...]


def _kernel(function: str, x: Any, weight: Any, parts: Any, transposed: bool) -> Any:
    """The weight as an array that fits the channels of the input, and the number of groups."""
    w, channels, groups = array(weight), x.shape[1], count(parts)
    if w.ndim != x.ndim:
        rest = "height, width" if x.ndim == 4 else "length"
        order = "channels, filters / groups" if transposed else "filters, channels / groups"
        wanted = f"weight is ({order}, {rest})"
        raise refusal(function, f"a weight of {w.ndim} axes", wanted, input=x, weight=w)
    if groups < 1 or channels % groups or w.shape[0] % groups:
        reason = f"groups={parts!r} for {channels} channels and a weight of {w.shape[0]}"
        hint = "groups divides both the channels of the input and the first axis of the weight"
        raise refusal(function, reason, hint, input=x, weight=w)
    expected = w.shape[0] if transposed else w.shape[1] * groups
    if channels != expected:
        reason = f"input has {channels} channels, weight expects {expected}"
        right = (channels, *w.shape[1:]) if transposed else (
            w.shape[0], channels // groups, *w.shape[2:]
        )  # fmt: skip
        raise refusal(function, reason, f"a weight of shape {right} fits", input=x, weight=w)
    return w, groups


def _before(function: str, padding: Any, stride: Geometry, span: Geometry) -> tuple[Any, Any]:
    """How many zeros before and altogether along each axis; ``span`` is what a window covers."""
    if padding == "valid":
        return (0,) * len(span), (0,) * len(span)
    if padding == "same":
        if set(stride) != {1}:
            reason = f"padding='same' with stride={stride}"
            raise refusal(function, reason, "the sizes are the same for stride 1 only")
        return tuple((s - 1) // 2 for s in span), tuple(s - 1 for s in span)
    if isinstance(padding, str):
        hint = "'valid', 'same', or whole numbers"
        raise refusal(function, f"padding={padding!r}", hint)
    before = numbers(function, "padding", padding, len(span), 0)
    return before, tuple(2 * p for p in before)


def _convolve(
    axes: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Any:  # fmt: skip
    function = f"conv{axes}d"
    x = spatial(function, input, axes)
    w, groups = _kernel(function, x, weight, groups, transposed=False)
    step = numbers(function, "stride", stride, axes, 1)
    gap = numbers(function, "dilation", dilation, axes, 1)
    span = tuple((k - 1) * d + 1 for k, d in zip(w.shape[2:], gap, strict=True))
    before, more = _before(function, padding, step, span)
    padded = tuple(n + p for n, p in zip(x.shape[2:], more, strict=True))
    if any(n < s for n, s in zip(padded, span, strict=True)) or 0 in w.shape[2:]:
        reason = f"the kernel covers {span}, the padded input is {padded}"
        hint = "use a smaller kernel or dilation, or more padding"
        raise refusal(function, reason, hint, input=x, weight=w)
    size = tuple((n - s) // t + 1 for n, s, t in zip(padded, span, step, strict=True))
    [b] = per_channel(function, x, w.shape[0], bias=bias)
    out = convolution(x, w, size=size, stride=step, padding=before, dilation=gap, groups=groups)
    return out if b is None else out + b


def _convolve_transposed(
    axes: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any,
    groups: int, dilation: Any,
) -> Any:  # fmt: skip
    function = f"conv_transpose{axes}d"
    x = spatial(function, input, axes)
    w, groups = _kernel(function, x, weight, groups, transposed=True)
    step = numbers(function, "stride", stride, axes, 1)
    gap = numbers(function, "dilation", dilation, axes, 1)
    before = numbers(function, "padding", padding, axes, 0)
    extra = numbers(function, "output_padding", output_padding, axes, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, step, gap, strict=True)):
        reason = f"output_padding={extra} with stride={step} and dilation={gap}"
        raise refusal(function, reason, "output_padding is less than stride or dilation", input=x)
    parts = zip(x.shape[2:], w.shape[2:], step, before, gap, extra, strict=True)
    shape = tuple((n - 1) * s - 2 * p + (k - 1) * d + 1 + e for n, k, s, p, d, e in parts)
    if min(shape) < 1:
        reason = f"the result would have the shape {shape}"
        raise refusal(function, reason, "use less padding", input=x, weight=w)
    [b] = per_channel(function, x, w.shape[1] * groups, bias=bias)
    out = convolution_transpose(
        x, w, shape=shape, stride=step, padding=before, dilation=gap, groups=groups
    )
    return out if b is None else out + b


@composite("conv1d")
@composed("input", "weight", "bias")
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Length = 1, padding: Length | str = 0,
    dilation: Length = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """The weighted sums of all windows of a sequence, one per filter, plus the filter's bias.

    As `conv2d` with one spatial axis: input (batch, channels, length), weight (filters,
    channels / groups, kernel).

    >>> conv1d([[[1.0, 2.0, 4.0, 8.0]]], [[[-1.0, 1.0]]])  # differences of neighbours
    array([[[1., 2., 4.]]])
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


@composite("conv2d")
@composed("input", "weight", "bias")
def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Length = 1, padding: Length | str = 0,
    dilation: Length = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """The weighted sums of all windows of an image, one per filter, plus the filter's bias.

    input (batch, channels, height, width), weight (filters, channels / groups, height, width),
    bias (filters,). Windows start ``stride`` apart; ``padding`` is how many zeros stand around
    the image ("same": as many as keep its size, "valid": none); ``dilation`` is how far apart the
    taps of the kernel are; with ``groups`` each part of the filters sees its part of the channels.

    The kernel is not flipped. LeCun et al., "Gradient-based learning applied to document
    recognition" (1998). Raises `ShapeError`, with the shape that fits.

    >>> import numpy as np
    >>> conv2d(np.ones((1, 3, 8, 8)), np.ones((16, 3, 3, 3)), padding="same").shape
    (1, 16, 8, 8)
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


@composite("conv_transpose1d")
@composed("input", "weight", "bias")
def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Length = 1, padding: Length = 0,
    output_padding: Length = 0, groups: int = 1, dilation: Length = 1,
) -> Any:  # fmt: skip
    """Each number times the kernel, added up where `conv1d` would have had its window.

    As `conv_transpose2d` with one spatial axis.

    >>> conv_transpose1d([[[1.0, 2.0]]], [[[1.0, 10.0]]], stride=2)
    array([[[ 1., 10.,  2., 20.]]])
    """
    return _convolve_transposed(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@composite("conv_transpose2d")
@composed("input", "weight", "bias")
def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Length = 1, padding: Length = 0,
    output_padding: Length = 0, groups: int = 1, dilation: Length = 1,
) -> Any:  # fmt: skip
    """Each number times the kernel, added up where `conv2d` would have had its window.

    The gradient of `conv2d` for its input, as a layer: it makes images larger. input (batch,
    channels, height, width), weight (channels, filters / groups, height, width), bias (filters,).
    ``padding`` is cut off on all sides; ``output_padding`` makes the far end longer, where several
    sizes would have led to this input. Raises `ShapeError`.

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 16, 4, 4)), np.ones((16, 3, 2, 2)), stride=2).shape
    (1, 3, 8, 8)
    """
    return _convolve_transposed(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )
