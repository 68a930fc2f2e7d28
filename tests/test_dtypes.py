"""Types of numbers, over the whole registry: float32 stays, mixtures follow NumPy.

One table of calls, drawn from what each operation declares, and one test per rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.subject import pull

DIFFERENTIABLE = [name for name, op in tg.registry().items() if not op.plain]
# What makes numbers of a type that its arguments name, or asks for one.
NAMES_A_TYPE = {"astype"}


def calls(name: str) -> Iterator[Case]:
    """A few calls with arrays for all operands that carry gradients."""
    op = OPS[name]
    for seed in range(6):
        operands, params = op.examples(Random(seed)) if op.examples is not None else (None, {})
        if operands is None:
            rng, count = np.random.default_rng(seed), abs(op._arity) if op._arity > 0 else 2
            ends = op.domain or ((-2.0, 2.0),) * count
            held = [(max(low, -2.0), min(high, 2.0)) for low, high in ends]
            operands = tuple(rng.uniform(low + 0.1, high - 0.1, (2, 3)) for low, high in held)
        case = Case(op, tuple(operands), {**op._defaults, **params})
        if case.points and all(np.ndim(x) for x in case.points):
            yield case


def typed(case: Case, *types: Any) -> Case:
    """The call with its operands in these types, in turn."""
    return case.with_points([x.astype(types[i % len(types)]) for i, x in enumerate(case.points)])


def gradients(case: Case) -> tuple[Any, list[Any]]:
    leaves, out = case.record()
    return out, pull(leaves, [out], np.ones(int(np.size(out._data))))


@pytest.mark.parametrize("name", sorted(set(DIFFERENTIABLE) - NAMES_A_TYPE))
def test_float32_stays(name: str) -> None:
    with np.errstate(all="ignore"):
        for case in calls(name):
            out, found = gradients(typed(case, np.float32))
            assert not out.shape or out.dtype == np.float32, case
            assert {g.dtype for g in found if g is not None and np.ndim(g)} <= {np.dtype("f4")}


@pytest.mark.parametrize("name", sorted(set(DIFFERENTIABLE) - NAMES_A_TYPE))
def test_mixtures_follow_numpy_and_each_gradient_its_operand(name: str) -> None:
    with np.errstate(all="ignore"):
        for case in calls(name):
            if len(case.points) < 2:
                return
            for types in [(np.float32, np.float64), (np.float64, np.float32)]:
                out, found = gradients(typed(case, *types))
                assert out.dtype == np.float64, case
                for i, g in enumerate(found):
                    assert g is None or g.dtype == types[i % 2], f"operand {i} of {case}"


@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if OPS[n]._arity == 2])
def test_scalars_are_weak(name: str) -> None:
    op = OPS[name]
    if op.rules is None or op.examples is not None:
        return
    [case, *_] = calls(name)
    narrow = case.points[0].astype(np.float32)
    with np.errstate(all="ignore"):
        assert op(Value(narrow), float(case.points[1][0, 0])).dtype == np.float32
        assert op(float(case.points[0][0, 0]), Value(case.points[1].astype("f4"))).dtype == "f4"


@pytest.mark.parametrize("given", [np.int64, np.int8, np.uint16, bool])
@pytest.mark.parametrize("name", sorted(set(DIFFERENTIABLE) - NAMES_A_TYPE))
def test_whole_numbers_and_bools_become_float64(name: str, given: Any) -> None:
    op = OPS[name]
    if op.examples is not None or op._arity < 1:
        return  # those with shapes of their own are not asked for every type
    ones = [np.ones((2, 2), given)] * op._arity
    with np.errstate(all="ignore"):
        out = op(*[Value(x) for x in ones])
        assert out.dtype == np.float64
        assert np.asarray(op(*ones)).dtype == np.float64


@pytest.mark.parametrize("kind", [complex, object, str])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_what_is_not_a_real_number_is_refused_by_name(name: str, kind: type) -> None:
    op, found = OPS[name], [*calls(name)]
    for i in found[0].moving if found else ():
        operands = list(found[0].operands)
        operands[i] = operands[i].astype(kind)
        with pytest.raises(DTypeError, match=kind.__name__):
            op(*operands, **found[0].params)


@pytest.mark.parametrize(("bad", "word"), [(1j, "complex"), ("text", "str"), (b"a", "bytes")])
@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if OPS[n].rules is not None])
def test_single_things_that_are_no_numbers_are_refused_too(name: str, bad: Any, word: str) -> None:
    for case in calls(name):
        for i in case.moving:
            operands = list(case.operands)
            operands[i] = bad
            with pytest.raises(DTypeError, match=word):
                case.op(*operands, **case.params)
