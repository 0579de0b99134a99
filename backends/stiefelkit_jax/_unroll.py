"""The time loop of a recurrent network as one compiled scan."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from stiefelkit.linalg import OuterProduct


@functools.partial(jax.jit, static_argnames=("activation", "last"))
def _scan_forward(W, Z, h0, b, *, activation, last):
    def step(h, z):
        z = z + h @ W.T
        h = activation.apply(z, b)
        return h, (h, z if activation.needs_input else None)

    end, (H, inputs) = lax.scan(step, h0, Z)
    return (end if last else H), (jnp.concatenate([h0[None], H]), inputs)


@functools.partial(jax.jit, static_argnames=("activation", "last", "outer"))
def _scan_backward(G, W, H, inputs, b, *, activation, last, outer):
    def step(carried, given):
        g, h, z = given
        delta = activation.backward(carried if last else g + carried, h, z, b)
        pulled = delta @ jnp.conj(W)
        return pulled, (delta, pulled if outer else None)

    start = G if last else jnp.zeros_like(H[0])
    given = (None if last else G, H[1:], inputs)
    carried, (delta, pulled) = lax.scan(step, start, given, reverse=True)
    db = None if b is None else activation.bias_cotangent(delta, H[1:])
    return carried, delta, pulled, db


def unroll(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run a recurrence as a scan, which JAX compiles once instead of T times dispatching.

    Benchmark: rnn.Step, library jax.
    """
    return forward(W, Z, h0, b, activation=activation, last=last)[0]


def forward(W, Z, h0, b=None, /, *, activation, last=False, outer=False):
    """Run the recurrence and keep the states.

    Benchmark: rnn.Step, library jax.
    """
    Y, (H, inputs) = _scan_forward(W, Z, h0, b, activation=activation, last=last)
    return Y, (W, H, inputs, b)


def backward(G, saved, /, *, activation, last=False, outer=False):
    """Run the recurrence backward in time.

    Benchmark: rnn.Step, library jax.
    """
    W, H, inputs, b = saved
    options = {"activation": activation, "last": last, "outer": outer}
    carried, delta, pulled, db = _scan_backward(G, W, H, inputs, b, **options)
    factors = (delta, H[:-1], pulled) if outer else (delta, H[:-1])
    dW = OuterProduct(*(X.reshape(-1, H.shape[-1]) for X in factors))
    return dW if outer else dW.dense(), delta, carried, db
