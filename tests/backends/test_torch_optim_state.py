"""The optimizers for PyTorch in a program: saved, copied, scheduled, with closures, in autocast."""

import copy
import io

import numpy as np
import pytest

from stiefelkit import optim as rules
from stiefelkit.manifolds import Euclidean, Orthogonal, Stiefel

from .._classes import assert_close
from ._torch_optim import draw, equal, every, host, optim, torch, train


def pairs_and_optimizer(case, rng, dtype="float64", seed=None):
    """Return two matrices and a flat tensor with their targets, and their optimizer."""
    pairs = [draw(rng, case.shape, dtype), draw(rng, case.shape, dtype), draw(rng, (3, 1), dtype)]
    first, second, flat = (X for X, _ in pairs)
    groups = [{"params": [first, second], "manifold": case.manifold}, {"params": [flat]}]
    options = {"rng": seed} if seed is not None else {}
    return pairs, case._replace(options={**case.options, **options}).make(groups)


def saved(optimizer):
    """Return a state as it comes from a file that holds no objects of a program."""
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def again(case, pairs, dtype=None, seed=None):
    """Return copies of the parameters, and an optimizer for them without a state."""
    pairs = [(X.detach().to(dtype or X.dtype), B.to(dtype or B.dtype)) for X, B in pairs]
    pairs = [(torch.nn.Parameter(X.clone()), B) for X, B in pairs]
    first, second, flat = (X for X, _ in pairs)
    groups = [{"params": [first, second], "manifold": case.manifold}, {"params": [flat]}]
    options = {"rng": seed} if seed is not None else {}
    return pairs, case._replace(options={**case.options, **options}).make(groups, lr=9.0)


@every
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_loaded_state_continues_the_same_run(case, dtype, rng):
    pairs, optimizer = pairs_and_optimizer(case, rng, dtype)
    train(optimizer, pairs, 4)
    # Another learning rate and another seed, which the state replaces.
    seed = 8 if case.cls is optim.CoordinateDescent else None
    copies, other = again(case, pairs, seed=seed)
    other.load_state_dict(saved(optimizer))
    train(optimizer, pairs, 7)
    train(other, copies, 7)
    assert equal([X for X, _ in pairs], [X for X, _ in copies])
    one, two = (o.state_dict()["state"] for o in (optimizer, other))
    assert str(one) == str(two)
    assert other.param_groups[0]["manifold"] == case.manifold


@every
@pytest.mark.parametrize("dtypes", [("float64", "float32"), ("complex128", "complex64")])
def test_state_takes_the_dtype_of_the_parameters(case, dtypes, rng):
    pairs, optimizer = pairs_and_optimizer(case, rng, dtypes[0])
    train(optimizer, pairs, 3)
    narrow = getattr(torch, dtypes[1])
    copies, other = again(case, pairs, narrow)
    other.load_state_dict(saved(optimizer))
    train(optimizer, pairs, 3)
    train(other, copies, 3)
    for (X, _), (expected, _) in zip(copies, pairs, strict=True):
        assert X.dtype == narrow
        assert_close(host(X).astype(dtypes[0]), host(expected), 1e-5)
    for state in other.state.values():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                wanted = torch.int64 if name == "step" else narrow
                assert value.dtype in (wanted, torch.float32)


@every
def test_a_copy_goes_on_by_itself(case, rng):
    pairs, optimizer = pairs_and_optimizer(case, rng)
    train(optimizer, pairs, 3)
    other = copy.deepcopy(optimizer)
    params = [p for group in other.param_groups for p in group["params"]]
    before = [host(p) for p in params]
    train(optimizer, pairs, 3)
    assert equal(params, [torch.from_numpy(x) for x in before])
    train(other, [(p, B) for p, (_, B) in zip(params, pairs, strict=True)], 3)
    assert equal(params, [X for X, _ in pairs])


@every
def test_state_is_numbers_and_tensors_of_each_parameter(case, rng):
    pairs, optimizer = pairs_and_optimizer(case, rng)
    train(optimizer, pairs, 2)
    for group in optimizer.state_dict()["param_groups"]:
        assert not {"manifold", "rule"} & group.keys()
    owned = [v for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v)]
    assert len({v.untyped_storage().data_ptr() for v in owned}) == len(owned)
    assert {int(s["step"]) for s in optimizer.state.values()} == {2}


@every
def test_gradients_are_not_changed(case, rng):
    pairs, optimizer = pairs_and_optimizer(case, rng)
    for group in optimizer.param_groups:
        group["maximize"] = True
    optimizer.param_groups[1]["weight_decay"] = 0.1
    for step in range(12):
        grads = [torch.from_numpy(rng.standard_normal(X.shape)) for X, _ in pairs]
        kept = [g.clone() for g in grads]
        for (X, _), g in zip(pairs, grads, strict=True):
            X.grad = g
        optimizer.step()
        assert all(X.grad is g for (X, _), g in zip(pairs, grads, strict=True)), step
        assert equal(grads, kept)


@every
def test_learning_rate_is_that_of_the_group_at_each_step(case, rng):
    (X, B), (w, b) = draw(rng, case.shape), draw(rng, (3, 1))
    starts = host(X), host(w)
    optimizer = case.make([{"params": [X], "manifold": case.manifold}, {"params": [w], "lr": 0.1}])
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    for _ in range(6):
        train(optimizer, [(X, B), (w, b)], 1)
        scheduler.step()
    optimizer.param_groups[1]["lr"] = torch.tensor(0.02)
    train(optimizer, [(X, B), (w, b)], 1)
    runs = [
        (X, B, case.manifold, (0.05, 0.025, 0.0125, 0.00625)),
        (w, b, Euclidean(), (0.1, 0.05, 0.025, 0.02)),
    ]
    for (x, target, manifold, rates), y in zip(runs, starts, strict=True):
        rule = case.rule(rules.PiecewiseConstant(rates, (2, 4, 6)))
        state = rule.init(y, manifold, rng=7)
        for _ in range(7):
            y, state = rule.update(y - host(target), state, y)
        # The last rate came in single precision.
        assert_close(host(x), y, 1e-7)


@pytest.mark.parametrize("cls", [optim.SGD, optim.Landing, optim.POGO])
def test_momentum_may_be_raised_from_zero(cls, rng):
    pairs = [draw(rng, (5, 2)) for _ in range(2)]
    optimizer = cls([X for X, _ in pairs], lr=0.1, manifold=Stiefel())
    train(optimizer, pairs, 2)
    start, (X, B) = host(pairs[0][0]), pairs[0]
    optimizer.param_groups[0]["momentum"] = 0.9
    train(optimizer, pairs, 3)
    other = torch.nn.Parameter(torch.from_numpy(start))
    train(cls([other], lr=0.1, momentum=0.9, manifold=Stiefel()), [(other, B)], 3)
    assert_close(host(X), host(other), 1e-14)


@pytest.mark.parametrize("cls", [optim.SGD, optim.Adam, optim.Landing, optim.POGO])
def test_schedulers_of_momentum_find_it(cls, rng):
    X, B = draw(rng, (5, 2))
    optimizer = cls([X], manifold=Stiefel(), **({} if cls is optim.Adam else {"momentum": 0.5}))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20)
    seen = []
    for _ in range(19):
        train(optimizer, [(X, B)], 1)
        scheduler.step()
        group = optimizer.param_groups[0]
        seen.append(group["betas"][0] if "betas" in group else group["momentum"])
    assert min(seen) < 0.86 < 0.94 < max(seen)


@every
def test_closure_is_called_with_gradients(case, rng):
    pairs, optimizer = pairs_and_optimizer(case, rng)
    copies, other = again(case, pairs)
    other.param_groups[0]["lr"] = other.param_groups[1]["lr"] = 0.05

    def closure():
        optimizer.zero_grad()
        loss = sum(((X - B) ** 2).sum() / 2 for X, B in pairs)
        loss.backward()
        return loss

    first = closure().item()
    losses = [optimizer.step(closure).item() for _ in range(4)]
    train(other, copies, 4)
    for (X, _), (expected, _) in zip(pairs, copies, strict=True):
        assert_close(host(X), host(expected), 1e-14)
    assert losses[0] == first > losses[-1]


@every
def test_parameters_without_gradients_rest(case, rng):
    pairs, optimizer = pairs_and_optimizer(case, rng)
    (first, B), (second, _), (flat, _) = pairs
    second.requires_grad_(False)
    start, *kept = host(first), host(second), host(flat)
    train(optimizer, [(first, B)], 3)
    assert equal([second, flat], [torch.from_numpy(x) for x in kept])
    assert set(optimizer.state) == {first}
    assert np.max(np.abs(host(first) - start)) > 1e-3


@every
def test_autocast_changes_nothing(case):
    runs = []
    for enabled in (False, True):
        start = np.random.default_rng(1)
        pairs = [draw(start, case.shape, "float32"), draw(start, (6, 6), "float32")]
        manifolds = case.manifold, Orthogonal()
        groups = [
            {"params": [X], "manifold": m} for (X, _), m in zip(pairs, manifolds, strict=True)
        ]
        optimizer = case.make(groups)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            train(optimizer, pairs, 9)
            runs.append([X.detach().clone() for X, _ in pairs])
            optimizer.project_()
        runs.append([X for X, _ in pairs])
    assert equal(runs[0], runs[2])
    assert equal(runs[1], runs[3])
