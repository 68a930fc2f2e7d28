"""`summary`: the layers of a model as a table, with what comes out of each and what it weighs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.context import no_grad
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.nn.box import Box
from tinygrad_edu.nn.layers import Layer, Neuron
from tinygrad_edu.nn.module import WATCHERS, Module, children, in_use
from tinygrad_edu.terminal import printable


@dataclass(frozen=True)
class Row:
    """One module: its path, what it is, the shapes that came out (None: not known), its weight.

    ``parameters`` counts those that no row above has counted, ``trained`` those of them that are
    not frozen, ``shared`` those that a row above has counted.
    """

    path: str
    kind: str
    shape: str | None
    parameters: int
    trained: int
    shared: int


@dataclass(frozen=True)
class Summary:
    """What `summary` found; printed it is a table."""

    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """All parameters, each counted once."""
        return sum(row.parameters for row in self.rows)

    @property
    def trained(self) -> int:
        """All parameters that are not frozen."""
        return sum(row.trained for row in self.rows)

    def __str__(self) -> str:
        total, known = self.parameters, any(row.shape for row in self.rows)
        head = ["layer", "what", *(["output"] if known else []), "parameters", "share"]
        lines = [head]
        for row in self.rows:
            count = f"{row.parameters:,}" if row.parameters else "shared" if row.shared else "–"
            share = f"{row.parameters / total:.1%}" if row.parameters else "–"
            frozen = " (frozen)" if row.parameters > row.trained else ""
            shapes = [row.shape or "–"] if known else []
            lines.append([row.path, row.kind + frozen, *shapes, count, share])
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        right = len(head) - 2
        text = [
            "  ".join(
                cell.rjust(w) if i >= right else cell.ljust(w)
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        end = f"{total:,} parameters"
        end += f", {self.trained:,} of them trained" if self.trained < total else ""
        return printable("\n".join([text[0], rule, *text[1:], rule, end]))

    __repr__ = __str__


def summary(model: Module, input: Any = None) -> Summary:
    """The modules of a model in order: what each is, what comes out of it, its parameters, a share.

    ``input`` is what the model is called with, or a tuple of it where it takes several; it goes
    through once, as in use (`Module.eval`), and changes nothing. A parameter that two modules
    share is counted at the first. Raises `DTypeError` for what is not a module.

    >>> from tinygrad_edu import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> summary(model, np.zeros((5, 2)))
    layer  what                    output  parameters  share
    --------------------------------------------------------
    0      Linear(2 -> 3, tensor)  5×3              9  69.2%
    1      ReLU()                  5×3              –      –
    2      Linear(3 -> 1, tensor)  5×1              4  30.8%
    --------------------------------------------------------
    13 parameters
    """
    if not isinstance(model, Module):
        raise DTypeError(
            f"summary of {model!r:.60}, which is not a module", hint="nn.summary(model)"
        )
    named = model.named_modules()
    shapes = {} if input is None else _shapes(model, input, named)
    counted: set[Value] = set()
    rows = []
    for path, module in _units(model, named):
        own = _own(module)
        fresh = [p for p in own if p not in counted]
        counted |= set(fresh)
        kind = repr(module) if _is_unit(module) else type(module).__name__
        rows.append(
            Row(
                path or type(module).__name__.lower(), kind, shapes.get(module),
                sum(p.size for p in fresh), sum(p.size for p in fresh if p.requires_grad),
                sum(p.size for p in own) - sum(p.size for p in fresh),
            )
        )  # fmt: skip
    return Summary(tuple(rows))


def _is_unit(module: Module) -> bool:
    """Whether a module is one row, whatever is inside."""
    return isinstance(module, (Box, Layer, Neuron)) or not children(module)


def _units(model: Module, named: list[tuple[str, Module]]) -> Iterator[tuple[str, Module]]:
    """The rows: units that no other unit holds, and what has parameters beside those inside."""
    whole: list[str] = []
    for path, module in named:
        if any(not above or path.startswith(f"{above}.") for above in whole):
            continue
        if _is_unit(module):
            whole.append(path)
        if _is_unit(module) or _own(module):
            yield path, module


def _own(module: Module) -> list[Value]:
    """The parameters that the row of a module counts."""
    if _is_unit(module):
        return module.parameters()
    inner = {p for child in children(module) for p in child.parameters()}
    return [p for p in module.parameters() if p not in inner]


def _shapes(model: Module, input: Any, named: list[tuple[str, Module]]) -> dict[Module, str]:
    """What came out of each module when the input went through; nothing is changed by that."""
    seen: dict[Module, Any] = {}
    WATCHERS.append(watch := seen.__setitem__)
    try:
        with no_grad(), in_use(model):
            model(*(input if isinstance(input, tuple) else (input,)))
    finally:
        WATCHERS.remove(watch)
    at = dict(named)
    for path, module in named:
        outer = at.get(path.rpartition(".")[0].removesuffix(".layers"), model)
        if isinstance(module, Layer) and module not in seen and isinstance(seen.get(outer), Value):
            seen[module] = np.empty((*seen[outer].shape[:-1], module.outputs))  # a part of an MLP
    return {module: _text(out) for module, out in seen.items()}


def _text(out: Any) -> str:
    """The shape of what came out, or of the first of several."""
    while isinstance(out, (tuple, list)) and out:
        out = out[0]
    return "×".join(map(str, np.shape(out) if not isinstance(out, Value) else out.shape)) or "1"
