"""What is in a picture: roles, lines, regions, values and gradients, before any rendering."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.view import legend
from tinygrad_edu.view.network import keep_strongest
from tinygrad_edu.view.picture import Picture, draw
from tinygrad_edu.view.scene import Edge, Node, Scene


def by_title(scene: Scene, title: str) -> Node:
    found = [node for node in scene.nodes if node.title == title]
    assert len(found) == 1, f"{title!r}: {[node.title for node in scene.nodes]}"
    return found[0]


def into(scene: Scene, node: Node) -> list[Edge]:
    return [edge for edge in scene.edges if edge.target == node.id]


def home(scene: Scene, node: Node) -> str:
    kinds = {cluster.id: cluster.kind for cluster in scene.clusters}
    return kinds.get(node.cluster, "")


def hand_neuron() -> tuple[tg.Value, dict[str, tg.Value]]:
    x1, x2 = tg.input(0.8, "x1"), tg.input(-1.2, "x2")
    w1, w2, b = tg.weight(0.32, "w1"), tg.weight(0.63, "w2"), tg.bias(0.44, "b")
    loss = (tg.tanh(w1 * x1 + w2 * x2 + b) - 1) ** 2
    return loss, {"x1": x1, "x2": x2, "w1": w1, "w2": w2, "b": b}


def network(hidden: int = 4, share: bool = False) -> tg.Value:
    rng = np.random.default_rng(0)
    xs = [tg.input(0.8, "x1"), tg.input(-1.2, "x2")]
    shared = tg.weight(0.5, "w1") if share else None
    outs = []
    with tg.scope("hidden", kind="layer"):
        for j in range(hidden):
            with tg.scope(str(j), kind="neuron"):
                ws = [tg.weight(float(w), f"w{i + 1}") for i, w in enumerate(rng.normal(size=2))]
                ws[0] = shared if shared is not None else ws[0]
                outs.append(tg.neuron(xs, ws, tg.bias(0.1, "b")))
    with tg.scope("output", kind="layer"), tg.scope("0", kind="neuron"):
        ws = [tg.weight(float(w), f"w{i + 1}") for i, w in enumerate(rng.normal(size=hidden))]
        y = tg.neuron(outs, ws, tg.bias(0.1, "b"))
    return tg.mse_loss(y, tg.target(1.0, "y"))


def test_a_hand_written_neuron_is_seen_as_one() -> None:
    loss, _ = hand_neuron()
    scene = draw(loss).scene
    roles = {node.title: node.role for node in scene.nodes}
    assert roles["w₁"] == roles["w₂"] == "weight"
    assert roles["b"] == "bias"
    assert roles["x₁"] == "input"
    assert roles["Σ z"] == "weighted sum"
    assert roles["tanh"] == "activation"
    assert roles["ŷ"] == "output"
    assert roles["loss ( )²"] == "loss"
    assert [node.role for node in scene.nodes].count("product") == 2
    assert {c.kind: c.title for c in scene.clusters} == {
        "inputs": "inputs",
        "neuron": "neuron",
        "output": "output & loss",
    }
    for title in ("w₁", "b", "Σ z", "tanh"):
        assert home(scene, by_title(scene, title)) == "neuron"
    assert home(scene, by_title(scene, "x₁")) == "inputs"
    assert home(scene, by_title(scene, "ŷ")) == "output"


def test_binary_additions_become_one_sum_with_every_term() -> None:
    loss, _ = hand_neuron()
    scene = draw(loss, "op").scene
    total = by_title(scene, "Σ z")
    titles = {node.id: node.title for node in scene.nodes}
    assert sorted(titles[edge.source] for edge in into(scene, total)) == ["b", "×", "×"]
    assert "one Σ for 2 recorded additions" in total.tip


def test_gradients_are_not_computed_before_backward_and_shown_on_products_after() -> None:
    loss, leaves = hand_neuron()
    before = draw(loss).scene
    assert {node.gradient for node in before.nodes} == {"∇ –"}
    assert all(node.strength == 0 for node in before.nodes)
    loss.backward()
    after = draw(loss).scene
    assert all(node.gradient.startswith("∇ ") and node.gradient != "∇ –" for node in after.nodes)
    assert by_title(after, "w₂").slope == leaves["w2"].grad
    assert by_title(after, "loss ( )²").gradient == "∇ 1.000"
    assert max(node.strength for node in after.nodes) == 1.0


def test_a_line_carries_the_sign_and_size_of_its_weight() -> None:
    x1, x2 = tg.input(1.0, "x1"), tg.input(1.0, "x2")
    w1, w2 = tg.weight(-2.0, "w1"), tg.weight(0.5, "w2")
    scene = draw(tg.relu(w1 * x1 + w2 * x2), "op").scene
    lines = {edge.source: edge for edge in scene.edges if edge.weight is not None}
    assert lines[by_title(scene, "x₁").id].weight == -2.0
    assert lines[by_title(scene, "x₁").id].thickness == 1.0
    assert lines[by_title(scene, "x₂").id].thickness == 0.25
    assert by_title(scene, "w₁").id not in lines


def test_a_square_has_two_lines_and_a_doubling_chain_stays_linear() -> None:
    x = tg.Value(3.0, "x")
    scene = draw(x * x).scene
    assert [(edge.source, edge.slot) for edge in scene.edges] == [("n0", 0), ("n0", 1)]
    v = tg.Value(1.0)
    for _ in range(60):
        v = v + v
    scene = draw(v).scene
    assert len(scene.nodes) == 61
    assert len(scene.edges) == 120


def test_constants_are_part_of_the_operation() -> None:
    x = tg.Value(3.0, "x")
    titles = {
        "× 2": 2 * x,
        "− 1": x - 1,
        "1 −": 1 - x,
        "÷ 4": x / 4,
        "1 ÷": 1 / x,
        "( )³": x**3,
        "( )^0.5": x**0.5,
        "2^( )": 2**x,
        "+ 1.5": x + 1.5,
    }
    for title, value in titles.items():
        scene = draw(value).scene
        assert [node.title for node in scene.nodes] == ["x", title]


def test_a_shared_weight_is_drawn_once_beside_both_neurons() -> None:
    scene = draw(network(2, share=True), "op").scene
    shared = [node for node in scene.nodes if node.title == "w₁" and home(scene, node) == "layer"]
    assert len(shared) == 1
    assert sum(edge.source == shared[0].id for edge in scene.edges) == 2


def test_scopes_are_clusters_and_shorten_names() -> None:
    scene = draw(network(), "op").scene
    titles = [cluster.title for cluster in scene.clusters]
    assert "hidden · 2→4 · tanh" in titles
    assert titles.count("neuron 0") == 2  # one in each layer
    parents = {cluster.id: cluster.parent for cluster in scene.clusters}
    neuron = next(cluster for cluster in scene.clusters if cluster.title == "neuron 3")
    assert parents[neuron.parent] == ""
    tips = [node.tip for node in scene.nodes if node.title == "w₁"]
    assert any(tip.startswith("hidden.0.w1 · weight") for tip in tips)


def test_a_composite_loss_is_one_box() -> None:
    scene = draw(network()).scene
    loss = by_title(scene, "mse_loss")
    titles = {node.id: node.title for node in scene.nodes}
    assert [titles[edge.source] for edge in into(scene, loss)] == ["ŷ", "y"]
    assert "operations in one box" in loss.tip


def test_the_recorded_line_is_in_the_tooltip() -> None:
    loss, _ = hand_neuron()
    tip = by_title(draw(loss).scene, "tanh").tip
    assert "test_view_scene.py:" in tip
    assert "tg.tanh(w1 * x1" in tip
    assert "/tests" not in tip  # the file's name alone: pictures travel


def test_arrays_show_shape_and_summary_and_raw_data_is_an_input() -> None:
    X = np.arange(12.0).reshape(4, 3)
    W, b = tg.weight(np.ones((3, 2)), "W"), tg.bias(np.zeros(2), "b")
    z = X @ W + b
    tg.sum(z).backward()
    scene = draw(z, "op").scene
    data = by_title(scene, "data")
    assert (data.role, data.lines[0], data.gradient) == ("input", "4×3", "")
    assert by_title(scene, "W").lines[0] == "3×2"
    assert by_title(scene, "W").gradient.startswith("‖∇‖ ")
    assert by_title(scene, "b").lines == ("2", "0.00, 0.00")
    assert by_title(scene, "Σ z").role == "weighted sum"
    assert [c.title for c in scene.clusters if c.kind == "layer"] == ["layer · 3→2"]


def test_a_stale_graph_never_shows_new_weights_beside_old_products() -> None:
    loss, leaves = hand_neuron()
    loss.backward()
    product = by_title(draw(loss).scene, "Σ z").lines
    leaves["w1"].data = 12345.5
    for level in ("op", "neuron", "layer"):
        scene = draw(loss, level).scene
        assert "weights have moved since this graph was recorded" in scene.banner
        assert "12345" not in json.dumps(scene.as_dict())
    scene = draw(loss, "op").scene
    assert by_title(scene, "w₁").lines == ("moved",)
    assert by_title(scene, "w₁").role == "weight"
    assert by_title(scene, "Σ z").lines == product
    lines = [edge for edge in into(scene, scene.nodes[2]) if edge.weight is not None]
    assert not lines  # the weight is not known any more, so its line has no sign


def test_drawing_changes_nothing() -> None:
    loss, leaves = hand_neuron()
    loss.backward()
    before = [(v.id, v.data, v.grad, v.role) for v in leaves.values()]
    draw(loss).svg()
    assert [(v.id, v.data, v.grad, v.role) for v in leaves.values()] == before


def test_nan_and_infinity_are_shown_as_such() -> None:
    x = tg.Value(float("nan"), "x")
    y = tg.Value(float("inf"), "y")
    scene = draw(x * y).scene
    assert by_title(scene, "x").lines == ("NaN",)
    assert by_title(scene, "y").lines == ("∞",)
    json.dumps(scene.as_dict(), allow_nan=False)


def test_neuron_level_has_one_shape_per_neuron_and_a_line_per_weight() -> None:
    loss = network()
    loss.backward()
    scene = draw(loss, "neuron").scene
    roles = [node.role for node in scene.nodes]
    assert roles.count("neuron") == 5
    assert roles.count("input") == 2
    assert roles.count("loss") == 1
    assert sum(edge.weight is not None for edge in scene.edges) == 2 * 4 + 4
    assert all(node.gradient for node in scene.nodes)


def test_neuron_level_unfolds_a_tensor_layer_from_its_matrix() -> None:
    rng = np.random.default_rng(0)
    W, b = tg.weight(rng.normal(size=(3, 4)), "W"), tg.bias(np.zeros(4), "b")
    x = tg.input(rng.normal(size=(5, 3)), "x")
    scene = draw(tg.tanh(x @ W + b), "neuron").scene
    assert [node.role for node in scene.nodes] == ["input"] * 3 + ["neuron"] * 4
    weights = sorted(edge.weight for edge in scene.edges if edge.weight is not None)
    assert weights == sorted(W.data.ravel().tolist())
    mean = float(np.tanh(x.data @ W.data).mean(axis=0)[0])
    assert scene.nodes[3].value == pytest.approx(mean, rel=1e-12)


def test_layer_level_has_one_box_per_layer() -> None:
    scene = draw(network(), "layer").scene
    assert [(n.role, n.title) for n in scene.nodes] == [
        ("input", "inputs"),
        ("layer", "hidden"),
        ("layer", "output"),
        ("loss", "mse_loss"),
    ]
    assert scene.nodes[1].lines[:2] == ("2→4 · tanh", "12 parameters")
    assert [(e.source, e.target) for e in scene.edges] == [("n0", "n1"), ("n1", "n2"), ("n2", "n3")]


def test_large_layers_show_head_and_tail_and_keep_every_connection() -> None:
    W = tg.weight(np.random.default_rng(0).normal(size=(40, 30)), "W")
    x = tg.input(np.ones((2, 40)), "x")
    scene = draw(tg.relu(x @ W), "neuron").scene
    more = [node for node in scene.nodes if node.role == "more"]
    assert [(node.title, node.lines) for node in more] == [("⋮", ("32 more",)), ("⋮", ("22 more",))]
    drawn = sum(edge.weight is not None for edge in scene.edges)
    bundled = sum(weight == weight for bundle in scene.bundles for weight in bundle.weights)
    assert drawn + bundled == 40 * 30


@pytest.mark.parametrize("hidden, level", [(4, "op"), (60, "neuron")])
def test_auto_takes_the_most_detailed_level_that_can_be_read(hidden: int, level: str) -> None:
    picture = draw(network(hidden))
    assert picture.level == level
    assert len(picture.scene.nodes) <= 300


def test_five_thousand_operations_in_a_row_draw_folded() -> None:
    v = tg.Value(0.5, "x")
    for _ in range(5000):
        v = tg.sin(v)
    picture = draw(v)
    assert picture.level == "layer"
    assert "5\N{NO-BREAK SPACE}000 operations" in picture.svg()


def test_a_skip_connection_of_one_neuron_is_one_line() -> None:
    x = tg.input(0.5, "x")
    with tg.scope("hidden", kind="layer"):
        outs = []
        for j in range(3):
            with tg.scope(str(j), kind="neuron"):
                outs.append(tg.neuron([x], [tg.weight(0.5, "w")], tg.bias(0.1, "b")))
    scene = draw(tg.exp(outs[1]) * tg.sin(outs[0] * outs[2]), "neuron").scene
    neurons = [node.id for node in scene.nodes if node.role == "neuron"]
    fed = [edge.source for edge in scene.edges if edge.weight is None]
    assert sorted(source for source in fed if source in neurons) == sorted(neurons)


def test_lines_within_a_layer_are_counted_where_they_are_not_drawn() -> None:
    with tg.scope("hidden", kind="layer"):
        h = tg.input(0.5, "x")
        for j in range(3):
            with tg.scope(str(j), kind="neuron"):
                h = tg.neuron([h], [tg.weight(0.5, "w")], tg.bias(0.1, "b"))
    scene = draw(h, "neuron").scene
    assert "2 connections within a layer are not drawn here; level='op' shows them" in scene.notes


def test_a_residual_network_keeps_its_skip_connection() -> None:
    rng = np.random.default_rng(0)
    x = tg.input(rng.normal(size=(2, 3)), "x")
    W = tg.weight(rng.normal(size=(3, 3)), "W")
    scene = draw(tg.sum(tg.relu(x @ W) + x), "layer").scene
    assert len(scene.edges) >= 2
    titles = {node.id: node.title for node in scene.nodes}
    assert len([e for e in scene.edges if titles[e.source] == "x"]) == 2


def test_what_has_no_graph_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match="draw needs a Value or a module, got 3"):
        draw(3)
    with pytest.raises(ValueError, match="no level 'ops'; one of 'auto', 'op', 'neuron', 'layer'"):
        draw(tg.Value(1.0), "ops")


def test_a_single_leaf_and_a_notebook() -> None:
    picture = tg.Value(1.0, "w").draw()
    assert isinstance(picture, Picture)
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"].startswith("Picture(op level, 1 nodes, 0 edges")
    assert set(picture._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}


def test_the_legend_explains_the_notation_of_arrays() -> None:
    weight = tg.weight(np.ones((3, 4)), "W")
    loss = tg.tanh(np.ones((8, 3)) @ weight).mean()
    loss.backward()
    said = {entry.mark for entry in legend.entries(draw(loss, "op").scene)}
    assert {"μ σ", "‖∇‖", "∇"} <= said
    scalar = tg.tanh(tg.weight(1.0) * tg.input(2.0))
    assert "μ σ" not in {entry.mark for entry in legend.entries(draw(scalar, "op").scene)}


def batches() -> list[Scene]:
    """The same network on the same batch: scalar form from columns, from a Value; tensor form."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 2))
    y = np.sign(x[:, :1])
    scenes = []
    for form, data in (("scalar", x), ("scalar", tg.input(x, "x")), ("tensor", tg.input(x, "x"))):
        loss = tg.mse_loss(tg.nn.MLP(2, [4], 1, "tanh", form=form)(data), y)
        loss.backward()
        scenes.append(draw(loss, "neuron").scene)
    return scenes


def test_a_batch_shows_means_and_summed_gradients_in_both_forms() -> None:
    columns, value, tensor = batches()
    for scene in (columns, value, tensor):
        assert [node.role for node in scene.nodes] == ["input"] * 2 + ["neuron"] * 5 + ["loss"]
        assert [node.title for node in scene.nodes[:2]] == ["x₁", "x₂"]
        assert [edge.weight for edge in scene.edges] == [edge.weight for edge in tensor.edges]
        for node, other in zip(scene.nodes, tensor.nodes, strict=True):
            assert node.value == pytest.approx(other.value)
            assert node.lines == other.lines
        for node, other in zip(scene.nodes[2:], tensor.nodes[2:], strict=True):
            assert (node.slope, node.gradient) == (pytest.approx(other.slope), other.gradient)
    assert value.nodes[0].slope == pytest.approx(tensor.nodes[0].slope)
    assert columns.nodes[0].gradient == ""  # plain numbers are data: they have no gradient
    words = {entry.mark: entry.text for entry in legend.entries(tensor) if entry.mark}
    assert words["μ"] == "mean over the examples"
    assert words["Σ∇"] == "gradients, summed over the examples (border: size)"


def test_one_sample_is_shown_as_it_is() -> None:
    loss = tg.sum(tg.nn.MLP(2, [3], 1)(np.array([[0.5, -1.0]])))
    loss.backward()
    scene = draw(loss, "neuron").scene
    assert [node.lines for node in scene.nodes[:2]] == [("0.50",), ("−1.00",)]
    assert not any(node.gradient.startswith("Σ") for node in scene.nodes)
    assert "μ" not in [entry.mark for entry in legend.entries(scene)]


def test_the_inputs_columns_can_be_named() -> None:
    model = tg.nn.MLP(2, [3], 1)
    names = ["bill_length_mm", "body_mass_g"]
    for drawn in (model, model(np.ones((5, 2))), tg.nn.MLP(2, [3], 1, form="scalar")([1.0, 2.0])):
        scene = draw(drawn, "neuron", input_names=names).scene
        assert [node.title for node in scene.nodes[:2]] == names
        for wrong in (names[:1], [*names, "year"]):
            with pytest.raises(ShapeError, match=rf"{len(wrong)} input_names for 2 inputs"):
                draw(drawn, "neuron", input_names=wrong)
    with pytest.raises(DTypeError, match=r"a list: input_names=\["):
        draw(model, input_names="bill_length_mm")


def test_only_the_strongest_of_very_many_lines_are_kept_and_that_is_said() -> None:
    scene = draw(tg.nn.MLP(40, [30], 2), "neuron").scene
    assert keep_strongest(scene, 10_000) is scene
    few = keep_strongest(scene, 100)
    kept = [w for bundle in few.bundles for w in bundle.weights if w == w]
    lost = sorted({w for b in scene.bundles for w in b.weights if w == w} - set(kept), key=abs)
    assert 0 < len(kept) <= 100
    assert min(map(abs, kept)) >= abs(lost[-1])
    assert few.notes[0] == "the 100 strongest of 1\N{NO-BREAK SPACE}260 connections are drawn"
