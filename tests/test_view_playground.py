"""The playground page is current, and computes what the library computes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tinygrad_edu as tg
from tinygrad_edu.cli import main
from tinygrad_edu.view.playground import ACTIVATIONS, START, neuron, playground

PAGE = Path(__file__).parent.parent / "docs" / "playground.html"


def test_the_page_in_the_docs_is_current() -> None:
    kept = PAGE.read_text(encoding="utf-8")
    assert kept == playground(), "python -m tinygrad_edu playground --out docs/playground.html"


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playground", "--out", str(tmp_path / "p.html")]) == 0
    assert (tmp_path / "p.html").read_text(encoding="utf-8") == playground()
    assert "open it in a browser" in capsys.readouterr().out
    assert main(["playground", "--out", str(tmp_path / "no" / "p.html")]) == 2


def test_it_is_one_small_file_that_asks_for_nothing() -> None:
    page = playground().replace('"http://www.w3.org/2000/svg"', "")
    assert "http:" not in page and "https:" not in page and "default-src 'none'" in page
    assert len(page.encode()) < 60_000
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])  # type: ignore[index]
    assert list(data["activations"]) == list(ACTIVATIONS)
    assert data["activations"]["relu"]["formula"] == "max(z, 0)"
    assert data["activations"]["sigmoid"]["formula"] == "1 / (1 + e⁻ᶻ)"


@pytest.fixture
def tab() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page, said = browser.new_page(viewport={"width": 1200, "height": 1000}), list[str]()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(PAGE.resolve().as_uri())
        yield page
        browser.close()
        assert said == []


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_shows_the_library_s_numbers(tab: Any, name: str) -> None:
    tab.select_option("#activation", name)
    loss, parts = neuron(None if name == "identity" else tg.registry()[name])
    loss.backward()
    shown = tab.evaluate("[...document.querySelectorAll('#next tr')].map(r => r.innerText)")
    for row, part in zip(shown, ("w1", "w2", "b"), strict=True):
        _, now, slope, after = (cell.replace("−", "-") for cell in row.split("\t"))
        assert float(now) == pytest.approx(START[part], abs=5e-4)
        assert float(slope) == pytest.approx(parts[part].grad, rel=0.06, abs=5e-4)
        assert float(after) == pytest.approx(START[part] - 0.1 * parts[part].grad, abs=1e-3)
    assert f"{loss.item():.3f}" in tab.inner_text("#loss")


@pytest.mark.parametrize(("task", "solved"), [("and", True), ("or", True), ("xor", False)])
def test_one_neuron_learns_and_and_or_but_not_xor(tab: Any, task: str, solved: bool) -> None:
    tab.select_option("#task", task)
    tab.select_option("#activation", "sigmoid")
    tab.fill("#rate", "2")
    for _ in range(120):
        tab.click("#step")
    assert ("4 of 4 right" in tab.inner_text("#count")) is solved
    assert ("XOR takes more neurons" in tab.inner_text("#says")) is (task == "xor")
