"""Independent components of whitened data."""

import math

from .._typing import Array
from .._xp import adjoint, array_namespace, is_complex
from ..manifolds import Stiefel
from ._problem import Problem


def ica(data: Array) -> Problem:
    r"""Return the problem of independent components that are more peaked than normal ones.

    .. math:: \min_{Q^\top Q = I_p} \frac1m \sum_{t,j} \log\cosh (Y Q)_{tj}

    The contrast is the likelihood of sources with the density 1/cosh, and recovers those of
    positive kurtosis. It has no closed answer: `optimum` and `minimizer` are None.

    Parameters
    ----------
    data : array, shape ``(..., m, n)``
        Real samples in rows, whitened: means 0 and covariance I.

    Returns
    -------
    Problem
        On frames of any p <= n columns.

    Raises
    ------
    ValueError
        If `data` has no samples or features.
    TypeError
        If `data` is complex.

    Notes
    -----
    A value and its gradient cost 4mnp flops.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.problems import ica
    >>> value, gradient = ica(np.zeros((5, 2))).fun(np.eye(2))
    >>> float(value)
    0.0
    """
    xp = array_namespace(data)
    if data.ndim < 2 or 0 in data.shape[-2:]:
        raise ValueError(f"`ica` takes `data` of shape (..., m, n). Got {tuple(data.shape)}.")
    if is_complex(data):
        raise TypeError(f"`ica` takes real `data`. Got {data.dtype}.")
    scaled = adjoint(data) / data.shape[-2]

    def fun(Q):
        sources = data @ Q
        size = xp.abs(sources)
        # log cosh x = |x| + log(1 + exp(-2|x|)) - log 2, which does not overflow.
        contrast = size + xp.log1p(xp.exp(-2 * size)) - math.log(2)
        value = xp.sum(xp.mean(contrast, axis=-2), axis=-1)
        return value, scaled @ xp.tanh(sources)

    def hessp(Q, Z):
        slope = xp.tanh(data @ Q)
        return scaled @ ((1 - slope * slope) * (data @ Z))

    return Problem("ica", Stiefel(), fun, hessp)
