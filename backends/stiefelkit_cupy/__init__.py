"""CuPy: kernels for its arrays, and how to reach it."""

try:
    import cupy as _cupy  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "cupy":
        raise
    raise ModuleNotFoundError(
        "`stiefelkit_cupy` needs CuPy. Install it by `pip install stiefelkit[cupy12x]`, or "
        "`stiefelkit[cupy13x]` for CUDA 13.",
        name="cupy",
    ) from None

from ._backend import BACKEND as BACKEND

KERNELS = {"solve_triangular": "stiefelkit_cupy._solve_triangular:solve_triangular"}
