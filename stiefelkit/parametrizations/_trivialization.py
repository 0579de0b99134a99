"""A map from the tangent space at a base that can be moved."""

import dataclasses
from typing import Any, Literal

from .._typing import Array
from .._xp import adjoint, array_namespace, phase
from ..linalg import cayley, cayley_rotate, cwy_apply, expm_skew, householder_vectors
from ..linalg._orthonormalize import polish
from ._base import AbstractParametrization, Params, ones_like_columns
from ._skew_part import skew_part

_MAPS = {"exponential": expm_skew, "cayley": cayley}


@dataclasses.dataclass(frozen=True)
class Trivialization(AbstractParametrization):
    r"""Frames by the exponential or Cayley map at a base, which can be moved (dynamic).

    .. math:: B\,\phi(A) \operatorname{diag}(d) \quad (p = n), \qquad
        H_1 \cdots H_p\,\phi(A)_{:, 1:p} \operatorname{diag}(d) \quad (p < n)

    Leaves: `A`, shape ``(..., n, p)``, the first p columns of a skew matrix whose trailing
    block is zero (only the skew part of its first p rows counts), the signs `d`, and the
    `base`, which stays: B, or the reflection vectors of a thin frame. `rebase` moves it.

    Parameters
    ----------
    n, p : int
        Rows and columns, p = n by default.
    map : {"exponential", "cayley"}
        The map :math:`\phi`, of which :math:`\phi(0) = I`.

    Notes
    -----
    Moved after every update, with plain gradient steps on `A`, it is Riemannian gradient
    descent; never moved, from B = I, it is `ExponentialMap`. Between the two, updates are
    those of a flat space and yet close to the manifold's own. [LezcanoCasado:2019]_.

    Costs what `ExponentialMap` or `CayleyMap` does, and one product of n-by-n by n-by-p.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.parametrizations import Trivialization
    >>> trivialization, turn = Trivialization(2), np.asarray([[0.0, 1.0], [-1.0, 0.0]])
    >>> params = {**trivialization.from_matrix(turn), "A": turn}
    >>> moved = trivialization.rebase(params)
    >>> moved["A"]
    array([[0., 0.],
           [0., 0.]])
    >>> np.allclose(trivialization.matrix(moved), trivialization.matrix(params))
    True
    """

    map: Literal["exponential", "cayley"] = "exponential"

    def __post_init__(self):
        super().__post_init__()
        if self.map not in _MAPS:
            raise ValueError(f"`map` is one of {', '.join(sorted(_MAPS))}. Got {self.map!r}.")

    @property
    def fixed(self) -> frozenset[str]:
        """Names of the leaves that optimizers leave alone."""
        return frozenset({"d", "base"})

    def rebase(self, params: Params) -> Params:
        """Return parameters of the same frame whose base it is, and whose `A` is zero.

        The signs of a thin frame may change over. Base and phases are put back on their
        manifolds, the base by one Newton-Schulz step, so that no rounding adds up.
        """
        moved = self._inverse(polish(self._map_forward(params)[0]))
        return {**params, **moved, "d": phase(moved["d"] * params["d"])}

    def _inverse(self, Q: Array) -> Params:
        if self.n == self.p:
            return {
                "A": array_namespace(Q).zeros_like(Q),
                "base": Q,
                "d": ones_like_columns(Q, self.p),
            }
        V, d = householder_vectors(Q)
        return {"A": array_namespace(Q).zeros_like(Q), "base": V, "d": d}

    def matrix_forward(self, params: Params) -> tuple[Array, Any]:
        """Return the frame, and residuals for `matrix_backward`."""
        if not self._rotates:
            return super().matrix_forward(params)
        d = self._signs(params)
        Q, residuals = cayley_rotate.forward(params["base"], params["A"], d, fixed=True)
        return Q, (residuals, d, Q if self.free_phases else None)

    def matrix_backward(self, G: Array, residuals: Any) -> Params:
        """Return the cotangents of the parameters; None for fixed ones."""
        if not self._rotates:
            return super().matrix_backward(G, residuals)
        inner, _, Q = residuals
        dA = cayley_rotate.backward(G, inner)[1]
        return {"A": dA, **self._other_cotangents(G, Q, axis=-2)}

    @property
    def _rotates(self) -> bool:
        """Say whether base, transform and signs are one op."""
        return self.n == self.p and self.map == "cayley"

    def _map_forward(self, params: Params) -> tuple[Array, Any]:
        E, residuals = _MAPS[self.map].forward(skew_part(params["A"]))
        if self.map == "cayley":
            E = polish(E)  # its error grows with the norm of A
        base = params["base"]
        Q = base @ E if self.n == self.p else cwy_apply(base, E)
        return Q, (residuals, base)

    def _map_backward(self, G: Array, residuals: Any) -> Params:
        inner, base = residuals
        if self.n == self.p:
            G = adjoint(base) @ G
        else:
            # The adjoint of a product of reflections has them in reverse order.
            G = cwy_apply(array_namespace(base).flip(base, axis=-1), G)
        return {"A": skew_part(_MAPS[self.map].backward(G, inner)[0])}
