"""The function that is minimized: evaluated, checked and counted."""

import itertools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

from .._tree import tree_items, tree_leaves, tree_map
from .._typing import Array, Tree
from .._xp import (
    array_namespace,
    device,
    eps,
    field,
    is_complex,
    namespace_key,
    real,
    real_dtype,
    to_host,
)
from ..manifolds import AbstractManifold
from ._result import MinimizeError, Status
from ._vectors import add, own, scale

_REPAIR_EVERY = 10


class Point(NamedTuple):
    """A point with its value and its gradients; the numbers are on the host."""

    x: Tree
    fun: float
    euclidean_gradient: Tree
    gradient: Tree  # the Riemannian one
    grad_norm: float

    @property
    def finite(self) -> bool:
        return numpy.isfinite(self.fun) and numpy.isfinite(self.grad_norm)


class Objective:
    """A function on a manifold, with its gradient and its Hessian-vector product.

    `evaluate` brings the numbers that steer a solver to the host in one transfer.
    """

    def __init__(
        self,
        value_and_gradient: Callable[[Tree], tuple[Any, Tree]],
        hessp: Callable[[Tree, Tree], Tree] | None,
        manifold: AbstractManifold,
        x0: Tree,
    ):
        self.manifold, self.hessp = manifold, hessp
        self.nfev = self.nhev = self._moves = 0
        self._value_and_gradient = value_and_gradient
        self._expected, self._order = _descriptions(x0), tree_map(type, x0)

    def evaluate(
        self, x: Tree, extra: Callable[[Tree, Tree], Array] | None = None
    ) -> tuple[Point, Any]:
        """Evaluate at `x`; the vector ``extra(G, g)`` of its gradients comes to the host along."""
        value, G = self._call(x)
        value = _number(value, tree_leaves(x)[0])
        g = self.manifold.riemannian_gradient(x, G)
        squared = total(self.manifold.inner(x, g, g))
        fun, squared, *rest = to_host_numbers(
            value, squared, None if extra is None else extra(G, g)
        )
        # The maximum with 0 would turn NaN into 0.
        return Point(x, fun, G, g, 0.0 if squared < 0 else squared**0.5), numpy.asarray(rest)

    def move(self, x: Tree, tangent: Tree) -> Tree:
        """Retract; now and then remove the rounding errors that many steps leave."""
        self._moves += 1
        y = self.manifold.retract(x, tangent)
        return self.manifold.repair(y) if self._moves % _REPAIR_EVERY == 0 else y

    def hessian(self, point: Point, tangent: Tree, length: float | None = None) -> Tree:
        """Return the Riemannian Hessian applied to a tangent vector.

        Without `hessp` by a difference of gradients, which costs an evaluation, and a transfer
        unless the tangent vector's `length` is known.
        """
        manifold, x = self.manifold, point.x
        if self.hessp is None:
            return self._difference(point, tangent, length)
        self.nhev += 1
        H = self._checked(self.hessp(x, tangent), "`hessp`'s result")
        return manifold.riemannian_hessian(x, point.euclidean_gradient, H, tangent)

    def _difference(self, point, tangent, length):
        manifold, x = self.manifold, point.x
        if length is None:
            length = to_host_numbers(total(manifold.inner(x, tangent, tangent)))[0] ** 0.5
        if length == 0:
            return tangent
        # Balances the error of the difference, h, with that of rounding, eps/h.
        h = rounding(x) ** 0.5 / length
        near = manifold.retract(x, scale(h, tangent))
        _, G = self._call(near)
        g = manifold.transport(near, manifold.riemannian_gradient(near, G), x)
        return scale(1 / h, add(g, -1.0, point.gradient))

    def _call(self, x):
        try:
            value, G = self._value_and_gradient(x)
        except StopIteration as error:  # which would end the generator of iterates
            raise RuntimeError("`fun` raised StopIteration; `callback` may, to stop.") from error
        self.nfev += 1
        return value, self._checked(G, "the gradient")

    def _checked(self, tree, what):
        """Return a copy, since the next call may reuse what this one returned."""
        found = _descriptions(tree)
        if found != self._expected:
            pairs = itertools.zip_longest(self._expected, found)
            wanted, came = next(pair for pair in pairs if pair[0] != pair[1])
            raise MinimizeError(
                f"Arrays keep their structure, library, shape and dtype: {what} is like `x0`, "
                f"which has {wanted}. Got {came}.",
                Status.CHANGED_ARRAY,
            )
        return own(tree, self._order)


def _descriptions(tree: Tree) -> list[tuple[Any, ...]]:
    """Return what is to stay the same of each leaf; the order of a dict is not."""
    items = sorted(tree_items(tree), key=operator.itemgetter(0))
    return [(path, *_description(leaf)) for path, leaf in items]


def _description(leaf):
    if not hasattr(leaf, "dtype"):
        return (type(leaf).__name__,)
    return namespace_key(array_namespace(leaf)), tuple(leaf.shape), leaf.dtype


def _number(value, like):
    """Return a value as a real number, or as an array beside `like`."""
    shape, dtype = getattr(value, "shape", ()), getattr(value, "dtype", None)
    if tuple(shape) != ():
        raise MinimizeError(
            f"`fun` returns a number. Got an array of shape {tuple(shape)}; sum it.",
            Status.CHANGED_ARRAY,
        )
    if isinstance(value, complex) or (dtype is not None and is_complex(value)):
        raise MinimizeError(
            f"`fun` returns a real number. Got {dtype or 'complex'}; return its real part.",
            Status.CHANGED_ARRAY,
        )
    xp = array_namespace(like)
    if dtype is not None and array_namespace(value) is xp and device(value) == device(like):
        return value if field(xp, dtype) else xp.astype(value, real_dtype(like))
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise MinimizeError(
            f"`fun` returns a real number. Got {type(value).__name__}.", Status.CHANGED_ARRAY
        ) from error


def total(inner: Array) -> Array:
    """Return the sum of the inner products of a batch."""
    return inner if inner.ndim == 0 else array_namespace(inner).sum(inner)


def rounding(x: Tree) -> float:
    """Return the largest machine epsilon of the leaves."""
    return max(eps(leaf) for leaf in tree_leaves(x))


def to_host_numbers(*parts: Any) -> list[float]:
    """Return numbers, 0-d and 1-d arrays as one list of floats, by one transfer from the device."""
    arrays = [x for x in parts if hasattr(x, "dtype")]
    if arrays and not isinstance(arrays[0], numpy.ndarray | numpy.generic):
        # A value may have more digits than the arrays, or fewer.
        xp, dtype = array_namespace(arrays[0]), real_dtype(min(arrays, key=eps))
        flat = [xp.reshape(xp.astype(real(x), dtype), (-1,)) for x in arrays]
        ends = list(itertools.accumulate(f.shape[0] for f in flat))
        pieces = iter(numpy.split(to_host(xp.concat(flat)), ends))
    else:
        pieces = iter(arrays)
    host = [next(pieces) if hasattr(x, "dtype") else x for x in parts if x is not None]
    return numpy.concatenate([numpy.ravel(x) for x in host]).real.tolist()
