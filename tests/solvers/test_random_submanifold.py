"""Descent on random submanifolds: its steps and its answers."""

import numpy as np
import pytest

from stiefelkit.manifolds import Euclidean, Stiefel
from stiefelkit.retractions import QRRetraction
from stiefelkit.solvers import RandomSubmanifold, Status, minimize
from stiefelkit.solvers._random_submanifold import _CoordinateRows, _HaarRows

from .._classes import (
    DTYPES,
    FAST,
    NUMPY,
    adjoint,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    normal,
    orthonormality,
    peak_memory,
)
from ._instances import PROBLEMS, SHAPES, draw, draw_on_host

ROWS = ("coordinate", "haar")


def solve(problem, x0, method, **options):
    return minimize(problem.fun, x0, manifold=problem.manifold, jac=True, method=method, **options)


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_it_reaches_the_known_minimum(name, dtype, library, rng):
    problem, x0 = draw(name, library, rng, dtype)
    result = solve(problem, x0, RandomSubmanifold(4, "haar", rng=0))
    assert result.success
    assert_kept(result.x, library, dtype)
    # The gap is the square of the gradient's norm, which is about 10 sqrt(eps).
    assert abs(result.fun - float(problem.optimum(x0))) < 500 * eps(dtype)
    assert result.residual < 40 * eps(dtype)


@NUMPY
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_any_number_of_rows_reaches_the_minimum_from_any_start(dtype, name, rows, library, rng):
    problem, _ = draw(name, library, rng, dtype)
    for r in (None, 3, SHAPES[name][0]):
        x0 = frame(rng, SHAPES[name], dtype)
        result = solve(problem, x0, RandomSubmanifold(r, rows, rng=1))
        assert result.success
        assert abs(result.fun - float(problem.optimum(x0))) < 1e-12


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_one_seed_gives_one_curve(dtype, rows, library, rng):
    solver = RandomSubmanifold(3, rows, rng=3, maxiter=12)
    result = solve(*draw("brockett", library, rng, dtype), solver)
    expected = solve(*draw_on_host("brockett", dtype), solver)
    assert_close(result.history["fun"], expected.history["fun"], 1000 * eps(dtype))


@FAST
@pytest.mark.parametrize("shape", [(5, 2), (4, 4), (2, 5, 2), (0, 5, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_rows_turn_by_the_arc_tangent(dtype, shape, library, rng):
    X, G = frame(rng, shape, dtype), normal(rng, shape, dtype)
    group = _CoordinateRows(np.asarray([1, 3]))
    x, g = (library.asarray(A, dtype) for A in (X, G))
    A = group.gradient(x, g)
    Omega = (G @ adjoint(X) - X @ adjoint(G))[..., 1, 3] / 2
    assert_close(host(A)[..., 0, 1], Omega, 20 * eps(dtype))
    if "complex" in dtype:  # without the phases that complex rows have besides
        A = A * library.asarray(1.0 - np.eye(2), dtype)
    Y = host(group.turn(x, A, 0.7))
    theta = np.arctan(0.7 * np.abs(Omega))[..., None]
    unit = (
        np.exp(1j * np.angle(Omega))[..., None] if "complex" in dtype else np.sign(Omega)[..., None]
    )
    expected = X.copy()
    expected[..., 1, :] = np.cos(theta) * X[..., 1, :] - unit * np.sin(theta) * X[..., 3, :]
    expected[..., 3, :] = (
        np.cos(theta) * X[..., 3, :] + np.conj(unit) * np.sin(theta) * X[..., 1, :]
    )
    assert_close(Y, expected, 20 * eps(dtype))
    untouched = [0, 2, *range(4, shape[-2])]
    assert np.array_equal(Y[..., untouched, :], host(x)[..., untouched, :])


@NUMPY
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_all_rows_are_gradient_descent_with_the_qr_retraction(dtype, library, rng):
    problem, x0 = draw("procrustes", library, rng, dtype)
    eta = 0.05
    result = solve(problem, x0, RandomSubmanifold(4, step=eta, maxiter=3), tol=0.0)
    X, eye = x0, np.eye(4, dtype=dtype)
    for _ in range(3):
        G = problem.fun(X)[1]
        Omega = (G @ adjoint(X) - X @ adjoint(G)) / 2
        X = QRRetraction().retract(eye, -eta * Omega) @ X
    assert_close(result.x, X, 1e-13)
    # At the identity that is the Riemannian gradient step itself.
    single = solve(problem, eye, RandomSubmanifold(4, step=eta, maxiter=1), tol=0.0)
    Z = problem.manifold.riemannian_gradient(eye, problem.fun(eye)[1])
    assert_close(single.x, QRRetraction().retract(eye, -eta * Z), 1e-13)


@FAST
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_stay_on_the_manifold_and_first_fall_by_the_squared_gradient(
    dtype, rows, library, rng
):
    X, G = frame(rng, (6, 3), dtype), normal(rng, (6, 3), dtype)
    x, g = (library.asarray(A, dtype) for A in (X, G))
    P = np.eye(6)[[0, 2, 5]] if rows == "coordinate" else adjoint(frame(rng, (6, 3), dtype))
    group = (
        _CoordinateRows(np.asarray([0, 2, 5]))
        if rows == "coordinate"
        else _HaarRows(library.asarray(P, dtype))
    )
    A = group.gradient(x, g)
    PX, PG = P @ X, P @ G
    Omega = (PG @ adjoint(PX) - PX @ adjoint(PG)) / 2
    assert_close(host(A), Omega, 50 * eps(dtype))
    assert_close(host(group.inner(A, A)), np.sum(np.abs(Omega) ** 2), 200 * eps(dtype))
    assert orthonormality(host(group.turn(x, A, 0.8))) < 40 * eps(dtype)
    t = 1e-3
    change = (host(group.turn(x, A, t)) - host(x)) / t
    # The second-order term is t |Omega|^2, the rest rounding errors over t.
    bound = 10 * t + 10 * eps(dtype) / t
    assert_close(change, -adjoint(P) @ Omega @ P @ X, bound)


@NUMPY
def test_rounding_errors_stay_small_over_many_steps(library, rng):
    problem, x0 = draw("brockett", library, rng, "float32")
    for rows in ROWS:
        solver = RandomSubmanifold(3, rows, step=0.3, rng=1, maxiter=1000)
        result = solve(problem, x0, solver, tol=0.0)
        assert result.nit > 300
        assert orthonormality(host(result.x)) < 60 * eps("float32")


@NUMPY
def test_a_single_row_of_a_unitary_matrix_changes_its_phase(library):
    result = minimize(
        lambda x: (float(np.real(x[0, 0])), np.ones((1, 1)) + 0j),
        np.ones((1, 1)) * 1j,
        manifold=Stiefel(),
        jac=True,
        method="random-submanifold",
    )
    assert result.success
    assert_close(result.x, -np.ones((1, 1)) + 0j, 1e-7)


@NUMPY
@pytest.mark.parametrize("rows", ROWS)
def test_nothing_of_the_size_of_n_by_n_is_made(rows, library, rng):
    n, p = 3000, 4
    x0, target = frame(rng, (n, p), "float64"), frame(rng, (n, p), "float64")

    def run():
        minimize(
            lambda x: (-np.sum(x * target), -target),
            x0,
            manifold=Stiefel(),
            jac=True,
            method=RandomSubmanifold(rows=rows, rng=0, maxiter=2),
        )

    assert peak_memory(run) < 50 * x0.nbytes < n * n * 8


@NUMPY
def test_it_says_why_it_fails(library, rng):
    problem, x0 = draw("procrustes", library, rng, "float64")
    exact = solve(problem, x0, RandomSubmanifold(4, rng=0), tol=0.0)
    assert exact.status == Status.NO_DECREASE
    assert exact.grad_norm < 1e-6

    def wrong(x):
        value, G = problem.fun(x)
        return value, -G

    found = minimize(
        wrong, x0, manifold=problem.manifold, jac=True, method=RandomSubmanifold(rng=0)
    )
    assert found.status == Status.WRONG_GRADIENT
    with pytest.raises(TypeError, match="frames"):
        minimize(
            lambda x: (float(np.sum(x)), np.ones(3)),
            np.ones(3),
            manifold=Euclidean(),
            jac=True,
            method="random-submanifold",
        )
    with pytest.raises(ValueError, match="at most"):
        solve(problem, x0, RandomSubmanifold(5))
    for options in ({"r": 0}, {"rows": "best"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            RandomSubmanifold(**options)
