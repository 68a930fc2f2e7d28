"""The printed program: runs without the library and gives its numbers to the last bit."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
import sys
from random import Random
from typing import Any

import numpy as np
import pytest
from explaining import array_programs, golden, programs
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS
from tinygrad_edu.errors import (
    DataError,
    DTypeError,
    OperationError,
    UnknownOperationError,
)
from tinygrad_edu.explain.ledger import same
from tinygrad_edu.explain.literals import array_literal
from tinygrad_edu.tape import Recording, Tape


def run(code: str) -> dict[str, Any]:
    """Execute a program in a namespace that holds nothing else."""
    assert code.isascii(), "a file in any encoding must hold it"
    names: dict[str, Any] = {"__name__": "program"}
    with contextlib.redirect_stdout(io.StringIO()) as out, np.errstate(all="ignore"):
        exec(compile(code, "program.py", "exec"), names)
    names["printed"] = out.getvalue()
    return names


def assert_equals_eager(root: tg.Value) -> dict[str, Any]:
    """The program of ``root`` gives its number and the gradient of every leaf."""
    code = tg.to_code(root)
    names = run(code)
    printed = re.findall(r'^print\("(\w+) =", \1\)$', code, re.M)
    assert same(np.asarray(names[printed[0]]), np.asarray(root.data)), code
    leaves = [x.value for x in Tape.of(root).leaves if x.value.requires_grad]
    if root.shape or not root.requires_grad:
        assert len(printed) == 1
        return names
    with np.errstate(all="ignore"):
        root.backward()
    assert len(printed) == 1 + len(leaves), code
    for name, leaf in zip(printed[1:], leaves, strict=True):
        expected = np.zeros(leaf.shape) if leaf.grad is None else np.asarray(leaf.grad)
        assert same(np.asarray(names[name]), expected), f"{name}\n{code}"
        leaf.zero_grad()
    return names


def test_the_golden_neuron() -> None:
    neuron = golden()
    names = assert_equals_eager(neuron["loss"])
    code = tg.to_code(neuron["loss"])
    assert "w2_grad = " in code and names["w2"] == 0.63
    assert "w1 = 0.32  # weight\n" in code and "\nv1 = w1 * x1  # product\n" in code
    assert "# y = tg.tanh(" not in code or code.count("tg.tanh(") == 1  # the user's line, once
    assert "numpy" not in code.replace("tinygrad_edu.to_code, runs without it", "")
    assert repr(code) == str(code)


def test_it_runs_where_no_package_is_installed() -> None:
    neuron = golden()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", tg.to_code(neuron["loss"])],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    neuron["loss"].backward()
    assert f"w2_grad = {neuron['w2'].grad!r}" in done.stdout
    assert done.stdout.startswith(f"loss = {neuron['loss'].data!r}")


@settings(max_examples=80, deadline=None)
@given(programs())
def test_random_programs_equal_eager(program: list[tg.Value]) -> None:
    assert_equals_eager(program[-1])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_programs_of_arrays_equal_eager(data: Any) -> None:
    with np.errstate(all="ignore"):
        assert_equals_eager(data.draw(array_programs())[-1])


def test_numbers_may_be_changed_and_decisions_are_taken_anew() -> None:
    w = tg.weight(-2.0, "w")
    code = tg.to_code(tg.relu(w) * 3.0 + tg.where(w < 0.0, w, w * w))
    assert run(code)["w_grad"] == 1.0
    other = tg.to_code(tg.relu(w) * 3.0).replace("w = -2.0", "w = 5.0")
    assert run(other)["output"] == 15.0 and run(other)["w_grad"] == 3.0


NUMBERS = [-1.5, -0.0, 0.0, 0.75, 2.0]
ARRAY = np.array([[0.5, -1.25, 2.0], [-0.0, 0.75, 0.75]])
STATIC = {
    "leaky_relu": [{"negative_slope": 0.01}], "elu": [{"alpha": 1.0}, {"alpha": 0.5}],
    "softplus": [{"beta": 1.0}, {"beta": 3}], "celu": [{"alpha": 0.5}],
    "gelu": [{"approximate": "none"}], "threshold": [{"threshold": 0.5, "value": -1.0}],
    "softshrink": [{"lambd": 0.5}], "hardshrink": [{"lambd": 0.75}],
    "hardtanh": [{"min_val": -1.0, "max_val": 0.75}], "softmin": [{"axis": -1}, {"axis": 0}],
    "step": [{"straight_through": False}, {"straight_through": True}],
    **{name: [{"axis": a, "keepdims": k} for a in (None, 0, (0, 1)) for k in (False, True)]
       for name in ("sum", "mean", "max", "min", "logsumexp")},
    "softmax": [{"axis": -1}, {"axis": 0}], "log_softmax": [{"axis": -1}],
    "reshape": [{"shape": shape, "order": "C"} for shape in ((3, 2), (6,))],
    "transpose": [{"axes": (1, 0)}],
    "broadcast_to": [{"shape": (4, 2, 3)}], "sum_to": [{"shape": (3,)}, {"shape": (2, 1)}],
    "astype": [{"dtype": np.dtype("float32")}],
    "stack": [{"axis": 0, "dtype": None}, {"axis": 0, "dtype": np.dtype("float32")}],
    "concatenate": [{"axis": 1, "dtype": None}],
    "getitem": [{"index": i} for i in (
        0, (slice(None), -1), (..., None, slice(None, None, -1)), np.array([1, 0, 1]), (),
        (np.array([0, 1]), np.array([2, 2])), ARRAY > 0.0, (0, 0), slice(0, 1),
    )],
    "getitem_transpose": [{"index": slice(0, 2), "shape": (4, 3)}],
}  # fmt: skip
ARRAYS_ONLY = {"sum", "mean", "max", "min", "logsumexp", "softmax", "log_softmax", "matmul"}
ARRAYS_ONLY |= {"getitem", "getitem_transpose", "concatenate", "reshape", "transpose"}
ARRAYS_ONLY |= {"sum_to", "argsort", "softmin"}
ALL_OPS = sorted(name for name, op in tg.registry().items() if not op.random)


def drawn(op: Any) -> list[Any]:
    """Calls with the operation's own examples: operands, or None for any, and static parameters."""
    return [op.examples(Random(seed)) for seed in range(8)]


@pytest.mark.parametrize("name", ALL_OPS)
def test_every_operation_has_code_that_equals_it(name: str) -> None:
    op = OPS[name]
    cases = [] if op.examples is None or name in STATIC else drawn(op)
    for operands, params in cases:
        if operands is not None:
            check_operation(op, operands, op._defaults | params)
    if cases and cases[0][0] is not None:
        return
    count = 2 if op._arity < 0 and not name.startswith("getitem") else abs(op._arity)
    for params in STATIC.get(name) or [op._defaults | params for _, params in cases] or [{}]:
        assert set(params) == set(op._names), f"add {name} to STATIC"
        if name not in ARRAYS_ONLY:
            for x in NUMBERS:
                check_operation(op, [x, 0.75, 1.25][:count], params)
                check_operation(op, [0.75, x, x][:count], params)
        xs = [ARRAY, ARRAY[::-1] * 0.5, np.full((2, 3), 0.6)][:count]
        if name == "matmul":
            xs = [ARRAY, ARRAY.T]
        check_operation(op, xs, params)
        if count == 2 and op.kind in ("arithmetic", "comparison"):
            check_operation(op, [ARRAY, 0.75], params)
            check_operation(op, [ARRAY, ARRAY[0]], params)  # broadcast


def check_operation(op: Any, xs: list[Any], params: dict[str, Any]) -> None:
    whole = [np.asarray(x).dtype.kind == "i" for x in xs]  # indices stay as they are
    leaves = [x if whole[i] else tg.Value(x, f"x{i}") for i, x in enumerate(xs)]
    with np.errstate(all="ignore"):
        if op.plain:
            with Recording():
                out = op(*leaves, **params)
        else:
            out = op(*leaves, **params)
            out = (out * out).sum() if out.shape else out
        if out.op is not None:  # else there was nothing to do
            assert_equals_eager(out)


def test_matrix_and_vector_products() -> None:
    a, b = tg.weight(ARRAY, "a"), tg.weight([1.0, -2.0, 0.5], "b")
    assert_equals_eager(((a @ b) ** 2).sum())
    assert_equals_eager(b @ b)
    assert_equals_eager((b @ a.T).sum())


def test_a_tensor_network_with_class_labels() -> None:
    rng = np.random.default_rng(0)
    x, labels = tg.input(rng.normal(size=(6, 3)), "x"), np.array([0, 1, 2, 1, 0, 2])
    w, b = tg.weight(rng.normal(size=(3, 3)), "W"), tg.bias(np.zeros(3), "b")
    loss = tg.cross_entropy(tg.tanh(x @ w + b), labels)
    names = assert_equals_eager(loss)
    assert names["W_grad"].shape == (3, 3)


def test_float32_stays_float32() -> None:
    w = tg.weight(np.array([0.1, 0.2], dtype=np.float32), "w")
    names = assert_equals_eager((tg.exp(w) * 3.0).sum())
    assert names["w_grad"].dtype == np.float32 and names["w"].dtype == np.float32


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda v: 1.0 / v, 0.0),
        (lambda v: tg.log(v), 0.0),
        (lambda v: tg.log(v), -1.0),
        (lambda v: tg.exp(v), 1000.0),
        (lambda v: tg.exp(v) * 0.0, 1000.0),
        (lambda v: v**0.5, -8.0),
        (lambda v: v**3.0, 1e200),
        (lambda v: tg.sqrt(v), 0.0),
        (lambda v: v * float("inf"), -1.0),
        (lambda v: v + float("nan"), 1.0),
        (lambda v: tg.sin(v), float("inf")),
    ],
)
def test_inf_and_nan_are_written_so_that_python_does_not_raise(function: Any, x: float) -> None:
    assert_equals_eager(function(tg.weight(x, "w")))


def test_arrays_with_inf_nan_many_rows_and_none() -> None:
    w = tg.weight(np.array([[np.inf, -np.inf], [np.nan, 1.0]]), "w")
    assert_equals_eager(tg.where(np.array([[False, False], [False, True]]), w, 0.0).sum())
    assert_equals_eager(tg.weight(np.arange(200.0).reshape(50, 4) / 7.0, "big").sum())
    assert_equals_eager(tg.weight(np.zeros((0, 3)), "none").sum())
    fortran = np.asfortranarray(np.random.default_rng(1).normal(size=(30, 17)))
    fortran.flags.writeable = False
    assert_equals_eager((tg.weight(fortran, "f") ** 2).sum())


HOSTILE = [
    "lambda", "print", "math", "np", "w 1", "2nd", "", "α", "w₁", "ñ", "変", "w\nimport os", '"""',
    "'); raise SystemExit #", "w_grad", "sigmoid", "v1", "g1", "x = 1 # ", "__import__", "\\",
    "é.ü",
    "None", "match", "c1", "loss", "\x00", "__builtins__", "_", "w" * 300,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name: str) -> None:
    w, twin = tg.weight(0.5, name), tg.weight(-0.25, name)
    z = tg.set_role(tg.sigmoid(w * twin) * w + tg.weight(2.0, "w"), "operation", name=name or "z")
    assert_equals_eager(tg.sigmoid(z) + w)
    code = tg.to_code(tg.sigmoid(z) + w)
    assert "import os\n" not in code
    called = {n.func.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call)
              and isinstance(n.func, ast.Name)}  # fmt: skip
    assert called <= {"print", "sigmoid", "abs"}


def test_uniform_arrays_are_written_as_one_number() -> None:
    w = tg.weight(np.ones((40, 30)), "W")
    assert "W = np.full((40, 30), 1.0)" in tg.to_code(w.sum())
    assert_equals_eager((w**2).sum())
    assert_equals_eager(tg.weight(np.full(20, np.nan, dtype=np.float32), "w").sum())
    negative = tg.weight(np.full(20, -0.0), "w")
    assert np.signbit(assert_equals_eager((negative * 1.0).max())["w"]).all()


def test_array_literals_give_back_numbers_type_and_layout() -> None:
    spread = np.broadcast_to(0.1, (30, 7))
    again = eval(array_literal(spread), {"np": np})
    assert again.strides == (0, 0) and same(again, spread)
    arrays = [ARRAY, ARRAY.astype(np.float32), np.asfortranarray(ARRAY), ARRAY > 0.0]
    for array in [*arrays, np.array([3, -1]), np.zeros((0, 3), np.float32), np.full(9, -np.inf)]:
        again = eval(array_literal(array), {"np": np})
        assert same(again, array) and again.flags.f_contiguous == array.flags.f_contiguous


def test_names_in_scopes() -> None:
    with tg.scope("hidden", kind="layer"):
        a = tg.weight(1.0, "w")
    with tg.scope("out", kind="layer"):
        b, c = tg.weight(2.0, "w"), tg.bias(3.0, "b")
    code = tg.to_code(a * b + c)
    assert "hidden_w = 1.0" in code and "out_w = 2.0" in code and "\nb = 3.0" in code


def test_no_gradient_is_said() -> None:
    array = tg.to_code(tg.weight([1.0, 2.0], "w") * 2.0)
    assert "# No backward: an array of shape (2,)" in array and "_grad" not in array
    assert "# No backward: nothing here needs a gradient." in tg.to_code(tg.target(1.0) * 2.0)


def test_a_leaf_alone_and_gradients_that_are_not_computed() -> None:
    assert "w_grad = 1.0" in tg.to_code(tg.weight(2.0, "w"))
    w, x = tg.weight(1.0, "w"), tg.weight(2.0, "x")
    assert_equals_eager(w + x)
    assert_equals_eager(w + tg.sign(x))


def test_large_arrays_are_refused_with_a_way_out() -> None:
    w = tg.weight(np.arange(1200.0).reshape(40, 30), "W")
    with pytest.raises(DataError, match=r"(?s)more than 1,000 numbers.*W has shape.*Tape\.of"):
        tg.to_code(w.sum())
    assert "W = np.array(" in tg.to_code(w.sum(), limit=1200)


@pytest.fixture
def declared() -> Any:
    before = set(OPS)
    yield tg.define.elementwise
    for name in set(OPS) - before:
        del OPS[name]


def test_an_operation_without_code_is_refused(declared: Any) -> None:
    op = declared([lambda out, x: 3.0 * x * x], name="cube_for_test")(lambda x: x * x * x)
    with pytest.raises(UnknownOperationError, match=r"(?s)cube_for_test does not say.*code="):
        tg.to_code(op(tg.weight(2.0, "w")))


def test_code_that_computes_something_else_is_never_handed_out(declared: Any) -> None:
    op = declared([1.0], name="wrong_for_test", code="{0} + 1e-15")(lambda x: x + 0.0)
    with pytest.raises(OperationError, match=r"wrong_for_test.*does not give what the operation"):
        tg.to_code(op(tg.weight(2.0, "w")))


def test_a_users_operation_may_bring_its_function(declared: Any) -> None:
    import math

    op = declared(
        [lambda out, x: out], name="own_for_test",
        code="own({0})\ndef own(x):\n    return m.exp(x)",
    )(lambda x: math.exp(x) if type(x) is float else np.exp(x))  # fmt: skip
    s, v = tg.weight(0.3, "s"), tg.weight([0.1, 0.2], "v")
    names = assert_equals_eager(op(s) + op(v).sum())
    assert "own" in names and "own_of_arrays" in names
    clash = declared([1.0], name="clash_for_test", code="own({0})\ndef own(x):\n    return x")(
        lambda x: x
    )
    with pytest.raises(OperationError, match="different functions named own"):
        tg.to_code(clash(op(s)))


def test_not_a_value() -> None:
    with pytest.raises(DTypeError, match=r"to_code writes the graph of a Value, got 2\.5"):
        tg.to_code(2.5)
