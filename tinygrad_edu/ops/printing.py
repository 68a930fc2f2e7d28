"""The printed form of operations that take more than a few lines: their own source text."""

from __future__ import annotations

import ast
import inspect
from typing import Any


def printed(*functions: Any) -> str | None:
    """Functions of NumPy alone as a program has them: without annotations and documentation.

    So that what `tg.to_code` prints and what an operation computes is written only once. None
    where Python has no source text of itself.
    """
    try:
        trees = [ast.parse(inspect.getsource(f)).body[0] for f in functions]
    except OSError:
        return None
    for tree in trees:
        assert isinstance(tree, ast.FunctionDef)
        tree.returns, tree.body = None, tree.body[1:]
        for argument in ast.walk(tree):
            if isinstance(argument, ast.arg):
                argument.annotation = None
    return "\n\n\n".join(map(ast.unparse, trees))
