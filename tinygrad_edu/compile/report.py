"""`Report`: how a function became a program, with counts and times."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinygrad_edu.tape import Tape
from tinygrad_edu.terminal import printable

_WHY = {
    ("numpy", "auto"): "the fastest there is; it needs nothing beyond NumPy",
    ("numpy", "numpy"): "asked for",
    ("python", "python"): "asked for: the forward functions one by one, to compare with",
}


@dataclass(eq=False)
class Report:
    """Passes (name, instructions before, after, seconds), backend, times, and why.

    ``careful`` counts the runs in which Python's arithmetic raised (1/0, log 0) and the program of
    the ``python`` backend gave what IEEE 754 prescribes.
    """

    backend: str
    asked: str
    recording: float
    passes: list[tuple[str, int, int, float]] = field(default_factory=list)
    writing: float = 0.0
    instructions: int = 0
    inputs: int = 0
    captured: int = 0
    draws: int = 0
    reused: int = 0
    careful: int = 0
    distrusted: bool = False

    def distrust(self) -> None:
        """Note that the program computed something else on the example and is not used."""
        self.backend, self.distrusted = "python", True

    def passed(self, name: str, before: int, after: int, seconds: float) -> None:
        """Note one pass."""
        self.passes.append((name, before, after, seconds))

    def written(self, source: str, seconds: float, tape: Tape) -> None:
        """Note what was written."""
        self.writing, self.reused = seconds, source.count(", out=")
        self.instructions, self.inputs = len(tape.instructions), len(tape.inputs)
        self.captured = len(tape.leaves) - self.inputs
        self.draws = sum(step.op.random for step in tape.instructions)

    @property
    def seconds(self) -> float:
        """Recording, passes and writing together."""
        return self.recording + self.writing + sum(p[3] for p in self.passes)

    def text(self, times: bool = True) -> str:
        """The report as lines; without ``times`` they are the same each time."""

        def clock(seconds: float) -> str:
            return f"   {1e3 * seconds:.2f} ms" if times else ""

        why = _WHY.get((self.backend, self.asked), "")
        if self.distrusted:
            why = "the fast program gave other numbers on the example, which should not happen"
        lines = [f"backend {self.backend}: {why}", f"recorded{clock(self.recording)}"]
        lines += [f"{n:<16} {b:>6} -> {a:>6}{clock(s)}" for n, b, a, s in self.passes]
        lines.append(f"written{clock(self.writing)}")
        counts = {
            "instructions": self.instructions, "inputs": self.inputs,
            "captured, read at each call": self.captured, "random draws": self.draws,
            "results written into arrays no longer needed": self.reused,
            "runs in which Python raised and IEEE 754 decided": self.careful,
        }  # fmt: skip
        return "\n".join([*lines, *[f"{n} {what}" for what, n in counts.items() if n]])

    def __str__(self) -> str:
        return printable(self.text())
