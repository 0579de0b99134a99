"""Manifolds: stateless objects whose sizes, field and batch come from the arrays."""

from ._base import AbstractManifold as AbstractManifold
from ._euclidean import Euclidean as Euclidean
from ._metric import AbstractMetric as AbstractMetric
from ._metric import CanonicalMetric as CanonicalMetric
from ._metric import EuclideanMetric as EuclideanMetric
from ._orthogonal import Orthogonal as Orthogonal
from ._stiefel import Stiefel as Stiefel
