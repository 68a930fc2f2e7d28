"""The registry of operations, and the families of them that load at their first use.

The operations of a first network are there at once; the others wait here by name, so that
``import tinygrad_edu`` costs little beyond NumPy. A test holds this table to the modules.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.engine import Op

OPS: dict[str, Op[Any]] = {}
"""Every operation that is loaded, by name. Declarators put it here."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "ops.powers": (
        "cbrt", "exp2", "float_power", "hypot", "logaddexp", "logaddexp2", "xlogy",
    ),
    "ops.trigonometric": (
        "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cosh", "deg2rad",
        "rad2deg", "sinc", "sinh", "tan",
    ),
}  # fmt: skip
"""The public names of each module that is loaded later, below the package."""

_HOME = {name: module for module, names in FAMILIES.items() for name in names}
_PACKAGE = __name__.split(".")[0]


def knows(name: str) -> bool:
    """Whether there is an operation of this name, loaded or not."""
    return name in OPS or name in _HOME


def load(name: str) -> None:
    """Load the family that provides this name; nothing happens where none does."""
    if name in _HOME:
        importlib.import_module(f"{_PACKAGE}.{_HOME[name]}")


def operation(name: str) -> Op[Any]:
    """The operation of this name, its family loaded if need be; `KeyError` where there is none."""
    if name not in OPS:
        load(name)
    return OPS[name]


def registry() -> dict[str, Op[Any]]:
    """Every operation by name, all families loaded: a copy of the one table that all else reads.

    >>> registry()["tanh"].formula
    'tanh x'
    """
    for module in FAMILIES:
        importlib.import_module(f"{_PACKAGE}.{module}")
    return dict(OPS)
