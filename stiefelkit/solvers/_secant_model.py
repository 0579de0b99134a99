"""The model of a Hessian that acts alike on all columns, learned from differences of gradients."""

from typing import NamedTuple

import numpy

from .._typing import Array
from .._xp import adjoint, array_namespace, eps, from_host, is_complex, real_dtype
from ._objective import Point
from ._reduced_problem import ReducedProblem
from ._secant_basis import SecantBasis, blocks_to_host
from ._secant_fit import fit, relative, value_error
from ._subspace import combine, complement, nonzero_columns
from ._vectors import flatten, unflatten

# What differences may lack of symmetry for the model to be tried.
_ASYMMETRY = 1e-2
# The model minimizes in its subspace up to this part of the gradient.
_ACCURACY = 0.3


class View(NamedTuple):
    """What is known at a point: `directions` N beside the basis V, and, on the host, the rest.

    That is the `coupling` N^* A V, and the point and its gradient in the coordinates of [V, N].
    """

    directions: Array
    coupling: numpy.ndarray
    point: numpy.ndarray
    gradient: numpy.ndarray


class Trial(NamedTuple):
    """A point to evaluate, and its coordinates in the basis and the directions of the view."""

    x: Array
    after: numpy.ndarray


class SecantModel:
    r"""A model of the gradient: each column of a step acts alike, up to a factor.

    .. math:: G(X + S) = G(X) + A S D, \qquad D = \operatorname{diag}(d) > 0

    On the span of an orthonormal basis V, A is known by its images U = AV; on the rest it is a
    multiple of the identity, but for the coupling with V, known by symmetry. Each of the p
    columns of a step is a secant ([Schnabel:1983]_), so a few steps span a block Krylov space.
    Where a `homogeneous` model holds, G(X) = AXD, X is a secant itself, that from 0.

    All that the host has to know of an evaluated point comes with its value: what its gradient has
    beside the basis and the directions is made orthonormal before, the rest.
    """

    view: View
    _rest: Array

    def __init__(self, basis: SecantBasis, diagonal: numpy.ndarray, size: int, homogeneous: bool):
        self.known, self.diagonal = basis, diagonal
        self.size, self.homogeneous = size, homogeneous
        self.guess = numpy.trace(basis.projected).real / len(basis.projected)

    @classmethod
    def of_quadratic_form(cls, point: Point, size: int) -> "SecantModel | None":
        """Return the model of G(X) = A X D, the secant from 0, if one point does not refute it."""
        x, G = point.x, point.euclidean_gradient
        diagonal, asymmetry = fit(*blocks_to_host(adjoint(x) @ G))
        if not asymmetry <= eps(x) ** 0.6:
            return None
        return cls(SecantBasis(x, G / _row(diagonal, x)), diagonal, size, True)

    @classmethod
    def of_pair(cls, old: Point, new: Point, size: int) -> "SecantModel | None":
        """Return the model of the secant between two points, if it does not refute it."""
        xp, x = array_namespace(new.x), new.x
        S, Y = x - old.x, new.euclidean_gradient - old.euclidean_gradient
        diagonal, asymmetry = fit(*blocks_to_host(adjoint(S) @ Y))
        if not asymmetry <= _ASYMMETRY:
            return None
        left, lengths, right = xp.linalg.svd(S, full_matrices=False)
        (host_lengths,) = blocks_to_host(lengths)
        k = int(numpy.sum(host_lengths > eps(x) ** 0.45 * host_lengths[0]))
        images = (Y / _row(diagonal, x)) @ adjoint(right)[:, :k] / lengths[:k]
        return cls(SecantBasis(left[:, :k], images), diagonal, size, False)

    def look(self, point: Point) -> None:
        """Find the directions of X and of the gradient at a first point."""
        x, G, V = point.x, point.euclidean_gradient, self.known.vectors
        bases = [V, x[:, :0]]
        if not self.homogeneous:
            bases.append(self._beside(bases, x, scaled=False))
        bases.append(self._beside(bases, G, scaled=True))
        R = array_namespace(x).concat(bases[2:], axis=1)
        products = (adjoint(B) @ Y for Y in (x, G) for B in (V, R))
        xv, xr, gv, gr, images = blocks_to_host(*products, adjoint(R) @ self.known.images)
        inner = numpy.concatenate([self.known.projected, images])
        seen = numpy.concatenate([xv, xr]), numpy.concatenate([gv, gr])
        self._look_on((V, bases[1], R), numpy.eye(len(inner), V.shape[1]), inner, *seen)

    def _beside(self, bases, Y, *, scaled):
        n, q = self.known.vectors.shape
        return Y[:, :0] if n == q else complement(bases, Y, eps(Y), scaled=scaled)

    def trial(self, point: Point) -> Trial:
        """Return the minimizer of the model in the basis and in the directions of the gradient."""
        N, coupling, before, gradient = self.view
        T = numpy.block(
            [
                [self.known.projected, coupling.conj().T],
                [coupling, self.guess * numpy.eye(len(coupling))],
            ]
        )
        linear = None if self.homogeneous else gradient - (T @ before) * self.diagonal
        problem = ReducedProblem(T, linear, self.diagonal, _polish(before))
        after = problem.minimizer(_ACCURACY * point.grad_norm)
        # A homogeneous model must know the image of the whole point, so what was dropped goes.
        step = after if self.homogeneous else after - before
        moved = combine((self.known.vectors, N), step)
        return Trial(moved if self.homogeneous else point.x + moved, after)

    def numbers(self, G: Array, g: Array) -> Array:
        """Return what `learn` needs of the Euclidean gradient G, as real numbers."""
        V, N = self.known.vectors, self.view.directions
        self._rest = R = self._beside([V, N], G, scaled=True)
        products = [adjoint(B) @ G for B in (V, N, R)]
        return flatten([*products, adjoint(R) @ self.known.images])

    def learn(
        self, trial: Trial, old: Point, new: Point, numbers: numpy.ndarray, better: bool
    ) -> float:
        """Take in the secant to an evaluated trial, and look on from it if it is `better`.

        Return by how much the secant, or the change of the value, contradicts.
        """
        known, view, length = self.known, self.view, len(trial.after)
        bases, q = (known.vectors, view.directions, self._rest), len(known.projected)
        gradient, images_of_rest = self._unpack(numbers)
        point = numpy.zeros_like(gradient)
        point[:length] = trial.after
        step, change, difference = self._secant(trial.after, gradient, old, new)
        if not numpy.all(numpy.isfinite(change)):
            return numpy.inf
        foreseen = known.projected @ step[:q] + view.coupling.conj().T @ step[q:]
        contradiction = max(
            relative(foreseen - change[:q], change[:q]),
            value_error(old, new, trial.after - view.point, view.gradient + gradient[:length]),
        )
        # The products of all bases with the images.
        inner = numpy.concatenate([known.projected, view.coupling, images_of_rest])
        points = numpy.concatenate([view.point, trial.after], axis=1)
        basis, inner = self._append(step, change, difference, inner, points)
        if not better:
            point[:length], gradient[:length] = view.point, view.gradient
            gradient[length:] = 0
        self._look_on(bases, basis, inner, point, gradient)
        return contradiction

    def _secant(self, after, gradient, old, new):
        """Return a step and the change A S in coordinates, and that of the gradient itself."""
        if self.homogeneous:
            return after, gradient / self.diagonal, new.euclidean_gradient
        change = gradient.copy()
        change[: len(after)] -= self.view.gradient
        difference = new.euclidean_gradient - old.euclidean_gradient
        return after - self.view.point, change / self.diagonal, difference

    def _unpack(self, numbers):
        """Return the gradient in the coordinates of all bases, and the rest's with the images."""
        q, p = len(self.known.projected), len(self.diagonal)
        kind = complex if is_complex(self._rest) else float
        r, m = len(self.view.coupling), self._rest.shape[1]
        shapes = (q, p), (r, p), (m, p), (m, q)
        *gradient, images = unflatten(numbers, [numpy.empty(shape, kind) for shape in shapes])
        return numpy.concatenate(gradient), images

    def _append(self, step, change, difference, inner, points):
        """Add the directions in which the step is long enough to tell the image.

        Return the coordinates of the new basis, and the products of all bases with its images.
        """
        known, N, q, length = self.known, self.view.directions, len(self.known.projected), len(step)
        left, inverse = _long_enough(step[q:], eps(difference))
        inner = numpy.concatenate([inner, (change - inner @ step[:q]) @ inverse], axis=1)
        # By symmetry, more exact than by the quotient.
        inner[:q, q:] = inner[q:length, :q].conj().T @ left
        basis = numpy.zeros((len(inner), q + left.shape[1]), inner.dtype)
        basis[:q, :q], basis[q:length, q:] = numpy.eye(q), left
        if left.size:
            image = left.conj().T @ inner[q:length, q:]
            self.guess = numpy.trace(image).real / len(image)
            rest = difference / _row(self.diagonal, difference)
            rest = rest - known.images @ from_host(step[:q], rest)
            added = N @ from_host(left, rest), rest @ from_host(inverse, rest)
            known.extend(*added, left.conj().T @ inner[q:length, :q], image)
        (n, width), p = known.vectors.shape, len(self.diagonal)
        if width == n or width + p <= self.size * p:
            return basis, inner
        C = known.restart(basis[:length].conj().T @ points, self.size * p // 2)
        return basis @ C, inner @ C

    def _look_on(self, bases, basis, inner, point, gradient):
        """Find the directions at a point, all given in the coordinates of some bases."""
        e, beside = eps(self.known.vectors), [basis]
        if basis.shape[0] > basis.shape[1] and not self.homogeneous:
            beside.append(nonzero_columns(complement(beside, point, e, scaled=False)))
        if basis.shape[0] > basis.shape[1]:
            beside.append(nonzero_columns(complement(beside, gradient, e, scaled=True)))
        N = numpy.concatenate([basis[:, :0], *beside[1:]], axis=1)
        whole = numpy.concatenate([basis, N], axis=1).conj().T
        self.view = View(combine(bases, N), N.conj().T @ inner, whole @ point, whole @ gradient)


def _long_enough(step, e):
    """Return the directions along which a step is long, and what takes it to these.

    Along shorter ones the difference of gradients is of rounding errors.
    """
    if not len(step):
        return numpy.zeros((0, 0)), numpy.zeros((step.shape[1], 0))
    left, lengths, right = numpy.linalg.svd(step, full_matrices=False)
    kept = lengths > max(1e4 * e, e**0.4 * lengths[0])
    return left[:, kept], right[kept].conj().T / lengths[kept]


def _row(diagonal, like):
    return from_host(diagonal, like, real_dtype(like))


def _polish(B):
    for _ in range(2):
        B = B @ (1.5 * numpy.eye(B.shape[1]) - 0.5 * (B.conj().T @ B))
    return B
