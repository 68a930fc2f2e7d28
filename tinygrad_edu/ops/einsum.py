"""`einsum`: products of arrays whose axes have letters, summed over those that the result drops.

The string is made explicit once (`explicit`), and rules then work with letters alone: the gradient
of an operand is another einsum, with the letters of the result and of the other operands on the
left and its own on the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from tinygrad_edu.define import general
from tinygrad_edu.engine import Value
from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.ops import matrix_examples as examples
from tinygrad_edu.ops.arrays import broadcast_to, reshape
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.raw import shape as shape_of
from tinygrad_edu.wording import failure

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LARGE = 4096  # products of numbers; below, planning costs more than BLAS saves
_CODE = """einsum({subscripts}, {*}, optimize={optimize})
def einsum(subscripts, *operands, optimize):
    kind = np.result_type(*operands)  # a number takes the type of the arrays
    xs = [np.asarray(x, kind) for x in operands]
    if not isinstance(optimize, tuple):
        return np.einsum(subscripts, *xs, optimize=optimize)
    first, second, last = optimize  # a product of matrices, and how the axes lie for it
    product = xs[0].transpose(first) @ xs[1].transpose(second)
    return product.transpose(last) if last else product"""
_MOST = 64  # operands; NumPy takes no more


@lru_cache(maxsize=1024)
def explicit(subscripts: str, axes: tuple[int, ...]) -> str:
    """The string with an arrow and without dots, for operands of so many axes.

    >>> explicit("ij, jk", (2, 2)), explicit("...i,i", (3, 1)), explicit("ii", (2,))
    ('ij,jk->ik', 'ABi,i->AB', 'ii->')
    """
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    odd = sorted(set(text.replace("->", "", 1).replace("...", "")) - {*LETTERS, ","})
    if odd or "," in right:
        what = f"{odd[0]!r}" if odd else "a comma in the result"
        raise _mistake(f"{what} means nothing there")
    terms = left.split(",")
    if len(terms) != len(axes):
        raise _mistake(f"{len(terms)} terms for {len(axes)} operands")
    dotted = [_room(i, *pair) for i, pair in enumerate(zip(terms, axes, strict=True))]
    free = [x for x in LETTERS if x not in text]
    dots = "".join(free[: max(dotted)])
    terms = [t.replace("...", dots[len(dots) - n :]) for t, n in zip(terms, dotted, strict=True)]
    given = "".join(terms)
    if not arrow:
        once = [x for x in sorted(set(given)) if given.count(x) == 1 and x not in dots]
        return f"{','.join(terms)}->{dots}{''.join(once)}"
    if dots and "..." not in right:
        raise _mistake("the axes of '...' are missing from the result")
    right = right.replace("...", dots)
    for x in right:
        if x not in given:
            raise _mistake(f"no operand has the letter {x!r} of the result")
        if right.count(x) > 1:
            raise _mistake(f"the result has the letter {x!r} twice")
    return f"{','.join(terms)}->{right}"


def _room(i: int, term: str, axes: int) -> int:
    """How many axes the dots of a term stand for."""
    named = len(term.replace("...", ""))
    if term.count("...") > 1:
        raise _mistake(f"operand {i} has '...' twice")
    if named > axes or (named < axes and "..." not in term):
        raise _mistake(f"{term!r} names {named} axes, operand {i} has {axes}")
    return axes - named


def _mistake(what: str) -> ShapeError:
    hint = 'a letter per axis: "ij,jk->ik" is x @ y, "...i,i" any leading axes, "ii->i" a diagonal'
    return ShapeError(what, hint=hint)


def _check_lengths(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> None:
    """Every letter stands for one length (or 1, which is repeated)."""
    seen: dict[str, tuple[int, int]] = {}
    terms = subscripts.split("->")[0].split(",")
    for i, pair in enumerate(zip(terms, shapes, strict=True)):
        for letter, n in zip(*pair, strict=True):
            m, where_ = seen.setdefault(letter, (n, i))
            if n != m and (1 not in (n, m) or i == where_):
                raise ShapeError(
                    f"{letter!r} is {m} in operand {where_} and {n} in operand {i}",
                    hint="one letter is one length; axes that do not belong together need two",
                )
            if m == 1:
                seen[letter] = (n, i)


def _from_lists(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """``einsum(x, [0, 1], y, [1, 2], [0, 2])`` as a string and operands."""

    def letters(axes: Any) -> str:
        return "".join("..." if a is Ellipsis else LETTERS[a] for a in axes)

    arrays = list(operands[: len(operands) // 2 * 2 : 2])
    text = ",".join(letters(axes) for axes in operands[1::2])
    return text + (f"->{letters(operands[-1])}" if len(operands) % 2 else ""), arrays


def _prepare(*operands: Any, subscripts: Any = None, optimize: Any = None) -> Any:
    if operands and isinstance(operands[0], str):
        return einsum(*operands[1:], subscripts=operands[0], optimize=optimize)
    if subscripts is None and len(operands) > 1 and isinstance(operands[1], (list, tuple)):
        text, arrays = _from_lists(operands)
        return einsum(*arrays, subscripts=text, optimize=optimize)
    if not isinstance(subscripts, str) or not operands:
        raise DTypeError("einsum needs a string, then operands", hint='tg.einsum("ij,j", x, y)')
    shapes = [x.shape if isinstance(x, Value) else np.shape(x) for x in operands]
    try:
        text = explicit(subscripts, tuple(map(len, shapes)))
        _check_lengths(text, shapes)
    except ShapeError as error:
        raise failure(einsum, operands, {"subscripts": subscripts}, error) from None
    term, _, result = text.partition("->")
    if term == result and len(set(term)) == len(term):
        return operands[0]
    if optimize is not False:
        lengths = dict(zip(term.replace(",", ""), [n for s in shapes for n in s], strict=True))
        large = len(operands) > 1 and math.prod(lengths.values()) > _LARGE
        optimize = large and (_as_matmul(text, shapes) or True)
    return {"subscripts": text, "optimize": optimize}


def _as_matmul(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> Any:
    """How the axes lie in a product of matrices or of batches of them; None where it is none.

    NumPy copies axes together for BLAS; here they are only seen in another order.
    """
    left, _, result = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != 2 or any(len(set(t)) != len(t) for t in terms):
        return None
    x, y = terms
    batch = [a for a in result if a in x and a in y]
    summed = [a for a in x if a in y and a not in batch]
    rows, columns = [a for a in x if a not in y], [a for a in y if a not in x]
    single = len(summed) == len(rows) == len(columns) == 1
    if not single or len(result) != len(batch) + 2:
        return None
    if shapes[0][x.index(summed[0])] != shapes[1][y.index(summed[0])]:
        return None
    product = [*batch, *rows, *columns]
    return (
        tuple(x.index(a) for a in [*batch, *rows, *summed]),
        tuple(y.index(a) for a in [*batch, *summed, *columns]),
        tuple(product.index(a) for a in result) if product != list(result) else (),
    )


def _gradient(i: int, g: Any, out: Any, *xs: Any, subscripts: str, optimize: bool) -> Any:
    left, _, result = subscripts.partition("->")
    terms = left.split(",")
    own, terms[i] = terms[i], result  # the gradient takes the operand's place
    letters = list(dict.fromkeys(own))
    found = "".join(x for x in letters if any(x in t for t in terms))
    total = einsum(*xs[:i], g, *xs[i + 1 :], subscripts=f"{','.join(terms)}->{found}")
    want = dict(zip(own, shape_of(xs[i]), strict=True))
    have = dict.fromkeys(letters, 1) | dict(zip(found, shape_of(total), strict=True))
    if len(found) < len(letters) or 1 in have.values():  # letters of this operand alone
        total = reshape(total, shape=tuple(have.values()))
        full = [want[x] if have[x] == 1 else have[x] for x in letters]
        total = broadcast_to(total, shape=tuple(full))
    return total if len(letters) == len(own) else _onto_diagonal(total, own, letters)


def _onto_diagonal(g: Any, own: str, letters: list[str]) -> Any:
    """Axes with the same letter are one axis of the gradient: it belongs where they are equal."""
    length = dict(zip(letters, shape_of(g), strict=True))
    places: Any = np.True_
    for axis, x in enumerate(own):
        if own.index(x) != axis:
            steps = np.arange(length[x])
            along = [steps.reshape([-1 if k == a else 1 for k in range(len(own))])
                     for a in (own.index(x), axis)]  # fmt: skip
            places = places & (along[0] == along[1])
    spread = reshape(g, shape=tuple(length[x] if own.index(x) == k else 1
                                    for k, x in enumerate(own)))  # fmt: skip
    return where(places, spread, 0.0)


def _tangent(i: int, t: Any, out: Any, *xs: Any, subscripts: str, optimize: bool) -> Any:
    return einsum(*xs[:i], t, *xs[i + 1 :], subscripts=subscripts, optimize=optimize)


@general(
    vjp=[partial(_gradient, i) for i in range(_MOST)],
    jvp=[partial(_tangent, i) for i in range(_MOST)],
    kind="linear algebra", symbol="Σ∏", formula="Σ ∏ x[letters]", prepare=_prepare,
    code=_CODE, numpy="np.einsum({subscripts}, {*})",
    torch="torch.einsum({subscripts}, {*})", jax="jnp.einsum({subscripts}, {*})",
    examples=examples.einsum, analytic=True,
)  # fmt: skip
def einsum(*operands: Any, subscripts: Any = None, optimize: Any = None) -> Any:
    """Products over axes with letters, those missing from the result summed: Einstein's notation.

    Called as NumPy's: ``einsum("ij,jk->ik", x, y)`` with as many operands as the string has terms.

    >>> einsum("ij,j->i", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 1.0]))
    array([12., 34.])
    """
    kind = np.result_type(*operands)  # a scalar is weak: it takes the type of the arrays
    xs = [np.asarray(x, kind) for x in operands]
    if not isinstance(optimize, tuple):
        return np.einsum(subscripts, *xs, optimize=optimize)
    first, second, last = optimize
    product = xs[0].transpose(first) @ xs[1].transpose(second)
    return product.transpose(last) if last else product
