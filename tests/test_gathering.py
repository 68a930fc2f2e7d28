"""Numbers taken and put by index, sorted and chosen: as NumPy and PyTorch do, replayed too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu.ops import indexing
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing import check_gradients

INDICES: list[Any] = [
    1, -1, np.int64(2), slice(None, None, 2), slice(2, None, -1), (Ellipsis, 0), (None, 2), None,
    (slice(1, 3), slice(None)), (0, Ellipsis, -1), (), Ellipsis, [], (slice(None), []),
    np.array([0, 2, 0]), ([0, 0, 2], [1, 1, 3]), (np.array([[0], [2]]), np.array([1, 1])),
    (slice(None), [3, 3, -1]), (1, [3, 3]), ([1, 1], slice(1, 3)), ([0, 1], None, [2, 2]),
    (slice(0, 2), [0, 0]), np.array([True, False, True]), np.arange(12).reshape(3, 4) % 3 == 0,
    (slice(None), np.array([True, False, True, True])), (np.array([True, False, True]), [1, 1]),
    (np.array([[0, 0], [2, 2]]),), True, np.zeros((3, 4), bool), (np.array(1), 2),
]  # fmt: skip


def some(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_every_index_of_numpy_takes_and_gives_back(index: Any) -> None:  # T27
    data = some(3, 4)
    v = tg.Value(data)
    part = v[index]
    assert part.shape == np.shape(data[index])
    assert np.array_equal(part._data, data[index])
    g = some(*part.shape, seed=1)
    tg.sum(part * g).backward()
    want = np.zeros((3, 4))
    np.add.at(want, index, g)
    assert np.allclose(v.grad, want, rtol=1e-15)


@st.composite
def indexed(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape, 0 among its lengths too, and an index into it: basic, of arrays, or a mask."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
    kinds = [hnp.basic_indices(shape, allow_newaxis=True), hnp.arrays(bool, shape)]
    if 0 not in shape:
        kinds.append(hnp.integer_array_indices(shape))
    return shape, draw(st.one_of(kinds))


@given(indexed())
@settings(max_examples=60)
def test_any_index_takes_puts_and_adds_as_numpy_does(drawn: Any) -> None:
    shape, index = drawn
    x = some(*shape)
    v, part = tg.Value(x), np.asarray(x[index])
    g = some(*part.shape, seed=1)
    put, added, want = x.copy(), x.copy(), np.zeros(shape)
    put[index] = g
    np.add.at(added, index, g)
    np.add.at(want, index, g)
    assert np.array_equal(np.asarray(v[index]._data), part)
    assert np.array_equal(tg.set_at(v, index, g)._data, put)
    assert np.allclose(tg.add_at(v, index, g)._data, added, rtol=1e-14)
    tg.sum(v[index] * g).backward()
    assert np.allclose(v.grad, want, rtol=1e-14)


@pytest.mark.parametrize("many", [0, 10**9], ids=["places", "add.at"])
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_both_ways_to_add_up_give_the_same_bits(
    index: Any, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MANY", many)
    out, want = np.zeros((3, 4)), np.zeros((3, 4))
    g = some(*np.shape(out[index]))
    indexing.add_into(out, index, g)
    np.add.at(want, index, g)
    assert out.tobytes() == want.tobytes()


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("spread", [False, True])
def test_set_and_add_at_every_index(index: Any, spread: bool) -> None:
    x = some(3, 4)
    values = some(*(() if spread else x[index].shape), seed=2)
    put, added = x.copy(), x.copy()
    put[index] = values
    np.add.at(added, index, values)
    assert np.array_equal(tg.set_at(x, index, values), put)
    assert np.allclose(tg.add_at(x, index, values), added, rtol=1e-15)
    values = values if np.ndim(values) else float(values)
    if not np.size(values):
        return
    for change in (tg.set_at, tg.add_at):
        assert check_gradients(lambda a, b: tg.sum(change(a, index, b) ** 2), x, values).right  # noqa: B023


def test_nothing_is_written_into_an_array() -> None:
    x, v = np.zeros(3), tg.Value(np.zeros(3))
    assert tg.set_at(x, 0, 1.0).tolist() == tg.add_at(x, 0, 1.0).tolist() == [1.0, 0.0, 0.0]
    assert tg.set_at(v, [0, 1], v[1:] + 2.0).data.tolist() == [2.0, 2.0, 0.0]
    assert x.tolist() == v.data.tolist() == [0.0, 0.0, 0.0]


def test_values_with_more_axes_than_the_place_are_put_as_numpy_puts_them() -> None:
    x, values = tg.Value(np.zeros((2, 3))), tg.Value(np.ones((1, 3)))
    tg.sum(tg.set_at(x, 0, values)).backward()
    assert values.grad.tolist() == [[1.0, 1.0, 1.0]]
    assert x.grad.tolist() == [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]


def test_repeated_indices_accumulate_in_every_way_of_taking() -> None:  # T27
    for take in (
        lambda v: v[[0, 0, 2]], lambda v: tg.take(v, [0, 0, 2]), lambda v: v[np.array([0, 0, -1])],
        lambda v: tg.take_along_axis(v, np.array([0, 0, 2]), 0),
        lambda v: tg.pad(v, (1, 1), "edge")[[0, 1, 3]], lambda v: tg.repeat(v, [2, 0, 1]),
        lambda v: tg.gather(v, 0, np.array([0, 0, 2])),
        lambda v: tg.embedding([0, 0, 2], v), lambda v: tg.stack([v[0], v[0], v[2]]),
    ):  # fmt: skip
        v = tg.Value([5.0, 6.0, 7.0])
        tg.sum(take(v) * np.array([1.0, 10.0, 100.0])).backward()
        assert v.grad.tolist() == [11.0, 0.0, 100.0]


def test_a_large_embedding_gets_its_gradient_by_places() -> None:
    rng = np.random.default_rng(0)
    words, g = rng.integers(0, 50, 300), rng.normal(size=(300, 8))
    table = tg.Value(rng.normal(size=(50, 8)))
    tg.sum(tg.embedding(words, table) * g).backward()
    want = np.zeros((50, 8))
    for word, row in zip(words, g, strict=True):
        want[word] += row
    assert np.array_equal(table.grad, want)


def test_the_padding_row_of_an_embedding_has_no_gradient() -> None:
    table = tg.Value(np.ones((3, 2)))
    tg.sum(tg.embedding([[0, 1], [1, 2]], table, padding_idx=1)).backward()
    assert table.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    assert tg.embedding(1, table, padding_idx=-1).shape == (2,)


def test_what_is_covered_has_gradient_exactly_zero() -> None:
    x = tg.Value([0.0, 4.0])
    tg.masked_fill(x, np.array([True, False]), 5.0).backward(gradient=[np.inf, 1.0])
    assert x.grad.tolist() == [0.0, 1.0]
    v = tg.Value(7.0)
    tg.sum(tg.masked_fill(np.zeros(3), np.array([True, False, True]), v)).backward()
    assert v.grad == 2.0
    for triangle in (tg.tril, tg.triu):
        m = tg.Value(np.ones((2, 2)))
        triangle(m).backward(gradient=np.full((2, 2), np.inf))
        assert sorted(m.grad.reshape(-1)) == [0.0, np.inf, np.inf, np.inf]


def test_one_hot_rows() -> None:
    assert tg.one_hot([1, 0]).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert tg.one_hot(2, 3).tolist() == [0.0, 0.0, 1.0]
    assert tg.one_hot([[0], [1]], 4, dtype=np.float32).shape == (2, 1, 4)
    assert tg.one_hot([], 2).shape == (0, 2)
    assert tg.one_hot([0], 2, dtype=np.float32).dtype == np.float32


# Orders ------------------------------------------------------------------------------------------


def test_orders_are_stable_and_nan_is_seen() -> None:
    x = np.array([2.0, 1.0, 2.0, np.nan, 1.0])
    assert tg.argsort(x).tolist() == [1, 4, 0, 2, 3]
    assert tg.argsort(x, descending=True).tolist() == [3, 0, 2, 1, 4]
    assert np.array_equal(tg.sort(x), [1.0, 1.0, 2.0, 2.0, np.nan], equal_nan=True)
    assert np.array_equal(tg.topk(x, 2)[0], [np.nan, 2.0], equal_nan=True)
    assert tg.topk(x, 3, largest=False)[1].tolist() == [1, 4, 0]
    assert tg.kthvalue(x, 3) == (2.0, 0)
    m = some(3, 4)
    value, where = tg.kthvalue(tg.Value(m), 2, axis=0, keepdims=True)
    assert np.array_equal(value.data, np.sort(m, 0)[1:2])
    assert np.array_equal(np.take_along_axis(m, where, 0), value.data)
    assert tg.topk(m, 2, axis=0)[0].shape == (2, 4)
    assert tg.searchsorted(np.array([1.0, 2.0, 2.0]), 2.0, side="right") == 3


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_a_large_order_is_the_stable_one_with_equal_numbers_and_without(
    axis: int | None, descending: bool
) -> None:
    x = some(40, 30)
    for data in (x, np.round(x, 1), np.where(x > 1.0, np.nan, x)):
        found = tg.argsort(data, axis=axis, descending=descending)
        rank = np.where(np.isnan(data), np.inf, data) * (-1.0 if descending else 1.0)
        assert np.array_equal(found, np.argsort(rank, axis=axis, kind="stable"))


def test_the_gradient_goes_back_to_the_place_a_number_came_from() -> None:
    x = tg.Value([3.0, 1.0, 2.0])
    tg.sum(tg.sort(x) * np.array([1.0, 10.0, 100.0])).backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]
    tied = tg.Value([1.0, 1.0])
    tg.sort(tied)[0].backward()
    assert tied.grad.tolist() == [1.0, 0.0]


REPLAYED: dict[str, tuple[Any, Any, Any, Any]] = {
    "sort": (lambda x, i, v: tg.sort(x) * v, [0], [1], (3, 4)),
    "topk": (lambda x, i, v: tg.topk(x, 2)[0] * v, [0], [1], (3, 2)),
    "kthvalue": (lambda x, i, v: tg.kthvalue(x, 2)[0] * v, [0], [1], (3,)),
    "gather": (lambda x, i, v: tg.gather(x, 0, i) * v, [[0, 1, 2, 0]], [[2, 2, 1, 1]], (1, 4)),
    "take": (lambda x, i, v: tg.take(x, i, 1) * v, [0, 2], [1, 1], (3, 2)),
    "set_at": (lambda x, i, v: tg.set_at(x, i, v), [0, 2], [1, 1], (2, 4)),
    "set_at a column": (lambda x, i, v: tg.set_at(x, (slice(None), i), v), [0, 2], [1, 1], (3, 2)),
    "add_at": (lambda x, i, v: tg.add_at(x, (slice(None), i), v), [0, 2], [1, 1], (3, 2)),
    "index_add": (lambda x, i, v: tg.index_add(x, 0, i, v, alpha=2.0), [0, 2], [1, 1], (2, 4)),
    "scatter": (lambda x, i, v: tg.scatter(x, 0, i, v), [[0, 1, 2]], [[2, 2, 1]], (1, 3)),
    "scatter_add": (lambda x, i, v: tg.scatter_add(x, 0, i, v), [[0, 1]], [[2, 2]], (1, 2)),
    "put_along_axis": (
        lambda x, i, v: tg.put_along_axis(x, i, v, 1), [[0], [1], [2]], [[3], [3], [0]], (3, 1),
    ),
    "embedding": (
        lambda x, i, v: tg.embedding(i, x, padding_idx=1) * v, [0, 2], [1, 1], (2, 4),
    ),
    "one_hot": (lambda x, i, v: tg.one_hot(i, 4) @ x.T * v, [0, 2], [1, 1], (2, 3)),
    "masked_fill": (
        lambda x, i, v: tg.masked_fill(x, i, v), [True, False, True, True], [False] * 4, (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REPLAYED))
def test_recorded_once_and_replayed_with_other_numbers_and_other_indices(name: str) -> None:
    call, first, second, shape = REPLAYED[name]

    def with_gradients(x: Any, index: Any, v: Any) -> Any:
        def cubed(x: Any, v: Any) -> Any:
            return tg.sum(call(x, index, v) ** 3)

        return [tg.sum(call(x, index, v)), *tg.grad(cubed, argnums=(0, 1))(x, v)]

    x, other = some(3, 4), -some(3, 4)[::-1]
    v = some(*shape, seed=3) if shape else 0.5
    x, other = tg.Value(x).data, tg.Value(other).data
    tape = Tape.record(with_gradients, x, np.array(first), v)
    replayed = tape.run([other, np.array(second), v * 2.0])
    eager = with_gradients(tg.Value(other), np.array(second), v * 2.0)
    for a, b in zip(replayed, eager, strict=True):
        assert np.array_equal(a, getattr(b, "_data", b))


# Beside PyTorch ----------------------------------------------------------------------------------

ROWS, COLUMNS = [[0, 1, 2, 0], [2, 2, 1, 1]], [[0, 1], [2, 3], [1, 0]]
MASK = np.arange(12).reshape(3, 4) % 3 == 0
BESIDE: dict[str, tuple[Callable[..., Any], str, tuple[Any, ...]]] = {
    "gather": (lambda x: tg.gather(x, 0, ROWS), "torch.gather(x, 0, t(ROWS))", ((3, 4),)),
    "scatter": (
        lambda x, s: tg.scatter(x, 1, COLUMNS, s), "x.scatter(1, t(COLUMNS), s)", ((3, 4), (3, 2)),
    ),
    "scatter_add": (
        lambda x, s: tg.scatter_add(x, 0, ROWS, s), "x.scatter_add(0, t(ROWS), s)",
        ((3, 4), (2, 4)),
    ),
    "index_add": (
        lambda x, s: tg.index_add(x, 1, [0, 0, 3], s, alpha=2.5),
        "x.index_add(1, t([0, 0, 3]), s, alpha=2.5)", ((3, 4), (3, 3)),
    ),
    "masked_fill": (
        lambda x, s: tg.masked_fill(x, MASK, s), "x.masked_fill(t(MASK), s)", ((3, 4), ()),
    ),
    "take": (lambda x: tg.take(x, ROWS), "torch.take(x, t(ROWS))", ((3, 4),)),
    "take_along_axis": (
        lambda x: tg.take_along_axis(x, ROWS, 0), "torch.take_along_dim(x, t(ROWS), 0)", ((3, 4),),
    ),
    "embedding": (
        lambda x: tg.embedding([[1, 2], [1, 1]], x), "F.embedding(t([[1, 2], [1, 1]]), x)",
        ((5, 3),),
    ),
    "padded embedding": (
        lambda x: tg.embedding([[1, 2], [1, 0]], x, padding_idx=1),
        "F.embedding(t([[1, 2], [1, 0]]), x, padding_idx=1)", ((5, 3),),
    ),
    "set_at": (
        lambda x, s: tg.set_at(x, ([0, 2], [1, 3]), s), "x.index_put((t([0, 2]), t([1, 3])), s)",
        ((3, 4), (2,)),
    ),
    "add_at": (
        lambda x, s: tg.add_at(x, ([0, 0, 1], [1, 1, 2]), s),
        "x.index_put((t([0, 0, 1]), t([1, 1, 2])), s, accumulate=True)", ((3, 4), (3,)),
    ),
    "set_at by a mask": (lambda x, s: tg.set_at(x, MASK, s), "x.index_put((t(MASK),), s)",
                         ((3, 4), ())),
    "sort": (lambda x: tg.sort(x, 0), "x.sort(0)[0]", ((3, 4),)),
    "descending": (lambda x: tg.sort(x, descending=True), "x.sort(descending=True)[0]", ((3, 4),)),
    "topk": (lambda x: tg.topk(x, 2)[0], "x.topk(2)[0]", ((3, 4),)),
    "bottomk": (
        lambda x: tg.topk(x, 2, axis=0, largest=False)[0], "x.topk(2, dim=0, largest=False)[0]",
        ((3, 4),),
    ),
    "kthvalue": (lambda x: tg.kthvalue(x, 2)[0], "x.kthvalue(2)[0]", ((3, 4),)),
    "unfold": (lambda x: tg.unfold(x, 1, 3, 2), "x.unfold(1, 3, 2)", ((2, 8),)),
    "replicate": (
        lambda x: tg.pad(x, ((0, 0), (1, 2), (2, 1)), "edge"),
        "F.pad(x, (2, 1, 1, 2), 'replicate')", ((1, 4, 4),),
    ),
    "circular": (
        lambda x: tg.pad(x, ((0, 0), (1, 2), (2, 1)), "wrap"), "F.pad(x, (2, 1, 1, 2), 'circular')",
        ((1, 4, 4),),
    ),
    "repeat": (
        lambda x: tg.repeat(x, [1, 0, 2], 0), "torch.repeat_interleave(x, t([1, 0, 2]), dim=0)",
        ((3, 2),),
    ),
    "diagonal": (lambda x: tg.diagonal(x, 1, 0, 2), "torch.diagonal(x, 1, 0, 2)", ((3, 2, 4),)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BESIDE))
def test_values_first_and_second_derivatives_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs, shapes = BESIDE[name]
    points = [some(*s, seed=4) if s else 0.7 for s in shapes]
    leaves = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in points]
    names = {"torch": torch, "t": torch.tensor, "F": torch.nn.functional, "MASK": MASK}
    names |= {"ROWS": ROWS, "COLUMNS": COLUMNS, **dict(zip("xs", leaves, strict=False))}
    out = eval(theirs, names)
    g = some(*out.shape, seed=5)

    def first(*xs: Any) -> Any:
        return tg.sum(tg.sin(ours(*xs)) * g)

    places = tuple(range(len(points)))

    def second(*xs: Any) -> Any:
        return sum(tg.sum(d**3) for d in tg.grad(first, argnums=places)(*xs))

    assert np.allclose(ours(*points), out.detach(), rtol=1e-12)
    found = torch.autograd.grad((out.sin() * torch.tensor(g)).sum(), leaves, create_graph=True)
    for have, want in zip(tg.grad(first, argnums=places)(*points), found, strict=True):
        assert np.allclose(have, want.detach(), rtol=1e-9, atol=1e-12)
    twice = torch.autograd.grad(sum((d**3).sum() for d in found), leaves)
    for have, want in zip(tg.grad(second, argnums=places)(*points), twice, strict=True):
        assert np.allclose(have, want, rtol=1e-9, atol=1e-12)
    narrow = ours(*[p.astype(np.float32) if np.ndim(p) else p for p in points])
    assert narrow.dtype == np.float32
