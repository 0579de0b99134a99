"""Manifolds that are small enough to be right by sight, one of them with trees as points.

They inherit nothing: the checks take any object with the methods that they call.
"""

import dataclasses

from stiefelkit._tree import tree_map
from stiefelkit._xp import array_namespace, conj, real, standard_normal
from stiefelkit.manifolds import Stiefel


def dot(x, y):
    return array_namespace(x).sum(real(conj(x) * y))


def length(x):
    return array_namespace(x).sqrt(dot(x, x))


@dataclasses.dataclass(frozen=True)
class Sphere:
    """Arrays of Frobenius norm 1, with all that the checks know of."""

    def project(self, point, vector):
        return vector - point * float(dot(point, vector))

    def inner(self, point, first, second):
        return dot(first, second)

    def norm(self, point, tangent):
        return length(tangent)

    def riemannian_gradient(self, point, euclidean_gradient):
        return self.project(point, euclidean_gradient)

    def riemannian_hessian(self, point, euclidean_gradient, euclidean_hessian, tangent):
        turned = self.project(point, euclidean_hessian)
        return turned - tangent * float(dot(point, euclidean_gradient))

    def retract(self, point, tangent):
        return (point + tangent) / float(length(point + tangent))

    def differential(self, point, step, tangent):
        end = self.retract(point, step)
        return self.project(end, tangent) / float(length(point + step))

    def exp(self, point, tangent):
        xp, angle = array_namespace(point), length(tangent)
        sinc = float(xp.sin(angle)) / (float(angle) or 1.0)
        return point * float(xp.cos(angle)) + tangent * sinc

    def log(self, point, target):
        xp, direction = array_namespace(point), self.project(point, target - point)
        angle = xp.atan2(length(direction), dot(point, target))
        return direction * (float(angle) / (float(length(direction)) or 1.0))

    def dist(self, point, target):
        return 2 * array_namespace(point).asin(length(target - point) / 2)

    def transport(self, point, tangent, target):
        return self.project(target, tangent)

    def repair(self, point):
        return point * (1.5 - 0.5 * float(dot(point, point)))

    def random_point(self, *shape, rng=None, like, batch=()):
        x = standard_normal((*batch, *shape), rng, like)
        return x / float(length(x))

    def random_tangent(self, point, *, rng=None):
        return self.project(point, standard_normal(tuple(point.shape), rng, point))

    def check_point(self, point):
        if not abs(float(length(point)) - 1) < 1e-4:
            raise ValueError(f"A point of `Sphere` has norm 1. Got {float(length(point))}.")


class Pair:
    """A sphere and a Stiefel manifold; points are dicts of two arrays."""

    factors = {"x": Sphere(), "Q": Stiefel()}  # noqa: RUF012

    def _each(self, method, *trees):
        return tree_map(lambda m, *leaves: getattr(m, method)(*leaves), self.factors, *trees)

    def project(self, point, vector):
        return self._each("project", point, vector)

    def inner(self, point, first, second):
        return sum(float(x) for x in self._each("inner", point, first, second).values())

    def riemannian_gradient(self, point, euclidean_gradient):
        return self._each("riemannian_gradient", point, euclidean_gradient)

    def retract(self, point, tangent):
        return self._each("retract", point, tangent)

    def transport(self, point, tangent, target):
        return self._each("transport", point, tangent, target)

    def repair(self, point):
        return self._each("repair", point)

    def random_point(self, *shape, rng=None, like, batch=()):
        return {k: m.random_point(*shape, rng=rng, like=like) for k, m in self.factors.items()}

    def random_tangent(self, point, *, rng=None):
        return {k: m.random_tangent(point[k], rng=rng) for k, m in self.factors.items()}

    def check_point(self, point):
        self._each("check_point", point)


def failures(report):
    return {check.name for check in report.failures}
