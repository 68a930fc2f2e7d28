"""What a layer or a network must obey: `check_module`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.context import no_grad
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.testing.checks import report_on
from tinygrad_edu.testing.law_tools import LawError, bits_of
from tinygrad_edu.testing.report import Report
from tinygrad_edu.testing.subject import Numbers, Subject, data_of, flat, pull, recorded
from tinygrad_edu.transforms import flatten


class ModuleSubject(Subject):
    """A module as a function of its own parameters and of its inputs."""

    def __init__(self, module: Any, inputs: Sequence[Any]) -> None:
        self.module, self.parameters = module, list(module.parameters())
        self.leaves, self.rebuild = flatten(list(inputs))
        data = [x._data if isinstance(x, Value) else x for x in self.leaves]
        self.given = [x.tolist() if np.ndim(x) == 0 and hasattr(x, "tolist") else x for x in data]
        self.moving = [i for i, x in enumerate(self.given) if np.asarray(x).dtype.kind == "f"]

    def point(self) -> Numbers:
        """The parameters' numbers, then the inputs'."""
        own = [p._data for p in self.parameters]
        own += [self.given[i] for i in self.moving]
        return [x if type(x) is float else np.array(x, dtype=np.float64) for x in own]

    def record(self, xs: Numbers) -> tuple[list[Value], list[Any]]:
        with recorded():  # on a copy, because an assignment makes earlier graphs stale
            return self._run(copy.deepcopy(self.module), xs)

    def values(self, xs: Numbers) -> Any:
        with no_grad():
            return flat(self._run(self.module, xs)[1])

    def _run(self, module: Any, xs: Numbers) -> tuple[list[Value], list[Any]]:
        parameters = list(module.parameters())
        for p, x in zip(parameters, xs, strict=False):
            p.assign(x)
        moved = [Value(x) for x in xs[len(parameters) :]]
        full = list(self.given)
        for i, leaf in zip(self.moving, moved, strict=True):
            full[i] = leaf
        outs, _ = flatten(module(*self.rebuild(full)))
        return [*parameters, *moved], outs


def check_module(module: Any, *inputs: Any, **options: Any) -> Report:
    """Hold a module to its laws; raises `LawError` with the one that it breaks.

    Its gradients with respect to every parameter and input agree with differences; every parameter
    is found once and reached by the graph; the same input gives the same bits; calling it changes
    no parameter; `state_dict` holds all there is; `zero_grad` forgets. ``inputs`` are what it is
    called with (numbers for it are made up where it says how many it takes); ``options`` are those
    of `check_gradients`. All is done on copies: the module
    and its gradients are what they were.

    >>> from tinygrad_edu.nn import MLP
    >>> check_module(MLP(2, [3], 1)).verdict
    'right'
    """
    _has_parameters(module)
    inputs = inputs or _made_up(module)
    kept = [(p, p._grad) for p in module.parameters()]
    try:
        subject = ModuleSubject(copy.deepcopy(module), inputs)
        _repeats(module, subject)
        _is_reached(module, subject)
        _state_is_everything(module, subject)
        _forgets(module)
        return _gradients(module, subject, options)
    finally:
        for p, grad in kept:
            p._grad = grad


def _named(module: Any) -> list[tuple[str, Value]]:
    return list(module.named_parameters())


def _fails(module: Any, law: str, text: str, hint: str | None = None) -> LawError:
    return LawError(f"{type(module).__name__} breaks the law '{law}': {text}", hint=hint)


def _has_parameters(module: Any) -> None:
    named = _named(module)
    if not named:
        raise _fails(
            module, "it has parameters", "none was found",
            "keep each nn.Parameter in an attribute, or in a list, tuple or dict of them",
        )  # fmt: skip
    if len({id(p) for _, p in named}) != len(named) or len({path for path, _ in named}) != len(
        named
    ):
        raise _fails(module, "every parameter once", f"{[path for path, _ in named]}")


def _made_up(module: Any) -> tuple[Any, ...]:
    count = getattr(module, "inputs", None)
    if not isinstance(count, int):
        raise DTypeError(
            f"check_module cannot know what {type(module).__name__} is called with",
            hint="check_module(module, x) with an x that it takes",
        )
    numbers = np.random.default_rng(count).normal(size=(3, count))
    return (np.round(numbers, 3),)


def _repeats(module: Any, subject: ModuleSubject) -> None:
    xs = subject.point()
    before = [bits_of(p) for p in subject.parameters]
    first, second = subject.values(xs), subject.values(xs)
    if first.tobytes() != second.tobytes():
        raise _fails(
            module, "the same input, the same bits", "two calls gave different numbers",
            "seed its generator inside, or switch its noise off for the check (dropout: eval())",
        )  # fmt: skip
    if [bits_of(p) for p in subject.module.parameters()] != before:
        raise _fails(module, "calling it changes no parameter", "a call has assigned one")


def _is_reached(module: Any, subject: ModuleSubject) -> None:
    leaves, outs = subject.record(subject.point())
    found = pull(leaves, outs, np.ones(len(flat(outs))))
    names = [path for path, p in _named(module)]
    lost = [
        name
        for name, p, g in zip(names, subject.parameters, found, strict=False)
        if g is None and p.requires_grad
    ]
    if lost:
        raise _fails(
            module, "every parameter is reached", f"no graph leads to {', '.join(lost)}",
            "use the Value itself, not its .data; leave out what is never used",
        )  # fmt: skip


def _state_is_everything(module: Any, subject: ModuleSubject) -> None:
    state = {path: np.array(x) for path, x in module.state_dict().items()}
    before = subject.values(subject.point())
    other = ModuleSubject(copy.deepcopy(module), subject.rebuild(subject.given))
    for p in other.parameters:
        p.assign(data_of(p) + 0.1)
    other.module.load_state_dict(state)
    if other.values(other.point()).tobytes() != before.tobytes():
        raise _fails(
            module, "state_dict holds all there is", "after loading its own state it computes else"
        )


def _forgets(module: Any) -> None:
    for p in module.parameters():
        p.grad = 0.0 * data_of(p) if p.shape else 0.0
    module.zero_grad()
    if any(p.grad is not None for p in module.parameters()):
        raise _fails(module, "zero_grad forgets", "a gradient is still there")


def _gradients(module: Any, subject: ModuleSubject, options: dict[str, Any]) -> Report:
    names = [path for path, _ in _named(module)]
    names += [f"input {k}" for k in range(len(subject.moving))]
    report = report_on(subject, subject.point(), names, [], **options)
    if report.verdict in ("wrong", "random"):
        raise LawError(
            f"{type(module).__name__} breaks the law 'gradients are differences'\n{report}",
        )
    return report
