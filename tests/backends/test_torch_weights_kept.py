"""What an orthogonal weight goes through outside of training: loading, baking, casts, autocast."""

import copy

import pytest

from stiefelkit.parametrizations import CWY

from .._classes import assert_close
from ._torch_front import assert_orthonormal, draw_weight, every_map, front, host, torch

nn, parametrize = torch.nn, torch.nn.utils.parametrize


def moved(layer, size=0.1):
    """Move the leaves of all weights away from where they start."""
    with torch.no_grad():
        for name, x in layer.named_parameters():
            if "original" in name:
                x += size / max(x.shape) ** 0.5 * torch.randn_like(x)
    return layer


# Rounding of as many reflections or rotations as columns grows with the size.
@pytest.mark.parametrize(
    ("chosen", "n"),
    [("householder", 1024), ("cwy", 1024), ("givens", 512), ("matrix_exp", 512), ("cayley", 512)],
)
def test_large_weights_take_their_own_values(chosen, n):
    torch.manual_seed(0)
    layer = moved(front.orthogonal(nn.Linear(n, n), orthogonal_map=chosen))
    values, W = front.bake(copy.deepcopy(layer)).state_dict(), layer.weight.detach()
    layer.load_state_dict(values)
    layer.weight = W
    other = front.orthogonal(nn.Linear(n, n))
    other.load_state_dict(values)
    for weight in (layer.weight, other.weight):
        assert torch.dist(weight, W) < 1e-5 * n**0.5


def test_a_large_weight_of_torch_is_loaded():
    torch.manual_seed(0)
    layer = moved(nn.utils.parametrizations.orthogonal(nn.Linear(768, 768)))
    W = layer.weight.detach()
    front.orthogonal(nn.Linear(768, 768)).load_state_dict({"weight": W, "bias": layer.bias})


def test_a_removed_parametrization_leaves_a_plain_module():
    layer, plain = front.orthogonal(nn.Linear(3, 3)), nn.Linear(3, 3)
    parametrize.remove_parametrizations(layer, "weight")
    layer.load_state_dict(plain.state_dict())
    assert torch.equal(layer.weight, plain.weight)
    front.bake(front.orthogonal(layer))
    assert not layer._load_state_dict_pre_hooks
    layer.load_state_dict(plain.state_dict())


@pytest.mark.parametrize("chosen", ["tcwy", "cayley"])
def test_assigned_states_bring_their_device_and_dtype(chosen, rng):
    W = torch.tensor(draw_weight(rng, (4, 3)))
    with torch.device("meta"):
        layer = front.orthogonal(nn.Linear(3, 4, bias=False), orthogonal_map=chosen)
    layer.load_state_dict({"weight": W}, assign=True)
    assert (layer.weight.device.type, layer.weight.dtype) == ("cpu", torch.float64)
    assert_close(host(layer.weight), host(W), 1e-14)


def test_nan_is_refused_and_changes_nothing(rng):
    layer = front.orthogonal(nn.Linear(3, 3), project=True)
    before = layer.weight.detach().clone()
    for number in (float("nan"), float("inf")):
        bad = before.clone()
        bad[1, 2] = number
        with pytest.raises(ValueError, match="NaN or infinite"):
            layer.weight = bad
        with pytest.raises(RuntimeError, match="NaN or infinite"):
            layer.load_state_dict({"weight": bad, "bias": layer.bias})
        plain = nn.Linear(3, 3)
        plain.weight.data = bad
        with pytest.raises(ValueError, match="NaN or infinite"):
            front.orthogonal(plain)
    assert torch.equal(layer.weight, before)


class Twice(nn.Module):
    def forward(self, W):
        return 2 * W

    def right_inverse(self, W):
        return W / 2


def stacked(layer, name="weight"):
    parametrize.register_parametrization(layer, name, Twice(), unsafe=True)
    return layer


def test_what_is_registered_on_top_is_applied(rng):
    X = torch.randn(5, 20)
    layer = stacked(front.nn.OrthogonalLinear(20, 40, k=3))
    assert torch.allclose(layer(X), nn.functional.linear(X, layer.weight, layer.bias), atol=1e-5)
    for rnn in (
        front.nn.OrthogonalRNN(3, 64, orthogonal_map=CWY(64, k=2)),
        front.nn.UnitaryRNN(3, 256),
    ):
        X = torch.randn(2, 1, 3)
        before = rnn(X)[0]
        after = stacked(rnn, "weight_hh_l0")(X)[0]
        assert not torch.allclose(before[1], after[1])


def test_a_stack_is_loaded_by_its_own_names_and_baked():
    layer = stacked(front.orthogonal(nn.Linear(3, 3)))
    plain = nn.Linear(3, 3)
    torch.nn.init.orthogonal_(plain.weight)
    with pytest.raises(RuntimeError, match="original"):
        layer.load_state_dict(plain.state_dict())
    W = layer.weight.detach().clone()
    assert torch.equal(front.bake(layer).weight, W)
    below = stacked(nn.Linear(3, 3))
    front.orthogonal(below)
    front.rebase(below)
    W = below.weight.detach().clone()
    assert_orthonormal(W)
    assert not parametrize.is_parametrized(front.bake(below))
    assert torch.equal(below.weight, W)


@pytest.mark.parametrize("shape", [(20, 40), (40, 20)], ids=str)
def test_few_reflections_of_16_bits(shape):
    layer = nn.Sequential(front.nn.OrthogonalLinear(*shape, k=2), nn.Linear(shape[1], 2))
    X = torch.randn(3, shape[0])
    expected, found = layer(X), layer.bfloat16()(X.bfloat16())
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected, atol=0.1)


@every_map
def test_autocast_leaves_registered_assigned_and_rebased_weights(chosen):
    torch.manual_seed(0)
    W = torch.nn.init.orthogonal_(torch.empty(64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        layer = nn.Linear(64, 64)
        layer.weight.data = W
        moved(front.orthogonal(layer, orthogonal_map=chosen))
        assert_orthonormal(layer.weight)
        before = layer.weight.detach().clone()
        front.rebase(layer)
        assert torch.dist(layer.weight, before) < 1e-4
        layer.weight = W
        assert torch.dist(layer.weight, W) < 1e-4


of_complex = pytest.mark.filterwarnings("ignore:Complex modules are a new feature:UserWarning")


@of_complex
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128], ids=str)
@every_map
def test_complex_weights_change_precision(chosen, dtype):
    layer = front.orthogonal(nn.Linear(4, 3, dtype=torch.complex64), orthogonal_map=chosen)
    W = moved(layer).weight.detach()
    layer.to(dtype)
    assert layer.weight.dtype == dtype
    assert torch.dist(layer.weight, W.to(dtype)) < 1e-5
    layer.weight.real.sum().backward()
    assert torch.dist(layer.double().weight, W) < 1e-5


@of_complex
@pytest.mark.parametrize("how", [lambda x: x.to(torch.complex128), lambda x: x.double()])
@pytest.mark.parametrize(
    "make",
    [
        lambda: front.nn.UnitaryRNN(3, 8),
        lambda: front.nn.OrthogonalRNN(3, 8, nonlinearity="modrelu", dtype=torch.complex64),
    ],
)
def test_complex_recurrences_change_precision(make, how):
    rnn, X = make(), torch.randn(4, 2, 3)
    expected = rnn(X)[0]
    rnn = how(rnn)
    dtype = rnn.weight_ih_l0.dtype
    assert torch.allclose(rnn(X.to(dtype.to_real()))[0].to(expected.dtype), expected, atol=1e-5)


def test_a_baked_weight_is_a_parameter_in_one_piece():
    frozen = front.orthogonal(nn.Linear(3, 3, dtype=torch.complex64)).requires_grad_(False)
    assert not front.bake(frozen).weight.requires_grad
    trained = front.orthogonal(nn.Linear(3, 3, dtype=torch.complex64))
    with torch.no_grad():
        front.bake(trained)
    assert trained.weight.requires_grad
    for layer in (frozen, trained, front.bake(front.orthogonal(nn.Linear(5, 3)))):
        assert isinstance(layer.weight, nn.Parameter)
        assert layer.weight.is_contiguous()


def test_the_seed_is_that_of_torch():
    def weight():
        torch.manual_seed(3)
        return front.orthogonal(nn.Linear(6, 6), k=2).weight

    assert torch.equal(weight(), weight())


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: front.nn.OrthogonalRNN(3, 4), "weight_hh_l0"),
        (lambda: front.nn.UnitaryRNN(3, 4), "weight_hh_l0"),
        (lambda: front.nn.NonExplodingConv2d(3, 2), "frame"),
        (lambda: front.nn.OrthogonalLinear(3, 4), "weight"),
    ],
)
def test_baked_modules_are_drawn_anew(make, name):
    layer = front.bake(make())
    before = getattr(layer, name).detach().clone()
    layer.reset_parameters(rng=3)
    assert not torch.equal(getattr(layer, name), before)
    if name != "weight":  # which is then that of a plain layer
        assert_orthonormal(getattr(layer, name))


def test_states_of_other_dtypes_are_refused():
    rnn, X = front.nn.OrthogonalRNN(3, 4), torch.randn(5, 2, 3)
    rnn.flatten_parameters()
    for dtype in (torch.float64, torch.complex64):
        with pytest.raises(ValueError, match="first states of"):
            rnn(X, torch.zeros(1, 2, 4, dtype=dtype))
    with torch.autocast("cpu", torch.bfloat16):
        rnn(X, torch.zeros(1, 2, 4, dtype=torch.bfloat16))
        with pytest.raises(ValueError, match="inputs of"):
            rnn(X.to(torch.complex64))
    with pytest.raises(TypeError, match="`batch_first` is True or False"):
        front.nn.UnitaryRNN(3, 4, 1, "tanh")
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        front.nn.OrthogonalLinear(20, 40, k=3)(torch.randn(4, 10))
