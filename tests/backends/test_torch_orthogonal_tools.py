"""What PyTorch offers for modules works on modules with an orthogonal weight."""

import copy
import pickle

import numpy as np
import pytest

from stiefelkit.parametrizations import ExponentialMap, Givens

from .._classes import assert_close
from ._torch_front import (
    Layer,
    assert_orthonormal,
    draw,
    draw_weight,
    every_choice,
    every_map,
    front,
    host,
    loss,
    torch,
)

parametrize = torch.nn.utils.parametrize


def network(rng, chosen=None, dtype="float64"):
    """Return two layers, square and wide, with a map to each weight."""
    layers = [Layer(draw(rng, shape, dtype)) for shape in ((3, 3), (2, 3))]
    for layer in layers:
        front.orthogonal(layer, "weight", chosen)
    return torch.nn.Sequential(*layers)


def weights(model):
    return [host(layer.weight) for layer in model]


def step(model, X, lr=0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss(model(X)).backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.fixture
def X(rng):
    return torch.as_tensor(draw(rng, (4, 3)))


@every_choice
def test_state_dict_round_trip(chosen, based, rng, X):
    first, second = (
        front.orthogonal(Layer(draw(rng, (3, 5))), "weight", chosen, use_trivialization=based)
        for _ in range(2)
    )
    step(first, torch.as_tensor(draw(rng, (4, 5))))
    second.load_state_dict(first.state_dict())
    assert_close(host(second.weight), host(first.weight), 0)


@every_map
def test_a_plain_weight_is_loaded(chosen, rng, X):
    model, plain = network(rng, chosen), torch.nn.Sequential(*(Layer(np.eye(3)) for _ in "ab"))
    plain[0].weight.data = torch.as_tensor(draw_weight(rng, (3, 3)))
    plain[1].weight.data = torch.as_tensor(draw_weight(rng, (2, 3)))
    model.load_state_dict(plain.state_dict())
    for mine, other in zip(weights(model), weights(plain), strict=True):
        assert_close(mine, other, 1e-13)
    kept = weights(model)
    plain[1].weight.data *= 2
    with pytest.raises(RuntimeError, match=r"`1\.weight` cannot be loaded. The weight has ortho"):
        model.load_state_dict(plain.state_dict())
    assert_close(weights(model)[1], kept[1], 0)


def test_a_plain_complex_weight_is_loaded_into_real_leaves(rng):
    layer = front.orthogonal(Layer(draw(rng, (3, 3), "complex128")), orthogonal_map="givens")
    W = draw_weight(rng, (3, 3), "complex128")
    layer.load_state_dict({"weight": torch.as_tensor(W)})
    assert_close(host(layer.weight), W, 1e-13)


@every_map
def test_bake_leaves_a_plain_module_and_copies_alone(chosen, rng, X):
    model = network(rng, chosen)
    kept = weights(model)
    baked = front.bake(copy.deepcopy(model))
    assert [type(layer) for layer in baked] == [Layer, Layer]
    assert sorted(baked.state_dict()) == ["0.weight", "1.weight"]
    assert all(isinstance(layer.weight, torch.nn.Parameter) for layer in baked)
    baked = pickle.loads(pickle.dumps(baked))
    baked.load_state_dict(baked.state_dict())
    for mine, copied, before in zip(weights(model), weights(baked), kept, strict=True):
        assert_close(mine, before, 0)
        assert_close(copied, before, 0)
    step(model, X)
    assert_orthonormal(model[1].weight)


def test_pickling_is_refused_with_the_way_out(rng):
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(network(rng))


@every_map
def test_deep_copies_and_moving_averages(chosen, rng, X):
    model = network(rng, chosen)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5)
    )
    before = weights(model)
    for _ in range(2):
        average.update_parameters(model)
        step(model, X)
    for layer in average.module:
        assert_orthonormal(layer.weight)
    average.update_parameters(model)
    assert np.abs(weights(average.module)[0] - before[0]).max() > 1e-3
    assert np.abs(weights(average.module)[0] - weights(model)[0]).max() > 1e-3


def test_autocast_forms_the_weight_in_its_own_dtype(rng):
    model, X = network(rng, dtype="float32"), torch.as_tensor(draw(rng, (4, 3), "float32"))
    with torch.autocast("cpu", torch.bfloat16):
        assert model(X).dtype == torch.bfloat16
        assert_orthonormal(model[1].weight)
        loss(model(X)).backward()
    assert all(p.grad.dtype == torch.float32 for p in model.parameters())


def test_distributed_data_parallel(rng, X, tmp_path):
    if not torch.distributed.is_available():
        pytest.skip("PyTorch was built without torch.distributed")
    model = network(rng, "cayley")
    alone = copy.deepcopy(model)
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        parallel = torch.nn.parallel.DistributedDataParallel(model)
        for _ in range(2):
            step(parallel, X)
            step(alone, X)
            front.rebase(model)
            front.rebase(alone)
    finally:
        torch.distributed.destroy_process_group()
    for mine, other in zip(weights(model), weights(alone), strict=True):
        assert_close(mine, other, 0)


@every_map
def test_ensembles_by_vmap_and_functional_call(chosen, rng, X):
    models = [network(rng, chosen) for _ in range(3)]
    params, buffers = torch.func.stack_module_state(models)

    def value(params, buffers):
        return loss(torch.func.functional_call(models[0], (params, buffers), (X,)))

    gradients = torch.func.vmap(torch.func.grad(value))(params, buffers)
    for i, model in enumerate(models):
        loss(model(X)).backward()
        for name, p in model.named_parameters():
            assert_close(host(gradients[name][i]), host(p.grad), 1e-12)


def test_a_cached_weight_is_formed_once(rng):
    layer = front.orthogonal(Layer(draw(rng, (3, 3))))
    assert layer.weight is not layer.weight
    with parametrize.cached():
        assert layer.weight is layer.weight


def test_other_dtypes_and_devices(rng):
    layer = network(rng, "cayley")[1]
    layer.float()
    assert layer.weight.dtype == torch.float32
    assert_orthonormal(layer.weight)
    with torch.device("meta"):
        meta = front.orthogonal(torch.nn.Linear(4, 3, bias=False))
    assert meta.weight.is_meta
    W = draw_weight(rng, (3, 4), "float32")
    meta.to_empty(device="cpu").load_state_dict({"weight": torch.as_tensor(W)})
    assert_close(host(meta.weight), W, 1e-6)


@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5)])
@pytest.mark.parametrize("chosen", ["matrix_exp", "cayley", "householder"])
def test_rebase_moves_bases_only(chosen, shape, rng):
    layer = front.orthogonal(Layer(draw(rng, shape)), "weight", chosen)
    step(layer, torch.as_tensor(draw(rng, (4, shape[1]))))
    before, leaf = host(layer.weight), host(layer.parametrizations.weight.original)
    front.rebase(layer)
    # An exponential is as exact as the angles of its generator, of some 40 radians here.
    assert_close(host(layer.weight), before, 1e-14 + 2e-15 * np.linalg.norm(leaf))
    if chosen == "householder":
        assert_close(host(layer.parametrizations.weight.original), leaf, 0)
    else:
        assert np.abs(leaf).max() > 1e-3
        assert not host(layer.parametrizations.weight.original).any()


def test_layers_of_one_size_share_their_function(rng):
    first, second = (front.orthogonal(Layer(draw(rng, (3, 3)))) for _ in "ab")
    assert first.parametrizations.weight[0].matrix is second.parametrizations.weight[0].matrix
    assert repr(ExponentialMap(3)) in repr(
        front.orthogonal(Layer(draw(rng, (3, 3))), "weight", ExponentialMap(3))
    )


def test_several_weights_of_one_module(rng, X):
    layer = torch.nn.Bilinear(2, 2, 2, dtype=torch.float64)
    layer.extra = torch.nn.Parameter(torch.as_tensor(draw(rng, (3, 3))))
    front.orthogonal(front.orthogonal(layer), "extra", Givens(3))
    plain = {name: x for name, x in torch.nn.Bilinear(2, 2, 2).state_dict().items()}
    plain["weight"] = torch.as_tensor(draw_weight(rng, (2, 2, 2)))
    plain["extra"] = torch.as_tensor(draw_weight(rng, (3, 3)))
    layer.load_state_dict(plain)
    assert_close(host(layer.extra), host(plain["extra"]), 1e-13)
    assert type(front.bake(layer)) is torch.nn.Bilinear
    assert_close(host(layer.weight), host(plain["weight"]), 1e-13)
