"""Bounds on the gradient before an optimizer sees it."""

import dataclasses

from .._tree import tree_leaves, tree_map
from .._typing import RNG, Array, Tree
from .._xp import array_namespace, conj, is_complex, real
from ._base import AbstractOptimizer, State, dense


@dataclasses.dataclass(frozen=True)
class ClipNorm(AbstractOptimizer):
    """Scale all gradients down together where their joint norm exceeds `max_norm`.

    The norm stays on the device: nothing waits for it.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import SGD, ClipNorm
    >>> rule, params = ClipNorm(SGD(1.0), max_norm=1.0), {"x": np.asarray([0.0])}
    >>> rule.update({"x": np.asarray([8.0])}, rule.init(params), params)[0]
    {'x': array([-1.])}
    """

    optimizer: AbstractOptimizer
    max_norm: float = 1.0

    def init(self, params: Tree, manifolds: Tree = None, *, rng: RNG = None) -> State:
        return self.optimizer.init(params, manifolds, rng=rng)

    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        grads = tree_map(dense, grads)
        squares = [_square_sum(g) for g in tree_leaves(grads)]
        if squares:
            xp = array_namespace(squares[0])
            norm = xp.sqrt(sum(squares[1:], start=squares[0]))
            bound = xp.full_like(norm, self.max_norm)
            scale = bound / xp.maximum(norm, bound)
            grads = tree_map(lambda g: g * array_namespace(g).astype(scale, g.dtype), grads)
        return self.optimizer.update(grads, state, params)


@dataclasses.dataclass(frozen=True)
class ClipValue(AbstractOptimizer):
    """Clip every entry of every gradient to modulus `max_value`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import SGD, ClipValue
    >>> rule, params = ClipValue(SGD(1.0), max_value=2.0), {"x": np.asarray([0.0])}
    >>> rule.update({"x": np.asarray([8.0])}, rule.init(params), params)[0]
    {'x': array([-2.])}
    """

    optimizer: AbstractOptimizer
    max_value: float = 1.0

    def init(self, params: Tree, manifolds: Tree = None, *, rng: RNG = None) -> State:
        return self.optimizer.init(params, manifolds, rng=rng)

    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        grads = tree_map(lambda g: _clip(dense(g), self.max_value), grads)
        return self.optimizer.update(grads, state, params)


def _square_sum(g: Array) -> Array:
    return array_namespace(g).sum(real(conj(g) * g))


def _clip(g: Array, bound: float) -> Array:
    xp = array_namespace(g)
    if not is_complex(g):
        return xp.clip(g, -bound, bound)
    limit = xp.full_like(xp.abs(g), bound)
    return g * xp.astype(limit / xp.maximum(xp.abs(g), limit), g.dtype)
