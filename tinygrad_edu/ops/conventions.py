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
    `torch.tensor`, ``F`` is `torch.nn.functional`; ``np``, ``math``, ``tg``, ``torch``, ``jax`` and
    ``jnp`` are what they usually are. A result is its `repr`, or ``raises NameOfTheError``.
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


# The rows of the operations of a first network, kept out of their short declarations.

# fmt: off
CLIP = (
    Convention("clip at a bound", "d(lambda x: tg.clip(x, 0.0, 1.0))(1.0)", "0.0",
               "D(lambda x: x.clamp(0.0, 1.0))(t(1.0)).item()", "1.0"),
)
MAXIMUM = (
    Convention("maximum with a number, at the tie", "d(lambda x: tg.maximum(x, 0.0))(0.0)", "0.0",
               "D(lambda x: torch.maximum(x, t(0.0)))(t(0.0)).item()", "0.5"),
    Convention("maximum of two Values, at the tie", "d(tg.maximum, (0, 1))(2.0, 2.0)", "(0.5, 0.5)",
               "tuple(g.item() for g in D(torch.maximum, (0, 1))(t(2.0), t(2.0)))", "(0.5, 0.5)"),
)
MAX = (
    Convention("max along an axis, at a tie", "d(lambda x: tg.max(x, axis=0))(np.ones(2)).tolist()",
               "[0.5, 0.5]", "D(lambda x: x.max(0).values)(torch.ones(2)).tolist()", "[1.0, 0.0]"),
)
LOGSUMEXP = (
    Convention("logsumexp of nothing but -inf: shares of 0",
               "d(tg.logsumexp)(np.array([-np.inf, -np.inf])).tolist()", "[0.0, 0.0]",
               "D(lambda x: torch.logsumexp(x, 0))(t([-math.inf, -math.inf])).tolist()",
               "[nan, nan]"),
)
DIVIDE = (
    Convention("division by 0", "(tg.Value(1.0) / 0.0).data", "inf", "1.0 / 0.0",
               "raises ZeroDivisionError"),
)
LOG = (
    Convention("logarithm of a negative number", "tg.log(-1.0)", "nan", "math.log(-1.0)",
               "raises ValueError"),
)
RELU = (
    Convention("relu at 0", "d(tg.relu)(0.0)", "0.0", "D(torch.relu)(t(0.0)).item()", "0.0"),
)
ABSOLUTE = (
    Convention("absolute value at 0", "d(abs)(0.0)", "0.0", "D(abs)(t(0.0)).item()", "0.0"),
)
SIGN = (
    Convention("sign", "d(tg.sign)(3.0)", "0.0", "D(torch.sign)(t(3.0)).item()", "0.0"),
)
LEAKY_RELU = (
    Convention("leaky relu at 0: the lower slope", "d(tg.leaky_relu)(0.0)", "0.01",
               "round(D(torch.nn.functional.leaky_relu)(t(0.0)).item(), 6)", "0.01"),
)
ELU = (
    Convention("elu at 0: the lower slope", "d(lambda x: tg.elu(x, 2.0))(0.0)", "2.0",
               "D(lambda x: F.elu(x, 2.0))(t(0.0)).item()", "2.0"),
)
SOFTPLUS = (
    Convention("softplus beyond PyTorch's threshold", "tg.softplus(25.0) > 25.0", "True",
               "(F.softplus(t(25.0).double()) > 25.0).item()", "False"),
)
SILU = (
    Convention("silu at -inf: the limit", "tg.silu(-np.inf)", "-0.0",
               "F.silu(t(-np.inf)).item()", "nan"),
)
POWER = (
    Convention("x to the power 0, at 0", "d(lambda x: x ** 0)(0.0)", "0.0",
               "D(lambda x: x ** 0)(t(0.0)).item()", "0.0"),
)
SQRT = (
    Convention("square root at 0: honestly infinite", "d(tg.sqrt)(0.0)", "inf",
               "D(torch.sqrt)(t(0.0)).item()", "inf"),
)
WHERE = (
    Convention("below a where: 0 · ∞ is NaN",
               "d(lambda x: tg.where(x > 0.0, x * math.inf, x))(-1.0)", "nan",
               "D(lambda x: torch.where(x > 0.0, x * math.inf, x))(t(-1.0)).item()", "nan"),
    Convention("the branch of where that is not taken", "d(lambda x: tg.where(False, x, 2.0))(1.0)",
               "0.0", "D(lambda x: torch.where(t(False), x, 2.0))(t(1.0)).item()", "0.0"),
)
# fmt: on
