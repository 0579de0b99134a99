"""How far a frame is from orthonormal, and random ones."""

from .._dispatch import dispatchable
from .._typing import RNG, Array
from .._xp import array_namespace, broadcast_shapes, eye_like, standard_normal
from ._gram import gram
from ._orthonormalize import orthonormalize


@dispatchable("(n,p)->()")
def orthonormality_error(Q, /):
    r"""Measure how far the columns are from orthonormal.

    .. math:: \| Q^\top Q - I \|_F

    Parameters
    ----------
    Q : array, shape ``(..., n, p)``

    Returns
    -------
    array, shape ``(...,)``
        Real.

    Notes
    -----
    Costs :math:`np^2` flops. This library keeps it below :math:`20\sqrt p\,\varepsilon`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import orthonormality_error
    >>> float(orthonormality_error(2 * np.eye(2)).round(3))
    4.243
    """
    return _forward(Q)[0]


def _forward(Q):
    xp = array_namespace(Q)
    R = gram(Q) - eye_like(Q, Q.shape[-1])
    error = xp.linalg.matrix_norm(R)
    return error, (Q, R, error)


def _backward(G, saved):
    Q, R, error = saved
    xp = array_namespace(Q)
    scale = 2 * G / xp.where(error == 0, xp.ones_like(error), error)
    return (Q @ R * xp.astype(scale, Q.dtype)[..., None, None],)


orthonormality_error.defvjp(_forward, _backward)


def broadcast_batches(*matrices: Array) -> list[Array]:
    """Return matrices with their leading axes broadcast, which they can be."""
    xp = array_namespace(*matrices)
    batch = broadcast_shapes(*(tuple(X.shape)[:-2] for X in matrices))
    return [xp.broadcast_to(X, (*batch, *X.shape[-2:])) for X in matrices]


def normal_basis(Q: Array, *others: Array) -> Array:
    """Return orthonormal columns normal to a frame that span what is normal to it in the others.

    Leading axes are broadcast. At most n - p columns for an n-by-p frame, and none for p = n.
    Householder's QR keeps the columns orthonormal, and normal to the frame, where the others
    lose rank.
    """
    xp = array_namespace(Q, *others)
    stacked = xp.concat(broadcast_batches(Q, *others), axis=-1)
    return xp.linalg.qr(stacked, mode="reduced")[0][..., :, Q.shape[-1] :]


def random_frame(
    n: int, p: int | None = None, /, *, rng: RNG = None, like: Array, batch: tuple[int, ...] = ()
) -> Array:
    r"""Draw a frame from the uniform (Haar) distribution.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.
    rng : int, `numpy.random.Generator` or None
        Seed or generator; one seed gives one frame in every library, dtype and device.
    like : array
        Whose library, dtype and device the frame has.
    batch : tuple of int
        Leading axes.

    Returns
    -------
    array, shape ``(*batch, n, p)``

    Raises
    ------
    ValueError
        If p > n.

    Notes
    -----
    The Q of a Gaussian matrix, with the positive diagonal of R that makes it Haar
    ([Mezzadri:2007]_). Costs :math:`O(np^2)` flops.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import random_frame
    >>> random_frame(3, 2, rng=0, like=np.empty(0)).shape
    (3, 2)
    """
    p = n if p is None else p
    if not 0 < p <= n:
        raise ValueError(f"`random_frame` needs 1 <= p <= n. Got n={n} and p={p}.")
    return orthonormalize(standard_normal((*batch, n, p), rng, like))
