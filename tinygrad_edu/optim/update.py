"""`Update`: the last change of one parameter, taken apart into its causes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from tinygrad_edu.errors import AutodiffError
from tinygrad_edu.terminal import printable

LABELS = {
    "gradient": "this step's gradient",
    "momentum": "momentum (earlier gradients)",
    "decay": "weight decay",
    "curvature": "curvature (and the line search)",
    "rounding": "rounding of the computer's arithmetic",
}


@dataclass(frozen=True, eq=False)
class Update:
    """How one parameter went from ``old`` to ``new`` in one step.

    ``parts`` holds the share of each cause: "gradient", "momentum", "decay", and "rounding", which
    is what the computer's arithmetic added or took (about 1e-16 of the parameter). They add up to
    ``new - old`` exactly, in rational numbers; `exact` gives them as fractions. ``rate`` is the
    learning rate, ``formula`` the rule as the optimizer computed it, ``settings`` its numbers and
    ``terms`` what its other letters stood for, the adaptive scaling among them.
    """

    name: str
    old: Any
    new: Any
    gradient: Any
    parts: Mapping[str, Any]
    rate: float
    formula: str
    settings: Mapping[str, Any]
    step: int
    terms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def change(self) -> Any:
        """``new - old``, as floats."""
        return self.new - self.old

    def exact(self, index: tuple[int, ...] = ()) -> dict[str, Fraction]:
        """The parts of one number as exact fractions, "rounding" included; their sum is the change.

        ``index`` picks the number of an array parameter.
        """
        old, new = (Fraction(float(np.asarray(x)[index])) for x in (self.old, self.new))
        parts = {k: Fraction(float(np.asarray(v)[index])) for k, v in self.parts.items()}
        parts["rounding"] = new - old - sum(parts[k] for k in parts if k != "rounding")
        return parts

    def __str__(self) -> str:
        return printable(self.text())

    def text(self) -> str:
        """The update as a sentence and a sum; `print` shows it in what the terminal can hold."""
        index = _largest(self.change)
        where = f"[{', '.join(map(str, index))}]" if index else ""
        old, new = (float(np.asarray(x)[index]) for x in (self.old, self.new))
        slope = float(np.asarray(self.gradient)[index])
        parts = self.exact(index)
        lines = [_sentence(f"{self.name}{where}", old, new, slope)]
        if index:
            lines.append(f"  (of shape {np.shape(self.new)}; the number that changed most)")
        lines.append(f"  {self.formula}")
        for named in (self.settings, self.terms):
            if named:
                said = ", ".join(f"{k} = {_value(v, index)}" for k, v in named.items())
                lines.append(f"  {said}")
        shown = [(LABELS[k], float(v)) for k, v in parts.items() if v]
        rows = [("old", old), *shown, ("new", new)]
        width = max(len(label) for label, _ in rows)
        lines += [f"  {label:<{width}}  {v:+.17g}" for label, v in rows]
        return "\n".join(lines)


def _sentence(name: str, old: float, new: float, slope: float) -> str:
    if new == old:
        return f"{name} stayed at {old:.6g}: its gradient is {slope:+.4g}"
    way = "rose" if new > old else "fell"
    would = "raised" if slope > 0 else "lowered"
    why = f"raising it would have {would} the loss" if slope else "its gradient is 0"
    return f"{name} {way} from {old:.6g} to {new:.6g}: {why} (∇ {slope:+.4g})"


def _value(v: Any, index: tuple[int, ...]) -> str:
    number = np.asarray(v)
    return f"{float(number[index] if number.ndim else number):.6g}"


def _largest(change: Any) -> tuple[int, ...]:
    if np.ndim(change) == 0:
        return ()
    place = np.unravel_index(int(np.argmax(np.abs(change))), np.shape(change))
    return tuple(int(i) for i in place)


def take_apart(old: Any, new: Any, shares: Mapping[str, Any]) -> dict[str, Any]:
    """The shares, with "rounding" added as the float nearest to what they leave over.

    Raises `AutodiffError` when what is left over is more than rounding can explain: then the
    shares would not be the causes of the change.
    """
    kept = {k: v for k, v in shares.items() if k == "gradient" or np.any(v)}
    olds, news = np.ravel(old), np.ravel(new)
    columns = [np.broadcast_to(v, np.shape(old)).ravel() for v in kept.values()]
    rest = np.empty(olds.size)
    for i in range(olds.size):
        terms = [float(news[i]), -float(olds[i]), *(-float(c[i]) for c in columns)]
        rest[i] = math.fsum(terms)  # correctly rounded: the exact remainder's nearest float
        coarse = float(np.finfo(news.dtype).eps) if news.dtype.kind == "f" else 2.0**-52
        if abs(rest[i]) > 16 * coarse * max(map(abs, terms)):
            raise AutodiffError(
                f"the parts of an update leave {rest[i]:.3g} of {terms[0] + terms[1]:.3g} "
                "unexplained: the optimizer's `shares` do not describe its `update`"
            )
    kept["rounding"] = rest.reshape(np.shape(old)) if np.ndim(old) else float(rest[0])
    return kept
