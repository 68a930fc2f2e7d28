"""The tape: the graph as instructions, replayed on other data, decisions included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Tape, Value
from tinygrad_edu.errors import DTypeError, RecordingError, ShapeError, StaleGraphError

numbers = st.floats(-5.0, 5.0)


def test_the_neuron_as_an_algorithm() -> None:
    w, x, b = tg.weight(0.5, "w"), tg.input(2.0, "x"), tg.bias(-0.25, "b")
    text = str(Tape.of(tg.set_role(tg.tanh(w * x + b), "activation", "y")))
    assert text.splitlines() == [
        "given w            0.5    weight",
        "given x              2    input",
        "given b          -0.25    bias",
        "v1 = w × x           1    product",
        "v2 = v1 + b       0.75    weighted sum",
        "y = tanh(v2)    0.6351    activation",
        "return y",
    ]


def test_names_that_clash_or_are_no_identifiers_are_numbered() -> None:
    a, b, c, d = Value(1.0, "w"), Value(2.0, "w"), Value(3.0, "no name"), Value(4.0, "lambda")
    names = Tape.of(a * b + c * d).names()
    assert len(set(names)) == len(names) and all(n.isidentifier() for n in names)


def test_parameters_are_read_live_and_given_numbers_replace_leaves() -> None:
    w, x = tg.weight(3.0), tg.input(2.0)
    tape = Tape.of(w * x)
    w.assign(10.0)
    assert tape.run() == 20.0
    assert tape.run([1.0, 5.0]) == 5.0
    with pytest.raises(ShapeError, match="record it again"):
        tape.run([np.ones(2)])
    with pytest.raises(ShapeError, match="3 numbers"):
        tape.run([1.0, 2.0, 3.0])
    with pytest.raises(DTypeError, match="made of a Value"):
        Tape.of(1.0)  # type: ignore[arg-type]


def test_a_stale_graph_has_no_tape() -> None:
    w = tg.weight(3.0, "w")
    y = w * 2.0
    w.assign(1.0)
    with pytest.raises(StaleGraphError, match="'w'"):
        Tape.of(y)


def kinky(x: Value, y: Value) -> Value:
    """Every decision an eager program can make without reading data."""
    pick = tg.where(x > y, tg.relu(x), tg.clip(y, -1.0, 1.0))
    return pick + abs(x) * tg.maximum(x, y) + tg.maximum(tg.minimum(x, 2.0), 0.5)


@given(numbers, numbers, numbers, numbers)
def test_recorded_here_replayed_there(a: float, b: float, c: float, d: float) -> None:
    tape = Tape.record(kinky, a, b)
    assert tape.run([c, d]) == kinky(Value(c), Value(d)).data
    arrays = Tape.record(lambda x, y: kinky(x, y).sum(), np.array([a, b]), np.array([b, a]))
    there = np.array([c, d]), np.array([d, c])
    assert arrays.run(there) == kinky(Value(there[0]), Value(there[1])).sum().data


@given(numbers, numbers, numbers, numbers)
def test_recorded_gradients_decide_anew(a: float, b: float, c: float, d: float) -> None:
    tape = Tape.record(tg.value_and_grad(kinky, argnums=(0, 1)), a, b)
    value, (dx, dy) = tape.run([c, d])
    want, (wx, wy) = tg.value_and_grad(kinky, argnums=(0, 1))(c, d)
    assert (value, dx, dy) == (want, wx, wy)


@given(st.lists(numbers, min_size=4, max_size=4), st.lists(numbers, min_size=4, max_size=4))
def test_winners_orders_and_labels_are_instructions(a: list[float], b: list[float]) -> None:
    def f(x: Value, label: Value) -> Value:
        best = x[tg.argmax(x)]
        smallest = x[tg.argsort(x)[:2]]
        return best * 2.0 + smallest.sum() + x.max() - tg.log_softmax(x)[label]

    tape = Tape.record(f, np.array(a), 1)
    other = np.array(b)
    want = f(Value(other), 3)  # type: ignore[arg-type]
    assert tape.run([other, 3]) == want.data


def test_random_draws_are_drawn_anew_and_reproducible() -> None:
    def f(x: Value) -> Value:
        return x * tg.random_uniform(shape=(3,), generator=generator)

    generator = np.random.default_rng(7)
    tape = Tape.record(f, 1.0)
    first, second = tape.run([1.0]), tape.run([1.0])
    assert not np.array_equal(first, second)
    twin = np.random.default_rng(7)
    twin.random(3)  # the draw of the recording itself
    assert np.array_equal(first, twin.random(3))


def test_detach_is_an_instruction_while_recording_and_a_leaf_otherwise() -> None:
    assert (Value(2.0) * 3.0).detach().op is None
    tape = Tape.record(tg.grad(lambda x: x.detach() * x), 3.0)
    assert tape.run([5.0]) == 5.0


@pytest.mark.parametrize(
    ("read", "word"),
    [(lambda x: x.data * 2.0, "data"), (lambda x: float(x), "float"), (lambda x: x.item(), "item"),
     (lambda x: x.numpy(), "numpy"), (lambda x: 1.0 if x > 0 else 2.0, "truth")],
)  # fmt: skip
def test_reading_data_while_recording_is_refused_and_says_what_to_do(
    read: object, word: str
) -> None:
    with pytest.raises(RecordingError, match=rf"{word}(.|\n)*tg\.where"):
        Tape.record(read, 2.0)  # type: ignore[arg-type]
    assert float(Value(2.0)) == 2.0  # and it is over afterwards


def test_shapes_and_printing_are_allowed_while_recording() -> None:
    seen = []

    def f(x: Value) -> Value:
        seen.append((x.shape, x.dtype.kind, repr(x)))
        return x * 2.0

    Tape.record(f, np.ones(2))
    assert seen[0][:2] == ((2,), "f") and "1., 1." in seen[0][2]


def test_backward_while_recording_records() -> None:
    def step(w: Value, x: Value) -> Value:
        loss = (tg.tanh(w * x) - 1.0) ** 2
        loss.backward()
        return w - 0.1 * w.grad

    tape = Tape.record(step, 0.5, 2.0)
    w, x = 0.1, -1.5
    slope = tg.grad(lambda w: (tg.tanh(w * x) - 1.0) ** 2)(w)
    assert tape.run([w, x]) == pytest.approx(w - 0.1 * slope, rel=1e-15)


def test_a_function_of_structures_gives_structures() -> None:
    tape = Tape.record(
        lambda p: {"sum": p["a"] + p["b"], "both": [p["a"], p["b"]]}, {"a": 1.0, "b": 2.0}
    )
    assert tape.run([3.0, 4.0]) == {"sum": 7.0, "both": [3.0, 4.0]}


def test_gradients_of_a_tape_equal_eager_ones() -> None:
    w, b = tg.weight([0.5, -1.0], "w"), tg.bias(0.2, "b")
    loss = (tg.relu(w * np.array([1.0, 2.0]) + b)).sum()
    loss.backward()
    value, dw, db = Tape.of(loss, wrt=[w, b]).run()
    assert value == loss.data and np.array_equal(dw, w.grad) and db == b.grad
    elsewhere = Tape.of(loss, wrt=[w, b]).run([np.array([-5.0, 5.0]), 0.0])
    assert elsewhere[1].tolist() == [0.0, 2.0] and elsewhere[2] == 1.0


def test_nothing_is_frozen_under_no_grad_while_recording() -> None:
    def shifted(x: Value) -> Value:
        with tg.no_grad():
            top = tg.max(x)
        return tg.sum(x - top)

    tape = Tape.record(shifted, np.array([1.0, 2.0, 3.0]))
    assert tape.run([np.array([1.0, 2.0, 30.0])]) == -57.0
    gradient = Tape.record(tg.grad(shifted), np.array([1.0, 2.0, 3.0]))
    assert gradient.run([np.array([5.0, 2.0, 1.0])]).tolist() == [1.0, 1.0, 1.0]


def test_small_whole_numbers_and_bools_are_counted_with_as_floats() -> None:
    small = Tape.record(
        lambda x, y: tg.sum((x - y) ** 2), np.array([1], np.uint8), np.array([3], np.uint8)
    )
    assert small.run() == 4.0
    assert Tape.record(lambda x: x + x, np.array([200], np.uint8)).run().tolist() == [400.0]
    assert Tape.record(lambda x: tg.where(~(x > 1.0), 1.0, 0.0), 3.0).run([0.0]) == 1.0


def test_backward_takes_a_value_as_its_gradient() -> None:
    x = Value(2.0)
    (x * 3.0).backward(gradient=Value(10.0))
    assert x.grad == 30.0
