"""A small backward pass with switches for what people get wrong in it, and how to exchange it.

With no switch on it computes what the library's own does (a test holds it to that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tinygrad_edu import autodiff, recover, transforms
from tinygrad_edu.autodiff import fit, topological
from tinygrad_edu.engine import Value
from tinygrad_edu.testing import judging, subject
from tinygrad_edu.testing.subject import recorded

_EARLY = 0.1  # the rate of the update that comes too early


@dataclass(frozen=True)
class Engine:
    """Reverse mode, written to be read: each switch is one misconception."""

    recursive: bool = False
    assign: bool = False
    unbroadcast: bool = True
    early_update: bool = False

    def __call__(
        self, root: Value, seed: Any, floor: int = -1, create_graph: bool = False
    ) -> dict[Value, Any]:
        grads: dict[Value, Any] = {root: seed}
        moved: list[tuple[Value, Any]] = []
        try:
            if create_graph:
                with recorded():
                    self._run(root, grads, floor, True, moved)
            else:
                self._run(root, grads, floor, False, moved)
        finally:
            for leaf, data in reversed(moved):
                leaf._data = data
        return grads

    def _run(self, root: Value, grads: Any, floor: int, graph: bool, moved: Any) -> None:
        if not self.recursive:
            for v in topological(root, floor):
                self._push(v, grads, floor, graph, moved if v is not root else None)
            return
        seen = set()

        def visit(v: Value) -> None:  # straight down, before v's other consumers have been heard
            seen.add(v)
            self._push(v, grads, floor, graph, None)
            for x in v.inputs:
                if _needed(x, floor) and x not in seen:
                    visit(x)

        visit(root)

    def _push(self, v: Value, grads: Any, floor: int, graph: bool, moved: Any) -> None:
        """Hand the gradient of one node on to its inputs."""
        op, g = v.op, grads.get(v)
        if op is None or g is None:
            return
        for i, x in enumerate(v.inputs):
            if not _needed(x, floor):
                continue
            xs = v.inputs if graph else [a._data if type(a) is Value else a for a in v.inputs]
            out, params = (v if graph else v._data), v.params or {}
            try:
                d = op.pull(i, g, out, xs, params)
            except (ArithmeticError, ValueError) as error:
                d = recover.pull(op, i, g, out, xs, params, error)
            if d is None:
                continue
            if self.unbroadcast:
                d = fit(d, x, op, i)
            old = grads.get(x)
            grads[x] = d if old is None or self.assign else old + d
            if self.early_update and moved is not None and x.op is None and not graph:
                moved.append((x, x._data))
                x._data = x._data - _EARLY * d


def _needed(x: Any, floor: int) -> bool:
    return type(x) is Value and x.requires_grad and x.id > floor


@contextmanager
def exchanged(engine: Callable[..., Any]) -> Iterator[None]:
    """Every backward pass goes through ``engine`` until the end of the block."""
    kept = autodiff.pull_back
    _install(engine)
    try:
        yield
    finally:
        _install(kept)


def _install(engine: Any) -> None:
    # By name in each module that has taken it over, because the core has no switch to be wrong.
    for module in (autodiff, transforms, subject, judging):
        vars(module)["pull_back"] = engine


@contextmanager
def replaced(thing: Any, **attributes: Any) -> Iterator[None]:
    """An operation or class with other attributes until the end of the block."""
    kept = {name: getattr(thing, name) for name in attributes}
    try:
        for name, value in attributes.items():
            setattr(thing, name, value)
        yield
    finally:
        for name, value in kept.items():
            setattr(thing, name, value)
