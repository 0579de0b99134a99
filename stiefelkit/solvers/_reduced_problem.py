"""The quadratic model of a function in a subspace, minimized over the frames there, on the host."""

from typing import NamedTuple

import numpy

from ..manifolds import Stiefel
from ._objective import Objective
from ._trust_region import TrustRegion

_ITERATIONS = 30
_INNER = 100
_EQUAL = 1e-6


class ReducedProblem(NamedTuple):
    r"""Minimize a quadratic function of a frame of coordinates.

    .. math:: \tfrac12 \operatorname{Re}\operatorname{tr}(B^* T B D)
        + \operatorname{Re}\operatorname{tr}(E^* B), \qquad B^* B = I

    with T Hermitian, q by q, and D a positive diagonal. `linear` is E, None for 0.
    """

    quadratic: numpy.ndarray
    linear: numpy.ndarray | None
    diagonal: numpy.ndarray
    start: numpy.ndarray

    def minimizer(self, accuracy: float) -> numpy.ndarray:
        """Return a global minimizer where one is known, else one near the start.

        `accuracy` bounds the gradient's norm. A square real minimizer has the start's
        determinant.
        """
        d = self.diagonal
        if self.linear is None:
            return self._eigenvectors()
        if self._square and d.max() - d.min() <= _EQUAL * d.max():
            return self._polar()
        return self._trust_region(accuracy)

    @property
    def _square(self):
        return self.start.shape[0] == self.start.shape[1]

    def _turned(self, B):
        """Say whether B is in the other component of the orthogonal group."""
        if not self._square or numpy.iscomplexobj(B):
            return False
        return numpy.linalg.slogdet(B)[0] * numpy.linalg.slogdet(self.start)[0] < 0

    def _eigenvectors(self):
        """Pair the least eigenvalues with the largest weights, [Brockett:1991]_.

        The signs of the columns, which are free, are those of the start.
        """
        _, vectors = numpy.linalg.eigh(self.quadratic)
        B = numpy.empty_like(self.start)
        B[:, numpy.argsort(-self.diagonal, kind="stable")] = vectors[:, : B.shape[1]]
        along = (B.conj() * self.start).sum(axis=0)
        B = B * numpy.where(along == 0, 1.0, along / numpy.where(along == 0, 1.0, abs(along)))
        if self._turned(B):
            B[:, 0] *= -1
        return B

    def _polar(self):
        """Minimize the linear part, as the other one is constant. [Schonemann:1966]_."""
        U, _, Vh = numpy.linalg.svd(-self.linear)
        if self._turned(U @ Vh):
            U[:, -1] *= -1
        return U @ Vh

    def _trust_region(self, accuracy):
        T, E, d = self.quadratic, self.linear, self.diagonal

        def value_and_gradient(B):
            TBD = (T @ B) * d
            return numpy.vdot(B, 0.5 * TBD + E).real, TBD + E

        objective = Objective(value_and_gradient, lambda B, Z: (T @ Z) * d, Stiefel(), self.start)
        point, _ = objective.evaluate(self.start)
        solver = TrustRegion(maxinner=_INNER)
        iterates = solver.iterates(objective, point)
        for _ in range(_ITERATIONS):
            if not point.grad_norm > accuracy:
                break
            iterate = next(iterates, None)
            if iterate is None:
                break
            point = iterate.point
        return point.x
