"""Products of vectors and arrays with NumPy's names, composed of `matmul`, `einsum` and `*`."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinygrad_edu.functions import composite
from tinygrad_edu.ops.arrays import reshape, stack
from tinygrad_edu.ops.composed import composed, given
from tinygrad_edu.ops.einsum import LETTERS, einsum
from tinygrad_edu.ops.elementwise import multiply
from tinygrad_edu.ops.products import matmul
from tinygrad_edu.raw import shape as shape_of
from tinygrad_edu.wording import refusal

Axes = int | tuple[int, ...] | list[int]


@composed("a", "b")
def dot(a: Any, b: Any) -> Any:
    """The product of vectors, matrices or numbers; sums over the last axis of a.

    For matrices `matmul`. With more axes the second last axis of b is summed over and all others
    are kept, unlike in `matmul`, which has batches.

    >>> dot(np.array([1.0, 2.0]), np.array([10.0, 1.0]))
    12.0
    """
    a, b = given(a), given(b)
    m, n = len(shape_of(a)), len(shape_of(b))
    if not m or not n:
        return multiply(a, b)
    return matmul(a, b) if n < 2 or (m <= 2 and n == 2) else tensordot(a, b, (-1, -2))


@composed("a", "b")
def vdot(a: Any, b: Any) -> Any:
    """The sum of all products of two arrays, taken as flat vectors.

    >>> vdot(np.array([[1.0, 2.0]]), np.array([[10.0], [1.0]]))
    12.0
    """
    a, b = flat(a), flat(b)
    if shape_of(a) != shape_of(b):
        what = f"{shape_of(a)[0]} numbers and {shape_of(b)[0]}"
        raise refusal("vdot", what, "both operands need as many numbers", a=a, b=b)
    return matmul(a, b)


@composed("a", "b")
def inner(a: Any, b: Any) -> Any:
    """The sum of products over the last axes of both; all other axes are kept.

    >>> inner(np.eye(2), np.array([10.0, 1.0]))
    array([10.,  1.])
    """
    a, b = given(a), given(b)
    if not shape_of(a) or not shape_of(b):
        return multiply(a, b)
    if len(shape_of(b)) == 1:
        return matmul(a, b) if shape_of(a)[-1] == shape_of(b)[0] else tensordot(a, b, (-1, -1))
    return tensordot(a, b, (-1, -1))


@composed("a", "b")
def outer(a: Any, b: Any) -> Any:
    """Every number of a times every number of b, as a matrix.

    >>> outer(np.array([1.0, 2.0]), np.array([10.0, 1.0]))
    array([[10.,  1.],
           [20.,  2.]])
    """
    return multiply(reshape(flat(a), (-1, 1)), flat(b))


def flat(x: Any) -> Any:
    """All numbers as one vector."""
    return reshape(given(x), (math.prod(shape_of(given(x))),))


@composite("kron")
@composed("a", "b")
def kron(a: Any, b: Any) -> Any:
    """The Kronecker product: a, with each number replaced by that number times b.

    >>> kron(np.array([1.0, 2.0]), np.array([10.0, 1.0]))
    array([10.,  1., 20.,  2.])
    """
    a, b = given(a), given(b)
    n = max(len(shape_of(a)), len(shape_of(b)))
    left, right = ((1,) * (n - len(shape_of(x))) + shape_of(x) for x in (a, b))
    if not n:
        return multiply(a, b)
    apart = multiply(
        reshape(a, tuple(k for m in left for k in (m, 1))),
        reshape(b, tuple(k for m in right for k in (1, m))),
    )
    return reshape(apart, tuple(m * k for m, k in zip(left, right, strict=True)))


@composed("a", "b")
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over some axes of both; all other axes are kept, those of a first.

    ``axes`` is how many (the last of a, the first of b), or a pair: the axes of a, those of b.

    >>> tensordot(np.ones((2, 3)), np.ones((3, 2)), axes=([0, 1], [1, 0]))
    6.0
    """
    a, b = given(a), given(b)
    first, second = _paired_axes(a, b, axes)
    m = len(shape_of(a))
    names = LETTERS[: m + len(shape_of(b))]
    left, right = names[:m], list(names[m:])
    for i, j in zip(first, second, strict=True):
        right[j] = left[i]
    kept = [x for k, x in enumerate(left) if k not in first]
    kept += [x for k, x in enumerate(right) if k not in second]
    return einsum(a, b, subscripts=f"{left},{''.join(right)}->{''.join(kept)}")


def _paired_axes(a: Any, b: Any, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, (int, np.integer)):
        pair: Any = (list(range(-int(axes), 0)), list(range(axes)))
    else:
        pair = [[x] if isinstance(x, (int, np.integer)) else list(x) for x in axes]
    first, second = ([operator.index(x) for x in some] for some in pair)
    m, n = len(shape_of(a)), len(shape_of(b))
    if any(not -k <= x < k for k, some in ((m, first), (n, second)) for x in some):
        hint = "a number of axes that both have, or a pair: the axes of a, the axes of b"
        raise refusal("tensordot", f"axes={axes} for {m} axes and {n}", hint, a=a, b=b)
    lengths = [shape_of(a)[x] for x in first], [shape_of(b)[x] for x in second]
    if lengths[0] != lengths[1]:
        what = f"axes {first} of a have lengths {lengths[0]}, axes {second} of b {lengths[1]}"
        hint = "axes that are summed over together need the same lengths"
        raise refusal("tensordot", what, hint, a=a, b=b)
    return [x % m for x in first], [x % n for x in second]


@composite("cross")
@composed("a", "b")
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """The vector product of vectors with three numbers, along an axis of each operand.

    >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    parts = []
    a, b = given(a), given(b)
    for x, along in ((a, axisa), (b, axisb)):
        shape = shape_of(x)
        if not shape or not -len(shape) <= along < len(shape) or shape[along] != 3:
            hint = "three numbers along that axis; for two, x[0] * y[1] - x[1] * y[0]"
            raise refusal("cross", f"shape {shape} along axis {along}", hint, a=a, b=b)
        where = (slice(None),) * (along % len(shape))
        parts.append([x[(*where, k)] for k in range(3)])
    (a1, a2, a3), (b1, b2, b3) = parts
    return stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis=axisc)
