"""Convolutions as modules: filters that slide over sequences and images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError
from tinygrad_edu.networks import convolutions
from tinygrad_edu.networks.arguments import Geometry, numbers
from tinygrad_edu.nn.box import Box, Seed, as_input, bias, uniform, whole
from tinygrad_edu.nn.module import Parameter

Length = int | tuple[int, ...]


class _Conv(Box):
    """Weights and settings of a convolution with ``axes`` spatial axes."""

    axes: int
    kernel_size: Geometry

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Length, stride: Length = 1,
        padding: Length | str = 0, dilation: Length = 1, groups: int = 1, bias_: bool = True,
        seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        title, axes = type(self).__name__, self.axes
        self.in_channels = whole(in_channels, "in_channels")
        self.out_channels = whole(out_channels, "out_channels")
        self.groups = whole(groups, "groups")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ShapeError(
                f"{title}: groups={groups} for {in_channels} channels in and {out_channels} out",
                hint="groups divides both",
            )
        self.kernel_size = numbers(title, "kernel_size", kernel_size, axes, 1)
        self.stride, self.dilation, self.padding = stride, dilation, padding
        self.sizes = (self.in_channels, self.out_channels)
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        limit, generator = 1.0 / math.sqrt(math.prod(shape[1:])), np.random.default_rng(seed)
        with self.begin(name):
            self.weight = Parameter(uniform(limit, shape, generator), "weight")
            self.bias = bias(uniform(limit, shape[:1], generator)) if bias_ else None

    def forward(self, x: Any) -> Any:
        """(batch, in_channels, …) becomes (batch, out_channels, …)."""
        x, axes = as_input(x), self.axes
        if x.ndim != axes + 2 or x.shape[1] != self.in_channels:
            places = "height, width" if axes == 2 else "length"
            hint = f"input is (batch, {self.in_channels}, {places})"
            hint += "; x[None] adds a batch of one" if x.ndim == axes + 1 else ""
            what = f"an input of shape {x.shape} for {self.in_channels} channels"
            raise self.refuse(what, hint, input=x)
        convolve = convolutions.conv1d if axes == 1 else convolutions.conv2d
        return convolve(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def __repr__(self) -> str:
        size = "×".join(map(str, self.kernel_size))
        more = [
            f", {name}={value!r}"
            for name, value, default in (
                ("stride", self.stride, 1), ("padding", self.padding, 0),
                ("dilation", self.dilation, 1), ("groups", self.groups, 1),
            )
            if value != default
        ]  # fmt: skip
        more += [] if self.bias is not None else [", no bias"]
        kind = type(self).__name__
        return f"{kind}({self.in_channels} -> {self.out_channels}, {size}{''.join(more)})"


class Conv1d(_Conv):
    """Filters that slide over a sequence: weighted sums of all windows, see `tg.conv1d`.

    Input (batch, in_channels, length), output (batch, out_channels, length'). ``weight`` is
    (out_channels, in_channels / groups, kernel_size), ``bias`` (out_channels,); both start uniform
    in ±1 / √(in_channels / groups · kernel_size), as in PyTorch.

    >>> layer = Conv1d(2, 8, 3, padding=1)
    >>> layer, layer(np.zeros((4, 2, 10))).shape
    (Conv1d(2 -> 8, 3, padding=1), (4, 8, 10))
    """

    axes = 1

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Length, stride: Length = 1,
        padding: Length | str = 0, dilation: Length = 1, groups: int = 1, bias: bool = True,
        *, seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            seed, name,
        )  # fmt: skip


class Conv2d(_Conv):
    """Filters that slide over an image: weighted sums of all windows, see `tg.conv2d`.

    Input (batch, in_channels, height, width), output (batch, out_channels, height', width').
    ``weight`` is (out_channels, in_channels / groups, height, width of the kernel), ``bias``
    (out_channels,); both start uniform in ±1 / √(numbers that a filter looks at), as in PyTorch.

    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition"
    (1998).

    >>> layer = Conv2d(1, 4, 3)
    >>> layer, layer(np.zeros((2, 1, 8, 8))).shape
    (Conv2d(1 -> 4, 3×3), (2, 4, 6, 6))
    """

    axes = 2

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Length, stride: Length = 1,
        padding: Length | str = 0, dilation: Length = 1, groups: int = 1, bias: bool = True,
        *, seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            seed, name,
        )  # fmt: skip
