"""`tg.help`: the screen, the card of every operation, near matches."""

from __future__ import annotations

import math
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.cards import Card, card_of
from tinygrad_edu.engine import OPS, Op
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.explain.derivative import derivative, names_of
from tinygrad_edu.guide import _is_mathematics, about
from tinygrad_edu.terminal import ascii_fallback


def text_of(op: Op[object]) -> str:
    return str(card_of(op))


def said(capsys: pytest.CaptureFixture[str], *what: object) -> str:
    tg.help(*what)
    return capsys.readouterr().out


def test_one_screen_of_names_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    lines = text.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    names = "input weight bias tanh optim.SGD draw trace_table explain check nn.MLP train.fit help"
    for name in names.split():
        assert f"tg.{name}(" in text
        thing: object = tg
        for part in name.split("."):
            thing = getattr(thing, part)
        assert callable(thing)
    assert ".backward()" in text


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_operation_has_a_card(name: str) -> None:
    text = text_of(OPS[name])
    assert text.startswith(f"tg.{name}(") and "formula" in text
    assert max(map(len, text.splitlines())) < 160
    if not OPS[name].plain:
        assert "derivative" in text, "no derivative was found for this operation"


@pytest.mark.parametrize("name", sorted(OPS))
def test_derivatives_of_numbers_are_the_true_ones(name: str) -> None:
    """The printed formula, evaluated in Python, against differences of the operation."""
    op: Op[object] = OPS[name]
    lines = [line for line in derivative(op) if line.startswith(("∂/∂", "with"))]
    if op._arity < 1 or not lines or not lines[0].startswith("∂/∂") or "∂/∂xᵢ" in lines[0]:
        return
    operands = names_of(op)
    point = [0.3, 1.7, 2.9][: len(operands)]
    if name == "where":
        point[0] = 1.0
    for i, (low, high) in enumerate(op.domain):
        point[i] = point[i] if low < point[i] < high else max(low, -9.0) + 0.3
    scope = dict(zip(operands, point, strict=True)) | OPS
    scope |= {"out": op(*point), "logical_not": lambda x: not x, "inf": math.inf}
    scope |= op._defaults
    signs = {
        "×": "*",
        "÷": "/",
        "−": "-",
        "^": "**",
        "²": "**2",
        "≤": "<=",
        "≠": "!=",
        "≥": ">=",
        " = ": " == ",
    }
    formulas = {}
    for line in lines:
        left, right = line.removeprefix("with ").split(" = ", 1)
        for sign, python in signs.items():
            right = right.replace(sign, python)
        formulas[left] = right
    for part in [key for key in formulas if key.startswith("t")]:
        scope[part] = eval(formulas[part], {}, scope)
    for i, operand in enumerate(operands):
        if name == "where" and i == 0:
            continue
        high, low = ([*point[:i], point[i] + h, *point[i + 1 :]] for h in (1e-6, -1e-6))
        measured = (float(op(*high)) - float(op(*low))) / 2e-6
        claimed = float(eval(formulas[f"∂/∂{operand}"], {}, scope))
        assert math.isclose(claimed, measured, rel_tol=5e-4, abs_tol=1e-7), (operand, formulas)


def test_pytorch_has_the_functions_that_cards_name() -> None:
    torch = pytest.importorskip("torch")
    names = [card.elsewhere["torch"] for card in _functions() if "torch" in (card.elsewhere or {})]
    assert len(names) > 25
    assert [n for n in names if not hasattr(torch.nn.functional, n.removeprefix("F."))] == []


def test_functions_of_operations_have_cards_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "median")
    assert text.startswith("tg.median(x, axis=None") and "np.median" in text
    assert "elsewhere   np.linalg.cond" in said(capsys, "linalg.cond")
    assert "elsewhere   F.cross_entropy" in said(capsys, "cross_entropy")
    assert tg.card("mse_loss").kind == "function"
    with pytest.raises(TinygradError, match=r"is not an operation(.|\n)*tg.help"):
        tg.card("draw")


def _functions() -> list[Card]:
    every = [getattr(tg, name) for name in tg.__all__]
    made = [x for x in every if isinstance(x, FunctionType) and _is_mathematics(x)]
    return [card_of(x) for x in made]


def test_a_card_is_data_and_a_notebook_shows_it() -> None:
    card = tg.card("leaky_relu")
    assert card.derivative == ("∂/∂x = 1 if x > 0 else negative_slope",)
    assert (card.elsewhere or {})["torch"] == "F.leaky_relu"
    shown = card._repr_markdown_()
    assert shown.startswith("### leaky_relu") and "- derivative: `∂/∂x = 1 if x > 0" in shown
    assert [c.question for c in tg.card("clip").conventions] == ["clip at a bound"]


def test_long_rules_are_counted_and_named() -> None:
    [line, note] = _counted()
    assert " steps of " in line and note.startswith("g arrives from above")


def _counted() -> list[str]:
    """The derivative of an operation whose rule is too long for a line."""
    found = [derivative(op) for op in tg.registry().values() if not op.plain]
    return next(lines for lines in found if lines and " steps of " in lines[0])


def test_kinks_say_what_the_rule_answers() -> None:
    assert "at x = 0; the derivative there is 0 by convention" in text_of(OPS["relu"])
    assert "at x = y; the derivative there is 0.5, 0.5 by convention" in text_of(OPS["maximum"])


def test_a_function_of_operations_says_how_it_is_stable_and_what_it_chooses() -> None:
    card = tg.card("binary_cross_entropy")
    assert "log1p" in card.stable and "stable" in str(card)
    assert [row.gives for row in card.conventions] == ["100.0", "0.0"]

    @tg.composite("twice", stable="a sum of two")
    def twice(x: Any) -> Any:
        """The double."""
        return x + x

    assert card_of(twice).stable == "a sum of two" and card_of(twice).conventions == ()


def test_the_kink_of_two_operands_is_told() -> None:
    assert tg.card("prelu").kinks.endswith("prelu at 0: the weight → 0.25")
    assert tg.card("arctan2").kinks.endswith("arctan2 at the origin → 0.0")
    assert tg.card("maximum").kinks.startswith("at x = y; the derivative there is 0.5, 0.5")
    assert tg.card("elu").kinks == "none with these parameters"
    assert tg.card("add").call == "tg.add(x, y)" and tg.card("solve").call == "tg.solve(a, b)"


def test_no_operation_stands_on_the_page_twice() -> None:
    page = (Path(__file__).parent.parent / "docs" / "ops.md").read_text(encoding="utf-8")
    headings = [line for line in page.splitlines() if line.startswith("### ")]
    assert len(headings) == len(set(headings)) > 250
    assert not [line for line in page.splitlines() if line.startswith("## ops.")]


def test_a_users_own_operation_has_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    @tg.define.elementwise([lambda out, x: 3.0 * x * x], formula="x³")
    def cube_of_a_test(x):  # type: ignore[no-untyped-def]
        """x to the third power."""
        return x * x * x

    try:
        text = said(capsys, cube_of_a_test)
    finally:
        OPS.pop("cube_of_a_test")
    assert "x³" in text and "∂/∂x = 3 × x × x" in text and "0.125" in text
    assert "x to the third power." in text


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Value", "tg.Value(data, name=None"),
        ("tg.draw", "tg.draw(value"),
        ("nn.MLP", "tg.nn.MLP(inputs"),
        ("optim", "tg.optim\n"),
        ("train.fit", "tg.train.fit(model"),
    ],
)
def test_other_names_show_their_docstring(
    capsys: pytest.CaptureFixture[str], name: str, start: str
) -> None:
    text = said(capsys, name)
    assert text.startswith(start) and ">>>" not in text and len(text.splitlines()) > 1


def test_things_as_well_as_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, tg.tanh) == said(capsys, "tanh") == said(capsys, "tg.tanh")
    assert "tg.grad(f, argnums=0)" in said(capsys, tg.grad)
    assert "tg.Value(" in said(capsys, tg.weight(0.5)), "help on a Value is help on its class"
    assert "No description." in about("nothing", type("Empty", (), {"__doc__": None}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tahn", "there is no 'tahn' in tg"),
        ("tahn", "'tanh'"),
        ("nn.MPL", "there is no 'MPL' in tg.nn"),
        ("nn.MPL", "'MLP'"),
        ("qqqqqq", "tg.help() lists where to begin"),
        ("_secret", "there is no '_secret'"),
    ],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(TinygradError) as caught:
        tg.help(name)
    assert message in str(caught.value)


def test_cards_in_ascii() -> None:
    text = ascii_fallback(text_of(OPS["divide"]), "ascii")
    assert text.isascii() and "?" not in text and "d/dx = 1 / y" in text
    assert np.all([ascii_fallback(text_of(op), "ascii").isascii() for op in OPS.values()])
