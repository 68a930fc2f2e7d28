"""The training loop: what it measures, how it ends, and what it says on bad input."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import BackendError, DataError, DTypeError, NonFiniteError, TinygradError
from tinygrad_edu.nn import MLP, Linear, Neuron
from tinygrad_edu.optim import SGD, Adam
from tinygrad_edu.train import History, datasets, fit, sparkline
from tinygrad_edu.train import progress as shown

X = np.random.default_rng(0).normal(size=(20, 2))
Y = X @ [1.0, -2.0] + 0.5


def line(seed: int = 0) -> tuple[Linear, SGD]:
    model = Linear(2, 1, seed=seed)
    return model, SGD(model.parameters(), lr=0.1)


def test_it_finds_a_line_and_reports_the_loss_before_each_step() -> None:
    model, opt = line()
    twin, other = line()
    first = tg.mse_loss(twin(X)[:, 0], Y).data
    history = fit(model, (X, Y), "mse_loss", opt, 300, progress=False)
    assert history.epoch == list(range(1, 301)) and history.loss[0] == first
    np.testing.assert_allclose(model.weight.data[:, 0], [1.0, -2.0], atol=1e-3)  # type: ignore[union-attr]
    for _ in range(300):
        other.minimize(tg.mse_loss(twin(X)[:, 0], Y))
    np.testing.assert_array_equal(model.weight.data, twin.weight.data)  # type: ignore[union-attr]


def test_minibatches_use_every_row_once_an_epoch_in_an_order_by_seed() -> None:
    def orders(seed: int) -> list[list[float]]:
        seen: list[list[float]] = []

        def model(x: Any) -> Any:
            seen.append(x[:, 0].tolist())
            assert not x.flags.writeable
            return tg.Value(x, requires_grad=False) @ w

        w = tg.weight(np.zeros(2), "w")
        fit(model, (X, Y), "mse_loss", SGD([w], 0.01), 2, 8, seed=seed, progress=False)
        return seen

    batches = orders(1)
    assert [len(b) for b in batches] == [8, 8, 4] * 2
    first, second = ([v for b in part for v in b] for part in (batches[:3], batches[3:]))
    assert sorted(first) == sorted(second) == sorted(X[:, 0].tolist()) and first != second
    assert batches == orders(1) and batches != orders(2)


def test_the_epoch_loss_counts_every_row_alike() -> None:
    model, _ = line()
    frozen = SGD(model.parameters(), lr=0.0)
    whole = tg.mse_loss(model(X)[:, 0], Y).data
    history = fit(model, (X, Y), "mse_loss", frozen, 1, 8, progress=False)
    assert history.loss[0] == pytest.approx(whole, rel=1e-12)


def test_both_forms_learn_the_same() -> None:
    x, y = datasets.moons(30, seed=1)
    losses = []
    for form in ("scalar", "tensor"):
        model = MLP(2, [4], 1, form=form, seed=1)
        opt = Adam(model.parameters(), lr=0.05)
        name = "binary_cross_entropy_with_logits"
        losses.append(fit(model, (x, y), name, opt, 5, 10, progress=False).loss)
    np.testing.assert_allclose(*losses, rtol=1e-9)


def test_a_data_set_brings_its_loss_its_hold_out_and_accuracy() -> None:
    data = datasets.penguins(seed=3)
    model = MLP(len(data.feature_names), [8], 3)
    opt = Adam(model.parameters(), lr=0.02)
    history = fit(model, data, None, opt, 15, 32, progress=False)
    assert history.metric_name == "accuracy" and history.validation_metric[-1] > 0.9
    held = tg.cross_entropy(model(data.x_holdout), data.y_holdout).data
    assert history.validation_loss[-1] == held
    right = np.argmax(model(data.x_train).data, axis=1) == data.y_train
    assert history.metric[-1] == right.mean()
    assert len(history.validation_loss) == len(history.seconds) == 15
    again = fit(model, data, None, opt, 1, validation=False, progress=False)
    assert again.validation_loss == []


@pytest.mark.parametrize("name", ["l1_loss", "huber_loss", "multi_margin_loss", "nll_loss"])
def test_every_loss_of_a_prediction_and_a_target_has_a_name(name: str) -> None:
    classes = name in ("multi_margin_loss", "nll_loss")
    model = MLP(2, [4], 2 if classes else 1, seed=1)
    y = (X[:, 0] > 0).astype(int) if classes else Y

    def outputs(x: Any) -> Any:
        return tg.log_softmax(model(x)) if name == "nll_loss" else model(x)

    history = fit(outputs, (X, y), name, Adam(model.parameters(), 0.05), 40, progress=False)
    assert history.loss[-1] < 0.7 * history.loss[0]
    assert (history.metric_name == "accuracy") == classes


def test_regression_data_set_and_own_metric() -> None:
    data = datasets.penguins("body_mass_g", task="regression", features=["flipper_length_mm"])
    model = Linear(1, 1)

    def worst(outputs: Any, target: Any) -> float:
        return float(abs(outputs[:, 0] - target).max())

    history = fit(model, data, None, SGD(model.parameters(), 0.1), 3, metric=worst, progress=False)
    assert history.metric_name == "worst" and len(history.metric) == 3
    assert "validation_worst" in history.columns()


def test_a_neuron_and_a_plain_function_are_models_too() -> None:
    x, y = datasets.and_(4)
    neuron = Neuron(2, None)
    opt = SGD(neuron.parameters(), lr=1.0)
    history = fit(neuron, (x, y), "binary_cross_entropy_with_logits", opt, 200, progress=False)
    assert history.metric[-1] == 1.0
    w = tg.weight(np.zeros(2), "w")
    fit(lambda x: x @ w, (X, Y), "mse_loss", SGD([w], 0.1), 50, progress=False)
    assert abs(w.data[1] + 2.0) < 0.5


def test_the_callers_arrays_are_neither_changed_nor_kept() -> None:
    x, y = X.copy(), Y.copy()
    model, opt = line()

    def spoil(history: History) -> None:
        x[...] = np.nan

    history = fit(model, (x, y), "mse_loss", opt, 3, callbacks=spoil, progress=False)
    assert np.isfinite(history.loss).all()


# How it ends -------------------------------------------------------------------------------------


def test_a_callback_ends_it() -> None:
    model, opt = line()
    seen: list[int] = []
    calls = [lambda h: seen.append(len(h)), lambda h: h.loss[-1] < 0.5]
    history = fit(model, (X, Y), "mse_loss", opt, 100, callbacks=calls, progress=False)
    assert history.loss[-1] < 0.5 <= history.loss[-2] and history.stopped == "stopped by a callback"
    assert seen == history.epoch


def test_interruption_returns_the_history_so_far() -> None:
    model, opt = line()

    def interrupt(history: History) -> None:
        if len(history) == 3:
            raise KeyboardInterrupt

    history = fit(model, (X, Y), "mse_loss", opt, 100, callbacks=[interrupt], progress=False)
    assert history.epoch == [1, 2, 3] and history.stopped == "interrupted"
    assert "interrupted" in repr(history)


def test_divergence_stops_with_the_birth_of_the_first_infinity() -> None:  # T62
    model, _ = line()
    opt = SGD(model.parameters(), lr=1e80)
    with pytest.raises(NonFiniteError, match=r"stopped in epoch \d+: the loss is") as caught:
        fit(model, (X, Y), "mse_loss", opt, 100, progress=False)
    assert "was born in" in str(caught.value) and "test_fit.py" in str(caught.value)
    assert len(caught.value.history) >= 1  # type: ignore[attr-defined]


def test_a_nan_on_the_hold_out_alone_is_told() -> None:
    w = tg.weight(1.0, "w")
    opt = SGD([w], lr=0.0)
    with pytest.raises(NonFiniteError, match=r"loss of the held-out rows is nan(.|\n)*born in log"):
        fit(
            lambda x: tg.log(w * x), (np.ones(3), np.ones(3)), "mse_loss", opt, 2,
            validation=(-np.ones(2), np.ones(2)), progress=False,
        )  # fmt: skip


def test_no_epochs_no_history() -> None:
    model, opt = line()
    history = fit(model, (X, Y), "mse_loss", opt, 0)
    assert len(history) == 0 and "no epoch" in repr(history) and history.sparkline() == ""


# Bad input ---------------------------------------------------------------------------------------


def bad(**changes: Any) -> Any:
    model, opt = line()
    given = {"model": model, "data": (X, Y), "loss": "mse_loss", "optimizer": opt, "epochs": 1}
    return fit(**{**given, "progress": False, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": (X, Y[:-1])}, "x has 20 rows, y has 19"),
        ({"data": X}, r"a Dataset or a pair \(x, y\), not ndarray"),
        ({"data": (X[:0], Y[:0])}, "has no rows"),
        ({"data": (np.where(X > 1, np.nan, X), Y)}, r"data: x holds \d+ numbers that are NaN"),
        ({"data": (X, np.full(20, "a"))}, "data: y is of type <U1"),
        ({"validation": (X, Y[:3])}, "validation: x has 20 rows"),
        ({"validation": True}, "needs a data set with hold-out rows"),
        ({"loss": "mse"}, "no loss 'mse'; did you mean 'mse_loss'"),
        ({"loss": None}, "no loss None"),
        ({"loss": "hinge_loss"}, r"targets -1 and \+1(.|\n)*2 \* y - 1"),
        ({"optimizer": "adam"}, "the optimizer is an Optimizer, not 'adam'"),
        ({"optimizer": SGD([tg.weight(1.0)], 0.1)}, "trains no parameter of this model"),
        ({"model": 3}, "a model is called with inputs; int cannot be"),
        ({"epochs": 1.5}, "epochs is a whole number from 0 up, not 1.5"),
        ({"batch_size": 0}, "batch_size is a whole number from 1 up, not 0"),
        ({"seed": -1}, "seed is a whole number from 0 up"),
    ],
)
def test_bad_input_is_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((DataError, DTypeError, TinygradError), match=message):
        bad(**changes)


# What is shown -----------------------------------------------------------------------------------


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    model, opt = line()
    fit(model, (X, Y), "mse_loss", opt, 50)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11 and lines[0].startswith("epoch  1/50  loss ")
    assert lines[-1].startswith("epoch 50/50")


class Terminal(io.StringIO):
    encoding = "cp1252"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_a_bar_in_a_terminal_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(shown, "_REDRAW", 0.0)
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    model, opt = line()
    threads = []
    fit(
        model, (X, Y), "mse_loss", opt, 7, 5,
        callbacks=lambda h: threads.append(threading.active_count()),
    )  # fmt: skip
    text = screen.getvalue()
    assert "epoch 7/7" in text and "loss" in text and "left" in text
    assert set(threads) == {threading.active_count()}
    text.encode("cp1252")


def test_without_threads_or_processes_lines_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert isinstance(shown.progress_for(3, True), shown.Lines)


# History -----------------------------------------------------------------------------------------


def test_history_as_csv_and_dict(tmp_path: Path) -> None:
    history = History(
        [1, 2], [0.1, 1 / 3], [0.2, 0.3], [0.5, 1.0], [0.5, 0.75], [0.1, 0.1], "accuracy"
    )
    text = history.to_csv(tmp_path / "h.csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (tmp_path / "h.csv").read_text() == text
    assert float(rows[1]["loss"]) == 1 / 3 and rows[1]["validation_accuracy"] == "0.75"
    assert History.from_dict(history.to_dict()) == history
    assert repr(history) == "History(2 epochs, loss 0.1 -> 0.3333, held out 0.3, accuracy 0.75)"
    with pytest.raises(DataError, match="not a saved history"):
        History.from_dict({"losses": []})


def test_sparkline() -> None:
    assert sparkline([3, 2, 1]) == "█▅▁"
    assert len(sparkline(range(1000), 40)) == 40
    assert sparkline([1.0, 1.0]) == "▁▁" and sparkline([]) == ""


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    history = History([1, 2], [0.5, 0.3], [0.6, 0.4], [0.5, 1.0], [0.5, 0.75], [], "accuracy")
    figure = history.plot(tmp_path / "h.png")
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "accuracy"]
    drawn = figure.axes[0].lines
    assert [list(line.get_ydata()) for line in drawn] == [[0.5, 0.3], [0.6, 0.4]]
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="nothing to plot"):
        History().plot()


def test_plot_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendError, match=r"needs matplotlib(.|\n)*install matplotlib"):
        History([1], [0.5]).plot()


def test_the_module_of_the_same_name_is_the_function() -> None:
    import tinygrad_edu.train.fit as module

    model, opt = line()
    assert callable(tg.train.fit)
    assert len(module(model, (X, Y), "mse_loss", opt, 1, progress=False)) == 1  # type: ignore[operator]
