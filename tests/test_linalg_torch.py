"""Products and linear algebra beside PyTorch, to 1e-9: values, gradients, their gradients."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch")
T = torch.linalg
L = tg.linalg


def strong(*shape: int) -> Any:
    rng = np.random.default_rng(sum(shape))
    return rng.normal(size=shape) + 4.0 * np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1)


def loose(*shape: int) -> Any:
    return np.random.default_rng(sum(shape) + 7).normal(size=shape)


def both_ways(x: Any) -> Any:
    """A symmetric matrix of any matrix, in both libraries."""
    return x @ x.swapaxes(-1, -2) + x + x.swapaxes(-1, -2) if isinstance(x, torch.Tensor) else (
        x @ L.matrix_transpose(x) + x + L.matrix_transpose(x)
    )  # fmt: skip


def gauge_free(parts: Any) -> Any:
    """Of factors with arbitrary signs: their squares, which have none."""
    return [p * p for p in parts]


EINSUM = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("bij,bkj->bik", (2, 3, 4),
    (2, 5, 4)), ("...ij,...j->...i", (5, 2, 3), (3,)), ("ii->i", (3, 3)), ("ii", (3, 3)),
    ("iij->j", (2, 2, 3)), ("ij->", (2, 3)), ("i,j,k->kji", (2,), (3,), (4,)),
    ("ij,k->i", (2, 3), (4,)), ("a...,a...->...", (2, 3), (2, 3)), ("ab,bc,cd,da->", (2, 3),
    (3, 4), (4, 5), (5, 2)), ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)), ("ij->ji", (2, 3)),
    ("i...->...i", (2, 3, 4)), ("ij,ij->ij", (1, 3), (2, 3)), ("ij,jk->ik", (2, 0), (0, 3)),
    ("bi,bi->b", (0, 3), (0, 3)), ("ij->i", (2, 0)),
]  # fmt: skip

CASES: list[tuple[str, Callable[..., Any], Callable[..., Any], list[Any]]] = [
    *[(f"einsum {text}", lambda *x, s=text: tg.einsum(s, *x),
       lambda *x, s=text: torch.einsum(s, *x), [loose(*shape) for shape in shapes])
      for text, *shapes in EINSUM],
    *[(f"matmul {a} {b}", tg.matmul, torch.matmul, [loose(*a), loose(*b)]) for a, b in [
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)),
        ((4, 1, 2, 3), (5, 3, 2)), ((3,), (4, 3, 2)), ((4, 2, 3), (3,)), ((2, 0), (0, 3)),
        ((0, 2, 3), (3, 2)), ((4, 2, 0), (0, 3)), ((2, 3, 4), (4, 0)),
    ]],
    *[(f"{name} {a} {b}", getattr(tg, name), getattr(torch, name), [loose(*a), loose(*b)])
      for name, a, b in [
        ("dot", (3,), (3,)), ("inner", (2, 3), (4, 3)), ("inner", (2, 3), (3,)),
        ("outer", (2,), (3,)), ("kron", (2, 3), (3, 1)), ("kron", (2,), (3, 1)),
        ("vdot", (3,), (3,)),
    ]],
    ("tensordot 1", lambda a, b: tg.tensordot(a, b, 1), lambda a, b: torch.tensordot(a, b, 1),
     [loose(2, 3), loose(3, 4)]),
    ("tensordot pair", lambda a, b: tg.tensordot(a, b, ([0, 2], [1, 0])),
     lambda a, b: torch.tensordot(a, b, ([0, 2], [1, 0])), [loose(2, 3, 4), loose(4, 2, 5)]),
    ("tensordot 0", lambda a, b: tg.tensordot(a, b, 0), lambda a, b: torch.tensordot(a, b, 0),
     [loose(2), loose(3)]),
    ("cross", tg.cross, T.cross, [loose(4, 3), loose(4, 3)]),
    ("cross axis", lambda a, b: tg.cross(a, b, axis=0), lambda a, b: T.cross(a, b, dim=0),
     [loose(3, 2), loose(3, 2)]),
    *[(f"{name} {shape}", getattr(L, name), getattr(T, name), [strong(*shape)])
      for name in ("inv", "det", "pinv") for shape in [(3, 3), (2, 3, 3), (1, 1), (0, 2, 2)]],
    ("slogdet", lambda x: L.slogdet(x)[1], lambda x: T.slogdet(x)[1], [strong(2, 3, 3)]),
    ("pinv tall", L.pinv, T.pinv, [strong(4, 2)]),
    ("pinv wide", L.pinv, T.pinv, [strong(2, 2, 4)]),
    ("solve vector", L.solve, T.solve, [strong(3, 3), loose(3)]),
    ("solve matrix", L.solve, T.solve, [strong(3, 3), loose(3, 2)]),
    ("solve batch", L.solve, T.solve, [strong(2, 3, 3), loose(2, 3, 1)]),
    ("lstsq", lambda a, b: L.lstsq(a, b)[0], lambda a, b: T.lstsq(a, b).solution,
     [strong(4, 2), loose(4, 3)]),
    ("cholesky", lambda x: L.cholesky(both_ways(x)), lambda x: T.cholesky(both_ways(x)),
     [strong(3, 3)]),
    ("cholesky upper", lambda x: L.cholesky(both_ways(x), upper=True),
     lambda x: T.cholesky(both_ways(x), upper=True), [strong(2, 3, 3)]),
    ("eigvalsh", lambda x: L.eigvalsh(both_ways(x)), lambda x: T.eigvalsh(both_ways(x)),
     [strong(2, 3, 3)]),
    ("eigh", lambda x: gauge_free(L.eigh(both_ways(x))), lambda x: gauge_free(T.eigh(both_ways(x))),
     [strong(3, 3)]),
    ("svdvals", L.svdvals, T.svdvals, [strong(2, 4, 3)]),
    *[(f"svd {shape}", lambda x: gauge_free(L.svd(x, full_matrices=False)),
       lambda x: gauge_free(T.svd(x, full_matrices=False)), [strong(*shape)])
      for shape in [(3, 3), (4, 2), (2, 4), (2, 3, 2)]],
    *[(f"qr {shape}", L.qr, T.qr, [strong(*shape)])
      for shape in [(3, 3), (4, 2), (2, 4), (2, 3, 2)]],
    *[(f"matrix_power {n}", lambda x, n=n: L.matrix_power(x, n),
       lambda x, n=n: T.matrix_power(x, n), [strong(2, 3, 3)]) for n in (1, 2, 5, -2)],
    *[(f"norm {p}", lambda x, p=p: L.norm(x, p, axis=(-2, -1)),
       lambda x, p=p: T.norm(x, p, dim=(-2, -1)), [loose(2, 3, 4)])
      for p in ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)],
    ("norm of a vector", lambda x: L.norm(x, 3, axis=0), lambda x: T.norm(x, 3, dim=0),
     [loose(3, 2)]),
    ("cond", L.cond, T.cond, [strong(2, 3, 3)]),
    ("cond 1", lambda x: L.cond(x, 1), lambda x: T.norm(x, 1) * T.norm(T.inv(x), 1),
     [strong(3, 3)]),
    ("multi_dot", lambda *x: L.multi_dot(x), lambda *x: T.multi_dot(x),
     [loose(2, 5), loose(5, 3), loose(3, 4), loose(4)]),
]  # fmt: skip


def some_string(rng: Random) -> tuple[str, list[Any]]:
    """Any string and operands that fit: repeated letters, dots, lengths of 1, implicit results."""
    letters = "abcde"[: rng.randint(1, 5)]
    length = {x: rng.choice([1, 2, 3]) for x in letters}
    terms = ["".join(rng.choices(letters, k=rng.randint(0, 3))) for _ in range(rng.randint(1, 3))]
    shapes = [tuple(length[x] for x in term) for term in terms]
    known = sorted(set("".join(terms)))
    result = "".join(rng.sample(known, rng.randint(0, len(known))))
    if rng.random() < 0.4:
        dots = [rng.choice([(), (2,), (1,), (3, 2), (1, 2)]) for _ in terms]
        terms = [f"{term[:1]}...{term[1:]}" for term in terms]
        shapes = [(*s[:1], *d, *s[1:]) for s, d in zip(shapes, dots, strict=True)]
        result = f"{result[:1]}...{result[1:]}"
    text = ",".join(terms) + (f"->{result}" if rng.random() < 0.8 else "")
    return text, [loose(*shape) for shape in shapes]


@pytest.mark.parametrize("seed", range(100))
def test_any_string(seed: int) -> None:
    text, xs = some_string(Random(seed))
    leaves = [tg.Value(x) for x in xs]
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    ours, theirs = tg.einsum(text, *leaves), torch.einsum(text, *tensors)
    np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)
    tg.sum(tg.sin(ours)).backward()
    torch.sin(theirs).sum().backward()
    for leaf, tensor in zip(leaves, tensors, strict=True):
        np.testing.assert_allclose(leaf.grad, tensor.grad.numpy(), rtol=1e-9, atol=1e-9)


def weighted(out: Any, make: Callable[[Any], Any], total: Callable[[Any], Any]) -> Any:
    """One number of a result or of several: uneven weights, so that nothing cancels."""
    parts = list(out) if isinstance(out, (tuple, list)) else [out]
    sums = [total(p * make(np.cos(np.arange(np.prod(p.shape, dtype=int))).reshape(p.shape) + 0.3))
            for p in parts if hasattr(p, "shape")]  # fmt: skip
    return sum(sums[1:], sums[0])


@pytest.mark.parametrize(("name", "ours", "theirs", "xs"), CASES, ids=[c[0] for c in CASES])
def test_values_and_two_derivatives(name: str, ours: Any, theirs: Any, xs: Any) -> None:
    leaves = [tg.Value(x) for x in xs]
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    mine, other = ours(*leaves), theirs(*tensors)
    for a, b in zip(*[(x if isinstance(x, (tuple, list)) else [x]) for x in (mine, other)],
                    strict=True):  # fmt: skip
        np.testing.assert_allclose(a.data, b.detach().numpy(force=True), rtol=1e-9, atol=1e-9)

    def score(*vs: Any) -> Any:
        return weighted(ours(*vs), lambda w: w, tg.sum)

    gradients = tg.grad(score, tuple(range(len(xs))))(*xs)
    loss = weighted(other, torch.tensor, torch.sum)
    wanted = torch.autograd.grad(loss, tensors, create_graph=True)
    for a, b in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(force=True), rtol=1e-9, atol=1e-9)
    turned = [np.sin(1.0 + np.arange(x.size)).reshape(x.shape) for x in xs]
    if not any(w.requires_grad for w in wanted):
        return

    def slope(*vs: Any) -> Any:
        found = tg.grad(score, tuple(range(len(xs))))(*vs)
        return sum(tg.sum(g * t) for g, t in zip(found, turned, strict=True))

    second = tg.grad(slope, tuple(range(len(xs))))(*xs)
    along = sum(torch.sum(g * torch.tensor(t)) for g, t in zip(wanted, turned, strict=True))
    for a, b in zip(second, torch.autograd.grad(along, tensors, allow_unused=True), strict=True):
        want = np.zeros(a.shape) if b is None else b.numpy(force=True)
        np.testing.assert_allclose(a, want, rtol=1e-8, atol=1e-9)
