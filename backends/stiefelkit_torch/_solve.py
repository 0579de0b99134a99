"""`solve` and `cholesky` of tensors on a GPU, which is never waited for."""

import math

import torch

from ._small import solve as solve_small


def solve(A, B, /):
    """Solve by ``torch.linalg.solve_ex``, NaN where a matrix is singular.

    Benchmark: linalg.Ops, op solve, library torch on a GPU. To raise, the host has to wait for the
    factorization and for all that was launched before it. The answer is the reference's. On a CPU,
    batches of small systems are the compiled kernels'.
    """
    if not A.is_cuda:
        return solve_small(A, B)
    batch = torch.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A, B = (x.expand(*batch, *x.shape[-2:]) for x in (A, B))
    return _or_nan(*torch.linalg.solve_ex(A, B))


def cholesky(A, /):
    """Factor by ``torch.linalg.cholesky_ex``, NaN where a matrix is not positive definite.

    Benchmark: linalg.Ops, op cholesky, library torch on a GPU. As for `solve`.
    """
    return _or_nan(*torch.linalg.cholesky_ex(A)) if A.is_cuda else NotImplemented


def _or_nan(X, info):
    return torch.where((info == 0)[..., None, None], X, math.nan)
