"""Six mistakes in the rule of every operation, for every operand: each is caught and located.

What each mutant is equivalent to, where it is, is worked out: nothing is listed by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS
from tinygrad_edu.testing import mutants, shrinking
from tinygrad_edu.testing.mutants import KINDS, REASONS, judge, operands_of, smooth

PAGE = Path(__file__).parent.parent / "docs" / "mutation_score.md"


@pytest.mark.parametrize("op", smooth(), ids=lambda op: op.name)
def test_every_mutant_is_caught_and_located_or_equivalent(op: Any) -> None:
    """[T43, T18]"""
    outcomes = [judge(op, operand, kind) for operand in operands_of(op) for kind in KINDS]
    assert [o for o in outcomes if o.word == "missed"] == []
    assert all(o.reason in REASONS for o in outcomes if o.word == "equivalent")


@pytest.mark.parametrize(
    ("name", "operand", "kind", "reason"),
    [
        ("sign", 0, "factor", "flat"),
        ("relu", 0, "detached", "straight"),
        ("add", 1, "dropped", "one term"),
        ("multiply", 0, "out for x", "unread"),
    ],
)
def test_the_reasons_are_worked_out(name: str, operand: int, kind: str, reason: str) -> None:
    found = judge(OPS[name], operand, kind)
    assert (found.word, found.reason) == ("equivalent", reason)


def test_a_blind_check_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tg.testing.Report("right")
    monkeypatch.setattr(mutants, "report_of", lambda *args, **options: right)
    assert judge(OPS["tanh"], 0, "factor").word == "missed"
    assert "✗" in mutants.table(list(mutants.score(["tanh"])))
    assert mutants.main(["tanh"]) == 1


def test_each_mistake_is_the_one_it_is_called() -> None:
    def pulled(name: str, kind: str, *xs: float) -> Any:
        op = OPS[name]
        return mutants.mutated(op, 0, kind)(0, 2.0, op(*xs), xs, {})

    assert pulled("square", "factor", 3.0) == pytest.approx(12.36)
    assert pulled("square", "sign", 3.0) == -12.0
    assert pulled("tanh", "dropped", 0.5) == pytest.approx(2.0)  # 1 - tanh² without its tanh²
    assert pulled("square", "out for x", 3.0) == 36.0
    assert np.shape(pulled("square", "shape", 3.0)) == (2,)


def test_the_table_says_what_was_found() -> None:
    table = mutants.table(list(mutants.score(["tanh", "relu"])))
    assert table.startswith("9 of 9 mutants caught and located, 3 equivalent.") or "✗" not in table
    assert "| `tanh` | 0 | ✓ | ✓ | ✓ |" in table and "straight" in table


@pytest.mark.parametrize("name", ["tanh", "divide", "softmax", "cumsum", "matmul", "logsumexp"])
def test_a_counterexample_shrinks_to_three_operations(name: str) -> None:
    found = shrinking.counterexample(OPS[name], 0)
    assert found is not None and name in found.operations
    assert len(found.operations) <= shrinking.MOST


def test_the_page_has_no_mutant_that_was_missed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "✗" not in text.split("| operation", 1)[1]
    assert all(f"`{kind}`" in text for kind in KINDS)
    assert all(reason in text for reason in REASONS.values())


@pytest.mark.slow
def test_nineteen_in_twenty_counterexamples_are_small() -> None:
    assert shrinking.main([]) == 0
