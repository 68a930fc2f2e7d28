"""References of `ops/powers` and `ops/trigonometric`; NumPy has most of them itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.references.basic import each

REFERENCES: dict[str, Callable[..., Any]] = {
    "xlogy": each(lambda x, y: 0.0 if x == 0.0 else x * math.log(y)),
    "sinc": each(lambda x: math.sin(math.pi * x) / (math.pi * x) if x else 1.0),
}
