"""Where a `Value` is made: its scope, its line in the user's program, and what is switched on.

All of it is one context variable, read once per operation: a new thread starts clean, a task has
its own, an exception restores it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from enum import StrEnum
from types import FrameType
from typing import Any, Self, TypeVar

from tinygrad_edu.errors import RoleError
from tinygrad_edu.sites import Site, user_site


class Role(StrEnum):
    """What a node is for. Roles never enter the maths; see `tinygrad_edu.roles` for inference."""

    INPUT = "input"
    WEIGHT = "weight"
    BIAS = "bias"
    PRODUCT = "product"
    PARTIAL_SUM = "partial sum"
    WEIGHTED_SUM = "weighted sum"
    ACTIVATION = "activation"
    OUTPUT = "output"
    TARGET = "target"
    LOSS = "loss"
    CONSTANT = "constant"
    FACTOR = "factor"
    OPERATION = "operation"


def role_of(role: Role | str | None) -> Role | None:
    """The role with that name; None stays None.

    >>> role_of("weighted sum")
    <Role.WEIGHTED_SUM: 'weighted sum'>
    """
    try:
        return role if role is None or type(role) is Role else Role(role)
    except ValueError:
        names = ", ".join(repr(r.value) for r in Role)
        raise RoleError(f"no role {role!r}", hint=f"one of {names}") from None


F = TypeVar("F", bound=Callable[..., Any])
SCOPE_KINDS = ("model", "layer", "neuron", "function", "group", "derivative")


class Scope:
    """A named part of a program (layer, neuron, …): a cluster of the picture and a prefix of names.

    The same name below the same parent is the same object, so nodes of one neuron stay together
    however often it is called.
    """

    __slots__ = ("_children", "kind", "name", "parent", "tag")

    def __init__(self, name: str, kind: str, parent: Scope | None) -> None:
        self.name, self.kind, self.parent = name, kind, parent
        self._children: dict[tuple[str, str], Scope] = {}
        self.tag = Tag(None, None, self)

    def child(self, name: str, kind: str) -> Scope:
        """The scope ``name`` below this one."""
        try:
            return self._children[name, kind]
        except KeyError:
            return self._children.setdefault((name, kind), Scope(name, kind, self))

    @property
    def lineage(self) -> tuple[Scope, ...]:
        """The scopes from the outermost to this one; `()` at top level."""
        above = () if self.parent is None else self.parent.lineage
        return () if self.parent is None else (*above, self)

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the outermost scope to this one."""
        return tuple(scope.name for scope in self.lineage)

    def __repr__(self) -> str:
        return f"Scope({'.'.join(self.path)!r}, kind={self.kind!r})"


class Tag:
    """What is said about a node beside its maths: name, explicit role, scope. Shared and frozen."""

    __slots__ = ("name", "role", "scope")

    def __init__(self, name: str | None, role: Role | None, scope: Scope) -> None:
        if name is not None and not isinstance(name, str):
            raise RoleError(f"a name is a text, got {name!r}", hint='tg.weight(0.5, "w1")')
        self.name, self.role, self.scope = name, role, scope


ROOT = Scope("", "model", None)


class Mode:
    """What holds at one moment in one thread: scope, gradients on, recording, site, nesting."""

    __slots__ = ("frame", "grad", "nested", "previous", "recording", "site", "switch", "tag")

    tag: Tag
    grad: bool
    recording: Any
    site: Site | None
    nested: bool
    previous: Mode | None
    switch: Switch | None  # what made it of the previous one
    frame: FrameType | None  # the generator that holds it, if one does

    def but(self, **changes: Any) -> Mode:
        """This mode with some fields changed, remembering what to go back to."""
        new = Mode()
        new.tag, new.grad, new.recording = self.tag, self.grad, self.recording
        new.site, new.nested, new.previous = self.site, self.nested, self
        new.switch = new.frame = None
        for name, value in changes.items():
            setattr(new, name, value)
        return new


_DEFAULT = Mode()
_DEFAULT.tag, _DEFAULT.grad, _DEFAULT.nested = ROOT.tag, True, False
_DEFAULT.recording = _DEFAULT.site = _DEFAULT.previous = _DEFAULT.switch = _DEFAULT.frame = None
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
MODE: ContextVar[Mode] = ContextVar("tinygrad_edu.mode", default=_DEFAULT)


def running(mode: Mode) -> Mode:
    """The innermost mode that holds here: those of suspended generators are left out.

    Python gives a generator no context of its own, so what it switches on stays on at a ``yield``;
    but a frame that is suspended has no caller.
    """
    while mode.frame is not None and mode.frame.f_back is None and mode.previous is not None:
        mode = mode.previous
    return mode


class Switch(ABC):
    """A context manager and decorator that changes the mode; the base of `scope` and `no_grad`.

    A generator, decorated or with a ``with`` block around its ``yield``, has the mode while it runs
    and gives it back at each ``yield``.
    """

    @abstractmethod
    def change(self, mode: Mode) -> Mode:
        """The mode that holds inside."""

    def __enter__(self) -> Self:
        self._enter(sys._getframe(1))
        return self

    def _enter(self, caller: FrameType | None) -> None:
        outer = MODE.get()
        changed = self.change(outer if outer.frame is None else running(outer))
        changed.switch, changed.previous = self, outer
        if caller is not None and caller.f_code.co_flags & _GENERATOR:
            changed.frame = caller
        MODE.set(changed)

    def __exit__(self, *exception: object) -> None:
        mode = MODE.get()
        if mode.switch is self:
            MODE.set(mode.previous or _DEFAULT)
        else:
            self._leave_below(mode)

    def _leave_below(self, mode: Mode) -> None:
        """Leave while others, entered later, have not been left: a suspended generator's."""
        above = list[tuple[Switch, FrameType | None]]()
        while mode.switch is not self and mode.previous is not None:
            above.append((mode.switch or self, mode.frame))
            mode = mode.previous
        MODE.set(mode.previous or _DEFAULT)
        for switch, frame in reversed(above):
            switch._enter(frame)

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                return self._drive(function(*args, **kwargs))

            return generator  # type: ignore[return-value]
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            def stream(*args: Any, **kwargs: Any) -> Any:
                return self._drive_async(function(*args, **kwargs))

            return stream  # type: ignore[return-value]
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return coroutine  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    def _drive(self, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        inner = self.change(MODE.get())
        step: Callable[[], Any] = functools.partial(next, generator)
        while True:
            outer = MODE.get()
            MODE.set(inner)
            try:
                item = step()
            except StopIteration as stop:
                return stop.value
            finally:
                inner = MODE.get()
                MODE.set(outer)
            try:
                sent = yield item
                step = functools.partial(generator.send, sent)
            except GeneratorExit:
                generator.close()
                raise
            except BaseException as error:
                step = functools.partial(generator.throw, error)

    async def _drive_async(self, stream: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
        inner, sent = self.change(MODE.get()), None
        while True:
            outer = MODE.get()
            MODE.set(inner)
            try:
                item = await stream.asend(sent)
            except StopAsyncIteration:
                return
            finally:
                inner = MODE.get()
                MODE.set(outer)
            try:
                sent = yield item
            except GeneratorExit:
                await stream.aclose()
                raise


class scope(Switch):
    """Name a part of the network: ``with scope("hidden", kind="layer"): …``, or as a decorator.

    Values made inside belong to it: it is their cluster in the picture and the prefix of their
    names. ``kind`` is "layer", "neuron", "function", "model" or "group".

    >>> with scope("hidden", kind="layer") as s:
    ...     MODE.get().tag.scope.path
    ('hidden',)
    """

    def __init__(self, name: str, kind: str = "group") -> None:
        if not isinstance(name, str) or not name:
            raise RoleError(f"a scope's name is a non-empty text, got {name!r}")
        if kind not in SCOPE_KINDS:
            raise RoleError(f"no scope kind {kind!r}", hint=f"one of {', '.join(SCOPE_KINDS)}")
        self.name, self.kind = name, kind

    def change(self, mode: Mode) -> Mode:
        changed = mode.but()
        changed.tag = mode.tag.scope.child(self.name, self.kind).tag
        return changed


class library_scope(scope):
    """`scope` for the library's own composites: what is made inside carries the caller's line."""

    def change(self, mode: Mode) -> Mode:
        changed = mode.but()
        changed.tag = mode.tag.scope.child(self.name, self.kind).tag
        if changed.site is None:
            changed.site = user_site(2)
        return changed


class no_grad(Switch):
    """Compute without recording: results are leaves that need no gradient.

    ``with no_grad(): …``, ``@no_grad()`` or ``@no_grad``; it holds in this thread or task only.
    """

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        made = super().__new__(cls)
        return made if function is None else made(function)

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        pass

    def change(self, mode: Mode) -> Mode:
        return mode.but(grad=False)
