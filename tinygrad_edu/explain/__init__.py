"""Explaining a recorded graph: why a gradient is what it is, the trace, the program.

- `explain(loss, w)`: local derivative × upstream = share, for every use of ``w``.
- `trace_table(loss)`: the evaluation trace v₁, v₂, … with adjoints, as the literature prints it.
- `to_latex(loss)`: the same as formulas for a page.
- `to_code(loss)`: forward and backward as a Python program that runs without this library.

Each reads the `Tape` and refuses a stale graph. This module can be called: the package offers it
as ``tg.explain``, and ``tg.explain(loss, w)`` is `explain`.
"""

from __future__ import annotations

import sys
from types import ModuleType

from tinygrad_edu.engine import Value
from tinygrad_edu.explain.code import to_code
from tinygrad_edu.explain.latex import to_latex
from tinygrad_edu.explain.trace import Contribution, TraceRow, TraceTable, trace_table
from tinygrad_edu.explain.why import Explanation, Overview, Share, explain


class _Explain(ModuleType):
    """The import system binds a submodule's name in its package, so the module is the function."""

    def __call__(self, output: Value, wrt: Value | None = None) -> Explanation | Overview:
        return explain(output, wrt)


_Explain.__call__.__doc__ = explain.__doc__
sys.modules[__name__].__class__ = _Explain

__all__ = [
    "Contribution",
    "Explanation",
    "Overview",
    "Share",
    "TraceRow",
    "TraceTable",
    "explain",
    "to_code",
    "to_latex",
    "trace_table",
]
