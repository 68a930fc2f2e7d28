"""What the page tells of each operation and line: formula, numbers, and the chain rule.

The numbers are those of the explaining ledger, which asserts that shares add up to gradients; the
ids are those of the drawn `Scene`. A sum or a function that is drawn as one shape passes on what
the operations inside it pass on together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.explain.ledger import Ledger, Share
from tinygrad_edu.explain.notation import number, right_hand_side, signed
from tinygrad_edu.view import labels, titles
from tinygrad_edu.view.graph import Graph, Step
from tinygrad_edu.view.scene import Scene

__all__ = ["story"]

SAME = "the same value"  # the tip of a line from a prediction to the "output" beside the loss


def story(root: Value, graph: Graph, scene: Scene) -> dict[str, Any]:
    """The op-level scene as a program that can be stepped through: plain data for `json`.

    ``forward`` and ``backward`` list ids in the order of the two passes; ``nodes`` and ``edges``
    hold texts and numbers by id. Without a scalar result there is no backward pass.
    """
    told = _Told(Ledger(root, "draw"), graph, scene)
    computed = sorted((s for s in graph.steps if not s.leaf), key=lambda step: step.slots[0])
    forward = [i for step in computed for i in told.ids(step)]
    edges = told.edges()
    passing = {scene_edge["to"] for scene_edge in edges.values()}
    return {
        "forward": forward,
        "backward": [i for i in reversed(forward) if i in passing],
        "nodes": {i: told.node(step) for step in graph.steps for i in told.ids(step)},
        "edges": edges,
    }


class _Told:
    """One ledger beside one scene."""

    def __init__(self, ledger: Ledger, graph: Graph, scene: Scene) -> None:
        self.ledger, self.graph, self.scene = ledger, graph, scene
        self.number = {step: f"n{index}" for index, step in enumerate(graph.steps)}
        self.relay = {edge.source: edge.target for edge in scene.edges if edge.tip == SAME}
        self.owner = {slot: step for step in graph.steps for slot in step.slots}

    def ids(self, step: Step) -> list[str]:
        """The shapes that show a step: its own, and the output beside the loss."""
        own = self.number[step]
        return [own, self.relay[own]] if own in self.relay else [own]

    def gradient(self, step: Step) -> Any:
        return self.ledger.gradients[step.slots[0]] if step.slots else None

    def node(self, step: Step) -> dict[str, Any]:
        gradient = self.gradient(step)
        told: dict[str, Any] = {
            "title": titles.title(step),
            "role": step.role,
            "name": titles.own_name(step),
            "value": " ".join(titles.value_lines(step.data)),
            "formula": self.formula(step),
            "line": labels.clean(step.line),
            "slot": step.slots[0] if step.slots else None,
        }
        if gradient is not None:
            told["gradient"] = number(gradient)
            single = titles.scalar(gradient)
            told["slope"] = single if single is not None and np.isfinite(single) else None
        return {key: text for key, text in told.items() if text not in ("", None)}

    def formula(self, step: Step) -> str:
        """What a step computes, with names where all its operands have one, and with numbers."""
        if step.leaf:
            return ""
        operands = [x for x in step.inputs if isinstance(x, Step)]
        result = number(step.data)
        if step.kind == "function":
            return f"{step.op}({', '.join(titles.title(x) for x in operands)}) = {result}"
        values = [_held(number(x.data if isinstance(x, Step) else x)) for x in step.inputs]
        if len(step.slots) > 1 or step.op == "add_n":
            names = [titles.title(x) if isinstance(x, Step) else number(x) for x in step.inputs]
            shown = [" + ".join(names), " + ".join(values)]
        else:
            instruction = self.ledger.step(step.slots[0])
            slots = {x.slots[0]: x for x in operands if x.slots}
            names_of = _Texts({slot: titles.title(x) for slot, x in slots.items()})
            infix = len(step.inputs) == 2 and instruction.op.kind in ("arithmetic", "matmul")
            hold = _held if infix else str
            numbers = _Texts({slot: hold(number(x.data)) for slot, x in slots.items()})
            shown = [right_hand_side(instruction, each) for each in (names_of, numbers)]
        named = all(x.leaf and x.name for x in operands)
        return " = ".join([*(shown if named else shown[1:]), result])

    def edges(self) -> dict[str, dict[str, Any]]:
        """Line → who passes what on: local derivative, upstream, share."""
        found: dict[tuple[Step, Step], list[Share]] = {}
        for slot, share in self.ledger.shares():
            source, consumer = self.owner.get(slot), self.owner.get(share.consumer)
            if source is not None and consumer is not None and source is not consumer:
                found.setdefault((source, consumer), []).append(share)
        lines: dict[tuple[str, str], list[str]] = {}
        back = {relay: own for own, relay in self.relay.items()}
        for edge in self.scene.edges:
            if edge.tip != SAME:
                source_id = back.get(edge.source, edge.source)
                lines.setdefault((source_id, edge.target), []).append(edge.id)
        told: dict[str, dict[str, Any]] = {}
        for (source, consumer), shares in found.items():
            ids = lines.get((self.number[source], self.number[consumer]), [])
            shares.sort(key=lambda share: (share.consumer, share.operand))
            groups = [[share] for share in shares] if len(ids) == len(shares) else [shares]
            for line, group in zip(ids, groups, strict=False):
                told[line] = self.passed(source, consumer, group)
        return told

    def passed(self, source: Step, consumer: Step, group: Sequence[Share]) -> dict[str, Any]:
        """One line's part of the chain rule; inside one shape several paths are added up."""
        with np.errstate(all="ignore"):
            amount = sum((share.amount for share in group[1:]), group[0].amount)
        upstream = self.gradient(consumer)
        local = group[0].local if len(group) == 1 else None
        scalar = titles.scalar(amount), titles.scalar(upstream)
        if local is None and None not in scalar and scalar[1]:
            local = float(scalar[0] or 0.0) / float(scalar[1])
        single = titles.scalar(amount)
        told = {
            "from": self.number[source],
            "to": self.number[consumer],
            "upstream": number(upstream),
            "share": signed(amount),
            "local": None if local is None else number(local),
            "amount": single if single is not None and np.isfinite(single) else None,
        }
        return {key: item for key, item in told.items() if item is not None}


def _held(text: str) -> str:
    """A number that can stand between signs: a negative one in brackets."""
    return f"({text})" if text.startswith("−") else text


class _Texts(dict[int, str]):
    """Texts by slot; a slot that is not drawn on its own is an ellipsis."""

    def __missing__(self, slot: int) -> str:
        return "…"
