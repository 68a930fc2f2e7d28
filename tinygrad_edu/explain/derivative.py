"""The derivative of an operation as formulas, read off what its own rule does.

The rule is recorded on a small example and its tape printed in the names of the operands. Nothing
here knows an operation's derivative: what is printed is what is computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import Op, Value
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.tape import Instruction, Slot, Tape

LONGEST, PARTS = 150, 4  # a formula beyond that is no help to a reader: its steps are counted
_DRAWS = 6
_LONG = 12  # a part that is longer and used twice gets a name


class Sample(NamedTuple):
    """A call to record a rule on; ``whole``: the operands are arrays, and g arrives from above."""

    operands: list[Any]
    params: dict[str, Any]
    whole: bool


def derivative(op: Op[Any]) -> list[str]:
    """The derivative per operand as a formula, read off what the operation's own rule does.

    An operation on numbers gives ∂/∂x; one on whole arrays the gradient it hands to each operand
    when ``g`` arrives from above. Where a rule takes more steps than a line can show, they are
    counted and named.

    >>> from tinygrad_edu.engine import OPS
    >>> derivative(OPS["divide"])
    ['∂/∂x = 1 ÷ y', '∂/∂y = −out ÷ y']
    >>> derivative(OPS["matmul"])[0]
    'gradient of x = g @ yᵀ'
    """
    if op.plain or not callable(op.pull):
        return []
    if isinstance(op.rules, float):
        return [f"∂/∂xᵢ = {op.rules:g} for every term"]
    counted: list[str] = []
    for sample in samples(op):
        if counted and _odd((tuple(sample.operands), {})):
            break  # few steps only because there is nothing to do along an axis of one
        try:
            with np.errstate(all="ignore"):
                lines = _printed(op, sample)
        except (TinygradError, ArithmeticError, np.linalg.LinAlgError):
            continue  # numbers that do not fit it, a matrix without an inverse say
        if not any(" steps of " in line for line in lines):
            return lines
        counted = counted or lines
    return counted


def samples(op: Op[Any]) -> Iterator[Sample]:
    """Calls that fit: of numbers if it takes numbers, else of small arrays and drawn examples."""
    drawn = [op.examples(Random(k)) for k in range(_DRAWS)] if op.examples is not None else []
    params = {**(drawn[0][1] if drawn else {}), **op._defaults}
    numbers = scalars(op)
    if numbers is not None:
        # Floats of its own, so that a parameter is known again where the rule uses it.
        own = {k: float(repr(v)) if type(v) is float else v for k, v in params.items()}
        yield Sample(list(numbers), own, whole=False)
    if op._arity >= 1 and not set(op._names) - set(op._defaults):
        square = np.array([[0.5, 1.0], [2.0, 3.0]])
        yield Sample([square] * op._arity, dict(op._defaults), whole=True)
    for operands, given in sorted(drawn, key=_odd):
        if operands is not None:
            yield Sample(list(operands), {**op._defaults, **given}, whole=True)


def _odd(drawn: tuple[tuple[Any, ...] | None, dict[str, Any]]) -> bool:
    """Whether an axis of one number hides what a rule does along it."""
    return any(1 in np.shape(x) for x in drawn[0] or ())


def scalars(op: Op[Any]) -> list[float] | None:
    """A number per operand inside the domain; None for an operation that needs arrays."""
    if (op.rules is None and op.kind not in ("comparison", "logic")) or op._arity < 1:
        return None
    if op.name == "where":
        return [1.0, 2.0, 3.0]
    given = [0.5, 2.0, 3.0, 4.0, 5.0][: op._arity]
    for i, (low, high) in enumerate(op.domain):
        given[i] = given[i] if low < given[i] < high else (max(low, -1.0) + min(high, 1.0)) / 2
    return [float(x > 1) for x in given] if op.kind == "logic" else given


def names_of(op: Op[Any], count: int = 0) -> tuple[str, ...]:
    """What the operands are called: x and y where they are only Python's own a and b."""
    own = tuple(op._operands)
    if op._arity < 0:
        return (*own, *[f"x{i + 1}" for i in range(count - len(own))])
    return {("a",): ("x",), ("a", "b"): ("x", "y")}.get(own, own)


def _printed(op: Op[Any], sample: Sample) -> list[str]:
    names = names_of(op, len(sample.operands))
    moving = [np.asarray(x).dtype.kind == "f" for x in sample.operands]
    leaves = [
        Value(x, name) if moves else x
        for x, name, moves in zip(sample.operands, names, moving, strict=False)
    ]
    out = op(*sample.operands, **sample.params)
    seed = Value(np.ones(np.shape(out)) if np.ndim(out) else 1.0, "g")

    def pulled(seed: Any, *xs: Any) -> list[Any]:
        out = op(*xs, **sample.params)
        grads = pull_back(out, seed if sample.whole else ONE, create_graph=True)
        wanted = [x for x, moves in zip(xs, moving, strict=True) if moves]
        return [out, *[0.0 if grads.get(x) is None else grads[x] for x in wanted]]

    tape = Tape.record(pulled, seed, *leaves)
    static = {id(v): k for k, v in sample.params.items() if type(v) is float}
    texts, parts = formulas(tape, ["g", *names], static)
    label = "gradient of " if sample.whole else "∂/∂"
    wanted = [name for name, moves in zip(names, moving, strict=False) if moves]
    lines = [f"{label}{x} = {texts[i]}" for x, i in zip(wanted, tape.outputs[1:], strict=True)]
    if len(parts) > PARTS or max(map(len, [*lines, *parts])) > LONGEST:
        lines, parts = [_counted(op, tape, wanted)], []
    if sample.whole:
        parts = [*parts, _noted(sample, names, [*lines, *parts])]
    return lines + parts


def _counted(op: Op[Any], tape: Tape, wanted: list[str]) -> str:
    """What a rule is made of, where it is too long to print."""
    steps = [s.op.name for s in tape.instructions if s.out != tape.outputs[0]]
    often = [name for name, _ in Counter(steps).most_common(6)]
    whose = f"gradient{'s' * (len(wanted) > 1)} of {', '.join(wanted)}"
    return f"{whose}: {len(steps)} steps of {', '.join(often)}"


def _noted(sample: Sample, names: Sequence[str], lines: list[str]) -> str:
    """What g and the numbers in the formulas belong to."""
    shapes = [
        f"{name} of shape {_tuple(np.shape(x))}"
        for x, name in zip(sample.operands, names, strict=False)
    ]
    static = [
        f"{k} [{index_text(v)}]" if k == "index" else f"{k}={_static(v)}"
        for k, v in sample.params.items()
        if v is not None and v is not False
    ]
    note = f"g arrives from above; here with {', '.join([*shapes, *static])}"
    spread = "; spread(…) repeats along the reduced axes" if "spread(" in " ".join(lines) else ""
    return note + spread


# Formulas from a tape ----------------------------------------------------------------------------

_ATOM, _CALL, _POWER, _PRODUCT, _MINUS, _SUM, _COMPARE, _CHOICE = range(8)
_BINDING = {
    "add": _SUM, "subtract": _SUM, "multiply": _PRODUCT, "divide": _PRODUCT, "matmul": _PRODUCT,
    "power": _POWER, "less": _COMPARE, "less_equal": _COMPARE, "greater": _COMPARE,
    "greater_equal": _COMPARE, "equal": _COMPARE, "not_equal": _COMPARE,
    "logical_and": _COMPARE, "logical_or": _COMPARE,
}  # fmt: skip


def formulas(
    tape: Tape, names: Sequence[str] = (), static: dict[int, str] | None = None
) -> tuple[list[str], list[str]]:
    """A formula for every slot, in the names of the leaves, and the parts that got a name.

    The first output is called ``out``; ``static`` has the names of numbers by their `id`.

    >>> x = Value(2.0, "x")
    >>> formulas(Tape.of(x / 2.0 + 1.0))[0]
    ['x', 'x ÷ 2', 'out']
    """
    known_names = [*names, *[leaf.name for leaf in tape.leaves[len(names) :]]]
    texts = [
        (name or _number(leaf.value._data), _ATOM)
        for name, leaf in zip(known_names, tape.leaves, strict=False)
    ]
    shapes = {
        leaf.value.shape: f"{text}.shape"
        for leaf, (text, _) in zip(tape.leaves, texts, strict=True)
        if leaf.value.shape and text != "g"
    }
    uses = Counter(slot for step in tape.instructions for slot in step.slots)
    made_by = {step.out: step for step in tape.instructions}
    parts: list[str] = []
    known: dict[str, str] = {}
    for step in tape.instructions:
        spread = _spread(step, made_by, texts)
        made = spread or _formula(step, texts, shapes, static or {})
        if step.out == tape.outputs[0]:
            made = ("out", _ATOM)
        if made[0] in known:
            made = (known[made[0]], _ATOM)
        elif uses[step.out] > 1 and len(made[0]) > _LONG:
            name = known[made[0]] = f"t{len(parts) + 1}"
            parts.append(f"with {name} = {made[0]}")
            made = (name, _ATOM)
        texts.append(made)
    return [text for text, _ in texts], parts


def _spread(
    step: Instruction, made_by: dict[int, Instruction], texts: Sequence[tuple[str, int]]
) -> tuple[str, int] | None:
    """What was reduced brought back to the shape of its operand: a reshape, then repetition."""
    before = made_by.get(step.slots[0]) if step.op.name == "broadcast_to" and step.slots else None
    if before is None or before.op.name != "reshape" or not before.slots:
        return None
    return f"spread({texts[before.slots[0]][0]})", _CALL


def _formula(
    step: Instruction,
    texts: Sequence[tuple[str, int]],
    shapes: dict[tuple[int, ...], str],
    static: dict[int, str],
) -> tuple[str, int]:
    """One instruction as a formula, its arguments in brackets where they bind less tightly."""
    name = step.op.name
    args = [
        texts[a.number] if isinstance(a, Slot) else (static.get(id(a)) or _number(a), _ATOM)
        for a in step.args
    ]
    plain = [text for text, _ in args]
    if name == "where":
        taken, other = _held(args[1], _COMPARE), _held(args[2], _COMPARE)
        return f"{taken} if {_held(args[0], _COMPARE)} else {other}", _CHOICE
    if name == "square" or (name == "multiply" and plain[0] == plain[1]):
        return f"{_held(args[0], _ATOM)}²", _POWER
    if name == "transpose" and np.ndim(step.recorded) == 2:
        return f"{_held(args[0], _ATOM)}ᵀ", _ATOM
    if name == "negative":
        return f"−{_held(args[0], _PRODUCT)}", _MINUS
    if name == "getitem" and len(args) == 1:
        return f"{_held(args[0], _CALL)}[{index_text(step.params['index'])}]", _CALL
    if name == "add_n":
        return " + ".join(_held(part, _MINUS) for part in args), _SUM
    if name in _BINDING:
        level = _BINDING[name]
        right = level - 1 if name in ("subtract", "divide", "matmul", "power") else level
        left = level - 1 if name == "power" else max(level, _MINUS)
        return f"{_held(args[0], left)} {step.op.symbol} {_held(args[1], right)}", level
    given = {k: v for k, v in step.params.items() if v is not None and v is not False}
    if "index" in given:
        plain.append(f"[{index_text(given.pop('index'))}]")
    if given.get("shape") in shapes:
        plain.append(shapes[given.pop("shape")])
    shown = [f"{k}={static.get(id(v)) or _static(v)}" for k, v in given.items()]
    return f"{name}({', '.join([*plain, *shown])})", _CALL


def _held(part: tuple[str, int], level: int) -> str:
    text, own = part
    return text if own <= level else f"({text})"


def _number(x: Any) -> str:
    if isinstance(x, np.ndarray) and x.size == 1:
        x = x.reshape(()).item()
    if isinstance(x, np.ndarray):
        return f"array{_tuple(x.shape)}"
    return f"{x:.4g}" if isinstance(x, float) else str(x)


def _static(x: Any) -> str:
    if isinstance(x, (np.dtype, type)):
        return str(getattr(x, "__name__", x))
    return _number(x) if isinstance(x, (float, np.ndarray)) else repr(x)


def _tuple(shape: tuple[int, ...]) -> str:
    return str(shape).replace(",)", ")") if len(shape) != 1 else f"({shape[0]},)"


def index_text(index: Any) -> str:
    """An index as it stands between brackets.

    >>> index_text((slice(None), slice(1, 3), None, ..., np.array([0, 2])))
    ':, 1:3, None, ..., [0, 2]'
    """
    if isinstance(index, tuple) and not hasattr(index, "_fields"):
        return ", ".join(map(index_text, index)) or "()"
    if isinstance(index, slice):
        ends = ["" if n is None else str(n) for n in (index.start, index.stop)]
        return ":".join([*ends, *([str(index.step)] if index.step is not None else [])])
    if index is Ellipsis:
        return "..."
    if isinstance(index, np.ndarray):
        return str(index.tolist()) if index.size <= 6 else f"array{_tuple(index.shape)}"
    return "indices" if hasattr(index, "_fields") else str(index)
