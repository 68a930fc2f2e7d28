"""Relatives of relu: activations that let positive numbers through and hold negative ones back."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_edu import raw
from tinygrad_edu.define import Select, elementwise
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.ops import examples, numeric, source
from tinygrad_edu.ops.activations import positive_parameter, softplus
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import (
    Operand,
    absolute,
    clip,
    exp,
    greater,
    logical_and,
    logical_not,
    sigmoid,
    tanh,
    where,
)
from tinygrad_edu.ops.error_function import error_functions
from tinygrad_edu.ops.special import erfc


@elementwise(
    [
        lambda out, x, weight: where(x > 0.0, 1.0, weight),
        Select(lambda out, x, weight: logical_not(x > 0.0), slope=lambda out, x, weight: x),
    ],
    formula="x if x > 0 else w · x", kind="activation", kinks=(lambda x, weight: x,),
    code=("{0} if {0} > 0.0 else {1} * {0}", "np.where({0} > 0.0, {0}, {1} * {0})"),
    torch="torch.where({0} > 0, {0}, {1} * {0})", jax="jnp.where({0} > 0, {0}, {1} * {0})",
    conventions=(
        Convention("prelu at 0: the weight", "d(tg.prelu)(0.0, 0.25)", "0.25",
                   "D(F.prelu)(t(0.0), t(0.25)).item()", "0.25"),
    ),
    js="{0} > 0 ? {0} : {1} * {0}",
)  # fmt: skip
def prelu(x: Operand, weight: Operand) -> Any:
    """leaky_relu whose lower slope is learned (He et al., 2015); weight broadcasts as in NumPy."""
    return raw.where(x > 0.0, x, weight * x)


# Klambauer et al., "Self-normalizing neural networks" (2017), appendix: the fixed point (0, 1).
_ALPHA, _SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@elementwise(
    [lambda out, x: where(x > 0.0, _SCALE, out + _SCALE * _ALPHA)],
    formula="λx if x > 0 else λα · (eˣ − 1)", kind="activation", kinks=(lambda x: x,),
    code=(
        f"{_SCALE} * ({{0}} if {{0}} > 0.0 else {_ALPHA} * "
        "math.expm1(0.0 if {0} == 0.0 else {0}))",
        f"{_SCALE} * np.where({{0}} > 0.0, {{0}}, {_ALPHA} * np.expm1(np.minimum({{0}}, 0.0)))",
    ),
    conventions=(
        Convention("selu at 0: the lower slope", "round(d(tg.selu)(0.0), 6)", "1.758099",
                   "round(D(F.selu)(t(0.0)).item(), 6)", "1.758099"),
    ),
    stable="expm1 of numbers up to 0 only: no overflow, no digit lost near 0",
    js=f"{_SCALE} * ({{0}} > 0 ? {{0}} : {_ALPHA} * Math.expm1({{0}}))",
)  # fmt: skip
def selu(x: Operand) -> Any:
    """elu scaled so that layers keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    low = _ALPHA * numeric.expm1(numeric.minimum(x, 0.0))
    return _SCALE * raw.where(x > 0.0, x, low)


@elementwise(
    [lambda out, x, alpha: where(x > 0.0, 1.0, 1.0 + out / alpha)],
    formula="x if x > 0 else α · (e^(x/α) − 1)", kind="activation",
    prepare=lambda x, alpha: positive_parameter("celu", "alpha", alpha),
    code=(
        "{0} if {0} > 0.0 else {alpha} * math.expm1((0.0 if {0} == 0.0 else {0}) / {alpha})",
        "np.where({0} > 0.0, {0}, {alpha} * np.expm1(np.minimum({0}, 0.0) / {alpha}))",
    ),
    examples=examples.parameter("alpha", 1.0, 0.5, 2.0),
    conventions=(
        Convention("celu at 0, second derivative: from the left", "d(d(tg.celu))(0.0)", "1.0",
                   "D(D(F.celu))(t(0.0)).item()", "0.0"),
    ),
    stable="expm1 of numbers up to 0 only: no overflow, no digit lost near 0",
    js="{0} > 0 ? {0} : {alpha} * Math.expm1({0} / {alpha})",
)  # fmt: skip
def celu(x: Operand, alpha: float = 1.0) -> Any:
    """elu whose slope is continuous for every alpha (Barron, 2017)."""
    return raw.where(x > 0.0, x, alpha * numeric.expm1(numeric.minimum(x, 0.0) / alpha))


_ROOT_HALF, _ROOT_TWO_PI = math.sqrt(0.5), math.sqrt(2.0 * math.pi)


def _prepare_gelu(x: Any, approximate: str) -> Any:
    if approximate not in ("none", "tanh"):
        raise DTypeError(f"gelu: approximate = {approximate!r}", hint='"none" (exact) or "tanh"')
    return {"approximate": approximate} if approximate == "none" else gelu_tanh(x)


def _gelu_slope(out: Any, x: Any, approximate: str) -> Any:
    near = clip(x, -40.0, 40.0)  # bounded: at infinity ∞ · 0 would be NaN
    return 0.5 * erfc(-_ROOT_HALF * x) + near * exp(-0.5 * near * near) / _ROOT_TWO_PI


def _gelu(x: Any) -> Any:
    tail = -_ROOT_HALF * x
    tail = math.erfc(tail) if isinstance(tail, float) else error_functions(tail)[1]
    return numeric.maximum(x, -40.0) * (0.5 * tail)


@elementwise(
    [_gelu_slope], formula="x · Φ(x)", kind="activation", prepare=_prepare_gelu,
    code=(
        f"({{0}} if {{0}} > -40.0 or {{0}} != {{0}} else -40.0) * "
        f"(0.5 * math.erfc({-_ROOT_HALF} * {{0}}))",
        f"np.maximum({{0}}, -40.0) * (0.5 * error_functions({-_ROOT_HALF} * {{0}})[1])"
        + source.text_of(error_functions),
    ),
    examples=examples.parameter("approximate", "none"),
    jax="jax.nn.gelu({0}, approximate=False)",
    stable="Φ(x) from erfc, which keeps its digits far below 0; beyond −40, where Φ is 0, "
    "x is bounded beside it",
    conventions=(
        Convention("gelu at -inf: the limit", "tg.gelu(-np.inf)", "-0.0",
                   "F.gelu(t(-np.inf)).item()", "nan"),
    ),
)  # fmt: skip
def gelu(x: Operand, approximate: str = "none") -> Any:
    """x times the chance that a normal number is below x (Hendrycks and Gimpel, 2016).

    ``approximate="tanh"`` is their formula without the error function, `gelu_tanh`.
    """
    return _gelu(x)


_RATE, _CUBE = 2.0 * math.sqrt(2.0 / math.pi), 0.044715


def _gelu_tanh_slope(out: Any, x: Any) -> Any:
    near = clip(x, -40.0, 40.0)
    square = near * near
    s = sigmoid(_RATE * near * (1.0 + _CUBE * square))
    return s + near * s * (1.0 - s) * (_RATE * (1.0 + 3.0 * _CUBE * square))


@elementwise(
    [_gelu_tanh_slope], formula="x / (1 + exp(−√(8/π)·(x + 0.044715·x³)))", kind="activation",
    code=source.gelu_tanh(_RATE, _CUBE),
    torch='F.gelu({0}, approximate="tanh")', jax="jax.nn.gelu({0})",
    stable="(1 + tanh u)/2 is the sigmoid of 2u, which keeps its digits where tanh u is near −1",
    js=source.gelu_tanh_js(_RATE, _CUBE),
)  # fmt: skip
def gelu_tanh(x: Operand) -> Any:
    """gelu by the formula of Hendrycks and Gimpel (2016) that needs no error function."""
    near = numeric.minimum(numeric.maximum(x, -40.0), 40.0)
    s = numeric.sigmoid(_RATE * near * (1.0 + _CUBE * (near * near)))
    return numeric.maximum(x, -40.0) * s


def _mish_slope(out: Any, x: Any) -> Any:
    t = tanh(softplus(x))
    return t + clip(x, -1000.0, 1000.0) * (1.0 - t * t) * sigmoid(x)


@elementwise(
    [_mish_slope], formula="x · tanh(ln(1 + eˣ))", kind="activation", code=source.MISH,
    stable="softplus cannot overflow; beyond −1000, where it is 0, x is bounded beside it",
    conventions=(
        Convention("mish at -inf: the limit", "tg.mish(-np.inf)", "-0.0",
                   "F.mish(t(-np.inf)).item()", "nan"),
    ),
    js="Math.max({0}, -1000) * Math.tanh(Math.max({0}, 0) + Math.log1p(Math.exp(-Math.abs({0}))))",
)  # fmt: skip
def mish(x: Operand) -> Any:
    """x · tanh(softplus(x)), much like silu (Misra, 2019)."""
    return numeric.maximum(x, -1000.0) * numeric.tanh(numeric.softplus(x))


@elementwise(
    [
        Select(
            lambda out, x: greater(x, -3.0), slope=lambda out, x: where(x < 3.0, x / 3.0 + 0.5, 1.0)
        )
    ],
    formula="x · min(max(x + 3, 0), 6) / 6", kind="activation",
    kinks=(lambda x: x + 3.0, lambda x: x - 3.0),
    code=(
        "hardswish({0})"
        "\ndef hardswish(x):"
        "\n    near = x if x > -3.0 or x != x else -3.0"
        "\n    return x if x >= 3.0 else near * (near + 3.0) / 6.0",
        "hardswishes({0})"
        "\ndef hardswishes(x):"
        "\n    near = np.minimum(np.maximum(x, -3.0), 3.0)"
        "\n    return np.where(x >= 3.0, x, near * (near + 3.0) / 6.0)",
    ),
    jax="jax.nn.hard_swish({0})",
    conventions=(
        Convention("hardswish at -3", "d(tg.hardswish)(-3.0)", "0.0",
                   "D(F.hardswish)(t(-3.0)).item()", "0.0"),
        Convention("hardswish at 3", "d(tg.hardswish)(3.0)", "1.0",
                   "D(F.hardswish)(t(3.0)).item()", "1.0"),
    ),
    js="{0} >= 3 ? {0} : Math.max({0}, -3) * (Math.max({0}, -3) + 3) / 6",
)  # fmt: skip
def hardswish(x: Operand) -> Any:
    """silu made of straight lines and one parabola (Howard et al., 2019)."""
    near = numeric.minimum(numeric.maximum(x, -3.0), 3.0)
    return raw.where(x >= 3.0, x, near * (near + 3.0) / 6.0)


@elementwise(
    [Select(lambda out, x: logical_and(greater(x, 0.0), x < 6.0))],
    formula="min(max(x, 0), 6)", kind="activation", kinks=(lambda x: x, lambda x: x - 6.0),
    code=source.between("relu6", "0.0", "6.0"),
    conventions=(
        Convention("relu6 at 6", "d(tg.relu6)(6.0)", "0.0", "D(F.relu6)(t(6.0)).item()", "0.0"),
    ),
    js="Math.min(Math.max({0}, 0), 6)",
)  # fmt: skip
def relu6(x: Operand) -> Any:
    """relu that stops at 6, so that few bits hold it; the derivative at 0 and at 6 is 0."""
    return numeric.minimum(numeric.maximum(x, 0.0), 6.0)


@elementwise(
    [Select(lambda out, x, threshold, value: greater(x, threshold))],
    formula="x if x > threshold else value", kind="activation",
    kinks=(lambda x, threshold, value: x - threshold,),
    code=(
        "{value} if {0} <= {threshold} else {0}",
        "np.where({0} <= {threshold}, {value}, {0})",
    ),
    examples=lambda rng: (
        None, {"threshold": rng.choice([0.0, 0.5]), "value": rng.choice([0.0, -1.0])}
    ),
    jax="jnp.where({0} <= {threshold}, {value}, {0})",
    conventions=(
        Convention("threshold at the threshold", "d(lambda x: tg.threshold(x, 1.0, 0.0))(1.0)",
                   "0.0", "D(lambda x: F.threshold(x, 1.0, 0.0))(t(1.0)).item()", "0.0"),
    ),
    js="{0} <= {threshold} ? {value} : {0}",
)  # fmt: skip
def threshold(x: Operand, threshold: float = 0.0, value: float = 0.0) -> Any:
    """x above the threshold, else a fixed value; NaN stays NaN."""
    return raw.where(x <= threshold, float(value), x)


_SHRINK: dict[str, Any] = {
    "kind": "activation", "kinks": (lambda x, lambd: x - lambd, lambda x, lambd: x + lambd),
    "examples": examples.parameter("lambd", 0.5, 0.25, 1.5),
}  # fmt: skip


@elementwise(
    [Select(lambda out, x, lambd: greater(absolute(x), lambd))], **_SHRINK,
    prepare=lambda x, lambd: positive_parameter("softshrink", "lambd", lambd),
    formula="sign(x) · max(|x| − λ, 0)",
    code=(
        "softshrink({0}, {lambd})"
        "\ndef softshrink(x, lambd):"
        "\n    inner = x if x > -lambd or x != x else -lambd"
        "\n    return x - (inner if inner < lambd or inner != inner else lambd)",
        "{0} - np.minimum(np.maximum({0}, -{lambd}), {lambd})",
    ),
    jax="{0} - jnp.clip({0}, -{lambd}, {lambd})",
    conventions=(
        Convention("softshrink at its bound", "d(tg.softshrink)(0.5)", "0.0",
                   "D(F.softshrink)(t(0.5)).item()", "0.0"),
    ),
    js="{0} - Math.min(Math.max({0}, -{lambd}), {lambd})",
)  # fmt: skip
def softshrink(x: Operand, lambd: float = 0.5) -> Any:
    """x moved towards 0 by lambd, and 0 within: the step of the lasso."""
    return x - numeric.minimum(numeric.maximum(x, -lambd), lambd)


@elementwise(
    [Select(lambda out, x, lambd: greater(absolute(x), lambd))], **_SHRINK,
    prepare=lambda x, lambd: positive_parameter("hardshrink", "lambd", lambd),
    formula="x if |x| > λ else 0",
    code=("0.0 if abs({0}) <= {lambd} else {0}", "np.where(abs({0}) <= {lambd}, 0.0, {0})"),
    jax="jnp.where(abs({0}) <= {lambd}, 0.0, {0})",
    conventions=(
        Convention("hardshrink at its bound", "d(tg.hardshrink)(0.5)", "0.0",
                   "D(F.hardshrink)(t(0.5)).item()", "0.0"),
    ),
    js="Math.abs({0}) <= {lambd} ? 0 : {0}",
)  # fmt: skip
def hardshrink(x: Operand, lambd: float = 0.5) -> Any:
    """x, and 0 within ±lambd: small coefficients are taken for noise."""
    return raw.where(abs(x) <= lambd, 0.0, x)
