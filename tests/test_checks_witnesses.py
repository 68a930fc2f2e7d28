"""Complex step, Taylor remainder and the two modes, beside differences; the report's pages."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS
from tinygrad_edu.errors import AutodiffError, GradientError
from tinygrad_edu.families import registry
from tinygrad_edu.testing import Report
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.witnesses import ComplexTape, Witness, taylor_witness


def witness(report: Report, name: str) -> Witness:
    [found] = [w for w in report.witnesses if name in w.name]
    return found


def test_all_witnesses_speak_for_a_right_gradient() -> None:
    report = tg.check(lambda x: tg.sum(tg.exp(x) * tg.sin(x)), np.array([0.3, -2.0]))
    assert [w.verdict for w in report.witnesses] == ["right"] * 4
    assert "falls as t^2.0" in witness(report, "Taylor").said
    assert "complex step" in str(report) and "⟨v, Ju⟩" in str(report)


def test_a_wrong_rule_has_all_witnesses_against_it() -> None:
    @tg.define.elementwise([lambda out, x: 1.01 * out], analytic=True)
    def steep_exp(x: Any) -> Any:
        """exp with a slope 1 % too steep."""
        return np.exp(x)

    try:
        report = report_of(lambda x: steep_exp(x) * x, 0.5)
    finally:
        del OPS["steep_exp"]
    assert report.verdict == "wrong"
    assert witness(report, "differences").verdict == "wrong"
    assert witness(report, "Taylor").verdict == "wrong"
    assert "(2 right, 1 wrong)" in witness(report, "Taylor").said
    assert witness(report, "complex").verdict == "wrong"


def test_the_complex_step_decides_where_no_difference_can() -> None:
    def f(x: Any) -> Any:  # every difference drowns in the rounding of 1e20
        return tg.exp(x) * 1e-7 + 1e11 * tg.sin(x * 1e7)

    report = report_of(f, 0.3, order=1)
    assert report.verdict == "right", report
    assert witness(report, "complex").verdict == "right"


def test_the_complex_step_is_silent_where_an_operation_is_not_analytic() -> None:
    said = witness(tg.check(lambda x: tg.relu(x) * x, 1.0), "complex")
    assert (said.verdict, said.said) == ("silent", "`relu` is not declared analytic")
    assert report_of(tg.sqrt, 0.0).verdict == "step"


@pytest.mark.parametrize("name", [n for n, op in registry().items() if op.facts["linear"]])
def test_linear_operations_are_analytic(name: str) -> None:
    assert OPS[name].facts["analytic"]


def test_the_complex_tape_follows_matrices_and_indices() -> None:
    def f(v: Any) -> Any:
        return tg.sum((v @ v.T)[0] ** 2) + tg.mean(v)

    x = np.arange(1.0, 7.0).reshape(2, 3)
    leaf = tg.Value(x)
    slopes = ComplexTape([leaf], [f(leaf)]).slopes(np.eye(6)[1])
    assert slopes is not None and slopes[0] == pytest.approx(tg.grad(f)(x)[0, 1], rel=1e-14)


def test_the_rate_of_the_remainder() -> None:
    def cube(t: float) -> float:
        return (2.0 + t) ** 3

    assert taylor_witness(cube, 8.0, 12.0, 1e-15).verdict == "right"
    assert taylor_witness(cube, 8.0, 12.01, 1e-15).verdict == "wrong"
    assert taylor_witness(lambda t: 2.0 + 3.0 * t, 2.0, 3.0, 1e-15).verdict == "silent"
    assert taylor_witness(cube, 8.0, 12.0, 1e3).verdict == "silent"


def test_the_taylor_remainder_sees_what_the_directions_missed() -> None:
    bad = np.ones(400)
    bad[77] = 1.5

    @tg.define.elementwise([lambda out, x: 2.0 * x * bad])
    def one_bad(x: Any) -> Any:
        """x² with one wrong slope."""
        return x * x

    def f(x: Any) -> Any:
        return tg.sum(one_bad(x))

    try:
        report = report_of(f, np.linspace(0.5, 1.5, 400), order=1, limit=2, directions=0)
    finally:
        del OPS["one_bad"]
    assert report.verdict == "wrong" and report.argument == "a random direction"


def test_a_random_number_is_named_with_its_line() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GradientError) as caught:
        tg.check(lambda x: x * rng.random(), 2.0)
    assert "a random number enters at multiply at test_checks_witnesses.py" in str(caught.value)


def test_a_result_of_another_length_at_each_call_is_random() -> None:
    sizes = iter(range(1, 9))
    report = report_of(lambda x: x * np.ones(next(sizes)), 2.0)
    assert report.verdict == "random" and "numbers" in report.notes[0]


# The report --------------------------------------------------------------------------------------


def test_the_page_of_a_report_has_verdict_numbers_and_plot() -> None:
    report = tg.check(lambda w: tg.sum(tg.sin(w) * w), np.array([0.3, 0.7]))
    page = report._repr_html_()
    assert ">right</b>" in page and f"{report.claimed:.12g}" in page and "complex step" in page
    assert page.count("data:image/png;base64,") == 1


def test_without_matplotlib_the_plot_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    page = tg.check(lambda w: w * w, 0.3)._repr_html_()
    assert "right" in page and "<img" not in page
    assert "matplotlib.pyplot" not in sys.modules  # and the plot itself asks for no window


def test_names_from_outside_are_escaped_on_the_page() -> None:
    w = tg.weight(0.5, "<b>w</b>")
    assert "<b>w</b>" not in tg.check(w * w)._repr_html_()


def test_the_curve_falls_and_rises_again() -> None:
    steps, errors = tg.check(tg.exp, 1.0).curve()
    best = int(np.argmin(errors))
    assert 0 < best < len(steps) - 1
    assert errors[0] > 1e3 * errors[best] and errors[-1] > 1e2 * errors[best]


def test_a_report_draws_what_it_checked() -> None:
    def f(w: Any) -> Any:
        return tg.tanh(w * 2.0)

    picture = tg.check(f, 0.5).draw(level="op")
    assert len(picture.scene.nodes) >= 3
    with pytest.raises(AutodiffError, match="nothing to draw"):
        report_of(tg.log, 0.0).draw()
