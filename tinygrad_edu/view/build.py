"""Graph → Scene at op level: every recorded operation, folded and placed in its region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygrad_edu.view import labels, titles
from tinygrad_edu.view.graph import Graph, Step
from tinygrad_edu.view.regions import Region, Regions
from tinygrad_edu.view.scene import Cluster, Edge, Node, Scene
from tinygrad_edu.view.theme import ROLES

__all__ = ["STALE", "op_scene", "region_title", "thickness"]

STALE = "weights have moved since this graph was recorded: inner numbers are the recorded ones"


def thickness(weight: float, largest: float) -> float:
    """|w| relative to the largest weight drawn, 0 to 1; 1 for a weight that is not finite."""
    share = abs(weight) / max(largest, 1e-300)
    return min(1.0, share) if share == share else 1.0


def structural_role(step: Step) -> str:
    """The role that decides the shape: what a step is, where its explicit role is its use."""
    role = step.role
    if role == "output" and not step.leaf:
        if step.kind == "activation":
            return "activation"
        if step.op in ("add", "add_n"):
            return "weighted sum"
    if role == "partial sum":
        return "weighted sum"
    return role if role in ROLES else "operation"


def region_title(region: Region, regions: Regions, number: int = 0) -> str:
    """A cluster's title: "hidden · 2→4 · tanh", "neuron 3", "output & loss"."""
    if region.kind == "output":
        return "output & loss"
    if region.kind == "neuron":
        name = region.name or (str(number) if number else "")
        full = name if name.startswith("neuron") else f"neuron {name}".strip()
        return labels.shorten(full, 40)
    if region.kind != "layer":
        return labels.shorten(region.name, 40)
    parts = [region.name or "layer", *layer_facts(region, regions)]
    return labels.shorten(" · ".join(parts), 60)


def layer_facts(region: Region, regions: Regions) -> list[str]:
    """["2→4", "tanh"] for a layer, as far as its steps tell."""
    inside = [each for each in regions.all if region in each.chain()]
    steps = [step for each in inside for step in each.steps]
    neurons = [each for each in inside if each.kind == "neuron"]
    facts: list[str] = []
    matrices = [x for s in steps if s.op == "matmul" for x in s.parents[1:] if np.ndim(x.data) == 2]
    if len(matrices) == 1:
        facts.append("→".join(str(n) for n in matrices[0].data.shape))
    elif neurons:
        products = [s for s in neurons[0].steps if s.role == "product"]
        weights = {x for s in products for x in s.parents if x.role == "weight"}
        facts.append(f"{len(weights)}→{len(neurons)}")
    active = list(dict.fromkeys(s.op for s in steps if s.kind == "activation"))
    return facts + (active if len(active) == 1 else [])  # the gates of a cell are several


def op_scene(graph: Graph, regions: Regions) -> Scene:
    """The op-level picture of a folded graph."""
    clusters = _clusters(regions)
    ids = {region: cluster.id for region, cluster in clusters.items()}
    number = {step: f"n{index}" for index, step in enumerate(graph.steps)}
    largest = max((titles.magnitude(step.grad) for step in graph.steps), default=0.0) or 1.0
    nodes = [_node(step, number[step], regions, ids, largest) for step in graph.steps]
    edges = _edges(graph, number)
    relays = _relays(graph, regions, number, ids, nodes)
    edges = _through_relays(edges, regions, number, relays)
    count = sum(1 for step in graph.steps if not step.leaf)
    return Scene(
        "op",
        tuple(_beside(nodes, relays)),
        tuple(edges),
        tuple(clusters.values()),
        title=f"Graph of {titles.title(graph.root)}",
        description=describe(graph, f"{count} operations, {len(nodes) - count} leaves"),
        banner=STALE if graph.stale else "",
    )


def _beside(nodes: list[Node], relays: dict[str, Node]) -> list[Node]:
    """Every relay right after the node whose value it shows, so that it comes before the target."""
    return [each for node in nodes for each in (node, relays.get(node.id)) if each is not None]


def describe(graph: Graph, contents: str) -> str:
    """The picture in one sentence, for those who hear it."""
    root = graph.root
    value = " ".join(titles.value_lines(root.data))
    done = any(step.grad is not None for step in graph.steps)
    slope = "with gradients" if done else "gradients not computed"
    return f"Computation graph: {contents}; result {titles.title(root)}: {value}; {slope}."


def _clusters(regions: Regions) -> dict[Region, Cluster]:
    found: dict[Region, Cluster] = {}
    same = [r for r in regions.all if r.kind == "neuron" and r.implicit]
    for region in regions.all:
        number = same.index(region) + 1 if region in same and len(same) > 1 else 0
        parent = found[region.parent].id if region.parent is not None else ""
        name = region_title(region, regions, number)
        if region.kind == "output" and not any(step.role == "loss" for step in region.steps):
            name = "output"
        found[region] = Cluster(f"c{len(found)}", region.kind, name, parent)
    return found


def _node(
    step: Step, number: str, regions: Regions, ids: dict[Region, str], largest: float
) -> Node:
    region = regions.home[step]
    return Node(
        id=number,
        role=structural_role(step),
        title=titles.title(step),
        lines=("moved",) if step.moved else titles.value_lines(step.data),
        gradient=titles.gradient_line(step),
        cluster=ids[region] if region is not None else "",
        strength=titles.magnitude(step.grad) / largest,
        tip=titles.tip(step),
        value=titles.scalar(step.data),
        slope=titles.scalar(step.grad),
    )


def weight_beside(step: Step, slot: int) -> Step | None:
    """The scalar weight that the operand `slot` of a product is multiplied with."""
    if step.role != "product" or step.op != "multiply" or len(step.inputs) != 2:
        return None
    other = step.inputs[1 - slot]
    this = step.inputs[slot]
    if not isinstance(other, Step) or other.role != "weight" or other is this:
        return None
    if isinstance(this, Step) and this.role == "weight" and slot == 1:
        return None  # of two weights the first counts as the weight
    return other if titles.scalar(other.data) is not None else None


def _edges(graph: Graph, number: dict[Step, str]) -> list[Edge]:
    weights = [
        abs(titles.scalar(step.data) or 0.0) for step in graph.steps if step.role == "weight"
    ]
    largest = max([w for w in weights if np.isfinite(w)], default=0.0)
    edges: list[Edge] = []
    for step in graph.steps:
        for slot, x in enumerate(step.inputs):
            if not isinstance(x, Step):
                continue
            beside = weight_beside(step, slot)
            weight = titles.scalar(beside.data) if beside is not None else None
            width = 0.0 if weight is None else thickness(weight, largest)
            hint = ""
            if beside is not None and weight is not None:
                hint = f"{titles.title(beside)} = {labels.number(weight)}"
            edges.append(
                Edge(f"e{len(edges)}", number[x], number[step], slot, weight, width, "", hint)
            )
    return edges


def _relays(
    graph: Graph,
    regions: Regions,
    number: dict[Step, str],
    ids: dict[Region, str],
    nodes: Sequence[Node],
) -> dict[str, Node]:
    """An "output ŷ" beside the loss for each prediction: the same value, shown in its use."""
    output = next((ids[r] for r in regions.all if r.kind == "output"), "")
    by_id = {node.id: node for node in nodes}
    relays: dict[str, Node] = {}
    shown = [step for step in regions.predictions if by_id[number[step]].role != "output"]
    for place, step in enumerate(shown):
        original = by_id[number[step]]
        plain = titles.own_name(step) if step.role == "output" or step.name else ""
        name = labels.subscripted(plain or ("ŷ" if len(shown) == 1 else f"ŷ{place + 1}"))
        relays[original.id] = replace(
            original,
            id=f"n{len(nodes) + place}",
            role="output",
            title=labels.shorten(name),
            cluster=output,
            tip=f"{name}: the output, the same value as {original.title}\n{original.tip}",
        )
    return relays


def _through_relays(
    edges: list[Edge],
    regions: Regions,
    number: dict[Step, str],
    relays: dict[str, Node],
) -> list[Edge]:
    """Lines from a prediction into the loss go through its relay."""
    ending = {number[step] for step in regions.ending}
    changed = [
        replace(edge, source=relays[edge.source].id)
        if edge.source in relays and edge.target in ending
        else edge
        for edge in edges
    ]
    for original, relay in relays.items():
        changed.append(Edge(f"e{len(changed)}", original, relay.id, tip="the same value"))
    return changed
