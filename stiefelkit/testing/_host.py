"""Trees of arrays, measured on the host in double precision."""

from typing import Any

from .._tree import tree_leaves, tree_map
from .._typing import RNG, Array, Tree
from .._xp import conj, generator, real, size, standard_normal, to_host
from .._xp import eps as array_eps


def host(tree: Tree) -> Tree:
    """Return the arrays of a tree on the host in double precision, and its numbers as they are."""
    return tree_map(_host_array, tree)


def _host_array(x):
    if not hasattr(x, "dtype"):
        return x
    x = to_host(x)
    return x.astype("complex128" if x.dtype.kind == "c" else "float64")


def number(x: Tree) -> float:
    """Return the sum of real numbers: of a Python number, an array or a tree."""
    return sum(
        float(leaf.sum()) if hasattr(leaf, "dtype") else float(leaf)
        for leaf in tree_leaves(host(x))
    )


def eps(tree: Tree) -> float:
    """Return the machine epsilon of the coarsest leaf."""
    return max(array_eps(leaf) for leaf in tree_leaves(tree))


def add(x: Tree, y: Tree, scale: float = 1.0) -> Tree:
    """Return x + scale y."""
    return tree_map(lambda a, b: a + scale * b, x, y)


def subtract(x: Tree, y: Tree) -> Tree:
    return tree_map(lambda a, b: a - b, x, y)


def multiply(x: Tree, scale: float) -> Tree:
    return tree_map(lambda a: scale * a, x)


def inner(x: Tree, y: Tree) -> float:
    """Return Re<x, y> over all leaves, of which a None counts nothing."""
    pairs = tree_map(lambda a, b: float(real(conj(a) * b).sum()), host(x), host(y))
    return sum(tree_leaves(pairs), start=0.0)


def norm(tree: Tree) -> float:
    return inner(tree, tree) ** 0.5


def distance(x: Tree, y: Tree) -> float:
    return norm(subtract(host(x), host(y)))


def largest(tree: Tree) -> float:
    """Return the largest Frobenius norm of a matrix, or of a vector, of the leaves."""
    return max((_largest(leaf) for leaf in tree_leaves(host(tree))), default=0.0)


def _largest(x: Array) -> float:
    axes = tuple(range(-min(x.ndim, 2), 0))
    return float((abs(x) ** 2).sum(axis=axes).max(initial=0.0) ** 0.5)


def peak(tree: Tree) -> float:
    """Return the largest modulus of an entry."""
    return max((float(abs(x).max(initial=0.0)) for x in tree_leaves(host(tree))), default=0.0)


def unit(tree: Tree) -> Tree:
    """Scale to norm 1, but for zero."""
    return multiply(tree, 1 / (norm(tree) or 1.0))


def unit_or_zero(tree: Tree) -> Tree:
    """Scale to norm 1 what is not mere rounding of numbers of the order 1."""
    count = sum(size(x) for x in tree_leaves(tree))
    return unit(tree) if norm(tree) > 50 * count**0.5 * eps(tree) else multiply(tree, 0.0)


def random_direction(manifold: Any, point: Tree, rng: RNG) -> Tree:
    """Draw a tangent vector of norm 1, or 0 where there is no other."""
    # Projected again, as what rounding leaves of a vector grows where a short one is scaled.
    return manifold.project(point, unit_or_zero(manifold.random_tangent(point, rng=rng)))


def draw(like: Tree, rng: RNG) -> Tree:
    """Draw normal numbers in the form of a tree, of norm 1."""
    rng = generator(rng)
    return unit(tree_map(lambda x: standard_normal(tuple(x.shape), rng, x), like))
