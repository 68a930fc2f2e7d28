"""Every loss over its options beside PyTorch's: value, gradient, second derivative, to 1e-9."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(2, 5, 4)) * 1.7
P, Q = RNG.uniform(0.05, 0.95, size=(2, 5, 4))
ROWS, OTHER_ROWS = P / P.sum(1, keepdims=True), Q / Q.sum(1, keepdims=True)
IMAGES = RNG.normal(size=(3, 4, 2, 2))
LABELS, IMAGE_LABELS = np.array([1, 0, 3, 3, 2]), RNG.integers(0, 4, size=(3, 2, 2))
SOME = np.array([1, -100, 3, 3, -100])
CLASS_WEIGHTS = np.array([0.5, 1.5, 2.0, 0.1])
SIGNS = np.array([1, -1, 1, -1, -1])
COUNTS = RNG.integers(0, 5, size=(5, 4)).astype(float)
REDUCTIONS = {"reduction": ["mean", "sum", "none"]}

# Per loss: the operands that are differentiated, those that are not, and the options' values.
Call = tuple[str, list[Any], list[Any], dict[str, list[Any]]]
CALLS: list[Call] = [
    ("mse_loss", [X, Y], [], REDUCTIONS),
    ("l1_loss", [X, Y], [], REDUCTIONS),
    ("smooth_l1_loss", [X, Y], [], {**REDUCTIONS, "beta": [1.0, 0.3, 0.0, 5.0]}),
    ("huber_loss", [X, Y], [], {**REDUCTIONS, "delta": [1.0, 0.3, 5.0]}),
    ("binary_cross_entropy", [P, Q], [], {**REDUCTIONS, "weight": [None, P + 1.0]}),
    ("binary_cross_entropy_with_logits", [X, Q], [],
     {**REDUCTIONS, "weight": [None, P + 1.0], "pos_weight": [None, CLASS_WEIGHTS]}),
    ("cross_entropy", [X], [LABELS],
     {**REDUCTIONS, "weight": [None, CLASS_WEIGHTS], "label_smoothing": [0.0, 0.2]}),
    ("cross_entropy", [X], [SOME],
     {**REDUCTIONS, "weight": [None, CLASS_WEIGHTS], "label_smoothing": [0.0, 0.2]}),
    ("cross_entropy", [X], [LABELS], {**REDUCTIONS, "ignore_index": [3]}),
    ("cross_entropy", [X, ROWS], [],
     {**REDUCTIONS, "weight": [None, CLASS_WEIGHTS], "label_smoothing": [0.0, 0.2]}),
    ("cross_entropy", [X[0]], [np.array(2)], {**REDUCTIONS, "weight": [None, CLASS_WEIGHTS]}),
    ("cross_entropy", [X[0], ROWS[0]], [], REDUCTIONS),
    ("cross_entropy", [IMAGES], [IMAGE_LABELS],
     {**REDUCTIONS, "weight": [None, CLASS_WEIGHTS], "label_smoothing": [0.0, 0.1],
      "ignore_index": [-100, 1]}),
    ("nll_loss", [np.log(ROWS)], [SOME], {**REDUCTIONS, "weight": [None, CLASS_WEIGHTS]}),
    ("nll_loss", [IMAGES], [IMAGE_LABELS], {**REDUCTIONS, "ignore_index": [-100, 2]}),
    ("kl_div", [np.log(ROWS), OTHER_ROWS], [], {"reduction": ["mean", "sum", "none", "batchmean"]}),
    ("kl_div", [np.log(ROWS), np.log(OTHER_ROWS)], [],
     {"reduction": ["mean", "sum", "none", "batchmean"], "log_target": [True]}),
    ("multi_margin_loss", [X], [LABELS],
     {**REDUCTIONS, "p": [1, 2], "margin": [1.0, 0.4], "weight": [None, CLASS_WEIGHTS]}),
    ("multi_margin_loss", [X[0]], [np.array(1)], REDUCTIONS),
    ("cosine_embedding_loss", [X, Y], [SIGNS], {**REDUCTIONS, "margin": [0.0, 0.2]}),
    ("triplet_margin_loss", [X, Y, X[::-1] * 0.7], [],
     {**REDUCTIONS, "margin": [1.0, 3.0], "p": [2.0, 1.0, 3.0], "swap": [False, True]}),
    ("poisson_nll_loss", [X], [COUNTS], {**REDUCTIONS, "full": [False, True]}),
    ("poisson_nll_loss", [P], [COUNTS], {**REDUCTIONS, "log_input": [False], "full": [True]}),
    ("gaussian_nll_loss", [X, Y, P], [], {**REDUCTIONS, "full": [False, True]}),
    ("gaussian_nll_loss", [X, Y, P[:, 0]], [], REDUCTIONS),
    ("gaussian_nll_loss", [X, Y, P[:, :1]], [], REDUCTIONS),
    ("cosine_similarity", [X, Y], [], {"dim": [0, 1, -1]}),
    ("pairwise_distance", [X, Y], [], {"p": [2.0, 1.0, 3.0], "keepdim": [False, True]}),
]  # fmt: skip


def every_call() -> Iterator[Any]:
    for name, moving, fixed, options in CALLS:
        for chosen in itertools.product(*options.values()):
            given = dict(zip(options, chosen, strict=True))
            words = [f"{k}={v}" if np.ndim(v) == 0 else k for k, v in given.items()]
            shapes = "x".join(map(str, np.shape(moving[0])))
            known = f"{name}-{len(moving)}-{shapes}-{'-'.join(words)}-{len(str(fixed))}"
            yield pytest.param(name, moving, fixed, given, id=known)


def theirs(name: str, moving: list[Any], fixed: list[Any], given: Any, v: list[Any]) -> list[Any]:
    """PyTorch's value, gradients, and second derivatives in the direction ``v``."""
    leaves = [torch.tensor(x.copy(), requires_grad=True) for x in moving]
    given = {k: torch.tensor(x) if isinstance(x, np.ndarray) else x for k, x in given.items()}
    call = getattr(torch.nn.functional, name)
    out = call(*leaves, *[torch.tensor(x) for x in fixed], **given)
    weights = torch.tensor(np.random.default_rng(1).uniform(0.5, 1.5, size=tuple(out.shape)))
    grads = torch.autograd.grad((out * weights).sum(), leaves, create_graph=True)
    if name == "multi_margin_loss":  # PyTorch has no second derivative of it
        return [out.detach().numpy(), *[g.detach().numpy() for g in grads]]
    slope = sum((g * torch.tensor(d)).sum() for g, d in zip(grads, v, strict=True))
    second = (
        torch.autograd.grad(slope, leaves, allow_unused=True)
        if slope.requires_grad
        else [None] * len(leaves)
    )
    zeros = [np.zeros(x.shape) for x in moving]
    curved = [z if s is None else s.numpy(force=True) for s, z in zip(second, zeros, strict=True)]
    return [out.detach().numpy(), *[g.detach().numpy() for g in grads], *curved]


def ours(name: str, moving: list[Any], fixed: list[Any], given: Any, v: list[Any]) -> list[Any]:
    call = getattr(tg, name)
    value = call(*moving, *fixed, **given)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, size=np.shape(value))

    def total(*xs: Any) -> Any:
        return tg.sum(call(*xs, *fixed, **given) * weights)

    gradients = tg.grad(total, tuple(range(len(moving))))(*moving)
    if name == "multi_margin_loss":
        assert tg.testing.check_gradients(total, *moving).right
        return [value, *gradients]
    return [value, *gradients, *tg.hvp(total, moving, v)]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize(("name", "moving", "fixed", "given"), [*every_call()])
def test_a_loss_is_pytorchs(name: str, moving: Any, fixed: Any, given: Any) -> None:
    v = [np.random.default_rng(2).normal(size=x.shape) for x in moving]
    moving = [np.ascontiguousarray(x) for x in moving]
    for have, want in zip(
        ours(name, moving, fixed, given, v), theirs(name, moving, fixed, given, v), strict=True
    ):
        assert np.shape(have) == np.shape(want)
        np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-9)
