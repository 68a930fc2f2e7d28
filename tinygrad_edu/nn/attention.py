"""Attention as modules: `MultiheadAttention`, and the `TransformerBlock` around it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.context import library_scope
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.networks.attention import attention_weights
from tinygrad_edu.networks.attention import dropout as drop
from tinygrad_edu.nn.box import Box, Seed, as_input, chance, uniform, whole
from tinygrad_edu.nn.box import bias as bias_of
from tinygrad_edu.nn.layers import Activation, Layer, Linear, find_activation
from tinygrad_edu.nn.module import LayerInfo, Module, Parameter
from tinygrad_edu.nn.norms import Dropout, LayerNorm
from tinygrad_edu.ops.arrays import reshape, transpose
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.reductions import mean


class MultiheadAttention(Box):
    """Attention ``num_heads`` times side by side, each on its own projection of the features.

    query (queries, batch, embed_dim), key (keys, batch, kdim), value (keys, batch, vdim); with
    ``batch_first`` the batch is axis 0, without a batch it is left out. Returns the output, of the
    query's shape, and the weights (batch, queries, keys), the mean over the heads, or of each head
    with ``average_attn_weights=False``, or None with ``need_weights=False``.

    ``attn_mask`` (queries, keys) or (batch · heads, queries, keys) and ``key_padding_mask`` (batch,
    keys) are of bool, **True where a key may not be seen** (PyTorch's rule for this module, the
    opposite of that of `tg.scaled_dot_product_attention`), or of numbers to be added;
    ``is_causal`` lets query i see the keys 0 to i. A query that sees no key gets 0 for its mean.

    ``in_proj_weight`` holds the three projections one below the other (3 · embed_dim, embed_dim),
    and starts by Glorot's rule; with other ``kdim`` and ``vdim`` they are three parameters.
    Vaswani et al., "Attention is all you need" (2017). Raises `ShapeError`.

    >>> layer = MultiheadAttention(8, 2, batch_first=True)
    >>> x = np.zeros((4, 5, 8))
    >>> out, weights = layer(x, x, x)
    >>> out.shape, weights.shape
    ((4, 5, 8), (4, 5, 5))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
        *, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        e = self.embed_dim = whole(embed_dim, "embed_dim")
        self.num_heads = whole(num_heads, "num_heads")
        if e % self.num_heads:
            fitting = [n for n in range(1, e + 1) if e % n == 0]
            raise ShapeError(
                f"{num_heads} heads do not divide {embed_dim} features",
                hint=f"num_heads is one of {', '.join(map(str, fitting))}",
            )
        self.kdim = e if kdim is None else whole(kdim, "kdim")
        self.vdim = e if vdim is None else whole(vdim, "vdim")
        self.dropout, self.batch_first = chance(dropout, "dropout"), bool(batch_first)
        self.generator, self.sizes = np.random.default_rng(seed), (e, e)
        self.in_proj_weight: Value | None = None
        with self.begin(name):
            if self.kdim == self.vdim == e:
                self.in_proj_weight = self._glorot(3 * e, e, "in_proj_weight")
            else:
                self.q_proj_weight = self._glorot(e, e, "q_proj_weight")
                self.k_proj_weight = self._glorot(e, self.kdim, "k_proj_weight")
                self.v_proj_weight = self._glorot(e, self.vdim, "v_proj_weight")
            self.in_proj_bias = bias_of(np.zeros(3 * e), "in_proj_bias") if bias else None
            self.out_proj = Linear(
                e, e, bias, initializer="uniform", seed=self.generator, name="out_proj"
            )

    def _glorot(self, rows: int, columns: int, name: str) -> Value:
        limit = math.sqrt(6.0 / (rows + columns))
        return Parameter(uniform(limit, (rows, columns), self.generator), name)

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None,
        need_weights: bool = True, attn_mask: Any = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Value, Value | None]:  # fmt: skip
        """The output and the weights; see the class."""
        same = key is query, value is query, value is key
        q = as_input(query, "query")
        k = q if same[0] else as_input(key, "key")
        v = q if same[1] else k if same[2] else as_input(value, "value")
        batched = q.ndim == 3
        self._check(q, k, v)
        if not batched:
            q, k, v = q[None], k[None], v[None]
        elif not self.batch_first:
            q, k, v = (transpose(x, axes=(1, 0, 2)) for x in (q, k, v))
        sizes = (q.shape[0], self.num_heads, q.shape[1], k.shape[1])
        mask = self._mask(attn_mask, key_padding_mask, is_causal, sizes, batched)
        heads = [self._heads(x, i) for i, x in enumerate((q, k, v))]
        weights = attention_weights(heads[0], heads[1], mask)
        weights = drop(weights, self.dropout, self.training, self.generator)
        mixed = transpose(weights @ heads[2], axes=(0, 2, 1, 3))
        z = reshape(mixed, shape=(sizes[0], sizes[2], self.embed_dim)) @ self.out_proj.weight
        out = z if self.out_proj.bias is None else z + self.out_proj.bias
        shown = None
        if need_weights:
            shown = mean(weights, axis=1) if average_attn_weights else weights
        if not batched:
            return out[0], None if shown is None else shown[0]
        return out if self.batch_first else transpose(out, axes=(1, 0, 2)), shown

    def _check(self, q: Value, k: Value, v: Value) -> None:
        order = "(batch, places, {0})" if self.batch_first else "(places, batch, {0})"
        shown = {"query": q, "key": k, "value": v}
        for (name, x), n in zip(shown.items(), (self.embed_dim, self.kdim, self.vdim), strict=True):
            if x.ndim not in (2, 3) or x.ndim != q.ndim or x.shape[-1] != n:
                hint = f"{name} is {order.format(n)}, or (places, {n})"
                raise self.refuse(f"a {name} of shape {x.shape} for {n} features", hint, **shown)
        axis = 0 if q.ndim == 3 and self.batch_first else 1
        if k.shape[:-1] != v.shape[:-1] or (q.ndim == 3 and q.shape[axis] != k.shape[axis]):
            hint = "one value per key, and one batch for all three"
            raise self.refuse("query, key and value do not belong together", hint, **shown)

    def _heads(self, x: Value, which: int) -> Value:
        """One of the three projections, as (batch, heads, places, features of a head)."""
        e, h = self.embed_dim, self.num_heads
        part = slice(which * e, (which + 1) * e)
        if self.in_proj_weight is not None:
            weight = self.in_proj_weight[part]
        else:
            weight = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)[which]
        z = x @ transpose(weight)
        z = z if self.in_proj_bias is None else z + self.in_proj_bias[part]
        split = reshape(z, shape=(*z.shape[:2], h, e // h))
        return transpose(split, axes=(0, 2, 1, 3))  # type: ignore[no-any-return]

    def _mask(
        self, attn: Any, padding: Any, causal: bool, sizes: tuple[int, ...], batched: bool
    ) -> Any:
        """All masks as one: bool, True where a key may be seen, or numbers to be added."""
        n, h, queries, keys = sizes
        found: list[Any] = [np.tri(queries, keys, dtype=bool)] if causal else []
        shapes = {"attn_mask": [(queries, keys), (n * h, queries, keys)]}
        shapes["key_padding_mask"] = [(n, keys)] if batched else [(keys,)]
        for (name, fitting), given in zip(shapes.items(), (attn, padding), strict=True):
            if given is None:
                continue
            mask = given if isinstance(given, Value) else np.asarray(given)
            if mask.shape not in fitting or mask.dtype.kind not in "bf":
                hint = (
                    f"{name} is {' or '.join(map(str, fitting))}, of bool (True: hidden) or float"
                )
                reason = f"{name} of shape {mask.shape} and type {mask.dtype}"
                raise self.refuse(reason, hint, **{name: mask})
            if mask.ndim == 3:
                mask = mask.reshape((n, h, queries, keys))
            elif name == "key_padding_mask":
                mask = mask.reshape((n, 1, 1, keys))
            found.append(mask if mask.dtype.kind == "f" else ~mask)
        if all(mask.dtype.kind == "b" for mask in found):
            return _all_of(found)
        total: Any = 0.0
        for mask in found:
            total = total + (mask if mask.dtype.kind == "f" else where(mask, 0.0, -math.inf))
        return total

    def __repr__(self) -> str:
        more = ", batch first" if self.batch_first else ""
        return f"MultiheadAttention({self.embed_dim}, {self.num_heads} heads{more})"


def _all_of(masks: list[Any]) -> Any:
    whole_mask: Any = None
    for mask in masks:
        whole_mask = mask if whole_mask is None else whole_mask & mask
    return whole_mask


class TransformerBlock(Module):
    """Self-attention, then two layers on every place, each added to what went in and normalised.

    PyTorch's ``TransformerEncoderLayer``: the same arguments, parameters and state. Input and
    output (places, batch, d_model), or (batch, places, d_model) with ``batch_first``, or (places,
    d_model). ``norm_first`` normalises before each part, which trains deep stacks more stably
    (Xiong et al., "On layer normalization in the transformer architecture", 2020). ``is_causal``
    hides what comes later, as a language model must; the masks are those of `MultiheadAttention`.

    Vaswani et al., "Attention is all you need" (2017), section 3. Raises `ShapeError`.

    >>> block = TransformerBlock(8, 2, dim_feedforward=16, batch_first=True)
    >>> block(np.zeros((4, 5, 8)), is_causal=True).shape
    (4, 5, 8)
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, *, seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        generator = np.random.default_rng(seed)
        function = find_activation(activation)
        if function is None:
            raise DTypeError("TransformerBlock: activation=None", hint='"relu" or "gelu"')
        self.norm_first = bool(norm_first)
        if name is not None:
            self.called(name)
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, seed=generator
        )
        self.linear1 = _uniform(d_model, dim_feedforward, function, bias, generator)
        self.dropout = Dropout(dropout, seed=generator)
        self.linear2 = _uniform(dim_feedforward, d_model, None, bias, generator)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout1 = Dropout(dropout, seed=generator)
        self.dropout2 = Dropout(dropout, seed=generator)

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Any:  # fmt: skip
        """The shape of the input."""
        x, masks = as_input(src, "src"), (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            x = _sum("add 1", x, self._attend(self.norm1(x), *masks))
            return _sum("add 2", x, self._think(self.norm2(x)))
        x = self.norm1(_sum("add 1", x, self._attend(x, *masks)))
        return self.norm2(_sum("add 2", x, self._think(x)))

    def _attend(self, x: Any, mask: Any, padding: Any, causal: bool) -> Any:
        out, _ = self.self_attn(
            x, x, x, key_padding_mask=padding, need_weights=False, attn_mask=mask, is_causal=causal
        )
        return self.dropout1(out)

    def _think(self, x: Any) -> Any:
        return self.dropout2(self.linear2(self.dropout(self.linear1(x))))

    def structure(self) -> list[LayerInfo]:
        """The parts with parameters, in the order in which they compute."""
        attend, think = [self.self_attn], [self.linear1, self.linear2]
        if self.norm_first:
            parts: list[Module] = [self.norm1, *attend, self.norm2, *think]
        else:
            parts = [*attend, self.norm1, *think, self.norm2]
        return [info for part in parts for info in part.structure()]


def _sum(name: str, x: Any, y: Any) -> Any:
    with library_scope(name, "layer"):
        return x + y


def _uniform(
    inputs: int, outputs: int, activation: Activation, bias: bool, generator: np.random.Generator
) -> Layer:
    """A layer that starts as PyTorch's do: weights and bias uniform in ±1 / √inputs."""
    made = Layer(inputs, outputs, activation, bias=bias, initializer="uniform", seed=generator)
    if made.bias is not None:
        made.bias.assign(uniform(1.0 / math.sqrt(inputs), (outputs,), generator))
    return made
