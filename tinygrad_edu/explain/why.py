"""`explain`: why a gradient is what it is, consumer by consumer, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import AutodiffError, DTypeError, ShapeError
from tinygrad_edu.explain.ledger import Ledger, same
from tinygrad_edu.explain.ledger import Share as LedgerShare
from tinygrad_edu.explain.notation import (
    align,
    html_table,
    norm,
    number,
    one_line,
    printable,
    right_hand_side,
    signed,
)
from tinygrad_edu.roles import parameters
from tinygrad_edu.wording import describe

_SHOWN = 12  # consumers, or parameters, that are printed
_HEADS = ("used in", "local derivative × upstream = share", "line")


@dataclass(frozen=True)
class Share:
    """What one consumer passes back: ``amount`` = ``local`` × ``upstream``.

    ``local`` is None where arrays are involved (it is a matrix then); ``site`` is the line of the
    program that made the consumer, ``source`` its text.
    """

    operation: str
    operand: int
    formula: str
    local: float | None
    upstream: Any
    amount: Any
    text: str
    site: str | None
    source: str | None


@dataclass(frozen=True)
class Explanation:
    """Why one gradient is what it is. ``gradient`` is None where there is none, and not 0.

    ``shares`` are in the order in which the engine adds them; they add up to ``gradient`` to the
    last bit, which was checked when this was made. ``held`` compares ``wrt.grad`` with it.
    """

    output: str
    wrt: str
    gradient: Any
    shares: tuple[Share, ...]
    sentence: str
    held: str | None

    def text(self) -> str:
        """The explanation as lines; the first is a plain sentence."""
        rows = [[f"  {s.formula}", s.text, _place(s)] for s in self.shares[:_SHOWN]]
        lines = align([[f"  {_HEADS[0]}", *_HEADS[1:]], *rows]) if rows else []
        return "\n".join([self.sentence, *lines, *(f"  {note}" for note in self._notes())])

    def _notes(self) -> list[str]:
        notes = []
        count = len(self.shares)
        if count > _SHOWN:
            notes.append(f"… {count - _SHOWN:,} more shares …")
        if count == 1:
            notes.append("the only share is the gradient, exactly")
        elif count:
            notes.append(
                f"the {count:,} shares add up to the gradient exactly: {_said(self.gradient)}"
            )
        return [*notes, *([self.held] if self.held else [])]

    def __str__(self) -> str:
        return printable(self.text())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [[s.formula, s.text, _place(s)] for s in self.shares[:_SHOWN]]
        return html_table(self.sentence, _HEADS, rows, self._notes())


@dataclass(frozen=True)
class Overview:
    """Every parameter below an output, the largest gradient first."""

    output: str
    explanations: tuple[Explanation, ...]
    sentence: str

    def text(self) -> str:
        """One line per parameter."""
        return "\n".join([self.sentence, *(f"  {line}" for line in self._lines())])

    def _lines(self) -> list[str]:
        lines = [e.sentence for e in self.explanations[:_SHOWN]]
        more = len(self.explanations) - len(lines)
        return [*lines, f"… {more:,} more parameters …"] if more else lines

    def __str__(self) -> str:
        return printable(self.text())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(self.sentence, ("parameters",), [[line] for line in self._lines()])


def explain(output: Value, wrt: Value | None = None) -> Explanation | Overview:
    """Why the gradient of ``output`` with respect to ``wrt`` is what it is.

    For each use of ``wrt``: local derivative × upstream gradient = share. The shares add up to the
    gradient exactly, and this is asserted. Without ``wrt``: all parameters, the largest gradient
    first. Nothing is changed, and ``backward()`` need not have been called.

    Raises `StaleGraphError` on a stale graph and `ShapeError` where ``output`` is an array.

    >>> w = Value(3.0, "w")
    >>> explain(w * w, w).sentence
    'raising w would raise the output: ∇ +6'
    """
    ledger = Ledger(output, "explain")
    if output.shape:
        raise ShapeError(
            f"explain needs one number, {describe(output)} has {output.size}",
            hint="tg.explain(output.sum(), wrt), or one of them: tg.explain(output[0], wrt)",
        )
    if not output.requires_grad:
        raise AutodiffError(
            f"{describe(output)} does not depend on anything that needs a gradient",
            hint="make the leaves with requires_grad=True, outside no_grad()",
        )
    if wrt is not None:
        if not isinstance(wrt, Value):
            raise DTypeError(
                f"explain tells of the gradient of a Value, got {describe(wrt)}",
                hint="tg.explain(loss, w), where w is a Value that loss was computed from",
            )
        slot = ledger.slots.get(wrt)
        return _explanation(
            ledger, wrt, [s for _, s in ledger.shares({-1 if slot is None else slot})]
        )
    return _overview(ledger)


def _overview(ledger: Ledger) -> Overview:
    found = parameters(ledger.root)
    into: dict[int, list[LedgerShare]] = {ledger.slots[p]: [] for p in found}
    for slot, share in ledger.shares(set(into)):
        into[slot].append(share)
    made = [_explanation(ledger, p, into[ledger.slots[p]]) for p in found]
    size = {id(e): -1.0 if e.gradient is None else norm(e.gradient) for e in made}
    made.sort(key=lambda e: (size[id(e)] == size[id(e)], -size[id(e)]))  # NaN first, then largest
    said = output_name(ledger)
    if not made:
        sentence = f"{said} was computed from no parameter: only from inputs, targets and constants"
    else:
        which = "1 parameter" if len(made) == 1 else f"{len(made):,} parameters, the steepest first"
        sentence = f"{said} = {number(ledger.root._data)} depends on {which}"
    return Overview(said, tuple(made), sentence)


def _explanation(ledger: Ledger, wrt: Value, shares: list[LedgerShare]) -> Explanation:
    said, name = output_name(ledger), value_name(ledger, wrt)
    slot = ledger.slots.get(wrt)
    gradient = None if slot is None else ledger.gradients[slot]
    if slot is None or gradient is None:
        return Explanation(said, name, None, (), _missing(said, name, wrt, slot), None)
    ledger.prove(slot, shares)
    made = tuple(_share(ledger, share, name) for share in shares)
    sentence = f"{name} is {said} itself: ∇ +1" if wrt is ledger.root else None
    return Explanation(
        said,
        name,
        gradient,
        made,
        sentence or _sentence(said, name, gradient),
        _held(wrt, gradient),
    )


def output_name(ledger: Ledger) -> str:
    """What the result is called in a sentence: its name, else "the loss" or "the output"."""
    role = ledger.step(ledger.slots[ledger.root]).role if ledger.tape.instructions else None
    if ledger.root.name:
        return one_line(ledger.root.name)
    return "the loss" if role is Role.LOSS else "the output"


def value_name(ledger: Ledger, value: Value) -> str:
    """What a node is called in a sentence: its name, else what it is."""
    if value.name:
        return one_line(value.name)
    slot = ledger.slots.get(value)
    if value is ledger.root:
        return output_name(ledger)
    if value.op is not None and slot is not None:
        return _together(right_hand_side(ledger.step(slot), _Names(ledger)))
    what = str(value.role or "value")
    return f"the {what} {number(value._data)}"


class _Names(dict[int, str]):
    """The names of slots in a formula: the user's; else a number itself, an array's own formula."""

    def __init__(self, ledger: Ledger, inner: bool = False) -> None:
        self._ledger, self._inner = ledger, inner

    def __missing__(self, slot: int) -> str:
        value = self._ledger.values[slot]
        if value.name or value.op is None or not value.shape:
            return value.name or number(value._data)
        if self._inner:
            return "…"
        return _together(right_hand_side(self._ledger.step(slot), _Names(self._ledger, True)))


def _together(formula: str) -> str:
    """A formula that can stand in another one: in brackets unless it is a call."""
    return formula if formula[:1].isalpha() and formula.endswith(")") else f"({formula})"


def _missing(said: str, name: str, wrt: Value, slot: int | None) -> str:
    if slot is None:
        return f"{said} was not computed from {name}: there is no gradient, and not one of 0"
    if not wrt.requires_grad:
        kind = f" ({wrt.role})" if wrt.role else ""
        return f"{name}{kind} needs no gradient: it was made with requires_grad=False"
    return f"{said} was computed from {name}, but no gradient reaches it: no use has a derivative"


def _sentence(said: str, name: str, gradient: Any) -> str:
    if np.size(gradient) != 1:
        return _array_sentence(said, name, gradient)
    gradient = float(np.reshape(gradient, -1)[0])
    if gradient != gradient or abs(gradient) == np.inf:
        return f"nothing can be said of raising {name}: ∇ of {said} is {number(gradient)}"
    if gradient == 0.0:
        return f"raising {name} a little would not change {said} to first order: ∇ 0"
    return (
        f"raising {name} would {'raise' if gradient > 0 else 'lower'} {said}: ∇ {signed(gradient)}"
    )


def _array_sentence(said: str, name: str, gradient: Any) -> str:
    with np.errstate(all="ignore"):
        slope = float(np.sum(gradient, dtype=np.float64))
    length = f"‖∇‖ {number(norm(gradient))}"
    all_of = f"raising all {gradient.size:,} numbers of {name} alike"
    if not np.isfinite(gradient).all():
        bad = int(np.size(gradient) - np.isfinite(gradient).sum())
        return f"{bad:,} of {gradient.size:,} numbers of ∇{name} are not finite"
    if not gradient.any():
        return f"{all_of}, or any of them, would not change {said} to first order: ∇ 0"
    if slope == 0.0:
        return f"{all_of} would not change {said} to first order, single ones would: {length}"
    verb = "raise" if slope > 0 else "lower"
    return f"{all_of} would {verb} {said}: Σ∇ {signed(slope)}, {length}"


def _said(gradient: Any) -> str:
    return number(gradient) if np.ndim(gradient) else signed(gradient)


def _share(ledger: Ledger, share: LedgerShare, name: str) -> Share:
    step = ledger.step(share.consumer)
    names = _Names(ledger)
    names[step.args[share.operand].number] = name
    right = right_hand_side(step, names)
    result = ledger.values[share.consumer].name
    formula = f"{one_line(result)} = {right}" if result else right
    used = step.args[share.operand]
    uses = [i for i, a in enumerate(step.args) if type(a) is type(used) and a == used]
    if len(uses) > 1:
        formula += f"  (use {uses.index(share.operand) + 1} of {len(uses)})"
    if share.local is None:
        text = f"upstream {number(share.upstream)} → share {number(share.amount)}"
    else:
        text = f"{number(share.local)} × {number(share.upstream)} = {signed(share.amount)}"
    site = step.site
    return Share(
        step.op.name, share.operand, formula, share.local, share.upstream, share.amount, text,
        str(site) if site else None, (site.text or None) if site else None,
    )  # fmt: skip


def _place(share: Share) -> str:
    return ": ".join(one_line(part) for part in (share.site, share.source) if part)


def _held(wrt: Value, gradient: Any) -> str | None:
    """How ``wrt.grad`` relates to this gradient: the same, twice it, or something else."""
    grad = wrt.grad._data if isinstance(wrt.grad, Value) else wrt.grad
    name = f"{one_line(wrt.name)}.grad" if wrt.name else "its .grad"
    if grad is None:
        return f"{name} is not computed yet: backward() fills it"
    if same(np.asarray(grad), np.asarray(gradient)):
        return f"{name} holds this gradient"
    times = _multiple(grad, gradient)
    if times == 2:
        return f"{name} holds 2 × this: backward() was called twice without zero_grad()?"
    if times is not None:
        return f"{name} holds {times} × this: {times} calls of backward() without zero_grad()?"
    if wrt.op is not None:
        return f"{name} holds {number(grad)}, not this: the last backward() started elsewhere"
    extra = number(np.asarray(grad) - np.asarray(gradient))
    return (
        f"{name} holds {number(grad)}, not this: other backward() calls left {extra} there, "
        "or it was changed (clipped, scaled); zero_grad() clears it"
    )


def _multiple(grad: Any, gradient: Any) -> int | None:
    """k where ``grad`` is k × ``gradient`` up to rounding, for whole k above 1."""
    size = float(np.max(np.abs(gradient), initial=0.0))
    if not 0.0 < size < np.inf:
        return None
    at = np.unravel_index(int(np.argmax(np.abs(gradient))), np.shape(gradient))
    ratio = float(np.asarray(grad)[at]) / float(np.asarray(gradient)[at])
    k = round(ratio) if np.isfinite(ratio) and 1.5 < ratio < 1e6 else 0
    near = np.allclose(grad, k * np.asarray(gradient), rtol=1e-6, atol=1e-9 * size)
    return k if k and near else None
