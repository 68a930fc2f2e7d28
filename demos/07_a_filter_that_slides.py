"""A small convolutional network finds strokes wherever they are; see what it looks for."""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", help="folder for the picture (default: a new temporary one)")
out = Path(parser.parse_args().out or tempfile.mkdtemp(prefix="tinygrad-edu-"))
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
STROKES = ["across", "down", "slope"]


def images(n):
    """Noisy 9x9 pictures, each with a stroke of three pixels anywhere, and which stroke it is."""
    x, y = rng.normal(0.0, 0.25, (n, 1, 9, 9)), rng.integers(0, 3, n)
    for picture, kind, row, column in zip(x[:, 0], y, *rng.integers(0, 7, (2, n)), strict=True):
        for step in range(3):
            picture[row + step * (kind != 0), column + step * (kind != 1)] += 1.0
    return x, y


(x, y), (x_new, y_new) = images(300), images(600)  # the second half is only for judging

# Four filters of 3x3 slide over the picture; of each, the strongest answer anywhere counts.
cnn = nn.Sequential(
    nn.Conv2d(1, 4, 3, seed=rng), nn.ReLU(), nn.MaxPool2d(7), nn.Flatten(),
    nn.Linear(4, 3, seed=rng),
)  # fmt: skip
# For comparison: every pixel has its own weights, so a stroke has to be learnt at every place.
dense = nn.Sequential(
    nn.Flatten(), nn.Linear(81, 16, seed=rng), nn.ReLU(), nn.Linear(16, 3, seed=rng)
)
print(nn.summary(cnn, x[:5]), "\n")

loss_of_two = tg.cross_entropy(cnn(x[:2]), y[:2])
print("gradients of the filters are", tg.check(loss_of_two).verdict, "\n")

for name, model in (("convolutional", cnn), ("dense", dense)):
    optimizer = tg.optim.Adam(model.parameters(), lr=0.02)
    tg.train.fit(model, (x, y), "cross_entropy", optimizer, 80, batch_size=50, progress=False)
    right = [np.mean(np.argmax(model(a).data, axis=1) == b) for a, b in ((x, y), (x_new, y_new))]
    count = sum(p.size for p in model.parameters())
    print(f"{name:13} {count:5} weights  seen {right[0]:4.0%}  new {right[1]:4.0%}")

print("\nWhat the filters look for (# likes bright, . likes dark):")
shown = np.digitize(cnn[0].weight.data[:, 0], [-0.4, 0.4])
for row in range(3):
    print("   ".join("".join(". #"[level] for level in one[row]) for one in shown))

loss = tg.cross_entropy(cnn(x_new[:50]), y_new[:50])
loss.backward()
print("\nPicture:", tg.draw(loss, level="layer").save(out / "convolutional.svg"))
