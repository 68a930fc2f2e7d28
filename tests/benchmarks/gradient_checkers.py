"""Four gradient checkers on the same thirty functions: who judges rightly?

Needs torch, jax and autograd beside this library; ``python -m tests.benchmarks.gradient_checkers``
writes the table into docs/gradient_checkers.md. Every checker is used as it comes, with its own
tolerances, in double precision, up to the second derivative.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "gradient_checkers.md"
RNG = np.random.default_rng(0)
SMALL, MATRIX = np.array([0.3, -1.2, 0.7]), RNG.normal(size=(3, 3))
LARGE = np.linspace(0.5, 1.5, 10_000)
ONE_BAD = np.ones(10_000)
ONE_BAD[1234] = 1.03


class Case(NamedTuple):
    """A function of ``(m, x)`` with ``m`` the library's maths, a point, and the truth."""

    name: str
    f: Callable[[Any, Any], Any]
    x: Any
    truth: str
    order: int = 2


def custom(forward: Any, slope: Any) -> Any:
    """A function that declares its own slope."""
    return lambda m, x: m.custom(forward, slope)(x)


def steep(name: str, by: float = 1.03) -> Any:
    """A function of the library whose slope is too large by a factor."""
    derivative = {
        "sin": lambda m, x: m.cos(x),
        "exp": lambda m, x: m.exp(x),
        "square": lambda m, x: 2.0 * x,
        "tanh": lambda m, x: 1.0 - m.tanh(x) ** 2,
    }[name]
    forward = (lambda m, x: x * x) if name == "square" else (lambda m, x: getattr(m, name)(x))
    return custom(forward, lambda m, x: by * derivative(m, x))


CASES = [
    Case("sin at 3000", lambda m, x: m.sin(x), 3000.0, "right"),
    Case("exp at 600", lambda m, x: m.exp(x), 600.0, "right"),
    Case("exp at −600", lambda m, x: m.exp(x), -600.0, "right"),
    Case("x² at 1e-12", lambda m, x: x * x, 1e-12, "right"),
    Case("log at 1e-12", lambda m, x: m.log(x), 1e-12, "right"),
    Case("1/x at 1e-3", lambda m, x: 1.0 / x, 1e-3, "right"),
    Case("x³ + 1e6 at 2", lambda m, x: x * x * x + 1e6, 2.0, "right"),
    Case("1e6·x + 1 at 0", lambda m, x: 1e6 * x + 1.0, 0.0, "right"),
    Case("tanh(1000·x) at 1e-4", lambda m, x: m.tanh(1e3 * x), 1e-4, "right"),
    Case("a bell 0.001 wide", lambda m, x: m.exp(-1e6 * (x - 1.0) ** 2), 1.0005, "right"),
    Case("abs(x − 1) at 1 + 1e-7", lambda m, x: m.abs(x - 1.0), 1.0 + 1e-7, "right"),
    Case("relu(x) + 5 at 1e-9", lambda m, x: m.relu(x) + 5.0, 1e-9, "right"),
    Case("sum of 10,000 squares", lambda m, x: m.sum(x * x), LARGE, "right", 1),
    Case("sin(x)·exp(−x)", lambda m, x: m.sin(x) * m.exp(-x), SMALL, "right"),
    Case("sum of tanh(x @ x)", lambda m, x: m.sum(m.tanh(x @ x)), MATRIX, "right"),
    Case("sin, slope 3 % too steep", steep("sin"), 0.7, "wrong"),
    Case("tanh, slope of the other sign", steep("tanh", -1.0), 0.4, "wrong"),
    Case("x², slope 0.05 % too steep", steep("square", 1.0005), 1.3, "wrong"),
    Case("sin at 3000, 3 % too steep", steep("sin"), 3000.0, "wrong"),
    Case("exp at 600, 3 % too steep", steep("exp"), 600.0, "wrong"),
    Case("exp at −30, 3 % too steep", steep("exp"), -30.0, "wrong"),
    Case("x² at 1e-12, 3 % too steep", steep("square"), 1e-12, "wrong"),
    Case("1e-6·sin, 3 % too steep", lambda m, x: 1e-6 * steep("sin")(m, x), 0.7, "wrong"),
    Case("x·sin x, one term forgotten",
         custom(lambda m, x: x * m.sin(x), lambda m, x: m.sin(x)), 0.7, "wrong"),
    Case("one of 10,000 slopes 3 % off", lambda m, x: m.sum(custom(
        lambda m, x: x * x, lambda m, x: 2.0 * x * m.array(ONE_BAD))(m, x)), LARGE, "wrong", 1),
    Case("x², wrong in second order only",
         custom(lambda m, x: x * x, lambda m, x: 2.0 * m.detach(x)), 1.3, "wrong"),
    Case("x·x with one x detached", lambda m, x: x * m.detach(x), 1.3, "wrong"),
    Case("relu at 0", lambda m, x: m.relu(x), 0.0, "kink"),
    Case("abs(x) at 0", lambda m, x: m.abs(x), 0.0, "kink"),
    Case("maximum of equal numbers", lambda m, x: m.max(x), np.array([1.0, 1.0, 0.0]), "kink"),
]  # fmt: skip


# The four libraries ------------------------------------------------------------------------------


class Ours:
    name, distribution = "tinygrad_edu `check`", "tinygrad-edu"

    def __init__(self) -> None:
        import tinygrad_edu as tg

        self.tg = tg
        self.sin, self.cos, self.exp, self.log, self.tanh = tg.sin, tg.cos, tg.exp, tg.log, tg.tanh
        self.relu, self.abs, self.sum, self.max, self.array = tg.relu, abs, tg.sum, tg.max, np.array
        self.count = 0

    def detach(self, x: Any) -> Any:
        return x.detach() if isinstance(x, self.tg.Value) else x

    def custom(self, forward: Any, slope: Any) -> Any:
        self.count += 1
        name = f"custom_{self.count}"
        declare = self.tg.define.elementwise([lambda out, x: slope(self, x)], name=name)
        return declare(lambda x: forward(self, x))

    def judge(self, case: Case) -> str:
        from tinygrad_edu.testing.checks import report_of

        made = {}

        def custom_once(forward: Any, slope: Any, make: Any = self.custom) -> Any:
            key = id(case)
            made[key] = made.get(key) or make(forward, slope)
            return made[key]

        self.custom = custom_once  # type: ignore[method-assign]
        try:
            return report_of(lambda x: case.f(self, x), case.x, order=case.order).verdict
        finally:
            del self.custom


class Torch:
    name, distribution = "torch `gradcheck`", "torch"

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.sin, self.cos, self.exp, self.log = torch.sin, torch.cos, torch.exp, torch.log
        self.tanh, self.relu, self.abs = torch.tanh, torch.relu, torch.abs
        self.sum, self.max, self.array = torch.sum, torch.amax, torch.tensor

    def detach(self, x: Any) -> Any:
        return x.detach()

    def custom(self, forward: Any, slope: Any) -> Any:
        outer = self

        class Own(self.torch.autograd.Function):  # type: ignore[misc,name-defined]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return forward(outer, x)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * slope(outer, ctx.saved_tensors[0])

        return Own.apply

    def judge(self, case: Case) -> str:
        x = self.torch.tensor(case.x, dtype=self.torch.float64, requires_grad=True)
        check = self.torch.autograd.gradcheck
        right = check(lambda x: case.f(self, x), (x,), raise_exception=False)
        if right and case.order == 2:
            again = self.torch.autograd.gradgradcheck
            right = again(lambda x: case.f(self, x), (x,), raise_exception=False)
        return "right" if right else "wrong"


class Jax:
    name, distribution = "jax `check_grads`", "jax"

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp
        from jax.test_util import check_grads

        jax.config.update("jax_enable_x64", True)
        self.jax, self.check = jax, check_grads
        self.sin, self.cos, self.exp, self.log, self.tanh = (
            jnp.sin,
            jnp.cos,
            jnp.exp,
            jnp.log,
            jnp.tanh,
        )
        self.relu, self.abs, self.sum, self.max = jax.nn.relu, jnp.abs, jnp.sum, jnp.max
        self.array, self.detach = jnp.array, jax.lax.stop_gradient

    def custom(self, forward: Any, slope: Any) -> Any:
        own = self.jax.custom_vjp(lambda x: forward(self, x))
        own.defvjp(lambda x: (forward(self, x), x), lambda x, g: (g * slope(self, x),))
        return own

    def judge(self, case: Case) -> str:
        try:
            x = self.array(case.x)
            self.check(lambda x: case.f(self, x), (x,), order=case.order, modes=("rev",))
        except AssertionError:
            return "wrong"
        return "right"


class Hips:
    name, distribution = "autograd `check_grads`", "autograd"

    def __init__(self) -> None:
        import autograd.numpy as anp
        from autograd.extend import defvjp, primitive
        from autograd.test_util import check_grads
        from autograd.tracer import getval

        self.check, self.primitive, self.defvjp = check_grads, primitive, defvjp
        self.sin, self.cos, self.exp, self.log, self.tanh = (
            anp.sin,
            anp.cos,
            anp.exp,
            anp.log,
            anp.tanh,
        )
        self.abs, self.sum, self.max, self.array, self.detach = (
            anp.abs,
            anp.sum,
            anp.max,
            np.array,
            getval,
        )
        self.relu = lambda x: anp.maximum(x, 0.0)

    def custom(self, forward: Any, slope: Any) -> Any:
        own = self.primitive(lambda x: forward(self, x))
        self.defvjp(own, lambda out, x: lambda g: g * slope(self, x))
        return own

    def judge(self, case: Case) -> str:
        try:
            self.check(lambda x: case.f(self, x), modes=["rev"], order=case.order)(case.x)
        except AssertionError:
            return "wrong"
        return "right"


# The table ---------------------------------------------------------------------------------------


def rightly(said: str, truth: str) -> bool:
    """Right is called right, wrong is called wrong, and at a kink nobody is accused."""
    return said in ("kink", "right") if truth == "kink" else said == truth


def main() -> None:
    """Judge everything and write the page."""
    warnings.simplefilter("ignore")
    np.random.seed(0)
    checkers: list[Any] = [Ours(), Torch(), Jax(), Hips()]
    tally = dict.fromkeys([c.name for c in checkers], 0)
    rows = []
    for case in CASES:
        cells = []
        for checker in checkers:
            try:
                said = checker.judge(case)
            except Exception as error:
                said = type(error).__name__
            good = rightly(said, case.truth)
            tally[checker.name] += good
            cells.append(said if good else f"**{said}**")
        rows.append(f"| {case.name} | {case.truth} | " + " | ".join(cells) + " |")
    names = [c.name for c in checkers]
    head = ["| function | truth | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    total = (
        "| **judged rightly** | | "
        + " | ".join(f"{tally[n]} of {len(CASES)}" for n in names)
        + " |"
    )
    versions = ", ".join(
        f"{c.distribution} {importlib.metadata.version(c.distribution)}" for c in checkers[1:]
    )
    PAGE.write_text(
        _PAGE.format(versions=versions, table="\n".join([*head, *rows, total])), "utf-8"
    )


_PAGE = """\
# Four gradient checkers on the same functions

Half of these functions have right gradients and are badly scaled, or lie beside a kink, or are
just ordinary; the others are wrong by a few per cent, in one number of many, or in the second
derivative only; the last three stand exactly on a kink, where no derivative is there to compare
with.

Every checker is used as it comes, with its own steps and tolerances, in double precision, and is
asked for the second derivative too ({versions}; reverse mode; what is drawn is drawn with seed 0).
What a checker says wrongly is **bold**. At a kink it is right to say so, and right to accept the
convention, but wrong to call the gradient wrong. Tolerances can be set in all of them; the point is
what happens to somebody who does not know which.

{table}

`python -m tests.benchmarks.gradient_checkers` writes this page.
"""

if __name__ == "__main__":
    main()
