"""Parametrizations: smooth maps from free arrays to orthonormal frames."""

from ._base import AbstractParametrization as AbstractParametrization
from ._cayley_map import CayleyMap as CayleyMap
from ._cwy import CWY as CWY
from ._exponential_map import ExponentialMap as ExponentialMap
from ._givens import Givens as Givens
from ._householder import Householder as Householder
from ._tcwy import TCWY as TCWY
from ._trapezoidal_cwy import TrapezoidalCWY as TrapezoidalCWY
from ._trivialization import Trivialization as Trivialization
from ._unitary_fft import UnitaryFFT as UnitaryFFT
