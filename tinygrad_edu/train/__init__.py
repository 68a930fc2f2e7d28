"""Real data in, trained models out: tables, hold-out splits, training loops, history.

>>> from tinygrad_edu import nn, optim, train
>>> data = train.datasets.penguins(species=["Adelie", "Gentoo"])
>>> model = nn.MLP(len(data.feature_names), [4], 2)
>>> opt = optim.Adam(model.parameters(), lr=0.02)
>>> history = train.fit(model, data, "cross_entropy", opt, 20, progress=False)
>>> history.validation_metric[-1] > 0.95, history.stopped
(True, None)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.train import datasets
    from tinygrad_edu.train.checkpoint import Saved, load, save
    from tinygrad_edu.train.datasets import Dataset
    from tinygrad_edu.train.fit import accuracy, fit
    from tinygrad_edu.train.history import History, sparkline

_LATER = {
    "Dataset": "prepare",
    "History": "history",
    "Saved": "checkpoint",
    "accuracy": "fit",
    "fit": "fit",
    "load": "checkpoint",
    "save": "checkpoint",
    "sparkline": "history",
}


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return importlib.import_module("tinygrad_edu.train.datasets")
    if name not in _LATER:
        raise AttributeError(f"module 'tinygrad_edu.train' has no attribute {name!r}")
    module = importlib.import_module(f"tinygrad_edu.train.{_LATER[name]}")
    globals()[name] = getattr(module, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, "datasets"})


__all__ = [
    "Dataset",
    "History",
    "Saved",
    "accuracy",
    "datasets",
    "fit",
    "load",
    "save",
    "sparkline",
]
