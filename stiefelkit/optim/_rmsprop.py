"""Gradient descent scaled by a running mean of squares."""

import dataclasses

from .._typing import Array
from .._xp import array_namespace
from ..manifolds import AbstractManifold
from ._base import LeafwiseOptimizer, Schedule, rate


@dataclasses.dataclass(frozen=True)
class RMSProp(LeafwiseOptimizer):
    r"""Divide the Riemannian gradient by the root of a running mean of its squares.

    .. math:: r \leftarrow \rho r + (1 - \rho) g^2, \qquad
        x \leftarrow R_x\left(-\alpha\, g / (\sqrt r + \epsilon)\right)

    with :math:`g^2` entry by entry on flat leaves, and the mean over the matrix on curved
    ones, so that the step is tangent.

    Parameters
    ----------
    learning_rate : float or schedule
    decay : float
        The factor :math:`\rho`.
    epsilon : float
    initial : float
        Value of r before the first step.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import RMSProp
    >>> rule, params = RMSProp(0.1, decay=0.0), {"x": np.asarray([2.0])}
    >>> params, state = rule.update({"x": np.asarray([8.0])}, rule.init(params), params)
    >>> params["x"].round(6)
    array([1.9])
    """

    learning_rate: float | Schedule
    decay: float = 0.9
    epsilon: float = 1e-8
    initial: float = 0.0

    def _slots(self, x: Array, manifold: AbstractManifold) -> dict[str, Array]:
        zeros = array_namespace(x).zeros_like(manifold.mean_square(x, x))
        return {"mean_square": zeros + self.initial}

    def _rule(self, g, slots, x, manifold, step):
        xp = array_namespace(x)
        # In the memory of what was made here: new memory takes longer than the arithmetic.
        r = self.decay * slots["mean_square"]
        r += (1 - self.decay) * manifold.mean_square(x, g)
        scale = xp.sqrt(r)
        scale += self.epsilon
        scale = -rate(self.learning_rate, step) / scale
        return g * xp.astype(scale, g.dtype, copy=False), {"mean_square": r}
