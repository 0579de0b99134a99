"""The orthogonal decomposition of symmetric tensors, by brute force and by planted answers."""

import itertools

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.linalg import orthonormality_error
from stiefelkit.linalg._givens_rounds import rounds
from stiefelkit.solvers import MinimizeError, Status, tensor_decomposition
from stiefelkit.solvers._cubic_form import best_angles
from stiefelkit.solvers._tensor_decomposition import _cubic, _repeated

from .._classes import FAST, NUMPY, assert_close, assert_kept, eps, frame, host

SINGLE_AND_DOUBLE = ("float32", "float64")


def planted(values, V):
    return np.einsum("k,ik,jk,lk->ijl", values, V, V, V)


def symmetric(rng, n):
    T = rng.standard_normal((n, n, n))
    return sum(T.transpose(axes) for axes in itertools.permutations(range(3))) / 6


def objective(T, U):
    return np.einsum("abc,ak,bk,ck->", T, U, U, U)


def form(coefficients, theta):
    alpha, beta, gamma, delta = coefficients
    c, s = np.cos(theta), np.sin(theta)
    return alpha * c**3 + beta * s**3 + gamma * c + delta * s


@NUMPY
@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_form_of_a_pair_is_the_objective_along_its_rotation(n, library, rng):
    T = symmetric(rng, n)
    for r in rounds(n, n):
        coefficients = np.stack(_cubic(_repeated(T), r))
        for a in range(r.size):
            i, j = r.first + a, r.last - a
            H = np.zeros((n, n))
            H[i, j], H[j, i] = 1, -1
            turned = [objective(T, scipy.linalg.expm(t * H)) for t in (0, 0.3, 2.0, -1.1)]
            expected = [form(coefficients[:, a], t) for t in (0, 0.3, 2.0, -1.1)]
            # The other columns add a constant.
            assert_close(np.diff(turned), np.diff(expected), 200 * n * eps("float64"))


def hard_forms(rng):
    """Return generic cubic forms, and those where the cubic loses its degree or its roots meet."""
    forms = rng.standard_normal((4, 200))
    forms[:, 100:150] *= rng.integers(0, 2, (4, 50))
    forms[2:, 150:170] *= 1e-12  # nearly a planted pair: the tangents are 0 and infinite
    forms[:, 170:180] = np.asarray([1.0, 1.0, -0.75, 0.0])[:, None]
    forms[:, 180:190] *= 1e-3
    return forms


@FAST
@pytest.mark.parametrize("dtype", SINGLE_AND_DOUBLE)
def test_no_angle_of_a_grid_is_better(dtype, library, rng):
    forms = hard_forms(rng)
    theta = best_angles(*(library.asarray(x, dtype) for x in forms))
    assert_kept(theta, library, dtype)
    found = form(forms, host(theta))
    grid = np.max(form(forms[..., None], np.linspace(0, 2 * np.pi, 5001)), axis=-1)
    assert np.all(found >= grid - 30 * eps(dtype))
    # A grid of step h misses the maximum by at most h^2/8 of the second derivative, below 20.
    assert np.all(found <= grid + 5e-6)


@pytest.mark.parametrize(
    ("n", "p", "dtype"),
    [(1, 1, "float64"), (2, None, "float32"), (4, 3, "float64")],
)
def test_planted_components_are_found(n, p, dtype, library, rng):
    values = np.linspace(1, 2, n) * (-1) ** np.arange(n)
    V = frame(rng, (n, n), dtype)
    T = library.asarray(planted(values, V), dtype)
    before = host(T)
    found = tensor_decomposition(T, p, rng=rng)
    p = n if p is None else p
    for array in (found.x, found.values):
        assert_kept(array, library, dtype)
    expected = (V * np.sign(values))[:, np.argsort(-np.abs(values))][:, :p]
    # T itself is rounded in single precision, and the gradient stops at the root of eps, after
    # which the error is about its square.
    assert_close(host(found.values), np.sort(np.abs(values))[::-1][:p], 50 * n * eps(dtype))
    assert_close(host(found.x), expected, 100 * n * eps(dtype) ** 0.5)
    assert abs(found.fun - np.sum(np.abs(values))) <= 50 * n * eps(dtype)
    assert (found.success, found.status) == (True, 0)
    assert_close(host(T), before, 0)


@NUMPY
@pytest.mark.parametrize("dtype", SINGLE_AND_DOUBLE)
def test_a_tensor_of_low_rank_has_weights_zero(dtype, library, rng):
    V = frame(rng, (6, 2), dtype)
    T = library.asarray(planted([3.0, -2.0], V), dtype)
    found = tensor_decomposition(T, rng=rng)
    assert found.success
    assert_close(host(found.values), np.asarray([3.0, 2, 0, 0, 0, 0]), 300 * eps(dtype))
    assert float(orthonormality_error(found.x)) <= 20 * 6**0.5 * eps(dtype)


@NUMPY
@pytest.mark.parametrize("seed", range(5))
def test_without_a_decomposition_it_climbs_to_a_stationary_point(seed, library):
    rng = np.random.default_rng(seed)
    T = symmetric(rng, 6)
    found = tensor_decomposition(T, rng=rng, maxiter=1000)
    scale = np.linalg.norm(T)
    assert np.all(np.diff(found.history) >= -20 * eps("float64") * scale)
    assert np.diff(found.history)[0] > 0
    assert found.fun == found.history[-1]
    assert len(found.history) == found.nit + 1
    # The gradient, from its definition.
    G = 3 * np.einsum("abc,bk,ck->ak", T, found.x, found.x)
    M = found.x.T @ G
    assert np.linalg.norm(M - M.T) / 2 <= 1.01 * eps("float64") ** 0.5 * scale
    assert_close(np.sum(found.values), np.float64(objective(T, found.x)), 1e-13)
    assert_close(np.float64(found.fun), np.float64(objective(T, found.x)), 1e-12)


@NUMPY
def test_running_out_of_sweeps_is_said(library, rng):
    T = symmetric(rng, 6)
    found = tensor_decomposition(T, rng=rng, maxiter=1)
    assert (found.success, found.status, found.nit) == (False, 1, 1)
    assert "maxiter" in found.message
    start = tensor_decomposition(T, x0=found.x, maxiter=0)
    # The columns come back in another order and with other signs, the same up to those.
    overlap = np.abs(found.x.T @ start.x)
    assert_close(np.sort(overlap, axis=0)[-1], np.ones(6), 1e-14)


@NUMPY
def test_a_start_at_the_answer_stays(library, rng):
    V = frame(rng, (4, 4), "float64")
    found = tensor_decomposition(planted([4.0, 3.0, 2.0, 1.0], V), x0=V)
    assert found.nit == 0
    assert_close(found.x, V, 1e-14)


@NUMPY
@pytest.mark.parametrize(
    ("T", "options", "error", "words"),
    [
        (np.ones((2, 2)), {}, ValueError, "shape"),
        (np.ones((2, 2, 3)), {}, ValueError, "n=3"),
        (np.ones((0, 0, 0)), {}, ValueError, "shape"),
        (np.ones((2, 2, 2), complex), {}, TypeError, "float32 or float64"),
        (np.arange(8.0).reshape(2, 2, 2), {}, ValueError, "symmetric"),
        ([[[1.0]]], {}, TypeError, "list"),
        (np.ones((2, 2, 2)), {"p": 3}, ValueError, "p=3"),
        (np.ones((2, 2, 2)), {"x0": np.eye(3)}, ValueError, "x0"),
        (np.ones((2, 2, 2)), {"x0": np.eye(2, dtype="f")}, TypeError, "precision"),
        (np.ones((2, 2, 2)), {"x0": 2 * np.eye(2)}, MinimizeError, "4.2e.*orthonormalize"),
        (np.ones((2, 2, 2)), {"x0": np.zeros((2, 2))}, MinimizeError, "1.4e.*orthonormalize"),
        (np.ones((2, 2, 2)), {"x0": np.nan * np.eye(2)}, MinimizeError, "finite"),
    ],
)
def test_errors_say_what_was_wanted(T, options, error, words, library):
    with pytest.raises(error, match=words):
        tensor_decomposition(T, **options)


@pytest.mark.libraries("torch")
def test_a_start_of_another_library_is_refused(library):
    with pytest.raises(TypeError, match="`T`: numpy, `x0`: torch"):
        tensor_decomposition(np.ones((2, 2, 2)), x0=library.asarray(np.eye(2)))


@FAST
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_data_that_are_not_finite_have_a_status(bad, library, rng):
    T = symmetric(rng, 4)
    T[0, 1, 2] = bad
    start = library.asarray(frame(rng, (4, 4), "float64"))
    found = tensor_decomposition(library.asarray(T), 3, x0=start)
    assert (found.success, found.status, found.nit) == (False, Status.NOT_FINITE, 0)
    assert "NaN" in found.message
    assert_close(host(found.x), host(start)[:, :3], 0)
    for numbers in (host(found.values), found.fun, found.grad_norm, found.history):
        assert np.all(np.isnan(numbers))


@FAST
@pytest.mark.parametrize(
    ("dtype", "factor"),
    [
        ("float32", 2.0**-120),
        ("float32", 2.0**120),
        ("float64", 2.0**-1000),
        ("float64", 2.0**1000),
    ],
)
def test_a_power_of_two_changes_no_digit(dtype, factor, library):
    T = symmetric(np.random.default_rng(1), 5).astype(dtype)
    expected = tensor_decomposition(library.asarray(T, dtype), rng=0)
    found = tensor_decomposition(library.asarray(T * factor, dtype), rng=0)
    assert found.history == [factor * value for value in expected.history]
    assert (found.nit, found.status) == (expected.nit, expected.status)
    assert found.grad_norm == factor * expected.grad_norm
    assert_close(host(found.x), host(expected.x), 0)
    assert_close(host(found.values), factor * host(expected.values), 0)


@NUMPY
def test_components_of_subnormal_weight_are_found(library, rng):
    V = frame(rng, (4, 4), "float64")
    T = planted([4.0, 3.0, 2.0, 1.0], V) * 1e-312  # of four digits
    found = tensor_decomposition(T, rng=rng, tol=1e-3)
    assert found.success
    assert_close(np.abs(V.T @ found.x), np.eye(4), 1e-2)
    assert_close(found.values * 1e300 * 1e12, np.asarray([4.0, 3.0, 2.0, 1.0]), 1e-2)
