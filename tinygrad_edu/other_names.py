"""What is here under another name: PyTorch's names and NumPy's, and what to write for them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tinygrad_edu.families import knows, namespace

OTHERS = {
    "Tensor": "tg.Value(x)", "tensor": "tg.Value(x)", "array": "tg.Value(x)", "asarray": "tg.Value",
    "zeros": "np.zeros(shape)", "ones": "np.ones(shape)", "eye": "np.eye(n)",
    "arange": "np.arange(n)", "linspace": "np.linspace(a, b, n)", "randn": "rng.normal(size=shape)",
    "cat": "tg.concatenate([v, w])", "concat": "tg.concatenate([v, w])",
    "permute": "tg.transpose(v, axes)", "permute_dims": "tg.transpose(v, axes)",
    "t": "tg.transpose(v)", "mT": "tg.swapaxes(v, -1, -2)", "movedim": "tg.moveaxis(v, 0, 1)",
    "matrix_transpose": "tg.swapaxes(v, -1, -2)", "rollaxis": "tg.moveaxis(v, 0, 1)",
    "unsqueeze": "tg.expand_dims(v, axis)", "view": "tg.reshape(v, shape)",
    "resize": "tg.reshape(v, shape)", "expand": "tg.broadcast_to(v, shape)",
    "repeat_interleave": "tg.repeat(v, n)", "chunk": "tg.array_split(v, n)",
    "unbind": "tg.unstack(v)", "narrow": "v[a:b]", "select": "v[i]",
    "index_select": "tg.take(v, indices, axis)", "masked_select": "v[mask]", "flat": "tg.ravel(v)",
    "fill": "tg.set_at(v, ..., number)", "clamp": "tg.clip(v, low, high)", "pow": "v ** w",
    "mul": "v * w", "div": "v / w", "sub": "v - w", "neg": "-v", "rsqrt": "1.0 / tg.sqrt(v)",
    "lgamma": "tg.gammaln(v)", "acos": "tg.arccos(v)", "asin": "tg.arcsin(v)",
    "atan": "tg.arctan(v)", "atan2": "tg.arctan2(v, w)", "acosh": "tg.arccosh(v)",
    "asinh": "tg.arcsinh(v)", "atanh": "tg.arctanh(v)", "swish": "tg.silu(v)",
    "eq": "tg.equal(v, w)", "mm": "v @ w", "bmm": "v @ w", "mv": "v @ w",
    "matvec": "tg.einsum('...ij,...j->...i', a, v)",
    "vecmat": "tg.einsum('...i,...ij->...j', v, a)", "addmm": "a + v @ w",
    "cdist": "tg.pairwise_distance(v[:, None], w)", "tolist": "v.numpy().tolist()",
    "copy": "v.numpy(), which are the numbers alone", "cpu": "v.data",
    "eig": "tg.linalg.eigh(a), for a symmetric a", "eigvals": "tg.linalg.eigvalsh(a)",
    "tensorsolve": "tg.linalg.solve(a, b)", "tensorinv": "tg.linalg.inv(a)",
    "solve_triangular": "tg.linalg.solve(a, b)",
}  # fmt: skip
"""By a name that is not here: the code that does it."""


def instead(name: str, names: Iterable[str] = (), before: str = "tg.") -> str:
    """What to write for a name that is not here, as the end of a sentence, or nothing.

    ``names`` are those that there are, for one that was only misspelt.

    >>> instead("clamp"), instead("sin"), instead("cov2d", ["conv2d"]), instead("elephant")
    (': write tg.clip(v, low, high)', ': write tg.sin(v)', ': did you mean tg.conv2d?', '')
    """
    if name.startswith("_"):
        return ""
    if name in OTHERS or knows(name):
        return f": write {OTHERS.get(name) or f'tg.{name}(v)'}"
    if names and before == "tg." and name in namespace("linalg").__all__:
        return f": write tg.linalg.{name}(a)"
    close = difflib.get_close_matches(name, sorted(names), n=2, cutoff=0.7) if names else []
    return f": did you mean {' or '.join(before + n for n in close)}?" if close else ""
