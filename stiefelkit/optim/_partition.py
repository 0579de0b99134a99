"""Different rules for different leaves."""

import dataclasses
import fnmatch

from .._tree import tree_items, tree_map, tree_map_with_path
from .._typing import RNG, Tree
from ._base import AbstractOptimizer, State, fill_manifolds


@dataclasses.dataclass(frozen=True)
class Partition(AbstractOptimizer):
    """Give each leaf the optimizer of the first pattern that its path matches.

    Parameters
    ----------
    optimizers : dict of str to AbstractOptimizer
        Shell patterns of paths such as ``cell/recurrent/*``, in order of precedence.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import SGD, Partition
    >>> rule = Partition({"slow": SGD(0.1), "*": SGD(1.0)})
    >>> params = {"slow": np.asarray([0.0]), "fast": np.asarray([0.0])}
    >>> rule.update({"slow": np.ones(1), "fast": np.ones(1)}, rule.init(params), params)[0]
    {'slow': array([-0.1]), 'fast': array([-1.])}
    """

    optimizers: dict[str, AbstractOptimizer]

    @property
    def reads_factors(self) -> bool:
        return any(optimizer.reads_factors for optimizer in self.optimizers.values())

    def _pattern(self, path: str) -> str:
        for pattern in self.optimizers:
            if fnmatch.fnmatchcase(path, pattern):
                return pattern
        raise ValueError(
            f"`Partition` has no optimizer for the parameter `{path}`: none of the patterns "
            f'{list(self.optimizers)} matches. Add one for "*".'
        )

    def init(self, params: Tree, manifolds: Tree = None, *, rng: RNG = None) -> State:
        owners = {path: self._pattern(path) for path, _ in tree_items(params)}
        manifolds = fill_manifolds(params, manifolds)
        states = {}
        for pattern, optimizer in self.optimizers.items():

            def own(path, _, manifold, pattern=pattern):
                return manifold if owners[path] == pattern else None

            states[pattern] = optimizer.init(
                params, tree_map_with_path(own, params, manifolds), rng=rng
            )
        return _join(states)

    def update(self, grads: Tree, state: State, params: Tree) -> tuple[Tree, State]:
        states = {}
        for pattern, optimizer in self.optimizers.items():
            part = State(state.step, state.slots[pattern], state.manifolds[pattern])
            # A rule sees its own gradients only: a joint norm is that of its leaves.
            own = tree_map(lambda _, m, g: None if m is None else g, params, part.manifolds, grads)
            params, states[pattern] = optimizer.update(own, part, params)
        return params, _join(states)


def _join(states: dict[str, State]) -> State:
    step = next(iter(states.values())).step
    return State(
        step,
        {pattern: s.slots for pattern, s in states.items()},
        {pattern: s.manifolds for pattern, s in states.items()},
    )
