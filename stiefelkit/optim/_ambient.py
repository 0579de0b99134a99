"""What rules share whose iterates are beside the manifold."""

import abc
import dataclasses

from .._typing import Array
from ..manifolds import AbstractManifold, Euclidean, Orthogonal, Stiefel
from ..manifolds._frames import mean_square
from ._base import LeafwiseOptimizer, Schedule, SeparableOptimizer, rate
from ._sgd import SGD


class Ambient(Euclidean):
    """The space around frames, where adaptive rules take one square for a matrix."""

    def mean_square(self, point: Array, tangent: Array) -> Array:
        return mean_square(tangent)


@dataclasses.dataclass(frozen=True)
class AmbientOptimizer(SeparableOptimizer):
    """A step of frames along a direction that another rule makes of the Euclidean gradients.

    Momentum of Euclidean gradients needs no transport, and what is tangent in it is taken anew
    at each point. Arrays on `Euclidean` take the steps of `base`, times the learning rate.
    """

    learning_rate: float | Schedule
    base: LeafwiseOptimizer = SGD(1.0)

    def __post_init__(self):
        if not isinstance(self.base, LeafwiseOptimizer):
            raise TypeError(
                f"`base` of `{type(self).__name__}` is `SGD`, `RMSProp` or `Adam`, usually of "
                f"learning rate 1. Got {self.base!r}."
            )

    @abc.abstractmethod
    def _descend(self, X: Array, G: Array, alpha: float) -> Array:
        """Return the frames that follow X, by a step of the rate alpha along G."""

    def _slots(self, x: Array, manifold: AbstractManifold) -> dict[str, Array]:
        if not isinstance(manifold, Stiefel | Orthogonal | Euclidean):
            name = type(self).__name__
            raise TypeError(
                f"`{name}` moves frames, points of `Stiefel`, `Orthogonal` or "
                "`SpecialOrthogonal`, and arrays on `Euclidean`. Got "
                f"`{type(manifold).__name__}`. Use `SGD`, or give this parameter another "
                "optimizer by `Partition`."
            )
        return self.base._slots(x, manifold if isinstance(manifold, Euclidean) else Ambient())

    def _move(self, g, slots, x, manifold, step):
        alpha = rate(self.learning_rate, step)
        if isinstance(manifold, Euclidean):
            change, slots = self.base._rule(g, slots, x, manifold, step)
            return x + alpha * change, slots
        change, slots = self.base._rule(g, slots, x, Ambient(), step)
        return self._descend(x, -change, alpha), slots
