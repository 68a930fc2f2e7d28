"""Neurons, layers and networks, each weight visible or each layer a matrix.

Beside `Neuron`, `Layer` and `MLP`, whose every part can be seen, there are PyTorch's modules with
their names, arguments and state dicts; each loads when it is first used.

>>> from tinygrad_edu import nn
>>> nn.MLP(2, [16, 16], 1, activation="relu")
MLP(2 -> 16 relu -> 16 relu -> 1, tensor, 337 parameters)
>>> nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
Sequential(80 parameters
  Conv2d(1 -> 8, 3×3)
  ReLU()
  MaxPool2d(kernel_size=2)
  Flatten()
)
"""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Any

from tinygrad_edu.nn import init
from tinygrad_edu.nn.layers import Layer, Linear, Neuron
from tinygrad_edu.nn.mlp import MLP
from tinygrad_edu.nn.module import LayerInfo, Module, Parameter

if TYPE_CHECKING:
    from tinygrad_edu.nn.activations import (
        CELU,
        ELU,
        GELU,
        GLU,
        SELU,
        AdaptiveAvgPool1d,
        AdaptiveAvgPool2d,
        AdaptiveMaxPool1d,
        AdaptiveMaxPool2d,
        AvgPool1d,
        AvgPool2d,
        Hardshrink,
        Hardsigmoid,
        Hardswish,
        Hardtanh,
        LeakyReLU,
        LogSigmoid,
        LogSoftmax,
        MaxPool1d,
        MaxPool2d,
        Mish,
        PixelShuffle,
        PixelUnshuffle,
        PReLU,
        ReLU,
        ReLU6,
        Sigmoid,
        SiLU,
        Softmax,
        Softmin,
        Softplus,
        Softshrink,
        Softsign,
        Tanh,
        Tanhshrink,
        Threshold,
    )
    from tinygrad_edu.nn.attention import MultiheadAttention, TransformerBlock
    from tinygrad_edu.nn.containers import Flatten, Identity, Residual, Sequential
    from tinygrad_edu.nn.convolutions import Conv1d, Conv2d
    from tinygrad_edu.nn.embedding import Embedding, TiedLinear
    from tinygrad_edu.nn.norms import (
        BatchNorm1d,
        BatchNorm2d,
        Dropout,
        GroupNorm,
        LayerNorm,
        RMSNorm,
    )
    from tinygrad_edu.nn.overview import Summary, summary
    from tinygrad_edu.nn.recurrent import GRU, LSTM, RNN

_LATER: dict[str, tuple[str, ...]] = {
    "activations": (
        "CELU",
        "ELU",
        "GELU",
        "GLU",
        "SELU",
        "AdaptiveAvgPool1d",
        "AdaptiveAvgPool2d",
        "AdaptiveMaxPool1d",
        "AdaptiveMaxPool2d",
        "AvgPool1d",
        "AvgPool2d",
        "Hardshrink",
        "Hardsigmoid",
        "Hardswish",
        "Hardtanh",
        "LeakyReLU",
        "LogSigmoid",
        "LogSoftmax",
        "MaxPool1d",
        "MaxPool2d",
        "Mish",
        "PReLU",
        "PixelShuffle",
        "PixelUnshuffle",
        "ReLU",
        "ReLU6",
        "SiLU",
        "Sigmoid",
        "Softmax",
        "Softmin",
        "Softplus",
        "Softshrink",
        "Softsign",
        "Tanh",
        "Tanhshrink",
        "Threshold",
    ),
    "attention": (
        "MultiheadAttention",
        "TransformerBlock",
    ),
    "containers": (
        "Flatten",
        "Identity",
        "Residual",
        "Sequential",
    ),
    "convolutions": (
        "Conv1d",
        "Conv2d",
    ),
    "embedding": (
        "Embedding",
        "TiedLinear",
    ),
    "norms": (
        "BatchNorm1d",
        "BatchNorm2d",
        "Dropout",
        "GroupNorm",
        "LayerNorm",
        "RMSNorm",
    ),
    "recurrent": (
        "GRU",
        "LSTM",
        "RNN",
    ),
    "overview": ("Summary", "summary"),
}
_HOME = {name: module for module, names in _LATER.items() for name in names}
__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "SELU",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Identity",
    "Layer",
    "LayerInfo",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "Mish",
    "Module",
    "MultiheadAttention",
    "Neuron",
    "PReLU",
    "Parameter",
    "PixelShuffle",
    "PixelUnshuffle",
    "RMSNorm",
    "ReLU",
    "ReLU6",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Summary",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "TiedLinear",
    "TransformerBlock",
    "init",
    "summary",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        near = difflib.get_close_matches(name, __all__, n=1)
        also = f"; did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{also}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
