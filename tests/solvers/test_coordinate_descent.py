"""Coordinate descent: its rotations, its rules, and its answers."""

import collections
import itertools

import numpy as np
import pytest
import scipy.linalg

from stiefelkit.linalg import givens_rotate
from stiefelkit.manifolds import Euclidean, Product, SpecialOrthogonal, Stiefel
from stiefelkit.solvers import CoordinateDescent, Status, minimize
from stiefelkit.solvers._coordinate_descent import _Planes
from stiefelkit.solvers._pair_rules import RULES, Choice

from .._classes import (
    DTYPES,
    FAST,
    NUMPY,
    adjoint,
    assert_close,
    assert_kept,
    central_difference,
    eps,
    frame,
    host,
    normal,
    orthonormality,
    peak_memory,
)
from ._instances import PROBLEMS, SHAPES, draw, draw_on_host


def solve(problem, x0, method, **options):
    return minimize(problem.fun, x0, manifold=problem.manifold, jac=True, method=method, **options)


@FAST
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_it_reaches_the_known_minimum(name, dtype, library, rng):
    problem, x0 = draw(name, library, rng, dtype)
    result = solve(problem, x0, CoordinateDescent("gauss-southwell", pairs=2))
    assert result.success
    assert_kept(result.x, library, dtype)
    # The gap is the square of the gradient's norm, which is about 10 sqrt(eps).
    assert abs(result.fun - float(problem.optimum(x0))) < 500 * eps(dtype)
    assert result.residual < 40 * eps(dtype)


@NUMPY
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_every_rule_reaches_the_minimum_from_any_start(dtype, name, rule, library, rng):
    problem, _ = draw(name, library, rng, dtype)
    for pairs in (1, 2):
        x0 = frame(rng, SHAPES[name], dtype)
        result = solve(problem, x0, CoordinateDescent(rule, pairs=pairs, rng=0))
        assert result.success
        assert abs(result.fun - float(problem.optimum(x0))) < 1e-12


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_one_seed_gives_one_curve(dtype, rule, library, rng):
    solver = CoordinateDescent(rule, pairs=2, rng=3, maxiter=12)
    result = solve(*draw("brockett", library, rng, dtype), solver)
    expected = solve(*draw_on_host("brockett", dtype), solver)
    assert result.history["pairs"] == expected.history["pairs"]
    assert_close(result.history["fun"], expected.history["fun"], 1000 * eps(dtype))


@FAST
@pytest.mark.parametrize("shape", [(5, 2), (4, 4), (2, 5, 2), (0, 5, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_turn_is_the_exponential_of_the_masked_gradient(dtype, shape, library, rng):
    X, G = frame(rng, shape, dtype), normal(rng, shape, dtype)
    pairs = np.asarray([[3, 0], [1, 2]])
    group = _Planes(pairs, columns=False)
    x, g = (library.asarray(A, dtype) for A in (X, G))
    A = group.gradient(x, g)
    mask = np.zeros((shape[-2],) * 2)
    for i, j in pairs:
        mask[np.ix_([i, j], [i, j])] = 1
    Omega = mask * (G @ adjoint(X) - X @ adjoint(G)) / 2
    turns = [scipy.linalg.expm(-0.7 * M) for M in Omega.reshape((-1, *mask.shape))]
    expected = np.reshape(turns, Omega.shape) @ X
    y = group.turn(x, A, 0.7)
    assert_kept(y, library, dtype)
    # Angles are about 3, and SciPy's own error is 1e-14.
    assert_close(host(y), expected, 50 * eps(dtype) + 1e-13)
    assert_close(host(group.inner(A, A)), np.sum(np.abs(Omega) ** 2), 200 * eps(dtype))


@NUMPY
@pytest.mark.parametrize("side", ["rows", "columns"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_the_fixed_rate_is_in_the_convention_of_the_generator(dtype, side, library, rng):
    problem, x0 = draw("procrustes", library, rng, dtype)
    rate = 1e-2
    solver = CoordinateDescent("cyclic", side=side, step=rate, maxiter=1)
    result = solve(problem, x0, solver)
    ((i, j),) = result.history["pairs"][0]
    G = problem.fun(x0)[1]
    if "complex" not in dtype:
        if side == "rows":
            turned = lambda t: givens_rotate(x0, i, j, t, side="left")  # noqa: E731
            Omega = ((G @ x0.T - x0 @ G.T) / 2)[i, j]
        else:
            turned = lambda t: givens_rotate(x0, i, j, t)  # noqa: E731
            Omega = ((x0.T @ G - G.T @ x0) / 2)[i, j]
        slope = central_difference(lambda t: float(problem.value(turned(t))))
        assert slope == pytest.approx(2 * Omega, rel=1e-8)
        assert_close(result.x, turned(-rate * Omega), 1e-14)
    # To first order the value falls by the rate times the squared norm of the generator's part.
    X, G = (x0, G) if side == "rows" else (x0.T, G.T)
    part = ((G @ adjoint(X) - X @ adjoint(G)) / 2)[np.ix_([i, j], [i, j])]
    fall = float(problem.value(x0)) - result.fun
    assert fall == pytest.approx(rate * np.sum(np.abs(part) ** 2), rel=0.1)


@NUMPY
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_columns_of_square_matrices_turn_too(dtype, library, rng):
    problem, x0 = draw("procrustes", library, rng, dtype)
    result = solve(problem, x0, CoordinateDescent("cyclic", side="columns"))
    assert result.success
    assert abs(result.fun - float(problem.optimum(x0))) < 1e-12
    first = solve(problem, x0, CoordinateDescent("cyclic", side="columns", maxiter=1))
    kept = sorted(set(range(4)) - set(first.history["pairs"][0][0]))
    assert np.array_equal(first.x[:, kept], x0[:, kept])


def choice(rng, n, p, dtype, count=1, samples=5, k=0, batch=()):
    X, G = frame(rng, (*batch, n, p), dtype), normal(rng, (*batch, n, p), dtype)
    return Choice(X, G, count, samples, k, rng)


def dense_scores(made):
    """Return the squared norm of every 2-by-2 block of Omega off its diagonal, summed up."""
    Omega = (made.G @ adjoint(made.X) - made.X @ adjoint(made.G)) / 2
    squares = np.abs(Omega) ** 2
    diagonal = np.einsum("...ii->...i", squares)
    scores = 2 * squares + diagonal[..., :, None] + diagonal[..., None, :]
    scores = scores.reshape((-1, *scores.shape[-2:])).sum(axis=0)
    np.fill_diagonal(scores, -1.0)
    return scores


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("n", "p", "batch"), [(2, 1, ()), (5, 2, (3,)), (40, 3, ()), (33, 33, ())])
def test_gauss_southwell_takes_the_largest_part(n, p, batch, dtype, rng):
    made = choice(rng, n, p, dtype, count=4, batch=batch)
    scores = dense_scores(made)
    found = RULES["gauss-southwell"](made)
    assert scores[tuple(found[0])] == pytest.approx(scores.max(), rel=1e-12)
    values = [scores[i, j] for i, j in found]
    assert values == sorted(values, reverse=True)
    # A further pair is the best one of one of its rows.
    least = np.minimum(*(scores[side].max(axis=-1) for side in found.T))
    np.testing.assert_allclose(values, least, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_samples_are_scored(dtype, rng):
    made = choice(rng, 6, 2, dtype, samples=400)
    scores = dense_scores(made)
    found = RULES["sampled-gauss-southwell"](made)
    assert scores[tuple(found[0])] == pytest.approx(scores.max(), rel=1e-12)
    one = choice(rng, 6, 2, dtype, samples=1)
    drawn = {tuple(sorted(RULES["sampled-gauss-southwell"](one)[0].tolist())) for _ in range(400)}
    assert len(drawn) == 15


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [1, 2, 3, 10])
@pytest.mark.parametrize("n", [2, 5, 6])
def test_pairs_are_disjoint(n, count, rule, rng):
    for k in range(20):
        found = RULES[rule](choice(rng, n, 2, "float64", count, k=k, samples=50))
        assert 1 <= len(found) <= min(count, n // 2)
        assert len(np.unique(found)) == found.size
        assert found.min() >= 0
        assert found.max() < n


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("n", [2, 3, 6, 7])
def test_a_cycle_meets_every_pair_once(n, count, rng):
    chunks = -(-(n // 2) // count)
    rounds = n - 1 + n % 2
    seen = collections.Counter(
        tuple(sorted(pair))
        for k in range(rounds * chunks)
        for pair in RULES["cyclic"](choice(rng, n, 1, "float64", count, k=k)).tolist()
    )
    assert seen == dict.fromkeys(itertools.combinations(range(n), 2), 1)


def test_uniform_pairs_are_uniform(rng):
    made = choice(rng, 5, 1, "float64", count=2)
    seen = collections.Counter(
        tuple(sorted(pair)) for _ in range(2000) for pair in RULES["uniform"](made).tolist()
    )
    # 400 each on average; the deviation is below 20.
    assert len(seen) == 10
    assert all(abs(count - 400) < 100 for count in seen.values())


@NUMPY
def test_rounding_errors_stay_small_over_many_rotations(library, rng):
    problem, x0 = draw("brockett", library, rng, "float32")
    solver = CoordinateDescent("uniform", step=0.3, rng=1, maxiter=3000)
    result = solve(problem, x0, solver, tol=0.0)
    assert result.nit > 500
    assert orthonormality(host(result.x)) < 40 * eps("float32")


@NUMPY
@pytest.mark.parametrize("rule", RULES)
def test_nothing_of_the_size_of_n_by_n_is_made(rule, library, rng):
    n, p = 3000, 4
    x0 = frame(rng, (n, p), "float64")
    target = frame(rng, (n, p), "float64")
    solver = CoordinateDescent(rule, pairs=10, rng=0, maxiter=2)

    def run():
        minimize(
            lambda x: (-np.sum(x * target), -target),
            x0,
            manifold=Stiefel(),
            jac=True,
            method=solver,
        )

    # Blocks of 16 rows make some arrays of 16n.
    assert peak_memory(run) < 100 * x0.nbytes < n * n * 8


@NUMPY
def test_it_says_why_it_fails(library, rng):
    problem, x0 = draw("procrustes", library, rng, "float64")
    exact = solve(problem, x0, CoordinateDescent("cyclic"), tol=0.0)
    assert exact.status == Status.NO_DECREASE
    assert exact.grad_norm < 1e-6

    def wrong(x):
        value, G = problem.fun(x)
        return value, -G

    found = minimize(wrong, x0, manifold=problem.manifold, jac=True, method="coordinate-descent")
    assert found.status == Status.WRONG_GRADIENT


@NUMPY
def test_what_it_cannot_do_is_said(library, rng):
    problem, x0 = draw("brockett", library, rng, "complex128")
    with pytest.raises(ValueError, match="square"):
        solve(problem, x0, CoordinateDescent(side="columns"))
    with pytest.raises(ValueError, match="two rows"):
        minimize(
            lambda x: (np.real(x[0, 0]), np.ones((1, 1)) + 0j),
            np.ones((1, 1)) * 1j,
            manifold=Stiefel(),
            jac=True,
            method=CoordinateDescent(),
        )
    for manifold, point in (
        (Euclidean(), np.ones(3)),
        (Product({"b": Euclidean()}), {"b": np.ones(3)}),
    ):
        with pytest.raises(TypeError, match="frames"):
            minimize(
                lambda x: (float(np.sum(next(iter(x.values())) if isinstance(x, dict) else x)), x),
                point,
                manifold=manifold,
                jac=True,
                method="coordinate-descent",
            )
    for options in ({"rule": "best"}, {"side": "left"}, {"pairs": 0}, {"samples": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            CoordinateDescent(**options)


@NUMPY
def test_rotations_keep_the_determinant(library, rng):
    problem, _ = draw("procrustes", library, rng, "float64")
    x0 = SpecialOrthogonal().random_point(4, 4, rng=rng, like=np.empty(0))
    result = minimize(
        problem.fun, x0, manifold=SpecialOrthogonal(), jac=True, method=CoordinateDescent("cyclic")
    )
    assert np.linalg.det(result.x) == pytest.approx(1.0)
    assert abs(result.fun - float(problem.optimum(x0))) < 1e-12
