"""What operations should compute, written without the library: one module per family.

Each module has a dictionary ``REFERENCES`` from the name of an operation to a function of the same
arguments. NumPy's own function of that name serves where there is no entry.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np

REFERENCES: dict[str, Callable[..., Any]] = {}
for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    REFERENCES |= importlib.import_module(_module.name).REFERENCES


def reference_of(name: str) -> Callable[..., Any] | None:
    """The independent function for an operation, or None."""
    return REFERENCES.get(name) or getattr(np, name, None)
