"""Orthogonal and unitary matrices and frames on any array library."""

from . import linalg as linalg
from . import manifolds as manifolds
from . import optim as optim
from . import parametrizations as parametrizations
from . import retractions as retractions
from . import rnn as rnn
from . import solvers as solvers
from ._dispatch import dispatchable as dispatchable
from ._dispatch import ops as ops
from ._kernels import Backend as Backend
from ._kernels import backends as backends
from ._kernels import kernel_for as kernel_for
from ._kernels import kernels_enabled as kernels_enabled
from ._kernels import use_kernels as use_kernels
from ._kernels import values_unknown as values_unknown
from .solvers import minimize as minimize

__version__ = "0.1.0.dev0"
