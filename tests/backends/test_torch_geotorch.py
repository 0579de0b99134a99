"""Maps that geotorch has, too, give the same weights and gradients; its weights move over."""

import pytest

from stiefelkit.linalg import cwy_matrix

from .._classes import assert_close
from ._torch_front import Layer, assert_orthonormal, draw, front, host, torch

geotorch = pytest.importorskip("geotorch")

MAPS = {"expm": "matrix_exp", "cayley": "cayley"}
every_map = pytest.mark.parametrize("triv", list(MAPS))
every_shape = pytest.mark.parametrize("shape", [(4, 4), (5, 5), (5, 2), (2, 5), (4, 1), (3, 4, 4)])


def theirs(rng, shape, triv):
    torch.manual_seed(0)
    layer = Layer(draw(rng, shape))
    geotorch.orthogonal(layer, "weight", triv=triv)
    return layer


def columns_of_skew(X, p):
    """Return the first p columns of the skew matrix whose lower triangle is that of X."""
    L = X.tril(-1)
    return torch.cat([L[..., :p, :] - L[..., :p, :].mT, L[..., p:, :]], -2)


@every_shape
@every_map
def test_same_weight_and_gradient_at_one_base(triv, shape, rng):
    peer, ours = (
        theirs(rng, shape, triv),
        front.orthogonal(Layer(draw(rng, shape)), "weight", MAPS[triv]),
    )
    wide, p = shape[-2] < shape[-1], min(shape[-2:])
    made, manifold = ours.parametrizations.weight[0], peer.parametrizations.weight[0]
    with torch.no_grad():
        made.d.fill_(1)
        manifold.base.copy_(made.base if shape[-1] == shape[-2] else cwy_matrix(made.base))
    G, original = torch.as_tensor(draw(rng, shape)), peer.parametrizations.weight.original
    with torch.no_grad():
        original.copy_(torch.as_tensor(draw(rng, shape)))
    X = original.detach().clone().requires_grad_()
    W = made(columns_of_skew(X.mT if wide else X, p))
    assert_close(host(W), host(peer.weight), 1e-13)
    found = torch.autograd.grad(W, X, G)[0]
    assert_close(host(found), host(torch.autograd.grad(peer.weight, original, G)[0]), 1e-12)


@every_shape
@every_map
def test_a_weight_of_theirs_is_kept(triv, shape, rng):
    peer = theirs(rng, shape, triv)
    optimizer = torch.optim.SGD(peer.parameters(), lr=0.1)
    (peer.weight * torch.as_tensor(draw(rng, shape))).sum().backward()
    optimizer.step()
    W = host(peer.weight)
    torch.nn.utils.parametrize.remove_parametrizations(peer, "weight")
    assert_close(host(front.orthogonal(peer, "weight", MAPS[triv]).weight), W, 1e-13)
    assert_orthonormal(peer.weight)
    loaded = front.orthogonal(Layer(draw(rng, shape)))
    loaded.load_state_dict({"weight": torch.as_tensor(W)})
    assert_close(host(loaded.weight), W, 1e-13)


def test_a_step_of_training_is_the_same(rng):
    """Both start from zero at the base, so that a plain gradient step is the same."""
    target = torch.as_tensor(draw(rng, (4, 4)))
    peer = theirs(rng, (4, 4), "expm")
    ours = front.orthogonal(Layer(host(peer.weight)), "weight", "matrix_exp")
    for layer, lr in ((peer, 0.05), (ours, 0.1)):
        # A skew matrix by one triangle has half as many numbers, and twice the gradient in each.
        loss = (layer.weight - target).square().sum()
        leaf = layer.parametrizations.weight.original
        leaf.data -= lr * torch.autograd.grad(loss, leaf)[0]
    assert_close(host(ours.weight), host(peer.weight), 1e-13)
