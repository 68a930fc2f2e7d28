"""From a table to arrays: the penguins, the split, the encoder, the baselines, the toy sets."""

from __future__ import annotations

import hashlib
import io
import json
import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_edu.errors import DataError, TinygradError
from tinygrad_edu.train import datasets
from tinygrad_edu.train.datasets import (
    Encoder,
    Table,
    majority_baseline,
    mean_baseline,
    penguins,
    penguins_table,
    prepare,
    read_csv,
)
from tinygrad_edu.train.features import mean_and_scale


def table_of(count: int = 40, **columns) -> Table:
    """A table with one column per keyword, made from the row number."""
    return Table.of({name: [make(i) for i in range(count)] for name, make in columns.items()})


def refused(table: Table, target: str, **options) -> str:
    with pytest.raises(DataError) as caught:
        prepare(table, target, **options)
    assert isinstance(caught.value, TinygradError) and isinstance(caught.value, ValueError)
    return str(caught.value)


def ab(i: int) -> str:
    return "ab"[i % 2]


# --- penguins ------------------------------------------------------------------------------------


def test_penguins_are_the_published_table():
    table = penguins_table()
    assert len(table) == 344
    assert table.names == (
        "species", "island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm",
        "body_mass_g", "sex", "year",
    )  # fmt: skip
    kinds = [column.kind for column in table]
    assert kinds == ["category", "category", *["number"] * 4, "binary", "number"]
    assert table["sex"].missing == 11
    measured = [table[name].numbers for name in table.names[2:6]]
    assert int(np.isnan(measured).all(axis=0).sum()) == 2
    species = table["species"].cells
    counts = {name: species.count(name) for name in table["species"].values()}
    assert counts == {"Adelie": 152, "Chinstrap": 68, "Gentoo": 124}
    assert np.nanmean(table["body_mass_g"].numbers) == pytest.approx(4201.754386)


def test_penguins_name_their_source_and_are_unchanged():
    folder = files("tinygrad_edu.train") / "data"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((folder / "penguins.csv").read_bytes()).hexdigest()
    assert f"SHA-256 `{digest}`" in readme
    for text in (readme, penguins_table.__doc__ or ""):
        assert "10.1371/journal.pone.0090081" in text
        assert "CC0" in text and "Horst" in text


def test_all_penguins():
    data = penguins()
    assert (data.task, data.target) == ("classification", "species")
    assert data.classes == ("Adelie", "Chinstrap", "Gentoo")
    assert data.feature_names == (
        "island=Biscoe", "island=Dream", "island=Torgersen", "bill_length_mm", "bill_depth_mm",
        "flipper_length_mm", "body_mass_g", "sex=male", "sex=missing", "year",
    )  # fmt: skip
    assert data.feature_kinds == (*["category"] * 3, *["number"] * 4, "binary", "binary", "number")
    assert len(data.x_train) + len(data.x_holdout) == 344
    assert data.x_train.dtype == np.float64 and data.y_train.dtype == np.int64
    assert np.isfinite(data.x_train).all() and np.isfinite(data.x_holdout).all()
    notes = "\n".join(data.notes)
    assert "11 in 'sex' (written NA)" in notes
    assert re.search(r"column 'body_mass_g': 2 missing values filled with \d+, the median", notes)


def test_two_species_and_complete_rows():
    data = penguins(species=["Adelie", "Gentoo"], missing="drop", seed=3)
    assert data.classes == ("Adelie", "Gentoo")
    assert len(data.train_rows) + len(data.holdout_rows) == 146 + 119
    assert "11 rows with missing features left out" in data.notes
    assert not any("missing" in name for name in data.feature_names)
    with pytest.raises(DataError, match="no value 'Emperor'; it has Adelie, Chinstrap, Gentoo"):
        penguins(species=["Emperor"])


def test_penguins_by_number():
    data = penguins("body_mass_g", features=["flipper_length_mm", "sex"])
    assert data.task == "regression" and data.classes == ()
    assert "2 rows without a value of 'body_mass_g' left out" in data.notes
    assert float(data.y_train.mean()) == pytest.approx(0, abs=1e-12)
    assert float(data.y_train.std()) == pytest.approx(1)
    grams = data.encoder.decode(data.y_holdout)
    kept = penguins_table()["body_mass_g"].numbers[data.holdout_rows]
    assert np.allclose(grams, kept)
    assert penguins("year").task == "classification"
    assert any("3 different whole numbers" in note for note in penguins("year").notes)
    assert penguins("year", task="regression").task == "regression"


# --- the split -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(2, 30), min_size=2, max_size=5).filter(lambda s: sum(s) >= 8),
    holdout=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_every_class_is_in_both_parts_and_no_row_is_in_two(sizes, holdout, seed):
    names = [f"c{j}" for j, size in enumerate(sizes) for _ in range(size)]
    table = Table.of({"x": [0.5 * i for i in range(len(names))], "k": names})
    data = prepare(table, "k", holdout=holdout, seed=seed, features=["x"], standardize=False)
    rows = sorted([*data.train_rows, *data.holdout_rows])
    assert rows == list(range(len(names)))
    for j, size in enumerate(sizes):
        held = int((data.y_holdout == data.classes.index(f"c{j}")).sum())
        assert 1 <= held <= size - 1
        assert abs(held - size * holdout) <= 1
    assert [data.classes[k] for k in data.y_train] == [names[i] for i in data.train_rows]
    assert data.x_train[:, 0].tolist() == [0.5 * i for i in data.train_rows]


def test_same_seed_same_split_other_seed_another():
    one, two, three = penguins(seed=1), penguins(seed=1), penguins(seed=2)
    for name in ("x_train", "y_train", "x_holdout", "y_holdout", "train_rows", "holdout_rows"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert not np.array_equal(one.train_rows, three.train_rows)
    assert set(one.train_rows) != set(three.train_rows)


@pytest.mark.parametrize("target", ["kind", "amount"])
def test_nothing_leaks_from_the_holdout_rows(target: str):
    """Whatever stands in the hold-out rows, encoder and training arrays stay the same."""
    rng = np.random.default_rng(0)
    columns = {
        "size": rng.normal(size=60).round(3).tolist(),
        "place": [f"p{i % 4}" for i in range(60)],
        "flag": [None if i % 7 == 0 else i % 2 for i in range(60)],
        "kind": ["abc"[i % 3] for i in range(60)],
        "amount": rng.normal(size=60).round(3).tolist(),
    }
    features = ["size", "place", "flag"]
    data = prepare(Table.of(columns), target, features=features, seed=5)
    for i in data.holdout_rows:
        columns["size"][i] = None if i % 2 else 1e6 * (1 + i)
        columns["place"][i] = f"new{i % 5}"
        columns["flag"][i] = None
        columns["amount"][i] = -1e3 * (1 + i)
    changed = prepare(Table.of(columns), target, features=features, seed=5)
    assert np.array_equal(changed.holdout_rows, data.holdout_rows)
    assert changed.encoder == data.encoder
    assert np.array_equal(changed.x_train, data.x_train)
    assert np.array_equal(changed.y_train, data.y_train)
    assert not np.array_equal(changed.x_holdout, data.x_holdout)
    assert any("not in the training rows" in note for note in changed.notes)


def test_statistics_are_those_of_the_training_rows():
    data = penguins(features=["bill_length_mm"], seed=4)
    raw = penguins_table()["bill_length_mm"].numbers[data.train_rows]
    known = raw[~np.isnan(raw)]
    feature = data.encoder.features[0]
    filled = np.where(np.isnan(raw), np.median(known), raw)
    assert feature.median == np.median(known)
    assert feature.mean == pytest.approx(filled.mean())
    assert feature.scale == pytest.approx(filled.std())
    assert np.allclose(data.x_train[:, 0], (filled - filled.mean()) / filled.std())


def test_equal_numbers_have_no_scale():
    for count in range(1, 60):
        for number in (0.1, 0.0, -3.3):
            assert mean_and_scale(np.full(count, number)) == (number, 0.0)


def test_copies_between_the_parts_are_told():
    data = prepare(table_of(40, x=lambda i: i % 2, k=ab), "k")
    assert "10 of 10 hold-out rows equal a training row in features and target" in data.notes
    assert not any("equal a training row" in note for note in penguins().notes)


def test_the_answer_under_another_name_is_told():
    table = table_of(
        code=lambda i: "XYZ"[i % 3],
        number=lambda i: i % 3,
        x=lambda i: i / 2,
        k=lambda i: "abc"[i % 3],
    )
    told = [note for note in prepare(table, "k").notes if "under another name" in note]
    assert told == [
        f"column {name!r} maps one to one onto the target 'k': is it the answer under another name?"
        for name in ("code", "number")
    ]
    twin = table_of(y=lambda i: i / 2, z=lambda i: i / 2, x=lambda i: i / 3)
    told = "\n".join(prepare(twin, "y").notes)
    assert "column 'z' maps one to one" in told and "'x' maps" not in told
    assert not any("one to one" in note for note in penguins().notes)


def test_arrays_are_read_only_and_the_set_is_frozen():
    data = penguins()
    for array in (data.x_train, data.y_train, data.x_holdout, data.y_holdout, data.train_rows):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
        while array is not None:
            assert not array.flags.writeable
            array = array.base
    with pytest.raises(AttributeError):
        data.seed = 3


# --- features ------------------------------------------------------------------------------------


def test_columns_that_teach_nothing_are_left_out_and_told():
    table = table_of(
        id=lambda i: i + 1,
        name=lambda i: f"n{i}",
        remark=lambda i: f"r{i % 30}",
        void=lambda i: None,
        same=lambda i: 7,
        word=lambda i: "w",
        x=lambda i: i * 0.5,
        k=ab,
    )
    data = prepare(table, "k")
    assert data.feature_names == ("x",)
    notes = "\n".join(data.notes)
    assert "column 'id' left out: every value is different" in notes
    assert "column 'name' left out: every value is different" in notes
    assert "column 'remark' left out: too many different words" in notes
    assert "column 'void' left out: all its values are missing" in notes
    assert "column 'same' left out: it is '7' in all training rows" in notes
    assert "column 'word' left out: it is 'w' in all training rows" in notes


def test_an_identifier_is_used_when_asked_for_or_when_nothing_else_is_there():
    table = table_of(n=lambda i: i + 1, x=lambda i: i * 0.5, k=ab)
    assert prepare(table, "k").feature_names == ("x",)
    asked = prepare(table, "k", features=["n", "x"])
    assert asked.feature_names == ("n", "x")
    assert "column 'n' looks like an identifier; used as a number" in asked.notes
    toy = prepare(table_of(n=lambda i: i + 1, y=lambda i: 2.5 * i), "y")
    assert toy.feature_names == ("n",)


def test_binary_columns_are_one_column_of_0_and_1():
    table = table_of(
        flag=lambda i: i % 2,
        grade=lambda i: 1 + (i // 2) % 2,
        sex=lambda i: ["m", "f"][(i // 3) % 2],
        k=lambda i: "xyz"[i % 3],
    )
    data = prepare(table, "k")
    assert data.feature_names == ("flag", "grade=2", "sex=m")
    assert data.feature_kinds == ("binary",) * 3
    x = data.encoder.transform(table).x
    assert x[:, 0].tolist() == [i % 2 for i in range(40)]
    assert x[:, 1].tolist() == [(i // 2) % 2 for i in range(40)]
    assert x[:, 2].tolist() == [1 - (i // 3) % 2 for i in range(40)]


def test_a_missing_word_is_a_category_of_its_own():
    table = table_of(place=lambda i: [None, "missing", "here"][i % 3], k=ab)
    table = Table.of({"place": ["u" if i == 0 else c for i, c in enumerate(table["place"].cells)],
                      "k": table["k"].cells})  # fmt: skip
    data = prepare(table, "k", seed=2)
    names = data.feature_names
    assert names[-1] == "place=missing*" and "place=missing" in names
    x = data.encoder.transform(table).x
    assert (x.sum(axis=1) == 1).all()


def test_without_standardising_numbers_stay():
    data = prepare(table_of(x=lambda i: 3.0 * i, y=lambda i: 2.5 * i), "y", standardize=False)
    assert data.x_train[:, 0].tolist() == [3.0 * i for i in data.train_rows]
    assert data.y_train.tolist() == [2.5 * i for i in data.train_rows]


def test_numbers_of_any_usable_size_are_standardised():
    for size in (1e-200, 1.0, 1e149):
        data = prepare(table_of(x=lambda i, size=size: (i % 7 + 0.5) * size, k=ab), "k")
        assert float(data.x_train.std()) == pytest.approx(1)
    equal = prepare(table_of(c=lambda i: 0.1, x=lambda i: i % 5, k=ab), "k")
    assert equal.feature_names == ("x",)
    message = refused(table_of(x=lambda i: 1e200 if i == 6 else i % 5, k=ab), "k")
    assert "row 7, column 'x': 1e+200 is too large" in message


# --- the task ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "task"),
    [
        (lambda i: "abc"[i % 3], "classification"),
        (lambda i: i % 2, "classification"),
        (lambda i: i % 10, "classification"),
        (lambda i: i % 11, "regression"),
        (lambda i: i % 3 + 0.5, "regression"),
        (lambda i: 99 if i == 5 else i % 4, "regression"),
        (lambda i: 3 * i, "regression"),
    ],
)
def test_the_task_follows_the_target(make, task: str):
    data = prepare(table_of(x=lambda i: i * 0.5, y=make), "y")
    assert data.task == task
    words = isinstance(make(0), str)
    assert words or any("the target 'y' is" in note for note in data.notes)


def test_classes_of_numbers_are_sorted_by_size():
    data = prepare(table_of(x=lambda i: i * 0.5, y=lambda i: [10, 9, 2][i % 3]), "y")
    assert data.classes == ("2", "9", "10")
    assert data.encoder.decode(data.y_train[:3]) == [
        str([10, 9, 2][i % 3]) for i in data.train_rows[:3]
    ]


def test_the_task_can_be_chosen():
    table = table_of(x=lambda i: i * 0.5, y=lambda i: i % 3, n=lambda i: i + 1)
    assert prepare(table, "y", task="regression").task == "regression"
    assert prepare(table, "n", task="regression").target == "n"
    assert "holds words, so it can be classified only" in refused(
        table_of(x=lambda i: i, k=ab), "k", task="regression"
    )


# --- refusals ------------------------------------------------------------------------------------

GOOD = {"x": lambda i: i * 0.5, "k": ab}


@pytest.mark.parametrize(
    ("columns", "target", "options", "says"),
    [
        (GOOD, "K", {}, "column 'K' in the table; did you mean 'k'? The columns are: x, k"),
        (GOOD, "k", {"features": ["xx"]}, "no feature column 'xx'"),
        (GOOD, "k", {"features": ["k"]}, "'k' is the target, so it cannot be a feature"),
        (GOOD, "k", {"features": ["x", "x"]}, "features names 'x' twice"),
        (GOOD, "k", {"features": []}, "features is empty"),
        (GOOD, "k", {"features": "x"}, "features=['x']"),
        (GOOD, "k", {"holdout": 0}, "between 0 and 1, not 0"),
        (GOOD, "k", {"holdout": float("nan")}, "between 0 and 1, not nan"),
        (GOOD, "k", {"seed": -1}, "a seed is a whole number from 0 up, not -1"),
        (GOOD, "k", {"seed": 0.5}, "a seed is a whole number"),
        (GOOD, "k", {"task": "magic"}, "task is 'classification' or 'regression'"),
        (GOOD, "k", {"missing": "guess"}, "missing is 'fill' or 'drop'"),
        ({**GOOD, "k": lambda i: "a"}, "k", {}, "is 'a' in all 40 rows: one class only"),
        ({**GOOD, "k": lambda i: 1.5}, "k", {}, "is '1.5' in all 40 rows: one value only"),
        ({**GOOD, "k": lambda i: None}, "k", {}, "'k' has no values: all 40 are missing"),
        ({**GOOD, "k": lambda i: f"n{i}"}, "k", {}, "like an identifier: 40 different values"),
        ({**GOOD, "k": lambda i: i + 1}, "k", {}, "or task='regression' if it is a quantity"),
        ({**GOOD, "k": lambda i: f"n{i % 30}"}, "k", {}, "looks like an identifier: 30 different"),
        ({**GOOD, "k": lambda i: "c" if i == 3 else ab(i)}, "k", {}, "class 'c' of the target"),
        ({"x": lambda i: None, "k": ab}, "k", {}, "'x' left out: all its values are missing"),
        ({"x": lambda i: 4, "k": ab}, "k", {}, "'x' left out: it is '4' in all training rows"),
        ({"k": ab}, "k", {}, "no feature is left to learn from"),
    ],
)  # fmt: skip
def test_refused(columns, target, options, says):
    assert says in refused(table_of(**columns), target, **options)


def test_too_few_rows():
    assert "3 usable rows of 3: too few" in refused(table_of(3, **GOOD), "k")
    assert "1 usable row of 1: too few" in refused(table_of(1, **GOOD), "k")
    holes = {**GOOD, "k": lambda i: ab(i) if i < 5 else None}
    assert "5 usable rows of 40: too few" in refused(table_of(**holes), "k")
    holes = {**GOOD, "x": lambda i: i * 0.5 if i < 7 else None}
    assert "7 usable rows of 40" in refused(table_of(**holes), "k", missing="drop")


def test_a_path_is_not_a_table():
    assert "prepare(read_csv('table.csv'), 'target')" in refused("penguins.csv", "species")


def test_from_a_file_with_everything_wrong_to_arrays():
    text = "\ufeffNr;Größe;Farbe;;leer;Art\r\n" + "".join(
        f"{i + 1};{'' if i == 3 else f'{i / 4:.2f}'.replace('.', ',')};{'rot' if i % 3 else '?'};"
        f"x;;{'' if i == 5 else ab(i)}\r\n"
        for i in range(24)
    )
    data = prepare(read_csv(io.BytesIO(text.encode("utf-16"))), "Art")
    assert data.feature_names == ("Größe", "Farbe=rot", "Farbe=missing")
    told = "\n".join(data.notes)
    for part in (
        "read as UTF-16",
        "separated by semicolons",
        "',' is the decimal sign",
        "column 4 has no name",
        "1 row without a value of 'Art' left out",
        "column 'Nr' left out",
        "column 'leer' left out",
        "column 'column_4' left out: it is 'x' in all training rows",
        "column 'Größe': 1 missing value filled with",
    ):
        assert part in told, part


# --- the encoder ---------------------------------------------------------------------------------


def test_the_encoder_gives_the_arrays_again():
    table = penguins_table()
    data = prepare(table, "species", seed=7)
    for rows, x, y in (
        (data.train_rows, data.x_train, data.y_train),
        (data.holdout_rows, data.x_holdout, data.y_holdout),
    ):
        assert np.array_equal(data.encoder.transform(table.take(rows)).x, x)
        assert np.array_equal(data.encoder.encode_target(table.take(rows)), y)


@pytest.mark.parametrize("target", ["species", "sex", "body_mass_g", "year"])
def test_the_encoder_survives_json(target: str):
    data = penguins(target)
    again = Encoder.from_dict(json.loads(json.dumps(data.encoder.to_dict())))
    assert again == data.encoder
    assert again.feature_names == data.feature_names
    assert np.array_equal(
        again.transform(penguins_table()).x, data.encoder.transform(penguins_table()).x
    )


def test_rows_as_dicts():
    encoder = penguins(features=["island", "body_mass_g", "sex", "year"]).encoder
    row = {"island": "Dream", "body_mass_g": 4000, "sex": "male", "year": 2008, "extra": "ignored"}
    one, notes = encoder.transform(row)
    two, _ = encoder.transform([row, row])
    assert one.shape == (1, 7) and not notes
    assert np.array_equal(two, np.vstack([one, one]))
    assert one[0, :3].tolist() == [0, 1, 0] and one[0, 4:6].tolist() == [1, 0]


def test_what_was_never_seen_is_told():
    table = table_of(
        place=lambda i: "pqr"[i % 3], flag=lambda i: int(i % 4 == 0), x=lambda i: i % 9, k=ab
    )
    encoder = prepare(table, "k").encoder
    x, notes = encoder.transform([
        {"place": "mars", "flag": 2, "x": None},
        {"place": "mars", "flag": 1, "x": 4},
        {"place": None, "flag": None, "x": 4},
    ])  # fmt: skip
    assert x[:, :3].tolist() == [[0, 0, 0]] * 3
    assert x[:, 3].tolist() == [0, 1, 0]
    told = "\n".join(notes)
    assert "column 'place': 'mars' (2 rows) not in the training rows" in told
    assert "column 'place': 1 missing value; none was missing in training" in told
    assert "column 'flag': '2' (1 row) read as '0', the usual value" in told
    assert "column 'flag': 1 missing value read as '0', the usual value" in told
    assert "column 'x': 1 missing value filled with" in told


def test_an_unknown_second_value_is_read_as_the_usual_one():
    encoder = prepare(table_of(flag=lambda i: int(i % 4 > 0), x=lambda i: i % 9, k=ab), "k").encoder
    x, notes = encoder.transform([{"flag": 7, "x": 1}, {"flag": 0, "x": 1}, {"flag": None, "x": 1}])
    assert x[:, 0].tolist() == [1, 0, 1]
    assert "column 'flag': '7' (1 row) read as '1', the usual value" in notes


def test_numbers_written_otherwise_are_the_same_values():
    table = table_of(
        flag=lambda i: i % 2, place=lambda i: ["1", "2", "3a"][i % 3], x=lambda i: i / 2, k=ab
    )
    encoder = prepare(table, "k").encoder
    x, notes = encoder.transform(
        [{"flag": 1.0, "place": 1, "x": "4"}, {"flag": "1", "place": 2.0, "x": 4.0}]
    )
    assert not notes
    assert x[:, 0].tolist() == [1, 1]
    assert x[:, 1:4].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert x[0, 4] == x[1, 4]


def test_new_rows_that_do_not_fit_are_refused():
    data = penguins(features=["body_mass_g", "island"])
    encoder = data.encoder

    def message(rows, act=encoder.transform) -> str:
        with pytest.raises(DataError) as caught:
            act(rows)
        return str(caught.value)

    assert "no column 'island'" in message([{"body_mass_g": 1}])
    assert "did you mean 'Island'?" in message([{"body_mass_g": 1, "Island": "Dream"}])
    assert "column 'body_mass_g' holds numbers, but this is not one: row 1: 'heavy'" in message(
        [{"body_mass_g": "heavy", "island": "Dream"}]
    )
    words = Table.of({"body_mass_g": ["light", "3000", "heavy"], "island": ["Dream"] * 3})
    assert "row 1, column 'body_mass_g': 'light' is not a number" in message(words)
    assert "rows are dicts or a Table" in message("Dream")
    assert "row 1: the target 'species' is 'Emperor'; the classes are Adelie" in message(
        [{"species": "Emperor"}], encoder.encode_target
    )
    assert "row 2: the target 'species' is missing" in message(
        [{"species": "Adelie"}, {"species": None}], encoder.encode_target
    )
    mass = penguins("body_mass_g").encoder
    assert "row 1: the target 'body_mass_g' is missing" in message(
        [{"body_mass_g": None}], mass.encode_target
    )


def test_decode():
    encoder = penguins().encoder
    assert encoder.decode(np.array([2, 0])) == ["Gentoo", "Adelie"]
    assert encoder.decode([[0.1, 3.0, 0.2], [5.0, 1.0, 2.0]]) == ["Chinstrap", "Adelie"]
    assert encoder.decode(np.array([], dtype=int)) == []
    for wrong in ([0.2, 0.9], [[1.0, 2.0]], [3], [-1]):
        with pytest.raises(DataError, match="labels"):
            encoder.decode(wrong)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda d: [], "this is not a saved encoder"),
        (lambda d: {**d, "format": "other"}, "this is not a saved encoder"),
        (lambda d: {**d, "version": 99}, "saved in version 99"),
        (lambda d: {k: v for k, v in d.items() if k != "target"}, "damaged: KeyError('target')"),
        (lambda d: {**d, "features": [{"kind": "hat", "column": "x"}]}, "damaged"),
        (lambda d: {**d, "features": [{"kind": "number", "column": "x", "mean": 0, "scale": 0,
                                       "median": 0}]}, "scale is 0"),
        (lambda d: {**d, "target": {**d["target"], "task": "magic"}}, "unknown task: 'magic'"),
        (lambda d: {**d, "target": {**d["target"], "classes": "abc"}}, "not a list of words"),
    ],
)  # fmt: skip
def test_a_damaged_encoder_is_refused(damage, says: str):
    with pytest.raises(DataError, match=re.escape(says)):
        Encoder.from_dict(damage(penguins().encoder.to_dict()))


# --- baselines -----------------------------------------------------------------------------------


def test_majority_baseline():
    data = penguins(seed=0)
    names = penguins_table()["species"].cells
    usual = max(set(names), key=[names[i] for i in data.train_rows].count)
    expected = np.mean([names[i] == usual for i in data.holdout_rows])
    assert majority_baseline(data) == pytest.approx(expected)
    assert 0.4 < majority_baseline(data) < 0.5
    with pytest.raises(DataError, match="no majority class"):
        majority_baseline(penguins("body_mass_g"))


@pytest.mark.parametrize("standardize", [True, False])
def test_mean_baseline(standardize: bool):
    data = penguins("body_mass_g", seed=0, standardize=standardize)
    grams = penguins_table()["body_mass_g"].numbers
    guess = grams[data.train_rows].mean()
    expected = np.sqrt(np.mean((grams[data.holdout_rows] - guess) ** 2))
    assert mean_baseline(data) == pytest.approx(expected)
    with pytest.raises(DataError, match="classes have no mean"):
        mean_baseline(penguins())


# --- toy sets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["xor", "and_", "or_", "moons", "circles", "blobs"])
def test_toy_sets(name: str):
    make = getattr(datasets, name)
    x, y = make(30, noise=0.2, seed=1)
    assert x.shape == (30, 2) and x.dtype == np.float64
    assert y.shape == (30,) and y.dtype == np.int64
    again, other = make(30, noise=0.2, seed=1), make(30, noise=0.2, seed=2)
    assert np.array_equal(x, again[0]) and np.array_equal(y, again[1])
    assert not np.array_equal(x, other[0])
    assert x.flags.writeable
    with pytest.raises(DataError, match="n is a whole number of points"):
        make(0)
    with pytest.raises(DataError, match="noise is a standard deviation"):
        make(8, noise=-1)


def test_truth_tables():
    for name, labels in (("xor", [0, 1, 1, 0]), ("and_", [0, 0, 0, 1]), ("or_", [0, 1, 1, 1])):
        x, y = getattr(datasets, name)()
        assert x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
        assert y.tolist() == labels


def test_blobs_lie_around_their_centres():
    x, y = datasets.blobs(400, centers=4, noise=0.1, seed=3)
    assert np.allclose(x[y == 1].mean(axis=0), [0, 4], atol=0.1)
    assert np.bincount(y).tolist() == [100] * 4
    with pytest.raises(DataError, match="centers is a number of clouds"):
        datasets.blobs(10, centers=0)
    with pytest.raises(DataError, match="factor is the radius"):
        datasets.circles(10, factor=1.5)


def test_moons_and_circles_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets")

    def points(x, y):
        return sorted(map(tuple, np.column_stack([x, y]).round(12).tolist()))

    ours, theirs = datasets.moons(31, noise=0), sklearn.make_moons(31, noise=None)
    assert points(*ours) == points(*theirs)
    ours, theirs = datasets.circles(31, noise=0), sklearn.make_circles(31, noise=None, factor=0.5)
    assert points(*ours) == points(*theirs)
