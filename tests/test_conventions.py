"""The conventions: both sides of every row, of each operation and of the table in design.md."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.test_docs import blocks_of
from tinygrad_edu.op_page import conventions
from tinygrad_edu.ops.conventions import Convention

DESIGN = (Path(__file__).parent.parent / "docs" / "design.md").read_text(encoding="utf-8")


def rows_of_design() -> list[tuple[str, Convention]]:
    """The rows about no single operation: ≠ or =, and what the columns say, without backticks."""
    lines = [line.strip("|").split("|") for line in DESIGN.splitlines() if line.startswith("| ")]
    cells = [[cell.strip().replace("`", "") for cell in row] for row in lines]
    return [(row[0], Convention(*row[1:])) for row in cells if row[0] in ("≠", "=")]


DECLARED = conventions()
ROWS = [*[row for _, row in DECLARED], *[row for _, row in rows_of_design()]]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the expressions are written in, with the functions that design.md defines."""
    known: dict[str, Any] = {"np": np, "math": math, "tg": tg, "d": tg.grad}
    for block in blocks_of(DESIGN):
        exec(block.code, known)
    return known


def with_peers(expression: str, names: dict[str, Any]) -> dict[str, Any]:
    """The names, with PyTorch's or JAX's where the expression needs them; skipped without."""
    if re.search(r"\b(torch|t|D|F)\b", expression):
        torch = pytest.importorskip("torch")
        names = names | {"torch": torch, "t": torch.tensor, "D": torch.func.grad}
        names |= {"F": torch.nn.functional}
    if re.search(r"\b(jax|jnp)\b", expression):
        jax = pytest.importorskip("jax")
        names = names | {"jax": jax, "jnp": jax.numpy}
    return names


def answer(code: str, names: dict[str, Any]) -> str:
    """What an expression gives, as the tables write it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return repr(eval(code, names))
        except Exception as error:
            return f"raises {type(error).__name__}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.question)
def test_a_convention_is_as_the_table_says(row: Convention, names: dict[str, Any]) -> None:
    assert answer(row.here, names) == row.gives


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.question)
def test_the_others_do_what_the_table_says(row: Convention, names: dict[str, Any]) -> None:
    assert answer(row.elsewhere, with_peers(row.elsewhere, names)) == row.gives_elsewhere


def test_the_tables_say_rightly_what_differs() -> None:
    assert [(mark == "≠", row.question) for mark, row in rows_of_design()] == [
        (row.differs, row.question) for _, row in rows_of_design()
    ]
    differing = [row.differs for row in ROWS]
    assert differing.count(True) > 15 and differing.count(False) > 9


def test_no_declared_row_is_left_out_of_the_table() -> None:
    owners = {name for name, op in tg.registry().items() if op.facts["conventions"]}
    assert owners | {"cross_entropy", "nanmax"} <= {name for name, _ in DECLARED}


def test_every_question_is_asked_once() -> None:
    questions = [row.question for row in ROWS]
    assert len(set(questions)) == len(questions)


def test_a_wrong_row_is_found(names: dict[str, Any]) -> None:
    row = Convention("relu at 0", "d(tg.relu)(0.0)", "0.5", "1.0 / 0.0", "inf")
    assert answer(row.here, names) == "0.0" != row.gives
    assert answer(row.elsewhere, names) == "raises ZeroDivisionError" != row.gives_elsewhere
