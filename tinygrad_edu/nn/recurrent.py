"""Recurrent networks: RNN, GRU and LSTM, which read a sequence step by step and remember."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from tinygrad_edu.context import library_scope
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.networks.attention import dropout as drop
from tinygrad_edu.nn.box import Box, Seed, as_input, bias, chance, uniform, whole
from tinygrad_edu.nn.module import Parameter
from tinygrad_edu.ops.arrays import concatenate, stack, transpose
from tinygrad_edu.ops.elementwise import relu, sigmoid, tanh
from tinygrad_edu.wording import describe

State = tuple[Value, ...]
"""What is carried from step to step: (hidden,), or (hidden, cell)."""


class _Recurrent(Box):
    """Layers of one cell, each reading the sequence that the one below returned.

    The weights have PyTorch's names, ``weight_ih_l0`` and so on, and its layout: the rows of all
    gates one below the other, (gates · hidden_size, inputs).
    """

    gates: ClassVar[int]
    carried: ClassVar[tuple[str, ...]] = ("h0",)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
        *, seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        self.input_size = whole(input_size, "input_size")
        self.hidden_size = whole(hidden_size, "hidden_size")
        self.num_layers = whole(num_layers, "num_layers")
        self.batch_first, self.bidirectional = bool(batch_first), bool(bidirectional)
        self.dropout = chance(dropout, "dropout")
        self.generator = np.random.default_rng(seed)
        self.has_bias = bool(bias)
        self.ways = ("", "_reverse") if bidirectional else ("",)
        self.sizes = (self.input_size, self.hidden_size * len(self.ways))
        self.weights: dict[str, Value] = {}
        with self.begin(name):
            for layer in range(self.num_layers):
                for way in self.ways:
                    self._make(f"l{layer}{way}", self.input_size if layer == 0 else self.sizes[1])

    def _make(self, which: str, inputs: int) -> None:
        """The parameters of one layer in one direction, uniform in ±1 / √hidden_size."""
        n, limit = self.hidden_size, 1.0 / math.sqrt(self.hidden_size)
        rows = self.gates * n
        for kind, shape in (("ih", (rows, inputs)), ("hh", (rows, n))):
            name = f"weight_{kind}_{which}"
            self.weights[name] = Parameter(uniform(limit, shape, self.generator), name)
        for kind in ("ih", "hh") if self.has_bias else ():
            name = f"bias_{kind}_{which}"
            self.weights[name] = bias(uniform(limit, (rows,), self.generator), name)

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        yield from self.weights.items()
        yield from ((name, x) for name, x in super()._attributes() if name != "weights")

    def __getattr__(self, name: str) -> Any:
        weights = self.__dict__.get("weights", {})
        if name in weights:
            return weights[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def step(self, given: Value, past: Value, state: State) -> State:
        """One step of the cell: ``given`` is W_ih · x + b_ih, ``past`` is W_hh · h + b_hh."""
        raise NotImplementedError

    def forward(self, x: Any, hx: Any = None) -> tuple[Value, Any]:
        """The outputs of the last layer at every step, and the state of each layer at the end."""
        x = as_input(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or 0 in x.shape[:-1]:
            order = "batch, length" if self.batch_first else "length, batch"
            hint = f"input is ({order}, {self.input_size}), or (length, {self.input_size})"
            reason = f"an input of shape {x.shape} for {self.input_size} features"
            raise self.refuse(reason, hint, input=x)
        batched, time_second = x.ndim == 3, x.ndim == 3 and self.batch_first
        seq = transpose(x, axes=(1, 0, 2)) if time_second else x
        first = self._start(hx, x, seq.shape[1:-1])
        ends: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                seq = drop(seq, self.dropout, self.training, self.generator)
            outs = []
            for number, way in enumerate(self.ways):
                at = layer * len(self.ways) + number
                out, end = self._read(seq, f"l{layer}{way}", tuple(s[at] for s in first))
                outs.append(out)
                ends.append(end)
            seq = outs[0] if len(outs) == 1 else concatenate(outs, axis=-1)
        last = tuple(stack([end[i] for end in ends]) for i in range(len(self.carried)))
        assert batched or seq.ndim == 2
        out = transpose(seq, axes=(1, 0, 2)) if time_second else seq
        return out, last[0] if len(last) == 1 else last

    def _start(self, hx: Any, x: Value, batch: tuple[int, ...]) -> State:
        """The state before the first step: what was given, or zeros."""
        shape = (self.num_layers * len(self.ways), *batch, self.hidden_size)
        if hx is None:
            return tuple(
                Value(np.zeros(shape, x.dtype), n, "constant", False) for n in self.carried
            )
        several = len(self.carried) > 1
        if several and not (isinstance(hx, (tuple, list)) and len(hx) == len(self.carried)):
            raise DTypeError(
                f"{type(self).__name__} starts from a pair (h0, c0), not from {describe(hx)}",
                hint=f"out, (h, c) = {self.name}(x, (h0, c0))",
            )
        given = tuple(map(as_input, hx if several else [hx], self.carried))
        for name, value in zip(self.carried, given, strict=True):
            if value.shape != shape:
                what = "layers · directions, batch, hidden_size"
                hint = f"{name} is {shape}: ({what if batch else what.replace(' batch,', '')})"
                raise self.refuse(f"{name} of shape {value.shape}", hint, input=x)
        return given

    def _read(self, seq: Value, which: str, state: State) -> tuple[Value, State]:
        """One layer in one direction over the whole sequence."""
        w = self.weights
        across, back = (transpose(w[f"weight_{kind}_{which}"]) for kind in ("ih", "hh"))
        added, again = (w.get(f"bias_{kind}_{which}") for kind in ("ih", "hh"))
        given = (
            seq @ across
        )  # for all steps at once; only the way through the state is step by step
        given = given if added is None else given + added
        steps = range(seq.shape[0])
        outs = []
        for t in reversed(steps) if which.endswith("_reverse") else steps:
            with library_scope(f"step {t + 1}", "group"):
                past = state[0] @ back
                state = self.step(given[t], past if again is None else past + again, state)
            outs.append(state[0])
        return stack(outs[::-1] if which.endswith("_reverse") else outs), state

    def _parts(self, x: Value) -> list[Value]:
        """The gates, which stand side by side in the last axis."""
        n = self.hidden_size
        return [x[..., i * n : (i + 1) * n] for i in range(self.gates)]

    def __repr__(self) -> str:
        more = f", {self.num_layers} layers" if self.num_layers > 1 else ""
        more += ", batch first" if self.batch_first else ""
        more += ", both ways" if self.bidirectional else ""
        return f"{type(self).__name__}({self.input_size} -> {self.hidden_size}{more})"


class RNN(_Recurrent):
    """A layer that reads a sequence: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`` at every step.

    Input (length, batch, input_size), or (batch, length, input_size) with ``batch_first``, or
    (length, input_size) without a batch. Returns the outputs (…, hidden_size) of all steps and the
    last state of each layer, (num_layers, batch, hidden_size); the second argument is the first
    state, by default 0. ``nonlinearity`` is "tanh" or "relu", ``num_layers`` puts layers on each
    other with ``dropout`` between them, ``bidirectional`` reads from both ends.

    Elman, "Finding structure in time" (1990). Its gradients shrink or grow with every step:
    Bengio, Simard and Frasconi (1994); `LSTM` and `GRU` are the cures. Raises `ShapeError`.

    >>> out, h = RNN(3, 5)(np.zeros((7, 2, 3)))
    >>> out.shape, h.shape
    ((7, 2, 5), (1, 2, 5))
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: float = 0.0,
        bidirectional: bool = False, *, seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise DTypeError(f"RNN: nonlinearity={nonlinearity!r}", hint='"tanh" or "relu"')
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            seed=seed, name=name,
        )  # fmt: skip

    def step(self, given: Value, past: Value, state: State) -> State:
        """The new state from the weighted sums."""
        return ((tanh if self.nonlinearity == "tanh" else relu)(given + past),)


class GRU(_Recurrent):
    """A recurrent layer with two gates, which say how much of the old state stays.

    r = σ(W_ir x + b_ir + W_hr h + b_hr), z likewise, n = tanh(W_in x + b_in + r · (W_hn h + b_hn)),
    h' = (1 − z) · n + z · h. Arguments, shapes and results are those of `RNN`.

    Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical machine
    translation" (2014), where r multiplies h before W_hn; after it, as here, is PyTorch's form,
    and lets one product with h serve all three. Raises `ShapeError`.

    >>> out, h = GRU(3, 5, batch_first=True)(np.zeros((2, 7, 3)))
    >>> out.shape, h.shape
    ((2, 7, 5), (1, 2, 5))
    """

    gates = 3

    def step(self, given: Value, past: Value, state: State) -> State:
        """The new state from the weighted sums and the old one."""
        (r, z, n), (r_past, z_past, n_past) = self._parts(given), self._parts(past)
        update = sigmoid(z + z_past)
        new = tanh(n + sigmoid(r + r_past) * n_past)
        return ((1.0 - update) * new + update * state[0],)


class LSTM(_Recurrent):
    """A recurrent layer with a memory: a cell that gates write to, keep and read.

    i, f, o = σ(…), g = tanh(…), each of W_i· x + b_i· + W_h· h + b_h·; the cell c' = f · c + i · g
    is changed by adding, so that gradients last over many steps; the output is h' = o · tanh(c').
    Arguments and shapes are those of `RNN`, the state is a pair: ``out, (h, c) = lstm(x, (h, c))``.

    Hochreiter and Schmidhuber, "Long short-term memory" (1997); the forget gate f is from Gers,
    Schmidhuber and Cummins, "Learning to forget" (2000). Raises `ShapeError`.

    >>> lstm = LSTM(3, 5, num_layers=2)
    >>> out, (h, c) = lstm(np.zeros((7, 2, 3)))
    >>> out.shape, h.shape, c.shape
    ((7, 2, 5), (2, 2, 5), (2, 2, 5))
    >>> lstm.weight_ih_l0.shape
    (20, 3)
    """

    gates, carried = 4, ("h0", "c0")

    def step(self, given: Value, past: Value, state: State) -> State:
        """The new output and cell from the weighted sums and the old cell."""
        i, f, g, o = self._parts(given + past)
        cell = sigmoid(f) * state[1] + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(cell), cell
