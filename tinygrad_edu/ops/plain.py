"""Operations without a derivative: positions, cut-offs, random draws.

Plain numbers outside recording; while a program is recorded each is an instruction, so that a
replay on other data decides, sorts and draws anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.define import plain
from tinygrad_edu.ops import examples, source
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


@plain(
    formula="positions in sorted order", code=source.ARGSORT, examples=examples.order,
    numpy="np.argsort({0}, axis={axis}, kind='stable')",
    torch="torch.argsort({0}, dim={axis}, descending={descending}, stable=True)",
    jax="jnp.argsort({0}, axis={axis}, stable=True, descending={descending})",
)  # fmt: skip
def argsort(x: Operand, axis: int | None = -1, descending: bool = False) -> Any:
    """The positions that sort the numbers, as plain integers; equal numbers keep their order."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return np.flip(np.shape(x)[axis] - 1 - backwards, axis)


@plain(formula="x without its history", code="{0}")
def detach(x: Operand) -> Any:
    """The same numbers, cut off from the graph."""
    return x


@plain(random=True, formula="U(0, 1)", examples=examples.draw)
def random_uniform(*, shape: Any, generator: np.random.Generator) -> Any:
    """Uniform numbers in [0, 1) from a seeded generator; drawn anew at each replay."""
    return generator.random(shape)


@plain(random=True, formula="N(0, 1)", examples=examples.draw)
def random_normal(*, shape: Any, generator: np.random.Generator) -> Any:
    """Standard normal numbers from a seeded generator; drawn anew at each replay."""
    return generator.standard_normal(shape)
