"""References of linear algebra: definitions written out, and NumPy where a sign is LAPACK's choice.

What NumPy computes for both is held to its definition in tests/test_linalg.py: factors multiply to
the matrix, vectors are orthogonal.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np


def leibniz(x: Any) -> float:
    """The sum over all permutations, of which half count negative."""
    total = 0.0
    for order in permutations(range(len(x))):
        turns = sum(a > b for k, a in enumerate(order) for b in order[k + 1 :])
        total += (-1.0) ** turns * np.prod([x[i, j] for i, j in enumerate(order)])
    return total


def minors(x: Any) -> Any:
    n = len(x)
    return np.array([
        [(-1.0) ** (i + j) * leibniz(np.delete(np.delete(x, i, 0), j, 1)) for j in range(n)]
        for i in range(n)
    ])  # fmt: skip


def cramer(a: Any, b: Any) -> Any:
    """Each unknown as a quotient of two determinants."""
    n, columns = len(a), b.reshape(len(a), -1)
    out = np.empty(columns.shape)
    for i in range(n):
        for k in range(columns.shape[1]):
            changed = a.copy()
            changed[:, i] = columns[:, k]
            out[i, k] = leibniz(changed) / leibniz(a)
    return out.reshape(b.shape)


def triangle(x: Any) -> Any:
    """Row by row (Banachiewicz)."""
    n = len(x)
    low = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = x[i, j] - low[i, :j] @ low[j, :j]
            low[i, j] = np.sqrt(rest) if i == j else rest / low[j, j]
    return low


def each(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function on every matrix of a batch."""

    def over(x: Any, **params: Any) -> Any:
        if x.ndim == 2:
            return function(x)
        return np.array([over(part) for part in x])

    return over


def solutions(a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return each(lambda m: cramer(m, b))(a)
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if not lead:
        return cramer(a, b)
    a, b = (np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b))
    return np.array([solutions(*pair) for pair in zip(a, b, strict=True)])


def letters(*operands: Any, subscripts: str) -> Any:
    return np.einsum(subscripts, *operands)


REFERENCES: dict[str, Callable[..., Any]] = {
    "einsum": letters,
    "inv": each(lambda x: minors(x).T / leibniz(x)),
    "solve": solutions,
    "det": each(leibniz),
    "cofactor": each(minors),
    "logabsdet": each(lambda x: np.log(abs(leibniz(x)))),
    "signdet": each(lambda x: np.sign(leibniz(x))),
    "pinv": each(
        lambda x: np.linalg.inv(x.T @ x) @ x.T if len(x) >= len(x.T) else
        x.T @ np.linalg.inv(x @ x.T)
    ),
    "cholesky": each(triangle),
    "eigvalsh": each(lambda x: np.sort(np.linalg.eigvals(x).real)),
    "eigh_vectors": each(lambda x: np.linalg.eigh(x).eigenvectors),
    "svdvals": each(
        lambda x: np.sqrt(np.sort(np.linalg.eigvals(x.T @ x if len(x) > len(x.T) else
                                                    x @ x.T).real)[::-1])
    ),
    "svd_u": each(lambda x: np.linalg.svd(x, full_matrices=False).U),
    "svd_vh": each(lambda x: np.linalg.svd(x, full_matrices=False).Vh),
    "qr_q": each(lambda x: np.linalg.qr(x).Q),
    "qr_r": each(lambda x: np.linalg.qr(x).R),
}  # fmt: skip
