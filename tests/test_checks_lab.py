"""Every misconception computes what it should not, and the checks say which it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_edu as tg
from tests.test_random_programs import gradient
from tinygrad_edu.cli import main
from tinygrad_edu.errors import AutodiffError, GradientError, TinygradError
from tinygrad_edu.testing import lab
from tinygrad_edu.testing.programs import Program
from tinygrad_edu.testing.strategies import programs
from tinygrad_edu.testing.wrong_engines import Engine, exchanged

ALL = sorted(lab.MISCONCEPTIONS)
NAMED = [
    "assign", "divide_as_multiply", "early_update", "no_sum", "not_reset", "one_operand",
    "plus_for_minus", "recursion", "relu_mask",
]  # fmt: skip


def test_every_misconception_is_there() -> None:
    assert ALL == NAMED
    assert all(len(each.about) > 150 for each in lab.MISCONCEPTIONS.values())


def test_the_right_engine_has_none() -> None:
    assert lab.diagnose() is None


@pytest.mark.parametrize("name", NAMED)
def test_a_misconception_is_caught_and_named(name: str) -> None:
    """[T2, T4, T25, T57, T58]"""
    each = lab.misconception(name)
    right = each.number()
    with lab.wrong(name):
        assert abs(each.number() - right) > 1e-3
        found = lab.diagnose()
    assert found is not None and found[0] == name, found
    assert each.number() == right and lab.diagnose() is None


@pytest.mark.parametrize("name", ["assign", "no_sum", "recursion", "one_operand", "early_update"])
def test_a_wrong_engine_fails_the_check_of_an_ordinary_network(name: str) -> None:
    x = np.array([[0.5, -1.0], [2.0, 1.5]])

    def loss(W: Any, b: Any, v: Any, s: Any) -> Any:
        h = tg.tanh(x @ W + b)
        return tg.sum((tg.multiply(h, v) * tg.sum(tg.multiply(s, s * h)) - 1.0) ** 2)

    point = (np.array([[0.1, -0.4], [0.3, 0.2]]), np.array([0.1, 0.2]), np.array([0.5, -0.3]), 0.7)
    assert tg.check(loss, *point).right
    with lab.wrong(name), pytest.raises((GradientError, AutodiffError)):
        tg.check(loss, *point)


@settings(max_examples=20)
@given(programs(size=8))
def test_without_a_misconception_the_small_engine_is_the_large_one(program: Program) -> None:
    with np.errstate(all="ignore"):
        want = gradient(program, False)
        with exchanged(Engine()):
            leaves = [tg.Value(x) for x in program.inputs]
            program.run(leaves).backward()
    for leaf, g in zip(leaves, want, strict=True):
        np.testing.assert_allclose(0.0 * g if leaf.grad is None else leaf.grad, g, rtol=1e-13)


def test_an_exception_puts_the_right_engine_back() -> None:
    with pytest.raises(ZeroDivisionError), lab.wrong("assign"):
        raise ZeroDivisionError
    assert tg.grad(lambda x: x + x)(1.0) == 2.0


def test_an_unknown_one_is_told_with_the_nearest() -> None:
    with pytest.raises(TinygradError, match="did you mean 'recursion'"):
        lab.wrong("recursions")


def test_the_command_lists_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in NAMED)
    assert main(["lab", "assign"]) == 0
    out = capsys.readouterr().out
    assert "this engine  1" in out and "right        2" in out and "caught by" in out
    assert main(["lab", "asign"]) == 2
    assert "did you mean 'assign'" in capsys.readouterr().err
