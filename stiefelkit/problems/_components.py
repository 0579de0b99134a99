"""The nearest frame in the component of a start."""

from .._xp import array_namespace, is_complex


def svd_in_component(M, start=None):
    """Return U, s, Vt with M = U diag(s) Vt, and U Vt in the component of `start`, if it has one.

    Real square matrices of the determinants +1 and -1 are apart: of those on the other side the
    one with the least singular value, and its column of U, negative is the nearest.
    """
    xp = array_namespace(M)
    U, s, Vt = xp.linalg.svd(M, full_matrices=False)
    if start is None or is_complex(M) or M.shape[-1] != M.shape[-2]:
        return U, s, Vt
    side = xp.sign(xp.linalg.det(U @ Vt)) * xp.sign(xp.linalg.det(start))
    ones = xp.broadcast_to(xp.ones_like(s), (*side.shape, s.shape[-1]))
    signs = xp.concat((ones[..., :-1], side[..., None]), axis=-1)
    return U * signs[..., None, :], s * signs, Vt
