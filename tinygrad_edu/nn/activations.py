"""Functions as modules, one line each: activations, pools and other layers without parameters.

>>> from tinygrad_edu import nn
>>> nn.LeakyReLU(0.1)([-1.0, 2.0]).data
array([-0.1,  2. ])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu import families
from tinygrad_edu.nn.box import Box, as_input, module_of, whole
from tinygrad_edu.nn.module import Parameter

_AXIS = {"dim": "axis"}

CELU = module_of("CELU", "celu", activation=True, alpha=1.0)
ELU = module_of("ELU", "elu", activation=True, alpha=1.0)
GELU = module_of("GELU", "gelu", activation=True, approximate="none")
GLU = module_of("GLU", "glu", activation=True, renamed=_AXIS, dim=-1)
Hardshrink = module_of("Hardshrink", "hardshrink", activation=True, lambd=0.5)
Hardsigmoid = module_of("Hardsigmoid", "hardsigmoid", activation=True)
Hardswish = module_of("Hardswish", "hardswish", activation=True)
Hardtanh = module_of("Hardtanh", "hardtanh", activation=True, min_val=-1.0, max_val=1.0)
LeakyReLU = module_of("LeakyReLU", "leaky_relu", activation=True, negative_slope=0.01)
LogSigmoid = module_of("LogSigmoid", "logsigmoid", activation=True)
LogSoftmax = module_of("LogSoftmax", "log_softmax", activation=True, renamed=_AXIS, dim=-1)
Mish = module_of("Mish", "mish", activation=True)
ReLU = module_of("ReLU", "relu", activation=True)
ReLU6 = module_of("ReLU6", "relu6", activation=True)
SELU = module_of("SELU", "selu", activation=True)
SiLU = module_of("SiLU", "silu", activation=True)
Sigmoid = module_of("Sigmoid", "sigmoid", activation=True)
Softmax = module_of("Softmax", "softmax", activation=True, renamed=_AXIS, dim=-1)
Softmin = module_of("Softmin", "softmin", activation=True, renamed=_AXIS, dim=-1)
Softplus = module_of("Softplus", "softplus", activation=True, beta=1.0)
Softshrink = module_of("Softshrink", "softshrink", activation=True, lambd=0.5)
Softsign = module_of("Softsign", "softsign", activation=True)
Tanh = module_of("Tanh", "tanh", activation=True)
Tanhshrink = module_of("Tanhshrink", "tanhshrink", activation=True)
Threshold = module_of("Threshold", "threshold", activation=True, threshold=..., value=...)

MaxPool1d = module_of(
    "MaxPool1d", "max_pool1d", kernel_size=..., stride=None, padding=0, dilation=1, ceil_mode=False
)
MaxPool2d = module_of(
    "MaxPool2d", "max_pool2d", kernel_size=..., stride=None, padding=0, dilation=1, ceil_mode=False
)
AvgPool1d = module_of(
    "AvgPool1d", "avg_pool1d",
    kernel_size=..., stride=None, padding=0, ceil_mode=False, count_include_pad=True,
)  # fmt: skip
AvgPool2d = module_of(
    "AvgPool2d", "avg_pool2d",
    kernel_size=..., stride=None, padding=0, ceil_mode=False, count_include_pad=True,
)  # fmt: skip
AdaptiveAvgPool1d = module_of("AdaptiveAvgPool1d", "adaptive_avg_pool1d", output_size=...)
AdaptiveAvgPool2d = module_of("AdaptiveAvgPool2d", "adaptive_avg_pool2d", output_size=...)
AdaptiveMaxPool1d = module_of("AdaptiveMaxPool1d", "adaptive_max_pool1d", output_size=...)
AdaptiveMaxPool2d = module_of("AdaptiveMaxPool2d", "adaptive_max_pool2d", output_size=...)
PixelShuffle = module_of("PixelShuffle", "pixel_shuffle", upscale_factor=...)
PixelUnshuffle = module_of("PixelUnshuffle", "pixel_unshuffle", downscale_factor=...)


class PReLU(Box):
    """``max(0, x) + weight · min(0, x)``, with a slope that is learnt: one, or one per channel.

    x (batch, channels, …) of any shape; ``num_parameters`` is 1 or the number of channels (axis 1).
    He, Zhang, Ren and Sun, "Delving deep into rectifiers" (2015).

    >>> PReLU()([-2.0, 3.0]).data
    array([-0.5,  3. ])
    """

    activation = "prelu"

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, name: str | None = None):
        self.num_parameters = whole(num_parameters, "num_parameters")
        with self.begin(name):
            self.weight = Parameter(np.full(self.num_parameters, float(init)), "weight")

    def forward(self, x: Any) -> Any:
        """The same shape."""
        x, weight = as_input(x), self.weight
        if self.num_parameters > 1:
            if x.ndim < 2 or x.shape[1] != self.num_parameters:
                hint = f"input is (batch, {self.num_parameters}, …)"
                raise self.refuse(f"{self.num_parameters} slopes, one per channel", hint, input=x)
            weight = weight.reshape((self.num_parameters, *[1] * (x.ndim - 2)))
        return families.function("prelu")(x, weight)
