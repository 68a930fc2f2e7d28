"""How numbers, operands and failed operations are said, in errors and where a Value is shown."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.advice import advice, axes
from tinygrad_edu.errors import (
    AutodiffError,
    DTypeError,
    IndexingError,
    OperationError,
    RecordingError,
    ShapeError,
    StaleGraphError,
    TinygradError,
)
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


def called(function: Any) -> str:
    """The same for any function, an operation or one made of them."""
    parameters = inspect.signature(function).parameters.values()
    shown = [str(p.replace(annotation=p.empty)) for p in parameters]
    return f"tg.{function.__name__}({', '.join(shown)})"


def failure(op: Any, inputs: Sequence[Any], params: dict[str, Any], error: Exception) -> Exception:
    """The error of an operation in the user's terms: operands, static parameters, own line."""
    if not isinstance(error, (TypeError, ValueError, ArithmeticError, IndexError)):
        return error  # NumPy's warnings as errors, no memory, a mistake in a user's own operation
    if isinstance(error, Warning) or str(error).startswith((f"{op.name}: ", f"{op.name}, ")):
        return error  # a warning; or what an inner call has told already
    shapes = [getattr(x, "shape", ()) for x in inputs]
    kind: type[TinygradError] = ShapeError if any(shapes) else OperationError
    if isinstance(error, OperationError):
        kind = type(error)
    elif isinstance(error, TypeError):
        kind = DTypeError
    elif isinstance(error, IndexError) and not isinstance(error, ValueError):
        kind = IndexingError
    operands = "".join(f"\n  operand {i}: {describe(x)}" for i, x in enumerate(inputs))
    static = "".join(f", {name}={_static(value)}" for name, value in params.items())
    site = user_site(3)
    place = f"\n  at {site}: {site.text}" if site else ""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    hint = getattr(error, "hint", None) or advice(op.name, shapes, error)
    if hint is None and params and isinstance(error, TypeError):
        hint = signature(op)
    formula = getattr(op, "formula", "")
    computes = f"\n  formula {formula}" if formula else ""
    message = f"{op.name}{static}: {reason}{computes}{operands}{place}"
    told = kind(message, hint=hint)
    told.reason = error
    return told


def refusal(function: str, reason: str, hint: str, **operands: Any) -> ShapeError:
    """The error of a call that is refused: why, with which operands, on which line, the repair."""
    shown = {n: x for n, x in operands.items() if x is not None}
    lines = [f"{function}: {reason}", *[f"  {n}: {describe(x)}" for n, x in shown.items()]]
    site = user_site(2)
    lines += [f"  at {site}: {site.text}"] if site else []
    return ShapeError("\n".join(lines), hint=hint)


def _static(x: Any) -> str:
    """A static parameter on one line; the arrays of an index in a few numbers."""
    if isinstance(x, tuple):
        return f"({', '.join(map(_static, x))}{',' if len(x) == 1 else ''})"
    if isinstance(x, np.ndarray) and x.ndim:
        return " ".join(short(x).split())
    return repr(x)


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


# The errors of single questions, each with what to do instead ------------------------------------


def unreadable(v: Any, what: str) -> RecordingError:
    """Data was read while a program is recorded."""
    return RecordingError(
        f"{what} of {describe(v)} was read while a program is being recorded",
        hint="the recording must hold for other data too: compute with the Value itself, "
        "and write tg.where(condition, a, b) instead of `if`",
    )


def gradient_shape(have: tuple[int, ...], v: Any) -> ShapeError:
    """A gradient that does not have the shape of its value."""
    hint = f"it has the shape of its value, {v.shape}; v.grad = None clears it"
    return ShapeError(f"a gradient of shape {have} for {describe(v)}", hint=hint)


def needs_gradient(v: Any) -> ShapeError:
    """Backward from an array without saying which combination of its numbers is meant."""
    hint = "loss.mean().backward(), or v.backward(gradient=np.ones(v.shape))"
    return ShapeError(f"backward from {describe(v)} needs a gradient of that shape", hint=hint)


def nothing_to_differentiate(v: Any) -> AutodiffError:
    """Backward from a result of constants."""
    what = f"{describe(v)} does not depend on anything that needs a gradient"
    return AutodiffError(what, hint="make the leaves with requires_grad=True, outside no_grad()")


def rule_shape(name: str, i: int, have: tuple[int, ...], want: tuple[int, ...]) -> AutodiffError:
    """A derivative rule returned something that is no gradient of its operand."""
    what = f"the rule of {name} returned shape {have} for operand {i} of shape {want}"
    return AutodiffError(what, hint="a gradient has its operand's shape, before broadcasting")


def no_leaf(v: Any) -> AutodiffError:
    """Assignment to something computed."""
    what = f"{describe(v)} was computed; only a leaf can be assigned"
    return AutodiffError(what, hint="assign its inputs and compute it again")


def other_shape(have: tuple[int, ...], v: Any) -> ShapeError:
    """Assignment of another shape, which would broadcast a parameter."""
    hint = "a leaf keeps its shape: reduce the update first, or make a new Value"
    return ShapeError(f"cannot assign shape {have} to {describe(v)}", hint=hint)


def ambiguous_equality(v: Any, other: str) -> DTypeError:
    """`==` with a number or array."""
    what = f"== between {describe(v)} and {other} is ambiguous"
    return DTypeError(what, hint="tg.equal(v, x) compares numbers; == of Values is identity")


def ambiguous_truth(v: Any) -> ShapeError:
    """`if v:` for an array."""
    what = f"the truth value of {describe(v)} is ambiguous"
    return ShapeError(what, hint="v.data.any() or v.data.all()")


def no_array(v: Any) -> DTypeError:
    """`np.array([v, w])`, which would keep the numbers and drop the graph."""
    what = f"{describe(v)} would lose its graph in an array"
    return DTypeError(what, hint="tg.stack([v, w]) keeps it; v.numpy() gives the numbers alone")


def no_item(v: Any) -> AutodiffError:
    """`array[0] = v`: NumPy asks for a float, and would replace a TypeError by its own words."""
    what = f"{describe(v)} would lose its graph in an array"
    return AutodiffError(what, hint="tg.stack([v, w]) makes an array of Values; v.item() a number")


def rule_failure(op: Any, i: int, xs: Sequence[Any], error: Exception) -> AutodiffError:
    """A derivative rule raised: which one, at which numbers."""
    operands = "\n".join(f"  operand {k}: {describe(x)}" for k, x in enumerate(xs))
    what = f"the derivative rule of {op.name} for operand {i} raised {type(error).__name__}"
    hint = None
    if "truth value" in str(error):
        hint = "a rule is given arrays and Values too: tg.where(x > 0, a, b) in place of `if`"
    return AutodiffError(f"{what}: {error}\n{operands}", hint=hint)


def no_axis(axis: Any, x: Any, n: int) -> ShapeError:
    """An axis that the operand does not have, or one named twice."""
    site, what = user_site(2), f"axis {axis} is out of bounds"
    place = f"\n  at {site}: {site.text}" if site else ""
    told = ShapeError(f"{what} for {describe(x)}{place}", hint=axes(n))
    told.reason = np.exceptions.AxisError(what)
    told.reason.hint = told.hint  # type: ignore[attr-defined]
    return told


def static_value(op: Any, params: dict[str, Any]) -> DTypeError:
    """A Value where a plain parameter belongs."""
    name, v = next((k, x) for k, x in params.items() if hasattr(x, "tag"))
    what = f"{op.name}: {name} is a static parameter, and a Value was given for it: {describe(v)}"
    hint = f"v.item() is plain; only the operands carry gradients: {signature(op)}"
    return DTypeError(what, hint=hint)
