"""Passes of small tensors run on NumPy arrays, and autograd sees no difference."""

import numpy as np
import pytest

import stiefelkit
from stiefelkit.linalg import cholesky, cwy_apply, tcwy_matrix
from stiefelkit.parametrizations import TCWY

from .._classes import assert_close
from ._torch_front import Layer, draw, front, host, torch

matrix, apply = front.differentiable(tcwy_matrix), front.differentiable(cwy_apply)


def leaf(rng, *shape, dtype="float64"):
    return torch.as_tensor(draw(rng, shape, dtype)).requires_grad_()


def kinds(function, args, seen):
    """Return an op whose passes note the types of what they get."""

    def forward(*args):
        seen.append(type(args[0]))
        return function.forward(*args)

    def backward(G, residuals):
        seen.append(type(G))
        return function.backward(G, residuals)

    return front.differentiable_pair(forward, backward, name="noted", portable=True)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((64, 64), np.ndarray), ((512, 16), np.ndarray), ((65, 64), torch.Tensor)],
    ids=str,
)
def test_of_small_tensors_only(shape, kind, rng):
    V, seen = leaf(rng, *shape), []
    kinds(tcwy_matrix, (V,), seen)(V).sum().backward()
    assert seen == [kind] * 2
    with stiefelkit.use_kernels(False):
        kinds(tcwy_matrix, (V,), seen)(V).sum().backward()
    assert seen[2:] == [torch.Tensor] * 2


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_of_any_layout(dtype, rng):
    wide = torch.as_tensor(draw(rng, (3, 6), dtype)).requires_grad_()
    X = torch.as_tensor(draw(rng, (2, 6, 2), dtype))[..., ::2].conj().requires_grad_()
    found = torch.autograd.grad(
        apply(wide.mT, X).real.sum(), (wide, X)
    )  # a cotangent without strides
    V, plain = wide.detach().mT.numpy().copy(), X.detach().resolve_conj().numpy().copy()
    Y, residuals = cwy_apply.forward(V, plain)
    dV, dX = cwy_apply.backward(np.ones_like(Y), residuals)
    for mine, other in zip(found, (dV.T, dX), strict=True):
        assert mine.dtype == wide.dtype
        assert_close(host(mine), other, 100 * np.finfo(dtype).eps)


def test_what_was_changed_in_place_is_seen(rng):
    V = leaf(rng, 5, 3)
    Q = matrix(V)
    with torch.no_grad():
        V.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        Q.sum().backward()
    L = front.differentiable(cholesky)(torch.eye(4, requires_grad=True))
    L += 1  # its gradient is made of it
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        L.sum().backward()
    X = leaf(rng, 5, 2)
    Y = apply(leaf(rng, 5, 3), X)
    Y *= 2  # of which nothing is kept
    Y.sum().backward()
    assert X.grad is not None


def test_a_graph_is_there_once(rng):
    V = leaf(rng, 5, 3)
    Q = matrix(V).sum()
    (first,) = torch.autograd.grad(Q, V, retain_graph=True)
    (again,) = torch.autograd.grad(Q, V)
    assert torch.equal(first, again)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(Q, V)


def test_what_is_no_number_comes_without_a_warning(rng):
    layer = front.orthogonal(Layer(np.eye(4)), orthogonal_map=TCWY(4, 4))
    with torch.no_grad():
        layer.parametrizations.weight.original[1] = torch.nan
    loss = layer.weight.sum()
    loss.backward()
    assert torch.isnan(loss)
    assert torch.isnan(layer.parametrizations.weight.original.grad).any()


def test_constants_get_no_gradient(rng):
    V, X = leaf(rng, 5, 3).detach(), leaf(rng, 5, 2)
    assert not matrix(V).requires_grad
    apply(V, X).sum().backward()
    assert V.grad is None
    assert X.grad is not None
    with torch.no_grad():
        assert not apply(V, X).requires_grad


def test_checkpoints_run_the_forward_pass_again(rng):
    V, X = leaf(rng, 5, 3), leaf(rng, 5, 2)
    Y = torch.utils.checkpoint.checkpoint(apply, V, X, use_reentrant=False)
    found = torch.autograd.grad(Y.square().sum(), (V, X))
    expected = torch.autograd.grad(apply(V, X).square().sum(), (V, X))
    for mine, other in zip(found, expected, strict=True):
        assert torch.equal(mine, other)
