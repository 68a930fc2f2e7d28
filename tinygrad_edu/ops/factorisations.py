"""Eigenvalues, singular values and QR: one operation per factor, one factorisation for all.

Each factor is an operation of its own, so that it is drawn, replayed and differentiated like any
other; its rule calls the operations of the other factors. They share the work: the factorisation of
an array is kept while the array lives. The gradients of the factors add up, as all gradients do.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.define import general
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.ops import matrix_examples as examples
from tinygrad_edu.ops.arrays import concatenate, reshape
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand, where
from tinygrad_edu.ops.matrices import identity, lapack, lower, solve, square_matrix, symmetric
from tinygrad_edu.ops.products import swapped
from tinygrad_edu.ops.reductions import sum
from tinygrad_edu.raw import shape as shape_of

_KNOWN: dict[tuple[str, int], tuple[Any, Any]] = {}


def _shared(name: str, factorise: Callable[[Any], Any], x: Any) -> Any:
    """``factorise(x)``, once for all operations that are given this very array."""
    key = (name, id(x))
    known = _KNOWN.get(key)
    if known is not None and known[0]() is x:
        return known[1]
    found = lapack(factorise, x)
    if isinstance(x, np.ndarray) and not x.flags.writeable:
        _KNOWN[key] = (weakref.ref(x, lambda _: _KNOWN.pop(key, None)), found)
    return found


def _matrix(x: Any) -> Any:
    if len(shape_of(x)) < 2:
        raise ShapeError(f"shape {shape_of(x)} is not that of a matrix", hint="x[:, None] is one")
    return x


def _row(s: Any) -> Any:
    """A number per column of each matrix."""
    return reshape(s, shape=(*shape_of(s)[:-1], 1, shape_of(s)[-1]))


def _apart(x: Any, gaps: Any) -> Any:
    """Off the diagonal divided by the gaps, 0 on it. Equal values give no number: see `eigh`."""
    same = identity(shape_of(x)[-1])
    return where(same, 0.0, x / where(same, 1.0, gaps))


# Eigenvalues of symmetric matrices: Giles (2008), section 3.1 ------------------------------------


def _eigh(x: Any) -> Any:
    return _shared("eigh", lambda x: np.linalg.eigh(symmetric(x)), square_matrix(x))


def _gaps(w: Any) -> Any:
    return _row(w) - swapped(_row(w))


def _vectors_back(g: Any, out: Any, x: Any) -> Any:
    turned = swapped(out) @ g
    return out @ _apart((turned - swapped(turned)) * 0.5, _gaps(eigvalsh(x))) @ swapped(out)


def _vectors_push(t: Any, out: Any, x: Any) -> Any:
    return out @ _apart(swapped(out) @ symmetric(t) @ out, _gaps(eigvalsh(x)))


def _values_push(t: Any, out: Any, x: Any) -> Any:
    v = eigh_vectors(x)
    return sum(v * (symmetric(t) @ v), axis=-2)


_EQUAL = (Convention(
    "eigenvectors of equal eigenvalues: no derivative",
    "d(lambda x: tg.sum(tg.linalg.eigh(x)[1][0]))(np.eye(2)).tolist()",
    "[[nan, nan], [nan, nan]]",
    "D(lambda x: torch.linalg.eigh(x)[1][0].sum())(torch.eye(2)).tolist()",
    "[[nan, nan], [nan, nan]]",
),)  # fmt: skip
_EQUAL_SIZES = (Convention(
    "singular vectors of equal singular values: no derivative",
    "d(lambda x: tg.sum(tg.linalg.svd(x).U[0]))(np.eye(2)).tolist()",
    "[[nan, nan], [nan, nan]]",
    "D(lambda x: torch.linalg.svd(x)[0][0].sum())(torch.eye(2)).tolist()",
    "[[nan, nan], [nan, nan]]",
),)  # fmt: skip
_SYMMETRIC = (Convention(
    "eigh of a matrix that is not symmetric: its symmetric part",
    "tg.linalg.eigh(np.array([[0.0, 2.0], [0.0, 0.0]])).eigenvalues.tolist()", "[-1.0, 1.0]",
    "np.linalg.eigh(np.array([[0.0, 2.0], [0.0, 0.0]])).eigenvalues.tolist()", "[0.0, 0.0]",
),)  # fmt: skip


@general(
    vjp=[lambda g, out, x: (eigh_vectors(x) * _row(g)) @ swapped(eigh_vectors(x))],
    jvp=[_values_push],
    kind="linear algebra", formula="λ with x v = λ v",
    code="np.linalg.eigh(({0} + np.swapaxes({0}, -1, -2)) / 2.0)[0]",
    numpy="np.linalg.eigvalsh({0})", torch="torch.linalg.eigvalsh({0})",
    jax="jnp.linalg.eigvalsh({0})", examples=examples.symmetric,
    kinks=(lambda x: np.diff(_eigh(x)[0]),),
)  # fmt: skip
def eigvalsh(x: Operand) -> Any:
    """The eigenvalues of a symmetric matrix, ascending (of its symmetric part, if it is not).

    >>> eigvalsh(np.array([[2.0, 0.0], [0.0, 1.0]]))
    array([1., 2.])
    """
    return _eigh(x)[0]


@general(
    vjp=[_vectors_back], jvp=[_vectors_push],
    conventions=_EQUAL + _SYMMETRIC, kind="linear algebra", formula="v with x v = λ v",
    code="np.linalg.eigh(({0} + np.swapaxes({0}, -1, -2)) / 2.0)[1]",
    numpy="np.linalg.eigh({0})[1]", torch="torch.linalg.eigh({0})[1]",
    jax="jnp.linalg.eigh({0})[1]", examples=examples.symmetric,
)  # fmt: skip
def eigh_vectors(x: Operand) -> Any:
    """The eigenvectors of a symmetric matrix as columns, in the order of its eigenvalues."""
    return _eigh(x)[1]


# Singular values: Townsend, "Differentiating the singular value decomposition" (2016) -------------


def _svd(x: Any) -> Any:
    return _shared("svd", lambda x: np.linalg.svd(x, full_matrices=False), _matrix(x))


def _squared_gaps(s: Any) -> Any:
    return (_row(s) - swapped(_row(s))) * (_row(s) + swapped(_row(s)))


def _one_side_back(g: Any, u: Any, s: Any, vh: Any) -> Any:
    turned = swapped(u) @ g
    found = u @ (_apart(turned - swapped(turned), _squared_gaps(s)) * _row(s))
    if shape_of(u)[-2] > shape_of(u)[-1]:
        found = found + (g - u @ turned) / _row(s)
    return found @ vh


def _one_side_push(t: Any, u: Any, s: Any, vh: Any) -> Any:
    moved = t @ swapped(vh)
    inner = swapped(u) @ moved
    found = u @ _apart(inner * _row(s) + swapped(inner * _row(s)), _squared_gaps(s))
    narrow = shape_of(u)[-2] > shape_of(u)[-1]
    return found + (moved - u @ inner) / _row(s) if narrow else found


@general(
    vjp=[lambda g, out, x: (svd_u(x) * _row(g)) @ svd_vh(x)],
    jvp=[lambda t, out, x: sum(svd_u(x) * (t @ swapped(svd_vh(x))), axis=-2)],
    kind="linear algebra", formula="σ with x = u σ vᵀ",
    code="np.linalg.svd({0}, full_matrices=False)[1]",
    numpy="np.linalg.svdvals({0})", torch="torch.linalg.svdvals({0})",
    jax="jnp.linalg.svd({0}, compute_uv=False)", examples=examples.tall_or_wide,
    kinks=(lambda x: np.diff(_svd(x)[1]), lambda x: _svd(x)[1]),
)  # fmt: skip
def svdvals(x: Operand) -> Any:
    """The singular values, descending: how far the matrix stretches.

    >>> svdvals(np.array([[0.0, 3.0], [2.0, 0.0]]))
    array([3., 2.])
    """
    return _svd(x)[1]


@general(
    vjp=[lambda g, out, x: _one_side_back(g, out, svdvals(x), svd_vh(x))],
    jvp=[lambda t, out, x: _one_side_push(t, out, svdvals(x), svd_vh(x))],
    kind="linear algebra", formula="u with x = u σ vᵀ",
    code="np.linalg.svd({0}, full_matrices=False)[0]",
    numpy="np.linalg.svd({0}, full_matrices=False)[0]",
    torch="torch.linalg.svd({0}, full_matrices=False)[0]",
    jax="jnp.linalg.svd({0}, full_matrices=False)[0]", examples=examples.tall_or_wide,
    conventions=_EQUAL_SIZES,
)  # fmt: skip
def svd_u(x: Operand) -> Any:
    """The left singular vectors as columns."""
    return _svd(x)[0]


def _right(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The right vectors of x are the left ones of its transpose, and so are their rules."""
    return lambda d, out, x: swapped(rule(swapped(d), swapped(out), svdvals(x), swapped(svd_u(x))))


@general(
    vjp=[_right(_one_side_back)], jvp=[_right(_one_side_push)],
    kind="linear algebra", formula="vᵀ with x = u σ vᵀ",
    code="np.linalg.svd({0}, full_matrices=False)[2]",
    numpy="np.linalg.svd({0}, full_matrices=False)[2]",
    torch="torch.linalg.svd({0}, full_matrices=False)[2]",
    jax="jnp.linalg.svd({0}, full_matrices=False)[2]", examples=examples.tall_or_wide,
)  # fmt: skip
def svd_vh(x: Operand) -> Any:
    """The right singular vectors as rows."""
    return _svd(x)[2]


# QR: Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with application
# in optimum experimental design" (2010) ----------------------------------------------------------


def _qr(x: Any) -> Any:
    return _shared("qr", np.linalg.qr, _matrix(x))


def _mirrored(x: Any) -> Any:
    """The symmetric matrix with this lower triangle."""
    return lower(x) + swapped(lower(x, below=1))


def _over(x: Any, r: Any) -> Any:
    """x times the inverse of r."""
    return swapped(solve(swapped(r), swapped(x)))


def _wide(x: Any) -> int | None:
    """The number of rows, where there are more columns, else None."""
    rows, columns = shape_of(x)[-2:]
    return rows if rows < columns else None


def _beside(x: Any, y: Any) -> Any:
    return concatenate([x, y], axis=-1)


def _q_back(g: Any, out: Any, x: Any) -> Any:
    m, r = _wide(x), qr_r(x)
    found = swapped(solve(r[..., :m], swapped(g - out @ _mirrored(swapped(g) @ out))))
    return (
        found
        if m is None
        else _beside(found, np.zeros((*shape_of(x)[:-1], shape_of(x)[-1] - m), x.dtype))
    )


def _r_back(g: Any, out: Any, x: Any) -> Any:
    q, m = qr_q(x), _wide(x)
    if m is None:
        return q @ swapped(solve(out, swapped(_mirrored(out @ swapped(g)))))
    first, gv = out[..., :m], g[..., m:]
    gq = x[..., m:] @ swapped(gv)
    inner = first @ swapped(g[..., :m]) - swapped(gq) @ q
    return _beside(swapped(solve(first, swapped(gq + q @ _mirrored(inner)))), q @ gv)


def _change(t: Any, q: Any, r: Any) -> Any:
    """The changes of q and r, where r is square: dQ and dR."""
    moved = _over(t, r)
    inner = swapped(q) @ moved
    turn = lower(inner, below=1) - swapped(lower(inner, below=1))
    return moved - q @ (inner - turn), (inner - turn) @ r


def _q_push(t: Any, out: Any, x: Any) -> Any:
    m, r = _wide(x), qr_r(x)
    return _change(t[..., :m], out, r[..., :m])[0]


def _r_push(t: Any, out: Any, x: Any) -> Any:
    q, m = qr_q(x), _wide(x)
    if m is None:
        return _change(t, q, out)[1]
    dq, dr = _change(t[..., :m], q, out[..., :m])
    return _beside(dr, swapped(dq) @ x[..., m:] + swapped(q) @ t[..., m:])


@general(
    vjp=[_q_back], jvp=[_q_push],
    kind="linear algebra", formula="q with x = q r", code="np.linalg.qr({0})[0]",
    numpy="np.linalg.qr({0})[0]", torch="torch.linalg.qr({0})[0]", jax="jnp.linalg.qr({0})[0]",
    examples=examples.tall_or_wide,
)  # fmt: skip
def qr_q(x: Operand) -> Any:
    """The columns of x made orthogonal and of length 1, one after the other."""
    return _qr(x)[0]


@general(
    vjp=[_r_back], jvp=[_r_push],
    kind="linear algebra", formula="r with x = q r", code="np.linalg.qr({0})[1]",
    numpy="np.linalg.qr({0})[1]", torch="torch.linalg.qr({0})[1]", jax="jnp.linalg.qr({0})[1]",
    examples=examples.tall_or_wide,
)  # fmt: skip
def qr_r(x: Operand) -> Any:
    """The upper triangle that turns the orthogonal columns back into those of x."""
    return _qr(x)[1]
