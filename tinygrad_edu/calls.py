"""How a call of an operation is split into differentiable operands and static parameters.

Positional-only arguments are operands; where a function has none, those without a default are.
Everything else is static. A function with ``*operands`` takes any number of them.
"""

from __future__ import annotations

from inspect import Signature
from typing import Any

from tinygrad_edu.errors import DTypeError, TinygradError


def split_signature(signature: Signature) -> tuple[list[str], int, list[str], dict[str, Any]]:
    """The operands' names and number (-1: any), the static parameters' names and defaults.

    >>> from inspect import signature
    >>> split_signature(signature(lambda x, axis=None: x))
    (['x'], 1, ['axis'], {'axis': None})
    """
    every = list(signature.parameters.values())
    only = [p for p in every if p.kind is p.POSITIONAL_ONLY]
    free = [p for p in every if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in every)
    operands = only or ([] if variadic else free)
    static = [p for p in every if p not in operands and p.kind is not p.VAR_POSITIONAL]
    defaults = {p.name: p.default for p in static if p.default is not p.empty}
    names = [p.name for p in operands]
    return names, -1 if variadic else len(names), [p.name for p in static], defaults


def check_declaration(op: Any, taken: Any, known: list[str]) -> None:
    """Refuse a name that is taken, facts that nobody reads, and rules that miss an operand."""
    name, unknown = op.name, sorted(set(op.facts) - set(known))
    if name in taken and not op.facts["replace"]:
        raise TinygradError(f"an operation {name!r} exists already", hint="give it another name")
    if unknown:
        raise TinygradError(f"{name}: unknown facts {unknown}", hint=", ".join(known))
    if type(op.rules) is tuple and op._arity not in (-1, len(op.rules)):
        operands = ", ".join(op._operands)
        raise TinygradError(
            f"{name}: {len(op.rules)} partial derivatives for {op._arity} operands: {operands}",
            hint="one per operand, 0.0 where there is none; an argument with a default is static",
        )


def split_call(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operands and the static parameters of one call; a wrong call shows the signature."""
    n = len(args) if op._arity < 0 else op._arity
    if not kwargs and n <= len(args) <= n + len(op._names) and len(op._defaults) == len(op._names):
        return args[:n], {**op._defaults, **dict(zip(op._names, args[n:], strict=False))}
    given = {**dict(zip(op._names, args[n:], strict=False)), **kwargs}
    params = {**op._defaults, **given}
    odd = len(given) != len(args) - n + len(kwargs) or len(params) != len(op._names)
    if len(args) < n or odd:
        called = ", ".join([*["…"] * len(args), *[f"{name}=…" for name in kwargs]])
        raise DTypeError(f"{op.name} was called as {op.name}({called})", hint=repr(op))
    return args[:n], params
