"""Why a gradient is what it is: the sentences, and shares that add up to the last bit."""

from __future__ import annotations

import html
import io
import sys

import numpy as np
import pytest
from explaining import golden, programs
from hypothesis import given, settings

import tinygrad_edu as tg
from tinygrad_edu.autodiff import ONE, pull_back
from tinygrad_edu.errors import AutodiffError, DTypeError, ShapeError, StaleGraphError
from tinygrad_edu.explain import Explanation, Overview
from tinygrad_edu.explain.ledger import Ledger, same


def test_the_golden_neuron_by_hand() -> None:
    neuron = golden()
    told = tg.explain(neuron["loss"], neuron["w2"])
    assert isinstance(told, Explanation)
    assert told.sentence == "raising w2 would raise the loss: ∇ +2.535"
    (share,) = told.shares
    assert share.operation == "multiply" and share.local == -1.2
    assert share.local * share.upstream == share.amount == told.gradient
    assert share.formula == "w2 × x2" and share.text == "−1.2 × −2.112 = +2.535"
    assert share.site is not None and share.site.startswith("explaining.py:")
    assert share.source is not None and "tg.tanh(" in share.source
    assert str(told).splitlines()[0] == told.sentence
    assert all(v.grad is None for v in neuron.values())  # it looked, and changed nothing


def test_x_times_x_is_two_uses() -> None:
    x = tg.Value(3.0, "x")
    told = tg.explain(x * x, x)
    assert [s.amount for s in told.shares] == [3.0, 3.0] and told.gradient == 6.0
    assert [s.operand for s in told.shares] == [0, 1]
    assert "(use 1 of 2)" in str(told) and "(use 2 of 2)" in str(told)
    assert "the 2 shares add up to the gradient exactly: +6" in told.text()


@settings(max_examples=40, deadline=None)
@given(programs())
def test_shares_add_up_to_the_engines_gradient_exactly(program: list[tg.Value]) -> None:
    root = program[-1]
    gradients = pull_back(root, ONE)
    for wrt in program:
        told = tg.explain(root, wrt)
        if gradients.get(wrt) is None:
            assert told.gradient is None and told.shares == ()
            continue
        assert same(told.gradient, gradients[wrt])
        total = None
        for share in told.shares:
            total = share.amount if total is None else total + share.amount
        assert wrt is root or same(total, gradients[wrt])
        assert all(v.grad is None for v in program)


def test_a_rule_that_cheats_is_found_out() -> None:
    from tinygrad_edu.engine import OPS

    calls = []

    def fickle(out: object, x: float) -> float:
        calls.append(x)
        return 1.0 + len(calls)

    try:
        op = tg.define.elementwise([fickle], name="fickle_for_test")(lambda x: x)
        x = tg.Value(1.0, "x")
        with pytest.raises(AutodiffError, match=r"shares of 'x'.*'fickle_for_test'.*asked twice"):
            tg.explain(op(x), x)
    finally:
        del OPS["fickle_for_test"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda w: w * 2.0, "raising w would raise the output: ∇ +2"),
        (lambda w: w * -2.0, "raising w would lower the output: ∇ −2"),
        (
            lambda w: (w - 1.0) ** 2,
            "raising w a little would not change the loss to first order: ∇ 0",
        ),
        (lambda w: tg.log(w - 1.0), "nothing can be said of raising w: ∇ of the output is inf"),
        (lambda w: tg.sqrt(w - 2.0), "nothing can be said of raising w: ∇ of the output is nan"),
    ],
)
def test_first_sentences(make: object, sentence: str) -> None:
    w = tg.weight(1.0, "w")
    told = tg.explain(make(w), w)  # type: ignore[operator]
    assert told.sentence.replace("the loss", "the output") == sentence.replace(
        "the loss", "the output"
    )


def test_arrays_are_told_with_shape_and_length() -> None:
    w = tg.weight(np.arange(12.0).reshape(3, 4), "W")
    told = tg.explain((w * w).sum(), w)
    assert told.sentence == (
        "raising all 12 numbers of W alike would raise the output: Σ∇ +132, ‖∇‖ 44.99"
    )
    assert [s.local for s in told.shares] == [None, None]
    assert "upstream array(3, 4), norm 3.464 → share array(3, 4), norm 22.49" in str(told)
    one = tg.weight([3.0], "b")
    assert tg.explain((one * one).sum(), one).sentence == "raising b would raise the output: ∇ +6"
    mixed = tg.weight([1.0, -1.0], "m")
    assert "alike would not change the output to first order, single ones would" in (
        tg.explain((mixed * mixed).sum(), mixed).sentence
    )
    dead = tg.weight([-1.0, -1.0], "d")
    assert "or any of them, would not change" in tg.explain(tg.relu(dead).sum(), dead).sentence
    sick = tg.weight([0.0, 1.0], "s")
    with np.errstate(divide="ignore"):
        told = tg.explain(tg.log(sick).sum(), sick)
    assert "1 of 2 numbers of ∇s are not finite" in told.sentence


def test_what_is_not_below_is_told_and_is_not_zero() -> None:
    w, other = tg.weight(1.0, "w"), tg.weight(2.0, "other")
    told = tg.explain(w * 2.0, other)
    assert told.gradient is None and told.shares == ()
    assert told.sentence == (
        "the output was not computed from other: there is no gradient, and not one of 0"
    )
    t = tg.target(1.0, "t")
    assert "t (target) needs no gradient" in tg.explain((w - t) ** 2, t).sentence
    assert tg.explain(w * 2.0, w * 2.0).gradient is None


def test_the_output_itself_and_inner_nodes() -> None:
    neuron = golden()
    told = tg.explain(neuron["loss"], neuron["loss"])
    assert told.gradient == 1.0 and "itself: ∇ +1" in told.sentence
    inner = tg.explain(neuron["loss"], neuron["y"])
    assert inner.gradient == pytest.approx(2.0 * (neuron["y"].data - 1.0))
    assert "would lower the loss" in inner.sentence


def test_what_grad_holds() -> None:
    w, x = tg.weight(3.0, "w"), tg.input(2.0, "x")
    loss = w * x
    assert "w.grad is not computed yet" in tg.explain(loss, w).held
    loss.backward()
    assert tg.explain(loss, w).held == "w.grad holds this gradient"
    loss.backward()
    assert tg.explain(loss, w).held == (
        "w.grad holds 2 × this: backward() was called twice without zero_grad()?"
    )
    loss.backward()
    assert "holds 3 × this: 3 calls of backward()" in tg.explain(loss, w).held
    (w * 0.5).backward()
    assert "holds 6.5, not this: other backward() calls left 4.5" in tg.explain(loss, w).held
    w.zero_grad()
    loss.backward(create_graph=True)
    assert tg.explain(loss, w).held == "w.grad holds this gradient"
    inner = w * 1.5
    (inner * 4.0).backward()
    assert "holds 4, not this: the last backward() started elsewhere" in (
        tg.explain(inner * 3.0, inner).held
    )


def test_the_overview_is_sorted_by_steepness() -> None:
    neuron = golden()
    told = tg.explain(neuron["loss"])
    assert isinstance(told, Overview)
    assert [e.wrt for e in told.explanations] == ["w2", "b", "w1"]
    assert (
        str(told).splitlines()[0] == "the loss = 1.123 depends on 3 parameters, the steepest first"
    )
    nothing = tg.explain(tg.input(2.0, "x") * 2.0)
    assert nothing.explanations == () and "from no parameter" in str(nothing)


def test_html_is_escaped() -> None:
    w = tg.weight(1.0, "<script>alert(1)</script>")
    for shown in (tg.explain(w * 2.0, w), tg.explain(w * 2.0)):
        page = shown._repr_html_()
        assert "<script>" not in page and html.escape("<script>") in page


def test_a_name_cannot_break_the_lines() -> None:
    w = tg.weight(1.0, "a\nb\x1b[31m")
    text = tg.explain(w * 2.0, w).text()
    assert "a b" in text.splitlines()[0] and "\x1b" not in text


def test_a_terminal_without_the_notation(monkeypatch: pytest.MonkeyPatch) -> None:
    w = tg.weight(1.0, "w")
    told = tg.explain(w * 2.0, w)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert str(told).isascii() and "grad +2" in str(told)


def test_the_stale_are_refused() -> None:
    neuron = golden()
    neuron["w1"].assign(5.0)
    for read in (tg.explain, tg.trace_table, tg.to_code):
        with pytest.raises(StaleGraphError, match="'w1'"):
            read(neuron["loss"])
    with pytest.raises(StaleGraphError, match="'w1'"):
        tg.explain(neuron["loss"], neuron["w2"])


def test_errors_say_what_to_write() -> None:
    w = tg.weight([1.0, 2.0], "w")
    with pytest.raises(DTypeError, match=r"explain reads the graph of a Value, got 3\.0"):
        tg.explain(3.0)
    with pytest.raises(
        DTypeError, match=r"gradient of a Value, got 'w'.*\n.*tg\.explain\(loss, w\)"
    ):
        tg.explain(w.sum(), "w")
    with pytest.raises(ShapeError, match=r"(?s)one number.*has 2.*output\.sum\(\)"):
        tg.explain(w * 2.0, w)
    with pytest.raises(AutodiffError, match="needs a gradient"):
        tg.explain(tg.target(1.0) * 2.0)


def test_many_consumers_are_left_out_aloud() -> None:
    w = tg.weight(1.0, "w")
    total = w * 1.0
    for _ in range(5_000):
        total = total + w
    told = tg.explain(total, w)
    assert told.gradient == 5_001.0 and len(told.shares) == 5_001
    assert "… 4,989 more shares …" in str(told) and len(str(told).splitlines()) < 20


def test_the_module_can_be_called() -> None:
    import tinygrad_edu.explain as module

    w = tg.weight(1.0, "w")
    assert module(w * 2.0, w).gradient == 2.0  # type: ignore[operator]
    assert tg.explain(w * 2.0, w).gradient == 2.0


def test_slots_of_the_ledger_are_those_of_the_tape() -> None:
    ledger = Ledger(golden()["loss"], "explain")
    for step in ledger.tape.instructions:
        assert ledger.values[step.out].op is step.op
        assert same(ledger.values[step.out].data, step.recorded)
    for i, leaf in enumerate(ledger.tape.leaves):
        assert ledger.values[i] is leaf.value


def test_an_array_without_a_name_is_called_by_its_formula() -> None:
    x, W = tg.input(np.ones((5, 3)), "x"), tg.weight(np.ones((3, 4)), "W")
    b = tg.bias(np.zeros(4), "b")
    y = tg.tanh(x @ W + b)
    loss = tg.mse_loss(y, np.zeros((5, 4)))
    assert [share.formula for share in tg.explain(loss, b).shares] == ["(x @ W) + b"]
    [share] = tg.explain(loss, y).shares  # its other operand is an array of plain numbers
    assert share.formula == "tanh((… + b)) − array(5, 4)"
