"""Words and classes as rows of numbers that are learnt, and the way back from rows to words."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from tinygrad_edu import families
from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.nn.box import Box, Seed, as_input, bias, whole
from tinygrad_edu.nn.module import Parameter
from tinygrad_edu.ops.arrays import transpose


class Embedding(Box):
    """A table with a row of numbers for each of ``num_embeddings`` words or classes.

    Called with whole numbers of any shape, it returns their rows: shape (…, embedding_dim). Only
    rows that occur get a gradient. Rows start from N(0, 1), as in PyTorch; the row ``padding_idx``
    is 0 and stays so. `TiedLinear` goes back from rows to words.

    Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model" (2003). Raises
    `DTypeError` for numbers that are not whole, `IndexingError` for a word beyond the table.

    >>> table = Embedding(10, 3)
    >>> table([[1, 2], [0, 9]]).shape
    (2, 2, 3)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
        *, seed: Seed = 0, name: str | None = None,
    ) -> None:  # fmt: skip
        self.num_embeddings = whole(num_embeddings, "num_embeddings")
        self.embedding_dim = whole(embedding_dim, "embedding_dim")
        self.sizes = (self.num_embeddings, self.embedding_dim)
        start = np.random.default_rng(seed).normal(size=self.sizes)
        self.padding_idx = padding_idx
        if padding_idx is not None:
            if not -self.num_embeddings <= padding_idx < self.num_embeddings:
                raise ShapeError(f"padding_idx={padding_idx} in a table of {num_embeddings} rows")
            start[padding_idx] = 0.0
        with self.begin(name):
            self.weight = Parameter(start, "weight")

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None
    ) -> Self:
        """A table of given rows (words, features), by default not trained."""
        rows = np.asarray(embeddings)
        if rows.ndim != 2:
            raise ShapeError(f"embeddings of shape {rows.shape}", hint="(words, features)")
        made = cls(rows.shape[0], rows.shape[1], padding_idx)
        made.weight.assign(rows)
        return made.freeze() if freeze else made

    def forward(self, indices: Any) -> Any:
        """Shape (…, embedding_dim) for whole numbers of shape (…)."""
        return families.function("embedding")(indices, self.weight, self.padding_idx)


class TiedLinear(Box):
    """Scores for each word of an `Embedding` by the same numbers: ``x @ weightᵀ + bias``.

    The weight (words, features) is that of the embedding, one parameter with two uses: it is
    counted, trained and saved once. Press and Wolf, "Using the output embedding to improve
    language models" (2017).

    >>> table = Embedding(10, 3)
    >>> TiedLinear(table.weight)(table([[1, 2]])).shape
    (1, 2, 10)
    """

    def __init__(self, weight: Value, bias: bool = False, *, name: str | None = None) -> None:
        if not isinstance(weight, Value) or weight.op is not None or weight.ndim != 2:
            raise DTypeError(
                f"TiedLinear shares a parameter (outputs, inputs), not {describe(weight)}",
                hint="nn.TiedLinear(embedding.weight)",
            )
        self.sizes = (weight.shape[1], weight.shape[0])
        self.begin(name)
        self.weight = weight
        self.bias = _bias(weight.shape[0]) if bias else None

    def called(self, name: str) -> Self:
        """Take the name of the attribute; the shared weight keeps its own."""
        if not self._own_name:
            self._scope, self._own_name = name, True
        return self

    def forward(self, x: Any) -> Any:
        """(…, features) becomes (…, words)."""
        x, features = as_input(x), self.sizes[0]
        if not x.ndim or x.shape[-1] != features:
            hint = f"input is (…, {features})"
            raise self.refuse(f"an input of shape {x.shape} for {features} inputs", hint, input=x)
        z = x @ transpose(self.weight)
        return z if self.bias is None else z + self.bias

    def __repr__(self) -> str:
        return f"TiedLinear({self.sizes[0]} -> {self.sizes[1]})"


def _bias(count: int) -> Value:
    return bias(np.zeros(count))
