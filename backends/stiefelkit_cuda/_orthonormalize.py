"""`orthonormalize` by Householder reflections, a block for each matrix, large ones by Cholesky."""

from stiefelkit.linalg import SingularMatrixError, orthonormality_error
from stiefelkit.linalg import orthonormalize as op

from ._launch import SHARED, launch, library_of, product

_WARPS = 8
# What every op may leave, in multiples of the square root of p times eps.
_BUDGET = 20
# Flops from which Cholesky factors are faster than cuSOLVER's reflections of one matrix.
_FLOPS_FROM = 2**28


def orthonormalize(X, /, *, method="qr"):
    """Reflect all matrices of a batch at once, each in the shared memory of its block.

    Benchmark: `compare_cuda.py`, cases retraction and qr. The libraries call cuSOLVER twice for
    each matrix. What does not fit there goes by Cholesky factors twice. For any rank and scale;
    agrees with the reference to a multiple of n eps times the condition number, and is as
    orthonormal.
    """
    out = _factors(X, method, False)
    return out if out is NotImplemented else out[0]


def forward(X, /, *, method="qr"):
    """Reflect all matrices at once, and keep what the reference keeps.

    Benchmark: `compare_cuda.py`, cases retraction and qr.
    """
    out = _factors(X, method, True)
    return out if out is NotImplemented else (out[0], (X, *out))


def backward(G, saved, /, *, method="qr"):
    """Run the reference, which is made of matrix products and a triangular system.

    Benchmark: `compare_cuda.py`, cases retraction and qr.
    """
    return op.vjp[1](G, saved, method=method)


def _factors(X, method, triangle):
    """Return Q, and R where it is asked for."""
    known, (*batch, n, p) = library_of(X), X.shape
    shared = (n * (p | 1) + 3 * p) * X.dtype.itemsize
    if method != "qr" or known is None:
        return NotImplemented
    if shared > SHARED:
        large = batch or 2 * n * p * p >= _FLOPS_FROM
        return _by_cholesky(known, X) if large else NotImplemented
    Q = known.empty(tuple(X.shape), X.dtype, X)
    R = known.empty((*batch, p, p), X.dtype, X) if triangle else None
    threads = (32, min(_WARPS, -(-p // 4)))
    args = [known.contiguous(X), Q, R, n, p]
    launch("small_frames", "factorize<{}>", product(batch), threads, args, like=Q, shared=shared)
    return Q, R


def _by_cholesky(known, X):
    """Return the factors by Cholesky, and by the reference where those are not orthonormal.

    Gram matrices and triangular systems fill a GPU, reflections column by column do not. The one
    look at the residual waits for the device: with it an H200 takes 1.1 ms for 16384-by-256 where
    cuSOLVER takes 4.9, and 0.7 ms for 64 matrices of 512-by-64 where it takes 15.
    """
    if known.capturing():
        return NotImplemented
    try:
        Q, (_, _, R) = op.vjp[0](X, method="cholesky")
    except SingularMatrixError:
        return op.vjp[0](X)[1][1:]
    error = float(known.xp.amax(orthonormality_error(Q)))
    within = error <= _BUDGET * X.shape[-1] ** 0.5 * known.xp.finfo(X.dtype).eps  # not for NaN
    return (Q, R) if within else op.vjp[0](X)[1][1:]
