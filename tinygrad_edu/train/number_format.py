"""Numbers as people write them: decimal point or comma, thousands separators, and no guessing.

``1.5``, ``1,5``, ``1 234,5``, ``1,234.5`` and ``1e-3`` are clear. ``1,234`` is not: it is 1234 in
one country and 1.234 in another, so the cells around it decide what it means, or it is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_SPACES = " \u00a0\u202f\u2009'\u2019"
_SINGLE = re.compile(r"[+-]?([0-9]*)([.,])([0-9]*)([eE][+-]?[0-9]+)?")
_GROUPS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:([.,])[0-9]{3})(?:\1[0-9]{3})+")
_MIXED = re.compile(
    rf"[+-]?[1-9][0-9]{{0,2}}(?:([.,{_SPACES}])[0-9]{{3}})(?:\1[0-9]{{3}})*(?!\1)([.,])[0-9]*"
)
_INFINITE = re.compile(r"[+-]?(?:inf|infinity|1\.#inf)", re.IGNORECASE)
_CODE = re.compile(r"0[0-9]+|[0-9]{16,}")
_UNIT = re.compile(r"[$€£¥]? ?([+-]?[0-9][0-9.,]*) ?[%$€£¥]?")


def _pattern(decimal: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    point, other = re.escape(decimal), "," if decimal == "." else "."
    plain = rf"[+-]?(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    group = (
        rf"[+-]?[1-9][0-9]{{0,2}}([{other}{_SPACES}])[0-9]{{3}}(?:\1[0-9]{{3}})*(?:{point}[0-9]*)?"
    )
    return re.compile(plain), re.compile(group)


_PATTERNS = {".": _pattern("."), ",": _pattern(",")}


@dataclass(frozen=True)
class NumberFormat:
    """How to read a cell as a number: the decimal sign; the other sign groups thousands.

    >>> NumberFormat(",").parse("1.234,5"), NumberFormat(".").parse("1,234.5")
    (1234.5, 1234.5)
    >>> NumberFormat(".").parse("1,5") is None
    True
    """

    decimal: str = "."

    @property
    def thousands(self) -> str:
        """The sign that may stand between groups of three digits."""
        return "," if self.decimal == "." else "."

    def parse(self, cell: str) -> float | None:
        """The number, or None when the cell is not one. Never NaN; an overflow gives inf."""
        cell = cell.replace("\u2212", "-")
        plain, grouped = _PATTERNS[self.decimal]
        if plain.fullmatch(cell):
            return float(cell.replace(",", "."))
        match = grouped.fullmatch(cell)
        if match is None:
            return None
        return float(cell.replace(match.group(1), "").replace(",", "."))

    def is_grouped(self, cell: str) -> bool:
        """Whether the cell is a number only when its `thousands` sign is dropped."""
        return self.thousands in cell and self.parse(cell) is not None


def decimal_votes(cells: Iterable[str | None]) -> Counter[str]:
    """What the cells say about the decimal sign.

    ``"."`` and ``","`` count cells that can be read with this decimal sign only;
    ``"?."`` and ``"?,"`` count cells such as ``1.234`` that fit both readings.

    >>> sorted(decimal_votes(["1,5", "1.234", "12", "1.234.567", "a"]).items())
    [(',', 2), ('?.', 1)]
    """
    votes: Counter[str] = Counter()
    for cell in cells:
        if cell is None or ("," not in cell and "." not in cell):
            continue
        if match := _SINGLE.fullmatch(cell):
            lead, sign, rest, exponent = match.groups()
            if lead or rest:
                open_case = 1 <= len(lead) <= 3 and lead[0] != "0" and len(rest) == 3
                votes["?" + sign if open_case and not exponent else sign] += 1
        elif match := _GROUPS.fullmatch(cell):
            votes["," if match.group(1) == "." else "."] += 1
        elif match := _MIXED.fullmatch(cell):
            votes[match.group(2)] += 1
    return votes


def is_infinite(cell: str) -> bool:
    """Whether a cell spells an infinity (``inf``, ``-Infinity``, ``1.#INF``)."""
    return _INFINITE.fullmatch(cell) is not None


def is_code(cell: str) -> bool:
    """Whether a cell is a code, not a quantity: ``00123``, or more digits than a float holds."""
    return _CODE.fullmatch(cell) is not None


def has_unit(cell: str) -> bool:
    """Whether a cell is a number with a sign such as ``%`` or ``€`` at it."""
    match = _UNIT.fullmatch(cell)
    return match is not None and match.group(1) != cell


def looks_number(cell: str) -> bool:
    """Whether a cell is a number with either decimal sign."""
    return any(NumberFormat(sign).parse(cell) is not None for sign in ".,")


def label(number: float) -> str:
    """A number as the name of a class or category: ``2`` for 2.0.

    >>> label(2.0), label(0.5)
    ('2', '0.5')
    """
    return str(int(number)) if number == int(number) else repr(float(number))
