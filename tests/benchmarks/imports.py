"""What ``import tinygrad_edu`` costs beside ``import numpy``: fresh interpreters, taking turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = {
    "python alone": "pass",
    "import numpy": "import numpy",
    "import tinygrad_edu": "import tinygrad_edu",
}


def times(rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each program, one entry per round; the first round is not counted.

    Everybody's byte code is kept between rounds, in a folder of the benchmark's own, whatever the
    surroundings say: an installed package has its byte code too.
    """
    found: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    root = Path(__file__).parent.parent.parent
    with tempfile.TemporaryDirectory() as kept:
        surroundings = {**os.environ, "PYTHONPYCACHEPREFIX": kept}
        surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(rounds + 1):
            for name, program in PROGRAMS.items():
                start = _spent()
                subprocess.run(
                    [sys.executable, "-c", program], check=True, cwd=root, env=surroundings
                )
                found[name].append(_spent() - start)
    return {name: values[1:] for name, values in found.items()}


def _spent() -> float:
    """Processor seconds of finished children, so that other processes do not count."""
    try:
        import resource
    except ImportError:  # Windows
        return time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # finer than the ticks of `os.times`
    return used.ru_utime + used.ru_stime


def ratio(found: dict[str, list[float]]) -> float:
    """``import tinygrad_edu`` over ``import numpy``, round by round."""
    pairs = zip(found["import tinygrad_edu"], found["import numpy"], strict=True)
    return statistics.median(a / b for a, b in pairs)
