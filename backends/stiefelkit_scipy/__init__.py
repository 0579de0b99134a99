"""LAPACK and BLAS kernels for NumPy arrays.

`KERNELS` and `BACKEND` are what the entry points ``numpy`` give. SciPy is loaded with the
first kernel that runs.
"""

from ._backend import BACKEND as BACKEND

KERNELS = {
    "solve_triangular": "stiefelkit_scipy._solve_triangular:solve_triangular",
    "cholesky": "stiefelkit_scipy._cholesky:cholesky",
    "gram": "stiefelkit_scipy._gram:gram",
    "givens_rotate": "stiefelkit_scipy._givens_rotate:givens_rotate",
}
