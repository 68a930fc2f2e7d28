"""See the neuron with all its numbers, and check that its gradients are computed right."""

import argparse
import tempfile
from pathlib import Path

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", help="folder for the pictures (default: a new temporary one)")
out = Path(parser.parse_args().out or tempfile.mkdtemp(prefix="tinygrad-edu-"))
out.mkdir(parents=True, exist_ok=True)

x1, x2 = tg.input(0.8, "x1"), tg.input(-1.2, "x2")
w1, w2, b = tg.weight(0.32, "w1"), tg.weight(0.63, "w2"), tg.bias(0.44, "b")
loss = (tg.tanh(w1 * x1 + w2 * x2 + b) - 1.0) ** 2
loss.backward()

# See it: as text, and as a picture. In a notebook, `loss.draw()` alone shows it.
print(tg.draw(loss))
print("\nPicture:", tg.draw(loss).save(out / "neuron.svg"))

# A network without data shows its structure: the wider a line, the larger the weight.
network = tg.nn.MLP(2, [4], 1, "tanh", form="scalar", seed=1)
print("Picture:", tg.draw(network).save(out / "network.svg"))

# Check it: nudge every number up and down, look what the loss does, compare.
print()
print(tg.check(loss))


# A function that lies about its gradient is found out: .data takes the number out of the graph,
# so the gradient no longer knows that the sum depends on w.
def forgetful(w):
    z = w * 0.8 + 0.44
    return tg.tanh(z) * z.data


try:
    tg.check(forgetful, 0.32)
except tg.testing.GradientError as error:
    print("\nThe forgetful one:")
    print(error)
