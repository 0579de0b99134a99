"""The optimizers for PyTorch take the steps of their rules, and stay where these do."""

import numpy as np
import pytest
import scipy.linalg

from stiefelkit import optim as rules
from stiefelkit.manifolds import Euclidean, Orthogonal, Stiefel

from .._classes import DOUBLES, adjoint, assert_close, eps, frame, normal, orthonormality
from ._torch_optim import CASES, FEASIBLE, draw, equal, every, host, optim, torch, train


@every
@pytest.mark.parametrize("dtype", DOUBLES)
def test_steps_are_those_of_the_rule_on_numpy(case, dtype, rng):
    (X, B), (w, b) = draw(rng, case.shape, dtype), draw(rng, (3, 1))
    manifolds, rule = {"X": case.manifold, "w": Euclidean()}, case.rule(0.05)
    params = {"X": host(X), "w": host(w)}
    targets = {"X": host(B), "w": host(b)}
    state = rule.init(params, manifolds, rng=7)
    optimizer = case.make([{"params": [X], "manifold": case.manifold}, {"params": [w]}])
    for _ in range(20):
        train(optimizer, [(X, B), (w, b)], 1)
        grads = {name: params[name] - targets[name] for name in params}
        params, state = rule.update(grads, state, params)
        assert_close(host(X), params["X"], 1e-12)
        assert_close(host(w), params["w"], 1e-12)


PEERS = [
    (optim.SGD, torch.optim.SGD, {"lr": 0.1}),
    (optim.SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.2}),
    (optim.Adam, torch.optim.Adam, {"lr": 0.1, "betas": (0.7, 0.9), "weight_decay": 0.2}),
    (optim.Adam, torch.optim.Adam, {"lr": 0.1, "maximize": True}),
    (optim.RMSProp, torch.optim.RMSprop, {"lr": 0.1, "alpha": 0.9, "eps": 1e-6}),
    (optim.RMSProp, torch.optim.RMSprop, {"lr": 0.1, "weight_decay": 0.2, "maximize": True}),
    (optim.POGO, torch.optim.Adam, {"lr": 0.1, "betas": (0.7, 0.9)}),
]


SLOTS = {"momentum": {"momentum_buffer", "exp_avg"}, "mean_square": {"exp_avg_sq", "square_avg"}}


@pytest.mark.parametrize(("ours", "theirs", "options"), PEERS)
@pytest.mark.parametrize("dtype", ["float64", "complex64", "complex128"])
def test_flat_groups_are_those_of_pytorch(ours, theirs, options, dtype, rng):
    """Of complex numbers too, which are pairs of real ones to PyTorch."""
    pairs = [draw(rng, (4, 2), dtype) for _ in range(3)]
    pairs.append((torch.nn.Parameter(torch.ones((), dtype=pairs[0][1].dtype)), torch.tensor(0.5)))
    pairs[1][0].data = pairs[1][0].data.mT.contiguous().mT  # of another memory order
    peers = [(torch.nn.Parameter(w.detach().clone()), b) for w, b in pairs]
    optimizer, peer = (
        ours([w for w, _ in pairs], **options),
        theirs([w for w, _ in peers], **options),
    )
    train(optimizer, pairs, 20)
    train(peer, peers, 20)
    tolerance = 5000 * eps(dtype)
    for (w, _), (expected, _) in zip(pairs, peers, strict=True):
        mine, their = optimizer.state[w], peer.state[expected]
        assert_close(host(w), host(expected), tolerance)
        for name in mine.keys() - {"step"}:
            (other,) = SLOTS[name] & their.keys()
            assert_close(host(mine[name]), host(their[other]), tolerance)


@pytest.mark.parametrize("cls", [optim.SGD, optim.Adam, optim.RMSProp])
def test_defaults_are_those_of_pytorch(cls):
    names = {"RMSProp": "RMSprop"}
    w = torch.nn.Parameter(torch.zeros(1))
    theirs = getattr(torch.optim, names.get(cls.__name__, cls.__name__))([w]).defaults
    ours = cls([w]).defaults
    assert {k: v for k, v in ours.items() if k in theirs} == {
        k: theirs[k] for k in ours if k in theirs
    }
    assert "lr" in ours.keys() & theirs.keys()


@every
@pytest.mark.parametrize("dtype", DOUBLES)
def test_a_batch_is_each_one_by_one(case, dtype, rng):
    other = (3, 3) if case.square else (2, 4, 3)
    pairs = [draw(rng, shape, dtype) for shape in [case.shape, other] * 3]
    pairs[2][0].data = pairs[2][0].data.mT.contiguous().mT  # of another memory order
    alone = [(torch.nn.Parameter(X.detach().clone()), B) for X, B in pairs]
    together = case.make([X for X, _ in pairs], manifold=case.manifold)
    train(together, pairs, 3)
    pairs[4][0].grad = None  # it takes fewer steps
    together.step()
    train(together, pairs, 8)
    for k, (X, B) in enumerate(alone):
        optimizer = case.make([X], manifold=case.manifold)
        train(optimizer, [(X, B)], 3)
        if k != 4:
            optimizer.step()
        train(optimizer, [(X, B)], 8)
    for (X, _), (expected, _) in zip(pairs, alone, strict=True):
        assert_close(host(X), host(expected), 1e-12)


@every
def test_many_matrices_are_a_few_products(case, rng):
    class Count(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.calls += func is not torch.ops.aten.detach.default and "foreach" not in str(func)
            return func(*args, **(kwargs or {}))

    calls = []
    for count in (2, 60):
        pairs = [draw(rng, case.shape) for _ in range(count)]
        optimizer = case.make([X for X, _ in pairs], manifold=case.manifold)
        train(optimizer, pairs, 1)
        mode = Count()
        mode.calls = 0
        with mode:
            optimizer.step()
        # What remains for each is to count its steps.
        calls.append(mode.calls - 2 * count)
    assert 0 < calls[1] <= calls[0]


def test_large_tensors_are_not_stacked(rng):
    pairs = [(torch.nn.Parameter(torch.ones(600, 500)), torch.zeros(600, 500)) for _ in range(2)]
    train(optim.SGD([X for X, _ in pairs], lr=0.5), pairs, 2)
    assert all(torch.all(X == 0.25) for X, _ in pairs)


@pytest.mark.parametrize("case", FEASIBLE, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_frames_stay_orthonormal(case, dtype, rng):
    """Gradients are noise, so that nothing comes to rest."""
    X, _ = draw(rng, case.shape, dtype)
    optimizer, worst = case.make([X], manifold=case.manifold), 0.0
    for G in normal(rng, (500, *case.shape), dtype).astype(dtype) / 2:
        X.grad = torch.from_numpy(G)
        optimizer.step()
        worst = max(worst, orthonormality(host(X)))
    assert worst <= 20 * case.shape[-1] ** 0.5 * eps(dtype)
    assert host(X).dtype == dtype


@pytest.mark.parametrize(("cls", "bound"), [(optim.Landing, 0.3), (optim.POGO, 0.02)])
@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_frames_stay_near_or_are_projected(cls, bound, dtype, rng):
    X, _ = draw(rng, (5, 2), dtype)
    optimizer, worst = cls([X], lr=0.1, momentum=0.5, manifold=Stiefel()), 0.0
    for G in normal(rng, (500, 5, 2), dtype).astype(dtype) / 2:
        X.grad = torch.from_numpy(G)
        optimizer.step()
        worst = max(worst, orthonormality(host(X)))
    assert 1e-5 < worst < bound
    polar = scipy.linalg.polar(host(X).astype("complex128"))[0]
    optimizer.project_()
    assert orthonormality(host(X)) <= 20 * 2**0.5 * eps(dtype)
    assert_close(host(X).astype("complex128"), polar, 20 * eps(dtype))


DESCENTS = [
    (optim.SGD, {"lr": 0.2}),
    (optim.SGD, {"lr": 0.05, "momentum": 0.8}),
    (optim.Adam, {"lr": 0.2}),
    (optim.RMSProp, {"lr": 0.2, "alpha": 0.9}),
    (optim.Landing, {"lr": 0.2}),
    (optim.Landing, {"lr": 0.05, "momentum": 0.8}),
    (optim.POGO, {"lr": 0.3}),
    (optim.POGO, {"lr": 0.4, "betas": (0.9, 0.999)}),
    (optim.CoordinateDescent, {"lr": 0.3, "rng": 0}),
    (optim.CoordinateDescent, {"lr": 0.3, "rule": rules.GreedyMatching()}),
]


@pytest.mark.parametrize(("cls", "options"), DESCENTS)
def test_descent_ends_at_the_nearest_frame(cls, options, rng):
    """By the gradients of autograd, with a learning rate that a scheduler lowers."""
    square = cls is optim.CoordinateDescent
    n, p = shape = (4, 4) if square else (5, 2)
    dtype = "complex128"
    B = frame(rng, (n, p), dtype) * np.linspace(3, 1, p) @ adjoint(frame(rng, (p, p), dtype))
    nearest, target = scipy.linalg.polar(B)[0], torch.from_numpy(B)
    # A start near the answer is in its component, if there are two.
    start = scipy.linalg.polar(nearest + 0.2 * normal(rng, shape, dtype))[0]
    X = torch.nn.Parameter(torch.from_numpy(start))
    optimizer = cls([X], **options, manifold=Orthogonal() if square else Stiefel())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 40 if not square else 1000, 0.6)

    def closure():
        optimizer.zero_grad()
        loss = (X - target).abs().square().sum() / 2
        loss.backward()
        return loss

    first = closure().item()
    for _ in range(500):
        loss = optimizer.step(closure)
        scheduler.step()
    assert loss.item() < first
    assert_close(host(X), nearest, 1e-5)


@every
def test_rows_are_the_columns_of_the_transpose(case, rng):
    X, B = draw(rng, case.shape, "complex128")
    W = torch.nn.Parameter(X.detach().mT.clone())
    train(case.make([X], manifold=case.manifold), [(X, B)], 5)
    optimizer = case.make([W], manifold=case.manifold, rows=True)
    train(optimizer, [(W, B.mT)], 5)
    assert_close(host(W), host(X).T, 1e-14)
    optimizer.project_()
    assert orthonormality(host(W).T) < 1e-14


@every
@pytest.mark.parametrize("shape", [(1, 1), (0, 4, 4), (2, 3, 4, 4)])
def test_edges_of_shapes(case, shape, rng):
    X, B = draw(rng, shape)
    train(case.make([X], manifold=case.manifold, lr=1e-3), [(X, B)], 12)
    assert X.shape == shape
    assert orthonormality(host(X)) < 1e-3


def test_maximize_is_the_descent_of_the_negative(rng):
    for case in CASES:
        (X, B), options = draw(rng, case.shape), {"manifold": case.manifold}
        Y = torch.nn.Parameter(X.detach().clone())
        up, down = case.make([X], maximize=True, **options), case.make([Y], **options)
        for _ in range(4):
            X.grad, Y.grad = B - X.detach(), Y.detach() - B
            up.step()
            down.step()
        assert equal([X], [Y])
