"""Train a small network to tell three species of penguins apart, and ask what it is worth."""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", help="folder for the picture (default: a new temporary one)")
out = Path(parser.parse_args().out or tempfile.mkdtemp(prefix="tinygrad-edu-"))
out.mkdir(parents=True, exist_ok=True)

# Real measurements. A quarter of the penguins is held out: the network never learns from them.
data = tg.train.datasets.penguins()
print(data)
print("features:", ", ".join(data.feature_names), "\n")

# Eight neurons side by side, and one more for each species: the highest score wins.
model = tg.nn.MLP(
    len(data.feature_names), [8], len(data.classes), "tanh",
    input_names=data.feature_names, output_names=data.classes,
)  # fmt: skip
optimizer = tg.optim.Adam(model.parameters(), lr=0.01)


# Is the gradient of this network computed right? Asked of the first ten penguins.
def loss_of_ten(x):
    return tg.cross_entropy(model(x), data.y_train[:10])


print("gradients are", tg.check(loss_of_ten(data.x_train[:10])).verdict)

history = tg.train.fit(model, data, "cross_entropy", optimizer, epochs=40, batch_size=32)
print(f"mean loss {history.loss[0]:.3f} in the first epoch, {history.loss[-1]:.3f} in the last\n")

# What is it worth? Ask about the penguins it has not seen, beside what needs no learning.
answers = np.argmax(model(data.x_holdout).data, axis=1)
print(f"held out, right:               {np.mean(answers == data.y_holdout):.0%}")
print(f"always the commonest species:  {tg.train.datasets.majority_baseline(data):.0%}")
for i, name in enumerate(data.classes):
    mine = data.y_holdout == i
    print(f"  {name:10} {np.sum(answers[mine] == i)} of {np.sum(mine)}")

print("\nPicture:", tg.draw(model).save(out / "network.svg"))
