"""An orthonormal basis whose images under an unknown Hermitian matrix are known."""

import numpy

from .._typing import Array
from .._xp import adjoint, array_namespace, eps, from_host, is_complex, to_host
from ._vectors import flatten, unflatten


class SecantBasis:
    """Columns V and their images U = AV, with V^* U on the host."""

    def __init__(self, vectors: Array, images: Array):
        self.vectors, self.images = vectors, images
        (projected,) = blocks_to_host(adjoint(vectors) @ images)
        self.projected = _hermitian(projected)

    def extend(self, vectors: Array, images: Array, coupling: numpy.ndarray, image: numpy.ndarray):
        """Add columns, of which the products with the former images and their own are given."""
        concat = array_namespace(vectors).concat
        self.vectors = concat([self.vectors, vectors], axis=1)
        self.images = concat([self.images, images], axis=1)
        self.projected = numpy.block(
            [[self.projected, coupling.conj().T], [coupling, _hermitian(image)]]
        )

    def restart(self, points: numpy.ndarray, count: int) -> numpy.ndarray:
        """Keep the span of the lowest Ritz vectors and of points, given by their coordinates.

        Return the coordinates of the new basis. A thick restart, [WuSimon:2000]_, with the
        directions of [Knyazev:2001]_.
        """
        _, vectors = numpy.linalg.eigh(self.projected)
        C = vectors[:, :count]
        for _ in range(2):
            points = points - C @ (C.conj().T @ points)
        left, lengths, _ = numpy.linalg.svd(points, full_matrices=False)
        C = numpy.concatenate([C, left[:, lengths > eps(self.vectors) ** 0.5]], axis=1)
        self.projected = _hermitian(C.conj().T @ self.projected @ C)
        on_device = from_host(C, self.vectors)
        self.vectors, self.images = self.vectors @ on_device, self.images @ on_device
        return C


def _hermitian(M):
    return 0.5 * (M + M.conj().T)


def blocks_to_host(*arrays: Array) -> list[numpy.ndarray]:
    """Return arrays as NumPy ones in double precision, by one transfer."""
    like = [numpy.empty(a.shape, complex if is_complex(a) else float) for a in arrays]
    return unflatten(to_host(flatten(list(arrays))).astype(float), like)
