"""The checks of cotangents and of parametrizations: ours pass, defects do not."""

import dataclasses

import numpy as np
import pytest

from stiefelkit import dispatchable
from stiefelkit._xp import adjoint, array_namespace, conj, standard_normal
from stiefelkit.linalg import cayley, cholesky, givens_rotate
from stiefelkit.parametrizations import CWY, TCWY
from stiefelkit.testing import check_parametrization, check_vjp

from .._classes import DTYPES, FAST
from ._manifolds import failures

dtypes = pytest.mark.parametrize("dtype", DTYPES)


def product_forward(A, B):
    return A @ B, (A, B)


PRODUCTS = {
    "right": (lambda G, A, B: (G @ adjoint(B), adjoint(A) @ G), set()),
    "twice": (lambda G, A, B: (2 * G @ adjoint(B), adjoint(A) @ G), {"A"}),
    "other": (lambda G, A, B: (G @ adjoint(B), A @ G), {"B"}),
    "none": (lambda G, A, B: (0 * A, None), {"A"}),
}
CONJUGATES = (lambda G, A, B: (conj(G) @ B.mT, adjoint(A) @ G), {"A"})


@FAST
@dtypes
@pytest.mark.parametrize("name", PRODUCTS)
def test_wrong_cotangents_are_caught(name, dtype, library):
    backward, expected = PRODUCTS[name]
    A, B = (standard_normal((3, 3), seed, library.like(dtype)) for seed in (0, 1))
    report = check_vjp((product_forward, lambda G, saved: backward(G, *saved)), A, B, rng=2)
    assert failures(report) == expected
    assert ("B" in report) is (name != "none")


@FAST
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_a_conjugate_in_the_wrong_place_is_caught(dtype, library):
    backward, expected = CONJUGATES
    A, B = (standard_normal((3, 3), seed, library.like(dtype)) for seed in (0, 1))
    report = check_vjp((product_forward, lambda G, saved: backward(G, *saved)), A, B, rng=2)
    assert failures(report) == expected


@FAST
@dtypes
def test_ops_pass_with_options_and_arguments_that_are_no_arrays(dtype, library):
    X = standard_normal((4, 3), 0, library.like(dtype))
    theta = library.asarray(np.asarray(0.3), "float32" if dtype in DTYPES[::2] else "float64")
    report = check_vjp(givens_rotate, X, 0, 2, theta, rng=1, side="right")
    assert report.ok, report
    assert [check.name for check in report] == ["forward", "X", "theta"]


@FAST
@dtypes
def test_positive_arguments_stay_positive(dtype, library):
    X = standard_normal((4, 4), 0, library.like(dtype))
    A = X @ adjoint(X) + 4 * library.asarray(np.eye(4), dtype)
    assert check_vjp(cholesky, A, rng=1).ok
    skewed = {"A": standard_normal((4, 4), 1, A)}
    assert not check_vjp(cholesky, A, rng=1, directions=skewed).ok


@FAST
@dtypes
def test_an_op_whose_forward_pass_differs_is_caught(dtype, library):
    @dispatchable("(n,n)->(n,n)")
    def twice(A, /):
        return 2 * A

    twice.defvjp(lambda A: (3 * A, None), lambda G, _: 2 * G)
    A = standard_normal((3, 3), 0, library.like(dtype))
    assert failures(check_vjp(twice, A, rng=1)) == {"forward"}


@FAST
@dtypes
def test_trees_and_tuples_of_cotangents(dtype, library):
    params = {k: standard_normal((3, 3), s, library.like(dtype)) for s, k in enumerate("Ab")}

    def forward(params, scale):
        return (scale * params["A"], None, params["b"] * params["b"]), (params, scale)

    def backward(G, saved):
        params, _ = saved
        return {"A": G[0], "b": 2 * G[2] * conj(params["b"])}

    assert failures(check_vjp((forward, backward), params, 2.0, rng=1)) == {"params/A"}
    assert check_vjp((forward, backward), params, 1.0, rng=1).ok


@FAST
@dtypes
def test_the_shape_of_a_cotangent_is_told(dtype, library):
    A, B = (standard_normal((3, 3), seed, library.like(dtype)) for seed in (0, 1))
    pair = (product_forward, lambda G, saved: ((G @ adjoint(B))[..., :1], adjoint(A) @ G))
    report = check_vjp(pair, A, B, rng=2)
    assert failures(report) == {"A"}
    assert report["A"].note == "the cotangent has shape (3, 1), the array (3, 3)"


@FAST
@dtypes
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_steps_follow_the_size_of_the_argument(size, dtype, library):
    x = size * standard_normal((3,), 0, library.like(dtype))
    for factor, expected in ((2, set()), (4, {"x"})):
        pair = (lambda x: (x * x / size, x), lambda G, x, k=factor: k * G * conj(x) / size)
        assert failures(check_vjp(pair, x, rng=1)) == expected


@FAST
def test_a_singularity_widens_the_bound(library):
    """Differences near the pole of cayley disagree, so that they are not believed."""
    A = library.asarray(np.asarray([[1.99999]]))
    assert check_vjp(cayley, A * 0, rng=1)["A"].bound < 1e-9
    near = library.asarray(np.asarray([[1.99]]))
    assert 1e-9 < check_vjp(cayley, near, rng=1)["A"].bound < 0.2


@dataclasses.dataclass(frozen=True)
class LosesSigns(CWY):
    def from_matrix(self, Q):
        params = super().from_matrix(Q)
        return {**params, "d": 0 * params["d"] + 1}


@dataclasses.dataclass(frozen=True)
class Stretches(CWY):
    def matrix_forward(self, params):
        Q, residuals = super().matrix_forward(params)
        return 1.5 * Q, residuals


@dataclasses.dataclass(frozen=True)
class AppliesTheAdjoint(CWY):
    def apply(self, params, X):
        return adjoint(self.matrix(params)) @ X


@dataclasses.dataclass(frozen=True)
class MovesFixedLeaves(CWY):
    def matrix_backward(self, G, residuals):
        grads = super().matrix_backward(G, residuals)
        xp = array_namespace(G)
        return {"V": 2 * grads["V"], "d": xp.sum(G, axis=-2)}


@dataclasses.dataclass(frozen=True)
class LosesCotangents(CWY):
    def apply_backward(self, G, residuals):
        grads, dX = super().apply_backward(G, residuals)
        return {**grads, "V": None}, 2 * dX


PARAMETRIZATIONS = {
    LosesSigns: {"from_matrix", "from_matrix, reflected"},
    Stretches: {"orthonormal", "from_matrix", "from_matrix, reflected", "apply", "matrix/V"},
    AppliesTheAdjoint: {"apply", "apply/V", "apply/X"},
    MovesFixedLeaves: {"fixed", "matrix/V", "matrix/d"},
    LosesCotangents: {"fixed", "apply/X"},
}


@FAST
@dtypes
@pytest.mark.parametrize("defect", PARAMETRIZATIONS)
def test_wrong_parametrizations_are_caught(defect, dtype, library):
    found = failures(check_parametrization(defect(4), rng=0, like=library.like(dtype)))
    assert found == PARAMETRIZATIONS[defect]
    assert check_parametrization(CWY(4), rng=0, like=library.like(dtype)).ok


@FAST
@dtypes
def test_maps_without_inverse_and_given_parameters(dtype, library):
    like = library.like(dtype)
    map_ = CWY(5, 2, k=4)
    report = check_parametrization(map_, rng=0, like=like, inverse=False)
    assert report.ok, report
    assert "from_matrix" not in report
    params = TCWY(5, 2).init(rng=0, like=like)
    assert check_parametrization(TCWY(5, 2), params, rng=0, like=like).ok
    params["d"] = 1.1 * params["d"]
    assert not check_parametrization(TCWY(5, 2), params, rng=0, like=like).ok
