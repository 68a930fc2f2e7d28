"""How would anyone know that a gradient is right? And what catches the usual mistakes?"""

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu.testing import gradient_property, lab
from tinygrad_edu.testing.laws import LawError, check_module, check_op, check_optimizer

# 1. A neuron at many points: drawn by Hypothesis, each compared with differences.
x = np.array([0.8, -1.2])


@gradient_property
def neuron(w: (2,), b: ()):
    return tg.tanh(tg.sum(w * x) + b)


neuron()
print("the neuron: right wherever it was drawn")


# 2. An operation of one's own, with a slope 1 % too steep. No eye would see it.
@tg.define.elementwise([lambda out, x: 3.03 * x * x])
def steep_cube(x):
    """x³, with a wrong derivative."""
    return x * x * x


try:
    check_op(steep_cube, lambda x: x**3, max_examples=20)
except LawError as error:
    print("the operation:", str(error).splitlines()[0])

# 3. The same mistake inside a network: the check names the operation and the line.
try:
    tg.check(lambda w: tg.sum(tg.tanh(steep_cube(w * x))), np.array([0.5, 0.3]))
except tg.testing.GradientError as error:
    print("in a network:", error.report.culprit)

# 4. Layers, networks and optimizers have laws, too.
print("a network:", check_module(tg.nn.MLP(2, [3], 1)).verdict)
check_optimizer(tg.optim.Adam)
print("Adam: lawful")

# 5. Ideas that sound right, each in an engine that has it, and what catches it.
print()
for name, idea in lab.MISCONCEPTIONS.items():
    with lab.wrong(name):
        found, finding = lab.diagnose()
    print(f"{idea.idea}\n  -> {found}: {finding.splitlines()[0][:80]}")
