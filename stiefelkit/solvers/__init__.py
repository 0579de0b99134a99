"""Solvers of whole problems on orthogonal and unitary matrices and frames."""

from ._tensor_decomposition import TensorDecompositionResult as TensorDecompositionResult
from ._tensor_decomposition import tensor_decomposition as tensor_decomposition
