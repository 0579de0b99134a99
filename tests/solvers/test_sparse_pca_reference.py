"""Sparse components of real data, beside those of scikit-learn."""

import numpy as np
import pytest

from stiefelkit.linalg import orthonormalize
from stiefelkit.solvers import sparse_pca

pytestmark = pytest.mark.libraries("numpy")


@pytest.mark.parametrize("name", ["load_breast_cancer", "load_digits"])
def test_objective_is_no_worse_than_that_of_the_reference(name, library):
    datasets = pytest.importorskip("sklearn.datasets")
    decomposition = pytest.importorskip("sklearn.decomposition")
    X = getattr(datasets, name)().data
    X = X[:, X.std(axis=0) > 0]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    gamma = 0.3 * np.linalg.norm(X, axis=0).max()
    reference = decomposition.SparsePCA(3, alpha=3, random_state=0).fit(X)
    # The frame for which loadings are best is the polar factor of the scores.
    U = orthonormalize(X @ reference.components_.T, method="polar")
    theirs = np.sum(np.clip(np.abs(X.T @ U) - gamma, 0, None) ** 2)
    ours = [sparse_pca(X, 3, gamma=gamma, rng=seed) for seed in range(3)]
    assert max(found.fun for found in ours) >= theirs
    # From the reference's frame it only climbs.
    assert sparse_pca(X, 3, gamma=gamma, x0=U).fun >= theirs
