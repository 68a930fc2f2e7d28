"""Operations without a derivative: positions, cut-offs, random draws.

Plain numbers outside recording; while a program is recorded each is an instruction, so that a
replay on other data decides, sorts and draws anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.define import plain
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import Operand


@plain(
    formula="position of the maximum", code="np.argmax({0}, axis={axis}, keepdims={keepdims})",
    examples=examples.position,
)  # fmt: skip
def argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> Any:
    """The position of the largest number, as plain integers."""
    return np.argmax(x, axis=axis, keepdims=keepdims)


@plain(
    formula="position of the minimum", code="np.argmin({0}, axis={axis}, keepdims={keepdims})",
    examples=examples.position,
)  # fmt: skip
def argmin(x: Operand, axis: int | None = None, keepdims: bool = False) -> Any:
    """The position of the smallest number, as plain integers."""
    return np.argmin(x, axis=axis, keepdims=keepdims)


_ORDER = (
    Convention(
        "sort at a tie: each keeps its place, where max shares",
        "d(lambda x: tg.sort(x)[-1])(np.ones(2)).tolist()", "[0.0, 1.0]",
        "D(lambda x: x.sort(stable=True).values[-1])(torch.ones(2)).tolist()", "[0.0, 1.0]",
    ),
    Convention(
        "topk at a tie: the earlier one",
        "d(lambda x: tg.topk(x, 1)[0][0])(np.ones(3)).tolist()", "[1.0, 0.0, 0.0]",
        "D(lambda x: x.topk(1).values[0])(torch.ones(3)).tolist()", "[1.0, 0.0, 0.0]",
    ),
    Convention(
        "kthvalue at a tie: the k-th in stable order",
        "d(lambda x: tg.kthvalue(x, 2)[0])(np.ones(3)).tolist()", "[0.0, 1.0, 0.0]",
        "D(lambda x: x.kthvalue(2).values)(torch.ones(3)).tolist()", "[1.0, 0.0, 0.0]",
    ),
    Convention(
        "NaN among the largest: seen, not passed over",
        "tg.topk(np.array([1.0, np.nan]), 1)[0].item()", "nan",
        "t([1.0, math.nan]).topk(1).values.item()", "nan",
    ),
)  # fmt: skip


@plain(
    formula="positions in sorted order", code=source.ARGSORT, examples=examples.order,
    conventions=_ORDER, prepare=lambda x, axis, kind, descending, stable: {
        "axis": axis, "descending": bool(descending)
    },
    numpy="np.argsort({0}, axis={axis}, kind='stable')",
    torch="torch.argsort({0}, dim={axis}, descending={descending}, stable=True)",
    jax="jnp.argsort({0}, axis={axis}, stable=True, descending={descending})",
)  # fmt: skip
def argsort(
    x: Operand,
    axis: int | None = -1,
    kind: str | None = None,
    descending: bool = False,
    stable: bool | None = None,
) -> Any:
    """The positions that sort the numbers, as plain integers; equal numbers keep their order."""
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    if np.size(x) > MANY:
        quick = np.argsort(x, axis=axis)
        ordered = np.moveaxis(np.take_along_axis(x, quick, axis), axis, 0)
        if (ordered[:-1] < ordered[1:]).all():  # no two are equal: the only order there is
            return np.flip(quick, axis) if descending else quick
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return np.flip(np.shape(x)[axis] - 1 - backwards, axis)


MANY = 1000  # numbers from which it pays to sort in any order, and to look for equal ones


@plain(formula="x without its history", code="{0}", jax="jax.lax.stop_gradient({0})")
def detach(x: Operand) -> Any:
    """The same numbers, cut off from the graph."""
    return x


@plain(
    random=True, formula="U(0, 1)", examples=examples.draw, torch="torch.rand({shape})",
    jax="jax.random.uniform(key, {shape})", numpy="{generator}.random({shape})",
)  # fmt: skip
def random_uniform(*, shape: Any, generator: np.random.Generator) -> Any:
    """Uniform numbers in [0, 1) from a seeded generator; drawn anew at each replay."""
    return generator.random(shape)


@plain(
    random=True, formula="N(0, 1)", examples=examples.draw, torch="torch.randn({shape})",
    jax="jax.random.normal(key, {shape})", numpy="{generator}.standard_normal({shape})",
)  # fmt: skip
def random_normal(*, shape: Any, generator: np.random.Generator) -> Any:
    """Standard normal numbers from a seeded generator; drawn anew at each replay."""
    return generator.standard_normal(shape)
