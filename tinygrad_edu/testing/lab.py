"""The misconception lab: wrong engines to switch on, and the checks that catch each.

Most wrong gradients come from a handful of ideas that sound right. Here each can be had for the
length of a ``with`` block: see what it computes, and what finds it. Everything else of the library
stays as it is, so what is wrong is that idea alone.

>>> import tinygrad_edu as tg
>>> with wrong("assign"):
...     tg.grad(lambda x: x * x)(3.0)
3.0

Not for threads: the engine is exchanged for the whole process.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.engine import OPS, Value
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.optim import SGD
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.law_tools import LawError
from tinygrad_edu.testing.optimizer_laws import check_optimizer
from tinygrad_edu.testing.report import Report
from tinygrad_edu.testing.subject import data_of
from tinygrad_edu.testing.wrong_engines import Engine, exchanged, replaced
from tinygrad_edu.transforms import grad

DATA = np.array([[0.5, -1.0], [2.0, 1.5], [-0.5, 1.0]])


@dataclass(frozen=True)
class Misconception:
    """One wrong idea: its ``name``, the ``idea`` in one line, and a paragraph ``about`` it.

    ``example`` is a line of code, ``number`` computes it; ``found`` is what the checks say while
    the wrong engine is on, and the empty text with the right one.
    """

    name: str
    idea: str
    about: str
    example: str
    number: Callable[[], float]
    switch: Callable[[], AbstractContextManager[None]]
    found: Callable[[], str]


def wrong(name: str) -> AbstractContextManager[None]:
    """The engine with one misconception, until the end of the ``with`` block."""
    return misconception(name).switch()


def misconception(name: str) -> Misconception:
    """The misconception of that name."""
    if name not in MISCONCEPTIONS:
        near = difflib.get_close_matches(name, MISCONCEPTIONS, n=1)
        raise TinygradError(
            f"no misconception {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            hint=f"one of {', '.join(MISCONCEPTIONS)}",
        )
    return MISCONCEPTIONS[name]


def diagnose() -> tuple[str, str] | None:
    """Which misconception the engine at work has, and the finding; None for the right one.

    >>> diagnose() is None
    True
    >>> with wrong("no_sum"):
    ...     name, finding = diagnose()
    >>> name
    'no_sum'
    """
    for each in MISCONCEPTIONS.values():
        finding = each.found()
        if finding:
            return each.name, finding
    return None


# What the checks look at -------------------------------------------------------------------------


def _blamed(op: str, operand: int, function: Any, *args: Any) -> Callable[[], str]:
    """The finding where the check names this operand of this operation."""

    def found() -> str:
        culprit = report_of(function, *args, order=1).culprit
        named = culprit is not None and (culprit.op, culprit.operand) == (op, operand)
        return f"check: wrong; culprit: {culprit}" if named else ""

    return found


def _between(function: Any, *args: Any) -> Callable[[], str]:
    """The finding where every operation is right and the whole is wrong."""

    def found() -> str:
        report = report_of(function, *args, order=1)
        return _told(report) if report.verdict == "wrong" and report.culprit is None else ""

    return found


def _told(report: Report) -> str:
    if report.claimed is None:
        return f"check: wrong; {report.notes[-1]}"
    return (
        f"check: wrong; claimed {report.claimed:.6g}, measured {report.measured:.6g}; every "
        "operation's own rule is right, so it is the engine"
    )


def _unlawful(law: str) -> Callable[[], str]:
    """The finding where an optimizer breaks this law."""

    def found() -> str:
        try:
            check_optimizer(lambda parameters: SGD(parameters, lr=0.05))
        except LawError as error:
            return f"check_optimizer: {error}" if f"'{law}'" in str(error) else ""
        return ""

    return found


def _twice(x: Any) -> Any:
    return x + x


def _diamond(x: Any) -> Any:
    b = x * 3.0
    return b * OPS["tanh"](b)


def _shifted(b: Any) -> Any:
    return OPS["sum"]((b + DATA) * DATA)


def _two_layers(w1: Any, w2: Any) -> Any:
    return (w2 * OPS["tanh"](w1 * 0.5) - 1.0) ** 2


def _slope_of_the_first() -> float:
    return float(grad(_two_layers, argnums=(0, 1))(0.5, -0.7)[0])


def _descended(steps: int) -> float:
    """Where w ends after some steps down (w − 1)²."""
    w = Value(0.0, "w")
    opt = SGD([w], lr=0.1)
    for _ in range(steps):
        opt.minimize((w - 1.0) ** 2)
    return w.item()


# The wrong ways ----------------------------------------------------------------------------------


def _masked_by_gradient() -> AbstractContextManager[None]:
    def pull(i: int, g: Any, out: Any, xs: Any, params: Any) -> Any:
        return OPS["where"](data_of(g) > 0.0, g, 0.0)

    return replaced(OPS["relu"], rules=None, pull=pull)


def _times_for_over() -> AbstractContextManager[None]:
    right = OPS["divide"].pull

    def pull(i: int, g: Any, out: Any, xs: Any, params: Any) -> Any:
        return g * xs[1] if i == 0 else right(i, g, out, xs, params)

    return replaced(OPS["divide"], rules=None, pull=pull)


def _second_operand_lost() -> AbstractContextManager[None]:
    right = OPS["multiply"].pull

    def pull(i: int, g: Any, out: Any, xs: Any, params: Any) -> Any:
        return None if i == 1 else right(i, g, out, xs, params)

    return replaced(OPS["multiply"], rules=None, pull=pull)


def _uphill() -> AbstractContextManager[None]:
    right = Optimizer.step

    def step(self: Optimizer) -> None:
        before = [(p, p._data) for p in self.parameters]
        right(self)
        for p, old in before:
            p.assign(old + (old - p._data))

    return replaced(Optimizer, step=step)


def _kept_gradients() -> AbstractContextManager[None]:
    return replaced(Optimizer, zero_grad=lambda self: None)


_ALL = [
    Misconception(
        "relu_mask", "relu passes on what is positive: the gradient, where the gradient is",
        "relu's derivative asks on which side of 0 its input was: 1 above, 0 below. To mask by the "
        "sign of the gradient that comes back looks the same in code (both are 'keep the positive "
        "ones'), but lets a loss only ever pull an active unit one way. A unit that should rise "
        "never does.",
        "grad(lambda x: -relu(x))(1.5)", lambda: float(grad(lambda x: -OPS["relu"](x))(1.5)),
        _masked_by_gradient, _blamed("relu", 0, lambda x: -OPS["relu"](x), 1.5),
    ),
    Misconception(
        "divide_as_multiply", "x / y is a product, so the gradient of x is y",
        "The partial derivative of x / y by x is 1 / y: how much the quotient answers to x is less "
        "when y is large. With y in its place the gradient is right at y = 1 only, where many "
        "tests are made.",
        "grad(lambda x: x / 4)(2.0)", lambda: float(grad(lambda x: x / 4.0)(2.0)),
        _times_for_over, _blamed("divide", 0, lambda x, y: x / y, 1.3, 4.0),
    ),
    Misconception(
        "one_operand", "the right operand is just a number",
        "An operation that is computed with plain numbers for one operand gives the right value, "
        "and has forgotten that operand: no gradient reaches it, the weight stays what it was, and "
        "nothing complains. Every operand that can change must be recorded.",
        "grad(lambda w: 3 * w)(2.0)",
        lambda: float(grad(lambda w: OPS["multiply"](Value(3.0), w))(2.0)),
        _second_operand_lost, _blamed("multiply", 1, lambda x, w: x * w, 1.3, 0.7),
    ),
    Misconception(
        "no_sum", "the gradient of a bias is what comes back to it",
        "A bias that is added to every row of a batch is used once per row, so it answers for all "
        "of them: its gradient is the sum over the rows. Without the sum it has the batch's shape, "
        "and an update of that shape turns the bias into a matrix or fails much later.",
        "grad of sum((b + rows) * rows), its size",
        lambda: float(np.size(grad(_shifted)(np.zeros(2)))),
        lambda: exchanged(Engine(unbroadcast=False)), _between(_shifted, np.array([0.3, 0.7])),
    ),
    Misconception(
        "assign", "the gradient of x is what its consumer says: x.grad = ...",
        "A number that is used twice acts in two ways, and its gradient is the sum of both (the "
        "chain rule of several variables). With = for += the last consumer's word replaces the "
        "others': x + x has slope 1. Networks without shared values hide the mistake.",
        "grad(lambda x: x + x)(1.0)", lambda: float(grad(_twice)(1.0)),
        lambda: exchanged(Engine(assign=True)), _between(_twice, 1.0),
    ),
    Misconception(
        "recursion", "go from each node straight to its inputs, topological order is a luxury",
        "A node may only pass its gradient on when all its consumers have reported. Recursion "
        "goes down the first path at once, with half of the gradient, and does not come back. "
        "Where every value has one consumer the order is always right, so chains and plain "
        "layers pass; a value that is used at two depths does not.",
        "grad(lambda x: b * tanh(b) with b = 3x)(0.2)", lambda: float(grad(_diamond)(0.2)),
        lambda: exchanged(Engine(recursive=True)), _between(_diamond, 0.2),
    ),
    Misconception(
        "early_update", "adjust each weight as soon as its gradient is known",
        "All gradients of a step are slopes at one point. If the output weight moves first, the "
        "layer below is told its share through a weight that took no part in the error. The "
        "direction is nearly right, training goes on, and the result is that of another method.",
        "grad of a two-layer loss by w1", _slope_of_the_first,
        lambda: exchanged(Engine(early_update=True)),
        _between(lambda w2, w1: _two_layers(w1, w2), -0.7, 0.5),
    ),
    Misconception(
        "plus_for_minus", "learning follows the gradient",
        "The gradient points where the loss rises fastest. Learning goes the other way, "
        "w − rate·gradient. With plus the loss grows at every step, slowly at first.",
        "w after 3 steps down (w − 1)² from 0", lambda: _descended(3),
        _uphill, _unlawful("a step goes downhill"),
    ),
    Misconception(
        "not_reset", "each backward pass starts from nothing by itself",
        "A leaf adds up the gradients of all passes, because one loss may reach it many times. "
        "Whoever does not clear them between steps walks along the sum of all slopes so far: the "
        "steps grow, overshoot and swing.",
        "w after 3 steps down (w − 1)² from 0", lambda: _descended(3),
        _kept_gradients, _unlawful("zero_grad forgets"),
    ),
]  # fmt: skip
MISCONCEPTIONS: dict[str, Misconception] = {each.name: each for each in _ALL}
"""Every misconception by name, in the order in which `diagnose` asks."""


def shown(name: str) -> str:
    """What `tinygrad-edu lab NAME` prints: the idea, both numbers, and what catches it."""
    each = misconception(name)
    right = each.number()
    with each.switch():
        number, finding = each.number(), each.found()
    lines = [f"{each.name}: {each.idea}"]
    lines += ["", *textwrap.wrap(each.about, 88), "", each.example]
    lines += [f"  this engine  {number:.6g}", f"  right        {right:.6g}", "", "caught by"]
    return "\n".join([*lines, f"  {finding}"])


def overview() -> str:
    """What `tinygrad-edu lab` prints: every misconception with its idea."""
    width = max(map(len, MISCONCEPTIONS))
    rows = [f"  {each.name:<{width}}  {each.idea}" for each in MISCONCEPTIONS.values()]
    head = "Ideas that sound right, each with an engine that has it:"
    return "\n".join([head, *rows, "", "tinygrad-edu lab NAME runs one"])
