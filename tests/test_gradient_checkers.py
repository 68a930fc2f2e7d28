"""This library's own column of the comparison of gradient checkers, and the page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.gradient_checkers import CASES, Ours, rightly
from tinygrad_edu.engine import OPS

PAGE = (Path(__file__).parent.parent / "docs" / "gradient_checkers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ours_judges_rightly(case: Any) -> None:
    """[T47, T48, T49]"""
    before = set(OPS)
    try:
        assert rightly(Ours().judge(case), case.truth)
    finally:
        for name in set(OPS) - before:
            del OPS[name]


def test_the_page_shows_every_function_and_what_ours_says() -> None:
    assert len(CASES) == 30 and "| 30 of 30 |" in PAGE
    assert all(f"| {case.name} | {case.truth} | {case.truth} |" in PAGE for case in CASES)


def test_rightly() -> None:
    assert rightly("right", "right") and rightly("wrong", "wrong") and rightly("kink", "kink")
    assert not rightly("wrong", "kink") and not rightly("step", "right")
    assert not rightly("right", "wrong")
