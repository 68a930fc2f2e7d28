"""Bugs of rules and edges that the laws and checks have found, each with its own small test."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS
from tinygrad_edu.testing.builder import random_program
from tinygrad_edu.testing.checks import report_of


def test_forward_mode_at_the_edge_of_the_domain_is_infinite_not_an_error() -> None:
    # sqrt'(0) = 0.5 / 0: Python's floats raise, IEEE says inf.
    assert tg.jvp(tg.sqrt, (0.0,), (1.0,)) == (0.0, np.inf)
    assert tg.jvp(tg.log, (0.0,), (1.0,)) == (-np.inf, np.inf)


@pytest.mark.parametrize("reduce", [tg.max, tg.min])
def test_the_kink_of_an_extreme_shows_a_change_of_winner(reduce: object) -> None:
    # An unsigned gap is the same on both sides, and a difference was taken across the kink.
    [lead] = OPS[reduce.__name__].kinks
    before = np.sign(lead(np.array([1.0, 1.0 + 1e-9, 0.0]), None, False))
    after = np.sign(lead(np.array([1.0 + 2e-9, 1.0 + 1e-9, 0.0]), None, False))
    if reduce is tg.min:
        before, after = (np.sign(lead(np.array([1.0, x, 3.0]), None, False)) for x in (0.9, 1.1))
    assert before.tolist() != after.tolist()
    assert 0.0 in lead(np.array([2.0, 2.0]), 0, True)
    assert tg.check(tg.max, np.array([1.0, 1.0 + 1e-8, 0.0])).verdict == "right"


def test_clip_has_a_kink_where_its_bounds_meet() -> None:
    distances = [float(kink(-1.0, 0.0, 0.0)) for kink in OPS["clip"].kinks]
    assert 0.0 in distances


def test_a_float64_seed_leaves_a_float32_gradient_float32() -> None:
    v = tg.Value(np.ones(2, dtype=np.float32))
    v.backward(gradient=np.array([1.0, 2.0]))
    assert v.grad.dtype == np.float32
    w = v * 2.0
    w.backward(gradient=np.array([1.0, 2.0]))
    assert w.grad.dtype == np.float32


def test_a_sum_of_one_term_is_the_term() -> None:
    v = tg.Value(2.0)
    assert tg.add_n(v) is v
    assert tg.sum([v]) is v


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "logsumexp"])
def test_a_reduction_over_length_one_that_keeps_its_axis_is_not_recorded(name: str) -> None:
    column = tg.Value(np.array([[1.0], [2.0]]))
    assert OPS[name](column, axis=1, keepdims=True) is column
    assert OPS[name](column, axis=1).shape == (2,)
    assert OPS[name](column, axis=0, keepdims=True).shape == (1, 1)


@pytest.mark.parametrize("narrow", [1e5, 1e6, 1e7, 1e8])
def test_a_feature_narrower_than_most_steps_is_not_called_wrong(narrow: float) -> None:
    for f in (
        lambda x: tg.tanh((x - 0.3) * narrow),
        lambda x: tg.exp(-(((x - 0.3) * narrow - 1.0) ** 2)),
    ):
        assert report_of(f, 0.3, order=1).verdict != "wrong"
    assert report_of(lambda x: tg.tanh((x - 0.3) * 1e7), 0.3, order=1).verdict == "right"


def test_a_slope_with_few_digits_left_is_not_called_wrong() -> None:
    # tanh(18.4) leaves two or three units of 1 - tanh², and the factors behind make them large.
    def f(x: object) -> object:
        return tg.tan(tg.arcsin(tg.tanh(tg.rad2deg(x)) * 0.9))

    for x in np.linspace(0.28, 0.36, 23):
        assert report_of(f, float(x)).verdict != "wrong"


def test_rounding_is_not_called_wrong_by_the_complex_step() -> None:
    # 3x / x is straight: what its second derivative says is what is left of two times 3 / x².
    assert report_of(lambda x: (x + x + x) / x, 0.00037).right


def test_a_spread_that_is_zero_but_for_rounding_is_on_its_kink() -> None:
    third = np.full(3, 0.1) * np.array([1.0, 1.0, 1.0 + 2.3e-16])
    report = report_of(lambda x: tg.std(x * 1.0), third)
    assert report.verdict == "kink" and report.kink is not None and report.kink.op == "std"


@pytest.mark.parametrize("x", [3000.0, 4.0, -16.0])
def test_a_step_from_kink_to_kink_is_not_taken(x: float) -> None:
    for f in (tg.floor, tg.ceil, tg.trunc):
        report = report_of(f, x)
        assert report.verdict == "kink" and report.kink is not None and report.kink.distance == 0.0


def test_saturated_entries_of_a_large_gradient_are_not_accused() -> None:
    """Beyond forty outputs too, rounding on the way to a disputed one is counted."""
    program = random_program(Random(1014644), 8)
    assert report_of(program, *program.inputs, limit=12, directions=2).verdict == "right"
