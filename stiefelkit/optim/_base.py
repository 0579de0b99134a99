"""Optimizers: pairs of `init` and `update` over trees of parameters on manifolds."""

import abc
import numbers
from collections.abc import Callable
from typing import NamedTuple

from .._tree import tree_map
from .._typing import RNG, Array, Tree
from .._xp import array_namespace
from ..linalg import OuterProduct
from ..manifolds import AbstractManifold, Euclidean

Schedule = Callable[[int], float]
MOMENTUM = "momentum"  # the slot that is a tangent vector and moves with the point
# Updates. Rounding grows like the root of their number: at n = 200 it passes 20 sqrt(p) eps
# after some twenty. A repair is two products, a third of an update.
_REPAIR_EVERY = 10


class State(NamedTuple):
    """What an optimizer remembers: `slots` and `step` are data, `manifolds` is not.

    Where updates are traced, to be compiled once for all steps, `step` is an array of no axes.
    """

    step: int
    slots: Tree
    manifolds: Tree


def rate(learning_rate: float | Schedule, step: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    value = learning_rate(step) if callable(learning_rate) else learning_rate
    return float(value) if isinstance(step, numbers.Integral) else value


def repaired(
    manifold: AbstractManifold, point: Array, step: int, every: int = _REPAIR_EVERY
) -> Array:
    """Return the point that an update led to, with its rounding errors removed now and then."""
    due = (step + 1) % every == 0
    if isinstance(step, numbers.Integral):
        return manifold.repair(point) if due else point
    # What is traced has no value to choose by.
    return array_namespace(point).where(due, manifold.repair(point), point)


def dense(gradient: Array | OuterProduct) -> Array:
    return gradient.dense() if isinstance(gradient, OuterProduct) else gradient


class AbstractOptimizer(abc.ABC):
    """A rule that turns gradients into new parameters.

    ``state = optimizer.init(params, manifolds)`` and then, each step,
    ``params, state = optimizer.update(grads, state, params)``. `manifolds` is a tree like
    `params` with a manifold, or None for a leaf to be left alone, in place of each array;
    None instead of the whole tree means that all leaves are Euclidean. The arrays given to
    `init` are never changed; those that `update` returned may be, by the next `update`.
    """

    @property
    def reads_factors(self) -> bool:
        """Say whether it reads less than all of a gradient that comes as an `OuterProduct`."""
        return False

    @abc.abstractmethod
    def init(self, params: Tree, manifolds: Tree = None, *, rng: RNG = None) -> State:
        """Return the state before the first update."""

    @abc.abstractmethod
    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        """Return new parameters and the new state; gradients are Euclidean ones."""


class SeparableOptimizer(AbstractOptimizer):
    """An optimizer that treats each leaf by itself: a subclass says how one moves."""

    learning_rate: float | Schedule

    @abc.abstractmethod
    def _slots(self, x: Array, manifold: AbstractManifold) -> dict[str, Array]:
        """Return the memory of a leaf, zeros."""

    @abc.abstractmethod
    def _move(
        self, g: Array, slots: dict[str, Array], x: Array, manifold: AbstractManifold, step: int
    ) -> tuple[Array, dict[str, Array]]:
        """Return the next point and the new memory, from the Euclidean gradient."""

    def init(self, params: Tree, manifolds: Tree = None, *, rng: RNG = None) -> State:
        manifolds = fill_manifolds(params, manifolds)
        slots = tree_map(lambda x, m: {} if m is None else self._slots(x, m), params, manifolds)
        return State(0, slots, manifolds)

    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        def leaf(x, manifold, g, slots):
            if manifold is None or g is None:
                return _Updated(x, slots)
            return _Updated(*self._move(dense(g), slots, x, manifold, state.step))

        updated = tree_map(leaf, params, state.manifolds, grads, state.slots)
        new_slots = tree_map(lambda u: u.slots, updated)
        return tree_map(lambda u: u.point, updated), state._replace(
            step=state.step + 1, slots=new_slots
        )


class LeafwiseOptimizer(SeparableOptimizer):
    """An optimizer that moves each leaf by a tangent step and the retraction.

    A subclass gives the slots of a leaf and the rule: from the Riemannian gradient and the
    slots to a tangent step and new slots. The rule uses the manifold's own operations only.
    """

    @abc.abstractmethod
    def _rule(
        self, g: Array, slots: dict[str, Array], x: Array, manifold: AbstractManifold, step: int
    ) -> tuple[Array, dict[str, Array]]:
        """Return the tangent step and the new memory."""

    def _move(self, g, slots, x, manifold, step):
        r = manifold.riemannian_gradient(x, g)
        tangent, slots = self._rule(r, slots, x, manifold, step)
        y = manifold.retract(x, tangent)
        if MOMENTUM in slots:
            slots = {**slots, MOMENTUM: manifold.transport(x, slots[MOMENTUM], y)}
        return repaired(manifold, y, step), slots


class _Updated(NamedTuple):
    point: Array
    slots: dict[str, Array]


def fill_manifolds(params: Tree, manifolds: Tree) -> Tree:
    """Return a manifold for every leaf, `Euclidean` where none was named at all."""
    if manifolds is None:
        return tree_map(lambda _: Euclidean(), params)
    return tree_map(lambda _, m: m, params, manifolds)
