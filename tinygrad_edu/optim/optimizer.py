"""`Optimizer`: all gradients first, then all updates, each parameter once."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.birth import all_finite, birth_of_nan
from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import AutodiffError, DTypeError, NonFiniteError, ShapeError
from tinygrad_edu.optim.update import Update, take_apart
from tinygrad_edu.raw import Raw, lock, shape

State = dict[str, Any]


class Optimizer(ABC):
    """The base of all optimizers: who is trained, and in which order things happen.

    ``parameters`` is a list, ``model.parameters()`` or any other iterable of leaf Values, or a
    module; one that occurs twice is trained once. A parameter without a gradient is left alone, as
    in PyTorch. Raises `DTypeError` for anything else, and when there is nothing to train.
    """

    formula: str

    def __init__(self, parameters: Any, lr: float) -> None:
        self.lr = checked("lr", lr)
        self.parameters: list[Value] = _unique(parameters)
        self.steps = 0
        self._states: dict[Value, State] = {}
        self._last: dict[Value, tuple[Raw, Raw, Raw, State, State, State]] = {}

    @abstractmethod
    def update(self, p: Raw, g: Raw, state: State) -> tuple[Raw, State]:
        """The new number of a parameter, and its new state, from number, gradient and state.

        Nothing is changed in place. ``state`` is empty at the parameter's first step.
        """

    @abstractmethod
    def shares(self, p: Raw, g: Raw, old: State, new: State, settings: State) -> dict[str, Any]:
        """What gradient, momentum and decay contributed to a step, for `why`."""

    @abstractmethod
    def settings(self) -> dict[str, float]:
        """The numbers the rule was run with, the learning rate among them."""

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters: they are "not computed" again."""
        for parameter in self.parameters:
            parameter._grad = None

    def step(self) -> None:
        """Move every parameter that has a gradient. All updates are computed before the first
        assignment, so an error leaves every parameter as it was.

        Raises `AutodiffError` if there is no gradient at all, `NonFiniteError` for one that is NaN
        or infinite, `ShapeError` if an update would change a parameter's shape.
        """
        moves = []
        for p in self.parameters:
            g = p._grad
            if g is None or not p.requires_grad:
                continue
            if type(g) is Value:
                g = g._data
            if not _finite(g):
                raise NonFiniteError(
                    f"the gradient of {describe(p)} is not finite",
                    hint="opt.minimize(loss) tells where it was born, and so does\n"
                    "    from tinygrad_edu.birth import birth_of_nan; print(birth_of_nan(loss))",
                )
            old, state = p._data, self._states.get(p, {})
            new, after = self.update(old, g, state)
            if type(new) is np.ndarray:
                lock(new)
            if not _finite(new):
                raise NonFiniteError(
                    f"the step would make {describe(p)} infinite or NaN",
                    hint=f"a smaller learning rate than {self.settings()['lr']:g}; nothing moved",
                )
            if shape(new) != shape(old):
                raise ShapeError(
                    f"an update of shape {shape(new)} for {describe(p)}",
                    hint="an update has its parameter's shape; it never broadcasts a parameter",
                )
            moves.append((p, old, new, g, state, after))
        if not moves:
            raise AutodiffError("no parameter has a gradient to follow", hint=_NO_GRADIENT)
        self.steps += 1
        settings = self.settings()
        for p, old, new, g, state, after in moves:
            p.assign(new)
            self._states[p] = after
            self._last[p] = (old, p._data, g, state, after, settings)

    def minimize(self, loss: Value, keep_inner: bool = True) -> float:
        """`zero_grad`, ``loss.backward()`` and `step` in one; returns the loss as a number.

        Raises `NonFiniteError` with a report of its birth when the loss or a gradient is NaN or
        infinite; no parameter has been changed then.

        >>> from tinygrad_edu.optim import SGD
        >>> w = Value(3.0, "w")
        >>> SGD([w], lr=0.25).minimize(w * w), w.data
        (9.0, 1.5)
        """
        if not isinstance(loss, Value) or loss.size != 1:
            raise ShapeError(
                f"{describe(loss)} is not a single number to make small",
                hint="opt.minimize(losses.mean())",
            )
        if not all_finite(loss):
            raise NonFiniteError(f"the loss is {loss.item()}\n{birth_of_nan(loss)}")
        self.zero_grad()
        with np.errstate(all="ignore"):  # what is not finite is found below, with its birthplace
            loss.backward(np.ones(loss.shape) if loss.shape else None, keep_inner=keep_inner)
        bad = next(
            (p for p in self.parameters if p._grad is not None and not _finite(p._grad)), None
        )
        if bad is not None:
            what = (
                f"the loss is {loss.item():.6g}, but the gradient of {describe(bad)} is not finite"
            )
            raise NonFiniteError(f"{what}\n{birth_of_nan(loss)}")
        self.step()
        return loss.item()

    def why(self, parameter: Value) -> Update:
        """The last update of one parameter: old, new, and the parts that add up to the change.

        >>> from tinygrad_edu.optim import SGD
        >>> w = Value(3.0, "w")
        >>> opt = SGD([w], lr=0.25)
        >>> _ = opt.minimize(w * w)
        >>> print(opt.why(w))
        w fell from 3 to 1.5: raising it would have raised the loss (∇ +6)
          new = old - lr * gradient
          lr = 0.25
          old                   +3
          this step's gradient  -1.5
          new                   +1.5
        """
        if parameter not in self._last:
            known = any(p is parameter for p in self.parameters)
            what = "has not been updated yet" if known else "is not trained by this optimizer"
            hint = "opt.minimize(loss) first" if known else "opt.parameters lists what is trained"
            raise AutodiffError(f"{describe(parameter)} {what}", hint=hint)
        old, new, g, before, after, settings = self._last[parameter]
        shares = self.shares(old, g, before, after, settings)
        shown = {k: v for k, v in settings.items() if v or k == "lr"}
        name = parameter.name or "the parameter"
        step = int(after.get("step", self.steps))
        parts = take_apart(old, new, shares)
        return Update(name, old, new, g, parts, settings["lr"], self.formula, shown, step)

    def state_dict(self) -> dict[str, Any]:
        """What the optimizer remembers, by the parameter's position: plain numbers and arrays."""
        numbered = {p: i for i, p in enumerate(self.parameters)}
        states = {numbered[p]: dict(state) for p, state in self._states.items()}
        return {"steps": self.steps, "settings": self.settings(), "state": states}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where the optimizer that gave this `state_dict` stopped; settings stay as they are.

        Raises `ShapeError` when a state does not fit its parameter.
        """
        states: dict[Value, State] = {}
        for i, state in saved["state"].items():
            if not 0 <= int(i) < len(self.parameters):
                raise ShapeError(f"a state for parameter {i}; there are {len(self.parameters)}")
            p = self.parameters[int(i)]
            for key, value in state.items():
                if key != "step" and np.shape(value) != p.shape:
                    raise ShapeError(
                        f"{key} of shape {np.shape(value)} for {describe(p)}, parameter {i}",
                        hint="give the parameters in the order in which they were saved",
                    )
            states[p] = {k: _own(v) for k, v in state.items()}
        self._states, self.steps = states, int(saved["steps"])
        self._last = {}

    def __repr__(self) -> str:
        numbers = ", ".join(f"{k}={v:g}" for k, v in self.settings().items() if v or k == "lr")
        n = len(self.parameters)
        return f"{type(self).__name__}({n} parameter{'s' * (n != 1)}, {numbers})"


_NO_GRADIENT = (
    "call loss.backward() before opt.step():\n"
    "    opt.zero_grad(); loss.backward(); opt.step()      # or opt.minimize(loss)\n"
    "  and check that the loss is computed from these parameters"
)


def checked(name: str, value: Any, high: float = math.inf) -> float:
    """A setting as a float, from 0 up and below ``high``; anything else is refused by name."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DTypeError(f"{name} is a number, not {value!r}", hint=f"{name}=0.01") from None
    if isinstance(value, (str, bool)) or not 0.0 <= number < high:
        limit = f" and below {high:g}" if high < math.inf else ""
        raise DTypeError(f"{name} is a number from 0 up{limit}, not {value!r}", hint=f"{name}=0.01")
    return number


def _finite(g: Any) -> bool:
    if type(g) is float:
        return math.isfinite(g)
    g = g._data if type(g) is Value else g
    # One pass without a temporary array; an overflow of the product sends us to the exact answer.
    return type(g) is np.ndarray and (math.isfinite(np.vdot(g, g)) or all_finite(g))


def _own(x: Any) -> Any:
    return lock(np.array(x)) if np.ndim(x) else float(x)


def _unique(parameters: Any) -> list[Value]:
    if isinstance(parameters, Value):
        raise DTypeError(
            f"an optimizer is given the parameters, not {describe(parameters)}",
            hint="tg.optim.SGD(tg.parameters(loss), lr=0.1), or a list: [w, b]",
        )
    if not isinstance(parameters, Iterable) and callable(getattr(parameters, "parameters", None)):
        parameters = parameters.parameters()
    if not isinstance(parameters, Iterable) or isinstance(parameters, (str, Mapping, np.ndarray)):
        raise DTypeError(
            f"an optimizer is given a list of parameters, not {type(parameters).__name__}",
            hint="tg.optim.SGD(model.parameters(), lr=0.1)",
        )
    found: dict[Value, None] = {}
    for p in parameters:
        if not isinstance(p, Value):
            raise DTypeError(
                f"a parameter is a Value, not {describe(p)}",
                hint='w = tg.weight(0.5, "w"); a list of them, not their numbers',
            )
        if p.op is not None:
            raise AutodiffError(
                f"{describe(p)} was computed; only a leaf can be trained",
                hint="give the weights it was computed from",
            )
        found[p] = None
    if not found:
        raise DTypeError(
            "there are no parameters to train",
            hint="model.parameters() is empty, or a generator that was used up before",
        )
    return list(found)
