"""Operands that fit for `einsum` and for the operations on matrices; see `ops.examples`."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from tinygrad_edu.ops.examples import Example, numbers


def einsum(rng: Random) -> Example:
    text, *shapes = rng.choice([
        ("ij,jk->ik", (2, 3), (3, 2)), ("ij,kj->ki", (2, 3), (2, 3)), ("bij,bjk->bik", (2, 2, 3),
        (2, 3, 1)), ("ii->i", (3, 3)), ("ii->", (3, 3)), ("iij->ji", (2, 2, 3)), ("ij->j", (2, 3)),
        ("i,j->ij", (2,), (3,)), ("i,ij,j->", (2,), (2, 3), (3,)), ("ij,k->i", (2, 3), (2,)),
        ("...i,i->...", (2, 2, 3), (3,)), ("i...,...j", (2, 3), (3, 2)), (",i->i", (), (3,)),
        ("ab,bc,cd,de", (1, 2), (2, 2), (2, 3), (3, 1)), ("ij,ij->i", (1, 3), (2, 3)),
        ("ijkl->ikjl", (1, 2, 2, 1)), ("iji,j->i", (2, 3, 2), (3,)), ("ij,jj->i", (2, 3), (3, 3)),
    ])  # fmt: skip
    return tuple(numbers(rng, *shape) for shape in shapes), {"subscripts": text}


def matrix(rng: Random) -> Example:
    """Square matrices with a strong diagonal, far from singular, also rounded to whole numbers."""
    return (_strong(rng, *rng.choice([(3, 3), (2, 2), (2, 2, 2), (1, 1)])),), {}


def _strong(rng: Random, *shape: int) -> Any:
    """Small numbers but no zeros, and on the diagonal different large ones: 5, 9, 13.

    Beside zeros LAPACK's choice of a vector's sign would depend on their last bit.
    """
    rows, columns = shape[-2:]
    rest = numbers(rng, *shape)
    rest = np.copysign(0.6 + 0.4 * np.abs(rest), rest)
    return rest + np.eye(rows, columns) * (5.0 + 4.0 * np.arange(columns))


def equations(rng: Random) -> Example:
    left, right = rng.choice([
        ((3, 3), (3,)), ((2, 2), (2, 2)), ((2, 2, 2), (2,)), ((2, 2), (2, 2, 1)),
        ((2, 2, 2), (1, 2, 3)), ((1, 1), (1, 1)),
    ])  # fmt: skip
    return (_strong(rng, *left), numbers(rng, *right)), {}


def symmetric(rng: Random) -> Example:
    """Symmetric, with different eigenvalues."""
    x = _strong(rng, *rng.choice([(3, 3), (2, 2), (2, 2, 2)]))
    return (np.tril(x) + np.swapaxes(np.tril(x, -1), -1, -2),), {}


def tall_or_wide(rng: Random) -> Example:
    """Of full rank, with different singular values."""
    return (_strong(rng, *rng.choice([(3, 3), (3, 2), (2, 3), (2, 3, 2), (2, 1, 2)])),), {}
