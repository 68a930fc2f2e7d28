"""Every operation of the registry obeys every law, beside references that know nothing of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, settings

import tinygrad_edu as tg
from tests.references import reference_of
from tinygrad_edu.engine import OPS
from tinygrad_edu.errors import GradientError
from tinygrad_edu.testing import laws
from tinygrad_edu.testing.case import Case

_NO_REFERENCE = {"random_uniform", "random_normal"}


@pytest.mark.parametrize("name", list(tg.registry()))
def test_laws(name: str) -> None:
    laws.check_op(OPS[name], reference_of(name))


def test_every_operation_has_an_independent_reference() -> None:
    assert [n for n in tg.registry() if reference_of(n) is None and n not in _NO_REFERENCE] == []


@pytest.mark.parametrize(
    ("call", "gradients"),
    [
        (lambda x: tg.relu(x), [(0.0,)]),
        (lambda x: tg.clip(x, 0.0, 1.0), [(0.0,)]),
        (lambda x: tg.clip(x, -1.0, 0.0), [(0.0,)]),
        (lambda x: tg.maximum(x, 0.0), [(0.0,)]),
        (lambda x: tg.minimum(0.0, x), [(0.0,)]),
        (lambda x: abs(x), [(0.0,)]),
        (lambda x: tg.sign(x), [(0.0,)]),
        (lambda x: tg.leaky_relu(x, negative_slope=0.2), [(0.2,)]),
        (lambda x: x**0.0, [(0.0,)]),
        (lambda x: tg.max(tg.stack([x, x * 1.0])), [(1.0,)]),
        (lambda x, y: tg.maximum(x, y), [(0.5, 0.5)]),
        (lambda x, y: tg.minimum(x, y), [(0.5, 0.5)]),
        (lambda x, y: tg.max(tg.stack([x, y])), [(0.5, 0.5)]),
        (lambda x, y: tg.where(False, x, y), [(0.0, 1.0)]),
    ],
)
def test_conventions_where_there_is_no_derivative(call: Any, gradients: Any) -> None:
    [want] = gradients
    leaves = [tg.Value(0.0) for _ in want]
    call(*leaves).backward()
    assert tuple(leaf.grad for leaf in leaves) == want
    arrays = [tg.Value(np.zeros(2)) for _ in want]
    if call(*leaves).inputs and call(*arrays).shape == (2,):
        tg.sum(call(*arrays)).backward()
        assert [a.grad.tolist() for a in arrays] == [[w, w] for w in want]


@pytest.fixture
def no_shrinking() -> Any:
    """A failure is all that is asked for here, not the smallest one."""
    outer = settings.get_current_profile_name()
    settings.register_profile("no shrinking", settings.get_profile(outer), phases=[Phase.generate])
    settings.load_profile("no shrinking")
    yield
    settings.load_profile(outer)


@pytest.mark.usefixtures("no_shrinking")
class TestLawsCanFail:
    """Each law catches an operation that breaks it."""

    def held(self, op: Any, **options: Any) -> str:
        try:
            with pytest.raises(GradientError) as caught:
                laws.check_op(op, max_examples=10, **options)
        finally:
            del OPS[op.name]
        return str(caught.value)

    def test_wrong_forward(self) -> None:  # T50
        @tg.define.elementwise([lambda out, x: 2.0 * x + 1.0], formula="x² + x")
        def law_forward(x: Any) -> Any:
            """Forward and rule agree, and both are not x²."""
            return x * x + x

        assert "the reference's numbers" in self.held(law_forward, reference=np.square)

    def test_wrong_rule(self) -> None:
        @tg.define.elementwise([lambda out, x: 2.001 * x])
        def law_rule(x: Any) -> Any:
            """x² with a slope that is 0.05 % off."""
            return x * x

        assert "differences" in self.held(law_rule)

    def test_scalar_path_differs(self) -> None:
        @tg.define.elementwise([lambda out, x: 1.0])
        def law_scalar(x: Any) -> Any:
            """x, but 1e-9 more on arrays."""
            return x if type(x) is float else x + 1e-9

        assert "scalar = array" in self.held(law_scalar)

    def test_forward_mode_differs(self) -> None:
        @tg.define.general(vjp=[lambda g, out, x: 3.0 * g], jvp=[lambda t, out, x: 3.001 * t])
        def law_modes(x: Any) -> Any:
            """3x, forward mode wrong."""
            return 3.0 * x

        law_modes.examples = lambda rng: ((np.array([rng.random()]),), {})
        leaf = Case(law_modes, (np.array([0.5]),), {})
        with pytest.raises(laws.LawError, match="⟨v, Ju⟩"):
            laws.forward_is_transposed_reverse(leaf)
        assert "forward mode" in self.held(law_modes)

    def test_gradient_detached_at_second_order(self) -> None:
        def detached(out: Any, x: Any) -> Any:
            return 2.0 * (x.detach() if isinstance(x, tg.Value) else x)

        @tg.define.elementwise([detached])
        def law_order(x: Any) -> Any:
            """x², whose rule is cut off from the graph."""
            return x * x

        assert "second derivative" in self.held(law_order)

    def test_kink_not_declared(self) -> None:
        @tg.define.elementwise([lambda out, x: tg.where(tg.greater(x, 0.0), 1.0, 7.0)])
        def law_kink(x: Any) -> Any:
            """|x| with a wrong left side."""
            return abs(x)

        assert "differences" in self.held(law_kink)

    def test_kink_against_the_convention(self) -> None:
        @tg.define.elementwise(
            [lambda out, x: tg.where(tg.equal(x, 0.0), 5.0, tg.sign(x))], kinks=(lambda x: x,)
        )
        def law_convention(x: Any) -> Any:
            """|x| with derivative 5 at 0."""
            return abs(x)

        assert "one-sided" in self.held(law_convention)

    def test_frozen_decision(self) -> None:
        def frozen(out: Any, x: Any) -> Any:
            return np.sign(x._data if isinstance(x, tg.Value) else x)

        @tg.define.elementwise([frozen], kinks=(lambda x: x,))
        def law_frozen(x: Any) -> Any:
            """|x| whose rule decides once and for all while it is recorded."""
            return abs(x)

        assert "replay at x′" in self.held(law_frozen)

    def test_operand_written_to(self) -> None:
        @tg.define.elementwise([lambda out, x: 1.0])
        def law_writes(x: Any) -> Any:
            """Writes into its operand where that is an array that can be written to."""
            if isinstance(x, np.ndarray):
                x.flags.writeable = True
                x += 1.0
            return x

        case = Case(law_writes, (np.arange(3.0),), {})
        try:
            with pytest.raises(laws.LawError, match="not written to"):
                for law in laws.LAWS:
                    law(case)
        finally:
            del OPS["law_writes"]

    def test_float32_lost(self) -> None:
        @tg.define.elementwise([lambda out, x: 2.0])
        def law_float32(x: Any) -> Any:
            """2x in float64 whatever came in."""
            return 2.0 * (x if type(x) is float else x.astype(np.float64))

        assert "float32 stays" in self.held(law_float32)

    def test_undocumented(self) -> None:
        @tg.define.elementwise([lambda out, x: 1.0])
        def law_docs(x: Any) -> Any:
            return x + 0.0

        assert "docstring" in self.held(law_docs)

    def test_a_law_that_cannot_decide_is_told(self) -> None:
        @tg.define.elementwise([lambda out, x: 0.5 / out])
        def law_nowhere(x: Any) -> Any:
            """√(x − 10⁶): not a number for any operand that is drawn."""
            return np.sqrt(x - 1e6) if type(x) is not float else float(np.sqrt(x - 1e6))

        assert "could decide 0 of" in self.held(law_nowhere)
