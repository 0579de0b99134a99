"""A recurrent cell whose matrix stays orthogonal, or unitary."""

import dataclasses
from typing import Any, ClassVar, Literal

from .._typing import RNG, Array, Tree
from .._xp import eye_like
from ..linalg import random_block_rotation, random_frame
from ..manifolds import AbstractManifold, Euclidean
from ..parametrizations import CWY
from ._activation import AbstractActivation, ModReLU
from ._cell import AbstractCell, check_sizes
from ._unroll_cwy import unroll_cwy

# How much longer a flop of the reflections takes, whose products are thin: measured on one CPU
# core in float32 with batches of 32 and 128, n from 128 to 1024, k from n/16 to n/2.
_THIN = 1.25

_STARTS = {
    "rotation": lambda n, rng, like: random_block_rotation(n, rng=rng, like=like),
    "cayley": lambda n, rng, like: random_block_rotation(n, rng=rng, like=like, method="cayley"),
    "haar": lambda n, rng, like: random_frame(n, rng=rng, like=like),
    "identity": lambda n, rng, like: eye_like(like, n),
}


@dataclasses.dataclass(frozen=True)
class OrthogonalCell(AbstractCell):
    r"""A recurrence with an orthogonal matrix, real, or unitary and complex.

    .. math:: h_t = a(h_{t-1} W^\top + x_t W_{in}^\top + c), \qquad W^\top W = I

    Parameters
    ----------
    input_size, hidden_size : int
    recurrent : AbstractParametrization or AbstractManifold, optional
        How W is kept orthogonal: as the image of free parameters (``CWY(hidden_size)`` by
        default), or as a point that the optimizer moves on a manifold (``Orthogonal()``).
    activation : AbstractActivation
    start : {"rotation", "cayley", "haar", "identity"}
        Initial W: plane rotations by uniform angles, or by those that the Cayley transform
        makes of uniform numbers (`random_block_rotation`), uniform, or the identity.
    input_scale : float
        Standard deviation of x_t W_in^T for inputs of unit mean square.

    Notes
    -----
    A product of k < n reflections, ``CWY(hidden_size, k=k)``, is applied as such in each step
    (:func:`unroll_cwy`) where that costs less than to form W once. For R = BT
    rows, forward and backward, the flops are :math:`R(12nk + 2k^2) + 6nk^2`, of which one takes
    as long as 1.25 others, against :math:`6n^2(R + k) + 8nk^2`.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import OrthogonalCell
    >>> cell = OrthogonalCell(1, 4)
    >>> H, _ = cell.forward(cell.init(rng=0, like=np.empty(0)), np.ones((3, 2, 1)))
    >>> H.shape
    (3, 2, 4)
    """

    orthogonal: ClassVar[bool] = True

    input_size: int
    hidden_size: int
    recurrent: Any = None
    activation: AbstractActivation = ModReLU()
    start: Literal["rotation", "cayley", "haar", "identity"] = "rotation"
    input_scale: float = 1.0

    def __post_init__(self):
        check_sizes(self)
        if self.recurrent is None:
            object.__setattr__(self, "recurrent", CWY(self.hidden_size))
        shape = getattr(self.recurrent, "n", self.hidden_size), getattr(self.recurrent, "p", None)
        if shape[0] != self.hidden_size or shape[1] not in (None, self.hidden_size):
            raise ValueError(
                f"`OrthogonalCell` needs a square recurrent matrix of size {self.hidden_size}. "
                f"Got `{type(self.recurrent).__name__}` of {shape[0]} by {shape[1]}."
            )
        if self.start not in _STARTS:
            raise ValueError(f"`start` is one of {sorted(_STARTS)}. Got {self.start!r}.")

    @property
    def passes_factors(self) -> bool:
        return isinstance(self.recurrent, AbstractManifold)

    def _init_recurrent(self, rng: RNG, like: Array) -> Tree:
        W = _STARTS[self.start](self.hidden_size, rng, like)
        if isinstance(self.recurrent, AbstractManifold):
            return W
        few = getattr(self.recurrent, "k", self.hidden_size) != self.hidden_size
        if few or not self.recurrent.surjective:
            return self.recurrent.init(rng=rng, like=like)  # no parameters for a given W
        return self.recurrent.from_matrix(W)

    def _recurrent_manifolds(self, params: Tree) -> Tree:
        if isinstance(self.recurrent, AbstractManifold):
            return self.recurrent
        fixed = self.recurrent.fixed
        return {name: None if name in fixed else Euclidean() for name in params}

    def by_reflections(self, rows: int) -> bool:
        """Say whether W is applied to so many rows by reflections, and not formed."""
        n, k = self.hidden_size, getattr(self.recurrent, "k", self.hidden_size)
        if k == n:
            return False
        thin = rows * (12 * n * k + 2 * k * k) + 6 * n * k * k
        return thin * _THIN < 6 * n * n * (rows + k) + 8 * n * k * k

    def recurrent_forward(self, params: Tree) -> tuple[Array, Any]:
        if isinstance(self.recurrent, AbstractManifold):
            return params, None
        return self.recurrent.matrix_forward(params)

    def recurrent_backward(self, G: Array, residuals: Any) -> Tree:
        if isinstance(self.recurrent, AbstractManifold):
            return G
        return self.recurrent.matrix_backward(G, residuals)

    def _loop_forward(self, params, X, h0, *, last, outer):
        if not self.by_reflections(X.shape[0] * X.shape[1]):
            H, saved = super()._loop_forward(params, X, h0, last=last, outer=outer)
            return H, (None, None, saved)
        Z, projected = self._project(params, X)
        V, d = self.recurrent.reflections(params["recurrent"])
        options = {"activation": self.activation, "last": last}
        H, saved = unroll_cwy.forward(V, d, Z, h0, params.get("b"), **options)
        return H, (projected, d, saved)

    def _loop_backward(self, G, saved):
        projected, d, inner = saved
        if d is None:
            return super()._loop_backward(G, inner)
        dV, dd, dZ, dh0, db = unroll_cwy.backward(G, inner)
        recurrent = self.recurrent.reflections_backward(dV, dd, d)
        return {**self._project_backward(dZ, projected), "recurrent": recurrent, "b": db}, dh0
