"""Descent along subgroups of the orthogonal matrices that turn some rows of a frame."""

import abc
import dataclasses
import itertools
from collections.abc import Generator
from typing import Any

import numpy

from .._typing import RNG, Array
from .._xp import array_namespace, generator, index_from_host
from ..manifolds import AbstractManifold, Orthogonal, Stiefel
from ._base import AbstractSolver, Iterate
from ._line_search import search_curve
from ._objective import Objective, Point, to_host_numbers
from ._result import Status

_REPAIR_EVERY = 10


class AbstractSubgroup(abc.ABC):
    """A group of orthogonal matrices Q, acting as Q X."""

    @abc.abstractmethod
    def gradient(self, X: Array, G: Array) -> Any:
        """Return the part of skew(G X^T) in the Lie algebra of the group."""

    @abc.abstractmethod
    def inner(self, A: Any, B: Any) -> Array:
        """Return Re tr(A^T B), summed over the batch."""

    @abc.abstractmethod
    def turn(self, X: Array, A: Any, t: float) -> Array:
        """Return Q(-t A) X, with a curve of the group whose derivative at 0 is -A."""


@dataclasses.dataclass(frozen=True)
class SubgroupDescent(AbstractSolver):
    """Gradient descent in a subgroup that changes with each iteration."""

    step: float | None = dataclasses.field(default=None, kw_only=True)
    rng: RNG = dataclasses.field(default=None, kw_only=True)

    @abc.abstractmethod
    def _subgroup(
        self, point: Point, k: int, rng: numpy.random.Generator
    ) -> tuple[AbstractSubgroup, dict[str, Any]]:
        """Return the group of iteration k, and what the history shows of it."""

    @abc.abstractmethod
    def _cycle(self, x: Array) -> int:
        """Return how many iterations without success mean that there is no descent."""

    def patience(self, x: Array) -> int:
        return max(super().patience(x), 2 * self._cycle(x))

    def iterates(self, objective: Objective, start: Point) -> Generator[Iterate, None, Status]:
        refuse_other_than_frames(objective.manifold, start.x, type(self).__name__)
        rng, point, idle = generator(self.rng), start, 0
        length = 1 / start.grad_norm if self.step is None else self.step
        for k in itertools.count():
            group, record = self._subgroup(point, k, rng)
            A = group.gradient(point.x, point.euclidean_gradient)
            squared = to_host_numbers(group.inner(A, A))[0]
            found, failure = 0.0, None
            if self.step is not None:
                x = self._repaired(objective, group.turn(point.x, A, length), k)
                point, _ = objective.evaluate(x)
                found = length
            elif squared > 0:
                trial = 2 * length if k else length
                point, found, failure = self._search(objective, point, group, A, squared, trial, k)
                length = found or length
            idle = 0 if found else idle + 1
            if failure in (Status.WRONG_GRADIENT, Status.NOT_FINITE):
                return failure
            yield Iterate(point, {"step": found, **record})
            if idle >= self._cycle(point.x):
                return Status.NO_DECREASE
        raise AssertionError("counting ends")

    def _search(self, objective, point, group, A, squared, length, k):
        def curve(t):
            return self._repaired(objective, group.turn(point.x, A, t), k)

        def slope_at(trial):
            # The group's curves run in the direction A at each of their points.
            gradient = group.gradient(trial.x, trial.euclidean_gradient)
            return -to_host_numbers(group.inner(A, gradient))[0]

        step = search_curve(objective.evaluate, point, curve, -squared, length, slope_at)
        return step.point, step.length, step.failure

    def _repaired(self, objective, x, k):
        return objective.manifold.repair(x) if (k + 1) % _REPAIR_EVERY == 0 else x


def refuse_other_than_frames(manifold: AbstractManifold, x: Any, name: str) -> None:
    """Raise unless points are frames."""
    if not isinstance(manifold, Stiefel | Orthogonal):
        raise TypeError(
            f"`{name}` turns rows of frames, points of `Stiefel`, `Orthogonal` or "
            f'`SpecialOrthogonal`. Got `{type(manifold).__name__}`. Use method="lbfgs".'
        )


def take_rows(X: Array, rows: numpy.ndarray) -> Array:
    """Return some rows, whose indices are on the host."""
    return array_namespace(X).take(X, index_from_host(rows, X), axis=-2)


def replace_rows(X: Array, rows: numpy.ndarray, values: Array) -> Array:
    """Return a copy with other values in some rows."""
    n = X.shape[-2]
    source = numpy.arange(n)
    source[rows] = n + numpy.arange(len(rows))
    return take_rows(array_namespace(X).concat([X, values], axis=-2), source)
