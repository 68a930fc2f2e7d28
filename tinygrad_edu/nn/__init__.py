"""Neurons, layers and networks, each weight visible or each layer a matrix.

>>> from tinygrad_edu import nn
>>> nn.MLP(2, [16, 16], 1, activation="relu")
MLP(2 -> 16 relu -> 16 relu -> 1, tensor, 337 parameters)
"""

from tinygrad_edu.nn import init
from tinygrad_edu.nn.layers import Layer, Linear, Neuron
from tinygrad_edu.nn.mlp import MLP
from tinygrad_edu.nn.module import LayerInfo, Module, Parameter

__all__ = ["MLP", "Layer", "LayerInfo", "Linear", "Module", "Neuron", "Parameter", "init"]
