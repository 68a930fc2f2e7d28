"""What is composed of operations: the neuron, and the losses. Each draws as one box."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu.context import MODE, Role, library_scope
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.ops.activations import softplus
from tinygrad_edu.ops.arrays import reshape, stack, transpose
from tinygrad_edu.ops.comparisons import equal, logical_and
from tinygrad_edu.ops.composed import array, axis_of, composed, mistake
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import divide, maximum, sigmoid, square, tanh, where
from tinygrad_edu.ops.reductions import log_softmax, mean, sum
from tinygrad_edu.tags import set_role

F = TypeVar("F", bound=Callable[..., Any])


def composite(
    name: str,
    role: Role | None = None,
    *,
    stable: str = "",
    conventions: Sequence[Convention] = (),
) -> Callable[[F], F]:
    """Make a function of operations draw as one box and carry the caller's line.

    ``stable`` and ``conventions`` stand on its card, as those of an operation do.

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

        facts = {"stable": stable, "conventions": tuple(conventions)}
        wrapper.facts = facts  # type: ignore[attr-defined]
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
@composed("x")
def glu(x: Any, axis: int = -1) -> Any:
    """A gated linear unit: the first half along ``axis``, times the sigmoid of the second.

    The result is half as long. Dauphin, Fan, Auli and Grangier (2017). Raises `ShapeError` where
    there are no halves.

    >>> glu(np.array([3.0, -1.0, 0.0, 0.0])).tolist()
    [1.5, -0.5]
    """
    x = array(x)
    shape = np.shape(x)
    if not shape:
        raise mistake("glu of a scalar", "tg.glu(tg.stack([value, gate])) has an axis")
    at = axis_of(len(shape), axis)
    if shape[at] % 2:
        raise mistake(f"axis {axis} of {shape} has no halves", "an even length")
    half, every = shape[at] // 2, (slice(None),) * at
    return x[(*every, slice(0, half))] * sigmoid(x[(*every, slice(half, None))])


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


def paired(input: Any, target: Any) -> tuple[Any, Any]:
    """Both as Values or arrays of one shape: broadcasting a target is nearly always a mistake."""
    pair = [stack(x) if isinstance(x, (list, tuple)) else x for x in (input, target)]
    have, want = (x.shape if isinstance(x, Value) else np.shape(x) for x in pair)
    if have != want:
        raise mistake(
            f"prediction of shape {have}, target of shape {want}",
            "they must match; for one output per row, prediction[:, 0] or target[:, None]",
        )
    return pair[0], pair[1]


def reduced(losses: Any, reduction: str, weights: Any = None) -> Any:
    """All losses, their sum, or their mean: over the weights where there are some."""
    if reduction not in ("mean", "sum", "none"):
        raise mistake(f"no reduction {reduction!r}", '"mean", "sum" or "none"', TypeError)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return sum(losses)
    return mean(losses) if weights is None else divide(sum(losses), sum(weights))


def numbers_of(x: Any) -> Any:
    """The numbers of an argument, to look whether they make sense; none while recording."""
    if not isinstance(x, Value):
        return np.asarray(x)
    return np.zeros(0) if MODE.get().recording is not None else np.asarray(x._data)


def shares(target: Any, what: str = "target") -> None:
    """Refuse probabilities outside of [0, 1], as classes called -1 and 1 would be."""
    t = numbers_of(target)
    if t.size and not (t.min() >= 0.0 and t.max() <= 1.0):
        raise mistake(
            f"{what} from {t.min():.6g} to {t.max():.6g}, not from 0 to 1",
            "a target is a probability, or a class called 0 or 1"
            if what == "target"
            else "apply tg.sigmoid first, or use binary_cross_entropy_with_logits",
            TypeError,
        )


@composite("mse_loss", Role.LOSS)
@composed("input", "target")
def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean squared error, ``mean((input - target)²)``: for numbers to be met.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    2.0
    """
    input, target = paired(input, target)
    return reduced(square(input - target), reduction)


@composite("hinge_loss", Role.LOSS)
@composed("input", "target")
def hinge_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """``mean(max(0, 1 - target·input))`` for targets -1 and +1: the loss of a maximum margin.

    >>> hinge_loss(np.array([2.0, 0.5]), np.array([1.0, -1.0]))
    0.75
    """
    input, target = paired(input, target)
    return reduced(maximum(1.0 - target * input, 0.0), reduction)


@composite("binary_cross_entropy", Role.LOSS,
    stable="softplus(z) − z·t from the score itself: exp is only taken of −|z|")  # fmt: skip
@composed("input", "target", "weight", "pos_weight")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """The surprise at 0/1 targets when ``sigmoid(input)`` are the probabilities of 1.

    From the scores themselves, so that no score overflows: softplus(z) - z·t. ``weight`` scales
    each loss, ``pos_weight`` the part of target 1, for classes of unequal size.

    >>> binary_cross_entropy_with_logits(np.array([0.0, 1000.0]), np.array([1.0, 1.0]))
    0.34657359027997264
    """
    input, target = paired(input, target)
    shares(target)
    if pos_weight is None:
        losses = softplus(input) - input * target
    else:
        losses = pos_weight * target * softplus(-input) + (1.0 - target) * softplus(input)
    return reduced(losses if weight is None else weight * losses, reduction)


@composite("cross_entropy", Role.LOSS,
    stable="from log_softmax of the scores: no logarithm of a share that became 0 is taken",
    conventions=(
    Convention("cross entropy when every label is ignored: the mean of nothing",
               "tg.cross_entropy(np.zeros((1, 2)), np.array([-100]))", "nan",
               "F.cross_entropy(torch.zeros(1, 2), t([-100])).item()", "nan"),
))  # fmt: skip
@composed("input", "target", "weight")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """The surprise at the right class when ``softmax(input)`` are the probabilities.

    ``input`` has shape (classes,) or (batch, classes, …); ``target`` are class numbers, or
    probabilities of the shape of ``input``. ``weight`` has a number per class, and the mean is
    the one over the weights; ``ignore_index`` marks labels that do not count; ``label_smoothing``
    takes a share off the label and spreads it over all classes (Szegedy et al., 2016).

    >>> cross_entropy(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([0, 0]))
    0.34657359027997264
    """
    input = stack(input) if isinstance(input, (list, tuple)) else input
    target = target if isinstance(target, Value) else np.asarray(target)
    axis = min(1, len(np.shape(input)) - 1)
    classes = np.shape(input)[axis] if axis >= 0 else 0
    if classes == 0:
        raise mistake("it needs a score per class", "logits: (batch, classes)")
    if not 0.0 <= label_smoothing <= 1.0:
        raise mistake(f"label_smoothing {label_smoothing}", "from 0 to 1", TypeError)
    surprise, smooth = -log_softmax(input, axis=axis), float(label_smoothing)
    weight = weight if weight is None else per_class(weight, classes)
    if np.shape(target) == np.shape(input):
        if smooth:
            target = target * (1.0 - smooth) + smooth / classes
        return reduced(_expected(surprise, target, weight, axis), reduction)
    losses, weights = labelled(surprise, target, weight, ignore_index)
    if smooth:
        every = sum(_weighed(surprise, weight, axis), axis=axis) * (smooth / classes)
        known = where(equal(target, ignore_index), 0.0, every)
        losses = losses * (1.0 - smooth) + known
    return reduced(losses, reduction, weights)


def per_class(weight: Any, classes: int) -> Any:
    """The weights of a loss, of which there must be one per class."""
    weight = weight if isinstance(weight, Value) else np.asarray(weight, dtype=float)
    if weight.shape != (classes,):
        raise mistake(
            f"weight of shape {weight.shape} for {classes} classes",
            f"one number per class: shape ({classes},)",
        )
    return weight


def _weighed(surprise: Any, weight: Any, axis: int) -> Any:
    if weight is None:
        return surprise
    rest = len(np.shape(surprise)) - axis - 1
    return surprise * (weight.reshape((-1,) + (1,) * rest) if rest else weight)


def _expected(surprise: Any, target: Any, weight: Any, axis: int) -> Any:
    """The mean surprise when the target holds: 0 where it excludes what is impossible anyway."""
    if MODE.get().recording is not None or np.isinf(numbers_of(surprise)).any():
        impossible = logical_and(equal(target, 0.0), equal(surprise, np.inf))
        surprise = where(impossible, 0.0, surprise)
    return sum(_weighed(surprise, weight, axis) * target, axis=axis)


def labelled(surprise: Any, labels: Any, weight: Any, ignore_index: int | None) -> tuple[Any, Any]:
    """The weighed surprise at each label, and the weights of the mean or None."""
    ignore_index = np.iinfo(np.int64).min if ignore_index is None else ignore_index
    classes, ignores = _checked_labels(surprise, labels, ignore_index)
    n = len(np.shape(surprise))
    if n > 2:
        surprise = transpose(surprise, (0, *range(2, n), 1))
    if isinstance(labels, Value):  # while recording: which class it is must not be frozen
        chosen = equal(labels[..., None], np.arange(classes))
        known = where(equal(labels, ignore_index), 0.0, 1.0)
        weights = known if weight is None else sum(where(chosen, weight, 0.0), axis=-1)
        return sum(where(chosen, _weighed(surprise, weight, n - 1), 0.0), axis=-1), weights
    ignored = labels == ignore_index if ignores else None
    index = labels if ignored is None else np.where(ignored, 0, labels)
    if n > 2:
        rows = reshape(surprise, (-1, classes))
        losses = reshape(rows[np.arange(index.size), index.reshape(-1)], index.shape)
    else:
        losses = surprise[int(index)] if n == 1 else surprise[np.arange(len(index)), index]
    weights = None if weight is None else weight[index if n > 1 else int(index)]
    losses = losses if weight is None else losses * weights
    if ignored is not None:
        losses = where(ignored, 0.0, losses)
        weights = where(ignored, 0.0, 1.0 if weights is None else weights)
    return losses, weights


def _checked_labels(scores: Any, labels: Any, ignore_index: int) -> tuple[int, bool]:
    """The number of classes, and whether a label is ignored; labels that are no class are refused.

    A look at the smallest and the largest label is enough nearly always.
    """
    shape = np.shape(scores)
    classes, rest = shape[min(1, len(shape) - 1)], (*shape[:1], *shape[2:])
    if np.shape(labels) != (rest if len(shape) > 1 else ()) or labels.dtype.kind not in "iu":
        raise mistake(
            f"labels of shape {np.shape(labels)} and type {labels.dtype} for "
            f"logits of shape {shape}",
            "whole class numbers of shape (batch,), or probabilities shaped like the logits",
        )
    if isinstance(labels, Value) or not labels.size:
        return int(classes), False
    if not 0 <= ignore_index < classes and labels.min() >= 0 and labels.max() < classes:
        return int(classes), False
    known = labels[labels != ignore_index]
    if known.size and (known.min() < 0 or known.max() >= classes):
        raise mistake(
            f"labels from {known.min()} to {known.max()} for {classes} classes",
            f"number the classes 0 to {classes - 1}",
            TypeError,
        )
    return int(classes), known.size < labels.size
