"""Solvers of whole problems on orthogonal and unitary matrices and frames."""

from ._base import AbstractSolver as AbstractSolver
from ._base import Iterate as Iterate
from ._conjugate_gradient import ConjugateGradient as ConjugateGradient
from ._conjugate_gradient import Products as Products
from ._conjugate_gradient import dai_yuan as dai_yuan
from ._conjugate_gradient import fletcher_reeves as fletcher_reeves
from ._conjugate_gradient import hager_zhang as hager_zhang
from ._conjugate_gradient import hestenes_stiefel as hestenes_stiefel
from ._conjugate_gradient import hybrid as hybrid
from ._conjugate_gradient import polak_ribiere as polak_ribiere
from ._lbfgs import LBFGS as LBFGS
from ._minimize import SOLVERS as SOLVERS
from ._minimize import minimize as minimize
from ._objective import Objective as Objective
from ._objective import Point as Point
from ._result import MinimizeError as MinimizeError
from ._result import MinimizeResult as MinimizeResult
from ._result import Status as Status
from ._sparse_pca import SparsePCAResult as SparsePCAResult
from ._sparse_pca import sparse_pca as sparse_pca
from ._steepest_descent import SteepestDescent as SteepestDescent
from ._tensor_decomposition import TensorDecompositionResult as TensorDecompositionResult
from ._tensor_decomposition import tensor_decomposition as tensor_decomposition
from ._truncated_cg import InnerStop as InnerStop
from ._trust_region import TrustRegion as TrustRegion
