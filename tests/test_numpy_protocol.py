"""NumPy's own functions on Values: every public one computes the same, or says what to do."""

from __future__ import annotations

import contextlib
import inspect
import io
import operator
import re
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, TinygradError, UnknownOperationError
from tinygrad_edu.other_names import OTHERS

PLACES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}


def dispatched() -> Iterator[tuple[str, Any]]:
    """Every public function of NumPy that asks its arguments what to do: ufuncs, and the others."""
    for place, module in PLACES.items():
        for name in sorted(dir(module)):
            found = getattr(module, name)
            asks = isinstance(found, np.ufunc) or hasattr(found, "_implementation")
            if asks and not name.startswith("_"):
                yield f"{place}.{name}", found


FUNCTIONS = dict(dispatched())
SQUARE = np.array([[1.5, 0.5], [0.25, 0.75]])
VECTOR = np.array([0.3, 0.6, 0.9])
INTEGERS = np.array([0, 2, 1])


A, V = np.array([[1.5, 0.5], [0.5, 0.75]]), VECTOR  # symmetric, as factorisations expect
CALLS: list[tuple[Any, ...]] = [
    (A,), (V,), (A, A), (V, V), ((A, A),), (A, 1), (A, 0, 1), (A, A, A), (V, V, V), (A, (4,)),
    (A, (3, 2, 2)), ("ij,jk", A, A), (V, INTEGERS), (V, INTEGERS, 0), (A > 0.6, A, A),
    ([A > 0.6], [A], 0.0), (V, np.float32), (A[None, None], 1), (A > 0.6, A), (V, V > 0.5, V),
    (A, V[:2], V[:2]), (INTEGERS, V), (A, (2, 2), (0, 1)), (V, INTEGERS, V),
    (np.eye(4).reshape(2, 2, 2, 2), A), (np.ones((2, 2, 2)), 2), (INTEGERS, (V, V, V)), (V, V, 1),
    (A, INTEGERS[1:2, None] * 0, 0), (A, INTEGERS[:1, None], A[:1], 0), (V, V[:2]), (A, V[:2]),
]  # fmt: skip
WITH_FUNCTIONS = {
    "np.apply_along_axis": (np.cumsum, 0, A), "np.apply_over_axes": (np.sum, A, [0]),
    "np.piecewise": (V, [V > 0.5], [np.sin]),
}  # fmt: skip


def wrapped(x: Any, wrap: Any) -> Any:
    """The arguments of a call with fresh arrays, or Values, for all arrays of floats in them."""
    if isinstance(x, (list, tuple)):
        return type(x)(wrapped(part, wrap) for part in x)
    return wrap(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def numbers(x: Any) -> Any:
    if isinstance(x, tg.Value):
        return x.numpy()
    return [numbers(part) for part in x] if isinstance(x, (list, tuple)) else x


def same(have: Any, want: Any) -> bool:
    if isinstance(want, (list, tuple)):
        return len(have) == len(want) and all(map(same, have, want))
    if isinstance(want, (str, bool, np.dtype, type(None))):
        return bool(have == want)
    return np.shape(have) == np.shape(want) and np.allclose(have, want, 1e-12, equal_nan=True)


# There is no call of these with an array of floats that means anything.
NO_CALL = {
    "np.bitwise_and", "np.bitwise_count", "np.bitwise_invert", "np.bitwise_left_shift",
    "np.bitwise_not", "np.bitwise_or", "np.bitwise_right_shift", "np.bitwise_xor", "np.invert",
    "np.left_shift", "np.right_shift", "np.gcd", "np.lcm", "np.isnat", "np.datetime_as_string",
    "np.busday_count", "np.busday_offset", "np.is_busday", "np.packbits", "np.unpackbits",
    "np.ravel_multi_index", "np.unravel_index", "np.bincount", "np.ldexp", "np.savetxt", "np.save",
    "np.savez", "np.savez_compressed", "np.ix_", "np.can_cast",
}  # fmt: skip
ANSWERS_DIFFER = {"np.empty_like": "what an empty array holds is anything"}


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - NO_CALL))
def test_a_function_computes_the_same_or_says_what_to_do(name: str) -> None:
    function, tried = FUNCTIONS[name], 0
    for spec in [WITH_FUNCTIONS[name]] if name in WITH_FUNCTIONS else CALLS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                want = function(*wrapped(spec, np.copy))
            except Exception:
                continue  # not a call of this function
            tried += 1
            try:
                have = function(*wrapped(spec, tg.Value))
            except TinygradError as error:
                assert error.hint, f"{name}{spec}: {error}"
                continue
        if name not in ANSWERS_DIFFER:
            assert same(numbers(have), want), f"{name}{spec}: {have} for {want}"
    assert tried, "no call was found for this function: add one to CALLS"


def test_what_has_no_call_exists() -> None:
    assert set(FUNCTIONS) >= NO_CALL
    assert len(FUNCTIONS) > 300


def test_most_of_numpy_computes() -> None:
    """Those that say no are those without a derivative, and not because of a mistake in between."""
    refused = []
    for name, function in FUNCTIONS.items():
        try:
            function(tg.Value(SQUARE))
        except UnknownOperationError:
            refused.append(name)
        except Exception:
            continue
    known = {"np." + name for name in tg.registry()} & set(FUNCTIONS)
    assert not known & set(refused)


@pytest.mark.parametrize(
    ("call", "want"),
    [
        (lambda v: np.sum(v, 0, None, None, True), [[1.75, 1.25]]),
        (lambda v: np.sum(a=v, axis=0), [1.75, 1.25]),
        (lambda v: np.sum(v, axis=0, dtype=None, out=None, where=True), [1.75, 1.25]),
        (lambda v: np.mean(v, 1, out=None), [1.0, 0.5]),
        (lambda v: np.max(v, axis=0, out=None), [1.5, 0.75]),
        (lambda v: np.add(v, v, out=None), 2.0 * SQUARE),
        (lambda v: np.add(v, v, dtype=None, where=True), 2.0 * SQUARE),
        (lambda v: np.clip(v, 0.3, 1.0), [[1.0, 0.5], [0.3, 0.75]]),
        (lambda v: np.clip(v, a_min=0.3, a_max=None), [[1.5, 0.5], [0.3, 0.75]]),
        (lambda v: np.clip(v, min=0.3, max=1.0, out=None), [[1.0, 0.5], [0.3, 0.75]]),
        (lambda v: np.concatenate(v), [1.5, 0.5, 0.25, 0.75]),
        (lambda v: np.stack(v), SQUARE),
        (lambda v: np.concatenate([v, v[0:1]], axis=0, out=None)[2], [1.5, 0.5]),
        (lambda v: np.reshape(v, (4,), order="C"), [1.5, 0.5, 0.25, 0.75]),
        (lambda v: np.where(v > 0.6)[0], [0, 1]),
        (lambda v: np.around(v), [[2.0, 0.0], [0.0, 1.0]]),
        (lambda v: np.degrees(v), np.degrees(SQUARE)),
        (lambda v: np.real(v), SQUARE),
        (lambda v: np.isreal(v), [[True, True], [True, True]]),
        (lambda v: np.median(v, overwrite_input=True), 0.625),
        (lambda v: np.percentile(v, 50, method="linear"), 0.625),
        (lambda v: np.quantile(v, 0.5, axis=0, method="linear"), [0.875, 0.625]),
    ],
)
def test_arguments_of_numpy_that_change_nothing(call: Any, want: Any) -> None:
    assert np.array_equal(numbers(call(tg.Value(SQUARE))), want)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda v: np.sum(v, where=SQUARE > 0), "np.sum of a Value takes no where(.|\n)*tg.sum"),
        (lambda v: np.sum(v, initial=3.0), "takes no initial"),
        (lambda v: np.quantile(v, 0.3, method="nearest"), "np.quantile of a Value takes no method"),
        (lambda v: np.mean(v, dtype=np.float32), "np.mean of a Value takes no dtype"),
        (lambda v: np.clip(v, 0.0, 1.0, casting="unsafe"), "np.clip of a Value takes no casting"),
        (lambda v: np.exp(v, where=SQUARE > 1), "np.exp of a Value takes no where(.|\n)*tg.exp"),
    ],
)
def test_arguments_that_would_be_ignored_are_refused(call: Any, words: str) -> None:
    with pytest.raises(DTypeError, match=words):
        call(tg.Value(SQUARE))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda v: np.add.reduce(v), r"np.add.reduce has no(.|\n)*tg.sum\(v, axis=0\)"),
        (lambda v: np.multiply.accumulate(v), r"tg.cumprod\(v, axis=0\)"),
        (lambda v: np.maximum.reduce(v), r"tg.max\(v, axis=0\)"),
        (lambda v: np.subtract.outer(v, v), r"v\[:, None\] - w"),
        (lambda v: np.tanh.at(v, [0]), r"np.tanh.at has no derivative rule(.|\n)*tg.tanh"),
        (lambda v: np.gradient(v), r"np.gradient has no(.|\n)*tg.diff\(v\)"),
        (lambda v: np.interp(v, V, V), r"np.interp has no(.|\n)*tg.where"),
        (lambda v: np.fft.fft(v), r"np.fft.fft has no derivative rule"),
        (lambda v: np.linalg.eigvals(v), r"np.linalg.eigvals has no(.|\n)*tg.linalg.eigvalsh"),
    ],
)
def test_what_has_no_rule_names_the_nearest(call: Any, words: str) -> None:
    with pytest.raises(UnknownOperationError, match=words):
        call(tg.Value(SQUARE))


def test_numpys_names_and_ours_take_the_same_arguments() -> None:
    """A call by NumPy's own names of the first operands works too."""
    first = [f for n, f in FUNCTIONS.items() if n.startswith("np.") and n[3:] in tg.registry()]
    named = [f for f in first if not isinstance(f, np.ufunc) and _by_keyword(f)]
    for function in named:
        operand = next(iter(inspect.signature(function).parameters))
        want = function(**{operand: SQUARE})
        assert same(numbers(function(**{operand: tg.Value(SQUARE)})), want), function
    assert len(named) > 5


def _by_keyword(function: Any) -> bool:
    try:
        found = [*inspect.signature(function).parameters.values()]
    except ValueError:
        return False
    needed = [p for p in found if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return len(needed) == 1 and found[0].kind is found[0].POSITIONAL_OR_KEYWORD


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda v: np.linalg.pinv(v, hermitian=True), "np.linalg.pinv of a Value takes no herm"),
        (lambda v: np.matvec(v, v[0]), "tg.einsum('...ij,...j->...i', a, v)"),
        (lambda v: np.block([[v, v]]), r"tg.vstack([tg.hstack([a, b])"),
        (lambda v: np.linalg.eig(v), "tg.linalg.eigh(a), for a symmetric a"),
        (lambda v: np.linspace(v, 1.0, 3), "np.linspace(0.0, 1.0, n)"),
        (lambda v: v.view(-1), "has no attribute 'view': write tg.reshape(v, shape)"),
        (lambda v: v.mT, "tg.swapaxes(v, -1, -2)"),
        (lambda v: tg.cat([v, v]), "has no attribute 'cat': write tg.concatenate([v, w])"),
        (lambda v: tg.svd(v), "has no attribute 'svd': write tg.linalg.svd(a)"),
        (lambda v: tg.cov2d(v), "did you mean tg.conv2d or tg.conv1d?"),
        (lambda v: tg.linalg.eig(v), "has no attribute 'eig': write tg.linalg.eigh(a)"),
        (lambda v: tg.linalg.norms(v), "did you mean tg.linalg.norm?"),
    ],
)
def test_a_name_that_is_not_here_says_what_is(call: Any, words: str) -> None:
    with pytest.raises((AttributeError, TypeError)) as caught:
        call(tg.Value(np.eye(2)))
    assert words in str(caught.value), str(caught.value)


def test_what_to_write_instead_is_there() -> None:
    for code in OTHERS.values():
        for name in re.findall(r"tg\.((?:linalg\.)?\w+)", code):
            assert callable(operator.attrgetter(name)(tg)), code
    here = [name for name in OTHERS if hasattr(tg, name) or hasattr(tg.Value, name)]
    assert [name for name in here if not isinstance(getattr(tg, name, None), ModuleType)] == []


def test_products_of_vectors_and_transposes_of_stacks_have_numpy_s_names() -> None:
    x = np.arange(12.0).reshape(3, 4)
    for call in (lambda a: np.vecdot(a, a), lambda a: np.vecdot(a, a, axis=0), np.matrix_transpose):
        assert np.array_equal(call(tg.Value(x)).data, call(x))


def test_help_finds_linear_algebra_and_what_has_another_name() -> None:
    said = []
    for name in ("svd", "np.linalg.inv", "slogdet"):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            tg.help(name)
        said.append(out.getvalue().split("(")[0])
    assert said == ["tg.linalg.svd", "tg.inv", "tg.linalg.slogdet"]
    with pytest.raises(tg.errors.TinygradError, match=r"write tg\.expand_dims\(v, axis\)"):
        tg.help("unsqueeze")
