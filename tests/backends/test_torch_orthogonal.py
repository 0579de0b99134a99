"""`orthogonal` behaves as PyTorch documents its own: which matrices, which start, which errors."""

import numpy as np
import pytest

from stiefelkit.parametrizations import TCWY, Givens, TrapezoidalCWY, UnitaryFFT

from .._classes import assert_close
from ._torch_front import (
    CLASSES,
    Layer,
    assert_orthonormal,
    bound,
    draw,
    draw_weight,
    every_choice,
    every_map,
    every_weight,
    front,
    host,
    loss,
    q_factor,
    torch,
)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@every_weight
@every_choice
def test_the_start_is_the_q_factor_and_training_stays_orthonormal(chosen, based, shape, dtype, rng):
    W = draw(rng, shape, dtype)
    layer = front.orthogonal(Layer(W), "weight", chosen, use_trivialization=based)
    assert isinstance(layer.parametrizations.weight[0].parametrization, CLASSES[chosen][not based])
    assert tuple(layer.weight.shape) == shape
    assert str(layer.weight.dtype) == f"torch.{dtype}"
    assert_close(host(layer.weight), q_factor(W), bound(shape, dtype) * np.linalg.cond(W).max())
    assert_orthonormal(layer.weight)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss(layer.weight).backward()
        optimizer.step()
    assert_orthonormal(layer.weight)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@every_weight
@every_choice
def test_an_orthonormal_weight_is_kept_and_assigned(chosen, based, shape, dtype, rng):
    start, later = draw_weight(rng, shape, dtype), draw_weight(rng, shape, dtype)
    layer = front.orthogonal(Layer(start), "weight", chosen, use_trivialization=based)
    assert_close(host(layer.weight), start, bound(shape, dtype))
    layer.weight = torch.as_tensor(later)
    assert_close(host(layer.weight), later, bound(shape, dtype))
    layer.weight = layer.weight
    assert_close(host(layer.weight), later, 2 * bound(shape, dtype))


@pytest.mark.parametrize("sign", [1, -1])
@every_map
def test_both_determinants_are_kept(chosen, sign, rng):
    W = draw_weight(rng, (4, 4))
    W[0] *= sign * np.linalg.det(W)
    layer = front.orthogonal(Layer(W), orthogonal_map=chosen)
    assert np.linalg.det(host(layer.weight)) == pytest.approx(sign)


@pytest.mark.parametrize("chosen", CLASSES)
@pytest.mark.parametrize("shape", [(3, 3), (4, 1), (4, 2)])
def test_complex_maps_move_in_all_directions(chosen, shape, rng):
    """The rank of the derivative is the dimension of the manifold, 2np - p^2."""
    torch.manual_seed(0)
    layer = front.orthogonal(Layer(draw_weight(rng, shape, "complex128")), "weight", chosen)
    parts = layer.parametrizations.weight
    leaves = [(x + 0.1 * torch.randn_like(x)).detach().requires_grad_() for x in parts.parameters()]
    entries = torch.view_as_real(parts[0](*leaves).contiguous()).flatten()
    rows = []
    for entry in entries:
        grads = torch.autograd.grad(entry, leaves, retain_graph=True)
        rows.append(np.concatenate([host(g).reshape(-1).view("float64") for g in grads]))
    n, p = shape
    assert np.linalg.matrix_rank(np.stack(rows), tol=1e-9) == 2 * n * p - p**2


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_the_default_is_compact_wy(shape, rng):
    made = front.orthogonal(Layer(draw(rng, shape))).parametrizations.weight[0].parametrization
    assert type(made) is (TrapezoidalCWY if shape[0] == shape[1] else TCWY)


@pytest.mark.parametrize("chosen", ["householder", "givens", "cayley"])
def test_another_weight_is_refused_unless_it_may_be_projected(chosen, rng):
    W, other = draw_weight(rng, (3, 5)), draw(rng, (3, 5))
    layer = front.orthogonal(Layer(W), orthogonal_map=chosen)
    with pytest.raises(ValueError, match=r"orthonormal rows.*project=True"):
        layer.weight = torch.as_tensor(other)
    assert_close(host(layer.weight), W, bound((3, 5), "float64"))
    layer = front.orthogonal(Layer(W), orthogonal_map=chosen, project=True)
    layer.weight = torch.as_tensor(other)
    assert_close(host(layer.weight), q_factor(other), 1e-13)


def test_a_shape_that_differs_is_refused(rng):
    layer = front.orthogonal(Layer(draw(rng, (4, 3))))
    with pytest.raises(ValueError, match=r"shape \(4, 3\). Got one of shape \(4, 4\)"):
        layer.weight = torch.eye(4, dtype=torch.float64)


def test_few_reflections_start_where_they_reach(rng):
    W = draw(rng, (4, 4))
    layers = [front.orthogonal(Layer(W), orthogonal_map="cwy", k=2, rng=seed) for seed in (0, 0, 1)]
    same, again, other = (host(layer.weight) for layer in layers)
    assert_close(same, again, 0)
    assert np.abs(same - other).max() > 0.1
    assert_orthonormal(same)
    # Two reflections move a plane only.
    assert np.linalg.matrix_rank(same - np.eye(4), tol=1e-8) == 2
    with pytest.raises(ValueError, match="as many reflections as columns"):
        layers[0].weight = torch.as_tensor(draw_weight(rng, (4, 4)))


def test_a_configured_parametrization(rng):
    W = draw_weight(rng, (3, 3), "complex128")
    layer = front.orthogonal(Layer(W), orthogonal_map=Givens(3, free_phases=True))
    assert_close(host(layer.weight), W, 1e-14)
    free = dict(layer.named_parameters())
    assert [len(x) for x in free.values()] == [3, 3, 3]
    weights = draw(rng, (2, 4, 4), "complex64")
    layer = front.orthogonal(Layer(weights), orthogonal_map=UnitaryFFT(4), rng=3)
    assert_orthonormal(layer.weight)
    first, second = layer.weight
    assert float(torch.dist(first, second).detach()) > 0.1


def test_a_buffer_stays_one(rng):
    module = torch.nn.Module()
    module.register_buffer("frame", torch.as_tensor(draw_weight(rng, (4, 2))))
    front.orthogonal(module, "frame")
    assert not list(module.parameters())
    assert not module.frame.requires_grad


def test_convolutions_have_orthonormal_kernels():
    layer = front.orthogonal(torch.nn.Conv2d(2, 3, (5, 4), dtype=torch.float64))
    assert tuple(layer.weight.shape) == (3, 2, 5, 4)
    assert_orthonormal(layer.weight)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_16_bits_are_formed_in_32(dtype, rng):
    layer = front.orthogonal(Layer(draw(rng, (6, 3), "float32"))).to(dtype)
    W = layer.weight
    assert W.dtype == dtype
    # Only its own rounding is left: by half a unit, relative, of each entry.
    gram = W.detach().float().mT @ W.detach().float()
    assert float(torch.dist(gram, torch.eye(3))) < 3 * torch.finfo(dtype).eps
    loss(W).backward()
    assert all(p.grad.dtype == dtype for p in layer.parameters())
    assert front.orthogonal(Layer(W.detach())).weight.dtype == dtype


WRONG = {
    "no such tensor": (lambda m: front.orthogonal(m, "bias"), "'bias' of a Layer"),
    "a vector": (lambda m: front.orthogonal(m, "vector"), r"`vector` of shape \(3,\)"),
    "an unknown map": (lambda m: front.orthogonal(m, "weight", "qr"), "one of cayley, cwy.*'qr'"),
    "another size": (lambda m: front.orthogonal(m, "weight", TCWY(3, 2)), "n=4 and p=2. Got TCWY"),
    "k without cwy": (lambda m: front.orthogonal(m, "weight", "givens", k=1), "k=1 with 'givens'"),
    "no matrix of integers": (
        lambda m: front.orthogonal(m, "count"),
        "floating-point.*torch.int64",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_errors_say_what_came(what, rng):
    layer = Layer(draw(rng, (4, 2)))
    layer.vector = torch.nn.Parameter(torch.zeros(3))
    layer.register_buffer("count", torch.eye(3, dtype=torch.int64))
    call, message = WRONG[what]
    with pytest.raises((ValueError, TypeError), match=message):
        call(layer)
    assert type(layer) is Layer
