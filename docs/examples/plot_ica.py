r"""
Unmixing pictures
=================

Three pictures have been laid over one another, three times, with other weights each time. The
weights are not known; that the pictures have nothing to do with each other is. After the mixtures
are whitened, what is left to find is an orthogonal Q, for which the components are as far from
normal as can be:

.. math:: \min_{Q^\top Q = I} \frac1m \sum_{t,j} \log\cosh (Y Q)_{tj}

This is a function on the orthogonal group, `stiefelkit.problems.ica`, for
`stiefelkit.minimize`.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.decomposition import FastICA

from stiefelkit import minimize
from stiefelkit.manifolds import Orthogonal
from stiefelkit.problems import ica

# %%
# Parts of the two photographs that come with scikit-learn, in gray, and their mixtures.

size = 200
china, flower = (load_sample_image(f"{name}.jpg").mean(axis=-1) for name in ("china", "flower"))
corners = ((china, 100, 60), (china, 200, 400), (flower, 100, 200))
sources = np.stack([image[i : i + size, j : j + size] for image, i, j in corners])
sources = sources - sources.mean(axis=(1, 2), keepdims=True)
sources = sources / sources.std(axis=(1, 2), keepdims=True)
mixing = np.asarray([[0.5, 0.3, 0.4], [0.4, 0.5, 0.3], [0.3, 0.4, 0.5]])
mixtures = np.einsum("ij,jkl->ikl", mixing, sources)

# %%
# Brightness is not far from normal, and two skies are alike. Differences of neighbors are better:
# most are near zero and some are large, which is what the contrast looks for. Mixing acts on
# differences as on pixels. A sample is a pair of neighbors, a feature is a mixture.

pairs = np.concatenate([np.diff(mixtures, axis=axis).reshape(3, -1) for axis in (1, 2)], axis=1).T
pairs = pairs - pairs.mean(axis=0)
variances, vectors = np.linalg.eigh(pairs.T @ pairs / len(pairs))
whitening = vectors / np.sqrt(variances)
problem = ica(pairs @ whitening)

# %%
# Three by three is a small problem, and yet not convex: five starts say whether the answer
# depends on them.

group = Orthogonal()
runs = []
for seed in range(5):
    start = group.random_point(3, 3, rng=seed, like=pairs)
    runs.append(minimize(problem.fun, start, manifold=group, jac=True, tol=1e-9))
    print(f"start {seed}: {runs[-1].fun:.12f}, {runs[-1].nfev} evaluations, {runs[-1].status.name}")

# %%
# The components come in any order and with any sign, so each is matched to the picture that it
# resembles most. FastICA of scikit-learn looks for the same kind of component by a fixed point
# iteration; the error is what part of a component's variance is not that picture.


def correlations(unmixing):
    """Return the largest correlation with a component, and which it is, for each picture."""
    found = np.einsum("ij,ikl->jkl", unmixing, mixtures).reshape(3, -1)
    table = np.corrcoef(found, sources.reshape(3, -1))[:3, 3:]
    best = np.argmax(np.abs(table), axis=0)
    return table[best, range(3)], best


best = min(runs, key=lambda run: run.fun)
fast = FastICA(fun="logcosh", whiten="unit-variance", random_state=0, tol=1e-8, max_iter=500)
fast.fit(pairs)
for name, unmixing in (("ours", whitening @ best.x), ("FastICA", fast.components_.T)):
    found, _ = correlations(unmixing)
    print(f"{name}: errors", ", ".join(f"{1 - c**2:.1e}" for c in found))

# %%
# Sources, mixtures, and what has been found.

signs, order = correlations(whitening @ best.x)
components = np.einsum("ij,ikl->jkl", whitening @ best.x, mixtures)[order]
components = components * np.sign(signs)[:, None, None]
figure, axes = plt.subplots(3, 3, figsize=(7, 7.2), layout="constrained")
rows = {"pictures": sources, "mixtures": mixtures, "components": components}
for row, (name, images) in zip(axes, rows.items(), strict=True):
    row[0].set_ylabel(name)
    for axis, image in zip(row, images, strict=True):
        axis.imshow(image, cmap="gray")
        axis.set(xticks=[], yticks=[])
plt.show()
