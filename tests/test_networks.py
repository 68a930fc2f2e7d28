"""Networks: stored figures, float32, empty batches, replay, and every refusal read."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, ShapeError

X = np.arange(2.0 * 3 * 5 * 4).reshape(2, 3, 5, 4)
LINE = np.arange(12.0).reshape(2, 2, 3)
KERNEL = np.cos(np.arange(4.0 * 3 * 3 * 2)).reshape(4, 3, 3, 2)


def gradient(call: Callable[..., Any], *arrays: Any) -> list[Any]:
    """The gradients of the sum of squares."""
    leaves = [tg.Value(x) for x in arrays]
    tg.sum(tg.square(call(*leaves))).backward()
    return [leaf.grad for leaf in leaves]


# Figures that PyTorch 2.13 gives, in float64 -----------------------------------------------------


FIGURES: list[tuple[Callable[..., Any], tuple[Any, ...], list[float]]] = [
    (lambda x, w: tg.conv2d(x, w, stride=(2, 1), padding=1, dilation=(1, 2)),
     (X, KERNEL,),
     [1070.3924364457941, 1278.4097340527103, 152622.66278297655]),
    (lambda x, w, b: tg.conv1d(x, w, b, padding="same", groups=2),
     (LINE, KERNEL[:2, :1, 0], KERNEL[0, 0, 0],),
     [-0.47201946522188454, -40.589878706540716, 1307.9238955607982, 102.0472969507186]),
    (lambda x, w: tg.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
     (X, KERNEL[:3],),
     [-5.159659161277119, -3765.831720934076, 2118536.0783191007]),
    (lambda x: tg.max_pool2d(x, 2, padding=1, ceil_mode=True),
     (np.sin(X),),
     [1.5298964456143918, 58.295881492955296]),
    (lambda x: tg.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
     (X,),
     [124.93659752157018, -194.08577737450662]),
    (lambda x: tg.adaptive_avg_pool2d(x, (3, 3)),
     (X,),
     [124.13189652999888, -333.7516656185973]),
    (lambda x, w: tg.layer_norm(x, (5, 4), w),
     (X, KERNEL[0, 0, 0, 0] + X[0, 0],),
     [-19.12707205726533, -26.11315397368876, -442.87166485642706]),
    (lambda x: tg.group_norm(x, 3),
     (np.sin(X),),
     [84.48584938666264, 0.0048468698951295575]),
    (lambda x: tg.batch_norm(x, None, None, training=True),
     (np.sin(X),),
     [84.60499583283638, 0.0048334828657191405]),
    (lambda q, k: tg.scaled_dot_product_attention(q, k, k, is_causal=True),
     (LINE, np.cos(LINE),),
     [0.4209228408735877, 0.002340787782084407, 1.3698491613288155]),
    (lambda x: tg.interpolate(x, (7, 3), mode="bilinear", align_corners=False),
     (X,),
     [-122.85404158024197, -153.08363600473126]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "arrays", "sums"), FIGURES)
def test_stored_figures(call: Any, arrays: Any, sums: list[float]) -> None:
    """The result and the gradients, each as a sum weighted unevenly."""
    found = [call(*arrays), *gradient(call, *arrays)]
    weighted = [float(np.sum(np.sin(np.arange(a.size)) * a.reshape(-1))) for a in found]
    assert weighted == pytest.approx(sums, rel=1e-9, abs=1e-9)


# float32, empty batches, replay ------------------------------------------------------------------


CALLS: dict[str, Callable[[Any], Any]] = {
    "conv2d": lambda x: tg.conv2d(x, KERNEL.astype(np.float32), np.ones(4, np.float32), padding=1),
    "conv_transpose2d": lambda x: tg.conv_transpose2d(x, KERNEL[:3].astype(np.float32)),
    "max_pool2d": lambda x: tg.max_pool2d(x, 2),
    "avg_pool2d": lambda x: tg.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False),
    "adaptive_avg_pool2d": lambda x: tg.adaptive_avg_pool2d(x, 3),
    "adaptive_max_pool2d": lambda x: tg.adaptive_max_pool2d(x, (1, 3)),
    "batch_norm": lambda x: tg.batch_norm(x, np.zeros(3, "f"), np.ones(3, "f"), training=True),
    "layer_norm": lambda x: tg.layer_norm(x, (5, 4), np.ones((5, 4), "f"), np.ones((5, 4), "f")),
    "group_norm": lambda x: tg.group_norm(x, 3, np.ones(3, "f")),
    "instance_norm": lambda x: tg.instance_norm(x),
    "rms_norm": lambda x: tg.rms_norm(x, 4),
    "normalize": lambda x: tg.normalize(x, axis=-1),
    "dropout": lambda x: tg.dropout(x, 0.3, generator=np.random.default_rng(0)),
    "attention": lambda x: tg.scaled_dot_product_attention(x, x, x, is_causal=True),
    "nearest": lambda x: tg.interpolate(x, (7, 3)),
    "bilinear": lambda x: tg.interpolate(x, scale_factor=2.0, mode="bilinear"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_float32_stays(call: Any) -> None:
    x = tg.Value(X.astype(np.float32))
    y = call(x)
    tg.sum(y * y).backward(create_graph=True)
    assert y.dtype == x.grad.dtype == np.float32


def test_whole_numbers_may_be_numpys_own() -> None:
    two = np.int64(2)
    x = np.sin(np.arange(96.0)).reshape(2, 4, 4, 3)
    assert tg.conv2d(x, np.ones((2, 2, 2, 2)), stride=two, groups=two).shape == (2, 2, 2, 1)
    assert np.array_equal(tg.group_norm(x, two), tg.group_norm(x, 2))
    assert tg.pixel_shuffle(x, two).shape == (2, 1, 8, 6)


FIXED = {name: call for name, call in CALLS.items() if name != "dropout"}


@pytest.mark.parametrize("call", FIXED.values(), ids=FIXED)
def test_forward_mode_is_reverse_mode_transposed(call: Any) -> None:
    x, u = np.sin(X), np.cos(3.0 * X)
    out, pushed = tg.jvp(call, (x,), (u,))
    v = np.cos(np.arange(float(out.size))).reshape(out.shape)
    [pulled] = tg.vjp(call, x)[1](v)
    assert np.sum(v * pushed) == pytest.approx(np.sum(pulled * u), rel=1e-12)


@pytest.mark.parametrize("call", FIXED.values(), ids=FIXED)
def test_a_recorded_gradient_holds_for_other_data(call: Any) -> None:
    def slope(x: Any) -> Any:
        return tg.grad(lambda x: tg.sum(tg.square(call(x))))(x)

    tape = tg.Tape.record(slope, np.sin(X))
    assert np.array_equal(tape.run([np.cos(5.0 * X)]), slope(np.cos(5.0 * X)))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_empty_batch_gives_an_empty_result(call: Any) -> None:
    x = tg.Value(np.ones((0, 3, 5, 4), np.float32))
    y = call(x)
    y.backward(gradient=np.zeros(y.shape, np.float32))
    assert y.shape == (0, *call(X.astype(np.float32)).shape[1:])
    assert x.grad.shape == x.shape


def test_a_large_batch_is_the_sum_of_its_examples() -> None:
    x = np.sin(np.arange(5.0 * 4 * 48 * 48)).reshape(5, 4, 48, 48)  # three and two at a time
    w = np.cos(np.arange(2.0 * 4 * 3 * 3)).reshape(2, 4, 3, 3)
    dx, dw = gradient(tg.conv2d, x, w)
    single = [gradient(tg.conv2d, one[None], w) for one in x]
    assert np.array_equal(tg.conv2d(x, w), np.concatenate([tg.conv2d(one[None], w) for one in x]))
    np.testing.assert_allclose(dx, np.concatenate([a for a, _ in single]), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dw, sum([b for _, b in single]), rtol=1e-12, atol=1e-12)


def test_a_convolution_needs_little_memory_beyond_its_result() -> None:
    x, w = tg.Value(np.ones((16, 16, 64, 64))), tg.Value(np.ones((4, 16, 3, 3)))
    tracemalloc.start()
    try:
        tg.conv2d(x, w, padding=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * 2**20  # the result takes 2 MiB, all columns at once would take 72


def test_the_gradient_of_a_kernel_over_no_examples_is_zero() -> None:
    w = tg.Value(KERNEL)
    tg.sum(tg.conv2d(np.ones((0, 3, 5, 4)), w)).backward()
    assert w.grad.shape == w.shape
    assert not w.grad.any()


def test_winners_are_decided_anew_at_a_replay() -> None:
    def pooled(x: Any) -> Any:
        return tg.grad(lambda x: tg.sum(tg.square(tg.max_pool2d(x, 2))))(x)

    tape = tg.Tape.record(pooled, X)
    assert np.array_equal(tape.run([-X]), pooled(-X))


@pytest.mark.parametrize("op", [tg.max_pool, tg.sum_pool])
def test_parameters_go_by_name_in_any_order(op: Any) -> None:
    geometry = {"size": (3, 1), "kernel": (2, 3), "stride": (1, 2), "padding": (0, 1)}
    geometry["dilation"] = (2, 1)
    [first] = gradient(lambda x: op(x, **geometry), np.sin(X))
    [second] = gradient(lambda x: op(x, **dict(reversed(geometry.items()))), np.sin(X))
    assert np.array_equal(first, second)


def test_ties_in_a_window_share_the_gradient() -> None:
    x = tg.Value(np.array([[[1.0, 3.0, 3.0, 0.0]]]))
    tg.sum(tg.max_pool1d(x, 3, stride=1)).backward()
    assert x.grad.tolist() == [[[0.0, 1.0, 1.0, 0.0]]]
    x = tg.Value(np.zeros((1, 1, 3)))
    tg.sum(tg.adaptive_max_pool1d(x, 2)).backward()
    assert x.grad.tolist() == [[[0.5, 1.0, 0.5]]]


def test_what_does_not_fit_a_window_leaves_the_others_alone() -> None:
    x = np.zeros((1, 1, 7))
    x[0, 0, 0] = np.inf
    assert np.isfinite(tg.avg_pool1d(x, 3)[0, 0, 1:]).all()
    assert np.isfinite(tg.adaptive_avg_pool1d(x, 3)[0, 0, 1:]).all()
    x[0, 0, 0] = np.nan
    assert np.isnan(tg.max_pool1d(x, 3)).tolist() == [[[True, False]]]


def test_a_convolution_is_printed_as_a_program_that_runs() -> None:
    x, w = tg.Value(X[:1, :1, :3, :3], "x"), tg.Value(KERNEL[:1, :1], "w")
    program = tg.to_code(tg.sum(tg.max_pool2d(tg.conv2d(x, w, padding=1), 2)))
    assert "tinygrad_edu" not in program.split('"""', 2)[2]
    scope: dict[str, Any] = {}
    exec(program, scope)
    assert np.array_equal(scope["w_grad"], gradient_of_sum(x, w))


def gradient_of_sum(x: Any, w: Any) -> Any:
    return tg.grad(lambda w: tg.sum(tg.max_pool2d(tg.conv2d(x.data, w, padding=1), 2)))(w.data)


def test_the_kernel_of_a_convolution_is_a_weight() -> None:
    x, k = tg.input(X, "image"), tg.Value(KERNEL, "k")
    z = tg.conv2d(x, k)
    roles = tg.infer_roles(tg.tanh(z))
    assert (roles[k], roles[z]) == (tg.Role.WEIGHT, tg.Role.WEIGHTED_SUM)


# Norms, dropout, attention ------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e8, -1e8])
def test_norms_keep_their_digits_at_a_large_offset(offset: float) -> None:
    x = np.sin(np.arange(24.0)).reshape(2, 3, 4)
    exact = np.round((x + offset) * 2.0**20) / 2.0**20  # the same numbers, once with the offset
    near = exact - offset
    for call in (
        lambda x: tg.layer_norm(x, 4),
        lambda x: tg.batch_norm(x, None, None, training=True),
        lambda x: tg.group_norm(x, 1),
        lambda x: tg.instance_norm(x),
    ):
        np.testing.assert_allclose(call(exact), call(near), rtol=0, atol=1e-14)


def test_a_constant_is_standardized_to_zero_with_finite_derivatives() -> None:
    def f(x: Any) -> Any:
        return tg.sum(tg.layer_norm(x, 3) * np.array([1.0, 2.0, 4.0]))

    x = np.full(3, 7.0)
    assert f(x) == 0.0
    assert np.isfinite(tg.grad(f)(x)).all()
    assert np.isfinite(tg.hessian(f)(x)).all()


def test_batch_norm_changes_nothing_in_place() -> None:
    mean, var = np.zeros(3), np.ones(3)
    tg.batch_norm(X, mean, var, training=True)
    new_mean, new_var = tg.batch_norm_statistics(tg.Value(X), mean, var, momentum=0.5)
    again = tg.batch_norm_statistics(X, tg.Value(mean), tg.Value(var), momentum=0.5)
    assert [type(a) for a in again] == [np.ndarray] * 2
    assert mean.tolist() == [0.0] * 3
    assert var.tolist() == [1.0] * 3
    np.testing.assert_allclose(new_mean, 0.5 * X.mean((0, 2, 3)))
    np.testing.assert_allclose(new_var, 0.5 + 0.5 * X.var((0, 2, 3), ddof=1))
    after = tg.batch_norm(X, new_mean, new_var, np.full(3, 2.0), np.ones(3), eps=0.0)
    shape = (3, 1, 1)
    np.testing.assert_allclose(
        after, 2.0 * (X - new_mean.reshape(shape)) / np.sqrt(new_var.reshape(shape)) + 1.0
    )


def test_dropout_keeps_the_expectation_and_repeats_with_its_seed() -> None:
    def drop() -> Any:
        return tg.dropout(np.ones(10_000), 0.3, generator=np.random.default_rng(1))

    assert np.array_equal(drop(), drop())
    assert set(drop()) == {0.0, 1.0 / 0.7}
    assert abs(drop().mean() - 1.0) < 0.03
    x = tg.Value(np.array([1.0, np.inf, np.nan]))
    assert tg.dropout(x, 0.9, training=False) is x
    assert tg.dropout(x, 1.0).data.tolist() == [0.0, 0.0, 0.0]


def test_what_is_dropped_has_no_gradient() -> None:
    x = tg.Value(np.ones(50))
    y = tg.dropout(x, 0.5, generator=np.random.default_rng(0))
    tg.sum(y).backward()
    assert np.array_equal(x.grad, y.data)


def test_dropout_is_drawn_anew_at_each_replay() -> None:
    draws = np.random.default_rng(0)
    tape = tg.Tape.record(lambda x: tg.dropout(x, 0.5, generator=draws), np.ones(64))
    first, second = tape.run([np.ones(64)]), tape.run([np.ones(64)])
    assert not np.array_equal(first, second)
    assert set(np.ravel([first, second])) == {0.0, 2.0}


ADDED = np.array([[0.0, -np.inf, 1.0], [-np.inf] * 3])


@pytest.mark.parametrize("mask", [ADDED, np.isfinite(ADDED), tg.Value(ADDED)])
def test_a_query_that_sees_no_key_gets_zero_and_no_nan(mask: Any) -> None:
    q, k, v = (tg.Value(np.cos(np.arange(n * 4.0) + n).reshape(n, 4)) for n in (2, 3, 3))
    out = tg.scaled_dot_product_attention(q, k, v, mask)
    tg.sum(out * out).backward(create_graph=True)
    assert out.data[1].tolist() == [0.0] * 4
    assert np.isfinite(out.data).all()
    for leaf in (q, k, v):
        assert np.isfinite(leaf.grad.data).all()
    assert q.grad.data[1].tolist() == [0.0] * 4
    assert v.grad.data[1].tolist() == [0.0] * 4
    if isinstance(mask, tg.Value):
        assert np.isfinite(mask.grad.data).all()
        mask.zero_grad()


def test_a_mask_is_decided_anew_at_a_replay() -> None:
    q, k, v = (np.sin(np.arange(n * 2.0) + n).reshape(n, 2) for n in (2, 3, 3))

    def attend(mask: Any) -> Any:
        return tg.scaled_dot_product_attention(q, k, v, mask)

    seen = np.array([[True, False, True], [True, True, True]])
    other = np.array([[False, False, False], [False, True, True]])
    tape = tg.Tape.record(attend, seen)
    assert np.array_equal(tape.run([other]), attend(other))


def test_attention_survives_large_scores() -> None:
    q = tg.Value(np.array([[1e4, -1e4], [1e4, 1e4]]))
    out = tg.scaled_dot_product_attention(q, q, np.eye(2))
    tg.sum(out * out).backward()
    assert out.data.tolist() == np.eye(2).tolist()
    assert np.isfinite(q.grad).all()


def test_causal_attention_with_more_queries_than_keys() -> None:
    q, k, v = np.ones((3, 2)), np.ones((2, 2)), np.array([[1.0], [3.0]])
    out = tg.scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_allclose(out, [[1.0], [2.0], [2.0]])


@pytest.mark.parametrize(
    "call", [lambda x: tg.conv2d(x, KERNEL), lambda x: tg.scaled_dot_product_attention(x, x, x)]
)
def test_each_draws_as_one_box(call: Any) -> None:
    y = call(tg.input(X, "image"))
    assert len(y.tag.scope.path) == 1


# Refusals ----------------------------------------------------------------------------------------


def ones(*shape: int) -> Any:
    return np.ones(shape)


W = ones(4, 3, 3, 3)
REFUSED: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda x: tg.conv2d(x, ones(4, 2, 3, 3)), "input has 3 channels, weight expects 2",
     "a weight of shape (4, 3, 3, 3) fits"),
    (lambda x: tg.conv2d(x, ones(4, 3, 6, 3)), "the kernel covers (6, 3), the padded input is (5,",
     "use a smaller kernel or dilation, or more padding"),
    (lambda x: tg.conv2d(x, W, dilation=3), "the kernel covers (7, 7)", "more padding"),
    (lambda x: tg.conv2d(x, W, ones(3)), "bias of shape (3,) for 4 channels",
     "bias has shape (4,)"),
    (lambda x: tg.conv2d(x[0], W), "an input of 3 axes", "x[None] adds a batch of one"),
    (lambda x: tg.conv1d(x, W), "an input of 4 axes", "(batch, channels, length); reshape it"),
    (lambda x: tg.conv2d(x, W[0]), "a weight of 3 axes",
     "(filters, channels / groups, height, width)"),
    (lambda x: tg.conv2d(x, W, groups=2), "groups=2 for 3 channels and a weight of 4",
     "groups divides both"),
    (lambda x: tg.conv2d(x, W, stride=0), "stride=0", "each at least 1"),
    (lambda x: tg.conv2d(x, W, stride=1.5), "stride=1.5", "a whole number or a tuple of 2"),
    (lambda x: tg.conv2d(x, W, padding=(1, 2, 3)), "padding=(1, 2, 3)", "a tuple of 2"),
    (lambda x: tg.conv2d(x, W, padding="full"), "padding='full'", "'valid', 'same', or"),
    (lambda x: tg.conv2d(x, W, stride=2, padding="same"), "padding='same' with stride=(2, 2)",
     "for stride 1 only"),
    (lambda x: tg.conv_transpose2d(x, W), "input has 3 channels, weight expects 4",
     "a weight of shape (3, 3, 3, 3) fits"),
    (lambda x: tg.conv_transpose2d(x, W[:3], output_padding=1), "output_padding=(1, 1) with",
     "less than stride or dilation"),
    (lambda x: tg.conv_transpose2d(x, W[:3], padding=9), "the shape (-11, -12)",
     "use less padding"),
    (lambda x: tg.conv_transpose1d(x, W), "an input of 4 axes", "(batch, channels, length)"),
    (lambda x: tg.max_pool2d(x, 2, padding=2), "padding=(2, 2) for windows that cover (2, 2)",
     "at most half of the window"),
    (lambda x: tg.max_pool2d(x, 5), "the window covers (5, 5), the padded input is (5, 4)",
     "use a smaller kernel_size or more padding"),
    (lambda x: tg.avg_pool2d(x, (2, 0)), "kernel_size=(2, 0)", "each at least 1"),
    (lambda x: tg.max_pool1d(x, 2), "an input of 4 axes", "(batch, channels, length)"),
    (lambda x: tg.adaptive_avg_pool2d(x, (2, 2, 2)), "output_size=(2, 2, 2)",
     "None keeps the length"),
    (lambda x: tg.adaptive_max_pool2d(x, 0), "output_size=0", "at least 1"),
    (lambda x: tg.batch_norm(x, None, None), "no running statistics", "or training=True"),
    (lambda x: tg.batch_norm(x, ones(4), ones(3)), "running_mean of shape (4,) for 3 channels",
     "running_mean has shape (3,)"),
    (lambda x: tg.batch_norm(x[0, 0, 0], None, None, training=True), "an input of 1 axes",
     "(batch, channels, …)"),
    (lambda x: tg.batch_norm(x[:1, :, :1, :1], None, None, training=True),
     "one number has no deviation", "or training=False"),
    (lambda x: tg.batch_norm_statistics(x, ones(2), ones(3)), "running_mean of shape (2,)",
     "has shape (3,)"),
    (lambda x: tg.batch_norm_statistics(x, None, ones(3)), "no running statistics to go on from",
     "start with running_mean=np.zeros(3)"),
    (lambda x: tg.instance_norm(x[:, :, :1, :1]), "one number has no deviation",
     "use_input_stats=False"),
    (lambda x: tg.layer_norm(x, (4, 5)), "normalized_shape (4, 5) for an input of shape (2, 3, 5,",
     "how the shape of the input ends: (5, 4)"),
    (lambda x: tg.layer_norm(x, 4, ones(5)), "weight of shape (5,) for normalized_shape (4,)",
     "weight has shape (4,)"),
    (lambda x: tg.rms_norm(x, 5), "normalized_shape (5,)", "ends: (4,)"),
    (lambda x: tg.group_norm(x, 2), "num_groups=2 for 3 channels", "divides the channels"),
    (lambda x: tg.scaled_dot_product_attention(x, ones(5, 3), ones(5, 2)),
     "query has 4 features, key has 3", "(…, places, features)"),
    (lambda x: tg.scaled_dot_product_attention(x, ones(6, 4), ones(5, 2)),
     "6 keys for 5 values", "one value per key"),
    (lambda x: tg.scaled_dot_product_attention(x, ones(4), ones(5, 2)), "a key of 1 axes",
     "key is (…, places, features)"),
    (lambda x: tg.scaled_dot_product_attention(x, ones(7, 6, 4), ones(6, 2)),
     "batches that do not fit", "must broadcast"),
    (lambda x: tg.scaled_dot_product_attention(x, x, x, ones(5, 4)), "attn_mask of shape (5, 4)",
     "broadcasts to (2, 3, 5, 5)"),
    (lambda x: tg.scaled_dot_product_attention(x, x, x, np.ones((5, 5), int)),
     "attn_mask of type int64", "mask.astype(bool)"),
    (lambda x: tg.scaled_dot_product_attention(x, x, x, ones(5, 5), is_causal=True),
     "both attn_mask and is_causal=True", "attn_mask & np.tri"),
    (lambda x: tg.bilinear(x, x[0], W), "do not belong together", "all axes but the last"),
    (lambda x: tg.bilinear(x, x, ones(2, 4, 3)), "weight of shape (2, 4, 3)", "(outputs, 4, 4)"),
    (lambda x: tg.bilinear(x, x, ones(2, 4, 4), ones(3)), "bias of shape (3,)", "has shape (2,)"),
    (lambda x: tg.interpolate(x, mode="linear", size=3), "mode='linear' for 4 axes",
     "mode='bilinear'"),
    (lambda x: tg.interpolate(x), "neither size nor scale_factor", "one of the two"),
    (lambda x: tg.interpolate(x, 3, 2.0), "both size and scale_factor", "one of the two"),
    (lambda x: tg.interpolate(x, (3, 0)), "size=(3, 0)", "no length is less than 1"),
    (lambda x: tg.interpolate(x, (3, 3, 3)), "size=(3, 3, 3)", "a tuple of 2"),
    (lambda x: tg.interpolate(x, scale_factor=0.1), "scale_factor=0.1", "less than 1"),
    (lambda x: tg.interpolate(x, 3, align_corners=True), "align_corners with mode='nearest'",
     "'linear' and 'bilinear'"),
    (lambda x: tg.pixel_shuffle(x, 2), "upscale_factor=2 for an input of shape (2, 3, 5, 4)",
     "a multiple of upscale_factor²"),
    (lambda x: tg.pixel_unshuffle(x, 2), "downscale_factor=2", "multiples of downscale_factor"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "reason", "repair"), REFUSED)
def test_refusals_name_the_operands_and_the_repair(call: Any, reason: str, repair: str) -> None:
    with pytest.raises(ShapeError) as caught:
        call(tg.Value(X, "image"))
    what, hint = str(caught.value).split("\n  hint: ")
    assert reason in what
    assert repair in hint
    assert "test_networks.py" in what


@pytest.mark.parametrize(
    ("call", "reason", "repair"),
    [
        (lambda: tg.dropout(X, 1.5), "dropout: p=1.5 is no probability", "from 0 to 1"),
        (lambda: tg.dropout(X, "half"), "p='half' is no probability", "from 0 to 1"),
        (lambda: tg.dropout(X, generator=3), "generator=3 would draw the same", "default_rng(0)"),
        (lambda: tg.interpolate(X, 3, mode="cubic"), "mode='cubic'", "nearest, nearest-exact"),
    ],
)
def test_options_that_do_not_exist_are_refused(call: Any, reason: str, repair: str) -> None:
    with pytest.raises(DTypeError) as caught:
        call()
    what, hint = str(caught.value).split("\n  hint: ")
    assert reason in what
    assert repair in hint


def test_a_refusal_shows_each_operand_and_the_line() -> None:
    with pytest.raises(ShapeError) as caught:
        tg.conv2d(tg.Value(X, "image"), ones(4, 2, 3, 3))
    lines = str(caught.value).split("\n")
    assert lines[0] == "conv2d: input has 3 channels, weight expects 2"
    assert lines[1].startswith("  input: 'image' (leaf, shape (2, 3, 5, 4), made at test_networks")
    assert lines[2] == "  weight: array of shape (4, 2, 3, 3)"
    assert lines[3].endswith('tg.conv2d(tg.Value(X, "image"), ones(4, 2, 3, 3))')


CALLED: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: tg.layer_norm(tg.Value(X, "image"), 4.0), "layer_norm, normalized_shape=4.0: 'float'",
     "tg.layer_norm(input, normalized_shape"),
    (lambda: tg.layer_norm(tg.Value(X, "image")), "layer_norm: missing", "tg.layer_norm(input, "),
    (lambda: tg.layer_norm(X, tg.Value(4.0, "n")), "normalized_shape is a static", "item"),
    (lambda: tg.conv2d(X), "conv2d: missing", "tg.conv2d(input, weight"),
    (lambda: tg.conv2d(X, KERNEL, dim=3), "conv2d: got an unexpected", "tg.conv2d(input, weight"),
    (lambda: tg.conv2d(X, KERNEL, stride=tg.Value(2.0)), "stride is a static parameter", "item"),
    (lambda: tg.max_pool2d(X, tg.Value(2.0)), "kernel_size is a static parameter", "v.item()"),
    (lambda: tg.conv2d("image", KERNEL), "str 'image' is not a number", "use real numbers"),
    (lambda: tg.conv2d(X, None), "None is not a number", "use real numbers"),
    (lambda: tg.batch_norm(X), "batch_norm: missing", "tg.batch_norm(input, running_mean"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "reason", "repair"), CALLED)
def test_calls_of_the_wrong_kind_show_how_it_is_called(call: Any, reason: str, repair: str) -> None:
    with pytest.raises(DTypeError) as caught:
        call()
    what, hint = str(caught.value).split("\n  hint: ")
    assert reason in what
    assert repair in hint


@pytest.mark.parametrize("options", [{"size": 2.5}, {"scale_factor": "a"}, {"size": (2, None)},
                                     {"scale_factor": np.inf}])  # fmt: skip
def test_sizes_that_are_no_numbers_are_refused(options: Any) -> None:
    with pytest.raises(ShapeError, match=r"(?s)interpolate: .*'image'.*a number or a tuple of 2"):
        tg.interpolate(tg.Value(X, "image"), **options)


WHOLE = np.arange(2 * 4 * 4 * 4).reshape(2, 4, 4, 4)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: tg.interpolate(x, 2), lambda x: tg.interpolate(x, 3, mode="bilinear"),
        lambda x: tg.pixel_shuffle(x, 2), lambda x: tg.pixel_unshuffle(x, 2),
        lambda x: tg.max_pool2d(x, 2), lambda x: tg.adaptive_max_pool2d(x, 2),
        lambda x: tg.adaptive_avg_pool2d(x, 3), lambda x: tg.dropout(x, 0.0),
        lambda x: tg.dropout(x, 0.5, training=False), lambda x: tg.normalize(x),
        lambda x: tg.scaled_dot_product_attention(x, x, x), lambda x: tg.layer_norm(x, 4),
    ],
)  # fmt: skip
def test_whole_numbers_become_floats(call: Any) -> None:
    out = call(WHOLE)
    assert out.dtype == np.float64
    np.testing.assert_array_equal(out, call(WHOLE.astype(float)))


def test_dropout_of_a_number_is_a_number() -> None:
    assert type(tg.dropout(3.0, 0.0)) is float and type(tg.dropout(3, np.float32(1.0))) is float
