"""`Module`: something with parameters that can be called, and how its parameters are found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

from numpy.typing import NDArray

from tinygrad_edu.context import Role, Scope, Tag, library_scope, scope
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, RoleError

Array = NDArray[Any]
WATCHERS: list[Callable[[Module, Any], None]] = []
"""Told of every call of a module and of what came out; `summary` is, while it looks."""
_GIVEN = (Role.INPUT, Role.TARGET, Role.CONSTANT)
_PACKAGE = __name__.partition(".")[0] + "."
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


class Loaded(NamedTuple):
    """What `Module.load_state_dict` did not find, and did not know: nothing, where it is strict."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(ABC):
    """A part of a network. Write ``forward``; calling the module calls it.

    Parameters are the leaf Values found in attributes, in lists, tuples and dicts of them, and in
    modules inside; each is found once, however many names lead to it, so that a parameter with two
    owners is counted, trained and saved once. Nothing has to be registered and
    ``super().__init__()`` need not be called. A module inside is called in pictures what its
    attribute is called.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factors = [Parameter(2.0), Parameter(3.0)]
    ...     def forward(self, x):
    ...         return self.factors[0] * x + self.factors[1]
    >>> model = Scale()
    >>> model(5.0).data, [path for path, parameter in model.named_parameters()]
    (13.0, ['factors.0', 'factors.1'])
    """

    training: bool = True
    """Whether dropout drops and batch norm looks at the batch; see `train` and `eval`."""
    transposed: ClassVar[tuple[str, ...]] = ()
    """Own parameters that a state dict holds transposed, because PyTorch does."""
    buffers: ClassVar[tuple[str, ...]] = ()
    """Own constants that belong to the state: running statistics."""
    _scope: str | None = None  # what its part of a picture is called, and of which kind that is
    _kind: ClassVar[str] = "group"

    @abstractmethod
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._scope is None:
            out = self.forward(*args, **kwargs)
        else:
            ours = type(self).__module__.startswith(_PACKAGE)  # the lines in it are not the user's
            with (library_scope if ours else scope)(self._scope, self._kind):
                out = self.forward(*args, **kwargs)
        for watch in WATCHERS:
            watch(self, out)
        return out

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if isinstance(value, (Module, list, tuple, dict)) and value is not self:
            _call_by_attribute(name, value)

    def called(self, name: str) -> Self:
        """Give the module a name for pictures, where it has none yet; returns it."""
        if self._scope is None:
            self._scope = name
        return self

    def parameters(self) -> list[Value]:
        """All parameters, each once, in the order of the attributes."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Value]]:
        """All parameters with the path that leads to each: ``layers.0.neurons.2.weights.1``.

        What an optimizer's groups are made of, as in ``[p for path, p in model.named_parameters()
        if path.endswith("bias")]``.
        """
        found = _walk(self, "", set())
        return [(path, v) for path, v in found if isinstance(v, Value) and is_parameter(v)]

    def modules(self) -> list[Module]:
        """This module and all modules inside, each once."""
        return _modules(self)

    def named_modules(self) -> list[tuple[str, Module]]:
        """This module (path "") and all modules inside, each once, with the path to each."""
        return [(path, m) for path, m in _walk(self, "", set()) if isinstance(m, Module)]

    def zero_grad(self) -> None:
        """Forget all gradients: they are "not computed" again."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def train(self, mode: bool = True) -> Self:
        """Compute as in training, here and in all modules inside: dropout drops, batch norm
        goes by the batch and keeps running statistics. Returns the module.
        """
        for module in _modules(self):
            module.training = bool(mode)
        return self

    def eval(self) -> Self:
        """Compute as in use: nothing is dropped, batch norm goes by its running statistics."""
        for module in _modules(self):  # whatever a class of the user's calls `train`
            module.training = False
        return self

    def freeze(self) -> Self:
        """Let no parameter get a gradient, so that no optimizer moves it; returns the module.

        Batch norm still follows the batches in training: `eval` stops that.
        """
        for parameter in self.parameters():
            if parameter.role not in _TRAINED:  # a leaf without a gradient would count as data
                parameter.tag = Tag(parameter.tag.name, Role.FACTOR, parameter.tag.scope)
            parameter.requires_grad = False
        return self

    def unfreeze(self) -> Self:
        """Let all parameters get gradients again; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = True
        return self

    def astype(self, dtype: Any) -> Self:
        """Hold all parameters and running statistics in another float type; returns the module.

        float32 takes half the memory and is faster; the input has to be float32 too. Graphs and
        optimizers made before belong to the old numbers.
        """
        from tinygrad_edu.nn.state import change_type

        change_type(self, dtype)
        return self

    def state_dict(self) -> dict[str, Array]:
        """The numbers of all parameters and running statistics by path, as new arrays.

        Paths and layouts are PyTorch's: the weight of a `Layer`, which computes ``x @ W`` with W
        (inputs, outputs), is here the transposed (outputs, inputs). A scalar has shape ().
        """
        from tinygrad_edu.nn.state import state_of

        return state_of(self)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Loaded:
        """Take over the numbers of a `state_dict`, of this library or of PyTorch: all, or none.

        ``strict=False`` lets paths be missing or unexpected, and returns which were. Raises
        `TinygradError` for those, `ShapeError` for another shape and `DTypeError` for what are not
        real numbers; each names the paths, the shapes, and what comes near.
        """
        from tinygrad_edu.nn.state import load_state

        return Loaded(*load_state(self, state, strict))

    def structure(self) -> list[LayerInfo]:
        """The layers inside as plain numbers, in order: what a module is drawn from."""
        return [info for child in children(self) for info in child.structure()]

    def __repr__(self) -> str:
        inside = [f"  {line}" for m in children(self) for line in repr(m).splitlines()]
        name, count = type(self).__name__, _count(self)
        return "\n".join([f"{name}({count}", *inside, ")"]) if inside else f"{name}({count})"

    def _attributes(self) -> Iterator[tuple[str, Any]]:
        """What is inside, by the names that paths are made of."""
        return _fields(self)


def _modules(x: Any) -> list[Module]:
    return [m for _, m in _walk(x, "", set()) if isinstance(m, Module)]


@contextmanager
def in_use(model: Any) -> Iterator[None]:
    """`Module.eval` for as long as the block lasts; then every module is in the mode it was in."""
    modes = [(m, m.training) for m in _modules(model)]
    try:
        for module, _ in modes:
            module.training = False
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _call_by_attribute(name: str, value: Any) -> None:
    """Name the modules of an attribute after it: two layers of one name would be one box."""
    if isinstance(value, Module):
        value.called(name)
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, Module):
            item.called(f"{name} {key}")


def rename(values: list[Value], old: str, new: str) -> None:
    """Move parameters from the scope of the old name to one of the new."""
    for v in values:
        line = v.tag.scope.lineage
        at: Scope = line[0].parent if line and line[0].parent is not None else v.tag.scope
        for s in line:
            at = at.child(new if s.name == old else s.name, s.kind)
        v.tag = Tag(v.tag.name, v.tag.role, at)


def _count(module: Module) -> str:
    n = sum(p.size for p in module.parameters())
    return f"{n:,} parameter{'s' * (n != 1)}"


def is_parameter(v: Value) -> bool:
    """Whether a Value is a leaf that training adjusts, or would if it were not frozen."""
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


def items_of(x: Any, path: str) -> Iterator[tuple[str, Any]]:
    """What is inside a module or container, with the name that leads there."""
    if isinstance(x, Module):
        yield from x._attributes()
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
    for name, item in items_of(x, path):
        yield from _walk(item, f"{path}.{name}" if path else name, seen)


def children(x: Any, seen: set[int] | None = None) -> list[Module]:
    """The modules directly inside, in order; one that is used in two places stands in both."""
    above = (seen or set()) | {id(x)}
    found: list[Module] = []
    for _, item in items_of(x, type(x).__name__):
        if id(item) in above:
            continue
        if isinstance(item, Module):
            found.append(item)
        elif isinstance(item, (list, tuple, Mapping)):
            found += children(item, above)
    return found
