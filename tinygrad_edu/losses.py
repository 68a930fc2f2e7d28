"""Losses beyond the first four, with PyTorch's names and defaults. Each draws as one box.

``reduction`` is "mean", "sum" or "none". Prediction and target have one shape: a target that
would have to be broadcast is refused.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value
from tinygrad_edu.functions import (
    composite,
    labelled,
    numbers_of,
    paired,
    per_class,
    reduced,
    shares,
)
from tinygrad_edu.ops.arrays import broadcast_to, reshape
from tinygrad_edu.ops.comparisons import equal, greater, greater_equal, less, logical_and
from tinygrad_edu.ops.composed import composed, mistake
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import (
    absolute,
    exp,
    log,
    log1p,
    maximum,
    minimum,
    square,
    where,
)
from tinygrad_edu.ops.powers import xlogy
from tinygrad_edu.ops.reductions import sum
from tinygrad_edu.ops.spreads import norm

LOWEST = -100.0  # log(0) in `binary_cross_entropy`, as in PyTorch


def _positive(name: str, number: float, or_zero: bool = False) -> None:
    if not (number > 0.0 or (or_zero and number == 0.0)):
        raise mistake(f"{name} = {number}", f"{name} is a positive number", TypeError)


# Numbers to be met -------------------------------------------------------------------------------


@composite("l1_loss", Role.LOSS, conventions=(
    Convention("absolute error where there is none", "d(tg.l1_loss)(np.ones(1), np.ones(1)).item()",
               "0.0", "D(F.l1_loss)(torch.ones(1), torch.ones(1)).item()", "0.0"),
))  # fmt: skip
@composed("input", "target")
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean absolute error, ``mean(|input - target|)``: outliers pull no harder than others.

    >>> l1_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    1.0
    """
    input, target = paired(input, target)
    return reduced(absolute(input - target), reduction)


@composite(
    "smooth_l1_loss",
    Role.LOSS,
    stable="only errors below beta are squared, so that no square overflows",
)
@composed("input", "target")
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Half the squared error over ``beta`` where it is smaller than beta, else the absolute one.

    Girshick, "Fast R-CNN" (2015).

    >>> smooth_l1_loss(np.array([0.5, 3.0]), np.array([0.0, 0.0]), reduction="none")
    array([0.125, 2.5  ])
    """
    input, target = paired(input, target)
    _positive("beta", beta, or_zero=True)
    error = absolute(input - target)
    if beta == 0.0:
        return reduced(error, reduction)
    near = less(error, beta)
    small = where(near, error, 0.0)  # a square that is not used must not overflow
    return reduced(where(near, 0.5 / beta * square(small), error - 0.5 * beta), reduction)


@composite(
    "huber_loss",
    Role.LOSS,
    stable="only errors up to delta are squared, so that no square overflows",
)
@composed("input", "target")
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Half the squared error up to ``delta``, a straight line beyond (Huber, 1964).

    >>> huber_loss(np.array([0.5, 3.0]), np.array([0.0, 0.0]), reduction="none", delta=2.0)
    array([0.125, 4.   ])
    """
    input, target = paired(input, target)
    _positive("delta", delta)
    error = absolute(input - target)
    far = greater(error, delta)
    small = where(far, 0.0, error)  # a square that is not used must not overflow
    return reduced(where(far, delta * (error - 0.5 * delta), 0.5 * square(small)), reduction)


@composite("poisson_nll_loss", Role.LOSS)
@composed("input", "target")
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """The surprise at a count when ``exp(input)`` is its mean, or ``input`` without log_input.

    ``full`` adds Stirling's approximation of log(target!), which no weight depends on.

    >>> poisson_nll_loss(np.array([0.0]), np.array([2.0]))
    1.0
    """
    input, target = paired(input, target)
    losses = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        several = greater(target, 1.0)
        t = where(several, target, 1.0)
        stirling = xlogy(t, t) - t + 0.5 * log(2.0 * math.pi * t)
        losses = losses + where(several, stirling, 0.0)
    return reduced(losses, reduction)


@composite(
    "gaussian_nll_loss", Role.LOSS, stable="variances below eps count as eps: no division by 0"
)
@composed("input", "target", "var")
def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """The surprise at a target when a bell of mean ``input`` and variance ``var`` predicts it.

    ``var`` has the shape of ``input``, or one number per row; variances below ``eps`` count as
    ``eps``. Nix and Weigend (1994).

    >>> gaussian_nll_loss(np.array([1.0]), np.array([3.0]), np.array([1.0]))
    2.0
    """
    input, target = paired(input, target)
    shape, have = np.shape(input), np.shape(var)
    if have == shape[:-1] and have != shape:
        var = reshape(var, (*have, 1))
    elif have not in (shape, (*shape[:-1], 1), ()):
        raise mistake(
            f"var of shape {have} for input of shape {shape}",
            "a variance per number, one per row, or a single one",
        )
    if numbers_of(var).size and numbers_of(var).min() < 0.0:
        raise mistake("var has negative numbers", "tg.exp(log_var)", TypeError)
    var = maximum(var, eps)
    losses = 0.5 * (log(var) + square(input - target) / var)
    return reduced(losses + 0.5 * math.log(2.0 * math.pi) if full else losses, reduction)


# Probabilities and classes -----------------------------------------------------------------------


@composite("binary_cross_entropy", Role.LOSS,
    stable="logarithms end at −100, and that of 1 − p is log1p(−p)",
    conventions=(
    Convention("binary cross entropy of the impossible", "tg.binary_cross_entropy([0.0], [1.0])",
               "100.0", "F.binary_cross_entropy(t([0.0]), t([1.0])).item()", "100.0"),
    Convention("binary cross entropy of the impossible: its slope",
               "abs(d(tg.binary_cross_entropy)(np.zeros(1), np.ones(1)).item())", "0.0",
               "D(F.binary_cross_entropy)(t([0.0]), t([1.0])).item()", "-999999995904.0"),
))  # fmt: skip
@composed("input", "target", "weight")
def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean"
) -> Any:
    """The surprise at 0/1 targets when ``input`` are the probabilities of 1.

    Logarithms end at -100, where the slope becomes 0: `binary_cross_entropy_with_logits` has no
    such end, and its gradient never vanishes on a wrong answer.

    >>> binary_cross_entropy(np.array([0.5, 0.0]), np.array([1.0, 1.0]), reduction="none")
    array([  0.69314718, 100.        ])
    """
    input, target = paired(input, target)
    shares(target)
    shares(input, "probabilities")
    none, sure = less(input, math.exp(LOWEST)), greater_equal(input, 1.0)
    yes = where(none, LOWEST, log(where(none, 1.0, input)))
    no = where(sure, LOWEST, log1p(-where(sure, 0.0, input)))
    losses = -(target * yes + (1.0 - target) * no)
    return reduced(losses if weight is None else weight * losses, reduction)


@composite("nll_loss", Role.LOSS)
@composed("input", "target", "weight")
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """The surprise at the right class, from log probabilities: `cross_entropy` after log_softmax.

    >>> nll_loss(np.log([[0.25, 0.75]]), np.array([0]))
    1.3862943611198906
    """
    target = target if isinstance(target, Value) else np.asarray(target)
    shape = np.shape(input)
    if not shape or not shape[min(1, len(shape) - 1)]:
        raise mistake(f"input of shape {shape}", "(batch, classes)")
    if weight is not None:
        weight = per_class(weight, shape[min(1, len(shape) - 1)])
    losses, weights = labelled(-input, target, weight, ignore_index)
    return reduced(losses, reduction, weights)


@composite("kl_div", Role.LOSS, stable="0 · log 0 is 0, also beside a log probability of −∞")
@composed("input", "target")
def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """How far the distribution ``target`` is from the one with log probabilities ``input``.

    ``target · (log target - input)``, Kullback and Leibler (1951). "batchmean" divides the sum by
    the number of rows, which is the divergence per sample; "mean" by the count of all numbers.

    >>> kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), reduction="batchmean")
    0.6931471805599453
    """
    input, target = paired(input, target)
    if log_target:
        losses = exp(target) * (target - input)
    else:
        impossible = logical_and(equal(target, 0.0), equal(input, -math.inf))
        losses = xlogy(target, target) - target * where(impossible, 0.0, input)
    if reduction == "batchmean":
        return sum(losses) / float(np.shape(input)[0] if np.shape(input) else 1)
    return reduced(losses, reduction)


@composite("multi_margin_loss", Role.LOSS)
@composed("input", "target", "weight")
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Any:
    """How far each other class comes closer to the right one's score than ``margin``.

    ``sum(max(0, margin - input[target] + input[j])^p) / classes`` over the others; ``weight`` has
    a number per class. Crammer and Singer (2001).

    >>> multi_margin_loss(np.array([[0.0, 0.5]]), np.array([1]))
    0.25
    """
    if p not in (1, 2):
        raise mistake(f"p = {p}", "1 or 2", TypeError)
    target = target if isinstance(target, Value) else np.asarray(target)
    shape = np.shape(input)
    if len(shape) not in (1, 2) or not shape[-1]:
        raise mistake(f"input of shape {shape}", "(batch, classes)")
    right, _ = labelled(input, target, None, None)
    column = right[..., None] if len(shape) == 2 else right
    short = maximum(margin - column + input, 0.0)
    short = square(short) if p == 2 else short
    if weight is not None:
        weight = per_class(weight, shape[-1])
        rows = broadcast_to(weight, shape)
        own, _ = labelled(rows, target, None, None)
        short = short * (own[..., None] if len(shape) == 2 else own)
    label = target[..., None] if len(shape) == 2 else target
    losses = sum(where(equal(np.arange(shape[-1]), label), 0.0, short), axis=-1) / float(shape[-1])
    return reduced(losses, reduction)


# Directions and distances ------------------------------------------------------------------------


def _one_shape(*vectors: Any) -> None:
    shapes = [np.shape(v) for v in vectors]
    if any(shape != shapes[0] for shape in shapes) or not shapes[0]:
        raise mistake(
            f"shapes {', '.join(map(str, shapes))}",
            "vectors of one length, side by side: (batch, features)",
        )


@composite(
    "cosine_similarity",
    stable="each vector is divided by its own length, which no square makes overflow",
)
@composed("x1", "x2")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along an axis; lengths below ``eps`` count as eps.

    >>> cosine_similarity(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]]))
    array([0.96])
    """
    return _cosine(x1, x2, dim, eps)


def _cosine(x1: Any, x2: Any, dim: int, eps: float) -> Any:
    shape = np.broadcast_shapes(np.shape(x1), np.shape(x2))
    vectors = [x if np.shape(x) == shape else broadcast_to(x, shape) for x in (x1, x2)]
    units = [x / maximum(norm(x, axis=dim, keepdims=True), eps) for x in vectors]
    return sum(units[0] * units[1], axis=dim)


@composite("pairwise_distance", conventions=(
    Convention("distance 0", "d(tg.pairwise_distance)(np.ones(2), np.ones(2), eps=0.0).tolist()",
               "[0.0, 0.0]", "D(lambda x: F.pairwise_distance(x, torch.ones(2), eps=0.0))"
               "(torch.ones(2)).tolist()", "[0.0, 0.0]"),
))  # fmt: skip
@composed("x1", "x2")
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """The norm of ``x1 - x2 + eps`` along the last axis.

    >>> pairwise_distance(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]), eps=0.0)
    array([5.])
    """
    return norm(x1 - x2 + eps, p, -1, keepdim)


@composite("cosine_embedding_loss", Role.LOSS)
@composed("input1", "input2", "target")
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    """``1 - cos`` for pairs that belong together (1), ``max(0, cos - margin)`` for others (-1).

    >>> cosine_embedding_loss(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([1]))
    1.0
    """
    _one_shape(input1, input2)
    if np.shape(target) != np.shape(input1)[:-1]:
        raise mistake(
            f"target of shape {np.shape(target)} for inputs of shape {np.shape(input1)}",
            "1 or -1 per pair",
        )
    signs = numbers_of(target)
    if signs.size and not np.isin(signs, (-1, 1)).all():
        raise mistake("a target is not 1 or -1", "2 * labels - 1", TypeError)
    cosine = _cosine(input1, input2, -1, 1e-12)
    losses = where(equal(target, 1.0), 1.0 - cosine, maximum(cosine - margin, 0.0))
    return reduced(losses, reduction)


@composite("triplet_margin_loss", Role.LOSS)
@composed("anchor", "positive", "negative")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """How much nearer the anchor should be to its own kind than to the other, by ``margin``.

    ``swap`` takes the other's distance from whichever of the two is nearer. Balntas et al. (2016).

    >>> a, far = np.array([[0.0, 0.0]]), np.array([[0.0, 3.0]])
    >>> round(triplet_margin_loss(a, a, far, margin=4.0, eps=0.0), 6)
    1.0
    """
    _one_shape(anchor, positive, negative)
    _positive("margin", margin)
    near = norm(anchor - positive + eps, p, -1)
    far = norm(anchor - negative + eps, p, -1)
    if swap:
        far = minimum(far, norm(positive - negative + eps, p, -1))
    return reduced(maximum(near - far + margin, 0.0), reduction)
