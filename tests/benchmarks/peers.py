"""The same workloads in micrograd, PyTorch and NumPy by hand; what is not installed is left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.benchmarks.cells import Cell
from tests.benchmarks.workloads import (
    NEURON_B,
    NEURON_W,
    NEURON_X,
    PENALTY,
    RATE,
    SIZES,
    Answer,
    moons,
    neuron_answer,
    parameters,
    relu_answer,
    tanh_answer,
)


def micrograd_step() -> list[Cell]:
    """W1 as micrograd's own demo does it."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    x, y = moons()
    start, rows, signs = parameters(), x.tolist(), y.tolist()

    def cell(name: str, collector: bool) -> Cell:
        model = MLP(SIZES[0], SIZES[1:])
        for layer, w, b in zip(model.layers, start[0::2], start[1::2], strict=True):
            for j, neuron in enumerate(layer.neurons):
                for i, weight in enumerate(neuron.w):
                    weight.data = float(w[i, j])
                neuron.b.data = float(b[j])

        def loss() -> Any:
            inputs = [list(map(Value, row)) for row in rows]
            scores = list(map(model, inputs))
            losses = [(1 + -t * s).relu() for t, s in zip(signs, scores, strict=True)]
            penalty = PENALTY * sum(p * p for p in model.parameters())
            total = sum(losses) * (1.0 / len(losses)) + penalty
            model.zero_grad()
            total.backward()
            return total

        def answer() -> Answer:
            total, gradients = loss(), []
            for layer in model.layers:
                gradients.append(np.array([[w.grad for w in n.w] for n in layer.neurons]).T)
                gradients.append(np.array([n.b.grad for n in layer.neurons]))
            return total.data, gradients

        def step() -> None:
            loss()
            for p in model.parameters():
                p.data -= RATE * p.grad

        return Cell(name, answer, step, collector)

    return [cell("micrograd", True), cell("micrograd, collector off", False)]


def micrograd_neuron() -> list[Cell]:
    """W1b; micrograd has no tanh, so it is given one as its lecture does."""
    from micrograd.engine import Value

    def tanh(v: Any) -> Any:
        t = math.tanh(v.data)
        out = Value(t, (v,), "tanh")

        def back() -> None:
            v.grad += (1 - t * t) * out.grad

        out._backward = back
        return out

    def run() -> Any:
        x, w, b = [Value(v) for v in NEURON_X], [Value(v) for v in NEURON_W], Value(NEURON_B)
        o = tanh(x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + b)
        o.backward()
        return o, w, x, b

    def answer() -> Answer:
        o, w, x, b = run()
        return o.data, [*(np.array([v.grad for v in vs]) for vs in (w, x)), np.array(b.grad)]

    return [Cell("micrograd with a tanh", answer, run)]


def python_neuron() -> list[Cell]:
    """W1b derived by hand, in plain Python floats."""
    (x0, x1, x2), (w0, w1, w2), b = NEURON_X, NEURON_W, NEURON_B

    def run() -> Any:
        o = math.tanh(x0 * w0 + x1 * w1 + x2 * w2 + b)
        d = 1 - o * o
        return o, (d * x0, d * x1, d * x2), (d * w0, d * w1, d * w2), d

    def answer() -> Answer:
        o, w, x, d = run()
        return o, [np.array(w), np.array(x), np.array(d)]

    return [Cell("derived by hand, Python", answer, run)]


def torch_neuron() -> list[Cell]:
    """W1b with 0-d tensors, leaves made each time."""
    import torch

    torch.set_num_threads(1)

    def leaf(v: float) -> Any:
        return torch.tensor(v, dtype=torch.float64, requires_grad=True)

    def run() -> Any:
        x, w, b = [leaf(v) for v in NEURON_X], [leaf(v) for v in NEURON_W], leaf(NEURON_B)
        o = torch.tanh(x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + b)
        o.backward()
        return o, w, x, b

    def answer() -> Answer:
        o, w, x, b = run()
        gradients = [np.array([float(v.grad) for v in vs]) for vs in (w, x)]
        return float(o.detach()), [*gradients, np.array(float(b.grad))]

    assert neuron_answer()
    return [Cell("PyTorch", answer, run)]


def _torch(activation: str) -> list[Cell]:
    """The tensor network with the update by hand, the cheapest usual way."""
    import torch

    torch.set_num_threads(1)
    x, y = (torch.from_numpy(a) for a in (lambda a, b: (a, b[:, None].copy()))(*moons()))
    p = [torch.from_numpy(a).requires_grad_() for a in parameters()]
    function = getattr(torch, activation)

    def backward() -> Any:
        h = x
        for i in range(0, len(p), 2):
            h = torch.addmm(p[i + 1], h, p[i])
            h = function(h) if i + 2 < len(p) else h
        if activation == "tanh":
            loss = torch.nn.functional.mse_loss(h, y)
        else:
            penalty = sum((w * w).sum() for w in p)
            loss = torch.relu(1 - y * h).mean() + PENALTY * penalty
        loss.backward()
        return loss

    def forget() -> None:
        for w in p:
            w.grad = None

    def answer() -> Answer:
        loss = backward()
        gradients = [w.grad.numpy() for w in p]
        forget()
        return float(loss.detach()), gradients

    def step() -> None:
        backward()
        with torch.no_grad():
            for w in p:
                w -= RATE * w.grad
        forget()

    return [Cell("PyTorch", answer, step)]


def torch_tanh() -> list[Cell]:
    """W2 tanh."""
    return _torch("tanh")


def torch_relu() -> list[Cell]:
    """W2 relu."""
    return _torch("relu")


def _numpy(function: Any) -> list[Cell]:
    x, y = moons()
    column, p = y[:, None], parameters()

    def step() -> None:
        _, gradients = function(x, column, p)
        for w, g in zip(p, gradients, strict=True):
            w -= RATE * g

    return [Cell("derived by hand, NumPy", lambda: function(x, column, p), step)]


def numpy_tanh() -> list[Cell]:
    """W2 tanh, derived by hand."""
    return _numpy(tanh_answer)


def numpy_relu() -> list[Cell]:
    """W2 relu, derived by hand."""
    return _numpy(relu_answer)
