"""Who is trained and with which settings: parameters, groups of them, and what is refused."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import AutodiffError, DTypeError

Settings = dict[str, Any]


def checked(name: str, value: Any, high: float = math.inf) -> float:
    """A setting as a float, from 0 up and below ``high``; anything else is refused by name."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DTypeError(f"{name} is a number, not {value!r}", hint=f"{name}=0.01") from None
    if isinstance(value, (str, bool)) or not 0.0 <= number < high:
        limit = f" and below {high:g}" if high < math.inf else ""
        raise DTypeError(f"{name} is a number from 0 up{limit}, not {value!r}", hint=f"{name}=0.01")
    return number


def fraction(name: str, value: Any) -> float:
    """A number from 0 up and below 1."""
    return checked(name, value, 1.0)


def flag(name: str, value: Any) -> bool:
    """True or False, and nothing that merely counts as one of them."""
    if not isinstance(value, (bool, np.bool_)):
        raise DTypeError(f"{name} is True or False, not {value!r}", hint=f"{name}=True")
    return bool(value)


def whole(name: str, value: Any, least: int = 1) -> int:
    """A setting that counts something."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise DTypeError(
            f"{name} is a whole number from {least} up, not {value!r}", hint=f"{name}=10"
        )
    return int(value)


def _pair(name: str, value: Any) -> tuple[float, float]:
    try:
        first, second = value
    except (TypeError, ValueError):
        raise DTypeError(
            f"{name} are two numbers, not {value!r}", hint=f"{name}=(0.9, 0.999)"
        ) from None
    return fraction(f"{name}[0]", first), fraction(f"{name}[1]", second)


def _above_zero(name: str, value: Any) -> float:
    number = checked(name, value)
    if number == 0.0:
        what = f"{name} must be above 0: it keeps 0 / 0 out of the step"
        raise DTypeError(what, hint=f"{name}=1e-8")
    return number


# What may stand in a setting; a number from 0 up where nothing else is said.
CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "betas": _pair,
    "eps": _above_zero,
    "alpha": fraction,
    "nesterov": flag,
    "centered": flag,
    "amsgrad": flag,
    "decoupled_weight_decay": flag,
    "max_iter": whole,
    "history_size": whole,
}


def checked_settings(given: Mapping[str, Any], known: Collection[str], where: str) -> Settings:
    """The settings of an optimizer or a group in their one form; unknown names are refused.

    >>> checked_settings({"lr": 1, "betas": [0.5, 0.9]}, ["lr", "betas"], "Adam")
    {'lr': 1.0, 'betas': (0.5, 0.9)}
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise DTypeError(f"{where} has no setting {name!r}", hint=hint)
    found = {}
    for name, value in given.items():
        check: Callable[[str, Any], Any] = CHECKS.get(name, checked)
        found[name] = check(name, value)
    return found


def groups_of(parameters: Any) -> list[Settings]:
    """The groups that are meant: those given, or one of all parameters.

    >>> w = Value(1.0, "w")
    >>> groups_of([w, w]) == groups_of([{"params": w}]) == [{"params": [w]}]
    True
    """
    if isinstance(parameters, Iterable) and not isinstance(parameters, (str, Mapping, np.ndarray)):
        if isinstance(parameters, Value):
            return [{"params": unique(parameters)}]
        parameters = list(parameters)
        if parameters and all(isinstance(group, Mapping) for group in parameters):
            return [_group(dict(group), i) for i, group in enumerate(parameters)]
    return [{"params": unique(parameters)}]


def _group(group: Settings, i: int) -> Settings:
    if "params" not in group:
        raise DTypeError(
            f"group {i} has no 'params', only {', '.join(map(repr, group)) or 'nothing'}",
            hint='[{"params": model.parameters(), "lr": 0.1}]',
        )
    given = group["params"]
    return {**group, "params": unique([given] if isinstance(given, Value) else given)}


def unique(parameters: Any) -> list[Value]:
    """The parameters of a list, an iterable or a module, each once; what is none is refused."""
    if isinstance(parameters, Value):
        raise DTypeError(
            f"an optimizer is given the parameters, not {describe(parameters)}",
            hint="tg.optim.SGD(tg.parameters(loss), lr=0.1), or a list: [w, b]",
        )
    if not isinstance(parameters, Iterable) and callable(getattr(parameters, "parameters", None)):
        parameters = parameters.parameters()
    if not isinstance(parameters, Iterable) or isinstance(parameters, (str, Mapping, np.ndarray)):
        raise DTypeError(
            f"an optimizer is given a list of parameters, not {type(parameters).__name__}",
            hint='tg.optim.SGD(model.parameters(), lr=0.1), or [{"params": [w], "lr": 0.1}]',
        )
    found: dict[Value, None] = {}
    for p in parameters:
        if not isinstance(p, Value):
            raise DTypeError(
                f"a parameter is a Value, not {describe(p)}",
                hint='w = tg.weight(0.5, "w"); a list of them, not their numbers',
            )
        if p.op is not None:
            raise AutodiffError(
                f"{describe(p)} was computed; only a leaf can be trained",
                hint="give the weights it was computed from",
            )
        found[p] = None
    if not found:
        raise DTypeError(
            "there are no parameters to train",
            hint="model.parameters() is empty, or a generator that was used up before",
        )
    return list(found)
