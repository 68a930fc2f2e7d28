"""``tinygrad-edu train``: a network for the user's own table, and a folder that holds it."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.cli import spoken
from tinygrad_edu.errors import DataError
from tinygrad_edu.files import write_whole
from tinygrad_edu.nn import MLP
from tinygrad_edu.optim import Adam
from tinygrad_edu.report import amount, bullets, confusion, heading, paragraph, share
from tinygrad_edu.terminal import say
from tinygrad_edu.train.checkpoint import save
from tinygrad_edu.train.datasets import (
    Dataset,
    majority_baseline,
    mean_baseline,
    prepare,
    read_csv,
)
from tinygrad_edu.train.fit import fit
from tinygrad_edu.train.history import History, sparkline
from tinygrad_edu.view.picture import draw

FILES = ("model.npz", "history.csv", "picture.svg", "report.txt")
_MARK = "tinygrad-edu train"


def train(options: argparse.Namespace) -> None:
    """Read, prepare, train, judge and write, as the command's help says.

    Raises `DataError` for everything that is wrong with the table or the folder, before anything
    is written.
    """
    table = read_csv(
        options.file,
        options.target,
        delimiter=options.delimiter,
        decimal=options.decimal,
        encoding=options.encoding,
        header=False if options.no_header else None,
        types=dict(options.type) or None,
    )
    data = prepare(table, options.target, task=options.task, seed=options.seed)
    folder = _folder(options)
    with _new_folder(folder) as building:
        report = _found(options, data)
        say(report)
        model = _model(options, data)
        heading("Training")
        paragraph(f"{model!r}, {_passes(options.epochs)} of {len(data.x_train)} rows.")
        history, stopped = _fit(options, model, data)
        outcome = _outcome(model, data, history, stopped)
        say(outcome)
        save(building / "model.npz", model, encoder=data.encoder)
        history.to_csv(building / "history.csv")
        model.zero_grad()  # the gradients of the last few rows would say nothing about the whole
        draw(model).save(building / "picture.svg")
        write_whole(building / "report.txt", f"{report}\n{model!r}\n{outcome}\n")
    say(f"\nWritten to {folder}: {', '.join(name for name in FILES if (folder / name).exists())}")


def _passes(epochs: int) -> str:
    return "1 pass" if epochs == 1 else f"{epochs} passes"


# The folder --------------------------------------------------------------------------------------


def _folder(options: argparse.Namespace) -> Path:
    """The folder of the results: new, empty, or that of an earlier run."""
    name = options.out
    if name is None:
        plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in options.target)
        name = f"{Path(options.file).stem}-{plain}"
    folder = Path(name)
    if folder.is_dir():
        inside = {path.name for path in folder.iterdir()}
        if inside and not (inside <= set(FILES) and _is_ours(folder)):
            other = sorted(inside - set(FILES)) or sorted(inside)
            raise DataError(
                f"the folder {name} is not empty and not from an earlier run (it holds "
                f"{', '.join(other[:3])}); it was left as it is",
                hint="name another folder: --out DIR",
            )
    elif folder.exists():
        raise DataError(f"{name} is a file, not a folder", hint="name another: --out DIR")
    return folder


def _is_ours(folder: Path) -> bool:
    try:
        with open(folder / "report.txt", encoding="utf-8") as file:
            return file.readline().startswith(_MARK)
    except (OSError, UnicodeDecodeError):
        return False


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside the wanted one that takes its place when all is written, or goes away."""
    folder = folder.resolve()  # a link stays a link to the new results
    building = folder.parent / f".{folder.name}.part-{os.getpid()}"
    fresh = [path for path in folder.parents if not path.exists()]
    try:
        building.mkdir(parents=True)
    except OSError as error:
        raise DataError(
            f"the folder {folder} cannot be made: {error.strerror or error}",
            hint="name another: --out DIR",
        ) from None
    try:
        yield building
        earlier = folder.parent / f".{folder.name}.old-{os.getpid()}"
        if folder.exists():
            folder.rename(earlier)
        try:
            building.rename(folder)
        except OSError:
            if earlier.exists():
                earlier.rename(folder)
            raise
        shutil.rmtree(earlier, ignore_errors=True)
    finally:
        with suppress(OSError):
            shutil.rmtree(building)
        with suppress(OSError):  # after a failure: the folders above it that were made for it
            for path in fresh:
                path.rmdir()


# Training and judging ----------------------------------------------------------------------------


def _found(options: argparse.Namespace, data: Dataset) -> str:
    """What was found in the table, as the report begins."""
    rows = [
        f"{len(data.x_train)} rows to learn from, {len(data.x_holdout)} held out (seed {data.seed})"
    ]
    what = f"{data.task} of {data.target!r}"
    what += f": {', '.join(data.classes)}" if data.classes else ""
    count = len(data.feature_names)
    features = f"{count} {'input' if count == 1 else 'inputs'}: {', '.join(data.feature_names)}"
    title = f"{_MARK}: {Path(options.file).name}"
    return f"{title}\n{bullets([what, *rows, features, *map(spoken, data.notes)])}"


def _model(options: argparse.Namespace, data: Dataset) -> MLP:
    return MLP(
        len(data.feature_names),
        options.hidden,
        len(data.classes) or 1,
        activation=options.activation,
        seed=options.seed,
        input_names=data.feature_names,
        output_names=data.classes or (data.target,),
    )


def _fit(options: argparse.Namespace, model: MLP, data: Dataset) -> tuple[History, bool]:
    """The history, and whether Ctrl-C ended it early."""
    optimizer = Adam(model.parameters(), lr=options.lr)
    batch = min(options.batch, len(data.x_train))
    history = fit(
        model, data, None, optimizer, epochs=options.epochs, batch_size=batch, seed=options.seed
    )
    return history, history.stopped is not None


def _outcome(model: MLP, data: Dataset, history: History, stopped: bool) -> str:
    """How good it is, beside a baseline, on the rows held out."""
    lines = []
    if stopped:
        lines.append(
            f"Stopped by Ctrl-C after {len(history)} whole epochs; what was learned is kept."
        )
    if history.loss:
        lines.append(f"mean loss   {history.loss[0]:.4g} at first, {history.loss[-1]:.4g} at last")
        lines.append(f"            {sparkline(history.loss)}")
    outputs = model(data.x_holdout).data
    lines += _classes(outputs, data) if data.classes else _numbers(outputs, data)
    return "\n".join(["", *lines])


def _classes(outputs: Any, data: Dataset) -> list[str]:
    answers = np.argmax(outputs, axis=1)
    right, count = int((answers == data.y_holdout).sum()), len(answers)
    usual = data.classes[int(np.bincount(data.y_train, minlength=len(data.classes)).argmax())]
    base = majority_baseline(data)
    lines = [
        f"held out    {share(right, count)}",
        f"baseline    {100 * base:.1f} %, by always answering {usual!r}",
        _verdict(right / count > base),
    ]
    if len(data.classes) <= 12:
        lines += ["", confusion(data.y_holdout, answers, data.classes)]
    return lines


def _numbers(outputs: Any, data: Dataset) -> list[str]:
    decode = data.encoder.decode
    errors = np.asarray(decode(outputs[:, 0]), float) - np.asarray(decode(data.y_holdout), float)
    wrong, base = float(np.sqrt(np.mean(errors**2))), mean_baseline(data)
    explained = f"{100 * (1 - (wrong / base) ** 2):.1f} % of the spread explained" if base else ""
    return [
        f"held out    off by {amount(wrong)} (root mean square, in the unit of {data.target!r})",
        f"            {explained}",
        f"baseline    off by {amount(base)}, by always answering the mean",
        _verdict(wrong < base),
    ]


def _verdict(better: bool) -> str:
    if better:
        return "The network is better than the baseline."
    return "The network is NOT better than the baseline: it has learned nothing that holds here."
