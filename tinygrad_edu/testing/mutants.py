"""The mutation score: wrong rules planted in every operation, and whether the check says so.

``python -m tinygrad_edu.testing.mutants`` prints the table for every operation and differentiable
operand, ``… tanh relu`` for some. A mutant counts as caught where the verdict is "wrong" and the
operation is named. It is equivalent where it computes what the right rule computes at every point
that is drawn; the reason stands in the table. (DeMillo, Lipton and Sayward, "Hints on test data
selection", Computer 11 (1978).)
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import OPS, Op, Value, make_leaf
from tinygrad_edu.families import registry
from tinygrad_edu.raw import canonical, shape
from tinygrad_edu.tape import Slot, Tape
from tinygrad_edu.terminal import say
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.subject import data_of, flat, gradient_of, pull, recorded
from tinygrad_edu.testing.wrong_engines import replaced

Pull = Callable[[int, Any, Any, Any, Any], Any]
KINDS = {
    "factor": "the gradient times 1.03",
    "sign": "the gradient with the other sign",
    "dropped": "one term of the rule left out (one factor, where it has one term only)",
    "out for x": "the result in the place of the operand",
    "shape": "a gradient of a larger shape, which broadcasts",
    "detached": "a rule cut off from the graph: the second derivative is lost",
}
FLAT = "flat"
STRAIGHT = "straight"
NOTHING = "one term"
UNUSED = "unread"
REASONS = {
    FLAT: "the derivative is 0 wherever there is one",
    STRAIGHT: "the second derivative is 0",
    NOTHING: "the rule is one term without a factor: nothing can be left out",
    UNUSED: "the rule does not read the operand's number, or the result is the operand",
}
_REASONS = {"detached": STRAIGHT, "dropped": NOTHING, "out for x": UNUSED}
SEEDS = 12
_OPERANDS = 3


class Outcome(NamedTuple):
    """What became of one mutant: caught, missed, or equivalent with the reason."""

    op: str
    operand: int
    kind: str
    word: str
    reason: str = ""


def call_of(op: Op[Any], seed: int) -> Case:
    """A call with ordinary numbers from the domain, or from the examples."""
    operands, params = op.examples(Random(seed)) if op.examples else (None, {})
    if operands is None:
        rng = np.random.default_rng(seed)
        count = 2 if op._arity < 0 else op._arity
        domains = op.domain or ((-np.inf, np.inf),) * count
        operands = tuple(
            rng.uniform(max(low, -2.0) + 0.1, min(high, 2.5), size=2) for low, high in domains
        )
    return Case(op, operands, params or dict(op._defaults))


def smooth(names: Sequence[str] = ()) -> list[Op[Any]]:
    """The operations that have derivatives; those of the names if there are any."""
    return [op for n, op in registry().items() if not op.plain and (not names or n in names)]


def operands_of(op: Op[Any]) -> list[int]:
    """Which operands can be differentiated: the first three of them."""
    return sorted({i for seed in range(4) for i in call_of(op, seed).moving})[:_OPERANDS]


# Planting ----------------------------------------------------------------------------------------


def mutated(op: Op[Any], operand: int, kind: str) -> Pull:
    """The operation's rule with one mistake for one operand."""
    right: Pull = op.pull

    def wrong(i: int, g: Any, out: Any, xs: Any, params: Any) -> Any:
        if i != operand:
            return right(i, g, out, xs, params)
        if kind == "dropped":
            return _one_term_less(right, i, g, out, xs, params)
        if kind == "out for x" and shape(out) == shape(xs[i]):
            xs = [out if j == i else x for j, x in enumerate(xs)]
        if kind == "detached":
            return right(i, g, _numbers(out), [_numbers(x) for x in xs], params)
        d = right(i, g, out, xs, params)
        if d is None:
            return None
        if kind == "shape":
            return OPS["broadcast_to"](d, shape=(2, *shape(d)))
        return d * {"factor": 1.03, "sign": -1.0}.get(kind, 1.0)

    return wrong


def planted(op: Op[Any], operand: int, kind: str) -> AbstractContextManager[None]:
    """The operation with that mistake, until the end of the block."""
    return replaced(op, rules=None, pull=mutated(op, operand, kind))


def _numbers(x: Any) -> Any:
    return x._data if isinstance(x, Value) else x


_TERMS, _FACTORS = ("add", "subtract", "add_n"), ("multiply", "divide")


def _one_term_less(right: Pull, i: int, g: Any, out: Any, xs: Any, params: Any) -> Any:
    """The rule's own graph, run without the last operand of its first sum (or product)."""
    with recorded():
        leaves = [_leaf(g), _leaf(out), *[_leaf(x) for x in xs]]
        made = right(i, leaves[0], leaves[1], leaves[2:], params)
    if not isinstance(made, Value) or made.op is None:
        return _numbers(made)
    tape = Tape.of(made, roles=False)
    at = next(
        (s for ops in (_TERMS, _FACTORS) for s in tape.instructions if s.op.name in ops), None
    )
    slots: list[Any] = [leaf.value._data for leaf in tape.leaves]
    for step in tape.instructions:
        args = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
        if step is at:
            first = args[0] if shape(args[0]) == shape(step.recorded) else args[-1]
            slots.append(np.broadcast_to(first, shape(step.recorded)) if shape(first) else first)
        else:
            slots.append(step.op(*args, **step.params))
    return canonical(np.array(slots[tape.outputs[0]]))


def _leaf(x: Any) -> Any:
    data = _numbers(x)
    return make_leaf(canonical(data), None, True) if np.asarray(data).dtype.kind == "f" else data


# Judging -----------------------------------------------------------------------------------------


def judge(op: Op[Any], operand: int, kind: str) -> Outcome:
    """Plant one mutant and look whether the check finds it."""
    cases = [call_of(op, seed) for seed in range(SEEDS)]
    cases = [c for c in cases if operand in c.moving]
    differs = [c for c in cases if _differs(c, operand, kind)]
    if not differs:
        flat_too = kind in ("factor", "sign", "shape", "dropped", "out for x")
        zero = flat_too and not any(_differs(c, operand, "sign") for c in cases)
        return Outcome(op.name, operand, kind, "equivalent", FLAT if zero else _REASONS[kind])
    order = 2 if kind == "detached" else 1
    with planted(op, operand, kind), np.errstate(all="ignore"):
        for case in differs:
            report = report_of(case.function(), *case.points, order=order, limit=6, directions=1)
            if report.verdict == "wrong" and report.culprit and report.culprit.op == op.name:
                return Outcome(op.name, operand, kind, "caught")
    return Outcome(op.name, operand, kind, "missed")


def _differs(case: Case, operand: int, kind: str) -> bool:
    """Whether the mutant computes other numbers than the right rule, at this call."""
    with np.errstate(all="ignore"):
        leaves, out = case.record()
        if not isinstance(out, Value) or not np.isfinite(out._data).all():
            return False
        seed = np.random.default_rng(3).uniform(0.5, 1.5, np.size(data_of(out)))
        if kind == "detached":
            return _bends(leaves, out, seed, case.moving.index(operand))
        want = gradient_of(leaves, [out], seed)
        try:
            with planted(case.op, operand, kind):
                have = gradient_of(leaves, [out], seed)
        except Exception:  # it fails loudly: that is another number, too
            return True
    finite = np.isfinite(want)
    return not np.allclose(have[finite], want[finite], rtol=1e-6, atol=1e-9)


def _bends(leaves: Sequence[Value], out: Value, seed: Any, place: int) -> bool:
    """Whether the gradient of this operand answers to any operand."""
    found = pull(leaves, [out], seed, create_graph=True)[place]
    if not isinstance(found, Value) or not found.requires_grad:
        return False
    size = len(flat([found]))
    weights = np.random.default_rng(4).uniform(0.5, 1.5, size)
    second = gradient_of(leaves, [found], weights)
    second = second[np.isfinite(second)]
    return bool(np.max(np.abs(second), initial=0.0) > 1e-6)


def score(names: Sequence[str] = ()) -> Iterator[Outcome]:
    """The outcome of every mutant of every operation, or of the named ones."""
    for op in smooth(names):
        for operand in operands_of(op):
            for kind in KINDS:
                yield judge(op, operand, kind)


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes in Markdown: a row per operation and operand, a column per mistake."""
    signs = {"caught": "✓", "missed": "✗", "equivalent": "="}
    rows: dict[tuple[str, int], dict[str, Outcome]] = {}
    for each in outcomes:
        rows.setdefault((each.op, each.operand), {})[each.kind] = each
    lines = ["| operation | operand | " + " | ".join(KINDS) + " | why = |"]
    lines.append("|---|---|" + "---|" * (len(KINDS) + 1))
    for (name, operand), found in rows.items():
        cells = " | ".join(signs[found[kind].word] for kind in KINDS)
        why = "; ".join(dict.fromkeys(o.reason for o in found.values() if o.reason))
        lines.append(f"| `{name}` | {operand} | {cells} | {why} |")
    words = Counter(each.word for each in outcomes)
    real = words["caught"] + words["missed"]
    told = (
        f"{words['caught']} of {real} mutants caught and located, {words['equivalent']} equivalent"
    )
    return "\n".join([*lines, "", told + "."])


def main(names: Sequence[str] | None = None) -> int:
    """The command; 1 where a mutant was missed."""
    outcomes = list(score(sys.argv[1:] if names is None else names))
    say(table(outcomes))
    return int(any(each.word == "missed" for each in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())
