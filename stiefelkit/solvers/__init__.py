"""Solvers of whole problems on orthogonal and unitary matrices and frames."""

from ._sparse_pca import SparsePCAResult as SparsePCAResult
from ._sparse_pca import sparse_pca as sparse_pca
from ._tensor_decomposition import TensorDecompositionResult as TensorDecompositionResult
from ._tensor_decomposition import tensor_decomposition as tensor_decomposition
