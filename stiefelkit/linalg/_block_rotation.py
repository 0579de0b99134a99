"""Random orthogonal matrices made of plane rotations: a start for recurrent matrices."""

import math

from .._typing import RNG, Array
from .._xp import array_namespace, create_diagonal, uniform, zeros_like


def random_block_rotation(
    n: int, /, *, rng: RNG = None, like: Array, angle: float = math.pi
) -> Array:
    r"""Draw an orthogonal matrix of 2-by-2 rotations with uniform angles.

    Parameters
    ----------
    n : int
        Size; the last row and column of an odd one are those of the identity.
    rng : int, `numpy.random.Generator` or None
        Seed or generator.
    like : array
        Whose library, dtype and device the matrix has.
    angle : float
        Angles are uniform between minus and plus this, in radians.

    Returns
    -------
    array, shape ``(n, n)``
        Determinant +1.

    Notes
    -----
    A recurrent network with this matrix turns its memory instead of losing it
    ([HenaffSzlamLeCun:2016]_, section 4). Costs :math:`O(n^2)`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import random_block_rotation
    >>> random_block_rotation(3, rng=0, like=np.empty(0), angle=0.0)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    xp = array_namespace(like)
    u = uniform(-angle, angle, (n // 2,), rng, like)
    zero, odd = zeros_like(u, (n // 2,)), zeros_like(u, (n % 2,)) + 1
    # Entry 2k of the first diagonal beside the main one couples axes 2k and 2k + 1.
    cosines = xp.concat([xp.reshape(xp.stack([xp.cos(u)] * 2, axis=-1), (-1,)), odd])
    sines = xp.reshape(xp.stack([xp.sin(u), zero], axis=-1), (-1,))[: max(n - 1, 0)]
    W = create_diagonal(cosines, xp=xp)
    if n > 1:
        W = W + create_diagonal(sines, offset=1, xp=xp) - create_diagonal(sines, offset=-1, xp=xp)
    return xp.astype(W, like.dtype)
