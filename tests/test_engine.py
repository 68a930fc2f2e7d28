"""The engine: data, operators, errors, memory. Traps T… are those of the project's trap list."""

from __future__ import annotations

import asyncio
import copy
import gc
import math
import operator
import pickle
import re
import threading
import weakref
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import Value
from tinygrad_edu.engine import make_leaf
from tinygrad_edu.errors import (
    AutodiffError,
    DTypeError,
    OperationError,
    ShapeError,
    StaleGraphError,
    TinygradError,
    UnknownOperationError,
)

# Data --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [2.0, 2, True, np.float64(2), np.array(2.0), np.float32(2), 2**60])
def test_a_scalar_is_a_python_float(data: object) -> None:  # T21
    assert type(Value(data).data) is float
    assert Value(data).shape == ()


@pytest.mark.parametrize("data", [[1, 2], np.array([True, False]), np.arange(3), (1.5, 2.5)])
def test_whole_numbers_and_bools_become_float64_openly(data: object) -> None:  # T19
    assert Value(data).dtype == np.float64


@pytest.mark.parametrize(
    ("data", "word"),
    [(1j, "complex"), ("a", "str"), (None, "None"), (np.array(["a"]), "str"), (object(), "object"),
     (np.array([1j]), "complex"), (np.array([None]), "object"), (b"a", "bytes")],
)  # fmt: skip
def test_what_is_not_a_number_is_refused_by_name(data: object, word: str) -> None:  # T20
    with pytest.raises(DTypeError, match=word):
        Value(data)


def test_a_value_of_a_value_is_refused() -> None:
    with pytest.raises(DTypeError, match=r"is a Value already(.|\n)*detach"):
        Value(Value(1.0))


def test_a_writable_array_is_copied_and_never_locked() -> None:  # T8
    mine = np.array([1.0, 2.0])
    v = Value(mine)
    y = v * mine
    mine[0] = 100.0
    assert mine.flags.writeable
    assert v.data[0] == 1.0 and y.data[0] == 1.0
    y.sum().backward()
    assert v.grad[0] == 1.0  # the raw operand was copied too


def test_a_locked_array_is_used_as_it_is_and_a_view_of_a_writable_one_is_not() -> None:
    locked = np.array([1.0, 2.0])
    locked.flags.writeable = False
    assert Value(locked).data is locked
    base = np.array([1.0, 2.0])
    view = base[:]
    view.flags.writeable = False
    v = Value(view)
    base[0] = 9.0
    assert v.data[0] == 1.0


def test_data_and_grad_are_read_only() -> None:
    v = Value([1.0, 2.0])
    (v * v).sum().backward()
    for array in (v.data, v.grad):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5.0


def test_setting_data_is_assign() -> None:
    w = Value(3.0, "w")
    (w * w).backward()
    w.data -= 0.1 * w.grad
    assert w.data == pytest.approx(2.4)
    with pytest.raises(ShapeError, match="cannot assign shape"):
        w.data = np.ones(3)
    with pytest.raises(AutodiffError, match="only a leaf"):
        (w * 2.0).assign(1.0)


def test_float32_arrays_stay_and_scalars_carry_their_type() -> None:
    v = Value(np.array([1.0, 2.0], np.float32))
    y = tg.tanh(v * 2.0 + 1.0)
    assert y.dtype == np.float32
    y.sum().backward()
    assert v.grad.dtype == np.float32
    total = v.sum()
    assert type(total.data) is float and total.dtype == np.float32
    assert tg.stack([tg.exp(v[0]), total]).dtype == np.float32
    assert Value(1.0).dtype == np.float64
    assert tg.stack([Value(1.0), Value(2.0)]).dtype == np.float64


def test_mixed_types_give_each_operand_its_own_gradient_type() -> None:
    a, b = Value(np.ones(2, np.float32)), Value(np.ones(2))
    (a * b).sum().backward()
    assert a.grad.dtype == np.float32 and b.grad.dtype == np.float64


# Operators ---------------------------------------------------------------------------------------

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("other", [2, 2.5, np.float64(2.5), np.array([1.5, 2.5]), True])
def test_every_operator_with_a_number_on_either_side(op: object, other: object) -> None:  # T22 T24
    for data in (1.5, np.array([1.5, 0.5])):
        v = Value(data)
        for args, want in (((v, other), (data, other)), ((other, v), (other, data))):
            out = op(*args)  # type: ignore[operator]
            assert isinstance(out, Value), (op, other)
            np.testing.assert_allclose(out.data, op(*map(np.float64, want)))  # type: ignore[operator]
            out.sum().backward()


@pytest.mark.parametrize("op", BINARY)
def test_the_same_operand_twice(op: object) -> None:  # T4
    v = Value(1.7)
    y = op(v, v)  # type: ignore[operator]
    assert y.inputs == (v, v)
    y.backward()
    step = 1e-6
    f = lambda x: op(x, x)  # type: ignore[operator] # noqa: E731
    assert v.grad == pytest.approx((f(1.7 + step) - f(1.7 - step)) / (2 * step), abs=1e-8)


def test_matmul_with_an_array_on_either_side() -> None:
    v, a = Value(np.ones((2, 3))), np.ones((3, 2))
    assert isinstance(v @ a, Value) and isinstance(a @ v, Value)


def test_pythons_sum_starts_at_zero_and_adds_no_node() -> None:
    a, b = Value(1.0), Value(2.0)
    total = sum([a, b])
    assert total.inputs == (a, b)  # type: ignore[union-attr]
    assert tg.sum([a, b, Value(4.0)]).op.name == "add_n"


def test_power_with_values_on_both_sides_and_its_edges() -> None:  # T30 T31 T32
    a, b = Value(2.0), Value(3.0)
    (a**b).backward()
    assert (a.grad, b.grad) == pytest.approx((12.0, 8.0 * math.log(2.0)))
    v = Value(3.0)
    (2**v).backward()
    assert v.grad == pytest.approx(8.0 * math.log(2.0))
    zero = Value(0.0)
    (zero**0).backward()
    assert zero.grad == 0.0
    negative = Value(-2.0)
    (negative**3).backward()
    assert negative.grad == pytest.approx(12.0)
    assert math.isnan((Value(-8.0) ** (1 / 3)).data)
    x, e = Value(np.array([0.0, 0.0, 2.0])), Value(np.array([2.0, 0.0, 0.0]))
    (x**e).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]
    assert e.grad.tolist() == pytest.approx([0.0, 0.0, math.log(2.0)])


@pytest.mark.parametrize(
    ("compute", "want"),
    [(lambda v: 1.0 / (v - v), math.inf), (lambda v: tg.exp(v * 1000.0), math.inf),
     (lambda v: tg.log(v - v), -math.inf), (lambda v: tg.log(-v), math.nan),
     (lambda v: (v - v) / (v - v), math.nan), (lambda v: tg.sqrt(-v), math.nan),
     (lambda v: (v - v) ** -1, math.inf), (lambda v: tg.sin(v * math.inf), math.nan),
     (lambda v: tg.log1p(-v), -math.inf), (lambda v: tg.expm1(v * 1e4), math.inf)],
)  # fmt: skip
def test_floats_follow_ieee_as_arrays_do(compute: object, want: float) -> None:  # T37
    one = Value(1.0)
    out = compute(one)  # type: ignore[operator]
    assert out.data == want or (math.isnan(want) and math.isnan(out.data))
    out.backward()  # and so do the rules: a number or nan or inf, never an exception
    assert isinstance(one.grad, float)


def test_sigmoid_tanh_softplus_at_a_thousand() -> None:  # T39
    for f, low, high in ((tg.sigmoid, 0.0, 1.0), (tg.tanh, -1.0, 1.0), (tg.softplus, 0.0, 1000.0)):
        for x, want in ((-1000.0, low), (1000.0, high)):
            for data in (x, np.array([x])):
                v = Value(data)
                y = f(v)
                y.sum().backward()
                assert np.all(y.data == want) and np.all(np.isfinite(v.grad))


def test_relu_keeps_nan_visible() -> None:  # T35
    assert math.isnan(tg.relu(Value(math.nan)).data)
    assert np.isnan(tg.relu(Value([math.nan])).data[0])


# Conventions where there is no derivative --------------------------------------------------------


@pytest.mark.parametrize("data", [0.0, np.zeros(2)])
def test_relu_clip_and_maximum_agree_at_the_boundary(data: object) -> None:  # T34
    for f in (tg.relu, lambda v: tg.maximum(v, 0.0), lambda v: tg.maximum(0.0, v), abs,
              lambda v: tg.clip(v, 0.0, 1.0), lambda v: -tg.minimum(-v, 0.0)):  # fmt: skip
        v = Value(data)
        f(v).sum().backward()
        assert np.all(v.grad == 0.0)


def test_ties_share_equally_whatever_needs_a_gradient() -> None:  # T33
    a, b = Value(1.0), Value(1.0, requires_grad=False)
    tg.maximum(a, b).backward()
    assert a.grad == 0.5 and b.grad is None
    v = Value([3.0, 1.0, 3.0])
    v.max().backward()
    assert v.grad.tolist() == [0.5, 0.0, 0.5]
    x = Value(2.0)
    tg.stack([x, x]).max().backward()
    assert x.grad == 1.0


def test_where_gives_the_branch_not_taken_exactly_zero() -> None:  # T36
    v = Value([4.0, -1.0])
    with np.errstate(invalid="ignore"):
        y = tg.where(v > 0, tg.sqrt(v), 0.0)
    assert y.op is not None and y.op.name == "where"
    root = y.inputs[1]
    y.sum().backward()
    assert root.grad.tolist() == [1.0, 0.0]
    w = Value(0.0)
    tg.where(w > 0, 1.0 / w, w).backward()
    assert math.isnan(w.grad)  # below the where IEEE holds: 0 * inf; the double where repairs it
    u = Value(0.0)
    safe = tg.where(u > 0, u, 1.0)
    tg.where(u > 0, 1.0 / safe, u).backward()
    assert u.grad == 1.0


# Python's and NumPy's questions ------------------------------------------------------------------


def test_equality_is_identity_between_values_and_refused_with_numbers() -> None:  # T16
    a, b = Value(1.0), Value(1.0)
    assert a == a and a != b and len({a, b}) == 2 and a in [b, a]
    assert (a == None) is False and (a == "a") is False  # noqa: E711
    for other in (1.0, 1, np.ones(2), np.float64(1.0)):
        with pytest.raises(DTypeError, match=r"tg\.equal"):
            a == other  # noqa: B015
    with pytest.raises(DTypeError, match=r"tg\.equal"):
        np.ones(2) == a  # noqa: B015
    for other in ([1.0], (1.0,), 1j):
        with pytest.raises(DTypeError, match=r"tg\.equal"):
            a == other  # noqa: B015
    assert tg.equal(a, 1.0)


def test_comparisons_are_plain_and_truth_is_by_data() -> None:  # T17
    v = Value([1.0, -1.0])
    assert (v > 0).tolist() == [True, False]
    assert type(Value(1.0) > 0) is np.bool_ and (Value(1.0) > 0)
    assert tg.where(~(Value(3.0) > 1), 1.0, 0.0) == 0.0  # ~True of Python would be -2
    assert not Value(0.0) and Value(2.0)
    with pytest.raises(ShapeError, match="ambiguous"):
        bool(v)


def test_float_item_len_iter() -> None:
    v = Value([1.0, 2.0])
    assert float(Value(2.5)) == 2.5 and int(Value(2.5)) == 2
    with pytest.raises(ShapeError, match=r"float\(\) of"):
        float(v)
    assert Value([[3.0]]).item() == 3.0
    with pytest.raises(ShapeError, match="holds 2 numbers"):
        v.item()
    assert [x.data for x in v] == [1.0, 2.0] and len(v) == 2
    with pytest.raises(DTypeError, match="a scalar"):
        len(Value(1.0))
    copied = v.numpy()
    copied[0] = 7.0
    assert v.data[0] == 1.0


def test_arrays_of_values_are_refused_and_name_stack() -> None:
    v, array = Value(1.0), np.zeros(2)
    for spoil in (lambda: np.array([v, v]), lambda: np.asarray(v), lambda: np.array([v], float)):
        with pytest.raises(DTypeError, match=r"tg\.stack"):
            spoil()
    with pytest.raises((AutodiffError, ValueError)) as caught:
        array[0] = v
    assert "tg.stack" in str(caught.value) + str(caught.value.__cause__)
    with pytest.raises(DTypeError, match=r"tg\.stack"):
        array[:] = v
    assert array.tolist() == [0.0, 0.0]


def test_numpy_functions_record_the_same_operation() -> None:
    v, w = Value([1.0, 2.0]), Value([3.0, 4.0])
    for made, name in (
        (np.tanh(v), "tanh"), (np.add(np.ones(2), v), "add"), (np.sum(v, axis=0), "sum"),
        (np.concatenate([v, w]), "concatenate"), (np.stack([v, w], axis=1), "stack"),
        (np.where(np.array([True, False]), v, w), "where"), (np.reshape(v, (2, 1)), "reshape"),
        (np.maximum(v, w), "maximum"), (np.amax(v), "max"), (np.transpose(v[None]), "transpose"),
        (np.matmul(v, w), "matmul"), (np.abs(v), "absolute"), (np.clip(v, 0, 1), "clip"),
        (np.mean(v), "mean"), (np.broadcast_to(v, (3, 2)), "broadcast_to"),
    ):  # fmt: skip
        assert isinstance(made, Value) and made.op is not None and made.op.name == name


def test_numpy_questions_give_plain_results() -> None:
    v = Value([1.0, np.nan])
    assert np.isnan(v).tolist() == [False, True]
    assert np.shape(v) == (2,) and np.ndim(v) == 1 and np.size(v) == 2
    assert np.argmax(Value([1.0, 3.0])) == 1
    assert np.allclose(Value([1.0]), Value([1.0])) is True
    assert np.zeros_like(v).tolist() == [0.0, 0.0]


def test_a_numpy_function_without_a_rule_names_the_nearest() -> None:
    v = Value([1.0, 2.0])
    with pytest.raises(UnknownOperationError, match=r"np\.log_without"):
        from tinygrad_edu.numpy_protocol import call_function

        def log_without() -> None:
            """Nothing."""

        call_function(log_without, (v,), {})
    with pytest.raises(UnknownOperationError, match=r"np\.ldexp(.|\n)*tg\.exp"):
        np.ldexp(v, 2)
    with pytest.raises(UnknownOperationError, match=r"np\.add\.reduce(.|\n)*tg\.sum"):
        np.add.reduce(v)
    array = np.zeros(2)
    with pytest.raises(DTypeError, match="in place"):
        array += v


def test_an_operation_as_a_method_says_how_to_write_it() -> None:
    with pytest.raises(AttributeError, match=r"tg\.relu\(v\)"):
        Value(1.0).relu()
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        Value(1.0).foo  # noqa: B018


# Copies ------------------------------------------------------------------------------------------


def test_leaves_copy_and_pickle_with_name_role_and_gradient_and_ties_survive() -> None:  # T16
    with tg.scope("hidden"):
        w = tg.weight([1.0, 2.0], "w")
    (w * w).sum().backward()
    a, b = copy.deepcopy([w, w])
    assert a is b and a is not w and a.id != w.id
    for twin in (a, pickle.loads(pickle.dumps(w)), copy.copy(w)):
        assert twin.name == "hidden.w" and twin.role is tg.Role.WEIGHT
        assert twin.data.tolist() == [1.0, 2.0] and twin.grad.tolist() == [2.0, 4.0]
    with pytest.raises(AutodiffError, match=r"part of a graph(.|\n)*detach"):
        copy.deepcopy(w * 2.0)


def test_a_value_cannot_be_subclassed() -> None:
    with pytest.raises(TypeError, match="final"):
        type("Mine", (Value,), {})


# Errors ------------------------------------------------------------------------------------------


def test_an_error_names_operands_shapes_the_users_line_and_the_cure() -> None:  # T25
    x, W = tg.input(np.ones((4, 3)), "x"), tg.weight(np.ones((2, 3)), "W")
    with pytest.raises(ShapeError) as caught:
        x @ W  # the user's own line
    text = str(caught.value)
    for part in ("matmul", "'x' (input, shape (4, 3)", "'W' (weight, shape (2, 3)", "x @ W.T",
                 "test_engine.py", "the user's own line"):  # fmt: skip
        assert part in text
    with pytest.raises(ShapeError, match=r"y\[:, None\]"):
        Value(np.ones((4, 3))) + Value(np.ones(4))
    assert isinstance(caught.value, TinygradError) and isinstance(caught.value, ValueError)


def test_wrong_calls_show_the_signature() -> None:
    for call in (lambda: tg.sum(Value([1.0]), bad=1), lambda: tg.log(Value(1.0), 2.0),
                 lambda: tg.log(), lambda: tg.sum(Value([1.0]), 0, axis=0)):  # fmt: skip
        with pytest.raises(DTypeError, match=r"tg\.(sum\(x, axis=None|log\(x\))"):
            call()
    with pytest.raises(DTypeError, match="static parameter"):
        tg.sum(Value([1.0]), axis=Value(0.0))
    with pytest.raises(ShapeError, match="axis 5"):
        Value([1.0]).sum(axis=5)
    with pytest.raises((ShapeError, OperationError), match="reshape"):
        Value([1.0, 2.0]).reshape(3)


def test_a_stale_graph_is_refused_and_the_loop_is_shown() -> None:  # T6
    w = tg.weight(2.0, "w")
    y = w * 3.0
    w.assign(5.0)
    with pytest.raises(StaleGraphError, match=r"'w'(.|\n)*assigned after(.|\n)*for step in range"):
        y.backward()
    assert w.grad is None
    assert (w * 3.0).data == 15.0


def test_a_cycle_made_by_hand_is_an_error_not_a_hang() -> None:  # T12
    a = Value(1.0)
    b = a * 2.0
    c = b * 3.0
    b.inputs = (c, 2.0)
    with pytest.raises(StaleGraphError, match="cycle"):
        c.backward()


def test_the_grad_setter_checks_shapes() -> None:
    v = Value([1.0, 2.0])
    v.grad = [3.0, 4.0]
    assert v.grad.tolist() == [3.0, 4.0]
    v.grad = None
    assert v.grad is None
    with pytest.raises(ShapeError, match="gradient of shape"):
        v.grad = 1.0


# Memory and depth --------------------------------------------------------------------------------


def chain(n: int) -> tuple[Value, Value]:
    x = y = Value(1.0)
    for _ in range(n):
        y = y * 1.0001 + 0.0001
    return x, y


def test_a_deep_chain_needs_no_recursion() -> None:  # T1
    x, y = chain(25_000)
    y.backward()
    assert x.grad == pytest.approx(1.0001**25_000)
    assert tg.infer_roles(y)[x] is tg.Role.FACTOR
    del y


@pytest.mark.slow
def test_a_million_chained_operations() -> None:  # T1
    x, y = chain(500_000)
    y.backward(keep_inner=False)
    assert x.grad == pytest.approx(1.0001**500_000, rel=1e-6)
    alive = weakref.ref(y)
    del y
    assert alive() is None


def test_sixty_doublings_are_linear() -> None:  # T3
    x = y = Value(1.0)
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad == 2.0**60
    assert len(tg.infer_roles(y)) == 61


def test_graphs_are_freed_without_the_collector() -> None:  # T13
    gc.collect()
    gc.disable()
    try:
        w = tg.weight(np.ones((3, 2)), "W")
        loss = tg.mse_loss(tg.tanh(np.ones((4, 3)) @ w), np.zeros((4, 2)))
        loss.backward()
        refs = [weakref.ref(loss), weakref.ref(loss.inputs[0])]
        del loss
        assert all(ref() is None for ref in refs)
    finally:
        gc.enable()


def test_the_total_as_a_float_keeps_no_history() -> None:  # T14
    w, total, last = tg.weight(1.0), 0.0, None
    for _ in range(3):
        loss = w * 2.0
        total += float(loss)
        last = weakref.ref(loss)
        del loss
    assert total == 6.0 and last is not None and last() is None


# Sites, names, repr ------------------------------------------------------------------------------


def test_each_node_tells_the_users_line() -> None:
    x = Value(1.0, "x")
    y = tg.tanh(x * 2.0)  # this line
    assert y.site is not None and "this line" in y.site.text
    assert y.site.filename == __file__ and y.site.function.endswith("the_users_line")
    loss = tg.mse_loss(Value([1.0]), [2.0])  # a composite carries the caller's line
    assert loss.site is not None and "the caller's line" in loss.site.text
    assert loss.inputs[0].site is loss.site
    tg.trace_lines(False)
    try:
        assert (x * 2.0).site is None
    finally:
        tg.trace_lines(True)


def test_repr_never_shows_a_gradient_that_was_not_computed() -> None:  # T9 T53
    w = tg.weight(0.316, "y")
    assert repr(w) == "Value(0.316, 'y', weight, grad: not computed)"
    assert repr(tg.tanh(w)).endswith("activation, grad: not computed)")
    (w * 2.0).backward()
    assert repr(w) == "Value(0.316, 'y', weight, grad: 2)"
    assert re.match(r"Value\(\[1., 2.\], grad", repr(Value([1.0, 2.0])))


# no_grad and scope -------------------------------------------------------------------------------


def test_no_grad_is_local_and_restored() -> None:  # T15
    w = tg.weight(1.0)
    seen: list[bool] = []
    with pytest.raises(RuntimeError, match="out"), tg.no_grad():
        other = threading.Thread(target=lambda: seen.append((w * 2.0).requires_grad))
        other.start()
        other.join()
        assert (w * 2.0).requires_grad is False and (w * 2.0).op is None
        raise RuntimeError("out")
    assert seen == [True]
    assert (w * 2.0).requires_grad


def test_no_grad_and_scope_as_decorators_of_functions_generators_and_coroutines() -> None:
    w = tg.weight(1.0)

    @tg.no_grad
    def bare() -> Value:
        return w * 2.0

    @tg.no_grad()
    def called() -> Value:
        return w * 2.0

    @tg.scope("inside")
    def numbers():  # type: ignore[no-untyped-def]
        received = yield w * 1.0
        assert received == "sent"
        try:
            yield w * 2.0
        except KeyError:
            yield w * 3.0
        return "returned"

    assert not bare().requires_grad and not called().requires_grad and (w * 1.0).requires_grad
    made = numbers()
    first = next(made)
    assert (w * 9.0).tag.scope.path == ()  # given back at the yield
    second = made.send("sent")
    third = made.throw(KeyError("thrown"))
    assert [v.tag.scope.path for v in (first, second, third)] == [("inside",)] * 3
    with pytest.raises(StopIteration) as stop:
        next(made)
    assert stop.value.value == "returned"

    @tg.scope("task")
    async def task() -> Value:
        return w * 2.0

    coroutine = task()
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value.tag.scope.path == ("task",)
    assert (w * 1.0).tag.scope.path == ()


def test_scopes_prefix_names_and_are_the_same_object_each_time() -> None:
    found = []
    for _ in range(2):
        with tg.scope("hidden", kind="layer"), tg.scope("0", kind="neuron"):
            found.append(tg.weight(1.0, "w1"))
    assert found[0].name == "hidden.0.w1"
    assert found[0].tag.scope is found[1].tag.scope
    with pytest.raises(TinygradError, match="no scope kind 'lair'"):
        tg.scope("hidden", kind="lair")
    with pytest.raises(TinygradError, match="non-empty"):
        tg.scope("")


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6))
def test_a_leaf_of_our_own_and_a_value_hold_the_same(numbers: list[float]) -> None:
    assert make_leaf(Value(numbers).data).data.tolist() == numbers


# Found by review ---------------------------------------------------------------------------------


def test_scalars_of_two_types_promote_and_arrays_do_not_taint() -> None:
    single, double = Value(np.float32(2)), Value(np.float64(1 / 3))
    assert (single * double).dtype == (double * single).dtype == np.float64
    assert (single * Value(2.0)).dtype == np.float32
    mixed = single * Value(np.array([1 / 3, 2 / 3]))
    assert mixed.dtype == tg.stack([mixed, mixed]).dtype == np.float64


def test_nothing_is_cut_off_silently() -> None:
    with pytest.raises(DTypeError, match=r"astype\(int64\) would cut"):
        Value(2.7).astype(int)
    with pytest.raises(DTypeError, match=r"filled\(\)"):
        Value(np.ma.array([1.0, 2.0], mask=[0, 1]))


def test_axes_and_joins_of_every_spelling() -> None:
    x = np.arange(6.0).reshape(3, 2)
    assert tg.grad(lambda v: v.sum(axis=np.int64(1)).sum())(x).tolist() == np.ones((3, 2)).tolist()
    joined = tg.concatenate([Value(x), Value(x)], axis=None)
    assert joined.shape == (12,)
    joined.sum().backward()
    assert tg.mean([Value([1.0, 2.0]), Value([3.0, 5.0])], axis=0).data.tolist() == [2.0, 3.5]
    assert tg.max([Value(1.0), Value(3.0)]).data == 3.0


def test_an_index_out_of_range_is_an_index_error_too() -> None:
    with pytest.raises(IndexError, match=r"getitem(.|\n)*shape \(2,\)") as caught:
        Value([1.0, 2.0])[10]
    assert isinstance(caught.value, TinygradError)


def test_a_name_is_a_text_and_a_format_is_a_numbers() -> None:
    with pytest.raises(TinygradError, match="a name is a text"):
        Value(1.0, 2.0)  # type: ignore[arg-type]
    assert f"{Value(0.12345):.2f} {Value(1.0, 'x')}" == "0.12 Value(1, 'x', grad: not computed)"


def test_a_mistake_in_a_users_operation_is_seen() -> None:
    def broken(x):  # type: ignore[no-untyped-def]
        return x * missing_name  # type: ignore[name-defined] # noqa: F821

    def misshapen(out, x):  # type: ignore[no-untyped-def]
        return np.ones(3) * np.ones(2)

    try:
        tg.define.elementwise([1.0], name="broken_op")(broken)
        with pytest.raises(NameError, match="missing_name"):
            tg.engine.OPS["broken_op"](Value(1.0))
        rule = tg.define.elementwise([misshapen], name="broken_rule")(lambda x: x * 1.0)
        with pytest.raises(AutodiffError, match="rule of broken_rule for operand 0 raised Value"):
            rule(Value([1.0, 2.0])).sum().backward()
    finally:
        for name in ("broken_op", "broken_rule"):
            tg.engine.OPS.pop(name, None)


def test_operations_are_never_copied() -> None:
    assert copy.deepcopy(tg.tanh) is tg.tanh and pickle.loads(pickle.dumps(tg.tanh)) is tg.tanh
    layer = tg.nn.Layer(2, 2, seed=1)
    twin = pickle.loads(pickle.dumps(layer))
    assert np.array_equal(twin([1.0, 2.0]).data, layer([1.0, 2.0]).data)


def test_a_suspended_generators_switch_takes_only_its_own_away() -> None:  # T15
    w = tg.weight(1.0)

    def scoped():  # type: ignore[no-untyped-def]
        with tg.scope("inside"):
            yield w * 1.0

    def quiet():  # type: ignore[no-untyped-def]
        with tg.no_grad():
            yield w * 1.0

    made = scoped()
    next(made)
    with tg.no_grad():
        made.close()
        assert not (w * 2.0).requires_grad
    assert (w * 2.0).requires_grad and (w * 2.0).tag.scope.path == ()
    made = quiet()
    next(made)
    with tg.scope("outer"):
        made.close()
        after = w * 2.0
        assert after.requires_grad and after.tag.scope.path == ("outer",)
    assert (w * 2.0).tag.scope.path == ()


def test_a_decorated_async_generator_keeps_its_mode() -> None:
    import asyncio

    w = tg.weight(1.0)

    @tg.no_grad
    async def quiet():  # type: ignore[no-untyped-def]
        for factor in (1.0, 2.0):
            await asyncio.sleep(0)
            yield w * factor

    async def consume() -> list[bool]:
        return [flag async for v in quiet() for flag in (v.requires_grad, (w * v).requires_grad)]

    assert asyncio.run(consume()) == [False, True, False, True]


def test_sites_skip_generated_code_of_the_library() -> None:
    with pytest.raises(tg.errors.GradientError) as caught:
        tg.check(tg.relu, 0.0)
    assert "<string>" not in str(caught.value)


def test_a_block_around_a_yield_holds_in_the_generator_alone() -> None:  # T15
    w = tg.Value(2.0, "w")

    def inside() -> Iterator[tg.Value]:
        with tg.no_grad(), tg.scope("inside"):
            yield w * 1.0
            yield w * 2.0
        yield w * 3.0

    run = inside()
    first, between = next(run), w * 9.0
    leaf = tg.Value(1.0, "leaf")
    with tg.scope("outside"):
        named = w * 8.0
    second, after = next(run), w * 7.0
    third = next(run)
    assert not first.requires_grad and not second.requires_grad and third.requires_grad
    assert between.requires_grad and named.requires_grad and after.requires_grad
    assert between.tag.scope.path == after.tag.scope.path == third.tag.scope.path == ()
    assert leaf.name == "leaf" and named.tag.scope.path == ("outside",)
    assert list(run) == [] and (w * 1.0).requires_grad

    kept = inside()
    next(kept)
    del kept  # closed while it is suspended
    assert (w * 1.0).requires_grad and (w * 1.0).tag.scope.path == ()


def test_a_block_around_an_async_yield_holds_in_the_generator_alone() -> None:  # T15
    w = tg.Value(2.0, "w")

    async def inside() -> AsyncIterator[tg.Value]:
        with tg.no_grad():
            yield w * 1.0
            await asyncio.sleep(0)
            yield w * 2.0

    async def outside() -> list[tuple[bool, bool]]:
        return [(value.requires_grad, (w * 5.0).requires_grad) async for value in inside()]

    assert asyncio.run(outside()) == [(False, True), (False, True)]
