"""Recurrent cells: parameters, manifolds, and the forward and backward pass over a sequence."""

import abc
from typing import Any, ClassVar

from .._typing import RNG, Array, Tree
from .._xp import (
    array_namespace,
    generator,
    is_complex,
    standard_normal,
    to_complex,
    uniform,
    zeros_like,
)
from ..manifolds import Euclidean
from ._activation import AbstractActivation
from ._affine import affine
from ._unroll_projected import unroll_projected

_BIAS_SPREAD = 0.01  # of the activation's bias at the start, as published with modReLU


class AbstractCell(abc.ABC):
    """A recurrence h_t = a(h_{t-1} W^T + x_t W_in^T + c) with some recurrent matrix W.

    A subclass has the fields `input_size`, `hidden_size`, `activation`, `input_scale`, and
    provides W, or overrides the loop, as a gated cell does whose W has n rows for each gate. The
    state is complex where the parameters are; always, if `complex_only`.
    `orthogonal` says that W is so, up to rounding.
    """

    complex_only: ClassVar[bool] = False
    orthogonal: ClassVar[bool] = False

    input_size: int
    hidden_size: int
    activation: AbstractActivation
    input_scale: float

    @property
    def state_size(self) -> int:
        """Return the length of what one step hands to the next, whose first part is h."""
        return self.hidden_size

    @property
    def passes_factors(self) -> bool:
        """Say whether W is itself a parameter, whose cotangent may stay an `OuterProduct`."""
        return False

    @abc.abstractmethod
    def _init_recurrent(self, rng: RNG, like: Array) -> Tree:
        """Draw the parameters of W."""

    @abc.abstractmethod
    def _recurrent_manifolds(self, params: Tree) -> Tree:
        """Return the manifold of each of them, None for those that stay."""

    @abc.abstractmethod
    def recurrent_forward(self, params: Tree) -> tuple[Array, Any]:
        """Return W, and residuals."""

    @abc.abstractmethod
    def recurrent_backward(self, G: Array, residuals: Any) -> Tree:
        """Return the cotangents of the parameters of W."""

    def init(self, *, rng: RNG = None, like: Array) -> dict[str, Tree]:
        """Draw parameters in the library, dtype and device of `like`."""
        n, d, rng = self.hidden_size, self.input_size, generator(rng)
        params = {
            "W_in": self.input_scale * standard_normal((n, d), rng, like) / d**0.5,
            "c": zeros_like(like, (n,)),
            "recurrent": self._init_recurrent(rng, like),
        }
        if self.activation.has_bias:
            params["b"] = uniform(-_BIAS_SPREAD, _BIAS_SPREAD, (n,), rng, like)
        return params

    def manifolds(self, params: dict[str, Tree]) -> dict[str, Tree]:
        """Return the manifold of each parameter, None for those that stay."""
        tree: dict[str, Tree] = dict.fromkeys(params, Euclidean())
        return {**tree, "recurrent": self._recurrent_manifolds(params["recurrent"])}

    def forward(
        self,
        params: dict[str, Tree],
        X: Array,
        h0: Array | None = None,
        *,
        last: bool = False,
        outer: bool = False,
    ) -> tuple[Array, Any]:
        """Return the states, shape ``(T, B, n)`` or the last one, and residuals.

        Parameters
        ----------
        params : dict
        X : array, shape ``(T, B, d)``
            Inputs, real or of the dtype of the parameters.
        h0 : array, shape ``(B, state_size)``, optional
            First state, zero by default.
        last : bool
            Return the last state only, shape ``(B, n)``.
        outer : bool
            Leave the cotangent of W in factors.
        """
        if X.ndim != 3 or X.shape[-1] != self.input_size:
            raise ValueError(
                f"`{type(self).__name__}` was built for inputs of shape (T, B, {self.input_size}). "
                f"Got {tuple(X.shape)}."
            )
        W_in = params["W_in"]
        X = array_namespace(W_in).astype(X, W_in.dtype)
        h0 = self._first_state(params, X.shape[1]) if h0 is None else h0
        return self._loop_forward(params, X, h0, last=last, outer=outer)

    def backward(self, G: Array, residuals: Any) -> tuple[dict[str, Tree], Array]:
        """Return the cotangents of the parameters and of `h0`."""
        grads, dh0 = self._loop_backward(G, residuals)
        return {name: grad for name, grad in grads.items() if grad is not None}, dh0

    def _project(self, params: dict[str, Tree], X: Array) -> tuple[Array, Any]:
        """Return x_t W_in^T + c for all steps, and residuals."""
        W_in, (T, B, d), xp = params["W_in"], X.shape, array_namespace(X)
        Z, projected = affine.forward(W_in, xp.reshape(X, (T * B, d)), params.get("c"), fixed=True)
        return xp.reshape(Z, (T, B, W_in.shape[0])), projected

    def _project_backward(self, dZ: Array, projected: Any) -> dict[str, Array]:
        """Return the cotangents of W_in and c."""
        rows = array_namespace(dZ).reshape(dZ, (-1, dZ.shape[-1]))
        dW_in, _, dc = affine.backward(rows, projected)
        return {"W_in": dW_in, "c": dc}

    def _first_state(self, params: dict[str, Tree], B: int) -> Array:
        return zeros_like(params["W_in"], (B, self.state_size))

    def _loop_forward(self, params, X, h0, *, last, outer):
        W, residuals = self.recurrent_forward(params["recurrent"])
        options = {"activation": self.activation, "last": last, "outer": outer, "fixed": True}
        args = W, params["W_in"], X, h0, params.get("c"), params.get("b")
        H, saved = unroll_projected.forward(*args, **options)
        return H, (residuals, saved)

    def _loop_backward(self, G, saved):
        """Return the cotangents of all parameters, None for those that there are not, and of h0."""
        residuals, inner = saved
        dW, dW_in, _, dh0, dc, db = unroll_projected.backward(G, inner)
        recurrent = self.recurrent_backward(dW, residuals)
        return {"W_in": dW_in, "c": dc, "recurrent": recurrent, "b": db}, dh0

    def step(self, params: dict[str, Tree], h: Array, x: Array) -> Array:
        """Return the state after one input, of shape ``(B, d)``, for streams."""
        return self.forward(params, x[None, ...], h, last=True)[0]

    def step_vjp(
        self, params: dict[str, Tree], h: Array, x: Array, g: Array
    ) -> tuple[dict[str, Tree], Array]:
        """Return the cotangents of the parameters and of `h` for one step."""
        return self.backward(g, self.forward(params, x[None, ...], h, last=True)[1])


def real_features(H: Array) -> Array:
    """Return a real array of the state: real and imaginary parts side by side if complex."""
    if not is_complex(H):
        return H
    xp = array_namespace(H)
    return xp.concat([xp.real(H), xp.imag(H)], axis=-1)


def state_cotangent(G: Array, complex_state: bool) -> Array:
    """Pull the cotangent of `real_features` back to the state."""
    if not complex_state:
        return G
    n = G.shape[-1] // 2
    return to_complex(G[..., :n]) + 1j * to_complex(G[..., n:])


def check_sizes(cell: AbstractCell) -> None:
    for name in ("input_size", "hidden_size"):
        value = getattr(cell, name)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"`{type(cell).__name__}` needs {name} >= 1. Got {value!r}.")
