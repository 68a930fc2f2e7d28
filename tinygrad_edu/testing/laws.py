"""What every operation must obey, the library's own and a user's: `check_op(op)` holds it to all.

One Hypothesis draw feeds all laws of an operation. Each law takes a `Case` and raises `LawError`;
it returns False where this case cannot decide (a result that is not finite, say), and an
operation that is hardly ever decided fails too, so that no law passes by saying nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from tinygrad_edu import raw
from tinygrad_edu.engine import OPS, Op, Value
from tinygrad_edu.errors import GradientError
from tinygrad_edu.raw import canonical
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.strategies import cases
from tinygrad_edu.testing.subject import data_of, flat, gradient_of, pull, tangent_of

Reference = Callable[..., Any]
Law = Callable[[Case], bool]
SPECIAL = (
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-310, 40.0, -40.0, 800.0, -800.0, 1e300, -1e300,
    np.inf, -np.inf, np.nan,
)  # fmt: skip


class LawError(GradientError):
    """An operation does not obey a law; the text has the law, the call and both numbers."""


def _broken(case: Case, law: str, *numbers: Any) -> LawError:
    shown = " against ".join(str(n) for n in numbers)
    return LawError(f"{case.op.name} breaks the law '{law}': {shown}\n  at {case.source()}")


def ulps(a: Any, b: Any) -> float:
    """How many representable numbers apart the two are at most; 0 for equal infinities and NaNs.

    >>> ulps(1.0, 1.0 + 2**-52), ulps(np.nan, np.nan), ulps(0.0, 1.0) > 1e15
    (1.0, 0.0, True)
    """
    x, y = np.broadcast_arrays(data_of(a), data_of(b))
    with np.errstate(all="ignore"):
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        unit = np.spacing(np.maximum(np.abs(x), np.abs(y)))
        apart = np.where(same, 0.0, np.abs(x - y) / unit)
    return float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


# The laws ----------------------------------------------------------------------------------------


def value_is_number(case: Case) -> bool:
    """Called with Values and with plain numbers, an operation computes the same bits.

    The sign of zero aside: the sum of one number is the number, -0.0 too, where NumPy says 0.0.
    """
    plain = case.function()(*case.points)
    value = case.record()[1]
    data = value._data if isinstance(value, Value) else value
    if _bits(plain + 0.0) != _bits(data + 0.0):
        raise _broken(case, "Values compute what numbers compute", data, plain)
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
    if not _finite(out):
        return False
    rng = np.random.default_rng(len(flat(leaves)))
    u, v = rng.normal(size=len(flat(leaves))), rng.normal(size=np.size(data_of(out)))
    pushed, pulled = tangent_of(leaves, [out], u), gradient_of(leaves, [out], v)
    if not (np.isfinite(pushed).all() and np.isfinite(pulled).all()):
        return False
    size = np.abs(v) @ np.abs(pushed) + np.abs(pulled) @ np.abs(u)
    unit = 1e-12 * (np.finfo(data_of_dtype(out)).eps / np.finfo(float).eps)
    if abs(v @ pushed - pulled @ u) > unit * size:
        raise _broken(case, "⟨v, Ju⟩ = ⟨Jᵀv, u⟩", v @ pushed, pulled @ u)
    return True


def recorded_is_raw_gradient(case: Case) -> bool:
    """A gradient computed as a graph has the bits of the one computed in numbers, to 4 ulp."""
    leaves, out = case.record()
    seed = _seed(out)
    plain, recorded = (
        flat(
            [0.0 * data_of(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]
        )
        for found in (pull(leaves, [out], seed), pull(leaves, [out], seed, create_graph=True))
    )
    if ulps(plain, recorded) > 4.0:
        raise _broken(case, "create_graph changes no number", recorded, plain)
    return True


def gradient_fits_operand(case: Case) -> bool:
    """A gradient has its operand's shape: the sum over all the copies that broadcasting made."""
    leaves, out = case.record()
    seed = _seed(out)
    found = pull(leaves, [out], seed)
    for leaf, g in zip(leaves, found, strict=True):
        if g is not None and raw.shape(g) != leaf.shape:
            raise _broken(case, "gradient shape = operand shape", raw.shape(g), leaf.shape)
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
            raise _broken(case, "gradient = sum over broadcast copies", have, want)
    return True


def tape_is_eager(case: Case) -> bool:
    """The tape of a result, run again, gives the same bits."""
    _, out = case.record()
    if not isinstance(out, Value) or out.op is None:
        return True
    again = Tape.of(out).run()
    if _bits(again) != _bits(out._data):
        raise _broken(case, "tape = eager", again, out._data)
    return True


def replay_decides_anew(case: Case) -> bool:
    """Recorded at x, replayed at x′ across every kink: the bits of eager at x′, gradients too."""
    points = case.points
    if case.op.random or not points:
        return True
    out = case.record()[1]
    seed = _seed(out)

    def both(*xs: Any) -> list[Any]:
        leaves = [x if isinstance(x, Value) else Value(x) for x in xs]
        result = case.function()(*leaves)
        if case.op.plain:
            return [result]
        grads = pull(leaves, [result], seed, create_graph=True)
        zeros = [np.zeros(x.shape) if x.shape else 0.0 for x in leaves]
        return [result, *[z if g is None else g for z, g in zip(zeros, grads, strict=True)]]

    tape = Tape.record(both, *points)
    for other in _across(case):
        replayed, eager = tape.run(other), both(*other)
        for a, b in zip(replayed, eager, strict=True):
            if _bits(a) != _bits(b):
                raise _broken(case.with_points(other), "replay at x′ = eager at x′", a, b)
    return True


def kinks_follow_convention(case: Case) -> bool:
    """On a declared kink both modes give one finite number, between the one-sided derivatives."""
    decided = not case.op.kinks
    for distance in case.op.kinks:
        on = _moved_onto(case, distance)
        leaves, out = on.record()
        seed = np.abs(_seed(out))
        here = flat([out])
        if not leaves or not np.isfinite(here).all() or not isinstance(out, Value):
            continue
        gradient = gradient_of(leaves, [out], seed)
        points = flat(on.points)
        for j in range(len(points)):
            h = 1e-7 * max(1.0, abs(points[j]))
            nudge = np.zeros(len(points))
            nudge[j] = h
            up, down = (float(seed @ (_at(on, points + s * nudge) - here)) for s in (1.0, -1.0))
            low, high = sorted((up / h, -down / h))
            slack = 1e-3 * (1.0 + abs(gradient[j])) + 1e-8 * float(seed @ np.abs(here))
            jump = high > 1e4 * (1.0 + float(seed @ np.abs(here)))  # sign: no side has a slope
            if not jump and not low - slack <= gradient[j] <= high + slack:
                raise _broken(on, "between the one-sided derivatives", gradient[j], (low, high))
            tangent = float(seed @ tangent_of(leaves, [out], nudge / h))
            if abs(tangent - gradient[j]) > 1e-9 * (1.0 + abs(tangent)):
                raise _broken(on, "one convention in both modes", tangent, gradient[j])
            decided = True
    return decided


def float32_stays(case: Case) -> bool:
    """From float32 arrays come float32 results and float32 gradients."""
    if case.op.plain or not case.points or any(np.ndim(x) == 0 for x in case.points):
        return True
    narrow = case.with_points([x.astype(np.float32) for x in case.points])
    leaves, out = narrow.record()
    found = pull(leaves, [out], _seed(out))
    for what in [out, *[g for g in found if g is not None]]:
        if raw.shape(what) and what.dtype != np.float32:
            raise _broken(narrow, "float32 stays float32", what.dtype, "float32")
    return True


def operands_stay(case: Case) -> bool:
    """Neither the forward function nor a rule writes into an operand."""
    leaves, out = case.record()
    if isinstance(out, Value):
        gradient_of(leaves, [out], _seed(out))
    if [_bits(leaf) for leaf in leaves] != [_bits(x) for x in case.points]:
        raise _broken(case, "operands are not written to")
    return True


def nothing_is_not_recorded(case: Case) -> bool:
    """A call that gives one operand back unchanged is that operand: no node is recorded."""
    if case.op.kind not in ("shape", "reduction", "sum") or len(case.operands) != 1:
        return True
    x = case.operands[0]
    names = np.arange(float(np.size(x))).reshape(np.shape(x)) + 0.5 if np.ndim(x) else 0.5
    leaf = Value(names)
    out = case.op(leaf, **case.params)
    if out is not leaf and _bits(out._data) == _bits(leaf._data):
        raise _broken(case, "what does nothing is not recorded", out)
    return True


LAWS: tuple[Law, ...] = (
    value_is_number, tape_is_eager, operands_stay, nothing_is_not_recorded, replay_decides_anew,
)  # fmt: skip
DERIVATIVE_LAWS: tuple[Law, ...] = (
    gradient_is_differences, forward_is_transposed_reverse, recorded_is_raw_gradient,
    gradient_fits_operand, kinks_follow_convention, float32_stays,
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
                raise _broken(case, "scalar = array to 4 ulp", scalar, array)


def matches_reference(case: Case, reference: Reference) -> bool:
    """The forward function agrees with an independent one to 1e-13, at the same numbers."""
    with np.errstate(all="ignore"):
        want = reference(*case.operands, **case.params)
        have = case.op(*case.operands, **case.params)
    if np.shape(want) != np.shape(have):
        raise _broken(case, "the reference's shape", np.shape(have), np.shape(want))
    unit = np.finfo(data_of_dtype(have)).eps / np.finfo(float).eps
    scale = float(np.max(np.abs(np.where(np.isfinite(want), want, 0.0)), initial=0.0))
    if not np.allclose(have, want, rtol=1e-13 * unit, atol=1e-15 * unit * scale, equal_nan=True):
        raise _broken(case, "the reference's numbers", have, want)
    return True


def check_op(
    op: Op[Any], reference: Reference | None = None, max_examples: int | None = None
) -> None:
    """Hold an operation to every law; raises `LawError` with the smallest failing call.

    ``reference`` computes the forward function independently, with the same arguments.

    >>> import tinygrad_edu as tg
    >>> check_op(tg.OPS["tanh"], np.tanh, max_examples=5)
    """
    is_documented(op)
    if op.random:
        return
    with np.errstate(all="ignore"):
        scalar_is_array(op)
    tally: dict[str, list[bool]] = {}

    # Hypothesis's explanations trace every line: twenty times slower, and about this file's lines.
    options: dict[str, Any] = {"phases": [p for p in Phase if p is not Phase.explain]}
    if max_examples is not None:
        options["max_examples"] = max_examples

    @settings(deadline=None, suppress_health_check=list(HealthCheck), **options)
    @given(cases(op))
    def all_laws(case: Case) -> None:
        with np.errstate(all="ignore"):
            if reference is not None:
                matches_reference(case, reference)
            for law in LAWS if op.plain else (*LAWS, *DERIVATIVE_LAWS):
                tally.setdefault(law.__name__, []).append(law(case))

    all_laws()
    for law, decided in tally.items():
        if sum(decided) * 10 < len(decided):
            raise LawError(
                f"{op.name}: the law '{law}' could decide {sum(decided)} of {len(decided)} cases",
                hint="declare `domain`, `kinks` or `examples` so that its operands can be judged",
            )


# Helpers -----------------------------------------------------------------------------------------


def data_of_dtype(x: Any) -> Any:
    dtype = np.asarray(x._data if isinstance(x, Value) else x).dtype
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _bits(x: Any) -> Any:
    data = np.asarray(x._data if isinstance(x, Value) else x)
    if data.dtype.kind == "f":  # one NaN is as good as another
        data = np.where(np.isnan(data), np.nan, data).astype(data.dtype)
    return data.shape, data.dtype.str, data.tobytes()


def _finite(out: Any) -> bool:
    return isinstance(out, Value) and bool(np.isfinite(out._data).all())


def _seed(out: Any) -> Any:
    """Uneven weights, the same for the same size, so that a failure repeats."""
    size = int(np.size(data_of(out)))
    return np.random.default_rng(size).uniform(0.5, 1.5, size) * (-1.0) ** np.arange(size)


def _at(case: Case, points: Any) -> Any:
    at, parts = 0, []
    for x in case.points:
        size = int(np.size(x))
        parts.append(canonical(points[at : at + size].reshape(np.shape(x))))
        at += size
    return flat([case.function()(*parts)])


def _across(case: Case) -> list[list[Any]]:
    """Other points of the same shapes: mirrored, and in reverse order, within the domain."""
    domains: Sequence[tuple[float, float]] = case.op.domain or ((-np.inf, np.inf),) * len(
        case.points
    )
    mirrored, reverse = [], []
    for x, (low, high) in zip(case.points, domains, strict=False):
        flipped = -np.asarray(x) if low == -np.inf else np.asarray(x) * 0.75
        mirrored.append(canonical(np.clip(flipped, low, high)))
        reverse.append(canonical(np.asarray(x).reshape(-1)[::-1].reshape(np.shape(x))))
    return [mirrored, reverse]


def _moved_onto(case: Case, distance: Callable[..., Any]) -> Case:
    """The case with its first operand shifted so that the distance is 0 where that is possible."""
    d = np.asarray(distance(*case.operands, **case.params), dtype=np.float64)
    x = case.points[0]
    if case.op.rules is None:
        return case.with_points([np.round(x), *case.points[1:]])
    spread = np.broadcast_to(x, np.broadcast_shapes(np.shape(x), d.shape))
    moved = np.where(np.isfinite(d), spread - d, spread)
    return case.with_points([canonical(moved), *case.points[1:]])
