"""Networks: stored figures, float32, empty batches, replay, and every refusal read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import ShapeError

X = np.arange(2.0 * 3 * 5 * 4).reshape(2, 3, 5, 4)
LINE = np.arange(12.0).reshape(2, 2, 3)
KERNEL = np.cos(np.arange(4.0 * 3 * 3 * 2)).reshape(4, 3, 3, 2)


def gradient(call: Callable[..., Any], *arrays: Any) -> list[Any]:
    """The gradients of the sum of squares."""
    leaves = [tg.Value(x) for x in arrays]
    tg.sum(tg.square(call(*leaves))).backward()
    return [leaf.grad for leaf in leaves]


# Figures that PyTorch 2.13 gives, in float64 ------------------------------------------------------


FIGURES: list[tuple[Callable[..., Any], tuple[Any, ...], list[float]]] = [
    (lambda x, w: tg.conv2d(x, w, stride=(2, 1), padding=1, dilation=(1, 2)),
     (X, KERNEL,), [1070.3924364457941, 1278.4097340527103, 152622.66278297655]),
    (lambda x, w, b: tg.conv1d(x, w, b, padding="same", groups=2),
     (LINE, KERNEL[:2, :1, 0], KERNEL[0, 0, 0],), [-0.47201946522188454, -40.589878706540716,
       1307.9238955607982, 102.0472969507186]),
    (lambda x, w: tg.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1),
     (X, KERNEL[:3],), [-5.159659161277119, -3765.831720934076, 2118536.0783191007]),
    (lambda x: tg.max_pool2d(x, 2, padding=1, ceil_mode=True),
     (np.sin(X),), [1.5298964456143918, 58.295881492955296]),
    (lambda x: tg.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
     (X,), [124.93659752157018, -194.08577737450662]),
    (lambda x: tg.adaptive_avg_pool2d(x, (3, 3)),
     (X,), [124.13189652999888, -333.7516656185973]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "arrays", "sums"), FIGURES)
def test_stored_figures(call: Any, arrays: Any, sums: list[float]) -> None:
    """The result and the gradients, each as a sum weighted unevenly."""
    found = [call(*arrays), *gradient(call, *arrays)]
    weighted = [float(np.sum(np.sin(np.arange(a.size)) * a.reshape(-1))) for a in found]
    assert weighted == pytest.approx(sums, rel=1e-9, abs=1e-9)


# float32, empty batches, replay -------------------------------------------------------------------


CALLS: dict[str, Callable[[Any], Any]] = {
    "conv2d": lambda x: tg.conv2d(x, KERNEL.astype(np.float32), np.ones(4, np.float32), padding=1),
    "conv_transpose2d": lambda x: tg.conv_transpose2d(x, KERNEL[:3].astype(np.float32)),
    "max_pool2d": lambda x: tg.max_pool2d(x, 2),
    "avg_pool2d": lambda x: tg.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False),
    "adaptive_avg_pool2d": lambda x: tg.adaptive_avg_pool2d(x, 3),
    "adaptive_max_pool2d": lambda x: tg.adaptive_max_pool2d(x, (1, 3)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_float32_stays(call: Any) -> None:
    x = tg.Value(X.astype(np.float32))
    y = call(x)
    tg.sum(y * y).backward(create_graph=True)
    assert y.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_empty_batch_gives_an_empty_result(call: Any) -> None:
    x = tg.Value(np.ones((0, 3, 5, 4), np.float32))
    y = call(x)
    y.backward(gradient=np.zeros(y.shape, np.float32))
    assert y.shape == (0, *call(X.astype(np.float32)).shape[1:])
    assert x.grad.shape == x.shape


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


# Refusals -----------------------------------------------------------------------------------------


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
]  # fmt: skip


@pytest.mark.parametrize(("call", "reason", "repair"), REFUSED)
def test_refusals_name_the_operands_and_the_repair(call: Any, reason: str, repair: str) -> None:
    with pytest.raises(ShapeError) as caught:
        call(tg.Value(X, "image"))
    what, hint = str(caught.value).split("\n  hint: ")
    assert reason in what
    assert repair in hint
    assert "test_networks.py" in what


def test_a_refusal_shows_each_operand_and_the_line() -> None:
    with pytest.raises(ShapeError) as caught:
        tg.conv2d(tg.Value(X, "image"), ones(4, 2, 3, 3))
    lines = str(caught.value).split("\n")
    assert lines[0] == "conv2d: input has 3 channels, weight expects 2"
    assert lines[1].startswith("  input: 'image' (leaf, shape (2, 3, 5, 4), made at test_networks")
    assert lines[2] == "  weight: array of shape (4, 2, 3, 3)"
    assert lines[3].endswith('tg.conv2d(tg.Value(X, "image"), ones(4, 2, 3, 3))')
