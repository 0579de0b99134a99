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


def noted(function, seen):
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
    noted(tcwy_matrix, seen)(V).sum().backward()
    assert seen == [kind] * 2
    with stiefelkit.use_kernels(False):
        noted(tcwy_matrix, seen)(V).sum().backward()
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


def test_gradients_share_no_memory():
    """Autograd adds in place to one that it takes for its own."""
    total = front.differentiable_pair(
        lambda x, y: (x + y, None), lambda G, _: (G, G[...]), name="total", portable=True
    )
    x, y, G = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True), torch.ones(3)
    for _ in range(2):
        total(x, y).backward(G)
    assert x.grad.tolist() == y.grad.tolist() == [2.0] * 3
    assert G.tolist() == [1.0] * 3
    same = front.differentiable_pair(
        lambda x: (x, None), lambda G, _: (G,), name="x", portable=True
    )
    assert same(x).data_ptr() != x.data_ptr()


@pytest.mark.usefixtures("passes_on_both")
def test_of_what_keeps_nothing(rng):
    double = front.differentiable_pair(
        lambda x: (2 * x, None), lambda G, _: (2 * G,), name="double", portable=True
    )
    x = leaf(rng, 3)
    y = x * 1
    found = double(y)
    y.add_(1)  # on which the gradient does not depend
    assert torch.equal(torch.autograd.grad(found.sum(), x)[0], torch.full((3,), 2.0).double())


@pytest.mark.usefixtures("passes_on_both")
def test_hooks_of_saved_tensors_see_what_is_kept(rng):
    V = leaf(rng, 5, 3)
    (expected,) = torch.autograd.grad(matrix(V)[0, 0], V)
    W = V * 1
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
        Q = matrix(W)
    with torch.no_grad():
        W.fill_(1)
    assert torch.equal(torch.autograd.grad(Q[0, 0], V)[0], expected)


@pytest.mark.usefixtures("passes_on_both")
def test_cotangents_may_be_batched_afterwards(rng):
    V = leaf(rng, 5, 3)
    Q = matrix(V)
    G = torch.as_tensor(draw(rng, (4, 5, 3)))

    def back(g):
        return torch.autograd.grad(Q, V, g, retain_graph=True)[0]

    assert_close(host(torch.func.vmap(back)(G)), np.stack([host(back(g)) for g in G]), 1e-13)


def test_modes_see_the_operations(rng):
    from torch.fx.experimental.proxy_tensor import make_fx

    V, other = (torch.as_tensor(draw(rng, (5, 3))) for _ in range(2))
    traced = make_fx(lambda V: matrix(V) + V)(V)
    assert_close(host(traced(other)), host(matrix(other) + other), 1e-13)


def test_what_was_kept_is_freed(rng):
    Q = matrix(leaf(rng, 5, 3))
    assert len(Q.grad_fn.saved_tensors) > 0
    Q.sum().backward()
    with pytest.raises(RuntimeError, match="freed"):
        _ = Q.grad_fn.saved_tensors


def test_arrays_that_are_no_tensors_are_copied():
    odd = front.differentiable_pair(
        lambda x: (x[::-1], None),
        lambda G, _: (np.broadcast_to(G.sum(), 3),),
        name="odd",
        portable=True,
    )
    x = torch.arange(3.0, requires_grad=True)
    odd(x).sum().backward()
    assert odd(x).tolist() == [2.0, 1.0, 0.0]
    assert x.grad.tolist() == [3.0] * 3
