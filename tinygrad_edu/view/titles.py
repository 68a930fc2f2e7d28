"""What a drawn step says: its title, its value, its gradient, its tooltip.

Raw numbers among the operands are part of the title (`× 2`, `( )²`), not nodes of their own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.view import labels
from tinygrad_edu.view.graph import Step

__all__ = ["gradient_line", "magnitude", "operation", "scalar", "tip", "title", "value_lines"]


def scalar(data: Any) -> float | None:
    """The number of a float or of a one-element array, else None."""
    if data is None:
        return None
    return float(np.asarray(data).reshape(())) if np.size(data) == 1 else None


def magnitude(grad: Any) -> float:
    """|∇|, for arrays the Euclidean norm; 0 where it is not computed or not finite."""
    size = 0.0 if grad is None else float(np.linalg.norm(np.asarray(grad, dtype=float).ravel()))
    return size if math.isfinite(size) else 0.0


def shape_text(data: Any) -> str:
    """The lengths of the axes: 4×8×6×6."""
    return "×".join(str(n) for n in np.shape(data))


def value_lines(data: Any) -> tuple[str, ...]:
    """A number; or shape and the first numbers of a small array, or mean and spread of a large."""
    if data is None:
        return ("–",)
    single = scalar(data)
    if single is not None:
        return (labels.number(single),)
    array = np.asarray(data)
    shape = shape_text(array)
    if array.size == 0:
        return (shape, "empty")
    if array.size <= 3 and array.ndim == 1:
        return (shape, ", ".join(labels.number(float(x), 2) for x in array))
    if array.dtype.kind not in "fiu":
        return (shape,)
    with np.errstate(all="ignore"):
        mean, spread = float(array.mean()), float(array.std())
    return (shape, f"μ {labels.number(mean, 2)} σ {labels.number(spread, 2)}")


def gradient_line(step: Step) -> str:
    """ "∇ −0.985", "∇ –" before backward, "" for data that has no derivative."""
    if not step.differentiable:
        return ""
    if step.grad is None:
        return "∇ –"
    single = scalar(step.grad)
    if single is not None:
        return f"∇ {labels.number(single)}"
    return f"‖∇‖ {labels.number(float(np.linalg.norm(np.asarray(step.grad).ravel())))}"


_INFIX = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷"}


def operation(step: Step) -> str:
    """The operation as a title, with the raw numbers among its operands."""
    raw = [x for x in step.inputs if not isinstance(x, Step) and np.size(x) == 1]
    numbers = [f"{float(np.asarray(x).reshape(())):.4g}".replace("-", "−") for x in raw]
    if step.op in ("add", "add_n") and len(step.inputs) > 2:
        return "Σ" + (f" + {' + '.join(numbers[:2])}{' + …' * (len(numbers) > 2)}" if raw else "")
    if step.op in _INFIX and len(step.inputs) == 2:
        sign = _INFIX[step.op]
        if not raw:
            return sign
        first = not isinstance(step.inputs[0], Step)
        return f"{numbers[0]} {sign}" if first and step.op in ("subtract", "divide") else (
            f"{sign} {numbers[0]}"
        )  # fmt: skip
    if step.op == "power" and raw:
        base = not isinstance(step.inputs[0], Step)
        return f"{numbers[0]}^( )" if base else labels.power(float(np.asarray(raw[0])))
    if step.op == "square":
        return "( )²"
    if step.op == "clip" and len(raw) == 2:
        low, high = (float(np.asarray(x).reshape(())) for x in raw)
        if math.isinf(high):
            return f"max(·, {numbers[0]})"
        if math.isinf(low):
            return f"min(·, {numbers[1]})"
    if raw:
        return f"{step.symbol or step.op}({', '.join(['·', *numbers])})"
    return step.symbol or step.op


def own_name(step: Step) -> str:
    """The user's name without the scopes that its cluster shows already."""
    name = step.name
    for count in range(len(step.scope), 0, -1):
        prefix = ".".join(part for part, _ in step.scope[-count:]) + "."
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def title(step: Step) -> str:
    """The first line of a step's label."""
    name = labels.subscripted(own_name(step))
    if step.leaf:
        return labels.shorten(
            name or {"factor": "?", "constant": "const"}.get(step.role, step.role)
        )
    does = operation(step)
    if step.role in ("weighted sum", "partial sum") and step.op in ("add", "add_n", "sum"):
        does = does.replace("+", "Σ", 1) if does.startswith("+") else does
        return labels.shorten(
            f"{does} {name or ('z' if step.role == 'weighted sum' else '')}".strip()
        )
    if step.role == "loss":
        same = name.replace("_loss", "") == does.replace("_loss", "")
        return labels.shorten(name if name and same else f"{name or 'loss'} {does}")
    if name and name != does:
        return labels.shorten(f"{name} · {does}")
    return labels.shorten(does)


def tip(step: Step) -> str:
    """Everything about a step, for hovering: full name, role, numbers, formula, source line."""
    path = ".".join([part for part, _ in step.scope] + ([step.name] if step.name else []))
    lines = [f"{path or step.op or step.role} · {step.role}"]
    if step.moved:
        lines.append("value: moved since this graph was recorded")
    elif scalar(step.data) is not None:
        lines.append(f"value: {scalar(step.data):.9g}")
    else:
        lines.append(f"value: {' '.join(value_lines(step.data))}")
    if step.differentiable and step.grad is None:
        lines.append("gradient: not computed (call backward())")
    elif step.differentiable and scalar(step.grad) is not None:
        lines.append(f"gradient: {scalar(step.grad):.9g}")
    elif step.differentiable:
        lines.append(f"gradient: norm {magnitude(step.grad):.9g}")
    else:
        lines.append("data: no gradient")
    if step.formula:
        static = "".join(f", {key}={value!r}" for key, value in step.params.items())
        lines.append(f"{step.formula}{labels.shorten(static, 60)}")
    if step.folded > 0 and step.kind != "function":
        lines.append(f"one Σ for {step.folded + 1} recorded additions")
    if step.line:
        lines.append(step.line)
    return "\n".join(lines)
