"""Backward and the functional transforms, against closed forms and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Value
from tinygrad_edu.autodiff import topological
from tinygrad_edu.errors import AutodiffError, DTypeError, ShapeError
from tinygrad_edu.view.graph import stale_leaves

finite = st.floats(-3.0, 3.0)


# backward ----------------------------------------------------------------------------------------


def test_shared_nodes_add_up() -> None:  # T2
    a = Value(1.0)
    b = a + a
    (b + b).backward()
    assert a.grad == 4.0
    x = Value(2.0)
    y = x * 3.0
    (y * 2.0 + y * 5.0).backward()
    assert x.grad == 21.0


def test_backward_twice_adds_the_same_addend_and_inner_nodes_are_fresh() -> None:  # T5
    x = Value(3.0)
    square = x * x
    cube = square * x
    cube.backward()
    first = (x.grad, square.grad)
    cube.backward()
    assert first == (27.0, 3.0)
    assert (x.grad, square.grad) == (54.0, 3.0)
    x.zero_grad()
    assert x.grad is None


def test_backward_of_a_leaf_is_one() -> None:  # T11
    x = Value(5.0)
    x.backward()
    assert x.grad == 1.0


def test_unreached_is_none_for_backward_and_zero_for_grad() -> None:  # T9
    a, b = Value(1.0), Value(2.0)
    (a * 2.0).backward()
    assert b.grad is None
    assert tg.grad(lambda a, b: a * 2.0, argnums=(0, 1))(1.0, [2.0, 3.0]) == (2.0, [0.0, 0.0])
    assert tg.grad(lambda a: 7.0)(1.0) == 0.0


def test_gradients_share_no_memory_with_each_other_or_the_seed() -> None:  # T7
    a, b = Value([1.0, 2.0]), Value([3.0, 4.0])
    c = a + b
    d = c.reshape(2, 1)
    seed = np.ones((2, 1))
    d.backward(gradient=seed)
    grads = [v.grad for v in (a, b, c, d)]
    for i, g in enumerate(grads):
        assert not np.shares_memory(g, seed)
        assert not any(np.shares_memory(g, h) for h in grads[i + 1 :])


def test_the_seed_is_checked() -> None:  # T10
    v = Value([1.0, 2.0]) * 2.0
    with pytest.raises(ShapeError, match=r"needs a gradient(.|\n)*mean\(\)"):
        v.backward()
    with pytest.raises(ShapeError, match=r"gradient of shape \(3,\)"):
        v.backward(gradient=np.ones(3))
    with pytest.raises(DTypeError, match="complex"):
        v.backward(gradient=1j)
    with pytest.raises(AutodiffError, match="does not depend"):
        (tg.constant(1.0) * 2.0).backward()


def test_keep_inner_false_keeps_the_leaves_only() -> None:
    x = Value(2.0)
    inner = x * x
    (inner * 3.0).backward()
    (inner * 3.0).backward(keep_inner=False)
    assert x.grad == 24.0 and inner.grad is None


def test_a_failing_rule_leaves_no_gradient_behind() -> None:
    x = Value([1.0, 2.0])

    @tg.define.elementwise([lambda out, x: np.ones(5)], name="wrong_shape_rule")
    def wrong(x):  # type: ignore[no-untyped-def]
        return x * 1.0

    try:
        y = (x * 2.0).sum() + wrong(x).sum()
        with pytest.raises((AutodiffError, ShapeError, ValueError)):
            y.backward()
        assert x.grad is None
    finally:
        del tg.engine.OPS["wrong_shape_rule"]


def test_broadcast_gradients_have_the_operands_shape() -> None:  # T23 T25
    for shape_a, shape_b in (((3, 2), (2,)), ((4, 1), (1, 4)), ((), (2, 3)), ((1, 2), (5, 1, 2))):
        a, b = Value(np.ones(shape_a)), Value(np.full(shape_b, 2.0))
        (a * b).sum().backward()
        assert np.shape(a.grad) == shape_a and np.shape(b.grad) == shape_b
        total = np.prod(np.broadcast_shapes(shape_a, shape_b))
        assert np.sum(a.grad) == 2.0 * total and np.sum(b.grad) == total


def test_repeated_indices_accumulate() -> None:  # T27
    v = Value([1.0, 2.0, 3.0])
    v[np.array([0, 0, 2])].sum().backward()
    assert v.grad.tolist() == [2.0, 0.0, 1.0]
    index = np.array([0, 1])
    taken = v[index]
    index[0] = 2  # the caller's array may change afterwards
    v.zero_grad()
    taken.sum().backward()
    assert v.grad.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "index",
    [0, -1, slice(1, None), (0, 1), (slice(None), 1), None, (None, 0), ..., (..., 1),
     np.array([[True, False], [True, True], [False, True]]), ([0, 2], [1, 1]),
     (slice(None, None, -1),)],
)  # fmt: skip
def test_every_kind_of_index(index: object) -> None:
    data = np.arange(6.0).reshape(3, 2)
    v = Value(data)
    out = v[index]
    np.testing.assert_array_equal(out.data, data[index])  # type: ignore[call-overload]
    (out * out).sum().backward()
    want = np.zeros((3, 2))
    np.add.at(want, index, 2 * data[index])  # type: ignore[call-overload]
    np.testing.assert_array_equal(v.grad, want)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
     ((5, 2, 3), (5, 3, 4)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((2, 1, 2, 3), (5, 3, 1))],
)  # fmt: skip
def test_matmul_of_all_forms(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=a), random.normal(size=b)
    tg.testing.check_gradients(lambda x, y: tg.matmul(x, y), x, y)


# Higher order ------------------------------------------------------------------------------------


def test_three_orders_of_one_function() -> None:
    f = lambda x: tg.tanh(x) * tg.exp(x)  # noqa: E731
    t, e, x = math.tanh(0.3), math.exp(0.3), 0.3
    s = 1 - t * t
    assert tg.grad(f)(x) == pytest.approx(e * (s + t))
    assert tg.grad(tg.grad(f))(x) == pytest.approx(e * (t + 2 * s - 2 * t * s))
    h = 1e-4
    second = tg.grad(tg.grad(f))
    third = (second(x + h) - second(x - h)) / (2 * h)
    assert tg.grad(tg.grad(tg.grad(f)))(x) == pytest.approx(third, rel=1e-6)


def test_create_graph_gives_the_raw_numbers_and_can_go_on() -> None:
    x = Value(1.5, "x")
    y = x**3
    y.backward(create_graph=True)
    assert isinstance(x.grad, Value) and x.grad.data == pytest.approx(3 * 1.5**2)
    first = x.grad
    x.zero_grad()
    first.backward()
    assert x.grad == pytest.approx(6 * 1.5)
    assert first.tag.scope.path[-1] == "∂"


def test_inner_transforms_see_the_outer_ones_variables() -> None:
    outer = lambda w: tg.grad(lambda x: w * x * x)(3.0)  # noqa: E731
    assert tg.grad(outer)(2.0) == 6.0
    x = Value(2.0)
    y = x * 2.0  # another path from x, which is not the argument
    assert tg.grad(lambda a: a * y)(x).data == 4.0
    mixed = tg.grad(lambda x: tg.jvp(lambda y: x * y * y, (3.0,), (1.0,))[1])(2.0)
    assert mixed == 6.0


def test_a_value_as_argument_gives_a_value_that_can_be_differentiated() -> None:
    x = Value(2.0)
    slope = tg.grad(lambda a: a**3)(x)
    assert isinstance(slope, Value)
    slope.backward()
    assert x.grad == pytest.approx(12.0)


def test_nested_arguments_keep_their_structure() -> None:
    params = {"layers": [{"W": np.ones((2, 2)), "b": [1.0, 2.0]}, (3.0,)]}
    x = np.array([1.0, 2.0])

    def loss(p: dict, x: np.ndarray) -> Value:
        z = x @ p["layers"][0]["W"] + tg.stack(p["layers"][0]["b"])
        return (z * p["layers"][1][0]).sum()

    value, found = tg.value_and_grad(loss)(params, x)
    assert value == 27.0
    assert found["layers"][0]["W"].tolist() == [[3.0, 3.0], [6.0, 6.0]]
    assert found["layers"][0]["b"] == [3.0, 3.0] and found["layers"][1] == (9.0,)
    by_x = tg.grad(loss, argnums=1)(params, x)
    assert by_x.tolist() == [6.0, 6.0]
    with pytest.raises(DTypeError, match="argnums 2"):
        tg.grad(loss, argnums=2)(params, x)


def test_grad_needs_a_scalar() -> None:
    with pytest.raises(ShapeError, match=r"needs a scalar(.|\n)*jacobian"):
        tg.grad(lambda x: x * 2.0)(np.ones(2))


@given(st.lists(finite, min_size=3, max_size=3), st.lists(finite, min_size=3, max_size=3))
def test_jvp_vjp_jacobian_hessian_and_hvp_agree(x: list[float], t: list[float]) -> None:
    point, tangent = np.array(x), np.array(t)
    f = lambda v: tg.tanh(v * v[::-1]) + tg.exp(v.mean())  # noqa: E731
    _, pushed = tg.jvp(f, (point,), (tangent,))
    _, pull = tg.vjp(f, point)
    J = tg.jacobian(f)(point)
    np.testing.assert_allclose(J @ tangent, pushed, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(pull(tangent)[0], tangent @ J, rtol=1e-12, atol=1e-12)
    g = lambda v: f(v).sum()  # noqa: E731
    H = tg.hessian(g)(point)
    np.testing.assert_allclose(H, H.T, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(tg.hvp(g, (point,), (tangent,))[0], H @ tangent, atol=1e-9)


def test_jacobian_of_several_outputs_and_empty_arrays() -> None:
    both = tg.jacobian(lambda x: {"a": x * 2.0, "b": x.sum()})(np.ones(2))
    assert both["a"].tolist() == [[2.0, 0.0], [0.0, 2.0]] and both["b"].tolist() == [1.0, 1.0]
    assert tg.jacobian(lambda x: x * 2.0)(np.zeros(0)).shape == (0, 0)
    assert tg.jacobian(lambda x: x * 2.0)(np.zeros((2, 0))).shape == (2, 0, 2, 0)


def test_tangents_and_cotangents_are_checked() -> None:
    with pytest.raises(ShapeError, match="tangents of shapes"):
        tg.jvp(lambda x: x, (np.ones(2),), (1.0,))
    with pytest.raises(ShapeError, match="gradient of shape"):
        tg.vjp(lambda x: x * 2.0, np.ones(2))[1](1.0)


# Walking the graph -------------------------------------------------------------------------------


def test_topological_is_newest_first_and_each_node_once() -> None:
    x = Value(1.0)
    y = x * x
    z = y + x
    assert topological(z) == [z, y, x]
    c = tg.constant(2.0)
    assert topological(c * x, every=True)[1:] in ([x, c], [c, x])


def test_stale_leaves_are_found_without_raising() -> None:
    w, v = Value(1.0, "w"), Value(2.0, "v")
    y = w * v + w
    assert stale_leaves(y) == []
    w.assign(3.0)
    assert stale_leaves(y) == [w]


def test_gradients_inside_no_grad_are_still_right() -> None:
    with tg.no_grad():
        assert tg.grad(lambda x: x * x)(3.0) == 6.0
