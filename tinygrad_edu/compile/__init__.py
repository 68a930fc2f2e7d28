"""Compiling: a function is recorded once and then runs as one flat piece of Python.

- `compile(f)`: the function as a program, for each kind of arguments; called like ``f``.
- ``.tape``, ``.source``, ``.report()``: the instructions, the generated code, how it came about.

There are no derivative rules here: what is compiled is a recorded `Tape`, gradients included. This
module can be called: the package offers it as ``tg.compile``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tinygrad_edu.compile.compiled import Compiled, checked_backend
from tinygrad_edu.compile.passes import PASSES
from tinygrad_edu.compile.report import Report


def compile(
    function: Callable[..., Any] | None = None,
    backend: str = "auto",
    static: str | Iterable[str] = (),
) -> Any:
    """The function as a compiled program: recorded at its first call, then run as flat code.

    Works on functions, on ``tg.value_and_grad(f)`` and ``tg.grad(f)``, on a module, and on a whole
    training step with its optimizer; also as a decorator, ``@tg.compile``. It is called like the
    function and gives numbers and arrays, the same to the last bit, without a graph: gradients
    come from compiling ``tg.value_and_grad(f)`` or a step that calls `backward`.

    Numbers and arrays among the arguments, also in lists, tuples and dicts, are data. Shapes,
    types, texts, bools, None and the arguments named in ``static`` are what a program is recorded
    *for*: other ones record again (a cap and a warning stop a flood of them). Parameters and the
    learning rate are read at each call; random numbers are drawn at each call. Everything else is
    as it was when the function was recorded, and printing happens only then. ``if`` on data
    raises `RecordingError` and shows `tg.where`.

    ``backend`` is "numpy" (what "auto" takes) or "python", which is slow and the first one's judge.

    >>> import tinygrad_edu as tg
    >>> slope = compile(tg.grad(lambda x: tg.tanh(x * x)))
    >>> slope(0.5)
    0.940014848806378
    >>> print(slope.source, end="")
    def program(x):
        v1 = x * x
        v2 = math.tanh(v1)
        v3 = v2 * v2
        v4 = 1.0 - v3
        v5 = v4 * x
        v6 = v5 + v5
        return v6
    """
    checked_backend(backend)
    names = (static,) if isinstance(static, str) else tuple(static)
    if function is None:
        return lambda f: Compiled(f, backend, names, PASSES)
    return Compiled(function, backend, names, PASSES)


class _Compile(ModuleType):
    """The import system binds a submodule's name in its package, so the module is the function."""

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        backend: str = "auto",
        static: str | Iterable[str] = (),
    ) -> Any:
        return compile(function, backend, static)


_Compile.__call__.__doc__ = compile.__doc__
sys.modules[__name__].__class__ = _Compile

__all__ = ["Compiled", "Report", "compile"]
