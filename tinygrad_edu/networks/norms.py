"""Norms: numbers brought to mean 0 and deviation 1, over the batch, the features or groups."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinygrad_edu.functions import composite
from tinygrad_edu.networks.arguments import array, count, per_channel
from tinygrad_edu.ops.composed import composed
from tinygrad_edu.ops.elementwise import maximum, sqrt
from tinygrad_edu.ops.plain import detach
from tinygrad_edu.ops.reductions import mean
from tinygrad_edu.ops.spreads import norm, var
from tinygrad_edu.ops.standardizing import standardize
from tinygrad_edu.wording import refusal


def _channels(function: str, input: Any, least: int) -> Any:
    """The input with a channel axis."""
    x = array(input)
    if x.ndim < least:
        hint = "input is (batch, channels, …); x[None] adds a batch of one"
        raise refusal(function, f"an input of {x.ndim} axes", hint, input=x)
    return x


def _scaled(out: Any, weight: Any, bias: Any) -> Any:
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


@composite("batch_norm")
@composed("input", "running_mean", "running_var", "weight", "bias")
def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Each channel less its mean, over its deviation, times ``weight`` plus ``bias``.

    input (batch, channels, …); the others are None or one number per channel. In training, mean
    and variance are those of this batch, over all axes but the channels; else the running ones.
    Nothing is changed in place: `batch_norm_statistics` gives the new running statistics, and
    ``momentum`` is here so that both take the same arguments. Raises `ShapeError`.

    >>> batch_norm([[1.0], [3.0]], None, None, training=True, eps=0.0)
    array([[-1.],
           [ 1.]])
    """
    x = _channels("batch_norm", input, 2)
    m, v, w, b = per_channel(
        "batch_norm", x, x.shape[1],
        running_mean=running_mean, running_var=running_var, weight=weight, bias=bias,
    )  # fmt: skip
    if training:
        axes = (0, *range(2, x.ndim))
        _refuse_one("batch_norm", x, math.prod(x.shape[a] for a in axes), "training=False")
        return _scaled(standardize(x, axis=axes, eps=eps), w, b)
    if m is None or v is None:
        hint = "give running_mean and running_var, or training=True"
        raise refusal("batch_norm", "no running statistics to go by", hint, input=x)
    scale = 1.0 / sqrt(v + eps)
    return _scaled(x - m, scale if w is None else scale * w, b)


def _refuse_one(function: str, x: Any, count: int, instead: str) -> None:
    if count == 1:
        reason = "one number has no deviation: all results would be 0"
        raise refusal(function, reason, f"more than one number per channel, or {instead}", input=x)


@composed("input", "running_mean", "running_var")
def batch_norm_statistics(
    input: Any, running_mean: Any, running_var: Any, momentum: float = 0.1
) -> tuple[Any, Any]:
    """The running mean and variance after one more batch, as numbers without a gradient.

    Each is (1 − momentum) · old + momentum · new; the variance is the unbiased one, n − 1 below,
    as in PyTorch, while `batch_norm` itself divides by n.

    >>> batch_norm_statistics([[1.0], [3.0]], [0.0], [1.0])
    (array([0.2]), array([1.1]))
    """
    x, function = _channels("batch_norm_statistics", input, 2), "batch_norm_statistics"
    if running_mean is None or running_var is None:
        c = x.shape[1]
        hint = f"start with running_mean=np.zeros({c}) and running_var=np.ones({c})"
        raise refusal(function, "no running statistics to go on from", hint, input=x)
    per_channel(function, x, x.shape[1], running_mean=running_mean, running_var=running_var)
    axes = (0, *range(2, x.ndim))
    count = math.prod(x.shape[a] for a in axes)
    old_mean, old_var = detach(array(running_mean)), detach(array(running_var))
    if count == 0:
        return old_mean, old_var
    _refuse_one(function, x, count, "no update")
    x = detach(x)
    new_mean, new_var = mean(x, axis=axes), var(x, axis=axes, ddof=1)
    keep = 1.0 - momentum
    return keep * old_mean + momentum * new_mean, keep * old_var + momentum * new_var


def _features(function: str, x: Any, normalized_shape: Any, **given: Any) -> tuple[Any, Any]:
    """The axes to be normalized, and the optional numbers that have their shape."""
    several = isinstance(normalized_shape, (tuple, list))
    shape = tuple(map(operator.index, normalized_shape if several else (normalized_shape,)))
    if not shape or x.shape[-len(shape) :] != shape:
        last = x.shape[-len(shape) :] if shape else x.shape[-1:]
        reason = f"normalized_shape {shape} for an input of shape {x.shape}"
        hint = f"normalized_shape is how the shape of the input ends: {last}"
        raise refusal(function, reason, hint, input=x)
    found = []
    for name, v in given.items():
        v = None if v is None else array(v)
        if v is not None and v.shape != shape:
            reason = f"{name} of shape {v.shape} for normalized_shape {shape}"
            raise refusal(function, reason, f"{name} has shape {shape}", input=x, **{name: v})
        found.append(v)
    return tuple(range(x.ndim - len(shape), x.ndim)), found


@composite("layer_norm")
@composed("input", "weight", "bias")
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Each example less its own mean, over its own deviation, times ``weight`` plus ``bias``.

    ``normalized_shape`` is the shape of the features, the last axes of the input; weight and bias
    have it too. Raises `ShapeError`.

    >>> layer_norm([[1.0, 3.0], [10.0, 30.0]], 2, eps=0.0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    x = array(input)
    axes, (w, b) = _features("layer_norm", x, normalized_shape, weight=weight, bias=bias)
    return _scaled(standardize(x, axis=axes, eps=eps), w, b)


@composite("rms_norm")
@composed("input", "weight")
def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """Each example over the root of its mean square, times ``weight``; `layer_norm` uncentred.

    ``eps`` is by default the spacing of the input's floats at 1. Raises `ShapeError`.

    >>> rms_norm([[3.0, 4.0]], 2, [5.0**0.5, 50.0**0.5]).round(6)
    array([[1.897367, 8.      ]])
    """
    x = array(input)
    axes, [w] = _features("rms_norm", x, normalized_shape, weight=weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    return _scaled(standardize(x, axis=axes, eps=eps, centred=False), w, None)


@composite("group_norm")
@composed("input", "weight", "bias")
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Each group of channels of an example less its mean, over its deviation.

    input (batch, channels, …), weight and bias (channels,). Wu and He, "Group normalization"
    (2018). Raises `ShapeError`.

    >>> group_norm([[1.0, 3.0, 10.0, 30.0]], 2, eps=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    x = _channels("group_norm", input, 2)
    (n, c), groups = x.shape[:2], count(num_groups)
    if groups < 1 or c % groups:
        reason = f"num_groups={num_groups!r} for {c} channels"
        raise refusal("group_norm", reason, "num_groups divides the channels", input=x)
    w, b = per_channel("group_norm", x, c, weight=weight, bias=bias)
    grouped = x.reshape((n, groups, c // groups, *x.shape[2:]))
    out = standardize(grouped, axis=tuple(range(2, x.ndim + 1)), eps=eps)
    return _scaled(out.reshape(x.shape), w, b)


@composite("instance_norm")
@composed("input", "running_mean", "running_var", "weight", "bias")
def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
    bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Each channel of each example less its mean, over its deviation.

    input (batch, channels, …) with one spatial axis or more. ``use_input_stats=False`` takes the
    running statistics, which nothing here changes. Ulyanov et al., "Instance normalization"
    (2016). Raises `ShapeError`.

    >>> instance_norm([[[1.0, 3.0], [10.0, 30.0]]], eps=0.0)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    x = _channels("instance_norm", input, 3)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, eps=eps)
    w, b = per_channel("instance_norm", x, x.shape[1], weight=weight, bias=bias)
    places = math.prod(x.shape[2:])
    _refuse_one("instance_norm", x, places, "use_input_stats=False")
    return _scaled(standardize(x, axis=tuple(range(2, x.ndim)), eps=eps), w, b)


@composite("normalize")
@composed("input")
def normalize(input: Any, p: float = 2.0, axis: int = 1, eps: float = 1e-12) -> Any:
    """x over its norm along the axis, so that it has length 1; ``eps`` is the least divisor.

    PyTorch's `normalize`, whose ``dim`` is called ``axis`` here. Where the norm is 0, so is the
    result.

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = array(input)
    return x / maximum(norm(x, p, axis=axis, keepdims=True), eps)
