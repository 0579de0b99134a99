"""The unconstrained recurrent cell: the baseline."""

import dataclasses
from typing import Any

from .._typing import RNG, Array, Tree
from .._xp import standard_normal
from ..manifolds import Euclidean
from ._activation import AbstractActivation, Tanh
from ._cell import AbstractCell, check_sizes


@dataclasses.dataclass(frozen=True)
class ElmanCell(AbstractCell):
    r"""A recurrence with any matrix.

    .. math:: h_t = a(h_{t-1} W^\top + x_t W_{in}^\top + c)

    Parameters
    ----------
    input_size, hidden_size : int
    activation : AbstractActivation
    input_scale : float
        Standard deviation of x_t W_in^T for inputs of unit mean square.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import ElmanCell
    >>> cell = ElmanCell(1, 4)
    >>> cell.step(cell.init(rng=0, like=np.empty(0)), np.zeros((2, 4)), np.ones((2, 1))).shape
    (2, 4)
    """

    input_size: int
    hidden_size: int
    activation: AbstractActivation = Tanh()
    input_scale: float = 1.0

    def __post_init__(self):
        check_sizes(self)

    def _init_recurrent(self, rng: RNG, like: Array) -> Tree:
        n = self.hidden_size
        return standard_normal((n, n), rng, like) / n**0.5

    def _recurrent_manifolds(self, params: Tree) -> Tree:
        return Euclidean()

    def recurrent_forward(self, params: Tree) -> tuple[Array, Any]:
        return params, None

    def recurrent_backward(self, G: Array, residuals: Any) -> Tree:
        return G
