"""What `Optimizer.load_state_dict` accepts: all of it is looked at before any is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.optim.groups import checked_settings
from tinygrad_edu.raw import lock

if TYPE_CHECKING:
    from tinygrad_edu.optim.optimizer import Optimizer

State = dict[str, Any]
# One number per parameter, whatever the parameter's shape.
COUNTERS = ("step", "mu_product")
# What schedules keep in a group beside the rule's settings.
_SCHEDULED = ("initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum")


def read_groups(optimizer: Optimizer, saved: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The saved settings of each group, if they are those of this kind of optimizer."""
    kind, other = type(optimizer).__name__, saved.get("optimizer")
    if other != kind or not {"groups", "state", "steps"} <= set(saved):
        what = f"the state of {other}" if other else "not the state of an optimizer"
        raise DTypeError(f"this is {what}; it cannot go on as {kind}", hint="opt.state_dict()")
    have = [len(group["params"]) for group in optimizer.param_groups]
    given = [len(group["params"]) for group in saved["groups"]]
    if have != given:
        raise ShapeError(
            f"the state has groups of {given} parameters; this optimizer has {have}",
            hint="make the optimizer with the same groups, in the same order",
        )
    settings = []
    for i, group in enumerate(saved["groups"]):
        extra = {k: float(v) for k, v in group.items() if k in _SCHEDULED}
        own = {k: v for k, v in group.items() if k != "params" and k not in extra}
        checked = checked_settings(own, optimizer.defaults, f"group {i} of {kind}")
        optimizer.check({**optimizer.defaults, **checked})
        settings.append({**checked, **extra})
    return settings


def read_states(parameters: Sequence[Value], saved: Mapping[str, Any]) -> dict[int, State]:
    """The saved states by the parameter's position, as arrays that nobody else holds."""
    states: dict[int, State] = {}
    for i, state in saved["state"].items():
        if not 0 <= int(i) < len(parameters):
            raise ShapeError(f"a state for parameter {i}; there are {len(parameters)}")
        p = parameters[int(i)]
        for key, value in state.items():
            if key not in COUNTERS and np.shape(value) != p.shape:
                raise ShapeError(
                    f"{key} of shape {np.shape(value)} for {describe(p)}, parameter {i}",
                    hint="give the parameters in the order in which they were saved",
                )
        states[int(i)] = {k: _own(v, p) for k, v in state.items()}
    return states


def _own(x: Any, p: Value) -> Any:
    return lock(np.array(x, dtype=p.dtype)) if np.ndim(x) else float(x)
