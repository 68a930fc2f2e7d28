"""`Compiled`: a function that is recorded once for each kind of arguments and then runs as code."""

from __future__ import annotations

import functools
import inspect
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.compile.passes import Pass
from tinygrad_edu.compile.recorder import Recorded, record
from tinygrad_edu.compile.report import Report
from tinygrad_edu.compile.writer import Writer
from tinygrad_edu.context import MODE
from tinygrad_edu.engine import Value, compute
from tinygrad_edu.errors import BackendError, DTypeError, RecordingError
from tinygrad_edu.explain.ledger import same
from tinygrad_edu.raw import operand
from tinygrad_edu.tape import Tape
from tinygrad_edu.transforms import flatten

BACKENDS = ("auto", "numpy", "python")
MOST = 32  # recordings of one function; it warns at half of them
DATA = (float, int, np.ndarray, np.generic, Value)


@dataclass(eq=False)
class Program:
    """One recording, compiled: for one kind of arguments."""

    recorded: Recorded
    tape: Tape
    source: str
    run: Callable[..., Any]
    careful: Callable[..., Any]
    report: Report
    held: Any = None
    draws: list[Any] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Whether numbers in, numbers out is all there is to it."""
        return not (self.recorded.effects or self.draws or self.recorded.guarded)

    def __call__(self, numbers: list[Any]) -> Any:
        for step in self.recorded.steps:
            step.refresh()
        if self.draws:
            drawn = [compute(s.op, s.args, s.params) for s in self.draws]
            numbers = [*numbers, drawn]
        try:
            out = self.run(*numbers)
        except Exception:  # 1/0, log 0: what IEEE 754 says, or the error with the user's operands
            out = self.careful(*numbers)
            self.report.careful += 1
        if not self.recorded.effects:
            return out
        result, effects = out
        self.recorded.apply(effects)
        return result


class Compiled:
    """What `tg.compile` returns: called like the function, it gives numbers and arrays.

    ``tape``, ``source`` and ``report()`` tell about the program that ran last.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        backend: str,
        static: Iterable[str],
        passes: Iterable[Pass],
    ) -> None:
        if not callable(function):
            raise DTypeError(f"tg.compile is given a function, not {type(function).__name__}",
                             hint="tg.compile(f), or @tg.compile above its definition")  # fmt: skip
        self.function, self.backend = function, "numpy" if backend == "auto" else backend
        self.asked, self.static, self.passes = backend, frozenset(static), tuple(passes)
        self._parameters = _parameters(function, self.static)
        self._programs: dict[Any, list[Program]] = {}
        self._quick: dict[int, tuple[Callable[..., Any], Program]] = {}  # floats in, floats out
        self._last: Program | None = None
        self.recordings = 0
        if not isinstance(function, type):
            functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        mode = MODE.get()
        if mode.nested or mode.recording is not None:
            return self.function(*args, **kwargs)  # inside of grad or compile it is the function
        quick = None if kwargs else self._quick.get(len(args))
        if quick is not None:
            run, program = quick
            try:
                out = run(*args)
            except Exception:
                out = NotImplemented
            if out is not NotImplemented:
                self._last = program
                return out
        numbers: list[Any] = []
        key = self._key(args, kwargs, numbers)
        for program in self._programs.get(key, ()):
            if program.recorded.guarded and program.held != program.recorded.guard():
                continue
            self._last = program
            return program(numbers)
        program = self._record(key, args, kwargs)
        return program(numbers)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A decorated method is compiled for each object that it is called on."""
        if instance is None:
            return self
        name = f"_compiled_{self.__name__}"  # type: ignore[attr-defined]
        bound = vars(instance).get(name)
        if bound is None:
            method = self.function.__get__(instance, owner)
            bound = vars(instance)[name] = Compiled(method, self.asked, self.static, self.passes)
        return bound

    # What there is to see -------------------------------------------------------------------------

    @property
    def tape(self) -> Tape:
        """The instructions after the passes, of the program that was made or ran last."""
        return self._program().tape

    @property
    def source(self) -> str:
        """The Python source that runs."""
        return self._program().source

    def report(self) -> Report:
        """Passes with instructions before and after, backend, times, and why."""
        return self._program().report

    def _program(self) -> Program:
        if self._last is None:
            raise RecordingError(
                f"{self!r} has not been called yet, so nothing is recorded",
                hint="call it once with numbers of the shapes it is for",
            )
        return self._last

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"compile({name}, backend={self.asked!r}): {self.recordings} recorded"

    # Recording ------------------------------------------------------------------------------------

    def _record(self, key: Any, args: Any, kwargs: Any) -> Program:
        self._count()
        start = time.perf_counter()
        recorded = record(self.function, (args, kwargs), self._marks(args, kwargs))
        report = Report(self.backend, self.asked, time.perf_counter() - start)
        tape = recorded.tape
        for each in self.passes:
            before, began = len(tape.instructions), time.perf_counter()
            tape = each(tape)
            report.passed(
                each.__name__, before, len(tape.instructions), time.perf_counter() - began
            )
        began = time.perf_counter()
        effects = len(recorded.effects)
        writer = Writer(tape, self.backend, effects)
        source, run = writer.program()
        careful = _Later(recorded.tape, effects)
        if self.backend != "python" and not _right(run, tape):
            source, run = Writer(tape, "python", effects).program()
            report.distrust()
        report.written(source, time.perf_counter() - began, tape)
        draws = [step for step in tape.instructions if step.op.random]
        program = Program(recorded, tape, source, run, careful, report, recorded.guard(), draws)
        self._programs.setdefault(key, []).append(program)
        floats = not (kwargs or self.static) and set(map(type, args)) == {float}
        if floats and program.plain and not report.distrusted:
            self._quick[len(args)] = writer.of_floats(source), program
        self._last = program
        return program

    def _count(self) -> None:
        self.recordings += 1
        if self.recordings == MOST // 2:
            warnings.warn(
                f"{self!r}: recorded {MOST // 2} times, each slower than running it; are "
                "the shapes of its arguments, or its static arguments, all different?",
                stacklevel=4,
            )
        if self.recordings > MOST:
            self.recordings = MOST
            raise RecordingError(
                f"{self!r}: kind number {MOST + 1} of arguments, each recorded anew",
                hint="bring the data to few shapes; numbers that change are data, not static",
            )

    def _marks(self, args: Any, kwargs: Any) -> list[str | None]:
        """For every leaf of the arguments what it is called as data, None where it is not data."""
        marks: list[str | None] = []
        for name, x in self._named(args, kwargs):
            leaves, _ = flatten(x)
            own = (name or "") if len(leaves) == 1 else ""
            data = name not in self.static
            marks += [own if data and _is_data(leaf) else None for leaf in leaves]
        return marks

    def _named(self, args: Any, kwargs: Any) -> list[tuple[str | None, Any]]:
        names = [*self._parameters, *[None] * len(args)]
        return [*zip(names, args, strict=False), *kwargs.items()]

    def _key(self, args: Any, kwargs: Any, numbers: list[Any]) -> Any:
        if not self.static:
            kinds = tuple([_kind(x, numbers) for x in args])
            return (
                (kinds, tuple([(k, _kind(v, numbers)) for k, v in kwargs.items()]))
                if kwargs
                else kinds
            )
        return tuple(
            [
                (k if k in kwargs else None, _static(v) if k in self.static else _kind(v, numbers))
                for k, v in self._named(args, kwargs)
            ]
        )


def _right(run: Callable[..., Any], tape: Tape) -> bool:
    """Whether a program gives, on the example, the numbers that the recording gave."""
    numbers = [tape.leaves[i].value._data for i in tape.inputs]
    draws = [step.recorded for step in tape.instructions if step.op.random]
    try:
        with np.errstate(all="ignore"):
            out, _ = flatten(run(*numbers, *([draws] if draws else [])))
    except (ArithmeticError, ValueError):
        return True  # 1/0, log 0: at the call the careful program decides
    except Exception:
        return False
    known = [leaf.value._data for leaf in tape.leaves] + [s.recorded for s in tape.instructions]
    want = [known[i] for i in tape.outputs]
    return all(
        type(x) is type(y) and np.shape(x) == np.shape(y) and same(x, y)
        for x, y in zip(out, want, strict=True)
    )


class _Later:
    """The program of the `python` backend, written when it is needed for the first time."""

    def __init__(self, tape: Tape, effects: int) -> None:
        self.made: Callable[..., Any] | None = None
        self.tape, self.effects = tape, effects

    def __call__(self, *numbers: Any) -> Any:
        if self.made is None:
            self.made = Writer(self.tape, "python", self.effects).program()[1]
        return self.made(*numbers)


def _is_data(x: Any) -> bool:
    return isinstance(x, DATA) and type(x) is not bool


def _kind(x: Any, numbers: list[Any]) -> Any:
    """What a program is recorded for; numbers and arrays are put into the list."""
    kind = type(x)
    if kind is float:
        numbers.append(x)
        return float
    if kind is np.ndarray and x.shape and x.dtype.kind in "fiub":
        numbers.append(x)
        return x.shape, x.strides, x.dtype
    if kind is tuple or kind is list:
        return (kind, *[_kind(i, numbers) for i in x])
    if kind is dict:
        return (dict, *[(k, _kind(v, numbers)) for k, v in x.items()])
    if isinstance(x, (tuple, list)):
        return (kind, *[_kind(i, numbers) for i in x])
    if isinstance(x, dict):
        return (kind, *[(k, _kind(v, numbers)) for k, v in x.items()])
    if isinstance(x, Value):
        inner = _kind(x._data, numbers)
        return Value, inner, x.requires_grad, x._dtype, x.name
    if _is_data(x):
        plain = operand(x, plain=True)
        numbers.append(plain)
        return kind, type(plain), getattr(x, "dtype", None)
    return _static(x)


def _static(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return (type(x), *map(_static, x))
    if isinstance(x, dict):
        return (type(x), *[(k, _static(v)) for k, v in x.items()])
    try:
        hash(x)
    except TypeError:
        raise DTypeError(
            f"a static argument is compared with the one of the recording, and "
            f"{type(x).__name__} cannot be",
            hint="numbers, texts, None, functions and modules can; arrays are data",
        ) from None
    return type(x), x


def _parameters(function: Callable[..., Any], static: frozenset[str]) -> list[str | None]:
    """The names of the positional parameters; `DTypeError` for a static one that is not there."""
    try:
        found = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return []
    unknown = sorted(static - set(found))
    if unknown:
        raise DTypeError(f"static={unknown[0]!r}, but the function has the arguments "
                         f"{', '.join(found)}")  # fmt: skip
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, p in found.items() if p.kind in kinds]


def checked_backend(backend: str) -> str:
    """The backend, or `BackendError` with the ones there are."""
    if backend == "numba":
        raise BackendError(
            "the numba backend is not there yet",
            hint='backend="numpy" (which "auto" takes) or "python"',
        )
    if backend not in BACKENDS:
        raise BackendError(f"no backend {backend!r}", hint=f"one of {', '.join(BACKENDS)}")
    return backend
