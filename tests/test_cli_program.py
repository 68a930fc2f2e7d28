"""``draw`` and ``check``: what a user's file may hold, and every way it may fail."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from tinygrad_edu import cli

PROGRAM = '''
"""A neuron."""
import tinygrad_edu as tg

x, w, b = tg.input(0.8, "x"), tg.weight(0.3, "w"), tg.bias(0.1, "b")
loss = (tg.tanh(w * x + b) - 1.0) ** 2
model = tg.nn.MLP(2, [3], 1)
number = 3


def make():
    return w * 2.0


def needs(something):
    return something


def breaks():
    return tg.tanh("half")


class Box:
    inside = loss
'''
WRONG = """
import tinygrad_edu as tg
from tinygrad_edu import define

@define.elementwise([lambda out, x: 2.9 * x * x], replace=True)
def cubed_wrongly(x):
    return x * x * x

loss = cubed_wrongly(tg.weight(2.0, "w"))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("loss", "loss.svg"),
        ("model", "model.svg"),
        ("make", "make.svg"),
        ("Box.inside", "inside.svg"),
    ],
)
def test_draw(capsys: pytest.CaptureFixture[str], name: str, file: str) -> None:
    code, out, err = run(capsys, "draw", f"mine.py:{name}")
    assert code == 0, err
    assert out.startswith(f"{file}: ") and "level" in out
    assert Path(file).read_text(encoding="utf-8").startswith("<svg")


def test_draw_level_and_format(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "draw", "mine.py:model", "--level", "layer", "--out", "m.txt")
    assert code == 0 and "layer level" in out and Path("m.txt").read_text(encoding="utf-8")
    assert not Path("model.svg").exists()


def test_draw_show_opens_a_browser(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    code, _, _ = run(capsys, "draw", "mine.py:loss", "--show")
    assert code == 0 and len(opened) == 1 and not Path("loss.svg").exists()


@pytest.mark.parametrize("name", ["loss", "make"])
def test_check_right(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, err = run(capsys, "check", f"mine.py:{name}")
    assert code == 0, err
    assert "gradient check: right" in out


def test_check_wrong_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.py").write_text(WRONG, encoding="utf-8")
    try:
        code, _, err = run(capsys, "check", "wrong.py:loss")
    finally:
        from tinygrad_edu.engine import OPS

        OPS.pop("cubed_wrongly", None)
    assert code == 1
    assert "gradient check: wrong" in err and "cubed_wrongly" in err and "11.6" in err


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("mine.py:los", "there is no 'los' in mine.py; did you mean loss?"),
        ("mine.py:zzz", "there is no 'zzz' in mine.py; it has x, w, b, loss, model, make"),
        ("mine.py:Box.insid", "Box has no 'insid'; did you mean inside?"),
        ("mien.py:loss", "no such file: mien.py; did you mean mine.py?"),
        ("gone/mine.py:loss", "no such file: gone/mine.py"),
        (".:loss", ". is a folder"),
        ("mine.py", "mine.py needs a name: one of x, w, b, loss, model, make"),
        ("mine.py:number", "number is an int, and only a Value"),
        ("mine.py:needs", "needs needs arguments (missing a required argument: 'something')"),
        ("mine.py:breaks", "breaks() failed:"),
    ],
)
@pytest.mark.parametrize("command", ["draw", "check"])
def test_what_is_not_there(
    capsys: pytest.CaptureFixture[str], command: str, what: str, message: str
) -> None:
    code, _, err = run(capsys, command, what)
    assert code == 2 and err.startswith(f"tinygrad-edu {command}: ") and message in err
    assert {path.name for path in Path().iterdir()} <= {"mine.py", "__pycache__"}


def test_check_of_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", "mine.py:model")
    assert code == 0, err
    assert "gradient check: right" in out and "layers.0" in out


SHAPED = """
import tinygrad_edu as tg
from tinygrad_edu.testing import gradient_property

def right(w: (2,), b: ()):
    return tg.tanh(tg.sum(w * 0.5) + b)

@gradient_property(w=(2,))
def prop(w):
    return tg.sum(w * w)

def cut(w: (2,)):
    return tg.sum(w * w.data)

def nowhere(x: ()):
    return tg.log(x * 0.0)
"""


@pytest.mark.parametrize("name", ["right", "prop"])
def test_check_of_a_function_with_shapes(capsys: pytest.CaptureFixture[str], name: str) -> None:
    Path("shaped.py").write_text(SHAPED, encoding="utf-8")
    code, out, err = run(capsys, "check", f"shaped.py:{name}")
    assert code == 0, err
    assert f"{name}, wherever it was drawn" in out
    assert not Path(".hypothesis").exists()


def test_check_of_a_wrong_function_with_shapes(capsys: pytest.CaptureFixture[str]) -> None:
    Path("shaped.py").write_text(SHAPED, encoding="utf-8")
    code, _, err = run(capsys, "check", "shaped.py:cut")
    assert code == 1 and "gradient check: wrong" in err and "at cut(w=np.array([" in err


def test_check_that_can_never_judge_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("shaped.py").write_text(SHAPED, encoding="utf-8")
    code, _, err = run(capsys, "check", "shaped.py:nowhere")
    assert code == 2 and "could be judged at no point" in err


def test_check_of_a_random_function_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    text = "import numpy as np\nimport tinygrad_edu as tg\n\n\ndef f(x: ()):\n"
    Path("dice.py").write_text(f"{text}    return x * np.random.normal()\n", encoding="utf-8")
    code, _, err = run(capsys, "check", "dice.py:f")
    assert code == 2 and "gradient check: random" in err and "a random number enters" in err


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("import math\nimport nowhere_to_be_found\n", 2, "ModuleNotFoundError"),
        ("x = 1\n\ny = 1 / 0\n", 3, "ZeroDivisionError: division by zero"),
        ("def f(:\n    pass\n", 1, "SyntaxError"),
        ("import tinygrad_edu as tg\ntg.weight('half')\n", 2, "half"),
    ],
)
def test_an_error_in_the_file_is_shown_with_its_line(
    capsys: pytest.CaptureFixture[str], content: str, line: int, message: str
) -> None:
    Path("bad.py").write_text(content, encoding="utf-8")
    code, _, err = run(capsys, "draw", "bad.py:loss")
    assert code == 2 and "bad.py failed:" in err and message in err
    assert f"bad.py:{line}: {content.splitlines()[line - 1].strip()}" in err


def test_a_file_that_exits(capsys: pytest.CaptureFixture[str]) -> None:
    Path("quits.py").write_text("import sys\nsys.exit(5)\n", encoding="utf-8")
    code, _, err = run(capsys, "draw", "quits.py:loss")
    assert code == 2 and "exit(5)" in err and '__name__ == "__main__"' in err


def test_a_file_that_is_not_text(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bytes.py").write_bytes(b"\xff\xfe\x00\x01")
    code, _, err = run(capsys, "draw", "bytes.py:loss")
    assert code == 2 and "bytes.py failed:" in err


def test_neighbours_can_be_imported_and_main_guards_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("sub").mkdir()
    Path("sub/neighbour_of_main.py").write_text("start = 0.5\n", encoding="utf-8")
    Path("sub/main.py").write_text(
        "import tinygrad_edu as tg\nfrom neighbour_of_main import start\n"
        "w = tg.weight(start, 'w')\ny = w * w\n"
        "if __name__ == '__main__':\n    raise SystemExit\n",
        encoding="utf-8",
    )
    code, _, err = run(capsys, "check", "sub/main.py:y")
    assert code == 0, err


@pytest.mark.parametrize(
    ("out", "message"),
    [("a.xyz", "unknown ending '.xyz'"), ("no/a.svg", "there is no folder 'no'")],
)
def test_draw_out_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], out: str, message: str
) -> None:
    code, _, err = run(capsys, "draw", "mine.py:loss", "--out", out)
    assert code == 2 and message in err and not Path(out).exists()


def test_draw_unknown_level(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "draw", "mine.py:loss", "--level", "atom")
    assert code == 2 and "invalid choice: 'atom'" in err and "neuron" in err
