"""Values, gradients and Hessians against each other, and the known answers."""

import numpy as np
import pytest

from stiefelkit import problems
from stiefelkit.manifolds import Orthogonal, Stiefel

from .._classes import (
    DOUBLES,
    NUMPY,
    REAL,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    frame,
    host,
    inner,
    normal,
)
from ._cases import CASES, draw, hermitian, table

KNOWN = [t for t in table(*DOUBLES) if t[0] not in ("ica", "tensor", "joint_diagonalization")]
KNOWN = [t for t in KNOWN if t[0] != "procrustes" or t[1][-1] == t[1][-2]]
every = pytest.mark.parametrize(("case", "shape", "dtype"), table(*DOUBLES))
known = pytest.mark.parametrize(("case", "shape", "dtype"), KNOWN)


@NUMPY
@every
def test_gradient_is_the_derivative_of_the_value(case, shape, dtype, library, rng):
    problem, X = draw(case, rng, shape, dtype, library)
    E = normal(rng, shape, dtype)
    value, G = problem.fun(X)
    assert value.shape == shape[:-2]
    assert_close(problem.value(X), value, 0)
    expected = central_difference(lambda t: problem.value(X + t * E))
    # The values are up to a thousand, of which differences lose some 1e-12 each.
    assert_close(inner(G, E), expected, 1e-8)


@NUMPY
@every
def test_hessp_is_the_derivative_of_the_gradient(case, shape, dtype, library, rng):
    problem, X = draw(case, rng, shape, dtype, library)
    E = normal(rng, shape, dtype)
    expected = central_difference(lambda t: problem.fun(X + t * E)[1])
    assert_close(problem.hessp(X, E), expected, 1e-8)


@NUMPY
@known
def test_minimizer_attains_the_optimum_and_is_stationary(case, shape, dtype, library, rng):
    problem, _ = draw(case, rng, shape, dtype, library)
    X, bound = problem.minimizer(), 3000 * eps(dtype)
    assert X.shape == shape
    problem.manifold.check_point(X)
    value, G = problem.fun(X)
    assert_close(value, problem.optimum(), bound)
    assert_close(problem.manifold.riemannian_gradient(X, G), 0 * X, bound)


@NUMPY
@known
def test_no_point_is_below_the_optimum(case, shape, dtype, library, rng):
    problem, _ = draw(case, rng, shape, dtype, library)
    values = [problem.value(frame(rng, shape, dtype)) for _ in range(200)]
    best = problem.minimizer()
    near = [best + 1e-2 * normal(rng, shape, dtype) for _ in range(50)]
    values += [problem.value(_signed_qr(X)) for X in near]
    assert np.all(np.min(values, axis=0) >= problem.optimum() - 3000 * eps(dtype))


def _signed_qr(X):
    Q, R = np.linalg.qr(X)
    diagonal = np.diagonal(R, axis1=-2, axis2=-1)
    return Q * (diagonal / np.abs(diagonal))[..., None, :]


@pytest.mark.parametrize(
    ("case", "shape", "dtype"),
    table("float32", "complex128", shapes=1) + table("float64", shapes=1),
)
def test_libraries_agree(case, shape, dtype, library, rng):
    problem, X = draw(case, rng, shape, dtype, library)
    Z = normal(rng, shape, dtype)
    x, z = library.asarray(X, dtype), library.asarray(Z, dtype)
    value, G = problem.fun(x)
    H = problem.hessp(x, z)
    for array in (G, H):
        assert_kept(array, library, dtype)
    assert_kept(value, library, REAL[dtype])
    reference, _ = draw(case, np.random.default_rng(20240229), shape, dtype, _Host)
    expected = reference.fun(X)
    bound = 2000 * eps(dtype)
    assert_close(host(value), expected[0], bound)
    assert_close(host(G), expected[1], bound)
    assert_close(host(H), reference.hessp(X, Z), bound)
    if problem.optimum is not None:
        assert_kept(problem.optimum(), library, REAL[dtype])
        assert_close(host(problem.optimum()), reference.optimum(), bound)
        assert_kept(problem.minimizer(), library, dtype)
        assert_close(host(problem.value(problem.minimizer())), reference.optimum(), bound)


class _Host:
    """NumPy arrays in double precision."""

    @staticmethod
    def asarray(x, dtype):
        return np.asarray(x)


@NUMPY
@pytest.mark.parametrize("case", list(CASES))
def test_an_empty_batch_gives_no_values(case, library, rng):
    shape = (0, 4, 4)
    problem, X = draw(case, rng, shape, "float64", library)
    value, G = problem.fun(X)
    assert (value.shape, G.shape, problem.hessp(X, X).shape) == ((0,), shape, shape)


@NUMPY
@pytest.mark.parametrize("case", ["procrustes", "nearest_frame"])
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 4, 4)])
def test_components_have_their_own_answers(case, shape, library, rng):
    problem, start = draw(case, rng, shape, "float64", library)
    other = start * np.asarray([-1.0] + [1.0] * (shape[-1] - 1))
    optima = []
    for x0 in (start, other):
        X = problem.minimizer(x0)
        Orthogonal().check_point(X)
        assert_close(np.linalg.det(X), np.linalg.det(x0), 1e-13)
        assert_close(problem.value(X), problem.optimum(x0), 1e-12)
        assert_close(Orthogonal().project(X, problem.fun(X)[1]), 0 * X, 1e-12)
        for _ in range(100):  # a random point of this component
            Q = frame(rng, shape, "float64")
            Q[..., 0] *= (np.linalg.det(Q) * np.linalg.det(x0))[..., None]
            assert np.all(problem.value(Q) >= problem.optimum(x0) - 1e-12)
        optima.append(problem.optimum(x0))
    assert_close(np.minimum(*optima), problem.optimum(), 1e-12)
    assert np.all(np.abs(optima[0] - optima[1]) > 1e-3)


@NUMPY
def test_the_unitary_group_has_one_answer(library, rng):
    problem, start = draw("procrustes", rng, (4, 4), "complex128", library)
    assert_close(problem.optimum(start), problem.optimum(), 0)


@NUMPY
def test_thin_procrustes_has_no_closed_answer(library, rng):
    problem, _ = draw("procrustes", rng, (5, 2), "float64", library)
    assert isinstance(problem.manifold, Stiefel)
    assert (problem.optimum, problem.minimizer) == (None, None)


@NUMPY
def test_both_forms_of_pca_agree(library, rng):
    Y = normal(rng, (9, 4), "complex128")
    first, second = problems.pca(2, data=Y), problems.pca(2, covariance=Y.conj().T @ Y)
    X = frame(rng, (4, 2), "complex128")
    for a, b in zip(first.fun(X), second.fun(X), strict=True):
        assert_close(a, b, 1e-12)
    assert_close(first.optimum(), second.optimum(), 1e-12)


@NUMPY
def test_ica_recovers_planted_sources(library, rng):
    m, n = 20000, 3
    sources = rng.laplace(size=(m, n)) @ np.diag([1.0, 2.0, 0.5])
    Y = sources @ rng.standard_normal((n, n))
    Y -= Y.mean(axis=0)
    U, _, _ = np.linalg.svd(Y, full_matrices=False)
    problem, Q = problems.ica(m**0.5 * U), frame(rng, (n, n), "float64")
    for _ in range(200):
        G = problem.manifold.riemannian_gradient(Q, problem.fun(Q)[1])
        Q = problem.manifold.retract(Q, -3 * G)
    assert np.linalg.norm(G) < 1e-10
    correlation = np.abs(np.corrcoef((m**0.5 * U @ Q).T, sources.T)[:n, n:])
    # The estimate itself is off by about 1/sqrt(m) = 0.007 in angle, of which this is the square.
    assert np.all(np.sort(correlation, axis=0)[-1] > 0.999)
    assert sorted(np.argmax(correlation, axis=0)) == [0, 1, 2]


@NUMPY
def test_log_cosh_does_not_overflow(library):
    value, G = problems.ica(np.asarray([[1e300]])).fun(np.eye(1))
    assert_close(value, np.float64(1e300), 1e285)
    assert_close(G, np.asarray([[1e300]]), 0)


@NUMPY
@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: problems.brockett(np.ones((3, 2)), np.ones(1)), ValueError, "3, 2"),
        (lambda: problems.brockett(np.ones((3, 3)), np.ones(4)), ValueError, "4"),
        (lambda: problems.pca(2), ValueError, "either"),
        (lambda: problems.pca(2, data=np.ones(3)), ValueError, "shape"),
        (lambda: problems.pca(2, covariance=np.ones((3, 4))), ValueError, "3, 4"),
        (lambda: problems.pca(4, data=np.ones((5, 3))), ValueError, "p=4"),
        (lambda: problems.procrustes(np.ones((5, 2)), np.ones((4, 2))), ValueError, "4, 2"),
        (lambda: problems.procrustes(np.ones((5, 2)), np.ones((5, 3))), ValueError, "p <= n"),
        (lambda: problems.nearest_frame(np.ones((2, 3))), ValueError, "p <= n"),
        (lambda: problems.joint_diagonalization(np.ones((3, 3))), ValueError, "k, n, n"),
        (lambda: problems.ica(np.ones(3)), ValueError, "m, n"),
        (lambda: problems.ica(np.ones((3, 2), complex)), TypeError, "real"),
        (lambda: problems.tensor(np.ones((3, 3, 2))), ValueError, "n, n, n"),
        (lambda: problems.tensor(np.ones((2, 2, 2), complex)), TypeError, "real"),
    ],
)
def test_errors_say_what_was_wanted(make, error, words, library):
    with pytest.raises(error, match=words):
        make()


@NUMPY
def test_data_are_not_changed(library, rng):
    A, d = hermitian(rng, 4, "complex128"), np.asarray([2.0, 1.0])
    before = A.copy(), d.copy()
    problem, X = problems.brockett(A, d), frame(rng, (4, 2), "complex128")
    point = X.copy()
    problem.fun(X)
    problem.hessp(X, X)
    problem.minimizer()
    for array, kept in zip((A, d, X), (*before, point), strict=True):
        assert np.array_equal(array, kept)
