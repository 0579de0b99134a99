"""The points of a manifold that are nearest to given matrices."""

import torch

from stiefelkit.linalg import orthonormalize
from stiefelkit.manifolds import SpecialOrthogonal


def nearest(x, manifold):
    """Return the polar factors, or the nearest rotations on `SpecialOrthogonal`."""
    Q = orthonormalize(x, method="polar")
    return _nearest_rotation(x, Q) if isinstance(manifold, SpecialOrthogonal) else Q


def _nearest_rotation(x, Q):
    # R = U D V^T maximizes tr(R^T X) for X = U S V^T, with D = I but for a -1 at the least
    # singular value where det(U V^T) = -1: the polar factor, reflected along the last of V.
    mirrored = torch.linalg.det(Q) < 0
    if not bool(mirrored.any()):
        return Q
    v = torch.linalg.svd(x).Vh[..., -1:, :].mT
    return torch.where(mirrored[..., None, None], Q - 2 * (Q @ v) @ v.mT, Q)
