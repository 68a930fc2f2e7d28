"""The traps of automatic differentiation that others fell into: each has a test with its number.

A number stands in a comment beside the test, ``# T21``, or in its docstring. Those about the
operations, the engine and the numbers are 1 to 41, the checker's 42 to 51. Traps that no other file
is about are tested here.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.test_dtypes import DIFFERENTIABLE, calls
from tinygrad_edu.autodiff import topological
from tinygrad_edu.engine import OPS
from tinygrad_edu.testing.subject import pull

HERE = Path(__file__).parent
_NUMBER = re.compile(r"\bT(\d+)\b")
_WRITTEN = {int(n) for n in range(1, 52)}


def numbered(text: str) -> set[int]:
    """The numbers in comments and docstrings of the tests of a file, and nowhere else."""
    lines, found = text.splitlines(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            first = min([node.lineno, *[d.lineno for d in node.decorator_list]])
            said = [line.partition("#")[2] for line in lines[first - 1 : node.end_lineno]]
            told = " ".join([ast.get_docstring(node) or "", *said])
            found |= set(map(int, _NUMBER.findall(told)))
    return found


def test_every_trap_has_a_test_that_carries_its_number() -> None:
    found = {n for file in HERE.rglob("test_*.py") for n in numbered(file.read_text("utf-8"))}
    assert sorted(_WRITTEN - found) == []


def test_a_number_outside_of_a_test_does_not_count() -> None:
    text = '"""About T1."""\nX = 2  # T2\n\n\ndef test_it():  # T3\n    """[T4] It."""\n'
    assert numbered(text) == {3, 4}


# Operands whose gradient no rule has: a choice, not a number to move.
WITHOUT_A_GRADIENT: set[tuple[str, int]] = set()


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_no_operation_forgets_to_record_an_operand(name: str) -> None:  # T18
    with np.errstate(all="ignore"):
        for case in calls(name):
            leaves, out = case.record()
            assert out.requires_grad, case
            assert set(leaves) <= set(topological(out)), "an operand is not in the graph"
            found = pull(leaves, [out], np.ones(int(np.size(out._data))))
            missing = {(name, i) for i, g in enumerate(found) if g is None}
            assert missing <= WITHOUT_A_GRADIENT, case


def test_the_same_maths_in_two_spellings_differs_where_it_has_no_derivative() -> None:  # T38
    x = tg.Value(np.zeros(2))
    tg.norm(x).backward()
    assert x.grad.tolist() == [0.0, 0.0]  # the convention of `norm`
    x.zero_grad()
    with np.errstate(all="ignore"):
        tg.sqrt(tg.sum(tg.square(x))).backward()
    assert np.isnan(x.grad).all()  # 0 · ∞, honestly
    away = np.array([3.0, 4.0])
    spelled = tg.grad(lambda x: tg.sqrt(tg.sum(tg.square(x))))(away)
    assert np.allclose(tg.grad(tg.norm)(away), spelled, rtol=1e-15)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_probabilities_from_scores_of_any_size_are_finite(size: float) -> None:  # T40
    scores = np.array([[size, 0.0, -size], [-np.inf, 0.0, 1.0]])
    labels = np.array([0, 2])
    x = tg.Value(scores)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert not np.isnan(tg.log_softmax(scores)).any()
        out = tg.cross_entropy(x, labels)
        out.backward()
    assert np.isfinite(out.data) and np.isfinite(x.grad).all()
    z = tg.Value(np.array([size, -size]))
    bce = tg.binary_cross_entropy_with_logits(z, np.array([0.0, 1.0]))
    bce.backward()
    assert bce.data == size and np.isfinite(z.grad).all()
    assert np.allclose(tg.softmax(scores)[1, 0], 0.0) and np.allclose(tg.softmax(scores).sum(-1), 1)


def test_every_operation_is_asked() -> None:
    assert {name for name in DIFFERENTIABLE if not [*calls(name)]} <= {"add_n", "neuron"}
    assert set(DIFFERENTIABLE) < set(OPS)
