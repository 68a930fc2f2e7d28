"""The printed form of operations that take more than one expression: the fact ``code``.

``code`` says how an operation is written in a program without this library (`tg.to_code`): a
template with operands ``{0}``, ``{1}`` (``{*}`` all with commas, ``{+}`` all with plus signs) and
static parameters by name. ``m.`` stands for ``math.`` where every operand is one number and for
``np.`` elsewhere; a pair gives the two forms apart. Lines after the first are the functions that
the expression needs. Each form computes what the forward function computes, bit for bit.

The fact ``js`` is the same for JavaScript, on single numbers and to the last digits; where ``code``
is one plain expression it needs no other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def text_of(*functions: Callable[..., Any]) -> str:
    """The source of functions of the library's own, as the lines after the first of a template.

    They stand alone (NumPy and `math` by their usual names, ASCII), so that a program prints them
    as they are, and what is printed cannot drift from what is computed.
    """
    return "\n" + "\n\n\n".join(inspect.getsource(function).rstrip() for function in functions)


MAXIMUM = ("{0} if {0} > {1} or {0} != {0} else {1}", "np.maximum({0}, {1})")
MINIMUM = ("{0} if {0} < {1} or {0} != {0} else {1}", "np.minimum({0}, {1})")

CLIP = (
    """clip({0}, {1}, {2})
def clip(x, lower, upper):
    x = x if x > lower or x != x else lower
    return x if x < upper or x != x else upper""",
    "np.minimum(np.maximum({0}, {1}), {2})",
)

SIGN = (
    "{0} if {0} != {0} else float(({0} > 0.0) - ({0} < 0.0))",
    "np.sign({0})",
)

RELU = ("0.0 if {0} <= 0.0 else {0}", "np.maximum({0}, 0.0)")

LEAKY_RELU = (
    "{0} if {0} > 0.0 else {negative_slope} * {0}",
    "np.where({0} > 0.0, {0}, {negative_slope} * {0})",
)

ELU = (
    "{0} if {0} > 0.0 else {alpha} * math.expm1(0.0 if {0} == 0.0 else {0})",
    "np.where({0} > 0.0, {0}, {alpha} * np.expm1(np.minimum({0}, 0.0)))",
)

_SIGMOID = """
def sigmoid(x):
    e = math.exp(-abs(x))  # only of numbers <= 0: it cannot overflow
    return (1.0 if x >= 0 else e) / (1.0 + e)"""

_SIGMOIDS = """
def sigmoids(x):
    e = np.exp(-abs(x))  # only of numbers <= 0: it cannot overflow
    return np.where(x >= 0, 1.0, e) / (1.0 + e)"""

_SIGMOID_JS = """
const sigmoid = (x) => { const e = Math.exp(-Math.abs(x)); return (x >= 0 ? 1 : e) / (1 + e); };"""

SIGMOID_JS = "sigmoid({0})" + _SIGMOID_JS
SILU_JS = "{0} * sigmoid({0})" + _SIGMOID_JS
SOFTPLUS_JS = "Math.max({0}, 0) + Math.log1p(Math.exp(-{beta} * Math.abs({0}))) / {beta}"
ELU_JS = "{0} > 0 ? {0} : {alpha} * Math.expm1({0})"
LEAKY_RELU_JS = "{0} > 0 ? {0} : {negative_slope} * {0}"

SIGMOID = ("sigmoid({0})" + _SIGMOID, "sigmoids({0})" + _SIGMOIDS)
_BOUNDED = "({0} if {0} > -1000.0 or {0} != {0} else -1000.0)"  # so that -inf * 0 is not NaN
SILU = (
    _BOUNDED + " * sigmoid({0})" + _SIGMOID,
    "np.maximum({0}, -1000.0) * sigmoids({0})" + _SIGMOIDS,
)

_SOFTPLUS = """
def softplus(x, beta):
    z = beta * x
    return ((0.0 if z <= 0.0 else z) + math.log1p(math.exp(-abs(z)))) / beta"""

_SOFTPLUSES = """
def softpluses(x, beta):
    z = beta * x
    return (np.maximum(z, 0.0) + np.log1p(np.exp(-abs(z)))) / beta"""

SOFTPLUS = ("softplus({0}, {beta})" + _SOFTPLUS, "softpluses({0}, {beta})" + _SOFTPLUSES)
MISH = (
    _BOUNDED + " * math.tanh(softplus({0}, 1.0))" + _SOFTPLUS,
    "np.maximum({0}, -1000.0) * np.tanh(softpluses({0}, 1.0))" + _SOFTPLUSES,
)
LOGSIGMOID = (
    "({0} if {0} < 0.0 or {0} != {0} else 0.0) - math.log1p(math.exp(-abs({0})))",
    "np.minimum({0}, 0.0) - np.log1p(np.exp(-abs({0})))",
)

_LOGSUMEXP = """
def logsumexp(x, axis=None, keepdims=False):
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    total = np.sum(np.exp(x - np.where(np.isfinite(top), top, 0.0)), axis=axis, keepdims=True)
    out = np.log(np.maximum(total, 1.0)) + top
    return out if keepdims else np.reshape(out, np.shape(np.sum(x, axis=axis)))"""

LOGSUMEXP = "logsumexp({0}, axis={axis}, keepdims={keepdims})" + _LOGSUMEXP
SOFTMAX = "np.exp({0} - logsumexp({0}, axis={axis}, keepdims=True))" + _LOGSUMEXP
SOFTMIN = SOFTMAX.replace("{0}", "(-{0})")
LOG_SOFTMAX = "{0} - logsumexp({0}, axis={axis}, keepdims=True)" + _LOGSUMEXP

SUM_TO = """sum_to({0}, {shape})
def sum_to(x, shape):
    lead = x.ndim - len(shape)
    kept = [i + lead for i, n in enumerate(shape) if n != x.shape[i + lead]]
    return np.sum(x, axis=(*range(lead), *kept), keepdims=True).reshape(shape)"""

GETITEM_TRANSPOSE = """add_at({0}, np.s_[{index}], {shape})
def add_at(x, index, shape):
    out = np.zeros(shape, dtype=getattr(x, "dtype", np.float64))
    np.add.at(out, index, x)
    return out"""

SETITEM = """set_at({0}, np.s_[{index}], {1})
def set_at(x, index, values):
    out = np.array(x, dtype=np.result_type(x, values))
    out[index] = values
    return out"""

WINDOWS = "np.lib.stride_tricks.sliding_window_view({0}, {window_shape}, axis={axis})"

ARGSORT = """argsort({0}, axis={axis}, descending={descending})
def argsort(x, axis=-1, descending=False):
    if not descending:
        return np.argsort(x, axis=axis, kind='stable')
    x = np.ravel(x) if axis is None else x
    axis = 0 if axis is None else axis
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind='stable')
    return np.flip(x.shape[axis] - 1 - backwards, axis)"""

LINEAR_RECURRENCE = """linear_recurrence({0}, {1}, axis={axis})
def linear_recurrence(a, b, axis):
    out = np.array(b, dtype=np.result_type(a, b))
    total, factor = np.moveaxis(out, axis, -1), np.moveaxis(np.array(a), axis, -1)
    factor[..., :1] = 0.0
    step = 1
    while step < total.shape[-1]:
        late, reset = factor[..., step:], factor[..., step:] == 0.0
        total[..., step:] += late * np.where(reset, 0.0, total[..., :-step])
        factor[..., step:] = late * np.where(reset, 0.0, factor[..., :-step])
        step *= 2
    return out"""

NORM = """norm({0}, {ord}, {axis}, {keepdims})
def norm(x, ord, axis, keepdims):
    size = abs(x)
    top = np.max(size, axis=axis, keepdims=True, initial=0.0)
    top = np.where((top > 0.0) & (top < np.inf), top, 1.0)
    size = size / top
    if ord in (None, 2):
        out = top * np.sqrt(np.sum(size * size, axis=axis, keepdims=True))
    else:
        out = top * np.sum(size**ord, axis=axis, keepdims=True) ** (1.0 / ord)
    return out if keepdims else np.squeeze(out, axis=axis)"""

ORDER_STATISTIC = """order_statistic({0}, {k}, {axis}, {keepdims})
def order_statistic(x, k, axis, keepdims):
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    rows = np.moveaxis(x, axes, range(-len(axes), 0))
    rows = rows.reshape(*rows.shape[: x.ndim - len(axes)], -1)
    rows = np.sort(rows, axis=-1)
    out = np.where(np.isnan(rows[..., -1]), np.nan, rows[..., k])
    return np.expand_dims(out, axes) if keepdims else out"""


def between(op: str, low: str, high: str, inner: str = "x") -> tuple[str, str]:
    """A function of {0} held between two bounds, which may be static parameters."""
    first = "" if inner == "x" else f"\n    x = {inner}"
    array = "{0}" if inner == "x" else f"({inner})".replace("x", "{0}")
    return (
        f"{op}({{0}}, {low}, {high})\ndef {op}(x, lower, upper):{first}"
        "\n    x = x if x > lower or x != x else lower"
        "\n    return x if x < upper or x != x else upper",
        f"np.minimum(np.maximum({array}, {low}), {high})",
    )


def gelu_tanh(rate: float, cube: float) -> tuple[str, str]:
    """The tanh form of gelu, on the sigmoid."""
    inner = f"{rate!r} * x * (1.0 + {cube!r} * (x * x))"
    return (
        "gelu_tanh({0})"
        "\ndef gelu_tanh(x):"
        "\n    low = x if x > -40.0 or x != x else -40.0"
        "\n    x = low if low < 40.0 or low != low else 40.0"
        f"\n    z = {inner}"
        "\n    e = math.exp(-abs(z))"
        "\n    return low * ((1.0 if z >= 0 else e) / (1.0 + e))",
        "gelu_tanhs({0})"
        "\ndef gelu_tanhs(x):"
        "\n    low = np.maximum(x, -40.0)"
        "\n    x = np.minimum(low, 40.0)"
        f"\n    z = {inner}"
        "\n    e = np.exp(-abs(z))"
        "\n    return low * (np.where(z >= 0, 1.0, e) / (1.0 + e))",
    )


def gelu_tanh_js(rate: float, cube: float) -> str:
    """The tanh form of gelu in JavaScript."""
    inner = f"{rate!r} * {{0}} * (1 + {cube!r} * {{0}} * {{0}})"
    return f"{{0}} * sigmoid({inner})" + _SIGMOID_JS
