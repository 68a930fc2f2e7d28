"""Linear algebra at its edges: singular, repeated, empty, through NumPy's names, and its errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS
from tinygrad_edu.errors import (
    DTypeError,
    MatrixError,
    RecordingError,
    ShapeError,
    UnknownOperationError,
)
from tinygrad_edu.ops import factorisations
from tinygrad_edu.tape import Tape

L = tg.linalg
RNG = np.random.default_rng(5)
SQUARE = RNG.normal(size=(3, 3)) + 4.0 * np.eye(3)
TALL = RNG.normal(size=(4, 3))
SYMMETRIC = SQUARE + SQUARE.T


def plain(x: Any) -> Any:
    return x.data if isinstance(x, tg.Value) else x


# NumPy's names --------------------------------------------------------------------------------


CALLS: list[Callable[[Any], Any]] = [
    np.linalg.inv, np.linalg.det, np.linalg.pinv, np.linalg.svdvals, np.linalg.eigvalsh,
    np.linalg.eigh, np.linalg.svd, np.linalg.qr, np.linalg.slogdet, np.linalg.cond,
    lambda x: np.linalg.eigvalsh(x, UPLO="U"), lambda x: np.linalg.eigvalsh(x, "L"),
    np.linalg.matrix_rank, np.linalg.norm, np.linalg.trace, np.linalg.diagonal,
    np.linalg.matrix_norm, np.linalg.vector_norm, np.linalg.cholesky,
    lambda x: np.linalg.svd(x, full_matrices=False), lambda x: np.linalg.svd(x, compute_uv=False),
    lambda x: np.linalg.qr(x, mode="r"), lambda x: np.linalg.matrix_power(x, -3),
    lambda x: np.linalg.matrix_power(x, 0), lambda x: np.linalg.solve(x, np.ones(3)),
    lambda x: np.linalg.lstsq(x, np.ones(3), rcond=None)[0], lambda x: np.linalg.norm(x, "nuc"),
    lambda x: np.linalg.norm(x, 1, axis=0), lambda x: np.linalg.norm(x, -2, keepdims=True),
    lambda x: np.linalg.trace(x, offset=1), lambda x: np.linalg.multi_dot([x, x, x[0]]),
    lambda x: np.linalg.matrix_transpose(x), lambda x: np.linalg.cross(x, x[::-1]),
    lambda x: np.linalg.vecdot(x, x[0]), lambda x: np.linalg.vecdot(x, x, axis=0),
    lambda x: np.linalg.tensordot(x, x), lambda x: np.einsum("ij,kj", x, x),
    lambda x: np.einsum(x, [0, 1], x, [1, 2], [0, 2]), lambda x: np.einsum(x, [0, 0]),
    lambda x: np.einsum("...i->...", x, optimize=True), lambda x: np.dot(x, x[0]),
    lambda x: np.inner(x, x), lambda x: np.outer(x, x), lambda x: np.kron(x, x[0]),
    lambda x: np.vdot(x, x), lambda x: np.tensordot(x, x, axes=1), lambda x: np.matmul(x, x),
    lambda x: np.cross(x, x[::-1], axis=0), lambda x: np.dot(x, 2.0),
    lambda x: np.tensordot(x, x, axes=([0, -1], [1, 0])),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_numpy_s_own_functions_record(call: Any) -> None:
    spd = SQUARE @ SQUARE.T
    want, have = call(spd), call(tg.Value(spd))
    assert not isinstance(want, tuple) or have._fields == want._fields
    pairs = zip(want, have, strict=True) if isinstance(want, tuple) else [(want, have)]
    for a, b in pairs:
        assert np.shape(plain(b)) == np.shape(a)
        np.testing.assert_allclose(plain(b), a, rtol=1e-11, atol=1e-11)


def test_numbers_in_numbers_out() -> None:
    assert type(L.det(SQUARE)) is float
    assert isinstance(L.eigh(SYMMETRIC).eigenvectors, np.ndarray)
    assert isinstance(tg.einsum("ij->j", [[1, 2], [3, 4]]), np.ndarray)
    assert tg.dot(2.0, 3.0) == 6.0
    assert L.matrix_rank(np.stack([np.eye(2), np.ones((2, 2))])).tolist() == [2, 1]


@pytest.mark.parametrize("order", [None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf])
@pytest.mark.parametrize("axis", [(0, 1), (2, 0), (-1, -2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_of_matrices_are_numpy_s(order: Any, axis: Any, keepdims: bool) -> None:
    x = RNG.normal(size=(2, 3, 4))
    want = np.linalg.norm(x, order, axis, keepdims)
    np.testing.assert_allclose(L.norm(tg.Value(x), order, axis, keepdims).data, want, rtol=1e-12)


def test_the_rank_counts_what_numpy_counts() -> None:
    x = TALL[:, :2] @ RNG.normal(size=(2, 3))
    for options in ({}, {"tol": 1.0}, {"rtol": 0.9}, {"hermitian": False}):
        assert L.matrix_rank(tg.Value(x), **options) == np.linalg.matrix_rank(x, **options)
    recorded = Tape.record(lambda v: L.matrix_rank(v) * 1.0, x)
    assert recorded.run([x]) == 2.0 and recorded.run([np.eye(4)[:, :3]]) == 3.0


def test_the_empty_string_is_a_number_itself() -> None:
    assert tg.einsum("", 2.0) == 2.0 and tg.einsum(",->", 2.0, 3.0) == 6.0


def test_dot_of_many_axes_is_numpy_s() -> None:
    a, b = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(5, 4, 2))
    np.testing.assert_allclose(tg.dot(a, b), np.dot(a, b), rtol=1e-12)


# Factors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [SQUARE, TALL, TALL.T, np.stack([TALL, 2.0 * TALL + 1.0])])
def test_factors_multiply_to_the_matrix(x: Any) -> None:
    u, s, vh = L.svd(x, full_matrices=False)
    q, r = L.qr(x)
    for product in (u * s[..., None, :] @ vh, q @ r):
        np.testing.assert_allclose(product, x, atol=1e-13)
    for columns in (u, L.matrix_transpose(vh), q):
        inner = L.matrix_transpose(columns) @ columns
        np.testing.assert_allclose(inner, inner * 0.0 + np.eye(inner.shape[-1]), atol=1e-13)
    w, v = L.eigh(SYMMETRIC)
    np.testing.assert_allclose(SYMMETRIC @ v, v * w, atol=1e-13)


def test_the_factors_of_one_matrix_share_the_work(monkeypatch: Any) -> None:
    calls = []
    svd = np.linalg.svd
    monkeypatch.setattr(np.linalg, "svd", lambda *a, **k: [calls.append(1), svd(*a, **k)][1])
    x = tg.Value(TALL)
    u, s, vh = L.svd(x, full_matrices=False)
    (tg.sum(u * u * np.arange(12.0).reshape(4, 3)) + tg.sum(s) + tg.sum(vh * vh)).backward()
    assert len(calls) == 1
    del x, u, s, vh
    assert not any(name == "svd" for name, _ in factorisations._KNOWN)


def test_a_change_of_the_leaf_is_a_new_factorisation() -> None:
    x = tg.Value(SYMMETRIC)
    first = L.eigvalsh(x).data
    x.assign(2.0 * SYMMETRIC)
    np.testing.assert_allclose(L.eigvalsh(x).data, 2.0 * first, rtol=1e-12)


# Singular, repeated, empty, narrow ------------------------------------------------------------


def test_the_determinant_of_a_singular_matrix_has_the_cofactor_gradient() -> None:
    for x in (np.zeros((2, 2)), np.ones((3, 3)), np.diag([0.0, 2.0, 3.0]), np.zeros((3, 3))):
        n = len(x)
        minors = [
            [
                (-1.0) ** (i + j) * np.linalg.det(np.delete(np.delete(x, i, 0), j, 1))
                for j in range(n)
            ]
            for i in range(n)
        ]
        np.testing.assert_allclose(tg.grad(L.det)(x), minors, atol=1e-14)
        hessian = tg.hessian(L.det)(x)
        by_hand = np.zeros((n, n, n, n))
        for i, j, k, m in np.ndindex(n, n, n, n):
            if i != k and j != m:
                rows, columns = [r for r in range(n) if r not in (i, k)], None
                columns = [c for c in range(n) if c not in (j, m)]
                sign = (-1.0) ** (i + j + k + m) * np.sign(k - i) * np.sign(m - j)
                by_hand[i, j, k, m] = sign * np.linalg.det(x[np.ix_(rows, columns)])
        np.testing.assert_allclose(hessian, by_hand, atol=1e-14)


def test_repeated_values_functions_of_the_values_are_right() -> None:
    for x in (np.eye(3), np.diag([1.0, 2.0, 2.0])):
        np.testing.assert_allclose(tg.grad(lambda a: tg.sum(L.eigvalsh(a) ** 2))(x), 2.0 * x)
        np.testing.assert_allclose(tg.grad(lambda a: L.norm(a, "nuc"))(x), np.eye(3), atol=1e-15)
        np.testing.assert_allclose(tg.grad(lambda a: L.slogdet(a)[1])(x), np.linalg.inv(x))


@np.errstate(all="ignore")
def test_repeated_values_the_gradient_of_the_vectors_is_told_as_nan() -> None:
    pick = lambda v: tg.sum(v * np.arange(9.0).reshape(3, 3))  # noqa: E731
    assert np.isnan(tg.grad(lambda a: pick(L.eigh(a).eigenvectors))(np.eye(3))).any()
    assert np.isnan(tg.grad(lambda a: pick(L.svd(a).U))(np.eye(3))).any()


def test_pinv_and_lstsq_of_a_matrix_whose_rank_stays() -> None:
    left, right = TALL[:, :2], RNG.normal(size=(2, 3))
    pick = np.arange(12.0).reshape(3, 4)
    for f in (lambda p: tg.sum(L.pinv(p @ right) * pick),
              lambda p: tg.sum(L.lstsq(p @ right, np.arange(4.0))[0])):  # fmt: skip
        tg.testing.check_gradients(f, left)
    x, residuals, rank, sizes = L.lstsq(tg.Value(left @ right), np.arange(4.0))
    want = np.linalg.lstsq(left @ right, np.arange(4.0), rcond=None)
    np.testing.assert_allclose(x.data, want[0], atol=1e-12)
    assert rank == want[2] == 2 and residuals.shape == want[1].shape == (0,)
    np.testing.assert_allclose(sizes.data, want[3], atol=1e-12)


def test_the_residuals_of_lstsq_are_numpy_s() -> None:
    for b in (np.arange(4.0), RNG.normal(size=(4, 2))):
        ours = L.lstsq(tg.Value(TALL), b)[1]
        np.testing.assert_allclose(ours.data, np.linalg.lstsq(TALL, b, rcond=None)[1], rtol=1e-10)


def test_a_symmetric_matrix_gets_a_symmetric_gradient() -> None:
    for f in (L.cholesky, L.eigvalsh, lambda a: L.eigh(a).eigenvectors):
        g = tg.grad(lambda a: tg.sum(f(a) * np.arange(9.0)[: f(a).size].reshape(f(a).shape)))(  # noqa: B023
            SYMMETRIC + 9.0 * np.eye(3)
        )
        np.testing.assert_allclose(g, g.T, rtol=1e-14)


def test_matrix_power_zero_does_not_depend_on_the_matrix() -> None:
    x = np.array([[np.inf, 1.0], [0.0, 2.0]])
    value, g = tg.value_and_grad(lambda a: tg.sum(L.matrix_power(a, 0)))(x)
    assert value == 2.0 and g.tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("name", [n for n in OPS if OPS[n].kind == "linear algebra"])
def test_empty_batches_and_float32(name: str) -> None:
    for seed in range(20):
        operands, params = OPS[name].examples(Random(seed))
        if name == "einsum":
            continue
        narrow = [tg.Value(x.astype(np.float32)) for x in operands]
        out = OPS[name](*narrow, **params)
        tg.sum(out * out).backward()
        assert {x.dtype.name for x in (out, *narrow)} == {"float32"}
        assert all(x.grad.dtype == np.float32 for x in narrow)
        nothing = [tg.Value(np.zeros((0, *x.shape[-2:])) if x.ndim > 1 else x) for x in operands]
        out = OPS[name](*nothing, **params)
        assert out.shape[0] == 0
        tg.sum(out).backward()
        assert [x.grad.shape for x in nothing] == [x.shape for x in nothing]


def test_einsum_of_float32_with_a_number_stays_float32() -> None:
    x = tg.Value(np.ones(3, np.float32))
    out = tg.einsum(",i->i", 2.0, x)
    assert out.dtype == np.float32
    tg.sum(out).backward()
    assert x.grad.dtype == np.float32


LARGE = [
    ("bqhd,bkhd->bhqk", (2, 8, 3, 9), (2, 7, 3, 9)), ("bij,bjk->kbi", (8, 9, 10), (8, 10, 11)),
    ("ij,kj->ki", (20, 20), (21, 20)), ("bij,bjk->bik", (1, 20, 20), (5, 20, 20)),
    ("ij,jk->ik", (20, 1), (20, 20)), ("ij,jkl->ikl", (20, 20), (20, 5, 6)),
    ("ij,jk,kl->il", (20, 20), (20, 20), (20, 20)), ("bi,bi->", (80, 80), (80, 80)),
    ("ij,jk->i", (20, 20), (20, 20)), ("i,j->ij", (80,), (80,)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shapes"), [(text, shapes) for text, *shapes in LARGE])
def test_large_contractions_compute_what_small_ones_do(text: str, shapes: Any) -> None:
    xs = [RNG.normal(size=shape) for shape in shapes]
    results = []
    for optimize in (False, None):
        leaves = [tg.Value(x) for x in xs]
        out = tg.einsum(text, *leaves, optimize=optimize)
        tg.sum(out * out).backward()
        results.append([out.data, *[leaf.grad for leaf in leaves]])
        assert "optimize" in tg.to_code(out, limit=10**6)
    np.testing.assert_allclose(results[0][0], np.einsum(text, *xs), rtol=1e-11, atol=1e-11)
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@np.errstate(all="ignore")
def test_einsum_does_not_multiply_by_a_mask() -> None:
    g = tg.grad(lambda x: tg.sum(tg.log(tg.einsum("ii->i", x))))(np.zeros((2, 2)))
    assert g[0, 0] == np.inf and g[0, 1] == 0.0


def test_a_recorded_program_factorises_anew() -> None:
    def loss(x: Any) -> Any:
        w, v = L.eigh(x @ L.matrix_transpose(x))
        return tg.sum(w**3) + L.det(x) + tg.sum((v * v) @ w)

    tape = Tape.record(tg.grad(loss), SQUARE)
    np.testing.assert_array_equal(tape.run([TALL[:3]]), tg.grad(loss)(TALL[:3]))


# Errors -----------------------------------------------------------------------------------------

A = tg.Value([[1.0, 2.0], [2.0, 4.0]], "A")
R = tg.Value(np.ones((2, 3)), "R")
V = tg.Value(np.ones(3), "v")
MISTAKES: list[tuple[Callable[[], Any], type[Exception], list[str]]] = [
    (lambda: L.inv(A), MatrixError, ["inv: singular", "(singular values 5 to ", "'A' (leaf",
                                     "tg.linalg.pinv(a)"]),
    (lambda: L.inv(tg.stack([A + np.eye(2), A])), MatrixError, ["inv: matrix [1]: singular"]),
    (lambda: L.solve(A, np.ones(2)), MatrixError, ["solve: singular", "operand 1", "lstsq"]),
    (lambda: L.solve(R, V), ShapeError, ["(2, 3) is not that of a square matrix", "lstsq"]),
    (lambda: L.solve(A, V), ShapeError, ["2 equations", "right side of shape (3,)", "2 rows"]),
    (lambda: L.det(R), ShapeError, ["det: shape (2, 3)", "'R'"]),
    (lambda: L.cholesky(-A), MatrixError, ["not positive definite: its smallest eigenvalue is -5",
                                           "1e-6 * np.eye(n)"]),
    (lambda: L.cholesky(tg.stack([A + np.eye(2), -A])), MatrixError, ["matrix [1]: not positive"]),
    (lambda: L.svd(A * np.nan), MatrixError, ["not all numbers are finite", "trace_table"]),
    (lambda: L.eigh(R), ShapeError, ["eigh: shape (2, 3)", "a: 'R'", "at test_linalg.py"]),
    (lambda: L.svd(R), ShapeError, ["svd: the vectors", "full_matrices=False", "a: 'R'"]),
    (lambda: L.qr(V), ShapeError, ["qr: shape (3,)", "a[:, None]"]),
    (lambda: L.qr(R.T, "complete"), ShapeError, ["mode='complete' adds are arbitrary"]),
    (lambda: L.qr(R, "raw"), DTypeError, ["qr: no mode 'raw'", '"reduced"']),
    (lambda: L.slogdet(R), ShapeError, ["slogdet: shape (2, 3)"]),
    (lambda: tg.grad(lambda a: L.slogdet(a)[1])(A.data), MatrixError, ["inv: singular"]),
    (lambda: L.pinv(V), ShapeError, ["pinv", "(3,) is not that of a matrix"]),
    (lambda: L.matrix_power(R, 2), ShapeError, ["matrix_power: shape (2, 3)"]),
    (lambda: L.matrix_power(A, 0.5), DTypeError, ["exponent 0.5", "whole number"]),
    (lambda: L.multi_dot([A]), ShapeError, ["multi_dot: 1 operands of shapes (2, 2)"]),
    (lambda: L.multi_dot([R, R]), ShapeError, ["3 columns of (2, 3) meet 2 rows of (2, 3)"]),
    (lambda: L.lstsq(R, V), ShapeError, ["lstsq: 2 equations", "b: 'v'", "2 numbers"]),
    (lambda: L.lstsq(tg.stack([R, R]), V), ShapeError, ["one matrix at a time", "pinv(a) @ b"]),
    (lambda: L.norm(R, 5), DTypeError, ["no order 5 for matrices", '"fro"']),
    (lambda: L.norm(tg.stack([R, R]), 2), ShapeError, ["ord=2 over 3 axes", "axis=-1"]),
    (lambda: L.diagonal(V), ShapeError, ["diagonal: shape (3,)"]),
    (lambda: np.linalg.eigvals(A), UnknownOperationError, ["np.linalg.eigvals", "eigvalsh"]),
    (lambda: R @ R, ShapeError, ["3 columns of (2, 3) meet 2 rows", "x @ W.T"]),
    (lambda: tg.matmul(np.ones((2, 3)), np.ones((2, 3))), ShapeError, ["matmul: 3 columns"]),
    (lambda: R @ 2.0, ShapeError, ["a number is no matrix", "x * 2.0"]),
    (lambda: tg.Value(np.ones((2, 2, 3))) @ np.ones((5, 3, 1)), ShapeError,
     ["batches of (2,) and (5,) matrices", "broadcast"]),
    (lambda: tg.vdot(R, V), ShapeError, ["vdot: 6 numbers and 3"]),
    (lambda: tg.tensordot(R, R, 1), ShapeError, ["axes [-1] of a have lengths [3], axes [0] of b "
                                                 "[2]", "a: 'R'"]),
    (lambda: tg.tensordot(R, R, ([0], [5])), ShapeError, ["axes=([0], [5]) for 2 axes and 2"]),
    (lambda: tg.cross(R, np.ones(2)), ShapeError, ["shape (2,) along axis -1", "x[0] * y[1]"]),
    (lambda: tg.einsum("ij,jk->ik", R, R), ShapeError, ["'j' is 3 in operand 0 and 2 in operand 1",
     "operand 1: 'R' (leaf, shape (2, 3)", "at test_linalg.py"]),
    (lambda: tg.einsum("ii->i", R), ShapeError, ["'i' is 2 in operand 0 and 3 in operand 0"]),
    (lambda: tg.einsum("ij->iz", R), ShapeError, ["no operand has the letter 'z'"]),
    (lambda: tg.einsum("ij->ii", R), ShapeError, ["the result has the letter 'i' twice"]),
    (lambda: tg.einsum("ij=>i", R), ShapeError, ["'=' means nothing there"]),
    (lambda: tg.einsum("ij,j-i", R, V), ShapeError, ["'-' means nothing there"]),
    (lambda: tg.einsum("i->j->i", V), ShapeError, ["'-' means nothing there"]),
    (lambda: tg.einsum("ij,j->i,j", R, V), ShapeError, ["a comma in the result"]),
    (lambda: tg.einsum("..ij", R), ShapeError, ["'.' means nothing there"]),
    (lambda: tg.einsum("...i...", R), ShapeError, ["operand 0 has '...' twice"]),
    (lambda: tg.einsum("...i->i", R), ShapeError, ["'...' are missing from the result"]),
    (lambda: tg.einsum("ijk,j", R, V), ShapeError, ["'ijk' names 3 axes, operand 0 has 2"]),
    (lambda: tg.einsum("ij", R, V), ShapeError, ["1 terms for 2 operands"]),
    (lambda: tg.einsum(R, V), DTypeError, ['tg.einsum("ij,j", x, y)']),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "texts"), MISTAKES, ids=lambda x: None)
def test_a_mistake_is_told_with_its_repair(call: Any, kind: Any, texts: list[str]) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    said = str(caught.value)
    assert [t for t in texts if t not in said] == [], said
    assert "hint: " in said


@pytest.mark.parametrize(
    "name", sorted({*L.__all__, "dot", "vdot", "inner", "kron"} - {"matrix_transpose"})
)
def test_a_call_without_operands_shows_how_it_is_called(name: str) -> None:
    with pytest.raises(DTypeError) as caught:
        (getattr(L, name) if name in L.__all__ else getattr(tg, name))()
    assert caught.value.hint and f"{name}(" in caught.value.hint


def test_what_numpy_raises_is_caught_as_what_numpy_raises() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        L.inv(np.ones((2, 2)))


@pytest.mark.parametrize("x", [np.zeros((2, 2)), np.zeros((3, 2, 2))])
@pytest.mark.parametrize("call", [L.inv, lambda x: L.matrix_power(x, -1), np.linalg.inv])
def test_a_matrix_of_zeros_is_singular_and_nothing_else_is_said(call: Any, x: Any) -> None:
    with warnings.catch_warnings(), pytest.raises(MatrixError, match=r"singular values 0 to 0"):
        warnings.simplefilter("error")
        call(tg.Value(x))


@pytest.mark.parametrize("axis", [(0, 5), (-3, 1), (0, 0), (1, -1), 2])
@pytest.mark.parametrize("order", [None, 2, "nuc", 1])
def test_a_norm_over_axes_that_are_not_there_is_refused(axis: Any, order: Any) -> None:
    if order == "nuc" and axis == 2:
        order = 3  # an order of vectors
    with pytest.raises(
        ShapeError, match=r"(?s)norm.*axis.*'R' \(leaf.*test_linalg.py.*hint: (axes are|name every)"
    ):
        L.norm(R, order, axis)
    with pytest.raises(ShapeError, match=r"(?s)matrix_norm: shape \(3,\).*'v' \(leaf"):
        L.matrix_norm(V)


def test_the_condition_of_a_matrix_of_zeros_is_numpy_s() -> None:
    x = np.zeros((2, 2))
    for p in (None, 2, -2):
        assert L.cond(x, p) == L.cond(tg.Value(x), p).data == np.linalg.cond(x, p) == np.inf
    stacked = np.stack([x, np.diag([1.0, 2.0]), np.diag([1.0, 0.0])])
    with np.errstate(all="ignore"):
        assert L.cond(tg.Value(stacked)).data.tolist() == np.linalg.cond(stacked).tolist()
    g = tg.grad(lambda a: tg.sum(L.cond(a)))(np.diag([4.0, 2.0]))
    np.testing.assert_allclose(g, [[0.5, 0.0], [0.0, -1.0]], atol=1e-15)


HALF = np.eye(2, dtype=np.float16)


@pytest.mark.parametrize("call", [L.inv, L.det, L.slogdet, L.svd, L.qr, L.eigh, L.cholesky, L.pinv])
def test_floats_that_lapack_does_not_know_are_refused_in_our_words(call: Any) -> None:
    with pytest.raises(DTypeError, match=r"(?s)float16.*x\.astype\(np\.float32\)"):
        call(HALF)
    with pytest.raises(DTypeError, match=r"(?s)solve.*float16.*x\.astype\(np\.float32\)"):
        L.solve(HALF, np.ones(2))


def test_lstsq_in_a_recorded_program_names_what_to_write() -> None:
    with pytest.raises(RecordingError, match=r"tg\.linalg\.pinv\(a\) @ b"):
        Tape.record(lambda a: L.lstsq(a, np.ones(4))[0], TALL)
    tape = Tape.record(lambda a: L.pinv(a) @ np.ones(4), TALL)
    np.testing.assert_array_equal(tape.run([TALL * 2.0]), L.pinv(TALL * 2.0) @ np.ones(4))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3)])
def test_nothing_to_orthogonalise_has_an_empty_gradient(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    for factor in (tg.qr_q, tg.qr_r):
        assert tg.grad(lambda a, f=factor: tg.sum(f(a) ** 2))(x).shape == shape
        out = factor(x)
        assert np.shape(tg.jvp(factor, [x], [x])[1]) == out.shape
        assert tg.hvp(lambda a, f=factor: tg.sum(f(a) ** 2), [x], [x])[0].shape == shape
