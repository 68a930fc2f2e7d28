"""How small a counterexample gets: a mutant is planted, and random programs look for it.

``python -m tinygrad_edu.testing.shrinking`` says for how many operations the shrunk program has at
most three operations, ``… tanh relu`` for some.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample

from tinygrad_edu.engine import Op
from tinygrad_edu.terminal import say
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.mutants import operands_of, planted, smooth
from tinygrad_edu.testing.programs import Program
from tinygrad_edu.testing.strategies import programs

MOST = 3
OTHERS = ("tanh", "multiply", "add")


def counterexample(op: Op[Any], operand: int, kind: str = "factor") -> Program | None:
    """The smallest program that the check finds wrong with this mutant, or None."""

    def fails(program: Program) -> bool:
        if op.name not in program.operations:
            return False
        with np.errstate(all="ignore"):
            report = report_of(
                program, *program.inputs, order=1, limit=6, directions=1, find_culprit=False
            )
        return report.verdict == "wrong"

    options = settings(
        max_examples=60, derandomize=True, database=None, deadline=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    with planted(op, operand, kind):
        try:
            return find(programs(3, [op.name, *OTHERS]), fails, settings=options)
        except NoSuchExample:
            return None


def main(names: Sequence[str] | None = None) -> int:
    """The command; 1 where fewer than 95 % are small."""
    chosen = sys.argv[1:] if names is None else names
    small = total = 0
    for op in smooth(chosen):
        found = counterexample(op, operands_of(op)[0])
        if found is None:
            say(f"{op.name}: no program fails (its derivative is 0, or it is never drawn)")
            continue
        total += 1
        small += len(found.operations) <= MOST
        if len(found.operations) > MOST:
            say(f"{op.name}: {len(found.operations)} operations: {' '.join(found.operations)}")
    say(f"{small} of {total} shrunk counterexamples have at most {MOST} operations")
    return int(small < 0.95 * total)


if __name__ == "__main__":
    raise SystemExit(main())
