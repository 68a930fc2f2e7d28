"""`Module`: something with parameters that can be called, and how its parameters are found."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.context import Role
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, RoleError, ShapeError, TinygradError

Array = NDArray[Any]
_GIVEN = (Role.INPUT, Role.TARGET, Role.CONSTANT)
_TRAINED = (Role.WEIGHT, Role.BIAS, Role.FACTOR)


def Parameter(data: Any, name: str | None = None, role: Role | str = "weight") -> Value:
    """A number or array that training adjusts: a leaf `Value` with a role.

    >>> Parameter(0.5, "gain")
    Value(0.5, 'gain', weight, grad: not computed)
    """
    made = Value(data, name, role)
    if made.role in _GIVEN:
        raise RoleError(f"a parameter is trained, and a role {str(made.role)!r} is given data")
    return made


@dataclass(frozen=True, eq=False)
class LayerInfo:
    """A layer as plain numbers, for pictures and tables.

    ``weight`` has shape (inputs, outputs), ``bias`` (outputs,) or is None; the gradients are None
    where they have not been computed. ``kind`` is "layer" or "neuron", ``form`` "scalar" or
    "tensor", ``activation`` a name or None.
    """

    name: str
    kind: str
    form: str
    inputs: int
    outputs: int
    activation: str | None
    weight: Array
    bias: Array | None
    weight_grad: Array | None
    bias_grad: Array | None
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()


class Module(ABC):
    """A part of a network. Write ``forward``; calling the module calls it.

    Parameters are the leaf Values found in attributes, in lists, tuples and dicts of them, and in
    modules inside; each is found once, however many names lead to it. Nothing has to be registered
    and ``super().__init__()`` need not be called.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factors = [Parameter(2.0), Parameter(3.0)]
    ...     def forward(self, x):
    ...         return self.factors[0] * x + self.factors[1]
    >>> model = Scale()
    >>> model(5.0).data, [path for path, parameter in model.named_parameters()]
    (13.0, ['factors.0', 'factors.1'])
    """

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def parameters(self) -> list[Value]:
        """All parameters, each once, in the order of the attributes."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """All parameters with the path that leads to each: ``layers.0.neurons.2.weights.1``."""
        found = _walk(self, "", set())
        return [(path, v) for path, v in found if isinstance(v, Value) and _is_parameter(v)]

    def modules(self) -> list[Module]:
        """This module and all modules inside, each once."""
        return [m for _, m in _walk(self, "", set()) if isinstance(m, Module)]

    def zero_grad(self) -> None:
        """Forget all gradients: they are "not computed" again."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self) -> dict[str, Array]:
        """The numbers of all parameters by path, as new arrays; a scalar has shape ()."""
        return {path: p.numpy() for path, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give all parameters the numbers that `state_dict` returned: all of them, or none.

        Raises `TinygradError` for missing or unknown paths, `ShapeError` for another shape and
        `DTypeError` for what are not real numbers; each names the path.
        """
        own = dict(self.named_parameters())
        missing = [path for path in own if path not in state]
        unknown = [path for path in state if path not in own]
        if missing or unknown:
            raise TinygradError(_mismatch(missing, unknown, list(own)))
        arrays = {path: np.asarray(state[path]) for path in own}
        for path, parameter in own.items():
            new = arrays[path]
            if new.dtype.kind not in "fiub":
                raise DTypeError(f"{path}: {new.dtype} is not a type of real numbers")
            if new.shape != parameter.shape:
                raise ShapeError(
                    f"{path}: the state holds shape {new.shape}, the parameter has shape "
                    f"{parameter.shape}",
                    hint="build the model with the sizes it was saved with",
                )
        for path, parameter in own.items():
            parameter.assign(arrays[path])

    def structure(self) -> list[LayerInfo]:
        """The layers inside as plain numbers, in order: what a module is drawn from."""
        return [info for child in _children(self) for info in child.structure()]

    def __repr__(self) -> str:
        inside = [f"  {line}" for m in _children(self) for line in repr(m).splitlines()]
        name, count = type(self).__name__, _count(self)
        return "\n".join([f"{name}({count}", *inside, ")"]) if inside else f"{name}({count})"


def _count(module: Module) -> str:
    n = sum(p.size for p in module.parameters())
    return f"{n:,} parameter{'s' * (n != 1)}"


def _is_parameter(v: Value) -> bool:
    if v.op is not None or v.role in _GIVEN:
        return False
    return v.requires_grad or v.role in _TRAINED  # a frozen weight is still part of the model


def _fields(module: Module) -> Iterator[tuple[str, Any]]:
    """Attributes in the order in which they were set, those in ``__slots__`` first."""
    for cls in reversed(type(module).__mro__):
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                yield name, getattr(module, name, None)
    yield from vars(module).items()


def _items(x: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What is inside a module or container, with the name that leads there."""
    if isinstance(x, Module):
        yield from _fields(x)
    elif isinstance(x, (list, tuple)):
        yield from ((str(i), item) for i, item in enumerate(x))
    elif isinstance(x, Mapping):
        yield from ((str(key), item) for key, item in x.items())
    elif isinstance(x, (set, frozenset)) and any(isinstance(i, (Value, Module)) for i in x):
        raise DTypeError(
            f"{path} is a set: its parameters have no order, so no path and no reproducible run",
            hint="a list, tuple or dict of parameters",
        )


def _walk(x: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Values and modules below ``x``, each once by identity, in order."""
    if id(x) in seen:
        return
    if isinstance(x, Value):
        seen.add(id(x))
        yield path, x
        return
    if isinstance(x, Module):
        yield path, x
    elif not isinstance(x, (list, tuple, Mapping, set, frozenset)):
        return
    seen.add(id(x))
    for name, item in _items(x, path):
        yield from _walk(item, f"{path}.{name}" if path else name, seen)


def _children(x: Any, seen: set[int] | None = None) -> list[Module]:
    """The modules directly inside, in order; one that is used in two places stands in both."""
    above = (seen or set()) | {id(x)}
    found: list[Module] = []
    for _, item in _items(x, type(x).__name__):
        if id(item) in above:
            continue
        if isinstance(item, Module):
            found.append(item)
        elif isinstance(item, (list, tuple, Mapping)):
            found += _children(item, above)
    return found


def _mismatch(missing: list[str], unknown: list[str], own: list[str]) -> str:
    lines = ["the state does not fit this model"]
    if missing:
        lines.append(f"  missing: {', '.join(missing[:5])}" + " …" * (len(missing) > 5))
    for path in unknown[:5]:
        near = difflib.get_close_matches(path, own, n=1)
        lines.append(f"  unknown: {path}" + (f" (did you mean {near[0]}?)" if near else ""))
    return "\n".join(lines)
