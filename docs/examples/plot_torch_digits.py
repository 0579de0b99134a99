r"""
Digits row by row, in PyTorch
=============================

A digit of 8 by 8 pixels is a sequence of eight rows, and the network says which one it was after
the last. The layer is called like ``torch.nn.RNN``, and any optimizer of PyTorch trains it, while
its recurrent matrix stays orthogonal. Needs PyTorch.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from stiefelkit_torch.nn import OrthogonalRNN

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
images = torch.asarray(images.reshape(-1, 8, 8) / 16, dtype=torch.float32)
parts = train_test_split(images, torch.asarray(labels), random_state=0)
train_images, test_images, train_labels, test_labels = parts

# %%
# Two networks of equal size; the other one is PyTorch's own. Inputs are
# ``(samples, steps, features)``.


class Classifier(torch.nn.Module):
    """A recurrent layer, and scores from its last state."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn, self.readout = rnn, torch.nn.Linear(rnn.hidden_size, 10)

    def forward(self, X):
        """Return scores, shape ``(samples, 10)``."""
        return self.readout(self.rnn(X)[1][-1])


models = {
    "OrthogonalRNN": Classifier(OrthogonalRNN(8, 64, batch_first=True)),
    "torch.nn.RNN": Classifier(torch.nn.RNN(8, 64, batch_first=True)),
}

# %%
# The same loop for both.

accuracy = {}
for name, model in models.items():
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    accuracy[name] = []
    for _ in range(20):
        for rows in torch.randperm(len(train_images)).split(64):
            optimizer.zero_grad()
            scores = model(train_images[rows])
            torch.nn.functional.cross_entropy(scores, train_labels[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            right = model(test_images).argmax(-1) == test_labels
        accuracy[name].append(right.double().mean().item())
    print(f"{name}: {accuracy[name][-1]:.1%} of the digits kept apart")

# %%
# Both learn this short task. One of the matrices is orthogonal after it, so that neither states nor
# gradients would explode or fade in a long one by the matrix.

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
for name, model in models.items():
    left.plot(range(1, 21), accuracy[name], label=name)
    values = torch.linalg.svdvals(model.rnn.weight_hh_l0.detach())
    right.plot(values, label=name)
    print(f"{name}: singular values from {values[-1]:.6f} to {values[0]:.6f}")
left.set(xlabel="epoch", ylabel="accuracy", title="digits kept apart")
right.set(xlabel="number", title="singular values of the recurrent matrix")
for axes in (left, right):
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
plt.show()
