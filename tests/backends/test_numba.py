"""What the compiled kernels do besides what every kernel does."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import (
    SingularMatrixError,
    cayley,
    cayley_retract,
    cayley_rotate,
    givens_product,
    orthonormality_error,
    orthonormalize,
    skew,
    solve,
)
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs, gauss_southwell_sweep

from ._cases import DTYPES, assert_close

numba = pytest.importorskip("numba")


def normal(rng, shape, dtype):
    X = rng.standard_normal(shape)
    return (X + 1j * rng.standard_normal(shape) if "complex" in dtype else X).astype(dtype)


def both(function):
    """Return what the kernels and what the references make."""
    found = function()
    with stiefelkit.use_kernels(False):
        return found, function()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shapes", [((7, 7),) * 2, ((2, 1, 5, 5), (3, 5, 5)), ((1, 1), (0, 1, 1))])
def test_sweeps_equal_the_references(shapes, dtype):
    rng = np.random.default_rng(5)
    W, G = np.linalg.qr(normal(rng, shapes[0], dtype))[0], normal(rng, shapes[1], dtype)
    complex_ = "complex" in dtype
    count = 60 if W.shape[-1] > 1 or complex_ else None
    pairs = coordinate_pairs(W.shape[-1], count, phases=complex_, rng=1)
    for sweep, what in ((coordinate_descent_sweep, pairs), (gauss_southwell_sweep, 60)):
        found, expected = both(lambda f=sweep, w=what: f(W, G, w, learning_rate=0.1))
        assert_close(found, expected)


def test_bounds_of_rows_find_the_largest_entry():
    # Long steps, so that entries fall below the bounds that were kept of them.
    rng = np.random.default_rng(6)
    W, G = np.linalg.qr(rng.standard_normal((20, 20)))[0], rng.standard_normal((20, 20))
    found, expected = both(lambda: gauss_southwell_sweep(W, G, 300, learning_rate=0.7))
    assert_close(found, expected)


@pytest.mark.parametrize(("n", "p", "m"), [(9, 9, 130), (10, 6, 65), (6, 5, 1), (2, 1, 64)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_bands_and_panels_of_any_size(n, p, m, dtype):
    rng = np.random.default_rng(7)
    theta, X, G = rng.standard_normal(n * p - p * (p + 1) // 2), *normal(rng, (2, n, m), dtype)

    def run():
        Y, residuals = givens_product.forward(theta, X)
        return Y, *givens_product.backward(G, residuals)

    assert_close(*both(run), 400 * m)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_threads_change_rounding_only(dtype, monkeypatch):
    from stiefelkit_numba import _threads

    monkeypatch.setattr(_threads, "_FROM", 1)
    monkeypatch.setattr(_threads, "_plain_size", lambda: 3)
    rng = np.random.default_rng(8)
    theta, X, G = rng.standard_normal((2, 15)), *normal(rng, (2, 2, 6, 130), dtype)

    def run():
        Y, residuals = givens_product.forward(theta, X)
        return Y, *givens_product.backward(G, residuals)

    assert_close(*both(run), 400 * 130)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(19, 8, 4), (2, 8, 5, 5), (16, 1, 1), (33, 7, 1), (8, 16, 16)])
def test_small_matrices_in_batches(shape, dtype):
    rng = np.random.default_rng(9)
    X, p = normal(rng, shape, dtype), shape[-1]
    A = np.eye(p, dtype=dtype)[::-1] + normal(rng, (*shape[:-2], p, p), dtype) / (4 * p)
    assert_close(*both(lambda: solve(A, normal(np.random.default_rng(1), (p, 3), dtype))))
    assert_close(*both(lambda: solve(A[0, ..., :, :], X[..., :p, :])))
    assert_close(*both(lambda: orthonormalize(X)), 4000)  # times the condition number


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (8, 4), (12, 12), (3, 5, 2), (13, 12), (0, 3, 3)])
def test_one_small_matrix_is_worth_a_compiled_loop(shape, dtype):
    rng, p = np.random.default_rng(14), shape[-1]
    X, Z = normal(rng, (2, *shape), dtype)
    Q, A = np.linalg.qr(X)[0], skew(normal(rng, (*shape[:-2], p, p), dtype) / (2 * p))
    for name, args in (
        ("orthonormalize", (X,)),
        ("cayley", (A,)),
        ("cayley_retract", (Q, Z / (4 * p))),
        ("cayley_rotate", (X, A)),
    ):
        op, kernel = stiefelkit.ops()[name], stiefelkit.kernel_for("numpy", name)
        entries = shape[-2] * p if name != "cayley" else p * p
        assert (kernel(*args) is NotImplemented) == (entries > 144), name
        assert_close(*both(lambda op=op, args=args: op(*args)), 4000)


@pytest.mark.parametrize("length", [11.0, 1e5, 1e30, np.inf, np.nan])
def test_one_long_step_is_left_to_lapack(length):
    Q, Z = np.eye(3, 2, dtype="float32"), np.zeros((3, 2), "float32")
    Z[2, 0] = length
    kernels = {name: stiefelkit.kernel_for("numpy", name) for name in ("cayley", "cayley_retract")}
    assert kernels["cayley_retract"](Q, Z) is NotImplemented
    assert kernels["cayley"](skew(Z[1:])) is NotImplemented or length < 20


@pytest.mark.parametrize("dtype", DTYPES)
def test_small_factors_are_orthonormal_at_any_scale_and_rank(dtype):
    rng = np.random.default_rng(10)
    X = normal(rng, (12, 6, 3), dtype)
    tiny, eps = np.finfo(dtype).tiny, np.finfo(dtype).eps
    X *= np.asarray([1, 1e-30, 1e30], X.real.dtype)
    X[1, :, 1] = X[1, :, 0] * X.real.dtype.type(tiny**0.5)
    X[2] = 0
    Q = orthonormalize(X)
    residual = Q.conj().swapaxes(-1, -2) @ Q - np.eye(3)
    assert np.linalg.norm(residual, axis=(-1, -2)).max() <= 20 * 3**0.5 * eps


@pytest.mark.parametrize("where", [0, 17])
def test_one_singular_system_of_a_batch_is_told(where):
    A = np.stack([np.eye(3)] * 18)
    A[where, :, 1] = 0
    with pytest.raises(SingularMatrixError, match="`solve` needs an invertible `A`"):
        solve(A, np.eye(3))


def test_not_a_number_stays_in_its_matrix():
    A = np.stack([2 * np.eye(3)] * 9)
    A[4, 0, 0] = np.nan
    for found in (solve(A, np.eye(3)), orthonormalize(A)):
        assert np.isnan(found).any(axis=(-1, -2)).tolist() == [k == 4 for k in range(9)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(19, 8, 4), (2, 8, 16, 16), (33, 7, 1), (8, 3, 2)])
@pytest.mark.parametrize("length", [0.1, 1.0])
def test_cayley_retraction_of_many_frames(length, shape, dtype):
    rng = np.random.default_rng(11)
    Q, Z = orthonormalize(normal(rng, shape, dtype)), normal(rng, shape, dtype) * length
    Z = Z.astype(dtype)
    Y, expected = both(lambda: cayley_retract(Q, Z))
    assert_close(Y, expected)
    assert_close(*both(lambda: cayley_retract(Q, Z[..., :1, :, :])))
    assert orthonormality_error(Y).max() <= 20 * shape[-1] ** 0.5 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 5, 16])
@pytest.mark.parametrize("norm", [0.1, 10.0])
def test_cayley_transform_of_many_matrices(norm, n, dtype):
    rng = np.random.default_rng(12)
    A, G = skew(normal(rng, (19, n, n), dtype)), normal(rng, (19, n, n), dtype)
    A = A * np.asarray(norm / n**0.5, A.real.dtype)

    def run():
        Q, residuals = cayley.forward(A)
        return Q, *cayley.backward(G, residuals)

    assert_close(*both(run), 4000)  # times the condition number
    assert_close(cayley(A), run()[0], 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 3), (2, 5), (16, 16)])
@pytest.mark.parametrize("norm", [0.1, 100.0])
def test_cayley_rotation_of_many_matrices(norm, m, n, dtype):
    rng = np.random.default_rng(13)
    X, G = normal(rng, (2, 2, 19, m, n), dtype)
    A = normal(rng, (2, 19, n, n), dtype) * np.asarray(norm / n**0.5, X.real.dtype)
    d = np.exp(1j * rng.standard_normal((19, n))) if "complex" in dtype else np.ones((19, n))
    d = d.astype(dtype)

    def run(given, fixed):
        Y, residuals = cayley_rotate.forward(X, A, given, fixed=fixed)
        return Y, *cayley_rotate.backward(G, residuals)

    # Times the condition number; a transform of a large generator has small slopes.
    for given, fixed in ((None, False), (None, True), (d, True), (d, False)):
        assert_close(*both(lambda g=given, f=fixed: run(g, f)), 4000)
    square = cayley_rotate(np.eye(n, dtype=dtype), A)
    assert orthonormality_error(square).max() <= 20 * n**0.5 * np.finfo(dtype).eps


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("2", 2), ("99", 3), ("", 3), ("2,1", 3)])
def test_a_limit_of_threads_is_kept(limit, count, monkeypatch):
    from stiefelkit_numba import _threads

    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    assert _threads.threads() == count


def test_threads_change_no_small_matrix(monkeypatch):
    from stiefelkit_numba import _threads

    X, A, G = np.random.default_rng(15).standard_normal((3, 70, 4, 4))

    def run():
        Y, residuals = cayley_rotate.forward(X, A)
        return Y, *cayley_rotate.backward(G, residuals)[:2], solve(X, G), orthonormalize(X)

    alone = run()
    monkeypatch.setattr(_threads, "_FROM", 1)
    monkeypatch.setattr(_threads, "_plain_size", lambda: 3)
    assert_close(run(), alone, 0)


def test_a_transform_that_does_not_exist_is_told():
    A = np.stack([np.zeros((2, 2))] * 18)
    A[17] = 2 * np.eye(2)
    with pytest.raises(SingularMatrixError, match="`cayley` needs a skew `A`"):
        cayley(A)


def test_matrices_by_columns_are_read_as_they_are():
    rng = np.random.default_rng(14)
    X, A = rng.standard_normal((2, 20, 5, 5))
    by_columns = [x.swapaxes(-1, -2).copy().swapaxes(-1, -2) for x in (X, A)]
    assert_close(cayley_rotate(*by_columns), cayley_rotate(X, A), 0)
