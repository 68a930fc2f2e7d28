"""A NaN has a birthplace: the operation, its operands, the user's line, and what may help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.birth import birth_of_nan
from tinygrad_edu.errors import DTypeError, StaleGraphError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def test_forward_birth_is_the_first_operation_not_the_last() -> None:
    w, x = tg.weight(0.0, "w"), tg.input(2.0, "x")
    product = w * x
    score = tg.log(product)  # the birth
    text = birth_of_nan(tg.tanh(score * 0.0) + 1.0)
    lines = text.splitlines()
    assert lines[0] == "-inf was born in log"
    assert "test_birth.py" in lines[1] and "score = tg.log(product)  # the birth" in lines[1]
    assert "operand 0:" in text and "= 0.0" in text and "it became NaN in multiply" in text
    assert "hint: log needs positive numbers" in text


def test_a_bad_number_in_the_data_is_named_by_index() -> None:
    x = np.ones((4, 3))
    x[2, 1] = np.nan
    text = birth_of_nan(tg.sum(tg.input(x, "X") @ tg.weight(np.ones((3, 2)), "W")))
    assert text.startswith("nan came in with the input X")
    assert "not finite: 1 of 12, first at [2, 1]" in text


def test_an_infinity_that_a_where_leaves_out_is_not_the_birth() -> None:
    x = tg.weight(np.array([0.0, 4.0]), "x")
    harmless = tg.where(tg.greater(x, 0.0), tg.log(x), 0.0)
    y = tg.sum(harmless) + tg.sqrt(tg.weight(-1.0, "negative"))
    text = birth_of_nan(y)
    assert text.startswith("nan was born in sqrt") and "negative = -1.0" in text


def test_backward_birth_behind_a_where_names_the_double_where() -> None:  # T36, T41
    x = tg.weight(np.array([0.0, 4.0]), "x")
    text = birth_of_nan(tg.sum(tg.where(tg.greater(x, 0.0), tg.sqrt(x), 0.0) * x))
    assert text.startswith("forward is finite; nan is born in backward at sqrt")
    assert "first at [0]" in text and "make the branch not taken safe too" in text


def test_backward_birth_at_the_edge_of_a_domain() -> None:  # T37
    text = birth_of_nan(tg.sqrt(tg.weight(0.0, "w")))
    assert text.startswith("forward is finite; inf is born in backward at sqrt")
    assert "operand 0: 'w' (weight" in text and "infinite slope at 0" in text


def test_nothing_to_report() -> None:
    w = tg.weight(2.0, "w")
    assert birth_of_nan(w * w) == "all numbers are finite, forward and backward"
    assert "nothing below needs a gradient" in birth_of_nan(tg.constant(2.0))


def test_refusals() -> None:
    with pytest.raises(DTypeError, match="looked for in a Value"):
        birth_of_nan(3.0)  # type: ignore[arg-type]
    w = tg.weight(1.0, "w")
    y: Any = w * 2.0
    w.assign(2.0)
    with pytest.raises(StaleGraphError):
        birth_of_nan(y)
