"""Convolution, pooling, norms and attention beside PyTorch: values, first and second derivatives.

Skipped where PyTorch is not installed. All in float64, to 1e-9, over options that are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg

torch = pytest.importorskip("torch")
F = torch.nn.functional


def numbers(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(-2.0, 2.0, shape)


def filled(gradients: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
    """The gradients as arrays; one that does not exist is 0."""
    pairs = zip(gradients, arrays, strict=True)
    return [np.zeros(x.shape) if g is None else g.detach().numpy() for g, x in pairs]


def ours(call: Callable[..., Any], arrays: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
    """The result, its gradients, and the gradients of a weighted sum of their squares."""
    leaves = [tg.Value(x) for x in arrays]
    out = call(*leaves)
    tg.sum(out * seeds[-1]).backward(create_graph=True)
    first = [leaf.grad for leaf in leaves]
    pairs = zip(first, seeds[:-1], strict=True)
    again = sum([tg.sum(g * s * g) for g, s in pairs if g is not None])
    second: list[Any] = [None] * len(leaves)
    if again.requires_grad:
        for leaf in leaves:
            leaf.zero_grad()
        again.backward()
        second = [None if leaf.grad is None else tg.Value(leaf.grad) for leaf in leaves]
    return [out.data, *filled(first, arrays), *filled(second, arrays)]


def theirs(call: Callable[..., Any], arrays: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
    """The same, by PyTorch."""
    leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
    weights = [torch.tensor(s) for s in seeds]
    out = call(*leaves)
    loss = (out * weights[-1]).sum()
    first = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
    pairs = zip(first, weights[:-1], strict=True)
    again = sum([(g * s * g).sum() for g, s in pairs if g is not None])
    second: Sequence[Any] = [None] * len(leaves)
    if again.requires_grad:
        second = torch.autograd.grad(again, leaves, allow_unused=True)
    return [out.detach().numpy(), *filled(first, arrays), *filled(second, arrays)]


def agree(here: Callable[..., Any], there: Callable[..., Any], *arrays: Any) -> None:
    """Value, gradients and second derivatives of both are the same to 1e-9."""
    with torch.no_grad():
        shape = tuple(there(*[torch.tensor(x) for x in arrays]).shape)
    seeds = [*[numbers(7 + i, *x.shape) for i, x in enumerate(arrays)], numbers(99, *shape)]
    left, right = ours(here, arrays, seeds), theirs(there, arrays, seeds)
    for a, b in zip(left, right, strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


integers = st.integers


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[int, dict[str, Any], list[Any]]:
    axes, seed = draw(integers(1, 2)), draw(integers(0, 99))
    groups, c, o = draw(st.sampled_from([(1, 1, 2), (1, 3, 2), (2, 1, 1), (2, 2, 2), (3, 1, 2)]))
    kernel = [draw(integers(1, 4)) for _ in range(axes)]
    dilation = tuple(draw(integers(1, 2)) for _ in range(axes))
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    shape = [s + draw(integers(0, 4)) for s in span]
    options: dict[str, Any] = {"dilation": dilation, "groups": groups}
    how = draw(integers(0, 3))
    if how == 0:
        options["padding"] = draw(st.sampled_from(["same", "valid"]))
    else:
        options["padding"] = tuple(draw(integers(0, 2)) for _ in range(axes))
        options["stride"] = draw(integers(1, 3))
    x = numbers(seed, draw(integers(1, 2)), groups * c, *shape)
    w = numbers(seed + 1, groups * o, c, *kernel)
    return axes, options, [x, w, numbers(seed + 2, groups * o)][: 2 + draw(integers(0, 1))]


@given(convolutions())
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_convolutions(drawn: Any) -> None:
    axes, options, arrays = drawn
    here, there = getattr(tg, f"conv{axes}d"), getattr(F, f"conv{axes}d")
    agree(lambda *a: here(*a, **options), lambda *a: there(*a, **options), *arrays)


@st.composite
def transposed(draw: st.DrawFn) -> tuple[int, dict[str, Any], list[Any]]:
    axes, seed = draw(integers(1, 2)), draw(integers(0, 99))
    groups, c, o = draw(st.sampled_from([(1, 1, 2), (1, 3, 2), (2, 1, 1), (2, 2, 2), (3, 1, 2)]))
    options: dict[str, Any] = {name: [] for name in ("stride", "dilation", "padding")}
    options["output_padding"], shape, kernel = [], [], []
    for _ in range(axes):
        n, k, s, d = (draw(integers(1, most)) for most in (4, 3, 3, 3))
        extra, p = draw(integers(0, max(s, d) - 1)), draw(integers(0, 2))
        p = min(p, max(0, ((n - 1) * s + (k - 1) * d + extra) // 2))
        shape.append(n)
        kernel.append(k)
        for name, value in zip(options, (s, d, p, extra), strict=True):
            options[name].append(value)
    options = {name: tuple(value) for name, value in options.items()} | {"groups": groups}
    x = numbers(seed, draw(integers(1, 2)), groups * c, *shape)
    w = numbers(seed + 1, groups * c, o, *kernel)
    return axes, options, [x, w, numbers(seed + 2, groups * o)][: 2 + draw(integers(0, 1))]


@given(transposed())
def test_transposed_convolutions(drawn: Any) -> None:
    axes, options, arrays = drawn
    here, there = (getattr(m, f"conv_transpose{axes}d") for m in (tg, F))
    agree(lambda *a: here(*a, **options), lambda *a: there(*a, **options), *arrays)


@st.composite
def pools(draw: st.DrawFn) -> tuple[int, bool, dict[str, Any], Any]:
    axes, largest = draw(integers(1, 2)), draw(st.booleans())
    kernel = tuple(draw(integers(1, 3)) for _ in range(axes))
    options: dict[str, Any] = {"kernel_size": kernel, "ceil_mode": draw(st.booleans())}
    options["padding"] = tuple(draw(integers(0, k // 2)) for k in kernel)
    if draw(st.booleans()):
        options["stride"] = tuple(draw(integers(1, 3)) for _ in range(axes))
    gap = draw(integers(1, 2)) if largest else 1
    if largest:
        options["dilation"] = gap
    else:
        options["count_include_pad"] = draw(st.booleans())
    shape = [(k - 1) * gap + 1 + draw(integers(0, 4)) for k in kernel]
    return axes, largest, options, numbers(draw(integers(0, 99)), 2, 2, *shape)


@given(pools())
def test_pools(drawn: Any) -> None:
    axes, largest, options, x = drawn
    name = f"{'max' if largest else 'avg'}_pool{axes}d"
    here, there = getattr(tg, name), getattr(F, name)
    agree(lambda x: here(x, **options), lambda x: there(x, **options), x)


@given(integers(1, 2), st.booleans(), st.data())
def test_adaptive_pools(axes: int, largest: bool, data: Any) -> None:
    shape = [data.draw(integers(1, 7)) for _ in range(axes)]
    size = tuple(data.draw(integers(1, 8)) for _ in range(axes))
    name = f"adaptive_{'max' if largest else 'avg'}_pool{axes}d"
    here, there = getattr(tg, name), getattr(F, name)
    x = numbers(data.draw(integers(0, 99)), 2, 2, *shape)
    agree(lambda x: here(x, size), lambda x: there(x, size), x)


def affine(draw: st.DrawFn, shape: tuple[int, ...]) -> list[Any]:
    """A weight and a bias, or neither: PyTorch fails at second order with a bias alone."""
    both = draw(st.booleans())
    return [numbers(i, *shape) if both else None for i in range(2)]


def with_affine(function: Any, x: Any, given: list[Any], *args: Any, **options: Any) -> Any:
    """The call as a function of the input and what else is given."""

    def call(x: Any, *more: Any) -> Any:
        rest = iter(more)
        w, b = (None if g is None else next(rest) for g in given)
        return function(x, *args, weight=w, bias=b, **options)

    return call


def agree_affine(here: Any, there: Any, x: Any, given: list[Any], *args: Any, **o: Any) -> None:
    arrays = [x, *[g for g in given if g is not None]]
    left, right = (with_affine(f, x, given, *args, **o) for f in (here, there))
    agree(left, right, *arrays)


@given(st.data())
def test_layer_group_and_instance_norm(data: Any) -> None:
    draw = data.draw
    spatial = [draw(integers(2, 3)) for _ in range(draw(integers(1, 2)))]
    x = numbers(draw(integers(0, 99)), 2, 4, *spatial) * 3.0 + 1.0
    eps = draw(st.sampled_from([1e-5, 0.1]))
    last = tuple(x.shape[-draw(integers(1, x.ndim - 1)) :])
    agree_affine(tg.layer_norm, F.layer_norm, x, affine(draw, last), last, eps=eps)
    groups = draw(st.sampled_from([1, 2, 4]))
    agree_affine(tg.group_norm, F.group_norm, x, affine(draw, (4,)), groups, eps=eps)
    agree_affine(tg.instance_norm, F.instance_norm, x, affine(draw, (4,)), eps=eps)
    w = numbers(5, *last)
    agree(lambda x, w: tg.rms_norm(x, last, w), lambda x, w: F.rms_norm(x, last, w), x, w)


@given(st.data())
def test_batch_norm(data: Any) -> None:
    draw = data.draw
    spatial = [draw(integers(1, 3)) for _ in range(draw(integers(0, 2)))]
    x = numbers(draw(integers(0, 99)), 3, 2, *spatial) * 3.0 + 1.0
    mean, var = numbers(1, 2), np.abs(numbers(2, 2)) + 0.1
    given_, training = affine(draw, (2,)), draw(st.booleans())

    def there(x: Any, **more: Any) -> Any:
        copies = torch.tensor(mean), torch.tensor(var)
        return F.batch_norm(x, *copies, training=training, **more)

    def here(x: Any, **more: Any) -> Any:
        return tg.batch_norm(x, mean, var, training=training, **more)

    agree_affine(here, there, x, given_)
    running = torch.tensor(mean), torch.tensor(var)
    F.batch_norm(torch.tensor(x), *running, training=True, momentum=0.3)
    for a, b in zip(tg.batch_norm_statistics(x, mean, var, 0.3), running, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-12)


@given(st.data())
def test_attention(data: Any) -> None:
    draw = data.draw
    batch = draw(st.sampled_from([(), (2,), (2, 2)]))
    n, m, e, f = (draw(integers(1, 4)) for _ in range(4))
    seed = draw(integers(0, 99))
    q, k = numbers(seed, *batch, n, e), numbers(seed + 1, *batch, m, e)
    v = numbers(seed + 2, *batch, m, f)
    options: dict[str, Any] = {"scale": draw(st.sampled_from([None, 0.7]))}
    kind = draw(st.sampled_from(["none", "causal", "bool", "additive"]))
    mask = np.random.default_rng(seed).random((*draw(st.sampled_from([(), batch])), n, m)) < 0.6
    if kind == "causal":
        options["is_causal"] = True
    if kind == "additive":
        mask = np.where(mask, numbers(seed, *mask.shape), -np.inf)
    given_ = mask if kind in ("bool", "additive") else None
    there = None if given_ is None else torch.tensor(given_)
    attend = F.scaled_dot_product_attention

    def there_(*a: Any) -> Any:  # the one of its implementations that has second derivatives
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            return attend(*a, there, **options)

    agree(
        lambda *a: tg.scaled_dot_product_attention(*a, given_, **options),
        there_,
        q, k, v,
    )  # fmt: skip


@given(integers(1, 3), integers(1, 3), integers(1, 3), st.sampled_from([(), (2,), (2, 2)]))
def test_bilinear(n: int, m: int, outputs: int, batch: Any) -> None:
    arrays = numbers(1, *batch, n), numbers(2, *batch, m), numbers(3, outputs, n, m)
    agree(tg.bilinear, F.bilinear, *arrays, numbers(4, outputs))


@given(st.data())
def test_interpolate(data: Any) -> None:
    draw = data.draw
    axes = draw(integers(1, 2))
    x = numbers(draw(integers(0, 99)), 2, 2, *[draw(integers(1, 5)) for _ in range(axes)])
    modes = ["nearest", "nearest-exact", "linear" if axes == 1 else "bilinear"]
    options: dict[str, Any] = {"mode": draw(st.sampled_from(modes))}
    if not options["mode"].startswith("nearest"):
        options["align_corners"] = draw(st.booleans())
    if draw(st.booleans()):
        options["size"] = tuple(draw(integers(1, 7)) for _ in range(axes))
    else:
        options["scale_factor"] = draw(st.sampled_from([1.0, 1.5, 2.0, 2.6, 3.0]))
    agree(lambda x: tg.interpolate(x, **options), lambda x: F.interpolate(x, **options), x)


@given(integers(1, 3), integers(0, 99))
def test_pixel_shuffle(r: int, seed: int) -> None:
    x = numbers(seed, 2, 2 * r * r, 2, 3)
    agree(lambda x: tg.pixel_shuffle(x, r), lambda x: F.pixel_shuffle(x, r), x)
    y = numbers(seed, 2, 2, 2 * r, 3 * r)
    agree(lambda x: tg.pixel_unshuffle(x, r), lambda x: F.pixel_unshuffle(x, r), y)


@given(st.sampled_from([1.0, 2.0, 3.0]), integers(-2, 1))
def test_normalize(p: float, axis: int) -> None:
    x = numbers(3, 3, 4)
    agree(lambda x: tg.normalize(x, p, axis), lambda x: F.normalize(x, p, axis), x)
