"""The pytest plugin of tinygrad_edu: how many points, the report, and the counterexample drawn.

It stands beside the package so that pytest, which loads every plugin at its start, does not load
NumPy and Hypothesis with it; both are there when a test that uses them has failed.

- ``--gradient-examples N``: points for each `gradient_property` test
- ``--gradient-pictures DIR``: where the drawn counterexamples go (default: gradient-pictures)
- the failure section of a test that raised `GradientError` holds the report and the picture's path
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tinygrad_edu", "gradient checks (tinygrad_edu)")
    group.addoption(
        "--gradient-examples", type=_count, default=None, metavar="N",
        help="points that each gradient_property test draws",
    )  # fmt: skip
    group.addoption(
        "--gradient-pictures", default="gradient-pictures", metavar="DIR",
        help="folder for drawn counterexamples [gradient-pictures]",
    )  # fmt: skip


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise pytest.UsageError(f"--gradient-examples {text}: a whole number from 1 up")
    return int(text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    examples = config.getoption("--gradient-examples")
    for item in items:
        made = getattr(getattr(item, "function", None), "gradient_property", None)
        if made is not None and examples is not None:
            made.examples = examples


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    outcome = yield
    error = None if call.excinfo is None else call.excinfo.value
    report = getattr(error, "report", None)
    if type(error).__name__ not in ("GradientError", "LawError") or report is None:
        return outcome
    lines = [str(error)]
    path = _drawn(report, item)
    if path is not None:
        lines.append(f"  drawn: {path}")
    outcome.sections.append(("gradient report", "\n".join(lines)))
    return outcome


def _drawn(report: Any, item: pytest.Item) -> Path | None:
    """The counterexample as an SVG file, or None where it cannot be drawn."""
    folder = Path(item.config.rootpath, item.config.getoption("--gradient-pictures"))
    path = folder / (re.sub(r"[^\w.-]+", "-", item.nodeid).strip("-") + ".svg")
    try:
        picture = report.draw(level="op")
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(str(path))
    except Exception:  # a picture that fails must not hide the failure it belongs to
        return None
    return path
