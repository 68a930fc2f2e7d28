"""Operands that fit: the fact ``examples`` of operations with shapes and static parameters.

An example maker takes a `random.Random` and returns ``(operands, params)``: the differentiable
operands as arrays, and the keyword arguments. ``None`` for the operands means that any numbers
from the operation's domain, in shapes that broadcast, will do. Laws, random programs and the
cards of `tg.help` draw from here, so an operation says once what can be done with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # it loads hashes and more, which is for checks to pay
    from random import Random

Example = tuple[tuple[Any, ...] | None, dict[str, Any]]
Maker = Callable[["Random"], Example]


def numbers(rng: Random, *shape: int) -> Any:
    """An array of uneven numbers between -2 and 2; a float for no shape."""
    count = int(np.prod(shape, dtype=int))
    found = np.array([rng.uniform(-2.0, 2.0) for _ in range(count)]).reshape(shape)
    return found if shape else float(found)


def flags(rng: Random, *shape: int) -> Any:
    """An array of True and False."""
    count = int(np.prod(shape, dtype=int))
    return np.array([rng.random() < 0.5 for _ in range(count)], dtype=bool).reshape(shape)


def some_shape(rng: Random) -> tuple[int, ...]:
    return rng.choice([(3,), (1, 4), (2, 3), (3, 1), (2, 3, 2)])


def parameter(name: str, *choices: Any) -> Maker:
    """Any numbers, and one of the choices for a static parameter."""
    return lambda rng: (None, {name: rng.choice(choices)})


def _reduced(rng: Random) -> tuple[tuple[Any], dict[str, Any]]:
    shape = some_shape(rng)
    n = len(shape)
    pairs = [(0, 1), (-1, 0), (0, n - 1)] if n > 1 else [(0,)]
    axis = rng.choice([None, *range(-n, n), rng.choice(pairs) if n != 2 else (0, 1)])
    return (numbers(rng, *shape),), {"axis": axis, "keepdims": rng.random() < 0.5}


def reduction(rng: Random) -> Example:
    return _reduced(rng)


def along(rng: Random) -> Example:
    shape = some_shape(rng)
    return (numbers(rng, *shape),), {"axis": rng.randrange(-len(shape), len(shape))}


def reshape(rng: Random) -> Example:
    shape = rng.choice([(12,), (3, 4), (2, 3, 2)])
    return (numbers(rng, *shape),), {"shape": rng.choice([(2, 6), (-1, 2, 2), (4, -1), -1])}


def transpose(rng: Random) -> Example:
    shape = rng.choice([(2, 3), (2, 3, 2), (1, 3, 2)])
    axes = [*range(len(shape))]
    rng.shuffle(axes)
    return (numbers(rng, *shape),), {"axes": rng.choice([None, tuple(axes)])}


_SPREADS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), (2, 2)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 3), (2, 2, 3)), ((1,), (3,)),
]  # fmt: skip


def broadcast(rng: Random) -> Example:
    small, large = rng.choice(_SPREADS)
    return (numbers(rng, *small),), {"shape": large}


def sum_to(rng: Random) -> Example:
    small, large = rng.choice(_SPREADS)
    return (numbers(rng, *large),), {"shape": small}


def astype(rng: Random) -> Example:
    return (numbers(rng, *some_shape(rng)),), {"dtype": np.float32}


def stack(rng: Random) -> Example:
    shape = rng.choice([(), (3,), (2, 2)])
    arrays = tuple(numbers(rng, *shape) for _ in range(rng.randint(1, 3)))
    return arrays, {"axis": rng.randrange(-len(shape) - 1, len(shape) + 1)}


def concatenate(rng: Random) -> Example:
    axis = rng.choice([0, 1, -1])
    shapes = [(rng.randint(1, 3), 2) if axis == 0 else (2, rng.randint(1, 3)) for _ in range(3)]
    arrays = tuple(numbers(rng, *shape) for shape in shapes[: rng.randint(2, 3)])
    return arrays, {"axis": axis}


def _index(rng: Random) -> Any:
    """An index into an array of shape (3, 4): every kind that NumPy has."""
    return rng.choice([
        1, -1, slice(None, None, 2), slice(2, None, -1), (Ellipsis, 0), (None, 2),
        (slice(1, 3), slice(None)), np.array([0, 2, 0]), ([0, 0, 2], [1, 1, 3]),
        (np.array([[0], [2]]), np.array([1, 1])), np.arange(12).reshape(3, 4) % 3 == 0, (2, 3),
    ])  # fmt: skip


def getitem(rng: Random) -> Example:
    return (numbers(rng, 3, 4),), {"index": _index(rng)}


def getitem_transpose(rng: Random) -> Example:
    index = _index(rng)
    return (numbers(rng, *np.zeros((3, 4))[index].shape),), {"index": index, "shape": (3, 4)}


def setitem(rng: Random) -> Example:
    index = _index(rng)
    target = np.zeros((3, 4))[index].shape
    values = rng.choice([target, (), (1,) * bool(target)])
    return (numbers(rng, 3, 4), numbers(rng, *values)), {"index": index}


def windows(rng: Random) -> Example:
    shape, window, axis = rng.choice([
        ((5,), (3,), (0,)), ((3, 4), (2, 2), (0, 1)), ((2, 4), (3,), (1,)), ((2, 4), (3,), -1),
        ((3, 4), (2, 3), (1, 0)), ((2, 3), (1, 2), None), ((5,), 2, None), ((5,), (2, 2), (0, 0)),
    ])  # fmt: skip
    return (numbers(rng, *shape),), {"window_shape": window, "axis": axis}


def order(rng: Random) -> Example:
    shape = some_shape(rng)
    axis = rng.choice([None, *range(-len(shape), len(shape))])
    return (numbers(rng, *shape),), {"axis": axis, "descending": rng.random() < 0.3}


def searchsorted(rng: Random) -> Example:
    a = np.sort(numbers(rng, 4))
    return (a, numbers(rng, *rng.choice([(3,), (2, 2), ()]))), {
        "side": rng.choice(["left", "right"])
    }


def matmul(rng: Random) -> Example:
    left, right = rng.choice([
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 2)), ((2, 2, 3), (3, 2)),
        ((2, 3), (2, 3, 2)), ((2, 2, 3), (2, 3, 2)), ((1, 2, 3), (2, 3, 1)), ((3,), (2, 3, 2)),
        ((2, 2, 3), (3,)), ((2, 1, 1, 3), (2, 3, 1)),
    ])  # fmt: skip
    return (numbers(rng, *left), numbers(rng, *right)), {}


def where(rng: Random) -> Example:
    shape, left, right = rng.choice([
        ((3,), (3,), (3,)), ((2, 3), (3,), (2, 1)), ((3,), (2, 3), ()), ((2, 1), (), (2, 3)),
    ])  # fmt: skip
    return (flags(rng, *shape), numbers(rng, *left), numbers(rng, *right)), {}


def logic(rng: Random) -> Example:
    return (flags(rng, 2, 3), flags(rng, 3)), {}


def negation(rng: Random) -> Example:
    return (flags(rng, 2, 3),), {}


def position(rng: Random) -> Example:
    shape = some_shape(rng)
    axis = rng.choice([None, *range(-len(shape), len(shape))])
    return (numbers(rng, *shape),), {"axis": axis, "keepdims": rng.random() < 0.3}


def draw(rng: Random) -> Example:
    return (), {"shape": (2, 3), "generator": np.random.default_rng(rng.randrange(1000))}


def recurrence(rng: Random) -> Example:
    shape = some_shape(rng)
    axis = rng.randrange(-len(shape), len(shape))
    return (numbers(rng, *shape), numbers(rng, *shape)), {"axis": axis}


def order_statistic(rng: Random) -> Example:
    (x,), static = _reduced(rng)
    axis = static["axis"]
    count = x.size if axis is None else int(np.prod(np.array(x.shape)[list(np.atleast_1d(axis))]))
    return (x,), {"k": rng.randrange(-count, count), **static}


def spread(rng: Random) -> Example:
    (x,), static = _reduced(rng)
    return (x,), {"ddof": 0, **static}


def norm(rng: Random) -> Example:
    """Not along axes of length 1: the norm of one positive number is the number."""
    shape = rng.choice([(3,), (2, 3), (2, 3, 2)])
    n = len(shape)
    axis = rng.choice([None, *range(-n, n), (0, n - 1)] if n > 1 else [None, 0, -1])
    single = n == 1 or isinstance(axis, int)
    ord_ = rng.choice([2, 3, 1.5, 2.5] if single else [None])
    return (numbers(rng, *shape),), {"ord": ord_, "axis": axis, "keepdims": rng.random() < 0.5}
