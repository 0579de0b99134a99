"""Derivatives that there are not are refused in words, by whatever input they are asked for."""

import pytest

from stiefelkit.linalg import tcwy_matrix
from stiefelkit.rnn import Tanh, unroll

from ._torch_front import draw, draw_weight, every_choice, front, torch

pytestmark = pytest.mark.usefixtures("passes_on_both")
REFUSED = pytest.raises(NotImplementedError, match="has a first derivative only")


def leaf(rng, *shape):
    return torch.tensor(draw(rng, shape), requires_grad=True)


def parts_of(chosen, based, rng, shape=(4, 4)):
    """Return the free leaf of a weight that is not at its base, and the map from it."""
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.tensor(draw_weight(rng, shape)))
    front.orthogonal(module, "weight", chosen, use_trivialization=based)
    parts = module.parametrizations.weight
    leaf = parts.original.detach() + 0.1 * torch.tensor(draw(rng, parts.original.shape))
    return module, leaf, parts[0]


@every_choice
def test_of_maps(chosen, based, rng):
    """A loss that is linear in the weight depends on the leaf through the second pass alone."""
    _, V, function = parts_of(chosen, based, rng)
    C = torch.tensor(draw(rng, (4, 4)))

    def slope(V):
        return torch.func.grad(lambda V: (function(V) * C).sum())(V)

    with REFUSED:
        torch.func.grad(lambda V: slope(V).square().sum())(V)
    with REFUSED:
        torch.func.jacrev(slope)(V)
    with REFUSED:
        torch.func.vmap(torch.func.jacrev(slope))(torch.stack([V, V]))


@every_choice
def test_of_weights(chosen, based, rng):
    module, _, _ = parts_of(chosen, based, rng)
    leaf, C = module.parametrizations.weight.original, torch.tensor(draw(rng, (4, 4)))
    value = (module.weight * C).sum()
    (first,) = torch.autograd.grad(value, leaf, create_graph=True)
    assert first.requires_grad
    with REFUSED:
        (value**2 + first.square().sum()).backward()
    # Nothing is in the way of one that passes the map once.
    (value**2).backward()


@pytest.mark.parametrize("place", range(4))
def test_of_loops(place, rng):
    """Biases and first states are in no residual."""
    args = leaf(rng, 3, 3), leaf(rng, 2, 2, 3), leaf(rng, 2, 3), None
    layer = front.nn.OrthogonalRNN(2, 3, dtype=torch.float64)
    X, h0 = leaf(rng, 4, 1, 2), leaf(rng, 1, 1, 3)
    if place < 3:
        value, at = front.differentiable(unroll)(*args, activation=Tanh()).sum(), args[place]
        (first,) = torch.autograd.grad(value, at, create_graph=True)
        with REFUSED:
            first.sum().backward()
    for at in (layer.bias_ih_l0, layer.weight_ih_l0, X, h0):
        (first,) = torch.autograd.grad(layer(X, h0)[0].sum(), at, create_graph=True)
        with REFUSED:
            first.sum().backward()


def test_of_ops(rng):
    V = leaf(rng, 4, 2)
    (first,) = torch.autograd.grad(front.differentiable(tcwy_matrix)(V).sum(), V, create_graph=True)
    with pytest.raises(NotImplementedError, match="`tcwy_matrix` has a first derivative only"):
        first.sum().backward()


# PyTorch's own, of the code that it loads for the first forward derivative.
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@every_choice
def test_forward_mode_is_refused(chosen, based, rng):
    _, V, function = parts_of(chosen, based, rng)
    for ask in (
        lambda: torch.func.jvp(function, (V,), (V,)),
        lambda: torch.func.jacfwd(function)(V),
        lambda: torch.func.hessian(lambda V: function(V).sum())(V),
    ):
        with pytest.raises(NotImplementedError, match=r"has no forward mode.*jacrev"):
            ask()


def test_batches_of_cotangents_are_refused_where_there_is_no_rule(rng):
    _, V, function = parts_of("cwy", True, rng)
    with pytest.raises(NotImplementedError, match=r"one cotangent at a time.*jacrev"):
        torch.autograd.functional.jacobian(function, V, vectorize=True)
