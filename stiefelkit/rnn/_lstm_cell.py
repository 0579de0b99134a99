"""Long short-term memory: the gated baseline."""

import dataclasses
from typing import Any, ClassVar

from .._typing import RNG, Array, Tree
from .._xp import array_namespace, generator, is_complex, uniform, zeros_like
from ..manifolds import Euclidean
from ._activation import AbstractActivation, Tanh
from ._cell import AbstractCell, check_sizes
from ._lstm_loop import final_memory, lstm_backward, lstm_forward
from ._unroll import output


@dataclasses.dataclass(frozen=True)
class LSTMCell(AbstractCell):
    r"""Long short-term memory with a forget gate, for real numbers only.

    .. math:: (i, f, o) = \sigma(z_{i,f,o}), \quad g = \tanh(z_g), \quad
        z = h_{t-1} W^\top + x_t W_{in}^\top + c, \qquad
        m_t = f\, m_{t-1} + i\, g, \quad h_t = o \tanh(m_t)

    The rows of `recurrent`, which is W of shape ``(4n, n)``, of `W_in` and of `c` belong to
    i, f, g and o in this order, as in PyTorch. A state has the shape ``(B, 2n)``: h and the
    memory m side by side. The readout sees h.

    Parameters
    ----------
    input_size, hidden_size : int
    forget_bias : float
        Bias of the forget gate at the start, where the other three are zero.

    Raises
    ------
    TypeError
        If parameters are drawn for a complex dtype.

    Notes
    -----
    All weights start uniform in :math:`\pm 1/\sqrt n`. A step of one sample costs
    :math:`8n^2` flops, four times those of a plain recurrence.

    [HochreiterSchmidhuber:1997]_; the forget gate and its bias of 1,
    [GersSchmidhuberCummins:2000]_, [JozefowiczZarembaSutskever:2015]_.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import LSTMCell
    >>> cell = LSTMCell(1, 4)
    >>> params = cell.init(rng=0, like=np.empty(0))
    >>> cell.forward(params, np.ones((3, 2, 1)))[0].shape
    (3, 2, 4)
    >>> cell.step(params, np.zeros((2, 8)), np.ones((2, 1))).shape
    (2, 8)
    """

    activation: ClassVar[AbstractActivation] = Tanh()  # type: ignore[misc]

    input_size: int
    hidden_size: int
    forget_bias: float = 1.0

    def __post_init__(self):
        check_sizes(self)

    @property
    def state_size(self) -> int:
        """Return 2n: a state is h and the memory side by side."""
        return 2 * self.hidden_size

    def init(self, *, rng: RNG = None, like: Array) -> dict[str, Tree]:
        """Draw parameters in the library, dtype and device of `like`, which is real."""
        if is_complex(like):
            raise TypeError(
                f"`LSTMCell` has a real state. Got {like.dtype}; use float32 or float64."
            )
        n, d, rng = self.hidden_size, self.input_size, generator(rng)
        zero = zeros_like(like, (n,))
        bias = [zero, zero + self.forget_bias, zero, zero]
        return {
            "W_in": uniform(-(n**-0.5), n**-0.5, (4 * n, d), rng, like),
            "c": array_namespace(like).concat(bias),
            "recurrent": self._init_recurrent(rng, like),
        }

    def _init_recurrent(self, rng: RNG, like: Array) -> Tree:
        n = self.hidden_size
        return uniform(-(n**-0.5), n**-0.5, (4 * n, n), rng, like)

    def _recurrent_manifolds(self, params: Tree) -> Tree:
        return Euclidean()

    def recurrent_forward(self, params: Tree) -> tuple[Array, Any]:
        return params, None

    def recurrent_backward(self, G: Array, residuals: Any) -> Tree:
        return G

    def _loop_forward(self, params, X, h0, *, last, outer):
        n, (Z, projected) = self.hidden_size, self._project(params, X)
        H, saved = lstm_forward(params["recurrent"], Z, h0[:, :n], h0[:, n:])
        return output(H, last), (projected, last, saved)

    def _loop_backward(self, G, saved):
        (projected, last, inner), n = saved, self.hidden_size
        dh = dm = zeros_like(G, (G.shape[-2], n))
        if last:
            # Of a whole state, or of h alone.
            G, dh, dm = None, G[:, :n], G[:, n:] if G.shape[-1] > n else dm
        dW, dZ, dh, dm = lstm_backward(G, dh, dm, inner)
        dh0 = array_namespace(dh).concat([dh, dm], axis=-1)
        return {**self._project_backward(dZ, projected), "recurrent": dW}, dh0

    def step(self, params: dict[str, Tree], h: Array, x: Array) -> Array:
        """Return the state after one input, shape ``(B, 2n)``, for streams."""
        last, (_, _, saved) = self.forward(params, x[None, ...], h, last=True)
        return array_namespace(last).concat([last, final_memory(saved)], axis=-1)
