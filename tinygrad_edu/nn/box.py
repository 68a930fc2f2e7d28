"""What the library's own modules share: one titled box in pictures, checks of what comes in."""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from tinygrad_edu import families
from tinygrad_edu.context import Role, scope
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.nn.module import LayerInfo, Module, Parameter, rename
from tinygrad_edu.wording import refusal

Seed = int | np.random.Generator | None


class Box(Module):
    """A module of the library that draws as one box, titled by its name and with its shapes.

    ``sizes`` is how many features or channels go in and come out, where that is fixed.
    """

    _kind = "layer"
    _own_name = False  # given by the user; otherwise the attribute that holds it names it
    sizes: tuple[int, int] = (0, 0)
    activation: ClassVar[str | None] = None

    @property
    def name(self) -> str:
        """What it is called in pictures and errors."""
        return self._scope or type(self).__name__.lower()

    def begin(self, name: str | None) -> scope:
        """Name the box; inside the scope that is returned its parameters are made."""
        self._scope, self._own_name = name or type(self).__name__.lower(), name is not None
        return scope(self._scope, self._kind)

    def called(self, name: str) -> Self:
        """Take the name of the attribute, where the user gave none; returns the module."""
        if not self._own_name and self._scope is not None:
            rename(self.parameters(), self._scope, name)
            self._scope, self._own_name = name, True
        return self

    def structure(self) -> list[LayerInfo]:
        """This box as plain numbers: all its weights in a row, and all their gradients."""
        parameters = self.parameters()
        weights = [p for p in parameters if p.role is not Role.BIAS]
        biases = [p for p in parameters if p.role is Role.BIAS]
        return [
            LayerInfo(
                self.name, type(self).__name__, "tensor", *self.sizes, self.activation,
                _row(weights), _row(biases), _row(weights, True), _row(biases, True),
            )
        ]  # fmt: skip

    def settings(self) -> str:
        """The constructor's arguments, as `repr` shows them: those that are not the default."""
        shown = []
        for p in inspect.signature(type(self)).parameters.values():
            value = getattr(self, p.name, p.default)
            if isinstance(p.default, bool):  # a bias is there or not
                value = value is not None and value is not False
            if p.name in ("seed", "name") or isinstance(value, (Value, Module)):
                continue
            if p.default is p.empty or value != p.default:
                shown.append(f"{value}" if p.default is p.empty else f"{p.name}={value!r}")
        return ", ".join(shown)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings()})"

    def refuse(self, reason: str, hint: str, **operands: Any) -> ShapeError:
        """The error of a call: the module, what is wrong with what, the user's line, the cure."""
        own = f" {self.name!r}" if self._own_name else ""
        return refusal(f"{type(self).__name__}{own}", reason, hint, **operands)


def _row(parameters: Sequence[Value], gradients: bool = False) -> Any:
    """All numbers one after the other, or all gradients; None where there are none."""
    found = [p.grad if gradients else p for p in parameters]
    if not found or any(x is None for x in found):
        return None
    return np.concatenate([np.ravel(x._data if isinstance(x, Value) else x) for x in found])


def as_input(x: Any, name: str = "x") -> Value:
    """Data as an input node that needs no gradient; a Value as it is."""
    if isinstance(x, Value):
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"inputs of type {array.dtype} are not real numbers",
            hint="encode words as numbers first: tg.train.datasets.prepare, or nn.Embedding",
        )
    return Value(array, name, Role.INPUT, requires_grad=False)


def whole(value: Any, what: str, least: int = 1) -> int:
    """A whole number from ``least`` up, or an error that says what it counts."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, (bool, np.bool_)):
        raise ShapeError(f"{what} is a whole number from {least} up, not {value!r}")
    return number


def chance(value: Any, what: str) -> float:
    """A probability as a float, or an error that says whose it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise DTypeError(f"{what} is a probability, a number from 0 to 1, not {value!r}")
    return float(value)


def uniform(limit: float, shape: tuple[int, ...], seed: np.random.Generator) -> Any:
    """Numbers from −limit to limit: how PyTorch starts most of its layers."""
    return seed.uniform(-limit, limit, shape)


def bias(data: Any, name: str = "bias") -> Value:
    """A parameter that is added."""
    return Parameter(data, name, "bias")


# Functions as modules ----------------------------------------------------------------------------


class Applied(Box):
    """A function of `tinygrad_edu` as a module: called, it applies it with the settings it has.

    ``function`` is the name of the function; the settings are the module's own arguments, kept as
    attributes of the same names.
    """

    function: ClassVar[str]
    _settings: ClassVar[inspect.Signature]
    _renamed: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, name: str | None = None, **kwargs: Any) -> None:
        try:
            bound = self._settings.bind(*args, **kwargs)
        except TypeError as error:
            call = f"nn.{type(self).__name__}{self._settings}"
            raise DTypeError(f"nn.{type(self).__name__}: {error}", hint=call) from None
        bound.apply_defaults()
        self.options = dict(bound.arguments)
        self.begin(name)

    def forward(self, x: Any) -> Any:
        """The function of x."""
        options = {self._renamed.get(name, name): v for name, v in self.options.items()}
        return families.function(self.function)(as_input(x), **options)

    def settings(self) -> str:
        """The settings that are not the default."""
        default = {p.name: p.default for p in self._settings.parameters.values()}
        return ", ".join(f"{k}={v!r}" for k, v in self.options.items() if v != default[k])


def module_of(
    title: str, function: str, *, activation: bool = False, renamed: dict[str, str] | None = None,
    **settings: Any,
) -> type[Applied]:  # fmt: skip
    """The module class of a function: PyTorch's name, the function's name, settings and defaults.

    ``...`` stands for a setting that must be given; ``renamed`` says what the function calls a
    setting.

    >>> ELU = module_of("ELU", "elu", activation=True, alpha=1.0)
    >>> ELU(alpha=2.0), ELU()([-1.0]).data.round(4)
    (ELU(alpha=2.0), array([-0.6321]))
    """
    parameter = inspect.Parameter
    given = [
        parameter(name, parameter.POSITIONAL_OR_KEYWORD, default=parameter.empty if v is ... else v)
        for name, v in settings.items()
    ]
    end = parameter("name", parameter.KEYWORD_ONLY, default=None)
    facts: dict[str, Any] = {
        "__doc__": f"`tg.{function}` as a module: called, it applies the function with these "
        f"settings.\n\nIt takes what the function takes; ``tg.help({function!r})`` tells more.",
        "__module__": sys._getframe(1).f_globals["__name__"],  # where pickle looks for it
        "__signature__": inspect.Signature([*given, end]),
        "function": function,
        "activation": function if activation else None,
        "_settings": inspect.Signature(given),
        "_renamed": renamed or {},
    }
    return type(title, (Applied,), facts)
