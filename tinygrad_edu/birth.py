"""Where a NaN or an infinity was born: the first operation whose result is not a finite number.

A NaN spreads to everything computed from it, so the loss only tells that there is one. The graph
tells where: along the operands that are not finite, back to the operation (or the datum) whose own
operands are finite. Where the forward pass is finite, the same is asked of the backward pass.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu import raw
from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.define import ONE
from tinygrad_edu.engine import Value, describe
from tinygrad_edu.errors import DTypeError
from tinygrad_edu.tape import Instruction, Slot, Tape

_REPAIRS = {
    "log": "log needs positive numbers: keep x above 0, or compute the loss from the scores "
    "(tg.cross_entropy, tg.binary_cross_entropy_with_logits)",
    "sqrt": "sqrt has an infinite slope at 0: tg.sqrt(x + 1e-12)",
    "divide": "the divisor must stay away from 0",
    "exp": "exp overflows above 709: smaller weights, a lower rate, standardised inputs, "
    "or tg.logsumexp",
    "power": "0 has no negative powers and a negative base only whole ones",
    "multiply": "the numbers grew beyond 1.8e308: a lower rate, standardised inputs",
    "where": "a where() hides a NaN forward, not backward: make the branch not taken safe too, "
    "tg.where(ok, tg.log(tg.where(ok, x, 1.0)), 0.0)",
}
_REPAIRS |= {"log2": _REPAIRS["log"], "log10": _REPAIRS["log"], "log1p": _REPAIRS["log"]}
_REPAIRS |= {"square": _REPAIRS["multiply"], "matmul": _REPAIRS["multiply"]}


def all_finite(x: Any) -> bool:
    """Whether a number, an array or a Value's data has neither NaN nor infinity."""
    x = x._data if isinstance(x, Value) else x
    if type(x) is float:
        return math.isfinite(x)
    return bool(np.isfinite(x).all())


def birth_of_nan(root: Value) -> str:
    """A report on the first number below ``root`` that is not finite, forward or else backward.

    It names the operation, its operands with their values, the line of the program, and what may
    help. Raises `StaleGraphError` if a weight was assigned since the graph was recorded.

    >>> from tinygrad_edu.ops.elementwise import log
    >>> w, x = Value(0.0, "w"), Value(2.0, "x")
    >>> print(birth_of_nan(log(w * x)).splitlines()[0])
    -inf was born in log
    """
    if not isinstance(root, Value):
        raise DTypeError(f"a birth is looked for in a Value, got {describe(root)}")
    tape = Tape.of(root)
    recorded = [leaf.value._data for leaf in tape.leaves]
    recorded += [step.recorded for step in tape.instructions]
    if not all_finite(recorded[tape.outputs[0]]):
        return _forward(tape, recorded)
    return _backward(root)


def _forward(tape: Tape, recorded: list[Any]) -> str:
    """Follow operands that are not finite from the result down; the oldest of them is the birth."""
    first = len(tape.leaves)
    reached, todo = set(tape.outputs), list(tape.outputs)
    while todo:
        slot = todo.pop()
        if slot >= first:
            for s in tape.instructions[slot - first].slots:
                if s not in reached and not all_finite(recorded[s]):
                    reached.add(s)
                    todo.append(s)
    born = min(reached)
    names = tape.names()
    lines = []
    if born < first:
        leaf = tape.leaves[born]
        lines.append(f"{_culprit(recorded[born])} came in with the {leaf.role} {names[born]}")
        lines.append(f"  {names[born]} = {_shown(recorded[born])}{_place_in(recorded[born])}")
        if leaf.value.site:
            lines.append(f"  made at {leaf.value.site}: {leaf.value.site.text}")
        lines.append("  hint: look for NaN in the data, or for a step that was too large before")
        return "\n".join(lines)
    step = tape.instructions[born - first]
    lines.append(f"{_culprit(recorded[born])} was born in {step.op.name}")
    lines += _story(step, [_argument(a, recorded, names) for a in step.args], recorded[born])
    nan = next((s for s in sorted(reached) if _has_nan(recorded[s])), None)
    if nan is not None and nan > born:
        later = tape.instructions[nan - first]
        lines.append(f"  it became NaN in {later.op.name}" + _at(later.site))
    if step.op.name in _REPAIRS:
        lines.append(f"  hint: {_REPAIRS[step.op.name]}")
    return "\n".join(lines)


def _story(step: Instruction, operands: list[str], out: Any) -> list[str]:
    scope = f" in {'.'.join(step.scope)}" if step.scope else ""
    lines = [f"  {step.op.formula}{scope}{_at(step.site)}"]
    lines += [f"  operand {i}: {text}" for i, text in enumerate(operands)]
    return [*lines, f"  result: {_shown(out)}{_place_in(out)}"]


def _argument(a: Any, recorded: list[Any], names: list[str]) -> str:
    if isinstance(a, Slot):
        x = recorded[a.number]
        return f"{names[a.number]} = {_shown(x)}{_place_in(x)}"
    return _shown(a)


def _backward(root: Value) -> str:
    """The forward pass is finite: the first gradient that is not, on the way back."""
    if not root.requires_grad:
        return "all numbers are finite, and nothing below needs a gradient"
    with np.errstate(all="ignore"):
        grads = pull_back(root, _ones(root))
    bad = next((v for v, g in grads.items() if g is not None and not all_finite(g)), None)
    if bad is None:
        return "all numbers are finite, forward and backward"
    for user, g in grads.items():
        if user.op is None or g is None or not all_finite(g):
            continue
        for i, x in enumerate(user.inputs):
            if x is bad:
                part = _share(user, i, g)
                if part is not None and not all_finite(part):
                    hidden = any(_selects(v, user) for v in grads)
                    return _backward_story(user, i, g, part, "where" if hidden else user.op.name)
    return f"forward is finite; the gradients of {describe(bad)} add up to {_shown(grads[bad])}"


def _selects(v: Value, branch: Value) -> bool:
    return v.op is not None and v.op.name == "where" and branch in v.inputs[1:]


def _ones(root: Value) -> Any:
    return np.ones(root.shape, root.dtype) if root.shape else ONE


def _share(user: Value, i: int, g: Any) -> Any:
    """What ``user`` sends back to its operand ``i``."""
    assert user.op is not None
    op, params = user.op, user.params or {}
    xs = [x._data if isinstance(x, Value) else x for x in user.inputs]
    return raw.ieee(lambda g, out, *xs: op.pull(i, g, out, xs, params), g, user._data, *xs)


def _backward_story(user: Value, i: int, g: Any, part: Any, repair: str) -> str:
    assert user.op is not None
    x = user.inputs[i]
    lines = [
        f"forward is finite; {_culprit(part)} is born in backward at {user.op.name}",
        f"  {user.op.formula}{_at(user.site)}",
        f"  operand {i}: {describe(x)}" + (f" = {_shown(x._data)}" if x.shape else ""),
        f"  result: {_shown(user._data)}",
        f"  gradient of the result: {_shown(g)}",
        f"  gradient for operand {i}: {_shown(part)}{_place_in(part)}",
    ]
    hint = _REPAIRS.get(repair)
    return "\n".join([*lines, f"  hint: {hint}"] if hint else lines)


def _at(site: Any) -> str:
    return f" at {site}: {site.text}" if site else ""


def _has_nan(x: Any) -> bool:
    return bool(np.isnan(x).any())


def _culprit(x: Any) -> str:
    """What kind of number it is: nan before inf, with the sign of a single infinity."""
    if _has_nan(x):
        return "nan"
    wrong = np.ravel(x)[~np.isfinite(np.ravel(x))]
    return "-inf" if (wrong < 0).all() else "inf"


def _shown(x: Any) -> str:
    if type(x) is float:
        return repr(x)
    text = np.array2string(np.asarray(x), precision=4, threshold=8, edgeitems=2, separator=", ")
    flat = " ".join(text.split())
    return flat if np.size(x) <= 8 else f"array of shape {np.shape(x)} {flat}"


def _place_in(x: Any) -> str:
    """Which of an array's numbers are not finite: how many, and the first one's index."""
    if type(x) is float or np.isfinite(x).all():
        return ""
    bad = np.argwhere(~np.isfinite(x))
    where = "[" + ", ".join(str(int(i)) for i in bad[0]) + "]"
    return f" (not finite: {len(bad)} of {np.size(x)}, first at {where})"
