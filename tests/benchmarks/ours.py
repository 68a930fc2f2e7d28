"""The workloads in tinygrad_edu, written as a user writes them."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_edu as tg
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
    parameters,
)


def _network(activation: str, form: Any) -> tg.nn.MLP:
    model = tg.nn.MLP(SIZES[0], SIZES[1:-1], SIZES[-1], activation, form=form)
    start = parameters()
    for layer, w, b in zip(model.layers, start[0::2], start[1::2], strict=True):
        if form == "tensor":
            layer.weight.assign(w)  # type: ignore[union-attr]
            layer.bias.assign(b)  # type: ignore[union-attr]
            continue
        for j, neuron in enumerate(layer.neurons):
            for i, weight in enumerate(neuron.weights):
                weight.assign(w[i, j])
            assert neuron.bias is not None
            neuron.bias.assign(b[j])
    return model


def _trained(name: str, model: tg.nn.MLP, loss_of: Any, collector: bool = True) -> Cell:
    """A cell that trains ``model`` with the library's own optimizer."""
    optimizer = tg.optim.SGD(model.parameters(), lr=RATE)

    def step() -> None:
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward(keep_inner=False)
        optimizer.step()

    def answer() -> Answer:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward(keep_inner=False)
        gradients: list[Any] = []
        for info in model.structure():
            gradients += [info.weight_grad, info.bias_grad]
        optimizer.zero_grad()
        return float(loss), gradients

    return Cell(name, answer, step, collector)


def _compiled(name: str, model: tg.nn.MLP, loss_of: Any, *data: Any) -> Cell:
    """A cell that trains ``model`` by a compiled step; its arguments are the data."""
    optimizer = tg.optim.SGD(model.parameters(), lr=RATE)

    def gradients(*data: Any) -> Any:
        loss = loss_of(*data)
        optimizer.zero_grad()
        loss.backward()
        return loss

    def trained(*data: Any) -> Any:
        loss = gradients(*data)
        optimizer.step()
        return loss

    step, slope = tg.compile(trained), tg.compile(gradients)

    def answer() -> Answer:
        loss, found = slope(*data), []
        for info in model.structure():
            found += [info.weight_grad, info.bias_grad]
        return loss, found

    return Cell(name, answer, lambda: step(*data))


def scalar_step() -> list[Cell]:
    """W1, every weight a Value of its own: a graph per sample as micrograd records it, and the
    batch in one call, where each node of the same neurons holds the 100 samples."""
    x, y = moons()
    rows, signs = x.tolist(), y.tolist()

    def batched(model: tg.nn.MLP, weights: Any) -> Any:
        scores = model(x)[:, 0]
        penalty = tg.sum([w * w for w in weights])
        return tg.mean(tg.maximum(1.0 - y * scores, 0.0)) + PENALTY * penalty

    def one_by_one(model: tg.nn.MLP, weights: Any) -> Any:
        scores = [model(row)[0] for row in rows]
        losses = [tg.relu(1.0 - t * s) for t, s in zip(signs, scores, strict=True)]
        penalty = tg.sum([w * w for w in weights])
        return tg.sum(losses) * (1.0 / len(losses)) + PENALTY * penalty

    def scores(x: Any, y: Any) -> Any:
        penalty = tg.sum([w * w for w in weights])
        return tg.mean(tg.maximum(1.0 - y * model(x)[:, 0], 0.0)) + PENALTY * penalty

    cells = []
    for name, loss, collector in (
        ("tinygrad_edu, a graph per sample", one_by_one, True),
        ("tinygrad_edu, a graph per sample, collector off", one_by_one, False),
        ("tinygrad_edu, 100 samples in each node", batched, True),
    ):
        model = _network("relu", "scalar")
        weights = model.parameters()
        cells.append(_trained(name, model, lambda f=loss, m=model, w=weights: f(m, w), collector))
    model = _network("relu", "scalar")
    weights = model.parameters()
    cells.append(_compiled("compiled, 100 samples in each node", model, scores, x, y))
    return cells


def neuron() -> list[Cell]:
    """W1b: one neuron from operators, leaves made each time."""

    def run() -> Any:
        x = [tg.Value(v) for v in NEURON_X]
        w = [tg.Value(v) for v in NEURON_W]
        b = tg.Value(NEURON_B)
        o = tg.tanh(x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + b)
        o.backward()
        return o, w, x, b

    def answer() -> Answer:
        o, w, x, b = run()
        gradients = [np.array([v.grad for v in vs]) for vs in (w, x)]
        return o.data, [*gradients, np.array(b.grad)]

    def output(x0: Any, x1: Any, x2: Any, w0: Any, w1: Any, w2: Any, b: Any) -> Any:
        return tg.tanh(x0 * w0 + x1 * w1 + x2 * w2 + b)

    (x0, x1, x2), (w0, w1, w2), b = NEURON_X, NEURON_W, NEURON_B
    compiled = tg.compile(tg.value_and_grad(output, range(7)))

    def compiled_answer() -> Answer:
        o, g = compiled(x0, x1, x2, w0, w1, w2, b)
        return o, [np.array(g[3:6]), np.array(g[:3]), np.array(g[6])]

    return [
        Cell("tinygrad_edu", answer, run),
        Cell("compiled", compiled_answer, lambda: compiled(x0, x1, x2, w0, w1, w2, b)),
    ]


def _by_hand(activation: Any, loss_of: Any) -> Cell:
    """The tensor network without `nn` and without an optimizer."""
    x, y = moons()
    column = y[:, None]
    p = [tg.Value(a) for a in parameters()]

    def loss() -> Any:
        h: Any = x
        for i in range(0, len(p), 2):
            h = h @ p[i] + p[i + 1]
            h = activation(h) if i + 2 < len(p) else h
        return loss_of(h, column, p)

    def answer() -> Answer:
        value = loss()
        value.backward(keep_inner=False)
        gradients = [v.grad for v in p]
        for v in p:
            v.grad = None
        return float(value), gradients

    def step() -> None:
        loss().backward(keep_inner=False)
        for v in p:
            v.assign(v.data - RATE * v.grad)
            v.grad = None

    return Cell("tinygrad_edu, x @ W + b by hand", answer, step)


def _hinge(h: Any, y: Any, p: Any) -> Any:
    penalty = tg.sum(p[0] * p[0])
    for w in p[1:]:
        penalty = penalty + tg.sum(w * w)
    return tg.mean(tg.maximum(1.0 - y * h, 0.0)) + PENALTY * penalty


def tensor_tanh() -> list[Cell]:
    """W2 tanh: mean squared error."""
    x, y = moons()
    column, model = y[:, None], _network("tanh", "tensor")
    cell = _trained("tinygrad_edu", model, lambda: tg.mse_loss(model(x), column))
    twin = _network("tanh", "tensor")
    return [
        cell,
        _by_hand(tg.tanh, lambda h, y, p: tg.mse_loss(h, y)),
        _compiled("compiled", twin, lambda x, y: tg.mse_loss(twin(x), y), x, column),
    ]


def tensor_relu() -> list[Cell]:
    """W2 relu: hinge loss with an L2 penalty, the maths of W1 batched."""
    x, y = moons()
    column, model = y[:, None], _network("relu", "tensor")
    weights = model.parameters()
    cell = _trained("tinygrad_edu", model, lambda: _hinge(model(x), column, weights))
    twin = _network("relu", "tensor")
    own = twin.parameters()
    return [
        cell,
        _by_hand(tg.relu, _hinge),
        _compiled("compiled", twin, lambda x, y: _hinge(twin(x), y, own), x, column),
    ]
