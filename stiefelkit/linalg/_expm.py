r"""The exponential of a skew matrix, whole or by its first columns.

A thin frame is the first columns of exp [[A, -B^T], [B, 0]]. With B = Q_B R that matrix
acts in the span of K = [I 0; 0 Q_B] only, as M = [[A, -R^T], [R, 0]], and i M is Hermitian:
its eigenvectors are orthonormal to rounding, and so is the result, which SciPy's `expm`
misses by two orders of magnitude in single precision.

The VJP is the adjoint of the Daleckii-Krein formula: in the eigenbasis the derivative
multiplies by divided differences of the exponential. The complement of K has the
eigenvalue zero, which gives one more column of differences, and never a derivative of QR.
"""

from .._dispatch import dispatchable
from .._xp import (
    adjoint,
    array_namespace,
    is_complex,
    real,
    to_complex,
    unit_phase,
    zeros_like,
)
from ._orthonormalize import polish
from ._skew import skew


@dispatchable("(n,p)->(n,p)", at_most=(("p", "n"),), kinds={"A": "skew"})
def expm_skew(A, /):
    r"""Return the exponential of a skew matrix, or its first columns.

    .. math:: \exp(A)

    Parameters
    ----------
    A : array, shape ``(..., n, p)``
        A skew-Hermitian matrix where p = n. Where p < n, the first p columns of one whose
        trailing (n-p)-by-(n-p) block is zero. Only the skew part of the first p rows counts.

    Returns
    -------
    array, shape ``(..., n, p)``
        The first p columns of the exponential, which are orthonormal.

    Notes
    -----
    Costs one Hermitian eigendecomposition of size n, or of size 2p and
    :math:`O(np^2)` flops. [Higham:2008]_, theorem 3.11.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import expm_skew
    >>> expm_skew(np.asarray([[0.0, np.pi / 2], [-np.pi / 2, 0.0]])).round(12) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    return _forward(A)[0]


def _forward(A):
    xp = array_namespace(A)
    n, p = A.shape[-2:]
    M, basis = skew(A[..., :p, :]), None
    if n > p:
        basis, R = xp.linalg.qr(A[..., p:, :], mode="reduced")
        M = skew_block(M, R)
    angles, U = skew_eigh(M)
    T = U[..., :p, :]
    Q = (U * unit_phase(-angles, U)[..., None, :]) @ adjoint(T)
    Q = Q if is_complex(A) else real(Q)
    if basis is not None:
        Q = xp.concat([Q[..., :p, :], basis @ Q[..., p:, :]], axis=-2)
    return polish(Q), (basis, angles, U, T, is_complex(A))


def skew_block(A, B):
    """Return the skew matrix [[A, -B^T], [B, 0]]."""
    xp = array_namespace(A, B)
    corner = zeros_like(B, (*B.shape[:-1], B.shape[-2]))
    above, below = xp.concat([A, -adjoint(B)], axis=-1), xp.concat([B, corner], axis=-1)
    return xp.concat([above, below], axis=-2)


def skew_eigh(A):
    """Return real angles and orthonormal U with A = U diag(-i angles) U^T, for a skew matrix."""
    return array_namespace(A).linalg.eigh(1j * to_complex(A))


def divided_differences(angles):
    """Return the factors of U^T E U that give U^T (d exp(A)[E]) U, by those of `skew_eigh`.

    Daleckii-Krein: the divided differences of exp at the eigenvalues -i angle.
    """
    a, b = 0.5 * angles[..., :, None], 0.5 * angles[..., None, :]
    return _difference(-(a + b), a - b, to_complex(angles))


def expm_derivative(A, E):
    """Return exp(A) and its derivative in the direction E, for skew matrices."""
    angles, U = skew_eigh(A)
    Ut = adjoint(U)
    found = (U * unit_phase(-angles, U)[..., None, :]) @ Ut
    derivative = U @ (divided_differences(angles) * (Ut @ to_complex(E) @ U)) @ Ut
    return (found, derivative) if is_complex(A) else (real(found), real(derivative))


def _difference(half_sum, half_gap, U):
    """Return the conjugate of the divided difference of exp between two eigenvalues -i angle."""
    xp = array_namespace(U)
    safe = xp.where(half_gap == 0, xp.ones_like(half_gap), half_gap)
    sinc = xp.where(half_gap == 0, xp.ones_like(half_gap), xp.sin(safe) / safe)
    return unit_phase(half_sum, U) * xp.astype(sinc, U.dtype)


def _backward(G, saved):
    basis, angles, U, T, complex_input = saved
    xp, p, Tt = array_namespace(U), T.shape[-2], adjoint(T)
    a, b = 0.5 * angles[..., :, None], 0.5 * angles[..., None, :]
    G = to_complex(G)
    top = adjoint(T) @ G[..., :p, :]
    if basis is None:
        inner = _difference(a + b, a - b, U) * (top @ T)
        dA = T @ inner @ Tt
        return (skew(dA if complex_input else real(dA)),)
    basis = to_complex(basis)
    lower = basis @ U[..., p:, :]
    G2 = G[..., p:, :]
    inner = _difference(a + b, a - b, U) * ((top + adjoint(lower) @ G2) @ T)
    outside = G2 - basis @ (adjoint(basis) @ G2)
    ends = _difference(0.5 * angles, 0.5 * angles, U)
    dA = T @ inner @ Tt
    dB = lower @ (inner - adjoint(inner)) @ Tt + outside @ ((T * ends[..., None, :]) @ Tt)
    dA = xp.concat([skew(dA), dB], axis=-2)
    return (dA if complex_input else real(dA),)


expm_skew.defvjp(_forward, _backward)
