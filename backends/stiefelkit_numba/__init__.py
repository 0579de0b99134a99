"""Compiled kernels for NumPy arrays, by Numba.

`KERNELS` is what the entry point ``numpy-numba`` of `stiefelkit.kernels` gives. Numba itself
is loaded with the first kernel that runs.
"""

from importlib.util import find_spec

if find_spec("numba") is None:
    raise ModuleNotFoundError(
        "`stiefelkit_numba` needs Numba. Install it by `pip install stiefelkit[numba]`.",
        name="numba",
    )

KERNELS = {
    "cayley": "stiefelkit_numba._cayley:cayley",
    "cayley.forward": "stiefelkit_numba._cayley:forward",
    "cayley.backward": "stiefelkit_numba._cayley:backward",
    "cayley_retract": "stiefelkit_numba._cayley:cayley_retract",
    "cayley_rotate": "stiefelkit_numba._cayley:cayley_rotate",
    "cayley_rotate.forward": "stiefelkit_numba._cayley:rotate_forward",
    "cayley_rotate.backward": "stiefelkit_numba._cayley:rotate_backward",
    "givens_product": "stiefelkit_numba._givens_product:givens_product",
    "givens_product.forward": "stiefelkit_numba._givens_product:forward",
    "givens_product.backward": "stiefelkit_numba._givens_product:backward",
    "solve": "stiefelkit_numba._small:solve",
    "orthonormalize": "stiefelkit_numba._small:orthonormalize",
    "coordinate_descent_sweep": "stiefelkit_numba._sweeps:coordinate_descent_sweep",
    "gauss_southwell_sweep": "stiefelkit_numba._sweeps:gauss_southwell_sweep",
}
