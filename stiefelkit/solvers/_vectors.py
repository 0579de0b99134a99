"""Trees of arrays as vectors."""

import math

from .._tree import tree_leaves, tree_map
from .._typing import Array, Tree
from .._xp import array_namespace, conj, device, is_complex, real, size


def add(x: Tree, t: float, y: Tree) -> Tree:
    """Return x + t y."""
    t = float(t)  # a NumPy number would set the dtype
    return tree_map(lambda a, b: a + t * b, x, y)


def scale(t: float, x: Tree) -> Tree:
    t = float(t)
    return tree_map(lambda a: t * a, x)


def own(x: Tree, like: Tree) -> Tree:
    """Return a copy that shares no memory and no graph of an autodiff, in the order of `like`."""

    def copy(_, leaf):
        plain = getattr(leaf, "detach", lambda: leaf)()
        return array_namespace(leaf).asarray(plain, copy=True, device=device(leaf))

    return tree_map(copy, like, x)


def dot(x: Tree, y: Tree) -> Array:
    """Return Re<x, y> over all entries, on the device."""
    return sum(_leaf_dot(a, b) for a, b in zip(tree_leaves(x), tree_leaves(y), strict=True))


def _leaf_dot(a, b):
    xp = array_namespace(a)
    if is_complex(a):
        return xp.sum(real(conj(a) * b))
    return xp.vecdot(xp.reshape(a, (-1,)), xp.reshape(b, (-1,)))


def flatten(x: Tree) -> Array:
    """Return all entries in one real vector, real parts before imaginary ones in each leaf."""
    xp = array_namespace(tree_leaves(x)[0])
    parts = []
    for leaf in tree_leaves(x):
        flat = xp.reshape(leaf, (-1,))
        parts += [xp.real(flat), xp.imag(flat)] if is_complex(leaf) else [flat]
    return parts[0] if len(parts) == 1 else xp.concat(parts)


def unflatten(vector: Array, like: Tree) -> Tree:
    """Return the tree like `like` whose entries are those of a vector made by `flatten`."""
    place = 0

    def take(leaf):
        nonlocal place
        xp = array_namespace(leaf)
        count = size(leaf) or math.prod(leaf.shape)
        flat, place = vector[place : place + count], place + count
        if is_complex(leaf):
            imaginary, place = vector[place : place + count], place + count
            flat = xp.astype(flat, leaf.dtype) + 1j * xp.astype(imaginary, leaf.dtype)
        # Of leaves in several precisions the vector has the highest.
        return xp.reshape(xp.astype(flat, leaf.dtype, copy=False), tuple(leaf.shape))

    return tree_map(take, like)
