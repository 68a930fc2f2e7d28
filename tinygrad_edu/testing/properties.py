"""`gradient_property`: a function of Values as a test of its gradients at many drawn points."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck, Unsatisfiable

from tinygrad_edu.errors import DTypeError, GradientError
from tinygrad_edu.testing.case import literal
from tinygrad_edu.testing.checks import report_of
from tinygrad_edu.testing.report import Report
from tinygrad_edu.testing.strategies import arrays

_HINT = "@gradient_property(w=(3,), b=()), or annotate each argument with its shape"


def gradient_property(function: Any = None, /, **given_shapes: Any) -> Any:
    """Turn a function of Values into a test: its gradients are right wherever it is drawn.

    Shapes are given by argument or by annotation: a tuple of lengths, an int (a vector of that
    length), ``float`` (one number), or a Hypothesis strategy of the numbers themselves
    (`strategies.arrays(shape, domain)`, for a function that is not defined everywhere);
    ``options`` is passed on to `check_gradients`. On a kink, and where no step can decide, nothing
    is asserted. A failure shrinks to small numbers and raises `GradientError` with the report, and
    the call as Python. In pytest, ``--gradient-examples N`` says how many points.

    >>> import tinygrad_edu as tg
    >>> @gradient_property
    ... def test_a_neuron(w: (2,), b: float):
    ...     return tg.tanh(tg.sum(w * np.array([0.8, -1.2])) + b)
    >>> test_a_neuron()
    """
    if function is None:
        return lambda f: gradient_property(f, **given_shapes)
    options = given_shapes.pop("options", {})
    made = Property(function, _strategies(function, given_shapes), options)

    def test_gradients(*outer: Any) -> None:
        made.run(*outer)

    test_gradients.__name__ = function.__name__
    test_gradients.__doc__, test_gradients.__module__ = function.__doc__, function.__module__
    test_gradients.gradient_property = made  # type: ignore[attr-defined]
    return test_gradients


@dataclass
class Property:
    """A function with a strategy per argument; ``examples`` is None for Hypothesis's own number."""

    function: Callable[..., Any]
    strategies: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    examples: int | None = None

    def run(self, *outer: Any) -> None:
        """Draw points and check at each; ``outer`` is the `self` of a test class, if any."""
        chosen: dict[str, Any] = {"phases": [p for p in Phase if p is not Phase.explain]}
        if self.examples is not None:
            chosen["max_examples"] = self.examples
        health = [HealthCheck.too_slow, HealthCheck.data_too_large]

        def at_a_point(numbers: dict[str, Any]) -> None:
            self.check(outer, numbers)

        drawn = given(st.fixed_dictionaries(dict(self.strategies)))(at_a_point)
        chosen |= {"suppress_health_check": health, "print_blob": False, "database": None}
        try:
            settings(deadline=None, **chosen)(drawn)()
        except (Unsatisfiable, FailedHealthCheck):
            raise GradientError(
                f"{self.function.__name__} could be judged at no point, or at hardly any",
                report=Report("step"),
                hint="give a strategy for its numbers: arrays(shape, domain)",
            ) from None

    def check(self, outer: tuple[Any, ...], numbers: dict[str, Any]) -> Report:
        """The check at one point; raises `GradientError` where a gradient is wrong."""
        names = list(numbers)

        def call(*xs: Any) -> Any:
            return self.function(*outer, **dict(zip(names, xs, strict=True)))

        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]
        )
        report = report_of(call, *numbers.values(), **self.options)
        assume(report.verdict not in ("kink", "step"))
        if not report.right:
            raise GradientError(f"{report}\n  at {self.source(numbers)}", report=report)
        return report

    def source(self, numbers: Mapping[str, Any]) -> str:
        """The call as Python, to be repeated."""
        parts = ", ".join(f"{name}={literal(x)}" for name, x in numbers.items())
        return f"{self.function.__name__}({parts})"


def _strategies(function: Callable[..., Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
    """A strategy per argument of the function."""
    try:
        parameters = inspect.signature(function, eval_str=True).parameters
    except (NameError, SyntaxError, TypeError):
        parameters = inspect.signature(function).parameters
    unknown = set(shapes) - set(parameters)
    if unknown:
        raise DTypeError(
            f"{function.__name__} has no argument {', '.join(sorted(unknown))}",
            hint=f"its arguments: {', '.join(parameters)}",
        )
    found = {}
    for name, parameter in parameters.items():
        if name == "self":
            continue
        shape = shapes.get(name, parameter.annotation)
        if shape is inspect.Parameter.empty:
            if parameter.default is not inspect.Parameter.empty:
                continue
            raise DTypeError(f"the shape of {name} in {function.__name__} is not known", hint=_HINT)
        found[name] = _strategy(name, shape)
    if not found:
        raise DTypeError(f"{function.__name__} has no argument to draw", hint=_HINT)
    return found


def _strategy(name: str, shape: Any) -> Any:
    if get_origin(shape) is Annotated:
        shape = get_args(shape)[1]
    if isinstance(shape, st.SearchStrategy):
        return shape
    if shape is float:
        shape = ()
    if isinstance(shape, (int, np.integer)) and not isinstance(shape, bool):
        shape = (int(shape),)
    if isinstance(shape, tuple) and all(isinstance(n, int) and n > 0 for n in shape):
        return arrays(shape)
    raise DTypeError(f"{shape!r} is not a shape for {name}", hint=_HINT)
