"""Every mistake with shapes, axes and indices is told with operands, the line, and the repair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, IndexingError, OperationError, ShapeError
from tinygrad_edu.tape import Tape

x = tg.input(np.ones((2, 3)), "x")
w = tg.weight(np.ones(3), "w")
k = tg.Value(2.0, "k")
X, W, K = (
    "operand 0: 'x' (input, shape (2, 3)",
    "operand 0: 'w' (weight, shape (3,)",
    "'k' (leaf, 2",
)

MISTAKES: list[tuple[Any, type[Exception], tuple[str, ...]]] = [
    # shapes that do not fit
    (lambda: x.reshape(4), ShapeError, ("reshape, shape=(4,)", "size 6", X)),
    (lambda: x.reshape(-1, 4), ShapeError, ("cannot reshape (2, 3) into (-1, 4)", X, "6 numbers")),
    (lambda: x.reshape(-1, -1), ShapeError, ("one length may be -1",)),
    (lambda: tg.broadcast_to(x, (3, 2)), ShapeError, ("does not broadcast to (3, 2)", X, "right")),
    (lambda: tg.broadcast_to(x, (3,)), ShapeError, ("shape (2, 3) does not broadcast to (3,)",)),
    (lambda: tg.broadcast_arrays(x, np.ones(2)), ShapeError, (X, "y[:, None]")),
    (lambda: tg.stack([x, w]), ShapeError, ("same shape", X, "operand 1: 'w'")),
    (lambda: tg.concatenate([x, w]), ShapeError, ("dimension", X, "operand 1: 'w'")),
    (lambda: tg.hstack([x, w]), ShapeError, ("hstack", X, "operand 1: 'w'")),
    (lambda: tg.vstack([x, np.ones(2)]), ShapeError, ("vstack", "size 3", "size 2", X)),
    (lambda: tg.split(w, 2), ShapeError, ("split", "length 3", W, "array_split")),
    (lambda: tg.squeeze(x, 0), ShapeError, ("axis 0 has length 2", X, "x[0]")),
    (lambda: tg.sliding_window_view(w, 5), ShapeError, ("larger than", W)),
    (lambda: tg.sliding_window_view(x, 2), ShapeError, ("1 lengths for 2 axes", X)),
    (lambda: tg.repeat(w, [1, 2]), ShapeError, ("repeat, repeats=[1, 2]", W)),
    (lambda: tg.diag(k), OperationError, ("diag: 0 axes", K, "tg.diagonal")),
    (lambda: tg.diagonal(w), ShapeError, ("two axes", W, "tg.diag")),
    (lambda: tg.tril(k), OperationError, ("triangle", K)),
    (lambda: tg.vsplit(w, 1), ShapeError, ("two axes", "tg.split")),
    (lambda: tg.take_along_axis(x, [0], 1), ShapeError, ("indices=[0]", "1 axes", X)),
    (lambda: tg.gather(x, 1, [[0]] * 3), ShapeError, ("(3, 1)", "(2, 3)", X, "axis 1 only")),
    (lambda: tg.scatter_add(x, 0, [[0, 1, 0]], np.ones((1, 2))), ShapeError,
     ("scatter_add", "(1, 2)", "(1, 3)", X)),
    (lambda: tg.set_at(x, 0, np.ones(2)), ShapeError, ("set_at, index=0", "(2,)", "(3,)", X)),
    (lambda: tg.add_at(x, [0, 0], np.ones((3, 3))), ShapeError, ("(3, 3)", "(2, 3)", X)),
    (lambda: tg.masked_fill(w, np.ones((2, 3), bool), 0.0), ShapeError, ("mask", "(2, 3)", W)),
    (lambda: tg.pad(x, ((1,), (2,), (3,))), ShapeError, ("(3, 1) for 2 axes", X)),
    (lambda: tg.pad(tg.Value(np.ones(0)), 1, "edge"), ShapeError, ("axis 0 is empty",)),
    # an axis out of range, or named twice
    (lambda: x.transpose(0, 2), ShapeError, ("axis 2 is out of bounds", "2 axes", X, "-2 to 1")),
    (lambda: x.transpose(0), ShapeError, ("1 axes for an array of 2", X, "tg.swapaxes")),
    (lambda: x.transpose(0, 0), ShapeError, ("names an axis twice", X)),
    (lambda: tg.stack([w, w], axis=2), ShapeError, ("axis 2 is out of bounds", W)),
    (lambda: tg.concatenate([w, w], axis=1), ShapeError, ("axis 1 is out of bounds", W)),
    (lambda: tg.expand_dims(x, 4), ShapeError, ("axis 4 is out of bounds", X, "-3 to 2")),
    (lambda: tg.flip(x, 2), ShapeError, ("flip, axis=2", X)),
    (lambda: tg.roll(x, 1, 2), ShapeError, ("roll, shift=1, axis=2", X)),
    (lambda: tg.moveaxis(x, (0, 1), 0), ShapeError, ("2 axes to 1 places", X)),
    (lambda: tg.rot90(w), ShapeError, ("rot90", "axis 1", W)),
    (lambda: tg.sort(x, 2), ShapeError, ("sort, axis=2", X)),
    (lambda: tg.sort(k), OperationError, ("0 axes", K, "tg.expand_dims(x, 0)")),
    (lambda: tg.argsort(x, 5), ShapeError, ("axis 5", X)),
    # an index out of bounds, or none at all
    (lambda: w[3], IndexingError, ("index 3", "axis 0 with size 3", W)),
    (lambda: x[:, [0, -4]], IndexingError, ("index -4", "axis 1 with size 3", X)),
    (lambda: x[0, 0, 0], IndexingError, ("too many indices", X)),
    (lambda: x[np.ones((3, 3), bool)], IndexingError, ("boolean", "size of axis is 2", X)),
    (lambda: x[1.0], IndexingError, ("type float64", "1.0", X, "int(i)")),
    (lambda: x[np.array([0.5])], IndexingError, ("array([0.5])", X, "i.astype(int)")),
    (lambda: x[k], IndexingError, ("float64", K, X, "v.data.astype(int)")),
    (lambda: tg.take(w, 3), IndexingError, ("take, indices=3", "axis 0 with size 3", W)),
    (lambda: tg.take(w, [0, -4]), IndexingError, ("take, indices=[0, -4]: index -4", W)),
    (lambda: tg.take(w, 1.0), DTypeError, ("whole numbers", "float64", W)),
    (lambda: tg.take(w, k), DTypeError, ("whole numbers", K, "v.data.astype(int)")),
    (lambda: tg.take_along_axis(x, [[3], [0]], 1), IndexingError, ("index 3", "axis 1", X)),
    (lambda: tg.gather(x, 1, [[0, 3]]), IndexingError, ("gather", "index 3", "size 3", X)),
    (lambda: tg.index_add(x, 0, [0, 5], np.ones((2, 3))), IndexingError, ("index 5", "size 2", X)),
    (lambda: tg.set_at(x, (0, 5), 1.0), IndexingError, ("set_at, index=(0, 5)", "axis 1", X)),
    (lambda: tg.add_at(x, [2], np.ones(3)), IndexingError, ("add_at, index=[2]", "size 2", X)),
    (lambda: tg.set_at(x, 1.5, 0.0), IndexingError, ("set_at", "1.5", X)),
    (lambda: tg.embedding([3], x), IndexingError, ("index 3", "2 rows", X, "0 to 1")),
    (lambda: tg.embedding([-1], x), IndexingError, ("index -1", "2 rows", X)),
    (lambda: tg.embedding([0], k), OperationError, ("no rows", K)),
    (lambda: tg.one_hot([3], 3), IndexingError, ("index 3", "3 classes", "0 to 2")),
    (lambda: tg.one_hot([0.0]), DTypeError, ("one_hot, labels=[0.0]", "float64", "astype(int)")),
    (lambda: tg.masked_fill(x, [1, 0, 1], 0.0), DTypeError, ("bools", X, "mask.astype(bool)")),
    (lambda: tg.topk(w, 4), ShapeError, ("topk, k=4", "4 of 3", W, "0 to 3")),
    (lambda: tg.kthvalue(w, 0), ShapeError, ("number 0 of 3", W, "1 to 3")),
    (lambda: tg.delete(w, 5), IndexingError, ("delete, obj=5", "size 3", W)),
    # a Value, a fraction or an unknown word where a plain parameter belongs
    (lambda: tg.reshape(x, (k, 3)), DTypeError, ("reshape: shape is a static", K, "v.item()")),
    (lambda: tg.stack([x, x], axis=k), DTypeError, ("stack: axis is a static", K, "tg.stack(")),
    (lambda: tg.tile(x, k), DTypeError, ("tile: reps is a static", K, "tg.tile(x, reps)")),
    (lambda: tg.roll(x, k), DTypeError, ("roll: shift is a static", K)),
    (lambda: tg.roll(x, 1, k), DTypeError, ("roll: axis is a static", K)),
    (lambda: tg.repeat(x, k), DTypeError, ("repeat: repeats is a static", K)),
    (lambda: tg.pad(x, k), DTypeError, ("pad: pad_width is a static", K)),
    (lambda: tg.pad(x, 1, constant_values=k), DTypeError, ("constant_values is a static", K)),
    (lambda: tg.split(w, k), DTypeError, ("indices_or_sections is a static", K)),
    (lambda: tg.topk(w, k), DTypeError, ("topk: k is a static", K)),
    (lambda: tg.diagonal(x, k), DTypeError, ("diagonal: offset is a static", K)),
    (lambda: x.reshape(2.5, 1), DTypeError, ("integer", X, "tg.reshape(x, shape")),
    (lambda: tg.roll(x, 1.5), DTypeError, ("roll, shift=1.5", X, "tg.roll(x, shift")),
    (lambda: tg.repeat(w, -1), ShapeError, ("negative count", W)),
    (lambda: tg.pad(x, -1), ShapeError, ("negative", X, "x[1:-1]")),
    (lambda: tg.pad(x, 1, mode="odd"), ShapeError, ("'odd'", X, "'reflect'")),
    (lambda: tg.array_split(w, 0), ShapeError, ("0 pieces", W)),
    (lambda: tg.unfold(x, 1, 2, 0), ShapeError, ("step", X)),
    (lambda: tg.take(w, 0, mode="odd"), ShapeError, ("mode", W, '"wrap"')),
    (lambda: tg.ravel(x, "Z"), ShapeError, ("order='Z'", X, '"F"')),
    (lambda: tg.meshgrid(w, indexing="x"), ShapeError, ("indexing='x'", W, '"ij"')),
    (lambda: tg.roll(x), DTypeError, ("missing", "shift", "tg.roll(x, shift, axis=None)")),
    (lambda: tg.roll(x, 1, axes=0), DTypeError, ("axes", "tg.roll(x, shift, axis=None)")),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), MISTAKES)
def test_a_mistake_is_told_with_operands_line_and_repair(
    call: Any, kind: type[Exception], words: tuple[str, ...]
) -> None:
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert [word for word in words if word not in text] == [], text
    assert text.count("operand 0:") <= 1, text  # told once, as the call that was made
    assert "hint: " in text, text
    if "operand 0" in text:
        assert "at test_shape_errors.py" in text, text


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: np.put_along_axis(x, np.array([[0]]), 1.0, 0), ("tg.put_along_axis", "does not")),
        (lambda: np.fill_diagonal(x, 0.0), ("tg.set_at", "does not change")),
        (lambda: np.put(x, 0, 1.0), ("tg.set_at",)),
        (lambda: np.copyto(np.ones(3), w), ("tg.where",)),
    ],
)
def test_numpy_functions_that_write_name_what_makes_a_new_value(call: Any, words: Any) -> None:
    with pytest.raises(DTypeError) as caught:  # T22
        call()
    assert all(word in str(caught.value) for word in words)


def test_what_depends_on_how_many_there_are_is_refused_while_recording() -> None:
    for call in (tg.nonzero, tg.unique, np.unique, np.nonzero):
        with pytest.raises(tg.errors.RecordingError, match="recorded"):
            Tape.record(call, np.ones(3))
    with pytest.raises(OperationError, match=r"recorded labels(.|\n)*num_classes=10"):
        Tape.record(tg.one_hot, np.array([0, 1]))
    with pytest.raises(OperationError, match="plain indices"):
        Tape.record(lambda i: tg.take(np.ones(3), i, mode="wrap"), np.array([0, 5]))


def test_a_mistake_inside_an_except_block_is_not_taken_for_the_first_one() -> None:
    try:
        raise ValueError("another story")
    except ValueError:
        with pytest.raises(DTypeError) as caught:
            tg.ravel("abc")
    assert "abc" in str(caught.value)
    assert "another story" not in str(caught.value)
