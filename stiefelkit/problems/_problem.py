"""What a problem is."""

import dataclasses
from collections.abc import Callable
from typing import Any

from .._typing import Array, Tree
from ..manifolds import AbstractManifold


@dataclasses.dataclass(frozen=True)
class Problem:
    r"""A real function on a manifold, to be minimized, and what is known of its minimum.

    Gradients and Hessians are Euclidean, those of the matrix entries, with
    :math:`\mathrm df = \operatorname{Re}\langle g, \mathrm dx\rangle`. Leading axes of the data
    are batch, and give one value each.

    Parameters
    ----------
    name : str
    manifold : AbstractManifold
    fun : callable
        ``fun(x) -> (value, gradient)``, which share the expensive product.
    hessp : callable
        ``hessp(x, tangent)``, the derivative of the gradient at `x` along `tangent`.
    optimum : callable or None
        ``optimum(x0=None)``, the least value, or the least in the component of the start `x0`
        where the manifold has two. None where it is not known in closed form.
    minimizer : callable or None
        ``minimizer(x0=None)``, a point that has this value, or None.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import brockett
    >>> problem = brockett(np.diag([1.0, 2.0, 3.0]), np.asarray([2.0, 1.0]))
    >>> float(problem.optimum()), float(problem.value(problem.minimizer()))
    (2.0, 2.0)
    """

    name: str
    manifold: AbstractManifold
    fun: Callable[[Tree], tuple[Array, Tree]]
    hessp: Callable[[Tree, Tree], Tree]
    optimum: Callable[..., Array] | None = None
    minimizer: Callable[..., Any] | None = None

    def value(self, x: Tree) -> Array:
        """Return the function alone."""
        return self.fun(x)[0]
