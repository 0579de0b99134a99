"""Tables of activations and cells, and how to move along their parameters.

A class joins every law by being exported from its subpackage.
"""

import dataclasses
import zlib

import numpy as np
import pytest

from stiefelkit import parametrizations, retractions, rnn
from stiefelkit._tree import tree_items, tree_map
from stiefelkit.manifolds import AbstractManifold, Orthogonal
from stiefelkit.rnn import ModReLU

from .._classes import concrete, host, instances, normal

ACTIVATIONS = instances(rnn, rnn.AbstractActivation)
# The maximum and the order of numbers, which these need, have no complex form.
REAL_ONLY = (rnn.Tanh, rnn.ReLU)
FIELDS = [
    pytest.param(a, dtype, id=f"{type(a).__name__}-{dtype}")
    for dtype in ("float64", "complex128")
    for a in ACTIVATIONS
    if dtype == "float64" or not isinstance(a, REAL_ONLY)
]
SINGLE = {"float64": "float32", "complex128": "complex64"}


def recurrents(n):
    """Return every way to keep a matrix orthogonal."""
    maps = concrete(parametrizations, parametrizations.AbstractParametrization)
    steps = instances(retractions, retractions.AbstractRetraction)
    return [cls(n) for cls in maps if cls.surjective] + [Orthogonal(retraction=r) for r in steps]


def cells(d, n, **options):
    """Return every cell for inputs of d numbers and n units, with the options that it has."""
    made = []
    for cls in concrete(rnn, rnn.AbstractCell):
        names = {f.name for f in dataclasses.fields(cls)}
        chosen = {name: value for name, value in options.items() if name in names}
        matrices = [{"recurrent": r} for r in recurrents(n)] if "recurrent" in names else [{}]
        made += [cls(d, n, **matrix, **chosen) for matrix in matrices]
    return made


def label(cell):
    """Return a short name for a cell."""
    recurrent = getattr(cell, "recurrent", None)
    if recurrent is None:
        return type(cell).__name__
    inner = getattr(recurrent, "retraction", None)
    method = getattr(inner, "method", getattr(inner, "metric", ""))
    words = (type(recurrent).__name__, type(inner).__name__ if inner else "", str(method))
    return "-".join(filter(None, words))


def every_cell(d=2, n=4, orthogonal=False, **options):
    """Return pytest parameters for the cells, with an activation that suits both fields."""
    found = cells(d, n, **{"activation": ModReLU(), **options})
    return [
        pytest.param(c, id=label(c))
        for c in found
        if isinstance(c, rnn.OrthogonalCell) or not orthogonal
    ]


def some_cells(d=2, n=4, **options):
    """Return pytest parameters for one cell of each kind, for libraries that compile."""
    kinds = {}
    for param in every_cell(d, n, **options):
        recurrent = getattr(param.values[0], "recurrent", None)
        kind = AbstractManifold if isinstance(recurrent, AbstractManifold) else bool(recurrent)
        kinds.setdefault(kind, param)
    return list(kinds.values())


def fixed_paths(tree, manifolds, path=""):
    """Return the paths of parameters that no optimizer moves."""
    if manifolds is None:
        return {path}
    if not isinstance(tree, dict):
        return set()
    return set().union(*(fixed_paths(tree[k], manifolds[k], f"{path}/{k}") for k in tree))


def draw_direction(rng, params, manifolds):
    """Draw a host tree like `params`, zero where a parameter is fixed."""
    fixed = fixed_paths(params, manifolds)

    def draw(path, x):
        return normal(rng, x.shape, x.dtype.name) * (f"/{path}" not in fixed)

    return with_path(draw, params)


def with_path(function, tree, path=""):
    if isinstance(tree, dict):
        return {k: with_path(function, v, f"{path}/{k}" if path else k) for k, v in tree.items()}
    return function(path, tree)


def along(params, direction, t):
    """Return the host tree params + t direction."""
    return tree_map(lambda x, d: x + t * d, params, direction)


def pairing(grads, direction):
    """Return Re<grads, direction>; a gradient of None counts for a direction of zero."""
    steps, total = dict(tree_items(direction)), 0.0
    for path, g in tree_items(grads):
        total += np.sum(np.real(np.conj(g) * steps.pop(path)))
    assert all(not np.any(left) for left in steps.values())
    return total


def on(library, tree):
    """Return a host tree on a library, every array in its own dtype."""
    return tree_map(library.asarray, tree)


def cast(tree, dtype):
    """Return a host tree in the precision of `dtype`, of the field that each array has."""
    real = np.dtype(dtype).type(0).real.dtype

    def to(x):
        return x.astype(np.result_type(real, np.complex64) if np.iscomplexobj(x) else real)

    return tree_map(to, tree)


def assert_trees_equal(actual, expected):
    """Compare host trees of arrays bit for bit, dtypes included."""
    one, two = dict(tree_items(actual)), dict(tree_items(expected))
    assert one.keys() == two.keys()
    for path, x in one.items():
        assert x.dtype == two[path].dtype, path
        np.testing.assert_array_equal(x, two[path], err_msg=path)


def assert_trees_close(actual, expected, factor, eps):
    """Compare host trees to `factor` times eps, relative to the largest entry of each array."""
    one, two = dict(tree_items(host(actual))), dict(tree_items(host(expected)))
    assert one.keys() == two.keys()
    for path, x in two.items():
        bound = factor * eps * max(1.0, np.max(np.abs(x), initial=0.0))
        np.testing.assert_allclose(one[path], x, rtol=0, atol=bound, err_msg=path, strict=True)


def seed_of(*parts):
    """Return a seed for a case, from its name."""
    return np.random.default_rng(zlib.crc32(repr(parts).encode()))
