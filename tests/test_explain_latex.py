"""The graph as formulas for a page."""

from __future__ import annotations

import re

import numpy as np
import pytest
from explaining import golden
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, StaleGraphError
from tinygrad_edu.explain import to_latex


def balanced(text: str) -> bool:
    """Whether every group that is opened is closed, escaped braces apart."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text.replace(r"\\", "")):
        depth += 1 if brace == "{" else -1
        assert depth >= 0, text
    return depth == 0


def test_the_golden_neuron() -> None:
    text = to_latex(golden()["loss"])
    assert r"v_{1} &= w_{1} \cdot x_{1} = 0.256 \\" in text
    assert r"v_{5} &= \tanh v_{4} = -0.05993 \\" in text
    assert r"v_{7} &= \left(v_{6}\right)^{2} = 1.123 \\" in text
    assert r"\frac{\partial v_{7}}{\partial w_{2}} &= 2.535" in text
    assert balanced(text) and text._repr_latex_() == f"$${text}$$"


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=8))
def test_no_name_breaks_the_formula(name: str) -> None:
    text = to_latex(tg.weight(-1e-30, name) * tg.weight(2.0, "x"))
    assert balanced(text) and text.count("\n") == 6 and not re.search(r"(?<!\\)[#$%]", text)


def test_arrays_and_infinities() -> None:
    text = to_latex((tg.weight([[1.0, -2.0]], "W") @ tg.input(np.ones((2, 7)), "X")).sum())
    assert r"\begin{bmatrix}1 & -2\end{bmatrix}" in text and r"\text{array }2 \times 7" in text
    assert r"\infty" in to_latex(tg.exp(tg.weight(1000.0, "w")))
    assert r"\operatorname{leaky\_relu}" in to_latex(tg.leaky_relu(tg.weight(1.0, "w")))
    assert "w &= 2" in to_latex(tg.weight(2.0, "w"))


def test_too_long_not_a_value_and_stale() -> None:
    w = tg.weight(1.0, "w")
    at = w
    for _ in range(61):
        at = at + 1.0
    with pytest.raises(DTypeError, match=r"(?s)61 operations.*tg\.trace_table"):
        to_latex(at)
    with pytest.raises(DTypeError, match="to_latex reads the graph of a Value, got 'w'"):
        to_latex("w")
    doubled = w * 2.0
    w.assign(3.0)
    with pytest.raises(StaleGraphError, match="'w'"):
        to_latex(doubled)
