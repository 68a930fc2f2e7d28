"""A tape in a file: what comes back computes the same, and half a file is refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import tinygrad_edu as tg
from tinygrad_edu import Tape, Value
from tinygrad_edu.errors import DataError
from tinygrad_edu.testing.programs import Program
from tinygrad_edu.testing.strategies import programs

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def there_and_back(tape: Tape, folder: Path) -> Tape:
    return Tape.load(tape.save(folder / "a.tape"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tapes")


def test_names_roles_numbers_and_text_come_back(folder: Path) -> None:
    with tg.scope("hidden", kind="layer"):
        w = tg.weight([0.5, -1.0], "w")
    tape = Tape.of(tg.set_role(tg.tanh(w * tg.input(np.inf, "x")), "activation", "y"))
    again = there_and_back(tape, folder)
    assert str(again) == str(tape) and np.array_equal(again.run(), tape.run())
    assert again.leaves[0].value.name == "hidden.w"


@given(programs(size=6))
def test_random_programs_come_back(folder: Path, program: Program) -> None:
    def both(*xs: Any) -> Any:
        return tg.value_and_grad(lambda *ys: tg.sum(program(*ys)), range(len(xs)))(*xs)

    tape = Tape.record(both, *program.inputs)
    again = there_and_back(tape, folder)
    for x, y in zip(flat(again.run(program.inputs)), flat(tape.run(program.inputs)), strict=True):
        assert type(x) is type(y) and np.asarray(x).tobytes() == np.asarray(y).tobytes()


def flat(tree: Any) -> list[Any]:
    return [x for item in tree for x in flat(item)] if isinstance(tree, tuple) else [tree]


def test_structures_and_generators_come_back(folder: Path) -> None:
    generator = np.random.default_rng(3)

    def f(x: Any) -> Any:
        draws = [tg.random_uniform(shape=(2,), generator=generator) for _ in range(2)]
        return {"a": [x * draws[0]], "b": (x[::2, None], draws[1], x.astype(np.float32))}

    tape = Tape.record(f, np.ones(2))
    again = there_and_back(tape, folder)
    x = np.array([2.0, 3.0])
    one, two = again.run([x]), tape.run([x])  # both draw on from the moment of saving
    assert one.keys() == two.keys() and np.array_equal(one["a"][0], two["a"][0])
    assert np.array_equal(one["b"][1], two["b"][1]) and one["b"][2].dtype == np.float32
    assert not np.array_equal(one["a"][0], 2.0 * one["b"][1])


def test_a_file_cut_off_anywhere_is_refused(folder: Path) -> None:
    path = Tape.of(Value(np.arange(9.0)) * 2.0).save(folder / "whole.tape")
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        (folder / "part.tape").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"part\.tape is not a whole tape(.|\n)*Tape\.save"):
            Tape.load(folder / "part.tape")


def changed(path: Path, **parts: Any) -> Path:
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    content = json.loads(files["tape.json"]) | parts
    with zipfile.ZipFile(path.with_name("changed.tape"), "w") as archive:
        for name, data in files.items():
            archive.writestr(name, json.dumps(content) if name == "tape.json" else data)
    return path.with_name("changed.tape")


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({"format": "tinygrad_edu tape 99"}, "another format"),
        ({"outputs": [7]}, "no slots of it"),
        ({"inputs": [1]}, "no slots of it"),
        ({"instructions": [["no_such_op", [], ["dict"], None, "operation", 1, []]]}, "no_such_op"),
        ({"instructions": [["tanh", [["slot", 1]], ["dict"], None, "operation", 1, []]]}, "slot"),
        ({"instructions": [["tanh", [["run", "x"]], ["dict"], None, "operation", 1, []]]}, "run"),
    ],
)
def test_a_foreign_or_impossible_file_is_refused(folder: Path, parts: Any, word: str) -> None:
    path = Tape.of(Value(1.0) * 2.0).save(folder / "good.tape")
    with pytest.raises(DataError, match=word):
        Tape.load(changed(path, **parts))


def test_what_has_no_place_in_a_file_is_said_and_nothing_is_written(folder: Path) -> None:
    class Odd:
        shape = (2,)

    tape = Tape.of(Value(1.0) * 2.0)
    tape.instructions[0].params["odd"] = Odd()
    with pytest.raises(DataError, match="a Odd has no place"):
        tape.save(folder / "odd.tape")
    assert not (folder / "odd.tape").exists()
