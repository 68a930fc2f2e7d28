"""Random programs: directed graphs of operations with shapes that fit, runnable and printable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.engine import OPS, Op, Value
from tinygrad_edu.families import registry
from tinygrad_edu.testing.case import literal, spelled

LEFT_OUT = {
    "positive": "marks an argument of a transform; a program that calls it computes nothing by it",
    "astype": "rounds to float32, and differences of rounded numbers judge nothing",
}
"""The differentiable operations that no random program calls, each with its reason."""


class Step(NamedTuple):
    """``v = op(*args, **params)``; an int among the args is the number of a slot."""

    op: str
    args: tuple[Any, ...]
    params: dict[str, Any]


@dataclass
class Program:
    """A random program; ``run`` executes it on its own inputs or on others of the same shapes.

    >>> program = Program([np.array([1.0, 2.0])], [Step("square", (0,), {}), Step("sum", (1,), {})])
    >>> program.run()
    5.0
    >>> print(program)
    import numpy as np
    import tinygrad_edu as tg
    <BLANKLINE>
    <BLANKLINE>
    def program(x0):
        v1 = tg.square(x0)
        v2 = tg.sum(v1)
        return v2
    <BLANKLINE>
    <BLANKLINE>
    tg.check(program, np.array([1.0, 2.0]))
    """

    inputs: list[Any]
    steps: list[Step] = field(default_factory=list)

    def run(self, inputs: Sequence[Any] | None = None) -> Any:
        """The result of the last step, for numbers or for Values."""
        slots = list(self.inputs if inputs is None else inputs)
        for step in self.steps:
            slots.append(self._execute(step, slots))
        return slots[-1]

    def __call__(self, *inputs: Any) -> Any:
        return self.run(inputs)

    @staticmethod
    def _execute(step: Step, slots: Sequence[Any]) -> Any:
        args = [slots[a] if type(a) is int else a for a in step.args]
        return OPS[step.op](*args, **step.params)

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in order."""
        return [step.op for step in self.steps]

    def value(self) -> Value:
        """The result as a recorded Value, with every gradient filled in."""
        leaves = [Value(x, f"x{i}") for i, x in enumerate(self.inputs)]
        out: Value = self.run(leaves)
        out.backward(gradient=np.ones(out.shape) if out.shape else None)
        return out

    def draw(self, **options: Any) -> Any:
        """The picture of the program, with every number and gradient."""
        from tinygrad_edu.view.picture import draw

        return draw(self.value(), **options)

    def source(self) -> str:
        """The program as Python that runs on its own and checks itself."""
        names = [f"x{i}" for i in range(len(self.inputs))]
        lines = ["import numpy as np", "import tinygrad_edu as tg", "", ""]
        lines.append(f"def program({', '.join(names)}):")
        for step in self.steps:
            args = [names[a] if type(a) is int else literal(a) for a in step.args]
            args += [f"{key}={literal(value)}" for key, value in step.params.items()]
            names.append(f"v{len(names)}")
            lines.append(f"    {names[-1]} = {spelled(step.op)}({', '.join(args)})")
        numbers = ", ".join(map(literal, self.inputs))
        return "\n".join(
            [*lines, f"    return {names[-1]}", "", "", f"tg.check(program, {numbers})"]
        )

    __str__ = source
    __repr__ = source


def usable(names: Sequence[str] | None = None) -> list[Op[Any]]:
    """The operations that random programs are made of: all but those in `LEFT_OUT`."""
    found = [op for name, op in registry().items() if not op.plain and name not in LEFT_OUT]
    return [op for op in found if names is None or op.name in names]
