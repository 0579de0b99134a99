"""The model of a Hessian that acts alike on all columns, learned from differences of gradients."""

from typing import NamedTuple

import numpy

from .._typing import Array
from .._xp import adjoint, array_namespace, eps, from_host, is_complex, real_dtype, to_host
from ._objective import Point
from ._reduced_problem import ReducedProblem
from ._vectors import flatten, unflatten

# What differences may lack of symmetry for the model to be tried.
_ASYMMETRY = 1e-2
# The model minimizes in its subspace up to this part of the gradient.
_ACCURACY = 0.3


class Trial(NamedTuple):
    """A point to evaluate, `directions` N beside the basis V, and what is known there.

    On the host are the `coupling` N^* A V and, in the coordinates of [V, N], the last point,
    this one, and the last gradient.
    """

    x: Array
    directions: Array
    coupling: numpy.ndarray
    before: numpy.ndarray
    after: numpy.ndarray
    gradient: numpy.ndarray


class SecantModel:
    r"""A model of the gradient: each column of a step acts alike, up to a factor.

    .. math:: G(X + S) = G(X) + A S D, \qquad D = \operatorname{diag}(d) > 0

    On the span of an orthonormal basis V, A is known by its images U = AV; on the rest it is a
    multiple of the identity, but for the coupling with V, known by symmetry. Each of the p
    columns of a step is a secant ([Schnabel:1983]_), so a few steps span a block Krylov space.
    Where a `homogeneous` model holds, G(X) = AXD, X is a secant itself, that from 0.
    """

    def __init__(
        self, basis: Array, images: Array, diagonal: numpy.ndarray, size: int, homogeneous: bool
    ):
        self.basis, self.images, self.diagonal = basis, images, diagonal
        self.size, self.homogeneous = size, homogeneous
        (projected,) = _to_host(adjoint(basis) @ images)
        self.projected = _hermitian(projected)
        self.guess = numpy.trace(self.projected).real / len(self.projected)

    @classmethod
    def of_quadratic_form(cls, point: Point, size: int) -> "SecantModel | None":
        """Return the model of G(X) = A X D, the secant from 0, if one point does not refute it."""
        x, G = point.x, point.euclidean_gradient
        diagonal, asymmetry = _fit(*_to_host(adjoint(x) @ G))
        if not asymmetry <= eps(x) ** 0.6:
            return None
        return cls(x, G / _row(diagonal, x), diagonal, size, True)

    @classmethod
    def of_pair(cls, old: Point, new: Point, size: int) -> "SecantModel | None":
        """Return the model of the secant between two points, if it does not refute it."""
        xp, x = array_namespace(new.x), new.x
        S, Y = x - old.x, new.euclidean_gradient - old.euclidean_gradient
        diagonal, asymmetry = _fit(*_to_host(adjoint(S) @ Y))
        if not asymmetry <= _ASYMMETRY:
            return None
        left, lengths, right = xp.linalg.svd(S, full_matrices=False)
        (host_lengths,) = _to_host(lengths)
        k = int(numpy.sum(host_lengths > eps(x) ** 0.45 * host_lengths[0]))
        images = (Y / _row(diagonal, x)) @ adjoint(right)[:, :k] / lengths[:k]
        return cls(left[:, :k], images, diagonal, size, False)

    def trial(self, point: Point) -> Trial:
        """Return the minimizer of the model in the basis and in the directions of the gradient."""
        x, G, V = point.x, point.euclidean_gradient, self.basis
        N = self._directions(x, G)
        parts = (adjoint(V) @ x, adjoint(N) @ x, adjoint(V) @ G, adjoint(N) @ G)
        xv, xn, gv, gn, coupling = _to_host(*parts, adjoint(N) @ self.images)
        T = numpy.block(
            [
                [self.projected, coupling.conj().T],
                [coupling, self.guess * numpy.eye(len(coupling))],
            ]
        )
        before, gradient = numpy.concatenate([xv, xn]), numpy.concatenate([gv, gn])
        start = _polish(before)
        linear = None if self.homogeneous else gradient - (T @ before) * self.diagonal
        problem = ReducedProblem(T, linear, self.diagonal, start)
        after = problem.minimizer(_ACCURACY * point.grad_norm)
        # A homogeneous model must know the image of the whole point, so what was dropped goes.
        step = from_host(after if self.homogeneous else after - before, x)
        q = V.shape[1]
        moved = V @ step[:q, :] + N @ step[q:, :]
        moved = moved if self.homogeneous else x + moved
        return Trial(moved, N, coupling, before, after, gradient)

    def _directions(self, x, G):
        """Return an orthonormal basis of what X and the gradient have beside the basis."""
        xp, V = array_namespace(x), self.basis
        if V.shape[0] == V.shape[1]:
            return x[:, :0]
        if self.homogeneous:
            return _complement(V, G, scaled=True)
        K = _complement(V, x, scaled=False)
        R = _complement(xp.concat([V, K], axis=1), G, scaled=True)
        return xp.concat([K, R], axis=1)

    def numbers(self, trial: Trial, G: Array, g: Array) -> Array:
        """Return what `learn` needs of the Euclidean gradient G, as real numbers."""
        return flatten([adjoint(self.basis) @ G, adjoint(trial.directions) @ G])

    def learn(self, trial: Trial, old: Point, new: Point, numbers: numpy.ndarray) -> float:
        """Take in the secant to an evaluated trial; return by how much it contradicts."""
        q = self.basis.shape[1]
        found = numpy.concatenate(unflatten(numbers, [trial.gradient[:q], trial.gradient[q:]]))
        step, change, difference = trial.after, found, new.euclidean_gradient
        if not self.homogeneous:
            step, change = step - trial.before, change - trial.gradient
            difference = difference - old.euclidean_gradient
        change = change / self.diagonal
        if not numpy.all(numpy.isfinite(change)):
            return numpy.inf
        foreseen = self.projected @ step[:q] + trial.coupling.conj().T @ step[q:]
        contradiction = _relative(foreseen - change[:q], change[:q])
        kept = self._append(trial, step, change, difference)
        points = numpy.concatenate([trial.before, trial.after], axis=1)
        self._compress(numpy.concatenate([points[:q], kept.conj().T @ points[q:]]))
        return contradiction

    def _append(self, trial, step, change, difference):
        """Add the directions in which the step is long enough to tell the image; return them."""
        q, e = self.basis.shape[1], eps(difference)
        if len(step) == q:
            return numpy.zeros((0, 0))
        xp = array_namespace(difference)
        left, lengths, right = numpy.linalg.svd(step[q:], full_matrices=False)
        # Along shorter ones the difference is of rounding errors.
        kept = lengths > max(1e4 * e, e**0.4 * lengths[0])
        left, inverse = left[:, kept], right[kept].conj().T / lengths[kept]
        coupling = left.conj().T @ trial.coupling
        image = left.conj().T @ (change[q:] - trial.coupling @ step[:q]) @ inverse
        self.projected = numpy.block(
            [[self.projected, coupling.conj().T], [coupling, _hermitian(image)]]
        )
        rest = difference / _row(self.diagonal, difference)
        rest = rest - self.images @ from_host(step[:q], rest)
        added = trial.directions @ from_host(left, rest)
        self.basis = xp.concat([self.basis, added], axis=1)
        self.images = xp.concat([self.images, rest @ from_host(inverse, rest)], axis=1)
        if len(image):
            self.guess = numpy.trace(image).real / len(image)
        return left

    def _compress(self, points):
        """Keep the lowest Ritz vectors and the last two points, given by their coordinates.

        A thick restart, [WuSimon:2000]_, with the directions of [Knyazev:2001]_.
        """
        (n, q), p = self.basis.shape, len(self.diagonal)
        if q == n or q + p <= self.size * p:
            return
        _, vectors = numpy.linalg.eigh(self.projected)
        C = vectors[:, : self.size * p // 2]
        for _ in range(2):
            points = points - C @ (C.conj().T @ points)
        left, lengths, _ = numpy.linalg.svd(points, full_matrices=False)
        C = numpy.concatenate([C, left[:, lengths > eps(self.basis) ** 0.5]], axis=1)
        self.projected = _hermitian(C.conj().T @ self.projected @ C)
        C = from_host(C, self.basis)
        self.basis, self.images = self.basis @ C, self.images @ C


def _fit(M: numpy.ndarray) -> tuple[numpy.ndarray, float]:
    """Return a positive d for which M D^{-1} is nearest to Hermitian, and how far that is.

    The squares of all differences are a quadratic form in 1/d: its lowest eigenvector.
    """
    form = numpy.diag((abs(M) ** 2).sum(axis=0)) - (M * M.T).real
    if not numpy.all(numpy.isfinite(form)):
        return numpy.ones(len(M)), numpy.inf
    w = numpy.linalg.eigh(form)[1][:, 0]
    w = w * numpy.sign(w.sum())
    if not w.min() > 1e-6 * w.max():
        return numpy.ones(len(M)), numpy.inf
    w = w / numpy.mean(w)
    return 1 / w, _relative(M * w - (M * w).conj().T, M * w)


def _complement(V, Y, *, scaled):
    """Return an orthonormal basis of what the columns of Y have beside the span of V.

    Twice is enough, as the second time the columns are well-conditioned. Columns that are not
    `scaled` lose directions in which all of them are short.
    """
    e = eps(Y)
    for _ in range(2):
        lengths2 = array_namespace(Y).sum(abs(Y) ** 2, axis=-2)
        Y = Y - V @ (adjoint(V) @ Y)
        S, lengths2 = _to_host(adjoint(Y) @ Y, lengths2)
        rest = numpy.diag(S).real
        kept = rest > e**1.4 * lengths2
        scale = numpy.where(kept, rest, 1.0) ** -0.5 * kept if scaled else 1.0 * kept
        values, vectors = numpy.linalg.eigh(scale[:, None] * S * scale)
        kept = values > (e**0.625 * max(values.max(initial=0.0), e) if scaled else e**0.75)
        C = scale[:, None] * vectors[:, kept] / values[kept] ** 0.5
        Y, scaled = Y @ from_host(C, Y), True
    return Y


def _row(diagonal, like):
    return from_host(diagonal, like, real_dtype(like))


def _hermitian(M):
    return 0.5 * (M + M.conj().T)


def _polish(B):
    for _ in range(2):
        B = B @ (1.5 * numpy.eye(B.shape[1]) - 0.5 * (B.conj().T @ B))
    return B


def _relative(difference, whole):
    return float(numpy.linalg.norm(difference) / max(numpy.linalg.norm(whole), 1e-300))


def _to_host(*arrays):
    """Return arrays as NumPy ones in double precision, by one transfer."""
    like = [numpy.empty(a.shape, complex if is_complex(a) else float) for a in arrays]
    return unflatten(to_host(flatten(list(arrays))).astype(float), like)
