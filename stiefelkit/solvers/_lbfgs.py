"""Limited-memory BFGS with the memory in ambient coordinates."""

import dataclasses
from collections.abc import Generator

import numpy

from .._typing import Array, Tree
from .._xp import array_namespace, at, from_host, zeros_like
from ..manifolds import AbstractManifold
from ._arguments import check_positive
from ._base import AbstractSolver, Iterate
from ._line_search import search
from ._objective import Objective, Point, to_host_numbers
from ._result import Status
from ._vectors import flatten, unflatten

# Relative to the lengths: the least curvature of a pair that is kept, the least descent.
_CURVATURE = 1e-10
_ANGLE = 1e-12


@dataclasses.dataclass(frozen=True)
class LBFGS(AbstractSolver):
    r"""Limited-memory BFGS.

    The memory holds differences of points and of gradients as they are, in the coordinates of
    the surrounding space: nothing is transported, and only the direction is projected to the
    tangent space. An iteration costs one evaluation, one projection, one retraction and two
    passes over the memory, one of them for inner products, which reach the host with the value.

    Parameters
    ----------
    memory : int
        Pairs of differences that are kept.
    maxiter, maxfun : int
        Limits.

    Notes
    -----
    [LiuNocedal:1989]_; the recursion on inner products is that of [ChenWangZhou:2014]_.
    """

    memory: int = 8

    def __post_init__(self):
        check_positive(self, "memory")

    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        manifold, point = objective.manifold, start
        memory = _Memory(self.memory, manifold, start)
        while True:
            vector, slope, length = memory.direction()
            direction = unflatten(vector, point.x)
            if not manifold.retract_projects:
                direction = manifold.project(point.x, direction)
            step = search(objective, point, direction, slope, length, extra=memory.products)
            if step.failure is not None:
                if not memory.slots:
                    return step.failure
                memory = _Memory(self.memory, manifold, point)  # once more along the gradient
                continue
            memory.push(step.extra)
            point = step.point
            yield Iterate(point, {"step": step.length})


class _Memory:
    """Differences s of points and y of gradients, as rows, with their inner products on the host.

    Gradients are those of the surrounding space's inner product, whatever the metric.
    """

    def __init__(self, size: int, manifold: AbstractManifold, point: Point):
        self.manifold, self.size = manifold, size
        self.slots: list[int] = []  # the oldest first
        self.x = flatten(point.x)
        self.gradient = self._gradient(point.x, point.euclidean_gradient, point.gradient)
        self.rows = zeros_like(self.gradient, (2 * size, self.gradient.shape[0]))
        # Of the rows and, last, the gradient with each other, but not of s with another s, nor with
        # an older y: the recursion does without.
        self.gram = numpy.zeros((2 * size + 1, 2 * size + 1))
        xp = array_namespace(self.gradient)
        self.gram[-1, -1] = to_host_numbers(xp.vecdot(self.gradient, self.gradient))[0]

    def products(self, x: Tree, G: Tree, g: Tree) -> Array:
        """Return what `push` needs: inner products with the differences to a trial point."""
        flat, gradient = flatten(x), self._gradient(x, G, g)
        s, y = flat - self.x, gradient - self.gradient
        self.trial = flat, s, y, gradient
        xp = array_namespace(flat)
        pairs = ((s, s), (s, y), (s, gradient), (y, y), (y, gradient), (gradient, gradient))
        own = xp.stack([xp.vecdot(a, b) for a, b in pairs])
        return xp.concat([self.rows @ gradient, own])

    def _gradient(self, x, G, g):
        return flatten(g if self.manifold.inherits_metric else self.manifold.project(x, G))

    def push(self, numbers: numpy.ndarray) -> None:
        """Make the last trial point the current one."""
        m, gram = self.size, self.gram
        with_g, (ss, sy, sg, yy, yg, gg) = numpy.split(numbers, [2 * m])
        with_y = with_g - gram[:-1, -1]
        self.x, s, y, self.gradient = self.trial
        gram[:-1, -1] = gram[-1, :-1] = with_g
        gram[-1, -1] = gg
        if sy <= _CURVATURE * (ss * yy) ** 0.5:
            return  # no positive curvature to learn from
        slot = len(self.slots) if len(self.slots) < m else self.slots.pop(0)
        self.slots.append(slot)
        for place, row in ((slot, s), (m + slot, y)):
            self.rows = at(self.rows)[place, ...].set(row)
        gram[:-1, m + slot] = gram[m + slot, :-1] = with_y
        new = [slot, m + slot, 2 * m]
        gram[numpy.ix_(new, new)] = [[ss, sy, sg], [sy, yy, yg], [sg, yg, gg]]

    def direction(self) -> tuple[Array, float, float]:
        """Return the direction, its slope and the first length to try."""
        weights = self._weights()
        slope = float(self.gram[-1] @ weights)
        lengths = self.gram.diagonal() ** 0.5  # whose sum bounds that of the direction
        if self.slots and not slope < -_ANGLE * lengths[-1] * float(abs(weights) @ lengths):
            self.slots = []
            weights, slope = self._weights(), -float(self.gram[-1, -1])
        like = self.gradient
        vector = from_host(weights[:-1], like) @ self.rows + float(weights[-1]) * like
        return vector, slope, 1.0 if self.slots else float(self.gram[-1, -1]) ** -0.5

    def _weights(self):
        """Return the coefficients of the direction: the two loops, on inner products alone."""
        gram, weights, m = self.gram, numpy.zeros(2 * self.size + 1), self.size
        weights[-1] = -1.0
        alphas = {}
        for s in reversed(self.slots):
            alphas[s] = gram[s] @ weights / gram[s, m + s]
            weights[m + s] -= alphas[s]
        if self.slots:
            s = self.slots[-1]
            weights *= gram[s, m + s] / gram[m + s, m + s]
        for s in self.slots:
            weights[s] += alphas[s] - gram[m + s] @ weights / gram[s, m + s]
        return weights
