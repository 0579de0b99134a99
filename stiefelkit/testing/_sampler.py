"""Whether random frames have the moments of the Haar measure."""

from typing import Any

from .._typing import RNG, Array
from .._xp import adjoint, eps, generator, zeros_like
from ._host import draw, host
from ._report import Check, Report


def check_sampler(
    manifold: Any,
    *shape: int,
    rng: RNG = None,
    like: Array,
    count: int = 10000,
) -> Report:
    r"""Measure whether random frames are uniform, by moments of their entries.

    .. math:: \mathrm E\,q = 0, \qquad \mathrm E\,|q|^2 = \tfrac1n, \qquad
        \mathrm E\,|q|^4 = \tfrac{3}{n(n+2)} \;\text{(real)}, \quad
        \tfrac{2}{n(n+1)} \;\text{(complex)}

    and the same after a fixed reflection from either side, which mixes the entries.

    Parameters
    ----------
    manifold : AbstractManifold or callable
        Of frames; or ``sample(*shape, rng=, like=, batch=)``.
    *shape : int
        Rows and columns.
    rng : int, `numpy.random.Generator` or None
    like : array
        Whose library, dtype and device the frames have.
    count : int
        Frames drawn.

    Returns
    -------
    Report
        "mean", "second moment", "fourth moment", each also "from left" and "from right": the
        largest deviation of an entry, in standard deviations of a mean of `count` numbers, that
        are known from the eighth moment. The bound is six. The frames of one row and one column
        have one real entry of modulus 1, whose moments have no deviation.

    Notes
    -----
    Costs :math:`O(n p^2)` for each frame. The squared modulus of an entry has a beta
    distribution; [Mezzadri:2007]_ shows the usual mistake.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.manifolds import Stiefel
    >>> from stiefelkit.testing import check_sampler
    >>> check_sampler(Stiefel(), 4, 2, rng=0, like=np.empty(0), count=1000).ok
    True
    """
    rng = generator(rng)
    sample = getattr(manifold, "random_point", manifold)
    Q = sample(*shape, rng=rng, like=like, batch=(count,))
    n, p = Q.shape[-2:]
    v, w = (draw(zeros_like(like, (k, 1)), rng) for k in (n, p))
    turned = {
        "": Q,
        ", from left": Q - 2 * v @ (adjoint(v) @ Q),
        ", from right": Q - 2 * (Q @ w) @ adjoint(w),
    }
    return Report(tuple(c for name, X in turned.items() for c in _check_moments(name, X)))


def _check_moments(name, Q):
    """Compare the moments of each entry to those of a coordinate of a uniform unit vector."""
    count, n = Q.shape[0], Q.shape[-2]
    rounding, Q = 20 * eps(Q), host(Q)
    second, fourth, eighth = _moments(n, Q.dtype.kind == "c")
    expected = {
        "mean": (Q, 0.0, second),
        "second moment": (abs(Q) ** 2, second, fourth - second**2),
        "fourth moment": (abs(Q) ** 4, fourth, eighth - fourth**2),
    }
    for title, (values, mean, variance) in expected.items():
        deviation = (max(variance, 0.0) / count) ** 0.5 + rounding
        error = float(abs(values.mean(axis=0) - mean).max()) / deviation
        yield Check(title + name, error, 6.0)


def _moments(n, is_complex):
    """Return the moments of orders 2, 4 and 8 of an entry's modulus."""
    if is_complex:
        return 1 / n, 2 / (n * (n + 1)), 24 / (n * (n + 1) * (n + 2) * (n + 3))
    return 1 / n, 3 / (n * (n + 2)), 105 / (n * (n + 2) * (n + 4) * (n + 6))
