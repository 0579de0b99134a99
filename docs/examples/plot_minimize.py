r"""
Methods of minimize
===================

`stiefelkit.minimize` has several methods. Which one is the best depends on the problem: on what an
evaluation costs, how many digits are wanted, and how far apart the curvatures are. Here they meet
on Brockett's function, whose minimizer has the eigenvectors of A to its p least eigenvalues as
columns, in order:

.. math:: \min_{X^\top X = I_p} \tfrac12 \operatorname{tr}(X^\top A X D), \qquad
    D = \operatorname{diag}(p, \dots, 1)
"""

import matplotlib.pyplot as plt
import numpy as np

from stiefelkit import minimize
from stiefelkit.problems import brockett

# %%
# A symmetric normal matrix of 200 rows, whose eigenvalues are all within about 20 of zero.

n, p = 200, 4
rng = np.random.default_rng(0)
M = rng.standard_normal((n, n))
problem = brockett((M + M.T) / 2, np.arange(p, 0, -1.0))
start = problem.manifold.random_point(n, p, rng=1, like=M)

# %%
# What costs is the product of A with a matrix of p columns. A value with its gradient takes one, a
# Hessian product, which the trust region asks for in each of its inner iterations, another one.

results, products = {}, {}
for name in ("multisecant", "lbfgs", "cg", "steepest-descent", "trust-region"):
    results[name] = result = minimize(
        problem.fun,
        start,
        manifold=problem.manifold,
        method=name,
        jac=True,
        hessp=problem.hessp if name == "trust-region" else None,
        tol=1e-8,
    )
    inner = [0, *result.history.get("inner_iterations", [0] * result.nit)]
    products[name] = np.asarray(result.history["nfev"]) + np.cumsum(inner)
    gap = abs(result.fun - float(problem.optimum()))
    print(
        f"{name:17} {result.status.name:10} {result.nit:5} iterations, {products[name][-1]:5} "
        f"products, {gap:.1e} from the least value"
    )

# %%
# The norm of the Riemannian gradient against products with A. The default sees that all columns
# meet the same matrix, so that a product tells it p times as much. L-BFGS and the trust region take
# equally many; the last iteration of the trust region gains six digits at once, so it is the one to
# ask for more. Barzilai-Borwein steps know one curvature only, and let the gradient rise now and
# then.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for name, result in results.items():
    axes.semilogy(products[name], result.history["grad_norm"], label=name, linewidth=1)
axes.set(xlabel="products with A", ylabel="norm of the Riemannian gradient")
axes.grid(alpha=0.3)
axes.legend(frameon=False)
plt.show()
