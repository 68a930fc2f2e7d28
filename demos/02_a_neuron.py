"""A neuron is a weighted sum, a bias and an activation."""

import tinygrad_edu as tg

# Shall I take an umbrella? Two inputs: one can be any number, one is yes (1) or no (0).
clouds = tg.input(0.7, "clouds")  # the share of the sky that is covered
falling = tg.input(0.0, "falling")  # is the barometer falling?

# What is learned: how much each input counts, and where the neuron begins to say yes.
w1 = tg.weight(2.0, "w1")
w2 = tg.weight(3.0, "w2")
b = tg.bias(-1.5, "b")

# The neuron.
weighted_sum = w1 * clouds + w2 * falling + b
output = tg.sigmoid(weighted_sum)  # squeezed between 0 and 1
print(tg.Tape.of(output))
print(f"\nUmbrella: {output.data:.2f}, where 0 is no and 1 is yes")


# The same as a function of the inputs, to see what each part does.
def umbrella(clouds, falling, bias=-1.5, activation=tg.sigmoid):
    return activation(2.0 * clouds + 3.0 * falling + bias)


print("\nclouds         0.0    0.5    1.0")
for name, settings in {
    "steady": {"falling": 0.0},
    "falling": {"falling": 1.0},
    "without bias": {"falling": 0.0, "bias": 0.0},
    "with tanh": {"falling": 0.0, "activation": tg.tanh},
    "with relu": {"falling": 0.0, "activation": tg.relu},
}.items():
    row = [umbrella(clouds, **settings) for clouds in (0.0, 0.5, 1.0)]
    print(f"{name:12}", *[f"{x:6.2f}" for x in row])

print("\nThe binary input adds its whole weight or nothing. Without a bias a clear sky gives 0.50:")
print("neither yes nor no, whatever the weights are. The activation sets the range of the answer.")
