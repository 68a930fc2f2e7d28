"""The losses: stored figures, extreme scores, messages, roles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.context import Role
from tinygrad_edu.errors import DTypeError, ShapeError, TinygradError
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing import check_gradients

X = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
Y = np.array([[0.5, -1.0, 2.5], [1.0, 0.0, -1.1]])
P = np.array([[0.2, 0.9, 0.5], [0.4, 0.7, 0.1]])
W = np.array([1.0, 2.0, 0.5])
LABELS = np.array([2, 0])

# Figures of PyTorch 2, float64, stored so that the core suite has them without it.
FIGURES: list[tuple[str, tuple[Any, ...], dict[str, Any], float]] = [
    ("mse_loss", (X, Y), {}, 2.5433333333333334),
    ("l1_loss", (X, Y), {}, 1.2666666666666666),
    ("smooth_l1_loss", (X, Y), {"beta": 0.7}, 0.9642857142857143),
    ("huber_loss", (X, Y), {"delta": 0.7}, 0.6749999999999999),
    ("kl_div", (X, Y), {"log_target": True, "reduction": "batchmean"}, 11.79675072365878),
    ("cosine_embedding_loss", (X, Y, np.array([1, -1])), {"margin": 0.1}, 0.2681876458645849),
    ("triplet_margin_loss", (X, Y, P), {"swap": True}, 1.5834922794077435),
    ("gaussian_nll_loss", (X, Y, P), {"full": True}, 2.57183499910427),
    ("binary_cross_entropy", (P, P * P), {}, 0.49773422448355836),
    ("binary_cross_entropy_with_logits", (X, P), {"pos_weight": W}, 1.2638878213354283),
    ("cross_entropy", (X, LABELS), {"weight": W}, 2.3787882366190476),
    ("cross_entropy", (X, LABELS), {"weight": W, "label_smoothing": 0.2}, 2.4917720480218604),
    ("cross_entropy", (X, np.array([2, -100])), {}, 1.0045969023422834),
    ("cross_entropy", (X, P), {}, 2.718207864128284),
    ("nll_loss", (X, LABELS), {"weight": W}, -0.16666666666666666),
    ("kl_div", (X, P), {}, -0.37662214994416926),
    ("multi_margin_loss", (X, LABELS), {"p": 2, "margin": 0.5, "weight": W}, 2.125),
    ("poisson_nll_loss", (X, P * 4.0), {"full": True}, 4.733492882580297),
]


@pytest.mark.parametrize(("name", "args", "options", "figure"), FIGURES)
def test_figures(name: str, args: Any, options: Any, figure: float) -> None:
    loss = getattr(tg, name)
    assert loss(*args, **options) == pytest.approx(figure, rel=1e-11)
    moving = [x for x in args if x.dtype.kind == "f"][: 1 if name == "poisson_nll_loss" else 3]
    fixed = args[len(moving) :]
    # differences reach a quarter out, and probabilities and variances must not leave their domain
    moving = [0.5 + 0.2 * (x - 0.5) if 0.0 <= x.min() < x.max() <= 1.0 else x for x in moving]
    assert check_gradients(lambda *xs: loss(*xs, *fixed, **options), *moving).right


@pytest.mark.parametrize(("name", "args", "options", "figure"), FIGURES)
def test_a_loss_draws_as_one_box_and_is_float32_where_its_input_is(
    name: str, args: Any, options: Any, figure: float
) -> None:
    x = tg.Value(args[0].astype(np.float32), "x")
    out = getattr(tg, name)(x, *args[1:], **options)
    box = name.removesuffix("_with_logits")
    assert out.role is Role.LOSS and out.tag.scope.path == (box,) and out.name == box
    out.backward()
    assert x.grad.dtype == np.float32 and x.grad.shape == x.shape
    assert out.data == pytest.approx(figure, rel=1e-5)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_t40_from_scores_nothing_overflows(size: float) -> None:
    scores, labels = np.array([[size, -size, 0.0], [-size, size, 0.0]]), np.array([1, 1])
    for loss, target, first in (
        (tg.cross_entropy, labels, 2.0 * size),
        (tg.cross_entropy, np.eye(3)[labels], 2.0 * size),
        (tg.binary_cross_entropy_with_logits, np.eye(3)[labels], None),
    ):
        each = loss(scores, target, reduction="none")
        assert np.isfinite(each).all() and np.isfinite(tg.grad(loss)(scores, target)).all()
        assert first is None or (each[0] == first and each[1] == 0.0)
    small = scores / size * 1e-3
    assert check_gradients(lambda z: tg.cross_entropy(z, labels), small).right
    assert tg.softmax(scores)[0].tolist() == [1.0, 0.0, 0.0]
    assert np.isfinite(tg.hessian(lambda z: tg.cross_entropy(z, labels))(scores)).all()


def test_t40_masked_classes_take_no_part() -> None:
    masked = np.array([[0.0, -np.inf, 3.0], [2.0, 1.0, -np.inf]])
    for target in (np.array([2, 0]), np.array([[0.5, 0.0, 0.5], [0.25, 0.75, 0.0]])):
        v = tg.Value(masked)
        loss = tg.cross_entropy(v, target)
        loss.backward()
        assert np.isfinite(loss.data) and np.isfinite(v.grad).all()
        assert v.grad[0, 1] == 0.0 and v.grad[1, 2] == 0.0
    want = tg.cross_entropy(np.array([[0.0, 3.0]]), np.array([1]))
    assert tg.cross_entropy(masked[:1], np.array([2])) == pytest.approx(want)
    log_p = np.array([[0.0, -np.inf]])
    assert tg.kl_div(log_p, np.array([[1.0, 0.0]])) == 0.0
    assert tg.grad(tg.kl_div)(log_p, np.array([[1.0, 0.0]])).tolist() == [[-0.5, 0.0]]


def test_probabilities_of_0_and_1_have_a_finite_loss_and_gradient() -> None:
    sure = np.array([0.0, 1.0, 0.0, 1.0])
    target = np.array([1.0, 0.0, 0.0, 1.0])
    each = tg.binary_cross_entropy(sure, target, reduction="none")
    assert each.tolist() == [100.0, 100.0, 0.0, 0.0]
    assert np.isfinite(tg.grad(tg.binary_cross_entropy)(sure, target)).all()


def test_an_ignored_label_counts_for_nothing() -> None:
    labels = np.array([0, -100])
    gradient = tg.grad(tg.cross_entropy)(X, labels)
    assert not gradient[1].any() and gradient[0].any()
    assert tg.cross_entropy(X, labels) == tg.cross_entropy(X[:1], labels[:1])
    assert tg.cross_entropy(X, np.array([0, 1]), ignore_index=1) == tg.cross_entropy(X, labels)
    assert np.isnan(tg.cross_entropy(X, np.array([-100, -100])))  # the mean of nothing


def test_labels_are_not_frozen_into_a_recording() -> None:
    for options in ({}, {"weight": W}, {"label_smoothing": 0.1}):
        tape = Tape.record(lambda x, t: tg.cross_entropy(x, t, **options), X, LABELS)  # noqa: B023
        for labels in (np.array([1, 1]), np.array([0, -100])):
            again = tape.run([Y, labels])
            assert again == pytest.approx(tg.cross_entropy(Y, labels, **options), rel=1e-14)


def test_classes_are_on_the_second_axis_of_images() -> None:
    images = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    labels = np.random.default_rng(1).integers(0, 3, size=(2, 4, 5))
    flat = np.moveaxis(images, 1, -1).reshape(-1, 3)
    want = tg.cross_entropy(flat, labels.reshape(-1))
    assert tg.cross_entropy(images, labels) == pytest.approx(want)
    assert tg.cross_entropy(images, labels, reduction="none").shape == (2, 4, 5)


def test_directions_and_distances() -> None:
    assert tg.cosine_similarity(X, -2.0 * X) == pytest.approx([-1.0, -1.0])
    assert tg.cosine_similarity(X[0], X[0], dim=0) == pytest.approx(1.0)
    assert tg.cosine_similarity(np.zeros((1, 2)), np.ones((1, 2))).tolist() == [0.0]
    large = np.array([[3e200, 4e200]])
    assert tg.cosine_similarity(large, large) == pytest.approx([1.0])
    assert tg.pairwise_distance(X, X, eps=0.0).tolist() == [0.0, 0.0]
    out = tg.cosine_similarity(tg.Value(X), Y)
    assert out.role is None and out.tag.scope.path == ("cosine_similarity",)


def test_vectors_broadcast_before_they_are_compared() -> None:
    want = [tg.cosine_similarity(row, Y[0], dim=0) for row in X]
    assert tg.cosine_similarity(tg.Value(X), Y[0]).data == pytest.approx(want)


@pytest.mark.parametrize("loss", [tg.huber_loss, tg.smooth_l1_loss])
def test_an_error_far_out_has_the_slope_of_the_line(loss: Any) -> None:
    far = np.array([math.inf, 1e300, -1e300])
    with np.errstate(all="raise"):
        assert tg.grad(loss)(far, np.zeros(3), "sum").tolist() == [1.0, 1.0, -1.0]
        assert loss(far, np.zeros(3), "none")[0] == math.inf


ZEROS, ONES = np.zeros((2, 3)), np.ones((2, 3))
WRONG: list[tuple[Any, type[TinygradError], str, str]] = [
    (lambda v: tg.l1_loss(v, np.zeros(2)), ShapeError,
     r"l1_loss: prediction of shape \(2, 3\), target of shape \(2,\)", "target[:, None]"),
    (lambda v: tg.mse_loss(v, ZEROS, "avg"), DTypeError, "no reduction 'avg'", '"mean"'),
    (lambda v: tg.kl_div(v, ONES, "batch"), DTypeError, "no reduction 'batch'", '"mean"'),
    (lambda v: tg.smooth_l1_loss(v, ZEROS, beta=-1.0), DTypeError, "beta = -1.0", "positive"),
    (lambda v: tg.huber_loss(v, ZEROS, delta=0.0), DTypeError, "delta = 0.0", "positive"),
    (lambda v: tg.cross_entropy(v, np.array([0, 3])), DTypeError,
     "cross_entropy: labels from 0 to 3 for 3 classes", "number the classes 0 to 2"),
    (lambda v: tg.nll_loss(v, np.array([0, -1])), DTypeError,
     "nll_loss: labels from -1 to 0 for 3 classes", "number the classes 0 to 2"),
    (lambda v: tg.cross_entropy(v, np.array([0.0, 1.0])), ShapeError,
     r"labels of shape \(2,\) and type float64 for logits of shape \(2, 3\)", "whole class"),
    (lambda v: tg.multi_margin_loss(v, np.array([0, 1, 2])), ShapeError,
     r"multi_margin_loss: labels of shape \(3,\)", "whole class"),
    (lambda v: tg.multi_margin_loss(v, LABELS, p=3), DTypeError, "p = 3", "1 or 2"),
    (lambda v: tg.multi_margin_loss(v[0, 0], LABELS), ShapeError, r"shape \(\)", "classes"),
    (lambda v: tg.nll_loss(v[0, 0], LABELS), ShapeError, r"shape \(\)", "(batch, classes)"),
    (lambda v: tg.cross_entropy(v[0, 0], LABELS), ShapeError, "a score per class", "logits"),
    (lambda v: tg.cross_entropy(v, LABELS, weight=np.ones(2)), ShapeError,
     r"weight of shape \(2,\) for 3 classes", "one number per class: shape (3,)"),
    (lambda v: tg.cross_entropy(v, LABELS, label_smoothing=2.0), DTypeError,
     "label_smoothing 2.0", "from 0 to 1"),
    (lambda v: tg.binary_cross_entropy_with_logits(v, 2.0 * ONES - 3.0), DTypeError,
     "target from -1 to -1, not from 0 to 1", "a class called 0 or 1"),
    (lambda v: tg.binary_cross_entropy(v, 3.0 * ONES), DTypeError,
     "binary_cross_entropy: target from 3 to 3", "probability"),
    (lambda v: tg.binary_cross_entropy(v - 4.0, ONES), DTypeError,
     "binary_cross_entropy: probabilities from -4 to -4", "tg.sigmoid"),
    (lambda v: tg.gaussian_nll_loss(v, ZEROS, -ONES), DTypeError, "negative", "tg.exp(log_var)"),
    (lambda v: tg.gaussian_nll_loss(v, ZEROS, np.ones(5)), ShapeError,
     r"var of shape \(5,\) for input of shape \(2, 3\)", "one per row"),
    (lambda v: tg.cosine_embedding_loss(v, ONES, np.array([0, 1])), DTypeError,
     "a target is not 1 or -1", "2 * labels - 1"),
    (lambda v: tg.cosine_embedding_loss(v, ONES, np.array([1])), ShapeError,
     r"target of shape \(1,\) for inputs of shape \(2, 3\)", "1 or -1 per pair"),
    (lambda v: tg.triplet_margin_loss(v, ONES, np.ones((2, 2))), ShapeError,
     r"shapes \(2, 3\), \(2, 3\), \(2, 2\)", "(batch, features)"),
    (lambda v: tg.triplet_margin_loss(v, ONES, ONES, margin=0.0), DTypeError, "margin = 0.0",
     "positive"),
    (lambda v: tg.binary_cross_entropy_with_logits(v, ZEROS, pos_weight=np.ones(2)), ShapeError,
     r"with_logits.*broadcast", "shapes are matched from the right"),
    (lambda v: tg.mse_loss(v, ZEROS, reduce="sum"), DTypeError, "keyword argument 'reduce'",
     "tg.mse_loss(input, target, reduction='mean')"),
    (lambda v: tg.mse_loss(v, ZEROS, reduction=v), DTypeError, "reduction is a static", "v.item()"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "kind", "text", "hint"), WRONG)
def test_messages(wrong: Any, kind: Any, text: str, hint: str) -> None:
    with pytest.raises(kind, match=text) as caught:
        wrong(tg.Value(ZEROS, "z"))
    told = str(caught.value)
    assert hint in told
    assert (
        "is a static" in told
        or "keyword argument" in told
        or (
            "operand 0: " in told and "made at test_losses" in told and "at test_losses.py:" in told
        )
    )
