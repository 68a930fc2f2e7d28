"""The error function, its inverse, and the logarithm of the gamma function with its derivatives.

All by NumPy alone. Names are those of SciPy and PyTorch; `polygamma` has its operand first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.define import elementwise
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.ops import examples, source
from tinygrad_edu.ops.conventions import Convention
from tinygrad_edu.ops.elementwise import POSITIVE, Operand, clip, exp
from tinygrad_edu.ops.error_function import error_functions
from tinygrad_edu.ops.gamma_functions import erf_inverse, log_gamma, polygamma_of
from tinygrad_edu.ops.numeric import by_numpy

SLOPE = 2.0 / math.sqrt(math.pi)
_TEXT = source.text_of(error_functions)
_FAR_OUT = "the recurrence moves x beyond 15, where the asymptotic series has all digits"
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


_INVERSE = source.text_of(error_functions, erf_inverse)


@elementwise(
    [lambda out, x: exp(out * out) / SLOPE], formula="y with erf y = x", domain=((-1.0, 1.0),),
    code=("float(erf_inverse({0}))" + _INVERSE, "erf_inverse({0})" + _INVERSE),
    jax="jax.scipy.special.erfinv({0})",
    conventions=(
        Convention("erfinv at 1: honestly infinite", "(tg.erfinv(1.0), d(tg.erfinv)(1.0))",
                   "(inf, inf)",
                   "(torch.erfinv(t(1.0)).item(), D(torch.erfinv)(t(1.0)).item())", "(inf, inf)"),
    ),
    stable="beyond 0.5 it compares erfc with 1 − x, so that the tail keeps its digits",
)  # fmt: skip
def erfinv(x: Operand) -> Any:
    """The number whose error function is x; infinite at ±1, NaN beyond."""
    return by_numpy(erf_inverse)(x)


def _to_pole(x: Any, **static: Any) -> Any:
    """The distance from the nearest of the poles 0, −1, −2, …, left of 1/2."""
    return np.where(np.asarray(x) < 0.5, x - np.round(x), 1.0)


@elementwise(
    [lambda out, x: digamma(x)], formula="ln |Γ(x)|", domain=POSITIVE,
    kinks=(_to_pole,),
    code=(
        "log_gamma({0})" + source.text_of(log_gamma),
        "np.vectorize(log_gamma, otypes=[{0}.dtype])({0})" + source.text_of(log_gamma),
    ),
    torch="torch.lgamma({0})", jax="jax.scipy.special.gammaln({0})",
    stable="the factorial itself is never formed, so that it cannot overflow",
    conventions=(
        Convention("gammaln at 0", "(tg.gammaln(0.0), d(tg.gammaln)(0.0))", "(inf, -inf)",
                   "(torch.lgamma(t(0.0)).item(), D(torch.lgamma)(t(0.0)).item())", "(inf, -inf)"),
    ),
)  # fmt: skip
def gammaln(x: Operand) -> Any:
    """log |Γ(x)|, the logarithm of the factorial of x − 1; infinite at 0, −1, −2, …

    Called number by number, which no formula for arrays outruns; PyTorch's `lgamma`.
    """
    if isinstance(x, float):
        return log_gamma(x)
    return np.vectorize(log_gamma, otypes=[x.dtype])(x)


@elementwise(
    [lambda out, x: polygamma(x, n=1)], formula="ψ(x) = Γ′(x) / Γ(x)", domain=POSITIVE,
    kinks=(_to_pole,),
    code=(
        "float(polygamma_of({0}, 0))" + source.text_of(polygamma_of),
        "polygamma_of({0}, 0)" + source.text_of(polygamma_of),
    ),
    jax="jax.scipy.special.digamma({0})", stable=_FAR_OUT,
)  # fmt: skip
def digamma(x: Operand) -> Any:
    """The derivative of `gammaln`, about log(x − 1/2); NaN at −1, −2, …"""
    return by_numpy(polygamma_of)(x, n=0)


def _prepare_polygamma(x: Any, n: Any) -> Any:
    if not isinstance(n, (int, np.integer)) or n < 0:
        raise DTypeError(f"polygamma: n = {n!r}", hint="n is an order: 0, 1, 2, …")
    return {"n": int(n)}


@elementwise(
    [lambda out, x, n: polygamma(x, n=n + 1)], formula="ψ⁽ⁿ⁾(x)", domain=POSITIVE,
    kinks=(_to_pole,),
    prepare=_prepare_polygamma, examples=examples.parameter("n", 0, 1, 2, 3),
    code=(
        "float(polygamma_of({0}, {n}))" + source.text_of(polygamma_of),
        "polygamma_of({0}, {n})" + source.text_of(polygamma_of),
    ),
    torch="torch.polygamma({n}, {0})", jax="jax.scipy.special.polygamma({n}, {0})",
    stable=_FAR_OUT,
)  # fmt: skip
def polygamma(x: Operand, n: int = 1) -> Any:
    """The derivative of order n of `digamma`: 1 is the trigamma function (SciPy: n, then x)."""
    return by_numpy(polygamma_of)(x, n=n)
