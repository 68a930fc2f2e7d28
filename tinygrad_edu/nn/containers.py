"""Modules made of modules: one after the other, around a shortcut; and what only reshapes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.context import library_scope
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.nn.box import Box, as_input
from tinygrad_edu.nn.module import LayerInfo, Module
from tinygrad_edu.sites import user_site
from tinygrad_edu.wording import refusal


class Sequential(Module):
    """Modules one after the other, each on what the one before returned.

    They are given as arguments, or as a dict that names them; ``model[i]`` is one of them, and
    paths are ``0.weight``, ``2.bias``, as in PyTorch. Layers of one shape and one ``seed`` start
    alike, which a warning tells: one generator for all, ``rng = np.random.default_rng(0)`` and
    ``seed=rng``, gives each its own start.

    >>> from tinygrad_edu import nn
    >>> model = Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    >>> model(np.zeros((3, 2))).shape, [path for path, p in model.named_parameters()]
    ((3, 1), ['0.weight', '0.bias', '2.weight', '2.bias'])
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        given = modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else None
        named = given.items() if given is not None else enumerate(modules)
        self._parts: dict[str, Module] = {}
        for name, module in named:
            self._add(str(name), module)
        self._warn_of_twins()

    def _add(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            called = getattr(module, "__name__", None)
            raise DTypeError(
                f"part {name} of a Sequential is a module, not {called or module!r}",
                hint="nn.ReLU() rather than tg.relu; a function of yours goes into an nn.Module",
            )
        self._parts[name] = module
        kind = type(module).__name__.lower()
        module.called(f"{kind} {name}" if name.isdecimal() else name)

    def append(self, module: Module) -> Sequential:
        """Put a module at the end; returns the Sequential."""
        self._add(str(len(self._parts)), module)
        return self

    def forward(self, x: Any) -> Any:
        """What the last module returns."""
        for module in self._parts.values():
            x = module(x)
        return x

    def structure(self) -> list[LayerInfo]:
        """The layers in order; an activation after weighted sums belongs to their layer."""
        found: list[LayerInfo] = []
        for info in super().structure():
            last = found[-1] if found else None
            alone = info.activation and info.weight is None
            if last and alone and np.ndim(last.weight) == 2 and last.activation is None:
                found[-1] = LayerInfo(**{**vars(last), "activation": info.activation})
            else:
                found.append(info)
        return found

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        yield from self._parts.items()
        yield from ((name, x) for name, x in super()._attributes() if name != "_parts")

    def _warn_of_twins(self) -> None:
        seen: dict[tuple[Any, ...], str] = {}
        for path, p in self.named_parameters():
            data = np.asarray(p._data)
            if (data == data.flat[0]).all():  # zeros, ones, one number
                continue
            key = (data.shape, data.tobytes())
            if key in seen:
                text = (
                    f"{seen[key]} and {path} start with the same numbers, because both were drawn "
                    "with one seed; rng = np.random.default_rng(0) and seed=rng in each layer "
                    "gives each its own"
                )
                site = user_site(2)
                if site is None:
                    warnings.warn(text, stacklevel=3)
                else:
                    warnings.warn_explicit(text, UserWarning, site.filename, site.line)
                return
            seen[key] = path

    def __getitem__(self, index: int | str) -> Module:  # `for part in model` goes by it too
        return self._parts[index] if isinstance(index, str) else list(self._parts.values())[index]

    def __len__(self) -> int:
        return len(self._parts)


class Residual(Module):
    """``module(x) + x``: the module learns what is to be added to its input.

    The gradient goes past the module unchanged, so that deep networks learn. ``shortcut`` takes
    the input's place in the sum, where the shapes differ. He, Zhang, Ren and Sun, "Deep residual
    learning for image recognition" (2016), eq. 1 and 2.

    >>> from tinygrad_edu import nn
    >>> Residual(nn.ReLU())([-1.0, 2.0]).data
    array([-1.,  4.])
    """

    def __init__(self, module: Module, shortcut: Module | None = None) -> None:
        for part in (module, *([] if shortcut is None else [shortcut])):
            if not isinstance(part, Module):
                raise DTypeError(f"a Residual is made of modules, not {part!r}", hint="nn.ReLU()")
        self.module, self.shortcut = module, shortcut

    def forward(self, x: Any) -> Any:
        """The shape of the input, or of what the shortcut returns."""
        x = as_input(x)
        out, past = self.module(x), x if self.shortcut is None else self.shortcut(x)
        if out.shape != past.shape:
            what = "the input" if self.shortcut is None else "the shortcut"
            reason = f"the module returns shape {out.shape}, {what} has {past.shape}"
            hint = "give a shortcut, a module that turns the one shape into the other"
            raise refusal("Residual", reason, hint, input=x)
        with library_scope("residual sum", "layer"):
            return out + past


class Identity(Box):
    """What goes in comes out."""

    def __init__(self, *, name: str | None = None) -> None:
        self.begin(name)

    def forward(self, x: Any) -> Any:
        """The input."""
        return as_input(x)


class Flatten(Box):
    """All axes from ``start_dim`` to ``end_dim`` in one: images become rows of numbers.

    >>> Flatten()(np.zeros((8, 3, 4, 4))).shape
    (8, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1, *, name: str | None = None) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim
        self.begin(name)

    def forward(self, x: Any) -> Any:
        """(batch, …) becomes (batch, numbers)."""
        x = as_input(x)
        n = x.ndim
        first, last = (i + n if i < 0 else i for i in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < n:
            raise self.refuse(
                f"axes {self.start_dim} to {self.end_dim} of an input of {n} axes",
                "input is (batch, …); x[None] adds a batch of one", input=x,
            )  # fmt: skip
        middle = math.prod(x.shape[first : last + 1])
        return x.reshape((*x.shape[:first], middle, *x.shape[last + 1 :]))
