"""The tour: one neuron from primitives, then a small network, on real penguins.

Everything is shown on the way: the neuron as code, as an algorithm, as numbers and as a picture;
why one gradient is what it is; whether all gradients are right; and what training finds. This
file is written as a user would write it, and the source lines that are shown point into it.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DataError
from tinygrad_edu.explain import explain, trace_table
from tinygrad_edu.functions import cross_entropy
from tinygrad_edu.nn import MLP
from tinygrad_edu.ops.elementwise import tanh
from tinygrad_edu.optim import SGD, Adam
from tinygrad_edu.report import block, confusion, heading, paragraph, save_picture, share, steps
from tinygrad_edu.tags import bias, input, target, weight
from tinygrad_edu.tape import Tape
from tinygrad_edu.terminal import is_live, say
from tinygrad_edu.testing import check_gradients
from tinygrad_edu.train.datasets import Dataset, majority_baseline, penguins, penguins_table
from tinygrad_edu.train.features import NumberFeature
from tinygrad_edu.train.fit import fit
from tinygrad_edu.view.picture import draw

FOLDER = "tinygrad-edu-tour"
EPOCHS = 30
EXAMPLES = 100
FIRST_GUESS = (0.2, 0.5, -0.1)

# The neuron: this is all there is to it. ---------------------------------------------------------


def one_neuron(mass: Any, male: Any, w1: Any, w2: Any, b: Any) -> Any:
    weighted_sum = w1 * mass + w2 * male + b
    return tanh(weighted_sum)


def squared_error(answer: Any, species: Any) -> Any:
    return (answer - species) ** 2


@dataclass
class Parameters:
    """The three numbers that training adjusts."""

    w1: Value = field(default_factory=lambda: weight(FIRST_GUESS[0], "w1"))
    w2: Value = field(default_factory=lambda: weight(FIRST_GUESS[1], "w2"))
    b: Value = field(default_factory=lambda: bias(FIRST_GUESS[2], "b"))

    def answer(self, mass: Any, male: Any) -> Any:
        """What the neuron says: below 0 Adelie, above 0 Gentoo."""
        return one_neuron(mass, male, self.w1, self.w2, self.b)


def train(
    neuron: Parameters, rows: Sequence[tuple[float, float, float]], learn: Sequence[Value]
) -> list[float]:
    """Stochastic gradient descent, one penguin at a time; the mean loss of every epoch."""
    optimizer = SGD(learn, lr=0.1)
    order, losses = np.random.default_rng(0), []
    for _ in steps(range(EPOCHS), "training the neuron"):
        total = 0.0
        for i in order.permutation(len(rows)):
            mass, male, species = rows[i]
            loss = squared_error(neuron.answer(mass, male), species)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / len(rows))
    return losses


# The tour ----------------------------------------------------------------------------------------


@dataclass
class Pictures:
    """The folder, and what was written there."""

    folder: Path
    files: list[Path] = field(default_factory=list)

    def save(self, picture: Any, name: str) -> None:
        """Write one picture in every format that can be written here, and say so."""
        files = save_picture(picture, self.folder / name)
        self.files += files
        say(f"\nPicture: {', '.join(str(file) for file in files)}")


def tour(out: str | PathLike[str] | None = None) -> None:
    """Walk through the whole idea on real data, in about ten seconds; pictures go to ``out``.

    ``out`` is a folder, made if it is not there (default: ``tinygrad-edu-tour`` here); files of an
    earlier tour are replaced, others are left alone. Raises `DataError` when it cannot be written.
    """
    began = time.perf_counter()
    pictures = Pictures(_folder(FOLDER if out is None else out))
    data = penguins(species=["Adelie", "Gentoo"], features=["body_mass_g", "sex"], missing="drop")
    say("What is an artificial neuron made of, is it an algorithm, and is it right?")
    _the_question(data)
    _the_neuron(data, pictures)
    _the_checks(data)
    _the_training(data, pictures)
    _the_network(pictures)
    _the_end(pictures, time.perf_counter() - began)


def _folder(out: str | PathLike[str]) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"the folder {str(folder)!r} cannot be made: {error.strerror or error}",
            hint="name another one: --out FOLDER, or tg.tour('folder')",
        ) from None
    return folder


def _rows(data: Dataset, part: str = "train") -> list[tuple[float, float, float]]:
    """(mass, male, species) per penguin: mass standardised, male 0 or 1, species -1 or +1."""
    x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
    return [(float(a), float(b), 2.0 * int(t) - 1.0) for (a, b), t in zip(x, y, strict=True)]


def _right(answer: Callable[[float, float], Any], data: Dataset) -> int:
    """How many of the penguins held out are told apart rightly."""
    held = _rows(data, "holdout")
    return sum(float(answer(mass, male)) * species > 0 for mass, male, species in held)


def _grams(data: Dataset) -> NumberFeature:
    mass = data.encoder.features[0]
    assert isinstance(mass, NumberFeature)
    return mass


def _heavy_adelie(data: Dataset) -> tuple[float, float, float]:
    """The heaviest male Adelie learned from: mass alone takes it for a Gentoo."""
    return max(row for row in _rows(data) if row[1:] == (1.0, -1.0))


def _the_question(data: Dataset) -> None:
    heading("1  The question")
    mass, unit = _heavy_adelie(data)[0], _grams(data)
    paragraph(
        f"A penguin weighs {mass * unit.scale + unit.mean:,.0f} g and is male: an Adelie or a "
        "Gentoo? Gentoos are heavier, and males are heavier, so mass alone misleads. Mass is a "
        "continuous input; sex is a binary one (male = 1, female = 0)."
    )
    block(
        f"penguins measured   {len(data.x_train) + len(data.x_holdout)}   "
        "(Palmer Archipelago; Gorman, Williams and Fraser 2014)\n"
        f"to learn from       {len(data.x_train)}\n"
        f"held out            {len(data.x_holdout)}    never shown to the neuron before the end\n"
        f"baseline            {100 * majority_baseline(data):.1f} %  right by always answering "
        "the commoner species"
    )


def _the_neuron(data: Dataset, pictures: Pictures) -> None:
    heading("2  One neuron, from primitives")
    paragraph(
        "Each input times its weight, summed up with a bias: the weighted sum. An activation "
        "(tanh) turns it into an answer between -1 (Adelie) and +1 (Gentoo)."
    )
    block(_source(one_neuron, squared_error))
    neuron, (mass, male, species) = Parameters(), _heavy_adelie(data)
    x1, x2, t = input(mass, "mass"), input(male, "male"), target(species, "species")
    loss = squared_error(neuron.answer(x1, x2), t)
    loss.backward()
    heading("3  It is an algorithm")
    paragraph(
        "What was recorded for that penguin, with weights that are still guesses: a list of "
        "instructions, each with its number. (Mass is standardised: 0 is the mean of the "
        "penguins, 1 one standard deviation more.)"
    )
    block(Tape.of(loss))
    say()
    paragraph(
        f"The neuron answers {float(neuron.answer(mass, male)):+.2f}, Gentoo, and it is an Adelie "
        f"({species:+.0f}): the loss is the square of the difference, {loss.item():.4g}."
    )
    heading("4  The numbers, forward and backward")
    paragraph(
        "Forward: what each step gives. Backward: how the loss would answer to a change of each "
        "step, found from the end to the beginning by the chain rule."
    )
    block(trace_table(loss))
    pictures.save(draw(loss), "neuron")
    heading("5  Why this gradient")
    paragraph("The share of every use of w2, and the line of the program that made it:")
    block(explain(loss, neuron.w2))


def _source(*functions: Callable[..., Any]) -> str:
    """The code as it is in this file, without the types."""
    try:
        text = "\n".join(inspect.getsource(function) for function in functions)
    except OSError:  # installed without sources
        return "answer = tanh(w1 * mass + w2 * male + b)"
    return text.replace(": Any", "").replace(" -> Any", "")


def _the_checks(data: Dataset) -> None:
    heading("6  Are the gradients computed right?")
    rows, seen = _rows(data), []

    def gradients_are_right(w1: float, w2: float, b: float, row: int) -> None:
        mass, male, species = rows[row]
        check_gradients(
            lambda w1, w2, b: squared_error(one_neuron(mass, male, w1, w2, b), species), w1, w2, b
        )
        seen.append(row)

    _for_all(gradients_are_right, len(rows))
    paragraph(
        f"For {len(seen)} random neurons, each with a penguin drawn at random, the gradients of "
        "w1, w2 and b were compared with what happens to the loss when each is nudged: all "
        f"{3 * len(seen)} agree. (Whether the answers are right about penguins is another "
        "question, asked of the penguins held out.)"
    )


def _for_all(holds: Callable[..., None], rows: int) -> None:
    """Run a property on random weights, in hundredths, and random penguins."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st
    from hypothesis.configuration import set_hypothesis_home_dir

    numbers = st.integers(-300, 300).map(lambda hundredths: hundredths / 100)
    every = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],  # a neuron with three weights need not be made any smaller
        suppress_health_check=list(HealthCheck),
    )
    with tempfile.TemporaryDirectory() as elsewhere:
        set_hypothesis_home_dir(elsewhere)  # it would leave a folder where the tour is run
        try:
            every(given(numbers, numbers, numbers, st.integers(0, rows - 1))(holds))()
        finally:
            set_hypothesis_home_dir(None)


def _the_training(data: Dataset, pictures: Pictures) -> None:
    heading("7  Training")
    paragraph(
        f"{EPOCHS} times through the {len(data.x_train)} penguins. After each penguin every "
        "weight moves a little against its gradient."
    )
    neuron, rows, count = Parameters(), _rows(data), len(data.x_holdout)
    before = _right(neuron.answer, data)
    losses = train(neuron, rows, [neuron.w1, neuron.w2, neuron.b])
    after = _right(neuron.answer, data)
    mass, male, species = _heavy_adelie(data)
    first, last = Parameters().answer(mass, male), neuron.answer(mass, male)
    block(
        f"mean loss     {losses[0]:.3f} in the first epoch, {losses[-1]:.3f} in the last\n"
        f"w1            {FIRST_GUESS[0]:.2f} -> {neuron.w1.item():.2f}\n"
        f"w2            {FIRST_GUESS[1]:.2f} -> {neuron.w2.item():.2f}\n"
        f"b             {FIRST_GUESS[2]:.2f} -> {neuron.b.item():.2f}\n"
        f"that Adelie   {float(first):.2f} -> {float(last):.2f}\n\n"
        f"held out, guessed weights   {share(before, count)}\n"
        f"held out, trained           {share(after, count)}\n"
        f"baseline                    {100 * majority_baseline(data):.1f} %"
    )
    loss = squared_error(
        neuron.answer(input(mass, "mass"), input(male, "male")), target(species, "species")
    )
    loss.backward()
    pictures.save(draw(loss), "neuron-trained")
    _the_parts(data, neuron, rows, after)


def _the_parts(
    data: Dataset, neuron: Parameters, rows: list[tuple[float, float, float]], all_of_it: int
) -> None:
    heading("8  What each part is for")
    w1, w2, b, unit = neuron.w1.item(), neuron.w2.item(), neuron.b.item(), _grams(data)
    female, male = (-(w2 * sex + b) / w1 * unit.scale + unit.mean for sex in (0.0, 1.0))
    paragraph(
        f"The weights say: a female is a Gentoo from {female:,.0f} g, a male from {male:,.0f} g. "
        "The sex input moves the operating point of the mass input; the bias sets where it "
        "begins. Without them, trained and measured the same way:"
    )
    sexless, unbiased = Parameters(), Parameters()
    train(sexless, [(mass, 0.0, species) for mass, _, species in rows], [sexless.w1, sexless.b])
    train(unbiased, rows, [unbiased.w1, unbiased.w2])
    without_sex = _right(lambda mass, male: sexless.answer(mass, 0.0), data)
    without_bias, count = _right(unbiased.answer, data), len(data.x_holdout)
    block(
        f"mass, sex, bias   {share(all_of_it, count)}\n"
        f"without sex       {share(without_sex, count)}\n"
        f"without bias      {share(without_bias, count)}"
    )


def _the_network(pictures: Pictures) -> None:
    heading("9  From one neuron to a network")
    data = penguins()
    inputs, classes = len(data.feature_names), len(data.classes)
    paragraph(
        f"All three species, all {len(penguins_table().names) - 1} columns ({inputs} inputs), and "
        f"8 such neurons side by side; {classes} more weigh what the 8 say. The loss is the "
        "surprise at the right species, and Adam chooses the size of the steps."
    )
    model = MLP(
        inputs, [8], classes, "tanh", input_names=data.feature_names, output_names=data.classes
    )
    optimizer = Adam(model.parameters(), lr=0.01)
    history = fit(model, data, cross_entropy, optimizer, 40, batch_size=32, progress=is_live())
    answers = np.argmax(model(data.x_holdout).data, axis=1)
    right, count = int((answers == data.y_holdout).sum()), len(answers)
    block(
        f"mean loss   {history.loss[0]:.3f} in the first epoch, "
        f"{history.loss[-1]:.3f} in the last\n"
        f"held out    {share(right, count)}\n"
        f"baseline    {100 * majority_baseline(data):.1f} %\n\n"
        f"{confusion(data.y_holdout, answers, data.classes)}"
    )
    model.zero_grad()
    penguin = input(data.x_holdout[0], "penguin")
    surprise = cross_entropy(model(penguin), target(np.eye(classes)[data.y_holdout[0]], "species"))
    surprise.backward()
    drawn = draw(surprise, level="neuron", input_names=data.feature_names)
    pictures.save(drawn, "network")


def _the_end(pictures: Pictures, seconds: float) -> None:
    heading("What next")
    paragraph("Open neuron.html in a browser to step through the neuron and to move its weights.")
    if not any(file.suffix == ".png" for file in pictures.files):
        paragraph(
            "The pictures are SVG, which every browser opens. Nothing installed here writes PNG; "
            "this brings it (`python -m tinygrad_edu doctor` tells more):"
        )
        block("python -m pip install resvg-py")
    block(
        "python -m tinygrad_edu train FILE.csv --target COLUMN   a table of yours\n"
        "python -m tinygrad_edu --help                           draw and check your own neurons\n"
        'python -c "import tinygrad_edu as tg; tg.help()"        the names to begin with'
    )
    say(f"\n{len(pictures.files)} files in {pictures.folder}; {seconds:.0f} s in all.")


class _Tour(ModuleType):
    """The import system binds a submodule's name in its package, so the module is the function."""

    def __call__(self, out: str | PathLike[str] | None = None) -> None:
        tour(out)


_Tour.__call__.__doc__ = tour.__doc__
sys.modules[__name__].__class__ = _Tour
