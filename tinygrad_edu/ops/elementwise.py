"""Operations that work number by number: each is its forward function and its partial derivatives.

Conventions where there is no derivative: relu, clip and `maximum(x, number)` have 0 at the
boundary, abs'(0) = 0, ties between two Values share equally, and x**0 has derivative 0.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from tinygrad_edu import raw
from tinygrad_edu.define import Select, elementwise
from tinygrad_edu.engine import Value
from tinygrad_edu.ops import conventions, examples, numeric, source
from tinygrad_edu.ops.comparisons import equal as equal
from tinygrad_edu.ops.comparisons import greater as greater
from tinygrad_edu.ops.comparisons import greater_equal as greater_equal
from tinygrad_edu.ops.comparisons import less as less
from tinygrad_edu.ops.comparisons import less_equal as less_equal
from tinygrad_edu.ops.comparisons import logical_and as logical_and
from tinygrad_edu.ops.comparisons import logical_not as logical_not
from tinygrad_edu.ops.comparisons import logical_or as logical_or
from tinygrad_edu.ops.comparisons import not_equal as not_equal

Operand = Any
INF = math.inf
POSITIVE = ((0.0, INF),)

# Arithmetic --------------------------------------------------------------------------------------

add = elementwise(
    [1.0, 1.0], name="add", symbol="+", formula="x + y", code="{0} + {1}", analytic=True,
)(operator.add)  # fmt: skip
subtract = elementwise(
    [1.0, -1.0], name="subtract", symbol="−", formula="x − y", code="{0} - {1}", analytic=True,
)(operator.sub)  # fmt: skip
multiply = elementwise(
    [lambda out, x, y: y, lambda out, x, y: x],
    name="multiply", symbol="×", formula="x · y", code="{0} * {1}", analytic=True,
)(operator.mul)  # fmt: skip
divide = elementwise(
    [lambda out, x, y: 1.0 / y, lambda out, x, y: -out / y],
    name="divide", symbol="÷", formula="x / y", code="{0} / {1}",
    conventions=conventions.DIVIDE, analytic=True,
)(operator.truediv)  # fmt: skip
negative = elementwise(
    [-1.0], name="negative", symbol="−", formula="−x", code="-{0}", analytic=True,
)(operator.neg)  # fmt: skip


@elementwise([1.0], symbol="=", formula="x", code="{0}", analytic=True)
def positive(x: Operand) -> Any:
    """The same numbers as a node of its own; `grad` and its kin use it to mark their arguments."""
    return x


@elementwise(
    1.0, symbol="Σ", formula="x₁ + x₂ + …", kind="sum", code="{+}",
    prepare=lambda *terms: {} if len(terms) != 1 else terms[0], analytic=True,
    numpy="sum([{*}])", torch="sum([{*}])", jax="sum([{*}])",
)  # fmt: skip
def add_n(*terms: Operand) -> Any:
    """The sum of any number of terms as one node, added from left to right."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _power_of_base(out: Any, x: Any, y: Any) -> Any:
    if type(y) is float and y != 0.0:
        return y * (x if y == 2.0 else power(x, y - 1.0))
    zero = equal(y, 0.0)  # x**0 is flat; its power is replaced before it could divide by zero
    return where(zero, 0.0, y * power(x, where(zero, 1.0, y - 1.0)))


def _power_of_exponent(out: Any, x: Any, y: Any) -> Any:
    flat = logical_and(equal(x, 0.0), greater_equal(y, 0.0))  # 0**y stays 0, where log(0) is -inf
    return where(flat, 0.0, out * log(where(flat, 1.0, x)))


@elementwise(
    [_power_of_base, _power_of_exponent],
    symbol="^", formula="x^y", domain=((0.0, INF), (-3.0, 3.0)), code="{0} ** {1}",
    conventions=conventions.POWER, analytic=True, torch="torch.pow({*})",
    stable="where x or y is 0 the derivatives form neither 1/0 nor ln 0",
)  # fmt: skip
def power(x: Operand, y: Operand) -> Any:
    """x to the power y. The derivative of x**0 is 0; a negative base needs a whole exponent."""
    return numeric.power(x, y)


@elementwise([lambda out, x: 2.0 * x], symbol="²", formula="x²", code="{0} * {0}", analytic=True)
def square(x: Operand) -> Any:
    """x times itself."""
    return x * x


@elementwise(
    [lambda out, x: 0.5 / out], symbol="√", formula="√x", domain=POSITIVE, code="m.sqrt({0})",
    conventions=conventions.SQRT, analytic=True,
)  # fmt: skip
def sqrt(x: Operand) -> Any:
    """The square root; its derivative at 0 is infinite."""
    return numeric.sqrt(x)


@elementwise(
    [lambda out, x: sign(x)], symbol="|x|", formula="|x|", kinks=(lambda x: x,), code="abs({0})",
    js="Math.abs({0})",
    conventions=conventions.ABSOLUTE,
)  # fmt: skip
def absolute(x: Operand) -> Any:
    """The distance from 0; its derivative at 0 is 0 by convention."""
    return abs(x)


@elementwise(
    [0.0], formula="sign(x)", kinks=(lambda x: x,), code=source.SIGN,
    js="Math.sign({0})", conventions=conventions.SIGN,
)  # fmt: skip
def sign(x: Operand) -> Any:
    """-1, 0 or 1; its derivative is 0 everywhere by convention."""
    return numeric.sign(x)


@elementwise(
    [lambda out, x: -out * out], symbol="1/x", formula="1 / x", code="1.0 / {0}", analytic=True
)
def reciprocal(x: Operand) -> Any:
    """1 / x."""
    return 1.0 / x


# The exponential family --------------------------------------------------------------------------

LN2, LN10 = math.log(2.0), math.log(10.0)


@elementwise([lambda out, x: out], formula="eˣ", code="m.exp({0})", analytic=True)
def exp(x: Operand) -> Any:
    """e to the power x."""
    return numeric.exp(x)


@elementwise(
    [lambda out, x: exp(x)], formula="eˣ − 1", code="m.expm1({0})", analytic=True,
    stable="near 0, where the difference would lose digits, and far below it the derivative, eˣ",
)  # fmt: skip
def expm1(x: Operand) -> Any:
    """exp(x) - 1, exact for small x."""
    return numeric.expm1(x)


@elementwise(
    [lambda out, x: 1.0 / x], formula="ln x", domain=POSITIVE, code="m.log({0})",
    conventions=conventions.LOG, analytic=True,
)  # fmt: skip
def log(x: Operand) -> Any:
    """The natural logarithm; -inf at 0, nan below."""
    return numeric.log(x)


@elementwise(
    [lambda out, x: 1.0 / (x * LN2)], formula="log₂ x", domain=POSITIVE, code="m.log2({0})",
    analytic=True,
)  # fmt: skip
def log2(x: Operand) -> Any:
    """The logarithm to base 2."""
    return numeric.log2(x)


@elementwise(
    [lambda out, x: 1.0 / (x * LN10)], formula="log₁₀ x", domain=POSITIVE, code="m.log10({0})",
    analytic=True,
)  # fmt: skip
def log10(x: Operand) -> Any:
    """The logarithm to base 10."""
    return numeric.log10(x)


@elementwise(
    [lambda out, x: 1.0 / (1.0 + x)], formula="ln(1 + x)", domain=((-1.0, INF),),
    code="m.log1p({0})", analytic=True,
    stable="1 + x is not formed, so that a small x keeps digits",
)  # fmt: skip
def log1p(x: Operand) -> Any:
    """log(1 + x), exact for small x."""
    return numeric.log1p(x)


@elementwise([lambda out, x: cos(x)], formula="sin x", code="m.sin({0})", analytic=True)
def sin(x: Operand) -> Any:
    """The sine of an angle in radians."""
    return numeric.sin(x)


@elementwise([lambda out, x: -sin(x)], formula="cos x", code="m.cos({0})", analytic=True)
def cos(x: Operand) -> Any:
    """The cosine of an angle in radians."""
    return numeric.cos(x)


# Selection ---------------------------------------------------------------------------------------


@elementwise(
    [0.0, Select(lambda out, c, x, y: c), Select(lambda out, c, x, y: logical_not(c))],
    symbol="where", formula="x if condition else y",
    code=("{1} if {0} else {2}", "np.where({0}, {1}, {2})"), js="{0} ? {1} : {2}",
    examples=examples.where, conventions=conventions.WHERE,
)  # fmt: skip
def where(condition: Operand, x: Operand, y: Operand) -> Any:
    """x where the condition holds and y elsewhere; the branch not taken gets gradient exactly 0."""
    return raw.where(condition, x, y)


def _share(wins: Any) -> Select:
    """The partial derivative of an operand that `wins`, or ties: 1, or 1/2 at a tie."""
    return Select(
        lambda out, x, y: wins(x, y), slope=lambda out, x, y: where(equal(x, y), 0.5, 1.0)
    )


@elementwise(
    [
        Select(lambda out, x, low, high: (low < x) & (x < high)),
        Select(lambda out, x, low, high: (x <= low) & (low < high)),
        Select(lambda out, x, low, high: (x >= high) | (high <= low)),
    ],
    symbol="clip", formula="min(max(x, lower), upper)",
    kinks=(
        lambda x, low, high: x - low, lambda x, low, high: x - high,
        lambda x, low, high: low - high,
    ),
    prepare=lambda x, low, high: {} if low is not None and high is not None else clip(
        x, -INF if low is None else low, INF if high is None else high
    ),
    code=source.CLIP, js="Math.min(Math.max({0}, {1}), {2})", conventions=conventions.CLIP,
)  # fmt: skip
def clip(x: Operand, lower: Operand, upper: Operand) -> Any:
    """x held between two bounds (None: no bound); the derivative of x is 0 at the bounds."""
    return numeric.minimum(numeric.maximum(x, lower), upper)


def _one_of(larger: bool) -> Any:
    """`maximum` and `minimum` with a number are `clip`: relu, clip, maximum(x, 0) agree at 0."""

    def prepare(x: Any, y: Any) -> Any:
        if isinstance(x, Value) and isinstance(y, Value):
            return {}
        x, y = (y, x) if isinstance(y, Value) else (x, y)
        return clip(x, y, INF) if larger else clip(x, -INF, y)

    return prepare


@elementwise(
    [_share(greater_equal), _share(less_equal)],
    symbol="max", formula="max(x, y)", kinks=(lambda x, y: x - y,),
    prepare=_one_of(larger=True), code=source.MAXIMUM,
    js="Math.max({0}, {1})", conventions=conventions.MAXIMUM,
)  # fmt: skip
def maximum(x: Operand, y: Operand) -> Any:
    """The larger of two; where they are equal, each gets half of the gradient."""
    return numeric.maximum(x, y)


@elementwise(
    [_share(less_equal), _share(greater_equal)],
    symbol="min", formula="min(x, y)", kinks=(lambda x, y: x - y,),
    prepare=_one_of(larger=False), code=source.MINIMUM, js="Math.min({0}, {1})",
)  # fmt: skip
def minimum(x: Operand, y: Operand) -> Any:
    """The smaller of two; where they are equal, each gets half of the gradient."""
    return numeric.minimum(x, y)


# Activations -------------------------------------------------------------------------------------


@elementwise(
    [lambda out, x: 1.0 - out * out], formula="tanh x", kind="activation", code="m.tanh({0})",
    analytic=True,
)  # fmt: skip
def tanh(x: Operand) -> Any:
    """The hyperbolic tangent: an S between -1 and 1."""
    return numeric.tanh(x)


@elementwise(
    [lambda out, x: out * (1.0 - out)], formula="1 / (1 + e⁻ˣ)", kind="activation",
    code=source.SIGMOID, js=source.SIGMOID_JS,
    stable="exp is taken of −|x| alone, so it cannot overflow",
)  # fmt: skip
def sigmoid(x: Operand) -> Any:
    """An S between 0 and 1: the logistic function, a probability from a score."""
    return numeric.sigmoid(x)


@elementwise(
    [Select(lambda out, x: x > 0.0)],
    formula="max(x, 0)", kind="activation", kinks=(lambda x: x,), code=source.RELU,
    js="Math.max({0}, 0)",
    conventions=conventions.RELU,
)  # fmt: skip
def relu(x: Operand) -> Any:
    """x where it is positive, else 0; the derivative at 0 is 0."""
    return numeric.maximum(x, 0.0)
