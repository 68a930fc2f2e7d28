"""On random programs: eager reverse = forward mode = recorded gradient = tape = differences."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings

import tinygrad_edu as tg
from tinygrad_edu.errors import GradientError, OperationError
from tinygrad_edu.testing import check_gradients
from tinygrad_edu.testing.builder import random_program
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.nightly import main
from tinygrad_edu.testing.programs import LEFT_OUT, Program, Step, usable
from tinygrad_edu.testing.strategies import arrays, programs, shapes, values

MANY = settings(max_examples=5 * settings().max_examples)

# A random program may divide by zero; what counts is that all ways to compute it agree.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def gradient(program: Program, create_graph: bool) -> list[np.ndarray]:
    leaves = [tg.Value(x) for x in program.inputs]
    program.run(leaves).backward(create_graph=create_graph)
    found = [leaf.grad for leaf in leaves]
    zeros = [np.zeros(leaf.shape) for leaf in leaves]
    raw = [g.data if isinstance(g, tg.Value) else g for g in found]
    return [np.asarray(z if g is None else g) for g, z in zip(raw, zeros, strict=True)]


def modes_agree(program: Program) -> bool:
    tangents = [np.full(np.shape(x), 0.3 + i) for i, x in enumerate(program.inputs)]
    tangents = [t if t.ndim else float(t) for t in tangents]
    moved = tg.jvp(program, program.inputs, tangents)[1]
    terms = [np.ravel(g * t) for g, t in zip(gradient(program, False), tangents, strict=True)]
    every = np.concatenate(terms)
    return bool(abs(moved - every.sum()) <= 1e-12 * (1.0 + np.abs(every).sum()))


def same_bits(a: object, b: object) -> bool:
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


@MANY
@given(programs(size=8))
def test_gradients_are_right_to_second_order(program: Program) -> None:
    report = report_of(program, *program.inputs)
    on_kink = report.kink is not None and report.kink.distance == 0.0
    assert report.right or (report.verdict == "kink" and on_kink), f"{report}\n\n{program}"


@MANY
@given(programs(size=12))
def test_recorded_gradient_is_raw_gradient(program: Program) -> None:
    for raw, recorded in zip(gradient(program, False), gradient(program, True), strict=True):
        np.testing.assert_allclose(recorded, raw, rtol=1e-13, atol=1e-13 * np.abs(raw).max())


@MANY
@given(programs(size=12))
def test_forward_mode_is_reverse_mode(program: Program) -> None:
    assert modes_agree(program)


@MANY
@given(programs(size=12))
def test_tape_is_eager_bit_for_bit_with_its_gradients(program: Program) -> None:
    leaves = [tg.Value(x) for x in program.inputs]
    out = program.run(leaves)
    assert same_bits(tg.Tape.of(out).run(), out.data)
    assert same_bits(out.data, program.run())
    results = tg.Tape.of(out, wrt=leaves).run()
    for replayed, recorded in zip(results[1:], gradient(program, True), strict=True):
        assert same_bits(replayed, recorded)


@MANY
@given(programs(size=12))
def test_a_recorded_program_holds_on_other_numbers(program: Program) -> None:
    tape = tg.Tape.record(program, *program.inputs)
    others = [-1.1 * x for x in program.inputs]
    with np.errstate(all="ignore"):
        try:
            expected = program.run(others)
        except OperationError:  # the negative of a positive definite matrix is not one
            with pytest.raises(OperationError):
                tape.run(others)
        else:
            assert same_bits(tape.run(others), expected)


@settings(max_examples=20)
@given(programs(size=6))
def test_the_printed_program_runs_and_checks_itself(program: Program) -> None:
    space: dict[str, object] = {}
    exec(program.source(), space)
    assert same_bits(space["program"](*program.inputs), program.run())  # type: ignore[operator]


@pytest.mark.parametrize("name", [op.name for op in usable()])
def test_programs_reach_every_operation(name: str) -> None:
    made = [random_program(Random(seed), 3, [name]) for seed in range(8)]
    assert any(name in program.operations for program in made)
    others = [op.name for op in usable()][:20]
    mixed = [random_program(Random(seed), 6, [name, *others]) for seed in range(60)]
    assert any(name in program.operations and len(program.steps) > 3 for program in mixed)


def test_drawn_programs_reach_most_operations() -> None:
    wanted = {op.name for op in usable()}
    reached: set[str] = set()

    @settings(max_examples=200, derandomize=True, phases=[Phase.generate])
    @given(programs(size=16))
    def collect(program: Program) -> None:
        reached.update(program.operations)

    collect()
    assert len(wanted - reached) < 0.2 * len(wanted)


def test_a_failure_shrinks_to_the_one_operation_that_is_wrong() -> None:
    op = tg.OPS["tanh"]
    right = op.pull
    op.pull = lambda *args: right(*args) * 1.01

    def fails(program: Program) -> bool:
        return not modes_agree(program)

    try:
        few = programs(size=5, operations=["negative", "square", "sin", "tanh"])
        found = find(few, fails, settings=settings(max_examples=100, derandomize=True))
        with pytest.raises(GradientError) as caught:
            check_gradients(found, *found.inputs)
    finally:
        op.pull = right
    own = [name for name in found.operations if name not in ("sum", "multiply", "add")]
    assert own == ["tanh"]
    assert caught.value.report.culprit.op == "tanh"  # type: ignore[attr-defined]


def test_an_operation_that_needs_structure_is_met_near_its_examples() -> None:
    def spd(rng: Random) -> Any:
        a = np.array([[rng.uniform(-1.0, 1.0) for _ in range(3)] for _ in range(3)])
        return (a @ a.T + np.eye(3),), {}

    @tg.define.general(
        vjp=[lambda g, out, x: g * 0.5 / x[0, 0]], jvp=[lambda t, out, x: t[0, 0] * 0.5 / x[0, 0]],
        examples=spd,
    )  # fmt: skip
    def log_of_corner(x: Any) -> Any:
        """ln of the first number on the way of a Cholesky factor, which must exist."""
        return float(np.log(np.linalg.cholesky(x)[0, 0]))

    try:
        made = [random_program(Random(i), 4, ["log_of_corner", "tanh"]) for i in range(20)]
    finally:
        del tg.OPS["log_of_corner"]
    calls = [(p, s) for p in made for s in p.steps if s.op == "log_of_corner"]
    from_inputs = [s.args[0] < len(p.inputs) for p, s in calls]
    moved = [p.steps[s.args[0] - len(p.inputs)].op for p, s in calls if s.args[0] >= len(p.inputs)]
    assert True in from_inputs and set(moved) == {"add"}


def test_what_is_left_out_has_its_reason_and_exists() -> None:
    assert all(tg.registry()[name] and len(reason) > 20 for name, reason in LEFT_OUT.items())
    assert len(LEFT_OUT) <= 3


def test_a_program_is_drawn() -> None:
    program = Program([0.5], [Step("tanh", (0,), {}), Step("square", (1,), {})])
    assert len(program.draw(level="op").scene.nodes) >= 3


def test_plain_random_programs_are_right_and_repeatable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--programs", "60", "--first", "7"]) == 0
    first = capsys.readouterr().out
    assert main(["--programs", "60", "--first", "7"]) == 0
    assert first == capsys.readouterr().out and first.startswith("60 programs: ")


def test_a_false_alarm_would_be_printed_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    op = tg.OPS["multiply"]
    rules, pull = op.rules, op.pull
    op.rules, op.pull = None, lambda *args: pull(*args) * 1.01
    try:
        assert main(["--programs", "15"]) == 1
    finally:
        op.rules, op.pull = rules, pull
    out = capsys.readouterr().out
    assert "# seed" in out and "def program" in out and "culprit: op `multiply`" in out


def test_on_a_kink_with_an_infinite_slope_the_word_is_kink() -> None:
    # 0 times an infinite slope is not a number: the rule of a relu is not to blame for it.
    report = report_of(lambda x: tg.cbrt(tg.relu(x)), -0.5)
    assert report.verdict == "kink" and report.kink is not None and report.kink.op == "cbrt"


def test_the_set_of_operations_can_be_chosen() -> None:
    @given(programs(size=5, operations=["tanh", "multiply"]))
    def only_these(program: Program) -> None:
        assert set(program.operations) <= {"tanh", "multiply", "add", "sum"}

    only_these()


def test_a_program_prints_its_arrays_and_indices() -> None:
    index = (slice(None), np.array([0, 2]))
    program = Program([np.arange(6.0).reshape(2, 3)], [Step("getitem", (0,), {"index": index})])
    assert "index=(slice(None, None, None), np.array([0, 2]))" in str(program)


@given(values((0.0, 1.0)), values((-1.0, np.inf)), values((-np.inf, 2.0)))
def test_values_stay_inside_their_open_interval(x: float, y: float, z: float) -> None:
    assert 0.0 < x < 1.0 and y > -1.0 and z < 2.0


@given(shapes(3))
def test_shapes_broadcast_together(drawn: list[tuple[int, ...]]) -> None:
    assert np.broadcast_shapes(*drawn) in drawn


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_arrays_have_their_shape_and_repeat_numbers(shape: tuple[int, ...]) -> None:
    found = find(arrays(shape), lambda x: np.size(np.unique(x)) < max(2, np.size(x)))
    assert np.shape(found) == shape
    assert type(found) is float or found.dtype == np.float64


@pytest.mark.slow
def test_thousands_of_random_programs_raise_no_false_alarm() -> None:
    assert main(["--programs", os.environ.get("RANDOM_PROGRAMS", "2000")]) == 0
