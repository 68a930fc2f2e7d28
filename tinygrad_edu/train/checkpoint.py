"""A trained model in one file: its shape and its numbers, the encoder of its data, no pickle.

The file is a NumPy ``.npz``: a JSON header and one array per parameter. Reading one runs no code.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DataError, TinygradError
from tinygrad_edu.files import write_whole
from tinygrad_edu.nn import MLP, Layer, Linear, Module, Neuron
from tinygrad_edu.nn.layers import activation_name, find_activation
from tinygrad_edu.train.encoder import Encoder

_FORMAT, _VERSION, _HEADER, _PREFIX = "tinygrad_edu model", 2, "header", "parameter/"


class Saved(NamedTuple):
    """What `load` found: the model, the encoder of its data (or None), and the caller's notes."""

    model: Any
    encoder: Encoder | None
    metadata: dict[str, Any]


def save(
    path: str | PathLike[str],
    model: Module,
    encoder: Encoder | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``model`` to ``path`` (``.npz``), whole or not at all; returns the path.

    `MLP`, `Layer`, `Linear` and `Neuron` with activations that have a name are saved with their
    structure; of any other module only the numbers, to be loaded into a model made by its own code.
    ``metadata`` is what JSON can hold. Raises `DataError` for anything else.
    """
    if not isinstance(model, Module):
        raise DataError(f"a model is an nn.Module, not {type(model).__name__}")
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "structure": _structure(model),
        "encoder": None if encoder is None else encoder.to_dict(),
        "metadata": dict(metadata or {}),
    }
    try:
        text = json.dumps(header, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"the metadata cannot be written as JSON: {error}") from None
    arrays = {_PREFIX + path: array for path, array in model.state_dict().items()}
    content = io.BytesIO()
    packed: dict[str, Any] = {_HEADER: np.frombuffer(text.encode(), np.uint8), **arrays}
    np.savez(content, **packed)
    return write_whole(path, content.getvalue())


def load(path: str | PathLike[str], model: Module | None = None) -> Saved:
    """Read what `save` wrote. With ``model`` its numbers are replaced; else one is made anew.

    Raises `DataError` for a file that is missing, damaged, of another kind or of a later version,
    and for numbers that do not fit the model.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = save(Path(folder) / "m.npz", Neuron(2, "tanh", seed=3), metadata={"by": "me"})
    ...     again = load(file)
    >>> again.model, again.metadata
    (Neuron(2 inputs, tanh), {'by': 'me'})
    """
    header, state = _read(path)
    if model is None:
        model = _build(header.get("structure"), str(path))
    try:
        model.load_state_dict(state)
    except TinygradError as error:
        raise DataError(f"{str(path)!r} does not fit the model: {error}") from None
    encoder = header.get("encoder")
    metadata = header.get("metadata") or {}
    return Saved(model, None if encoder is None else Encoder.from_dict(encoder), dict(metadata))


def _read(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
    except FileNotFoundError:
        raise DataError(f"no such file: {str(path)!r}") from None
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror or error}") from None
    except (ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile):
        raise DataError(f"{str(path)!r} is not a saved model, or it is damaged") from None
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise DataError(f"{str(path)!r} is not a saved model")
    if header.get("version") == 1:
        raise DataError(
            f"{str(path)!r} was written in version 1 of the format, which held the weights of "
            f"layers as (inputs, outputs); version {_VERSION} holds them as (outputs, inputs)",
            hint="save the model anew with this version",
        )
    if header.get("version") != _VERSION:
        raise DataError(
            f"{str(path)!r} was written in version {header.get('version')!r} of the format; this "
            f"library reads version {_VERSION}",
            hint="python -m pip install --upgrade tinygrad-edu",
        )
    return header, {k.removeprefix(_PREFIX): v for k, v in arrays.items() if k.startswith(_PREFIX)}


# Structures --------------------------------------------------------------------------------------


def _named(activation: Any) -> str | None:
    """The name an activation can be found by again, or a KeyError for a function of one's own."""
    name = activation_name(activation)
    try:
        if find_activation(name) is activation:
            return name
    except TinygradError:
        pass
    raise KeyError(name)


def _structure(model: Module) -> dict[str, Any] | None:
    """What it takes to make the model anew; None where only its own code can."""
    try:
        if type(model) is MLP:
            bias = model.layers[0].has_bias
            return {
                "kind": "MLP",
                "name": model.name,
                "form": model.form,
                "bias": bias,
                "sizes": [model.inputs, *[layer.outputs for layer in model.layers]],
                "activation": _named(model.layers[0].activation) if model.layers[1:] else None,
                "output_activation": _named(model.layers[-1].activation),
                "input_names": list(model.layers[0].input_names),
                "output_names": list(model.layers[-1].output_names),
            }
        if type(model) in (Layer, Linear, Neuron):
            assert isinstance(model, (Layer, Neuron))
            made = {"kind": type(model).__name__, "name": model.name, "inputs": model.inputs}
            made |= {"activation": _named(model.activation), "input_names": [*model.input_names]}
            if isinstance(model, Neuron):
                return {**made, "bias": model.bias is not None}
            names = {"output_names": list(model.output_names), "bias": model.has_bias}
            return {**made, **names, "outputs": model.outputs, "form": model.form}
    except KeyError:
        pass
    return None


def _build(structure: Any, path: str) -> Module:
    if structure is None:
        raise DataError(
            f"{path!r} holds the numbers of a model of your own, not its structure",
            hint="make the model with your code, then tg.train.load(path, model)",
        )
    try:
        parts = {k: v for k, v in structure.items() if k != "kind"}
        for key in ("input_names", "output_names"):
            parts[key] = parts.get(key) or None
        kind = structure["kind"]
        if kind == "MLP":
            first, *hidden, last = parts.pop("sizes")
            return MLP(first, hidden, last, **parts)
        if kind == "Neuron":
            del parts["output_names"]
            return Neuron(parts.pop("inputs"), **parts)
        if kind == "Linear":
            del parts["activation"]
        return (Layer if kind == "Layer" else {"Linear": Linear}[kind])(**parts)
    except (AttributeError, KeyError, TypeError, ValueError, TinygradError) as error:
        raise DataError(f"{path!r} is damaged: {error!r}") from None
