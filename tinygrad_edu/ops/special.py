"""The error function and its kin: `erf` and `erfc`."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_edu.define import elementwise
from tinygrad_edu.ops import source
from tinygrad_edu.ops.elementwise import Operand, clip, exp
from tinygrad_edu.ops.error_function import error_functions

SLOPE = 2.0 / math.sqrt(math.pi)
_TEXT = source.text_of(error_functions)
_STABLE = "1 − erf(x) is never formed beyond 0.5: the tail has a polynomial of its own"


def bell(x: Any) -> Any:
    """2/√π · exp(−x²); bounded, so that its derivative at infinity is 0 and not ∞ · 0."""
    near = clip(x, -30.0, 30.0)
    return SLOPE * exp(-(near * near))


@elementwise(
    [lambda out, x: bell(x)], formula="2/√π · ∫₀ˣ exp(−t²) dt", stable=_STABLE,
    code=("math.erf({0})", "error_functions({0})[0]" + _TEXT),
    jax="jax.scipy.special.erf({0})",
)  # fmt: skip
def erf(x: Operand) -> Any:
    """The error function: how much of a normal distribution lies within ±√2·x deviations."""
    return math.erf(x) if isinstance(x, float) else error_functions(x)[0]


@elementwise(
    [lambda out, x: -bell(x)], formula="1 − erf x", stable=_STABLE,
    code=("math.erfc({0})", "error_functions({0})[1]" + _TEXT),
    jax="jax.scipy.special.erfc({0})",
)  # fmt: skip
def erfc(x: Operand) -> Any:
    """1 − erf(x), exact in the tail too, where the difference would be 0."""
    return math.erfc(x) if isinstance(x, float) else error_functions(x)[1]
