"""`tg.linalg`: NumPy's `numpy.linalg` on Values, with its names, arguments and results.

What has a derivative rule of its own stands in `ops.matrices` and `ops.factorisations`; the rest
is composed of those here. `np.linalg.inv(v)` of a Value comes here as well.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.contractions import cross, outer, tensordot
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, RecordingError
from tinygrad_edu.functions import composite
from tinygrad_edu.ops.arrays import reshape, transpose
from tinygrad_edu.ops.composed import axes_of, composed, given
from tinygrad_edu.ops.elementwise import INF, absolute, divide, equal, multiply, where
from tinygrad_edu.ops.factorisations import (
    eigh_vectors,
    eigvalsh,
    qr_q,
    qr_r,
    svd_u,
    svd_vh,
    svdvals,
)
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.ops.matrices import cholesky, det, inv, logabsdet, pinv, signdet, solve
from tinygrad_edu.ops.products import matmul, swapped
from tinygrad_edu.ops.reductions import max, min, sum
from tinygrad_edu.ops.spreads import norm as vectors
from tinygrad_edu.other_names import instead
from tinygrad_edu.raw import shape as shape_of
from tinygrad_edu.wording import describe, refusal

matrix_transpose = swapped


class EighResult(NamedTuple):
    """The eigenvalues, ascending, and the eigenvectors as columns in that order."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """Left vectors as columns, singular values descending, right vectors as rows."""

    U: Any
    S: Any
    Vh: Any


class QRResult(NamedTuple):
    """Orthogonal columns, and the upper triangle."""

    Q: Any
    R: Any


class SlogdetResult(NamedTuple):
    """The sign of the determinant, a plain number, and the logarithm of its size."""

    sign: Any
    logabsdet: Any


def _matrices(function: str, a: Any, square: bool = False) -> Any:
    """The operand, if its last two axes are matrices."""
    a = given(a)
    shape = shape_of(a)
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        kind = "a square matrix" if square else "a matrix"
        raise refusal(function, f"shape {shape} is not that of {kind}", _MATRICES, a=a)
    return a


_MATRICES = "the last two axes are the rows and columns: a[:, None] makes a column of a vector"


@composed("a")
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues and eigenvectors of a symmetric matrix: ``a @ v = v * w``.

    Of a matrix that is not symmetric the symmetric part is taken, so ``UPLO`` changes nothing.
    Where two eigenvalues are equal the eigenvectors have no derivative, and the gradient through
    them is NaN; that of the eigenvalues alone is right.

    >>> w, v = eigh(np.array([[2.0, 0.0], [0.0, 1.0]]))
    >>> w
    array([1., 2.])
    """
    a = _matrices("eigh", a, square=True)
    return EighResult(eigvalsh(a), eigh_vectors(a))


@composed("a")
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Singular values and vectors: ``a = U @ diag(S) @ Vh``; the same if it is ``hermitian``.

    Where two singular values are equal the vectors have no derivative, and the gradient through
    them is NaN; that of the values alone is right.

    >>> svd(np.array([[0.0, 3.0], [2.0, 0.0]])).S
    array([3., 2.])
    """
    a = _matrices("svd", a)
    if not compute_uv:
        return svdvals(a)
    if full_matrices and shape_of(a)[-1] != shape_of(a)[-2]:
        hint = "np.linalg.svd(a, full_matrices=False): they have no derivative"
        raise refusal("svd", "the vectors that full_matrices=True adds are arbitrary", hint, a=a)
    return SVDResult(svd_u(a), svdvals(a), svd_vh(a))


@composed("a")
def qr(a: Any, mode: str = "reduced") -> Any:
    """Orthogonal columns times an upper triangle: ``a = Q @ R``; with ``mode="r"`` R alone.

    >>> qr(np.array([[0.0, 1.0], [2.0, 0.0]])).R + 0.0
    array([[-2.,  0.],
           [ 0., -1.]])
    """
    a = _matrices("qr", a)
    if mode == "r":
        return qr_r(a)
    if mode not in ("reduced", "complete"):
        raise DTypeError(f"qr: no mode {mode!r}", hint='"reduced", "complete" or "r"')
    if mode == "complete" and shape_of(a)[-2] > shape_of(a)[-1]:
        hint = 'mode="reduced": they have no derivative'
        raise refusal("qr", "the columns that mode='complete' adds are arbitrary", hint, a=a)
    return QRResult(qr_q(a), qr_r(a))


@composed("a")
def slogdet(a: Any) -> SlogdetResult:
    """Sign and logarithm of the determinant, which may be too large or small for a number.

    >>> slogdet(np.array([[2.0, 0.0], [0.0, -2.0]])).sign
    -1.0
    """
    a = _matrices("slogdet", a, square=True)
    return SlogdetResult(signdet(a), logabsdet(a))


@composite("lstsq")
@composed("a", "b")
def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Any]:
    """The x for which ``a @ x`` is nearest to b, by the pseudo-inverse; of many the shortest.

    Also the sums of squared residuals (none where a has not full rank), the rank, and the singular
    values. Golub and Pereyra (1973).

    >>> lstsq(np.array([[1.0], [1.0]]), np.array([1.0, 3.0]))[0]
    array([2.])
    """
    a, b = _matrices("lstsq", a), given(b)
    rows, columns = shape_of(a)[-2:]
    if len(shape_of(a)) > 2:
        raise refusal("lstsq", "one matrix at a time", "tg.linalg.pinv(a) @ b has batches", a=a)
    if len(shape_of(b)) not in (1, 2) or shape_of(b)[0] != rows:
        hint = f"b has {rows} numbers, or {rows} rows with a column per right side"
        raise refusal("lstsq", f"{rows} equations, another right side", hint, a=a, b=b)
    cut = float(np.finfo(a.dtype).eps) * np.maximum(rows, columns) if rcond is None else rcond
    x = matmul(pinv(a, rcond=float(cut)), b)
    sizes = svdvals(a)
    try:
        numbers = sizes._readable("lstsq") if isinstance(sizes, Value) else sizes
    except RecordingError as error:
        what = f"lstsq: the rank of {describe(a)} decides on the result, and would be frozen"
        raise RecordingError(what, hint="tg.linalg.pinv(a) @ b is the solution alone") from error
    rank = int(np.sum(numbers > cut * np.max(numbers, initial=0.0)))
    if not rank == columns < rows:
        return x, np.zeros(0), rank, sizes
    left = sum((b - matmul(a, x)) ** 2, axis=0, keepdims=len(shape_of(b)) == 1)
    return x, left, rank, sizes


@composite("matrix_power")
@composed("a")
def matrix_power(a: Any, n: int) -> Any:
    """Each matrix multiplied with itself n times, by repeated squaring; n < 0 takes the inverse.

    >>> matrix_power(np.array([[1.0, 1.0], [0.0, 1.0]]), 10)
    array([[ 1., 10.],
           [ 0.,  1.]])
    """
    a = _matrices("matrix_power", a, square=True)
    if not isinstance(n, (int, np.integer)):
        raise DTypeError(f"matrix_power: the exponent {n!r}", hint="a whole number of factors")
    if n == 0:
        return where(True, np.eye(shape_of(a)[-1], dtype=a.dtype), a)
    power, rest, found = (inv(a) if n < 0 else a), abs(int(n)), None
    while rest:
        if rest & 1:
            found = power if found is None else matmul(found, power)
        rest >>= 1
        power = matmul(power, power) if rest else power
    return found


@composite("multi_dot")
@composed("arrays")
def multi_dot(arrays: Sequence[Any]) -> Any:
    """The product of several matrices, in the order that needs the fewest multiplications.

    The first and the last may be vectors.

    >>> multi_dot([np.ones(2), np.eye(2), np.eye(2), np.ones(2)])
    2.0
    """
    xs = [given(x) for x in arrays]
    shapes = [shape_of(x) for x in xs]
    if len(xs) < 2 or any(len(s) != 2 for s in shapes[1:-1]):
        what = f"{len(xs)} operands of shapes {', '.join(map(str, shapes))}"
        raise refusal("multi_dot", what, "two or more matrices; the first and last may be vectors")
    lengths = [s[0] if len(s) > 1 else 1 for s in shapes] + [shapes[-1][-1]]
    lengths[1] = shapes[0][-1]
    lengths[-1] = lengths[-1] if len(shapes[-1]) > 1 else 1

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """The fewest multiplications for the matrices i to j, and where to split them."""
        costs = [(0, i)] if i == j else []
        for k in range(i, j):
            last = lengths[i] * lengths[k + 1] * lengths[j + 1]
            costs.append((best(i, k)[0] + best(k + 1, j)[0] + last, k))
        return sorted(costs)[0]

    def product(i: int, j: int) -> Any:
        k = best(i, j)[1]
        return xs[i] if i == j else matmul(product(i, k), product(k + 1, j))

    return product(0, len(xs) - 1)


@composed("x")
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The diagonal of each matrix: of the last two axes, unlike `numpy.diagonal`.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]), offset=1)
    array([2.])
    """
    x = _matrices("diagonal", x)
    rows, columns = shape_of(x)[-2:]
    first = np.arange(np.maximum(0, -offset), np.minimum(rows, columns - offset))
    return getitem(x, index=(Ellipsis, first, first + offset))


@composed("x")
def trace(x: Any, /, *, offset: int = 0) -> Any:
    """The sum of the diagonal of each matrix: of the last two axes, unlike `numpy.trace`.

    >>> trace(np.array([[1.0, 2.0], [3.0, 4.0]]))
    5.0
    """
    return sum(diagonal(x, offset=offset), axis=-1)


@composed("x1", "x2")
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The products of two vectors or of batches of them, summed along an axis.

    >>> vecdot(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 1.0]))
    array([12., 34.])
    """
    return sum(multiply(given(x1), given(x2)), axis=axis)


# Norms -------------------------------------------------------------------------------------------


@composed("x")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or matrices: one axis is a vector, two are a matrix.

    Without axis and order all numbers are one vector. Matrices have the orders "fro", "nuc" (the
    sum of singular values), 2 and -2 (the largest, the smallest), 1, -1, inf, -inf (sums of sizes
    in columns or rows).

    >>> norm(np.array([[3.0, 0.0], [0.0, 4.0]]), 2), norm(np.array([3.0, 4.0]))
    (4.0, 5.0)
    """
    x = given(x)
    count = len(shape_of(x))
    if axis is None and ord is None:
        return vectors(x, None, None, keepdims)
    axes = tuple(range(count)) if axis is None else axes_of(count, axis)
    if len(axes) == 1:
        return vectors(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        hint = "axis=-1 is a norm of vectors, axis=(-2, -1) one of matrices"
        raise refusal("norm", f"ord={ord} over {len(axes)} axes", hint, x=x)
    return _matrix_norm(x, ord, axes, keepdims)


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if ord in (None, "fro"):
        return vectors(x, None, axes, keepdims)
    others = [a for a in range(len(shape_of(x))) if a not in axes]
    x = transpose(x, (*others, *axes))
    if ord in ("nuc", 2, -2):
        found = {"nuc": sum, 2: max, -2: min}[ord](svdvals(x), axis=-1)
    elif ord in (1, -1, np.inf, -np.inf):
        sums = sum(absolute(x), axis=-2 if abs(ord) == 1 else -1)
        found = (max if ord > 0 else min)(sums, axis=-1)
    else:
        raise DTypeError(
            f"norm: no order {ord!r} for matrices", hint='"fro", "nuc", 2, -2, 1, -1, inf, -inf'
        )
    kept = [1 if a in axes else n for a, n in _lengths(shape_of(x), others, axes)]
    return reshape(found, tuple(kept)) if keepdims else found


def _lengths(shape: Any, others: list[int], axes: tuple[int, ...]) -> list[tuple[int, int]]:
    """Axes in their old order with their lengths, for an array whose axes were moved."""
    return sorted(zip((*others, *axes), shape, strict=True))


@composed("x")
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The norm of vectors along an axis; without one, all numbers are one vector.

    >>> vector_norm(np.array([[3.0, 4.0]]), ord=1)
    7.0
    """
    x = given(x)
    if axis is None and not keepdims:
        return vectors(reshape(x, (-1,)), ord)
    return vectors(x, ord, axis, keepdims)


@composed("x")
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of each matrix of the last two axes.

    >>> matrix_norm(np.array([[3.0, 0.0], [0.0, 4.0]]), ord="nuc")
    7.0
    """
    return norm(_matrices("matrix_norm", x), ord, (-2, -1), keepdims)


@composite("cond")
@composed("x")
def cond(x: Any, p: Any = None) -> Any:
    """How much an error of b can grow in ``solve(x, b)``: the norm of x times that of inv(x).

    >>> cond(np.array([[4.0, 0.0], [0.0, 2.0]]))
    2.0
    """
    x = _matrices("cond", x)
    if p in (None, 2, -2):
        sizes = svdvals(x)
        high, low = max(sizes, axis=-1), min(sizes, axis=-1)
        ratio = divide(low, high) if p == -2 else divide(high, low)
        return where(equal(high, 0.0), INF, ratio)
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


@composed("A")
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """How many singular values are above ``tol``, or ``rtol`` times the largest: a plain number.

    Without either, those count that are not 0 to rounding. ``hermitian`` changes nothing.

    >>> int(matrix_rank(np.array([[1.0, 2.0], [2.0, 4.0]])))
    1
    """
    A = _matrices("matrix_rank", A)
    sizes = svdvals(A)
    if tol is None:
        eps = float(np.finfo(A.dtype).eps) * float(np.max(shape_of(A)[-2:]))
        tol = max(sizes, axis=-1, keepdims=True) * (eps if rtol is None else rtol)
    elif np.ndim(tol):
        tol = given(tol)[..., None]  # one per matrix
    above = sizes > tol
    if isinstance(above, Value):  # while a program is recorded
        return sum(where(above, 1.0, 0.0), axis=-1)
    return np.sum(above, axis=-1)


def __getattr__(name: str) -> Any:
    said = instead(name, __all__, "tg.linalg.")
    raise AttributeError(f"module 'tinygrad_edu.linalg' has no attribute {name!r}{said}")


__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "multi_dot", "norm",
    "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot",
    "vector_norm",
]  # fmt: skip
