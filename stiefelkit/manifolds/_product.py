"""Several manifolds as one."""

import dataclasses
import functools
import operator
from typing import Any

from .._tree import tree_items, tree_leaves, tree_map, tree_map_with_path
from .._typing import RNG, Array, Tree
from .._xp import array_namespace, generator
from ._base import AbstractManifold
from ._logarithm import Logarithm


@dataclasses.dataclass(frozen=True)
class Product(AbstractManifold):
    r"""The product of the manifolds in a tree, a dict, list or tuple of any depth.

    .. math:: \langle Y, Z \rangle = \sum_k \langle Y_k, Z_k \rangle_k

    Points, tangent vectors and gradients are trees of the same shape, whose leaves may have
    sizes and dtypes of their own. Inner products add up over the leaves, one sum a batch
    entry where all leaves have the same leading axes, else one for everything, as `Euclidean`
    has no batch axes; distances are the root of the sum of squares.
    Costs what the leaves cost.

    Parameters
    ----------
    manifolds : tree of AbstractManifold

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Euclidean, Product, Stiefel
    >>> manifold = Product({"Q": Stiefel(), "b": Euclidean()})
    >>> point = manifold.random_point({"Q": (5, 2), "b": (3,)}, rng=0, like=np.empty(0))
    >>> point["Q"].shape, point["b"].shape
    ((5, 2), (3,))
    """

    manifolds: Tree = ()

    def __post_init__(self):
        for path, manifold in _leaves_and_none(self.manifolds):
            if not isinstance(manifold, AbstractManifold):
                raise TypeError(
                    f"The leaves of `Product` are manifolds. Got {type(manifold).__name__} at "
                    f"{path!r}. An array without a constraint is on `Euclidean()`."
                )

    def __hash__(self):
        return hash(frozenset(tree_items(self.manifolds)))  # equal dicts differ in order

    @property
    def inherits_metric(self) -> bool:
        return all(manifold.inherits_metric for manifold in tree_leaves(self.manifolds))

    @property
    def retract_projects(self) -> bool:
        return all(manifold.retract_projects for manifold in tree_leaves(self.manifolds))

    def project(self, point: Tree, vector: Tree) -> Tree:
        return self._map("project", point, vector)

    def inner(self, point: Tree, first: Tree, second: Tree) -> Array:
        return _sum(self._map("inner", point, first, second))

    def riemannian_gradient(self, point: Tree, euclidean_gradient: Tree) -> Tree:
        return self._map("riemannian_gradient", point, euclidean_gradient)

    def riemannian_hessian(
        self, point: Tree, euclidean_gradient: Tree, euclidean_hessian: Tree, tangent: Tree
    ) -> Tree:
        trees = (point, euclidean_gradient, euclidean_hessian, tangent)
        return self._map("riemannian_hessian", *trees)

    def retract(self, point: Tree, tangent: Tree) -> Tree:
        return self._map("retract", point, tangent)

    def differential(self, point: Tree, step: Tree, tangent: Tree) -> Tree:
        return self._map("differential", point, step, tangent)

    def transport(self, point: Tree, tangent: Tree, target: Tree) -> Tree:
        return self._map("transport", point, tangent, target)

    def exp(self, point: Tree, tangent: Tree) -> Tree:
        return self._map("exp", point, tangent)

    def _logarithm(self, point: Tree, target: Tree) -> Logarithm:
        found = self._map("log", point, target, full_output=True)
        parts = tree_leaves(found)
        converged = _alike([part.converged for part in parts], "all")
        converged = functools.reduce(operator.and_, converged)
        residual = _root(_sum([part.residual**2 for part in parts]))
        iterations = max(part.iterations for part in parts)
        return Logarithm(
            tree_map(lambda part: part.tangent, found), converged, residual, iterations
        )

    def norm(self, point: Tree, tangent: Tree) -> Array:
        return _root(self.inner(point, tangent, tangent))

    def dist(self, point: Tree, target: Tree) -> Array:
        distances = tree_leaves(self._map("dist", point, target))
        return _root(_sum([distance**2 for distance in distances]))

    def mean_square(self, point: Tree, tangent: Tree) -> Tree:
        return self._map("mean_square", point, tangent)

    def repair(self, point: Tree) -> Tree:
        return self._map("repair", point)

    def residual(self, point: Tree) -> Array:
        """Return the largest residual of all leaves and batch entries."""
        parts = tree_leaves(self._map("residual", point))
        xp = array_namespace(parts[0])
        dtype = xp.result_type(*parts)
        return xp.max(xp.stack([xp.astype(xp.max(part), dtype) for part in parts]))

    def random_point(
        self, *shape: Tree, rng: RNG = None, like: Array, batch: tuple[int, ...] = ()
    ) -> Tree:
        """Draw a point of each manifold, for a tree with the shape of each, a tuple."""
        if len(shape) != 1:
            raise TypeError(
                "`Product.random_point` takes one tree with a tuple of sizes for each manifold. "
                f"Got {len(shape)} arguments."
            )
        return _draw(self.manifolds, shape[0], generator(rng), like, batch)

    def random_tangent(self, point: Tree, *, rng: RNG = None) -> Tree:
        return self._map("random_tangent", point, rng=generator(rng))

    def check_point(self, point: Tree) -> None:
        def check(path, manifold, leaf):
            _refuse_none(path, (leaf,))
            try:
                manifold.check_point(leaf)
            except (ValueError, TypeError) as error:
                raise type(error)(f"At {path!r}: {error}") from error

        tree_map_with_path(check, self.manifolds, point)

    def _map(self, method: str, *trees: Tree, **options: Any) -> Tree:
        def apply(path, manifold, *leaves):
            _refuse_none(path, leaves)
            return getattr(manifold, method)(*leaves, **options)

        return tree_map_with_path(apply, self.manifolds, *trees)


def _leaves_and_none(tree, path=""):
    """Yield (path, leaf) pairs as `tree_items` does, with the None that it leaves out."""
    if tree is None:
        yield path, None
    elif isinstance(tree, dict) or type(tree) in (list, tuple):
        branches = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, branch in branches:
            yield from _leaves_and_none(branch, f"{path}/{key}" if path else str(key))
    else:
        yield path, tree


def _refuse_none(path, leaves):
    if any(leaf is None for leaf in leaves):
        raise ValueError(f"`Product` needs an array at {path!r}. Got None.")


def _draw(manifolds, shapes, rng, like, batch):
    """Draw a point of each manifold; a tuple of sizes is a tree, so the manifolds lead."""
    if isinstance(manifolds, dict):
        if manifolds.keys() != shapes.keys():
            raise ValueError(
                f"The trees differ: the manifolds have the keys {list(manifolds)}, the shapes "
                f"{list(shapes)}."
            )
        return {k: _draw(m, shapes[k], rng, like, batch) for k, m in manifolds.items()}
    if type(manifolds) in (list, tuple):
        if len(manifolds) != len(shapes):
            raise ValueError(
                f"The trees differ: there are {len(manifolds)} manifolds and {len(shapes)} shapes."
            )
        parts = zip(manifolds, shapes, strict=True)
        return type(manifolds)([_draw(m, s, rng, like, batch) for m, s in parts])
    return manifolds.random_point(*shapes, rng=rng, like=like, batch=batch)


def _sum(numbers):
    numbers = tree_leaves(numbers)
    if not numbers:
        raise ValueError(
            "A `Product` of no manifolds has no inner product. Give it a tree of them."
        )
    return functools.reduce(operator.add, _alike(numbers, "sum"))


def _alike(parts, reduction):
    """Return one array a leaf, reduced to a number each unless all have the same shape."""
    if len({tuple(part.shape) for part in parts}) == 1:
        return parts
    return [getattr(array_namespace(part), reduction)(part) for part in parts]


def _root(x):
    return array_namespace(x).sqrt(x)
