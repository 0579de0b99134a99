"""What the triangular solvers promise beyond agreement with the reference."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import SingularMatrixError, cholesky, solve_triangular

from ._cases import DTYPES, assert_close, host, move, registered

SOLVERS = [p for p in registered() if p.values[0].name == "solve_triangular"]
RAISING = [p for p in SOLVERS if p.values[0].library in ("numpy", "torch")]


def system(n, m, dtype, batch=()):
    rng = np.random.default_rng(n)
    A = rng.standard_normal((*batch, n, n)) / n + 2 * np.eye(n)
    return A.astype(dtype), rng.standard_normal((*batch, n, m)).astype(dtype)


@pytest.mark.parametrize("adjoint_of", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("case", SOLVERS)
def test_the_other_triangle_is_never_read(case, batch, lower, adjoint_of):
    A, B = system(9, 3, "complex128", batch)
    other = (np.triu if lower else np.tril)(np.ones((9, 9), bool), 1 if lower else -1)
    poisoned = np.where(other, np.nan, A)
    options = {"lower": lower, "adjoint_of": adjoint_of}
    out = solve_triangular(*move([poisoned, B], case.library), **options)
    assert_close(host(out), solve_triangular.reference(A, B, **options))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [(), (3,), (40,)])
@pytest.mark.parametrize("m", [0, 1, 2])
@pytest.mark.parametrize("case", RAISING)
def test_a_zero_on_the_diagonal_raises(case, m, batch, dtype):
    A, B = system(5, max(m, 1), dtype, batch)
    A[..., 3, 3] = 0
    with pytest.raises(SingularMatrixError, match="invertible"):
        case.op(*move([A, B[..., :m] if m else B], case.library))


@pytest.mark.parametrize("n", [1, 9])
@pytest.mark.parametrize("case", SOLVERS)
def test_not_a_number_is_passed_on_and_does_not_raise(case, n):
    A, B = system(n, 2, "float64")
    A[0, 0] = np.nan
    assert np.isnan(host(solve_triangular(*move([A, B], case.library)))[0]).all()


def test_small_matrices_in_large_batches_are_declined():
    kernel = stiefelkit.kernel_for("numpy", "solve_triangular")
    assert kernel(*system(3, 2, "float64", (40,))) is NotImplemented
    assert kernel(*system(3, 2, "float64", (4,))) is not NotImplemented


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("n", [4, 70])
def test_cholesky_of_an_indefinite_matrix_raises(n, batch):
    A = np.broadcast_to(np.diag([-1.0] + [1.0] * (n - 1)), (*batch, n, n))
    with pytest.raises(SingularMatrixError, match="positive definite"):
        cholesky(A)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cholesky_reads_the_lower_triangle_only(dtype):
    A = np.asarray([[4.0, np.nan], [2.0, 2.0]], dtype=dtype)
    assert_close(cholesky(A), np.asarray([[2, 0], [1, 1]], dtype=dtype))
    assert_close(cholesky(np.asfortranarray(A)), np.asarray([[2, 0], [1, 1]], dtype=dtype))


def test_torch_solves_under_vmap_and_keeps_its_graph():
    torch = pytest.importorskip("torch")
    A, B = (torch.tensor(x, requires_grad=True) for x in system(4, 2, "float64", (3,)))
    X = solve_triangular(A, B)
    torch.testing.assert_close(torch.func.vmap(solve_triangular)(A, B), X)
    assert torch.autograd.gradcheck(lambda A, B: solve_triangular(A.triu(), B), (A, B))


@pytest.mark.parametrize("adjoint_of", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "m"), [(40, 20), (40, 30), (90, 15), (130, 130), (130, 1)])
def test_every_way_of_cutting_up_a_system_agrees(n, m, dtype, order, lower, adjoint_of):
    A, B = (np.asarray(x, order=order) for x in system(n, m, dtype))
    options = {"lower": lower, "adjoint_of": adjoint_of}
    kernel = stiefelkit.kernel_for("numpy", "solve_triangular")
    with stiefelkit.use_kernels(False):
        expected = solve_triangular(A, B, **options)
    assert_close(kernel(A, B, **options), expected)
