"""Activations beside tanh, sigmoid and relu that `functions` and first networks use.

Those that are rarer load when they are named: `ops/rectifiers` and `ops/squashing`.
"""

from __future__ import annotations

from typing import Any

from tinygrad_edu import raw
from tinygrad_edu.define import elementwise
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.ops import conventions, examples, numeric, source
from tinygrad_edu.ops.elementwise import INF, Operand, clip, sigmoid, where


def positive_parameter(op: str, name: str, value: Any) -> dict[str, Any]:
    """The static parameter, or `DTypeError` where it is not a number above 0."""
    if not (isinstance(value, (int, float)) and value > 0):
        raise DTypeError(f"{op}: {name} = {value!r}", hint=f"{name} is a number above 0")
    return {name: value}


@elementwise(
    [lambda out, x, negative_slope: where(x > 0.0, 1.0, negative_slope)],
    formula="x if x > 0 else slope · x", kind="activation", kinks=(lambda x, **_: x,),
    code=source.LEAKY_RELU,
    js=source.LEAKY_RELU_JS, conventions=conventions.LEAKY_RELU,
    examples=examples.parameter("negative_slope", 0.01, 0.2, 0.0, 1.5),
)  # fmt: skip
def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Any:
    """relu that lets a little through below 0, so that no unit dies; at 0 the lower slope holds."""
    return raw.where(x > 0.0, x, negative_slope * x)


@elementwise(
    [lambda out, x, alpha: where(x > 0.0, 1.0, out + alpha)],
    formula="x if x > 0 else α · (eˣ − 1)", kind="activation",
    kinks=(lambda x, alpha: x if alpha != 1.0 else x + INF,),
    code=source.ELU, conventions=conventions.ELU,
    js=source.ELU_JS,
    examples=examples.parameter("alpha", 1.0, 0.3, 2.0),
    stable="expm1 of numbers up to 0 only: no overflow, no digit lost near 0",
)  # fmt: skip
def elu(x: Operand, alpha: float = 1.0) -> Any:
    """x above 0, a soft approach to -alpha below (Clevert et al., 2016)."""
    return raw.where(x > 0.0, x, alpha * numeric.expm1(numeric.minimum(x, 0.0)))


@elementwise(
    [lambda out, x, beta: sigmoid(beta * x)], formula="ln(1 + e^(βx)) / β", kind="activation",
    prepare=lambda x, beta: positive_parameter("softplus", "beta", beta), code=source.SOFTPLUS,
    js=source.SOFTPLUS_JS,
    examples=examples.parameter("beta", 1.0, 0.5, 3.0), conventions=conventions.SOFTPLUS,
    torch="F.softplus({0}, {beta}, 700.0)",
    jax="jnp.logaddexp({beta} * {0}, 0.0) / {beta}",
    stable="max(x, 0) + log1p(exp(−|x|)): exp is only taken of numbers up to 0",
)  # fmt: skip
def softplus(x: Operand, beta: float = 1.0) -> Any:
    """A smooth relu: log(1 + exp(x)), without overflow; a larger beta bends it more sharply."""
    return numeric.softplus(beta * x) / beta


def _silu_slope(out: Any, x: Any) -> Any:
    s = sigmoid(x)
    return s * (1.0 + clip(x, -1000.0, 1000.0) * (1.0 - s))  # bounded: ∞ · 0 would be NaN


@elementwise(
    [_silu_slope],
    formula="x / (1 + e⁻ˣ)", kind="activation", code=source.SILU,
    js=source.SILU_JS, conventions=conventions.SILU,
    stable="the sigmoid cannot overflow; beyond ±1000, where it is 0 or 1, x is bounded beside it",
)  # fmt: skip
def silu(x: Operand) -> Any:
    """x times its own sigmoid, also called swish."""
    return numeric.maximum(x, -1000.0) * numeric.sigmoid(x)
