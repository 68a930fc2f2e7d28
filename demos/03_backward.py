"""Backward finds how the loss answers to each number; a step moves the weights against that."""

import tinygrad_edu as tg

x = tg.input(1.5, "x")
w = tg.weight(-0.4, "w")
b = tg.bias(0.1, "b")
t = tg.target(1.0, "t")  # what the output should be


def loss_now():
    return (tg.tanh(w * x + b) - t) ** 2


# Forward: how wrong is the neuron? Backward: which way would each number make it more wrong?
loss = loss_now()
loss.backward()
print(f"loss {loss.data:.4f}; gradients: w {w.grad:.4f}, b {b.grad:.4f}\n")

# Nothing is hidden. Read the last column from the bottom up: each gradient is the one that
# arrives from above, times the slope of the step. That is the chain rule.
print(tg.trace_table(loss))

print("\nWhy is the gradient of w what it is?")
print(tg.explain(loss, w))

# A step against the gradient, a tenth of it long.
optimizer = tg.optim.SGD([w, b], lr=0.1)
optimizer.step()
print("\nWhat the step did to w:")
print(optimizer.why(w))

# The weights have moved, so the loss is computed anew. Then the same again: that is training.
print(f"\nloss after 1 step:    {loss_now().data:.4f}")
for _ in range(49):
    optimizer.minimize(loss_now())  # gradients cleared, backward, step
print(f"loss after 50 steps:  {loss_now().data:.4f}, with w = {w.data:.3f}, b = {b.data:.3f}")
