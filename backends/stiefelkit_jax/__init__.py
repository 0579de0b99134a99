"""JAX: the maps of stiefelkit as pure functions, kernels for its arrays, and how to reach it."""

try:
    import jax as _jax  # noqa: F401
except ModuleNotFoundError as _error:
    if _error.name != "jax":
        raise
    raise ModuleNotFoundError(
        "`stiefelkit_jax` needs JAX. Install it by `pip install stiefelkit[jax]`.", name="jax"
    ) from None

from . import linalg as linalg
from . import rnn as rnn
from ._backend import BACKEND as BACKEND
from ._function import differentiable as differentiable
from ._function import differentiable_pair as differentiable_pair
from ._parametrization import Parametrization as Parametrization
from ._transformation import GradientTransformation as GradientTransformation
from ._transformation import TransformationState as TransformationState
from ._transformation import gradient_transformation as gradient_transformation

KERNELS = {
    "solve_triangular": "stiefelkit_jax._solve_triangular:solve_triangular",
    "givens_product": "stiefelkit_jax._givens_product:givens_product",
    "givens_product.forward": "stiefelkit_jax._givens_product:forward",
    "givens_product.backward": "stiefelkit_jax._givens_product:backward",
    "unroll": "stiefelkit_jax._unroll:unroll",
    "unroll.forward": "stiefelkit_jax._unroll:forward",
    "unroll.backward": "stiefelkit_jax._unroll:backward",
}
