"""Optimizers on manifolds as PyTorch has them: the manifold rides in the parameter group."""

from ._adam import Adam as Adam
from ._base import ManifoldOptimizer as ManifoldOptimizer
from ._coordinate_descent import CoordinateDescent as CoordinateDescent
from ._landing import Landing as Landing
from ._pogo import POGO as POGO
from ._rmsprop import RMSProp as RMSProp
from ._sgd import SGD as SGD
