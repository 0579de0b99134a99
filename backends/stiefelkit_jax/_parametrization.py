"""Parametrizations as pure functions that JAX differentiates."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy

from stiefelkit.parametrizations import AbstractParametrization

from ._function import differentiable_pair


@dataclasses.dataclass(frozen=True)
class Parametrization:
    r"""A map from dicts of JAX arrays to frames, differentiated by its own hand-derived VJP.

    It holds no arrays: parameters are a dict, a tree as any other to JAX. The gradients of fixed
    leaves, the signs, are zero, so that no optimizer without weight decay moves them; `fixed`
    names them. What holds of derivatives is said at `differentiable_pair`.

    Parameters
    ----------
    map : AbstractParametrization
        Any of `stiefelkit.parametrizations`.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> from stiefelkit.parametrizations import CWY
    >>> from stiefelkit_jax import Parametrization
    >>> cwy = Parametrization(CWY(3))
    >>> params = cwy.init(rng=0)
    >>> grads = jax.jit(jax.grad(lambda params: cwy.matrix(params)[0, 0]))(params)
    >>> grads["V"].shape, grads["d"].tolist()
    ((3, 3), [0.0, 0.0, 0.0])
    """

    map: AbstractParametrization

    @property
    def fixed(self) -> frozenset[str]:
        """Names of the leaves that optimizers leave alone."""
        return self.map.fixed

    def init(self, *, rng: Any = None, like: Any = None) -> dict[str, Any]:
        """Draw parameters, in the dtype of `like`: of uniform frames where the map has an inverse.

        Without `like` they are real, in JAX's default precision. Drawn and factored on the host,
        where nothing has to be compiled.
        """
        like = jnp.zeros(0) if like is None else like
        drawn = self.map.init(rng=rng, like=numpy.empty(0, like.dtype))
        return jax.tree.map(lambda x: jnp.asarray(x, device=like.device), drawn)

    def from_matrix(self, Q: Any) -> dict[str, Any]:
        """Return parameters whose `matrix` is `Q` to rounding, of either determinant."""
        return self.map.from_matrix(jnp.asarray(Q))

    def matrix(self, params: dict[str, Any]) -> Any:
        """Return the frame, shape ``(..., n, p)``."""
        return differentiable_pair(self.map.matrix_forward, self.map.matrix_backward)(params)

    def apply(self, params: dict[str, Any], X: Any) -> Any:
        """Multiply the frame to `X` of shape ``(..., p, m)``; leading axes broadcast.

        A product of factors is not formed.
        """
        return differentiable_pair(self.map.apply_forward, self.map.apply_backward)(params, X)
