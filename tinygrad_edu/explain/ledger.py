"""The chain rule of one graph as a ledger: who passes how much of the gradient to whom.

The gradients are the engine's own (`autodiff.pull_back`); every share is computed again from the
same rule, added in the engine's order, and the total is compared with the engine's bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import raw
from tinygrad_edu.autodiff import fit, pull_back, topological
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import Op, Value, describe
from tinygrad_edu.errors import AutodiffError, DTypeError
from tinygrad_edu.tape import Instruction, Slot, Tape


@dataclass(frozen=True)
class Share:
    """What one consumer passes back through one of its operands.

    ``amount`` is ``local`` × ``upstream``; where arrays are involved there is no single local
    derivative (it is a matrix), and ``local`` is None.
    """

    consumer: int  # slot of the consumer's result
    operand: int  # which of its operands: x * x passes two shares back
    local: float | None
    upstream: Any
    amount: Any


class Ledger:
    """A graph as a tape, with the gradient of its result for every slot (None: none arrives).

    Raises `StaleGraphError` when a leaf was assigned after the graph had been recorded.
    """

    def __init__(self, root: Value, reader: str) -> None:
        if not isinstance(root, Value):
            raise DTypeError(
                f"{reader} reads the graph of a Value, got {describe(root)}",
                hint=f"tg.{reader}(loss), where loss was computed from Values",
            )
        self.root, self.tape = root, Tape.of(root)
        nodes = sorted(topological(root, every=True), key=lambda v: v.id)
        # The slots of `Tape.of`: the leaves first, then the rest, each in order of creation.
        self.values = [v for v in nodes if v.op is None] + [v for v in nodes if v.op is not None]
        self.slots = {v: i for i, v in enumerate(self.values)}
        self.leaves = len(self.tape.leaves)
        self.differentiable = not root.shape and root.requires_grad
        with np.errstate(all="ignore"):  # inf and nan are shown, and need no warning beside it
            found = pull_back(root, ONE) if self.differentiable else {}
        self.gradients = [found.get(v) for v in self.values]

    def step(self, slot: int) -> Instruction:
        """The instruction that computes a slot."""
        return self.tape.instructions[slot - self.leaves]

    def shares(self, slots: set[int] | None = None) -> Iterator[tuple[int, Share]]:
        """(slot, what it gets) over all edges, or those into ``slots``, in the engine's order."""
        for step in reversed(self.tape.instructions):
            upstream = self.gradients[step.out]
            if upstream is None:
                continue
            for i, arg in enumerate(step.args):
                if isinstance(arg, Slot) and (slots is None or arg.number in slots):
                    share = self._share(step, i, arg.number, upstream)
                    if share is not None:
                        yield arg.number, share

    def _share(self, step: Instruction, i: int, into: int, upstream: Any) -> Share | None:
        target = self.values[into]
        if not target.requires_grad:
            return None
        xs = [self.values[a.number]._data if isinstance(a, Slot) else a for a in step.args]
        out = self.values[step.out]._data
        amount = _pull(step.op, i, upstream, out, xs, step.params)
        if amount is None:
            return None
        if type(amount) is not float or type(target._data) is not float:
            amount = fit(amount, target, step.op, i)
        scalar = all(np.ndim(x) == 0 for x in (*xs, out))
        local = _pull(step.op, i, 1.0, out, xs, step.params) if scalar else None
        return Share(step.out, i, None if local is None else float(local), upstream, amount)

    def prove(self, slot: int, shares: list[Share]) -> None:
        """Assert that the shares, in the engine's order, add up to the gradient to the last bit."""
        total: Any = ONE if slot == self.slots[self.root] else None
        if len(shares) == 1 and total is None:
            total = shares[0].amount
        elif shares:
            with np.errstate(all="ignore"):
                for share in shares:
                    total = share.amount if total is None else total + share.amount
        gradient = self.gradients[slot]
        if not same(total, gradient):
            rules = sorted({self.step(share.consumer).op.name for share in shares})
            raise AutodiffError(
                f"the shares of {describe(self.values[slot])} add up to {total!r}, the gradient is "
                f"{gradient!r}: a rule among {rules} "
                "gives different results when asked twice",
                hint="a derivative rule may depend on its arguments only",
            )


def _pull(op: Op[Any], i: int, g: Any, out: Any, xs: list[Any], params: dict[str, Any]) -> Any:
    try:
        with np.errstate(all="ignore"):
            return op.pull(i, g, out, xs, params)
    except (ArithmeticError, ValueError):
        return raw.ieee(lambda g, out, *xs: op.pull(i, g, out, xs, params), g, out, *xs)


def same(a: Any, b: Any) -> bool:
    """Whether two numbers or arrays are equal to the last bit (every NaN counts as one number)."""
    if a is None or b is None:
        return a is b
    if type(a) is type(b) is float:
        return a != a and b != b if a != b else math.copysign(1.0, a) == math.copysign(1.0, b)
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    signs = np.signbit(x) == np.signbit(y) if x.dtype.kind == "f" else True
    return bool(np.all(((x == y) & signs) | ((x != x) & (y != y))))
