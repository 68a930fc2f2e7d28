"""`trace_table`: the evaluation trace of a graph, as the autodiff literature prints it.

The variables are numbered as in Griewank and Walther, "Evaluating Derivatives" (2008): v₋₁, v₀ for
what is given, v₁, v₂, … for what is computed. The forward trace reads down, the adjoints
v̄ = ∂(result)/∂v read up (Baydin et al., JMLR 18, 2018, tables 2 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.explain.ledger import Ledger, Share
from tinygrad_edu.explain.notation import (
    align,
    html_table,
    number,
    one_line,
    plain,
    printable,
    right_hand_side,
    signed,
    subscript,
)
from tinygrad_edu.sites import Site

_SHOWN = 60  # rows that are printed before the middle is left out
_TERMS = 4  # contributions that are written out in one cell


@dataclass(frozen=True)
class Contribution:
    """One term of the adjoint of ``variable``: ``upstream × local = amount``.

    ``upstream`` is the adjoint of the consumer; ``local`` is None where arrays are involved.
    """

    variable: str
    consumer: str
    operand: int
    local: float | None
    upstream: Any
    amount: Any

    @property
    def text(self) -> str:
        """The term as it is printed: symbols, then numbers."""
        rule = f"{bar_of(self.consumer)} · ∂{self.consumer}/∂{self.variable}"
        if self.local is None:
            return f"{rule} = {number(self.amount)}"
        factors = f"{number(self.upstream)} × {number(self.local)}"
        return f"{rule} = {factors} = {signed(self.amount)}"


@dataclass(frozen=True)
class TraceRow:
    """One variable: what it is, how it was computed, its number, and how its adjoint comes about.

    ``adjoint`` is None where no gradient arrives (given data, or a branch that was not taken).
    """

    variable: str
    name: str | None
    role: Role
    formula: str | None
    value: Any
    adjoint: Any
    contributions: tuple[Contribution, ...]
    site: Site | None


@dataclass(frozen=True)
class TraceTable:
    """The whole trace; ``rows`` is complete, printing leaves out the middle of a long one."""

    rows: tuple[TraceRow, ...]
    result: str
    note: str | None = None
    shown: int | None = field(default=_SHOWN)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return printable(self.text())

    __repr__ = __str__

    def text(self, ascii: bool = False) -> str:
        """The table with straight columns, in ASCII if asked."""
        rows = [self._heads(), *self._cells()]
        if ascii:
            rows = [[plain(cell) for cell in row] for row in rows]
        said = [self._title(), *align(_split(rows)), *([self.note] if self.note else [])]
        return "\n".join(plain(line) if ascii else line for line in said)

    def _repr_html_(self) -> str:
        notes = [self.note] if self.note else []
        return html_table(self._title(), self._heads(), self._cells(), notes)

    def _title(self) -> str:
        return f"evaluation trace of {self.result}"

    def _heads(self) -> list[str]:
        reverse = [] if self.note else ["adjoint, read upwards"]
        return ["variable", "", "value", "role", *reverse]

    def _cells(self) -> list[list[str]]:
        shown, total = self.shown, len(self.rows)
        if shown is None or total <= shown:
            return [self._cell_row(row) for row in self.rows]
        head = (shown + 1) // 2
        tail = shown - head
        cells = [self._cell_row(row) for row in self.rows[:head]]
        cells.append(["…", f"… {total - shown:,} rows …", "", "", *([] if self.note else ["…"])])
        return cells + [self._cell_row(row) for row in self.rows[total - tail :]]

    def _cell_row(self, row: TraceRow) -> list[str]:
        name = one_line(row.name) if row.name else None
        middle = [part for part in (name, row.formula) if part]
        role = "" if row.role is Role.OPERATION else str(row.role)
        cells = [row.variable, " ".join(f"= {part}" for part in middle), number(row.value), role]
        return cells if self.note else [*cells, self._adjoint(row)]

    def _adjoint(self, row: TraceRow) -> str:
        bar = bar_of(row.variable)
        if row.adjoint is None:
            return f"{bar} not computed: it needs no gradient"
        if not row.contributions:
            return f"{bar} = {number(row.adjoint)}"
        terms = list(row.contributions)
        if len(terms) == 1:
            return f"{bar} = {terms[0].text}"
        lines = [f"{bar} += {term.text}" for term in terms[:_TERMS]]
        if len(terms) > _TERMS:
            lines.append(f"… {len(terms) - _TERMS:,} more contributions …")
        return "\n".join([*lines, f"{bar} = {number(row.adjoint)}"])


def _split(rows: list[list[str]]) -> list[list[str]]:
    """A row per line of text: the last cell of a row may hold several."""
    lines = []
    for row in rows:
        first, *more = row[-1].split("\n")
        lines.append([*row[:-1], first])
        lines += [[""] * (len(row) - 1) + [line] for line in more]
    return lines


def bar_of(variable: str) -> str:
    """The name of the adjoint: v₃ has v̄₃."""
    return f"{variable[0]}\u0304{variable[1:]}"


def trace_table(value: Value, rows: int | None = _SHOWN) -> TraceTable:
    """The evaluation trace of ``value``: every variable with its number and its adjoint.

    Works before ``backward()`` and leaves every ``.grad`` as it is. Printing shows at most
    ``rows`` rows (None: all) and says what it leaves out. An array has no single adjoint, so for
    one only the forward trace is given. Raises `StaleGraphError` on a stale graph.

    >>> w, x = Value(3.0, "w"), Value(2.0, "x")
    >>> print(trace_table(w * x).text(ascii=True))
    evaluation trace of v1 = 6
    variable           value  role     adjoint, read upwards
    v-1       = w      3      weight   v'-1 = v'1 * dv1/dv-1 = 1 * 2 = +2
    v0        = x      2      input    v'0 = v'1 * dv1/dv0 = 1 * 3 = +3
    v1        = w * x  6      product  v'1 = 1
    """
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 2):
        raise DTypeError(f"rows={rows!r}", hint="how many rows to print, from 2; None prints all")
    ledger = Ledger(value, "trace_table")
    variables = [f"v{subscript(i - ledger.leaves + 1)}" for i in range(len(ledger.values))]
    shares: dict[int, list[Share]] = {}
    for slot, share in ledger.shares():
        shares.setdefault(slot, []).append(share)
    made = [_row(ledger, slot, variables, shares.get(slot, [])) for slot in range(len(variables))]
    note = None
    if value.shape:
        note = f"forward only: an array of shape {value.shape} has no single adjoint; trace its sum"
    elif not value.requires_grad:
        note = "forward only: nothing below needs a gradient"
    root = made[ledger.slots[value]]
    named = f"{one_line(root.name)} = " if root.name else ""
    return TraceTable(tuple(made), f"{named}{root.variable} = {number(root.value)}", note, rows)


def _row(ledger: Ledger, slot: int, variables: list[str], shares: list[Share]) -> TraceRow:
    if ledger.gradients[slot] is not None:
        ledger.prove(slot, shares)
    given = slot < ledger.leaves
    value = ledger.values[slot]
    step = None if given else ledger.step(slot)
    return TraceRow(
        variable=variables[slot],
        name=value.name,
        role=ledger.tape.leaves[slot].role if step is None else step.role,
        formula=None if step is None else right_hand_side(step, _Names(ledger, variables)),
        value=value._data,
        adjoint=ledger.gradients[slot],
        contributions=tuple(
            Contribution(
                variables[slot], variables[s.consumer], s.operand, s.local, s.upstream, s.amount
            )
            for s in shares
        ),
        site=value.site,
    )


class _Names(dict[int, str]):
    """Given variables by their names, computed ones by their numbers: v₁ = w1 × x1."""

    def __init__(self, ledger: Ledger, variables: list[str]) -> None:
        self._ledger, self._variables = ledger, variables

    def __missing__(self, slot: int) -> str:
        name = self._ledger.values[slot].name if slot < self._ledger.leaves else None
        return name or self._variables[slot]
