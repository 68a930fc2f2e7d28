"""Nets with weights that are written down, for comparison with PyTorch now and as stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.nn.state import entries

SEQUENCE = np.cos(np.arange(2.0 * 5 * 4)).reshape(2, 5, 4)
IMAGES = np.cos(np.arange(3.0 * 2 * 6 * 6)).reshape(3, 2, 6, 6)
LINES = np.cos(np.arange(3.0 * 2 * 7)).reshape(3, 2, 7)
ROWS = np.cos(np.arange(6.0 * 3)).reshape(6, 3)
HIDDEN = np.array([[False, False, False, True, True], [False, False, False, False, True]])
FUTURE = ~np.tri(5, dtype=bool)
EACH = (np.sin(np.arange(100.0)).reshape(4, 5, 5) > 0.3) & ~np.eye(5, dtype=bool)
DISTANCE = -0.3 * np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))


class Case(NamedTuple):
    """A net made of one library's modules (ours or `torch.nn`), and what it is called with."""

    make: Callable[[Any], Any]
    x: Any
    call: Callable[[Any, Any, Callable[[Any], Any]], Any] = lambda net, x, array: net(x)
    training: bool = True


def _first(net: Any, x: Any, array: Any) -> Any:
    return net(x)[0]


def _end(net: Any, x: Any, array: Any) -> Any:
    """Output and the state at the end, from a state that is given."""
    start = array(0.5 * np.sin(np.arange(4.0 * 2 * 3)).reshape(4, 2, 3))
    pair = "LSTM" in type(net).__name__
    out, end = net(x, (start, -start) if pair else start)
    return out.reshape(-1)[:7] * (end[0] if pair else end).reshape(-1)[:7]


def _attend(net: Any, x: Any, array: Any) -> Any:
    out, weights = net(x, x, x, key_padding_mask=array(HIDDEN), attn_mask=array(FUTURE))
    return (out * out).sum() * weights


def _heads(net: Any, x: Any, array: Any) -> Any:
    keys = x[:, :3]
    out, weights = net(
        x, keys[:, :, :3], keys, attn_mask=array(DISTANCE[:, :3]), average_attn_weights=False
    )
    return (out * out).sum() * weights


def _block(m: Any) -> Any:
    return getattr(m, "TransformerBlock", None) or m.TransformerEncoderLayer


def _convolutional(m: Any) -> Any:
    return m.Sequential(
        m.Conv2d(2, 4, 3, padding=1, groups=2), m.BatchNorm2d(4), m.GELU(), m.MaxPool2d(2),
        m.Conv2d(4, 3, (2, 1), stride=(1, 2), bias=False), m.LeakyReLU(0.2), m.AvgPool2d((2, 1)),
        m.Flatten(), m.Linear(6, 2), m.LogSoftmax(dim=-1),
    )  # fmt: skip


def _norms(m: Any) -> Any:
    return m.Sequential(
        m.Linear(3, 4), m.BatchNorm1d(4, momentum=None), m.PReLU(4), m.LayerNorm(4), m.Tanh(),
        m.GroupNorm(2, 4), m.RMSNorm(4), m.BatchNorm1d(4, affine=False), m.Softplus(),
    )  # fmt: skip


def _lines(m: Any) -> Any:
    return m.Sequential(
        m.Conv1d(2, 3, 3, dilation=2), m.BatchNorm1d(3), m.ELU(0.7), m.MaxPool1d(2, 1),
    )  # fmt: skip


_TWO = {"num_layers": 2, "bidirectional": True}
_BLOCK = {"dim_feedforward": 6, "dropout": 0.0, "batch_first": True}
CASES: dict[str, Case] = {
    "rnn": Case(lambda m: m.RNN(4, 3, nonlinearity="relu"), SEQUENCE, _first),
    "rnn, two layers, both ways": Case(lambda m: m.RNN(4, 3, batch_first=True, **_TWO),
                                       SEQUENCE, _end),
    "gru": Case(lambda m: m.GRU(4, 3, bias=False), SEQUENCE, _first),
    "gru, two layers, both ways": Case(lambda m: m.GRU(4, 3, batch_first=True, **_TWO),
                                       SEQUENCE, _end),
    "lstm": Case(lambda m: m.LSTM(4, 3), SEQUENCE, _first),
    "lstm without a batch": Case(lambda m: m.LSTM(4, 3), SEQUENCE[0], _first),
    "lstm, two layers, both ways": Case(lambda m: m.LSTM(4, 3, batch_first=True, **_TWO),
                                        SEQUENCE, _end),
    "attention": Case(lambda m: m.MultiheadAttention(4, 2, batch_first=True), SEQUENCE, _attend),
    "attention, places first": Case(
        lambda m: m.MultiheadAttention(4, 2, bias=False), SEQUENCE,
        lambda net, x, array: net(x, x, x, need_weights=False)[0]),
    "attention, a mask for each head": Case(
        lambda m: m.MultiheadAttention(4, 2, batch_first=True), SEQUENCE,
        lambda net, x, array: net(x, x, x, attn_mask=array(EACH))[0]),
    "attention, other features": Case(
        lambda m: m.MultiheadAttention(4, 2, kdim=3, batch_first=True), SEQUENCE, _heads),
    "transformer block": Case(lambda m: _block(m)(4, 2, **_BLOCK), SEQUENCE),
    "transformer block, norm first": Case(
        lambda m: _block(m)(4, 2, norm_first=True, activation="gelu", bias=False, **_BLOCK),
        SEQUENCE, lambda net, x, array: net(x, array(FUTURE), array(HIDDEN))),
    "convolutional net": Case(_convolutional, IMAGES),
    "convolutional net in use": Case(_convolutional, IMAGES, training=False),
    "batch norm net": Case(_norms, ROWS),
    "batch norm net in use": Case(_norms, ROWS, training=False),
    "sequences": Case(_lines, LINES),
    "embedding": Case(lambda m: m.Sequential(m.Embedding(5, 3, padding_idx=1), m.Linear(3, 2)),
                      np.array([[0, 1, 4], [1, 0, 0]])),
}  # fmt: skip


def weights(net: nn.Module) -> dict[str, Any]:
    """A state for a net: numbers that can be written down again."""
    state = {}
    for i, (path, array) in enumerate(sorted(net.state_dict().items())):
        numbers = 0.6 * np.sin(1.3 * np.arange(array.size) + i).reshape(array.shape)
        positive = path.endswith("var") or "num_batches" in path
        state[path] = np.abs(numbers) + 0.1 if positive else numbers
        state[path] = np.zeros(()) if "num_batches" in path else state[path]
    return state


def ours(case: Case) -> dict[str, Any]:
    """What comes out, all gradients, and the running statistics afterwards, by name."""
    net = case.make(nn)
    net.load_state_dict(weights(net))
    net.train(case.training)
    x = tg.Value(case.x, "x") if case.x.dtype.kind == "f" else case.x
    out = case.call(net, x, lambda array: array)
    tg.sum(out * np.sin(np.arange(out.size)).reshape(out.shape)).backward()
    found = {"out": out.data}
    if isinstance(x, tg.Value):
        found["x"] = x.grad
    for value, places in entries(net).items():
        given = value.grad if value.requires_grad else value.data
        if given is not None:
            found[places[0].path] = np.asarray(places[0].turn(np.asarray(given)))
    return found


def sums(found: dict[str, Any]) -> list[float]:
    """Result, gradient of the input, and all the rest, each as a sum weighted unevenly."""

    def weighted(array: Any) -> float:
        array = np.asarray(array, dtype=float)
        return float(np.sum(np.sin(1.0 + np.arange(array.size)) * array.reshape(-1)))

    rest = [
        (1 + i % 3) * weighted(found[k]) for i, k in enumerate(sorted(set(found) - {"out", "x"}))
    ]
    return [weighted(found["out"]), weighted(found.get("x", 0.0)), float(np.sum(rest))]
