"""References of `ops/rounding` and `ops/pieces`; NumPy has most of them itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.references.basic import each

REFERENCES: dict[str, Callable[..., Any]] = {
    "floor": each(lambda x: float(math.floor(x))),
    "ceil": each(lambda x: float(math.ceil(x))),
    "trunc": each(lambda x: float(int(x))),
    "lerp": lambda start, end, weight: (1.0 - weight) * start + weight * np.asarray(end),
}
