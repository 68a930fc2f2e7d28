"""Wrong rules planted in every operation: the check must say "wrong", and which operation it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest

from tinygrad_edu.engine import Op
from tinygrad_edu.families import registry
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.mutants import judge
from tinygrad_edu.testing.subject import pull

Change = Callable[[Any], Any]
FACTORS = {"1.001 times": 1.001, "constant 0": 0.0}  # 1.03, signs and more: test_mutation_score
SMOOTH = [op for op in registry().values() if not op.plain]

# Mutants that compute what the right rule computes, each with its reason. Which ones they are is
# worked out for every operation; those that are listed here are held to it.
FLAT = "its derivative is 0 everywhere"
AT_ZERO = "its derivative is not 0 only where the first operand is exactly 0"
SAME = "both partial derivatives are 1"
LINEAR = "its second derivative is 0"
FLAT_OPS = ("sign", "step", "floor", "ceil", "trunc", "round", "floor_divide", "heaviside")
EQUIVALENT = {
    **{(name, 0, kind): FLAT for name in FLAT_OPS for kind in FACTORS},
    **{("floor_divide", 1, kind): FLAT for kind in (*FACTORS, "swapped")},
    ("floor_divide", 0, "swapped"): FLAT,
    **{("copysign", 1, kind): FLAT for kind in FACTORS},
    **{("heaviside", 1, kind): AT_ZERO for kind in (*FACTORS, "swapped")},
    ("heaviside", 0, "swapped"): AT_ZERO,
    ("add", 0, "swapped"): SAME,
    ("add", 1, "swapped"): SAME,
}
STRAIGHT = {
    "add", "subtract", "negative", "positive", "add_n", "absolute", "sign", "where", "clip",
    "maximum", "minimum", "relu", "leaky_relu", "getitem", "getitem_transpose", "sum", "mean",
    "max", "min", "reshape", "transpose", "broadcast_to", "sum_to", "astype", "stack",
    "concatenate",
    "deg2rad", "rad2deg", "relu6", "threshold", "softshrink", "hardshrink", "hardtanh",
    "hardsigmoid", "step", "floor", "ceil", "trunc", "round", "floor_divide", "remainder", "fmod",
    "fmax", "fmin", "heaviside", "copysign", "nan_to_num",
    "setitem", "sliding_window_view",
    "cumsum", "cummax", "cummin", "order_statistic",
    "max_pool", "max_pool_pick", "max_pool_share", "sum_pool", "sum_pool_transpose",
}  # fmt: skip


def call_of(op: Op[Any], seed: int) -> Case:
    """A call with ordinary numbers from the domain, away from kinks."""
    operands, params = op.examples(Random(seed)) if op.examples else (None, {})
    if operands is None:
        rng = np.random.default_rng(seed)
        count = 2 if op._arity < 0 else op._arity
        domains = op.domain or ((-np.inf, np.inf),) * count
        operands = tuple(
            rng.uniform(max(low, -2.0) + 0.1, min(high, 2.5), size=2) for low, high in domains
        )
    return Case(op, operands, params)


@contextmanager
def planted(op: Op[Any], **methods: Any) -> Iterator[None]:
    """The operation with other rules, until the end of the block."""
    before = {name: getattr(op, name) for name in ("rules", "pull", "push")}
    try:
        for name, value in methods.items():
            setattr(op, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(op, name, value)


def verdict(op: Op[Any], operand: int, **options: Any) -> tuple[str, str | None]:
    """The first verdict that is not "right" in a few calls, and the operation it blames."""
    for seed in range(12):
        case = call_of(op, seed)
        if operand < len(case.operands) and operand in case.moving:
            report = report_of(case.function(), *case.points, limit=2, directions=1, **options)
            if not report.right:
                return report.verdict, report.culprit and report.culprit.op
    return "right", None


def wrong_pull(op: Op[Any], operand: int, change: Change) -> dict[str, Any]:
    def pull(i: int, g: Any, out: Any, xs: Any, params: Any, right: Any = op.pull) -> Any:
        d = right(i, g, out, xs, params)
        return d if i != operand or d is None else change(d)

    return {"rules": None, "pull": pull}


def operands_of(op: Op[Any]) -> list[int]:
    return call_of(op, 0).moving[:3]


@cache
def flat(op: Op[Any], operand: int) -> bool:
    """Whether the derivative is 0 at every call that is drawn: then no factor changes it."""
    return judge(op, operand, "sign").word == "equivalent"


def computes_the_same(op: Op[Any], operand: int, **methods: Any) -> bool:
    """Whether the planted rule gives the right rule's numbers for this operand."""
    for seed in range(12):
        case = call_of(op, seed)
        place = case.moving.index(operand)
        leaves, out = case.record()
        right = pull(leaves, [out], np.ones(np.size(out.data)))[place]
        with planted(op, **methods):
            other = pull(leaves, [out], np.ones(np.size(out.data)))[place]
        if not np.allclose(0.0 if other is None else other, 0.0 if right is None else right):
            return False
    return True


REVERSE = [(op, i, kind) for op in SMOOTH for i in operands_of(op) for kind in FACTORS]


@pytest.mark.parametrize(("op", "operand", "kind"), REVERSE, ids=lambda x: getattr(x, "name", x))
def test_wrong_reverse_rules_are_caught_and_named(op: Any, operand: int, kind: str) -> None:
    with planted(op, **wrong_pull(op, operand, lambda d: d * FACTORS[kind])):
        found = verdict(op, operand, order=1, modes="reverse")
    same = flat(op, operand)
    assert found == (("right", None) if same else ("wrong", op.name))


@pytest.mark.parametrize(("op", "kind"), [(op, "1.001 times") for op in SMOOTH])
def test_wrong_forward_rules_are_caught_and_named(op: Any, kind: str) -> None:
    def push(tangents: Any, out: Any, xs: Any, params: Any, right: Any = op.push) -> Any:
        t = right(tangents, out, xs, params)
        return None if t is None else t * FACTORS[kind]

    operand = operands_of(op)[0]
    with planted(op, push=push):
        found = verdict(op, operand, order=1, modes="forward")
    same = flat(op, operand)
    assert found == (("right", None) if same else ("wrong", op.name))


PAIRS = [op for op in SMOOTH if op.rules is not None and op._arity == 2]


@pytest.mark.parametrize("op", PAIRS, ids=lambda op: op.name)
def test_swapped_partial_derivatives_are_caught_and_named(op: Any) -> None:
    for operand in (0, 1):

        def swapped(i: int, g: Any, out: Any, xs: Any, params: Any, right: Any = op.pull) -> Any:
            return right(1 - i, g, out, xs, params)

        with planted(op, rules=None, pull=swapped):
            found = verdict(op, operand, order=1, modes="reverse")
        same = computes_the_same(op, operand, rules=None, pull=swapped)
        assert found == (("right", None) if same else ("wrong", op.name))


def test_what_is_listed_as_equivalent_is_so() -> None:
    assert {name for name, _, _ in EQUIVALENT} | STRAIGHT <= set(registry())
    for name in {name for name, _, kind in EQUIVALENT if kind == "constant 0"}:
        assert any(flat(registry()[name], i) for i in operands_of(registry()[name])), name
    for name in STRAIGHT:
        assert judge(registry()[name], operands_of(registry()[name])[0], "detached").reason, name


def test_the_right_rules_are_never_called_wrong() -> None:
    for op in SMOOTH:
        for seed in range(4):
            case = call_of(op, seed)
            report = report_of(case.function(), *case.points)
            assert report.verdict == "right", f"{case}\n{report}"
