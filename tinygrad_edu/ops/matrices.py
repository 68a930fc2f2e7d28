"""Inverses, linear equations, determinants and Cholesky's factor, of matrices and batches of them.

The rules are those of Giles, "An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation" (2008), unless another source is named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from tinygrad_edu.define import general, plain
from tinygrad_edu.errors import MatrixError, ShapeError
from tinygrad_edu.ops import matrix_examples as examples
from tinygrad_edu.ops.arrays import reshape
from tinygrad_edu.ops.composed import given, mistake
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand, where
from tinygrad_edu.ops.plain import detach
from tinygrad_edu.ops.products import swapped
from tinygrad_edu.ops.reductions import sum
from tinygrad_edu.raw import shape as shape_of

# Matrices, their parts and what is wrong with them ------------------------------------------------


def square_matrix(x: Any) -> Any:
    """The operand, if it is a square matrix or a batch of them."""
    shape = shape_of(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        hint = "the last two axes are a matrix; tg.linalg.pinv and lstsq take any lengths"
        raise ShapeError(f"shape {shape} is not that of a square matrix", hint=hint)
    return x


def lapack(function: Callable[..., Any], x: Any, *others: Any) -> Any:
    """Call one of NumPy's functions; what it cannot do is told with the matrix to blame."""
    try:
        return function(x, *others)
    except LinAlgError as error:
        raise _failure(str(error), np.asarray(x)) from error
    except TypeError as error:
        what = f"there is no linear algebra of {np.asarray(x).dtype}"
        raise mistake(what, "x.astype(np.float32), or np.float64", TypeError) from error


def _failure(said: str, x: Any) -> Exception:
    finite = np.isfinite(x).all(axis=(-2, -1))
    if "ositive" in said or not finite.all():
        good = finite & (np.linalg.eigvalsh(np.where(np.isfinite(x), x, 0.0))[..., 0] > 0.0 if
                         "ositive" in said else True)  # fmt: skip
        which = "" if x.ndim == 2 else f"matrix {list(map(int, np.argwhere(~good)[0]))}: "
        if not finite.all():
            return MatrixError(
                f"{which}not all numbers are finite",
                hint="tg.trace_table(x) shows where they begin",
            )
        low = float(np.linalg.eigvalsh(x)[..., 0][~good].min(initial=0.0))
        return MatrixError(
            f"{which}not positive definite: its smallest eigenvalue is {low:.3g}",
            hint="a covariance plus a little on the diagonal is: x + 1e-6 * np.eye(n)",
        )
    sizes = np.linalg.svd(x, compute_uv=False)
    with np.errstate(invalid="ignore"):  # nothing is more singular than zeros: 0 / 0, which is NaN
        worst = np.unravel_index(int(np.argmin(sizes[..., -1] / sizes[..., 0])), x.shape[:-2])
    which = "" if x.ndim == 2 else f"matrix {list(map(int, worst))}: "
    high, low = float(sizes[worst][0]), float(sizes[worst][-1])
    return MatrixError(
        f"{which}singular: its rows depend on each other (singular values {high:.3g} to {low:.3g})",
        hint="tg.linalg.pinv(a), or tg.linalg.lstsq(a, b)[0], has an answer for every matrix",
    )


def identity(n: int) -> Any:
    """Where row and column are the same."""
    return np.eye(n, dtype=bool)


def lower(x: Any, below: int = 0) -> Any:
    """The numbers on and below the diagonal, zeros above."""
    rows, columns = shape_of(x)[-2:]
    return where(np.tri(rows, columns, -below, dtype=bool), x, 0.0)


def symmetric(x: Any) -> Any:
    """The mean of each matrix and its transpose: itself to the last bit where it is symmetric."""
    return (x + swapped(x)) / 2.0


def per_matrix(g: Any) -> Any:
    """One number per matrix, with two axes of length 1 so that it multiplies a matrix."""
    shape = shape_of(g)
    return reshape(g, shape=(*shape, 1, 1)) if shape else g


# Inverses and equations ---------------------------------------------------------------------------


@general(
    vjp=[lambda g, out, x: -(swapped(out) @ g @ swapped(out))],
    jvp=[lambda t, out, x: -(out @ t @ out)],
    kind="linear algebra", symbol="⁻¹", formula="x⁻¹", code="np.linalg.inv({0})",
    numpy="np.linalg.inv({0})", torch="torch.linalg.inv({0})", jax="jnp.linalg.inv({0})",
    examples=examples.matrix, analytic=True,
)  # fmt: skip
def inv(x: Operand) -> Any:
    """The inverse of each matrix: x @ inv(x) is the identity.

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return lapack(np.linalg.inv, square_matrix(x))


def _column(b: Any) -> Any:
    return b if len(shape_of(b)) > 1 else reshape(b, shape=(*shape_of(b), 1))


def _as_columns(g: Any, b: Any) -> Any:
    """A result or gradient of `solve` as matrices, also where b is a vector."""
    return g if len(shape_of(b)) > 1 else reshape(g, shape=(*shape_of(g), 1))


def _solved(a: Any, right: Any, b: Any) -> Any:
    """Solve for right sides of the shape of a result; the shape stays."""
    found = solve(a, _as_columns(right, b))
    return found if len(shape_of(b)) > 1 else reshape(found, shape=shape_of(found)[:-1])


def _solve_left(g: Any, out: Any, a: Any, b: Any) -> Any:
    columns = solve(swapped(a), _as_columns(g, b))
    return -(columns @ swapped(_as_columns(out, b)))


def _solve_tangent(t: Any, out: Any, a: Any, b: Any) -> Any:
    change = t @ _as_columns(out, b)
    found = -solve(a, change)
    return found if len(shape_of(b)) > 1 else reshape(found, shape=shape_of(found)[:-1])


def _forward_solve(a: Any, b: Any) -> Any:
    n, shape = shape_of(square_matrix(a))[-1], shape_of(b)
    if not shape or shape[-2:][0] != n:
        raise ShapeError(
            f"{n} equations (shape {shape_of(a)}) for a right side of shape {shape}",
            hint=f"b has {n} numbers, or {n} rows with a column per right side",
        )
    return lapack(np.linalg.solve, a, b)


@general(
    vjp=[_solve_left, lambda g, out, a, b: _solved(swapped(a), g, b)],
    jvp=[_solve_tangent, lambda t, out, a, b: _solved(a, t, b)],
    kind="linear algebra", symbol="\\", formula="a⁻¹ b", code="np.linalg.solve({0}, {1})",
    numpy="np.linalg.solve({0}, {1})", torch="torch.linalg.solve({0}, {1})",
    jax="jnp.linalg.solve({0}, {1})", examples=examples.equations, analytic=True,
)  # fmt: skip
def solve(a: Operand, b: Operand) -> Any:
    """The x with a @ x = b: b is one vector, or matrices with a right side per column.

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([1.0, 1.0]))
    array([0.5 , 0.25])
    """
    return _forward_solve(a, b)


def _pinv_back(g: Any, out: Any, x: Any) -> Any:
    p, pt, gt = out, swapped(out), swapped(g)
    left, right = gt @ p, p @ gt
    change = left @ pt - x @ (p @ (left @ pt)) + pt @ (right - (right @ p) @ x)
    return change - pt @ g @ pt


def _pinv_push(t: Any, out: Any, x: Any) -> Any:
    p, pt, tt = out, swapped(out), swapped(t)
    first = p @ (pt @ tt)
    second = tt @ (pt @ p)
    return first - (first @ x) @ p + second - p @ (x @ second) - p @ t @ p


@general(
    vjp=[lambda g, out, x, rcond: _pinv_back(g, out, x)],
    jvp=[lambda t, out, x, rcond: _pinv_push(t, out, x)],
    kind="linear algebra", symbol="⁺", formula="x⁺", code="np.linalg.pinv({0}, {rcond})",
    numpy="np.linalg.pinv({0}, {rcond})", torch="torch.linalg.pinv({0})",
    jax="jnp.linalg.pinv({0})", examples=examples.tall_or_wide,
)  # fmt: skip
def pinv(x: Operand, rcond: Any = None) -> Any:
    """The pseudo-inverse (Moore and Penrose) of matrices of any lengths and any rank.

    Its derivative is that of matrices whose rank does not change: Golub and Pereyra, "The
    differentiation of pseudo-inverses and nonlinear least squares problems" (1973).

    >>> pinv(np.array([[2.0], [0.0]]))
    array([[0.5, 0. ]])
    """
    if len(shape_of(x)) < 2:
        raise ShapeError(f"shape {shape_of(x)} is not that of a matrix", hint="x[:, None] is one")
    return lapack(np.linalg.pinv, x, rcond)


# Determinants -------------------------------------------------------------------------------------


@general(
    vjp=[lambda g, out, x: per_matrix(g) * cofactor(x)],
    jvp=[lambda t, out, x: sum(t * cofactor(x), axis=(-2, -1))],
    kind="linear algebra", formula="det x", code="np.linalg.det({0})",
    numpy="np.linalg.det({0})", torch="torch.linalg.det({0})", jax="jnp.linalg.det({0})",
    examples=examples.matrix, analytic=True,
    stable="Its gradient are signed minors: nothing is divided by the determinant.",
)  # fmt: skip
def det(x: Operand) -> Any:
    """The determinant: the volume of the cell that the rows span. Singular matrices are welcome.

    >>> det(np.array([[2.0, 1.0], [0.0, 4.0]]))
    8.0
    """
    return lapack(np.linalg.det, square_matrix(x))


_COFACTOR = """cofactor({0})
def cofactor(x):
    u, s, vh = np.linalg.svd(x)
    rest = np.where(np.eye(x.shape[-1], dtype=bool), 1.0, s[..., None, :]).prod(axis=-1)
    sign = np.round(np.linalg.det(u) * np.linalg.det(vh))
    return sign[..., None, None] * ((u * rest.astype(x.dtype)[..., None, :]) @ vh)"""


def _others(s: Any) -> Any:
    """The products of all numbers but the i-th and the j-th; 0 where i = j."""
    n = shape_of(s)[-1]
    index = np.arange(n)
    product: Any = np.ones((n, n), dtype=s.dtype)
    for k in range(n):
        left_out = (index[:, None] == k) | (index == k)
        product = product * where(left_out, 1.0, per_matrix(s[..., k]))
    return where(identity(n), 0.0, product)


def _cofactor_change(t: Any, out: Any, x: Any) -> Any:
    """The derivative of all minors in a direction; it is its own transpose.

    In the frame of the singular vectors a minor of the diagonal matrix changes by products of the
    other singular values: no division, so singular matrices are no exception.
    """
    from tinygrad_edu.ops.factorisations import svd_u, svd_vh, svdvals

    u, s, vh = svd_u(x), svdvals(x), svd_vh(x)
    same, products = identity(shape_of(x)[-1]), _others(s)
    inner = swapped(u) @ t @ swapped(vh)
    diagonal = sum(where(same, inner, 0.0), axis=-1, keepdims=True)
    core = where(same, products @ diagonal, -products * swapped(inner))
    return per_matrix(detach(det(u) * det(vh))) * (u @ core @ vh)


@general(
    vjp=[_cofactor_change], jvp=[_cofactor_change],
    kind="linear algebra", formula="(−1)ⁱ⁺ʲ det(x without row i, column j)", code=_COFACTOR,
    torch="", jax="", examples=examples.matrix,
    stable="Products of singular values are multiplied, and nothing is divided by.",
)  # fmt: skip
def cofactor(x: Operand) -> Any:
    """The signed minors of a matrix: the gradient of its determinant.

    >>> cofactor(np.array([[2.0, 1.0], [0.0, 0.0]]))
    array([[ 0.,  0.],
           [-1.,  2.]])
    """
    u, s, vh = lapack(np.linalg.svd, square_matrix(x))
    rest = np.where(identity(x.shape[-1]), 1.0, s[..., None, :]).prod(axis=-1).astype(x.dtype)
    sign = np.round(np.linalg.det(u) * np.linalg.det(vh))
    return sign[..., None, None] * ((u * rest[..., None, :]) @ vh)


@general(
    vjp=[lambda g, out, x: per_matrix(g) * swapped(inv(x))],
    jvp=[lambda t, out, x: sum(t * swapped(inv(x)), axis=(-2, -1))],
    kind="linear algebra", formula="ln |det x|", code="np.linalg.slogdet({0})[1]",
    numpy="np.linalg.slogdet({0})[1]", torch="torch.linalg.slogdet({0})[1]",
    jax="jnp.linalg.slogdet({0})[1]", examples=examples.matrix,
    stable="Logarithms are added where the product would overflow.",
)  # fmt: skip
def logabsdet(x: Operand) -> Any:
    """The logarithm of the size of the determinant."""
    return lapack(np.linalg.slogdet, square_matrix(x))[1]


@plain(
    formula="sign det x", code="np.linalg.slogdet({0})[0]", numpy="np.linalg.slogdet({0})[0]",
    torch="torch.linalg.slogdet({0})[0]", jax="jnp.linalg.slogdet({0})[0]",
    examples=examples.matrix,
)  # fmt: skip
def signdet(x: Operand) -> Any:
    """The sign of the determinant, 0 for a singular matrix: a plain number."""
    return lapack(np.linalg.slogdet, square_matrix(x))[0]


# Cholesky -----------------------------------------------------------------------------------------


def _halved(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    return where(identity(shape_of(x)[-1]), x * 0.5, lower(x))


def _cholesky_back(g: Any, out: Any, x: Any) -> Any:
    up = swapped(out)
    half = solve(up, _halved(up @ g))
    return symmetric(solve(up, swapped(half)))


def _cholesky_push(t: Any, out: Any, x: Any) -> Any:
    half = solve(out, symmetric(t))
    return out @ _halved(solve(out, swapped(half)))


def _prepare_cholesky(x: Any, upper: bool = False) -> Any:
    return swapped(given(cholesky(x))) if upper else {"upper": False}


@general(
    vjp=[lambda g, out, x, upper: _cholesky_back(g, out, x)],
    jvp=[lambda t, out, x, upper: _cholesky_push(t, out, x)],
    kind="linear algebra", formula="L with L Lᵀ = x", prepare=_prepare_cholesky,
    code="np.linalg.cholesky(({0} + np.swapaxes({0}, -1, -2)) / 2.0)",
    numpy="np.linalg.cholesky({0})", torch="torch.linalg.cholesky({0})",
    jax="jnp.linalg.cholesky({0})", examples=examples.symmetric,
    conventions=(
        Convention(
            "cholesky of a matrix that is not symmetric: its symmetric part",
            "tg.linalg.cholesky(np.array([[4.0, 0.0], [4.0, 5.0]])).tolist()",
            "[[2.0, 0.0], [1.0, 2.0]]",
            "np.linalg.cholesky(np.array([[4.0, 0.0], [4.0, 5.0]])).tolist()",
            "[[2.0, 0.0], [2.0, 1.0]]",
        ),
    ),
)  # fmt: skip
def cholesky(x: Operand, upper: bool = False) -> Any:
    """The lower (or upper) triangle L with L @ L.T = x, for a positive definite matrix.

    Of a matrix that is not symmetric the symmetric part is taken. The rule is that of Murray,
    "Differentiation of the Cholesky decomposition" (2016).

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 10.0]]))
    array([[2., 0.],
           [1., 3.]])
    """
    return lapack(np.linalg.cholesky, symmetric(square_matrix(x)))
