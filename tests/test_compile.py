"""`tg.compile`: what it works on, when it records, what it tells, and what it refuses."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.compile import compiled as machinery
from tinygrad_edu.errors import (
    AutodiffError,
    BackendError,
    DTypeError,
    NonFiniteError,
    RecordingError,
    ShapeError,
)
from tinygrad_edu.explain.ledger import same


def neuron(x: Any, w: Any, b: Any) -> Any:
    return tg.tanh(x[0] * w[0] + x[1] * w[1] + b)


# What it works on --------------------------------------------------------------------------------


def test_functions_gradients_modules_and_structures() -> None:
    x, w, b = [0.5, -1.2], [0.3, 0.7], 0.1
    assert tg.compile(neuron)(x, w, b) == neuron(list(map(tg.Value, x)), w, b).data
    both = tg.value_and_grad(neuron, (1, 2))
    assert tg.compile(both)(x, w, b) == both(x, w, b)
    assert tg.compile(tg.grad(tg.grad(lambda x: x**4)))(2.0) == 48.0
    model = tg.nn.MLP(2, [3], 1, seed=1)
    data = np.array([[1.0, 2.0], [0.5, -1.0]])
    assert same(tg.compile(model)(data), model(data).data)
    f = tg.compile(lambda p, *, k: {"a": [p["x"] * k], "b": (p["y"], 1.0, k)})
    assert f({"x": 2.0, "y": np.ones(2)}, k=3.0)["a"] == [6.0]
    assert f({"x": 2.0, "y": np.ones(2)}, k=4.0)["b"][1:] == (1.0, 4.0)
    assert f.recordings == 1


def test_the_decorator_in_both_forms_and_on_methods() -> None:
    @tg.compile
    def double(x: Any) -> Any:
        """Twice x."""
        return x * 2.0

    @tg.compile(backend="python")
    def triple(x: Any) -> Any:
        return x * 3.0

    class Scale:
        def __init__(self, k: float) -> None:
            self.k = k

        @tg.compile
        def apply(self, x: Any) -> Any:
            return x * self.k

    assert (double(2.0), triple(2.0)) == (4.0, 6.0)
    assert double.__doc__ == "Twice x." and double.__name__ == "double"
    two, five = Scale(2.0), Scale(5.0)
    assert (two.apply(3.0), five.apply(3.0), two.apply(4.0)) == (6.0, 15.0, 8.0)
    assert two.apply.recordings == 1 and two.apply.report().backend == "numpy"


def test_inside_of_grad_or_of_another_compiled_function_it_is_the_function() -> None:
    inner = tg.compile(lambda x: x * x)
    assert tg.grad(inner)(3.0) == 6.0
    assert tg.compile(lambda x: inner(x) + 1.0)(3.0) == 10.0
    assert tg.compile(tg.grad(inner))(3.0) == 6.0 and inner.recordings == 0


def test_values_as_arguments_are_read_as_numbers() -> None:
    f = tg.compile(lambda x, y: x * y)
    x = tg.input(3.0, "x")
    assert f(x, 2.0) == 6.0
    x.assign(5.0)
    assert f(x, 2.0) == 10.0 and f.recordings == 1


def test_parameters_are_read_live_and_closed_over_arrays_are_constants() -> None:
    w, array = tg.weight([1.0, 2.0], "w"), np.array([1.0, 1.0])
    f = tg.compile(lambda x: (w * x * array).sum())
    assert f(2.0) == 6.0
    w.assign([10.0, 20.0])
    array[:] = 7.0
    assert f(2.0) == 60.0 and f.recordings == 1 and "w = w_leaf._data" in f.source


# When it records ---------------------------------------------------------------------------------


def test_a_shape_a_type_a_structure_and_a_static_argument_record_again() -> None:
    calls = []

    def f(x: Any, how: str = "sum", axis: Any = None) -> Any:
        calls.append(how)
        return tg.sum(x, axis=axis) if how == "sum" else tg.mean(x, axis=axis)

    g = tg.compile(f, static="axis")
    x = np.ones((2, 3))
    assert g(x) == 6.0 and g(x, "mean") == 1.0 and g(x, how="mean") == 1.0 and g(x) == 6.0
    assert same(g(x, axis=1), np.array([3.0, 3.0])) and same(g(x, "sum", 1), np.array([3.0, 3.0]))
    assert same(g(x, axis=0), np.array([2.0] * 3))
    before = len(calls)
    assert g(x.astype(np.float32)).is_integer() and g(np.ones(4)) == 4.0 and g(x.T) == 6.0
    assert len(calls) == before + 3 == g.recordings


def test_ints_bools_and_numpy_scalars() -> None:
    f = tg.compile(lambda x, k: x * k + k)
    assert f(2.0, 3) == 9.0 and type(f(2.0, 3)) is float
    assert f(np.float64(2.0), np.float32(0.5)) == 1.5
    assert f(np.array([1, 2]), 2).tolist() == [4.0, 6.0]
    g = tg.compile(lambda x, up: x + 1.0 if up else x - 1.0)
    assert (g(1.0, True), g(1.0, False)) == (2.0, 0.0) and g.recordings == 2
    masks = tg.compile(lambda x: (x > 0) + (x > 1))
    assert masks(np.array([0.5, 2.0])).tolist() == [1.0, 2.0]


def test_a_storm_of_recordings_warns_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machinery, "MOST", 6)
    f = tg.compile(lambda x: x * 2.0)
    with pytest.warns(UserWarning, match="recorded 3 times"):
        for n in range(1, 7):
            f(np.ones(n))
    with pytest.raises(RecordingError, match=r"kind number 7 (.|\n)*few shapes"):
        f(np.ones(9))
    assert f(np.ones(3)).tolist() == [2.0] * 3  # what is recorded still runs


def test_printing_and_side_effects_happen_while_recording_only() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(x.shape)
        return x * 2.0

    g = tg.compile(f)
    assert [g(1.0), g(2.0), g(3.0)] == [2.0, 4.0, 6.0] and seen == [()]


def test_random_numbers_are_drawn_at_each_call() -> None:
    generator = np.random.default_rng(3)
    f = tg.compile(lambda x, r: x * tg.random_uniform(shape=(3,), generator=r))
    draws = [f(1.0, generator) for _ in range(3)]
    assert not same(draws[0], draws[1]) and not same(draws[1], draws[2]) and f.recordings == 1


def test_a_recording_costs_one_draw_and_then_the_stream_goes_on() -> None:
    one, two = np.random.default_rng(3), np.random.default_rng(3)
    f = tg.compile(lambda x: x * tg.random_uniform(shape=(), generator=one))
    two.random()  # the draw of the recording itself
    assert [f(1.0) for _ in range(3)] == [float(two.random()) for _ in range(3)]


def test_dropout_is_drawn_anew() -> None:
    generator = np.random.default_rng(0)
    f = tg.compile(lambda x: tg.dropout(x, 0.5, generator=generator))
    x = np.ones(50)
    assert len({f(x).tobytes() for _ in range(4)}) == 4


def test_a_module_that_is_put_to_training_or_not_is_recorded_for_each() -> None:
    model = tg.nn.Sequential(tg.nn.Linear(2, 2, seed=0), tg.nn.Dropout(0.5, seed=1))
    compiled, outer, x = tg.compile(model), tg.compile(lambda x: model(x) * 2.0), np.ones((50, 2))
    assert not same(compiled(x), compiled(x)) and not same(outer(x), outer(x))
    model.eval()
    assert same(compiled(x), model(x).data) and same(outer(x), 2.0 * model(x).data)
    model.train()
    assert not same(compiled(x), compiled(x)) and compiled.recordings == 2 == outer.recordings


def test_batch_norm_in_training_is_refused_and_runs_in_evaluation() -> None:
    norm = tg.nn.BatchNorm1d(2)
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    with pytest.raises(RecordingError, match=r"BatchNorm1d follows its batches(.|\n)*eval"):
        tg.compile(norm)(x)
    norm.eval()
    assert same(tg.compile(norm)(x), norm(x).data)


# What it tells -----------------------------------------------------------------------------------


def test_source_tape_and_report() -> None:
    f = tg.compile(tg.value_and_grad(lambda w, x: tg.relu(w * x)))
    with pytest.raises(RecordingError, match="not been called yet"):
        print(f.source)
    f(2.0, 3.0)
    assert f.source.splitlines()[0] == "def program(w, x):"
    assert len(f.tape.instructions) == 5 and f.tape.run([2.0, 3.0]) == (6.0, 3.0)
    text = f.report().text(times=False)
    assert text.splitlines()[0].startswith("backend numpy: the fastest")
    assert "simplify              6 ->      5" in text and "5 instructions\n2 inputs" in text
    assert 0.0 < f.report().seconds < 60.0 and " ms" in str(f.report())
    assert repr(f).endswith("backend='auto'): 1 recorded")
    slow = tg.compile(f.function, backend="python")
    assert slow(2.0, 3.0) == (6.0, 3.0) and "compute(multiply, (w, x))" in slow.source


def test_where_python_raises_ieee_decides_and_it_is_counted() -> None:
    f = tg.compile(lambda x: (1.0 / x, tg.log(x), tg.exp(1000.0 + x), tg.power(x - 2.0, 0.5)))
    assert f(4.0)[0] == 0.25
    with np.errstate(all="ignore"):
        got = f(0.0)
    assert got[:3] == (np.inf, -np.inf, np.inf) and np.isnan(got[3])
    assert f.report().careful == 2 and "2 runs in which Python raised" in str(f.report())


# What it refuses ---------------------------------------------------------------------------------


def test_branching_on_data_names_where() -> None:
    with pytest.raises(RecordingError, match=r"tg\.where"):
        tg.compile(lambda x: x if x > 0 else -x)(1.0)
    with pytest.raises(RecordingError, match=r"tg\.where"):
        tg.compile(lambda x: x * float(x))(1.0)


def test_what_cannot_be_compiled_is_said() -> None:
    with pytest.raises(BackendError, match=r"numba backend is not there yet(.|\n)*numpy"):
        tg.compile(neuron, backend="numba")
    with pytest.raises(BackendError, match="no backend 'gpu'"):
        tg.compile(neuron, backend="gpu")
    with pytest.raises(DTypeError, match="given a function, not float"):
        tg.compile(2.0)
    with pytest.raises(DTypeError, match="static='z', but the function has the arguments x, w, b"):
        tg.compile(neuron, static="z")
    with pytest.raises(RecordingError, match="returns None"):
        tg.compile(lambda x: None)(1.0)
    with pytest.raises(DTypeError, match="set cannot be"):
        tg.compile(lambda x, s: x)(1.0, set())
    with pytest.raises(ShapeError, match="matmul"):
        tg.compile(lambda x: x @ x)(np.ones((2, 3)))


def test_a_failed_recording_leaves_nothing_behind() -> None:
    w = tg.weight(2.0, "w")

    def step(x: Any) -> Any:
        (w * x).backward()
        w.assign(5.0)
        raise KeyError("stop")

    with pytest.raises(KeyError):
        tg.compile(step)(1.0)
    assert w.data == 2.0 and w.grad is None and (w * 2.0).data == 4.0


# Training steps ----------------------------------------------------------------------------------

X = np.random.default_rng(0).standard_normal((8, 2))
Y = np.sign(X[:, :1] * X[:, 1:])
O = tg.optim
OPTIMIZERS = {
    "SGD": lambda p: O.SGD(p, lr=0.1),
    "momentum": lambda p: O.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda p: O.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: O.Adam(p, lr=0.05, weight_decay=0.01),
    "AMSGrad": lambda p: O.Adam(p, lr=0.05, amsgrad=True),
    "AdamW": lambda p: O.AdamW(p, lr=0.05),
    "RMSprop": lambda p: O.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "Adagrad": lambda p: O.Adagrad(p, lr=0.1, lr_decay=0.1),
    "Adamax": lambda p: O.Adamax(p, lr=0.05),
    "NAdam": lambda p: O.NAdam(p, lr=0.05),
    "groups": lambda p: O.SGD([{"params": p[:1], "lr": 0.2}, {"params": p[1:]}], lr=0.05),
}  # fmt: skip


def trainer(kind: str, form: Any = "tensor", minimize: bool = False) -> Any:
    model = tg.nn.MLP(2, [3], 1, "tanh", form=form, seed=3)
    optimizer = OPTIMIZERS[kind](model.parameters())

    def step(x: Any, y: Any) -> Any:
        loss = tg.mse_loss(model(x), y)
        if minimize:
            return optimizer.minimize(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step


def number(x: Any) -> Any:
    return x._data if isinstance(x, tg.Value) else x


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize(
    ("kind", "form", "minimize"),
    [*itertools.product(OPTIMIZERS, ["tensor"], [False, True]), ("Adam", "scalar", False)],
)
def test_a_training_step_is_the_eager_one(
    kind: str, form: str, minimize: bool, backend: str
) -> None:
    (m1, o1, eager), (m2, o2, step) = (trainer(kind, form, minimize) for _ in range(2))
    compiled = tg.compile(step, backend=backend)
    for i in range(5):
        if i == 3:
            o1.lr = o2.lr = 0.02
        assert number(eager(X, Y)) == compiled(X, Y)
        for p, q in zip(m1.parameters(), m2.parameters(), strict=True):
            assert same(p.data, q.data) and same(p.grad, q.grad)
            assert str(o1.why(p)) == str(o2.why(q))
        assert repr(o1.state_dict()) == repr(o2.state_dict())
    first_differs = kind not in ("SGD", "groups")  # with no memory yet it is another arithmetic
    assert compiled.recordings == 1 + first_differs and o2.steps == 5


def test_eager_and_compiled_steps_can_take_turns_and_states_be_loaded() -> None:
    (m1, o1, eager), (m2, o2, step) = (trainer("Adam") for _ in range(2))
    compiled = tg.compile(step)
    for f, g in ((eager, compiled), (eager, step), (eager, compiled), (eager, compiled)):
        f(X, Y)
        g(X, Y)
    saved = o1.state_dict()
    o2.load_state_dict(saved)
    eager(X, Y)
    compiled(X, Y)
    assert all(same(p.data, q.data) for p, q in zip(m1.parameters(), m2.parameters(), strict=True))


def test_a_weight_frozen_later_and_a_setting_changed_later_are_seen() -> None:
    (m1, o1, eager), (m2, o2, step) = (trainer("momentum") for _ in range(2))
    compiled = tg.compile(step)
    for change in (None, "freeze", "momentum", None):
        for m, o in ((m1, o1), (m2, o2)):
            if change == "freeze":
                m.parameters()[0].requires_grad = False
            if change == "momentum":
                o.momentum = 0.5
        eager(X, Y)
        compiled(X, Y)
        pairs = zip(m1.parameters(), m2.parameters(), strict=True)
        assert all(same(p.data, q.data) for p, q in pairs)


def test_arrays_seen_outside_are_never_written() -> None:
    model, _, step = trainer("Adam")
    compiled = tg.compile(step)
    seen: list[tuple[Any, Any]] = []
    for _ in range(4):
        compiled(X, Y)
        for p in model.parameters():
            seen += [(a, np.array(a)) for a in (p.data, p.grad)]
    assert all(same(a, copy) for a, copy in seen)


def test_an_update_by_hand_is_carried_out_after_the_run() -> None:
    w = tg.weight(1.0, "w")

    @tg.compile
    def step(x: Any) -> Any:
        loss = (w * x - 1.0) ** 2
        w.zero_grad()
        loss.backward()
        w.assign(w - 0.1 * w.grad)
        return loss, w

    assert step(2.0) == (1.0, pytest.approx(0.6))
    assert w.data == pytest.approx(0.6) and w.grad == 4.0
    assert step(2.0)[0] == pytest.approx(0.04) and step.recordings == 1


def test_a_step_that_diverges_moves_nothing() -> None:
    model, optimizer, step = trainer("SGD")
    compiled = tg.compile(step)
    compiled(X, Y)
    before = [p.data for p in model.parameters()]
    with pytest.raises(NonFiniteError, match="gradient of"), np.errstate(all="ignore"):
        compiled(X * np.inf, Y)
    optimizer.lr = 1e308
    with pytest.raises(NonFiniteError, match="infinite or NaN"), np.errstate(all="ignore"):
        compiled(X, 1e10 * Y)
    assert all(a is p.data for a, p in zip(before, model.parameters(), strict=True))
    assert optimizer.steps == 1
    minimizing = tg.compile(trainer("SGD", minimize=True)[2])
    minimizing(X, Y)
    with pytest.raises(NonFiniteError, match="the loss is"), np.errstate(all="ignore"):
        minimizing(X, Y * np.inf)


def test_what_a_step_must_not_do_is_said() -> None:
    w = tg.weight(2.0, "w")
    optimizer = tg.optim.SGD([w], lr=0.1)

    def twice(x: Any) -> None:
        for _ in range(2):
            optimizer.minimize(w * x)

    with pytest.raises(RecordingError, match=r"steps twice(.|\n)*call it twice"):
        tg.compile(twice)(1.0)

    def reads(x: Any) -> Any:
        optimizer.minimize(w * x)
        return w * 2.0

    with pytest.raises(RecordingError, match=r"'w'(.|\n)*read after it was assigned"):
        tg.compile(reads)(1.0)

    def adds(x: Any) -> Any:
        (w * x).backward()
        return w * x

    (w * 3.0).backward()
    with pytest.raises(RecordingError, match=r"holds a gradient from before(.|\n)*zero_grad"):
        tg.compile(adds)(1.0)
    w.zero_grad()
    (w * 3.0).backward()
    with pytest.raises(RecordingError, match="computed before the recording"):
        tg.compile(lambda x: optimizer.step())(1.0)
    with pytest.raises(AutodiffError, match="no parameter has a gradient"):
        tg.compile(lambda x: (optimizer.zero_grad(), optimizer.step()))(1.0)
    radam = tg.optim.RAdam([w])  # its rule asks how many steps there were
    guessing = tg.compile(lambda x: radam.minimize(w * x))
    guessing(1.0)
    with pytest.raises(RecordingError, match=r"(truth value|float)(.|\n)*read while"):
        guessing(1.0)
    before = w.data
    with pytest.raises(RecordingError, match="is an argument or was made here"):
        tg.compile(lambda x: x.assign(1.0))(2.0)
    with pytest.raises(ShapeError):
        tg.compile(lambda x: w.assign(x))(np.ones(3))
    with pytest.raises(RecordingError, match=r"while a tape is recorded(.|\n)*tg\.compile"):
        tg.Tape.record(lambda x: w.assign(x), 1.0)
    with pytest.raises(RecordingError, match=r"an optimizer steps(.|\n)*tg\.compile"):
        tg.Tape.record(lambda x: optimizer.step(), 1.0)
    assert w.data == before


def test_no_warning_of_python_or_numpy_on_ordinary_steps() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled = tg.compile(trainer("AdamW")[2])
        losses = [compiled(X, Y) for _ in range(40)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("op", [tg.softplus, tg.sigmoid, tg.silu])
def test_an_operation_on_a_number_and_on_an_array_in_one_program(op: Any) -> None:
    """The printed function for single numbers does not stand for the one of arrays."""

    def both(x: Any, v: Any) -> Any:
        return op(x) + tg.sum(op(v)) + tg.sum(tg.sigmoid(v)) + tg.silu(x)

    compiled = tg.compile(both, backend="numpy")
    assert compiled(0.3, np.array([0.5, -1.0])) == both(0.3, np.array([0.5, -1.0]))
    assert compiled.report().backend == "numpy"
