"""Kernels in CUDA C++ for CuPy arrays and for PyTorch tensors on a GPU.

`CUPY_KERNELS` and `TORCH_KERNELS` are what the entry points ``cupy-cuda`` and ``torch-cuda`` of
`stiefelkit.kernels` give. CuPy launches on its own arrays, `cuda.core` on tensors.
"""

from importlib.util import find_spec

_KERNELS = {
    "givens_rotate": "stiefelkit_cuda._rotate_columns:givens_rotate",
    "orthonormalize": "stiefelkit_cuda._orthonormalize:orthonormalize",
    "orthonormalize.forward": "stiefelkit_cuda._orthonormalize:forward",
    "orthonormalize.backward": "stiefelkit_cuda._orthonormalize:backward",
    "coordinate_descent_sweep": "stiefelkit_cuda._rotate_columns:coordinate_descent_sweep",
    "givens_product": "stiefelkit_cuda._givens_product:givens_product",
    "givens_product.forward": "stiefelkit_cuda._givens_product:forward",
    "givens_product.backward": "stiefelkit_cuda._givens_product:backward",
    "unroll": "stiefelkit_cuda._unroll:unroll",
    "unroll.forward": "stiefelkit_cuda._unroll:forward",
    "unroll.backward": "stiefelkit_cuda._unroll:backward",
}
# CuPy lets no graph hold the products of a map.
_MAPS = {
    "cwy_matrix": "stiefelkit_cuda._maps:CWY_MATRIX.call",
    "cwy_matrix.forward": "stiefelkit_cuda._maps:CWY_MATRIX.forward",
    "cwy_matrix.backward": "stiefelkit_cuda._maps:CWY_MATRIX.backward",
    "householder_matrix": "stiefelkit_cuda._maps:HOUSEHOLDER_MATRIX.call",
    "householder_matrix.forward": "stiefelkit_cuda._maps:HOUSEHOLDER_MATRIX.forward",
    "householder_matrix.backward": "stiefelkit_cuda._maps:HOUSEHOLDER_MATRIX.backward",
    "tcwy_matrix": "stiefelkit_cuda._maps:TCWY_MATRIX.call",
    "tcwy_matrix.forward": "stiefelkit_cuda._maps:TCWY_MATRIX.forward",
    "tcwy_matrix.backward": "stiefelkit_cuda._maps:TCWY_MATRIX.backward",
}
_TABLES = {"CUPY_KERNELS": _KERNELS, "TORCH_KERNELS": {**_KERNELS, **_MAPS}}


def __getattr__(name):
    """Return a table, if what its arrays are launched with is installed."""
    if name not in _TABLES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "CUPY_KERNELS" and find_spec("cupy") is None:
        raise ModuleNotFoundError(
            "`stiefelkit_cuda` needs CuPy for its arrays. Install it by `pip install "
            "stiefelkit[cupy12x]`, or `stiefelkit[cupy13x]` for CUDA 13.",
            name="cupy",
        )
    if name != "CUPY_KERNELS":
        for module in ("torch", "cuda", "cuda.core"):
            if find_spec(module) is None:
                raise ModuleNotFoundError(
                    f"`stiefelkit_cuda` needs `{module}` for tensors. Install it by `pip install "
                    "stiefelkit[cuda]`.",
                    name=module,
                )
    return _TABLES[name]
