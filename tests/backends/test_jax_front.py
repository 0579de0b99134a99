"""The ops as functions that JAX differentiates: by our gradients, in JAX's convention."""

import functools

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import OuterProduct
from stiefelkit.manifolds import Orthogonal
from stiefelkit.rnn import ModReLU, Tanh

from .._arguments import OPS, arguments, array_positions, as_tuple, cases, cotangents, each

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
skj = pytest.importorskip("stiefelkit_jax")


@pytest.fixture(autouse=True)
def _double_precision():
    jax.config.update("jax_enable_x64", True)


def first_cases(names, field):
    """Return for each op its first case: compiling the others takes long."""
    found = {}
    for parameter in cases(shapes=("small",), batches=("mixed", "one"), names=names):
        case = parameter.values[0]
        if case.field == field and case.optional == (field == "complex"):
            found.setdefault(case.name, parameter)
    return list(found.values())


def draw(rng, *shape, dtype="complex128"):
    x = rng.standard_normal(shape)
    return jnp.asarray(x + 1j * rng.standard_normal(shape) if "complex" in dtype else x)


def cotangent_of(function, args, G):
    """Return the cotangents of the arguments for one of the output, compiled."""

    @jax.jit
    def pull(args, G):
        return jax.vjp(function, *args)[1](G)

    return pull(args, G)


# Every op on complex arrays; on real ones, where something is None, or nothing is conjugated.
TABLE = [
    *first_cases(tuple(OPS), "complex"),
    *first_cases(("givens_product", "givens_rotate", "givens_angles", "cayley"), "real"),
]


@pytest.mark.parametrize("case", TABLE)
def test_cotangents_are_the_conjugates_of_ours(case):
    args = arguments(case)
    places = array_positions(case, args)
    with stiefelkit.use_kernels(False):
        Y, residuals = case.op.forward(*args, **case.options)
        G = cotangents(case, Y)
        expected = [g for g in case.op.backward(G, residuals) if g is not None]

    def function(*arrays):
        whole = list(args)
        for i, x in zip(places, arrays, strict=True):
            whole[i] = x
        return getattr(skj.linalg, case.name)(*whole, **case.options)

    arrays = [jnp.asarray(args[i]) for i in places]
    found = cotangent_of(function, arrays, each(lambda g: jnp.asarray(np.conj(g)), G))
    for g, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.conj(g), e, rtol=0, atol=1e-11, strict=True)
    for y, e in zip(as_tuple(function(*arrays)), as_tuple(Y), strict=True):
        assert (y is None) == (e is None)
        if e is not None:
            np.testing.assert_allclose(y, e, rtol=0, atol=1e-12, strict=True)


def reflections(V):
    Q = jnp.eye(V.shape[0], dtype=V.dtype)
    for k in range(V.shape[1]):
        v = V[:, k, None] / jnp.linalg.norm(V[:, k])
        Q = Q - 2 * (Q @ v) @ jnp.conj(v.T)
    return Q


def cayley(A):
    return jnp.linalg.solve(jnp.eye(len(A)) - A / 2, jnp.eye(len(A)) + A / 2)


FORMULAS = {
    "cwy_matrix": (skj.linalg.cwy_matrix, reflections),
    "cayley": (
        lambda B: skj.linalg.cayley(skj.linalg.skew(B)),
        lambda B: cayley((B - jnp.conj(B.T)) / 2),
    ),
    "expm_skew": (
        lambda B: skj.linalg.expm_skew(skj.linalg.skew(B)),
        lambda B: jax.scipy.linalg.expm((B - jnp.conj(B.T)) / 2),
    ),
    "gram": (skj.linalg.gram, lambda X: jnp.conj(X.T) @ X),
}


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, "complex128") for name in FORMULAS), ("cwy_matrix", "float64")]
)
def test_gradients_are_those_of_the_formula(name, dtype, rng):
    X, C = draw(rng, 3, 3, dtype=dtype), draw(rng, 3, 3, dtype=dtype)

    def loss(function, X):
        # What comes before and after is JAX's own: conventions that differ would show.
        Y = function(jnp.exp(0.1j * X.real) * X if dtype == "complex128" else jnp.sin(X))
        return jnp.sum(jnp.abs(C @ Y - C) ** 3) + jnp.real(Y[0, 1] ** 2)

    ours, plain = (functools.partial(loss, f) for f in FORMULAS[name])
    found, expected = (jax.jit(jax.value_and_grad(f))(X) for f in (ours, plain))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-11)


def energy(A, X):
    """Return a number that takes a broadcast, a solve and a rotation by a number."""
    Q = skj.linalg.cayley(skj.linalg.skew(A))
    return jnp.sum(jnp.abs(skj.linalg.givens_rotate(Q @ X, 0, 1, 0.3)) ** 3)


def test_maps_over_a_batch_agree_with_a_loop(rng):
    A, X = draw(rng, 4, 3, 3), draw(rng, 3, 2)
    slope = jax.jit(jax.grad(energy))
    expected = jnp.stack([slope(a, X) for a in A])
    for transformed in (
        jax.vmap(jax.grad(energy), (0, None)),
        jax.grad(lambda A, X: jnp.sum(jax.vmap(energy, (0, None))(A, X))),
        lambda A, X: jax.lax.map(lambda a: slope(a, X), A),
    ):
        np.testing.assert_allclose(jax.jit(transformed)(A, X), expected, rtol=0, atol=1e-12)


def test_a_map_over_one_argument_sums_the_other(rng):
    V, X = draw(rng, 4, 2), draw(rng, 5, 4, 3)

    def total(V):
        return jnp.sum(jnp.abs(jax.vmap(skj.linalg.cwy_apply, (None, 0))(V, X) - 1) ** 2)

    def plain(V):
        return jnp.sum(jnp.abs(reflections(V) @ X - 1) ** 2)

    found, expected = (jax.jit(jax.grad(f))(V) for f in (total, plain))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_jacobian_and_second_derivatives(rng):
    A, X, D = (draw(rng, 3, m, dtype="float64") for m in (3, 2, 3))
    J = jax.jit(jax.jacrev(lambda A: skj.linalg.cayley(skj.linalg.skew(A))))(A)
    plain = jax.jit(jax.jacfwd(lambda A: cayley((A - A.T) / 2)))(A)
    np.testing.assert_allclose(J, plain, rtol=0, atol=1e-13)
    H = jax.jit(jax.jacrev(jax.grad(energy)))(A, X)
    slope, h = jax.jit(jax.grad(energy)), 1e-5
    difference = (slope(A + h * D, X) - slope(A - h * D, X)) / (2 * h)
    # About eps/h is lost to rounding, and h^2.
    np.testing.assert_allclose(jnp.tensordot(H, D), difference, rtol=0, atol=1e-7)


def test_no_tracer_is_left_behind():
    with jax.checking_leaks():
        jax.jit(jax.grad(lambda V: skj.linalg.cwy_matrix(V)[0, 1]))(jnp.ones((3, 1)))


def test_every_op_has_its_name():
    for home in (skj.linalg, skj.rnn):
        name = home.__name__.split(".")[1]
        own = {n for n, op in stiefelkit.ops().items() if op.__module__.split(".")[1] == name}
        assert set(dir(home)) == own
        for op in own:
            function = getattr(home, op)
            assert function.__name__ == op
            assert function.__wrapped__ is stiefelkit.ops()[op]
    with pytest.raises(AttributeError, match=r"has the ops .*'cayley'.* Got 'transform'"):
        skj.linalg.transform  # noqa: B018


def test_arguments_are_taken_and_refused_as_by_the_op():
    V, X = np.eye(3, 1, dtype="float32"), np.eye(3, dtype="float32")
    Y = skj.linalg.cwy_apply(V, X)
    assert isinstance(Y, jax.Array)
    np.testing.assert_array_equal(Y, np.diag([-1.0, 1.0, 1.0]))
    turned = jax.grad(lambda theta: skj.linalg.givens_rotate(X, 0, 1, theta)[0, 1])(np.float32(0))
    assert (turned.dtype, abs(float(turned))) == (jnp.float32, 1.0)
    assert skj.linalg.givens_rotate(X, 0, 1, 0.5).dtype == jnp.float32
    with pytest.raises(ValueError, match=r"Got n=3 from `V` and n=2 from `X`"):
        skj.linalg.cwy_apply(V, X[:2])
    with pytest.raises(TypeError, match=r"Got `V` of type list, which is no array"):
        skj.linalg.cwy_apply([1.0], X)


@pytest.mark.parametrize(
    ("activation", "dtype", "outer"),
    [(Tanh(), "float64", False), (ModReLU(), "complex128", True)],
    ids=str,
)
def test_gradients_through_time(activation, dtype, outer, rng):
    W, Z, h0 = (draw(rng, *s, dtype=dtype) for s in ((3, 3), (4, 2, 3), (2, 3)))
    b = draw(rng, 3, dtype="float64") if activation.has_bias else None

    def plain(W, Z, h0, b):
        H = [h0]
        for z in Z:
            H.append(activation.apply(z + H[-1] @ W.T, b))
        return jnp.stack(H[1:])

    def ours(W, Z, h0, b):
        return skj.rnn.unroll(W, Z, h0, b, activation=activation, outer=outer)

    args, places = (W, Z, h0, b), (0, 1, 2) if b is None else (0, 1, 2, 3)
    found, expected = (
        jax.jit(jax.grad(lambda *a, f=f: jnp.sum(jnp.abs(f(*a) - 1) ** 2), places))(*args)
        for f in (ours, plain)
    )
    for g, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=0, atol=1e-11, strict=True)


def test_a_pair_takes_trees_and_leaves_out_what_is_zero(rng):
    def forward(params, X, *, power):
        Y = params["A"] @ X
        return {"Y": Y, "none": None}, (params["A"], X, "text", power)

    def backward(G, residuals):
        A, X, _, power = residuals
        assert power == 1
        dA = OuterProduct(G["Y"].mT, X.mT)
        return {"A": dA, "unused": None}, jnp.conj(A.mT) @ G["Y"]

    pair = skj.differentiable_pair(forward, backward)
    params = {"A": draw(rng, 2, 3), "unused": draw(rng, 2)}
    X = draw(rng, 3, 4)

    def loss(function, params, X):
        return jnp.sum(jnp.abs(function(params, X)) ** 3)

    found, plain = (
        jax.tree.leaves(jax.jit(jax.grad(functools.partial(loss, f), (0, 1)))(params, X))
        for f in (lambda p, X: pair(p, X, power=1)["Y"], lambda p, X: p["A"] @ X)
    )
    for g, e in zip(found, plain, strict=True):
        np.testing.assert_allclose(g, e, rtol=0, atol=1e-12, strict=True)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_minimize_takes_gradients_from_jax(dtype, rng):
    A = draw(rng, 3, 3, dtype=dtype)
    # In the component of the answer, which a descent on the real group does not leave.
    Q0 = skj.linalg.orthonormalize(A, method="qr")

    @jax.jit
    def fun(Q):
        return jnp.sum(jnp.abs(skj.linalg.gram(Q) @ A - Q) ** 2)

    found = stiefelkit.minimize(fun, Q0, manifold=Orthogonal(), tol=1e-7)
    nearest = skj.linalg.orthonormalize(A, method="polar")
    assert found.success
    np.testing.assert_allclose(found.x, nearest, rtol=0, atol=1e-6)
