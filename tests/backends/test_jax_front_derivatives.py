"""Second derivatives of the maps in JAX, and forward mode, which is for gradients alone."""

import numpy as np
import pytest

from stiefelkit.parametrizations import TCWY
from stiefelkit.rnn import Tanh

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
skj = pytest.importorskip("stiefelkit_jax")


@pytest.fixture(autouse=True)
def _double_precision():
    jax.config.update("jax_enable_x64", True)


def reflections(V):
    Q = jnp.eye(V.shape[0])
    for v in V.T:
        Q = Q - 2 * jnp.outer(Q @ v, v) / (v @ v)
    return Q


def cayley(A):
    return jnp.linalg.solve(jnp.eye(len(A)) - A / 2, jnp.eye(len(A)) + A / 2)


def unrolled(W):
    h = jnp.ones((1, 3))
    for _ in range(3):
        h = jnp.tanh(0.1 + h @ W.T)
    return h


def tcwy(V):
    return skj.Parametrization(TCWY(3)).matrix({"V": V, "d": jnp.ones(3)})


# Each map, and the same by JAX's own operations.
MAPS = {
    "cayley": (
        lambda A: skj.linalg.cayley(skj.linalg.skew(A)),
        lambda A: cayley((A - A.T) / 2),
    ),
    "expm_skew": (
        lambda A: skj.linalg.expm_skew(skj.linalg.skew(A)),
        lambda A: jax.scipy.linalg.expm((A - A.T) / 2),
    ),
    "cwy_matrix": (skj.linalg.cwy_matrix, reflections),
    "parametrization": (tcwy, reflections),
    "unroll": (
        lambda W: skj.rnn.unroll(
            W, jnp.full((3, 1, 3), 0.1), jnp.ones((1, 3)), activation=Tanh(), last=True
        ),
        unrolled,
    ),
}


@pytest.mark.parametrize("name", list(MAPS))
def test_hessian_is_that_of_the_formula(name, rng):
    A = jnp.asarray(rng.standard_normal((3, 3)))
    C = jnp.asarray(rng.standard_normal((3, 3)))

    def loss(function, A):
        return jnp.sum(jnp.cos(C[: len(function(A))] * function(A)))

    found, expected = (jax.jit(jax.hessian(lambda A, f=f: loss(f, A)))(A) for f in MAPS[name])
    assert jnp.max(jnp.abs(expected)) > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", list(MAPS))
def test_forward_mode_of_a_map_is_refused(name):
    ours = MAPS[name][0]
    with pytest.raises(TypeError, match=r"forward-mode.*custom_vjp"):
        jax.jvp(ours, (jnp.eye(3),), (jnp.eye(3),))
    with pytest.raises(TypeError, match=r"forward-mode.*custom_vjp"):
        jax.jacfwd(ours)(jnp.eye(3))
