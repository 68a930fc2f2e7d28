"""On a kink, and where a slope is infinite: the wrong is found, and the right is not accused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.testing import lab
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.strategies import programs


@pytest.fixture
def relu_with() -> Iterator[Any]:
    """A relu whose slope at 0 is what is asked for."""
    before = set(tg.OPS)

    def made(slope: float) -> Any:
        @tg.define.elementwise(
            [lambda out, x: tg.greater(x, 0.0) * 1.0 + tg.equal(x, 0.0) * slope],
            name=f"relu_{slope}", formula="max(x, 0)", kinks=(lambda x: x,),
        )  # fmt: skip
        def relu(x):
            """A relu."""
            return np.maximum(x, 0.0)

        return relu

    yield made
    for name in set(tg.OPS) - before:
        del tg.OPS[name]


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_any_slope_between_both_sides_is_a_convention(relu_with: Any, slope: float) -> None:
    op = relu_with(slope)
    report = report_of(lambda x, w: op(x * w) * 3.0 + x, 0.0, 2.0)
    assert report.verdict == "kink"
    assert report.claimed == pytest.approx(1.0 + 6.0 * slope)
    assert report.measured == pytest.approx(1.0 + 6.0 * slope) and report.side == "convention"


@pytest.mark.parametrize("slope", [7.0, -0.1])
def test_a_slope_outside_is_wrong_and_its_operation_named(relu_with: Any, slope: float) -> None:
    op = relu_with(slope)
    points: list[Any] = [0.0, np.array([1.0, 0.0, -2.0])]
    for x in points:
        report = report_of(lambda x: tg.sum(op(x) * 2.0), x)
        assert report.verdict == "wrong" and report.culprit is not None
        assert report.culprit.op == op.name
        assert "on its kink its own derivative is" in str(report)


def test_an_engine_that_is_wrong_is_caught_on_a_kink() -> None:
    with lab.wrong("assign"):
        report = report_of(lambda x: tg.relu(x) + 2.0 * x + x, 0.0, find_culprit=False)
    assert report.verdict == "wrong"


def test_a_number_that_left_the_graph_is_caught_beside_a_kink() -> None:
    report = report_of(lambda x: tg.relu(x) + (x + 1.0) * tg.detach(x + 1.0), 0.0)
    assert report.verdict == "wrong"
    assert "beside the kink too" in str(report) or report.culprit is not None


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda a: tg.sum(tg.linalg.eigvalsh(a) * np.array([1.0, -2.0])), np.eye(2)),
        (lambda a: tg.sum(tg.linalg.svdvals(a) * np.array([1.0, -2.0])), np.eye(2)),
        (lambda a: tg.sum(tg.linalg.svdvals(a) * np.array([1.0, -2.0])), np.ones((2, 2))),
        (lambda a: tg.sum(tg.remainder(a, 1.0)), np.array([1e8, 0.5])),
    ],
)
def test_where_values_meet_there_is_a_kink(function: Any, x: Any) -> None:
    assert report_of(function, x).verdict == "kink"


# Slopes that are infinite ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: tg.sqrt(x * x), 0.0),
        (lambda x: tg.sum(tg.sqrt(x * x)), np.array([0.0, 1.0])),
        (lambda x: tg.where(x > 0.0, tg.sqrt(x), 0.0), 0.0),
        (lambda x: tg.sum(tg.where(x > 0.0, tg.sqrt(x), 0.0)), np.array([0.0, 2.0])),
        (lambda x: tg.sum(tg.where(x > 0.0, tg.sqrt(x), 0.0)), np.array([-1.0, 2.0])),
        (lambda x: tg.sqrt(tg.relu(x)), 0.0),
        (tg.cbrt, 0.0),
        (lambda x: tg.sum(tg.cbrt(x)), np.array([0.0, 1.0, 2.0])),
    ],
)
def test_an_infinite_slope_is_told_and_nobody_accused(function: Any, x: Any) -> None:
    report = report_of(function, x)
    assert report.verdict in ("step", "kink") and report.culprit is None
    assert report.claimed is not None and not np.isfinite(report.claimed)
    assert "not finite" in report.advice and "tg.where" in report.advice


def test_a_rule_that_gives_nan_where_there_is_a_slope_is_wrong() -> None:
    @tg.define.elementwise(
        [lambda out, x: (tg.cos(x) - out) / x], formula="sin(x)/x", name="rough_sinc"
    )
    def rough_sinc(x):
        """sin(x)/x with a rule that divides by 0."""
        return np.sinc(x / np.pi)

    try:
        report = report_of(lambda x: 2.0 * rough_sinc(x), 0.0)
    finally:
        del tg.OPS["rough_sinc"]
    assert report.verdict == "wrong" and report.culprit is not None
    assert report.culprit.op == "rough_sinc"


def test_a_point_that_is_not_finite_is_told() -> None:
    report = report_of(lambda x: tg.where(x > 0.0, x, 1.0), np.nan)
    assert report.verdict == "step" and "finite" in report.advice


# Numbers at which differences are hard to take ---------------------------------------------------


@pytest.mark.parametrize(
    ("function", "x", "words"),
    [
        (tg.sin, 3e6, ("right", "step")),
        (tg.square, 1e-200, ("right", "step")),
        (lambda x: (1.0 - tg.tanh(x)) * 1e15, 15.0, ("right", "step")),
        (lambda x: tg.sum(x * np.array([0.4, -0.71, 1.02, -1.33, 1.64, -1.02])), 0.0, ("right",)),
    ],
)
def test_hard_numbers_are_not_called_wrong(function: Any, x: float, words: Any) -> None:
    assert report_of(function, x).verdict in words


@pytest.mark.parametrize("offset", [1e3, 1e9, 1e11, 1e13])
def test_a_wrong_slope_under_a_large_result_is_wrong(offset: float) -> None:
    @tg.define.elementwise([lambda out, x: 1.03 * tg.cos(x)], formula="sin(x)", name="steep_sin")
    def steep_sin(x):
        """sin with a slope 3 % too steep."""
        return np.sin(x)

    try:
        report = report_of(lambda x: steep_sin(x) + offset, 0.7)
        assert report.verdict == "wrong" and report.culprit is not None
        assert report_of(lambda x: tg.sin(x) + offset, 0.7).verdict == "right"
    finally:
        del tg.OPS["steep_sin"]


def test_a_rule_that_is_wrong_in_float32_alone_breaks_a_law() -> None:
    from tinygrad_edu.testing.laws import LawError, check_op

    @tg.define.elementwise(
        [lambda out, x: (1.03 if getattr(x, "dtype", None) == np.float32 else 1.0) * tg.cos(x)],
        formula="sin(x)", name="narrow_sin",
    )  # fmt: skip
    def narrow_sin(x):
        """sin, wrong in float32."""
        return np.sin(x)

    try:
        with pytest.raises(LawError, match="a float32 gradient is float64's"):
            check_op(narrow_sin, np.sin, max_examples=60)
    finally:
        del tg.OPS["narrow_sin"]


def test_a_law_writes_no_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_edu.testing.laws import LawError, check_op

    monkeypatch.chdir(tmp_path)

    @tg.define.elementwise([lambda out, x: 2.0 * tg.cos(x)], formula="sin(x)", name="bad_sin")
    def bad_sin(x):
        """sin, wrong."""
        return np.sin(x)

    try:
        with pytest.raises(LawError):
            check_op(bad_sin, np.sin, max_examples=5)
    finally:
        del tg.OPS["bad_sin"]
    assert not list(tmp_path.iterdir())


# Programs on hard numbers ------------------------------------------------------------------------


def test_spiced_programs_have_zeros_and_large_numbers() -> None:
    def has(number: Any) -> Any:
        return lambda program: any(np.any(number(np.abs(x))) for x in program.inputs)

    for number in (lambda x: x == 0.0, lambda x: x >= 1e5):
        assert hypothesis.find(programs(3, ["tanh", "relu"], spiced=True), has(number))


@hypothesis.settings(max_examples=40, deadline=None, database=None)
@hypothesis.given(programs(5, spiced=True))
def test_no_spiced_program_is_called_wrong(program: Any) -> None:
    with np.errstate(all="ignore"):
        report = report_of(program, *program.inputs, limit=8, directions=1)
    assert report.verdict in ("right", "kink", "step"), str(report)
