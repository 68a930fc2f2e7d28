"""What a rule of updates must obey: `check_optimizer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.testing.law_tools import LawError, bits_of
from tinygrad_edu.testing.subject import data_of
from tinygrad_edu.transforms import grad

Maker = Callable[[list[Value]], Any]
_TARGETS = (1.0, -2.0)
STEPS = 500


def check_optimizer(optimizer: Any) -> None:
    """Hold an optimizer to its laws; raises `LawError` with the one that it breaks.

    A step goes downhill, and many steps learn; all gradients are taken at the same weights, before
    the first update; `zero_grad` forgets, so that no step uses the gradients of another; a
    parameter given twice is stepped once; shape and float type stay; a parameter without gradient
    is left alone; two runs give the same bits. ``optimizer`` is an optimizer, its class, or a
    function from a list of parameters to one.

    >>> from tinygrad_edu.optim import SGD
    >>> check_optimizer(lambda parameters: SGD(parameters, lr=0.05))
    """
    make = _maker(optimizer)
    for law in (
        goes_downhill, forgets, takes_gradients_first, steps_twins_once, keeps_shape_and_type,
        leaves_others_alone, learns, repeats,
    ):  # fmt: skip
        law(make)


def _maker(optimizer: Any) -> Maker:
    if callable(optimizer):
        return optimizer  # type: ignore[no-any-return]
    settings = getattr(optimizer, "settings", None)
    if settings is None or not callable(getattr(optimizer, "step", None)):
        raise DTypeError(
            f"check_optimizer needs an optimizer, got {type(optimizer).__name__}",
            hint="check_optimizer(lambda parameters: SGD(parameters, lr=0.1))",
        )
    return lambda parameters: type(optimizer)(parameters, **settings())


def _fails(make: Maker, law: str, text: str) -> LawError:
    name = type(make([Value(0.0, "w")])).__name__
    return LawError(f"{name} breaks the law '{law}': {text}")


def _leaves() -> list[Value]:
    return [Value(0.01, "a"), Value(np.array([0.02, -0.03]), "b")]


def _bowl(a: Any, b: Any) -> Any:
    """Its lowest point is at the targets; a and b bend together, so their order matters."""
    rest = b - np.array(_TARGETS)
    return (a - 1.0) ** 2 + (rest * rest).sum() + 0.5 * (a * b[0] - 1.0) ** 2


def _step(opt: Any, leaves: list[Value]) -> float:
    loss = _bowl(*leaves)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return float(loss)


def goes_downhill(make: Maker) -> None:
    """The change of the first step points against the gradient (no plus for minus)."""
    leaves = _leaves()
    before = [data_of(v) for v in leaves]
    slopes = grad(_bowl, argnums=(0, 1))(*[v.data for v in leaves])
    _step(make(leaves), leaves)
    along = sum(
        float(np.sum((data_of(v) - old) * data_of(g)))
        for v, old, g in zip(leaves, before, slopes, strict=True)
    )
    if not along < 0.0:
        where = "uphill" if along > 0.0 else "nowhere"
        raise _fails(make, "a step goes downhill", f"the first step went {where}")


def takes_gradients_first(make: Maker) -> None:
    """A step computed by `backward` is the step of the gradients at the weights before it."""
    leaves, twins = _leaves(), _leaves()
    opt, other = make(leaves), make(twins)
    for number in range(1, 4):
        slopes = grad(_bowl, argnums=(0, 1))(*[v.data for v in twins])
        _step(opt, leaves)
        for v, g in zip(twins, slopes, strict=True):
            v.grad = g
        other.step()
        for v, twin in zip(leaves, twins, strict=True):
            if not np.allclose(data_of(v), data_of(twin), rtol=1e-12, atol=1e-15):
                raise _fails(
                    make, "all gradients first, at the weights before the step",
                    f"step {number} moved {v.name} to {v.data}, its own gradient to {twin.data}",
                )  # fmt: skip


def forgets(make: Maker) -> None:
    """After `zero_grad` no gradient is left to be added to."""
    leaves = _leaves()
    opt = make(leaves)
    _bowl(*leaves).backward()
    opt.zero_grad()
    left = [v.name for v in leaves if v.grad is not None and np.any(data_of(v.grad))]
    if left:
        raise _fails(make, "zero_grad forgets", f"{', '.join(map(str, left))} kept a gradient")


def steps_twins_once(make: Maker) -> None:
    """A parameter that is given twice moves as far as one that is given once."""
    [a], [b] = [Value(0.5, "w")], [Value(0.5, "w")]
    once, twice = make([a]), make([b, b])
    for v, opt in ((a, once), (b, twice)):
        (v * v).backward()
        opt.step()
    if a.data != b.data:
        raise _fails(make, "a parameter is stepped once", f"{b.data} given twice, {a.data} once")


def keeps_shape_and_type(make: Maker) -> None:
    """Neither broadcasting nor float64 arithmetic changes what a parameter is."""
    w = Value(np.array([[0.5], [1.0]], dtype=np.float32), "w")
    (w * w * np.ones((2, 3), dtype=np.float32)).sum().backward()
    make([w]).step()
    if (w.shape, w.data.dtype) != ((2, 1), np.float32):
        raise _fails(make, "shape and type stay", f"{w.data.dtype} of shape {w.shape}")


def leaves_others_alone(make: Maker) -> None:
    """A parameter that the loss does not reach stays where it is."""
    used, unused = Value(0.5, "used"), Value(0.25, "unused")
    opt = make([used, unused])
    (used * used).backward()
    opt.step()
    if unused.data != 0.25:
        raise _fails(make, "without a gradient, no step", f"0.25 became {unused.data}")


def learns(make: Maker) -> None:
    """Hundreds of steps on a bowl lower the loss."""
    leaves = _leaves()
    opt = make(leaves)
    losses = [_step(opt, leaves) for _ in range(STEPS)]
    if not losses[-1] < 0.9 * losses[0]:
        text = f"the loss went from {losses[0]:.6g} to {losses[-1]:.6g} in {STEPS} steps"
        raise _fails(make, "many steps learn", text)


def repeats(make: Maker) -> None:
    """The same start gives the same bits."""
    ends = []
    for _ in range(2):
        leaves = _leaves()
        opt = make(leaves)
        for _ in range(5):
            _step(opt, leaves)
        ends.append([bits_of(v) for v in leaves])
    if ends[0] != ends[1]:
        raise _fails(make, "two runs give the same bits", "they ended at different numbers")
