"""`Value`, a number that remembers how it was computed, and `Op`, the one form of every operation.

A `Value` is a float or a float array together with the operation and the ordered inputs that made
it. Ids count up, so the order of creation is an order of evaluation: whoever walks the graph sorts
by id and never recurses. Derivatives live beside this file, in the op tables and in `autodiff`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, Generic, ParamSpec

import numpy as np

from tinygrad_edu import context, raw
from tinygrad_edu.context import MODE, SITES, Site, Tag, role_of, user_site
from tinygrad_edu.errors import (
    AutodiffError,
    DTypeError,
    OperationError,
    RecordingError,
    ShapeError,
    TinygradError,
)
from tinygrad_edu.raw import Raw, canonical, operand

P = ParamSpec("P")
OPS: dict[str, Op[Any]] = {}
_next_id = count().__next__
_new = object.__new__
_mode = MODE.get
_frame = sys._getframe


class Value:
    """A float or float array that records how it was computed.

    ``data`` is what it starts from; ``name`` and ``role`` are shown in pictures and errors;
    ``requires_grad=False`` marks data that needs no derivative.

    >>> w = Value(3.0, "w")
    >>> y = w * w
    >>> y.backward()
    >>> y.data, w.grad
    (9.0, 6.0)
    """

    __slots__ = (
        "__weakref__", "_data", "_dtype", "_grad", "id", "inputs", "op", "params",
        "requires_grad", "site", "tag",
    )  # fmt: skip
    _data: Raw
    _dtype: Any  # the float type a scalar came from, or None: a weak Python float
    _grad: Any
    id: int
    inputs: tuple[Any, ...]
    op: Op[Any] | None
    params: dict[str, Any] | None
    requires_grad: bool
    site: Site | None
    tag: Tag

    def __init__(
        self, data: Any, name: str | None = None, role: Any = None, requires_grad: bool = True
    ) -> None:
        if isinstance(data, Value):
            raise DTypeError(
                f"{describe(data)} is a Value already", hint="use it as it is, or v.detach()"
            )
        mode = _mode()
        self._dtype = type(data) if isinstance(data, np.floating) else None
        if isinstance(data, np.ndarray) and data.ndim == 0 and data.dtype.kind == "f":
            self._dtype = data.dtype.type
        self._data = operand(data, plain=mode.recording is not None)
        self.op, self.inputs, self.params, self._grad = None, (), None, None
        self.requires_grad, self.id, self.site = requires_grad, _next_id(), user_site(2)
        plain = name is None and role is None
        self.tag = mode.tag if plain else Tag(name, role_of(role), mode.tag.scope)

    def __init_subclass__(cls) -> None:
        raise TypeError("Value is final: make a function that returns Values, or a Module")

    # What a node knows ---------------------------------------------------------------------------

    @property
    def data(self) -> Any:
        """The number: a Python float, or a read-only array. Setting it on a leaf is `assign`."""
        return self._readable("data")

    @data.setter
    def data(self, new: Any) -> None:
        self.assign(new)

    @property
    def grad(self) -> Any:
        """The derivative that `backward` left here, or None: not computed. Same shape as `data`."""
        return self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        if new is not None and not isinstance(new, Value):
            new = operand(new)
        if new is not None and raw.shape(new) != self.shape:
            raise ShapeError(
                f"a gradient of shape {raw.shape(new)} for {describe(self)}",
                hint="a gradient has the shape of its value; v.grad = None clears it",
            )
        self._grad = new

    shape = property(lambda self: raw.shape(self._data), doc="Lengths of the axes; () is a scalar.")
    ndim = property(lambda self: len(raw.shape(self._data)), doc="How many axes.")
    size = property(lambda self: int(np.size(self._data)), doc="How many numbers.")
    T = property(lambda self: self.transpose(), doc="All axes in reverse order.")
    role = property(lambda self: self.tag.role, doc="The explicit role, or None (see infer_roles).")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of the numbers; for a scalar the one it came from, else float64."""
        if type(self._data) is float:
            return np.dtype(self._dtype or np.float64)
        return np.asarray(self._data).dtype

    @property
    def name(self) -> str | None:
        """The name with its scopes before it, `hidden.0.w1`, or None."""
        own = self.tag.name
        return None if own is None else ".".join((*self.tag.scope.path, own))

    def _readable(self, what: str) -> Raw:
        if _mode().recording is not None:
            raise RecordingError(
                f"{what} of {describe(self)} was read while a program is being recorded",
                hint="the recording must hold for other data too: compute with the Value itself, "
                "and write tg.where(condition, a, b) instead of `if`",
            )
        return self._data

    def item(self) -> float:
        """The number of a one-element Value as a Python float."""
        data = self._readable("item()")
        if np.size(data) != 1:
            raise ShapeError(
                f"{describe(self)} holds {np.size(data)} numbers", hint="use v.data, or v[i].item()"
            )
        return float(np.asarray(data).reshape(()))

    def numpy(self) -> np.ndarray:
        """The numbers as a new array that may be changed."""
        return np.array(self._readable("numpy()"), dtype=self.dtype)

    def assign(self, new: Any) -> Value:
        """Give a leaf new numbers of the same shape. Graphs recorded before become stale."""
        if self.op is not None:
            raise AutodiffError(
                f"{describe(self)} was computed; only a leaf can be assigned",
                hint="assign its inputs and compute it again",
            )
        data = operand(new._data if isinstance(new, Value) else new)
        if raw.shape(data) != self.shape:
            raise ShapeError(
                f"cannot assign shape {raw.shape(data)} to {describe(self)}",
                hint="a parameter keeps its shape; reduce the update first, or make a new Value",
            )
        if type(data) is not float and data.dtype != self.dtype:
            data = canonical(data.astype(self.dtype))
        self._data, self.id = data, _next_id()
        return self

    def detach(self) -> Value:
        """The same numbers as a leaf that needs no gradient (a recorded instruction in `compile`)."""
        if _mode().recording is not None:
            return OPS["detach"](self)  # type: ignore[no-any-return]
        return _leaf(self._data, self._dtype)

    def zero_grad(self) -> None:
        """Forget the gradient: `grad` is None, "not computed", again."""
        self._grad = None

    def backward(
        self, gradient: Any = None, create_graph: bool = False, keep_inner: bool = True
    ) -> None:
        """Fill `grad` of everything this Value was computed from; see `tinygrad_edu.autodiff`."""
        from tinygrad_edu.autodiff import backward

        backward(self, gradient, create_graph, keep_inner)

    def draw(self, level: str = "auto", **options: Any) -> Any:
        """The picture of the graph below this Value; see `tinygrad_edu.draw`."""
        from tinygrad_edu.view.picture import draw

        return draw(self, level=level, **options)

    # Operators, one per line ---------------------------------------------------------------------

    # fmt: off
    def __add__(self, other: Any) -> Value: return record(OPS["add"], (self, other))
    def __sub__(self, other: Any) -> Value: return record(OPS["subtract"], (self, other))
    def __rsub__(self, other: Any) -> Value: return record(OPS["subtract"], (other, self))
    def __mul__(self, other: Any) -> Value: return record(OPS["multiply"], (self, other))
    def __rmul__(self, other: Any) -> Value: return record(OPS["multiply"], (other, self))
    def __truediv__(self, other: Any) -> Value: return record(OPS["divide"], (self, other))
    def __rtruediv__(self, other: Any) -> Value: return record(OPS["divide"], (other, self))
    def __pow__(self, other: Any) -> Value: return record(OPS["power"], (self, other))
    def __rpow__(self, other: Any) -> Value: return record(OPS["power"], (other, self))
    def __matmul__(self, other: Any) -> Value: return record(OPS["matmul"], (self, other))
    def __rmatmul__(self, other: Any) -> Value: return record(OPS["matmul"], (other, self))
    def __neg__(self) -> Value: return record(OPS["negative"], (self,))
    def __abs__(self) -> Value: return record(OPS["absolute"], (self,))
    def __pos__(self) -> Value: return self
    def __lt__(self, other: Any) -> Any: return record(OPS["less"], (self, other))
    def __le__(self, other: Any) -> Any: return record(OPS["less_equal"], (self, other))
    def __gt__(self, other: Any) -> Any: return record(OPS["greater"], (self, other))
    def __ge__(self, other: Any) -> Any: return record(OPS["greater_equal"], (self, other))
    def __invert__(self) -> Any: return record(OPS["logical_not"], (self,))
    def __and__(self, other: Any) -> Any: return record(OPS["logical_and"], (self, other))
    def __rand__(self, other: Any) -> Any: return record(OPS["logical_and"], (other, self))
    def __or__(self, other: Any) -> Any: return record(OPS["logical_or"], (self, other))
    def __ror__(self, other: Any) -> Any: return record(OPS["logical_or"], (other, self))
    # fmt: on

    def __radd__(self, other: Any) -> Value:
        if type(other) is int and other == 0:
            return self  # the start of Python's sum(); an op that would do nothing is not recorded
        return record(OPS["add"], (other, self))

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        if isinstance(other, (int, float, np.ndarray, np.generic)):
            raise DTypeError(
                f"== between {describe(self)} and {type(other).__name__} is ambiguous",
                hint="tg.equal(v, x) compares numbers; == and `is` compare identity of Values",
            )
        return self is other

    def __bool__(self) -> bool:
        data = self._readable("the truth value")
        if np.size(data) != 1:
            raise ShapeError(f"the truth value of {describe(self)} is ambiguous", hint="v.data.any()")
        return bool(data)

    def __float__(self) -> float:
        data = self._readable("float()")
        if type(data) is not float and np.ndim(data):
            raise ShapeError(f"float() of {describe(self)}", hint="v.item(), or v.data for the array")
        return float(data)

    def __int__(self) -> int:
        return int(float(self))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise DTypeError(
            f"{describe(self)} would lose its graph in an array",
            hint="tg.stack([v, w]) keeps it; v.numpy() or v.data gives the numbers alone",
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        from tinygrad_edu.numpy_protocol import call_ufunc

        return call_ufunc(ufunc, method, args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from tinygrad_edu.numpy_protocol import call_function

        return call_function(function, args, kwargs)

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError(f"len() of {describe(self)}, a scalar")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Value]:
        return iter([self[i] for i in range(len(self))])

    def __reduce__(self) -> Any:
        if self.op is not None:
            raise AutodiffError(
                f"{describe(self)} is part of a graph and cannot be copied or pickled",
                hint="copy the leaves (its weights), or v.detach()",
            )
        state = (self._data, self._dtype, self._grad, self.tag.name, self.tag.role)
        return _restore, (*state, self.tag.scope.path, self.requires_grad)

    def __repr__(self) -> str:
        kind = self.role or (self.op and (self.op.kind if self.op.kind == "activation" else self.op.name))
        said = [_short(self._data), repr(self.name) if self.name else None, kind and str(kind)]
        grad = "not computed" if self._grad is None else _short(getattr(self._grad, "_data", self._grad))
        return f"Value({', '.join(part for part in said if part)}, grad: {grad})"

    def __getattr__(self, name: str) -> Any:
        if name in OPS:
            raise AttributeError(f"a Value has no method {name!r}: write tg.{name}(v)")
        raise AttributeError(f"'Value' object has no attribute {name!r}")

    # Shape methods and reductions ------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Value:
        return OPS["getitem"](self, index=index)  # type: ignore[no-any-return]

    def sum(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["sum"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def mean(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["mean"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def max(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["max"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def min(self, axis: Any = None, keepdims: bool = False) -> Value:
        return OPS["min"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def reshape(self, *shape: Any) -> Value:
        wanted = shape[0] if len(shape) == 1 else shape
        return OPS["reshape"](self, wanted)  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> Value:
        wanted = axes[0] if len(axes) == 1 else axes or None
        return OPS["transpose"](self, wanted)  # type: ignore[no-any-return]

    def astype(self, dtype: Any) -> Value:
        return OPS["astype"](self, dtype)  # type: ignore[no-any-return]


class Op(Generic[P]):
    """One operation: its forward function, its derivative rules, and what there is to know of it.

    Made by the declarators in `tinygrad_edu.define`; called like a function. Called with numbers
    only it computes numbers; with a Value among its operands it records a node.
    """

    name: str
    symbol: str
    formula: str
    kind: str  # "arithmetic", "activation", "reduction", "shape", "comparison", …
    domain: tuple[tuple[float, float], ...]  # open intervals, one per operand; () is all numbers
    kinks: tuple[Callable[..., Any], ...]  # signed distances from the places without a derivative
    examples: Callable[..., Any] | None
    plain: bool  # no derivative: plain results outside recording
    random: bool
    forward: Callable[..., Any]
    __signature__: Any
    rules: Any  # elementwise only: the partial derivatives, read by `autodiff` without a call
    pull: Callable[..., Any]  # (i, g, out, inputs, params) -> gradient of input i
    push: Callable[..., Any]  # (tangents, out, inputs, params) -> tangent of the output

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        operands, params = args, kwargs
        if kwargs or len(args) != self._arity or self._defaults:
            operands, params = self._bind(args, kwargs)  # type: ignore[assignment]
        if self._prepare is not None:
            params = self._prepare(*operands, **params)
            if type(params) is not dict:
                return params  # there was nothing to do, or another operation has done it
        return record(self, operands, params or None)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Split a call into differentiable operands and static parameters, as declared."""
        n = len(args) if self._arity < 0 else self._arity
        extra, names = args[n:], self._names
        params = {**self._defaults, **dict(zip(names, extra, strict=False)), **kwargs}
        missing = [name for name in names if name not in params]
        unknown = [name for name in kwargs if name not in names or name in names[: len(extra)]]
        if len(args) < n or len(extra) > len(names) or missing or unknown:
            raise DTypeError(
                f"{self.name} was called with {len(args)} arguments"
                + (f" and unknown or repeated {', '.join(unknown)}" if unknown else ""),
                hint=repr(self),
            )
        if any(isinstance(value, Value) for value in params.values()):
            raise DTypeError(
                f"{self.name}: a parameter that is not differentiable was given as a Value",
                hint="pass a plain number or array; only the first arguments carry gradients",
            )
        return args[:n], params

    def __repr__(self) -> str:
        return f"tg.{self.name}({', '.join(map(_parameter, self.__signature__.parameters.values()))})"


def _parameter(p: Any) -> str:
    star = "*" if p.kind is p.VAR_POSITIONAL else ""
    return star + p.name + ("" if p.default is p.empty else f"={p.default!r}")


def record(op: Op[Any], inputs: tuple[Any, ...], params: dict[str, Any] | None = None) -> Any:
    """Compute ``op`` and, if a Value is among the inputs, make the node that remembers it."""
    mode = _mode()
    try:
        if len(inputs) == 2:
            a, b = inputs
            if type(a) is Value:
                x, needs, dtype = a._data, a.requires_grad, a._dtype
                if type(b) is Value:
                    y = b._data
                    needs = needs or b.requires_grad
                    dtype = dtype or b._dtype
                else:
                    y = b
                    if type(y) is not float:
                        y = operand(y, op.plain)
                        inputs = (a, y)
            elif type(b) is Value:
                x, y, needs, dtype = a, b._data, b.requires_grad, b._dtype
                if type(x) is not float:
                    x = operand(x, op.plain)
                    inputs = (x, b)
            else:
                return compute(op, inputs, params)
            out = op.forward(x, y) if params is None else op.forward(x, y, **params)
        else:
            inputs = tuple([x if type(x) is Value else operand(x, op.plain) for x in inputs])
            values = [x for x in inputs if type(x) is Value]
            if not values:
                return compute(op, inputs, params)
            needs = True in [x.requires_grad for x in values]
            dtype = next((x._dtype for x in values if x._dtype), None)
            xs = [x._data if type(x) is Value else x for x in inputs]
            out = op.forward(*xs) if params is None else op.forward(*xs, **params)
    except Exception as error:
        out = _recover(op, inputs, params or {}, error)
    if type(out) is not float:
        if op.plain:
            if mode.recording is None:
                return out
            out, needs = operand(out, plain=True), False
        else:
            dtype = type(out) if isinstance(out, np.floating) else dtype
            out = canonical(out)
    if not mode.grad:
        return _leaf(out, dtype)
    v = _new(Value)
    v._data, v.op, v.inputs, v.params, v.requires_grad = out, op, inputs, params, needs
    v.id, v.tag, v._grad, v._dtype = _next_id(), mode.tag, None, dtype
    v.site = mode.site
    if v.site is None and context._lines:
        frame = _frame(2)
        v.site = SITES.get((id(frame.f_code), frame.f_lasti))
        if v.site is None or v.site is context._INSIDE:
            v.site = user_site(2)
    return v


def compute(op: Op[Any], inputs: Sequence[Any], params: dict[str, Any] | None = None) -> Any:
    """The result of ``op`` on numbers: numbers. While recording, a random draw is still recorded."""
    xs = [operand(x, op.plain) for x in inputs]
    try:
        out = op.forward(*xs, **(params or {}))
    except Exception as error:
        out = _recover(op, inputs, params or {}, error)
    if op.random and _mode().recording is not None:
        v = _leaf(operand(out), None)
        v.op, v.params = op, params
        return v
    return out if op.plain else canonical(out)


def _leaf(data: Raw, dtype: Any, requires_grad: bool = False) -> Value:
    """A leaf from data of our own, without copying it."""
    v = _new(Value)
    v._data, v.op, v.inputs, v.params, v.requires_grad = data, None, (), None, requires_grad
    v.id, v.tag, v._grad, v._dtype, v.site = _next_id(), _mode().tag, None, dtype, None
    return v


def _restore(
    data: Any, dtype: Any, grad: Any, name: Any, role: Any, path: Any, requires_grad: bool
) -> Value:
    """Make the leaf that `copy`, `deepcopy` or `pickle` took apart."""
    v = _leaf(operand(data, plain=True), dtype, requires_grad)
    at = context.ROOT
    for part in path:
        at = at.child(part, "group")
    v.tag, v._grad = Tag(name, role, at), grad
    return v


def _short(x: Raw) -> str:
    if isinstance(x, np.ndarray):
        return np.array2string(x, precision=4, threshold=20, separator=", ")
    return f"{x:.4g}" if type(x) is float else repr(x)


def describe(x: Any) -> str:
    """An operand as errors show it: name, role or operation, shape; or the number itself."""
    if not isinstance(x, Value):
        return f"array of shape {x.shape}" if isinstance(x, np.ndarray) and x.ndim else repr(x)
    what = x.role or (f"result of {x.op.name}" if x.op else "leaf")
    name = f"'{x.name}'" if x.name else "Value"
    where = f", made at {x.site}" if x.site else ""
    shape = f"shape {x.shape}" if x.shape else f"{x._data!r}"
    return f"{name} ({what}, {shape}{where})"


def _recover(op: Op[Any], inputs: Sequence[Any], params: dict[str, Any], error: Exception) -> Raw:
    """What IEEE 754 says where Python raises on floats; otherwise the error in the user's terms."""
    xs = [x._data if type(x) is Value else x for x in inputs]
    if isinstance(error, Warning) or (isinstance(error, TinygradError) and not inputs):
        raise error
    if isinstance(error, (ArithmeticError, ValueError)) and float in map(type, xs):
        try:
            return raw.ieee(op.forward, *xs, **params)
        except Exception as again:
            error = again
    operands = "\n".join(f"  operand {i}: {describe(x)}" for i, x in enumerate(inputs))
    static = "".join(f", {name}={value!r}" for name, value in params.items())
    site = user_site(2)
    place = f"\n  at {site}: {site.text}" if site else ""
    kind = ShapeError if any(np.ndim(x) for x in xs) else OperationError
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    hint = getattr(error, "hint", None)
    if isinstance(error, (TypeError, DTypeError)):
        kind = DTypeError  # type: ignore[assignment]
    raise kind(f"{op.name}{static}: {reason}\n{operands}{place}", hint=hint) from None
