"""Scene → one standalone SVG, with no program or font needed to make it.

Every node, line and cluster has an id and a class by role (`node-weight`, `w-neg`), a `<title>`
that browsers show on hover, and colours from a style sheet with a light and a dark half.
"""

from __future__ import annotations

from html import escape

from tinygrad_edu.view.columns import bundle_points, columns
from tinygrad_edu.view.labels import clean
from tinygrad_edu.view.layout import Box, Layout, label_lines, layout
from tinygrad_edu.view.legend import Entry, entries, flow
from tinygrad_edu.view.metrics import LINE, corners, text_width
from tinygrad_edu.view.scene import Cluster, Edge, Node, Scene
from tinygrad_edu.view.strokes import Stroke, bundle_paths, figure, stroke_width, strokes
from tinygrad_edu.view.style import role_class, stylesheet, tone_class, tone_step
from tinygrad_edu.view.theme import CLUSTERS, ROLES

__all__ = ["arrange", "safe", "svg"]


def safe(text: str) -> str:
    """`text` for SVG and HTML: nothing in it can become markup or be refused by a parser."""
    kept = "\n".join(clean(line) for line in text.split("\n"))
    return escape(kept, quote=True)


def arrange(scene: Scene) -> Layout:
    """The positions for a scene: columns of neurons at neuron level, ranks at the others."""
    return columns(scene) if scene.level == "neuron" else layout(scene)


def svg(scene: Scene, theme: str = "auto", made: Layout | None = None) -> str:
    """The picture of `scene` as SVG text.

    `theme` is "auto" (light, and dark where the reader's system asks for it), "light" or "dark".

    >>> from tinygrad_edu.view.scene import Node, Scene
    >>> svg(Scene("op", (Node("n0", "input", "<x>"),))).count("&lt;x&gt;")
    1
    """
    made = arrange(scene) if made is None else made
    head = 34.0 if scene.banner else 0.0
    keys = entries(scene)
    wide = max([made.width, *(entry.width + 32 for entry in keys), 280.0])
    wide = max(wide, text_width(scene.banner, 12, True) + 64 if scene.banner else 0)
    note_width = max((text_width(note, 11) for note in scene.notes), default=0.0)
    wide = max(wide, note_width + 32)
    spots, tall = flow(keys, wide - 32)
    shift = (wide - made.width) / 2
    below = made.height + head
    height = below + tall + 18 * len(scene.notes) + 14
    body = [
        _opening(scene, wide, height, theme),
        _banner(scene, wide) if scene.banner else "",
        f'<g transform="translate({figure(shift)} {figure(head)})">',
        *(_cluster(cluster, made.clusters[cluster.id]) for cluster in _outer_first(scene, made)),
        *_bundles(scene, made),
        *_edges(scene, made),
        *(_node(node, made.nodes[node.id]) for node in scene.nodes),
        "</g>",
        f'<g class="legend" transform="translate(16 {figure(below)})">',
        f'<path class="rule" d="M0 0H{figure(wide - 32)}"/>',
        *(_legend_entry(entry, x, y) for entry, (x, y) in zip(keys, spots, strict=True)),
        *(
            f'<text class="l note" x="0" y="{figure(tall + 10 + 18 * number)}">{safe(note)}</text>'
            for number, note in enumerate(scene.notes)
        ),
        "</g></svg>\n",
    ]
    return "\n".join(part for part in body if part)


def _opening(scene: Scene, wide: float, height: float, theme: str) -> str:
    keys = entries(scene)
    roles = dict.fromkeys([*scene.roles()])
    kinds = dict.fromkeys(cluster.kind for cluster in scene.clusters)
    signs = dict.fromkeys(["plain", *(entry.sign for entry in keys if entry.sign)])
    found = {tone_step(node.tone) for node in scene.nodes} | {e.step for e in keys}
    steps = sorted(step for step in found if step is not None)
    sheet = stylesheet(roles, kinds, signs, steps, theme)
    size = f'width="{figure(wide)}" height="{figure(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tg" {size} '
        f'viewBox="0 0 {figure(wide)} {figure(height)}" role="img">\n'
        f"<title>{safe(scene.title or 'Computation graph')}</title>\n"
        f"<desc>{safe(scene.description)}</desc>\n"
        f"<style>{sheet}</style>\n"
        f'<rect class="ground" width="{figure(wide)}" height="{figure(height)}"/>'
    )


def _banner(scene: Scene, wide: float) -> str:
    return (
        f'<g class="banner"><rect x="16" y="8" width="{figure(wide - 32)}" height="24" rx="6"/>'
        f'<text class="b" x="{figure(wide / 2)}" y="24.2">{safe(scene.banner)}</text></g>'
    )


def _outer_first(scene: Scene, made: Layout) -> list[Cluster]:
    drawn = [cluster for cluster in scene.clusters if cluster.id in made.clusters]
    return sorted(drawn, key=lambda c: -made.clusters[c.id].width * made.clusters[c.id].height)


def _cluster(cluster: Cluster, box: Box) -> str:
    look = CLUSTERS[cluster.kind]
    radius = 12 if cluster.kind != "neuron" else 10
    title = ""
    if cluster.title:
        line = figure(box.y + look.title_size + 5)
        size = "t" if look.title_size == 12 else "u"
        x = figure(box.middle.x)
        title = f'<text class="{size}" x="{x}" y="{line}">{safe(cluster.title)}</text>'
    return (
        f'<g id="{safe(cluster.id)}" class="cluster {cluster.kind}">'
        f'<rect class="box" x="{figure(box.x)}" y="{figure(box.y)}" width="{figure(box.width)}" '
        f'height="{figure(box.height)}" rx="{radius}"/>{title}</g>'
    )


def _edges(scene: Scene, made: Layout) -> list[str]:
    drawn = strokes(scene, made)
    # Thin lines last: a thick one would hide them where they cross.
    lines = sorted(scene.edges, key=lambda edge: -stroke_width(edge))
    return [_edge(edge, drawn[edge.id]) for edge in lines]


def _edge(edge: Edge, drawn: Stroke) -> str:
    sign = "plain" if edge.weight is None else "neg" if edge.weight < 0 else "pos"
    dash = " dash" if sign == "neg" else ""
    tip = f"<title>{safe(edge.tip)}</title>" if edge.tip else ""
    head = f'<path class="h-{sign}" d="{drawn.head}"/>' if drawn.head else ""
    label = ""
    if edge.label:
        x, y = figure(drawn.middle.x), figure(drawn.middle.y - 6)
        label = f'<text class="u" x="{x}" y="{y}">{safe(edge.label)}</text>'
    return (
        f'<g id="{safe(edge.id)}">{tip}<path class="line edge w-{sign}{dash}" '
        f'stroke-width="{figure(stroke_width(edge))}" d="{drawn.path}"/>{head}{label}</g>'
    )


def _bundles(scene: Scene, made: Layout) -> list[str]:
    """The lines of neurons that are not shown: faint as a whole (renderers differ in how they add
    up thin transparent lines), without dashes (they would cost seconds), strong ones on top."""
    parts: list[tuple[int, str]] = []
    for bundle in scene.bundles:
        rows, stops = bundle_points(scene, made, bundle)
        for (sign, bucket), path in bundle_paths(bundle, rows, stops).items():
            width = figure(0.3 + 0.3 * bucket)
            line = (
                f'<path id="{safe(bundle.id)}-{sign}{bucket}" class="many w-{sign}" '
                f'stroke-width="{width}" d="{path}"/>'
            )
            parts.append((bucket, line))
    if not parts:
        return []
    parts.sort(key=lambda part: part[0])
    return ['<g class="haze">', *(line for _, line in parts), "</g>"]


def shape_markup(shape: str, box: Box, width: float, dashed: bool) -> str:
    """The outline of a node."""
    extra = f'class="shape{" dash" if dashed else ""}" stroke-width="{figure(width)}"'
    middle = box.middle
    if shape in ("circle", "disc", "dial"):
        return (
            f'<ellipse {extra} cx="{figure(middle.x)}" cy="{figure(middle.y)}" '
            f'rx="{figure(box.width / 2)}" ry="{figure(box.height / 2)}"/>'
        )
    if shape in ("hexagon", "octagon", "notched"):
        outline = _polygon(shape, middle.x, middle.y, box.width, box.height, extra)
        if shape == "octagon":
            inset = f'class="shape" fill-opacity="0" stroke-width="{figure(max(1.0, width * 0.6))}"'
            outline += _polygon(shape, middle.x, middle.y, box.width - 9, box.height - 9, inset)
        return outline
    radius = {"rounded": 14.0, "pill": box.height / 2, "slab": 10.0, "tag": 3.0, "box": 0.0}[shape]
    return (
        f'<rect {extra} x="{figure(box.x)}" y="{figure(box.y)}" width="{figure(box.width)}" '
        f'height="{figure(box.height)}" rx="{figure(min(radius, box.height / 2))}"/>'
    )


def _polygon(shape: str, x: float, y: float, width: float, height: float, extra: str) -> str:
    points = " ".join(
        f"{figure(x + dx)},{figure(y + dy)}" for dx, dy in corners(shape, width, height)
    )
    return f'<polygon {extra} points="{points}"/>'


def border_width(node: Node) -> float:
    """1.3 to 3.9 by |∇|."""
    return 1.3 + 2.6 * max(0.0, min(1.0, node.strength))


def _node(node: Node, box: Box) -> str:
    look = ROLES[node.role]
    step = tone_step(node.tone)
    tone = "" if step is None else f" {tone_class(step)}"
    small = " s" if node.role == "neuron" else ""
    shape = (
        ""
        if look.shape == "none"
        else shape_markup(look.shape, box, border_width(node), look.dashed)
    )
    lines = label_lines(node)
    middle = box.middle
    texts: list[str] = []
    for number, line in enumerate(lines):
        y = middle.y + (number - (len(lines) - 1) / 2) * LINE + line.size * 0.36
        kind = ' class="b"' if line.bold else ""
        if node.gradient and number == len(lines) - 1:
            kind = ' class="g"'
        texts.append(f'<text{kind} x="{figure(middle.x)}" y="{figure(y)}">{safe(line.text)}</text>')
    tip = f"<title>{safe(node.tip)}</title>" if node.tip else ""
    return (
        f'<g id="{safe(node.id)}" class="node {role_class(node.role)}{tone}{small}">'
        f"{tip}{shape}{''.join(texts)}</g>"
    )


def _legend_entry(entry: Entry, x: float, y: float) -> str:
    text = f'<text class="l" x="{figure(x + 40)}" y="{figure(y + 4)}">{safe(entry.text)}</text>'
    if entry.role:
        look = ROLES[entry.role]
        box = Box(x + 2, y - 9, 30, 18)
        if look.shape in ("circle", "disc", "dial"):
            box = Box(x + 8, y - 9, 18, 18)
        step = "" if entry.step is None else f" {tone_class(entry.step)}"
        mark = shape_markup(look.shape, box, 1.4, look.dashed)
        if look.shape == "octagon":
            mark = _polygon("octagon", x + 17, y, 30, 18, 'class="shape" stroke-width="1.4"')
            mark += _polygon(
                "octagon", x + 17, y, 24, 12, 'class="shape" fill-opacity="0" stroke-width="1"'
            )
        return f'<g class="key {role_class(entry.role)}{step}">{mark}</g>{text}'
    if entry.sign:
        dash = " dash" if entry.sign == "neg" else ""
        line = (
            f'<path class="line edge w-{entry.sign}{dash}" stroke-width="2.4" '
            f'd="M{figure(x + 2)} {figure(y)}H{figure(x + 32)}"/>'
        )
        return line + text
    mark = f'<text class="g" x="{figure(x + 17)}" y="{figure(y + 4)}">{safe(entry.mark)}</text>'
    return mark + text
