"""`check` and `check_gradients`, tested like a product. Numbers of traps are in brackets."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS
from tinygrad_edu.errors import AutodiffError, DTypeError, GradientError, StaleGraphError
from tinygrad_edu.testing import Report, check, check_gradients, locate
from tinygrad_edu.testing.differences import plateau, steps_for


def fails(function: Any, *args: Any, **options: Any) -> Report:
    with pytest.raises(GradientError) as caught:
        check(function, *args, **options)
    report = caught.value.report
    assert isinstance(report, Report)
    assert str(report) == str(caught.value)
    return report


@pytest.fixture
def sloppy_sin() -> Any:
    @tg.define.elementwise([lambda out, x: 1.001 * tg.cos(x)])
    def sloppy_sin(x: Any) -> Any:
        """sin with a slope 0.1 % too steep."""
        return np.sin(x)

    yield sloppy_sin
    del OPS["sloppy_sin"]


# Right gradients pass ----------------------------------------------------------------------------


def test_the_neuron_is_right() -> None:
    x1, x2 = tg.input(0.8, "x1"), tg.input(-1.2, "x2")
    w1, w2, b = tg.weight(0.32, "w1"), tg.weight(0.63, "w2"), tg.bias(0.44, "b")
    loss = (tg.tanh(w1 * x1 + w2 * x2 + b) - 1.0) ** 2
    report = check(loss)
    assert report.right and report.digits is not None and report.digits > 7
    assert "5 of 5 numbers, reverse and forward mode, first and second derivative" in str(report)
    assert w1.grad is None and w1.data == 0.32  # nothing was changed


def test_a_layer_with_arrays_is_right() -> None:
    rng = np.random.default_rng(0)
    W, b = tg.weight(rng.normal(size=(3, 2)), "W"), tg.bias(rng.normal(size=2), "b")
    x = tg.input(rng.normal(size=(4, 3)), "x")
    assert check(tg.cross_entropy(tg.tanh(x @ W + b), np.array([0, 1, 1, 0]))).right


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (tg.sin, 3000.0),
        (tg.exp, 600.0),
        (tg.exp, -600.0),
        (tg.log, 1e-12),
        (lambda x: x * x, 1e-12),
        (lambda x: 3.0 * x + 1.0, 1e-12),
        (lambda x: 1e6 * x + 1.0, 0.0),
        (lambda x: tg.tanh(1e3 * x), 1e-4),
        (lambda x: 1.0 / x, 1e-3),
        (lambda x: x**3 + 1e6, 2.0),
        (tg.sigmoid, 500.0),
        (tg.softplus, -1000.0),
        (lambda x: tg.exp(-1e6 * (x - 1.0) ** 2), 1.0005),
        (lambda x: tg.relu(x) + 5.0, 1e-9),
        (lambda x: abs(x - 1.0), 1.0 + 1e-7),
        (lambda x: tg.where(x > 1.0, x * x, 3.0 * x), 1.0 + 1e-8),
        (lambda x: 2.0 * x if x > 0 else 3.0 * x, 1e-9),
        (lambda x: 2.0 * x if x > 0 else 3.0 * x, 0.0),
        (lambda x: x**0.0, 0.7),
    ],
)
def test_badly_scaled_and_beside_a_kink_but_right(function: Any, x: float) -> None:
    """[T47, T48] Steps follow the input's scale, and never cross a kink."""
    assert check(function, x).right


def test_every_kind_of_argument() -> None:
    def f(p: Any, pair: Any, scale: Any) -> Any:
        return {"y": tg.sum(p["w"] * pair[0]) * scale, "z": [tg.tanh(pair[1])]}

    report = check(f, {"w": np.array([1.0, -2.0])}, (tg.Value(np.ones(2), "x"), 0.3), 2)
    assert report.checked.startswith("6 of 6 numbers")


def test_inputs_are_left_alone() -> None:
    """[T42] Bytes are the same before and after, also when the check fails."""
    x, nested = np.linspace(-1.0, 1.0, 5), [np.ones(2), 3.0]
    before = x.tobytes(), nested[0].tobytes()
    check(lambda a, b: tg.sum(a * a) * b[1] + tg.sum(b[0]), x, nested)
    fails(lambda a: a * a.data, x)
    assert (x.tobytes(), nested[0].tobytes()) == before
    assert x.flags.writeable


# Wrong gradients are caught ----------------------------------------------------------------------


def test_one_thousandth_off_is_wrong_and_located(sloppy_sin: Any) -> None:
    """[T43, T49]"""
    report = fails(lambda w: tg.sum(sloppy_sin(w) * w + tg.exp(w)), np.arange(4.0))
    assert report.verdict == "wrong" and report.argument == "w" and report.index is not None
    assert report.culprit is not None and report.culprit.op == "sloppy_sin"
    assert "test_checks.py" in report.culprit.where
    assert "correct the derivative rule of `sloppy_sin`" in str(report)


def test_locate_alone(sloppy_sin: Any) -> None:
    found = locate(sloppy_sin(tg.Value(0.3)) * 2.0)
    assert found.verdict == "op" and found.culprit is not None
    assert (found.culprit.op, found.culprit.operand) == ("sloppy_sin", 0)
    assert str(found).startswith("op `sloppy_sin`, argument 0 at test_checks.py:")


def test_locate_where_every_rule_is_right() -> None:
    found = locate(lambda x: tg.sin(x.data * x) * 2.0, 0.3)
    assert found.verdict == "engine" and found.culprit is None
    assert str(found).startswith("every op is right (3 of them looked at): the engine, or")


def test_locate_on_a_kink() -> None:
    found = locate(lambda x: tg.relu(x) * 2.0, 0.0)
    assert found.verdict == "kink" and found.kink is not None and found.kink.op == "relu"
    assert str(found).startswith("kink: relu at test_checks.py:")


def test_locate_finds_the_one_wrong_rule_among_a_thousand(sloppy_sin: Any) -> None:
    def deep(x: Any) -> Any:
        for i in range(500):
            x = (sloppy_sin if i == 333 else tg.tanh)(x) * 1.01
        return x

    assert locate(deep, 0.5).nodes == 667


@pytest.mark.parametrize("place", [0, 3, 7])
def test_locate_sees_one_wrong_number_of_many(place: int) -> None:
    bad = np.ones(8)
    bad[place] = 1.001

    @tg.define.elementwise([lambda out, x: 2.0 * x * bad])
    def square_but_one(x: Any) -> Any:
        """x² with one wrong slope."""
        return x * x

    try:
        found = locate(lambda x: square_but_one(x) + x, np.linspace(0.5, 1.0, 8))
    finally:
        del OPS["square_but_one"]
    assert found.culprit is not None and found.culprit.op == "square_but_one"


def test_one_wrong_element_of_ten_thousand() -> None:
    """[T45] Beyond the limit random directions see every element."""
    bad = np.ones(10_000)
    bad[1234] = 1.03

    @tg.define.elementwise([lambda out, x: 2.0 * x * bad])
    def nearly_square(x: Any) -> Any:
        """x² with one wrong slope."""
        return x * x

    x = np.linspace(0.5, 1.5, 10_000)
    try:
        report = fails(lambda x: tg.sum(nearly_square(x)), x, order=1, limit=20)
    finally:
        del OPS["nearly_square"]
    assert report.verdict == "wrong"
    assert "10 of 10000 numbers and 8 random directions" in report.checked


def test_a_seed_of_ones_would_not_see_it() -> None:
    """[T44] Rows swapped in the rule: the sum of the gradient is right, every entry is wrong."""

    @tg.define.general(
        vjp=[lambda g, out, x: g[::-1] * 1.0], jvp=[lambda t, out, x: t * 1.0], kind="shape"
    )
    def upside_down(x: Any) -> Any:
        """x, whose gradient comes back in the wrong order."""
        return x * 1.0

    try:
        assert fails(upside_down, np.array([1.0, 2.0, 4.0])).mode == "reverse"
    finally:
        del OPS["upside_down"]


def test_wrong_only_in_forward_mode_and_only_in_second_order() -> None:
    @tg.define.general(vjp=[lambda g, out, x: 3.0 * g], jvp=[lambda t, out, x: 3.01 * t])
    def lame(x: Any) -> Any:
        """3x, forward mode wrong."""
        return 3.0 * x

    @tg.define.elementwise([lambda out, x: 2.0 * getattr(x, "_data", x)])
    def flat_slope(x: Any) -> Any:
        """x², second derivative cut off."""
        return x * x

    try:
        assert fails(lame, 2.0).mode == "forward"
        assert check(lame, 2.0, modes="reverse").right
        assert check(flat_slope, 2.0, order=1).right
        report = fails(flat_slope, 2.0)
    finally:
        del OPS["lame"], OPS["flat_slope"]
    assert report.order == 2 and report.culprit is not None and report.culprit.op == "flat_slope"


def test_a_number_read_out_of_a_value_is_named() -> None:
    report = fails(lambda x: x.data * x, 2.0)
    assert (report.verdict, report.claimed) == ("wrong", 2.0)
    assert report.measured == pytest.approx(4.0)
    assert "not from `.data` or `detach()`" in str(report) and "x.data * x" in str(report)
    assert fails(lambda x: tg.sum(x * x.detach()), np.array([1.0, 2.0])).verdict == "wrong"


def test_an_argument_that_no_graph_reaches_is_told() -> None:
    report = check(lambda x, unused: x * x, 1.0, 2.0)
    assert report.right and "no graph leads from the result to unused" in str(report)
    cut = fails(lambda x, y: x * y.data, 1.0, 2.0)
    assert cut.argument == "y" and cut.claimed == 0.0
    assert fails(lambda x: np.sin(x.data), 1.0).verdict == "wrong"


# Neither right nor wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "args", "op"),
    [
        (tg.relu, (0.0,), "relu"),
        (lambda x: tg.relu(x) * tg.sin(x + 1.0), (0.0,), "relu"),
        (lambda x: tg.max(x), (np.array([1.0, 1.0, 0.0]),), "max"),
        (tg.maximum, (2.0, 2.0), "maximum"),
        (lambda x: tg.clip(x, 0.0, 1.0), (np.array([0.5, 1.0]),), "clip"),
        (lambda x: tg.relu(x) - tg.relu(-x), (0.0,), "relu"),
        (lambda x: tg.leaky_relu(x), (0.0,), "leaky_relu"),
    ],
)
def test_on_a_kink_the_word_is_kink(function: Any, args: Any, op: str) -> None:
    """[T48] Never a false "wrong", and the node is named."""
    report = fails(function, *args)
    assert report.verdict == "kink" and report.kink is not None and report.kink.op == op
    assert "exactly on it" in str(report) and "away from the kink" in str(report)


def test_a_wrong_rule_beside_a_kink_is_still_found(sloppy_sin: Any) -> None:
    report = fails(lambda x: tg.relu(x) + sloppy_sin(x), 0.0)
    assert report.verdict == "wrong" and report.culprit is not None
    assert report.culprit.op == "sloppy_sin"


def test_a_random_forward_is_told() -> None:
    """[T46]"""
    rng = np.random.default_rng(0)
    report = fails(lambda x: x * rng.random(), 2.0)
    assert report.verdict == "random" and "seed the generator inside" in str(report)


def test_where_no_step_can_decide() -> None:
    report = fails(tg.sqrt, 0.0)
    assert report.verdict == "step" and report.claimed == np.inf
    report = fails(tg.log, 0.0)
    assert report.verdict == "step" and "not finite" in str(report)


def test_float32_is_checked_in_float64_and_said() -> None:
    """[T29]"""
    w = tg.weight(np.array([0.3, -2.0], dtype=np.float32), "w")
    report = check(tg.sum(tg.tanh(w) * w))
    assert report.right and "w is float32; it was checked in float64" in str(report)
    assert w.data.dtype == np.float32
    report = check(lambda x: tg.sum(tg.tanh(x.astype(np.float32))), np.array([0.2, 0.4]))
    assert "computes in float32 inside" in str(report)


# Bad input ---------------------------------------------------------------------------------------


def test_bad_input_is_refused_with_advice() -> None:
    """[T51]"""
    loss = tg.Value(1.0) * 2.0
    with pytest.raises(DTypeError, match=r"check\(function, argument"):
        check(loss, 1.0)
    with pytest.raises(DTypeError, match="needs a Value or a function, got 3"):
        check(3)
    with pytest.raises(DTypeError, match="no number to nudge"):
        check(lambda x: tg.sum(x), np.zeros(0))
    with pytest.raises(DTypeError, match="order 3"):
        check(lambda x: x, 1.0, order=3)
    with pytest.raises(DTypeError, match=r"reverse.*forward"):
        check(lambda x: x, 1.0, modes="sideways")
    with pytest.raises(DTypeError, match="returned str"):
        check(lambda x: "text", 1.0)
    with pytest.raises(AutodiffError, match="does not depend on anything"):
        check(tg.Value(1.0, requires_grad=False))


def test_a_stale_graph_is_refused() -> None:
    w = tg.weight(1.0, "w")
    loss = w * w
    w.assign(2.0)
    with pytest.raises(StaleGraphError):
        check(loss)


def test_the_same_check_gives_the_same_report() -> None:
    def run() -> str:
        return str(check_gradients(lambda x: tg.sum(tg.sin(x)), np.arange(5.0), limit=2))

    assert run() == run()


def test_it_works_inside_no_grad() -> None:
    with tg.no_grad():
        assert check(lambda x: x * x, 3.0).right


def test_a_function_that_computes_a_gradient_itself() -> None:
    assert check(lambda x: tg.grad(lambda y: y**4)(x) * x, 1.3).right


# Differences -------------------------------------------------------------------------------------


def test_the_sweep_falls_by_four_and_reaches_below_a_tiny_number() -> None:
    steps = np.array(steps_for(1e-12))
    assert set(steps[:-1] / steps[1:]) == {4.0} and steps[-1] < 1e-17
    assert steps_for(1e6)[0] > 1e5


def test_the_plateau_is_found_between_curvature_and_rounding() -> None:
    steps = np.array(steps_for(1.0))
    slopes = ((np.exp(1.0 + steps) - np.exp(1.0 - steps)) / (2.0 * steps))[:, None]
    found = plateau(slopes, 1e-16 / steps[:, None], steps)
    assert abs(found.value[0] - np.e) < 1e-8
    assert found.doubt[0] < 1e-6


def test_importing_the_checks_does_not_import_hypothesis() -> None:
    code = (
        "import sys, tinygrad_edu as tg; tg.check(lambda x: x * x, 1.0); tg.testing.locate; "
        "assert 'hypothesis' not in sys.modules; "
        "tg.testing.strategies; assert 'hypothesis' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
