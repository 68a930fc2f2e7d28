"""Norms and dropout as modules: what keeps the numbers of a deep network in bounds."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.context import MODE, Role
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.networks import attention, norms
from tinygrad_edu.nn.box import Box, Seed, as_input, bias, chance, whole
from tinygrad_edu.nn.module import Parameter


class _BatchNorm(Box):
    """What batch norms over any number of spatial axes share; ``axes`` says which they take."""

    axes: tuple[int, ...]
    wanted: str
    buffers = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1,
        affine: bool = True, track_running_stats: bool = True, *, name: str | None = None,
    ) -> None:  # fmt: skip
        n = self.num_features = whole(num_features, "num_features")
        self.eps, self.momentum, self.sizes = eps, momentum, (n, n)
        self.affine, self.track_running_stats = bool(affine), bool(track_running_stats)
        self.weight: Value | None = None
        self.bias: Value | None = None
        self.running_mean: Value | None = None
        self.running_var: Value | None = None
        self.num_batches_tracked: Value | None = None
        with self.begin(name):
            if affine:
                self.weight, self.bias = Parameter(np.ones(n), "weight"), bias(np.zeros(n))
            if track_running_stats:
                self.running_mean = _constant(np.zeros(n), "running_mean")
                self.running_var = _constant(np.ones(n), "running_var")
                self.num_batches_tracked = _constant(0.0, "num_batches_tracked")

    def forward(self, x: Any) -> Any:
        """The shape of the input."""
        x = as_input(x)
        if x.ndim not in self.axes or x.shape[1] != self.num_features:
            hint = f"input is {self.wanted.format(self.num_features)}"
            reason = f"an input of shape {x.shape} for {self.num_features} features"
            raise self.refuse(reason, hint, input=x)
        out = norms.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            training=self.training or self.running_mean is None, eps=self.eps,
        )  # fmt: skip
        if self.training and self.running_mean is not None:
            self._follow(x)
        return out

    def _follow(self, x: Value) -> None:
        """Move the running statistics towards this batch; outside of the graph, so that none of
        its numbers depends on them. A recorded program leaves them as they are.
        """
        mean, var, count = self.running_mean, self.running_var, self.num_batches_tracked
        if MODE.get().recording is not None or mean is None or var is None or count is None:
            return
        batches = count.item() + 1.0
        share = 1.0 / batches if self.momentum is None else self.momentum
        new = norms.batch_norm_statistics(x._data, mean._data, var._data, share)
        mean.assign(new[0])
        var.assign(new[1])
        count.assign(batches)


def _constant(data: Any, name: str) -> Value:
    return Value(data, name, Role.CONSTANT, requires_grad=False)


class BatchNorm1d(_BatchNorm):
    """Each feature less its mean over the batch, over its deviation; then ``· weight + bias``.

    Input (batch, num_features) or (batch, num_features, length). In training (`train`) the mean and
    variance are those of the batch, and the running ones follow: (1 − momentum) · old + momentum ·
    new, with the unbiased variance; ``momentum=None`` keeps the plain mean of all batches. In use
    (`eval`) the running ones count, so that a row's result does not depend on the others.

    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift" (2015), algorithm 1. Raises `ShapeError`, also for a batch of one.

    >>> layer = BatchNorm1d(1, eps=0.0)
    >>> layer([[1.0], [3.0]]).data.tolist(), layer.running_mean.data.tolist()
    ([[-1.0], [1.0]], [0.2])
    >>> layer.eval()([[0.2]]).data.tolist()
    [[0.0]]
    """

    axes, wanted = (2, 3), "(batch, {0}) or (batch, {0}, length)"


class BatchNorm2d(_BatchNorm):
    """`BatchNorm1d` for images: each channel over the batch and all places.

    Input (batch, num_features, height, width).

    >>> BatchNorm2d(3)(np.zeros((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    axes, wanted = (4,), "(batch, {0}, height, width)"


class LayerNorm(Box):
    """Each example less its own mean, over its own deviation; then ``· weight + bias``.

    ``normalized_shape`` is the shape of the features, the last axes of the input; no example
    depends on another, so that training and use are the same. Ba, Kiros and Hinton, "Layer
    normalization" (2016). Raises `ShapeError`.

    >>> LayerNorm(2, eps=0.0)([[1.0, 3.0], [10.0, 30.0]]).data
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5,
        elementwise_affine: bool = True, bias: bool = True, *, name: str | None = None,
    ) -> None:  # fmt: skip
        self.normalized_shape, self.eps = _shape(normalized_shape), eps
        self.elementwise_affine = bool(elementwise_affine)
        self.sizes = (self.normalized_shape[-1], self.normalized_shape[-1])
        self.weight: Value | None = None
        self.bias: Value | None = None
        with self.begin(name):
            if elementwise_affine:
                self.weight = Parameter(np.ones(self.normalized_shape), "weight")
                if bias:
                    self.bias = Parameter(np.zeros(self.normalized_shape), "bias", "bias")

    def forward(self, x: Any) -> Any:
        """The shape of the input."""
        x = as_input(x)
        _check_end(self, x)
        return norms.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(Box):
    """Each example over the root of its mean square, times ``weight``: `LayerNorm` uncentred.

    ``eps`` is by default the spacing of the input's floats at 1. Zhang and Sennrich, "Root mean
    square layer normalization" (2019). Raises `ShapeError`.

    >>> RMSNorm(2)([[3.0, 4.0]]).data.round(4)
    array([[0.8485, 1.1314]])
    """

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float | None = None,
        elementwise_affine: bool = True, *, name: str | None = None,
    ) -> None:  # fmt: skip
        self.normalized_shape, self.eps = _shape(normalized_shape), eps
        self.elementwise_affine = bool(elementwise_affine)
        self.sizes = (self.normalized_shape[-1], self.normalized_shape[-1])
        self.weight: Value | None = None
        with self.begin(name):
            if elementwise_affine:
                self.weight = Parameter(np.ones(self.normalized_shape), "weight")

    def forward(self, x: Any) -> Any:
        """The shape of the input."""
        x = as_input(x)
        _check_end(self, x)
        return norms.rms_norm(x, self.normalized_shape, self.weight, self.eps)


def _check_end(module: LayerNorm | RMSNorm, x: Value) -> None:
    """The last axes of the input are the features."""
    wanted = module.normalized_shape
    if x.shape[-len(wanted) :] != wanted:
        hint = f"the shape of the input ends in {wanted}"
        raise module.refuse(f"an input of shape {x.shape}", hint, input=x)


class GroupNorm(Box):
    """Each group of channels of an example less its mean, over its deviation; then scaled.

    Input (batch, num_channels, …). Wu and He, "Group normalization" (2018). Raises `ShapeError`.

    >>> GroupNorm(2, 4, eps=0.0)([[1.0, 3.0, 10.0, 30.0]]).data
    array([[-1.,  1., -1.,  1.]])
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
        *, name: str | None = None,
    ) -> None:  # fmt: skip
        self.num_groups, self.eps = whole(num_groups, "num_groups"), eps
        self.num_channels, self.affine = whole(num_channels, "num_channels"), bool(affine)
        if self.num_channels % self.num_groups:
            raise ShapeError(f"{num_groups} groups of {num_channels} channels do not come out even")
        self.sizes = (self.num_channels, self.num_channels)
        self.weight: Value | None = None
        self.bias: Value | None = None
        with self.begin(name):
            if affine:
                self.weight = Parameter(np.ones(num_channels), "weight")
                self.bias = bias(np.zeros(num_channels))

    def forward(self, x: Any) -> Any:
        """The shape of the input."""
        return norms.group_norm(as_input(x), self.num_groups, self.weight, self.bias, self.eps)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    several = isinstance(normalized_shape, (tuple, list))
    try:
        shape = tuple(map(operator.index, normalized_shape if several else (normalized_shape,)))
    except TypeError:
        shape = ()
    if not shape or min(shape) < 1:
        raise ShapeError(
            f"normalized_shape is a whole number or a tuple of them, not {normalized_shape!r}",
            hint="the shape of the features: nn.LayerNorm(64)",
        )
    return shape


class Dropout(Box):
    """In training each number is left out with probability ``p``, the others times 1 / (1 − p).

    So no unit can lean on another one. In use (`eval`) it is the identity. The draws come from a
    generator of its own, made from ``seed``, so that a run repeats; two layers with one seed drop
    the same places: give them one generator. Srivastava et al., "Dropout: a simple way to prevent
    neural networks from overfitting" (2014).

    >>> layer = Dropout(0.5)
    >>> layer(np.ones(6)).data, layer.eval()(np.ones(2)).data
    (array([2., 0., 0., 0., 2., 2.]), array([1., 1.]))
    """

    def __init__(self, p: float = 0.5, *, seed: Seed = 0, name: str | None = None) -> None:
        self.p, self.generator = chance(p, "p"), np.random.default_rng(seed)
        self.begin(name)

    def forward(self, x: Any) -> Any:
        """The shape of the input."""
        return attention.dropout(as_input(x), self.p, self.training, self.generator)
