"""What turns gradients into better parameters: optimizers, schedules, clipping.

>>> from tinygrad_edu import optim
>>> from tinygrad_edu.tags import weight
>>> optim.Adam([weight(0.5, "w")], lr=0.01)
Adam(1 parameter, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)
"""

from tinygrad_edu.optim.adaptive import Adam, Adamax, AdamW, NAdam, RAdam
from tinygrad_edu.optim.cycles import (
    ChainedScheduler,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    OneCycleLR,
    SequentialLR,
)
from tinygrad_edu.optim.optimizer import Optimizer
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
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "Update",
]
