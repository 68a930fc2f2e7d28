"""Checks that people can trust: gradients against differences, laws of every operation, programs.

Hypothesis is imported only when `strategies`, `laws` or `gradient_property` is used; `check`
works without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import GradientError
from tinygrad_edu.testing.checks import check, check_gradients
from tinygrad_edu.testing.locating import Located, locate
from tinygrad_edu.testing.report import Culprit, Kink, Report

if TYPE_CHECKING:
    from tinygrad_edu.testing import lab, laws, strategies
    from tinygrad_edu.testing.properties import gradient_property


def __getattr__(name: str) -> Any:
    if name == "gradient_property":
        return importlib.import_module("tinygrad_edu.testing.properties").gradient_property
    if name not in ("lab", "laws", "strategies"):
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
    "gradient_property",
    "lab",
    "laws",
    "locate",
    "strategies",
]
