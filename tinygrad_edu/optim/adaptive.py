"""The family of Adam: a running mean of the gradient over a running measure of its size."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from tinygrad_edu.optim.groups import Settings
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.rules import kept, root
from tinygrad_edu.optim.saved import State
from tinygrad_edu.raw import Raw

_MEANS = (
    "m and v the running means of the gradient and its square, divided by 1 - beta1^t and "
    "1 - beta2^t in step t"
)


def _larger(x: Raw, y: Raw) -> Raw:
    return max(x, y) if type(x) is type(y) is float else np.maximum(x, y)


class _Adaptive(Optimizer):
    """What they share: ``new = old - (a * m + b * gradient) / spread``, as the rule at hand says.

    ``m`` is the running mean with the memory ``betas[0]``. Weight decay is added to the gradient,
    or, decoupled, shrinks the parameter beside the step.
    """

    decoupled = False
    squares = True

    @abstractmethod
    def sizes(self, d: Raw, state: State, s: Settings) -> State:
        """The new measures of the gradient's size, from a gradient ``d`` and the old ones."""

    @abstractmethod
    def reach(self, new: State, s: Settings) -> tuple[float, float, Raw]:
        """The factors of m and of the gradient beside it, and the spread that divides both."""

    def is_decoupled(self, s: Settings) -> bool:
        """Whether the decay stays out of the gradient."""
        return bool(s.get("decoupled_weight_decay", self.decoupled))

    def update(self, p: Raw, g: Raw, state: State, s: Settings) -> tuple[Raw, State]:
        """One step of one parameter; see `Optimizer.update`."""
        beta1, decay = s["betas"][0], s["weight_decay"]
        d = g
        if decay and self.is_decoupled(s):
            p = p * (1.0 - s["lr"] * decay)
        elif decay:
            d = g + decay * p
        m = state["mean"] if state else d * 0.0
        m = kept(m + (1.0 - beta1) * (d - m) if beta1 > 0.5 else d - (d - m) * beta1)
        after = {"step": state.get("step", 0.0) + 1.0, "mean": m, **self.sizes(d, state, s)}
        a, b, spread = self.reach(after, s)
        p = p if type(b) is float and b == 0.0 else p + -b * d / spread
        return p + -a * m / spread, after

    def shares(self, p: Raw, g: Raw, old: State, new: State, s: Settings) -> dict[str, Any]:
        """Gradient, momentum and decay of one step; see `Optimizer.shares`."""
        beta1 = s["betas"][0]
        a, b, spread = self.reach(new, s)
        fresh, carried = (a * (1.0 - beta1) + b) / spread, a / spread
        decay = s["weight_decay"] * p
        return {
            "gradient": -(fresh * g),
            "momentum": -(carried * (beta1 * old["mean"])) if old else 0.0,
            "decay": -s["lr"] * decay if self.is_decoupled(s) else -(fresh * decay),
        }

    def said(self, s: Settings, step: str, where: str) -> str:
        """The formula, with the decay where it belongs."""
        beside = s["weight_decay"] and self.is_decoupled(s)
        inside = s["weight_decay"] and not beside
        old = "old - lr * weight_decay * old" if beside else "old"
        end = ",  gradient + weight_decay * old for the gradient" if inside else ""
        return f"new = {old} - {step},  {where}{end}"

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """m and v as they stand in the formula, and what one unit of m moves."""
        beta1, beta2 = s["betas"]
        m = new["mean"] / (1.0 - beta1 ** new["step"])
        v = new["square"] / (1.0 - beta2 ** new["step"])
        return {"m": m, "v": v, "lr / (sqrt(v) + eps)": s["lr"] / (root(v) + s["eps"])}


def _square(d: Raw, state: State, s: Settings) -> Raw:
    beta2 = s["betas"][1]
    v = state["square"] if state else d * 0.0
    return kept(v * beta2 + (1.0 - beta2) * d * d)


class Adam(_Adaptive):
    """Steps of about ``lr`` whatever the gradient's size: the mean gradient over its spread.

    ``new = old - lr * m / (sqrt(v) + eps)``: ``betas`` are the memories of the running mean m and
    of the running mean square v, both corrected for their start at 0; ``eps`` keeps the division
    finite; ``weight_decay`` is added to the gradient. ``amsgrad`` divides by the largest v so far,
    so that quiet gradients do not raise the rate. Kingma and Ba, "Adam: a method for stochastic
    optimization" (2015), algorithm 1; Reddi, Kale and Kumar, "On the convergence of Adam and
    beyond" (2018).

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = Adam([w], lr=0.1)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 9)
    4.9
    """

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        most = " (the largest v so far)" if s["amsgrad"] else ""
        return self.said(s, "lr * m / (sqrt(v) + eps)", _MEANS + most)

    def sizes(self, d: Raw, state: State, s: Settings) -> State:
        """The mean square, and the largest of all of them."""
        v = _square(d, state, s)
        if not s["amsgrad"]:
            return {"square": v}
        return {"square": v, "largest": kept(_larger(state.get("largest", v), v))}

    def reach(self, new: State, s: Settings) -> tuple[float, float, Raw]:
        """lr over sqrt(v) + eps, and no gradient beside m."""
        beta1, beta2 = s["betas"]
        size = s["lr"] / (1.0 - beta1 ** new["step"])
        v = new["largest"] if s["amsgrad"] else new["square"]
        return size, 0.0, root(v) / (1.0 - beta2 ** new["step"]) ** 0.5 + s["eps"]

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """m and v as they stand in the formula, and what one unit of m moves."""
        return super().terms({**new, "square": new["largest"]} if s["amsgrad"] else new, s)


class AdamW(Adam):
    """Adam with the decay beside the adaptive step: ``new = old * (1 - lr * weight_decay) - …``.

    So a weight shrinks by the same share whatever its gradients are; the other arguments are
    those of `Adam`. Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = AdamW([w], lr=0.1, weight_decay=0.1)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 9)
    4.85
    """

    decoupled = True

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad)


class NAdam(_Adaptive):
    """Adam that looks ahead: Nesterov's momentum in place of the plain one.

    The step already takes the share that this gradient will have in the next one:
    ``new = old - lr * (mu' / (1 - M * mu') * m + (1 - mu) / (1 - M) * gradient) / (sqrt(v) + eps)``
    with ``mu = beta1 * (1 - 0.96^(t * momentum_decay) / 2)`` in step t, mu' that of the next step,
    M the product of all mu. ``decoupled_weight_decay`` decays as `AdamW` does. Dozat,
    "Incorporating Nesterov momentum into Adam" (2016).

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = NAdam([w], lr=0.1)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 6)
    4.894355
    """

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 0.004,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        step = "lr * (mu' / (1 - M mu') * m + (1 - mu) / (1 - M) * gradient) / (sqrt(v) + eps)"
        where = (
            "m and v the running means of the gradient and its square, v divided by 1 - beta2^t "
            "in step t,  mu = beta1 * (1 - 0.96^(t * momentum_decay) / 2), mu' the next, M the "
            "product of all mu"
        )
        return self.said(s, step, where)

    def _mu(self, step: float, s: Settings) -> float:
        mu: float = s["betas"][0] * (1.0 - 0.5 * 0.96 ** (step * s["momentum_decay"]))
        return mu

    def sizes(self, d: Raw, state: State, s: Settings) -> State:
        """The mean square, and the product of all mu."""
        mu = self._mu(state.get("step", 0.0) + 1.0, s)
        return {"square": _square(d, state, s), "mu_product": state.get("mu_product", 1.0) * mu}

    def reach(self, new: State, s: Settings) -> tuple[float, float, Raw]:
        """The momentum of the next step for m, that of this one for the gradient."""
        step, product = new["step"], new["mu_product"]
        mu, ahead = self._mu(step, s), self._mu(step + 1.0, s)
        spread = root(new["square"] / (1.0 - s["betas"][1] ** step)) + s["eps"]
        on_mean, on_gradient = ahead / (1.0 - product * ahead), (1.0 - mu) / (1.0 - product)
        return s["lr"] * on_mean, s["lr"] * on_gradient, spread

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """m, v, mu, mu' and M, and what the spread makes of the rate."""
        v = new["square"] / (1.0 - s["betas"][1] ** new["step"])
        mu, ahead = self._mu(new["step"], s), self._mu(new["step"] + 1.0, s)
        counted = {"mu": mu, "mu'": ahead, "M": new["mu_product"]}
        rate = {"lr / (sqrt(v) + eps)": s["lr"] / (root(v) + s["eps"])}
        return {"m": new["mean"], "v": v, **counted, **rate}


class RAdam(_Adaptive):
    """Adam that trusts the spread only once it is known: plain momentum in the first few steps.

    The mean square of few gradients varies wildly. The factor r corrects for that, from the number
    rho of gradients that v stands for: ``new = old - lr * r * sqrt(1 - beta2^t) * m /
    (sqrt(v) + eps)``; while rho is 5 or less, ``new = old - lr * m``. ``decoupled_weight_decay``
    decays as `AdamW` does. Liu, Jiang, He, Chen, Liu, Gao and Han, "On the variance of the adaptive
    learning rate and beyond" (2020), algorithm 2.

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = RAdam([w], lr=0.1)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 9)  # the first step is lr * gradient
    4.0
    """

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        where = (
            "m and v the running means of the gradient and its square, m divided by 1 - beta1^t "
            "in step t,  r the trust in v; new = old - lr * m while v stands for rho <= 5 gradients"
        )
        return self.said(s, "lr * r * sqrt(1 - beta2^t) * m / (sqrt(v) + eps)", where)

    def sizes(self, d: Raw, state: State, s: Settings) -> State:
        """The mean square."""
        return {"square": _square(d, state, s)}

    def _known(self, step: Any, s: Settings) -> Any:
        """rho, for how many gradients v stands."""
        beta2 = s["betas"][1]
        gone = 2.0 * step * beta2**step / (1.0 - beta2**step)
        return 2.0 / (1.0 - beta2) - 1.0 - gone

    def _trust(self, step: Any, s: Settings) -> Any:
        """The factor r, or None while the spread is not known."""
        beta2 = s["betas"][1]
        longest = 2.0 / (1.0 - beta2) - 1.0
        rho = self._known(step, s)
        if rho <= 5.0:
            return None
        above = (rho - 4.0) * (rho - 2.0) * longest
        return (above / ((longest - 4.0) * (longest - 2.0) * rho)) ** 0.5

    def reach(self, new: State, s: Settings) -> tuple[float, float, Raw]:
        """lr over the spread, or lr alone."""
        step, trust = new["step"], self._trust(new["step"], s)
        size = s["lr"] / (1.0 - s["betas"][0] ** step)
        if trust is None:
            return size, 0.0, 1.0
        known = trust * (1.0 - s["betas"][1] ** step) ** 0.5
        return size * known, 0.0, root(new["square"]) + s["eps"]

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """m and v, and r where v is trusted."""
        m = new["mean"] / (1.0 - s["betas"][0] ** new["step"])
        trust = self._trust(new["step"], s)
        known = {"m": m, "v": new["square"], "rho": self._known(new["step"], s)}
        return known if trust is None else {**known, "r": trust}


class Adamax(_Adaptive):
    """Adam over the largest recent gradient in place of the mean square.

    ``new = old - lr * m / u`` with ``u = max(beta2 * u, |gradient| + eps)``: the norm in which the
    mean of powers becomes the maximum, so that one step is at most about ``lr``. Kingma and Ba,
    "Adam: a method for stochastic optimization" (2015), algorithm 2.

    >>> from tinygrad_edu.tags import weight
    >>> w = weight(5.0, "w")
    >>> opt = Adamax([w], lr=0.1)
    >>> _ = opt.minimize(w * w)
    >>> round(w.data, 6)
    4.9
    """

    squares = False

    def __init__(
        self,
        parameters: Any,
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def formula(self, s: Settings) -> str:
        """The rule in words."""
        where = "m the running mean of the gradient divided by 1 - beta1^t in step t,  "
        return self.said(s, "lr * m / u", where + "u = max(beta2 * u, |gradient| + eps)")

    def sizes(self, d: Raw, state: State, s: Settings) -> State:
        """The largest gradient, forgotten slowly."""
        here = abs(d) + s["eps"]
        return {"largest": kept(_larger(state["largest"] * s["betas"][1], here) if state else here)}

    def reach(self, new: State, s: Settings) -> tuple[float, float, Raw]:
        """lr over u."""
        return s["lr"] / (1.0 - s["betas"][0] ** new["step"]), 0.0, new["largest"]

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """m and u, and what one unit of m moves."""
        m, u = new["mean"] / (1.0 - s["betas"][0] ** new["step"]), new["largest"]
        return {"m": m, "u": u, "lr / u": s["lr"] / u}
