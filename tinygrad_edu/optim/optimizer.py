"""`Optimizer`: all gradients first, then all updates, each parameter once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from tinygrad_edu.birth import all_finite, birth_of_nan
from tinygrad_edu.context import MODE
from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import AutodiffError, DTypeError, NonFiniteError, ShapeError
from tinygrad_edu.optim.groups import Settings, checked_settings, groups_of
from tinygrad_edu.optim.saved import State, read_groups, read_states
from tinygrad_edu.optim.update import Update, take_apart
from tinygrad_edu.raw import Raw, lock, shape


class Optimizer(ABC):
    """The base of all optimizers: who is trained, and in which order things happen.

    ``parameters`` is a list, ``model.parameters()`` or any other iterable of leaf Values, or a
    module; one that occurs twice is trained once. A list of dicts is a list of groups with settings
    of their own, as in PyTorch: ``[{"params": [w], "lr": 0.1}, {"params": [b]}]``; what a group
    does not say is said by the other arguments. `param_groups` holds them, and may be changed
    between steps. A parameter without a gradient is left alone, as in PyTorch. Raises `DTypeError`
    for anything else, when there is nothing to train, and for settings that make no sense.

    To make a loss large, make its negative small: ``opt.minimize(-score)``.
    """

    squares = False  # whether the rule squares gradients

    def __init__(self, parameters: Any, **settings: Any) -> None:
        self.defaults = checked_settings(settings, settings, type(self).__name__)
        self.check(self.defaults)
        self.param_groups: list[Settings] = []
        self.parameters: list[Value] = []
        self.steps = 0
        self._states: dict[Value, State] = {}
        self._last: dict[Value, tuple[Raw, Raw, Raw, State, State, Settings]] = {}
        for group in groups_of(parameters):
            self._add(group)

    @abstractmethod
    def update(self, p: Raw, g: Raw, state: State, s: Settings) -> tuple[Raw, State]:
        """The new number of a parameter, and its new state: from number, gradient, state, settings.

        Nothing is changed in place. ``state`` is empty at the parameter's first step.
        """

    @abstractmethod
    def shares(self, p: Raw, g: Raw, old: State, new: State, s: Settings) -> dict[str, Any]:
        """What gradient, momentum and decay contributed to a step, for `why`."""

    @abstractmethod
    def formula(self, s: Settings) -> str:
        """The rule in words, as it is with these settings."""

    def terms(self, new: State, s: Settings) -> dict[str, Any]:
        """The numbers that the formula's letters stood for in a step, for `why`."""
        return {}

    def check(self, s: Settings) -> None:  # noqa: B027 (most have none)
        """Refuse settings that do not go together; each alone is checked already."""

    def settings(self, group: int = 0) -> Settings:
        """The numbers the rule runs with, the learning rate among them; those of one group."""
        return {name: self.param_groups[group][name] for name in self.defaults}

    @property
    def lr(self) -> float:
        """The learning rate (of the first group). Setting it sets that of all groups."""
        if "lr" not in self.defaults:
            raise AutodiffError(f"{type(self).__name__} has no learning rate")
        return float(self.param_groups[0]["lr"])

    @lr.setter
    def lr(self, rate: float) -> None:
        new = checked_settings({"lr": rate}, self.defaults, type(self).__name__)
        for group in self.param_groups:
            group.update(new)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Train more parameters, with settings of their own: ``{"params": […], "lr": 0.1}``.

        Raises `DTypeError` for an unknown setting, and for a parameter that is trained already.
        """
        self._add(groups_of([group])[0])

    def _add(self, group: Settings) -> None:
        number, params = len(self.param_groups), group["params"]
        own = {name: value for name, value in group.items() if name != "params"}
        where = f"group {number} of {type(self).__name__}"
        made = {**self.defaults, **checked_settings(own, self.defaults, where)}
        self.check(made)
        known = set(self.parameters)
        for p in params:
            if p in known:
                at = next(i for i, g in enumerate(self.param_groups) if p in g["params"])
                raise DTypeError(
                    f"{describe(p)} is in group {at} and in group {number}",
                    hint="a parameter is stepped once: leave it in one group",
                )
        self.param_groups.append({"params": params, **made})
        self.parameters = [*self.parameters, *params]

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
        if (recording := MODE.get().recording) is not None:
            recording.step(self)
            return
        moves = []
        for group in self.param_groups:
            settings = {name: group[name] for name in self.defaults}
            for p in group["params"]:
                g = p._grad
                if g is None or not p.requires_grad:
                    continue
                if type(g) is Value:
                    g = g._data
                if (type(g) is not float or not isfinite(g * g)) and not _usable(g, self.squares):
                    raise _wild_gradient(p, g)
                new, after = self.update(p._data, g, self._states.get(p, {}), settings)
                moves.append((p, g, new, after, settings))
        self.carry_out(moves)

    def carry_out(self, moves: Sequence[tuple[Value, Raw, Raw, State, Settings]]) -> None:
        """Assign parameters with their gradients, new numbers and new states: all, or none."""
        for p, g, new, _, settings in moves:
            if type(new) is float and isfinite(new) and type(p._data) is float:
                continue  # what follows finds nothing either, at several times the cost
            if type(new) is np.ndarray:
                lock(new)
            if not _finite(new):
                raise _wild_step(p, settings["lr"]) if _finite(g) else _wild_gradient(p, g)
            if shape(new) != shape(p._data):
                raise ShapeError(
                    f"an update of shape {shape(new)} for {describe(p)}",
                    hint="an update has its parameter's shape; it never broadcasts a parameter",
                )
        if not moves:
            raise AutodiffError("no parameter has a gradient to follow", hint=_NO_GRADIENT)
        self.steps += 1
        for p, g, new, after, settings in moves:
            old, state = p._data, self._states.get(p, {})
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
        if (recording := MODE.get().recording) is not None:
            self.zero_grad()
            loss.backward(np.ones(loss.shape) if loss.shape else None)
            self.step()
            recording.minimized(loss)
            return loss  # type: ignore[return-value]  # the number, when the recording is run
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
        name = parameter.name or "the parameter"
        step = int(after.get("step", self.steps))
        parts = take_apart(old, new, shares)
        return Update(
            name, old, new, g, parts, settings.get("lr", 1.0), self.formula(settings),
            _numbers(settings), step, self.terms(after, settings),
        )  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """All it takes to go on from here, as plain numbers and arrays; parameters by position.

        ``groups`` holds the settings of each group (and what a schedule remembers there),
        ``state`` what the rule remembers of each parameter.
        """
        numbered = {p: i for i, p in enumerate(self.parameters)}
        groups = [{**g, "params": [numbered[p] for p in g["params"]]} for g in self.param_groups]
        states = {numbered[p]: dict(state) for p, state in self._states.items()}
        kind = type(self).__name__
        return {"optimizer": kind, "steps": self.steps, "groups": groups, "state": states}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on where the optimizer that gave this `state_dict` stopped: with its settings too.

        Raises `ShapeError` when a state does not fit its parameter, `DTypeError` for the state of
        another optimizer or of other groups; nothing has been changed then.
        """
        groups = read_groups(self, saved)
        states = {
            self.parameters[i]: state for i, state in read_states(self.parameters, saved).items()
        }
        for group, new in zip(self.param_groups, groups, strict=True):
            group.update(new)
        self._states, self.steps, self._last = states, int(saved["steps"]), {}

    def __repr__(self) -> str:
        numbers = ", ".join(f"{k}={v:g}" for k, v in _numbers(self.settings()).items())
        n, m = len(self.parameters), len(self.param_groups)
        groups = f" in {m} groups" if m > 1 else ""
        return f"{type(self).__name__}({n} parameter{'s' * (n != 1)}{groups}, {numbers})"


_NO_GRADIENT = (
    "call loss.backward() before opt.step():\n"
    "    opt.zero_grad(); loss.backward(); opt.step()      # or opt.minimize(loss)\n"
    "  and check that the loss is computed from these parameters"
)
_BIRTHPLACE = (
    "opt.minimize(loss) tells where it was born, and so does\n"
    "    from tinygrad_edu.birth import birth_of_nan; print(birth_of_nan(loss))"
)


def _numbers(settings: Settings) -> dict[str, float]:
    """The settings that play a part, one number each."""
    found: dict[str, float] = {}
    for name, value in settings.items():
        if name == "betas":
            found["beta1"], found["beta2"] = value
        elif value or name == "lr":
            found[name] = float(value)
    return found


def _wild_gradient(p: Value, g: Raw) -> NonFiniteError:
    if not _finite(g):
        return NonFiniteError(f"the gradient of {describe(p)} is not finite", hint=_BIRTHPLACE)
    return NonFiniteError(
        f"the gradient of {describe(p)} is too large to be squared",
        hint="tg.optim.clip_grad_norm(parameters, 1.0) before the step",
    )


def _wild_step(p: Value, rate: float) -> NonFiniteError:
    return NonFiniteError(
        f"the step would make {describe(p)} infinite or NaN",
        hint=f"a smaller learning rate than {rate:g}; nothing moved",
    )


def _usable(g: Raw, squares: bool) -> bool:
    """Whether a gradient is finite, and its square too where the rule needs it: an infinite mean of
    squares would stay so, and no later step would move anything. One pass where all is well.
    """
    if isfinite(g * g if type(g) is float else np.vdot(g, g)):
        return True
    with np.errstate(over="ignore"):
        return all_finite(g) and not (squares and not all_finite(g * g))


def _finite(g: Any) -> bool:
    if type(g) is float:
        return isfinite(g)
    g = g._data if type(g) is Value else g
    # One pass without a temporary array; an overflow of the product sends us to the exact answer.
    return type(g) is np.ndarray and (isfinite(np.vdot(g, g)) or all_finite(g))
