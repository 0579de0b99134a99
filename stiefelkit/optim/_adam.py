"""Momentum scaled by a running mean of squares, with bias corrections."""

import dataclasses

from .._typing import Array
from .._xp import array_namespace
from ..manifolds import AbstractManifold
from ._base import MOMENTUM, LeafwiseOptimizer, Schedule, rate


@dataclasses.dataclass(frozen=True)
class Adam(LeafwiseOptimizer):
    r"""Adam, on curved leaves with transported momentum and one square for each matrix.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad
        r \leftarrow \beta_2 r + (1 - \beta_2) g^2, \qquad
        x \leftarrow R_x\left(-\alpha\, \hat m / (\sqrt{\hat r} + \epsilon)\right)

    with :math:`\hat m = m/(1 - \beta_1^t)` and :math:`\hat r = r/(1 - \beta_2^t)`.

    Parameters
    ----------
    learning_rate : float or schedule
    beta1, beta2 : float
    epsilon : float

    Notes
    -----
    [KingmaBa:2015]_; on manifolds [BecigneulGanea:2019]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import Adam
    >>> adam, params = Adam(0.1), {"x": np.asarray([2.0])}
    >>> params, state = adam.update({"x": np.asarray([8.0])}, adam.init(params), params)
    >>> params["x"].round(6)
    array([1.9])
    """

    learning_rate: float | Schedule
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def _slots(self, x: Array, manifold: AbstractManifold) -> dict[str, Array]:
        xp = array_namespace(x)
        square = xp.zeros_like(manifold.mean_square(x, x))
        return {MOMENTUM: xp.zeros_like(x), "mean_square": square}

    def _rule(self, g, slots, x, manifold, step):
        xp, t = array_namespace(x), step + 1
        # In the memory of what was made here: new memory takes longer than the arithmetic.
        m, r = self.beta1 * slots[MOMENTUM], self.beta2 * slots["mean_square"]
        m += (1 - self.beta1) * g
        r += (1 - self.beta2) * manifold.mean_square(x, g)
        # The correction of r is taken out of the root, which saves a pass over the array.
        root = (1 - self.beta2**t) ** 0.5
        size = -rate(self.learning_rate, step) * root / (1 - self.beta1**t)
        scale = xp.sqrt(r)
        scale += self.epsilon * root
        scale = size / scale
        return m * xp.astype(scale, m.dtype, copy=False), {MOMENTUM: m, "mean_square": r}
