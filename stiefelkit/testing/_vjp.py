"""Whether a backward pass is the adjoint of the derivative of its forward pass."""

import functools
import inspect
import math
from typing import Any

from .._tree import tree_items, tree_leaves, tree_map_with_path
from .._typing import RNG, Array
from .._xp import adjoint, array_namespace, field, generator, size
from ._differences import COARSEST, FACTOR, FIRST, extrapolated_derivative
from ._host import distance, draw, eps, inner, multiply, norm
from ._report import Check, Report


def check_vjp(
    op: Any, *args: Any, rng: RNG = None, directions: dict[str, Array] | None = None, **options: Any
) -> Report:
    r"""Measure whether the backward pass of an op is the adjoint of its derivative.

    .. math:: \tfrac{\mathrm d}{\mathrm dt} \operatorname{Re}\langle G, f(x + tD)\rangle|_0
        = \operatorname{Re}\langle \bar x, D\rangle

    Parameters
    ----------
    op : op, or pair of functions
        An op, or ``(forward, backward)`` with ``forward(*args) -> (output, residuals)`` and
        ``backward(G, residuals)`` that returns a cotangent for each array argument, or one
        alone. Outputs are an array or a tuple of them, some None.
    *args : arrays, trees of arrays, others
        What is no array of floats, nor a tree of such, is passed on.
    rng : int, `numpy.random.Generator` or None
    directions : dict of arrays, optional
        By the names of the report, where an argument may not be moved in any direction.
        Hermitian directions are chosen for the arguments that an op needs positive.
    **options
        Passed to the forward pass.

    Returns
    -------
    Report
        "forward", whether an op and its forward pass agree; then one law for each array, by its
        name in the signature, "args[0]" where it has none, with the path of a leaf of a tree:
        the slope along a random direction by differences against the inner product of the
        cotangent, relative to the norms of output, cotangent and direction. Arrays whose
        cotangent is None have none.

    Notes
    -----
    Six forward passes for each array. Where the differences of two step lengths disagree, as near
    a singularity, the bound grows by that.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import cayley
    >>> from stiefelkit.testing import check_vjp
    >>> A = np.asarray([[0.0, 1.0], [-1.0, 0.0]])
    >>> [check.name for check in check_vjp(cayley, A, rng=0)]
    ['forward', 'A']
    >>> check_vjp((lambda x: (x**2, x), lambda G, x: G * x), A, rng=0)["x"].note
    'the cotangent is 0.5 times what it should be'
    """
    forward, backward = op if isinstance(op, tuple) else (op.forward, op.backward)
    plain = op if callable(op) else lambda *a, **o: forward(*a, **o)[0]
    rng = generator(rng)
    Y, residuals = forward(*args, **options)
    G = draw(Y, rng)
    found = backward(G, residuals)
    names = _names(op, args)
    given = dict(zip(names, found if isinstance(found, tuple) else (found,), strict=True))

    def value(name, moved):
        arguments = [moved if i == names[name] else x for i, x in enumerate(args)]
        return inner(G, plain(*arguments, **options))

    chosen = {**_hermitian(op, args, names, rng), **(directions or {})}
    checks = []
    if callable(op):
        same = distance(plain(*args, **options), Y)
        checks.append(Check("forward", same, 20 * eps(Y) * max(1.0, norm(Y))))
    for name, i in names.items():
        if args[i] is not None:
            along = functools.partial(value, name)
            checks += check_leaves(name, along, args[i], given[name], norm(Y), rng, chosen)
    return Report(tuple(checks))


def check_leaves(name, value, x, cotangent, size, rng, directions):
    """Compare the slopes of a function of a tree along each leaf to those of its cotangent."""
    checks = []
    for path, g in tree_items(cotangent):
        title = f"{name}/{path}" if path else name
        leaf = dict(tree_items(x))[path]
        if tuple(g.shape) != tuple(leaf.shape):
            note = f"the cotangent has shape {tuple(g.shape)}, the array {tuple(leaf.shape)}"
            checks.append(Check(title, math.inf, 0.0, note))
            continue
        D = directions.get(title)
        D = multiply(draw(leaf, rng), _root_mean_square(leaf)) if D is None else D

        def along(t, path=path, D=D):
            return value(tree_map_with_path(lambda at, a: a + t * D if at == path else a, x))

        slope, doubt = extrapolated_derivative(along, eps(leaf))
        checks.append(_compare(title, slope, doubt, inner(g, D), size, eps(leaf)))
    return checks


def _compare(name, slope, doubt, found, size, precision):
    scale = max(size, abs(slope), abs(found)) or 1.0
    error = abs(slope - found) / scale
    bound = min(FACTOR * precision**FIRST + doubt / scale, COARSEST)
    note = ""
    if error > bound and slope:
        note = f"the cotangent is {found / slope:.3g} times what it should be"
    return Check(name, error, bound, note)


def _names(op, args):
    """Return the name and the position of each array argument, None included for an op."""
    if callable(op):
        given = [p for p in op.signature.parameters if p.position < len(args)]
        return {p.name: p.position for p in given}
    names = list(inspect.signature(op[0]).parameters)
    names += [f"args[{i}]" for i in range(len(names), len(args))]
    return {names[i]: i for i, x in enumerate(args) if _has_floats(x)}


def _has_floats(tree):
    leaves = [x for x in tree_leaves(tree) if hasattr(x, "dtype") and hasattr(x, "shape")]
    return any(field(array_namespace(x), x.dtype) for x in leaves)


def _hermitian(op, args, names, rng):
    """Return directions for the arguments that have to stay positive."""
    if not callable(op):
        return {}
    kinds = {p.name: p.kind for p in op.signature.parameters}
    drawn = {n: draw(args[i], rng) for n, i in names.items() if kinds[n] == "positive"}
    return {n: D + adjoint(D) for n, D in drawn.items()}


def _root_mean_square(x):
    return norm(x) / size(x) ** 0.5 if norm(x) else 1.0
