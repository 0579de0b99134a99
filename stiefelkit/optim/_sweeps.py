r"""Many updates of coordinate descent from one gradient, which stays frozen.

After a rotation of the columns i and j of W only the rows i and j of :math:`A = W^\top G` are
others, and turn by the same rotation: :math:`A` goes to :math:`R^\top A` as W goes to W R.
"""

from .._dispatch import dispatchable
from .._typing import RNG
from .._xp import adjoint, array_namespace, broadcast_shapes, generator, is_complex
from ..linalg import skew
from ._greedy_rules import largest_entry
from ._rotations import column_rotations


def coordinate_pairs(n: int, count: int | None = None, *, phases: bool = False, rng: RNG = None):
    r"""Return the coordinates of the orthogonal group, or draw some uniformly.

    Parameters
    ----------
    n : int
        Size of the matrix.
    count : int, optional
        How many to draw, with repetition; all of them in cyclic order by default.
    phases : bool
        Include the pairs (i, i), which stand for the phases of a unitary matrix.
    rng : int, numpy.random.Generator, or None
        For what is drawn.

    Returns
    -------
    numpy.ndarray of int64, shape ``(count, 2)``
        Pairs i < j, in the order (0, 1), (0, 2), (1, 2), (0, 3), ... of `Cyclic`.

    Examples
    --------
    >>> from stiefelkit.optim import coordinate_pairs
    >>> coordinate_pairs(3).tolist()
    [[0, 1], [0, 2], [1, 2]]
    >>> coordinate_pairs(512, 10**5, rng=0).shape
    (100000, 2)
    """
    total, rng = n * (n + 1) // 2 if phases else n * (n - 1) // 2, generator(rng)
    # A permutation of the first integers, sorted, is a host array of them.
    index = rng.permutation(total) if count is None else rng.integers(total, size=count)
    if count is None:
        index.sort()
    # The largest j with j (j - 1) / 2 <= index; double precision is exact up to n = 10^7.
    j = ((1 + (1 + 8 * index) ** 0.5) // 2).astype("int64")
    i = index - j * (j - 1) // 2
    return array_namespace(index).stack([i, j - 1 if phases else j], axis=-1)


def _check_pairs(W, G, pairs, *, learning_rate):
    n = W.shape[-1]
    kind = getattr(getattr(pairs, "dtype", None), "kind", None)
    if kind not in ("i", "u") or pairs.ndim != 2 or pairs.shape[-1] != 2:
        raise ValueError(
            "`coordinate_descent_sweep` takes `pairs` as a NumPy array of integers of shape "
            f"(count, 2), as `coordinate_pairs` makes it. Got {type(pairs).__name__}"
            f"{f' of shape {pairs.shape}' if hasattr(pairs, 'shape') else ''}."
        )
    alone = not is_complex(W) and bool((pairs[:, 0] == pairs[:, 1]).any())
    if pairs.size and (alone or pairs.min() < 0 or pairs.max() >= n):
        raise ValueError(
            f"`coordinate_descent_sweep` takes pairs of two of the columns 0, ..., {n - 1}, or of "
            "one with itself where the matrix is complex. Got others."
        )


@dispatchable("(n,n),(n,n),pairs->(n,n)", validate=_check_pairs)
def coordinate_descent_sweep(W, G, pairs, /, *, learning_rate):
    r"""Turn pairs of columns one after another, each down the slope of a frozen gradient.

    .. math:: \Omega = \operatorname{skew}(W^\top G), \qquad
        W \leftarrow W e^{-\alpha\,\Omega_{ij} H_{ij}}

    Parameters
    ----------
    W : array, shape ``(..., n, n)``
        Orthogonal or unitary.
    G : array, shape ``(..., n, n)``
        Euclidean gradient, of which each update takes the slope at the columns of then.
    pairs : numpy.ndarray of integers, shape ``(count, 2)``
        The columns i, j of each update, in order; i = j turns a phase of a unitary matrix.
    learning_rate : float
        The step :math:`\alpha`.

    Returns
    -------
    array, shape ``(..., n, n)``
        What as many updates of `CoordinateDescent` with these pairs lead to. It has no VJP.

    Raises
    ------
    ValueError
        If `pairs` is no such array.

    Notes
    -----
    Costs :math:`10n` flops a pair. Each rotation of a column adds a rounding error of about
    :math:`\varepsilon`, which `repair` of the manifold removes. [MassartAbrol:2022]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs
    >>> W, G = np.eye(2), np.asarray([[0.0, -2.0], [0.0, 0.0]])
    >>> W = coordinate_descent_sweep(W, G, coordinate_pairs(2), learning_rate=np.pi / 2)
    >>> W.round(12) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    W = _copy(W, G)
    for i, j in pairs.tolist():
        rotations = column_rotations(W, G, [(i, j)])
        W = rotations.turn(W, -learning_rate * rotations.omega)
    return W


def _copy(W, G):
    batch = broadcast_shapes(W.shape[:-2], G.shape[:-2])
    xp = array_namespace(W)
    return xp.asarray(xp.broadcast_to(W, (*batch, *W.shape[-2:])), copy=True)


def _check_count(W, G, count, *, learning_rate):
    if not isinstance(count, int) or count < 0:
        raise ValueError(
            f"`gauss_southwell_sweep` takes an integer `count` of updates >= 0. Got {count!r}."
        )


@dispatchable("(n,n),(n,n),count->(n,n)", validate=_check_count)
def gauss_southwell_sweep(W, G, count, /, *, learning_rate):
    r"""Turn the pair of columns of the steepest slope of a frozen gradient, again and again.

    .. math:: (i, j) = \arg\max |\Omega_{ij}|, \qquad
        W \leftarrow W e^{-\alpha\,\Omega_{ij} H_{ij}}

    Parameters
    ----------
    W : array, shape ``(..., n, n)``
        Orthogonal or unitary.
    G : array, shape ``(..., n, n)``
        Euclidean gradient.
    count : int
        Updates.
    learning_rate : float
        The step :math:`\alpha`.

    Returns
    -------
    array, shape ``(..., n, n)``
        What as many updates of `CoordinateDescent` by `GaussSouthwell` lead to. It has no VJP.

    Raises
    ------
    ValueError
        If `count` is no such number.

    Notes
    -----
    Costs :math:`2n^3` flops for :math:`W^\top G`, which is then turned along, and
    :math:`O(n^2)` an update; about :math:`20n` where a kernel keeps the largest entry of each
    row. [MassartAbrol:2022]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.optim import gauss_southwell_sweep
    >>> G = np.diag([0.0, 0.0, 3.0])
    >>> G[0, 1] = -2.0
    >>> gauss_southwell_sweep(np.eye(3), G, 1, learning_rate=np.pi / 2).round(12) + 0.0
    array([[ 0.,  1.,  0.],
           [-1.,  0.,  0.],
           [ 0.,  0.,  1.]])
    """
    W = _copy(W, G)
    A = adjoint(W) @ G
    for _ in range(count if W.shape[-1] else 0):
        rotations = largest_entry(skew(A))
        angles = -learning_rate * rotations.omega
        W, A = rotations.turn(W, angles), adjoint(rotations.turn(adjoint(A), angles))
    return W
