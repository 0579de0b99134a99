"""What every parametrization provides, and the signs that they share."""

import abc
import dataclasses
from typing import Any, ClassVar

from .._typing import RNG, Array
from .._xp import (
    adjoint,
    array_namespace,
    conj,
    is_complex,
    real_dtype,
    sum_to_shape,
    unit_phase,
    zeros_like,
)
from ..linalg import random_frame

Params = dict[str, Array]


@dataclasses.dataclass(frozen=True)
class AbstractParametrization(abc.ABC):
    r"""A map from a dict of arrays to frames, map(params) diag(d).

    The signs d, unit phases of complex frames, are a leaf of their own: every map alone
    reaches one component of the orthogonal group only. They are `fixed`, that is no
    optimizer moves them. With `free_phases` the map of a complex frame is times
    diag(exp(i omega)) besides, whose real leaf `omega` is free: without it a product of
    reflections keeps its determinant.

    A subclass defines the map without signs, forward and backward, and its inverse. One that
    is not `surjective` does not reach every frame, so that `from_matrix` raises; one that is
    `complex_only` has no real form.

    Parameters
    ----------
    n : int
        Rows.
    p : int, optional
        Columns, n by default.
    free_phases : bool
        Add the leaf `omega`, for complex frames.
    """

    surjective: ClassVar[bool] = True
    complex_only: ClassVar[bool] = False

    n: int
    p: int | None = None
    free_phases: bool = dataclasses.field(default=False, kw_only=True)

    def __post_init__(self):
        if self.p is None:
            object.__setattr__(self, "p", self.n)
        if not 0 < self.p <= self.n:
            raise ValueError(
                f"`{type(self).__name__}` needs 1 <= p <= n. Got n={self.n} and p={self.p}."
            )

    @property
    def fixed(self) -> frozenset[str]:
        """Names of the leaves that optimizers leave alone."""
        return frozenset({"d"})

    @abc.abstractmethod
    def _map_forward(self, params: Params) -> tuple[Array, Any]:
        """Return the frame without signs, and residuals."""

    @abc.abstractmethod
    def _map_backward(self, G: Array, residuals: Any) -> Params:
        """Return the cotangents of the leaves that are not fixed."""

    @abc.abstractmethod
    def _inverse(self, Q: Array) -> Params:
        """Return the parameters of a frame, signs included."""

    def init(self, *, rng: RNG = None, like: Array) -> Params:
        """Draw parameters of a uniformly distributed frame, in the library of `like`."""
        return self._with_phases(self._inverse(random_frame(self.n, self.p, rng=rng, like=like)))

    def from_matrix(self, Q: Array) -> Params:
        """Return parameters whose `matrix` is `Q` to rounding, of either determinant."""
        if tuple(Q.shape[-2:]) != (self.n, self.p):
            raise ValueError(
                f"`{type(self).__name__}.from_matrix` takes `Q` of shape (..., {self.n}, "
                f"{self.p}). Got {tuple(Q.shape)}."
            )
        return self._with_phases(self._inverse(Q))

    def _with_phases(self, params: Params) -> Params:
        if not self.free_phases:
            return params
        d = params["d"]
        if not is_complex(d):
            raise TypeError(
                f"`{type(self).__name__}` with `free_phases` is for complex frames. "
                f"Got {d.dtype}; a real frame has signs, which cannot move."
            )
        return {**params, "omega": zeros_like(d, tuple(d.shape), real_dtype(d))}

    def _signs(self, params: Params) -> Array:
        """Return d exp(i omega)."""
        d = params["d"]
        return d * unit_phase(params["omega"], d) if self.free_phases else d

    def matrix(self, params: Params) -> Array:
        """Return the frame, shape ``(..., n, p)``."""
        return self.matrix_forward(params)[0]

    def matrix_forward(self, params: Params) -> tuple[Array, Any]:
        """Return the frame, and residuals for `matrix_backward`."""
        Q, residuals = self._map_forward(params)
        d = self._signs(params)
        Q = Q * d[..., None, :]
        return Q, (residuals, d, Q if self.free_phases else None)

    def matrix_backward(self, G: Array, residuals: Any) -> Params:
        """Return the cotangents of the parameters; None for fixed ones."""
        inner, d, Q = residuals
        grads = self._map_backward(G * conj(d)[..., None, :], inner)
        return {**grads, **self._other_cotangents(G, Q, axis=-2)}

    def apply(self, params: Params, X: Array) -> Array:
        """Multiply the frame to `X` of shape ``(..., p, m)``; leading axes broadcast."""
        return self.apply_forward(params, X)[0]

    def apply_forward(self, params: Params, X: Array) -> tuple[Array, Any]:
        """Return the product, and residuals for `apply_backward`."""
        Q, residuals = self.matrix_forward(params)
        return Q @ X, (Q, X, residuals)

    def apply_backward(self, G: Array, residuals: Any) -> tuple[Params, Array]:
        """Return the cotangents of the parameters and of `X`."""
        Q, X, inner = residuals
        dQ = sum_to_shape(G @ adjoint(X), tuple(Q.shape))
        return self.matrix_backward(dQ, inner), sum_to_shape(adjoint(Q) @ G, tuple(X.shape))

    def _other_cotangents(self, G: Array, Y: Array, axis: int) -> Params:
        """Return None for fixed leaves, and the cotangent of phases that multiply `Y`."""
        others: Params = dict.fromkeys(sorted(self.fixed))
        if self.free_phases:
            # dY = i Y domega, so the slope is Re<G, i Y>.
            xp = array_namespace(Y)
            others["omega"] = xp.sum(xp.imag(G * conj(Y)), axis=axis)
        return others


class SequentialMap:
    """For maps that are products of factors: `apply` without forming the frame.

    The subclass defines the product applied to n-by-m matrices, forward and backward.
    """

    def _padded(self, params, X):
        """Return diag(d) X above zeros, of n rows."""
        X = self._signs(params)[..., :, None] * X
        if self.n == self.p:
            return X
        zeros = zeros_like(X, (*X.shape[:-2], self.n - self.p, X.shape[-1]))
        return array_namespace(X).concat([X, zeros], axis=-2)

    def apply_forward(self, params, X):
        Y, residuals = self._product_forward(params, self._padded(params, X))
        return Y, (residuals, self._signs(params), X)

    def apply_backward(self, G, residuals):
        inner, d, X = residuals
        grads, dX = self._product_backward(G, inner)
        d, dX = d[..., :, None], dX[..., : self.p, :]
        others = self._other_cotangents(dX, d * X, axis=-1)
        if self.free_phases:
            others["omega"] = sum_to_shape(others["omega"], tuple(d.shape[:-1]))
        return {**grads, **others}, sum_to_shape(conj(d) * dX, tuple(X.shape))


def ones_like_columns(V: Array, p: int) -> Array:
    """Return p signs +1 for each batch entry of `V`."""
    return zeros_like(V, (*V.shape[:-2], p)) + 1
