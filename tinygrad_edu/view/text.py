"""Scene → text: an expression tree for terminals, logs and screen readers.

>>> from tinygrad_edu.view.scene import Edge, Node, Scene
>>> nodes = (Node("n0", "input", "x", ("3.000",)), Node("n1", "operation", "× 2", ("6.000",)))
>>> print(text(Scene("op", nodes, (Edge("e0", "n0", "n1"),))))
× 2 = 6.000  (operation)
└─ x = 3.000  (input)
"""

from __future__ import annotations

from tinygrad_edu.terminal import ascii_fallback
from tinygrad_edu.view.labels import clean
from tinygrad_edu.view.scene import Node, Scene

__all__ = ["text"]

_BRANCH = {False: ("├─ ", "└─ ", "│  "), True: ("|- ", "`- ", "|  ")}
LIMIT = 2000
"""More lines than this are counted, not written."""


def _label(node: Node) -> str:
    body = " · ".join(clean(part) for part in node.lines)
    parts = [clean(node.title) or node.role]
    if body:
        parts.append(f"= {body}")
    slope = f"  {node.gradient}" if node.gradient else ""
    role = f"  ({node.role})" if node.role != "more" else ""
    return " ".join(parts) + slope + role


def text(scene: Scene, ascii: bool = False) -> str:
    """The picture as a tree: each result above what it was computed from.

    What is used more than once is written out once and pointed to afterwards ("↑"). `ascii` avoids
    every character that an old terminal may not have.
    """
    rows = _tree(scene, ascii)
    head = [scene.banner] if scene.banner else []
    tail = list(scene.notes)
    if len(rows) > LIMIT:
        tail.append(f"… {len(rows) - LIMIT:,} more lines")
        rows = rows[:LIMIT]
    lines = [*head, *rows, *tail]
    return "\n".join(ascii_fallback(line) if ascii else line for line in lines)


def _tree(scene: Scene, ascii: bool) -> list[str]:
    nodes = {node.id: node for node in scene.nodes}
    feeds: dict[str, list[str]] = {node.id: [] for node in scene.nodes}
    used: set[str] = set()
    for edge in scene.edges:
        feeds[edge.target].append(edge.source)
        used.add(edge.source)
    branch, last, trunk = _BRANCH[ascii]
    again = "  (see above)" if ascii else "  ↑"
    rows: list[str] = []
    seen: set[str] = set()
    results = [node.id for node in reversed(scene.nodes) if node.id not in used]
    stack = [(result, "", "") for result in reversed(results)]
    while stack:
        number, lead, below = stack.pop()
        inputs = feeds[number]
        repeated = number in seen and bool(inputs)
        rows.append(lead + _label(nodes[number]) + (again if repeated else ""))
        if repeated or number in seen:
            continue
        seen.add(number)
        if len(inputs) == 1 and len(below) > 90:
            # A long chain goes on without stepping further to the right.
            stack.append((inputs[0], below + last, below))
            continue
        for place in range(len(inputs) - 1, -1, -1):
            final = place == len(inputs) - 1
            stack.append(
                (
                    inputs[place],
                    below + (last if final else branch),
                    below + ("   " if final else trunk),
                )
            )
    return rows
