"""`Value`, a number that remembers how it was computed, and `Op`, the one form of every operation.

A `Value` is a float or a float array together with the operation and the ordered inputs that made
it. Ids count up, so the order of creation is an order of evaluation: whoever walks the graph sorts
by id and never recurses. Derivatives live beside this file, in the op tables and in `autodiff`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from numbers import Number
from opcode import opmap
from typing import Any, Generic, ParamSpec

import numpy as np

from tinygrad_edu import raw, recover, sites, wording
from tinygrad_edu.calls import split_call, split_signature
from tinygrad_edu.context import MODE, Tag, role_of, running
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.families import OPS as OPS
from tinygrad_edu.methods import ArrayMethods
from tinygrad_edu.other_names import instead
from tinygrad_edu.raw import Raw, canonical, operand
from tinygrad_edu.sites import INSIDE, SITES, user_site
from tinygrad_edu.wording import describe as describe

P = ParamSpec("P")
_next_id = count().__next__
_mode = MODE.get
FLOAT64 = np.dtype(np.float64)


class Value(ArrayMethods):
    """A float or float array that records how it was computed.

    ``data`` is what it starts from; ``name`` and ``role`` are shown in pictures and errors;
    ``requires_grad=False`` marks data that needs no derivative.

    >>> w = Value(3.0, "w")
    >>> y = w * w
    >>> y.backward()
    >>> y.data, w.grad
    (9.0, 6.0)
    """

    # fmt: off
    __slots__ = ("__weakref__", "_data", "_dtype", "_grad", "_x", "_y", "id", "op", "params",
                 "requires_grad", "site", "tag")
    # fmt: on

    def __init__(
        self, data: Any, name: str | None = None, role: Any = None, requires_grad: bool = True
    ) -> None:
        mode = running(_mode())
        self._dtype: Any = None  # the float type that a scalar came from; None: a Python float
        if type(data) is not float:
            if isinstance(data, Value):
                raise DTypeError(
                    f"{describe(data)} is a Value already", hint="use v, or v.detach()"
                )
            kept = getattr(data, "dtype", None) if np.ndim(data) == 0 else None
            self._dtype = kept.type if kept is not None and kept.kind == "f" else None
            data = operand(data, plain=mode.recording is not None)
        self._data: Raw = data
        self.op: Op[Any] | None = None
        self._x: Any = ()  # the first of two operands, or all of them in a tuple
        self._y: Any = None
        self.params: dict[str, Any] | None = None
        self._grad: Any = None
        self.requires_grad, self.id, self.site = requires_grad, _next_id(), user_site(2)
        named = name is not None or role
        self.tag = Tag(name, role_of(role), mode.tag.scope) if named else mode.tag

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
        new = new if new is None or isinstance(new, Value) else operand(new)
        if new is not None and raw.shape(new) != self.shape:
            raise wording.gradient_shape(raw.shape(new), self)
        self._grad = new

    shape = property(lambda self: raw.shape(self._data), doc="Lengths of the axes; () is a scalar.")
    ndim = property(lambda self: len(raw.shape(self._data)), doc="How many axes.")
    size = property(lambda self: int(np.size(self._data)), doc="How many numbers.")
    T = property(lambda self: self.transpose(), doc="All axes in reverse order.")
    role = property(lambda self: self.tag.role, doc="The explicit role, or None (see infer_roles).")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of the numbers; for a scalar the one it came from, else float64."""
        scalar = type(self._data) is float
        return np.dtype(self._dtype or np.float64) if scalar else np.asarray(self._data).dtype

    @property
    def name(self) -> str | None:
        """The name with its scopes before it, `hidden.0.w1`, or None."""
        own, path = self.tag.name, self.tag.scope.path
        path = path[:-1] if path[-1:] == (own,) else path  # a loss is called as its own box
        return None if own is None else ".".join((*path, own))

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The ordered operands it was computed from: Values, and raw numbers as they are."""
        return self._x if self._y is None else (self._x, self._y)

    @inputs.setter
    def inputs(self, new: tuple[Any, ...]) -> None:
        self._x, self._y = new if len(new) == 2 else (new, None)

    def _readable(self, what: str) -> Raw:
        if _mode().recording is None:
            return self._data
        raise wording.unreadable(self, what)

    def item(self) -> float:
        """The number of a one-element Value as a Python float."""
        data = np.asarray(self._readable("item()"))
        if data.size != 1:
            raise ShapeError(f"{describe(self)} holds {data.size} numbers", hint="v.data, v[i]")
        return float(data.reshape(()))

    def numpy(self) -> np.ndarray:
        """The numbers as a new array that may be changed."""
        return np.array(self._readable("numpy()"), dtype=self.dtype)

    def assign(self, new: Any) -> Value:
        """Give a leaf new numbers of the same shape. Graphs recorded before become stale."""
        if self.op is not None:
            raise wording.no_leaf(self)
        if (recording := _mode().recording) is not None:
            return recording.assign(self, new)
        data, old = operand(new._data if isinstance(new, Value) else new), self._data
        if type(data) is not float or type(old) is not float:
            if raw.shape(data) != raw.shape(old):
                raise wording.other_shape(raw.shape(data), self)
            data = data if data.dtype == old.dtype else canonical(data.astype(old.dtype))
        self._data, self.id = data, _next_id()
        return self

    def detach(self) -> Value:
        """The same numbers as a leaf that needs no gradient (an instruction while recording)."""
        eager = _mode().recording is None
        return make_leaf(self._data, self._dtype) if eager else OPS["detach"](self)

    def zero_grad(self) -> None:
        """Forget the gradient: `grad` is None, "not computed", again."""
        self._grad = None

    def backward(
        self, gradient: Any = None, create_graph: bool = False, keep_inner: bool = True
    ) -> None:
        """Fill `grad` of everything this Value was computed from; see `autodiff.backward`."""
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
    def __repr__(self) -> str: return wording.summary(self)
    def __format__(self, how: str) -> str: return format(self.item() if how else repr(self), how)
    def __int__(self) -> int: return int(float(self))
    def __iter__(self) -> Iterator[Value]: return iter([self[i] for i in range(len(self))])
    def __getitem__(self, index: Any) -> Value: return OPS["getitem"](self, index=index)
    # fmt: on

    def __radd__(self, other: Any) -> Value:
        if type(other) is int and other == 0:
            return self  # the start of Python's sum(); an op that would do nothing is not recorded
        return record(OPS["add"], (other, self))

    # Python's and NumPy's questions --------------------------------------------------------------

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, (Number, list, tuple, np.ndarray, np.generic)):
            return self is other
        raise wording.ambiguous_equality(self, type(other).__name__)

    def __bool__(self) -> bool:
        data = np.asarray(self._readable("the truth value"))
        if data.size != 1:
            raise wording.ambiguous_truth(self)
        return bool(data)

    def __float__(self) -> float:
        data, frame = self._readable("float()"), sys._getframe(1)
        if frame.f_code.co_code[frame.f_lasti] == opmap["STORE_SUBSCR"]:
            raise wording.no_item(self)  # `array[0] = v` asks for a float too
        if np.ndim(data):
            raise ShapeError(f"float() of {describe(self)}", hint="v.data, or v[0] for one number")
        return float(data)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise wording.no_array(self)

    def __getattr__(self, name: str) -> Any:  # only where nothing else is found
        raise AttributeError(f"a Value has no attribute {name!r}{instead(name)}")


class Op(Generic[P]):
    """One operation: its forward function, its derivative rules, and what there is to know of it.

    Made by the declarators in `tinygrad_edu.define`; called like a function. Called with numbers
    only it computes numbers; with a Value among its operands it records a node.

    - ``name``, ``symbol``, ``formula``: how it is written; ``kind``: "arithmetic", "activation", …
    - ``forward``; ``pull(i, g, out, inputs, params)``, the gradient of input i; ``push(tangents,
      out, inputs, params)``, the tangent of the output; ``rules``: the partial derivatives of an
      elementwise operation, read by `autodiff` without a call
    - ``domain``: an open interval per operand; ``kinks``: signed distances from the places without
      a derivative; ``examples``: draws operands for the laws; ``code``: a template for `to_code`
    - ``plain``: no derivative, plain results outside recording; ``random``: drawn anew each time
    - ``facts``: everything that was declared, also what only the documentation and the comparison
      with other libraries read: ``numpy``, ``torch`` and ``jax`` (the same call there, a template
      like ``code``), ``stable`` (how it avoids overflow or cancellation), ``conventions`` (rows of
      `tinygrad_edu.ops.conventions`), ``analytic`` (the forward function also takes complex arrays)
    """

    def __init__(self, function: Any, rules: Any, pull: Any, push: Any, facts: Any) -> None:
        self.facts, self.name, self.__name__ = facts, facts["name"], facts["name"]
        self.__doc__, self.__signature__ = function.__doc__, inspect.signature(function)
        self.forward, self.rules, self.pull, self.push = function, rules, pull, push
        self.kind, self.domain, self.kinks = facts["kind"], facts["domain"], facts["kinks"]
        self.examples, self.code, self._prepare = facts["examples"], facts["code"], facts["prepare"]
        self.plain, self.random = facts["plain"], facts["random"]
        parts = split_signature(self.__signature__)
        self._operands, self._arity, self._names, self._defaults = parts
        self.symbol = facts["symbol"] or self.name
        self.formula = facts["formula"] or f"{self.name}({', '.join(self._operands)})"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        operands, params = args, self._defaults
        if kwargs or len(args) != self._arity:
            operands, params = split_call(self, args, kwargs)
        if params and Value in map(type, params.values()) and "index" not in params:
            raise wording.static_value(self, params)
        if self._prepare is not None:
            params = self._prepare(*operands, **params)
            if type(params) is not dict:
                return params  # there was nothing to do, or another operation has done it
        return record(self, operands, params or None)

    def __repr__(self) -> str:
        return wording.signature(self)


def record(op: Op[Any], inputs: tuple[Any, ...], params: dict[str, Any] | None = None) -> Any:
    """Compute ``op`` and, if a Value is among the inputs, make the node that remembers it."""
    mode = _mode()
    mode, recording = mode if mode.frame is None else running(mode), mode.recording
    try:
        x, y = inputs if len(inputs) == 2 and params is recording is None else (None, None)
        if type(x) is Value and (type(y) is Value or type(y) is float):
            needs, dtype = x.requires_grad, x._dtype  # most nodes: as below, without the loop
            if type(y) is Value:
                dtype = dtype if y._dtype is dtype else raw.common(dtype, y._dtype)
                needs, y = needs or y.requires_grad, y._data
            out = op.forward(x._data, y)
        else:
            xs, dtype, found = [], None, []
            for i, x in enumerate(inputs):
                if type(x) is Value:
                    found.append(x.requires_grad)
                    dtype = dtype if x._dtype is dtype else raw.common(dtype, x._dtype)
                    x = x._data
                elif type(x) is not float:
                    x = operand(x, op.plain)
                    inputs = (*inputs[:i], x, *inputs[i + 1 :])
                xs.append(x)
            needs = True in found
            if not found and not (op.random and recording is not None):
                out = compute(op, inputs, params)
                return out if op.plain else canonical(out)
            if recording is not None and not (op.plain or op.kind == "shape"):
                xs = [canonical(x) for x in xs]  # labels and masks count as in eager maths
            out = op.forward(*xs, **(params or {}))
    except Exception as error:
        out = recover.forward(op, inputs, params or {}, error)
    if type(out) is not float:
        if op.plain and recording is None:
            return np.bool_(out) if type(out) is bool else out  # so that ~ means "not"
        if type(out) is np.ndarray and out.dtype is FLOAT64 and out.shape:
            out.flags.writeable, dtype = False, None  # what `canonical` does, sooner
        else:
            dtype = out.dtype.type if getattr(out, "shape", None) == () else None
            out = canonical(out, plain=recording is not None)
    if not mode.grad and recording is None:
        return make_leaf(out, dtype)
    v = object.__new__(Value)
    v._data, v.op = out, op
    v._x, v._y = inputs if len(inputs) == 2 else (inputs, None)  # one object less to be tracked
    v.params, v._grad, v._dtype = params, None, dtype
    v.id, v.tag, v.requires_grad = _next_id(), mode.tag, needs and mode.grad and not op.plain
    site = mode.site
    if site is None and sites.lines:
        frame = sys._getframe(2)
        site = SITES.get(id(frame.f_code) + frame.f_lasti, INSIDE)
    v.site = user_site(2) if site is INSIDE else site
    return v


def compute(op: Op[Any], inputs: Sequence[Any], params: dict[str, Any] | None = None) -> Raw:
    """The result of ``op`` on numbers: numbers. The meaning of an instruction of a `Tape`."""
    xs = [operand(x, plain=op.plain or op.kind == "shape") for x in inputs]
    try:
        out = op.forward(*xs, **(params or {}))
    except Exception as error:
        out = recover.forward(op, xs, params or {}, error)
    return canonical(out, plain=True)


def make_leaf(data: Raw, dtype: Any = None, requires_grad: bool = False) -> Value:
    """A leaf from data of the library's own, without copying it."""
    v = object.__new__(Value)
    v._data, v.op, v._x, v._y, v.params, v.requires_grad = data, None, (), None, None, requires_grad
    v.id, v.tag, v._grad, v._dtype, v.site = _next_id(), _mode().tag, None, dtype, None
    return v
