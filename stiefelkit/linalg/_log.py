r"""Logarithms of unitary matrices, in closed form.

The square root of a unitary V is the unitary factor of I + V in its polar decomposition. The
root of the root has the angles theta/4, far from pi, so its Cayley coordinates K are well
conditioned. The eigenvectors of the Hermitian i K are orthonormal to rounding and those of V,
and the angles are read off V itself.

Near the eigenvalue -1 the matrix I + V is singular, and its unitary factor there is made of
rounding errors. There V is minus the identity to rounding, so any matrix J with J^2 = -I that
commutes with what is left of it will do for the root: a multiple of J is added to I + V.
"""

from .._typing import Array
from .._xp import (
    adjoint,
    array_namespace,
    create_diagonal,
    device,
    eps,
    eye_like,
    is_complex,
    real,
    to_complex,
    unit_phase,
)
from ._expm import skew_eigh
from ._skew import skew, sym
from ._solve import solve


def log_of_cayley(A: Array) -> Array:
    """Return the skew logarithm of cayley(A): 2 atan(a/2) for each eigenvalue i a."""
    xp = array_namespace(A)
    angles, U = skew_eigh(A)
    return _assemble(-2 * xp.atan(0.5 * angles), U, A)


def log_unitary(V: Array) -> tuple[Array, Array]:
    """Return the skew logarithm with angles up to pi, and the Frobenius error of its exponential.

    A real matrix has determinant +1. Costs two singular value decompositions and two Hermitian
    eigenvalue problems, or one of each more where an eigenvalue is nearly -1.
    [Higham:2008]_, chapter 11.
    """
    xp, eye = array_namespace(V), eye_like(V, V.shape[-1])
    root = _unitary_factor(eye + _unitary_factor(eye + V, V))
    angles, U = skew_eigh(-4 * skew(solve(eye + root, eye)))
    A = _refine(8 * xp.atan(0.5 * angles), U, V)
    angles, U = skew_eigh(A)
    error = (U * unit_phase(-angles, U)[..., None, :]) @ adjoint(U) - V
    return A, xp.linalg.matrix_norm(error)


def _refine(angles, U, V):
    """Correct U diag(-i angles) U^T to first order, towards the logarithm of V.

    Eigenvectors of nearby angles are mixed by the errors of the roots. What the logarithm is
    to be in their basis follows from the divided differences of exp, but between angles that
    are 2 pi apart, where the exponential does not depend on it.
    """
    xp = array_namespace(U)
    half = unit_phase(0.5 * angles, U)
    seen = half[..., :, None] * (adjoint(U) @ to_complex(V) @ U) * half[..., None, :]
    gaps = 0.5 * (angles[..., :, None] - angles[..., None, :])
    safe = xp.where(gaps == 0, xp.ones_like(gaps), gaps)
    sinc = xp.where(gaps == 0, xp.ones_like(gaps), xp.sin(safe) / safe)
    kept = xp.where(xp.abs(gaps) < 3, 1 / sinc, xp.zeros_like(sinc))
    eye = eye_like(seen, seen.shape[-1])
    diagonal = xp.linalg.diagonal(seen)
    turned = xp.atan2(xp.imag(diagonal), xp.real(diagonal)) - angles
    inner = (
        skew(seen) * (1 - eye) * to_complex(kept) + (1j * to_complex(turned))[..., None, :] * eye
    )
    A = U @ inner @ adjoint(U)
    return skew(A if is_complex(V) else real(A))


def _assemble(angles, U, like):
    """Return U diag(i angles) U^T, real as `like`."""
    A = (U * (1j * to_complex(angles))[..., None, :]) @ adjoint(U)
    return skew(A if is_complex(like) else real(A))


def _unitary_factor(X, V=None):
    """Return the unitary polar factor of X, which is I + V if `V` is given."""
    xp, n = array_namespace(X), X.shape[-1]
    U, stretch, Wt = xp.linalg.svd(X, full_matrices=False)
    if V is not None and bool(xp.any(stretch[..., -1] < 64 * n * eps(V))):
        U, _, Wt = xp.linalg.svd(X + _tilt(V), full_matrices=False)
    return U @ Wt


def _tilt(V):
    """Return a small matrix J on the eigenspace of V near -1, zero beyond, with J^2 negative.

    By the eigenvectors of the Hermitian part, whose eigenvalues come in pairs for a real V. The
    signs are those of V, so that nothing cancels.
    """
    xp, n = array_namespace(V), V.shape[-1]
    cosines, B = xp.linalg.eigh(sym(V))
    near = cosines < -1 + 64 * n * eps(V)
    seen = adjoint(B) @ V @ B
    if is_complex(V):
        push = _signs(xp.imag(xp.linalg.diagonal(seen)), near)
        J = create_diagonal(1j * xp.astype(push, V.dtype), xp=xp)
    else:
        push = _signs(xp.linalg.diagonal(seen, offset=1), near[..., :-1])
        first = xp.arange(n - 1, device=device(V)) % 2 == 0
        J = create_diagonal(xp.where(first, push, 0 * push), offset=1, xp=xp)
        J = J - adjoint(J)
    return 64 * n**0.5 * eps(V) * (B @ J @ adjoint(B))


def _signs(x, where):
    """Return 1 or -1, and 0 outside `where`."""
    xp = array_namespace(x)
    signs = xp.where(x < 0, -xp.ones_like(x), xp.ones_like(x))
    return xp.where(where, signs, xp.zeros_like(x))
