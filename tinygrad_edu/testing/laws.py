"""Laws as a kit: what is the library's own, and what is yours, is held to the same.

`check_op(op)` holds an operation to every law in `op_laws`, `check_module(module)` a layer or a
whole network, `check_optimizer(optimizer)` a rule of updates. One Hypothesis draw feeds all laws
of an operation. An operation that is hardly ever decided fails too, so that no law passes by
saying nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from tinygrad_edu.engine import Op
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.law_tools import LawError, ulps
from tinygrad_edu.testing.module_laws import check_module
from tinygrad_edu.testing.op_laws import (
    DERIVATIVE_LAWS,
    LAWS,
    Reference,
    forward_is_transposed_reverse,
    gradient_is_differences,
    is_documented,
    matches_reference,
    scalar_is_array,
)
from tinygrad_edu.testing.optimizer_laws import check_optimizer
from tinygrad_edu.testing.strategies import cases


def check_op(
    op: Op[Any], reference: Reference | None = None, max_examples: int | None = None
) -> None:
    """Hold an operation to every law; raises `LawError` with the smallest failing call.

    ``reference`` computes the forward function independently, with the same arguments.

    >>> import tinygrad_edu as tg
    >>> check_op(tg.OPS["tanh"], np.tanh, max_examples=5)
    """
    is_documented(op)
    if op.random:
        return
    with np.errstate(all="ignore"):
        scalar_is_array(op)
    tally: dict[str, list[bool]] = {}

    # Hypothesis's explanations trace every line: twenty times slower, and about this file's lines.
    options: dict[str, Any] = {"phases": [p for p in Phase if p is not Phase.explain]}
    options |= {"database": None, "print_blob": False}  # nothing is written beside the user's files
    if max_examples is not None:
        options["max_examples"] = max_examples

    @settings(deadline=None, suppress_health_check=list(HealthCheck), **options)
    @given(cases(op))
    def all_laws(case: Case) -> None:
        with np.errstate(all="ignore"):
            if reference is not None:
                matches_reference(case, reference)
            for law in LAWS if op.plain else (*LAWS, *DERIVATIVE_LAWS):
                tally.setdefault(law.__name__, []).append(law(case))

    all_laws()
    for law, decided in tally.items():
        if sum(decided) * 10 < len(decided):
            raise LawError(
                f"{op.name}: the law '{law}' could decide {sum(decided)} of {len(decided)} cases",
                hint="declare `domain`, `kinks` or `examples` so that its operands can be judged",
            )


__all__ = [
    "DERIVATIVE_LAWS",
    "LAWS",
    "LawError",
    "check_module",
    "check_op",
    "check_optimizer",
    "forward_is_transposed_reverse",
    "gradient_is_differences",
    "matches_reference",
    "ulps",
]
