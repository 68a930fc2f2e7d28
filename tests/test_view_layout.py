"""Where things stand: nothing overlaps, text fits, columns are columns."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_edu.view import layers, theme
from tinygrad_edu.view.columns import columns
from tinygrad_edu.view.layout import Box, label_lines, layout, node_size
from tinygrad_edu.view.metrics import Line, boundary, half_width, shape_size, text_width
from tinygrad_edu.view.scene import Cluster, Edge, Node, Scene

LABELS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=24)
SHAPES = sorted({look.shape for look in theme.ROLES.values()})


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.right - 1e-6 and b.x < a.right - 1e-6 and (
        a.y < b.bottom - 1e-6 and b.y < a.bottom - 1e-6
    )  # fmt: skip


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Any graph in any nesting of clusters, cycles between clusters included."""
    clusters: list[Cluster] = []
    for index in range(draw(st.integers(0, 5))):
        parent = draw(st.sampled_from(["", *(c.id for c in clusters)]))
        kind = draw(st.sampled_from(sorted(theme.CLUSTERS)))
        clusters.append(Cluster(f"c{index}", kind, draw(LABELS), parent))
    roles = sorted(theme.ROLES)
    homes = st.sampled_from(["", *(c.id for c in clusters)])
    nodes = tuple(
        Node(f"n{i}", draw(st.sampled_from(roles)), draw(LABELS), ("0.5",), "∇ –", draw(homes))
        for i in range(draw(st.integers(1, 14)))
    )
    pairs = list(itertools.combinations(range(len(nodes)), 2)) or [(0, 0)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=25))
    weights = st.sampled_from([None, 0.5, -0.5])
    edges = tuple(
        Edge(f"e{i}", f"n{a}", f"n{b}", weight=draw(weights))
        for i, (a, b) in enumerate(chosen)
        if a != b
    )
    return Scene("op", nodes, edges, tuple(clusters))


@settings(max_examples=60, deadline=None)
@given(scenes())
def test_shapes_never_overlap_and_clusters_hold_their_members(scene: Scene) -> None:
    made = layout(scene)
    assert set(made.nodes) == {node.id for node in scene.nodes}
    for a, b in itertools.combinations(made.nodes.values(), 2):
        assert not overlap(a, b)
    parents = {cluster.id: cluster.parent for cluster in scene.clusters}
    boxes = {**made.clusters, "": Box(0, 0, made.width, made.height)}
    inside = [(made.nodes[node.id], node.cluster) for node in scene.nodes]
    inside += [(box, parents[key]) for key, box in made.clusters.items()]
    for box, home in inside:
        outer = boxes[home]
        assert outer.x < box.x and box.right < outer.right
        assert outer.y < box.y and box.bottom < outer.bottom
    for a, b in itertools.combinations(made.clusters, 2):
        if parents[a] == parents[b]:
            assert not overlap(made.clusters[a], made.clusters[b])


@settings(max_examples=30, deadline=None)
@given(scenes())
def test_every_line_has_a_route_between_its_shapes(scene: Scene) -> None:
    made = layout(scene)
    for edge in scene.edges:
        route = made.routes[edge.id]
        assert route[0] == made.nodes[edge.source].middle
        assert route[-1] == made.nodes[edge.target].middle


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SHAPES), st.lists(LABELS, min_size=1, max_size=5))
def test_text_fits_its_shape(shape: str, texts: list[str]) -> None:
    lines = [Line(texts[0], 12, True), *(Line(text, 12) for text in texts[1:])]
    width, height = shape_size(shape, lines)
    for number, line in enumerate(lines):
        y = (number - (len(lines) - 1) / 2) * 14.5
        edge = abs(y) + line.size * 0.36
        assert edge <= height / 2
        if shape != "none":
            room = half_width(shape, width, height, edge)
            assert text_width(line.text, line.size, line.bold) / 2 <= room


@given(
    st.sampled_from(SHAPES),
    st.floats(20, 300),
    st.floats(20, 200),
    st.floats(-1, 1),
    st.floats(-1, 1),
)
def test_a_ray_leaves_a_shape_at_its_outline(
    shape: str, width: float, height: float, dx: float, dy: float
) -> None:
    if abs(dx) + abs(dy) < 1e-3:
        return
    x, y = boundary(shape, width, height, dx, dy)
    assert abs(x) <= width / 2 + 1e-6 and abs(y) <= height / 2 + 1e-6
    assert x * dy == pytest.approx(y * dx, abs=1e-6 * (width + height))
    assert x * dx + y * dy > 0


def test_widths_agree_with_the_real_font() -> None:
    font_manager = pytest.importorskip("matplotlib.font_manager")
    fonts = pytest.importorskip("fontTools.ttLib")
    for bold, weight in ((False, "normal"), (True, "bold")):
        wanted = font_manager.FontProperties(family="DejaVu Sans", weight=weight)
        font = fonts.TTFont(font_manager.findfont(wanted))
        names, advances = font.getBestCmap(), font["hmtx"]
        for text in ("tanh", "loss ( )²", "−1.231", "∇ −0.985", "w₁₂", "μ 0.12 σ 0.96", "Σ z"):
            units = sum(advances[names[ord(c)]][0] for c in text)
            real = units / font["head"].unitsPerEm * 100
            assert real - 0.5 <= text_width(text, 100, bold) <= real * 1.12 + 2, text


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-99, 99), st.floats(1, 50), st.floats(0.1, 9)), min_size=1, max_size=12
    )
)
def test_settling_keeps_order_and_distance_and_leaves_what_fits(
    rows: list[tuple[float, float, float]],
) -> None:
    wanted, sizes, strengths = (list(column) for column in zip(*rows, strict=True))
    gaps = [0.0] + [5.0] * (len(rows) - 1)
    tops = layers.settle(wanted, strengths, sizes, gaps)
    for i in range(1, len(rows)):
        assert tops[i] >= tops[i - 1] + sizes[i - 1] + gaps[i] - 1e-6
    again = layers.settle(tops, strengths, sizes, gaps)
    assert again == pytest.approx(tops, abs=1e-6)
    moment = sum(s * (t - w) for s, t, w in zip(strengths, tops, wanted, strict=True))
    assert moment == pytest.approx(0, abs=1e-4)  # the least squares fit balances all pulls


@given(st.permutations(list(range(7))))
def test_crossings_are_counted_and_taken_out(order: list[int]) -> None:
    links = [layers.Link(a, 7 + b, 0.0, 0.0, 1.0) for a, b in enumerate(order)]
    columns_ = [list(range(7)), list(range(7, 14))]
    slow = sum(1 for i, j in itertools.combinations(range(7), 2) if order[i] > order[j])
    assert layers.crossings(columns_, links) == slow
    assert layers.crossings(layers.order(columns_, links), links) == 0


def test_a_neurons_inputs_run_between_its_weights() -> None:
    nodes = [Node(f"x{i}", "input", f"x{i}", cluster="c0") for i in range(3)]
    edges = []
    for i in range(3):
        nodes.append(Node(f"w{i}", "weight", f"w{i}", ("0.5",), "∇ –", cluster="c1"))
        nodes.append(Node(f"p{i}", "product", "×", ("0.5",), "∇ –", cluster="c1"))
        edges.append(Edge(f"a{i}", f"w{i}", f"p{i}"))
        edges.append(Edge(f"b{i}", f"x{i}", f"p{i}", weight=1.0))
    nodes.append(Node("b", "bias", "b", ("0.5",), "∇ –", cluster="c1"))
    nodes.append(Node("z", "weighted sum", "Σ", ("0.5",), "∇ –", cluster="c1"))
    edges += [Edge(f"s{i}", f"p{i}", "z") for i in range(3)] + [Edge("t", "b", "z")]
    clusters = (Cluster("c0", "inputs", "inputs"), Cluster("c1", "neuron", "neuron"))
    made = layout(Scene("op", tuple(nodes), tuple(edges), clusters))
    place = made.nodes
    assert place["w0"].x == place["w1"].x == place["w2"].x == place["b"].x
    assert place["p0"].x == place["p1"].x == place["p2"].x
    for i in range(3):
        level = made.routes[f"b{i}"][-2].y
        assert place[f"w{i}"].bottom < level
        assert i == 2 or level < place[f"w{i + 1}"].y
        assert place[f"p{i}"].y < level < place[f"p{i}"].bottom
    assert place["w2"].bottom < place["b"].y


def test_columns_at_neuron_level_do_not_overlap() -> None:
    nodes = [Node(f"x{i}", "input", "x", cluster="c0", index=i) for i in range(9)]
    nodes += [Node(f"h{i}", "neuron", "", ("0.10",), "∇ –", "c1", index=i) for i in range(4)]
    edges = [Edge(f"e{i}{j}", f"x{i}", f"h{j}", weight=0.1) for i in range(9) for j in range(4)]
    clusters = (Cluster("c0", "inputs", "inputs"), Cluster("c1", "layer", "hidden"))
    made = columns(Scene("neuron", tuple(nodes), tuple(edges), clusters))
    for a, b in itertools.combinations(made.nodes.values(), 2):
        assert not overlap(a, b)
    assert made.clusters["c0"].right < made.clusters["c1"].x


def test_a_node_is_as_large_as_its_label_needs() -> None:
    small, large = (Node("n", "weight", title) for title in ("w", "a very long name of a weight"))
    assert node_size(small)[0] < node_size(large)[0]
    assert [line.text for line in label_lines(small)] == ["w"]
