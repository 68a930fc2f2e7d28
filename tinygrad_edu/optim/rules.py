"""Update rules: SGD, RMSprop, Adagrad, with PyTorch's conventions and order of arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.optim.groups import Settings
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.saved import State
from tinygrad_edu.raw import Raw, lock


def kept(x: Raw) -> Raw:
    """A number or array of our own that a state may hold: nobody can change it."""
    return lock(x) if type(x) is np.ndarray else x


def root(x: Raw) -> Raw:
    """The square root of a float or an array."""
    return math.sqrt(x) if type(x) is float else np.sqrt(x)


def with_decay(s: Settings) -> str:
    """What stands for the gradient in a formula: weight decay is added to it."""
    return "(gradient + weight_decay * old)" if s["weight_decay"] else "gradient"


class SGD(Optimizer):
    """Gradient descent: ``new = old - lr * gradient``, with momentum if asked for.

    With ``momentum``, ``velocity = momentum * velocity + (1 - dampening) * gradient`` (at the first
    step the gradient itself) takes the gradient's place; ``nesterov`` adds one more momentum step;
    ``weight_decay`` adds ``weight_decay * old`` to the gradient. Robbins and Monro (1951); Polyak
    (1964); Sutskever, Martens, Dahl and Hinton (2013).

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(1.0, "w")
    >>> opt = SGD([w], lr=0.1, momentum=0.9)
    >>> for _ in range(3):
    ...     _ = opt.minimize(w * w)
    >>> round(w.data, 6)
    0.062
    """

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov,
        )  # fmt: skip

    def check(self, s: Settings) -> None:
        """Nesterov's step is one of an undamped momentum."""
        if s["nesterov"] and (s["momentum"] == 0.0 or s["dampening"] != 0.0):
            raise DTypeError(
                "nesterov needs a momentum and no dampening", hint="momentum=0.9, nesterov=True"
            )

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        if not s["momentum"]:
            return f"new = old - lr * {with_decay(s)}"
        inner = with_decay(s) if s["dampening"] else with_decay(s).strip("()")
        kind = f"({inner} + momentum * velocity)" if s["nesterov"] else "velocity"
        damped = " * (1 - dampening)" if s["dampening"] else ""
        return f"new = old - lr * {kind},  velocity = momentum * velocity + {inner}{damped}"

    def update(self, p: Raw, g: Raw, state: State, s: Settings) -> tuple[Raw, State]:
        """One step of one parameter; see `Optimizer.update`."""
        lr, momentum, decay = s["lr"], s["momentum"], s["weight_decay"]
        d = g + decay * p if decay else g
        if not momentum:
            return p - lr * d, state
        v = state.get("velocity")
        v = kept(d if v is None else v * momentum + (1.0 - s["dampening"]) * d)
        d = d + momentum * v if s["nesterov"] else v
        return p - lr * d, {"velocity": v}

    def shares(self, p: Raw, g: Raw, old: State, new: State, s: Settings) -> dict[str, Any]:
        """Gradient, momentum and decay of one step; see `Optimizer.shares`."""
        lr, momentum, decay = s["lr"], s["momentum"], s["weight_decay"]
        before = old.get("velocity") if momentum else None
        fresh = 1.0 if before is None else 1.0 - s["dampening"]
        scale = 1.0 + momentum * fresh if s["nesterov"] else fresh
        carried = momentum * momentum if s["nesterov"] else momentum
        return {
            "gradient": -lr * (scale * g),
            "momentum": 0.0 if before is None else -lr * (carried * before),
            "decay": -lr * (scale * (decay * p)),
        }

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """The velocity, where there is a momentum."""
        return {"velocity": new["velocity"]} if s["momentum"] else {}


class RMSprop(Optimizer):
    """Steps of about ``lr`` whatever the gradient's size: the gradient over its recent size.

    ``v = alpha * v + (1 - alpha) * gradient²`` is the running mean square; with ``centered`` the
    square of the running mean is taken off, which leaves the variance. With ``momentum`` these
    steps add up in ``velocity = momentum * velocity + gradient / (sqrt(v) + eps)``. Tieleman and
    Hinton, "Neural networks for machine learning", lecture 6.5 (2012); centered: Graves,
    "Generating sequences with recurrent neural networks" (2013).

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = RMSprop([w], lr=0.01)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 6)  # the first step is lr / sqrt(1 - alpha): the mean starts at 0
    4.9
    """

    squares = True

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
            centered=centered,
        )  # fmt: skip

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        spread = "(sqrt(v - m²) + eps)" if s["centered"] else "(sqrt(v) + eps)"
        step, where = f"{with_decay(s)} / {spread}", ""
        if s["momentum"]:
            step, where = "velocity", f",  velocity = momentum * velocity + {step}"
        mean = ", m that of the gradient" if s["centered"] else ""
        return f"new = old - lr * {step}{where},  v the running mean of the gradient's square{mean}"

    def update(self, p: Raw, g: Raw, state: State, s: Settings) -> tuple[Raw, State]:
        """One step of one parameter; see `Optimizer.update`."""
        alpha, momentum, decay = s["alpha"], s["momentum"], s["weight_decay"]
        d = g + decay * p if decay else g
        zero = 0.0 if state else d * 0.0
        after = {"step": state.get("step", 0.0) + 1.0}
        after["square"] = kept(state.get("square", zero) * alpha + (1.0 - alpha) * d * d)
        if s["centered"]:
            m = state.get("mean", zero)
            after["mean"] = kept(
                m + (1.0 - alpha) * (d - m) if alpha > 0.5 else d - (d - m) * alpha
            )
        spread = self._spread(after, s)
        if not momentum:
            return p + -s["lr"] * d / spread, after
        after["velocity"] = kept(state.get("velocity", zero) * momentum + d / spread)
        return p - s["lr"] * after["velocity"], after

    def _spread(self, new: State, s: Settings) -> Raw:
        v = new["square"]
        if s["centered"]:  # a mean of equal gradients has no variance, and rounding may go below
            v = v - new["mean"] * new["mean"]
            v = max(v, 0.0) if type(v) is float else np.maximum(v, 0.0)
        return root(v) + s["eps"]

    def shares(self, p: Raw, g: Raw, old: State, new: State, s: Settings) -> dict[str, Any]:
        """Gradient, momentum and decay of one step; see `Optimizer.shares`."""
        scale = -s["lr"] / self._spread(new, s)
        carried = old.get("velocity", 0.0) if s["momentum"] else 0.0
        return {
            "gradient": scale * g,
            "momentum": -s["lr"] * (s["momentum"] * carried),
            "decay": scale * (s["weight_decay"] * p),
        }

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """v, m, the velocity, and what one unit of the gradient moves."""
        shown = {"v": new["square"], "m": new.get("mean"), "velocity": new.get("velocity")}
        named = {name: value for name, value in shown.items() if value is not None}
        return {**named, "lr / (sqrt(v) + eps)": s["lr"] / self._spread(new, s)}


class Adagrad(Optimizer):
    """The gradient over the root of all squares so far: a number that moved often moves less.

    ``sum`` starts at ``initial_accumulator_value`` and grows by every gradient's square; the rate
    itself falls as ``lr / (1 + (t - 1) * lr_decay)`` in step t. Rare features keep large steps.
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization" (2011).

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = Adagrad([w], lr=0.1)
    >>> for _ in range(2):
    ...     _ = opt.minimize(w * 3.0)
    >>> round(w.data, 6)  # 5 - 0.1 - 0.1 / sqrt(2)
    4.829289
    """

    squares = True

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            parameters, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        rate = "lr / (1 + (t - 1) * lr_decay)" if s["lr_decay"] else "lr"
        where = ", in step t" if s["lr_decay"] else ""
        return (
            f"new = old - {rate} * {with_decay(s)} / (sqrt(sum) + eps),  "
            f"sum of the squares of all gradients so far{where}"
        )

    def update(self, p: Raw, g: Raw, state: State, s: Settings) -> tuple[Raw, State]:
        """One step of one parameter; see `Optimizer.update`."""
        decay = s["weight_decay"]
        d = g + decay * p if decay else g
        total = state["sum"] if state else s["initial_accumulator_value"]
        after = {"step": state.get("step", 0.0) + 1.0, "sum": kept(total + d * d)}
        return p + -self._rate(after, s) * d / (root(after["sum"]) + s["eps"]), after

    def _rate(self, new: State, s: Settings) -> float:
        rate: float = s["lr"] / (1.0 + (new["step"] - 1.0) * s["lr_decay"])
        return rate

    def _scale(self, new: State, s: Settings) -> Raw:
        return self._rate(new, s) / (root(new["sum"]) + s["eps"])

    def shares(self, p: Raw, g: Raw, old: State, new: State, s: Settings) -> dict[str, Any]:
        """Gradient and decay of one step; see `Optimizer.shares`."""
        scale = -self._scale(new, s)
        return {"gradient": scale * g, "decay": scale * (s["weight_decay"] * p)}

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """The sum, and what one unit of the gradient moves."""
        return {"sum": new["sum"], "lr / (sqrt(sum) + eps)": self._scale(new, s)}
