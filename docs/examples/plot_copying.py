r"""
A recurrent network that remembers
==================================

The copying task shows ten symbols, then blanks, and asks for the symbols after a delay. A network
that keeps nothing can only guess them; its loss is :math:`10 \ln 8 / (T + 20)` for a delay T.
A recurrent matrix that stays orthogonal carries the symbols without loss, an unconstrained one has
to learn to. The symbols are drawn at random, so there is no file to load and nothing to overfit.
"""

import matplotlib.pyplot as plt

from stiefelkit.linalg import orthonormality_error
from stiefelkit.optim import Partition, RMSProp
from stiefelkit.rnn import Copying, ElmanCell, Model, OrthogonalCell, fit

task = Copying(delay=20, batch_size=32, updates_per_epoch=10)

# %%
# Two cells of 64 units. The recurrent matrix of the first is the image of free parameters under
# compact WY, which learn ten times more slowly than the rest of the network; ``Partition`` gives
# each part its rule by the path of the parameter. All gradients are those that the library
# derives by hand: NumPy has no autodiff.

cells = {
    "orthogonal": OrthogonalCell(task.input_size, 64),
    "unconstrained": ElmanCell(task.input_size, 64),
}
rule = Partition({"cell/recurrent*": RMSProp(1e-4), "*": RMSProp(1e-3)})
runs = {}
for name, cell in cells.items():
    model = Model.for_task(cell, task, rng=0)
    runs[name] = fit(model, task, rule, epochs=40, rng=1)

# %%
# The curves, on batches kept apart.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, run in runs.items():
    axes.semilogy(
        [record["step"] for record in run.history],
        [record["validation_loss"] for record in run.history],
        label=name,
    )
axes.axhline(task.baseline, color="gray", linestyle=":", label="without memory")
axes.set(xlabel="update", ylabel="cross-entropy", title="copying after a delay of 20")
axes.grid(alpha=0.3)
axes.legend(frameon=False)
plt.show()

# %%
# The matrix is as orthogonal as single precision can say, after all updates.

W = runs["orthogonal"].model.recurrent_matrix()
print(f"{W.dtype}, |W'W - I| = {orthonormality_error(W):.1e}")
