"""The laws of modules and optimizers, and the strategies that draw neurons and networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.nn import Layer, Module, Neuron, Parameter
from tinygrad_edu.optim import SGD, Adam, AdamW
from tinygrad_edu.testing.laws import LawError, check_module, check_optimizer
from tinygrad_edu.testing.strategies import arrays, mlps, neurons

# Modules -----------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(st.one_of(neurons(), mlps()))
def test_drawn_neurons_and_networks_are_lawful(drawn: tuple[Any, Any]) -> None:
    module, batch = drawn
    before = {path: x.tobytes() for path, x in module.state_dict().items()}
    assert check_module(module, batch, limit=20).verdict == "right"
    assert {path: x.tobytes() for path, x in module.state_dict().items()} == before
    assert all(p.grad is None for p in module.parameters())


def test_a_module_that_says_its_inputs_needs_none_given() -> None:
    assert check_module(Neuron(3)).right and check_module(Layer(2, 2)).right


class _Broken(Module):
    """y = w·x + b, to be broken in one way by each test."""

    def __init__(self) -> None:
        self.w, self.b = Parameter(0.5, "w"), Parameter(0.1, "b", "bias")

    def forward(self, x: Any) -> Any:
        return self.w * x + self.b


def broken(module: Any, *inputs: Any) -> str:
    with pytest.raises(LawError) as caught:
        check_module(module, *(inputs or (2.0,)))
    return str(caught.value)


def test_the_whole_one_is_lawful_and_needs_an_input() -> None:
    assert check_module(_Broken(), 2.0).right
    with pytest.raises(DTypeError, match=r"check_module\(module, x\)"):
        check_module(_Broken())


def test_a_parameter_that_is_cut_off_is_named() -> None:
    class Cut(_Broken):
        def forward(self, x: Any) -> Any:
            return self.w * x + self.b.data

    assert "no graph leads to b" in broken(Cut())


def test_a_gradient_that_is_cut_off_in_part_is_wrong() -> None:
    class Half(_Broken):
        def forward(self, x: Any) -> Any:
            return self.w * x * self.w.data + self.b

    text = broken(Half())
    assert "'gradients are differences'" in text and "bad entry: w" in text


def test_a_random_module_is_told_so() -> None:
    rng = np.random.default_rng(0)

    class Noisy(_Broken):
        def forward(self, x: Any) -> Any:
            return self.w * x + self.b * rng.random()

    assert "the same input, the same bits" in broken(Noisy())


def test_a_module_that_assigns_its_own_parameter_is_told_so() -> None:
    class Restless(_Broken):
        def forward(self, x: Any) -> Any:
            out = self.w * x + self.b
            self.b.assign(0.7)
            return out

    assert "changes no parameter" in broken(Restless()) or "same bits" in broken(Restless())


def test_a_module_without_parameters_is_told_so() -> None:
    class Empty(_Broken):
        def __init__(self) -> None:
            self.hidden = {1, 2}

        def forward(self, x: Any) -> Any:
            return x

    assert "it has parameters" in broken(Empty())


def test_a_module_whose_state_is_not_all_is_told_so() -> None:
    class Forgetful(_Broken):
        def state_dict(self) -> Any:
            return {**super().state_dict(), "w": np.array(0.0)}

    assert "state_dict holds all there is" in broken(Forgetful())


def test_a_module_that_keeps_gradients_is_told_so() -> None:
    class Hoarder(_Broken):
        def zero_grad(self) -> None:
            self.w.zero_grad()

    assert "zero_grad forgets" in broken(Hoarder())


# Optimizers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD,
        Adam,
        lambda p: SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        lambda p: AdamW(p, lr=0.01),
        SGD([tg.Value(1.0)], lr=0.02, weight_decay=0.01),
    ],
)
def test_the_librarys_optimizers_are_lawful(optimizer: Any) -> None:
    """[T57, T58, T60, T26]"""
    check_optimizer(optimizer)


class _Plain:
    """Gradient descent in a few lines, to be broken in one way by each test."""

    sign, lr = -1.0, 0.05

    def __init__(self, parameters: list[tg.Value]) -> None:
        self.parameters = list(dict.fromkeys(parameters))

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.zero_grad()

    def step(self) -> None:
        for p in self.parameters:
            if p.grad is not None:
                p.assign(p.data + self.sign * self.lr * p.grad)


def refused(optimizer: Any) -> str:
    with pytest.raises(LawError) as caught:
        check_optimizer(optimizer)
    return str(caught.value)


def test_a_users_own_optimizer_is_lawful() -> None:
    check_optimizer(_Plain)


def test_plus_for_minus() -> None:
    class Uphill(_Plain):
        sign = 1.0

    assert "a step goes downhill': the first step went uphill" in refused(Uphill)


def test_gradients_that_are_not_reset() -> None:
    class Hoarder(_Plain):
        def zero_grad(self) -> None:
            pass

    assert "zero_grad forgets" in refused(Hoarder) or "gradients first" in refused(Hoarder)


def test_twins_stepped_twice() -> None:
    class Twice(_Plain):
        def __init__(self, parameters: list[tg.Value]) -> None:
            self.parameters = parameters

    assert "a parameter is stepped once" in refused(Twice)


def test_a_type_that_changes() -> None:
    class Wide(_Plain):
        def step(self) -> None:
            for p in self.parameters:
                if p.grad is not None:
                    new = np.asarray(p.data - self.lr * p.grad, dtype=np.float64)
                    p._data = new if new.ndim else float(new)

    assert "shape and type stay" in refused(Wide)


def test_a_parameter_without_gradient_that_moves() -> None:
    class Restless(_Plain):
        def step(self) -> None:
            super().step()
            for p in self.parameters:
                if p.grad is None:
                    p.assign(p.data * 0.99)

    assert "without a gradient, no step" in refused(Restless)


def test_one_that_does_not_learn_and_one_that_draws() -> None:
    class Lame(_Plain):
        lr = 1e-9

    rng = np.random.default_rng(0)

    class Noisy(_Plain):
        def step(self) -> None:
            self.lr = 0.05 + 0.01 * rng.random()
            super().step()

    assert "many steps learn" in refused(Lame)
    assert "bits" in refused(Noisy) or "gradients first" in refused(Noisy)


def test_what_is_no_optimizer_is_refused() -> None:
    with pytest.raises(DTypeError, match="needs an optimizer, got float"):
        check_optimizer(0.1)


# Strategies --------------------------------------------------------------------------------------


def test_networks_shrink_to_one_neuron() -> None:
    model, batch = find(mlps(), lambda drawn: True)
    assert (model.inputs, model.outputs, batch.shape) == (1, 1, (1, 1))
    neuron, sample = find(neurons(), lambda drawn: True)
    assert neuron.inputs == 1 and sample.tolist() == [0.0]


def test_arrays_are_seasoned() -> None:
    near = find(arrays((2,), near=(0.5,)), lambda x: np.any((x != 0.5) & (abs(x - 0.5) < 1e-6)))
    assert np.min(abs(near - 0.5)) < 1e-6
    assert np.max(abs(find(arrays((2,), scales=True), lambda x: np.max(abs(x)) > 1e5))) > 1e5
    assert find(arrays((2,), dtype=np.float32), lambda x: True).dtype == np.float32
    kinds = st.sampled_from([np.float64, np.float32])
    assert find(arrays((2,), dtype=kinds), lambda x: x.dtype == np.float32).shape == (2,)
    assert find(arrays(st.just((2, 1))), lambda x: True).shape == (2, 1)
