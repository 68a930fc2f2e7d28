"""Mistakes in calls of operations, over the whole registry: the same words for the same mistake."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.test_dtypes import calls
from tinygrad_edu.engine import OPS
from tinygrad_edu.errors import DTypeError, TinygradError

# Operations inside of functions, which have looked at these arguments before.
INSIDE = {"standardize", "inverse_deviation", "getitem_transpose", "sum_to"}
EVERY = [name for name in tg.registry() if name not in INSIDE]
WITH_AXIS = [name for name in EVERY if "axis" in OPS[name]._names and not OPS[name].random]
WITH_STATIC = [name for name in EVERY if OPS[name]._names and not OPS[name].random]


def drawn(name: str) -> Any:
    [case, *_] = calls(name)
    return case


@pytest.mark.parametrize("name", WITH_AXIS)
def test_an_axis_out_of_range_names_axis_and_operand(name: str) -> None:
    case = drawn(name)
    operands = [
        tg.Value(x, f"x{i}") if i in case.moving else x for i, x in enumerate(case.operands)
    ]
    with pytest.raises(TinygradError) as caught:
        getattr(tg, name)(*operands, **{**case.params, "axis": 9})
    text = str(caught.value)
    assert "axis 9 is out of bounds" in text and "'x" in text and "shape (" in text, text
    assert isinstance(caught.value, ValueError) and caught.value.hint, text


@pytest.mark.parametrize("name", WITH_STATIC)
def test_a_value_for_a_static_parameter_names_the_parameter(name: str) -> None:
    case = drawn(name)
    for static in set(OPS[name]._names) - {"index"}:  # an index may be a Value of whole numbers
        given = {**case.params, static: tg.Value(1.0, "mine")}
        with pytest.raises(DTypeError) as caught:
            getattr(tg, name)(*case.operands, **given)
        text = str(caught.value)
        assert f"{static} is a static parameter" in text and "'mine'" in text, text
        assert caught.value.hint


@pytest.mark.parametrize("name", [n for n in EVERY if OPS[n].rules is not None])
def test_shapes_that_do_not_fit_show_operands_formula_and_line(name: str) -> None:
    op = OPS[name]
    if op._arity == 1:
        return
    count = 2 if op._arity < 0 else op._arity
    operands = [tg.Value(np.full(2 + i % 2, 0.5), f"x{i}") for i in range(count)]
    with pytest.raises(tg.errors.ShapeError) as caught:
        op(*operands)
    text = str(caught.value)
    assert f"formula {op.formula}" in text, text
    assert "operand 0: 'x0'" in text and "shape (2,)" in text and "shape (3,)" in text, text
    assert "op(*operands)" in text, "the user's line"
    assert caught.value.hint and "matched from the right" in caught.value.hint, text
