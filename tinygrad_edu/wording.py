"""How numbers, operands and failed operations are said, in errors and where a Value is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError, OperationError, ShapeError, StaleGraphError
from tinygrad_edu.sites import user_site


def short(x: Any) -> str:
    """A number or array in few digits.

    >>> short(1 / 3), short(np.array([1.0, 2.0]))
    ('0.3333', '[1., 2.]')
    """
    if isinstance(x, np.ndarray):
        return np.array2string(x, precision=4, threshold=20, separator=", ")
    return f"{x:.4g}" if type(x) is float else repr(x)


def describe(x: Any) -> str:
    """An operand as errors show it: name, role or operation, shape, line; or the number itself."""
    if not hasattr(x, "tag"):
        return f"array of shape {x.shape}" if isinstance(x, np.ndarray) and x.ndim else repr(x)
    what = x.role or (f"result of {x.op.name}" if x.op else "leaf")
    name = f"'{x.name}'" if x.name else "Value"
    where = f", made at {x.site}" if x.site else ""
    shape = f"shape {x.shape}" if x.shape else short(x._data)
    return f"{name} ({what}, {shape}{where})"


def summary(x: Any) -> str:
    """The `repr` of a Value: number, name, role or operation, gradient."""
    kind = x.role or (x.op and x.op.name)
    if not x.role and x.op and x.op.kind == "activation":
        kind = "activation"
    grad = getattr(x._grad, "_data", x._grad)
    said = [short(x._data), repr(x.name) if x.name else None, kind and str(kind)]
    said.append(f"grad: {'not computed' if grad is None else short(grad)}")
    return f"Value({', '.join(part for part in said if part)})"


def signature(op: Any) -> str:
    """How an operation is called: `tg.sum(x, axis=None, keepdims=False)`."""
    shown = []
    for p in op.__signature__.parameters.values():
        default = "" if p.default is p.empty else f"={p.default!r}"
        shown.append(("*" if p.kind is p.VAR_POSITIONAL else "") + p.name + default)
    return f"tg.{op.name}({', '.join(shown)})"


def failure(op: Any, inputs: Sequence[Any], params: dict[str, Any], error: Exception) -> Exception:
    """The error of an operation in the user's terms: operands, static parameters, own line."""
    if isinstance(error, Warning):  # NumPy's, where the user turned warnings into errors
        return error
    shapes = [getattr(x, "shape", ()) for x in inputs]
    kind: type[Exception] = ShapeError if any(shapes) else OperationError
    if isinstance(error, TypeError):
        kind = DTypeError
    operands = "\n".join(f"  operand {i}: {describe(x)}" for i, x in enumerate(inputs))
    static = "".join(f", {name}={value!r}" for name, value in params.items())
    site = user_site(3)
    place = f"\n  at {site}: {site.text}" if site else ""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    hint = getattr(error, "hint", None) or _advice(op.name, shapes)
    message = f"{op.name}{static}: {reason}\n{operands}{place}"
    return kind(message, hint=hint)  # type: ignore[call-arg]


def _advice(name: str, shapes: list[tuple[int, ...]]) -> str | None:
    """What to write instead, for the two mistakes that everybody makes."""
    if len(shapes) != 2 or not (shapes[0] and shapes[1]):
        return None
    a, b = shapes
    if name == "matmul":
        if len(a) == len(b) == 2 and a[1] == b[1]:
            return f"inner lengths must agree: {a} @ {b[::-1]} is  x @ W.T"
        return f"inner lengths must agree: the last of {a} and the first matrix length of {b}"
    if len(a) == 1 and a[0] == b[0] and len(b) > 1:
        return f"shapes are matched from the right: x[:, None] has shape {(a[0], 1)}"
    if len(b) == 1 and b[0] == a[0] and len(a) > 1:
        return f"shapes are matched from the right: y[:, None] has shape {(b[0], 1)}"
    return None


def stale(x: Any, v: Any) -> StaleGraphError:
    """The error for a graph whose leaf ``x`` was assigned after its consumer ``v`` was recorded."""
    if x.op is not None:
        return StaleGraphError(f"{describe(x)} is used by an older node: the graph has a cycle")
    return StaleGraphError(
        f"{describe(x)} was assigned after this graph was recorded; {describe(v)} was computed "
        "from its old number",
        hint="compute forward again after each step:\n"
        "    for step in range(100):\n"
        "        loss = loss_of(model, data)   # forward, with the new weights\n"
        "        optimizer.zero_grad(); loss.backward(); optimizer.step()",
    )
