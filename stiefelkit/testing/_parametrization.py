"""The laws of parametrizations."""

import functools

from .._typing import RNG, Array
from .._xp import array_namespace, generator, standard_normal, zeros_like
from ..linalg import orthonormality_error, random_frame
from ..parametrizations import AbstractParametrization
from ._host import distance, draw, eps, inner, norm, peak
from ._report import Check, Report
from ._vjp import check_leaves


def check_parametrization(
    parametrization: AbstractParametrization,
    params: dict[str, Array] | None = None,
    *,
    rng: RNG = None,
    like: Array,
    inverse: bool = True,
) -> Report:
    r"""Measure whether a map gives frames, inverts, multiplies and has its gradients.

    .. math:: Q^\top Q = I, \qquad \operatorname{matrix}(\operatorname{from\_matrix}(Q)) = Q,
        \qquad \operatorname{apply}(X) = QX

    Parameters
    ----------
    parametrization : AbstractParametrization
    params : dict of arrays, optional
        Drawn by default: ``init``, and a normal step away from it.
    rng : int, `numpy.random.Generator` or None
    like : array
        Whose library, dtype and device the parameters have.
    inverse : bool
        False for a map without `from_matrix`.

    Returns
    -------
    Report
        "orthonormal"; "from_matrix" of a random frame, and "from_matrix, reflected", the same
        with its first column negated, which is of the other determinant where it is square;
        "apply"; "fixed", the number of fixed leaves with a cotangent and of free ones without;
        then for each free leaf "matrix/name" and "apply/name", the cotangents as in
        `check_vjp`, and "apply/X".

    Notes
    -----
    Some ten maps and products for each leaf.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.parametrizations import CWY
    >>> from stiefelkit.testing import check_parametrization
    >>> report = check_parametrization(CWY(4, 2), rng=0, like=np.empty(0))
    >>> report.ok, "matrix/V" in report
    (True, True)
    """
    rng = generator(rng)
    params = _draw_params(parametrization, rng, like) if params is None else params
    Q = parametrization.matrix(params)
    X = draw(zeros_like(like, (Q.shape[-1], 3)), rng)
    product = parametrization.apply(params, X)
    checks = [check_orthonormal(Q)]
    if inverse:
        checks += _check_inverse(parametrization, rng, like)
    checks.append(Check("apply", distance(product, Q @ X), 50 * eps(like)))
    checks += _check_cotangents(parametrization, params, X, rng)
    return Report(tuple(checks))


def check_orthonormal(Q: Array) -> Check:
    """Measure the worst orthonormality error of a batch."""
    bound = 20 * Q.shape[-1] ** 0.5 * eps(Q)
    return Check("orthonormal", peak(orthonormality_error(Q)), bound)


def _draw_params(parametrization, rng, like):
    """Draw parameters away from every special point."""
    params = parametrization.init(rng=rng, like=like)
    return {
        name: x
        if name in parametrization.fixed
        else x + 0.3 * standard_normal(tuple(x.shape), rng, x)
        for name, x in params.items()
    }


def _check_inverse(parametrization, rng, like):
    n, p = parametrization.n, parametrization.p
    Q = random_frame(n, p, rng=rng, like=like)
    xp = array_namespace(Q)
    reflected = xp.concat([-Q[..., :1], Q[..., 1:]], axis=-1)
    bound = 20 * p**0.5 * eps(like)
    return [
        Check(name, distance(parametrization.matrix(parametrization.from_matrix(R)), R), bound)
        for name, R in (("from_matrix", Q), ("from_matrix, reflected", reflected))
    ]


def _check_cotangents(parametrization, params, X, rng):
    """Compare the cotangents of the matrix and of the product to differences."""
    Q, of_matrix = parametrization.matrix_forward(params)
    Y, of_product = parametrization.apply_forward(params, X)
    G, H = draw(Q, rng), draw(Y, rng)
    grads = parametrization.matrix_backward(G, of_matrix)
    others, dX = parametrization.apply_backward(H, of_product)
    wrong = [
        name
        for name in params
        for tree in (grads, others)
        if (tree[name] is None) != (name in parametrization.fixed)
    ]
    compare = functools.partial(check_leaves, rng=rng, directions={})
    return [
        Check("fixed", float(len(wrong)), 0.0, ", ".join(sorted(set(wrong)))),
        *compare("matrix", lambda p: inner(G, parametrization.matrix(p)), params, grads, norm(Q)),
        *compare("apply", lambda p: inner(H, parametrization.apply(p, X)), params, others, norm(Y)),
        *compare("apply/X", lambda x: inner(H, parametrization.apply(params, x)), X, dX, norm(Y)),
    ]
