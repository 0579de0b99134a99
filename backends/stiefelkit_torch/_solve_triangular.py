"""`solve_triangular` by PyTorch."""

import torch

from stiefelkit.linalg import SingularMatrixError


def solve_triangular(A, B, /, *, lower=False, adjoint_of=False):
    """Solve by ``torch.linalg.solve_triangular``, which reads one triangle.

    Benchmark: linalg.Ops, op solve_triangular. One call, which never waits for a GPU, where
    the reference solves small blocks as general systems and checks each. Agrees with the
    reference to a multiple of n eps times the condition number.
    """
    if _has_zero_pivot(A):
        raise SingularMatrixError(
            "`solve_triangular` needs an invertible `A`. Got one with a zero on its diagonal, "
            f"of shape {tuple(A.shape)}."
        )
    if adjoint_of:
        A, lower = A.mH, not lower
    # A lazily conjugated result could not be exported, so the conjugation is done here.
    return torch.linalg.solve_triangular(A.resolve_conj(), B, upper=not lower)


def _has_zero_pivot(A):
    """Say whether a diagonal entry is 0, where an answer costs nothing: on CPU, untraced."""
    if A.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    try:
        return not bool(A.detach().diagonal(dim1=-2, dim2=-1).all())
    except RuntimeError:  # under torch.func.vmap no value can be read
        return False
