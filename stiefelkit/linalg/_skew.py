"""Symmetric and skew parts, and the projections of a gradient that are made of them."""

from .._dispatch import dispatchable
from .._xp import adjoint

_METRICS = ("euclidean", "canonical")


@dispatchable("(n,n)->(n,n)")
def sym(A, /):
    r"""Return the Hermitian part of a matrix.

    .. math:: \operatorname{sym}(A) = \tfrac12 (A + A^\top)

    Parameters
    ----------
    A : array, shape ``(..., n, n)``

    Returns
    -------
    array, shape ``(..., n, n)``

    Notes
    -----
    Costs :math:`O(n^2)`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import sym
    >>> sym(np.asarray([[1.0, 2.0], [0.0, 3.0]]))
    array([[1., 1.],
           [1., 3.]])
    """
    return (A + adjoint(A)) * 0.5


sym.defvjp(lambda A: (sym.reference(A), None), lambda G, _: sym.reference(G))


@dispatchable("(n,n)->(n,n)")
def skew(A, /):
    r"""Return the skew-Hermitian part of a matrix.

    .. math:: \operatorname{skew}(A) = \tfrac12 (A - A^\top)

    Parameters
    ----------
    A : array, shape ``(..., n, n)``

    Returns
    -------
    array, shape ``(..., n, n)``

    Notes
    -----
    Costs :math:`O(n^2)`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import skew
    >>> skew(np.asarray([[1.0, 2.0], [0.0, 3.0]]))
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    return (A - adjoint(A)) * 0.5


skew.defvjp(lambda A: (skew.reference(A), None), lambda G, _: skew.reference(G))


@dispatchable("(n,p),(n,p)->(p,p)")
def skew_gradient(Q, G, /):
    r"""Project a Euclidean gradient to the p-by-p skew-Hermitian matrices.

    .. math:: \Omega = \operatorname{skew}(Q^\top G)

    On the orthogonal group the Riemannian gradient is :math:`Q\Omega`, and
    :math:`2\Omega_{ij}` is the derivative along the rotation of columns i and j.

    Parameters
    ----------
    Q : array, shape ``(..., n, p)``
        Point with orthonormal columns.
    G : array, shape ``(..., n, p)``
        Euclidean gradient.

    Returns
    -------
    array, shape ``(..., p, p)``

    Notes
    -----
    Costs :math:`2np^2` flops. [MassartAbrol:2022]_, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import skew_gradient
    >>> skew_gradient(np.eye(2), np.asarray([[0.0, 2.0], [0.0, 0.0]]))
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    return skew.reference(adjoint(Q) @ G)


def _skew_gradient_backward(D, saved):
    Q, G = saved
    K = skew.reference(D)
    # <K, Q^H dG> and <K, dQ^H G>, the latter being <G K^H, dQ> with K^H = -K.
    return -(G @ K), Q @ K


skew_gradient.defvjp(lambda Q, G: (skew_gradient.reference(Q, G), (Q, G)), _skew_gradient_backward)


def _check_metric(Q, G, /, *, metric="euclidean"):
    if metric not in _METRICS:
        raise ValueError(f"`tangent_project` knows the metrics {_METRICS}. Got {metric!r}.")


@dispatchable("(n,p),(n,p)->(n,p)", at_most=(("p", "n"),), validate=_check_metric)
def tangent_project(Q, G, /, *, metric="euclidean"):
    r"""Project a Euclidean gradient to the tangent space of the Stiefel manifold.

    .. math::
        G - Q\operatorname{sym}(Q^\top G) \quad\text{(Euclidean metric)}, \qquad
        G - Q G^\top Q \quad\text{(canonical metric)}

    The first is also the orthogonal projection of any matrix. Either is the Riemannian
    gradient in its metric, of a function whose Euclidean gradient is `G`.

    Parameters
    ----------
    Q : array, shape ``(..., n, p)``
        Point with orthonormal columns.
    G : array, shape ``(..., n, p)``
        Matrix to project.
    metric : {"euclidean", "canonical"}

    Returns
    -------
    array, shape ``(..., n, p)``

    Notes
    -----
    Costs :math:`4np^2` flops. [EdelmanAriasSmith:1998]_, equations 2.4 and 2.53.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import tangent_project
    >>> Q = np.asarray([[1.0], [0.0]])
    >>> tangent_project(Q, np.asarray([[3.0], [4.0]]))
    array([[0.],
           [4.]])
    """
    M = adjoint(Q) @ G
    return G - Q @ (sym.reference(M) if metric == "euclidean" else adjoint(M))


def _tangent_project_forward(Q, G, *, metric="euclidean"):
    return tangent_project.reference(Q, G, metric=metric), (Q, G)


def _tangent_project_backward(D, saved, *, metric="euclidean"):
    Q, G = saved
    M, N = adjoint(Q) @ G, adjoint(Q) @ D
    if metric == "euclidean":
        S = sym.reference(N)
        return -(D @ sym.reference(M)) - G @ S, D - Q @ S
    # Y = G - Q G^H Q, so dY has the parts -dQ G^H Q, -Q dG^H Q and -Q G^H dQ.
    return -(D @ M) - G @ N, D - Q @ (adjoint(D) @ Q)


tangent_project.defvjp(_tangent_project_forward, _tangent_project_backward)
