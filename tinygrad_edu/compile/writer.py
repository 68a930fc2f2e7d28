"""A tape as the source of one flat Python function, and the function.

Two backends. ``python`` calls the forward function of every operation: slow, and right by
construction; it is what the other is compared with, and what runs where numbers make Python raise
(1/0, log 0). ``numpy`` writes numbers as plain arithmetic and arrays as NumPy calls that write into
arrays no longer needed (``out=``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compile.expressions import call, constant_text, number, wrapped
from tinygrad_edu.compile.memory import Memory
from tinygrad_edu.compile.ufuncs import array_expression
from tinygrad_edu.engine import compute
from tinygrad_edu.explain.identifiers import Names, identifier
from tinygrad_edu.explain.literals import literal
from tinygrad_edu.explain.templates import defined, forms
from tinygrad_edu.raw import canonical
from tinygrad_edu.tape import Instruction, Slot, Tape


class Writer:
    """Writes the function of one tape; ``effects`` outputs at the end are returned beside."""

    def __init__(self, tape: Tape, backend: str, effects: int = 0) -> None:
        self.tape, self.backend, self.effects = tape, backend, effects
        self.first = len(tape.leaves)
        self.data = [leaf.value._data for leaf in tape.leaves]
        self.data += [step.recorded for step in tape.instructions]
        self.draws = [step for step in tape.instructions if step.op.random]
        self.scope: dict[str, Any] = {"np": np, "math": math, "canonical": canonical}
        self.scope["compute"] = compute
        self.helpers: dict[str, str] = {}  # text of a function → its name
        self.notes: list[str] = []
        self.constants: dict[int, str] = {}
        self.operations = {step.op.name for step in tape.instructions}
        coded = {step.op: step for step in tape.instructions if step.op.code is not None}
        self.printed = {n for step in coded.values() for n in defined(forms(step)[0])}
        self.unique = Names([*self.scope, *self.operations, "program", "draws", "structure"])
        self.names = self._names()
        self.memory = Memory(tape, self.data)

    def _names(self) -> list[str]:
        tape, names = self.tape, list[str]()
        for i, leaf in enumerate(tape.leaves):
            own = identifier((leaf.name or "").rsplit(".", 1)[-1])
            prefix = "x" if i in tape.inputs else "w"
            names.append(self.unique.unique(own) if own else self.unique.numbered(prefix))
        for step in tape.instructions:
            own = identifier(step.name or "")
            own = "" if own == step.op.name or own in self.scope else own
            names.append(self.unique.unique(own) if own else self.unique.numbered("v"))
        return names

    def program(self) -> tuple[str, Callable[..., Any]]:
        """The source, and the function made of it: it takes the inputs (and draws) in order."""
        body = [*self._captured(), *self._drawn()]
        for i, step in enumerate(self.tape.instructions):
            if not step.op.random:
                body.append(f"{self.names[step.out]} = {self._expression(step, i)}")
        body += self._finished()
        body.append(f"return {self._results()}")
        inputs = [self.names[i] for i in self.tape.inputs] + ["draws"] * bool(self.draws)
        head = f"def program({', '.join(inputs)}):"
        lines = [*self.notes, *self.helpers, head, *[f"    {line}" for line in body]]
        source = "\n".join(lines) + "\n"
        return source, self._made(source)

    def of_floats(self, source: str) -> Callable[..., Any]:
        """The same function, which returns NotImplemented where an argument is no float."""
        types = " is ".join([f"type({self.names[i]})" for i in self.tape.inputs])
        head = next(line for line in source.split("\n") if line.startswith("def program("))
        guard = f"{head}\n    if not ({types} is float):\n        return NotImplemented"
        return self._made(source.replace(head, guard, 1))

    def _made(self, source: str) -> Callable[..., Any]:
        exec(compile(source, f"<compiled by tinygrad_edu, {self.backend}>", "exec"), self.scope)
        function: Callable[..., Any] = self.scope["program"]
        return function

    # Parts ----------------------------------------------------------------------------------------

    def _captured(self) -> list[str]:
        lines = []
        for i, leaf in enumerate(self.tape.leaves):
            if i in self.tape.inputs:
                continue
            cell = self.unique.unique(f"{self.names[i]}_leaf")
            self.scope[cell] = leaf.value
            lines.append(f"{self.names[i]} = {cell}._data")
        return lines

    def _drawn(self) -> list[str]:
        names = [self.names[step.out] for step in self.draws]
        return [f"{', '.join(names)}, = draws"] if names else []

    def _finished(self) -> list[str]:
        """Results leave locked; what may share memory with an argument leaves as a copy."""
        lines = []
        for slot in dict.fromkeys(self.tape.outputs):
            name = self.names[slot]
            if self.memory.shares_input(slot) and isinstance(self.data[slot], np.ndarray):
                lines += [f"{name} = np.array({name})", f"{name}.setflags(write=False)"]
            elif isinstance(self.data[slot], np.ndarray) and slot >= self.first:
                lines.append(f"{name}.setflags(write=False)")
        return lines

    def _results(self) -> str:
        names = [_Name(self.names[slot]) for slot in self.tape.outputs]
        own = names[: len(names) - self.effects]
        tree = self.tape.rebuild(list(own))
        if _plain(tree):
            text = repr(tree)
        else:
            self.scope["structure"] = self.tape.rebuild
            text = f"structure({own!r})"
        return f"{text}, {names[len(own) :]!r}" if self.effects else text

    # Expressions ----------------------------------------------------------------------------------

    def _expression(self, step: Instruction, at: int) -> str:
        args = self._operands(step)
        if self.backend == "python":
            self.memory.passed(at, step)
            op = self.constant(step.op, step.op.name)
            items = ", ".join(args) + "," * (len(args) == 1)
            params = f", {self._params(step)}" if step.params else ""
            return f"compute({op}, ({items}){params})"
        arrays = [isinstance(self.of(x), np.ndarray) for x in (*step.args, Slot(step.out))]
        if True not in arrays:
            text, *functions = number(step, args, self._array, self.helpers)
            for function in functions:
                self.helpers[function] = ", ".join(defined(function))
            return text or self._called(step, args)
        found = array_expression(step, args, self, at)
        self.memory.passed(at, step)
        return found or self._called(step, args)

    def _called(self, step: Instruction, args: list[str]) -> str:
        """The forward function itself, where nothing shorter is known to do the same."""
        own = step.op.name  # a printed function for single numbers may have the same name
        own = f"{own}_of_arrays" if own in self.printed else own
        name = self.constant(step.op.forward, own)
        return wrapped(call(name, args, step.params, self), step.recorded)

    def _params(self, step: Instruction) -> str:
        return self.constant(step.params, f"{self.names[step.out]}_static")

    def of(self, arg: Any) -> Any:
        """The number or array an argument was when the program was recorded."""
        return self.data[arg.number] if isinstance(arg, Slot) else arg

    def _operands(self, step: Instruction) -> list[str]:
        """Operands as text; whole numbers and bools that are counted with become floats."""
        keep = step.op.plain or step.op.kind == "shape" or self.backend == "python"
        texts = []
        for i, arg in enumerate(step.args):
            x = self.of(arg)
            whole = not keep and np.asarray(x).dtype.kind in "iub"
            if isinstance(arg, Slot):
                text = self.names[arg.number]
                if whole and not (step.op.name == "where" and i == 0):
                    array = isinstance(x, np.ndarray)
                    text = f"{text}.astype(np.float64)" if array else f"float({text})"
            elif isinstance(x, np.ndarray):
                text = self._array(canonical(x) if whole else x)
            else:
                text = literal(float(x) if whole else x)
            texts.append(text)
        return texts

    def _array(self, array: np.ndarray) -> str:
        return self.constant(array, "c")

    def constant(self, x: Any, name: str) -> str:
        """An object that the function uses, by a name of its own, told at the top."""
        if id(x) in self.constants:
            return self.constants[id(x)]
        if isinstance(x, np.ndarray):
            found = self.unique.numbered(name)
            self.notes.append(f"# {found} is {constant_text(x)}")
        elif isinstance(x, dict):
            found = self.unique.unique(name)
            self.notes.append(f"# {found} is {constant_text(x)}")
        else:
            free = name in self.operations and name not in self.scope
            found = name if free else self.unique.unique(name)
        self.scope[found] = x
        self.constants[id(x)] = found
        return found


class _Name(str):
    """An identifier that stands for itself in the text of a structure."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _plain(tree: Any) -> bool:
    """Whether `repr` of a structure of names is the Python that builds it."""
    if type(tree) is dict:
        return all(type(k) in (str, int) and _plain(v) for k, v in tree.items())
    if type(tree) in (tuple, list):
        return all(map(_plain, tree))
    return type(tree) is _Name
