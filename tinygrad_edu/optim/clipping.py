"""Gradients cut down before a step: by the length of all of them, or number by number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import DTypeError, NonFiniteError
from tinygrad_edu.optim.groups import checked, unique
from tinygrad_edu.raw import Raw, canonical, lock


def clip_grad_norm(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = True
) -> float:
    """Scale all gradients so that together they are at most ``max_norm`` long; returns the length.

    The direction stays. ``norm_type`` is p of the p-norm over all numbers of all gradients, or
    ``math.inf`` for the largest. The factor is ``max_norm / (norm + 1e-6)``, at most 1, as in
    PyTorch's ``clip_grad_norm_``; parameters without a gradient are passed over. Call it between
    ``loss.backward()`` and ``opt.step()``. Pascanu, Mikolov and Bengio, "On the difficulty of
    training recurrent neural networks" (2013).

    Raises `NonFiniteError` when a gradient is NaN or infinite (with ``error_if_nonfinite=False``
    it is scaled like the others, which makes it NaN); nothing has been changed then.

    >>> from tinygrad_edu.tags import weight
    >>> v, w = weight(1.0, "v"), weight(1.0, "w")
    >>> (3.0 * v + 4.0 * w).backward()
    >>> clip_grad_norm([v, w], max_norm=1.0), round(v.grad, 6), round(w.grad, 6)
    (5.0, 0.6, 0.8)
    """
    most = checked("max_norm", max_norm)
    order = _order(norm_type)
    found = _gradients(parameters, error_if_nonfinite)
    norm = _norm([g for _, g in found], order)
    factor = min(most / (norm + 1e-6), 1.0)
    if not factor >= 1.0:  # also for a NaN
        with np.errstate(invalid="ignore"):
            scaled = [(p, canonical(g * factor)) for p, g in found]
        for p, g in scaled:
            p.grad = g
    return norm


def clip_grad_value(parameters: Any, clip_value: float) -> None:
    """Cut every number of every gradient to the range from -``clip_value`` to ``clip_value``.

    The direction changes, unlike with `clip_grad_norm`; one wild number leaves the others alone.
    Raises `NonFiniteError` when a gradient is NaN or infinite; nothing has been changed then.

    >>> from tinygrad_edu.tags import weight
    >>> v, w = weight(1.0, "v"), weight(1.0, "w")
    >>> (3.0 * v - 0.5 * w).backward()
    >>> clip_grad_value([v, w], 1.0)
    >>> v.grad, w.grad
    (1.0, -0.5)
    """
    most = checked("clip_value", clip_value)
    for p, g in _gradients(parameters, True):
        p.grad = min(max(g, -most), most) if type(g) is float else lock(np.clip(g, -most, most))


def _order(norm_type: Any) -> float:
    try:
        order = float(norm_type)
    except (TypeError, ValueError):
        order = math.nan
    if not order > 0.0:
        raise DTypeError(
            f"norm_type is a number above 0 or math.inf, not {norm_type!r}", hint="norm_type=2.0"
        )
    return order


def _gradients(parameters: Any, finite: bool) -> list[tuple[Value, Raw]]:
    """Each parameter that has a gradient, with its numbers."""
    given = [parameters] if isinstance(parameters, Value) else parameters
    found = [(p, p._grad) for p in unique(given) if p._grad is not None]
    plain = [(p, g._data if isinstance(g, Value) else g) for p, g in found]
    for p, g in plain if finite else []:
        if not np.all(np.isfinite(g)):
            raise NonFiniteError(
                f"the gradient of {describe(p)} is not finite, so there is no length to cut",
                hint="from tinygrad_edu.birth import birth_of_nan; print(birth_of_nan(loss))",
            )
    return plain


def _norm(gradients: list[Raw], order: float) -> float:
    """The p-norm of all numbers, divided by the largest first: no square overflows."""
    largest = float(np.max([np.max(np.abs(g), initial=0.0) for g in gradients], initial=0.0))
    if order == math.inf or largest == 0.0 or not math.isfinite(largest):
        return largest
    wide = [np.asarray(g, np.float64) for g in gradients]
    if order == 2.0 and 1e-100 < largest < 1e100:
        return math.sqrt(math.fsum(float(np.vdot(g, g)) for g in wide))
    total = math.fsum(float(np.sum(np.abs(g / largest) ** order)) for g in wide)
    return float(largest * total ** (1.0 / order))
