"""Modules for PyTorch whose weights stay orthogonal, or unitary."""

from ._conv import NonExplodingConv2d as NonExplodingConv2d
from ._linear import OrthogonalLinear as OrthogonalLinear
from ._orthogonal_rnn import OrthogonalRNN as OrthogonalRNN
from ._unitary_rnn import UnitaryRNN as UnitaryRNN
