"""tinygrad_edu: build a neuron from primitives, see every part of it, trust every gradient.

>>> import tinygrad_edu as tg
>>> x1, x2 = tg.input(0.8, "x1"), tg.input(-1.2, "x2")
>>> w1, w2, b = tg.weight(0.32, "w1"), tg.weight(0.63, "w2"), tg.bias(0.44, "b")
>>> y = tg.tanh(w1 * x1 + w2 * x2 + b)
>>> loss = (y - 1.0) ** 2
>>> loss.backward()
>>> round(w2.grad, 3)
2.535
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tinygrad_edu import copying as copying  # tells `copy` and `pickle` about Values
from tinygrad_edu import define
from tinygrad_edu.context import Role, no_grad, scope
from tinygrad_edu.engine import OPS, Op, Value
from tinygrad_edu.families import FAMILIES, registry
from tinygrad_edu.functions import (
    binary_cross_entropy_with_logits,
    composite,
    cross_entropy,
    hinge_loss,
    linear,
    mse_loss,
    neuron,
)
from tinygrad_edu.ops.arrays import (
    astype,
    broadcast_to,
    concatenate,
    reshape,
    stack,
    transpose,
)
from tinygrad_edu.ops.elementwise import (
    absolute,
    add,
    add_n,
    clip,
    cos,
    divide,
    elu,
    equal,
    exp,
    expm1,
    greater,
    greater_equal,
    leaky_relu,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    positive,
    power,
    reciprocal,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    softplus,
    sqrt,
    square,
    subtract,
    tanh,
    where,
)
from tinygrad_edu.ops.indexing import getitem
from tinygrad_edu.ops.plain import (
    argmax,
    argmin,
    argsort,
    detach,
    random_normal,
    random_uniform,
)
from tinygrad_edu.ops.products import matmul
from tinygrad_edu.ops.reductions import (
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    softmax,
    sum,
)
from tinygrad_edu.roles import infer_roles, parameters
from tinygrad_edu.sites import trace_lines
from tinygrad_edu.tags import bias, constant, input, set_role, target, weight
from tinygrad_edu.tape import Tape
from tinygrad_edu.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from tinygrad_edu import nn, optim, testing, train
    from tinygrad_edu.explain import explain, to_code, to_latex, trace_table
    from tinygrad_edu.guide import card, help
    from tinygrad_edu.ops.gathering import (
        add_at,
        embedding,
        gather,
        index_add,
        masked_fill,
        one_hot,
        put_along_axis,
        scatter,
        scatter_add,
        set_at,
        setitem,
        take,
        take_along_axis,
    )
    from tinygrad_edu.ops.powers import cbrt, exp2, float_power, hypot, logaddexp, logaddexp2, xlogy
    from tinygrad_edu.ops.rearranging import (
        diag,
        diagflat,
        diagonal,
        flip,
        fliplr,
        flipud,
        pad,
        roll,
        rot90,
        sliding_window_view,
        tril,
        triu,
        unfold,
    )
    from tinygrad_edu.ops.shapes import (
        array_split,
        atleast_1d,
        atleast_2d,
        atleast_3d,
        broadcast_arrays,
        column_stack,
        dstack,
        expand_dims,
        flatten,
        hsplit,
        hstack,
        meshgrid,
        moveaxis,
        ravel,
        repeat,
        split,
        squeeze,
        swapaxes,
        tile,
        unstack,
        vsplit,
        vstack,
    )
    from tinygrad_edu.ops.sorting import kthvalue, nonzero, searchsorted, sort, topk, unique
    from tinygrad_edu.ops.trigonometric import (
        arccos,
        arccosh,
        arcsin,
        arcsinh,
        arctan,
        arctan2,
        arctanh,
        cosh,
        deg2rad,
        rad2deg,
        sinc,
        sinh,
        tan,
    )
    from tinygrad_edu.testing import check
    from tinygrad_edu.tour import tour
    from tinygrad_edu.view.picture import draw

__version__ = "0.1.0"

# Loaded at first use, so that `import tinygrad_edu` costs little beyond NumPy.
_LATER = {
    "nn": "tinygrad_edu.nn",
    "optim": "tinygrad_edu.optim",
    "testing": "tinygrad_edu.testing",
    "train": "tinygrad_edu.train",
    "draw": "tinygrad_edu.view.picture:draw",
    "explain": "tinygrad_edu.explain:explain",
    "to_code": "tinygrad_edu.explain:to_code",
    "to_latex": "tinygrad_edu.explain:to_latex",
    "trace_table": "tinygrad_edu.explain:trace_table",
    "check": "tinygrad_edu.testing:check",
    "card": "tinygrad_edu.guide:card",
    "help": "tinygrad_edu.guide:help",
    "tour": "tinygrad_edu.tour:tour",
}
_LATER |= {n: f"tinygrad_edu.{module}:{n}" for module, names in FAMILIES.items() for n in names}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'tinygrad_edu' has no attribute {name!r}")
    module, _, attribute = _LATER[name].partition(":")
    found = importlib.import_module(module)
    globals()[name] = getattr(found, attribute) if attribute else found
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = [
    "OPS",
    "Op",
    "Role",
    "Tape",
    "Value",
    "__version__",
    "absolute",
    "add",
    "add_at",
    "add_n",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "array_split",
    "astype",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "bias",
    "binary_cross_entropy_with_logits",
    "broadcast_arrays",
    "broadcast_to",
    "card",
    "cbrt",
    "check",
    "clip",
    "column_stack",
    "composite",
    "concatenate",
    "constant",
    "cos",
    "cosh",
    "cross_entropy",
    "define",
    "deg2rad",
    "detach",
    "diag",
    "diagflat",
    "diagonal",
    "divide",
    "draw",
    "dstack",
    "elu",
    "embedding",
    "equal",
    "exp",
    "exp2",
    "expand_dims",
    "explain",
    "expm1",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "float_power",
    "gather",
    "getitem",
    "grad",
    "greater",
    "greater_equal",
    "help",
    "hessian",
    "hinge_loss",
    "hsplit",
    "hstack",
    "hvp",
    "hypot",
    "index_add",
    "infer_roles",
    "input",
    "jacobian",
    "jvp",
    "kthvalue",
    "leaky_relu",
    "less",
    "less_equal",
    "linear",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "masked_fill",
    "matmul",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "mse_loss",
    "multiply",
    "negative",
    "neuron",
    "nn",
    "no_grad",
    "nonzero",
    "not_equal",
    "one_hot",
    "optim",
    "pad",
    "parameters",
    "positive",
    "power",
    "put_along_axis",
    "rad2deg",
    "random_normal",
    "random_uniform",
    "ravel",
    "reciprocal",
    "registry",
    "relu",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "scatter",
    "scatter_add",
    "scope",
    "searchsorted",
    "set_at",
    "set_role",
    "setitem",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinc",
    "sinh",
    "sliding_window_view",
    "softmax",
    "softplus",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "target",
    "testing",
    "tile",
    "to_code",
    "to_latex",
    "topk",
    "tour",
    "trace_lines",
    "trace_table",
    "train",
    "transpose",
    "tril",
    "triu",
    "unfold",
    "unique",
    "unstack",
    "value_and_grad",
    "vjp",
    "vsplit",
    "vstack",
    "weight",
    "where",
    "xlogy",
]
