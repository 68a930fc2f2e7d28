"""The errors this library raises: what went wrong, with which operands, and what to write instead.

Every class also is the built-in exception that NumPy or Python would have raised, so that
``except ValueError`` keeps working.
"""

from __future__ import annotations

from numpy.linalg import LinAlgError


class TinygradError(Exception):
    """The base of all errors raised on purpose by this library.

    ``hint`` is a line of code or advice; it is part of the text.

    >>> print(TinygradError("no such thing", hint="use the other thing"))
    no such thing
      hint: use the other thing
    """

    reason: Exception | None = None  # what was raised first, where this tells it in other words

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(message if hint is None else f"{message}\n  hint: {hint}")


class OperationError(TinygradError, ValueError):
    """An operation could not be computed on these operands."""


class ShapeError(OperationError):
    """Shapes do not fit together."""


class MatrixError(OperationError, LinAlgError):
    """A matrix that is singular, not positive definite or not finite, where it must not be."""


class IndexingError(OperationError, IndexError):
    """An index outside of an array, or of a kind that no array takes."""


class DTypeError(TinygradError, TypeError):
    """Data that is not made of real floating-point numbers, or an operand of a wrong kind."""


class UnknownOperationError(TinygradError, TypeError):
    """A NumPy function that has no derivative rule here."""


class AutodiffError(TinygradError, RuntimeError):
    """A derivative was asked for that does not exist or is not defined."""


class StaleGraphError(AutodiffError):
    """A leaf was assigned after the graph was recorded: its numbers do not belong together."""


class RecordingError(TinygradError, TypeError):
    """Data was read while a program is recorded: the recording would hold for one input only."""


class RoleError(TinygradError, ValueError):
    """A role or name that does not exist or does not fit."""


class NonFiniteError(TinygradError, ArithmeticError):
    """A NaN or an infinity stopped the training; the text says where it was born."""


class GradientError(TinygradError, AssertionError):
    """A gradient check failed; ``report`` holds the numbers."""

    def __init__(self, message: str, *, report: object = None, hint: str | None = None) -> None:
        self.report = report
        super().__init__(message, hint=hint)


class DataError(TinygradError, ValueError):
    """A table, file or column that cannot be used as it is."""


class BackendError(TinygradError, RuntimeError):
    """A format that no installed backend can write; nothing was written."""
