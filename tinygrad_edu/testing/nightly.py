"""Many random programs of the right engine: none may be called wrong.

``python -m tinygrad_edu.testing.nightly --programs 100000`` takes hours; each program comes from
its own seed, so that a run can be split and a finding repeated.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from tinygrad_edu.terminal import say
from tinygrad_edu.testing.builder import random_program
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.programs import Program
from tinygrad_edu.testing.report import Report


def judged(seeds: Sequence[int], size: int = 8) -> Iterator[tuple[int, Program, Report]]:
    """Each seed's program with the report of its check."""
    for seed in seeds:
        program = random_program(Random(seed), size)
        yield seed, program, report_of(program, *program.inputs, limit=12, directions=2)


def is_alarm(report: Report) -> bool:
    """Whether the report accuses: "wrong" or "random". (The engine is right, so falsely.)"""
    return report.verdict in ("wrong", "random")


def run(first: int, count: int, size: int = 8) -> Counter[str]:
    """Check ``count`` programs; prints each false alarm, and returns how often each word came."""
    words: Counter[str] = Counter()
    for seed, program, report in judged(range(first, first + count), size):
        words[report.verdict] += 1
        if is_alarm(report):
            say(f"# seed {seed}\n{program}\n{report}\n")
        if sum(words.values()) % 1000 == 0:
            say(f"{sum(words.values())}: {dict(words)}")
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where there was a false alarm."""
    parser = argparse.ArgumentParser(description="check many random programs")
    parser.add_argument("--programs", type=int, default=100_000, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--size", type=int, default=8, help="operations per program at most")
    options = parser.parse_args(arguments)
    words = run(options.first, options.programs, options.size)
    say(f"{sum(words.values())} programs: {dict(words)}")
    return int(words["wrong"] + words["random"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
