"""The three declarators: one declaration says all there is to know about an operation.

- `elementwise`: the partial derivatives; shapes appear nowhere, broadcasting is the driver's.
- `linear`: the transpose; the derivative of a linear map is the map itself.
- `general`: a vector-Jacobian and a Jacobian-vector product for each operand.

`plain` is for what has no derivative at all: comparisons, orders, random draws.

Rules are polymorphic maths: given numbers they compute numbers, given Values they record a graph,
so second and third derivatives, forward mode and the compiler need no rules of their own. In the
declared function, the positional-only arguments (or, where there are none, those without a
default) are differentiable; all others are static.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tinygrad_edu import raw
from tinygrad_edu.calls import check_declaration
from tinygrad_edu.engine import OPS, Op, P, Value

Rule = Callable[..., Any]
ONE = 1.0  # the slope of a term of a sum, and the seed; by identity: never multiplied by


class Select(NamedTuple):
    """A partial derivative: ``slope`` where ``mask(out, *xs)`` holds and exactly 0 elsewhere.

    It selects the gradient and never multiplies by 0, so an infinite or NaN gradient of the
    branch that was not taken cannot leak: 0 * inf is NaN, but where(False, inf, 0) is 0.
    """

    mask: Rule
    slope: Any = ONE


FLAT = Select(lambda *operands, **static: False)  # what a derivative of 0.0 is


def scale(partial: Any, g: Any, out: Any, xs: Sequence[Any], params: dict[str, Any]) -> Any:
    """``g`` times one partial derivative: a constant, a function of (out, *xs), or a `Select`."""
    if partial is ONE:
        return g
    if type(partial) is Select:
        mask = partial.mask(out, *xs, **params)
        g = scale(partial.slope, g, out, xs, params)
        on_graph = type(g) is Value or type(mask) is Value
        return OPS["where"](mask, g, 0.0) if on_graph else raw.where(mask, g, 0.0)
    slope = partial if type(partial) is float else partial(out, *xs, **params)
    return slope if g is ONE else g * slope


def elementwise(
    partials: Sequence[Any] | float, **facts: Any
) -> Callable[[Callable[P, Any]], Op[P]]:
    """Declare an operation that works number by number, by its partial derivatives.

    ``partials`` has an entry per operand: a function ``(out, *operands, **static)``, a constant,
    or a `Select`; a single constant serves every operand of a variadic operation.

    >>> @elementwise([lambda out, x: 3.0 * x * x], formula="x³")
    ... def cube_example(x):
    ...     return x * x * x
    >>> cube_example(2.0)
    8.0
    """

    known = [partials] if isinstance(partials, float) else partials
    rules = tuple([{1.0: ONE, 0.0: FLAT}.get(p, p) if type(p) is float else p for p in known])
    every = rules[0] if isinstance(partials, float) else rules

    def pull(i: int, g: Any, out: Any, xs: Sequence[Any], params: dict[str, Any]) -> Any:
        return scale(every[i] if every is rules else every, g, out, xs, params)

    def push(tangents: Sequence[Any], out: Any, xs: Sequence[Any], params: dict[str, Any]) -> Any:
        parts = [pull(i, t, out, xs, params) for i, t in enumerate(tangents) if t is not None]
        return _total(parts)

    return lambda function: _register(function, every, pull, push, facts)


def linear(transpose: Rule, **facts: Any) -> Callable[[Callable[P, Any]], Op[P]]:
    """Declare an operation that is linear in all its operands together, by its transpose.

    ``transpose(g, *operands, **static)`` gives the gradient of the operand; that of a variadic
    operation takes the operand's index first.
    """

    def function_to_op(function: Callable[P, Any]) -> Op[P]:
        def pull(i: int, g: Any, out: Any, xs: Sequence[Any], params: dict[str, Any]) -> Any:
            return transpose(i, g, *xs, **params) if op._arity < 0 else transpose(g, *xs, **params)

        def push(tangents: Sequence[Any], out: Any, xs: Sequence[Any], params: Any) -> Any:
            if all(t is None for t in tangents):
                return None
            full = [
                OPS["broadcast_to"](0.0, shape=raw.shape(x)) if t is None else t
                for t, x in zip(tangents, xs, strict=True)
            ]
            return op(*full, **params)

        known = {"linear": True, "analytic": True, **facts}
        op: Op[P] = _register(function, None, pull, push, known)
        return op

    return function_to_op


def general(
    vjp: Sequence[Rule | None], jvp: Sequence[Rule | None], **facts: Any
) -> Callable[[Callable[P, Any]], Op[P]]:
    """Declare any other operation, by one rule per operand in both directions.

    ``vjp[i](g, out, *operands, **static)`` is the gradient of operand i, ``jvp[i](t, out,
    *operands, **static)`` its share of the output's tangent; None or no entry: not differentiable.
    """

    def pull(i: int, g: Any, out: Any, xs: Sequence[Any], params: dict[str, Any]) -> Any:
        rule = vjp[i] if i < len(vjp) else None
        return None if rule is None else rule(g, out, *xs, **params)

    def push(tangents: Sequence[Any], out: Any, xs: Sequence[Any], params: dict[str, Any]) -> Any:
        pairs = [(r, t) for r, t in zip(jvp, tangents, strict=False) if r and t is not None]
        return _total([rule(t, out, *xs, **params) for rule, t in pairs])

    return lambda function: _register(function, None, pull, push, facts)


def plain(**facts: Any) -> Callable[[Callable[P, Any]], Op[P]]:
    """Declare an operation without derivative: comparisons, orders, draws.

    Its result is a plain number or array, of bool or int too; only while a program is recorded
    does it become an instruction, so that no decision is frozen.
    """
    facts = {"kind": "plain", **facts, "plain": True}
    nothing: Callable[..., Any] = lambda *ignored: None  # noqa: E731
    return lambda function: _register(function, None, nothing, nothing, facts)


def _total(parts: list[Any]) -> Any:
    return sum(parts[1:], parts[0]) if parts else None


_FACTS: dict[str, Any] = {
    "name": None, "replace": False, "kind": "arithmetic", "symbol": None, "formula": None,
    "domain": (), "kinks": (), "examples": None, "plain": False, "random": False,
    "prepare": None, "code": None, "numpy": None, "torch": None, "jax": None, "stable": None,
    "conventions": (), "analytic": False, "linear": False, "js": None,
}  # fmt: skip


def _register(
    function: Callable[P, Any], rules: Any, pull: Rule, push: Rule, facts: dict[str, Any]
) -> Op[P]:
    op: Op[P] = Op(function, rules, pull, push, {**_FACTS, "name": function.__name__, **facts})
    check_declaration(op, OPS, list(_FACTS))
    OPS[op.name] = op
    return op
