"""From states to outputs."""

import dataclasses
from typing import Any

from .._typing import RNG, Array
from .._xp import array_namespace, is_complex, real_dtype, uniform, zeros_like
from ._affine import affine
from ._cell import real_features, state_cotangent


@dataclasses.dataclass(frozen=True)
class LinearReadout:
    r"""An affine map of the state, of its real and imaginary parts if it is complex.

    .. math:: y = f(h) U^\top + u

    Parameters
    ----------
    output_size : int

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import LinearReadout
    >>> readout = LinearReadout(3)
    >>> params = readout.init(4, rng=0, like=np.empty(0))
    >>> readout.forward(params, np.ones((2, 4)))[0].shape
    (2, 3)
    """

    output_size: int

    def init(self, hidden_size: int, *, rng: RNG = None, like: Array) -> dict[str, Array]:
        """Draw real parameters, uniform in the range of Glorot and Bengio."""
        n = hidden_size * (2 if is_complex(like) else 1)
        bound = (6 / (n + self.output_size)) ** 0.5
        return {
            "U": uniform(-bound, bound, (self.output_size, n), rng, like),
            "u": zeros_like(like, (self.output_size,), real_dtype(like)),
        }

    def forward(self, params: dict[str, Array], H: Array) -> tuple[Array, Any]:
        """Return the outputs, shape ``(..., output_size)``, and residuals."""
        F, xp = real_features(H), array_namespace(H)
        rows = xp.reshape(F, (-1, F.shape[-1]))
        Y, mapped = affine.forward(params["U"], rows, params["u"])
        return xp.reshape(Y, (*F.shape[:-1], self.output_size)), (mapped, F.shape, is_complex(H))

    def backward(self, G: Array, residuals: Any) -> tuple[dict[str, Array], Array]:
        """Return the cotangents of the parameters and of the states."""
        mapped, shape, complex_state = residuals
        xp = array_namespace(G)
        dU, dF, du = affine.backward(xp.reshape(G, (-1, G.shape[-1])), mapped)
        return {"U": dU, "u": du}, state_cotangent(xp.reshape(dF, shape), complex_state)
