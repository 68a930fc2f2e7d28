"""`gradient_property` and the pytest plugin that reports it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.engine import OPS
from tinygrad_edu.errors import DTypeError, GradientError
from tinygrad_edu.testing import gradient_property
from tinygrad_edu.testing.strategies import arrays

ROOT = Path(__file__).parent.parent
X = np.array([0.8, -1.2])


@gradient_property(w=(2,), b=())
def test_a_neuron(w: Any, b: Any) -> Any:
    """Shapes by argument."""
    return tg.tanh(tg.sum(w * X) + b)


@gradient_property
def test_a_layer(w: Annotated[Any, (2, 3)], x: Annotated[Any, 2], b: float) -> Any:
    """Shapes by annotation."""
    return tg.sum(tg.relu(x @ w + b))


@gradient_property(x=arrays((3,), (0.0, np.inf)), options={"order": 1})
def test_a_domain(x: Any, power: float = 2.0) -> Any:
    """Numbers by strategy, options, and an argument with a default that is left alone."""
    return tg.log(x) * power


class TestInAClass:
    @gradient_property(x=3)
    def test_a_method(self, x: Any) -> Any:
        assert isinstance(self, TestInAClass)
        return x * x


def test_the_number_of_points() -> None:
    seen = []

    @gradient_property(x=())
    def counted(x: Any) -> Any:
        seen.append(1)
        return x * 2.0

    counted.gradient_property.examples = 1
    counted()
    few = len(seen)
    counted.gradient_property.examples = 20
    counted()
    assert few < 40 < len(seen) - few


def test_a_wrong_gradient_shrinks_and_is_printed_as_a_call() -> None:
    @tg.define.elementwise([lambda out, x: 2.1 * x])
    def steep_square(x: Any) -> Any:
        """x² with a slope 5 % too steep."""
        return x * x

    @gradient_property(w=(2,), b=())
    def loss(w: Any, b: Any) -> Any:
        return tg.sum(steep_square(w)) + b

    try:
        with pytest.raises(GradientError) as caught:
            loss()
    finally:
        del OPS["steep_square"]
    text = str(caught.value)
    assert "culprit: op `steep_square`" in text and "bad entry: w[" in text
    assert "loss(w=np.array([" in text and "b=0.0)" in text


def test_shapes_that_are_missing_or_wrong_are_told() -> None:
    with pytest.raises(DTypeError, match="shape of y in f is not known"):
        gradient_property(x=3)(f)
    with pytest.raises(DTypeError, match="has no argument z"):
        gradient_property(z=3)(f)
    with pytest.raises(DTypeError, match="'three' is not a shape for x"):
        gradient_property(x="three", y=())(f)
    with pytest.raises(DTypeError, match="no argument to draw"):
        gradient_property(_nothing)


def f(x, y):  # type: ignore[no-untyped-def]  # without shapes: that is the point
    return x + y


def _nothing() -> Any:
    return 1.0


# The plugin --------------------------------------------------------------------------------------

_TESTS = '''
import tinygrad_edu as tg
from tinygrad_edu.testing import gradient_property

@tg.define.elementwise([lambda out, x: 2.1 * x])
def steep(x):
    """x² with a slope 5 % too steep."""
    return x * x

calls = []

@gradient_property(x=(2,))
def test_right(x):
    calls.append(1)
    return x * x

def test_how_often():
    assert 7 <= len(calls) < 1000

@gradient_property(x=(2,))
def test_wrong(x):
    return tg.sum(steep(x))
'''


def pytest_run(folder: Path, *args: str) -> str:
    """A run with this plugin alone, named, so that it is the same whether installed or not."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith("PYTEST")}
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "pytest_tinygrad_edu", "-q"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *args], cwd=folder, capture_output=True,
        env=kept | {"PYTHONPATH": str(ROOT)}, encoding="utf-8", timeout=120,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_the_plugin_reports_and_draws(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(_TESTS, encoding="utf-8")
    out = pytest_run(tmp_path, "--gradient-examples", "7", "test_own.py")
    assert "1 failed, 2 passed" in out
    assert "gradient report" in out and "culprit: op `steep`" in out
    [picture] = (tmp_path / "gradient-pictures").iterdir()
    assert f"drawn: {picture}" in out and picture.read_text(encoding="utf-8").startswith("<svg")


def test_the_number_of_examples_must_be_one(tmp_path: Path) -> None:
    assert "a whole number from 1 up" in pytest_run(tmp_path, "--gradient-examples", "0")


def test_the_plugin_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    code = "import sys\ndef test():\n    assert not {'numpy', 'tinygrad_edu'} & set(sys.modules)\n"
    (tmp_path / "test_other.py").write_text(code, encoding="utf-8")
    assert "1 passed" in pytest_run(tmp_path, "-p", "no:hypothesispytest", "test_other.py")


def test_the_plugin_is_an_entry_point() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pytest11]\ntinygrad_edu = "pytest_tinygrad_edu"' in text
