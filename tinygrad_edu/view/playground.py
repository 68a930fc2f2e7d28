"""The playground: one neuron on a page, to be moved and trained without Python.

The neuron is written here as a user would write it, once per activation; what the page runs is the
recorded program of each with its recorded gradients (see `live`), what it draws is the neuron's
own picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tinygrad_edu.engine import Value
from tinygrad_edu.explain.ledger import Ledger
from tinygrad_edu.families import operation
from tinygrad_edu.tags import bias, input, target, weight
from tinygrad_edu.tape import Tape
from tinygrad_edu.view.live import Program, program
from tinygrad_edu.view.page import asset, embedded
from tinygrad_edu.view.picture import draw
from tinygrad_edu.view.style import stylesheet
from tinygrad_edu.view.svg import svg

__all__ = ["ACTIVATIONS", "playground"]

ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu", "softplus", "identity")
START = {"x1": 0.8, "x2": -1.2, "w1": 0.32, "w2": 0.63, "b": 0.44, "t": 1.0}


def neuron(activation: Callable[[Any], Any] | None) -> tuple[Value, dict[str, Value]]:
    """The loss of one neuron with two inputs, and its named parts."""
    x1, x2, t = input(START["x1"], "x1"), input(START["x2"], "x2"), target(START["t"], "t")
    w1, w2, b = weight(START["w1"], "w1"), weight(START["w2"], "w2"), bias(START["b"], "b")
    z = w1 * x1 + w2 * x2 + b
    y = z if activation is None else activation(z)
    loss = (y - t) ** 2
    parts = {"x1": x1, "x2": x2, "w1": w1, "w2": w2, "b": b, "t": t, "z": z, "y": y, "loss": loss}
    return loss, parts


def playground() -> str:
    """The page as HTML: one file that asks nothing of any network.

    >>> "http:" in playground().replace('"http://www.w3.org/2000/svg"', "")
    False
    """
    programs, facts = [], {}
    for name in ACTIVATIONS:
        op = None if name == "identity" else operation(name)
        loss, parts = neuron(op)
        tape = Tape.of(loss)
        made = program(tape)
        assert isinstance(made, Program), made
        slots = {part: Ledger(loss, "draw").slots[value] for part, value in parts.items()}
        facts[name] = {
            "formula": "z" if op is None else re.sub(r"\bx\b", "z", op.formula.replace("ˣ", "ᶻ")),
            "start": list(made.start),
            "at": {part: made.place(slot) for part, slot in slots.items()},
            "slope": {part: made.slopes[slot] for part, slot in slots.items()},
        }
        programs.append(f"{name}: {made.source}")
    loss, _ = neuron(operation("tanh"))
    loss.backward()
    drawn = draw(loss, "op").scene
    drawn = replace(drawn, nodes=tuple(replace(node, tip="") for node in drawn.nodes))
    titles = {node.title: node.id for node in drawn.nodes}
    shapes = {"x₁": "x1", "x₂": "x2", "w₁": "w1", "w₂": "w2", "b": "b", "t": "t"}
    data = {
        "start": START,
        "activations": facts,
        "shapes": {part: titles[title] for title, part in shapes.items()},
    }
    holes = {
        "STYLE": stylesheet([], [], ["pos", "neg"], [], "auto") + asset("page.css"),
        "OWN": asset("playground.css"),
        "PICTURE": svg(drawn),
        "DATA": embedded(data),
        "PROGRAMS": "{" + ",\n".join(programs) + "}",
        "SCRIPT": asset("playground.js"),
    }
    return re.sub("<!--([A-Z]+)-->", lambda hole: holes[hole[1]], asset("playground.html"))
