"""The demos run, from any folder and on any terminal, and show what they say they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEMOS = sorted((ROOT / "demos").glob("[0-9]*.py"))

# What a learner must see, per demo.
SHOWN = {
    "01_a_value.py": ["total was made by add of 6.0 and 4.0", "instructions give 34.0"],
    "02_a_neuron.py": ["weighted sum", "Umbrella: 0.48", "without bias   0.50"],
    "03_backward.py": ["evaluation trace", "raising w would lower the loss", "loss after 50 steps"],
    "04_see_and_check.py": ["gradient check: right", "gradient check: wrong", "next: "],
    "05_train_penguins.py": ["gradients are right", "held out, right:", "always the commonest"],
    "06_trust_a_gradient.py": [
        "breaks the law",
        "op `steep_cube`",
        "Adam: lawful",
        "-> recursion:",
    ],
    "07_a_filter_that_slides.py": [
        "55 parameters",
        "gradients of the filters are right",
        "What the filters look for",
    ],
}
PICTURES = {
    "04_see_and_check.py": ["network.svg", "neuron.svg"],
    "05_train_penguins.py": ["network.svg"],
    "07_a_filter_that_slides.py": ["convolutional.svg"],
}


def run(demo: Path, cwd: Path, *args: str, encoding: str = "utf-8") -> str:
    """What a demo prints when it is started in the folder ``cwd``."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith("PYTHON")}
    settings = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    settings |= {name: str(cwd) for name in ("TMPDIR", "TEMP", "TMP")}
    command = [sys.executable, "-W", "error", str(demo), *args]
    done = subprocess.run(
        command, cwd=cwd, env=kept | settings, capture_output=True, encoding=encoding, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def written(folder: Path) -> list[Path]:
    """The files below a folder, but for what Hypothesis notes for itself."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if ".hypothesis" not in file.parts]


def _results(printed: str) -> str:
    """The lines that compare two networks."""
    return "\n".join(line for line in printed.splitlines() if "seen" in line)


@pytest.mark.parametrize("demo", DEMOS, ids=lambda d: d.stem)
def test_a_demo_shows_its_lesson(demo: Path, tmp_path: Path) -> None:
    pictures = PICTURES.get(demo.name, [])
    out = ["--out", str(tmp_path / "new" / "folder")] if pictures else []
    printed = run(demo, tmp_path, *out)
    if demo.name == "05_train_penguins.py":
        right, baseline = (int(n) for n in re.findall(r"(\d+)%", printed))
        assert right > 90 > 50 > baseline
    if demo.name == "07_a_filter_that_slides.py":
        few, _, sliding, many, _, everywhere = map(int, re.findall(r" (\d+)\b", _results(printed)))
        assert few < 60 < 1000 < many and sliding > 95 > 60 > everywhere
    missing = [text for text in SHOWN[demo.name] if text not in printed]
    assert not missing, f"{demo.name} does not show {missing}:\n{printed}"
    made = sorted(file.name for file in written(tmp_path))
    assert made == pictures, "pictures go to --out, and nothing else is written"


@pytest.mark.parametrize("demo", DEMOS, ids=lambda d: d.stem)
def test_a_demo_prints_on_an_ascii_terminal_and_writes_only_to_a_temporary_folder(
    demo: Path, tmp_path: Path
) -> None:
    printed = run(demo, tmp_path, encoding="ascii")
    assert printed.isascii() and len(printed) > 100
    folders = {file.parent for file in written(tmp_path)}
    assert all(folder.name.startswith("tinygrad-edu-") for folder in folders)


def test_every_demo_is_in_its_readme_and_here() -> None:
    names = [demo.name for demo in DEMOS]
    listed = re.findall(r"\]\((.*?)\)", (ROOT / "demos" / "README.md").read_text(encoding="utf-8"))
    assert names == listed == list(SHOWN)


@pytest.mark.parametrize("demo", DEMOS, ids=lambda d: d.stem)
def test_a_demo_is_short(demo: Path) -> None:
    lines = demo.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60 and all(len(line) <= 100 for line in lines)
