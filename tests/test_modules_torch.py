"""Modules beside PyTorch's: outputs, gradients, running statistics and states, to 1e-9.

Skipped where PyTorch is not installed. All in float64.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
import pytest
from module_figures import CASES, Case, ours, weights

import tinygrad_edu as tg
from tinygrad_edu import nn

torch = pytest.importorskip("torch")


def theirs(case: Case) -> dict[str, Any]:
    """The same by PyTorch."""
    net = case.make(torch.nn).double()
    state = weights(case.make(nn))
    net.load_state_dict({path: torch.tensor(array) for path, array in state.items()})
    net.train(case.training)
    x = torch.tensor(case.x, requires_grad=case.x.dtype.kind == "f")
    out = case.call(net, x, torch.tensor)
    (out * torch.sin(torch.arange(out.numel()).double()).reshape(out.shape)).sum().backward()
    found = {"out": out.detach().numpy()} | ({"x": x.grad.numpy()} if x.requires_grad else {})
    found |= {k: p.grad.numpy() for k, p in net.named_parameters() if p.grad is not None}
    return found | {k: b.numpy() for k, b in net.named_buffers()}


@pytest.mark.parametrize("name", CASES)
def test_the_same_as_pytorch(name: str) -> None:
    here, there = ours(CASES[name]), theirs(CASES[name])
    assert set(here) == set(there)
    for key in there:
        assert here[key].shape == there[key].shape
        np.testing.assert_allclose(here[key], there[key], rtol=1e-9, atol=1e-9, err_msg=key)


@pytest.mark.parametrize("name", CASES)
def test_states_go_both_ways(name: str) -> None:
    here, there = CASES[name].make(nn), CASES[name].make(torch.nn).double()
    arrays = {path: t.numpy() for path, t in there.state_dict().items()}
    assert here.load_state_dict(arrays) == ([], [])
    back = {path: torch.tensor(array) for path, array in here.state_dict().items()}
    assert list(back) == list(arrays)
    there.load_state_dict(back)
    assert all(np.array_equal(arrays[k], t.numpy()) for k, t in there.state_dict().items())


NAMED = sorted(set(nn.__all__) & {name for name in dir(torch.nn) if name[0].isupper()})
OWN = {"Linear": "in_features", "Sequential": "args", "Module": "", "Parameter": "data"}
LEFT_OUT = {
    "inplace", "device", "dtype", "padding_mode", "add_bias_kv", "add_zero_attn", "max_norm",
    "norm_type", "scale_grad_by_freq", "sparse", "_weight", "_freeze", "threshold",
    "return_indices", "divisor_override", "args", "kwargs", "min_value", "max_value",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in NAMED if n not in OWN])
def test_arguments_and_defaults_are_pytorchs(name: str) -> None:
    there = inspect.signature(getattr(torch.nn, name).__init__).parameters
    here = inspect.signature(getattr(nn, name)).parameters
    for p in set(there) & set(here) - {"dim"}:  # PyTorch's own default, dim=None, is deprecated
        ours, default = here[p].default, there[p].default
        assert ours is default or ours == default, p
    ordered = [p for p in here if p in there and here[p].kind is not here[p].KEYWORD_ONLY]
    assert [p for p in there if p in ordered] == ordered, "in another order"


STARTS = {
    "Conv2d": ((8, 64, 3), {}), "Conv1d": ((8, 64, 3), {}), "Embedding": ((100, 50), {}),
    "LSTM": ((30, 40), {}), "GRU": ((30, 40), {}), "RNN": ((30, 40), {}),
    "MultiheadAttention": ((48, 4), {}), "TransformerBlock": ((32, 4, 64), {}),
    "BatchNorm2d": ((8,), {}), "LayerNorm": ((8,), {}), "PReLU": ((3,), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_where_the_weights_start(name: str) -> None:
    """Mean and spread of every parameter over some seeds, beside PyTorch's."""
    args, options = STARTS[name]
    other = getattr(torch.nn, "TransformerEncoderLayer" if "Block" in name else name)
    torch.manual_seed(0)
    left = [getattr(nn, name)(*args, **options, **_seed(name, s)).state_dict() for s in range(12)]
    right = [other(*args, **options).state_dict() for _ in range(12)]
    for path in right[0]:
        a = np.stack([np.asarray(state[path], dtype=float) for state in left])
        b = np.stack([state[path].double().numpy() for state in right])
        scale = max(b.std(), 1e-12) / np.sqrt(a.size)
        assert abs(a.mean() - b.mean()) <= 7.0 * scale, path
        assert abs(a.std() - b.std()) <= max(7.0 * scale, 1e-6), path
        assert abs(a).max() == pytest.approx(abs(b).max(), rel=0.2), path


def _seed(name: str, seed: int) -> dict[str, int]:
    return {"seed": seed} if "seed" in inspect.signature(getattr(nn, name)).parameters else {}


def test_dropout_drops_as_often_and_scales_as_much() -> None:
    for p in (0.0, 0.3, 1.0):
        here = nn.Dropout(p)(np.ones(20000)).data
        there = torch.nn.Dropout(p)(torch.ones(20000).double()).numpy()
        assert set(np.unique(here)) == set(np.unique(there))
        assert abs((here == 0).mean() - p) < 0.02


def test_names_in_the_state_of_a_module_of_ones_own() -> None:
    def parts(m: Any, base: Any) -> Any:
        class Net(base):  # type: ignore[misc]
            def __init__(self) -> None:
                if base is torch.nn.Module:
                    super().__init__()
                self.embed = m.Embedding(7, 4)
                self.lstm = m.LSTM(4, 4, batch_first=True)
                self.head = m.Linear(4, 7)

            def forward(self, x: Any) -> Any:
                return self.head(self.lstm(self.embed(x))[0])

        return Net()

    here, there = parts(nn, nn.Module), parts(torch.nn, torch.nn.Module).double()
    here.load_state_dict({k: t.numpy() for k, t in there.state_dict().items()})
    x = np.array([[1, 2, 3], [0, 6, 5]])
    expected = there(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(here(x).data, expected, rtol=1e-12, atol=1e-12)
    assert re.match(r"Net\(", repr(here)) and isinstance(here(x), tg.Value)
