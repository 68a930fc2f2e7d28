"""What rounding may do to a claimed derivative, and to the numbers it is measured from."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing.subject import data_of


def numbers_of(out: Any) -> list[Any]:
    """The numbers of an output, each as a Value if it is one."""
    if not isinstance(out, Value) or not out.shape:
        return [out] if np.ndim(data_of(out)) == 0 else list(data_of(out).reshape(-1))
    return [out[i] for i in np.ndindex(out.shape)]


def answer_to_all(total: Any) -> float:
    """Σ |∂total/∂v · v| over every number v that it was computed from."""
    if not isinstance(total, Value) or not total.requires_grad:
        return 0.0
    try:
        answers = pull_back(total, ONE)
    except (TinygradError, ArithmeticError, ValueError):
        return 0.0
    sizes = [
        float(np.sum(np.abs(data_of(g) * data_of(v)))) for v, g in answers.items() if g is not None
    ]
    return sum(size for size in sizes if np.isfinite(size))


def precision(outs: list[Any]) -> tuple[float, float]:
    """The rounding unit of the least precise node, and the largest number on the way.

    float32 inside makes differences coarse; what cancels leaves noise of the size of its terms.
    """
    roots = [out for out in outs if isinstance(out, Value)]
    steps = Tape.of(*roots, roles=False).instructions if roots else ()
    unit, level = 2.2e-16, 0.0
    for step in steps:
        data = step.recorded
        if type(data) is float:
            level = max(level, abs(data)) if isfinite(data) else level
            continue
        data = np.asarray(data)
        if data.dtype.kind == "f" and data.size:
            unit = max(unit, float(np.finfo(data.dtype).eps))
            largest = float(np.max(np.abs(data)))
            level = max(level, largest) if np.isfinite(largest) else level
    return unit, level
