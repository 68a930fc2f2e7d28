"""How a call of an operation is written with NumPy, PyTorch and JAX.

The facts ``numpy``, ``torch`` and ``jax`` of an operation are templates: operands ``{0}``, ``{1}``
(``{*}`` all with commas), static parameters by name. Where a fact is missing, it is that library's
function of the same name; an empty one says that the library has none. ``F`` is
`torch.nn.functional`, ``jnp`` is `jax.numpy`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.engine import Op

LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}
_ARGUMENTS = {"torch": {"axis": "dim", "keepdims": "keepdim"}}
_OWN = (__name__.partition(".")[0], "_operator")  # a user's own operation has no namesakes
_HOLE = re.compile(r"\{(\*|\d+|[A-Za-z_]\w*)\}")


def template(op: Op[Any], library: str) -> str | None:
    """The call of an operation in another library, with holes; None where it has no such function.

    >>> from tinygrad_edu.engine import OPS
    >>> template(OPS["tanh"], "torch"), template(OPS["max"], "numpy")
    ('F.tanh({*})', 'np.max({*}, axis={axis}, keepdims={keepdims})')
    """
    declared = op.facts[library]
    if declared is not None or op.forward.__module__.partition(".")[0] not in _OWN:
        return declared or None
    known = hasattr(np, op.name)
    if library == "numpy":
        return f"np.{op.name}({_arguments(op, library)})" if known else None
    torch = "F" if op.kind == "activation" else "torch"
    home = torch if library == "torch" else "jnp" if known else "jax.nn"
    return f"{home}.{op.name}({_arguments(op, library)})"


def _arguments(op: Op[Any], library: str) -> str:
    renamed = _ARGUMENTS.get(library, {})
    return ", ".join(["{*}", *[f"{renamed.get(n, n)}={{{n}}}" for n in op._names]])


def filled(text: str, operands: Sequence[str], static: Mapping[str, str] | None = None) -> str:
    """A template with its holes filled; a parameter that is not given stands by its name.

    >>> filled("torch.sum({0}, dim={axis})", ["x"])
    'torch.sum(x, dim=axis)'
    """

    def fill(hole: re.Match[str]) -> str:
        what = hole[1]
        if what == "*":
            return ", ".join(operands)
        return operands[int(what)] if what.isdigit() else (static or {}).get(what, what)

    return _HOLE.sub(fill, text)


def elsewhere(op: Op[Any], names: Sequence[str]) -> dict[str, str]:
    """The same call per library, as one reads it; the bare name where the call is the same.

    >>> from tinygrad_edu.engine import OPS
    >>> elsewhere(OPS["tanh"], ["x"])
    {'numpy': 'np.tanh', 'torch': 'F.tanh', 'jax': 'jnp.tanh'}
    """
    found = {}
    for library in LIBRARIES:
        text = template(op, library)
        if text is not None:
            bare = text.partition("(")[0] if text.count("(") == 1 else ""
            same = bare and text == f"{bare}({_arguments(op, 'numpy')})"
            found[library] = bare if same else filled(text, names)
    return found
