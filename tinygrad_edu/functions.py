"""What is composed of operations: the neuron, and the losses. Each draws as one box."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu.context import Role, library_scope
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.ops.activations import softplus
from tinygrad_edu.ops.arrays import stack
from tinygrad_edu.ops.elementwise import maximum, sigmoid, square, tanh
from tinygrad_edu.ops.reductions import log_softmax, mean, sum
from tinygrad_edu.tags import set_role

F = TypeVar("F", bound=Callable[..., Any])


def composite(name: str, role: Role | None = None) -> Callable[[F], F]:
    """Make a function of operations draw as one box and carry the caller's line.

    >>> @composite("double")
    ... def double(x):
    ...     return x + x
    >>> double(Value(2.0)).tag.scope.path
    ('double',)
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with library_scope(name, "function"):
                out = function(*args, **kwargs)
            if role is not None and isinstance(out, Value):
                set_role(out, role, out.tag.name or name)
            return out

        return wrapper  # type: ignore[return-value]

    return decorate


def linear(x: Any, W: Any, b: Any = None) -> Any:
    """The weighted sums of a whole layer, ``x @ W + b``: x (batch, inputs), W (inputs, outputs).

    >>> linear(np.array([[1.0, 2.0]]), np.eye(2), np.array([10.0, 20.0]))
    array([[11., 22.]])
    """
    z = x @ W
    return z if b is None else z + b


@composite("glu")
def glu(x: Any, axis: int = -1) -> Any:
    """A gated linear unit: the first half along ``axis``, times the sigmoid of the second.

    The result is half as long. Dauphin, Fan, Auli and Grangier (2017). Raises `ShapeError` where
    there are no halves.

    >>> glu(np.array([3.0, -1.0, 0.0, 0.0])).tolist()
    [1.5, -0.5]
    """
    shape = np.shape(x)
    if not shape:
        raise ShapeError("glu of a scalar", hint="tg.glu(tg.stack([value, gate])) has an axis")
    if shape[axis] % 2:
        raise ShapeError(f"glu: axis {axis} of {shape} has no halves", hint="an even length")
    half = shape[axis] // 2
    every = [slice(None)] * (axis % len(shape))
    value, gate = x[(*every, slice(0, half))], x[(*every, slice(half, None))]
    return value * sigmoid(gate)


def neuron(
    inputs: Sequence[Any],
    weights: Sequence[Any],
    bias: Any = None,
    activation: Callable[[Any], Any] | None = tanh,
) -> Any:
    """One artificial neuron: ``activation(w₁·x₁ + w₂·x₂ + … + b)``.

    ``activation=None`` returns the weighted sum itself. Rosenblatt, "The perceptron" (1958).

    >>> neuron([1.0, 2.0], [0.5, -0.25], 0.0)
    0.0
    """
    if len(inputs) != len(weights):
        raise ShapeError(
            f"a neuron with {len(weights)} weights was given {len(inputs)} inputs",
            hint="one weight per input",
        )
    terms = [w * x for w, x in zip(weights, inputs, strict=True)]
    z = sum(terms if bias is None else [*terms, bias])
    return z if activation is None else activation(z)


def _paired(prediction: Any, target: Any, loss: str) -> tuple[Any, Any]:
    """Both as Values or arrays of one shape: broadcasting a target is nearly always a mistake."""
    pair = [stack(x) if isinstance(x, (list, tuple)) else x for x in (prediction, target)]
    have, want = (x.shape if isinstance(x, Value) else np.shape(x) for x in pair)
    if have != want:
        raise ShapeError(
            f"{loss}: prediction of shape {have}, target of shape {want}",
            hint="they must match; for one output per row, prediction[:, 0] or target[:, None]",
        )
    return pair[0], pair[1]


def _reduce(losses: Any, reduction: str) -> Any:
    if reduction not in ("mean", "sum", "none"):
        raise DTypeError(f"no reduction {reduction!r}", hint='"mean", "sum" or "none"')
    if reduction == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum(losses)


@composite("mse_loss", Role.LOSS)
def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean squared error, ``mean((prediction - target)²)``: for numbers to be met.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    2.0
    """
    prediction, target = _paired(prediction, target, "mse_loss")
    return _reduce(square(prediction - target), reduction)


@composite("hinge_loss", Role.LOSS)
def hinge_loss(score: Any, target: Any, reduction: str = "mean") -> Any:
    """``mean(max(0, 1 - target·score))`` for targets -1 and +1: the loss of a maximum margin.

    >>> hinge_loss(np.array([2.0, 0.5]), np.array([1.0, -1.0]))
    0.75
    """
    score, target = _paired(score, target, "hinge_loss")
    return _reduce(maximum(1.0 - target * score, 0.0), reduction)


@composite("binary_cross_entropy", Role.LOSS)
def binary_cross_entropy_with_logits(logits: Any, target: Any, reduction: str = "mean") -> Any:
    """The surprise at 0/1 targets when ``sigmoid(logits)`` are the probabilities of 1.

    From the scores themselves, so that no score overflows: softplus(z) - z·t.

    >>> binary_cross_entropy_with_logits(np.array([0.0, 1000.0]), np.array([1.0, 1.0]))
    0.34657359027997264
    """
    logits, target = _paired(logits, target, "binary_cross_entropy_with_logits")
    return _reduce(softplus(logits) - logits * target, reduction)


@composite("cross_entropy", Role.LOSS)
def cross_entropy(logits: Any, labels: Any, reduction: str = "mean") -> Any:
    """The surprise at the right class when ``softmax(logits)`` are the probabilities.

    ``logits`` has shape (classes,) or (batch, classes); ``labels`` are class numbers, or
    probabilities of the shape of ``logits``.

    >>> cross_entropy(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([0, 0]))
    0.34657359027997264
    """
    logits = stack(logits) if isinstance(logits, (list, tuple)) else logits
    labels = labels if isinstance(labels, Value) else np.asarray(labels)
    classes = np.shape(logits)[-1] if np.ndim(logits) else 0
    if classes == 0:
        raise ShapeError("cross_entropy needs a score per class", hint="logits: (batch, classes)")
    surprise = -log_softmax(logits, axis=-1)
    if np.shape(labels) == np.shape(logits):
        return _reduce(sum(surprise * labels, axis=-1), reduction)
    if np.shape(labels) != np.shape(logits)[:-1] or labels.dtype.kind not in "iu":
        raise ShapeError(
            f"cross_entropy: labels of shape {np.shape(labels)} and type {labels.dtype} for "
            f"logits of shape {np.shape(logits)}",
            hint="whole class numbers of shape (batch,), or probabilities shaped like the logits",
        )
    known = not isinstance(labels, Value) and labels.size
    if known and (labels.min() < 0 or labels.max() >= classes):
        raise DTypeError(
            f"cross_entropy: labels from {labels.min()} to {labels.max()} for {classes} classes",
            hint=f"number the classes 0 to {classes - 1}",
        )
    if not np.shape(labels):
        return _reduce(surprise[labels if isinstance(labels, Value) else int(labels)], reduction)
    return _reduce(surprise[np.arange(len(labels)), labels], reduction)
