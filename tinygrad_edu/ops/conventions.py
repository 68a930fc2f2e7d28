"""What is chosen where a function has no derivative, or where NumPy and PyTorch differ.

Rows are declared with the operation they belong to (the fact ``conventions``). The documentation
prints them as one table, and a test evaluates both sides of each row: ours always, PyTorch's
where it is installed.
"""

from __future__ import annotations

from typing import NamedTuple


class Convention(NamedTuple):
    """One question, our expression and its result, theirs and its result, all as Python source.

    In the expressions ``d`` is `tinygrad_edu.grad`, ``D`` is `torch.func.grad`, ``t`` is
    `torch.tensor`; ``np``, ``math``, ``tg`` and ``torch`` are what they usually are.
    """

    question: str
    here: str
    gives: str
    elsewhere: str
    gives_elsewhere: str

    @property
    def differs(self) -> bool:
        """Whether the two results are not the same."""
        return self.gives != self.gives_elsewhere
