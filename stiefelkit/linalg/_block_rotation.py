"""Random orthogonal matrices made of plane rotations: a start for recurrent matrices."""

import math
from typing import Literal

from .._typing import RNG, Array
from .._xp import array_namespace, create_diagonal, uniform, zeros_like


def random_block_rotation(
    n: int,
    /,
    *,
    rng: RNG = None,
    like: Array,
    angle: float = math.pi,
    method: Literal["exponential", "cayley"] = "exponential",
) -> Array:
    r"""Draw an orthogonal matrix of 2-by-2 rotations, the map of random skew blocks.

    .. math:: \begin{bmatrix} 0 & u \\ -u & 0 \end{bmatrix}

    Parameters
    ----------
    n : int
        Size; the last row and column of an odd one are those of the identity.
    rng : int, `numpy.random.Generator` or None
        Seed or generator.
    like : array
        Whose library, dtype and device the matrix has.
    angle : float
        The u are uniform between minus and plus this.
    method : {"exponential", "cayley"}
        The exponential turns by u, so that angles are uniform, the Cayley transform
        :math:`(I + A)^{-1}(I - A)` by :math:`-2 \arctan u`: by more than a right angle where
        \|u\| > 1, and never by more than :math:`2 \arctan` of `angle`.

    Returns
    -------
    array, shape ``(n, n)``
        Determinant +1.

    Raises
    ------
    ValueError
        For an unknown method.

    Notes
    -----
    A recurrent network with this matrix turns its memory instead of losing it
    ([HenaffSzlamLeCun:2016]_, section 4). The Cayley transform of the same blocks is a start
    of [LezcanoCasadoMartinezRubio:2019]_. Costs :math:`O(n^2)`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import random_block_rotation
    >>> random_block_rotation(3, rng=0, like=np.empty(0), angle=0.0)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    if method not in ("exponential", "cayley"):
        raise ValueError(f"`method` is one of cayley, exponential. Got {method!r}.")
    xp = array_namespace(like)
    u = uniform(-angle, angle, (n // 2,), rng, like)
    u = u if method == "exponential" else -2 * xp.atan(u)
    zero, odd = zeros_like(u, (n // 2,)), zeros_like(u, (n % 2,)) + 1
    # Entry 2k of the first diagonal beside the main one couples axes 2k and 2k + 1.
    cosines = xp.concat([xp.reshape(xp.stack([xp.cos(u)] * 2, axis=-1), (-1,)), odd])
    sines = xp.reshape(xp.stack([xp.sin(u), zero], axis=-1), (-1,))[: max(n - 1, 0)]
    W = create_diagonal(cosines, xp=xp)
    if n > 1:
        W = W + create_diagonal(sines, offset=1, xp=xp) - create_diagonal(sines, offset=-1, xp=xp)
    return xp.astype(W, like.dtype)
