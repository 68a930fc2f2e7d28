"""The registry of operations, and the families of them that load at their first use.

The operations of a first network are there at once; the others wait here by name, so that
``import tinygrad_edu`` costs little beyond NumPy. A test holds this table to the modules.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinygrad_edu.engine import Op

OPS: dict[str, Op[Any]] = {}
"""Every operation that is loaded, by name. Declarators put it here."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "contractions": (
        "cross", "dot", "inner", "kron", "outer", "tensordot", "vdot",
    ),
    "losses": (
        "binary_cross_entropy", "cosine_embedding_loss", "cosine_similarity", "gaussian_nll_loss",
        "huber_loss", "kl_div", "l1_loss", "multi_margin_loss", "nll_loss", "pairwise_distance",
        "poisson_nll_loss", "smooth_l1_loss", "triplet_margin_loss",
    ),
    "networks.attention": (
        "bilinear", "dropout", "scaled_dot_product_attention",
    ),
    "networks.convolutions": (
        "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d",
    ),
    "networks.norms": (
        "batch_norm", "batch_norm_statistics", "group_norm", "instance_norm", "layer_norm",
        "normalize", "rms_norm",
    ),
    "networks.pools": (
        "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
        "avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d",
    ),
    "networks.resampling": (
        "interpolate", "pixel_shuffle", "pixel_unshuffle",
    ),
    "ops.convolution": (
        "convolution", "convolution_transpose", "convolution_weight",
    ),
    "ops.cutting": (
        "array_split", "compress", "delete", "dsplit", "extract", "hsplit", "split", "unstack",
        "vsplit",
    ),
    "ops.einsum": (
        "einsum",
    ),
    "ops.factorisations": (
        "eigh_vectors", "eigvalsh", "qr_q", "qr_r", "svd_u", "svd_vh", "svdvals",
    ),
    "ops.gathering": (
        "add_at", "embedding", "gather", "index_add", "masked_fill", "one_hot", "put_along_axis",
        "scatter", "scatter_add", "set_at", "setitem", "take", "take_along_axis",
    ),
    "ops.matrices": (
        "cholesky", "cofactor", "det", "inv", "logabsdet", "pinv", "signdet", "solve",
    ),
    "ops.pieces": (
        "abs", "copysign", "fmax", "fmin", "heaviside", "lerp", "nan_to_num",
    ),
    "ops.pooling": (
        "max_pool", "max_pool_pick", "max_pool_share", "max_pool_winners", "sum_pool",
        "sum_pool_transpose",
    ),
    "ops.powers": (
        "cbrt", "exp2", "float_power", "hypot", "logaddexp", "logaddexp2", "xlogy",
    ),
    "ops.rearranging": (
        "diag", "diagflat", "diagonal", "flip", "fliplr", "flipud", "pad", "roll", "rot90",
        "sliding_window_view", "tril", "triu", "unfold",
    ),
    "ops.rectifiers": (
        "celu", "gelu", "gelu_tanh", "hardshrink", "hardswish", "mish", "prelu", "relu6", "selu",
        "softshrink", "threshold",
    ),
    "ops.rounding": (
        "ceil", "fix", "floor", "floor_divide", "fmod", "mod", "remainder", "round", "trunc",
    ),
    "ops.scans": (
        "cummax", "cummin", "cumprod", "cumsum", "linear_recurrence", "logcumsumexp", "prod",
    ),
    "ops.shapes": (
        "append", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "column_stack",
        "dstack", "expand_dims", "flatten", "hstack", "meshgrid", "moveaxis", "ravel", "repeat",
        "squeeze", "swapaxes", "tile", "vstack",
    ),
    "ops.sorting": (
        "kthvalue", "nonzero", "searchsorted", "sort", "topk", "unique",
    ),
    "ops.special": (
        "digamma", "erf", "erfc", "erfinv", "gammaln", "polygamma",
    ),
    "ops.spreads": (
        "all", "any", "count_nonzero", "isfinite", "isinf", "isnan", "norm", "order_statistic",
        "std", "var",
    ),
    "ops.squashing": (
        "hardsigmoid", "hardtanh", "logsigmoid", "softmin", "softsign", "step", "tanhshrink",
    ),
    "ops.standardizing": (
        "inverse_deviation", "standardize",
    ),
    "ops.trigonometric": (
        "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cosh", "deg2rad",
        "rad2deg", "sinc", "sinh", "tan",
    ),
    "statistics": (
        "amax", "amin", "average", "diff", "median", "nanmax", "nanmean", "nanmin", "nanprod",
        "nanstd", "nansum", "nanvar", "percentile", "ptp", "quantile", "trace",
    ),
}  # fmt: skip
"""The public names of each module that is loaded later, below the package."""

_HOME = {name: module for module, names in FAMILIES.items() for name in names}
_PACKAGE = __name__.split(".")[0]


def knows(name: str) -> bool:
    """Whether there is an operation of this name, loaded or not."""
    return name in OPS or name in _HOME


def load(name: str) -> None:
    """Load the family that provides this name; nothing happens where none does."""
    if name in _HOME:
        importlib.import_module(f"{_PACKAGE}.{_HOME[name]}")


def operation(name: str) -> Op[Any]:
    """The operation of this name, its family loaded if need be; `KeyError` where there is none."""
    if name not in OPS:
        load(name)
    return OPS[name]


def function(name: str) -> Callable[..., Any]:
    """The operation of this name, or the function made of operations, loaded if need be."""
    if name in OPS:
        return OPS[name]
    found: Callable[..., Any] = getattr(importlib.import_module(f"{_PACKAGE}.{_HOME[name]}"), name)
    return found


def namespace(name: str) -> Any:
    """The module of functions that are called with its name before them: `tg.linalg.inv`."""
    return importlib.import_module(f"{_PACKAGE}.{name}")


def registry() -> dict[str, Op[Any]]:
    """Every operation by name, all families loaded: a copy of the one table that all else reads.

    >>> registry()["tanh"].formula
    'tanh x'
    """
    for module in FAMILIES:
        importlib.import_module(f"{_PACKAGE}.{module}")
    return dict(OPS)
