"""PyTorch's own maps give the same weights, and its recurrent layer takes ours."""

import numpy as np
import pytest

from stiefelkit.linalg import cwy_matrix
from stiefelkit.parametrizations import Trivialization

from .._classes import assert_close
from ._torch_front import Layer, draw, front, host, torch

parametrize = torch.nn.utils.parametrize

SHARED = [("matrix_exp", (4, 4)), ("matrix_exp", (5, 2)), ("cayley", (4, 4)), ("cayley", (2, 5))]


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("chosen", "shape"), SHARED)
def test_maps_at_a_base_are_those_of_pytorch(chosen, shape, dtype, rng):
    theirs = torch.nn.utils.parametrizations.orthogonal(
        Layer(draw(rng, shape, dtype)), "weight", chosen
    )
    ours = front.orthogonal(Layer(draw(rng, shape, dtype)), "weight", chosen)
    free = draw(rng, shape, dtype)
    n, p = max(shape), min(shape)
    A = np.tril(free if shape[0] >= shape[1] else free.T)
    A[:p] -= A[:p].conj().T
    made = ours.parametrizations.weight[0]
    assert isinstance(made.parametrization, Trivialization)
    base = made.base if n == p else cwy_matrix(made.base)
    with torch.no_grad():
        theirs.parametrizations.weight.original.copy_(torch.as_tensor(free))
        theirs.parametrizations.weight[0].base.copy_(base)
        ours.parametrizations.weight.original.copy_(torch.as_tensor(A))
        made.d.fill_(1)
    assert_close(host(ours.weight), host(theirs.weight), 1e-13)


@pytest.mark.parametrize("shape", [(4, 4), (5, 2), (2, 5)])
def test_reflections_are_those_of_pytorch(shape, rng):
    options = {"orthogonal_map": "householder", "use_trivialization": False}
    theirs = torch.nn.utils.parametrizations.orthogonal(Layer(draw(rng, shape)), **options)
    ours = front.orthogonal(Layer(draw(rng, shape)), **options)
    free = draw(rng, (max(shape), min(shape)))
    signs = np.sign(np.diagonal(free))
    np.fill_diagonal(free, signs)
    with torch.no_grad():
        original = free if shape[0] >= shape[1] else free.T
        theirs.parametrizations.weight.original.copy_(torch.as_tensor(original))
        np.fill_diagonal(free, 1)
        ours.parametrizations.weight.original.copy_(torch.as_tensor(np.tril(free)))
        ours.parametrizations.weight[0].d.copy_(torch.as_tensor(signs))
    assert_close(host(ours.weight), host(theirs.weight), 1e-13)


def test_a_layer_of_torch_with_a_recurrent_weight(rng):
    peer = torch.nn.RNN(3, 4, dtype=torch.float64)
    front.orthogonal(peer, "weight_hh_l0")
    X, W = torch.as_tensor(draw(rng, (5, 2, 3))), peer.weight_hh_l0
    with parametrize.cached():
        found = peer(X)[0]
    h = torch.zeros(2, 4, dtype=torch.float64)
    for x in X:
        z = x @ peer.weight_ih_l0.mT + peer.bias_ih_l0 + h @ W.mT + peer.bias_hh_l0
        h = torch.tanh(z)
    assert_close(host(found[-1]), host(h), 1e-13)
    leaf = peer.parametrizations.weight_hh_l0.original
    one, two = (torch.autograd.grad(state.sum(), leaf)[0] for state in (found[-1], h))
    assert_close(host(one), host(two), 1e-12)
