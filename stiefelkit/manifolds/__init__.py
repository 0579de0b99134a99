"""Manifolds: stateless objects whose sizes, field and batch come from the arrays."""

from ._base import AbstractManifold as AbstractManifold
from ._euclidean import Euclidean as Euclidean
from ._grassmann import Grassmann as Grassmann
from ._logarithm import Logarithm as Logarithm
from ._logarithm import LogarithmError as LogarithmError
from ._metric import AbstractMetric as AbstractMetric
from ._metric import CanonicalMetric as CanonicalMetric
from ._metric import EuclideanMetric as EuclideanMetric
from ._orthogonal import Orthogonal as Orthogonal
from ._product import Product as Product
from ._special_orthogonal import SpecialOrthogonal as SpecialOrthogonal
from ._stiefel import Stiefel as Stiefel
