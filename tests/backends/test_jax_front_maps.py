"""Parametrizations as functions that JAX differentiates."""

import functools

import numpy as np
import pytest

import stiefelkit
from stiefelkit import parametrizations
from stiefelkit.parametrizations import CWY, TCWY, AbstractParametrization

from .._classes import concrete, normal

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
skj = pytest.importorskip("stiefelkit_jax")

# Phases that are free make leaves real and complex in one tree.
MAPS = [
    cls(3, 2, free_phases=True) if cls.surjective else cls(3)
    for cls in concrete(parametrizations, AbstractParametrization)
]
CASES = [*((m, "complex128") for m in MAPS), (TCWY(4, 2), "float64"), (CWY(3), "float64")]


@pytest.fixture(autouse=True)
def _double_precision():
    jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize(("map_", "dtype"), CASES, ids=str)
def test_gradients_are_the_conjugates_of_ours(map_, dtype, rng):
    wrapped = skj.Parametrization(map_)
    params = wrapped.init(rng=1, like=jnp.zeros(0, dtype))
    X, C = (jnp.asarray(normal(rng, s, dtype)) for s in ((map_.p, 2), (map_.n, map_.p)))
    D = jnp.asarray(normal(rng, (map_.n, 2), dtype))

    @jax.jit
    def slopes(params, X):
        def loss(params, X):
            products = jnp.vdot(C, wrapped.matrix(params)), jnp.vdot(D, wrapped.apply(params, X))
            return jnp.real(products[0]) + 2 * jnp.real(products[1])

        return jax.grad(loss, (0, 1))(params, X)

    found, dX = slopes(params, X)
    host, X, C, D = jax.tree.map(np.asarray, (params, X, C, D))
    with stiefelkit.use_kernels(False):
        first = map_.matrix_backward(C, map_.matrix_forward(host)[1])
        second, expected = map_.apply_backward(D, map_.apply_forward(host, X)[1])
    np.testing.assert_allclose(np.conj(dX), 2 * expected, rtol=0, atol=1e-12)
    assert found.keys() == params.keys()
    for name, g in found.items():
        assert (first[name] is None) == (name in wrapped.fixed)
        own = 0 * host[name] if first[name] is None else first[name] + 2 * second[name]
        np.testing.assert_allclose(np.conj(g), own, rtol=0, atol=1e-12, strict=True)


def test_maps_over_a_batch_agree_with_a_loop(rng):
    tcwy = skj.Parametrization(TCWY(4, 2))
    V, C = jnp.asarray(rng.standard_normal((3, 4, 2))), jnp.asarray(rng.standard_normal((4, 2)))
    d = jnp.ones(2)

    def slope(V):
        return jax.grad(lambda V: jnp.sum(C * tcwy.matrix({"V": V, "d": d})) ** 2)(V)

    batch = jax.jit(jax.vmap(slope))(V)
    one = jax.jit(slope)
    np.testing.assert_allclose(batch, jnp.stack([one(v) for v in V]), rtol=0, atol=1e-13)


def test_starts_are_those_of_the_map():
    cwy = skj.Parametrization(CWY(4, 3))
    params, host = cwy.init(rng=2, like=jnp.zeros(0)), CWY(4, 3).init(rng=2, like=np.empty(0))
    for name, x in params.items():
        assert isinstance(x, jax.Array)
        np.testing.assert_allclose(x, host[name], rtol=0, atol=1e-15, strict=True)
    assert cwy.init(rng=2)["V"].dtype == jnp.zeros(0).dtype
    single = cwy.init(rng=2, like=jnp.zeros(0, "complex64"))
    assert {x.dtype for x in single.values()} == {jnp.dtype("complex64")}
    again = cwy.from_matrix(np.asarray(cwy.matrix(params)))
    np.testing.assert_allclose(cwy.matrix(again), cwy.matrix(params), rtol=0, atol=1e-14)


@pytest.mark.parametrize("make", [jax.random.key, jax.random.PRNGKey], ids=lambda f: f.__name__)
def test_a_key_is_a_seed(make):
    cwy = skj.Parametrization(CWY(4, 3))
    first, second = (cwy.init(rng=key)["V"] for key in jax.random.split(make(0)))
    again = cwy.init(rng=jax.random.split(make(0))[1])["V"]
    np.testing.assert_array_equal(second, again)
    assert jnp.max(jnp.abs(first - second)) > 0.1
    V = jax.jit(lambda: cwy.init(rng=jax.random.split(make(0))[1])["V"])
    with pytest.raises(TypeError, match=r"whose value is known. Got a traced `rng` of .* Draw out"):
        V()  # what is made in a traced function is traced
    with pytest.raises(TypeError, match=r"one JAX key as `rng`.* shape \(3"):
        cwy.init(rng=jax.random.split(make(0), 3))


def test_starts_are_constants_of_a_traced_function():
    cwy, key = skj.Parametrization(CWY(4, 3)), jax.random.key(1)
    like = jnp.zeros(0, "float32")
    for rng in (0, key):
        expected = cwy.init(rng=rng, like=like)
        for traced in (
            jax.jit(lambda rng=rng: cwy.init(rng=rng, like=like))(),
            jax.jit(lambda like, rng=rng: cwy.init(rng=rng, like=like))(like),
        ):
            for name, x in traced.items():
                np.testing.assert_array_equal(x, expected[name], strict=True)
    assert jax.jit(lambda: cwy.init(rng=0))()["V"].dtype == jnp.zeros(0).dtype
    with pytest.raises(TypeError, match=r"Got a traced `rng` of int"):
        jax.jit(lambda seed: cwy.init(rng=seed))(0)


def test_numpy_arrays_become_those_of_jax():
    cwy = skj.Parametrization(CWY(4, 3))
    params = cwy.init(rng=2, like=np.zeros(0, "complex64"))
    host, X = jax.tree.map(np.asarray, params), np.ones((3, 2), "complex64")
    pairs = (
        (cwy.matrix(host), cwy.matrix(params)),
        (cwy.apply(host, X), cwy.apply(params, jnp.asarray(X))),
    )
    for found, expected in pairs:
        assert isinstance(found, jax.Array)
        np.testing.assert_array_equal(found, expected, strict=True)
    slopes = jax.grad(lambda params: jnp.real(cwy.apply(params, X)[0, 0]))
    for found, expected in zip(*(jax.tree.leaves(slopes(p)) for p in (host, params)), strict=True):
        assert isinstance(found, jax.Array)
        np.testing.assert_array_equal(found, expected, strict=True)


def test_a_pair_gets_jax_arrays():
    def forward(params, x):
        assert all(isinstance(leaf, jax.Array) for leaf in (params["A"], x))
        return params["A"] @ x, None

    pair = skj.differentiable_pair(forward, lambda G, _: (None, None))
    Y = pair({"A": np.eye(2), "none": None}, np.ones((2, 1), dtype="float32"))
    np.testing.assert_array_equal(Y, np.ones((2, 1)), strict=True)


def test_it_is_a_static_argument():
    value = functools.partial(jax.jit, static_argnums=0)(lambda m, params: m.matrix(params)[0, 0])
    cwy = skj.Parametrization(CWY(2))
    assert float(value(cwy, cwy.from_matrix(-jnp.eye(2)))) == pytest.approx(-1.0)
