"""Activations that squash: their results lie between two bounds, or add up to one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.define import Select, elementwise, general
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.ops import examples, numeric, source
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import (
    Operand,
    absolute,
    greater,
    less,
    logical_and,
    reciprocal,
    sigmoid,
    square,
    tanh,
)
from tinygrad_edu.ops.numeric import by_numpy
from tinygrad_edu.ops.reductions import shared_along, softmax, sum

# A float32 can hold it too: x is bounded there, where the result is ±1 anyway.
_FAR = 1e30


@elementwise(
    [lambda out, x: square(reciprocal(1.0 + absolute(x)))],
    formula="x / (1 + |x|)", kind="activation",
    code=(
        "softsign({0})"
        "\ndef softsign(x):"
        "\n    x = x if x > -1e30 or x != x else -1e30"
        "\n    x = x if x < 1e30 or x != x else 1e30"
        "\n    return x / (1.0 + abs(x))",
        "softsigns({0})"
        "\ndef softsigns(x):"
        "\n    x = np.minimum(np.maximum(x, -1e30), 1e30)"
        "\n    return x / (1.0 + abs(x))",
    ),
    jax="jax.nn.soft_sign({0})",
    stable="bounded at ±1e30, where the result is ±1 already: no ∞ / ∞",
    conventions=(
        Convention("softsign at infinity: the limit", "tg.softsign(np.inf)", "1.0",
                   "F.softsign(t(np.inf)).item()", "nan"),
    ),
    js="{0} / (1 + Math.abs({0}))",
)  # fmt: skip
def softsign(x: Operand) -> Any:
    """An S between -1 and 1 that approaches them slowly; no exponential is needed."""
    x = numeric.minimum(numeric.maximum(x, -_FAR), _FAR)
    return x / (1.0 + abs(x))


@elementwise(
    [lambda out, x: sigmoid(-x)], formula="−ln(1 + e⁻ˣ)", kind="activation",
    code=source.LOGSIGMOID,
    jax="jax.nn.log_sigmoid({0})",
    stable="min(x, 0) − log1p(exp(−|x|)): exp is only taken of numbers up to 0",
    js="Math.min({0}, 0) - Math.log1p(Math.exp(-Math.abs({0})))",
)  # fmt: skip
def logsigmoid(x: Operand) -> Any:
    """log(sigmoid(x)), which stays a number where the sigmoid is 0."""
    return numeric.minimum(x, 0.0) - numeric.log1p(numeric.exp(-abs(x)))


def _prepare_hardtanh(x: Any, min_val: float, max_val: float) -> Any:
    if not min_val < max_val:
        raise DTypeError(f"hardtanh: {min_val} to {max_val}", hint="min_val is below max_val")
    return {"min_val": min_val, "max_val": max_val}


@elementwise(
    [
        Select(
            lambda out, x, min_val, max_val: logical_and(greater(x, min_val), less(x, max_val))
        )
    ],
    formula="min(max(x, min_val), max_val)", kind="activation",
    kinks=(lambda x, min_val, max_val: x - min_val, lambda x, min_val, max_val: x - max_val),
    prepare=_prepare_hardtanh, code=source.between("hardtanh", "{min_val}", "{max_val}"),
    examples=lambda rng: (None, {"min_val": rng.choice([-1.0, -2.0]), "max_val": 1.0}),
    jax="jnp.clip({0}, {min_val}, {max_val})",
    conventions=(
        Convention("hardtanh at a bound", "d(tg.hardtanh)(1.0)", "0.0",
                   "D(F.hardtanh)(t(1.0)).item()", "0.0"),
    ),
    js="Math.min(Math.max({0}, {min_val}), {max_val})",
)  # fmt: skip
def hardtanh(x: Operand, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """x held between two bounds: tanh of three straight lines; the derivative at a bound is 0."""
    return numeric.minimum(numeric.maximum(x, min_val), max_val)


@elementwise(
    [Select(lambda out, x: logical_and(greater(x, -3.0), x < 3.0), slope=1.0 / 6.0)],
    formula="min(max(x + 3, 0), 6) / 6", kind="activation",
    kinks=(lambda x: x + 3.0, lambda x: x - 3.0),
    code=source.between("hardsigmoid", "0.0", "1.0", "x / 6.0 + 0.5"),
    torch="F.relu6({0} + 3.0) / 6.0", jax="jax.nn.hard_sigmoid({0})",
    conventions=(
        Convention("hardsigmoid at a bound", "d(tg.hardsigmoid)(3.0)", "0.0",
                   "D(F.hardsigmoid)(t(3.0)).item()", "0.0"),
    ),
    js="Math.min(Math.max({0} / 6 + 0.5, 0), 1)",
)  # fmt: skip
def hardsigmoid(x: Operand) -> Any:
    """The sigmoid of three straight lines: 0 up to -3, 1 from 3 on; at both the derivative is 0."""
    return numeric.minimum(numeric.maximum(x / 6.0 + 0.5, 0.0), 1.0)


def less_tanh(x: np.ndarray) -> np.ndarray:
    """x - tanh(x); below 1 as x**3 times a power series, over cosh(x)."""
    small = np.clip(x, -1.0, 1.0)
    square, series = small * small, 0.0
    for k in range(10, 0, -1):
        series = series * square + 2.0 * k / math.factorial(2 * k + 1)
    near = small * square * series / np.cosh(small)
    found: np.ndarray = np.where(abs(x) < 1.0, near, x - np.tanh(x))
    return found


@elementwise(
    [lambda out, x: square(tanh(x))], formula="x − tanh x", kind="activation",
    code=("float(less_tanh({0}))" + source.text_of(less_tanh),
          "less_tanh({0})" + source.text_of(less_tanh)),
    jax="{0} - jnp.tanh({0})",
    stable="below 1 a power series of x·cosh x − sinh x, where the difference would lose digits",
)  # fmt: skip
def tanhshrink(x: Operand) -> Any:
    """What tanh takes away: x³/3 around 0, x ∓ 1 far out."""
    return by_numpy(less_tanh)(x)


@elementwise(
    [Select(lambda out, x, straight_through: straight_through)],
    formula="1 if x > 0 else 0", kind="activation", kinks=(lambda x, **_: x,),
    code=(
        "{0} if {0} != {0} else float({0} > 0.0)",
        "np.where({0} != {0}, {0}, {0} > 0.0)",
    ),
    examples=examples.parameter("straight_through", False),
    torch="torch.sign(torch.relu({0}))", jax="jnp.heaviside({0}, 0.0)",
    conventions=(
        Convention("step: its honest derivative", "d(tg.step)(2.0)", "0.0",
                   "D(lambda x: torch.sign(x))(t(2.0)).item()", "0.0"),
        Convention("step with straight_through", "d(lambda x: tg.step(x, True))(2.0)", "1.0",
                   "D(lambda x: x + (torch.sign(x) - x).detach())(t(2.0)).item()", "1.0"),
    ),
    js="Number({0} > 0)",
)  # fmt: skip
def step(x: Operand, straight_through: bool = False) -> Any:
    """1 above 0, else 0: the binary neuron (McCulloch and Pitts, 1943; Rosenblatt, 1958).

    Its derivative is 0 wherever there is one, so nothing below it learns by gradients;
    ``straight_through=True`` hands the gradient on as if the step were not there, which is wrong
    and often works (Bengio, Léonard and Courville, 2013).

    >>> step(0.3), step(-0.3)
    (1.0, 0.0)
    """
    if isinstance(x, float):
        return x if x != x else float(x > 0.0)
    return np.where(x != x, x, x > 0.0)


@general(
    vjp=[lambda g, out, x, axis: out * (sum(g * out, axis=axis, keepdims=True) - g)],
    jvp=[lambda t, out, x, axis: out * (sum(t * out, axis=axis, keepdims=True) - t)],
    kind="activation", formula="e⁻ˣⁱ / Σⱼ e⁻ˣʲ", prepare=shared_along("softmin"),
    code=source.SOFTMIN,
    examples=examples.along,
    jax="jax.nn.softmax(-{0}, axis={axis})",
    stable="the smallest number is taken out before the exponential",
)  # fmt: skip
def softmin(x: Operand, axis: int = -1) -> Any:
    """softmax of −x: the smallest number gets the largest share."""
    return softmax.forward(-x, axis=axis)
