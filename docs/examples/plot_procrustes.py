r"""
Procrustes, and the two components
==================================

Which orthogonal Q takes the points A closest to the points B? The answer is known,

.. math:: \min_{Q^\top Q = I} \tfrac12 \|A Q - B\|_F^2, \qquad Q = U V^\top
    \quad\text{with}\quad A^\top B = U \Sigma V^\top,

which makes it a good problem to look at descent on the orthogonal group. That group has two
components, rotations and reflections, of determinant +1 and -1, and no continuous path leads from
one to the other. So the best that descent can find depends on where it starts.
"""

import matplotlib.pyplot as plt
import numpy as np

from stiefelkit.linalg import random_frame
from stiefelkit.manifolds import Orthogonal
from stiefelkit.optim import SGD, Adam

# %%
# Forty synthetic points in space. B is A turned by a matrix of determinant +1, and noise.

n = 3
rng = np.random.default_rng(0)
A = rng.standard_normal((40, n))
turn = random_frame(n, rng=1, like=A)
turn[:, 0] *= np.linalg.det(turn)
B = A @ turn + 0.1 * rng.standard_normal(A.shape)

# %%
# The best point of each component. In the one that the singular value decomposition does not
# pick, the least singular value counts against the fit.

U, sigma, Vt = np.linalg.svd(A.T @ B)
signs = {det: np.array([1.0] * (n - 1) + [det * np.linalg.det(U @ Vt)]) for det in (1, -1)}
best = {det: 0.5 * np.sum((A @ ((U * s) @ Vt) - B) ** 2) for det, s in signs.items()}

# %%
# Descent from a start in each component. The Euclidean gradient is :math:`A^\top (AQ - B)`; the
# manifold makes it a tangent vector, and the retraction keeps Q orthogonal.

group = Orthogonal()
start = random_frame(n, rng=2, like=A)
start[:, 0] *= np.linalg.det(start)
starts = {1: start, -1: start * np.array([-1.0] + [1.0] * (n - 1))}
rules = {"SGD": SGD(0.01), "Adam": Adam(0.05)}
curves = {}
for det, Q in starts.items():
    for name, rule in rules.items():
        params, values = {"Q": Q}, []
        state = rule.init(params, {"Q": group})
        for _ in range(150):
            R = A @ params["Q"] - B
            values.append(0.5 * np.sum(R**2))
            params, state = rule.update({"Q": A.T @ R}, state, params)
        curves[name, det] = np.array(values)
        assert group.component(params["Q"]) == det

# %%
# Both rules reach the best point of the component that they start in (black lines), and none
# leaves it. A parametrization has a sign for each column for the same reason: its leaf ``d``
# chooses the component.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, det), values in curves.items():
    style = {"color": "C0" if det == 1 else "C1", "linestyle": "-" if name == "SGD" else "--"}
    axes.semilogy(values, label=f"{name}, determinant {det:+d}", **style)
for value in best.values():
    axes.axhline(value, color="k", linewidth=0.8, zorder=0)
axes.set(xlabel="update", ylabel=r"$\frac{1}{2}\|AQ - B\|_F^2$")
axes.grid(alpha=0.3)
axes.legend(frameon=False)
plt.show()

for det in (1, -1):
    reached = min(curves[name, det][-1] for name in rules)
    print(f"determinant {det:+d}: best {best[det]:.6f}, reached {reached:.6f}")
