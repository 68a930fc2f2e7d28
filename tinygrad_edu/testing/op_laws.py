"""The laws of an operation, one function each.

Each takes a `Case` and raises `LawError`; it returns False where this case cannot decide (a result
that is not finite, say).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinygrad_edu import raw
from tinygrad_edu.engine import OPS, Op, Value
from tinygrad_edu.errors import OperationError
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.conventions import slopes_beside
from tinygrad_edu.testing.law_tools import (
    LawError,
    across,
    at_points,
    bits_of,
    broken,
    data_of_dtype,
    finite,
    moved_onto,
    seed_for,
    ulps,
)
from tinygrad_edu.testing.subject import data_of, flat, gradient_of, pull, tangent_of
from tinygrad_edu.testing.witnesses import ComplexTape

Reference = Callable[..., Any]
Law = Callable[[Case], bool]
SPECIAL = (
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-310, 40.0, -40.0, 800.0, -800.0, 1e300, -1e300,
    np.inf, -np.inf, np.nan,
)  # fmt: skip


# The laws ----------------------------------------------------------------------------------------


def value_is_number(case: Case) -> bool:
    """Called with Values and with plain numbers, an operation computes the same bits.

    The sign of zero aside: the sum of one number is the number, -0.0 too, where NumPy says 0.0.
    """
    plain = case.function()(*case.points)
    value = case.record()[1]
    data = value._data if isinstance(value, Value) else value
    if bits_of(plain + 0.0) != bits_of(data + 0.0):
        raise broken(case, "Values compute what numbers compute", data, plain)
    return True


def gradient_is_differences(case: Case) -> bool:
    """Reverse and forward mode, first and second order, agree with central differences."""
    report = report_of(case.function(), *case.points, find_culprit=False)
    if report.verdict in ("wrong", "random"):
        if report.verdict == "wrong":
            report = report.but(advice=f"correct the derivative rule of `{case.op.name}`")
        raise LawError(f"{case.op.name} breaks the law 'differences'\n{report}\n  at {case}")
    return report.verdict == "right"


def forward_is_transposed_reverse(case: Case) -> bool:
    """⟨v, J u⟩ = ⟨Jᵀ v, u⟩ for any u and v, to 1e-12."""
    leaves, out = case.record()
    if not finite(out):
        return False
    rng = np.random.default_rng(len(flat(leaves)))
    u, v = rng.normal(size=len(flat(leaves))), rng.normal(size=np.size(data_of(out)))
    pushed, pulled = tangent_of(leaves, [out], u), gradient_of(leaves, [out], v)
    if not (np.isfinite(pushed).all() and np.isfinite(pulled).all()):
        return False
    size = np.abs(v) @ np.abs(pushed) + np.abs(pulled) @ np.abs(u)
    eps = np.finfo(data_of_dtype(out)).eps
    rounding = eps * np.sum(np.abs(v)) * np.sum(np.abs(u))  # where the terms of J cancel
    if abs(v @ pushed - pulled @ u) > 4096.0 * eps * size + rounding:
        raise broken(case, "⟨v, Ju⟩ = ⟨Jᵀv, u⟩", v @ pushed, pulled @ u)
    return True


def analytic_is_continued(case: Case) -> bool:
    """An operation declared analytic computes with complex numbers what its rule says."""
    if not case.op.facts["analytic"] or not case.points:
        return True
    leaves, out = case.record()
    if not isinstance(out, Value) or not finite(out):
        return True
    u = np.random.default_rng(len(flat(leaves))).normal(size=len(flat(leaves)))
    exact = ComplexTape(leaves, [out]).slopes(u)
    pushed = tangent_of(leaves, [out], u)
    if exact is None or not np.isfinite(pushed).all():
        return True
    size = np.abs(pushed) + np.abs(exact) + 1e-6 * np.max(np.abs(pushed), initial=0.0)
    rounding = 1e-15 * (1.0 + np.max(np.abs(flat([out])), initial=0.0))  # 1 − tanh² at 20 is 0
    if np.any(np.abs(exact - pushed) > 1e-7 * size + rounding):
        raise broken(case, "complex step = rule, because it is declared analytic", exact, pushed)
    return True


def recorded_is_raw_gradient(case: Case) -> bool:
    """A gradient computed as a graph has the bits of the one computed in numbers, to 4 ulp."""
    leaves, out = case.record()
    seed = seed_for(out)
    plain, recorded = (
        flat(
            [0.0 * data_of(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]
        )
        for found in (pull(leaves, [out], seed), pull(leaves, [out], seed, create_graph=True))
    )
    if ulps(plain, recorded) > 4.0:
        raise broken(case, "create_graph changes no number", recorded, plain)
    return True


def gradient_fits_operand(case: Case) -> bool:
    """A gradient has its operand's shape: the sum over all the copies that broadcasting made."""
    leaves, out = case.record()
    seed = seed_for(out)
    found = pull(leaves, [out], seed)
    for leaf, g in zip(leaves, found, strict=True):
        if g is not None and raw.shape(g) != leaf.shape:
            raise broken(case, "gradient shape = operand shape", raw.shape(g), leaf.shape)
    if case.op.rules is None:
        return True
    shape = np.shape(data_of(out))
    spread = [np.broadcast_to(x, shape) if shape else x for x in case.points]
    wide, wide_out = case.with_points(spread).record()
    copies = pull(wide, [wide_out], seed)
    for leaf, g, copy in zip(leaves, found, copies, strict=True):
        have = np.zeros(leaf.shape) if g is None else data_of(g)
        want = np.zeros(leaf.shape) if copy is None else data_of(raw.sum_to(copy, leaf.shape))
        scale = 1e-13 * (1.0 + np.sum(np.abs(data_of(0.0 if copy is None else copy))))
        with np.errstate(invalid="ignore"):
            near = np.abs(have - want) <= scale
        if not np.all(near | (have == want) | ~np.isfinite(want)):
            raise broken(case, "gradient = sum over broadcast copies", have, want)
    return True


def tape_is_eager(case: Case) -> bool:
    """The tape of a result, run again, gives the same bits."""
    _, out = case.record()
    if not isinstance(out, Value) or out.op is None:
        return True
    again = Tape.of(out).run()
    if bits_of(again) != bits_of(out._data):
        raise broken(case, "tape = eager", again, out._data)
    return True


def replay_decides_anew(case: Case) -> bool:
    """Recorded at x, replayed at x′ across every kink: the bits of eager at x′, gradients too."""
    points = case.points
    if case.op.random or not points:
        return True
    out = case.record()[1]
    seed = seed_for(out)

    def both(*xs: Any) -> list[Any]:
        leaves = [x if isinstance(x, Value) else Value(x) for x in xs]
        result = case.function()(*leaves)
        if case.op.plain:
            return [result]
        grads = pull(leaves, [result], seed, create_graph=True)
        zeros = [np.zeros(x.shape) if x.shape else 0.0 for x in leaves]
        return [result, *[z if g is None else g for z, g in zip(zeros, grads, strict=True)]]

    tape = Tape.record(both, *points)
    for other in across(case):
        try:
            eager = both(*other)
        except OperationError:
            continue  # not defined there: Cholesky's factor of −x
        replayed = tape.run(other)
        for a, b in zip(replayed, eager, strict=True):
            if bits_of(a) != bits_of(b):
                raise broken(case.with_points(other), "replay at x′ = eager at x′", a, b)
    return True


def kinks_follow_convention(case: Case) -> bool:
    """On a declared kink both modes give one finite number, between the one-sided derivatives."""
    decided = not case.op.kinks
    for distance in case.op.kinks:
        on = moved_onto(case, distance)
        leaves, out = on.record()
        seed = np.abs(seed_for(out))
        here = flat([out])
        if not leaves or not np.isfinite(here).all() or not isinstance(out, Value):
            continue
        gradient = gradient_of(leaves, [out], seed)
        points = flat(on.points)
        for j, unit in enumerate(np.eye(len(points))):
            beside = slopes_beside(partial(at_points, on), points, gradient, seed, j)
            if beside is not None:
                raise broken(on, "between the one-sided derivatives", gradient[j], beside)
            tangent = float(seed @ tangent_of(leaves, [out], unit))
            if abs(tangent - gradient[j]) > 1e-9 * (1.0 + abs(tangent)):
                raise broken(on, "one convention in both modes", tangent, gradient[j])
            decided = True
    return decided


def float32_stays(case: Case) -> bool:
    """From float32 arrays come float32 results and float32 gradients."""
    if case.op.plain or not case.points or any(np.ndim(x) == 0 for x in case.points):
        return True
    narrow = case.with_points([x.astype(np.float32) for x in case.points])
    leaves, out = narrow.record()
    found = pull(leaves, [out], seed_for(out))
    for what in [out, *[g for g in found if g is not None]]:
        if raw.shape(what) and what.dtype != np.float32:
            raise broken(narrow, "float32 stays float32", what.dtype, "float32")
    if not case.op.kinks and case.op.rules is not None:
        _narrow_is_wide(case, narrow, found)
    return True


def _narrow_is_wide(case: Case, narrow: Case, found: list[Any]) -> None:
    """The rule means the same in both: float32 gradients are float64's, but for rounding."""
    leaves, out = case.with_points([x.astype(np.float64) for x in narrow.points]).record()
    for have, want in zip(found, pull(leaves, [out], seed_for(out)), strict=True):
        if have is None or want is None:
            continue
        near = np.abs(data_of(have) - data_of(want)) <= 1e-2 * np.abs(data_of(want)) + 1e-30
        if np.all(np.isfinite(data_of(want))) and not np.all(near | ~np.isfinite(data_of(have))):
            raise broken(narrow, "a float32 gradient is float64's, but for rounding", have, want)


def operands_stay(case: Case) -> bool:
    """Neither the forward function nor a rule writes into an operand."""
    leaves, out = case.record()
    if isinstance(out, Value):
        gradient_of(leaves, [out], seed_for(out))
    if [bits_of(leaf) for leaf in leaves] != [bits_of(x) for x in case.points]:
        raise broken(case, "operands are not written to")
    return True


def nothing_is_not_recorded(case: Case) -> bool:
    """A call that gives one operand back unchanged is that operand: no node is recorded."""
    if case.op.kind not in ("shape", "reduction", "sum") or len(case.operands) != 1:
        return True
    x = case.operands[0]
    names = np.arange(float(np.size(x))).reshape(np.shape(x)) + 0.5 if np.ndim(x) else 0.5
    leaf = Value(names)
    out = case.op(leaf, **case.params)
    if out is not leaf and bits_of(out._data) == bits_of(leaf._data):
        raise broken(case, "what does nothing is not recorded", out)
    return True


LAWS: tuple[Law, ...] = (
    value_is_number, tape_is_eager, operands_stay, nothing_is_not_recorded, replay_decides_anew,
)  # fmt: skip
DERIVATIVE_LAWS: tuple[Law, ...] = (
    gradient_is_differences, forward_is_transposed_reverse, recorded_is_raw_gradient,
    analytic_is_continued, gradient_fits_operand, kinks_follow_convention, float32_stays,
)  # fmt: skip


# Laws that need no draw --------------------------------------------------------------------------


def is_documented(op: Op[Any]) -> None:
    """Name, symbol, formula and docstring are there, and it is registered under its name."""
    missing = [f for f in ("name", "symbol", "formula", "kind") if not getattr(op, f)]
    if not (op.__doc__ or "").strip():
        missing.append("docstring")
    if missing or OPS.get(op.name) is not op:
        raise LawError(f"{op.name} is not documented: no {', '.join(missing) or 'entry in OPS'}")


def scalar_is_array(op: Op[Any]) -> None:
    """The float path gives what the array path gives, to 4 ulp; so do the gradients."""
    count = 2 if op._arity < 0 else op._arity
    if op.rules is None or op.name == "where" or count > 3:
        return
    some = SPECIAL if count < 3 else SPECIAL[::3]
    grid = np.meshgrid(*[np.array(some)] * count, indexing="ij")
    columns = [np.ascontiguousarray(g.reshape(-1)) for g in grid]
    params = dict(op._defaults)
    arrays = [Value(c) for c in columns]
    out = op(*arrays, **params)
    gradients = pull(arrays, [out], np.full(len(columns[0]), 1.5))
    for row in range(len(columns[0])):
        case = Case(op, tuple(float(c[row]) for c in columns), params)
        leaves, one = case.record()
        pairs = [(one._data, out._data[row])]
        for g, whole in zip(pull(leaves, [one], np.array([1.5])), gradients, strict=True):
            pairs.append((0.0 if g is None else g, 0.0 if whole is None else whole[row]))
        for scalar, array in pairs:
            if ulps(scalar, array) > 4.0:
                raise broken(case, "scalar = array to 4 ulp", scalar, array)


def matches_reference(case: Case, reference: Reference) -> bool:
    """The forward function agrees with an independent one to 1e-13, at the same numbers."""
    with np.errstate(all="ignore"):
        want = reference(*case.operands, **case.params)
        have = case.op(*case.operands, **case.params)
    if np.shape(want) != np.shape(have):
        raise broken(case, "the reference's shape", np.shape(have), np.shape(want))
    unit = np.finfo(data_of_dtype(have)).eps / np.finfo(float).eps
    scale = float(np.max(np.abs(np.where(np.isfinite(want), want, 0.0)), initial=0.0))
    if not np.allclose(have, want, rtol=1e-13 * unit, atol=1e-15 * unit * scale, equal_nan=True):
        raise broken(case, "the reference's numbers", have, want)
    return True
