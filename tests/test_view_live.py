"""The recorded program in JavaScript: what it says, and that it computes what Python computes."""

from __future__ import annotations

import json
import shutil
import subprocess
from random import Random
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import Op
from tinygrad_edu.tape import Tape
from tinygrad_edu.view.live import Program, program, template_of

NODE = shutil.which("node")
COURSE = """
add subtract multiply divide negative power square sqrt absolute exp log tanh sigmoid relu
leaky_relu elu softplus silu maximum minimum clip where sin cos add_n
"""
WRITTEN = [
    op
    for op in tg.registry().values()
    if template_of(op) is not None and op.rules is not None and op.name != "where"
]


def of(value: tg.Value) -> Program:
    made = program(Tape.of(value))
    assert isinstance(made, Program), made
    return made


def test_a_first_course_is_written_in_both_languages() -> None:
    names = COURSE.split()
    assert [n for n in names if template_of(tg.registry()[n]) is None] == []
    assert template_of(tg.registry()["matmul"]) is None


def test_numbers_never_meet_a_sign() -> None:
    w = tg.weight(0.5, "w")
    assert "v[0] - (-2.0)" in of(w - -2.0).source
    assert "(-3.0) / v[0]" in of(-3.0 / w).source


def test_a_reason_is_given_where_there_is_no_program() -> None:
    w = tg.weight(0.5, "w")
    assert "arrays" in str(program(Tape.of(tg.sum(w * np.ones(3)))))
    assert "finite" in str(program(Tape.of(tg.weight(np.inf, "w") * w)))

    @tg.define.elementwise([lambda out, x: 3.0 + 0.0 * x])
    def only_in_python(x: Any) -> Any:
        """Three times x."""
        return 3.0 * x

    try:
        found = str(program(Tape.of(only_in_python(w))))
    finally:
        del tg.OPS["only_in_python"]
    assert found == "only_in_python has no form in JavaScript (the fact `js`)"
    total = w
    for _ in range(1600):
        total = total * w
    assert "instructions" in str(program(Tape.of(total)))


def points(op: Op[Any]) -> list[list[float]]:
    """Numbers on both sides of every kink, inside the domain."""
    rng, count = Random(op.name), 3 if op._arity < 0 else op._arity
    intervals = op.domain or ((-3.0, 3.0),) * count
    ends = [(max(low, -3.0) + 0.01, min(high, 3.0) - 0.01) for low, high in intervals]
    return [[rng.uniform(*end) for end in ends] for _ in range(8)]


def case(op: Op[Any], xs: list[float]) -> tuple[list[Any], list[float]]:
    """The program recorded at other numbers, and the numbers to run it at; what Python finds."""

    def recorded(numbers: list[float]) -> tuple[tg.Value, list[tg.Value]]:
        leaves = [tg.Value(x, f"x{i}") for i, x in enumerate(numbers)]
        return op(*leaves, **op._defaults) * 1.5, leaves

    value, leaves = recorded(points(op)[0])
    made = of(value)
    order = [leaves.index(leaf.value) for leaf in Tape.of(value).leaves]
    out, here = recorded(xs)
    out.backward()
    slopes = [0.0 if here[i].grad is None else float(here[i].grad) for i in order]
    start = [xs[i] for i in order] + list(made.start[made.leaves :])
    last = made.place(len(made.slopes) - 1)
    return [made.source, start, last, list(made.slopes[: made.leaves])], [out.item(), *slopes]


RUNNER = """
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([source, v, last, slopes]) => {
  eval(source)(v);
  return [last, ...slopes].map((place) => String(v[place]));
})));
"""


@pytest.mark.skipif(NODE is None, reason="no JavaScript engine is installed")
def test_javascript_computes_what_python_computes() -> None:
    made = [(op.name, xs, *case(op, xs)) for op in WRITTEN for xs in points(op)]
    text = json.dumps([given for _, _, given, _ in made])
    ran = subprocess.run([str(NODE), "-e", RUNNER], input=text, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    for (name, xs, _, want), found in zip(made, json.loads(ran.stdout), strict=True):
        have = [float(x.replace("Infinity", "inf")) for x in found]
        assert have == pytest.approx(want, rel=1e-12, abs=1e-12, nan_ok=True), f"{name} at {xs}"
