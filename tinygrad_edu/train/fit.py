"""`fit`: the training loop, with mini-batches, hold-out, progress, and a stop at the first NaN."""

from __future__ import annotations

import difflib
import math
import numbers
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu import functions
from tinygrad_edu.birth import all_finite, birth_of_nan
from tinygrad_edu.context import no_grad
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DataError, DTypeError, NonFiniteError, TinygradError
from tinygrad_edu.families import function
from tinygrad_edu.nn import Module
from tinygrad_edu.nn.module import in_use
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.raw import lock
from tinygrad_edu.train.history import History
from tinygrad_edu.train.prepare import Dataset
from tinygrad_edu.train.progress import Progress, progress_for

Loss = Callable[[Any, Any], Value]
Metric = Callable[[NDArray[Any], NDArray[Any]], float]
Pair = tuple[NDArray[Any], NDArray[Any]]
Callback = Callable[[History], Any]

# The losses of a prediction and a target, by name: of numbers, and of scores of classes.
NUMBERS = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "kl_div",
    "binary_cross_entropy",
)  # fmt: skip
SCORES = (
    "cross_entropy", "binary_cross_entropy_with_logits", "hinge_loss", "nll_loss",
    "multi_margin_loss",
)  # fmt: skip
LOSSES = (*NUMBERS, *SCORES)


def accuracy(outputs: NDArray[Any], target: NDArray[Any]) -> float:
    """The share of right classes: the highest score of a row, or the sign of a single score.

    >>> accuracy(np.array([[0.1, 0.9], [2.0, -1.0]]), np.array([1, 1]))
    0.5
    """
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return float(np.mean(outputs.argmax(axis=1) == target))
    return float(np.mean((outputs.reshape(target.shape) > 0) == (target > 0)))


@dataclass(frozen=True)
class _Run:
    """What stays the same during one call of `fit`."""

    model: Callable[[Any], Value]
    loss: Loss
    optimizer: Optimizer
    metric: Metric | None

    def measure(self, x: Any, y: Any) -> Value:
        """The loss of a batch, as a graph. One output per row is compared row by row."""
        outputs = self.model(x)
        if outputs.shape == (len(y), 1) and y.ndim == 1:
            outputs = outputs.reshape(len(y))
        return self.loss(outputs, y)

    def judge(self, pair: Pair) -> tuple[float, float]:
        """Loss and metric (nan: none) in use, unrecorded; a loss that is not finite is an error."""
        x, y = pair
        with no_grad(), in_use(self.model):
            outputs = self.model(x)
            flat = outputs.reshape(len(y)) if outputs.shape == (*y.shape, 1) else outputs
            loss = self.loss(flat, y)
        if not all_finite(loss):
            found = self.measure(x, y)
            what = (
                f"the loss of the held-out rows is {float(found):.4g}, that of training is finite"
            )
            raise NonFiniteError(f"{what}\n{birth_of_nan(found)}")
        metric = math.nan if self.metric is None else float(self.metric(outputs.data, y))
        return loss.item(), metric


def fit(
    model: Callable[[Any], Value],
    data: Dataset | tuple[Any, Any],
    loss: str | Loss | None,
    optimizer: Optimizer,
    epochs: int = 10,
    batch_size: int | None = None,
    *,
    seed: int = 0,
    validation: tuple[Any, Any] | bool | None = None,
    metric: Metric | None = None,
    progress: bool = True,
    callbacks: Callback | Iterable[Callback] = (),
) -> History:
    """Train ``model`` on ``data``, and return what was measured.

    ``data`` is a `Dataset` or ``(x, y)`` with one row per sample. ``loss`` is a function of
    (outputs, target), the name of one, or None for what suits a data set's task; a model with one
    output per row is compared as shape (n,). ``batch_size=None`` takes all rows at once; smaller
    batches are shuffled by ``seed``. ``validation`` is ``(x, y)``, or False; by default the rows a
    data set holds out. ``metric(outputs, target)`` is `accuracy` for class scores if not given.
    Each of ``callbacks`` is called with the history after every epoch, and stops the training by
    returning True. Ctrl-C ends it too, and the history so far is returned.

    Raises `NonFiniteError` with the birthplace of the first NaN or infinity (``error.history``
    holds what was measured before), `DataError` for data that does not fit together.

    >>> from tinygrad_edu.nn import MLP
    >>> from tinygrad_edu.optim import Adam
    >>> from tinygrad_edu.train.toys import xor
    >>> model = MLP(2, [8], 2, seed=1)
    >>> history = fit(model, xor(), "cross_entropy", Adam(model.parameters(), lr=0.1), 50,
    ...               progress=False)
    >>> history.loss[-1] < 0.1, history.metric_name, history.metric[-1]
    (True, 'accuracy', 1.0)
    """
    train, held = _pairs(data, validation)
    chosen = _loss_of(loss, data, train[1])
    _check(model, optimizer, epochs, batch_size, seed)
    run = _Run(model, chosen, optimizer, _metric_of(metric, chosen))
    history = History(metric_name=None if run.metric is None else _name(run.metric))
    calls = [callbacks] if callable(callbacks) else list(callbacks)
    batches = _Batches(train, batch_size, seed)
    try:
        with progress_for(epochs, progress) as shown:
            for epoch in range(1, epochs + 1):
                _one_epoch(run, batches, held, epoch, history, shown)
                answers = [call(history) for call in calls]
                if any(answer is True for answer in answers):
                    history.stopped = "stopped by a callback"
                    break
    except KeyboardInterrupt:
        history.stopped = "interrupted"
    return history


def _one_epoch(
    run: _Run, batches: _Batches, held: Pair | None, epoch: int, history: History, shown: Progress
) -> None:
    start, total = time.perf_counter(), 0.0
    metrics: list[float] = []
    try:
        for number, (x, y) in enumerate(batches, 1):
            with np.errstate(all="ignore"):  # `minimize` finds what is not finite, with its birth
                value = run.optimizer.minimize(run.measure(x, y), keep_inner=False)
            total += value * len(x)
            shown.batch(epoch, number / batches.count, value)
        with np.errstate(all="ignore"):
            if run.metric is not None:
                metrics = [run.judge(batches.whole)[1]]
            judged = None if held is None else run.judge(held)
    except NonFiniteError as error:
        told = NonFiniteError(f"training stopped in epoch {epoch}: {error}")
        told.history = history  # type: ignore[attr-defined]
        raise told from None
    history.epoch.append(epoch)
    history.loss.append(total / len(batches.whole[0]))
    history.metric += metrics
    if judged is not None:
        history.validation_loss.append(judged[0])
        history.validation_metric += [] if run.metric is None else [judged[1]]
    history.seconds.append(round(time.perf_counter() - start, 6))
    shown.epoch(history)


class _Batches:
    """The rows in mini-batches, in a new order each time; all arrays are read-only."""

    def __init__(self, whole: Pair, size: int | None, seed: int) -> None:
        rows = len(whole[0])
        self.whole, self.size = whole, min(size or rows, rows)
        self.count = -(-rows // self.size)
        self._generator = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Pair]:
        x, y = self.whole
        if self.count == 1:
            yield x, y
            return
        order = self._generator.permutation(len(x))
        for start in range(0, len(x), self.size):
            rows = order[start : start + self.size]
            yield lock(x[rows]), lock(y[rows])


def _pairs(data: Any, validation: Any) -> tuple[Pair, Pair | None]:
    held: Any = None
    if isinstance(data, Dataset):
        train: Any = (data.x_train, data.y_train)
        held = None if validation is False else (data.x_holdout, data.y_holdout)
    else:
        train = data
    if validation is True and held is None:
        raise DataError("validation=True needs a data set with hold-out rows", hint="(x, y)")
    if not isinstance(validation, (bool, type(None))):
        held = validation
    return _pair(train, "data"), None if held is None else _pair(held, "validation")


def _pair(given: Any, what: str) -> Pair:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise DataError(
            f"{what} is a Dataset or a pair (x, y), not {type(given).__name__}",
            hint="fit(model, (x, y), loss, optimizer)",
        )
    x, y = (_locked(part, f"{what}: {name}") for part, name in zip(given, "xy", strict=True))
    if not len(x):
        raise DataError(f"{what} has no rows")
    if len(x) != len(y):
        raise DataError(
            f"{what}: x has {len(x)} rows, y has {len(y)}", hint="one target per sample"
        )
    return x, y


def _locked(part: Any, what: str) -> NDArray[Any]:
    """A read-only array of our own, or the caller's if nobody can change it."""
    if isinstance(part, Value):
        part = part.data
    array = np.asarray(part)
    if array.dtype.kind not in "fiub" or array.ndim == 0:
        raise DataError(
            f"{what} is of type {array.dtype} and shape {array.shape}, not rows of real numbers",
            hint="words become numbers with tg.train.datasets.prepare",
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = f"row {bad[0][0]}" + (f", column {bad[0][1]}" if array.ndim > 1 else "")
        raise DataError(
            f"{what} holds {len(bad)} numbers that are NaN or infinite, first in {where}",
            hint="x = x[np.isfinite(x).all(axis=1)] leaves those rows out",
        )
    frozen = array.base is None and not array.flags.writeable
    return array if frozen else lock(array.copy())


def _named(loss: str) -> Loss:
    return getattr(functions, loss, None) or function(loss)


def _loss_of(loss: Any, data: Any, y: NDArray[Any]) -> Loss:
    if loss is None and isinstance(data, Dataset):
        loss = "mse_loss" if data.task == "regression" else "cross_entropy"
    if isinstance(loss, str) and loss in LOSSES:
        loss = _named(loss)
    if not callable(loss):
        near = difflib.get_close_matches(str(loss), LOSSES, n=1, cutoff=0.5)
        what = f"no loss {loss!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        raise TinygradError(what, hint=f"a function (outputs, target), or {', '.join(LOSSES)}")
    if loss is functions.hinge_loss and not np.isin(y, (-1, 1)).all():
        raise DataError("hinge_loss needs targets -1 and +1", hint="2 * y - 1 for targets 0 and 1")
    return loss  # type: ignore[no-any-return]


def _metric_of(metric: Any, loss: Loss) -> Metric | None:
    """Accuracy where outputs are scores of classes, unless another metric is given."""
    of_classes = loss in map(_named, SCORES)
    return accuracy if metric is None and of_classes else metric


def _name(metric: Metric) -> str:
    return getattr(metric, "__name__", "metric").strip("<>")


def _check(model: Any, optimizer: Any, epochs: Any, batch_size: Any, seed: Any) -> None:
    if not callable(model):
        raise DTypeError(f"a model is called with inputs; {type(model).__name__} cannot be")
    if not isinstance(optimizer, Optimizer):
        raise DTypeError(
            f"the optimizer is an Optimizer, not {optimizer!r}",
            hint="tg.optim.Adam(model.parameters(), lr=0.01)",
        )
    if isinstance(model, Module) and not set(model.parameters()) & set(optimizer.parameters):
        raise TinygradError(
            "the optimizer trains no parameter of this model",
            hint="make it from this model: tg.optim.Adam(model.parameters(), lr=0.01)",
        )
    for name, value, least in (
        ("epochs", epochs, 0),
        ("batch_size", batch_size, 1),
        ("seed", seed, 0),
    ):
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not (whole and value >= least) and not (value is None and name == "batch_size"):
            raise DTypeError(f"{name} is a whole number from {least} up, not {value!r}")


class _Callable(ModuleType):
    """Importing this module binds its name in the package, so the module answers as `fit` does."""

    def __call__(self, *args: Any, **kwargs: Any) -> History:
        return fit(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
