"""Which rows are learned from and which are held out: by seed, and every class in both parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.errors import DataError

Indices = NDArray[np.intp]


def check_split(holdout: float, seed: int) -> None:
    """Refuse a share that is not between 0 and 1, and a seed that is not a whole number."""
    if isinstance(holdout, bool) or not isinstance(holdout, int | float) or not 0 < holdout < 1:
        raise DataError(
            f"holdout is the share of rows held out, between 0 and 1, not {holdout!r}",
            hint="holdout=0.25",
        )
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DataError(f"a seed is a whole number from 0 up, not {seed!r}")


def split_rows(
    count: int, *, holdout: float, seed: int, labels: NDArray[np.int64] | None = None
) -> tuple[Indices, Indices]:
    """Shuffled positions of the training rows and of the hold-out rows.

    With ``labels`` every class gives its own share, at least one row to either part, so each
    class needs two rows. The same arguments give the same rows.

    >>> train, held = split_rows(8, holdout=0.25, seed=0, labels=np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    >>> len(train), sorted(int(i) // 4 for i in held)
    (6, [0, 1])
    """
    rng = np.random.default_rng(seed)
    if labels is None:
        groups = [np.arange(count)]
    else:
        groups = [np.flatnonzero(labels == value) for value in np.unique(labels)]
    train, held = [], []
    for group in groups:
        if group.size < 2:
            raise DataError("a class (or a table) of one row cannot be split in two parts")
        shuffled = rng.permutation(group)
        size = min(max(round(group.size * holdout), 1), group.size - 1)
        held.append(shuffled[:size])
        train.append(shuffled[size:])
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(held))
