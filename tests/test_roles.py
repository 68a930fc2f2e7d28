"""Roles: what hand-written neurons are labelled, and what is left open."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Role, Value
from tinygrad_edu.errors import DTypeError, RoleError


def named(**numbers: float) -> list[Value]:
    return [Value(x, name) for name, x in numbers.items()]


def test_a_hand_written_neuron_by_names_alone() -> None:
    w1, x1, w2, x2, b = named(w1=0.3, x1=1.0, w2=-0.2, x2=0.5, b=0.1)
    p1, p2 = w1 * x1, w2 * x2
    partial = p1 + p2
    z = partial + b
    y = tg.tanh(z)
    loss = (y - 1.0) ** 2
    roles = tg.infer_roles(loss)
    assert [roles[v] for v in (w1, w2)] == [Role.WEIGHT] * 2
    assert [roles[v] for v in (x1, x2)] == [Role.INPUT] * 2
    assert [roles[v] for v in (b, p1, p2, partial, z, y, loss)] == [
        Role.BIAS, Role.PRODUCT, Role.PRODUCT, Role.PARTIAL_SUM, Role.WEIGHTED_SUM,
        Role.ACTIVATION, Role.LOSS,
    ]  # fmt: skip


def test_a_hand_written_neuron_by_constructors_alone() -> None:
    w, x, b = tg.weight(0.3), tg.input(1.0), tg.bias(0.1)
    z = x * w + b
    roles = tg.infer_roles(tg.relu(z))
    assert [roles[v] for v in (w, x, b, z)] == [
        Role.WEIGHT, Role.INPUT, Role.BIAS, Role.WEIGHTED_SUM,
    ]  # fmt: skip


def test_an_unnamed_weight_is_known_by_what_it_multiplies_and_a_bias_by_being_added() -> None:
    x = tg.input(1.0)
    w1, w2, b = Value(0.3), Value(0.2), Value(0.1)
    hidden = tg.tanh(w1 * x)
    y = tg.tanh(w2 * hidden + b)
    roles = tg.infer_roles(y)
    assert (roles[w1], roles[w2], roles[b]) == (Role.WEIGHT, Role.WEIGHT, Role.BIAS)


def test_a_hand_written_tensor_layer() -> None:
    x, W, b = np.ones((4, 3)), Value(np.ones((3, 2))), Value(np.zeros(2))
    product = x @ W
    z = product + b
    roles = tg.infer_roles(tg.tanh(z).mean())
    assert [roles[v] for v in (W, b, product, z)] == [
        Role.WEIGHT, Role.BIAS, Role.PRODUCT, Role.WEIGHTED_SUM,
    ]  # fmt: skip
    alone = x @ W
    assert tg.infer_roles(tg.tanh(alone))[alone] is Role.WEIGHTED_SUM


def test_an_n_ary_sum_a_neuron_without_bias_and_a_shared_weight() -> None:
    x1, x2, w = tg.input(1.0), tg.input(2.0), tg.weight(0.5)
    first, second = tg.sum([w * x1, w * x2]), tg.sum([w * x2, w * x1, tg.bias(0.1)])
    roles = tg.infer_roles(tg.tanh(first) + tg.tanh(second))
    assert roles[first] is roles[second] is Role.WEIGHTED_SUM
    assert roles[w] is Role.WEIGHT
    assert sum(role is Role.BIAS for role in roles.values()) == 1


def test_what_cannot_be_known_is_a_factor() -> None:
    a, b = Value(2.0), Value(3.0)
    product = a * b
    roles = tg.infer_roles(product)
    assert (roles[a], roles[b], roles[product]) == (Role.FACTOR, Role.FACTOR, Role.OPERATION)
    gate = Value(0.5)
    silu = gate * tg.sigmoid(gate)
    assert tg.infer_roles(silu)[gate] is Role.FACTOR
    assert tg.infer_roles(a + b)[a] is Role.FACTOR


def test_names_come_before_structure() -> None:
    x = Value(0.5, "x")
    assert tg.infer_roles(x * tg.sigmoid(x))[x] is Role.INPUT
    assert tg.infer_roles(Value(1.0, "hidden.0.w₁") * 2.0 + Value(1.0, "bias"))  # no crash on raw


@pytest.mark.parametrize(
    ("make", "is_loss"),
    [(lambda y: (y - 1.0) ** 2, True), (lambda y: tg.mse_loss(y, 1.0), True),
     (lambda y: abs(y - tg.target(1.0)), True), (lambda y: (y - 1.0) * 2.0, False),
     (lambda y: tg.relu(1.0 - tg.target(-1.0) * y), True), (lambda y: y * 2.0, False),
     (lambda y: tg.square(y), False), (lambda y: ((y - 1.0) ** 2 + abs(y - 2.0)) / 2.0, True),
     (lambda y: tg.sum([(y - 1.0) ** 2, (y - 3.0) ** 2]), True),
     (lambda y: (tg.stack([y])[0] - 1.0) ** 2, True),
     (lambda y: (y - 1.0) ** 2 + 0.1 * y.inputs[0].inputs[0].inputs[0] ** 2, True),
     (lambda y: (y - 1.0) ** 2 * y, False), (lambda y: (y - 1.0) ** 2 + y, False)],
)  # fmt: skip
def test_a_loss_on_top(make: object, is_loss: bool) -> None:
    y = tg.tanh(tg.weight(0.3) * tg.input(1.0) + tg.bias(0.0))
    root = make(y)  # type: ignore[operator]
    assert (tg.infer_roles(root)[root] is Role.LOSS) is is_loss


def test_a_penalty_on_the_weights_is_no_weighted_sum() -> None:
    w = tg.weight(0.3)
    penalty = w * w
    total = (tg.tanh(w * tg.input(1.0)) - 1.0) ** 2 + 0.1 * penalty
    roles = tg.infer_roles(total)
    assert roles[penalty] is Role.OPERATION


def test_explicit_roles_win_and_are_checked() -> None:
    y = Value(1.0) * Value(2.0)
    tg.set_role(y, "weighted sum", name="z")
    assert tg.infer_roles(y)[y] is Role.WEIGHTED_SUM and y.name == "z"
    with pytest.raises(RoleError, match="no role 'wheight'"):
        tg.set_role(y, "wheight")
    with pytest.raises(RoleError, match="no role 'x'"):
        Value(1.0, role="x")
    with pytest.raises(DTypeError, match="needs a Value"):
        tg.set_role(1.0, "weight")  # type: ignore[arg-type]
    with pytest.raises(RoleError, match="a name is a text"):
        tg.weight(1.0, 2.0)  # type: ignore[arg-type]


def test_parameters_are_what_training_adjusts() -> None:
    w, b, x, free = tg.weight(0.3, "w"), tg.bias(0.1, "b"), tg.input(1.0, "x"), Value(2.0)
    loss = (tg.tanh(w * x + b) * free - tg.target(1.0)) ** 2
    assert tg.parameters(loss) == [w, b, free]
    frozen = tg.weight(1.0)
    frozen.requires_grad = False
    assert tg.parameters(w * frozen) == [w]


def test_long_sums_take_linear_time() -> None:
    total = Value(0.0)
    terms = [Value(1.0) * 2.0 for _ in range(20_000)]
    for term in terms:
        total = total + term
    assert len(tg.infer_roles(total)) == 60_001
