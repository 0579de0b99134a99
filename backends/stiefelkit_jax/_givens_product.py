"""`givens_product` and its gradient as loops that JAX compiles once.

A round turns every row i against its mirror image total - i, or leaves it. So written it has
one form for all rounds, and the loop over the rounds is a scan.
"""

import functools

import jax
import jax.numpy as jnp
import numpy

from stiefelkit.linalg import givens_rounds


def givens_product(theta, X, phi=None, /):
    """Turn `X` by a scan over the rounds.

    Benchmark: linalg.Ops, op givens_product. The reference unrolls 2n rounds, which takes
    seconds to compile or, uncompiled, copies all of `X` in each of ten operations a round.
    Agrees with the reference to 4 eps for every rotation that a row takes part in.
    """
    return NotImplemented if _declines(theta, X, phi) else _product(theta, X, phi)


def forward(theta, X, phi=None, /):
    """Turn `X`, and keep the result, from which the gradient turns back.

    Benchmark: linalg.Gradients, op givens_product.
    """
    if _declines(theta, X, phi):
        return NotImplemented
    Y = _product(theta, X, phi)
    return Y, (theta, Y, phi)


def backward(G, saved, /):
    """Turn the result and its cotangent back, and read off the slopes on the way.

    Benchmark: linalg.Gradients, op givens_product.
    """
    return _backward(G, *saved)


def _declines(theta, X, phi):
    # Without angles nothing turns; what phases of real arrays mean is not ours to say.
    return theta.shape[-1] == 0 or (phi is not None and not jnp.iscomplexobj(X))


@functools.lru_cache(maxsize=32)
def _schedule(n, r):
    """Return p, the (sum, first row, first angle) of each round, and (round, row) of each angle."""
    p = next(p for p in range(n) if n * p - p * (p + 1) // 2 == r)
    table = givens_rounds(n, p)
    counts = [len(pairs) for pairs in table]
    starts = numpy.cumsum([0, *counts[:-1]])
    rounds = tuple(
        numpy.asarray(x, dtype="int32")
        for x in ([sum(t[0]) for t in table], [t[0][0] for t in table], starts)
    )
    rows = numpy.asarray([i for t in table for i, _ in t])
    return p, rounds, (numpy.repeat(numpy.arange(len(table)), counts), rows)


def _meet(turn, n, p):
    """Return for each row its partner in a round, its angle, and its side: 1, -1, or 0 at rest."""
    total, first, start = turn
    i = jnp.arange(n)
    j = total - i
    lower = jnp.minimum(i, j)
    rests = (j < 0) | (j >= n) | (i == j) | (lower >= p)
    return jnp.where(rests, i, j), start + lower - first, jnp.where(rests, 0, jnp.sign(j - i))


def _unit_phase(theta, phi, dtype):
    if phi is None:
        return jnp.ones_like(theta, dtype=dtype)
    return (jnp.cos(phi) + 1j * jnp.sin(phi)).astype(dtype)


def _turn(X, partner, c, s, side):
    """Turn the rows of `X` by the factors that each has in this round."""
    own = jnp.where(side == 0, 1, c)[..., None]
    other = jnp.where(side == 0, 0, jnp.where(side > 0, s, -jnp.conj(s)))[..., None]
    return own * X + other * X[..., partner, :]


def _broadcast(X, *angles):
    batches = [a.shape[:-1] for a in angles if a is not None]
    return jnp.broadcast_to(X, jnp.broadcast_shapes(X.shape[:-2], *batches) + X.shape[-2:])


@jax.jit
def _product(theta, X, phi):
    n = X.shape[-2]
    p, rounds, _ = _schedule(n, theta.shape[-1])
    c = jnp.cos(theta).astype(X.dtype)
    s = jnp.sin(theta).astype(X.dtype) * _unit_phase(theta, phi, X.dtype)

    def step(X, turn):
        partner, angle, side = _meet(turn, n, p)
        return _turn(X, partner, c[..., angle], s[..., angle], side), None

    return jax.lax.scan(step, _broadcast(X, theta, phi), rounds, reverse=True)[0]


@jax.jit
def _backward(G, theta, Y, phi):
    n = Y.shape[-2]
    p, rounds, place = _schedule(n, theta.shape[-1])
    e = _unit_phase(theta, phi, Y.dtype)
    c, s = jnp.cos(theta).astype(Y.dtype), jnp.sin(theta).astype(Y.dtype) * e

    def step(pair, turn):
        partner, angle, side = _meet(turn, n, p)
        ck, sk, ek = c[..., angle], s[..., angle], e[..., angle]
        X, F = (_turn(Z, partner, ck, -sk, side) for Z in pair)
        slope = _slope(pair[1], pair[0], partner, ek, -jnp.conj(ek))
        if phi is None:
            return (X, F), (slope, None)
        return (X, F), (slope, _slope(pair[1], X, partner, 1j * sk, 1j * jnp.conj(sk)))

    (_, F), slopes = jax.lax.scan(step, (Y, _broadcast(G, theta, phi)), rounds)
    turns, rows = place
    dtheta, dphi = (None if x is None else jnp.moveaxis(x[turns, ..., rows], 0, -1) for x in slopes)
    return dtheta, F, dphi


def _slope(G, X, partner, a, b):
    """Return Re(a <g_i, x_j> + b <g_j, x_i>) for each row i and its partner j."""
    across = jnp.vecdot(G, X[..., partner, :])
    return jnp.real(a * across + b * across[..., partner])
