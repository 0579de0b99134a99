"""Linear systems and Cholesky factors of tensors on a GPU, for which those on the CPU stand in."""

from unittest import mock

import numpy as np
import pytest

from stiefelkit.linalg import cholesky, solve

from ._cases import DTYPES, assert_close, host

torch = pytest.importorskip("torch")
from stiefelkit_torch import _solve  # noqa: E402


@pytest.fixture
def on_gpu():
    with mock.patch.object(torch.Tensor, "is_cuda", True):
        yield


def draw(shape, dtype):
    rng = np.random.default_rng(5)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x).astype(dtype)


@pytest.mark.usefixtures("on_gpu")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batches", [((), ()), ((2, 1), (3,)), ((), (4,)), ((0,), ())])
def test_they_equal_the_references(batches, dtype):
    A, B = draw((*batches[0], 5, 5), dtype), draw((*batches[1], 5, 2), dtype)
    X = host(_solve.solve(torch.tensor(A), torch.tensor(B)))
    assert_close(X, solve.reference(A, B), 4000)  # times the condition number
    A = A @ A.conj().mT + 5 * np.eye(5, dtype=dtype)
    assert_close(host(_solve.cholesky(torch.tensor(A))), cholesky.reference(A))


@pytest.mark.usefixtures("on_gpu")
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_singular_gives_nan_and_the_others_their_answer(dtype):
    A = np.stack([np.eye(3), np.zeros((3, 3))]).astype(dtype)
    for X in (_solve.solve(torch.tensor(A), torch.tensor(A)), _solve.cholesky(torch.tensor(A))):
        assert_close(host(X[0]), A[0])
        assert bool(torch.isnan(X[1]).all())


def test_tensors_on_a_cpu_are_declined():
    assert _solve.solve(torch.eye(2), torch.eye(2)) is NotImplemented
    assert _solve.cholesky(torch.eye(2)) is NotImplemented
