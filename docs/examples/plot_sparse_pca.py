r"""
Sparse principal components
===========================

A principal component mixes all features. A sparse one mixes few, and can be read, at the price of
some variance. Here `stiefelkit.solvers.sparse_pca` meets `sklearn.decomposition.SparsePCA` on two
data sets that come with scikit-learn: 30 measurements of breast cancer cells, each scaled to
variance one, and 64 pixels of digits.

The first maximizes :math:`\sum_{kj} [|(A^\top U)_{kj}| - \gamma]_+^2` over orthonormal U by
rotations of two columns, each by its exactly best angle; the second factors A with a penalty on
the loadings, without orthogonality. Neither reaches more than a local optimum.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import SparsePCA

from stiefelkit.solvers import sparse_pca

p = 5
cancer, digits = load_breast_cancer().data, load_digits().data
data = {
    "breast cancer": (cancer - cancer.mean(axis=0)) / cancer.std(axis=0),
    "digits": digits - digits.mean(axis=0),
}

# %%
# Sparse loadings are not orthogonal, so the variance that they explain is that of the projection
# of the data onto their span. Both methods are measured so, after their settings have been swept
# from dense to sparse.


def explained(A, loadings):
    Q, _ = np.linalg.qr(loadings[:, np.any(loadings != 0, axis=0)])
    return np.sum((A @ Q) ** 2) / np.sum(A**2)


def rotations(A, strength):
    longest = np.max(np.linalg.norm(A, axis=0))
    return sparse_pca(A, p, gamma=strength * longest, rng=0, tol=1e-5).loadings


def penalized(A, strength):
    model = SparsePCA(p, alpha=strength, ridge_alpha=1e-6, random_state=0, max_iter=300, tol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says when it has not converged
        return model.fit(A).components_.T


def sweep(method, A, strengths):
    rows = []
    for strength in strengths:
        start = time.perf_counter()
        loadings = method(A, strength)
        seconds = time.perf_counter() - start
        rows.append((np.count_nonzero(loadings), explained(A, loadings), seconds))
    return np.array(rows).T


strengths = {
    "rotations": (rotations, {name: [0.05, 0.1, 0.2, 0.3, 0.4, 0.5] for name in data}),
    "scikit-learn": (
        penalized,
        {"breast cancer": [1, 2, 4, 6, 8, 11], "digits": [10, 20, 35, 50, 70, 100]},
    ),
}
measured = {
    (name, method): sweep(run, A, table[name])
    for name, A in data.items()
    for method, (run, table) in strengths.items()
}

# %%
# Above, the variance at equal sparsity, with the bound that p dense principal components set;
# below, the time of each fit. With many loadings the variance is the same, and the rotations take
# less time. With few, they take more on the digits, which have three times the samples, and
# scikit-learn explains more of the breast cancer data: here one threshold serves all components,
# and empties the weaker ones first, and the frame U has to be orthogonal.

figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained", sharex="col")
for column, (name, A) in zip(axes.T, data.items(), strict=True):
    sigma = np.linalg.svd(A, compute_uv=False)
    bound = np.sum(sigma[:p] ** 2) / np.sum(sigma**2)
    column[0].axhline(100 * bound, color="gray", ls=":", label="dense")
    for method in strengths:
        nonzeros, variance, seconds = measured[name, method]
        column[0].plot(nonzeros, 100 * variance, "o-", label=method)
        column[1].semilogy(nonzeros, seconds, "o-", label=method)
    column[0].set(title=f"{name}, {p} components", ylabel="variance explained, %")
    column[1].set(xlabel="loadings that are not zero", ylabel="seconds")
for one in axes.flat:
    one.grid(alpha=0.3)
axes[0, 0].legend(frameon=False)
plt.show()
