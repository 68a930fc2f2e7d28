"""Convolution: one product of three arrays, and each of its three operations sums over a part.

Convolution weighs what each window meets: out[n, o, p] = Σ x[n, c, place met by tap t in window
p] · w[o, c, t]. Its gradient for x is the transposed convolution, the one for w is a correlation;
and the gradients of either are the other two again. So the three are closed: forward mode and all
higher orders need no other operation. Dumoulin and Visin, "A guide to convolution arithmetic for
deep learning" (2016).

All are for any number of spatial axes. `tinygrad_edu.networks` has them with PyTorch's names.
"""

from __future__ import annotations

from typing import Any

from tinygrad_edu.define import general
from tinygrad_edu.engine import Value
from tinygrad_edu.ops import window_examples as examples
from tinygrad_edu.ops import windows
from tinygrad_edu.ops.elementwise import Operand
from tinygrad_edu.ops.windows import Geometry
from tinygrad_edu.raw import shape as shape_of

_GEOMETRY = "{stride}, {padding}, {dilation}, {groups})"


def _code(call: str) -> str | None:
    return windows.CODE and f"{call}, {_GEOMETRY}\n{windows.CODE}"


# The rules, on numbers without the call of an operation, which would copy what can be written to.


def _convolution(x: Any, w: Any, y: Any, **geometry: Any) -> Any:
    size = shape_of(y)[2:]
    if Value in map(type, (x, w)):
        return convolution(x, w, size=size, **geometry)
    return windows.convolve(x, w, size, **geometry)


def _transpose(y: Any, w: Any, x: Any, **geometry: Any) -> Any:
    shape = shape_of(x)[2:]
    if Value in map(type, (y, w)):
        return convolution_transpose(y, w, shape=shape, **geometry)
    return windows.spread(y, w, shape, **geometry)


def _weight(x: Any, y: Any, w: Any, **geometry: Any) -> Any:
    kernel = shape_of(w)[2:]
    if Value in map(type, (x, y)):
        return convolution_weight(x, y, kernel=kernel, **geometry)
    return windows.correlate(x, y, kernel, **geometry)


@general(
    vjp=[
        lambda g, out, x, w, size, **p: _transpose(g, w, x, **p),
        lambda g, out, x, w, size, **p: _weight(x, g, w, **p),
    ],
    jvp=[
        lambda t, out, x, w, **p: convolution(t, w, **p),
        lambda t, out, x, w, **p: convolution(x, t, **p),
    ],
    kind="convolution", symbol="∗", formula="Σ window of x · w", torch="", jax="",
    code=_code("convolve({0}, {1}, {size}"), examples=examples.convolution,
)  # fmt: skip
def convolution(
    x: Operand, w: Operand, /, *, size: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry, groups: int,
) -> Any:  # fmt: skip
    """What a kernel w sees of x: (batch, channels, …), (filters, channels / groups, …) → ``size``.

    The first of ``size`` windows starts ``padding`` places before x. `conv1d`, `conv2d` work the
    size out and add a bias.
    """
    return windows.convolve(x, w, size, stride, padding, dilation, groups)


@general(
    vjp=[
        lambda g, out, y, w, shape, **p: _convolution(g, w, y, **p),
        lambda g, out, y, w, shape, **p: _weight(g, y, w, **p),
    ],
    jvp=[
        lambda t, out, y, w, **p: convolution_transpose(t, w, **p),
        lambda t, out, y, w, **p: convolution_transpose(y, t, **p),
    ],
    kind="convolution", symbol="∗ᵀ", formula="Σ y · w where the window lay", torch="", jax="",
    code=_code("spread({0}, {1}, {shape}"), examples=examples.convolution_transpose,
)  # fmt: skip
def convolution_transpose(
    y: Operand, w: Operand, /, *, shape: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry, groups: int,
) -> Any:  # fmt: skip
    """Each y times the kernel, added up where its window lay: `convolution` transposed in x.

    The result is (batch, channels, *shape). `conv_transpose1d`, `conv_transpose2d` work the shape
    out and add a bias.
    """
    return windows.spread(y, w, shape, stride, padding, dilation, groups)


@general(
    vjp=[
        lambda g, out, x, y, kernel, **p: _transpose(y, g, x, **p),
        lambda g, out, x, y, kernel, **p: _convolution(x, g, y, **p),
    ],
    jvp=[
        lambda t, out, x, y, **p: convolution_weight(t, y, **p),
        lambda t, out, x, y, **p: convolution_weight(x, t, **p),
    ],
    kind="convolution", symbol="⋆", formula="Σ x · y per tap", torch="", jax="",
    code=_code("correlate({0}, {1}, {kernel}"), examples=examples.convolution_weight,
)  # fmt: skip
def convolution_weight(
    x: Operand, y: Operand, /, *, kernel: Geometry,
    stride: Geometry, padding: Geometry, dilation: Geometry, groups: int,
) -> Any:  # fmt: skip
    """Each tap's sum of x times y over all windows: `convolution` transposed in its kernel."""
    return windows.correlate(x, y, kernel, stride, padding, dilation, groups)
