"""The evaluation trace: numbers down, adjoints up, nothing left out unsaid."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import numpy as np
import pytest
from explaining import array_programs, golden, programs
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.autodiff import ONE, pull_back
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.explain.ledger import same


def test_the_trace_of_the_survey() -> None:
    """y = ln x1 + x1·x2 − sin x2 at (2, 5): tables 2 and 3 of Baydin et al. (2018)."""
    x1, x2 = tg.Value(2.0, "x1"), tg.Value(5.0, "x2")
    table = tg.trace_table(tg.log(x1) + x1 * x2 - tg.sin(x2))
    rows = {row.variable: row for row in table.rows}
    assert list(rows) == ["v₋₁", "v₀", "v₁", "v₂", "v₃", "v₄", "v₅"]
    assert round(rows["v₁"].value, 3) == 0.693 and rows["v₂"].value == 10.0
    assert round(rows["v₅"].value, 3) == 11.652
    assert rows["v₋₁"].adjoint == 5.5 and round(rows["v₀"].adjoint, 3) == 1.716
    assert rows["v₁"].formula == "log(x1)" and rows["v₃"].formula == "v₁ + v₂"
    assert [c.consumer for c in rows["v₋₁"].contributions] == ["v₂", "v₁"]
    assert rows["v₋₁"].contributions[1].text == "v̄₁ · ∂v₁/∂v₋₁ = 1 × 0.5 = +0.5"


def test_the_golden_neuron_as_text() -> None:
    neuron = golden()
    text = tg.trace_table(neuron["loss"]).text()
    assert text.splitlines()[0] == "evaluation trace of v₇ = 1.123"
    assert "v₁        = w1 × x1   0.256     product" in text
    assert "v̄₋₁ = v̄₂ · ∂v₂/∂v₋₁ = −2.112 × −1.2 = +2.535" in text
    assert neuron["w1"].grad is None
    starts = {line.index("v̄") for line in text.splitlines()[2:]}
    assert len(starts) == 1  # the columns are straight


@settings(max_examples=40, deadline=None)
@given(programs())
def test_adjoints_are_the_engines_gradients(program: list[tg.Value]) -> None:
    root = program[-1]
    gradients = pull_back(root, ONE)
    table = tg.trace_table(root, rows=None)
    by_number = sorted(gradients, key=lambda v: (v.op is not None, v.id))
    assert len(table) == len(by_number)
    for row, v in zip(table.rows, by_number, strict=True):
        assert same(row.value, v.data) and same(row.adjoint, gradients[v])
        for c in row.contributions:
            product = c.local * c.upstream
            assert same(c.amount, product) or c.local == 0.0  # 0 selects, it does not multiply
    assert all(v.grad is None for v in program)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_adjoints_of_arrays_are_the_engines_too(data: Any) -> None:
    with np.errstate(all="ignore"):
        root = data.draw(array_programs())[-1]
        gradients = pull_back(root, ONE)
        table = tg.trace_table(root)  # it asserts that the shares add up to every adjoint
    by_number = sorted(gradients, key=lambda v: (v.op is not None, v.id))
    for row, v in zip(table.rows, by_number, strict=True):
        assert same(np.asarray(row.adjoint), np.asarray(gradients[v]))
    assert table.text(ascii=True).isascii()


def test_ten_thousand_rows_leave_out_the_middle_and_say_so() -> None:
    w = tg.weight(1.0, "w")
    at = w
    for _ in range(9_999):
        at = at + 1.0
    table = tg.trace_table(at)
    assert len(table.rows) == len(table) == 10_000 and table.rows[0].adjoint == 1.0
    lines = str(table).splitlines()
    assert len(lines) == 2 + 60 + 1 and any("… 9,940 rows …" in line for line in lines)
    assert "9,940 rows" in table._repr_html_()
    assert len(tg.trace_table(at, rows=None).text().splitlines()) == 10_002


def test_one_variable_used_very_often_stays_readable() -> None:
    w = tg.weight(1.0, "w")
    total = w * 1.0
    for _ in range(100):
        total = total + w
    assert "… 97 more contributions …" in tg.trace_table(total).text()


def test_arrays_are_shown_short() -> None:
    x, w = tg.input(np.ones((50, 3)), "x"), tg.weight(np.ones((3, 2)), "W")
    text = tg.trace_table((x @ w).sum()).text()
    assert "array(50, 3), norm 12.25" in text and "array(50, 2)" in text
    assert max(map(len, text.splitlines())) < 140


def test_without_an_adjoint_it_is_said() -> None:
    w = tg.weight([1.0, 2.0], "w")
    table = tg.trace_table(w * 2.0)
    assert "forward only: an array of shape (2,) has no single adjoint" in table.text()
    assert all(row.adjoint is None for row in table.rows) and "v̄" not in table.text()
    assert "nothing below needs a gradient" in tg.trace_table(tg.target(1.0) * 2.0).text()
    t = tg.target(1.0, "t")
    assert "not computed: it needs no gradient" in tg.trace_table((tg.weight(2.0) - t) ** 2).text()


def test_a_leaf_alone() -> None:
    table = tg.trace_table(tg.weight(2.0, "w"))
    assert [row.variable for row in table.rows] == ["v₀"] and table.rows[0].adjoint == 1.0


def test_ascii_and_html(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.weight(2.0, "<b>w₁</b>")
    table = tg.trace_table(tg.tanh(w * 3.0))
    assert table.text(ascii=True).isascii()
    page = table._repr_html_()
    assert "<b>w" not in page and "&lt;b&gt;w₁" in page
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp437"))
    str(table).encode("cp437")
    assert not re.search("[₀-₉]", str(table))


@pytest.mark.parametrize("rows", [0, 1, -3, 2.5, "all", True])
def test_bad_rows(rows: object) -> None:
    with pytest.raises(DTypeError, match="how many rows to print"):
        tg.trace_table(tg.weight(1.0) * 2.0, rows=rows)


def test_not_a_value() -> None:
    with pytest.raises(DTypeError, match=r"trace_table reads the graph of a Value, got \[1\]"):
        tg.trace_table([1])
