"""Modules: stored figures, modes, states, tied weights, pictures, summaries, and every refusal."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from module_figures import CASES, ours, sums

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import DTypeError, IndexingError, ShapeError, TinygradError
from tinygrad_edu.tape import Tape
from tinygrad_edu.testing.module_laws import check_module

Z = np.zeros

# What PyTorch 2.13 gives, in float64 -------------------------------------------------------------

FIGURES: dict[str, list[float]] = {
    "rnn": [2.4758496686392393, 0.9806380224996918, 29.12490420247112],
    "rnn, two layers, both ways": [0.37445714833776855, 1.2397313561114935, -7.420400392386144],
    "gru": [-0.6212550548289176, -0.7376432020780284, 1.1684627154261955],
    "gru, two layers, both ways": [0.45077926903261784, 0.25270278177474964, 1.4834797027662028],
    "lstm": [1.0679504651699645, 0.3613101547884551, 2.423532621412861],
    "lstm without a batch": [-0.31584363543170263, 0.6912763224086075, 2.441546703639039],
    "lstm, two layers, both ways": [
        0.04963516628203914,
        -0.0004334778475149001,
        0.11020503451830706,
    ],
    "attention": [-41.53690126296391, -437.1448159996941, -340.2412923990371],
    "attention, places first": [-6.191145726482917, 7.0571543762598505, -10.150804651704544],
    "attention, a mask for each head": [-8.36776143179049, -3.81454083234827, 2.1457887239291518],
    "attention, other features": [1.9637144936044812, -13.061805342170896, 85.91557854513162],
    "transformer block": [-1.432488128138449, -2.5499682522718743, 48.98227525349072],
    "transformer block, norm first": [19.586153339925186, 12.47985493929293, -4.648604651131448],
    "convolutional net": [0.0885596134255987, -0.04892511739840662, -0.2437149078311855],
    "convolutional net in use": [0.09332271091023148, 0.06151306550264349, -3.6384598909464474],
    "batch norm net": [0.19925156431791513, 0.6857078327823125, -4.52822841286549],
    "batch norm net in use": [-0.7512502867481663, 8.85257687891194e-05, 2.422270771143616],
    "sequences": [3.5143062421797624, -0.3648293259153683, 13.711243346828054],
    "embedding": [-0.5728950728310714, 0.0, 0.5163839394942048],
}


@pytest.mark.parametrize("name", CASES)
def test_stored_figures(name: str) -> None:
    """Result, gradient of the input, gradients and statistics, each as a sum weighted unevenly."""
    assert sums(ours(CASES[name])) == pytest.approx(FIGURES[name], rel=1e-9, abs=1e-9)


X = np.cos(np.arange(2.0 * 3 * 2)).reshape(2, 3, 2)
LAWFUL: list[tuple[nn.Module, Any]] = [
    (nn.Conv1d(3, 2, 2), X), (nn.Conv2d(1, 2, 2), X[:, None]), (nn.BatchNorm1d(3), X),
    (nn.BatchNorm2d(1), X[:, None]), (nn.LayerNorm((3, 2)), X), (nn.RMSNorm(2), X),
    (nn.GroupNorm(3, 3), X), (nn.PReLU(3), X), (nn.Embedding(4, 2), np.array([1, 3, 1])),
    (nn.RNN(2, 2), X), (nn.GRU(2, 2, bidirectional=True), X), (nn.LSTM(2, 2), X),
    (nn.Residual(nn.Linear(2, 2)), X[0]), (nn.TiedLinear(nn.Parameter(X[0])), X),
    (nn.Sequential(nn.Linear(2, 3), nn.GELU(), nn.Dropout(0.0), nn.Flatten()), X[0]),
    (nn.TransformerBlock(2, 1, 1).eval(), X[:, :1]),
]  # fmt: skip


@pytest.mark.parametrize(("module", "x"), LAWFUL, ids=lambda m: type(m).__name__)
def test_modules_obey_the_laws(module: Any, x: Any) -> None:
    order = 1 if isinstance(module, nn.TransformerBlock) else 2  # with 2 it takes seconds
    assert check_module(module, x, order=order).verdict in ("right", "at a kink")


@pytest.mark.parametrize(("module", "x"), LAWFUL, ids=lambda m: type(m).__name__)
def test_float32_in_float32_out(module: Any, x: Any) -> None:
    single = copy.deepcopy(module).astype(np.float32).train()
    given = tg.Value(x.astype(np.float32)) if x.dtype.kind == "f" else x
    out = single(given)
    out = out[0] if isinstance(out, tuple) else out
    tg.sum(out).backward()
    found = [out.dtype, *[p.grad.dtype for p in single.parameters()]]
    found += [a.dtype for a in single.state_dict().values()]
    found += [given.grad.dtype] if isinstance(given, tg.Value) else []
    assert set(found) == {np.dtype(np.float32)}
    assert all(p.dtype == np.float64 for p in single.astype(float).parameters())


def test_parameters_are_floats() -> None:
    for wrong in (int, "half", "no type"):
        with pytest.raises(DTypeError, match="parameters are float32 or float64"):
            nn.Linear(2, 2).astype(wrong)
    layer = nn.MultiheadAttention(2, 1).astype("float32")
    x = np.ones((3, 2), np.float32)
    out, weights = layer(x, x, x, is_causal=True)
    assert out.dtype == weights.dtype == np.float32


def test_a_state_that_is_given_gets_its_gradient() -> None:
    h, c = 0.3 * np.cos(np.arange(12.0)).reshape(2, 2, 3, 1)
    check_module(nn.LSTM(2, 1, 2), X, (h, c), order=1)
    check_module(nn.GRU(2, 1, bidirectional=True), X, h, order=1)


def test_attention_obeys_the_laws() -> None:
    layer = nn.MultiheadAttention(2, 2, kdim=1)
    check_module(layer, X[:, :1], np.ones((3, 1, 1)), X[[0, 1, 0], :1], order=1)


# Training and use --------------------------------------------------------------------------------


def test_train_and_eval_reach_every_module() -> None:
    net = nn.Sequential(nn.Dropout(0.5), nn.Residual(nn.Dropout(0.5)), nn.BatchNorm1d(4))
    assert all(m.training for m in net.modules())
    assert net.eval() is net and not any(m.training for m in net.modules())
    x = np.ones((3, 4))
    assert np.allclose(net(x).data, 2.0, atol=1e-4)
    assert net.train() is net and (net[0](x).data == 0).any()


def test_names_of_ones_own_do_not_get_in_the_way() -> None:
    class Mine(nn.Module):
        transposed = True

        def __init__(self) -> None:
            self.modules = [nn.Dropout(0.5)]  # type: ignore[assignment]
            self.buffers, self.name, self.weight = 3, "mine", nn.Parameter(1.0)

        def train(self, data: Any) -> Any:  # type: ignore[override]
            return self.eval()

        def forward(self, x: Any) -> Any:
            return self.modules[0](x) * self.weight  # type: ignore[index]

    net = Mine()
    assert np.array_equal(nn.Residual(net).eval()(X).data, 2.0 * X)
    assert net.train("data") is net and nn.summary(net, X).parameters == 1


def test_dropout_repeats_by_its_seed_and_draws_anew_at_each_call() -> None:
    x = np.ones(50)
    one, two = nn.Dropout(0.5, seed=3), nn.Dropout(0.5, seed=3)
    first = one(x).data
    assert np.array_equal(first, two(x).data) and not np.array_equal(first, one(x).data)
    alone, plain = nn.LSTM(2, 3, dropout=0.9), nn.LSTM(2, 3)  # there is nothing between layers
    assert np.array_equal(alone(X)[0].data, plain(X)[0].data)
    stacked = [nn.LSTM(2, 3, 2, dropout=0.5, seed=1) for _ in range(2)]
    left, right = (m(X)[0].data for m in stacked)
    assert np.array_equal(left, right) and not np.array_equal(left, stacked[0].eval()(X)[0].data)


def test_running_statistics_stand_beside_the_graph() -> None:
    layer = nn.BatchNorm1d(3)
    out = layer(X)
    assert not any(v is layer.running_mean for v in tg.infer_roles(out))
    tg.sum(out * X).backward()
    assert layer.running_mean.grad is None
    assert np.allclose(layer.running_mean.data, 0.1 * X.mean(axis=(0, 2)))
    before = layer.state_dict()
    with pytest.raises(ShapeError, match="one number has no deviation"):
        layer(np.ones((1, 3)))
    layer.eval()(X)
    assert all(np.array_equal(before[k], v) for k, v in layer.state_dict().items())
    assert before["num_batches_tracked"] == 1
    assert [path for path, _ in layer.named_parameters()] == ["weight", "bias"]


def test_without_a_momentum_the_statistics_are_plain_means() -> None:
    layer = nn.BatchNorm1d(2, momentum=None)
    batches = [np.cos(np.arange(8.0) * k).reshape(4, 2) for k in (1, 2, 3)]
    for batch in batches:
        layer(batch)
    means = np.mean([b.mean(axis=0) for b in batches], axis=0)
    spreads = np.mean([b.var(axis=0, ddof=1) for b in batches], axis=0)
    np.testing.assert_allclose(layer.state_dict()["running_mean"], means, rtol=1e-12)
    np.testing.assert_allclose(layer.state_dict()["running_var"], spreads, rtol=1e-12)
    assert layer.state_dict()["num_batches_tracked"] == 3


def test_dropout_inside_of_attention_and_blocks_ends_with_training() -> None:
    x = np.ones((6, 1, 4))
    layer = nn.MultiheadAttention(4, 1, dropout=0.5)
    seen = layer(x, x, x)[1].data
    assert set(np.round(np.unique(seen), 12)) == {0.0, round(2.0 / 6.0, 12)}
    assert np.allclose(layer.eval()(x, x, x)[1].data, 1.0 / 6.0)
    block = nn.TransformerBlock(4, 1, 4, dropout=0.5)
    assert not np.array_equal(block(x).data, block(x).data)
    assert np.array_equal(block.eval()(x).data, block(x).data)


def test_a_batch_norm_without_statistics_always_goes_by_the_batch() -> None:
    layer = nn.BatchNorm1d(3, track_running_stats=False, affine=False)
    assert layer.state_dict() == {} and layer.parameters() == []
    assert np.array_equal(layer(X).data, layer.eval()(X).data)


def test_a_tape_of_a_network_in_use_reads_its_statistics() -> None:
    layer = nn.BatchNorm1d(3).eval()
    x = tg.input(X, "x")
    tape = Tape.of(layer(x), inputs=[x])
    assert np.array_equal(tape.run([2.0 * X]), layer(2.0 * X).data)
    assert "running_mean" in str(tape)


def test_held_out_rows_are_judged_as_in_use_and_teach_nothing() -> None:
    def trained(validation: Any) -> tuple[Any, nn.Module]:
        rng = np.random.default_rng(0)
        net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5, seed=1), nn.Linear(2, 2, seed=rng))
        optimizer = tg.optim.SGD(net, lr=0.1)
        x, y = rng.normal(size=(8, 2)), np.arange(8) % 2
        history = tg.train.fit(
            net, (x, y), "cross_entropy", optimizer, 3, validation=validation, progress=False
        )
        return history, net

    held = np.full((4, 2), 9.0), np.array([0, 1, 1, 0])
    (history, net), (_, alone) = trained(held), trained(False)
    pairs = zip(net.state_dict().values(), alone.state_dict().values(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert all(m.training for m in net.modules())
    in_use = tg.cross_entropy(net.eval()(held[0]), held[1])
    assert history.validation_loss[-1] == in_use.item()


def test_a_recorded_program_holds_for_other_data_and_moves_no_statistics() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.LeakyReLU(), nn.LayerNorm(2), nn.Dropout(0.5))
    net[3].eval()
    before = net.state_dict()
    tape = Tape.record(lambda x: net(x), X)
    assert all(np.array_equal(before[k], v) for k, v in net.state_dict().items())
    assert np.array_equal(tape.run([-(X**2)]), net(-(X**2)).data)
    for layer in (nn.LSTM(2, 3), nn.GRU(2, 3, bidirectional=True)):
        tape = Tape.record(lambda x, layer=layer: layer(x)[0], X)
        assert np.array_equal(tape.run([X - 1.0]), layer(X - 1.0)[0].data)
    table = nn.Embedding(5, 2, padding_idx=1)
    tape = Tape.record(lambda i: table(i), np.array([0, 1]))
    assert np.array_equal(tape.run([np.array([4, 1])]), table([4, 1]).data)


def test_second_and_forward_derivatives_go_through_modules() -> None:
    for layer in (nn.LSTM(2, 3), nn.GRU(2, 3)):
        loss = lambda x, layer=layer: tg.sum(layer(x)[0] ** 2)  # noqa: E731
        value, forward = tg.jvp(loss, (X,), (X,))
        assert value == loss(X).data and forward == pytest.approx(np.sum(tg.grad(loss)(X) * X))
        twice = tg.hvp(loss, (X,), (X,))
        step = 1e-5 * X
        slope = (tg.grad(loss)(X + step) - tg.grad(loss)(X - step)) / 2e-5
        np.testing.assert_allclose(
            twice[0] if isinstance(twice, tuple) else twice, slope, atol=1e-8
        )


def test_modules_are_copied_and_pickled() -> None:
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Conv1d(3, 2, 1, seed=rng), nn.MaxPool1d(2), nn.Dropout(0.5))
    twin = pickle.loads(pickle.dumps(net))
    assert np.array_equal(twin(X).data, net(X).data) and repr(twin) == repr(net)

    class Longer(nn.LSTM):
        def __init__(self) -> None:
            super().__init__(2, 3)
            self.scale = nn.Parameter(2.0)

    assert [path for path, _ in Longer().named_parameters()][-1] == "scale"


def test_frozen_parameters_stay_parameters_and_do_not_move() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            self.gain, self.inner = tg.Value(2.0), nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return self.inner(x) * self.gain

    net = Own()
    assert len(net.parameters()) == 3
    net.inner.freeze()
    before = net.state_dict()
    tg.optim.SGD(net, lr=0.1).minimize(tg.sum(net(X[0])))
    after = net.state_dict()
    assert np.array_equal(before["inner.weight"], after["inner.weight"])
    assert before["gain"] != after["gain"]
    assert net.freeze() is net and len(net.parameters()) == 3
    assert not tg.sum(net(X[0])).requires_grad
    assert all(p.requires_grad for p in net.unfreeze().parameters())


# States ------------------------------------------------------------------------------------------


def test_a_layer_computes_with_the_transpose_of_what_its_state_holds() -> None:
    layer = nn.Linear(3, 2)
    state = layer.state_dict()
    assert state["weight"].shape == (2, 3) and state["weight"].flags.c_contiguous
    assert np.allclose(layer(X.reshape(-1, 3)).data, X.reshape(-1, 3) @ state["weight"].T)
    state["weight"][0, 0] = 7.0  # the caller's
    layer.load_state_dict({**state, "bias": np.array([1, 2])})
    assert layer.weight is not None and layer.weight.data[0, 0] == 7.0


def test_statistics_are_saved_in_a_file_too(tmp_path: Any) -> None:
    net, other = (nn.Sequential(nn.Linear(2, 3, seed=s), nn.BatchNorm1d(3)) for s in (1, 2))
    net(X[0])
    tg.train.load(tg.train.save(tmp_path / "m.npz", net), other)
    assert np.array_equal(other.eval()(X[0]).data, net.eval()(X[0]).data)


class Language(nn.Module):
    def __init__(self) -> None:
        self.table = nn.Embedding(5, 3)
        self.head = nn.TiedLinear(self.table.weight, bias=True)

    def forward(self, words: Any) -> Any:
        return self.head(self.table(words))


def test_a_tied_weight_is_counted_stepped_saved_and_restored_once() -> None:
    net, words = Language(), np.array([1, 4])
    assert [path for path, _ in net.named_parameters()] == ["table.weight", "head.bias"]
    assert list(net.state_dict()) == ["table.weight", "head.bias"]
    tg.sum(net(words)[:, 0]).backward()
    rows, table = np.zeros((5, 3)), net.table.weight.data
    rows[0] = table[words].sum(0)  # as scores
    rows[words] += table[0]  # as words
    assert np.allclose(net.table.weight.grad, rows)
    tg.optim.SGD(net, lr=0.5).step()
    assert np.allclose(net.table.weight.data, table - 0.5 * rows)
    other = Language()
    other.load_state_dict(net.state_dict())
    assert other.head.weight is other.table.weight
    assert np.array_equal(other(words).data, net(words).data)
    twin = copy.deepcopy(net)
    assert twin.head.weight is twin.table.weight is not net.table.weight


def test_both_names_of_a_tied_weight_are_understood() -> None:
    net, bias = Language(), np.zeros(5)
    new = np.arange(15.0).reshape(5, 3)
    net.load_state_dict({"head.weight": new, "head.bias": bias})
    assert np.array_equal(net.table.weight.data, new)
    net.load_state_dict({"head.weight": new, "table.weight": new, "head.bias": bias})
    with pytest.raises(TinygradError, match="one parameter here, and two in the state"):
        net.load_state_dict({"head.weight": new, "table.weight": -new, "head.bias": bias})
    assert np.array_equal(net.table.weight.data, new)


def test_a_state_that_is_not_strict() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    bias = np.ones(3)
    missing, unexpected = net.load_state_dict({"0.bias": bias, "9.bias": bias}, strict=False)
    assert unexpected == ["9.bias"] and "1.running_mean" in missing and len(missing) == 6
    assert np.array_equal(net.state_dict()["0.bias"], bias)
    with pytest.raises(ShapeError, match=r"0.bias: the state holds shape \(4,\)"):
        net.load_state_dict({"0.bias": np.zeros(4)}, strict=False)


MISFITS: list[tuple[nn.Module, Any, str]] = [
    (nn.LSTM(4, 3), nn.GRU(4, 3).state_dict(), r"weight_ih_l0: .* \(9, 4\), the model needs \(12,"),
    (nn.LSTM(4, 3), nn.LSTM(4, 3, 2).state_dict(), r"unexpected: weight_ih_l1 \(12, 3\)\n"),
    (nn.LSTM(4, 3, 2), nn.LSTM(4, 3).state_dict(), r"missing: weight_ih_l1, weight_hh_l1"),
    (nn.Linear(4, 3), {"weight": Z((4, 3)), "bias": Z(3)}, r"needs \(3, 4\).*: transpose it"),
    (nn.Sequential(nn.Linear(4, 3)), nn.Linear(4, 3).state_dict(),
     r"missing: 0.weight, 0.bias\n  unexpected: weight \(3, 4\) \(did you mean 0.weight \(3, 4\)"),
    (nn.Sequential(nn.Linear(4, 3)), {"0.weigth": Z((3, 4)), "0.bias": Z(7)},
     r"(?s)missing: 0.weight.*did you mean 0.weight.*mismatched: 0.bias: .*\(7,\)"),
    (nn.BatchNorm1d(2), {"weight": Z(2), "bias": Z(2)}, "missing: running_mean, running_var"),
    (nn.Linear(2, 1), {"weight": np.array([["a", "b"]]), "bias": Z(1)}, "weight: <U1 is not"),
    (nn.Linear(2, 1), [Z(2)], "a state is a dict of arrays by path, not list"),
]  # fmt: skip


@pytest.mark.parametrize(("net", "state", "message"), MISFITS)
def test_a_state_of_something_else_is_refused_and_nothing_is_loaded(
    net: Any, state: Any, message: str
) -> None:
    before = net.state_dict()
    with pytest.raises((TinygradError, ShapeError, DTypeError), match=message):
        net.load_state_dict(state)
    assert all(np.array_equal(before[k], v) for k, v in net.state_dict().items())


# Parts -------------------------------------------------------------------------------------------


def test_a_sequential_is_a_sequence() -> None:
    net = nn.Sequential({"in": nn.Linear(2, 3), "act": nn.ReLU()}).append(nn.Flatten())
    assert [path for path, _ in net.named_modules()] == ["", "in", "act", "2"]
    assert len(net) == 3 and net["act"] is net[1] and list(net) == [net[i] for i in range(3)]


def test_layers_that_start_alike_are_told() -> None:
    with pytest.warns(UserWarning, match=r"0.weight and 2.weight start with the same") as caught:
        nn.Sequential(nn.Conv1d(2, 2, 1), nn.ReLU(), nn.Conv1d(2, 2, 1))  # this line
    assert {w.filename for w in caught} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rng = np.random.default_rng(0)
        nn.Sequential(nn.Conv1d(2, 2, 1, seed=rng), nn.Conv1d(2, 2, 1, seed=rng), nn.LayerNorm(2))


def test_a_shortcut_fits_other_shapes() -> None:
    rng = np.random.default_rng(0)
    wide = nn.Residual(nn.Linear(2, 3, seed=rng), nn.Linear(2, 3, seed=rng))
    assert wide(X[0]).shape == (3, 3)
    assert np.allclose(wide(X[0]).data, wide.module(X[0]).data + wide.shortcut(X[0]).data)


def test_rows_that_were_learnt_elsewhere() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    table = nn.Embedding.from_pretrained(rows)
    assert np.array_equal(table([2, 0]).data, rows[[2, 0]]) and not table.weight.requires_grad
    assert nn.Embedding.from_pretrained(rows, freeze=False).weight.requires_grad
    padded = nn.Embedding(4, 2, padding_idx=-1)
    tg.sum(padded([3, 0])).backward()
    assert not padded.weight.data[3].any() and not padded.weight.grad[3].any()
    assert padded.weight.grad[0].all()


def test_a_query_that_sees_no_key_gets_nothing_and_gives_no_nan() -> None:
    layer = nn.MultiheadAttention(2, 1, batch_first=True)
    x = tg.Value(X)
    out, weights = layer(x, x, x, key_padding_mask=np.array([[True] * 3, [False] * 3]))
    tg.sum(out).backward()
    assert not weights.data[0].any() and np.allclose(weights.data[1].sum(-1), 1.0)
    assert np.isfinite(x.grad).all() and np.isfinite(layer.in_proj_weight.grad).all()
    masked = layer(x, x, x, is_causal=True)[1].data
    assert np.array_equal(masked > 0, np.broadcast_to(np.tri(3, dtype=bool), (2, 3, 3)))
    both = layer(x, x, x, key_padding_mask=np.array([[0.0, -1.0, -np.inf]] * 2), is_causal=True)
    assert np.array_equal(both[1].data[0] > 0, np.tri(3, dtype=bool) & [True, True, False])


def test_every_module_loads_by_name_and_says_what_it_is(capsys: Any) -> None:
    for name in nn.__all__:
        assert getattr(nn, name).__doc__, name
    assert set(nn.__all__) <= set(dir(nn))
    tg.help("nn.LSTM")
    printed = capsys.readouterr().out
    assert printed.startswith("tg.nn.LSTM(input_size, hidden_size, num_layers=1, bias=True")
    assert "Hochreiter and Schmidhuber" in printed and "out, (h, c) = lstm(x, (h, c))" in printed
    tg.help("nn.LeakyReLU")
    assert "tg.nn.LeakyReLU(negative_slope=0.01, name=None)" in capsys.readouterr().out


STARTS: list[tuple[nn.Module, str, float]] = [
    (nn.Conv2d(8, 64, 3, groups=2), "weight", 1 / 6), (nn.Conv1d(8, 99, 2), "bias", 1 / 4),
    (nn.LSTM(9, 25), "weight_hh_l0", 1 / 5), (nn.GRU(9, 25), "bias_ih_l0", 1 / 5),
    (nn.MultiheadAttention(24, 2), "in_proj_weight", 1 / 4),
    (nn.MultiheadAttention(25, 1), "out_proj.weight", 1 / 5),
    (nn.TransformerBlock(16, 2, 400), "linear1.bias", 1 / 4),
    (nn.TransformerBlock(16, 2, 400), "linear2.weight", 1 / 20),
]  # fmt: skip


@pytest.mark.parametrize(("module", "path", "limit"), STARTS)
def test_weights_start_uniform_within_their_limit(module: Any, path: str, limit: float) -> None:
    start = module.state_dict()[path]
    assert 0.93 * limit < abs(start).max() <= limit
    assert abs(start.std() - limit / np.sqrt(3.0)) < 4.0 * limit / np.sqrt(start.size)


def test_rows_of_an_embedding_start_normal() -> None:
    start = nn.Embedding(500, 8).state_dict()["weight"]
    assert abs(start.mean()) < 0.06 and abs(start.std() - 1.0) < 0.05 and abs(start).max() > 3.0
    assert not np.array_equal(start, nn.Embedding(500, 8, seed=1).state_dict()["weight"])


def test_every_activation_is_a_module() -> None:
    functions = {getattr(getattr(nn, name), "function", "") for name in nn.__all__}
    known = {name for name, op in tg.registry().items() if op.kind == "activation"}
    assert known - functions == {"prelu", "step", "gelu_tanh"}  # its own class; no slope; an option
    np.testing.assert_allclose(nn.GELU("tanh")(X).data, tg.gelu_tanh(X))
    for name in nn.__all__:
        made = getattr(nn, name)
        if getattr(made, "activation", None) in known and name not in ("Threshold", "PReLU", "GLU"):
            assert np.array_equal(made()(X).data, getattr(tg, made.function)(X)), name
            assert repr(made()) == f"{name}()"


def test_what_a_module_says_of_itself() -> None:
    table = nn.Embedding(5, 3)
    made = {
        "LayerNorm((4,), bias=False)": nn.LayerNorm(4, bias=False),
        "LayerNorm((2, 4), eps=0.1)": nn.LayerNorm((2, 4), 0.1),
        "BatchNorm1d(3, affine=False)": nn.BatchNorm1d(3, affine=False),
        "TiedLinear(3 -> 5)": nn.TiedLinear(table.weight),
        "Embedding(5, 3, padding_idx=1)": nn.Embedding(5, 3, 1),
        "MaxPool2d(kernel_size=2, stride=1)": nn.MaxPool2d(2, 1),
        "LSTM(3 -> 4, 2 layers, batch first)": nn.LSTM(3, 4, 2, batch_first=True),
        "Conv1d(2 -> 4, 3, padding='same', no bias)": nn.Conv1d(
            2, 4, 3, padding="same", bias=False
        ),
    }
    assert {repr(module): module for module in made.values()} == made


def test_a_small_network_does_not_pay_for_the_large_ones() -> None:
    code = "import sys; from tinygrad_edu import nn; nn.MLP(2, [2], 1)([1.0, 2.0]); "
    code += "print([m for m in sys.modules if 'edu.networks' in m or 'edu.nn.rec' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Pictures and tables -----------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self) -> None:
        self.conv1, self.conv2 = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 2)
        self.blocks = [nn.Residual(nn.Tanh()), nn.Residual(nn.Tanh())]
        self.head, self.given = nn.Linear(2, 3), nn.ReLU(name="mine")

    def forward(self, x: Any) -> Any:
        h = self.conv2(self.given(self.conv1(x)))
        for block in self.blocks:
            h = block(h)
        return self.head(h.reshape((len(x), -1)))


def test_each_layer_is_one_box_that_is_called_as_its_attribute() -> None:
    net = Net()
    out = net(np.ones((4, 1, 4, 4)))
    scene = tg.draw(out, level="layer").scene
    boxes = {node.title: node.lines for node in scene.nodes}
    assert list(boxes)[:4] == ["x", "conv1", "mine", "conv2"] and "head" in boxes
    assert boxes["conv1"][:2] == ("4×2×2×2", "20 parameters") and boxes["head"][0].startswith("2→3")
    labels = {edge.label for edge in scene.edges}  # a number of features, where there is one axis
    assert labels == {"", "2"}, "the shapes of images stand in the boxes"
    sums = [node for node in scene.nodes if node.title == "residual sum"]
    assert len(sums) == 2 and len({(e.source, e.target) for e in scene.edges}) == len(scene.edges)
    assert net.conv1.weight.name == "conv1.weight"
    drawn = tg.draw(net).scene
    titles = [node.title for node in drawn.nodes]
    assert titles[1:4] == ["conv1", "conv2", "module"] and titles[-2:] == ["mine", "ŷ"]


def test_layers_of_a_sequential_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(2, 3, seed=rng), nn.Tanh(), nn.Linear(3, 1, seed=rng))
    titles = [n.title for n in tg.draw(net(Z((2, 2))), level="layer").scene.nodes]
    assert titles[1:] == ["linear 0", "tanh 1", "linear 2"]
    assert tg.draw(net).level == "neuron"
    assert [i.activation for i in net.structure()] == ["tanh", None]
    twice = nn.Sequential(nn.Layer(2, 3, "relu"), nn.Tanh())
    assert [i.activation for i in twice.structure()] == ["relu", "tanh"]


def test_a_recurrent_layer_is_one_box_and_its_steps_are_frames() -> None:
    out, _ = nn.LSTM(2, 2)(X)
    scene = tg.draw(out, level="layer").scene
    assert [n.title for n in scene.nodes] == ["x", "lstm"]
    assert scene.nodes[1].lines[:2] == ("2×3×2", "48 parameters")
    steps = [c.title for c in tg.draw(out, level="op").scene.clusters if "step" in c.title]
    assert steps == ["step 1", "step 2"]


def test_a_transformer_block_is_its_parts() -> None:
    block = nn.TransformerBlock(4, 2, 6)
    titles = [n.title for n in tg.draw(block(Z((3, 2, 4))), level="layer").scene.nodes]
    assert titles == [
        "src", "self_attn", "dropout1", "add 1", "norm1", "linear1", "dropout", "linear2",
        "dropout2", "add 2", "norm2",
    ]  # fmt: skip
    shown = [i.name for i in block.structure()]
    assert shown == ["self_attn", "norm1", "linear1", "linear2", "norm2"]


def test_a_summary_changes_nothing() -> None:
    net = nn.Sequential(nn.Conv1d(2, 3, 2), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Flatten())
    net[1].eval()
    before, modes = net.state_dict(), [m.training for m in net.modules()]
    draws = copy.deepcopy(net[2])
    table = nn.summary(net, Z((4, 2, 6)))
    assert all(np.array_equal(before[k], v) for k, v in net.state_dict().items())
    assert modes == [m.training for m in net.modules()]
    assert np.array_equal(net[2](np.ones(9)).data, draws(np.ones(9)).data)
    assert [row.shape for row in table.rows] == ["4×3×5"] * 3 + ["4×15"]
    assert [row.parameters for row in table.rows] == [15, 6, 0, 0] and table.parameters == 21
    with pytest.raises(ShapeError):
        nn.summary(net, Z((4, 3, 6)))
    assert modes == [m.training for m in net.modules()]


def test_a_summary_counts_shared_and_frozen_parameters_as_they_are() -> None:
    net = Language()
    net.table.freeze()
    printed = str(nn.summary(net, np.array([1, 2])))
    assert "20 parameters, 5 of them trained" in printed and "(frozen)" in printed
    shared = nn.summary(net).rows[1]
    assert (shared.parameters, shared.shared) == (5, 15)
    for form in ("tensor", "scalar"):
        rows = nn.summary(nn.MLP(2, [4], 1, form=form), Z((7, 2))).rows
        assert [(r.path, r.shape, r.parameters) for r in rows] == [
            ("layers.0", "7×4", 12), ("layers.1", "7×1", 5),
        ]  # fmt: skip
    (alone,) = nn.summary(nn.LSTM(2, 3), (X, (Z((1, 3, 3)), Z((1, 3, 3))))).rows
    assert alone.shape == "2×3×3" and alone.path == "lstm"


# Bad input ---------------------------------------------------------------------------------------

ATTENTION = nn.MultiheadAttention(8, 2)
SEQ = Z((3, 2, 8))
BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: nn.Embedding(5, 3)([0.5, 1.0]), r"whole numbers are needed, not float64(.|\n)*astype"),
    (lambda: nn.Embedding(5, 3)([7]), "index 7 is out of bounds for 5 rows"),
    (lambda: nn.Embedding(5, 3, padding_idx=5), "padding_idx=5 in a table of 5 rows"),
    (lambda: nn.Embedding.from_pretrained(Z(3)), r"embeddings of shape \(3,\)"),
    (lambda: nn.MultiheadAttention(8, 3), r"3 heads do not divide 8 features\n.*1, 2, 4, 8"),
    (lambda: ATTENTION(Z((3, 2, 7)), SEQ, SEQ), r"query of shape \(3, 2, 7\) for 8 features"),
    (lambda: ATTENTION(SEQ, SEQ, Z((4, 2, 8))), "one value per key"),
    (lambda: ATTENTION(SEQ, Z((3, 1, 8)), Z((3, 1, 8))), "one batch for all three"),
    (lambda: ATTENTION(SEQ, SEQ, SEQ, attn_mask=Z((2, 2), bool)), r"attn_mask is \(3, 3\) or \(4,"),
    (lambda: ATTENTION(SEQ, SEQ, SEQ, attn_mask=Z((3, 3), int)), "of type int64|and type int64"),
    (lambda: ATTENTION(SEQ, SEQ, SEQ, key_padding_mask=Z((3, 2), bool)), r"padding_mask is \(2"),
    (lambda: nn.LSTM(3, 4)(Z((5, 2, 4))), r"for 3 features(.|\n)*input is \(length, batch, 3\)"),
    (lambda: nn.LSTM(3, 4, batch_first=True)(Z(3)), r"input is \(batch, length, 3\)"),
    (lambda: nn.LSTM(3, 4)(Z((5, 2, 3)), Z((1, 2, 4))), r"a pair \(h0, c0\), not from array of"),
    (lambda: nn.LSTM(3, 4)(Z((5, 2, 3)), (Z((1, 2, 4)), Z((1, 1, 4)))), r"c0 is \(1, 2, 4\)"),
    (lambda: nn.GRU(3, 4, 2)(Z((5, 3)), Z((1, 4))), r"h0 is \(2, 4\): \(layers · dir.*, hidden"),
    (lambda: nn.GRU(3, 4)(Z((0, 2, 3))), r"an input of shape \(0, 2, 3\)"),
    (lambda: nn.GRU(3, 0), "hidden_size is a whole number from 1 up, not 0"),
    (lambda: nn.GRU(3, 4, True), "num_layers is a whole number from 1 up, not True"),
    (lambda: nn.LSTM(3, 4).weight_ih_l7, "no attribute 'weight_ih_l7'"),
    (lambda: nn.RNN(3, 4, nonlinearity="sigmoid"), 'nonlinearity=.*\n.*"tanh" or "relu"'),
    (lambda: nn.Conv2d(3, 4, 3)(Z((1, 4, 8, 8))), r"3 channels(.|\n)*\(batch, 3, height, width"),
    (lambda: nn.Conv2d(3, 4, 3)(Z((3, 8, 8))), r"x\[None\] adds a batch"),
    (lambda: nn.Conv2d(3, 4, 3)(Z((1, 3, 2, 2))), r"kernel covers \(3, 3\), the padded input"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups=2 for 3 channels in and 4 out"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"kernel_size=\(3, 3, 3\)"),
    (lambda: nn.Conv1d(3.0, 4, 3), "in_channels is a whole number from 1 up, not 3.0"),
    (lambda: nn.BatchNorm2d(3)(Z((2, 4, 2, 2))), r"for 3 features(.|\n)*\(batch, 3, height, width"),
    (lambda: nn.BatchNorm1d(3)(Z((2, 3, 4, 4))), r"input is \(batch, 3\) or \(batch, 3, length\)"),
    (lambda: nn.LayerNorm(4)(Z((2, 3))), r"input of shape \(2, 3\)(.|\n)*ends in \(4,\)"),
    (lambda: nn.RMSNorm((2, 4))(Z((2, 3))), r"ends in \(2, 4\)"),
    (lambda: nn.LayerNorm("4"), "normalized_shape is a whole number or a tuple"),
    (lambda: nn.GroupNorm(3, 4), "3 groups of 4 channels"),
    (lambda: nn.Dropout(1.5), "p is a probability, a number from 0 to 1, not 1.5"),
    (lambda: nn.LSTM(2, 2, dropout="a"), "dropout is a probability"),
    (lambda: nn.Sequential(nn.Linear(2, 2), tg.relu), r"part 1 .* not 'relu'\n.*nn.ReLU\(\)"),
    (lambda: nn.Residual(tg.relu), "a Residual is made of modules"),
    (lambda: nn.Residual(nn.Linear(2, 3))(Z((1, 2))), r"shape \(1, 3\), the input has \(1, 2\)"),
    (lambda: nn.MaxPool2d(), "missing a required argument: 'kernel_size'"),
    (lambda: nn.LeakyReLU(slope=1.0), r"'slope'\n.*nn.LeakyReLU\(negative_slope=0.01\)"),
    (lambda: nn.MaxPool2d(9)(Z((1, 1, 4, 4))), r"window covers \(9, 9\)"),
    (lambda: nn.PReLU(3)(Z((2, 4))), "3 slopes, one per channel"),
    (lambda: nn.Flatten()(Z(3)), "axes 1 to -1 of an input of 1 axes"),
    (lambda: nn.ReLU()("abc"), "not real numbers"),
    (lambda: nn.TransformerBlock(8, 2)(Z((3, 2, 7))), "MultiheadAttention 'self_attn': a query"),
    (lambda: nn.TransformerBlock(8, 2, activation="rleu"), "did you mean 'relu'"),
    (lambda: nn.TransformerBlock(8, 2, activation=None), "activation=None"),
    (lambda: nn.TiedLinear(Z((3, 2))), r"shares a parameter(.|\n)*nn.TiedLinear\(embedding.weight"),
    (lambda: nn.TiedLinear(nn.Embedding(5, 3).weight)(Z((2, 4))), "for 3 inputs"),
    (lambda: nn.summary(3), "summary of 3, which is not a module"),
    (lambda: nn.Convolution2d, "did you mean 'Conv"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call: Any, message: str) -> None:
    kinds = (ShapeError, DTypeError, IndexingError, TinygradError, AttributeError)
    with pytest.raises(kinds, match=message):
        call()
