"""A `Tape` in a file: a ZIP archive of one JSON text and its arrays, and nothing that is executed.

`tape.json` holds the instructions, ``0.npy``, ``1.npy``, … the arrays they name. Operations are
named, and found in the registry when the file is read; no pickle is written or read.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.context import ROOT, Role, Tag
from tinygrad_edu.engine import make_leaf
from tinygrad_edu.errors import DataError
from tinygrad_edu.families import operation
from tinygrad_edu.files import write_whole
from tinygrad_edu.ops.indexing import Hole
from tinygrad_edu.raw import operand
from tinygrad_edu.tape import Instruction, Leaf, Slot, Tape

FORMAT = "tinygrad_edu tape 1"
_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def save(tape: Tape, path: str | os.PathLike[str]) -> Path:
    """Write a tape with its numbers; see `Tape.save`."""
    write = _Writing()
    structure = tape.rebuild([_Output(i) for i in range(len(tape.outputs))])
    content = {
        "format": FORMAT,
        "leaves": [
            [
                write.part(leaf.value._data), leaf.value.tag.name, list(leaf.value.tag.scope.path),
                str(leaf.role), leaf.value.requires_grad, write.part(leaf.value._dtype), leaf.name,
            ]
            for leaf in tape.leaves
        ],
        "instructions": [
            [
                step.op.name, [write.part(a) for a in step.args], write.part(step.params),
                step.name, str(step.role), write.part(step.recorded), list(step.scope),
            ]
            for step in tape.instructions
        ],
        "outputs": list(tape.outputs),
        "inputs": list(tape.inputs),
        "structure": write.part(structure),
        "generators": [write.state(g) for g in write.generators],
    }  # fmt: skip
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tape.json", json.dumps(content, indent=0))
        for i, array in enumerate(write.arrays):
            with archive.open(f"{i}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return write_whole(path, memory.getvalue())


def load(path: str | os.PathLike[str]) -> Tape:
    """Read what `save` wrote; see `Tape.load`."""
    try:
        with zipfile.ZipFile(path) as archive:
            content = json.loads(archive.read("tape.json"))
            if not isinstance(content, dict) or content.get("format") != FORMAT:
                raise ValueError("another format or version")
            read = _Reading(archive, content["generators"])
            return _tape(content, read)
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(
            f"{Path(path).name} is not a whole tape of this version: {error}",
            hint="Tape.save(path) writes one; a file that was cut off has to be written again",
        ) from error


class _Output(int):
    """The place of an output in the structure of a tape's results."""


def _tape(content: dict[str, Any], read: _Reading) -> Tape:
    leaves = [_leaf(read, *fields) for fields in content["leaves"]]
    first = len(leaves)
    instructions = []
    for i, fields in enumerate(content["instructions"]):
        name, args, params, own, role, recorded, scope = fields
        try:
            op = operation(name)
        except KeyError:
            raise ValueError(f"there is no operation {name!r} here; declare it first") from None
        instructions.append(
            Instruction(
                op,
                tuple(read.part(a) for a in args),
                read.part(params),
                first + i,
                own,
                Role(role),
                None,
                read.part(recorded),
                tuple(scope),
            )
        )
        if any(not 0 <= s < first + i for s in instructions[-1].slots):
            raise ValueError(f"instruction {i} reads a slot that is not computed before it")
    outputs, inputs = tuple(content["outputs"]), tuple(content["inputs"])
    if any(not 0 <= s < first + len(instructions) for s in outputs) or inputs != tuple(
        range(len(inputs))
    ):
        raise ValueError("its outputs or inputs are no slots of it")
    structure = content["structure"]
    rebuild: Callable[[list[Any]], Any] = lambda found: read.part(structure, found)  # noqa: E731
    return Tape(tuple(leaves), tuple(instructions), outputs, inputs, rebuild)


def _leaf(
    read: _Reading, data: Any, own: Any, path: Any, role: Any, needs: Any, dtype: Any, name: Any
) -> Leaf:
    value = make_leaf(operand(read.part(data), plain=True), read.part(dtype), bool(needs))
    scope = ROOT
    for part in path:
        scope = scope.child(part, "group")
    value.tag = Tag(own, Role(role), scope)
    return Leaf(value, name, Role(role))


class _Writing:
    """Parts of instructions as JSON: plain texts and whole numbers as they are, else [kind, …]."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.generators: list[np.random.Generator] = []

    def part(self, x: Any) -> Any:
        if x is None or type(x) in (bool, int, str):
            return x
        if isinstance(x, _Output):
            return ["output", int(x)]
        if isinstance(x, (Slot, Hole)):
            return ["slot" if isinstance(x, Slot) else "hole", x.number]
        if isinstance(x, float):
            return ["float", float(x).hex()]
        if x is Ellipsis:
            return ["..."]
        if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fiub":
            self.arrays.append(np.asarray(x))
            return ["array" if isinstance(x, np.ndarray) else "number", len(self.arrays) - 1]
        if isinstance(x, slice):
            return ["slice", self.part(x.start), self.part(x.stop), self.part(x.step)]
        if isinstance(x, (np.dtype, type)):
            return ["dtype" if isinstance(x, np.dtype) else "type", np.dtype(x).name]
        if isinstance(x, (list, tuple)):
            return ["list" if isinstance(x, list) else "tuple", *[self.part(i) for i in x]]
        if isinstance(x, dict):
            return ["dict", *[[self.part(k), self.part(v)] for k, v in x.items()]]
        if isinstance(x, np.random.Generator):
            known = [g is x for g in self.generators]
            if True not in known:
                self.generators.append(x)
                return ["generator", len(self.generators) - 1]
            return ["generator", known.index(True)]
        raise DataError(f"a {type(x).__name__} has no place in a tape's file: {x!r:.60}")

    def state(self, generator: np.random.Generator) -> Any:
        """The state of a generator at this moment; a tape that is read draws on from there."""
        state = generator.bit_generator.state
        if state["bit_generator"] not in _GENERATORS:
            raise DataError(f"the state of {generator!r} cannot be written")
        return self.part(state)


class _Reading:
    """The inverse of `_Writing.part`; kinds that it does not know are refused."""

    def __init__(self, archive: zipfile.ZipFile, generators: list[Any]) -> None:
        self.archive, self.generators = archive, [self.generator(g) for g in generators]

    def part(self, x: Any, outputs: list[Any] | None = None) -> Any:
        if x is None or type(x) in (bool, int, str):
            return x
        kind, *rest = x
        if kind in ("tuple", "list"):
            items = [self.part(i, outputs) for i in rest]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {self.part(k): self.part(v, outputs) for k, v in rest}
        if kind == "slice":
            return slice(*[self.part(i) for i in rest])
        if kind == "...":
            return ...
        (one,) = rest
        if kind == "output" and outputs is not None:
            return outputs[one]
        simple: dict[str, Callable[[Any], Any]] = {
            "slot": Slot, "hole": Hole, "float": float.fromhex, "dtype": np.dtype,
            "type": lambda name: np.dtype(name).type, "array": self.array,
            "number": lambda i: self.array(i)[()], "generator": self.generators.__getitem__,
        }  # fmt: skip
        return simple[kind](one)

    def array(self, number: int) -> np.ndarray:
        with self.archive.open(f"{int(number)}.npy") as file:
            found = np.lib.format.read_array(file, allow_pickle=False)
        found.setflags(write=False)
        return found

    def generator(self, saved: Any) -> np.random.Generator:
        state = self.part(saved)
        if state["bit_generator"] not in _GENERATORS:
            raise ValueError(f"an unknown generator {state['bit_generator']!r}")
        bits = getattr(np.random, state["bit_generator"])()
        bits.state = state
        return np.random.Generator(bits)
