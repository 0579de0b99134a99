"""Kernels for NumPy arrays on the memory of tensors: small batches, products of reflections."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import (
    cayley,
    cayley_retract,
    cayley_rotate,
    cwy_matrix,
    householder_matrix,
    skew,
    tcwy_matrix,
)
from stiefelkit.manifolds import Stiefel
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs, gauss_southwell_sweep
from stiefelkit.rnn import Tanh, unroll

from ._cases import DTYPES, assert_close, host

torch = pytest.importorskip("torch")
pytest.importorskip("numba")
import stiefelkit_torch  # noqa: E402
from stiefelkit_torch import _arrays, _small, differentiable  # noqa: E402


def normal(rng, shape, dtype="float64"):
    X = rng.standard_normal(shape)
    return torch.tensor(X + 1j * rng.standard_normal(shape) if "complex" in dtype else X).to(
        getattr(torch, dtype)
    )


@pytest.fixture
def numbers():
    return np.random.default_rng(21)


def both(function):
    found = function()
    with stiefelkit.use_kernels(False):
        return host(found), host(function())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["cayley", "cayley_rotate"])
def test_gradients_of_a_batch_equal_the_references(name, dtype, numbers):
    X, A, G = normal(numbers, (3, 12, 4, 4), dtype)
    args = (skew(A),) if name == "cayley" else (X, A)
    function = differentiable(stiefelkit.ops()[name])

    def run():
        leaves = [x.clone().requires_grad_() for x in args]
        Y = function(*leaves)
        return Y.detach(), *(g.resolve_conj() for g in torch.autograd.grad(Y, leaves, G))

    assert_close(*both(run), 4000)  # times the condition number


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sweep", [coordinate_descent_sweep, gauss_southwell_sweep])
def test_sweeps_of_tensors_are_compiled(sweep, dtype, numbers, monkeypatch):
    W, G = torch.linalg.qr(normal(numbers, (2, 7, 7), dtype))[0], normal(numbers, (7, 7), dtype)
    what = 40 if sweep is gauss_southwell_sweep else coordinate_pairs(7, 40, rng=1)
    before = W.clone()
    assert_close(*both(lambda: sweep(W, G, what, learning_rate=0.1)))
    assert torch.equal(W, before)
    with monkeypatch.context() as patched:  # the compiled loop alone may run
        patched.setattr("stiefelkit.optim._rotations.column_rotations", None)
        patched.setattr("stiefelkit.optim._sweeps._copy", None)
        sweep(W, G, what, learning_rate=0.1)


def test_residuals_are_the_tensors_that_came(numbers):
    X, A = normal(numbers, (2, 12, 4, 4))
    Y, (kept_X, kept_A, _, kept_Y) = _small.rotate_forward(X, A)
    assert kept_X is X
    assert kept_A is A
    assert kept_Y is Y


def test_a_weight_is_not_changed_between_forward_and_backward(numbers):
    layer = torch.nn.Module()
    layer.weight = torch.nn.Parameter(torch.linalg.qr(normal(numbers, (12, 4, 4)))[0])
    stiefelkit_torch.orthogonal(layer, "weight", "cayley")
    loss = layer.weight.sum()
    with torch.no_grad():
        layer.parametrizations.weight.original.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("kernel", [_small.cayley_retract, _small.cayley_rotate])
def test_kernels_decline_what_somebody_watches(kernel, numbers):
    X, A = normal(numbers, (2, 12, 4, 4))
    assert kernel(X, A) is not NotImplemented
    assert kernel(X, A.clone().requires_grad_()) is NotImplemented
    with torch.autograd.forward_ad.dual_level():
        assert kernel(X, A) is NotImplemented
    found = []
    torch.func.vmap(lambda x: found.append(kernel(x, A)) or x)(X[None])
    assert found == [NotImplemented]


def test_autograd_through_the_retraction(numbers):
    Q, Z = torch.linalg.qr(normal(numbers, (12, 5, 3)))[0], normal(numbers, (12, 5, 3))
    G = normal(numbers, (12, 5, 3))
    leaves = [Q.clone().requires_grad_(), Z.clone().requires_grad_()]
    found = torch.autograd.grad(Stiefel().retract(*leaves), leaves, G)
    _, residuals = cayley_retract.forward(Q, Z)
    assert_close(host(found), host(cayley_retract.backward(G, residuals)), 4000)


@pytest.mark.parametrize("name", ["cayley", "cayley_rotate"])
def test_a_backward_pass_that_is_watched_runs_the_reference(name, numbers, monkeypatch):
    X, A, G = normal(numbers, (3, 12, 4, 4))
    op, args = (cayley, (skew(A),)) if name == "cayley" else (cayley_rotate, (X, A))
    _, residuals = op.forward(*args)
    expected = op.backward(G, residuals)
    monkeypatch.setattr(_arrays, "plain", lambda *tensors: False)
    assert_close(host(op.backward(G, residuals)), host(expected), 4000)


def test_without_compiled_kernels_the_reference_runs(numbers, monkeypatch):
    monkeypatch.setattr(_arrays, "kernel_for", lambda library, name: None)
    X, A = normal(numbers, (2, 12, 4, 4))
    assert _small.cayley_rotate(X, A) is NotImplemented
    assert cayley_rotate(X, A).shape == X.shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", [cwy_matrix, tcwy_matrix, householder_matrix])
def test_products_of_reflections_equal_the_references(op, dtype, numbers):
    V = normal(numbers, (100, 70), dtype)
    G = normal(numbers, tuple(op(V).shape), dtype)

    def run():
        leaf = V.clone().requires_grad_()
        Q = differentiable(op)(leaf)
        return Q.detach(), torch.autograd.grad(Q, leaf, G)[0]

    assert_close(*both(run), 4000)


def test_vectors_that_change_before_the_backward_pass_are_noticed(numbers):
    V = normal(numbers, (100, 100))
    leaf = V.clone().requires_grad_()
    Q = differentiable(cwy_matrix)(leaf)
    with torch.no_grad():
        leaf += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        Q.sum().backward()


def test_a_watched_backward_pass_of_reflections_runs_the_reference(numbers, monkeypatch):
    V, G = normal(numbers, (2, 100, 100))
    _, residuals = cwy_matrix.forward(V)
    expected = cwy_matrix.backward(G, residuals)
    monkeypatch.setattr(_arrays, "plain", lambda *tensors: False)
    assert_close(host(cwy_matrix.backward(G, residuals)), host(expected), 4000)


def test_states_that_change_before_the_backward_pass_are_noticed(numbers):
    W, Z, h0 = normal(numbers, (64, 64)), normal(numbers, (8, 16, 64)), normal(numbers, (16, 64))
    H = differentiable(unroll)(W.requires_grad_(), Z, h0, None, activation=Tanh())
    with pytest.raises(RuntimeError, match="is a view"):
        H.mul_(0.5)
