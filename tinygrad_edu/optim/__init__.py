"""What turns gradients into better parameters: optimizers, schedules, clipping.

Optimizers: `SGD`, `RMSprop`, `Adagrad`, `Adam`, `AdamW`, `NAdam`, `RAdam`, `Adamax`; `LBFGS` (extra
``science``). Each is one pure rule, from number, gradient and memory to number and memory, with
PyTorch's names and arithmetic; ``opt.minimize(loss)`` steps, ``opt.why(w)`` takes the step apart.
Schedules of the rate: `StepLR`, `MultiStepLR`, `ExponentialLR`, `LinearLR`, `LambdaLR`,
`CosineAnnealingLR`, `CosineAnnealingWarmRestarts`, `OneCycleLR`, `ReduceLROnPlateau`, and made of
these `SequentialLR`, `ChainedScheduler`. `clip_grad_norm` and `clip_grad_value` cut gradients,
`lr_range_test` looks for a rate.

>>> from tinygrad_edu import optim
>>> from tinygrad_edu.tags import weight
>>> optim.Adam([weight(0.5, "w")], lr=0.01)
Adam(1 parameter, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)
"""

from tinygrad_edu.optim.adaptive import Adam, Adamax, AdamW, NAdam, RAdam
from tinygrad_edu.optim.clipping import clip_grad_norm, clip_grad_value
from tinygrad_edu.optim.cycles import (
    ChainedScheduler,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    OneCycleLR,
    SequentialLR,
)
from tinygrad_edu.optim.lbfgs import LBFGS
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.range_test import RangeTest, lr_range_test
from tinygrad_edu.optim.rules import SGD, Adagrad, RMSprop
from tinygrad_edu.optim.schedules import (
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    ReduceLROnPlateau,
    StepLR,
)
from tinygrad_edu.optim.scheduling import LRScheduler
from tinygrad_edu.optim.update import Update

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ChainedScheduler",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "RangeTest",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "Update",
    "clip_grad_norm",
    "clip_grad_value",
    "lr_range_test",
]
