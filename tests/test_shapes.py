"""Shapes, joints, cuts, turns and pads: NumPy's numbers, by our name and by NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing import check_gradients

SHAPES = [(), (4,), (2, 3), (3, 3), (2, 1, 3), (0, 3), (0,), (1, 1)]
Call = tuple[str, tuple[Any, ...], dict[str, Any]]


def some(*shape: int, seed: int = 0) -> Any:
    """Numbers of which no two are equal; a float for no shape."""
    numbers = np.random.default_rng([seed, *shape]).normal(size=shape)
    return numbers if shape else float(numbers)


def calls_with(x: Any) -> list[Call]:
    """What can be asked of an array of this shape."""
    n = np.ndim(x)
    calls: list[Call] = [
        (name, (x,), {})
        for name in ("ravel", "squeeze", "atleast_1d", "atleast_2d", "atleast_3d", "flip", "sort")
    ]
    calls[-1] = ("sort", (x, None), {})
    calls += [("ravel", (x,), {"order": "F"}), ("roll", (x, 1), {}), ("roll", (x, -7), {})]
    calls += [("repeat", (x, count), {}) for count in (0, 1, 2)]
    calls += [("tile", (x, reps), {}) for reps in (2, 1, 0, (), (2, 1), (1, 2, 3), (2, 2, 1, 1))]
    calls += [("expand_dims", (x, (0, -1)), {}), ("pad", (x, 0), {}), ("pad", (x, 2), {})]
    for a in range(-n, n):
        length = np.shape(x)[a]
        calls += [("flip", (x, a), {}), ("expand_dims", (x, a), {}), ("roll", (x, 2, a), {})]
        calls += [("repeat", (x, 2, a), {}), ("repeat", (x, [*range(length)], a), {})]
        calls += [("array_split", (x, 3, a), {}), ("array_split", (x, [1, 2], a), {})]
        calls += [("unstack", (x,), {"axis": a}), ("swapaxes", (x, a, 0), {})]
        calls += [("moveaxis", (x, a, 0), {}), ("sort", (x, a), {}), ("take", (x, [], a), {})]
        calls += [("take_along_axis", (x, np.argsort(x, a), a), {})]
        calls += [("sliding_window_view", (x, 1, a), {}), ("append", (x, x, a), {})]
        if length:
            calls += [("take", (x, [0, -1, 0], a), {}), ("delete", (x, 0, a), {})]
            calls += [("take", (x, [[3, -7]], a), {"mode": mode}) for mode in ("wrap", "clip")]
    if n:
        calls += [(f, (x, k), {}) for f in ("tril", "triu") for k in range(-2, 3)]
        calls += [("flipud", (x,), {}), ("hsplit", (x, [1]), {})]
    if n > 1:
        calls += [(f, (x, k), {}) for f in ("diagonal", "rot90") for k in range(-3, 4)]
        calls += [("diagonal", (x, 1, -1, 0), {}), ("rot90", (x, 1, (1, 0)), {})]
        calls += [("roll", (x, (1, -2), (0, 1)), {}), ("roll", (x, 1, (0, 1)), {})]
        calls += [("roll", (x, (1, 2), (0, 0)), {}), ("roll", (x, (1, 2), 0), {})]
        calls += [("fliplr", (x,), {}), ("vsplit", (x, [1]), {})]
    if n in (1, 2):
        calls += [(f, (x, k), {}) for f in ("diag", "diagflat") for k in (-1, 0, 2)]
    for width in (1, (1, 2)) if n else ():
        calls += [("pad", (x, width), {"constant_values": c}) for c in (3.5, (1, 2), -np.inf)]
        if np.size(x):
            calls += [("pad", (x, width), {"mode": m}) for m in ("edge", "reflect", "wrap")]
            calls += [("pad", (x, width), {"mode": "symmetric"})]
    return calls


SINGLE: list[Call] = [
    ("pad", (some(2, 3), ((1, 2), (0, 3))), {"mode": "wrap"}),
    ("pad", (some(2, 3), ((5, 2), (0, 9))), {"mode": "reflect"}),
    ("pad", (some(2, 3), ((1, 2), (0, 3))), {"constant_values": ((1, 2), (3, 4))}),
    ("split", (some(4, 6), 3, 1), {}),
    ("dsplit", (some(2, 1, 4), 2), {}),
    ("reshape", (some(2, 6), (3, 4)), {"order": "F"}),
    ("concatenate", ([some(2), some(3)],), {"dtype": np.float32}),
    ("split", (some(4), [2, 1]), {}),
    ("split", (some(4), [-1, 10]), {}),
    ("sliding_window_view", (some(3, 4), (2, 3)), {}),
    ("append", (some(2, 2), 5.0), {}),
    ("delete", (some(2, 2), [0, 3]), {}),
    ("column_stack", ([some(3), some(3, 2)],), {}),
    ("broadcast_arrays", (some(3), some(2, 1)), {}),
    ("broadcast_arrays", (some(3), 2.0), {}),
    ("reshape", (2.5, (1, 1)), {}),
    ("reshape", (some(0, 3), (3, -1)), {}),
]
SINGLE += [
    (name, (parts,), {})
    for name in ("hstack", "vstack", "dstack", "column_stack")
    for parts in (
        [some(3), some(3, seed=1)],
        [some(2, 3), some(2, 3, seed=1)],
        [some(2, 3, 2), some(2, 3, 2, seed=1)],
        [1.5, 2.5],
    )
]
SINGLE += [
    ("meshgrid", axes, options)
    for axes in ((some(3),), (some(3), some(2)), (some(3), some(2), some(4)))
    for options in ({}, {"indexing": "ij"}, {"sparse": True})
]


def numpys(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(np, name, None) or getattr(np.lib.stride_tricks, name)
    return found


def listed(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]


def recorded(x: Any) -> Any:
    """The same argument with Values in place of floats and float arrays."""
    if isinstance(x, list) and x and isinstance(x[0], (np.ndarray, float)):
        return [recorded(part) for part in x]
    floats = isinstance(x, (np.ndarray, float)) and np.asarray(x).dtype.kind == "f"
    return tg.Value(x) if floats else x


def same(have: Any, want: list[Any]) -> bool:
    data = [getattr(x, "_data", x) for x in listed(have)]
    pairs = list(zip(data, want, strict=True))
    return all(np.shape(a) == np.shape(b) and np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_call_gives_numpys_numbers_three_ways(shape: tuple[int, ...]) -> None:
    for name, args, options in calls_with(some(*shape)):
        agree(name, args, options)


@pytest.mark.parametrize(("name", "args", "options"), SINGLE)
def test_joints_grids_and_frames_give_numpys_numbers(name: str, args: Any, options: Any) -> None:
    agree(name, args, options)


def agree(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """By our name on numbers and on Values, and by NumPy's own function on Values."""
    call = f"{name}{tuple(getattr(a, 'shape', a) for a in args)} {options}"
    values = [recorded(a) for a in args]
    ours, theirs = getattr(tg, name), numpys(name)
    try:
        want = listed(theirs(*args, **options))
    except (ValueError, IndexError):
        with pytest.raises((ValueError, IndexError)):
            ours(*values, **options)
        return
    assert same(ours(*args, **options), want), call
    assert same(ours(*values, **options), want), call
    assert same(theirs(*values, **options), want), call


ONE_EACH = [
    *{c[0]: c for x in (some(3, 3), some(2, 1, 3), some(4)) for c in calls_with(x)}.values(),
    *[c for c in calls_with(some(2, 3)) if c[0] == "pad" and c[2]],
    *{c[0]: c for c in reversed(SINGLE)}.values(),
]


@pytest.mark.parametrize(("name", "args", "options"), ONE_EACH)
def test_both_derivatives_and_a_replay_on_other_numbers(name: str, args: Any, options: Any) -> None:
    inside = isinstance(args[0], list)
    points = args[0] if inside else [a for a in args if np.asarray(a).dtype.kind == "f"]

    def weighed(*xs: Any) -> Any:
        """Every number of the result with a weight of its own, squared for a second derivative."""
        full = ([*xs], *args[1:]) if inside else (*xs, *args[len(xs) :])
        total = tg.sum(xs[0]) * 0.0
        for i, part in enumerate(listed(getattr(tg, name)(*full, **options))):
            numbers = np.shape(part) if not isinstance(part, tg.Value) else part.shape
            weights = np.cos(np.arange(float(np.prod(numbers))) + i).reshape(numbers)
            total = total + tg.sum(part * part * weights)
        return total

    if options.get("constant_values") == -np.inf:
        return
    assert check_gradients(weighed, *points).right
    other = [-np.flip(p) if np.ndim(p) else -p for p in points]
    replayed = Tape.record(weighed, *points).run(other)
    assert replayed == pytest.approx(weighed(*other), rel=1e-12)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
@pytest.mark.parametrize(
    "call",
    [
        lambda x: tg.flip(x), lambda x: tg.roll(x, 1), lambda x: tg.sort(x, 0), lambda x: x.ravel(),
        lambda x: tg.tile(x, 2), lambda x: tg.repeat(x, 2), lambda x: tg.pad(x, 1), lambda x: x[:1],
        lambda x: tg.concatenate([x, x]), lambda x: x[[]], lambda x: x[np.zeros(x.shape, bool)],
        lambda x: tg.triu(x), lambda x: tg.set_at(x, [], 1.0), lambda x: tg.add_at(x, [], 1.0),
        lambda x: x.reshape(0, 5), lambda x: tg.expand_dims(x, 0), lambda x: tg.topk(x, 0)[0],
    ],
)  # fmt: skip
def test_nothing_has_a_gradient_of_its_own_shape(call: Any, shape: Any) -> None:  # T28
    x = tg.Value(np.zeros(shape))
    tg.sum(call(x) * 1.0).backward()
    assert x.grad is not None
    assert x.grad.shape == shape


def test_what_does_nothing_is_not_recorded() -> None:
    x = tg.Value(some(2, 3))
    row = x[0]
    for y in (
        x[:],
        x[...],
        x[()],
        x[0:2],
        x[:, 0:3],
        x.reshape(2, 3),
        x.reshape(-1, 3),
        x.squeeze(),
        tg.tile(x, 1),
        tg.roll(x, 0),
        tg.roll(x, 3, 1),
        tg.pad(x, 0),
        tg.moveaxis(x, 0, 0),
        x.swapaxes(1, 1),
        tg.broadcast_to(x, (2, 3)),
        tg.atleast_2d(x),
        tg.rot90(x, 4),
        tg.split(x, 1)[0],
        tg.broadcast_arrays(x, 1.0)[0],
        tg.repeat(x, 1, axis=0),
        tg.flip(x, ()),
    ):
        assert y is x
    assert tg.ravel(row) is tg.flatten(row) is row.reshape(-1) is row
    assert tg.flip(x[:1], 0).op.name == "getitem"
    assert tg.flip(x[:1], 0).inputs == (x,)  # x[:1] in reverse is itself


def test_methods_have_numpys_names_and_arguments() -> None:
    data = some(2, 3)
    v = tg.Value(data)
    for call in (
        lambda a: a.ravel(),
        lambda a: a.flatten(),
        lambda a: a.flatten("F"),
        lambda a: a[None].squeeze(0),
        lambda a: a.swapaxes(0, 1),
        lambda a: a.repeat(2, axis=1),
        lambda a: a.diagonal(1),
        lambda a: a.take([0, 0], axis=1),
        lambda a: a.argsort(axis=0),
        lambda a: a.nonzero()[1],
        lambda a: a[0].argsort().argsort(),
        lambda a: np.sort(a, axis=0, kind="stable"),
        lambda a: np.argsort(a, kind="stable"),
    ):
        assert same(call(v), [call(data)])
    for call in (
        lambda a: a.reshape(3, -1, order="F"),
        lambda a: np.argsort(a, axis=0, stable=True),
        lambda a: np.sort(a, stable=True),
        lambda a: np.meshgrid(a[0], a[1], copy=False)[1],
        lambda a: np.compress([False, True], a, axis=0),
        lambda a: np.compress([True], a),
        lambda a: np.extract(np.array([[True, False, True]] * 2), a),
        lambda a: np.unique(a, return_counts=True)[1],
    ):
        assert same(call(v), [call(data)])
    assert same(v.sort(axis=0), [np.sort(data, 0)])
    assert same(v, [data])  # NumPy's method sorts in place; a Value does not change
    assert np.array_equal(tg.Value([1.0, 3.0]).searchsorted([2.0]), [1])
    assert np.array_equal(np.unique(tg.Value([2.0, 1.0, 2.0])), [1.0, 2.0])


def test_a_scalar_gives_its_type_to_the_array_it_becomes() -> None:
    x = tg.Value(np.ones((2, 2), np.float32))
    for y in (x[0, 0].reshape(1), tg.broadcast_to(x[0, 0], (2,)), tg.tile(x[0, 0], 3)):
        assert y.dtype == np.float32
        x.zero_grad()
        tg.sum(y).backward()
        assert x.grad.dtype == np.float32
        assert x.grad.tolist() == [[float(y.size), 0.0], [0.0, 0.0]]


def test_the_same_operand_twice_gets_both_gradients() -> None:  # T4
    for join in (
        lambda v: tg.stack([v, v]),
        lambda v: tg.concatenate([v, v]),
        lambda v: tg.hstack([v, v]),
        lambda v: tg.vstack([v, v]),
        lambda v: tg.column_stack([v, v]),
        lambda v: tg.append(v, v),
        lambda v: tg.stack(tg.broadcast_arrays(v, v)),
        lambda v: tg.set_at(tg.tile(v, 2), [0], v[:1]),
    ):
        v = tg.Value([1.0, 2.0])
        joined = join(v)
        tg.sum(joined * joined).backward()
        count = joined.size / 2
        assert v.grad.tolist() == [2.0 * count, 4.0 * count]


def test_numpy_arrays_on_either_side_of_a_value_make_a_value() -> None:  # T22
    v, a = tg.Value([1.0, 2.0]), np.array([3.0, 4.0])
    for joined in (
        np.concatenate([a, v]),
        np.stack([a, v]),
        np.hstack([v, a]),
        np.append(a, v),
        tg.set_at(a, [0], v[:1]),
        tg.add_at(a, slice(None), v),
        np.broadcast_arrays(a, v)[1],
    ):
        assert isinstance(joined, tg.Value)
        assert joined.dtype == np.float64
        v.zero_grad()
        tg.sum(joined).backward()
        assert v.grad.tolist() in ([1.0, 1.0], [1.0, 0.0])


def test_a_scalar_spread_over_an_array_has_a_scalar_gradient() -> None:  # T23 T24
    for spread in (
        lambda k: tg.broadcast_to(k, (2, 3)),
        lambda k: tg.tile(k, (2, 3)),
        lambda k: tg.repeat(k, 6),
        lambda k: tg.set_at(np.zeros((3, 3)), slice(0, 2), k),
        lambda k: sum([k] * 6),
        lambda k: tg.add_at(np.zeros(2), [0, 0, 0, 1, 1, 1], k),
        lambda k: tg.stack([k] * 6),
        lambda k: tg.meshgrid(k, np.zeros(6))[0],
        lambda k: tg.masked_fill(np.zeros(6), [True] * 6, k),
    ):
        k = tg.Value(2.0)
        tg.sum(spread(k)).backward()
        assert type(k.grad) is float
        assert k.grad == 6.0


@pytest.mark.parametrize(
    ("small", "large"),
    [((3,), (2, 3)), ((4, 1), (4, 4)), ((1, 4), (4, 4)), ((1, 1, 3), (2, 5, 3)), ((), (2, 2))],
)
def test_what_was_spread_is_summed_up_again(small: Any, large: Any) -> None:  # T25
    g = some(*large, seed=7)
    for spread in (
        lambda x: tg.broadcast_to(x, large),
        lambda x: tg.broadcast_arrays(x, np.zeros(large))[0],
        lambda x: x + np.zeros(large),
        lambda x: tg.set_at(np.ones(large), ..., x),
        lambda x: tg.where(np.ones(large, bool), x, 0.0),
    ):
        x = tg.Value(some(*small))
        tg.sum(spread(x) * g).backward()
        axes = tuple(range(len(large) - len(small)))
        want = g.sum(axes)
        ones = tuple(i for i, n in enumerate(small) if n == 1)
        want = want.sum(ones, keepdims=True) if ones else want
        assert np.shape(x.grad) == small
        assert np.allclose(x.grad, want, rtol=1e-13)


@pytest.mark.parametrize("axis", [0, 1, -1, np.int64(1)])
def test_a_list_may_be_followed_by_the_axis_as_in_numpy(axis: Any) -> None:
    x = np.arange(6.0).reshape(2, 3)
    v = tg.Value(x)
    for ours, numpys in ((tg.stack, np.stack), (tg.concatenate, np.concatenate)):
        want = numpys([x, 2.0 * x], axis)
        for found in (ours([v, 2.0 * v], axis), numpys([v, 2.0 * v], axis)):
            np.testing.assert_array_equal(found.data, want)
        np.testing.assert_array_equal(ours([x, 2.0 * x], axis), want)
    assert tg.stack([1.0, 2.0], [3.0, 4.0]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert tg.concatenate([v, x], None).shape == (12,)


@pytest.mark.parametrize("name", ["stack", "concatenate"])
def test_the_gradient_of_a_part_does_not_copy_the_whole(name: str) -> None:
    op, x = tg.OPS[name], np.ones((2, 3))
    g = np.arange(12.0).reshape(np.shape(op(x, x)))
    for i in range(2):
        part = op.pull(i, g, op(x, x), [x, x], {"axis": 0, "dtype": None} if name == "stack" else
                       {"axis": 0})  # fmt: skip
        assert np.shares_memory(part, g) and part.shape == (2, 3)
    scalars = [tg.Value(1.0), tg.Value(2.0)]
    tg.sum(tg.stack(scalars) ** 2).backward()
    assert [(type(v.grad), v.grad) for v in scalars] == [(float, 2.0), (float, 4.0)]
