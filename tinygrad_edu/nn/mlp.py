"""`MLP`: layers of neurons, each fed by the one before (a multilayer perceptron)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from tinygrad_edu.context import library_scope, scope
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.nn import init
from tinygrad_edu.nn.data_in import as_array, as_row, check_count, join
from tinygrad_edu.nn.layers import Activation, Form, Layer, Seed, activation_name
from tinygrad_edu.nn.module import Module


class MLP(Module):
    """A network of fully connected layers: ``hidden`` sizes with ``activation``, then the outputs.

    The outputs are weighted sums (scores, or the number to predict) unless ``output_activation``
    is given. ``form`` is that of the layers, see `Layer`; the same seed gives both forms the same
    weights. Takes one sample (inputs,) or a batch (n, inputs) and returns (outputs,) or
    (n, outputs). ``name`` puts all layers into a scope of that name.

    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986).

    >>> model = MLP(2, [4, 4], 1, form="scalar", seed=3)
    >>> model
    MLP(2 -> 4 tanh -> 4 tanh -> 1, scalar, 37 parameters)
    >>> model([0.5, -1.0]).shape
    (1,)
    >>> [path for path, parameter in model.named_parameters()][-2:]
    ['layers.2.neurons.0.weights.3', 'layers.2.neurons.0.bias']
    """

    def __init__(
        self,
        inputs: int,
        hidden: int | Sequence[int],
        outputs: int,
        activation: Activation = "tanh",
        output_activation: Activation = None,
        form: Form = "tensor",
        *,
        bias: bool = True,
        initializer: str | init.Initializer | None = None,
        seed: Seed = 0,
        name: str | None = None,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        if isinstance(hidden, str) or not isinstance(hidden, (int, np.integer, Iterable)):
            raise ShapeError(f"hidden sizes are whole numbers, not {hidden!r}", hint="[16, 16]")
        widths = [hidden] if isinstance(hidden, (int, np.integer)) else list(hidden)
        widths = [check_count(n, "the size of a hidden layer") for n in widths]
        sizes = [inputs, *widths, outputs]
        generator, last = np.random.default_rng(seed), len(widths)
        self.name, self.form = name, form
        with scope(name, "model") if name else nullcontext():
            self.layers = [
                Layer(
                    sizes[i], sizes[i + 1],
                    output_activation if i == last else activation, form, bias,
                    initializer=initializer, seed=generator,
                    name="output" if i == last else f"hidden{i + 1}",
                    input_names=input_names if i == 0 else None,
                    output_names=output_names if i == last else None,
                )
                for i in range(last + 1)
            ]  # fmt: skip

    @property
    def inputs(self) -> int:
        """How many numbers a sample has."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """How many numbers come out."""
        return self.layers[-1].outputs

    def forward(self, x: Any) -> Value:
        """Shape (outputs,) for one sample, (n, outputs) for a batch."""
        first = self.layers[0]
        if self.form == "tensor":
            v = as_array(x, first.inputs)
            with library_scope(self.name, "model") if self.name else nullcontext():
                for layer in self.layers:
                    v = layer.fire(v)
            return v
        row = as_row(x, first.inputs, first.input_names)
        with library_scope(self.name, "model") if self.name else nullcontext():
            for layer in self.layers:
                row = layer.fire_row(row)
        return join(row)

    def __repr__(self) -> str:
        parts = [str(self.inputs)]
        for layer in self.layers:
            what = activation_name(layer.activation)
            parts.append(f"{layer.outputs} {what}" if what else str(layer.outputs))
        count = sum(p.size for p in self.parameters())
        return f"MLP({' -> '.join(parts)}, {self.form}, {count:,} parameters)"
