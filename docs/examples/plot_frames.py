r"""
The cost of a thin frame
========================

A frame is an n-by-p matrix Q with orthonormal columns, :math:`Q^\top Q = I`. Here n grows and p
stays: a map that costs :math:`O(np^2)` takes time in proportion to n, one that forms an n-by-n
matrix on the way takes :math:`n^2` at the least. We time the matrix and its gradient.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from stiefelkit.linalg import orthonormality_error
from stiefelkit.parametrizations import TCWY, CayleyMap, ExponentialMap

p = 16
sizes = [64, 128, 256, 512, 1024, 2048, 4096, 8192]
maps = [TCWY, CayleyMap, ExponentialMap]

# %%
# Each map has ``init``, ``matrix_forward`` (the frame, and what its gradient needs) and
# ``matrix_backward`` (the gradient). We start at a random frame, go a random step away from it,
# keep the best of five runs, and measure how far the columns are from orthonormal, in units of
# :math:`\sqrt p\,\varepsilon`.


def measure(parametrization):
    rng = np.random.default_rng(0)
    params = parametrization.init(rng=rng, like=np.empty(0, np.float32))
    for name in params.keys() - parametrization.fixed:
        step = rng.standard_normal(params[name].shape, np.float32)
        params[name] = params[name] + step / np.float32(np.sqrt(step.shape[0]))
    G = rng.standard_normal((parametrization.n, p), np.float32)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        Q, residuals = parametrization.matrix_forward(params)
        parametrization.matrix_backward(G, residuals)
        best = min(best, time.perf_counter() - start)
    unit = np.sqrt(p) * np.finfo(np.float32).eps
    return best, float(orthonormality_error(Q.astype(np.float64))) / unit


measured = {cls.__name__: np.array([measure(cls(n, p)) for n in sizes]).T for cls in maps}

# %%
# Calls to the array library make up the time of small frames; then the lines rise with n, as the
# dashed one does, and not with n². The errors stay far below the 20 units that the library
# promises.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, (seconds, error) in measured.items():
    left.loglog(sizes, 1e3 * seconds, "o-", label=name)
    right.semilogx(sizes, error, "o-", label=name)

reach = np.array([1024, 8192])
start = 2e3 * measured["TCWY"][0, sizes.index(1024)]
left.loglog(reach, start * (reach / 1024), "k--", lw=1, label="∝ n")
left.loglog(reach, start * (reach / 1024) ** 2, "k:", lw=1, label="∝ n²")
right.axhline(20, color="k", ls="--", lw=1, label="promised")
left.set(xlabel="n", ylabel="ms, matrix and gradient", title=f"time, float32, p = {p}")
right.set(xlabel="n", ylabel=r"$\|Q^\top Q - I\|_F\,/\,(\sqrt{p}\,\varepsilon)$", ylim=(0, 22))
right.set_title("orthonormality error")
for axes in (left, right):
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
plt.show()
