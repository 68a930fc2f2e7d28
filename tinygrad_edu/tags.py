"""Roles, and the leaves that carry them: inputs, weights, biases, targets, constants."""

from __future__ import annotations

from typing import Any

from tinygrad_edu.context import Role, Tag, role_of
from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import DTypeError


def _leaf(data: Any, name: str | None, role: Role, requires_grad: bool) -> Value:
    return Value(data, name, role, requires_grad)


def input(data: Any, name: str | None = None) -> Value:
    """A value that comes from outside: a measurement, a pixel, a yes or no (0 or 1).

    It has a gradient too: how the output would answer to a change of this input.

    >>> input(0.8, "x1")
    Value(0.8, 'x1', input, grad: not computed)
    """
    return _leaf(data, name, Role.INPUT, True)


def weight(data: Any, name: str | None = None) -> Value:
    """A number that training adjusts and that multiplies an input.

    >>> weight(0.32, "w1").role
    <Role.WEIGHT: 'weight'>
    """
    return _leaf(data, name, Role.WEIGHT, True)


def bias(data: Any = 0.0, name: str | None = None) -> Value:
    """A number that training adjusts and that is added to the weighted sum: the operating point.

    >>> bias(0.44, "b").requires_grad
    True
    """
    return _leaf(data, name, Role.BIAS, True)


def target(data: Any, name: str | None = None) -> Value:
    """What the output should be, given with the data; it needs no gradient.

    >>> target(1.0, "y").requires_grad
    False
    """
    return _leaf(data, name, Role.TARGET, False)


def constant(data: Any, name: str | None = None) -> Value:
    """A fixed number that takes part in the graph and needs no gradient.

    >>> constant(2.0).role
    <Role.CONSTANT: 'constant'>
    """
    return _leaf(data, name, Role.CONSTANT, False)


def set_role(value: Value, role: Role | str, name: str | None = None) -> Value:
    """Say what a node is for (and what it is called), where inference cannot know; returns it.

    >>> z = set_role(weight(2.0) * input(3.0), "weighted sum", name="z")
    >>> z.role, z.name
    (<Role.WEIGHTED_SUM: 'weighted sum'>, 'z')
    """
    if not isinstance(value, Value):
        raise DTypeError(f"a role needs a Value, got {describe(value)}", hint="tg.weight(0.5)")
    value.tag = Tag(name or value.tag.name, role_of(role), value.tag.scope)
    return value
