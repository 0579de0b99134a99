"""Gradient descent, with momentum."""

import dataclasses

from .._typing import Array
from .._xp import array_namespace
from ..manifolds import AbstractManifold
from ._base import MOMENTUM, LeafwiseOptimizer, Schedule, rate, repaired


@dataclasses.dataclass(frozen=True)
class SGD(LeafwiseOptimizer):
    r"""Descend along the Riemannian gradient, with or without momentum.

    .. math:: m \leftarrow \mu m + g, \qquad x \leftarrow R_x(-\alpha m)

    Parameters
    ----------
    learning_rate : float or schedule
        The step :math:`\alpha`.
    momentum : float
        The factor :math:`\mu`; the old direction is transported to the new point.

    Notes
    -----
    On `Orthogonal` with the exponential retraction and without momentum this is the
    baseline SRGD of [MassartAbrol:2022]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import SGD
    >>> sgd, params = SGD(0.5), {"x": np.asarray([2.0])}
    >>> params, state = sgd.update({"x": params["x"]}, sgd.init(params), params)
    >>> params
    {'x': array([1.])}
    """

    learning_rate: float | Schedule
    momentum: float = 0.0

    def _slots(self, x: Array, manifold: AbstractManifold) -> dict[str, Array]:
        return {MOMENTUM: array_namespace(x).zeros_like(x)} if self.momentum else {}

    def _rule(self, g, slots, x, manifold, step):
        if self.momentum:
            g = self.momentum * slots[MOMENTUM] + g
            slots = {MOMENTUM: g}
        return -rate(self.learning_rate, step) * g, slots

    def _move(self, g, slots, x, manifold, step):
        if self.momentum or not (manifold.inherits_metric and manifold.retract_projects):
            return super()._move(g, slots, x, manifold, step)
        # The gradient is the tangent part of the Euclidean one, which is all that counts.
        y = manifold.retract(x, -rate(self.learning_rate, step) * g)
        return repaired(manifold, y, step), slots
