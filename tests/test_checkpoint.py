"""A trained model in a file: the same numbers come back, and no file can do harm."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_edu.errors import DataError
from tinygrad_edu.nn import MLP, Layer, Linear, Module, Neuron, Parameter
from tinygrad_edu.train import load, save
from tinygrad_edu.train.datasets import penguins

MODELS = [
    lambda: MLP(3, [4, 2], 1, "relu", "sigmoid", input_names=["a", "b", "c"], seed=5),
    lambda: MLP(3, [2], 2, form="scalar", bias=False, name="small", seed=5),
    lambda: MLP(3, [], 2, output_names=["yes", "no"], seed=5),
    lambda: Layer(3, 2, "softplus", form="scalar", name="first", seed=5),
    lambda: Linear(3, 2, bias=False, seed=5),
    lambda: Neuron(3, None, name="one", seed=5),
    lambda: Neuron(3, bias=False, seed=5),
]


@pytest.mark.parametrize("make", MODELS)
def test_a_model_comes_back(tmp_path: Path, make: Any) -> None:
    model = make()
    for i, parameter in enumerate(model.parameters()):
        parameter.assign(parameter.data + 0.1 * i)
    again = load(save(tmp_path / "m.npz", model)).model
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert type(again) is type(model) and repr(again) == repr(model)
    assert np.array_equal(again(x).data, model(x).data)
    assert [p for p, _ in again.named_parameters()] == [p for p, _ in model.named_parameters()]
    assert [p.name for p in again.parameters()] == [p.name for p in model.parameters()]
    ours, theirs = again.structure()[0], model.structure()[0]
    assert (ours.name, ours.input_names) == (theirs.name, theirs.input_names)


def test_encoder_and_notes_come_back_and_bytes_repeat(tmp_path: Path) -> None:
    data = penguins()
    model = MLP(len(data.feature_names), [3], 3, seed=1)
    notes = {"epochs": 20, "by": "Größe"}
    one = save(tmp_path / "a.npz", model, data.encoder, notes)
    two = save(tmp_path / "b.npz", model, encoder=data.encoder, metadata=notes)
    assert one.read_bytes() == two.read_bytes()
    saved = load(str(one))
    assert saved.encoder == data.encoder and saved.metadata == notes
    assert sorted(os.listdir(tmp_path)) == ["a.npz", "b.npz"]


class Own(Module):
    def __init__(self) -> None:
        self.w = Parameter(2.0)

    def forward(self, x: Any) -> Any:
        return self.w * x


def test_a_model_of_ones_own_needs_its_code(tmp_path: Path) -> None:
    model = Own()
    model.w.assign(7.0)
    path = save(tmp_path / "m.npz", model)
    with pytest.raises(DataError, match=r"not its structure(.|\n)*tg.train.load\(path, model\)"):
        load(path)
    fresh = Own()
    assert load(path, fresh).model is fresh and fresh.w.data == 7.0
    custom = Layer(2, 2, activation=lambda v: v * v)
    with pytest.raises(DataError, match="not its structure"):
        load(save(path, custom))


def test_another_model_is_refused_by_path(tmp_path: Path) -> None:
    path = save(tmp_path / "m.npz", Linear(3, 2))
    with pytest.raises(DataError, match=r"weight: the state holds shape \(2, 3\)"):
        load(path, Linear(2, 2))


def write(path: Path, header: Any, **arrays: Any) -> Path:
    packed = io.BytesIO()
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    np.savez(packed, header=np.frombuffer(text, np.uint8), **arrays)
    path.write_bytes(packed.getvalue())
    return path


def test_bad_files(tmp_path: Path) -> None:
    good = {"format": "tinygrad_edu model", "version": 2, "encoder": None, "metadata": {}}
    path = tmp_path / "m.npz"
    with pytest.raises(DataError, match="no such file"):
        load(path)
    with pytest.raises(DataError, match="cannot read"):
        load(tmp_path)
    path.write_bytes(b"not a zip")
    with pytest.raises(DataError, match="not a saved model, or it is damaged"):
        load(path)
    whole = save(path, Linear(2, 1)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged"):
        load(path)
    with pytest.raises(DataError, match="not a saved model"):
        load(write(path, b"{"))
    with pytest.raises(DataError, match="not a saved model"):
        load(write(path, {"format": "other"}))
    with pytest.raises(DataError, match=r"version 3 .*reads version 2(.|\n)*--upgrade"):
        load(write(path, {**good, "version": 3}))
    with pytest.raises(
        DataError, match=r"version 1 .*\(inputs, outputs\)(.|\n)*save the model anew"
    ):
        load(write(path, {**good, "version": 1}))
    with pytest.raises(DataError, match="is damaged"):
        load(write(path, {**good, "structure": {"kind": "Transformer"}}))
    with pytest.raises(DataError, match="is damaged"):
        load(write(path, {**good, "structure": {"kind": "MLP", "sizes": [1]}}))
    path.write_bytes(_pickled())
    with pytest.raises(DataError, match="not a saved model, or it is damaged"):
        load(path)


class Bomb:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('code from a file was run')",)


def _pickled() -> bytes:
    packed = io.BytesIO()
    np.savez(packed, header=np.array([Bomb()], dtype=object))
    return packed.getvalue()


def test_nothing_is_written_when_it_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    with pytest.raises(DataError, match="metadata cannot be written as JSON"):
        save(path, Linear(2, 1), metadata={"model": Linear})
    with pytest.raises(DataError, match=r"a model is an nn\.Module, not int"):
        save(path, 3)  # type: ignore[arg-type]
    assert not path.exists()
