"""Families load at their first use, and the table of their names is true."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys

import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import Op
from tinygrad_edu.families import FAMILIES, registry


@pytest.mark.parametrize("module", list(FAMILIES))
def test_a_family_provides_what_the_table_says(module: str) -> None:
    loaded = importlib.import_module(f"tinygrad_edu.{module}")
    own = {n for n, x in vars(loaded).items() if isinstance(x, Op) and not n.startswith("_")}
    declared = {n for n in own if vars(loaded)[n].forward.__module__ == loaded.__name__}
    assert declared <= set(FAMILIES[module])
    assert all(hasattr(loaded, name) for name in FAMILIES[module])


def test_no_name_is_provided_twice() -> None:
    names = [name for names in FAMILIES.values() for name in names]
    assert len(names) == len(set(names))


def test_every_public_operation_is_a_name_of_the_library() -> None:
    missing = [name for name in registry() if not hasattr(tg, name)]
    assert missing == ["getitem_transpose", "sum_to"]
    assert set(tg.__all__) <= set(dir(tg))
    assert [n for names in FAMILIES.values() for n in names if n not in tg.__all__] == []


def test_operations_are_pickled_by_name() -> None:
    assert pickle.loads(pickle.dumps(tg.tanh)) is tg.tanh


@pytest.mark.skipif(not FAMILIES, reason="every operation is loaded at once")
def test_importing_the_library_loads_no_family() -> None:
    code = "import sys, tinygrad_edu; print([m for m in sys.modules if m.startswith('tinygrad')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [m for m in FAMILIES if f"tinygrad_edu.{m}" in found.stdout] == []
