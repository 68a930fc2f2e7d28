"""The interactive page: what is in it, and (where a browser is installed) what it does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.view.picture import draw


def neuron() -> tuple[tg.Value, list[tg.Value]]:
    x1, x2 = tg.input(0.8, "x1"), tg.input(-1.2, "x2")
    w1, w2, b = tg.weight(0.32, "w1"), tg.weight(0.63, "w2"), tg.bias(0.44, "b")
    return (tg.tanh(w1 * x1 + w2 * x2 + b) - 1) ** 2, [w1, w2, b]


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found is not None
    held: dict[str, Any] = json.loads(found[1])
    return held


def network(form: str = "scalar") -> tg.Value:
    model = tg.nn.MLP(2, [4], 1, "tanh", form=form)  # type: ignore[arg-type]
    loss = tg.mse_loss(model([0.8, -1.2]), np.array([1.0]))
    loss.backward()
    return loss


def test_every_shape_and_line_of_the_data_is_drawn_once() -> None:
    page = draw(network()).html()
    data = data_of(page)
    assert [name for name, _ in data["levels"]] == ["layer", "neuron", "op"]
    for number in [*data["nodes"], *data["edges"]]:
        assert page.count(f'id="{number}"') == 1, number
    assert set(data["story"]["nodes"]) <= set(data["nodes"])
    assert set(data["story"]["edges"]) <= set(data["edges"])


def test_the_story_is_the_chain_rule() -> None:
    loss, parameters = neuron()
    loss.backward()
    story = data_of(draw(loss).html())["story"]
    sums: dict[str, float] = {}
    for edge in story["edges"].values():
        sums[edge["from"]] = sums.get(edge["from"], 0.0) + edge["amount"]
        to = story["nodes"][edge["to"]]
        assert edge["upstream"] == to["gradient"]
    by_name = {n.get("name"): i for i, n in story["nodes"].items() if n.get("name")}
    for parameter in parameters:
        number = by_name[parameter.name]
        assert sums[number] == pytest.approx(parameter.grad, rel=1e-12)
        assert story["nodes"][number]["slope"] == parameter.grad
    formulas = [story["nodes"][i].get("formula") for i in story["forward"]]
    assert formulas[0] == "w₁ × x₁ = 0.32 × 0.8 = 0.256"
    assert "0.256 + (−0.756) + 0.44 = −0.06" in formulas
    assert len(story["backward"]) == 6  # ŷ only shows what tanh computed
    assert story["backward"] == [i for i in reversed(story["forward"]) if i in story["backward"]]


@pytest.mark.parametrize("form", ["scalar", "tensor"])
def test_shares_add_up_at_every_shape_that_is_drawn(form: str) -> None:
    story = data_of(draw(network(form), "op").html())["story"]
    shares: dict[str, list[Any]] = {}
    for edge in story["edges"].values():
        shares.setdefault(edge["from"], []).append(edge.get("amount"))
    for number, amounts in shares.items():
        slope = story["nodes"][number].get("slope")
        if slope is not None and None not in amounts:
            assert sum(amounts) == pytest.approx(slope, rel=1e-9, abs=1e-12), number


def test_a_shared_weight_gets_a_share_from_each_use() -> None:
    w = tg.weight(2.0, "w")
    loss = w * w + w * 3.0
    story = data_of(draw(loss).html())["story"]
    [number] = [i for i, n in story["nodes"].items() if n.get("name") == "w"]
    shares = sorted(e["amount"] for e in story["edges"].values() if e["from"] == number)
    assert shares == [2.0, 2.0, 3.0]
    assert story["nodes"][number]["slope"] == 7.0


def test_without_a_scalar_result_only_the_forward_pass_is_told() -> None:
    x = tg.Value(np.ones(3), "x")
    story = data_of(draw(tg.exp(x)).html())["story"]
    assert story["backward"] == [] and story["edges"] == {} and len(story["forward"]) == 1


def test_a_leaf_alone_is_shown_and_has_nothing_to_step_through() -> None:
    data = data_of(draw(tg.weight(2.0, "w")).html())
    assert data["story"] is None and data["live"] is None
    assert [told[0] for told in data["nodes"].values()] == ["w"]


def test_a_picture_of_a_graph_that_changed_holds_what_was_drawn() -> None:
    loss, [w1, *_] = neuron()
    picture = draw(loss)
    loss.backward()
    page = picture.html()
    assert "The graph has changed since this picture was made" in page
    assert data_of(page)["story"] is None and "∇ –" in page
    again = draw(loss)
    w1.assign(5.0)
    assert data_of(again.html())["story"] is None
    stale = draw(loss).html()
    assert data_of(stale)["story"] is None and "weights have moved" in stale


def test_a_module_and_a_thousand_neurons_fit_into_300_kb() -> None:
    model = tg.nn.MLP(64, [500, 430], 10, "relu")
    page = draw(model).html()
    assert [name for name, _ in data_of(page)["levels"]] == ["layer", "neuron"]
    assert "strongest of 251" in page
    loss = tg.cross_entropy(model(np.ones((8, 64))), np.arange(8))
    loss.backward()
    assert all(len(p.encode()) < 300_000 for p in (page, draw(loss, "neuron").html()))


HOSTILE = ["</script><b>", "<!--DATA-->", "]]>", "\u2028", "&lt;", "<img src=x onerror=alert(1)>"]


@settings(max_examples=25)
@given(
    st.text(max_size=40) | st.sampled_from(["</script><b>", "<!--DATA-->", "]]>", "\u2028", "&lt;"])
)
def test_no_name_becomes_markup_or_ends_the_script(name: str) -> None:
    page = draw(tg.Value(1.0, name) * 2.0).html()
    plain = draw(tg.Value(1.0, "w") * 2.0).html()
    for mark in ("<script", "</script", "<svg", "</svg", "<g ", "<b>", "<title"):
        assert page.count(mark) == plain.count(mark)
    told = data_of(page)["story"]["nodes"]
    assert any(node["role"] in ("weight", "factor", "input", "bias") for node in told.values())


# In a browser ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    pages: list[tuple[Any, list[str]]] = []

    def open_it(value: Any, level: str = "auto", **options: Any) -> Any:
        tab = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: said.append(request.url))
        file = draw(value, level).save(tmp_path / "page.html")
        tab.goto(file.as_uri())
        assert said == [file.as_uri()]  # the page itself: no other request, no complaint
        pages.append((tab, said))
        return tab

    yield open_it
    for tab, said in pages:
        assert len(said) == 1, said
        tab.close()


def test_stepping_fills_in_values_then_gradients(open_page: Any) -> None:
    loss, _ = neuron()
    tab = open_page(loss)
    nabla = "() => [...document.querySelectorAll('#stage .node .g')].map(e => e.textContent)"
    tab.keyboard.press("n")
    assert tab.locator(".node.todo").count() == 7  # nothing but the five leaves is there
    for _ in range(7):
        tab.keyboard.press("n")
    assert tab.locator(".node.todo").count() == 0
    assert set(tab.evaluate(nabla)) == {"∇ –"}
    tab.keyboard.press("n")
    assert "passes on:" in tab.inner_text("#panel")
    tab.keyboard.press("End")
    assert "∇ –" not in tab.evaluate(nabla) and "∇ 2.535" in tab.evaluate(nabla)
    tab.keyboard.press("p")
    assert "∇ –" in tab.evaluate(nabla)
    tab.keyboard.press("Home")
    assert tab.locator(".node.todo").count() == 7


def test_gradients_that_were_stepped_to_are_written_as_the_picture_writes_them(
    open_page: Any,
) -> None:
    loss, _ = neuron()
    loss.backward()
    tab = open_page(loss)
    texts = "() => [...document.querySelectorAll('#stage .node text')].map(e => e.textContent)"
    drawn = tab.evaluate(texts)
    tab.keyboard.press("End")
    assert tab.evaluate(texts) == drawn


def test_the_ring_of_the_focus_is_above_the_picture(open_page: Any) -> None:
    tab = open_page(neuron()[0])
    tab.keyboard.press("Tab")
    tab.focus("#stage")
    tab.keyboard.press("ArrowRight")
    ring = "getComputedStyle(document.getElementById('stage'), '::after').borderLeftWidth"
    assert tab.evaluate(ring) == "3px"


def test_the_panel_tells_the_chain_rule_of_what_is_pointed_at(open_page: Any) -> None:
    w = tg.weight(2.0, "w")
    tab = open_page(w * w + w * 3.0)
    tab.get_by_text("w", exact=True).first.click()
    panel = tab.inner_text("#panel")
    assert "The chain rule here" in panel and "the shares add up to the gradient" in panel
    assert panel.split("the shares add up to the gradient")[1].strip().startswith("7")


def test_arrows_follow_lines_and_a_reader_hears_it(open_page: Any) -> None:
    tab = open_page(neuron()[0])
    tab.focus("#stage")
    tab.keyboard.press("ArrowRight")
    heard = [tab.inner_text("#live")]
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
        heard.append(tab.inner_text("#live"))
    assert heard[1].startswith("×, product, 0.256") and heard[2].startswith("Σ z, weighted sum")
    assert "minus 0.060" in heard[2] and "gradient not computed" in heard[2]


def test_zooming_in_goes_to_the_next_level(open_page: Any) -> None:
    tab = open_page(network(), "neuron")
    assert tab.get_by_role("button", name="Neurons").get_attribute("aria-pressed") == "true"
    tab.mouse.move(400, 400)
    for _ in range(12):
        tab.mouse.wheel(0, -200)
    tab.wait_for_function("document.querySelector('[data-level=op]').hidden === false")
    assert tab.inner_text("h1") == tab.title() == "Graph of mse_loss"
    tab.get_by_role("button", name="Layers").click()
    assert tab.locator("[data-level=layer]").is_visible()


def test_search_finds_a_name_as_it_is_typed(open_page: Any) -> None:
    tab = open_page(neuron()[0])
    tab.fill("#search", "w2")
    assert tab.locator(".node.found").count() == 1
    tab.press("#search", "Enter")
    assert "weight" in tab.inner_text("#panel")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_with_large_text_has_no_sideways_scroll(
    open_page: Any, scheme: Any
) -> None:
    tab = open_page(neuron()[0], color_scheme=scheme)
    tab.set_viewport_size({"width": 400, "height": 800})
    tab.add_style_tag(content="html{font-size:200%}")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


def test_sliders_run_the_recorded_program(open_page: Any) -> None:
    loss, _ = neuron()
    loss.backward()
    tab = open_page(loss)
    texts = "() => [...document.querySelectorAll('#stage .node text')].map(e => e.textContent)"
    drawn = tab.evaluate(texts)
    tab.get_by_role("spinbutton", name="w₂").fill("-0.5")
    w1, w2, b = tg.Value(0.32), tg.Value(-0.5), tg.Value(0.44)
    moved = (tg.tanh(w1 * 0.8 + w2 * -1.2 + b) - 1) ** 2
    moved.backward()
    assert f"= {moved.item():.3f}" in tab.inner_text("#outcome")
    assert f"∇ {w2.grad:.3f}".replace("-", "−") in tab.evaluate(texts)
    assert tab.locator(".w-neg.dash").count() == 1  # the line of x₂: w₂ has turned
    assert tab.locator("#changed").is_visible() and tab.locator("#steps").is_hidden()
    for _ in range(30):
        tab.get_by_role("button", name="One training step").click()
    assert float(tab.inner_text("#outcome").split("= ")[1]) < 0.5 * moved.item()
    tab.get_by_role("button", name="Back to the program").click()
    assert tab.evaluate(texts) == drawn
    assert tab.locator("#changed").is_hidden() and tab.locator("#steps").is_visible()


def test_where_there_are_no_sliders_the_page_says_why(open_page: Any) -> None:
    tab = open_page(network("tensor"), "op")
    assert "no sliders here: it computes with arrays" in tab.inner_text("#panel")


def test_a_leaf_alone_can_be_chosen(open_page: Any) -> None:
    tab = open_page(tg.weight(2.0, "w"))
    assert "next step" not in tab.inner_text("#panel")
    tab.focus("#stage")
    for key in ("n", "ArrowRight", "ArrowRight"):
        tab.keyboard.press(key)
    assert "weight" in tab.inner_text("#panel")


def test_the_names_beside_the_sliders_can_be_read(open_page: Any) -> None:
    x, w = tg.input(0.5, "body_mass"), tg.weight(2.0, "a name of a great many letters")
    tab = open_page((tg.tanh(w * x) - tg.target(1.0, "species")) ** 2)
    short = "label => label.scrollWidth <= label.clientWidth"
    names = tab.locator(".knob label")
    assert [names.nth(i).evaluate(short) for i in range(3)] == [True, False, True]
    widths = tab.locator(".knob input[type=range]").evaluate_all("a => a.map(e => e.clientWidth)")
    assert min(widths) >= 80
