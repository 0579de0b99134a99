"""PyTorch: kernels for its tensors, and how to reach it."""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "torch":
        raise
    raise ModuleNotFoundError(
        "`stiefelkit_torch` needs PyTorch. Install it by `pip install stiefelkit[torch]`.",
        name="torch",
    ) from None

from . import nn as nn
from . import optim as optim
from ._backend import BACKEND as BACKEND
from ._bake import bake as bake
from ._function import differentiable as differentiable
from ._function import differentiable_pair as differentiable_pair
from ._orthogonal import orthogonal as orthogonal
from ._orthogonal import rebase as rebase

KERNELS = {
    "cholesky": "stiefelkit_torch._solve:cholesky",
    "solve": "stiefelkit_torch._solve:solve",
    "orthonormalize": "stiefelkit_torch._small:orthonormalize",
    "cayley": "stiefelkit_torch._small:cayley",
    "cayley.forward": "stiefelkit_torch._small:cayley_forward",
    "cayley.backward": "stiefelkit_torch._small:cayley_backward",
    "cayley_retract": "stiefelkit_torch._small:cayley_retract",
    "cayley_rotate": "stiefelkit_torch._small:cayley_rotate",
    "cayley_rotate.forward": "stiefelkit_torch._small:rotate_forward",
    "cayley_rotate.backward": "stiefelkit_torch._small:rotate_backward",
    "cwy_matrix": "stiefelkit_torch._compact_wy:CWY_MATRIX.call",
    "cwy_matrix.forward": "stiefelkit_torch._compact_wy:CWY_MATRIX.forward",
    "cwy_matrix.backward": "stiefelkit_torch._compact_wy:CWY_MATRIX.backward",
    "givens_angles": "stiefelkit_torch._factors:givens_angles",
    "givens_product": "stiefelkit_torch._givens_product:givens_product",
    "givens_product.forward": "stiefelkit_torch._givens_product:forward",
    "givens_product.backward": "stiefelkit_torch._givens_product:backward",
    "householder_matrix": "stiefelkit_torch._compact_wy:HOUSEHOLDER_MATRIX.call",
    "householder_matrix.forward": "stiefelkit_torch._compact_wy:HOUSEHOLDER_MATRIX.forward",
    "householder_matrix.backward": "stiefelkit_torch._compact_wy:HOUSEHOLDER_MATRIX.backward",
    "householder_vectors": "stiefelkit_torch._factors:householder_vectors",
    "tcwy_matrix": "stiefelkit_torch._compact_wy:TCWY_MATRIX.call",
    "tcwy_matrix.forward": "stiefelkit_torch._compact_wy:TCWY_MATRIX.forward",
    "tcwy_matrix.backward": "stiefelkit_torch._compact_wy:TCWY_MATRIX.backward",
    "coordinate_descent_sweep": "stiefelkit_torch._sweeps:coordinate_descent_sweep",
    "gauss_southwell_sweep": "stiefelkit_torch._sweeps:gauss_southwell_sweep",
    "solve_triangular": "stiefelkit_torch._solve_triangular:solve_triangular",
    "unroll": "stiefelkit_torch._unroll:unroll",
    "unroll.forward": "stiefelkit_torch._unroll:forward",
    "unroll.backward": "stiefelkit_torch._unroll:backward",
    "unroll_unitary_fft": "stiefelkit_torch._unroll_unitary_fft:unroll_unitary_fft",
    "unroll_unitary_fft.forward": "stiefelkit_torch._unroll_unitary_fft:forward",
    "unroll_unitary_fft.backward": "stiefelkit_torch._unroll_unitary_fft:backward",
}
