"""Compiled kernels for NumPy arrays, by Numba.

`KERNELS` is what the entry point ``numpy-numba`` of `stiefelkit.kernels` gives. Numba itself
is loaded with the first kernel that runs.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any

if find_spec("numba") is None:
    raise ModuleNotFoundError(
        "`stiefelkit_numba` needs Numba. Install it by `pip install stiefelkit[numba]`.",
        name="numba",
    )


def use_team(
    size: Callable[[], int], run: Callable[[Callable[[int], Any], int], list[Any]]
) -> AbstractContextManager[None]:
    """Have kernels run in other threads than plain ones within a ``with`` block.

    There are ``size()`` of them, and ``run(function, count)`` lists ``function(k)`` for all k
    below `count`, called in several threads at once.
    """
    from ._threads import use_team

    return use_team(size, run)


KERNELS = {
    "affine": "stiefelkit_numba._affine:affine",
    "affine.forward": "stiefelkit_numba._affine:forward",
    "affine.backward": "stiefelkit_numba._affine:backward",
    "cayley": "stiefelkit_numba._cayley:cayley",
    "cayley.forward": "stiefelkit_numba._cayley:forward",
    "cayley.backward": "stiefelkit_numba._cayley:backward",
    "cayley_retract": "stiefelkit_numba._cayley:cayley_retract",
    "cayley_rotate": "stiefelkit_numba._cayley:cayley_rotate",
    "cayley_rotate.forward": "stiefelkit_numba._cayley:rotate_forward",
    "cayley_rotate.backward": "stiefelkit_numba._cayley:rotate_backward",
    "cwy_matrix": "stiefelkit_numba._compact_wy:cwy_matrix",
    "cwy_matrix.forward": "stiefelkit_numba._compact_wy:forward",
    "cwy_matrix.backward": "stiefelkit_numba._compact_wy:backward",
    "tcwy_matrix": "stiefelkit_numba._compact_wy:tcwy_matrix",
    "tcwy_matrix.forward": "stiefelkit_numba._compact_wy:tcwy_forward",
    "tcwy_matrix.backward": "stiefelkit_numba._compact_wy:tcwy_backward",
    "householder_matrix": "stiefelkit_numba._compact_wy:householder_matrix",
    "householder_matrix.forward": "stiefelkit_numba._compact_wy:householder_forward",
    "householder_matrix.backward": "stiefelkit_numba._compact_wy:householder_backward",
    "householder_vectors": "stiefelkit_numba._householder_vectors:householder_vectors",
    "givens_angles": "stiefelkit_numba._givens_angles:givens_angles",
    "givens_product": "stiefelkit_numba._givens_product:givens_product",
    "givens_product.forward": "stiefelkit_numba._givens_product:forward",
    "givens_product.backward": "stiefelkit_numba._givens_product:backward",
    "solve": "stiefelkit_numba._small:solve",
    "orthonormalize": "stiefelkit_numba._small:orthonormalize",
    "coordinate_descent_sweep": "stiefelkit_numba._sweeps:coordinate_descent_sweep",
    "gauss_southwell_sweep": "stiefelkit_numba._sweeps:gauss_southwell_sweep",
    "unroll": "stiefelkit_numba._unroll:unroll",
    "unroll.forward": "stiefelkit_numba._unroll:forward",
    "unroll.backward": "stiefelkit_numba._unroll:backward",
    "unroll_projected": "stiefelkit_numba._unroll:unroll_projected",
    "unroll_projected.forward": "stiefelkit_numba._unroll:projected_forward",
    "unroll_projected.backward": "stiefelkit_numba._unroll:projected_backward",
    "unroll_unitary_fft": "stiefelkit_numba._unroll_unitary_fft:unroll_unitary_fft",
    "unroll_unitary_fft.forward": "stiefelkit_numba._unroll_unitary_fft:forward",
    "unroll_unitary_fft.backward": "stiefelkit_numba._unroll_unitary_fft:backward",
}
