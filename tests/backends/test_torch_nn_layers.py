"""Linear layers and convolutions with an orthogonal weight."""

import itertools

import numpy as np
import pytest

from stiefelkit.parametrizations import CWY, Givens

from .._classes import assert_close, orthonormality
from ._torch_front import assert_orthonormal, front, host, torch

SIDES = {"tall": (5, 9), "wide": (9, 5), "square": (7, 7), "one": (1, 1)}
FIELDS = [torch.float64, torch.complex128]
every_side = pytest.mark.parametrize("sides", list(SIDES.values()), ids=list(SIDES))
every_field = pytest.mark.parametrize("dtype", FIELDS, ids=str)
BOUND = 1e-12


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(5)


@every_side
@every_field
def test_linear_layer_is_its_weight_and_bias(sides, dtype):
    layer = front.nn.OrthogonalLinear(*sides, dtype=dtype)
    X = torch.randn(2, 3, sides[0], dtype=dtype)
    assert_orthonormal(layer.weight)
    assert_close(host(layer(X)), host(X @ layer.weight.mT + layer.bias), BOUND)


@every_side
@every_field
@pytest.mark.parametrize("chosen", ["tcwy", "givens", "cayley", "matrix_exp"])
def test_every_map(sides, dtype, chosen):
    layer = front.nn.OrthogonalLinear(*sides, False, chosen, dtype=dtype)
    layer(torch.randn(3, sides[0], dtype=dtype)).abs().sum().backward()
    assert_orthonormal(layer.weight)
    assert all(leaf.grad is not None for leaf in layer.parameters())


@pytest.mark.parametrize("sides", [(20, 31), (31, 20), (24, 24)], ids=["tall", "wide", "square"])
@every_field
@pytest.mark.parametrize("bias", [True, False])
def test_few_reflections_are_the_matrix_that_they_make(sides, dtype, bias):
    map_ = CWY(max(sides), min(sides), k=2, free_phases=dtype.is_complex)
    layer = front.nn.OrthogonalLinear(*sides, bias, map_, dtype=dtype)
    if dtype.is_complex:
        layer.parametrizations.weight.original1.data += 0.3
    X = torch.randn(2, 3, sides[0], dtype=dtype, requires_grad=True)
    assert layer._by_reflections(X)
    found = []
    for Y in (layer(X), torch.nn.functional.linear(X, layer.weight, layer.bias)):
        leaves = [X, *layer.parameters()]
        found.append([Y, *torch.autograd.grad(Y.abs().pow(3).sum(), leaves)])
    for actual, expected in zip(*found, strict=True):
        assert_close(host(actual), host(expected), 100 * BOUND)


def test_many_reflections_are_formed():
    layer = front.nn.OrthogonalLinear(20, 20, orthogonal_map=CWY(20, k=15))
    assert not layer._by_reflections(torch.empty(100, 20))
    assert not front.nn.OrthogonalLinear(20, 20)._by_reflections(torch.empty(1, 20))


def test_linear_layer_obeys_seeds():
    made = [front.nn.OrthogonalLinear(4, 6, rng=3) for _ in range(2)]
    assert_close(host(made[0].weight), host(made[1].weight), 0)
    torch.manual_seed(1)
    made[0].reset_parameters()
    assert not np.allclose(host(made[0].weight), host(made[1].weight))
    torch.manual_seed(1)
    made[1].reset_parameters()
    for name, x in made[0].state_dict().items():
        assert_close(host(x), host(made[1].state_dict()[name]), 0)


def test_linear_layer_takes_empty_batches_and_half_precision():
    layer = front.nn.OrthogonalLinear(3, 5, dtype=torch.bfloat16)
    assert layer(torch.zeros(0, 3, dtype=torch.bfloat16)).shape == (0, 5)
    few = front.nn.OrthogonalLinear(30, 30, orthogonal_map=CWY(30, k=1))
    assert few(torch.zeros(0, 30)).shape == (0, 30)
    with torch.autocast("cpu"):
        assert few(torch.zeros(2, 30)).dtype == torch.bfloat16


def norm_of(layer, size):
    """Return the norm of a convolution as a map of images, by power iteration."""
    G = torch.randn(1, layer.channels, size, size, dtype=layer.frame.dtype)
    for _ in range(40):
        G = (G / G.norm()).detach().requires_grad_()
        Y = layer(G)
        (G,) = torch.autograd.grad(Y, G, Y.detach())
    return float(Y.norm().detach())


KERNELS = {"1": 1, "2": 2, "3": 3, "5": 5, "rows": (1, 4), "columns": (3, 2)}


@pytest.mark.parametrize("kernel_size", list(KERNELS.values()), ids=list(KERNELS))
@pytest.mark.parametrize("channels", [1, 6])
@every_field
def test_convolution_makes_nothing_longer(kernel_size, channels, dtype):
    layer = front.nn.NonExplodingConv2d(channels, kernel_size, bias=False, dtype=dtype)
    assert_orthonormal(layer.frame)
    assert norm_of(layer, 7) <= 1 + BOUND
    images = torch.randn(3, channels, 4, 6, dtype=dtype)
    assert layer(images).shape == images.shape
    assert layer(images[0]).shape == images[0].shape


def test_the_bound_is_reached():
    # All images of one: every pixel meets the same weights, and inside no border is in sight.
    layer = front.nn.NonExplodingConv2d(1, 3, bias=False, dtype=torch.float64)
    layer.frame = torch.full((9, 1), 1 / 3, dtype=torch.float64)
    assert norm_of(layer, 40) > 0.98


def test_pixels_alone_keep_their_lengths():
    layer = front.nn.NonExplodingConv2d(6, 1, bias=False, dtype=torch.float64)
    G = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    assert_close(host(layer(G).norm(dim=1)), host(G.norm(dim=1)), BOUND)


def test_kernel_is_the_frame_by_patches():
    layer = front.nn.NonExplodingConv2d(3, (3, 5), dtype=torch.float64)
    layer.bias.data += torch.arange(3)
    G = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    patches = torch.nn.functional.unfold(G, (3, 5), padding=(1, 2))  # channels, then places
    patches = patches.reshape(2, 3, 15, -1).transpose(1, 2).reshape(2, 45, -1)
    expected = (layer.frame.mT @ patches / 15**0.5).reshape(2, 3, 6, 7) + layer.bias[:, None, None]
    assert_close(host(layer(G)), host(expected), BOUND)


@torch.no_grad()
def test_states_of_a_convolutional_recurrence_are_bounded():
    layer = front.nn.NonExplodingConv2d(4, 3, bias=False, dtype=torch.float64)
    inward = torch.nn.Conv2d(2, 4, 3, padding=1, dtype=torch.float64)
    X = torch.randn(30, 1, 2, 8, 8, dtype=torch.float64)
    G, bound = torch.zeros(1, 4, 8, 8, dtype=torch.float64), 0.0
    for x in X:
        driven = inward(x)
        G, bound = torch.tanh(layer(G) + driven), bound + float(driven.norm())
        assert G.norm() <= bound
    free = torch.randn(1, 4, 8, 8, dtype=torch.float64)
    norms = []
    for _ in range(20):
        norms.append(float(free.norm()))
        free = layer(free).relu()
    assert all(after <= before for before, after in itertools.pairwise(norms))


def test_convolution_trains_and_stays():
    layer = front.nn.NonExplodingConv2d(4, 3, orthogonal_map=Givens(36, 4), dtype=torch.float64)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    start = host(layer.frame)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(2, 4, 5, 5, dtype=torch.float64)).pow(2).sum().backward()
        optimizer.step()
    assert orthonormality(host(layer.frame)) < 20 * 2 * np.finfo(float).eps
    assert np.abs(host(layer.frame) - start).max() > 1e-3


REFUSED = [
    (lambda: front.nn.NonExplodingConv2d(0, 3), "at least one channel"),
    (lambda: front.nn.NonExplodingConv2d(2, (3, 0)), "at least one channel"),
    (lambda: front.nn.NonExplodingConv2d(2, 3, orthogonal_map="qr"), "`orthogonal_map` is one of"),
    (lambda: front.nn.OrthogonalLinear(3, 4, orthogonal_map="qr"), "`orthogonal_map` is one of"),
    (lambda: front.nn.OrthogonalLinear(3, 4, orthogonal_map=CWY(3)), "n=4 and p=3"),
    (lambda: front.nn.OrthogonalLinear(3, 4, orthogonal_map="givens", k=2), "`k` is for the map"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
