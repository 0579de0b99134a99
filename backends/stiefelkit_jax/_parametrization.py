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
        where nothing has to be compiled: in a traced function they are constants. `rng` is what
        NumPy takes for one, or a JAX key that is not traced, whose words are the seed.
        """
        like = jnp.zeros(0) if like is None else like
        drawn = self.map.init(rng=_seed(rng), like=numpy.empty(0, like.dtype))
        device = _device(like)
        return jax.tree.map(lambda x: jnp.asarray(x, device=device), drawn)

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


def _seed(rng):
    """Return the words of a JAX key, and any other `rng` as it is."""
    if not isinstance(rng, jax.Array):
        return rng
    if isinstance(rng, jax.core.Tracer):
        raise TypeError(
            "`Parametrization.init` draws on the host, so it takes a number, a NumPy generator or "
            f"a JAX key whose value is known. Got a traced `rng` of {rng.dtype}. Draw outside of "
            "the function that is transformed, and give it the parameters."
        )
    with jax.ensure_compile_time_eval():  # a known key stays known where a function is traced
        typed = jnp.issubdtype(rng.dtype, jax.dtypes.prng_key)
        words = numpy.asarray(jax.random.key_data(rng) if typed else rng)
    if words.dtype != numpy.uint32 or words.ndim != 1:
        raise TypeError(
            "`Parametrization.init` takes one JAX key as `rng`, or a number. Got an array of "
            f"{rng.dtype} and shape {rng.shape}. Pass one of several keys at a time."
        )
    return words


def _device(like):
    # A tracer has none, and a NumPy array has the name of one.
    known = isinstance(like, jax.Array) and not isinstance(like, jax.core.Tracer)
    return like.device if known else None
