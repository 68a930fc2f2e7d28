"""L-BFGS: few large steps that know the curvature, for a loss that can be asked again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.birth import all_finite, birth_of_nan
from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import AutodiffError, BackendError, DTypeError, NonFiniteError, ShapeError
from tinygrad_edu.optim.groups import Settings
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.saved import State
from tinygrad_edu.raw import Raw, lock

Closure = Callable[[], Value]


class LBFGS(Optimizer):
    """Newton's step without the Hessian: the last gradients tell the curvature.

    ``opt.minimize(closure)`` goes down to a minimum: ``closure()`` computes the loss, always of the
    same data, and is called once or twice per iteration. SciPy's L-BFGS-B drives it: the minimum
    is PyTorch's, the path is not. It ends after ``max_iter`` iterations, when no slope is steeper
    than ``tolerance_grad``, or when the loss falls by no more than the share ``tolerance_change``;
    ``report`` says which. ``history_size`` gradients are remembered, within one call only. All
    parameters are one group, and there is no learning rate: a line search finds each length.
    Needs the extra ``science``. Liu and Nocedal, "On the limited memory BFGS method for large scale
    optimization" (1989); Byrd, Lu, Nocedal and Zhu (1995).

    >>> from tinygrad_edu.tags import weight
    >>> x, y = weight(-1.2, "x"), weight(1.0, "y")
    >>> opt = LBFGS([x, y])
    >>> opt
    LBFGS(2 parameters, max_iter=200, history_size=10, tolerance_grad=1e-07, tolerance_change=1e-09)
    >>> valley = lambda: (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2
    >>> start = opt.minimize(valley)  # doctest: +SKIP
    >>> round(x.data, 3), round(y.data, 3)  # doctest: +SKIP
    (1.0, 1.0)
    """

    def __init__(
        self,
        parameters: Any,
        max_iter: int = 200,
        history_size: int = 10,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
    ) -> None:
        self.report = "not called yet"
        super().__init__(
            parameters, max_iter=max_iter, history_size=history_size,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change,
        )  # fmt: skip

    def _add(self, group: Settings) -> None:
        if self.param_groups:
            raise DTypeError("LBFGS moves all parameters together: they are one group")
        super()._add(group)

    def step(self, closure: Closure | None = None) -> float:  # type: ignore[override]
        """`minimize`, by PyTorch's name; ``closure`` is needed."""
        return self.minimize(closure)

    def minimize(self, loss: Any, keep_inner: bool = True) -> float:
        """Go down to a minimum of ``loss()``; returns the loss at the start.

        Raises `NonFiniteError` where the loss is NaN or infinite, and whatever ``loss`` raises; the
        parameters are as they were then.
        """
        if isinstance(loss, Value) or not callable(loss):
            raise DTypeError(
                f"LBFGS asks for the loss again and again: by a function, not {describe(loss)}",
                hint="opt.minimize(lambda: loss_of(model(x), y))",
            )
        search = _scipy()
        moved = [p for p in self.parameters if p.requires_grad]
        before = [p._data for p in moved]
        s, slopes, values = self.settings(), [], []

        def ask(flat: NDArray[Any]) -> tuple[float, NDArray[Any]]:
            _spread(flat, moved)
            values.append(_slope(self, loss, keep_inner))
            slopes.append([p._grad for p in moved])
            found = [0.0 * p._data if p._grad is None else _raw(p._grad) for p in moved]
            return values[-1], _flat(found)

        limits = {"maxiter": s["max_iter"], "maxcor": s["history_size"], "maxfun": 10**9}
        limits |= {"gtol": s["tolerance_grad"], "ftol": s["tolerance_change"]}
        try:
            end = search(ask, _flat(before), jac=True, method="L-BFGS-B", options=limits)
            ask(end.x)  # the last point that was asked need not be the best
        except BaseException:
            for p, old in zip(moved, before, strict=True):
                p.assign(old)
            raise
        self.report = f"{end.message} ({end.nit} iterations, {end.nfev} losses)"
        self.steps += 1
        for p, old, g in zip(moved, before, slopes[0], strict=True):
            if g is not None:
                self._last[p] = (old, p._data, _raw(g), {}, {"moved": p._data - old}, s)
        return values[0]

    def update(self, p: Raw, g: Raw, state: State, s: Settings) -> tuple[Raw, State]:
        """There is none for one parameter alone."""
        raise AutodiffError("LBFGS moves all parameters together", hint="opt.minimize(closure)")

    def shares(self, p: Raw, g: Raw, old: State, new: State, s: Settings) -> dict[str, Any]:
        """The step of plain descent, and what the curvature made of it in all iterations."""
        return {"gradient": -g, "curvature": new["moved"] + g}

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        return (
            "new = old - length * H * gradient, again and again,  H the inverse of the curvature "
            "as the last gradients tell it, length found by a line search"
        )


def _scipy() -> Any:
    try:
        from scipy.optimize import minimize
    except (ImportError, OSError) as error:
        raise BackendError(
            f"LBFGS needs SciPy, which cannot be loaded ({error})",
            hint="python -m pip install scipy, or tg.optim.Adam",
        ) from None
    return minimize


def _raw(g: Any) -> Raw:
    return g._data if isinstance(g, Value) else g


def _flat(numbers: list[Raw]) -> NDArray[Any]:
    return np.concatenate([np.ravel(x) for x in numbers]).astype(np.float64)


def _spread(flat: NDArray[Any], parameters: list[Value]) -> None:
    """Give every parameter its part of the flat numbers."""
    at = 0
    for p in parameters:
        part = flat[at : at + p.size]
        p.assign(lock(part.reshape(p.shape).astype(p.dtype)) if p.shape else float(part[0]))
        at += p.size


def _slope(opt: Optimizer, closure: Closure, keep_inner: bool) -> float:
    """The loss at the present parameters; its gradients are in them then."""
    with np.errstate(all="ignore"):  # what is not finite is found below, with its birthplace
        loss = closure()
    if not isinstance(loss, Value) or loss.size != 1:
        raise ShapeError(
            f"the function gave {describe(loss)}, not a single number to make small",
            hint="opt.minimize(lambda: losses().mean())",
        )
    if not all_finite(loss):
        raise NonFiniteError(f"the loss is {loss.item()}\n{birth_of_nan(loss)}")
    opt.zero_grad()
    with np.errstate(all="ignore"):
        loss.backward(np.ones(loss.shape) if loss.shape else None, keep_inner=keep_inner)
    for p in opt.parameters:
        if p._grad is not None and not np.all(np.isfinite(_raw(p._grad))):
            what = f"the loss is {loss.item():.6g}, but the gradient of {describe(p)} is not finite"
            raise NonFiniteError(f"{what}\n{birth_of_nan(loss)}")
    return loss.item()
