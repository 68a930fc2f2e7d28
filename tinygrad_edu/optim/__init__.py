"""What turns gradients into better parameters: SGD, Adam, AdamW.

>>> from tinygrad_edu import optim
>>> from tinygrad_edu.tags import weight
>>> optim.Adam([weight(0.5, "w")], lr=0.01)
Adam(1 parameter, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)
"""

from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.optim.rules import SGD, Adam, AdamW
from tinygrad_edu.optim.update import Update

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "Update"]
