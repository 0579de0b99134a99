"""Sparse principal directions, by brute force and by known and planted answers."""

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.linalg import orthonormality_error
from stiefelkit.solvers import MinimizeError, Status, sparse_pca
from stiefelkit.solvers._threshold_angle import _derivatives, best_angles

from .._classes import FAST, NUMPY, assert_close, assert_kept, eps, frame, host

SINGLE_AND_DOUBLE = ("float32", "float64")
THRESHOLDS = (0.0, 0.1, 1.0, 2.5)


def soft(B, gamma):
    return np.sign(B) * np.clip(np.abs(B) - gamma, 0, None)


def objective(A, U, gamma):
    return np.sum(soft(A.T @ U, gamma) ** 2)


def along(x, y, gamma, theta, paired):
    """Return the function of the angle for each row of x and y."""
    c, s = np.cos(theta), np.sin(theta)
    value = np.sum(soft(c * x - s * y, gamma) ** 2, axis=-1)
    return value + np.sum(soft(s * x + c * y, gamma) ** 2, axis=-1) if paired else value


def draw_rows(rng, d):
    """Return rows that are generic, sparse, on the axes, all alike, tiny and zero."""
    x, y = rng.standard_normal((2, 40, d))
    x[10:20] *= rng.integers(0, 2, (10, d))
    y[10:20] *= rng.integers(0, 2, (10, d))
    y[20:25] = 0
    x[25:30], y[25:30] = x[25:30, :1], y[25:30, :1]
    x[30:33] *= 1e-3
    x[33:36], y[33:36] = 0, 0
    return x, y


@pytest.mark.parametrize("paired", [True, False])
@NUMPY
def test_rows_are_the_objective_along_the_rotation(paired, library, rng):
    A, U = rng.standard_normal((4, 7)), frame(rng, (4, 4), "float64")
    H = np.zeros((4, 4))
    H[1, 2], H[2, 1] = 1, -1
    kept = [0, 1, 2] if paired else [0, 1]
    x, y = (A.T @ U[:, [k]] for k in (1, 2))
    for theta in (0.0, 0.4, 2.0, -1.3):
        turned = (U @ scipy.linalg.expm(theta * H))[:, kept]
        expected = objective(A, turned, 0.5) - objective(A, U[:, :1], 0.5)
        assert_close(along(x.T, y.T, 0.5, theta, paired), np.asarray([expected]), 1e-13)


@FAST
@pytest.mark.parametrize("d", [1, 2, 7, 30])
@pytest.mark.parametrize("dtype", SINGLE_AND_DOUBLE)
@pytest.mark.parametrize("paired", [True, False])
def test_no_angle_of_a_grid_is_better(paired, dtype, d, library, rng):
    x, y = draw_rows(rng, d)
    grid = np.linspace(-np.pi / 2, np.pi / 2, 1001)
    scale = np.sum(x**2 + y**2, axis=-1)
    for gamma in THRESHOLDS:
        rows = (library.asarray(values, dtype) for values in (x, y))
        theta = best_angles(*rows, gamma, paired=paired)
        assert_kept(theta, library, dtype)
        found = along(x, y, gamma, host(theta)[:, None], paired)
        best = np.max([along(x, y, gamma, t, paired) for t in grid], axis=0)
        assert np.all(found >= best - 20 * eps(dtype) * scale)
        # A grid of step h misses a maximum by h^2/8 of the second derivative, at most 4 scale.
        assert np.all(found <= best + 5e-6 * scale)
        assert np.all(np.abs(host(theta)) <= np.pi / (4 if paired else 2) + 2 * eps(dtype))


@NUMPY
@pytest.mark.parametrize("paired", [True, False])
def test_the_slope_at_the_best_angle_is_zero(paired, library, rng):
    x, y = draw_rows(rng, 12)
    for gamma in THRESHOLDS:
        theta = best_angles(x, y, gamma, paired=paired)
        _, slope, _ = _derivatives(x, y, gamma, theta, paired)
        assert_close(slope, np.zeros(40), 1e-12)


@NUMPY
@pytest.mark.parametrize("paired", [True, False])
def test_derivatives_are_those_of_the_function(paired, library, rng):
    x, y = rng.standard_normal((2, 30, 12))
    theta, h = rng.uniform(-3, 3, 30), 1e-6
    value, slope, curvature = _derivatives(x, y, 0.5, theta, paired)
    ahead, behind = (_derivatives(x, y, 0.5, theta + t, paired) for t in (h, -h))
    assert_close(value, along(x, y, 0.5, theta[:, None], paired), 1e-13)
    assert_close(slope, (ahead[0] - behind[0]) / (2 * h), 1e-7)
    assert_close(curvature, (ahead[1] - behind[1]) / (2 * h), 1e-6)


@pytest.mark.parametrize("dtype", ["float32"])
def test_without_threshold_it_is_pca(dtype, library, rng):
    A = (frame(rng, (4, 3), "float64") * [4.0, 2.0, 0.5]).astype(dtype)
    found = sparse_pca(library.asarray(A, dtype), 2, gamma=0.0, rng=rng)
    sigma = np.linalg.svd(A.astype(float))[1]
    assert found.success
    for array in (found.x, found.loadings):
        assert_kept(array, library, dtype)
    # The gradient ends at the root of eps, so the value at about eps.
    assert abs(found.fun - np.sum(sigma[:2] ** 2)) <= 100 * eps(dtype) * found.fun


@FAST
@pytest.mark.parametrize("dtype", SINGLE_AND_DOUBLE)
def test_planted_supports_are_found(dtype, library, rng):
    V = np.zeros((12, 3))
    for j in range(3):
        V[4 * j : 4 * j + 3, j] = 3**-0.5
    W = frame(rng, (10, 3), "float64")
    A = (W * [5.0, 4.0, 3.0]) @ V.T + 0.01 * rng.standard_normal((10, 12))
    found = sparse_pca(library.asarray(A, dtype), 3, gamma=0.5, rng=rng)
    loadings = host(found.loadings)
    assert found.success
    assert np.array_equal(loadings != 0, V != 0)
    assert_close(np.abs(loadings), V, 0.02)
    assert_close(np.abs(host(found.x)), np.abs(W), 0.05)


@NUMPY
@pytest.mark.parametrize("gamma", [0.3, 1.5, 3.0])
@pytest.mark.parametrize(
    ("n", "d", "p"),
    [
        *[(1, 1, 1), (1, 5, 1), (6, 1, 1), (8, 20, 1), (8, 20, 3)],
        *[(8, 20, 7), (5, 9, 5), (30, 6, 6), (30, 4, 6)],
    ],
)
def test_it_climbs_to_a_stationary_point(n, d, p, gamma, library, rng):
    A = 2 * rng.standard_normal((n, d)) + np.eye(n, d) * 8
    before = A.copy()
    found = sparse_pca(A, p, gamma=gamma, rng=rng, maxiter=2000)
    assert (found.success, found.status) == (True, 0)
    assert np.all(np.diff(found.history) >= -50 * eps("float64") * np.sum(A**2))
    assert found.fun == found.history[-1]
    assert len(found.history) == found.nit + 1
    assert_close(np.float64(found.fun), np.float64(objective(A, found.x, gamma)), 1e-11)
    # The gradient and the loadings, from their definitions.
    excess = soft(A.T @ found.x, gamma)
    G = 2 * A @ excess
    M = found.x.T @ G
    tangent = G - found.x @ (M + M.T) / 2
    assert np.linalg.norm(tangent) <= 1.01 * eps("float64") ** 0.5 * np.linalg.norm(G)
    length = np.linalg.norm(excess, axis=0)
    assert_close(found.loadings * length, excess, 1e-12)
    assert np.all(np.diff(length) <= 1e-12)
    assert float(orthonormality_error(found.x)) <= 20 * p**0.5 * eps("float64")
    assert np.array_equal(A, before)


@NUMPY
def test_a_column_that_no_feature_passes_is_led_to_one_that_does(library):
    A = np.diag([5.0, 4.0, 3.0, 0.0, 0.0])
    start = np.eye(5)[:, [0, 4]]  # the second column has no gradient
    found = sparse_pca(A, 2, gamma=1.0, x0=start)
    assert_close(np.float64(found.fun), np.float64(16 + 9), 1e-12)
    assert_close(np.abs(found.loadings), np.eye(5)[:, :2], 1e-12)


@NUMPY
def test_running_out_of_sweeps_is_said(library, rng):
    found = sparse_pca(rng.standard_normal((8, 20)), 3, gamma=0.3, rng=rng, maxiter=1)
    assert (found.success, found.status, found.nit) == (False, 1, 1)
    assert "maxiter" in found.message


@NUMPY
@pytest.mark.parametrize(
    ("A", "p", "options", "error", "words"),
    [
        (np.ones(3), 1, {}, ValueError, "shape"),
        (np.ones((3, 0)), 1, {}, ValueError, "shape"),
        (np.ones((3, 2), complex), 1, {}, TypeError, "float32 or float64"),
        (np.ones((3, 2), int), 1, {}, TypeError, "int64"),
        ([[1.0]], 1, {}, TypeError, "list"),
        (np.ones((3, 2)), 0, {}, ValueError, "p=0"),
        (np.ones((3, 2)), 4, {}, ValueError, "p=4"),
        (np.ones((3, 2)), 1, {"x0": np.ones((2, 1))}, ValueError, "x0"),
        (np.ones((3, 2)), 1, {"x0": np.ones((3, 2))}, ValueError, "(3, 1)"),
        (np.ones((3, 2)), 1, {"x0": np.eye(3, 1, dtype="f")}, TypeError, "precision"),
        (np.ones((3, 2)), 1, {"x0": np.ones((3, 1))}, MinimizeError, "2.0e.*orthonormalize"),
        (np.ones((3, 2)), 1, {"x0": np.zeros((3, 1))}, MinimizeError, "1.0e.*orthonormalize"),
        (np.ones((3, 2)), 1, {"x0": np.full((3, 1), np.nan)}, MinimizeError, "finite"),
        (np.ones((3, 2)), 1, {"gamma": 2.0}, ValueError, "gamma=2.0, and 1.73"),
        (np.full((3, 2), 8.0), 1, {"gamma": 20.0}, ValueError, "gamma=20.0, and 13.9"),
        (np.ones((3, 2)), 1, {"gamma": -1.0}, ValueError, "gamma"),
        (np.ones((3, 2)), 1, {"gamma": np.nan}, ValueError, "nan"),
    ],
)
def test_errors_say_what_was_wanted(A, p, options, error, words, library):
    with pytest.raises(error, match=words):
        sparse_pca(A, p, **({"gamma": 0.1} | options))


@pytest.mark.libraries("torch")
def test_a_start_of_another_library_is_refused(library):
    with pytest.raises(TypeError, match="`A`: numpy, `x0`: torch"):
        sparse_pca(np.ones((3, 2)), 1, gamma=0.1, x0=library.asarray(np.eye(3, 1)))


@FAST
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_data_that_are_not_finite_have_a_status(bad, library, rng):
    A = rng.standard_normal((6, 4))
    A[2, 1] = bad
    start = library.asarray(frame(rng, (6, 2), "float64"))
    found = sparse_pca(library.asarray(A), 2, gamma=0.1, x0=start)
    assert (found.success, found.status, found.nit) == (False, Status.NOT_FINITE, 0)
    assert "NaN" in found.message
    assert_close(host(found.x), host(start), 0)
    assert found.loadings.shape == (4, 2)
    for numbers in (host(found.loadings), found.fun, found.grad_norm, found.history):
        assert np.all(np.isnan(numbers))
    drawn = sparse_pca(library.asarray(A), 2, gamma=0.1, rng=0)
    assert float(orthonormality_error(drawn.x)) <= 20 * 2**0.5 * eps("float64")


@FAST
@pytest.mark.parametrize(
    ("dtype", "factor"),
    [("float32", 2.0**-120), ("float32", 2.0**120), ("float64", 2.0**-500), ("float64", 2.0**500)],
)
def test_a_power_of_two_changes_no_digit(dtype, factor, library):
    A = np.random.default_rng(1).standard_normal((8, 6)).astype(dtype)
    expected = sparse_pca(library.asarray(A, dtype), 2, gamma=0.5, rng=0)
    found = sparse_pca(library.asarray(A * factor, dtype), 2, gamma=0.5 * factor, rng=0)
    # The sum is a number of the host, in double precision.
    assert found.history == [factor**2 * value for value in expected.history]
    assert (found.nit, found.status) == (expected.nit, expected.status)
    assert_close(host(found.x), host(expected.x), 0)
    assert_close(host(found.loadings), host(expected.loadings), 0)
