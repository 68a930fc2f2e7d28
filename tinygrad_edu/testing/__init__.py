"""Checks that people can trust: gradients against differences, laws of every operation, programs.

Hypothesis is imported only when `strategies` or `laws` is used; `check` works without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import GradientError
from tinygrad_edu.testing.checks import check, check_gradients
from tinygrad_edu.testing.locating import Located, locate
from tinygrad_edu.testing.report import Culprit, Kink, Report

if TYPE_CHECKING:
    from tinygrad_edu.testing import laws, strategies


def __getattr__(name: str) -> Any:
    if name not in ("laws", "strategies"):
        raise AttributeError(f"module 'tinygrad_edu.testing' has no attribute {name!r}")
    return importlib.import_module(f"tinygrad_edu.testing.{name}")


__all__ = [
    "Culprit",
    "GradientError",
    "Kink",
    "Located",
    "Report",
    "check",
    "check_gradients",
    "laws",
    "locate",
    "strategies",
]
