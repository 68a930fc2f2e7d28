"""The update rules: SGD, Adam, AdamW, with PyTorch's conventions and order of arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.optim.optimizer import Optimizer, State, checked
from tinygrad_edu.raw import Raw, lock


def _kept(x: Raw) -> Raw:
    return lock(x) if type(x) is np.ndarray else x


def _root(x: Raw) -> Raw:
    return math.sqrt(x) if type(x) is float else np.sqrt(x)


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
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = checked("momentum", momentum)
        self.dampening = checked("dampening", dampening)
        self.weight_decay = checked("weight_decay", weight_decay)
        self.nesterov = bool(nesterov)
        if self.nesterov and (self.momentum == 0.0 or self.dampening != 0.0):
            raise DTypeError(
                "nesterov needs a momentum and no dampening", hint="momentum=0.9, nesterov=True"
            )
        decay = " + weight_decay * old" if self.weight_decay else ""
        rule = {0: "gradient", 1: "velocity", 2: "(gradient + momentum * velocity)"}
        kind = rule[(self.momentum != 0.0) + self.nesterov]
        gradient = f"({kind}{decay})" if decay and kind == "gradient" else kind
        self.formula = f"new = old - lr * {gradient}"
        if self.momentum:
            damped = " * (1 - dampening)" if self.dampening else ""
            inner = f"(gradient{decay})" if decay and damped else f"gradient{decay}"
            self.formula += f",  velocity = momentum * velocity + {inner}{damped}"

    def update(self, p: Raw, g: Raw, state: State) -> tuple[Raw, State]:
        """One step of one parameter; see `Optimizer.update`."""
        d = g + self.weight_decay * p if self.weight_decay else g
        if not self.momentum:
            return p - self.lr * d, state
        v = state.get("velocity")
        v = _kept(d if v is None else v * self.momentum + (1.0 - self.dampening) * d)
        d = d + self.momentum * v if self.nesterov else v
        return p - self.lr * d, {"velocity": v}

    def shares(self, p: Raw, g: Raw, old: State, new: State, settings: State) -> dict[str, Any]:
        """Gradient, momentum and decay of one step; see `Optimizer.shares`."""
        lr, momentum, decay = settings["lr"], settings["momentum"], settings["weight_decay"]
        before = old.get("velocity")
        fresh = 1.0 if before is None else 1.0 - settings["dampening"]
        scale = 1.0 + momentum * fresh if settings["nesterov"] else (fresh if momentum else 1.0)
        carried = momentum * momentum if settings["nesterov"] else momentum
        return {
            "gradient": -lr * (scale * g),
            "momentum": 0.0 if before is None else -lr * (carried * before),
            "decay": -lr * (scale * (decay * p)),
        }

    def settings(self) -> dict[str, float]:
        """The numbers of the rule."""
        return {
            "lr": self.lr,
            "momentum": self.momentum,
            "dampening": self.dampening,
            "nesterov": float(self.nesterov),
            "weight_decay": self.weight_decay,
        }


class Adam(Optimizer):
    """Steps of about ``lr`` whatever the gradient's size: the mean gradient over its spread.

    ``betas`` are the memories of the running mean and of the running mean square, both corrected
    for their start at 0; ``eps`` keeps the division finite; ``weight_decay`` is added to the
    gradient. Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1.

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = Adam([w], lr=0.1)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 9)
    4.9
    """

    _decoupled = False

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        try:
            first, second = betas
        except (TypeError, ValueError):
            raise DTypeError(
                f"betas are two numbers, not {betas!r}", hint="betas=(0.9, 0.999)"
            ) from None
        self.betas = checked("betas[0]", first, 1.0), checked("betas[1]", second, 1.0)
        self.eps = checked("eps", eps)
        if self.eps == 0.0:
            raise DTypeError("eps must be above 0: it keeps 0 / 0 out of the step", hint="eps=1e-8")
        self.weight_decay = checked("weight_decay", weight_decay)
        decay = " - lr * weight_decay * old" if self._decoupled and self.weight_decay else ""
        self.formula = (
            f"new = old{decay} - lr * m / (sqrt(v) + eps),  m and v the running means of the "
            "gradient and its square, divided by 1 - beta1^t and 1 - beta2^t in step t"
        )
        if self.weight_decay and not self._decoupled:
            self.formula += ",  gradient + weight_decay * old for the gradient"

    def update(self, p: Raw, g: Raw, state: State) -> tuple[Raw, State]:
        """One step of one parameter; see `Optimizer.update`."""
        beta1, beta2 = self.betas
        step = state.get("step", 0.0) + 1.0
        if self.weight_decay:
            if self._decoupled:
                p = p * (1.0 - self.lr * self.weight_decay)
            else:
                g = g + self.weight_decay * p
        m = state["mean"] if state else g * 0.0
        v = state["square"] if state else g * 0.0
        m = _kept(m + (1.0 - beta1) * (g - m) if beta1 > 0.5 else g - (g - m) * beta1)
        v = _kept(v * beta2 + (1.0 - beta2) * g * g)
        size = self.lr / (1.0 - beta1**step)
        spread = _root(v) / (1.0 - beta2**step) ** 0.5 + self.eps
        return p + -size * m / spread, {"step": step, "mean": m, "square": v}

    def shares(self, p: Raw, g: Raw, old: State, new: State, settings: State) -> dict[str, Any]:
        """Gradient, momentum and decay of one step; see `Optimizer.shares`."""
        lr, beta1, beta2 = settings["lr"], settings["beta1"], settings["beta2"]
        spread = _root(new["square"]) / (1.0 - beta2 ** new["step"]) ** 0.5 + settings["eps"]
        scale = -(lr / (1.0 - beta1 ** new["step"])) / spread
        decay = settings["weight_decay"] * p
        return {
            "gradient": scale * ((1.0 - beta1) * g),
            "momentum": scale * (beta1 * old["mean"]) if old else 0.0,
            "decay": -lr * decay if self._decoupled else scale * ((1.0 - beta1) * decay),
        }

    def settings(self) -> dict[str, float]:
        """The numbers of the rule."""
        return {
            "lr": self.lr,
            "beta1": self.betas[0],
            "beta2": self.betas[1],
            "eps": self.eps,
            "weight_decay": self.weight_decay,
        }


class AdamW(Adam):
    """Adam with the decay beside the adaptive step: ``new = old * (1 - lr * weight_decay) - …``.

    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = AdamW([w], lr=0.1, weight_decay=0.1)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 9)
    4.85
    """

    _decoupled = True

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)
