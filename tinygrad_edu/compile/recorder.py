"""Recording a function for the compiler: what it computes, and what it changes.

While a function is recorded nothing outside is changed. `Value.assign`, `backward` and the step of
an optimizer are written down as results (*effects*), and carried out after each run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu import wording
from tinygrad_edu.birth import all_finite
from tinygrad_edu.context import Tag
from tinygrad_edu.engine import Value, describe, make_leaf
from tinygrad_edu.engine import _next_id as next_id
from tinygrad_edu.errors import NonFiniteError, RecordingError
from tinygrad_edu.nn.module import WATCHERS, Module
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.raw import operand
from tinygrad_edu.tape import Recording, Tape, example, nodes_below
from tinygrad_edu.transforms import flatten


@dataclass(eq=False)
class Move:
    """One parameter in the step of an optimizer: its gradient, new number and new state."""

    parameter: Value
    group: int
    gradient: Value
    new: Any
    before: dict[str, Value]
    after: dict[str, Any]
    places: list[int] = field(default_factory=list)


@dataclass(eq=False)
class Step:
    """A step of an optimizer as instructions; its rates and its memory are read at each run."""

    optimizer: Optimizer
    rates: list[Value]
    moves: list[Move] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    simple: bool = True  # numbers have their parameters' shapes and types, so they are put in place

    def refresh(self) -> None:
        """Put the rates and the memory of this moment into the leaves that stand for them."""
        for rate, group in zip(self.rates, self.optimizer.param_groups, strict=True):
            rate._data = float(group["lr"])
        for move in self.moves:
            if move.before:
                state = self.optimizer._states[move.parameter]
                for key, leaf in move.before.items():
                    leaf._data = state[key]

    def guard(self) -> Any:
        """What the instructions were recorded for; where it differs they do not hold."""
        states, names, found = self.optimizer._states, self.names, []
        for group in self.optimizer.param_groups:
            params = group["params"]
            found.append([group[name] for name in names])
            found.append([p.requires_grad for p in params])
            found.append([len(states[p]) if p in states else 0 for p in params])
        return found

    def bind(self, place: dict[Value, int]) -> None:
        """Note where the effects stand that a step consists of."""
        self.names = [name for name in self.optimizer.defaults if name != "lr"]
        for m in self.moves:
            m.places = [place[m.gradient], *[place.get(x, -1) for x in (m.new, *m.after.values())]]
            same_type = isinstance(m.new, Value) and m.new.dtype == m.parameter.dtype
            self.simple = self.simple and same_type and m.new.shape == m.parameter.shape

    def carry_out(self, numbers: Sequence[Any]) -> None:
        """Do with the numbers of one run what the optimizer does after its updates."""
        moves: list[tuple[Any, ...]] = []
        optimizer = self.optimizer
        settings = [optimizer.settings(i) for i in range(len(self.rates))]
        total = 0.0
        for m in self.moves:
            found: list[Any] = [numbers[i] if i >= 0 else None for i in m.places]
            g, new, *after = found
            state = {}
            if after:
                pairs = zip(m.after.items(), after, m.places[2:], strict=True)
                state = {key: x if i >= 0 else fixed for (key, fixed), x, i in pairs}
            moves.append((m.parameter, g, new, state, settings[m.group]))
            total += new if type(new) is float else np.vdot(new, new)
        if not (self.simple and math.isfinite(total)):
            optimizer.carry_out(moves)  # what is not finite is told there, and nothing moves
            return
        optimizer.steps += 1
        states, last = optimizer._states, optimizer._last
        for p, g, new, state, own in moves:
            last[p] = (p._data, new, g, states.get(p, {}), state, own)
            p._data, p.id, states[p] = new, next_id(), state


@dataclass(eq=False)
class Recorded:
    """A recorded function: the tape (results, then effects) and what to do with the effects."""

    tape: Tape
    writes: list[tuple[Value, Value]]
    gradients: list[tuple[Value, Value]]
    steps: list[Step]
    losses: list[Value]
    effects: list[Value]
    modules: dict[Module, bool]
    places: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        place = {x: i for i, x in enumerate(self.effects)}
        for step in self.steps:
            step.bind(place)
        self.places["losses"] = [place[x] for x in self.losses]
        self.places["writes"] = [place[x] for _, x in self.writes]
        self.places["gradients"] = [place[x] for _, x in self.gradients]

    @property
    def guarded(self) -> bool:
        """Whether anything can change between calls that the tape was recorded for."""
        return bool(self.gradients or self.steps or self.modules)

    def guard(self) -> Any:
        """What must still hold for the tape to be this function."""
        frozen = [leaf.value.requires_grad for leaf in self.tape.leaves] if self.gradients else ()
        return frozen, [m.training for m in self.modules], [step.guard() for step in self.steps]

    def apply(self, numbers: Sequence[Any]) -> None:
        """Carry out the effects of one run."""
        for i in self.places["losses"]:
            if not all_finite(numbers[i]):
                raise NonFiniteError(f"the loss is {numbers[i]}; nothing moved", hint=_BORN)
        for step in self.steps:
            step.carry_out(numbers)
        for (value, _), i in zip(self.writes, self.places["writes"], strict=True):
            value.assign(numbers[i])
        for (value, _), i in zip(self.gradients, self.places["gradients"], strict=True):
            value._grad = numbers[i]


_BORN = "the function without tg.compile tells where it was born"


class Recorder(Recording):
    """The switch under which a function is recorded for the compiler."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: dict[Value, tuple[Value, int]] = {}
        self.graded: dict[Value, Any] = {}
        self.steps: list[Step] = []
        self.losses: list[Value] = []
        self.modules: dict[Module, bool] = {}

    def called(self, module: Module, out: Any) -> None:
        """A module that the function calls: whether it trains is what the program is for."""
        self.modules[module] = module.training
        if module.training and getattr(module, "running_mean", None) is not None:
            raise RecordingError(
                f"{type(module).__name__} follows its batches in training, outside of the graph; a "
                "compiled call would leave its running statistics as they are",
                hint="model.eval() before compiling, track_running_stats=False, or no tg.compile",
            )

    def minimized(self, loss: Value) -> None:
        """`Optimizer.minimize` refuses a loss that is not finite: so does each run."""
        self.losses.append(loss)

    def assign(self, value: Value, new: Any) -> Value:
        """`Value.assign` while recording: carried out after each run."""
        new = new if isinstance(new, Value) else make_leaf(operand(new), None)
        if new.shape != value.shape:
            raise wording.other_shape(new.shape, value)
        if value.id > self.start:
            raise RecordingError(
                f"{describe(value)} is assigned, but it is an argument or was made here",
                hint="return the new number; only what lives outside of the function is assigned",
            )
        self.writes[value] = (new, make_leaf(0.0).id)
        return value

    def gradient(self, leaf: Value, g: Value) -> Value:
        """The gradient that `backward` leaves at a leaf while recording."""
        if leaf._grad is not None and leaf not in self.graded:
            raise RecordingError(
                f"{describe(leaf)} holds a gradient from before, which this one would be added to",
                hint="call zero_grad() of the optimizer or of v before backward() in the function",
            )
        total = g if leaf._grad is None else leaf._grad + g
        self.graded[leaf] = total
        return total

    def step(self, optimizer: Optimizer) -> None:
        """`Optimizer.step` while recording: its own `update`, on Values."""
        if any(step.optimizer is optimizer for step in self.steps):
            raise RecordingError("the optimizer steps twice in one compiled call",
                                 hint="compile one step and call it twice")  # fmt: skip
        rates = [_named(make_leaf(float(g["lr"])), "lr") for g in optimizer.param_groups]
        step = Step(optimizer, rates)
        for number, group in enumerate(optimizer.param_groups):
            settings = {**optimizer.settings(number), "lr": rates[number]}
            for p in group["params"]:
                g = p._grad
                if g is None or not p.requires_grad:
                    continue
                if not isinstance(g, Value) or p not in self.graded:
                    raise RecordingError(
                        f"the gradient of {describe(p)} was computed before the recording",
                        hint="zero_grad(), backward() and step() go together in the function",
                    )
                state = optimizer._states.get(p, {})
                before = {k: _named(make_leaf(x), k) for k, x in state.items()}
                new, after = optimizer.update(p, g, dict(before), settings)
                step.moves.append(Move(p, number, g, new, before, after))
                self.writes[p] = (new, make_leaf(0.0).id)
        if not step.moves:
            optimizer.carry_out([])  # it says that there is no gradient to follow
        self.steps.append(step)

    def finish(self, outs: list[Value], leaves: list[Value], rebuild: Any) -> Recorded:
        """The tape of the results and the effects."""
        by_step = {m.parameter for step in self.steps for m in step.moves}
        writes = [(v, new) for v, (new, _) in self.writes.items() if v not in by_step]
        outs = [self.writes[v][0] if v in self.writes else v for v in outs]
        gradients = [
            (v, v._grad) for v in self.graded if v.id < self.start and isinstance(v._grad, Value)
        ]
        effects = [new for _, new in writes] + [g for _, g in gradients] + self.losses
        for move in (m for step in self.steps for m in step.moves):
            effects += [x for x in (move.gradient, move.new, *move.after.values())
                        if isinstance(x, Value)]  # fmt: skip
        effects = list(dict.fromkeys(effects))
        tape = Tape.of(*outs, *effects, inputs=leaves, roles=False)
        self._refuse_reads(outs + effects)
        inputs = tuple(range(len(leaves)))
        tape = Tape(tape.leaves, tape.instructions, tape.outputs, inputs, rebuild)
        return Recorded(tape, writes, gradients, self.steps, self.losses, effects, self.modules)

    def _refuse_reads(self, roots: list[Value]) -> None:
        """What was assigned may not be read afterwards: it still holds its old number."""
        for v in nodes_below(roots):
            for x in v.inputs:
                if isinstance(x, Value) and x in self.writes and v.id > self.writes[x][1]:
                    raise RecordingError(
                        f"{describe(x)} is read after it was assigned in the same compiled call",
                        hint="use the new number itself, or compile one step and call it twice",
                    )


def record(function: Callable[..., Any], tree: Any, marks: Sequence[str | None]) -> Recorded:
    """Record ``function(*args, **kwargs)`` for ``tree = (args, kwargs)``.

    ``marks`` names the leaves of the tree that are inputs ("" for no name); None stays as it is.
    """
    flat, rebuild = flatten(tree)
    recorder = Recorder()
    with recorder:
        leaves = [
            x if m is None else _named(example(x), m) for x, m in zip(flat, marks, strict=True)
        ]
        args, kwargs = rebuild(leaves)
        WATCHERS.append(recorder.called)
        try:
            outs, rebuild_out = flatten(function(*args, **kwargs))
            roots = [x if isinstance(x, Value) else _constant(x) for x in outs]
            given = [x for x, m in zip(leaves, marks, strict=True) if m is not None]
            return recorder.finish(roots, given, rebuild_out)
        finally:
            WATCHERS.remove(recorder.called)
            for leaf in recorder.graded:
                leaf._grad = None


def _named(leaf: Value, name: str) -> Value:
    if name and leaf.tag.name is None:
        leaf.tag = Tag(name, leaf.tag.role, leaf.tag.scope)
    return leaf


def _constant(x: Any) -> Value:
    if x is None or isinstance(x, (str, bytes)):
        raise RecordingError(
            f"the function returns {x!r}, which is no number",
            hint="return Values, numbers, arrays, or nested lists, tuples and dicts of them",
        )
    return make_leaf(operand(x, plain=True), None)
