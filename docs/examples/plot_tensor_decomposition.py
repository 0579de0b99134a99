r"""
Skewed directions of data
=========================

Whitened data have the same variance in all directions; what tells directions apart are third
moments. Their tensor :math:`T = \mathrm E\, z \otimes z \otimes z` is symmetric, and
:math:`T(u, u, u)` is the skewness along a unit vector u. Were the data mixed from independent
skewed sources, T would be :math:`\sum_k \lambda_k v_k \otimes v_k \otimes v_k` with orthonormal
:math:`v_k`. `stiefelkit.solvers.tensor_decomposition` looks for all directions at once, by
rotations of two at a time; the tensor power method looks for one, subtracts it and starts again.
"""

import itertools
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from stiefelkit.linalg import orthonormalize, random_frame
from stiefelkit.solvers import tensor_decomposition


def power_method(T, restarts=10, iterations=200):
    rng = np.random.default_rng(0)
    T, values, vectors = T.copy(), [], []
    for _ in range(len(T)):
        U = rng.standard_normal((len(T), restarts))
        for _ in range(iterations):
            U = np.einsum("abc,bk,ck->ak", T, U, U)
            U /= np.linalg.norm(U, axis=0)
        weights = np.einsum("abc,ak,bk,ck->k", T, U, U, U)
        u = U[:, np.argmax(weights)]
        values.append(np.max(weights))
        vectors.append(u)
        T -= values[-1] * np.einsum("a,b,c->abc", u, u, u)
    return np.array(values), np.array(vectors).T


def rotations(T):
    found = tensor_decomposition(T, rng=0, maxiter=1000)
    return found.values, found.x


methods = {"rotations": rotations, "power method": power_method}

# %%
# First a check where the answer is known: orthonormal components with weights from 1 to 2, and
# symmetric noise. The error is the largest angle between a component and its nearest estimate.

n = 10
V = random_frame(n, rng=1, like=np.empty(0))
planted = np.einsum("k,ak,bk,ck->abc", np.linspace(1, 2, n), V, V, V)
noise = np.random.default_rng(2).standard_normal((n, n, n))
noise = sum(noise.transpose(order) for order in itertools.permutations(range(3))) / 6
levels = np.array([0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2])


def worst_angle(U):
    return np.degrees(np.arccos(np.min(np.max(np.abs(V.T @ U), axis=1))))


angles = {
    name: [worst_angle(run(planted + level * noise)[1]) for level in levels]
    for name, run in methods.items()
}

# %%
# Then two data sets, reduced to ten whitened principal components. No orthonormal directions
# decompose their moments exactly.


def third_moments(data, p=10):
    U, _, _ = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)
    z = U[:, :p] * len(U) ** 0.5
    return np.einsum("ta,tb,tc->abc", z, z, z, optimize=True) / len(z)


cancer = load_breast_cancer().data
data = {"breast cancer": cancer / cancer.std(axis=0), "digits": load_digits().data}
skewness = {}
for title, Y in data.items():
    T = third_moments(Y)
    found = {}
    for name, run in methods.items():
        start = time.perf_counter()
        found[name] = run(T)[1]
        print(f"{title}, {name}: {1e3 * (time.perf_counter() - start):.0f} ms")
    found["power method, orthonormalized"] = orthonormalize(found["power method"], method="polar")
    for name, U in found.items():
        values = np.sort(np.einsum("abc,ak,bk,ck->k", T, U, U, U))[::-1]
        cosine = np.max(np.abs(U.T @ U - np.eye(len(T))))
        skewness[title, name] = values
        print(f"  {name:30s} sum {np.sum(values):6.3f}, largest cosine of two {cosine:.2f}")

# %%
# The rotations err less on noisy tensors, as no error of one component enters the next. The power
# method is several times as fast at this size. On real data it finds directions of more skewness,
# but some of them are far from orthogonal, so they tell partly the same; the orthonormal set
# nearest to them has less skewness in sum than that of the rotations. Who wants the one most
# skewed direction, or does not need orthogonal ones, is served better by the power method.

styles = {"rotations": "o-", "power method": "o-", "power method, orthonormalized": "--"}
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for name, errors in angles.items():
    axes[0].loglog(levels, errors, "o-", label=name)
for name, style in styles.items():
    for one, title in zip(axes[1:], data, strict=True):
        one.plot(np.arange(1, 11), skewness[title, name], style, label=name)
        one.set(xlabel="component", ylabel="skewness along it", title=title)
axes[0].set(xlabel="noise", ylabel="largest error, degrees", title="planted components")
for one in axes:
    one.grid(alpha=0.3)
axes[0].legend(frameon=False)
axes[1].legend(frameon=False)
plt.show()
