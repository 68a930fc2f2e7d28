"""The page docs/ops.md: every operation and function of the tables, generated from the registry.

`python tests/test_docs.py ops.md` writes it, and a test holds the page to what this makes.
"""

from __future__ import annotations

import importlib
from types import FunctionType
from typing import Any

from tinygrad_edu.cards import Card, card_of
from tinygrad_edu.engine import Op
from tinygrad_edu.families import FAMILIES, registry
from tinygrad_edu.functions import composite
from tinygrad_edu.ops.conventions import Convention

_PACKAGE = __name__.split(".")[0]
_TOOLS = (composite,)
_ACTIVATIONS = "Activations"
# Sections: a title and the modules whose operations and functions stand in it. What a module of the
# first section declares as an activation stands with the activations.
_SECTIONS: dict[str, tuple[str, ...]] = {
    "Arithmetic and elementary functions": (
        "ops.elementwise", "ops.powers", "ops.trigonometric", "ops.special", "ops.pieces",
        "ops.rounding",
    ),
    _ACTIVATIONS: ("ops.activations", "ops.rectifiers", "ops.squashing"),
    "Comparisons and logic": ("ops.comparisons",),
    "Reductions, scans and statistics": (
        "ops.reductions", "ops.scans", "ops.spreads", "statistics",
    ),
    "Shapes": ("ops.arrays", "ops.shapes", "ops.cutting", "ops.rearranging"),
    "Indices and orders": ("ops.indexing", "ops.gathering", "ops.sorting"),
    "Products and linear algebra": (
        "ops.products", "contractions", "ops.einsum", "ops.matrices", "ops.factorisations",
        "linalg",
    ),
    "Neurons and losses": ("functions", "losses"),
    "Networks": (
        "networks.convolutions", "networks.pools", "networks.norms", "networks.attention",
        "networks.resampling",
    ),
    "What networks are made of": ("ops.convolution", "ops.pooling", "ops.standardizing"),
    "Without a derivative": ("ops.plain",),
}  # fmt: skip

INTRODUCTION = """\
# The operations

This page is generated from the registry (`python tests/test_docs.py ops.md`), and a test holds it
to that. Nothing on it is written twice: a formula, a domain, a convention stands in the declaration
of its operation, and a **derivative is printed from the rule itself**, recorded on a small example.
In a derivative `out` is the result of the operation, and `g` the gradient that arrives from above
where operands are whole arrays. `tg.help("tanh")` prints one entry, `tg.card("tanh")` gives it as
data, and `tg.registry()` all operations by name.

Each is a function of `tg`, and works on numbers, arrays and Values alike. Domain: every number,
where nothing else is said. *Elsewhere* is the same call in NumPy, PyTorch and JAX; a bare name
takes the same arguments, and `F` is `torch.nn.functional`.
"""

CONVENTIONS = """\
## Conventions, and where NumPy, PyTorch or JAX differ

Where a function has no derivative, or libraries disagree, somebody must choose. Each row is an
expression and what it gives here and elsewhere, and a test evaluates both sides. `d` is `tg.grad`,
`D` is `torch.func.grad`, `t` is `torch.tensor`, `F` is `torch.nn.functional`. What is not about
one operation stands in
[the design](design.md#conventions-and-where-this-differs-from-pytorch-or-numpy).
"""


def page() -> str:
    """The whole page as Markdown, the same for the same registry."""
    registry()
    sections = _sections()
    index = [
        f"- [{title}](#{_anchor(title)}): "
        + " · ".join(f"[{c.name}](#{_anchor(c.name)})" for c in cards)
        for title, cards in sections.items()
    ]
    parts = [INTRODUCTION, "\n".join([*index, f"- [Conventions](#{_anchor(CONVENTIONS[3:])})"])]
    for title, cards in sections.items():
        parts += [f"\n## {title}", *[f"\n{card.markdown()}" for card in cards]]
    parts.append(f"\n{CONVENTIONS}\n{_conventions()}")
    return "\n".join(parts).rstrip() + "\n"


def _sections() -> dict[str, list[Card]]:
    """The cards of every section in the order of their names; other modules have their own."""
    placed = {name for names in _SECTIONS.values() for name in names}
    others = {name: (name,) for name in FAMILIES if name not in placed}
    sections: dict[str, list[Card]] = {title: [] for title in [*_SECTIONS, *others]}
    known: dict[int, str] = {}
    listed: set[tuple[int, str]] = set()
    for title, names in {**_SECTIONS, **others}.items():
        for name in names:
            module = importlib.import_module(f"{_PACKAGE}.{name}")
            for public in _public(name, module):
                thing = getattr(module, public)
                if (id(thing), public) in listed:
                    continue  # a module that uses it
                listed.add((id(thing), public))
                first = known.setdefault(id(thing), getattr(thing, "__name__", public))
                if first != public:
                    sections[title].append(_alias(public, first, thing))
                elif name != "linalg" or not hasattr(importlib.import_module(_PACKAGE), public):
                    activation = getattr(thing, "kind", "") == "activation"
                    sections[_ACTIVATIONS if activation else title].append(card_of(thing))
    return {title: sorted(c, key=lambda card: card.name) for title, c in sections.items()}


def _alias(name: str, first: str, thing: Any) -> Card:
    return Card(
        name, card_of(thing).call.replace(first, name, 1), "", f"Another name of `{first}`."
    )


def _public(name: str, module: Any) -> list[str]:
    """The names a module provides: as the table of families says, or those it declares."""
    if name == "linalg":
        return list(module.__all__)
    package, home = importlib.import_module(_PACKAGE), module.__name__
    found = [(n, x) for n, x in vars(module).items() if n in package.__all__]
    made = [n for n, x in found if _made_here(x, home) and getattr(package, n) is x]
    return list(dict.fromkeys([*FAMILIES.get(name, ()), *made]))


def _made_here(thing: Any, home: str) -> bool:
    if isinstance(thing, Op):
        return thing.forward.__module__ in (home, "_operator")
    return isinstance(thing, FunctionType) and thing.__module__ == home and thing not in _TOOLS


def conventions() -> list[tuple[str, Convention]]:
    """Every row that an operation or a function declares, with its name; what differs first."""
    registry()
    cards = [card for section in _sections().values() for card in section]
    rows = [(card.name, row) for card in cards for row in card.conventions]
    return sorted(rows, key=lambda pair: (not pair[1].differs, pair[0]))


def _conventions() -> str:
    head = ["| | operation | question | here | gives | elsewhere | gives |", "|" + "---|" * 7]
    body = []
    for name, row in conventions():
        cells = ["≠" if row.differs else "=", f"[{name}](#{_anchor(name)})", row.question]
        cells += [_cell(row.here), _cell(row.gives), _cell(row.elsewhere)]
        body.append(f"| {' | '.join([*cells, _cell(row.gives_elsewhere)])} |")
    return "\n".join([*head, *body])


def _cell(code: str) -> str:
    if code.startswith("raises "):
        return f"raises `{code.removeprefix('raises ')}`"
    return f"`{code}`".replace("|", "\\|")


def _anchor(heading: str) -> str:
    """The address that a code host gives a heading."""
    kept = "".join(c for c in heading.splitlines()[0].lower() if c.isalnum() or c in " -_")
    return kept.strip().replace(" ", "-")
