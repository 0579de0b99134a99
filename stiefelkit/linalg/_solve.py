"""Linear systems: general and triangular, with one exception for singular ones."""

import contextlib
from collections.abc import Iterator

from .._dispatch import dispatchable
from .._xp import adjoint, array_namespace, broadcast_shapes

_BASE = 32  # below this size a general solve is as fast as the recursion


class SingularMatrixError(ValueError):
    """A matrix that has to be inverted is singular, or one to be factored not positive."""


@contextlib.contextmanager
def singular_as(message: str) -> Iterator[None]:
    """Raise the linear algebra error of any library as `SingularMatrixError`."""
    try:
        yield
    except SingularMatrixError:
        raise SingularMatrixError(message) from None
    except (ValueError, RuntimeError, ArithmeticError) as error:
        # NumPy's is a ValueError, PyTorch's a RuntimeError; both have this in the name.
        if "LinAlgError" not in type(error).__name__:
            raise
        raise SingularMatrixError(message) from error


@dispatchable("(n,n),(n,m)->(n,m)")
def solve(A, B, /):
    r"""Solve a linear system, broadcasting the leading axes.

    .. math:: A X = B

    Parameters
    ----------
    A : array, shape ``(..., n, n)``
    B : array, shape ``(..., n, m)``

    Returns
    -------
    array, shape ``(..., n, m)``

    Raises
    ------
    SingularMatrixError
        If `A` is singular, where the array library reports it; CuPy and JAX return
        NaN instead.

    Notes
    -----
    Costs :math:`\tfrac23 n^3 + 2n^2m` flops. The VJP solves with the adjoint.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import solve
    >>> solve(np.asarray([[2.0, 0.0], [0.0, 4.0]]), np.asarray([[2.0], [2.0]]))
    array([[1. ],
           [0.5]])
    """
    xp = array_namespace(A, B)
    # One library refuses batches of unequal shape, so they are broadcast here.
    if A.ndim > 2 or B.ndim > 2:
        batch = broadcast_shapes(A.shape[:-2], B.shape[:-2])
        A = xp.broadcast_to(A, (*batch, *A.shape[-2:]))
        B = xp.broadcast_to(B, (*batch, *B.shape[-2:]))
    with singular_as(
        f"`solve` needs an invertible `A`. Got a singular one of shape {tuple(A.shape)}."
    ):
        return xp.linalg.solve(A, B)


def _solve_forward(A, B):
    X = solve(A, B)
    return X, (A, X)


def _solve_backward(G, saved):
    A, X = saved
    H = solve(adjoint(A), G)
    return -(H @ adjoint(X)), H


solve.defvjp(_solve_forward, _solve_backward)


@dispatchable("(n,n),(n,m)->(n,m)", kinds={"A": "triangular"})
def solve_triangular(A, B, /, *, lower=False, adjoint_of=False):
    r"""Solve a triangular system, reading only one triangle of the matrix.

    .. math:: A X = B \quad\text{or}\quad A^\top X = B

    Parameters
    ----------
    A : array, shape ``(..., n, n)``
        Its other triangle is ignored.
    B : array, shape ``(..., n, m)``
    lower : bool
        Which triangle of `A` is meant.
    adjoint_of : bool
        Solve with the conjugate transpose of that triangle.

    Returns
    -------
    array, shape ``(..., n, m)``

    Raises
    ------
    SingularMatrixError
        As for `solve`.

    Notes
    -----
    Costs :math:`n^2m` flops. The reference halves the system until its parts are
    small, so nearly all of it is matrix products.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import solve_triangular
    >>> solve_triangular(np.asarray([[2.0, 1.0], [9.0, 1.0]]), np.asarray([[3.0], [1.0]]))
    array([[1.],
           [1.]])
    """
    xp = array_namespace(A, B)
    if adjoint_of:
        A, lower = adjoint(A), not lower
    message = (
        "`solve_triangular` needs an invertible `A`. Got one with a zero on its diagonal, "
        f"of shape {tuple(A.shape)}."
    )
    with singular_as(message):
        if not lower:
            return _solve_upper(A, B, xp)
        # Reversing rows and columns makes a lower triangle an upper one.
        return xp.flip(_solve_upper(xp.flip(A, axis=(-2, -1)), xp.flip(B, axis=-2), xp), axis=-2)


def _solve_upper(A, B, xp):
    n = A.shape[-1]
    if n <= _BASE:
        return solve(xp.triu(A), B)
    h = n // 2
    below = _solve_upper(A[..., h:, h:], B[..., h:, :], xp)
    above = _solve_upper(A[..., :h, :h], B[..., :h, :] - A[..., :h, h:] @ below, xp)
    return xp.concat([above, below], axis=-2)


def _solve_triangular_forward(A, B, *, lower=False, adjoint_of=False):
    X = solve_triangular(A, B, lower=lower, adjoint_of=adjoint_of)
    return X, (A, X)


def _solve_triangular_backward(G, saved, *, lower=False, adjoint_of=False):
    A, X = saved
    xp = array_namespace(A)
    H = solve_triangular(A, G, lower=lower, adjoint_of=not adjoint_of)
    product = -(X @ adjoint(H)) if adjoint_of else -(H @ adjoint(X))
    return (xp.tril if lower else xp.triu)(product), H


solve_triangular.defvjp(_solve_triangular_forward, _solve_triangular_backward)
