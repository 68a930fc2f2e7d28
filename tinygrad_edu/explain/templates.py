"""How an operation is written in Python: the fact ``code`` of its declaration, with operands in it.

Both programs that the library writes, `to_code`'s and the compiler's, are made of these lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import UnknownOperationError
from tinygrad_edu.explain.literals import static
from tinygrad_edu.tape import Instruction

_FIELD = re.compile(r"\{([^{}]*)\}")
_MODULE = re.compile(r"(?<![\w.])m\.")


def forms(step: Instruction) -> tuple[str, str]:
    """The templates of an instruction: where all is one number, and where there are arrays."""
    code = step.op.code
    if code is None:
        raise UnknownOperationError(
            f"{step.op.name} does not say how it is written in a program",
            hint='declare it with code="f({0}, {1})": a template of its operands',
        )
    if isinstance(code, tuple):
        return code
    array = _MODULE.sub("np.", code)
    for name in defined(code) if array != code else []:  # two forms, so two functions
        array = re.sub(rf"\b{name}(?=\()", f"{name}_of_arrays", array)
    return _MODULE.sub("math.", code), array


def defined(text: str) -> list[str]:
    """The names of the functions that a template brings along."""
    return re.findall(r"^def (\w+)", text, re.M)


def fill(
    template: str, operands: Sequence[str], params: Any, constant: Callable[[np.ndarray], str]
) -> str:
    """The template with operands and static parameters put in; ``constant`` names an array.

    >>> fill("np.sum({0}, axis={axis})", ["x"], {"axis": 0}, str)
    'np.sum(x, axis=0)'
    """

    def field(match: re.Match[str]) -> str:
        key = match[1]
        if key in ("*", "+"):
            return ", ".join(operands) if key == "*" else " + ".join(operands)
        if key.isdigit():
            return operands[int(key)]
        return static(params[key], operands, constant, index=key == "index")

    expression, line, function = template.partition("\n")
    filled = _FIELD.sub(field, expression)
    filled = re.sub(r", (axis=None|keepdims=False|dtype=None)(?=[,)])", "", filled)
    return filled + line + function
