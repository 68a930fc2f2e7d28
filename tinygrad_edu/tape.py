"""`Tape`: a recorded graph as a list of plain instructions, the neuron as an algorithm.

Everything that reads a graph as a program reads this: the printed algorithm, the trace table,
generated code, gradient checks. Slots are numbered from 0, the leaves first; there are no ids and
no Values in the instructions, and `Tape.run` is all it takes to execute them.
"""

from __future__ import annotations

import keyword
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.autodiff import pull_back, topological
from tinygrad_edu.context import MODE, Mode, Role, Switch, Tag
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import Op, Value, compute, describe, make_leaf
from tinygrad_edu.errors import DTypeError, RecordingError, ShapeError
from tinygrad_edu.raw import operand, shape
from tinygrad_edu.roles import infer_roles
from tinygrad_edu.sites import Site
from tinygrad_edu.terminal import printable
from tinygrad_edu.transforms import flatten


class Slot(NamedTuple):
    """An argument that is the result of an instruction, or a leaf: the number of its slot."""

    number: int


@dataclass(frozen=True, eq=False)
class Leaf:
    """A leaf of the recorded graph; ``value`` is read live at each run, so an update is seen."""

    value: Value
    name: str | None
    role: Role


@dataclass(frozen=True, eq=False)
class Instruction:
    """``out = op(*args, **params)``: each argument is a `Slot` or a plain number or array."""

    op: Op[Any]
    args: tuple[Any, ...]
    params: dict[str, Any]
    out: int
    name: str | None = None
    role: Role = Role.OPERATION
    site: Site | None = None
    recorded: Any = None  # the number computed when the graph was recorded
    scope: tuple[str, ...] = ()

    @property
    def slots(self) -> list[int]:
        """The slots it reads, in order; `x * x` reads one twice."""
        return [a.number for a in self.args if isinstance(a, Slot)]


class Recording(Switch):
    """While a program is recorded to be run on other data: its decisions become instructions.

    A tape alone changes nothing outside of it; the compiler's recorder writes changes down.
    """

    def __init__(self) -> None:
        self.start = make_leaf(0.0).id  # what is made while recording has a larger id

    def change(self, mode: Mode) -> Mode:
        return mode.but(recording=self, grad=True)

    def assign(self, value: Value, new: Any) -> Value:
        """`Value.assign` while recording."""
        raise RecordingError(f"{describe(value)} is assigned while a tape is recorded", hint=_STEP)

    def gradient(self, leaf: Value, g: Any) -> Any:
        """What `backward` leaves at a leaf while recording."""
        return g if leaf._grad is None else leaf._grad + g

    def step(self, optimizer: Any) -> None:
        """`Optimizer.step` while recording."""
        raise RecordingError("an optimizer steps while a tape is recorded", hint=_STEP)


_STEP = "tg.compile(step) records a training step with its updates"


@dataclass(frozen=True, eq=False)
class Tape:
    """The instructions of a graph, in an order in which they can be run.

    >>> w, x = Value(3.0, "w"), Value(2.0, "x")
    >>> tape = Tape.of(w * x + 1.0)
    >>> print(tape)
    given w        3    weight
    given x        2    input
    v1 = w × x     6    product
    v2 = v1 + 1    7    weighted sum
    return v2
    >>> tape.run(), tape.run([10.0, 2.0])
    (7.0, 21.0)
    """

    leaves: tuple[Leaf, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[int, ...]
    inputs: tuple[int, ...] = ()  # slots of the arguments of a recorded function
    rebuild: Callable[[list[Any]], Any] = field(default=lambda outputs: outputs[0], repr=False)

    @classmethod
    def of(
        cls,
        *roots: Value,
        inputs: Sequence[Value] = (),
        wrt: Sequence[Value] = (),
        roles: bool = True,
    ) -> Tape:
        """The tape of what ``roots`` were computed from. Raises `StaleGraphError` on a stale graph.

        ``inputs`` are leaves that come first even where nothing depends on them; with ``wrt`` the
        gradients of the first root are outputs too, after the roots themselves. ``roles=False``
        leaves out what each is for, which takes half of the time.
        """
        for root in roots:
            if not isinstance(root, Value):
                raise DTypeError(f"a tape is made of a Value, got {describe(root)}")
        ordered = nodes_below(roots)
        found = [v for v in ordered if v.op is None and v not in set(inputs)]
        leaves = [*inputs, *found]
        slots = {v: i for i, v in enumerate(leaves)}
        known = {v: r for root in roots if roles for v, r in infer_roles(root).items()}
        instructions: list[Instruction] = []
        for v in ordered:
            if v.op is not None and v not in slots:
                slots[v] = len(leaves) + len(instructions)
                args = tuple(Slot(slots[x]) if isinstance(x, Value) else x for x in v.inputs)
                instructions.append(
                    Instruction(
                        v.op,
                        args,
                        v.params or {},
                        slots[v],
                        v.tag.name,
                        known.get(v, Role.OPERATION),
                        v.site,
                        v._data,
                        v.tag.scope.path,
                    )
                )
        made = tuple(Leaf(v, v.name, known.get(v, Role.INPUT)) for v in leaves)
        tape = cls(made, tuple(instructions), tuple(slots[r] for r in roots))
        return tape.with_gradients(wrt) if wrt else tape

    @classmethod
    def record(cls, function: Callable[..., Any], *examples: Any) -> Tape:
        """Record what ``function`` does with these examples, so that it can be run on others.

        Every number and array in the arguments (nested lists, tuples and dicts) becomes an input.
        Comparisons, orders, draws and `detach` become instructions; reading data, `if` on a Value
        and conversions to float raise `RecordingError`, because they would hold for these
        examples only.

        >>> tape = Tape.record(lambda x: abs(x) * 2.0, 3.0)
        >>> tape.run([-5.0])
        10.0
        """
        flat, rebuild = flatten(list(examples))
        with Recording():
            leaves = [example(x) for x in flat]
            outs, rebuild_out = flatten(function(*rebuild(leaves)))
            roots = [x if isinstance(x, Value) else Value(x, requires_grad=False) for x in outs]
        tape = cls.of(*roots, inputs=leaves)
        numbers = tuple(range(len(leaves)))
        return cls(tape.leaves, tape.instructions, tape.outputs, numbers, rebuild_out)

    def run(self, given: Sequence[Any] | None = None) -> Any:
        """Execute the instructions, with other numbers for the first leaves if ``given``."""
        slots = self.slots(given)
        return self.rebuild([slots[i] for i in self.outputs])

    def slots(self, given: Sequence[Any] | None = None) -> list[Any]:
        """The number in every slot after a run: ten lines that are the meaning of a tape."""
        given = [] if given is None else list(given)
        self._check(given)
        slots = [operand(x, plain=True) for x in given]
        slots += [leaf.value._data for leaf in self.leaves[len(given) :]]
        for step in self.instructions:
            xs = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
            slots.append(compute(step.op, xs, step.params))
        return slots

    def _check(self, given: list[Any]) -> None:
        if len(given) > len(self.leaves):
            raise ShapeError(f"{len(given)} numbers for a tape with {len(self.leaves)} leaves")
        for x, leaf in zip(given, self.leaves, strict=False):
            if np.shape(x) != leaf.value.shape:
                raise ShapeError(
                    f"shape {np.shape(x)} for {leaf.name or 'a leaf'} of shape {leaf.value.shape}",
                    hint="a tape holds for the shapes it was recorded with; record it again",
                )

    def with_gradients(self, wrt: Sequence[Value] | None = None) -> Tape:
        """This tape continued by the instructions that compute gradients of its first output.

        ``wrt`` are leaves; without it the gradient of every slot is an output, in their order.
        They are recorded, so a relu decides anew at each run which side it is on.
        """
        with Recording():
            leaves = [_example_of(leaf) for leaf in self.leaves]
            slots: list[Any] = list(leaves)
            for step in self.instructions:
                xs = [slots[a.number] if isinstance(a, Slot) else a for a in step.args]
                out = step.op(*xs, **step.params)
                if isinstance(out, Value):
                    out.tag = Tag(step.name, step.role, out.tag.scope)
                    out.site = step.site
                slots.append(out)
            root = slots[self.outputs[0]]
            grads = pull_back(root, ONE, create_graph=True)
            mine = {leaf.value: twin for leaf, twin in zip(self.leaves, leaves, strict=True)}
            wanted = slots if wrt is None else [mine.get(v, v) for v in wrt]
            found = [grads.get(v) if isinstance(v, Value) else None for v in wanted]
            zero = [np.zeros(shape(v)) if shape(v) else 0.0 for v in wanted]
            pairs = zip(found, zero, strict=True)
            gradients = [
                g if isinstance(g, Value) else make_leaf(operand(z if g is None else g), None)
                for g, z in pairs
            ]
        tape = Tape.of(*[slots[i] for i in self.outputs], *gradients, inputs=leaves)
        kept = (*self.leaves, *tape.leaves[len(leaves) :])
        return Tape(kept, tape.instructions, tape.outputs, self.inputs, lambda outputs: outputs)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the tape to one file: instructions as JSON, arrays, no pickle; whole or not at all.

        Names, roles and the state of random generators at this moment are kept; lines of the
        user's program are not, and a named tuple of results comes back as a tuple.
        """
        from tinygrad_edu import tape_file

        return tape_file.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Tape:
        """The tape that `save` wrote. Raises `DataError` for a file that is cut off or foreign.

        Nothing in the file is executed. An operation of your own must be declared before.
        """
        from tinygrad_edu import tape_file

        return tape_file.load(path)

    def names(self) -> list[str]:
        """A name per slot: the user's where it is an identifier and unique, else v1, v2, …"""
        own = [leaf.name for leaf in self.leaves] + [step.name for step in self.instructions]
        plain = [n.rsplit(".", 1)[-1] if n else "" for n in own]
        often, used, count = Counter(plain), set[str](), 0
        names: list[str] = []
        for full, short in zip(own, plain, strict=True):
            name = short if often[short] == 1 else (full or "").replace(".", "_")
            clash = not name.isidentifier() or name in used or _reserved(name)
            names.append("" if clash else name)
            used.add(names[-1])
        for i in range(len(names)):
            while not names[i]:
                count += 1
                names[i] = "" if f"v{count}" in used else f"v{count}"
        return names

    def __str__(self) -> str:
        return printable(self.text())

    def text(self) -> str:
        """The instructions as lines, in the notation of the field whatever the terminal."""
        names = self.names()
        rows = [
            (f"given {names[i]}", _number(leaf.value._data), str(leaf.role))
            for i, leaf in enumerate(self.leaves)
        ]
        for step in self.instructions:
            role = "" if step.role is Role.OPERATION else str(step.role)
            rows.append(
                (f"{names[step.out]} = {formula(step, names)}", _number(step.recorded), role)
            )
        wide, numbers = (max((len(row[k]) for row in rows), default=0) for k in (0, 1))
        lines = [f"{text:<{wide}}    {n:>{numbers}}    {role}".rstrip() for text, n, role in rows]
        return "\n".join([*lines, "return " + ", ".join(names[i] for i in self.outputs)])


def nodes_below(roots: Sequence[Value]) -> list[Value]:
    """All nodes that the roots were computed from, and themselves, each once, oldest first."""
    top = make_leaf(0.0)
    top.inputs = tuple(roots)  # one walk, however many roots
    return topological(top, every=True)[:0:-1]


def formula(step: Instruction, names: Sequence[str]) -> str:
    """The right-hand side of an instruction as a person writes it: `w1 × x1`, `tanh(v3)`."""
    args = [names[a.number] if isinstance(a, Slot) else _number(a) for a in step.args]
    symbol = step.op.symbol
    if len(args) == 2 and step.op.kind in ("arithmetic", "matmul", "comparison"):
        return f"{args[0]} {symbol} {args[1]}"
    if step.op.name == "add_n":
        return " + ".join(args)
    if step.op.name in ("negative", "square"):
        return f"−{args[0]}" if symbol == "−" else f"{args[0]}²"
    static = [f"{k}={v}" for k, v in step.params.items() if v is not None and v is not False]
    return f"{step.op.name}({', '.join(args + static)})"


def _number(x: Any) -> str:
    if type(x) is float:
        return f"{x:.4g}"
    if isinstance(x, np.ndarray) and x.size > 4:
        return f"array{x.shape}".replace(",)", ")")
    return np.array2string(np.asarray(x), precision=4, separator=", ").replace("\n", "")


def _reserved(name: str) -> bool:
    return keyword.iskeyword(name) or name in ("math", "np", "math_", "sum", "abs", "print")


def example(x: Any) -> Value:
    """A number, array or Value as a leaf of a recorded function; whole numbers stay plain."""
    if isinstance(x, Value):
        return _example_of(Leaf(x, x.name, Role.INPUT))
    data = np.asarray(x)
    return Value(x, requires_grad=data.dtype.kind == "f")


def _example_of(leaf: Leaf) -> Value:
    v = make_leaf(leaf.value._data, leaf.value._dtype, leaf.value.requires_grad)
    v.tag = Tag(leaf.name, leaf.role, MODE.get().tag.scope)
    return v
