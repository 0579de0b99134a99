"""Batches of small matrices on a CPU, by the compiled kernels for NumPy arrays.

Where there is no such kernel, and where somebody watches the operations, these decline.
"""

import torch

from stiefelkit.linalg import cayley as transform
from stiefelkit.linalg import cayley_rotate as rotate

from ._arrays import run_on_arrays

_ALONE_UP_TO = 144  # entries of one matrix, as in `stiefelkit_numba`


def solve(A, B, /):
    """Eliminate in sixteen systems at once.

    Benchmark: torch_ops.SmallBatches. PyTorch calls LAPACK for each system. Agrees with the
    reference to a multiple of n eps times the condition number.
    """
    return _run("solve", A, B)


def orthonormalize(X, /, *, method="qr"):
    """Reflect in sixteen matrices at once.

    Benchmark: linalg.Ops, op orthonormalize. PyTorch calls LAPACK for each of them. Agrees with
    the reference to a multiple of n eps times the condition number.
    """
    return _run("orthonormalize", X, method=method)


def cayley(A, /):
    """Transform sixteen square matrices at once.

    Benchmark: torch_ops.SmallBatches. PyTorch calls LAPACK for each of them. Agrees with the
    reference to a multiple of n eps times the condition number.
    """
    return _run("cayley", A)


def cayley_forward(A, /):
    """Transform sixteen square matrices at once, and keep the result.

    Benchmark: torch_ops.SmallBatches.
    """
    return _run("cayley.forward", A)


def cayley_backward(G, Q, /):
    """Multiply by the transform from both sides, in sixteen matrices at once.

    Benchmark: torch_ops.SmallBatches.
    """
    out = run_on_arrays("cayley.backward", G, Q)
    if out is NotImplemented:
        n = Q.shape[-1]
        R = 0.5 * (Q + torch.eye(n, dtype=Q.dtype, device=Q.device))
        return transform.vjp[1](G, (Q[..., n:, :], R))
    return out


def cayley_retract(Q, Z, /):
    """Retract sixteen tangent vectors at once, in one pass over them.

    Benchmark: torch_ops.SmallBatches. The reference is a dozen passes over memory, and PyTorch
    calls LAPACK for each matrix. Agrees with the reference to a multiple of n eps, times the
    squared length of the tangent vector.
    """
    return _run("cayley_retract", Q, Z)


def cayley_rotate(X, A, d=None, /, *, fixed=False):
    """Rotate sixteen matrices at once, in one pass over them.

    Benchmark: torch_ops.SmallBatches. The reference is a dozen passes over memory, and PyTorch
    calls LAPACK for each matrix. Agrees with the reference to a multiple of n eps.
    """
    return _run("cayley_rotate", X, A, d)


def rotate_forward(X, A, d=None, /, *, fixed=False):
    """Rotate sixteen matrices at once, and keep the result.

    Benchmark: torch_ops.SmallBatches.
    """
    return _run("cayley_rotate.forward", X, A, d, fixed=fixed)


def rotate_backward(G, saved, /, *, fixed=False):
    """Solve with the adjoint, in sixteen matrices at once.

    Benchmark: torch_ops.SmallBatches.
    """
    out = run_on_arrays("cayley_rotate.backward", G, saved, fixed=fixed)
    if out is NotImplemented:
        return rotate.vjp[1](G, rotate.vjp[0](*saved[:3])[1], fixed=fixed)
    return out


def _run(name, *args, **options):
    """Run a kernel for a batch, or for one small matrix; it would decline a larger one anyway."""
    if all(x is None or x.ndim <= 2 for x in args) and args[0].numel() > _ALONE_UP_TO:
        return NotImplemented
    return run_on_arrays(name, *args, **options)
