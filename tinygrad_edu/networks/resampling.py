"""Images and sequences in another size: interpolation, and channels turned into pixels."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.functions import composite
from tinygrad_edu.networks.arguments import Geometry, array, count
from tinygrad_edu.ops.composed import composed
from tinygrad_edu.wording import refusal

_MODES = {"nearest": (3, 4), "nearest-exact": (3, 4), "linear": (3,), "bilinear": (4,)}


@composite("interpolate")
@composed("input")
def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:  # fmt: skip
    """The input in another ``size``, or ``scale_factor`` times as large.

    input (batch, channels, length) or (batch, channels, height, width). ``mode`` is "nearest"
    (the pixel that starts there), "nearest-exact" (the one whose middle is nearest), "linear" for
    sequences or "bilinear" for images. ``align_corners`` lets the middles of the outermost pixels
    fall together, not their edges. Raises `ShapeError`.

    >>> interpolate([[[1.0, 3.0]]], size=4)
    array([[[1., 1., 3., 3.]]])
    >>> interpolate([[[1.0, 3.0]]], size=3, mode="linear", align_corners=True)
    array([[[1., 2., 3.]]])
    """
    x = array(input)
    if mode not in _MODES:
        raise DTypeError(f"interpolate: mode={mode!r}", hint=f"one of {', '.join(_MODES)}")
    if x.ndim not in _MODES[mode]:
        other = {3: "linear", 4: "bilinear"}.get(x.ndim)
        hint = f"mode={other!r}" if other else "input is (batch, channels, …), one or two more axes"
        raise refusal("interpolate", f"mode={mode!r} for {x.ndim} axes", hint, input=x)
    nearest = mode.startswith("nearest")
    if nearest and align_corners is not None:
        hint = "align_corners is for mode='linear' and 'bilinear'"
        raise refusal("interpolate", f"align_corners with mode={mode!r}", hint, input=x)
    target, steps = _target(x, size, scale_factor)
    if nearest:
        middle = 0.5 if mode == "nearest-exact" else 0.0
        index = [
            np.minimum(np.floor((np.arange(m) + middle) * step).astype(int), n - 1)
            for n, m, step in zip(x.shape[2:], target, steps, strict=True)
        ]
        return x[(slice(None), slice(None), *np.ix_(*index))]
    for axis, (m, step) in enumerate(zip(target, steps, strict=True), start=2):
        x = _between(x, axis, m, step, bool(align_corners))
    return x


def _target(x: Any, size: Any, scale_factor: Any) -> tuple[Geometry, list[float]]:
    """The new lengths, and how far apart the new pixels are in the old ones."""
    old, axes = x.shape[2:], x.ndim - 2
    if (size is None) == (scale_factor is None):
        reason = "neither size nor scale_factor" if size is None else "both size and scale_factor"
        raise refusal("interpolate", reason, "give one of the two", input=x)
    given = scale_factor if size is None else size
    several = tuple(given) if isinstance(given, (tuple, list)) else (given,) * axes
    new: Geometry = (0,)
    steps: list[float] = []
    try:
        if len(several) == axes and size is None:
            new = tuple(int(np.floor(n * float(s))) for n, s in zip(old, several, strict=True))
            steps = [1.0 / float(s) for s in several if s > 0]
        elif len(several) == axes:
            new = tuple(map(operator.index, several))
            steps = [n / m for n, m in zip(old, new, strict=True) if m]
    except (TypeError, ValueError, OverflowError):
        pass  # no numbers: told below, as sizes that do not fit
    if min(*new, *old, 1) < 1 or len(new) != axes:
        name = "scale_factor" if size is None else "size"
        hint = f"a number or a tuple of {axes}, so that no length is less than 1"
        raise refusal("interpolate", f"{name}={given!r}", hint, input=x)
    return new, steps


def _between(x: Any, axis: int, count: int, step: float, align: bool) -> Any:
    """The numbers along an axis at ``count`` places, on the lines between neighbours."""
    n, places = x.shape[axis], np.arange(count, dtype=np.float64)
    if align:
        at = places * ((n - 1) / (count - 1) if count > 1 else 0.0)
    else:
        at = np.maximum((places + 0.5) * step - 0.5, 0.0)
    low = np.minimum(at.astype(int), n - 1)
    shape = [-1 if a == axis else 1 for a in range(x.ndim)]
    share = np.reshape(at - low, shape).astype(x.dtype)
    before = (slice(None),) * axis
    left, right = x[(*before, low)], x[(*before, np.minimum(low + 1, n - 1))]
    return left * (1.0 - share) + right * share


@composite("pixel_shuffle")
@composed("input")
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Channels turned into pixels: (batch, c · r², h, w) becomes (batch, c, h · r, w · r).

    Shi et al., "Real-time single image and video super-resolution" (2016). Raises `ShapeError`.

    >>> pixel_shuffle(np.arange(4.0).reshape(1, 4, 1, 1), 2)
    array([[[[0., 1.],
             [2., 3.]]]])
    """
    x, r = array(input), count(upscale_factor)
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        reason = f"upscale_factor={upscale_factor!r} for an input of shape {x.shape}"
        hint = "input is (…, channels, height, width), channels a multiple of upscale_factor²"
        raise refusal("pixel_shuffle", reason, hint, input=x)
    (*batch, c, h, w), n = x.shape, x.ndim - 3
    x = x.reshape((*batch, c // (r * r), r, r, h, w))
    x = x.transpose((*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return x.reshape((*batch, c // (r * r), h * r, w * r))


@composite("pixel_unshuffle")
@composed("input")
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """Pixels turned into channels: what `pixel_shuffle` undoes. Raises `ShapeError`.

    >>> pixel_unshuffle(np.arange(4.0).reshape(1, 1, 2, 2), 2).reshape(-1)
    array([0., 1., 2., 3.])
    """
    x, r = array(input), count(downscale_factor)
    if x.ndim < 3 or r < 1 or x.shape[-2] % r or x.shape[-1] % r:
        reason = f"downscale_factor={downscale_factor!r} for an input of shape {x.shape}"
        hint = "input is (…, channels, height, width), both multiples of downscale_factor"
        raise refusal("pixel_unshuffle", reason, hint, input=x)
    (*batch, c, h, w), n = x.shape, x.ndim - 3
    x = x.reshape((*batch, c, h // r, r, w // r, r))
    x = x.transpose((*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return x.reshape((*batch, c * r * r, h // r, w // r))
