r"""
A convolutional network with orthogonal weights
===============================================

Two layers of a small network for digits have orthonormal weights: a convolution that is applied
three times, and so cannot let features explode, and a projection of all features to a few, which
stretches no distance between them. Needs PyTorch.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from stiefelkit_torch.nn import NonExplodingConv2d, OrthogonalLinear

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
images = torch.asarray(images.reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
parts = train_test_split(images, torch.asarray(labels), random_state=0)
train_images, test_images, train_labels, test_labels = parts


class Network(torch.nn.Module):
    """Channels from pixels, three steps of one convolution, an orthogonal map, scores."""

    def __init__(self):
        super().__init__()
        self.inward = torch.nn.Conv2d(1, 16, 3, padding=1)
        self.recurrent = NonExplodingConv2d(16, 3)
        self.pool = torch.nn.AvgPool2d(2)
        self.project = OrthogonalLinear(16 * 4 * 4, 32)  # orthonormal rows
        self.readout = torch.nn.Linear(32, 10)

    def forward(self, X):
        """Return scores, shape ``(samples, 10)``."""
        driven = self.inward(X)
        G = driven.relu()
        for _ in range(3):
            G = (self.recurrent(G) + driven).relu()
        return self.readout(self.project(self.pool(G).flatten(1)).relu())


# %%
# Any optimizer of PyTorch trains it.

model = Network()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
losses, accuracy = [], []
for _ in range(12):
    for rows in torch.randperm(len(train_images)).split(64):
        optimizer.zero_grad()
        scores = model(train_images[rows])
        loss = torch.nn.functional.cross_entropy(scores, train_labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        right = model(test_images).argmax(-1) == test_labels
    accuracy.append(right.double().mean().item())
print(f"{accuracy[-1]:.1%} of the digits kept apart")

# %%
# The weights have stayed where they should: rows of the linear layer, and columns of the frame that
# the kernel is made of, are orthonormal to rounding.

W, frame = model.project.weight.detach(), model.recurrent.frame.detach()
for name, error in (
    ("linear", torch.dist(W @ W.T, torch.eye(32))),
    ("convolution", torch.dist(frame.T @ frame, torch.eye(16))),
):
    print(f"{name}: |Q'Q - I| = {error:.1e}")

# %%
# What the convolution does to images, step by step, alone and without bias: their lengths never
# grow. They shrink, fast for noise, less so for what the network has learned to keep.

kernel = model.recurrent.weight.detach()
with torch.no_grad():
    starts = {"noise": torch.randn(50, 16, 8, 8), "features": model.inward(test_images[:50]).relu()}
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
left.plot(losses, color="0.8", label="loss of a batch")
left.plot(range(len(losses) // 12, len(losses) + 1, len(losses) // 12), accuracy, label="accuracy")
left.set(xlabel="update", ylim=(0, 2.4), title="training")
left.legend(frameon=False)
for name, G in starts.items():
    lengths = [G.norm().item()]
    for _ in range(10):
        G = torch.nn.functional.conv2d(G, kernel, padding=1)
        lengths.append(G.norm().item())
    right.semilogy([length / lengths[0] for length in lengths], label=name)
right.axhline(1, color="gray", linestyle=":", label="bound")
right.set(xlabel="times applied", title="length of images")
for axes in (left, right):
    axes.grid(alpha=0.3)
right.legend(frameon=False)
plt.show()
