r"""Scene → DOT, for Graphviz where it is installed, and for whatever else reads DOT.

Labels are plain text with ``\n`` (HTML-like labels are lost in some builds of Graphviz), names are
counters, and every shape carries its size, so that the text fits whatever font Graphviz finds.
A line into a neuron is split at a point among its weights, which keeps the columns in order.

>>> quote('a "b" \\ <c> &lt;')
'"a \\"b\\" \\\\ <c> &amp;lt;"'
"""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_edu.view.labels import clean
from tinygrad_edu.view.layout import label_lines
from tinygrad_edu.view.legend import entries
from tinygrad_edu.view.metrics import shape_size, text_width
from tinygrad_edu.view.scene import Cluster, Edge, Node, Scene
from tinygrad_edu.view.strokes import stroke_width
from tinygrad_edu.view.style import role_class, tone_class, tone_step
from tinygrad_edu.view.theme import CLUSTERS, EDGES, GROUND, ROLES, Look, tint

__all__ = ["dot", "quote"]

# Shape in the theme → (Graphviz shape, style, the shape whose size holds the text).
_SHAPES = {
    "box": ("box", "filled", "box"),
    "rounded": ("box", "rounded,filled", "rounded"),
    "notched": ("note", "filled", "notched"),
    "tag": ("box", "rounded,filled", "tag"),
    "circle": ("ellipse", "filled", "circle"),
    "disc": ("ellipse", "filled", "disc"),
    "dial": ("ellipse", "filled", "dial"),
    "pill": ("ellipse", "filled", "circle"),
    "hexagon": ("hexagon", "filled", "hexagon"),
    "octagon": ("doubleoctagon", "filled", "octagon"),
    "slab": ("box", "rounded,filled", "slab"),
    "none": ("plain", "", "none"),
}


def quote(text: str) -> str:
    """`text` as a DOT string that shows exactly as it is."""
    kept = "\n".join(clean(line) for line in text.split("\n"))
    kept = kept.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return '"' + kept.replace("\n", "\\n") + '"'


def dot(scene: Scene) -> str:
    """The DOT source of `scene`, legend included."""
    rank = "1.1" if scene.level == "neuron" else "0.42"
    lines = [
        "digraph picture {",
        f'  graph [rankdir=LR, newrank=true, outputorder=edgesfirst, bgcolor="{GROUND[0].fill}", '
        f'nodesep=0.14, ranksep={rank}, pad=0.15, fontname="DejaVu Sans", fontsize=12, '
        f"splines={'line' if scene.level == 'neuron' else 'spline'}"
        f"{_caption(scene)}]",
        '  node [fontname="DejaVu Sans", fontsize=12, fixedsize=true]',
        '  edge [fontname="DejaVu Sans", fontsize=11, arrowsize=0.6]',
    ]
    taps = _taps(scene)
    lines += _members(scene, taps)
    for edge in scene.edges:
        lines += _edge(scene, edge, taps.get(edge.id))
    lines += _legend(scene)
    return "\n".join([*lines, "}", ""])


def _caption(scene: Scene) -> str:
    text = "\n".join([scene.banner, *scene.notes] if scene.banner else scene.notes)
    return f", label={quote(text)}, labelloc={'t' if scene.banner else 'b'}" if text else ""


def _taps(scene: Scene) -> dict[str, str]:
    """Edge id → neuron cluster, for weighted lines that enter a neuron from outside of it."""
    neurons = {cluster.id for cluster in scene.clusters if cluster.kind == "neuron"}
    home = {node.id: node.cluster for node in scene.nodes}
    return {
        edge.id: home[edge.target]
        for edge in scene.edges
        if edge.weight is not None
        and home[edge.target] in neurons
        and home[edge.source] != home[edge.target]
    }


def _members(scene: Scene, taps: dict[str, str]) -> Iterator[str]:
    inside: dict[str, list[Node]] = {}
    for node in scene.nodes:
        inside.setdefault(node.cluster, []).append(node)
    children: dict[str, list[Cluster]] = {}
    for cluster in scene.clusters:
        children.setdefault(cluster.parent, []).append(cluster)
    stack: list[Cluster | str] = [""]
    while stack:
        item = stack.pop()
        if isinstance(item, Cluster):
            yield _cluster_opening(item)
            stack.append("  }")
            item = item.id
        elif item:
            yield item
            continue
        for node in inside.get(item, []):
            yield _node(node)
        yield from _tap_column(scene, item, taps)
        stack.extend(reversed(children.get(item, [])))


def _cluster_opening(cluster: Cluster) -> str:
    look = CLUSTERS[cluster.kind]
    return (
        f"  subgraph {quote('cluster_' + cluster.id)} {{ label={quote(cluster.title)}; "
        f'id={quote(cluster.id)}; class="cluster {cluster.kind}"; style="rounded,filled"; '
        f'fillcolor="{look.light.fill}"; color="{look.light.stroke}"; '
        f'fontcolor="{look.light.text}"; fontsize={look.title_size}; margin=10'
    )


def _look_attributes(look: Look, step: int | None = None) -> str:
    shape, style, _ = _SHAPES[look.shape]
    if look.dashed:
        style += ",dashed"
    paint = look.light if step is None else tint(step)
    return (
        f'shape={shape}, style="{style}", fillcolor="{paint.fill}", color="{paint.stroke}", '
        f'fontcolor="{paint.text}"'
    )


def _node(node: Node) -> str:
    lines = label_lines(node)
    label = "\n".join(line.text for line in lines)
    wide, high = shape_size(_SHAPES[ROLES[node.role].shape][2], lines)
    width = 1.2 + 2.4 * max(0.0, min(1.0, node.strength))
    step = tone_step(node.tone)
    kind = role_class(node.role) + (f" {tone_class(step)}" if step is not None else "")
    size = lines[0].size if lines else 12
    return (
        f"  {quote(node.id)} [label={quote(label)}, fontsize={size:g}, "
        f"{_look_attributes(ROLES[node.role], step)}, "
        f"width={wide / 72:.3f}, height={high / 72:.3f}, penwidth={width:.2f}, "
        f'tooltip={quote(node.tip or node.title)}, class="{kind}", '
        f"id={quote(node.id)}]"
    )


def _tap_column(scene: Scene, cluster: str, taps: dict[str, str]) -> Iterator[str]:
    """The points of a neuron's incoming lines, and the order of its first column, bottom to top."""
    roles = {node.id: node for node in scene.nodes}
    column: list[str] = []
    biases: list[str] = []
    entering = [edge for edge in scene.edges if taps.get(edge.id) == cluster]
    for edge in scene.edges:
        source = roles[edge.source]
        if entering and source.cluster == cluster and source.role == "bias":
            biases.append(edge.source)
    for edge in entering:
        sign = EDGES["neg" if (edge.weight or 0) < 0 else "pos"].light
        yield (
            f'  {quote("t" + edge.id)} [shape=point, width=0.06, color="{sign}", label="", '
            f'class="tap"]'
        )
        for other in scene.edges:
            source = roles[other.source]
            partner = other.target == edge.target and source.role in ("weight", "factor")
            if partner and source.cluster == cluster and other.source not in column:
                column.append(other.source)
        column.append("t" + edge.id)
    column += [name for name in dict.fromkeys(biases) if name not in column]
    if len(column) > 1:
        chain = " -> ".join(quote(name) for name in reversed(column))
        yield f"  {{rank=same; {chain} [style=invis]}}"


def _edge(scene: Scene, edge: Edge, tap: str | None) -> Iterator[str]:
    sign = "plain" if edge.weight is None else "neg" if edge.weight < 0 else "pos"
    look = EDGES[sign]
    common = (
        f'color="{look.light}", style={"dashed" if look.dashed else "solid"}, '
        f'penwidth={stroke_width(edge):.2f}, class="w-{sign}", tooltip={quote(edge.tip)}'
    )
    label = f", label={quote(edge.label)}" if edge.label else ""
    head = ", arrowhead=none" if scene.level == "neuron" else ""
    source, target = quote(edge.source), quote(edge.target)
    if tap is None:
        yield f"  {source} -> {target} [{common}{label}{head}, id={quote(edge.id)}]"
        return
    point = quote("t" + edge.id)
    yield (
        f"  {source}:e -> {point} [{common}, dir=none, headclip=false, weight=2, minlen=2, "
        f"id={quote(edge.id + '-in')}]"
    )
    yield (
        f"  {point} -> {target} [{common}{label}, tailclip=false, weight=8, id={quote(edge.id)}]"
    )


def _legend(scene: Scene) -> Iterator[str]:
    """The legend as a cluster in the first rank, one entry below the other."""
    keys = entries(scene)
    if not keys:
        return
    yield (
        '  subgraph "cluster_legend" { label="legend"; id="legend"; class="cluster legend"; '
        'style="rounded"; color="#D5D9DE"; fontcolor="#3A4149"; fontsize=11; margin=8'
    )
    names = [f"legend{number}" for number in range(len(keys))]
    for name, entry in zip(names, keys, strict=True):
        sample = {"pos": "━━  ", "neg": "╌╌  "}.get(entry.sign, entry.mark and f"{entry.mark}  ")
        width = text_width(sample + entry.text, 11) * 1.3 + 24
        colour = EDGES[entry.sign].light if entry.sign else GROUND[0].gradient
        look = f'shape=plaintext, fontcolor="{colour}"'
        if entry.role:
            look = _look_attributes(ROLES[entry.role], entry.step)
        kind = role_class(entry.role) if entry.role else "mark"
        kind += f" {tone_class(entry.step)}" if entry.step is not None else ""
        yield (
            f'  {quote(name)} [label={quote(sample + entry.text)}, id="{name}", class="{kind}", '
            f"fontsize=11, {look}, width={width / 72:.3f}, height=0.36]"
        )
    if len(names) > 1:
        chain = " -> ".join(quote(name) for name in reversed(names))
        yield f"  {{rank=same; {chain} [style=invis]}}"
    yield "  }"
