"""Attention, dropout, and the bilinear layer."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.functions import composite
from tinygrad_edu.networks.arguments import array
from tinygrad_edu.ops.comparisons import equal, greater_equal
from tinygrad_edu.ops.composed import composed, given
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.plain import random_uniform
from tinygrad_edu.ops.reductions import max, softmax
from tinygrad_edu.raw import shape as shape_of
from tinygrad_edu.wording import refusal


@composite("dropout")
@composed("input")
def dropout(
    input: Any, p: float = 0.5, training: bool = True, generator: np.random.Generator | None = None
) -> Any:
    """Each number left out with probability ``p`` (it becomes 0), the others times 1 / (1 − p).

    So the expected result is the input, and outside training it is the input itself. The draws
    come from ``generator``, made once and seeded for repeatable runs; without one, from a new one
    that is not seeded. In a recorded program the draw is an instruction: each run draws anew.
    Srivastava et al., "Dropout" (2014). Raises `DTypeError` for a p that is no probability.

    >>> dropout(np.ones(6), 0.5, generator=np.random.default_rng(0))
    array([2., 0., 0., 0., 2., 2.])
    """
    if not isinstance(p, Real) or not 0.0 <= p <= 1.0:
        raise DTypeError(f"dropout: p={p!r} is no probability", hint="p is a number from 0 to 1")
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise DTypeError(
            f"dropout: generator={generator!r} would draw the same at each call",
            hint="rng = np.random.default_rng(0) once, then generator=rng at each call",
        )
    x = given(input)
    if not training or p == 0.0:
        return x
    draws = np.random.default_rng() if generator is None else generator
    kept = greater_equal(random_uniform(shape=shape_of(x), generator=draws), float(p))
    return where(kept, x, 0.0) * (0.0 if p == 1.0 else 1.0 / (1.0 - p))


@composite("attention")
@composed("query", "key", "value", "attn_mask")
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None,
    generator: np.random.Generator | None = None,
) -> Any:  # fmt: skip
    """``softmax(query @ keyᵀ · scale + mask) @ value``: a mean of the values, weighed by likeness.

    query (…, queries, features), key (…, keys, features), value (…, keys, any); ``scale`` is by
    default 1 / √features. ``attn_mask``, of a shape that broadcasts to (…, queries, keys), is of
    bool, True where a key may be seen, or of numbers to be added. ``is_causal`` lets query i see
    the keys 0 to i. A query that may see no key at all gets 0. ``dropout_p`` is as in `dropout`.

    Vaswani et al., "Attention is all you need" (2017). Raises `ShapeError`.

    >>> one = np.ones((1, 2, 4))
    >>> scaled_dot_product_attention(one, one, np.array([[[1.0], [3.0]]]), is_causal=True)
    array([[[1.],
            [2.]]])
    """
    q, k, v, function = array(query), array(key), array(value), "scaled_dot_product_attention"
    _fit(function, q, k, v)
    shown = {"query": q, "key": k, "value": v, "attn_mask": attn_mask}
    if is_causal and attn_mask is not None:
        hint = "combine them: attn_mask & np.tri(queries, keys, dtype=bool)"
        raise refusal(function, "both attn_mask and is_causal=True", hint, **shown)
    mask = np.tri(q.shape[-2], k.shape[-2], dtype=bool) if is_causal else attn_mask
    weights = attention_weights(q, k, mask, scale)
    return dropout(weights, dropout_p, generator=generator) @ v


def attention_weights(query: Any, key: Any, mask: Any = None, scale: float | None = None) -> Any:
    """How much each query attends to each key, ``softmax(query @ keyᵀ · scale + mask)``.

    Shapes, mask and scale as in `scaled_dot_product_attention`; the result is (…, queries, keys),
    and each row adds up to 1, or is 0 where the mask lets no key through.
    """
    q, k = array(query), array(key)
    scores = (q * (1.0 / math.sqrt(q.shape[-1]) if scale is None else scale)) @ _swapped(k)
    if mask is None:
        return softmax(scores, axis=-1)
    mask = mask if isinstance(mask, Value) else np.asarray(mask)
    shown = {"query": q, "key": k, "attn_mask": mask}
    _check_mask("scaled_dot_product_attention", mask, scores.shape, shown)
    return _masked(scores, mask)


def _fit(function: str, q: Any, k: Any, v: Any) -> None:
    operands = {"query": q, "key": k, "value": v}
    for name, x in operands.items():
        if x.ndim < 2:
            hint = f"{name} is (…, places, features)"
            raise refusal(function, f"a {name} of {x.ndim} axes", hint, **operands)
    if q.shape[-1] != k.shape[-1] or q.shape[-1] == 0:
        reason = f"query has {q.shape[-1]} features, key has {k.shape[-1]}"
        raise refusal(function, reason, "both are (…, places, features)", **operands)
    if k.shape[-2] != v.shape[-2]:
        reason = f"{k.shape[-2]} keys for {v.shape[-2]} values"
        raise refusal(function, reason, "one value per key: axis -2 of both", **operands)
    try:
        np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ValueError:
        hint = "the axes before the last two must broadcast"
        raise refusal(function, "batches that do not fit", hint, **operands) from None


def _check_mask(function: str, mask: Any, shape: tuple[int, ...], shown: dict[str, Any]) -> None:
    try:
        fits = np.broadcast_shapes(mask.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        hint = f"it broadcasts to {shape}: (…, queries, keys)"
        raise refusal(function, f"attn_mask of shape {mask.shape}", hint, **shown)
    if mask.dtype.kind not in "bf":
        reason = f"attn_mask of type {mask.dtype}"
        hint = "bool (True: may be seen), or floats to be added: mask.astype(bool)"
        raise refusal(function, reason, hint, **shown)


def _masked(scores: Any, mask: Any) -> Any:
    """The softmax of the scores that the mask lets through; 0 where it lets none through.

    A row of nothing but -inf is replaced before the softmax and again after it: the softmax would
    be NaN, and a NaN below a `where` comes back as a NaN in the gradient.
    """
    if mask.dtype.kind == "b":
        scores = where(mask, scores, -math.inf)
        allowed = where(mask, 1.0, 0.0) if isinstance(mask, Value) else mask.any(-1, keepdims=True)
        least = 0.0
    else:
        scores, allowed, least = scores + mask, mask, -math.inf
    if isinstance(mask, Value) or mask.dtype.kind == "f":
        nothing = equal(max(allowed, axis=-1, keepdims=True), least)
    else:
        nothing = ~allowed
    if not isinstance(nothing, Value) and not np.any(nothing):
        return softmax(scores, axis=-1)
    return where(nothing, 0.0, softmax(where(nothing, 0.0, scores), axis=-1))


def _swapped(x: Any) -> Any:
    return x.transpose((*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@composite("bilinear")
@composed("input1", "input2", "weight", "bias")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """``input1ᵀ A input2`` for each matrix A of the weight, plus a bias: products of two inputs.

    input1 (…, n), input2 (…, m), weight (outputs, n, m), bias (outputs,). Raises `ShapeError`.

    >>> bilinear([[1.0, 2.0]], [[3.0, 4.0]], np.eye(2)[None])
    array([[11.]])
    """
    x, y, w = array(input1), array(input2), array(weight)
    b = None if bias is None else array(bias)
    shown = {"input1": x, "input2": y, "weight": w, "bias": b}
    if x.ndim < 1 or x.shape[:-1] != y.shape[:-1]:
        hint = "all axes but the last are the same"
        raise refusal("bilinear", "inputs that do not belong together", hint, **shown)
    if w.ndim != 3 or w.shape[1:] != (x.shape[-1], y.shape[-1]):
        hint = f"weight is (outputs, {x.shape[-1]}, {y.shape[-1]})"
        raise refusal("bilinear", f"weight of shape {w.shape}", hint, **shown)
    if b is not None and b.shape != w.shape[:1]:
        hint = f"bias has shape {w.shape[:1]}"
        raise refusal("bilinear", f"bias of shape {b.shape}", hint, **shown)
    outputs, n, m = w.shape
    left = x @ w.transpose((1, 0, 2)).reshape((n, outputs * m))
    out = (left.reshape((*x.shape[:-1], outputs, m)) @ y.reshape((*y.shape, 1))).reshape(
        (*x.shape[:-1], outputs)
    )
    return out if b is None else out + b
