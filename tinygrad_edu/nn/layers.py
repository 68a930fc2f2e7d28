"""`Neuron`, `Layer`, `Linear`: weighted sum, bias, activation, one unit or many.

A layer has two forms with one interface. In the scalar form every weight is a `Value` of its own
and every neuron a part of the picture; in the tensor form a layer is ``x @ W + b``. The same seed
gives both the same weights, so they compute the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np

from tinygrad_edu.context import library_scope, scope
from tinygrad_edu.engine import OPS, Op, Value, record
from tinygrad_edu.errors import DTypeError, ShapeError, TinygradError
from tinygrad_edu.families import load, registry
from tinygrad_edu.nn import init
from tinygrad_edu.nn.data_in import Row, as_array, as_row, check_count, check_names, join
from tinygrad_edu.nn.module import Array, LayerInfo, Module, Parameter, rename
from tinygrad_edu.ops.elementwise import add, add_n, multiply
from tinygrad_edu.ops.products import matmul

Activation = str | Callable[[Any], Any] | None
Seed = int | np.random.Generator | None
Form = Literal["scalar", "tensor"]


def find_activation(activation: Activation) -> Callable[[Any], Any] | None:
    """The function an activation's name stands for; a function or None is given back.

    >>> find_activation("relu").formula
    'max(x, 0)'
    """
    if activation is None or (callable(activation) and not isinstance(activation, str)):
        return activation
    load(str(activation))
    known = sorted(name for name, op in OPS.items() if op.kind == "activation")
    if activation in known:
        return OPS[activation]
    known = sorted(name for name, op in registry().items() if op.kind == "activation")
    near = difflib.get_close_matches(str(activation), known, n=1)
    raise TinygradError(
        f"no activation {activation!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        hint=f"one of {', '.join(known)}; a function of one Value; or None for the weighted sum",
    )


def activation_name(activation: Callable[[Any], Any] | None) -> str | None:
    """What an activation is called in pictures and tables."""
    return None if activation is None else getattr(activation, "__name__", repr(activation))


def _acts_on_rows(activation: Any) -> bool:
    """Whether an activation looks at all neurons of a layer at once, as softmax does."""
    return isinstance(activation, Op) and activation.rules is None


def _has_bias(bias: Any) -> bool:
    return not (isinstance(bias, (bool, np.bool_)) and not bias)


class Neuron(Module):
    """One artificial neuron, ``activation(w1·x1 + w2·x2 + … + b)``, each weight a Value of its own.

    ``weights`` and ``bias`` may give the numbers to start from; otherwise weights are drawn by
    ``seed`` and the bias starts at 0. ``bias=False`` leaves it out. Called with one sample of
    ``inputs`` numbers or Values it returns a scalar Value, with a batch (n, inputs) one of shape
    (n,).

    >>> neuron = Neuron(2, weights=[0.32, 0.63], bias=0.44)
    >>> neuron
    Neuron(2 inputs, tanh)
    >>> neuron([0.8, -1.2])
    Value(-0.05993, activation, grad: not computed)
    >>> [path for path, parameter in neuron.named_parameters()]
    ['weights.0', 'weights.1', 'bias']
    """

    def __init__(
        self,
        inputs: int,
        activation: Activation = "tanh",
        bias: bool | float = True,
        *,
        weights: Sequence[float] | None = None,
        initializer: str | init.Initializer | None = None,
        seed: Seed = 0,
        name: str = "neuron",
        input_names: Sequence[str] | None = None,
    ) -> None:
        self.inputs = check_count(inputs, "the number of inputs")
        self.activation = find_activation(activation)
        self.name = name
        self.input_names = check_names(input_names, self.inputs, "input")
        if _acts_on_rows(self.activation):
            raise ShapeError(
                f"{activation_name(self.activation)} compares the neurons of a layer, and a single "
                "neuron has none to compare with",
                hint='activation="sigmoid", or nn.Layer(inputs, outputs, activation="softmax")',
            )
        if weights is None:
            which = activation_name(self.activation)
            weights = init.draw((self.inputs, 1), seed, initializer, which)[:, 0].tolist()
        if len(weights) != self.inputs:
            raise ShapeError(f"{len(weights)} weights for {self.inputs} inputs", hint="one each")
        with scope(name, "neuron"):
            self.weights = [Parameter(w, f"w{i + 1}") for i, w in enumerate(weights)]
            start = 0.0 if isinstance(bias, (bool, np.bool_)) else bias
            self.bias = Parameter(start, "b", "bias") if _has_bias(bias) else None

    def forward(self, x: Any) -> Value:
        """A scalar Value for one sample, shape (n,) for a batch."""
        return self.fire(as_row(x, self.inputs, self.input_names))  # type: ignore[no-any-return]

    def fire(self, row: Row) -> Any:
        """The output for a row, in this neuron's scope: a multiplication per input, one sum."""
        with library_scope(self.name, "neuron"):
            terms = [record(multiply, pair) for pair in zip(self.weights, row, strict=True)]
            terms += [] if self.bias is None else [self.bias]
            z = record(add_n, tuple(terms)) if len(terms) > 1 else terms[0]
            return z if self.activation is None else self.activation(z)

    def structure(self) -> list[LayerInfo]:
        """This neuron as a layer of one."""
        return [_layer_info(self, "neuron", 1, [self], self.input_names, ())]

    def __repr__(self) -> str:
        what = activation_name(self.activation) or "linear"
        without = "" if self.bias is not None else ", no bias"
        return f"Neuron({self.inputs} input{'s' * (self.inputs != 1)}, {what}{without})"


class Layer(Module):
    """Neurons side by side on the same inputs: ``activation(x @ W + b)``, W (inputs, outputs).

    ``form="tensor"`` holds W and b as arrays (``layer.weight``, ``layer.bias``); ``form="scalar"``
    holds neurons (``layer.neurons``). Both take one sample or a batch (n, inputs), numbers or
    Values, and return a Value of shape (outputs,) or (n, outputs).

    >>> layer = Layer(2, 3, activation="relu", seed=1)
    >>> layer
    Layer(2 -> 3 relu, tensor)
    >>> twin = Layer(2, 3, activation="relu", seed=1, form="scalar")
    >>> bool(np.allclose(layer([0.5, -1.0]).data, twin([0.5, -1.0]).data, atol=1e-15))
    True
    """

    transposed = ("weight",)

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: Activation = "tanh",
        form: Form = "tensor",
        bias: bool = True,
        *,
        initializer: str | init.Initializer | None = None,
        seed: Seed = 0,
        name: str = "layer",
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        if form not in ("scalar", "tensor"):
            raise TinygradError(f"no form {form!r}", hint='form="scalar" or form="tensor"')
        self.inputs = check_count(inputs, "the number of inputs")
        self.outputs = check_count(outputs, "the number of outputs")
        self.activation = find_activation(activation)
        self.form, self.name = form, name
        self.input_names = check_names(input_names, self.inputs, "input")
        self.output_names = check_names(output_names, self.outputs, "output")
        which = activation_name(self.activation)
        start = init.draw((self.inputs, self.outputs), seed, initializer, which)
        self.neurons: list[Neuron] = []
        self.weight: Value | None = None
        self.bias: Value | None = None
        with scope(name, "layer"):
            if form == "scalar":
                self.neurons = self._make_neurons(start, bias)
                return
            self.weight = Parameter(start, "W")
            if _has_bias(bias):
                self.bias = Parameter(np.zeros(self.outputs, start.dtype), "b", "bias")

    def _make_neurons(self, start: Array, bias: bool) -> list[Neuron]:
        own = None if _acts_on_rows(self.activation) else self.activation
        return [
            Neuron(self.inputs, own, bias, weights=column.tolist(), name=f"neuron {i + 1}")
            for i, column in enumerate(start.T)
        ]

    def called(self, name: str) -> Self:
        """Take the name of the attribute that holds the layer, where it has none of its own."""
        if self.name == "layer":
            rename(self.parameters(), self.name, name)
            self.name = name
        return self

    @property
    def has_bias(self) -> bool:
        """Whether there is a bias per neuron."""
        return self.bias is not None or any(n.bias is not None for n in self.neurons)

    def forward(self, x: Any) -> Value:
        """Shape (outputs,) for one sample, (n, outputs) for a batch."""
        if self.form == "tensor":
            return self.fire(as_array(x, self.inputs))
        return join(self.fire_row(as_row(x, self.inputs, self.input_names)))

    def fire(self, x: Value) -> Value:
        """The tensor form on an array Value."""
        with library_scope(self.name, "layer"):
            z = record(matmul, (x, self.weight))
            z = z if self.bias is None else record(add, (z, self.bias))
            y: Value = z if self.activation is None else self.activation(z)
        return y

    def fire_row(self, row: Row) -> Row:
        """The scalar form: an output per neuron, each a scalar or a column like the inputs."""
        with library_scope(self.name, "layer"):
            outputs = [neuron.fire(row) for neuron in self.neurons]
            if _acts_on_rows(self.activation):
                assert self.activation is not None
                across = self.activation(join(outputs))
                return [across[..., i] for i in range(self.outputs)]
        return outputs

    def structure(self) -> list[LayerInfo]:
        """This layer as plain numbers."""
        names = self.input_names, self.output_names
        if self.form == "scalar":
            return [_layer_info(self, "layer", self.outputs, self.neurons, *names)]
        assert self.weight is not None
        weight, bias = self.weight, self.bias
        return [
            LayerInfo(
                self.name, "layer", self.form, self.inputs, self.outputs,
                activation_name(self.activation), weight._data,
                None if bias is None else bias._data, _plain(weight.grad),
                None if bias is None else _plain(bias.grad), *names,
            )
        ]  # fmt: skip

    def __repr__(self) -> str:
        what = activation_name(self.activation)
        name = type(self).__name__
        tail = f" {what}" if what else ""
        without = "" if self.has_bias else ", no bias"
        return f"{name}({self.inputs} -> {self.outputs}{tail}, {self.form}{without})"


class Linear(Layer):
    """The weighted sums of a layer, ``x @ W + b``, without an activation.

    >>> Linear(3, 2)
    Linear(3 -> 2, tensor)
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True, **options: Any) -> None:
        if "activation" in options:
            raise DTypeError(
                "nn.Linear has no activation", hint="nn.Layer(inputs, outputs, activation=…)"
            )
        super().__init__(inputs, outputs, activation=None, bias=bias, **options)


def _plain(grad: Any) -> Any:
    return grad._data if isinstance(grad, Value) else grad


def _column(values: Sequence[Value], gradients: bool = False) -> Array | None:
    data = [_plain(v.grad) if gradients else v._data for v in values]
    return None if any(x is None for x in data) else np.array(data, dtype=np.float64)


def _layer_info(
    module: Any, kind: str, outputs: int, neurons: Sequence[Neuron],
    input_names: tuple[str, ...], output_names: tuple[str, ...],
) -> LayerInfo:  # fmt: skip
    flat = [w for neuron in neurons for w in neuron.weights]
    biases = [n.bias for n in neurons if n.bias is not None]
    weight, slope = _column(flat), _column(flat, gradients=True)
    assert weight is not None
    shape = (outputs, module.inputs)
    return LayerInfo(
        module.name, kind, "scalar", module.inputs, outputs, activation_name(module.activation),
        weight.reshape(shape).T, _column(biases) if biases else None,
        None if slope is None else slope.reshape(shape).T,
        _column(biases, gradients=True) if biases else None, input_names, output_names,
    )  # fmt: skip
