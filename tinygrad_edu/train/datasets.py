"""Data to learn from: the Palmer penguins, any table of yours, and points made by formula.

>>> data = penguins(features=["bill_length_mm", "bill_depth_mm", "sex"])
>>> data
Dataset(classification of 'species', 3 classes: 258 training rows, 86 held out, 4 features)
>>> data.feature_names
('bill_length_mm', 'bill_depth_mm', 'sex=male', 'sex=missing')

``prepare(read_csv("my.csv"), "my_target")`` gives the same for a file of your own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Literal

from tinygrad_edu.train.encoder import Encoded, Encoder, Task
from tinygrad_edu.train.prepare import Dataset, majority_baseline, mean_baseline, prepare
from tinygrad_edu.train.table import Column, Table, read_csv
from tinygrad_edu.train.toys import and_, blobs, circles, moons, or_, xor


def penguins_table() -> Table:
    """The Palmer penguins as they were collected: 344 rows, 8 columns, missing values included.

    Species, island, bill length and depth (mm), flipper length (mm), body mass (g), sex and year
    of adult penguins of three species in the Palmer Archipelago, Antarctica. Public domain (CC0).
    Source: Gorman KB, Williams TD, Fraser WR (2014), Ecological Sexual Dimorphism and
    Environmental Variability within a Community of Antarctic Penguins (Genus Pygoscelis), PLoS ONE
    9(3): e90081, doi 10.1371/journal.pone.0090081; as published by Horst AM, Hill AP, Gorman KB
    (2020), palmerpenguins, doi 10.5281/zenodo.3960218.

    >>> print(penguins_table()["species"].values())
    ('Adelie', 'Chinstrap', 'Gentoo')
    """
    with (files("tinygrad_edu.train") / "data" / "penguins.csv").open("rb") as file:
        return replace(read_csv(file), source="penguins.csv")


def penguins(
    target: str = "species",
    *,
    species: Collection[str] | None = None,
    features: Sequence[str] | None = None,
    task: Task | None = None,
    holdout: float = 0.25,
    seed: int = 0,
    standardize: bool = True,
    missing: Literal["fill", "drop"] = "fill",
) -> Dataset:
    """The Palmer penguins (`penguins_table`, with the source) made ready by `prepare`.

    ``species`` keeps the rows of these species only: two of them are a task for one neuron.

    >>> penguins(species=["Adelie", "Gentoo"], missing="drop", features=["body_mass_g", "sex"])
    Dataset(classification of 'species', 2 classes: 199 training rows, 66 held out, 2 features)
    """
    table = penguins_table()
    if species is not None:
        table = table.keep("species", species)
    return prepare(
        table,
        target,
        features=features,
        task=task,
        holdout=holdout,
        seed=seed,
        standardize=standardize,
        missing=missing,
    )


__all__ = [
    "Column",
    "Dataset",
    "Encoded",
    "Encoder",
    "Table",
    "and_",
    "blobs",
    "circles",
    "majority_baseline",
    "mean_baseline",
    "moons",
    "or_",
    "penguins",
    "penguins_table",
    "prepare",
    "read_csv",
    "xor",
]
