"""The rotations: real orthogonal matrices of determinant one."""

import dataclasses

from .._typing import RNG, Array
from .._xp import array_namespace, is_complex
from ._logarithm import Logarithm
from ._orthogonal import Orthogonal


@dataclasses.dataclass(frozen=True)
class SpecialOrthogonal(Orthogonal):
    r"""The special orthogonal group.

    .. math:: \{Q \in \mathbb{R}^{n\times n} : Q^\top Q = I_n,\ \det Q = 1\}

    Real arrays only: a complex one raises a `TypeError`, as the unitary group, which is
    connected, is `Orthogonal`.

    Parameters
    ----------
    retraction : AbstractRetraction

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import SpecialOrthogonal
    >>> quarter = np.asarray([[0.0, 1.0], [-1.0, 0.0]])
    >>> float(SpecialOrthogonal().dist(np.eye(2), quarter).round(6))
    2.221441
    """

    def project(self, point: Array, vector: Array) -> Array:
        return super().project(_real(point), vector)

    def retract(self, point: Array, tangent: Array) -> Array:
        return super().retract(_real(point), tangent)

    def differential(self, point: Array, step: Array, tangent: Array) -> Array:
        return super().differential(_real(point), step, tangent)

    def exp(self, point: Array, tangent: Array) -> Array:
        return super().exp(_real(point), tangent)

    def _logarithm(self, point: Array, target: Array) -> Logarithm:
        return super()._logarithm(_real(point), target)

    def random_point(
        self,
        *shape: int,
        rng: RNG = None,
        like: Array,
        batch: tuple[int, ...] = (),
        component: int | None = 1,
    ) -> Array:
        """Draw a rotation uniformly."""
        if component != 1:
            raise ValueError(
                f"The only `component` of `SpecialOrthogonal` is 1. Got {component}. Draw from "
                "`Orthogonal`."
            )
        return super().random_point(*shape, rng=rng, like=_real(like), batch=batch, component=1)

    def check_point(self, point: Array) -> None:
        super().check_point(_real(point))
        xp = array_namespace(point)
        if bool(xp.any(self.component(point) < 0)):
            raise ValueError(
                "A point of `SpecialOrthogonal` has determinant +1. Got -1. Change the sign of a "
                "column, or use `Orthogonal`."
            )


def _real(x):
    if is_complex(x):
        raise TypeError(
            f"`SpecialOrthogonal` is of real matrices. Got {x.dtype}. Use `Orthogonal`, which is "
            "the unitary group for complex arrays."
        )
    return x
