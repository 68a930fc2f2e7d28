"""`to_code`: a graph as a Python program that runs without this library.

Reads the `Tape` with its recorded gradients, so that decisions are in the program too: a relu
decides anew when the numbers are changed. How an operation is written is the fact ``code`` of its
declaration. While it is written, every line is executed and its result compared with the recorded
number, so a program that would compute something else is never handed out.

Python's `math` raises where IEEE 754 gives inf or nan (1/0, log 0, exp 1000). Where the graph holds
such a result, that line alone is written with `np.float64`, which follows IEEE.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DataError, DTypeError, OperationError
from tinygrad_edu.explain.identifiers import Names, identifier
from tinygrad_edu.explain.literals import (
    array_literal,
    ascii_comment,
    literal,
    printed_size,
)
from tinygrad_edu.explain.templates import defined, fill, forms
from tinygrad_edu.tape import Instruction, Slot, Tape
from tinygrad_edu.wording import describe

_PREFIX = {Role.INPUT: "x", Role.WEIGHT: "w", Role.BIAS: "b", Role.TARGET: "t"}


class Program(str):
    """The text of a program; in an interpreter it shows as it is, not quoted."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def to_code(value: Value, limit: int = 1000) -> str:
    """The program that computes ``value``, and its gradients, with ``math`` or NumPy alone.

    Leaves are assigned first, under the names they have; then forward, then backward, then the
    results are printed. Executed, it gives the numbers of this library to the last bit; changed
    numbers may be put in. An array has no single gradient, so for one only forward is written.

    ``limit`` is how many numbers of arrays are written out before it refuses (`DataError`).
    Raises `StaleGraphError` on a stale graph.

    >>> output = Value(3.0, "w") * Value(2.0, "x")
    >>> print(to_code(output), end="")
    \"\"\"output and its gradients: printed by tinygrad_edu.to_code, runs without it.\"\"\"
    <BLANKLINE>
    # Given
    w = 3.0  # weight
    x = 2.0  # input
    <BLANKLINE>
    # Forward: each line uses what is above it
    # output = Value(3.0, "w") * Value(2.0, "x")
    output = w * x  # product
    <BLANKLINE>
    # Backward: the chain rule from output to what was given
    w_grad = x
    x_grad = w
    <BLANKLINE>
    print("output =", output)
    print("w_grad =", w_grad)
    print("x_grad =", x_grad)
    """
    if not isinstance(value, Value):
        raise DTypeError(
            f"to_code writes the graph of a Value, got {describe(value)}",
            hint="tg.to_code(loss), where loss was computed from Values",
        )
    return Program(_Writer(value, limit).program())


class _Writer:
    """Writes one program, line by line, executing each line as it is written."""

    def __init__(self, value: Value, limit: int) -> None:
        self.value, self.limit = value, limit
        tape = Tape.of(value)
        smooth = value.requires_grad and not value.shape
        self.wrt = [x.value for x in tape.leaves if x.value.requires_grad] if smooth else []
        self.tape = tape.with_gradients(self.wrt) if self.wrt else tape
        self.forward, self.leaves = len(tape.instructions), len(tape.leaves)
        self.given, self.functions = [], {}  # type: list[str], dict[str, None]
        self.code: list[str] = []  # the expressions alone, to see what must be imported
        self.scope: dict[str, Any] = {"__builtins__": __builtins__, "np": np}
        self.scope["math"] = __import__("math")
        self.constants: dict[int, str] = {}
        self.printed = 0
        self.names = Names(name for s in self.tape.instructions for name in _functions(s))
        self.slots: list[str] = []
        self._name_slots()

    # Names ----------------------------------------------------------------------------------------

    def _name_slots(self) -> None:
        tape, wrt = self.tape, self.wrt
        self.slots = [""] * (len(tape.leaves) + len(tape.instructions))
        last = [(x.name or "").rsplit(".", 1)[-1] for x in tape.leaves]
        times = Counter(last)
        for i, leaf in enumerate(tape.leaves[: self.leaves]):
            own = identifier(last[i] if times[last[i]] == 1 else leaf.name or "")
            prefix = _PREFIX.get(leaf.role, "c")
            self.slots[i] = self.names.unique(own) if own else self.names.numbered(prefix)
        root = tape.outputs[0]
        if not self.slots[root]:
            role = tape.instructions[root - len(tape.leaves)].role
            own = identifier(self.value.tag.name or "")
            self.slots[root] = self.names.unique(own or ("loss" if role is Role.LOSS else "output"))
        self.gradients = []
        slot_of = {leaf.value: i for i, leaf in enumerate(tape.leaves)}
        for v, slot in zip(wrt, tape.outputs[1:], strict=True):
            name = self.names.unique(f"{self.slots[slot_of[v]]}_grad")
            self.gradients.append((name, slot))
            if not self.slots[slot] and slot >= len(tape.leaves) + self.forward:
                self.slots[slot] = name  # the instruction that computes it has its name at once
        for i, step in enumerate(tape.instructions):
            if not self.slots[step.out]:
                own = identifier(step.name or "") if i < self.forward else ""
                number = self.names.numbered
                self.slots[step.out] = (
                    self.names.unique(own) if own else number("v" if i < self.forward else "g")
                )

    # Text -----------------------------------------------------------------------------------------

    def program(self) -> str:
        """The whole text."""
        root = self.slots[self.tape.outputs[0]]
        for i, leaf in enumerate(self.tape.leaves[: self.leaves]):
            self._given(self.slots[i], leaf.value._data, str(leaf.role), leaf.name)
        forward = self._steps(self.tape.instructions[: self.forward], sites=True)
        backward = self._steps(self.tape.instructions[self.forward :], sites=False)
        for name, slot in self.gradients:
            if self.slots[slot] != name:
                backward.append(f"{name} = {self.slots[slot] or self._gradient_leaf(slot)}")
        what = f"{root} and its gradients" if self.wrt else root
        parts = [
            [f'"""{what}: printed by tinygrad_edu.to_code, runs without it."""'],
            self._imports(),
            [line for function in self.functions for line in ("", *function.split("\n"), "")],
            ["# Given", *self.given],
            ["# Forward: each line uses what is above it", *forward] if forward else [],
            [f"# Backward: the chain rule from {root} to what was given", *backward]
            if self.wrt
            else self._without_backward(),
            [f'print("{name} =", {name})' for name in [root, *(n for n, _ in self.gradients)]],
        ]
        return "\n\n".join("\n".join(part) for part in parts if part).rstrip() + "\n"

    def _gradient_leaf(self, slot: int) -> str:
        """A gradient that is a number of its own, not computed from anything."""
        data = self.tape.leaves[slot].value._data
        if isinstance(data, np.ndarray):
            text = array_literal(data)
        else:
            text = literal(data, nested=False)
        self.code.append(text)
        return text

    def _without_backward(self) -> list[str]:
        if self.value.shape:
            return [f"# No backward: an array of shape {self.value.shape} has no single gradient."]
        return ["# No backward: nothing here needs a gradient."]

    def _imports(self) -> list[str]:
        written = "\n".join([*self.code, *self.functions])
        lines = [f"import {m}" for m in ("math",) if re.search(r"\bmath\.", written)]
        if re.search(r"\bnp\.", written):
            lines += ["import numpy as np"] if not lines else ["", "import numpy as np"]
            finite = [np.isfinite(s.recorded).all() for s in self.tape.instructions]
            if not all(finite):
                lines += ["", 'np.seterr(all="ignore")  # inf and nan are results here']
        return lines

    def _given(self, name: str, data: Any, role: str, own: str | None = None) -> None:
        """Write and execute the assignment of a leaf or of a constant array."""
        if isinstance(data, np.ndarray):
            self.printed += printed_size(data)
            if self.printed > self.limit:
                raise DataError(
                    f"the program would hold more than {self.limit:,} numbers of arrays "
                    f"({name} has shape {data.shape})",
                    hint="Tape.of(value).run() executes the graph as it is; "
                    "tg.to_code(value, limit=…) writes more out",
                )
        text = array_literal(data) if isinstance(data, np.ndarray) else literal(data, nested=False)
        self.code.append(text)
        self.scope[name] = eval(text, self.scope)  # as the program will have it, in memory too
        said = f" {ascii_comment(own)}" if own and own != name else ""
        line, *more = f"{name} = {text}".split("\n")
        comment = f"  # {role}{said}"
        self.given += [line + comment, *more] if more else [line + comment]

    def _steps(self, steps: tuple[Instruction, ...], sites: bool) -> list[str]:
        lines: list[str] = []
        previous = None
        for step in steps:
            source = step.site.text if sites and step.site else ""
            if source and source != previous:
                lines.append(f"# {ascii_comment(source, quoted=False)}")
            previous = source
            name = self.slots[step.out]
            own = f" {ascii_comment(step.name)}" if step.name and step.name != name else ""
            role = "" if step.role is Role.OPERATION or not sites else f"{step.role}"
            comment = f"  # {role}{own}".rstrip() if role or own else ""
            lines.append(f"{name} = {self._expression(step)}{comment}")
        return lines

    # Expressions ----------------------------------------------------------------------------------

    def _expression(self, step: Instruction) -> str:
        """The right-hand side of one instruction, executed and compared before it is used."""
        scalar, array = forms(step)
        xs = [self.scope[self.slots[a.number]] if isinstance(a, Slot) else a for a in step.args]
        numbers = all(np.ndim(x) == 0 for x in (*xs, step.recorded))
        text = self._fill(scalar if numbers else array, step)
        try:
            result = self._evaluate(text, step.recorded, wrap=not numbers)
        except (ArithmeticError, ValueError, TypeError):
            if not numbers:
                raise
            result = None
        if result is None:
            text = self._fill(array, step, ieee=True)
            result = self._evaluate(text, step.recorded, wrap=True)
        if result is None or not np.array_equal(result[1], step.recorded, equal_nan=True):
            raise OperationError(
                f"the code of {step.op.name}, {text.splitlines()[0]}, does not give what the "
                f"operation gives",
                hint="its declaration's `code` must compute what its forward function computes",
            )
        expression, self.scope[self.slots[step.out]] = result
        self.code.append(expression)
        return expression

    def _evaluate(self, text: str, recorded: Any, wrap: bool) -> tuple[str, Any] | None:
        expression, _, function = text.partition("\n")
        functions = function.split("\n\n\n") if function else []
        for one in functions:
            if one not in self.functions:
                self._refuse_clash(one)
                exec(one, self.scope)
        with np.errstate(all="ignore"):
            if wrap and np.ndim(recorded) == 0:
                kind = type(recorded).__name__
                if not expression.startswith(f"{kind}("):
                    expression = f"{kind}({expression})"
            result = eval(expression, self.scope)
        if isinstance(result, complex):
            return None  # IEEE says nan: (-8.0) ** 0.5
        if isinstance(recorded, np.ndarray) and result.dtype != recorded.dtype:
            expression = f"({expression}).astype(np.{recorded.dtype})"
            result = result.astype(recorded.dtype)
        self.functions.update(dict.fromkeys(functions))
        return expression, result

    def _refuse_clash(self, function: str) -> None:
        names = defined(function)
        if any(set(names) & set(defined(other)) for other in self.functions):
            raise OperationError(
                f"two operations define different functions named {names[0]} in their `code`",
                hint="give the function in one of the declarations another name",
            )

    def _fill(self, template: str, step: Instruction, ieee: bool = False) -> str:
        """The template with operands and static parameters put in."""
        xs = [self._operand(a, ieee) for a in step.args]
        return fill(template, xs, step.params, self._constant)

    def _operand(self, arg: Any, ieee: bool) -> str:
        if isinstance(arg, Slot):
            name = self.slots[arg.number]
            return f"np.float64({name})" if ieee and type(self.scope[name]) is float else name
        if isinstance(arg, np.ndarray):
            return self._constant(arg)
        if ieee and type(arg) is float:
            return f"np.float64({literal(arg, nested=False)})"
        return literal(arg)

    def _constant(self, array: np.ndarray) -> str:
        """A constant array by a name of its own, written among what is given."""
        if id(array) not in self.constants:
            name = self.constants[id(array)] = self.names.numbered("c")
            self._given(name, array, "constant")
        return self.constants[id(array)]


def _functions(step: Instruction) -> list[str]:
    """The names of the functions that an instruction may need."""
    return [name for form in forms(step) for name in defined(form)]
