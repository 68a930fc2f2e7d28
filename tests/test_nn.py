"""Neurons, layers, networks: two forms that compute the same, and bad input that is told."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import DTypeError, RoleError, ShapeError, TinygradError
from tinygrad_edu.nn import init

ACTIVATIONS = ["tanh", "sigmoid", "relu", "leaky_relu", "elu", "softplus", "silu", "softmax", None]


def gradients(model: Any, x: Any, seed: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    out = model(x)
    tg.sum(out * seed).backward(keep_inner=False)
    return out.data, model.structure()


@settings(max_examples=40, deadline=None)
@given(
    inputs=st.integers(1, 4),
    hidden=st.lists(st.integers(1, 4), max_size=2),
    outputs=st.integers(1, 3),
    activation=st.sampled_from(ACTIVATIONS),
    last=st.sampled_from(ACTIVATIONS),
    bias=st.booleans(),
    batch=st.sampled_from([None, 1, 3]),
    seed=st.integers(0, 2**32),
)
def test_scalar_and_tensor_form_are_the_same_network(
    inputs: int, hidden: list[int], outputs: int, activation: Any, last: Any,
    bias: bool, batch: int | None, seed: int,
) -> None:  # fmt: skip
    made = [
        nn.MLP(inputs, hidden, outputs, activation, last, form, bias=bias, seed=seed)
        for form in ("scalar", "tensor")
    ]
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(inputs,) if batch is None else (batch, inputs))
    weight = rng.normal(size=(outputs,) if batch is None else (batch, outputs))
    (y, layers), (y2, layers2) = [gradients(m, x, weight) for m in made]
    assert y.shape == weight.shape == y2.shape
    np.testing.assert_allclose(y, y2, rtol=1e-12, atol=1e-12)
    for a, b in zip(layers, layers2, strict=True):
        assert np.array_equal(a.weight, b.weight) and a.weight.shape == (a.inputs, a.outputs)
        assert (a.bias is None) == (b.bias is None) == (not bias)
        np.testing.assert_allclose(a.weight_grad, b.weight_grad, rtol=1e-12, atol=1e-12)
        if bias:
            np.testing.assert_allclose(a.bias_grad, b.bias_grad, rtol=1e-12, atol=1e-12)


def test_seed_decides_the_weights() -> None:
    one, two, other = (nn.MLP(2, [3], 1, seed=s).state_dict() for s in (5, 5, 6))
    assert all(np.array_equal(one[k], two[k]) for k in one)
    assert not np.array_equal(one["layers.0.weight"], other["layers.0.weight"])
    first, second = nn.MLP(3, [3], 3, seed=0).layers
    assert not np.array_equal(first.weight.data, second.weight.data)  # type: ignore[union-attr]


def test_a_neuron_is_its_formula_and_shows_its_parts() -> None:
    n = nn.Neuron(2, weights=[0.32, 0.63], bias=0.44)
    y = n([0.8, -1.2])
    assert y.data == math.tanh(0.32 * 0.8 + 0.63 * -1.2 + 0.44)
    roles = {v.name: r for v, r in tg.infer_roles(y).items() if v.name}
    assert roles == {
        "x1": "input", "x2": "input",
        "neuron.w1": "weight", "neuron.w2": "weight", "neuron.b": "bias",
    }  # fmt: skip
    found = [str(r) for v, r in tg.infer_roles(y).items() if v.op is not None]
    assert sorted(found) == ["activation", "product", "product", "weighted sum"]
    assert str(y.site).startswith("test_nn.py:") and "y = n(" in y.site.text


def test_the_order_of_arguments_and_batches_of_a_neuron() -> None:
    n = nn.Neuron(3, None, bias=False, weights=[1.0, 2.0, 3.0])
    assert n([1, 10, 100]).data == 321.0
    batch = n(np.array([[1.0, 0, 0], [0, 1, 0]]))
    assert batch.data.tolist() == [1.0, 2.0] and batch.shape == (2,)


def test_bias_zero_is_a_bias_and_false_is_none() -> None:  # T59
    for zero in (0.0, 0):
        n = nn.Neuron(1, bias=zero, weights=[1.0])
        assert n.bias is not None and n.bias.data == 0.0
    assert nn.Neuron(1, bias=False).bias is None
    layer = nn.Layer(2, 3, form="scalar")
    assert len({id(n.bias) for n in layer.neurons}) == 3


def test_one_sum_node_per_neuron_and_scopes_by_layer() -> None:
    y = nn.MLP(2, [3], 1, form="scalar")([1.0, 2.0])
    nodes = list(tg.infer_roles(y))
    sums = [v for v in nodes if v.op is not None and v.op.name == "add_n"]
    assert {v.tag.scope.path for v in sums} == {
        ("hidden1", "neuron 1"), ("hidden1", "neuron 2"), ("hidden1", "neuron 3"),
        ("output", "neuron 1"),
    }  # fmt: skip
    assert len(sums) == 4
    kinds = {v.tag.scope.kind for v in sums}
    assert kinds == {"neuron"}
    named = nn.MLP(2, [3], 1, name="critic")(np.ones(2))
    assert named.tag.scope.path == ("critic", "output")


def test_values_go_in_and_gradients_come_back_to_them() -> None:
    for form in ("scalar", "tensor"):
        x = [tg.input(0.5, "a"), tg.input(-1.0, "b")]
        model = nn.MLP(2, [3], 1, form=form, seed=2)
        model(x)[0].backward()
        whole = tg.Value(np.array([[0.5, -1.0]]))
        model(whole)[0, 0].backward()
        assert whole.grad is not None
        np.testing.assert_allclose(whole.grad[0], [v.grad for v in x], rtol=1e-12)
        rows = model([x, x])
        assert rows.shape == (2, 1)


def test_input_names() -> None:
    model = nn.MLP(2, [2], 1, form="scalar", input_names=["bill", "mass"], output_names=["score"])
    names = [v.name for v in tg.infer_roles(model([1.0, 2.0])) if v.role == "input"]
    assert sorted(names) == ["bill", "mass"]
    assert model.structure()[0].input_names == ("bill", "mass")
    assert model.structure()[1].output_names == ("score",)
    with pytest.raises(TinygradError, match="3 names for 2 inputs"):
        nn.MLP(2, [2], 1, input_names=["a", "b", "c"])


class Net(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Layer(2, 2, seed=1)
        self.table = {"gain": nn.Parameter(2.0, "gain"), "again": self.first}
        self.pair = (nn.Parameter(1.0), [nn.Parameter(np.ones(3))])
        self.seen = tg.input(1.0)
        self.frozen = nn.Parameter(4.0)
        self.frozen.requires_grad = False
        self.me = self

    def forward(self, x: Any) -> Any:
        self.last = self.table["gain"] * self.first(x)
        return self.last


def test_parameters_are_found_once_each_by_path() -> None:
    net = Net()
    net(np.ones(2))
    paths = [path for path, _ in net.named_parameters()]
    assert paths == [
        "first.weight", "first.bias", "table.gain", "pair.0", "pair.1.0", "frozen",
    ]  # fmt: skip
    assert list(net.state_dict()) == paths
    assert net.modules() == [net, net.first]
    assert "Net(" in repr(net) and "Layer(2 -> 2 tanh, tensor)" in repr(net)


def test_slots_are_searched_and_sets_are_refused() -> None:
    class Slotted(nn.Module):
        __slots__ = ("w",)

        def __init__(self, w: Any) -> None:
            self.w = w

        def forward(self) -> Any:
            return self.w

    assert [path for path, _ in Slotted(nn.Parameter(1.0)).named_parameters()] == ["w"]
    with pytest.raises(DTypeError, match=r"w is a set.*\n.*list, tuple or dict"):
        Slotted({nn.Parameter(1.0)}).parameters()


def test_a_module_without_forward_cannot_be_made() -> None:
    class Empty(nn.Module):
        pass

    with pytest.raises(TypeError, match="forward"):
        Empty()  # type: ignore[abstract]


def test_state_round_trip_and_errors_that_name_the_path() -> None:
    for form in ("scalar", "tensor"):
        one, two = (nn.MLP(2, [3], 1, form=form, seed=s) for s in (1, 2))
        state = one.state_dict()
        two.load_state_dict(state)
        x = np.ones((4, 2))
        assert np.array_equal(one(x).data, two(x).data)
        path = next(iter(state))
        state[path][...] = 99.0  # the caller's arrays are the caller's
        assert np.array_equal(one(x).data, two(x).data)
    before = two(x).data
    with pytest.raises(ShapeError, match=r"layers\.1\.bias: the state holds shape \(2,\)"):
        two.load_state_dict({**one.state_dict(), "layers.1.bias": np.ones(2)})
    assert np.array_equal(two(x).data, before)
    good = one.state_dict()
    text = {**good, "layers.0.bias": np.array(["a", "b", "c"])}
    with pytest.raises(DTypeError, match=r"layers\.0\.bias: .*not a type of real"):
        two.load_state_dict(text)
    good["layers.0.wieght"] = good.pop("layers.0.weight")
    with pytest.raises(TinygradError, match=r"missing: layers.0.weight\n.*did you mean layers.0.w"):
        two.load_state_dict(good)


def test_structure_before_backward_has_no_gradients() -> None:
    for form in ("scalar", "tensor"):
        info = nn.MLP(2, [3], 1, form=form).structure()
        assert [(i.name, i.kind, i.activation, i.form) for i in info] == [
            ("hidden1", "layer", "tanh", form), ("output", "layer", None, form),
        ]  # fmt: skip
        assert all(i.weight_grad is None and i.bias_grad is None for i in info)
    (alone,) = nn.Neuron(2).structure()
    assert alone.kind == "neuron" and alone.weight.shape == (2, 1) and alone.outputs == 1


def test_deepcopy_is_a_model_of_its_own() -> None:
    model = nn.MLP(2, [2], 1)
    twin = copy.deepcopy(model)
    twin.layers[0].weight.assign(np.zeros((2, 2)))  # type: ignore[union-attr]
    assert model.layers[0].weight.data.any()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Layer(2, 3, "tahn"), "no activation 'tahn'; did you mean 'tanh'"),
        (lambda: nn.Layer(2, 0), "number of outputs is a whole number from 1 up, not 0"),
        (lambda: nn.Layer(2.5, 1), "not 2.5"),
        (lambda: nn.Layer(True, 1), "not True"),
        (lambda: nn.Layer(2, 1, form="tensors"), "no form 'tensors'"),
        (lambda: nn.Layer(2, 1, initializer="he_norma"), "did you mean 'he_normal'"),
        (lambda: nn.Layer(2, 1, initializer=3), "an initialiser is a name or a function"),
        (lambda: nn.Layer(2, 1, initializer=lambda s, g: g.normal(size=3)), r"returned shape \(3,"),
        (lambda: nn.MLP(2, "16,16", 1), "hidden sizes are whole numbers"),
        (lambda: nn.MLP(2, [16, 0], 1), "size of a hidden layer"),
        (lambda: nn.Neuron(3, weights=[1.0]), "1 weights for 3 inputs"),
        (lambda: nn.Neuron(3, "softmax"), "a single neuron has none to compare with"),
        (lambda: nn.Linear(3, 1, activation="tanh"), "nn.Linear has no activation"),
        (lambda: nn.Parameter(1.0, role="input"), "is trained"),
    ],
)
def test_bad_sizes_and_names(make: Any, message: str) -> None:
    with pytest.raises((ShapeError, DTypeError, RoleError, TinygradError), match=message):
        make()


@pytest.mark.parametrize("form", ["scalar", "tensor"])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0, 3.0], r"data of shape \(3,\) for 2 inputs\n.*one sample has shape \(2,\)"),
        (np.ones((4, 3)), r"data of shape \(4, 3\)"),
        (1.0, r"data of shape \(\)"),
        ([["a", "b"]], "not real numbers"),
        ([[1.0, 2.0], [1.0]], "do not all have the same number"),
    ],
)
def test_bad_data(form: str, x: Any, message: str) -> None:
    with pytest.raises((ShapeError, DTypeError), match=message):
        nn.MLP(2, [2], 1, form=form)(x)


def test_a_column_is_asked_for_where_a_row_of_numbers_is_ambiguous() -> None:
    with pytest.raises(ShapeError, match=r"x\[:, None\]"):
        nn.Layer(1, 2)(np.ones(5))


# Initialisers ------------------------------------------------------------------------------------

SPREAD = {
    "glorot_uniform": lambda i, o: 2 / (i + o),
    "glorot_normal": lambda i, o: 2 / (i + o),
    "he_uniform": lambda i, o: 2 / i,
    "he_normal": lambda i, o: 2 / i,
    "uniform": lambda i, o: 1 / (3 * i),
    "normal": lambda i, o: 1 / i,
}


@pytest.mark.parametrize("name", SPREAD)
def test_variance_of_initialisers(name: str) -> None:
    shape = (150, 250)
    weights = init.draw(shape, 1, name)
    assert weights.var() == pytest.approx(SPREAD[name](*shape), rel=0.03)
    assert abs(weights.mean()) < 4 * weights.std() / math.sqrt(weights.size)
    assert np.array_equal(weights, init.draw(shape, 1, name))


def test_what_suits_the_activation_is_the_default() -> None:
    assert np.array_equal(init.draw((3, 4), 1, None, "relu"), init.draw((3, 4), 1, "he_uniform"))
    assert np.array_equal(init.draw((3, 4), 1), init.draw((3, 4), 1, "glorot_uniform"))


def test_zero_start_is_warned_about_and_rightly_so() -> None:  # T61
    with pytest.warns(UserWarning, match="dead start"):
        model = nn.MLP(2, [3], 1, activation="relu", initializer="zeros")
    tg.sum(model(np.ones((5, 2)))).backward()
    first = model.structure()[0]
    assert first.weight_grad is not None and not first.weight_grad.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.MLP(2, [3], 1, activation="relu")


def test_the_warning_of_a_dead_start_points_at_the_users_line() -> None:  # T61
    with pytest.warns(UserWarning, match="dead start") as caught:
        nn.MLP(2, [3], 1, initializer="zeros")  # this line
    assert {w.filename for w in caught} == {__file__}
