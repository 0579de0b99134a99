"""Modules for PyTorch whose weights stay orthogonal, or unitary."""

from ._orthogonal_rnn import OrthogonalRNN as OrthogonalRNN
from ._unitary_rnn import UnitaryRNN as UnitaryRNN
