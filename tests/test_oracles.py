"""Every operation beside PyTorch's and JAX's own function: value, gradient, second derivative.

Optional: skipped where the library is not installed. The calls come from the registry (see
`tinygrad_edu.peers`), the operands from the same draws as the laws; float64, to 1e-9.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS, Op, Value
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.peers import filled, template
from tinygrad_edu.testing.case import Case
from tinygrad_edu.testing.strategies import cases
from tinygrad_edu.testing.subject import pull

LIMIT = 1e-9
LIBRARIES = ("torch", "jax")
INSTALLED = [name for name in LIBRARIES if importlib.util.find_spec(name) is not None]

# Not compared, or not in everything, each with its reason.
EXCLUDED: dict[tuple[str, str], str] = {}
VALUES_ONLY: dict[tuple[str, str], str] = {}
# Vectors whose sign is free: their squares are compared.
EITHER_SIGN = {"svd_u", "svd_vh", "eigh_vectors"}
_JUMPS = (
    lambda case: any(np.any(np.asarray(x) == 0.0) for x in case.points),
    "at 0 the second derivative jumps: ours is that of the curve below, theirs that of the line",
)
NOT_WHERE: dict[tuple[str, str], tuple[Callable[[Case], bool], str]] = {
    ("celu", "torch"): (
        lambda case: any(np.any(np.asarray(x) == 0.0) for x in case.points),
        "its second derivative jumps at 0: from the left here, from the right there",
    ),
    **{(name, library): _JUMPS for name in ("elu", "celu") for library in LIBRARIES},
    ("sinc", "torch"): (
        lambda case: any(np.any(np.abs(x) < 1e-2) for x in case.points),
        "its derivatives cancel near 0: the second is 0.0 for -3.29 at 1e-9",
    ),
}

Numbers = tuple[Any, list[Any] | None, list[Any] | None]  # value, gradients, second derivatives


def seeds(shape: tuple[int, ...], start: int) -> Any:
    """Uneven weights, so that no sum of errors cancels."""
    return np.random.default_rng(start).uniform(0.5, 1.5, shape)


# The three libraries -----------------------------------------------------------------------------


def ours(case: Case) -> Numbers:
    leaves, out = case.record()
    if case.op.name in EITHER_SIGN:
        out = tg.square(out)
    if not isinstance(out, Value):
        return np.asarray(out), None, None
    seed = seeds(out.shape, 0)
    first = pull(leaves, [out], seed.reshape(-1), create_graph=True)
    if not leaves:
        return np.asarray(out._data), [], []
    dot: Any = 0.0
    for i, g in enumerate(first):
        if isinstance(g, Value):
            dot = dot + tg.sum(g * seeds(g.shape, i + 1))
    second = [None] * len(leaves)
    if isinstance(dot, Value) and dot.requires_grad:
        second = pull(leaves, [dot], np.ones(1))
    return np.asarray(out._data), plain(first, leaves), plain(second, leaves)


def plain(found: Sequence[Any], leaves: Sequence[Any]) -> list[Any]:
    return [
        np.zeros(np.shape(x)) if g is None else np.asarray(getattr(g, "_data", g))
        for g, x in zip(found, leaves, strict=True)
    ]


def torchs(case: Case, call: str) -> Numbers:
    import torch

    def tensor(x: Any, needs: bool = False) -> Any:
        if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
            return getattr(torch, np.dtype(x).name)
        if isinstance(x, (tuple, list)):
            return type(x)(map(tensor, x))
        if isinstance(x, np.ndarray) or needs:
            return torch.tensor(np.array(x), requires_grad=needs)
        return x

    operands = [
        tensor(x if isinstance(x, np.ndarray) else np.asarray(x), i in case.moving)
        for i, x in enumerate(case.operands)
    ]
    names = {"torch": torch, "F": torch.nn.functional, "math": math, "np": np}
    out = evaluate(case, call, operands, tensor, names)
    leaves = [operands[i] for i in case.moving]
    out = torch.as_tensor(out)
    if not out.is_floating_point() or not out.requires_grad:
        return out.detach().numpy(), None, None
    seed = torch.tensor(seeds(tuple(out.shape), 0))
    first = torch.autograd.grad(out, leaves, seed, create_graph=True, allow_unused=True)
    parts = [
        (g * torch.tensor(seeds(tuple(g.shape), i + 1))).sum()
        for i, g in enumerate(first)
        if g is not None and g.requires_grad
    ]
    second: Any = [None] * len(leaves)
    if parts:
        second = torch.autograd.grad(sum(parts), leaves, allow_unused=True)
    like = [x.detach() for x in leaves]

    def numbers(found: Any) -> list[Any]:
        return plain([None if g is None else g.numpy(force=True) for g in found], like)

    return out.numpy(force=True), numbers(first), numbers(second)


def jaxs(case: Case, call: str) -> Numbers:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def array(x: Any) -> Any:
        return jnp.asarray(x) if isinstance(x, np.ndarray) else x

    names = {"jax": jax, "jnp": jnp, "math": math, "np": np}

    def function(*xs: Any) -> Any:
        operands = [jnp.asarray(x) for x in case.operands]
        for i, x in zip(case.moving, xs, strict=True):
            operands[i] = x
        return evaluate(case, call, operands, array, names)

    points = [jnp.asarray(x) for x in case.points]
    value = np.asarray(function(*points))
    if value.dtype.kind != "f" or not points:
        return value, None, None
    seed = jnp.asarray(seeds(value.shape, 0), value.dtype)

    def gradients(*xs: Any) -> Any:
        return jax.vjp(function, *xs)[1](seed)

    def dotted(*xs: Any) -> Any:
        found = gradients(*xs)
        return sum(jnp.sum(g * seeds(g.shape, i + 1)) for i, g in enumerate(found))

    first = gradients(*points)
    second = jax.grad(dotted, tuple(range(len(points))))(*points)
    return value, plain(first, points), plain(second, points)


def evaluate(
    case: Case, call: str, operands: list[Any], convert: Callable[..., Any], names: dict[str, Any]
) -> Any:
    """The template of the other library, evaluated."""
    places = {f"x{i}": x for i, x in enumerate(operands)}
    static = {**case.op._defaults, **case.params}
    params = {f"p_{k}": convert(v) for k, v in static.items()}
    text = filled(call, list(places), {k: f"p_{k}" for k in static})
    out = eval(text, names | places | params)
    return out * out if case.op.name in EITHER_SIGN else out


PEERS: dict[str, Callable[[Case, str], Numbers]] = {"torch": torchs, "jax": jaxs}


# The comparison ----------------------------------------------------------------------------------


def on_a_kink(case: Case) -> bool:
    """Whether there is no derivative here: what is chosen there is asked by the conventions."""
    if any(np.size(x) == 0 for x in case.operands):
        return False
    with np.errstate(all="ignore"):
        return any(
            bool(np.any(np.asarray(distance(*case.operands, **case.params)) == 0.0))
            for distance in case.op.kinks
        )


def apart(have: Any, want: Any) -> float:
    """The largest relative distance, measured on the largest number; inf if one is not finite."""
    have, want = np.asarray(have, dtype=float), np.asarray(want, dtype=float)
    with np.errstate(all="ignore"):
        same = (have == want) | (np.isnan(have) & np.isnan(want))
        scale = 1.0 + float(np.max(np.abs(np.where(np.isfinite(want), want, 0.0)), initial=0.0))
        off = np.where(same, 0.0, np.abs(have - want) / scale)
    return float(np.max(np.where(np.isnan(off), np.inf, off), initial=0.0))


def asked(case: Case, library: str, call: str) -> Numbers | None:
    """What the other library computes; None where it refuses the call."""
    refusals = (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError)
    try:
        return PEERS[library](case, call)
    except refusals:
        if case.op.kind != "reduction" or case.params.get("axis", 0) is not None:
            return None
    axes = tuple(range(np.ndim(case.operands[0])))  # some take all axes, but no `None`
    try:
        return PEERS[library](Case(case.op, case.operands, {**case.params, "axis": axes}), call)
    except refusals:
        return None


def compare(case: Case, library: str, call: str) -> bool:
    """Whether both compute the same; False where the other library refuses the call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about means of no numbers, as NumPy's own
        want = asked(case, library, call)
        with np.errstate(all="ignore"):
            have = None if want is None else ours(case)
    if want is None or have is None:
        return False
    said = f"{case.source()} is {call} in {library}"
    assert np.shape(have[0]) == np.shape(want[0]), f"{said}: shapes"
    assert apart(have[0], want[0]) < LIMIT, f"{said}: value {have[0]} for {want[0]}"
    pair = (case.op.name, library)
    if pair in VALUES_ONLY or on_a_kink(case) or case.op.plain:
        return True
    if pair in NOT_WHERE and NOT_WHERE[pair][0](case):
        return True
    for order, mine, theirs in zip(("gradient", "second"), have[1:], want[1:], strict=True):
        for i, g in enumerate(mine or ()):
            other = np.zeros_like(g) if theirs is None else theirs[i]
            assert np.shape(g) == np.shape(other), f"{said}: shape of {order} {i}"
            known = np.isfinite(other)
            off = apart(g[known], other[known])
            assert off < LIMIT, f"{said}: {order} {i} is {g}, not {other}"
    return True


def compared(library: str) -> list[str]:
    return [
        name
        for name, op in tg.registry().items()
        if not op.random and template(op, library) and (name, library) not in EXCLUDED
    ]


PAIRS = [(name, library) for library in INSTALLED for name in compared(library)]
FAST = [phase for phase in Phase if phase is not Phase.explain]


@pytest.mark.parametrize(("name", "library"), PAIRS)
def test_an_operation_beside_its_peer(name: str, library: str) -> None:
    op = OPS[name]
    call = template(op, library)
    assert call is not None

    took: list[bool] = []
    few = {"max_examples": 3} if library == "jax" else {}  # each shape is compiled anew there

    @settings(deadline=None, phases=FAST, **few)
    @given(cases(op))
    def agree(case: Case) -> None:
        took.append(compare(case, library, call))

    agree()
    assert sum(took) * 4 >= len(took), f"{library} took {sum(took)} of {len(took)} calls of {call}"
    for case in edges(op):
        compare(case, library, call)


def edges(op: Op[Any]) -> list[Case]:
    """Arrays of no and of one number, and shapes that broadcast, also to nothing."""
    if op.examples is not None or op._arity < 1:
        return []
    n = op._arity
    rng = np.random.default_rng(n)
    domain = [(max(low, -2.0), min(high, 2.0)) for low, high in op.domain or ((-2.0, 2.0),) * n]
    found = []
    for shapes in [[(0,)], [(1,)], [(2, 0)], [(1, 1)], [(3, 1), (4,)], [(0, 1), (3,)], [(), (0,)]]:
        filled_up = [shapes[i % len(shapes)] for i in range(n)]
        points = [rng.uniform(*ends, shape) for ends, shape in zip(domain, filled_up, strict=True)]
        found.append(Case(op, tuple(x if x.shape else float(x) for x in points), {}))
    return found


@pytest.mark.filterwarnings("ignore:.*egrees of freedom")
@pytest.mark.parametrize(("name", "library"), PAIRS)
def test_no_numbers_give_no_numbers(name: str, library: str) -> None:
    """An axis cut to length 0: the same result, or both refuse it."""
    op = OPS[name]
    if op.examples is None:
        return

    @settings(deadline=None, phases=FAST, max_examples=5)
    @given(cases(op), st.integers(0, 2))
    def agree(case: Case, axis: int) -> None:
        assume(any(np.ndim(x) > axis for x in case.operands))
        cut = tuple(np.take(x, [], axis=axis) if np.ndim(x) > axis else x for x in case.operands)
        with suppress(TinygradError):  # as with shapes that do not fit: those have their own tests
            compare(Case(op, cut, case.params), library, template(op, library) or "")

    agree()


def test_what_is_left_out_exists_and_says_why() -> None:
    partly = {key: reason for key, (_, reason) in NOT_WHERE.items()}
    for (name, library), reason in {**EXCLUDED, **VALUES_ONLY, **partly}.items():
        assert name in tg.registry() and library in LIBRARIES and len(reason) > 10


def test_a_wrong_gradient_is_found() -> None:
    pytest.importorskip("torch")  # first: what is declared below must not outlive the test

    @tg.define.elementwise([lambda out, x: 1.0 - 0.999 * out * out], torch="torch.tanh({0})")
    def oracle_tanh(x: Any) -> Any:
        """tanh with a rule that is off by a thousandth."""
        return OPS["tanh"].forward(x)

    try:
        with pytest.raises(AssertionError, match="gradient 0"):
            compare(Case(oracle_tanh, (0.5,), {}), "torch", "torch.tanh({0})")
    finally:
        del OPS["oracle_tanh"]
