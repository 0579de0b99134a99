"""On flat leaves every rule is the textbook's, and PyTorch's."""

import dataclasses

import numpy as np
import pytest

from stiefelkit.optim import SGD, Adam, RMSProp

from .._classes import DTYPES, FAST, assert_close, assert_kept, eps, host, normal
from ._rules import CLASSES, WRAPPERS, rules, run


def square(g):
    return np.abs(g) ** 2


def sgd(x, gradient, steps, rate, momentum=0.0):
    m = np.zeros_like(x)
    for _ in range(steps):
        m = momentum * m + gradient(x)
        x = x - rate * m
    return x


def rmsprop(x, gradient, steps, rate, decay=0.9, epsilon=1e-8, initial=0.0):
    r = np.full(x.shape, initial)
    for _ in range(steps):
        g = gradient(x)
        r = decay * r + (1 - decay) * square(g)
        x = x - rate * g / (np.sqrt(r) + epsilon)
    return x


def adam(x, gradient, steps, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, r = np.zeros_like(x), np.zeros(x.shape)
    for t in range(1, steps + 1):
        g = gradient(x)
        m = beta1 * m + (1 - beta1) * g
        r = beta2 * r + (1 - beta2) * square(g)
        x = x - rate * (m / (1 - beta1**t)) / (np.sqrt(r / (1 - beta2**t)) + epsilon)
    return x


TEXTBOOK = {SGD: sgd, RMSProp: rmsprop, Adam: adam}
OPTIONS = [
    (SGD, {}),
    (SGD, {"momentum": 0.8}),
    (RMSProp, {}),
    (RMSProp, {"decay": 0.7, "epsilon": 1e-3}),
    (RMSProp, {"initial": 1.0}),
    (RMSProp, {"initial": 1e-3, "epsilon": 0.0}),  # as published with the unitary RNN
    (Adam, {}),
    (Adam, {"beta1": 0.6, "beta2": 0.8, "epsilon": 1e-3}),
]


@FAST
@pytest.mark.parametrize(("cls", "options"), OPTIONS)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (4, 2), (0,)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rule_is_the_textbook_one(cls, options, shape, dtype, library, rng):
    x, target = (np.asarray(normal(rng, shape, dtype)) for _ in range(2))
    X, T = library.asarray(x, dtype), library.asarray(target, dtype)
    found, _ = run(cls(0.1, **options), {"x": X}, lambda p: {"x": 3 * p["x"] - T}, 12)
    expected = TEXTBOOK[cls](x, lambda x: 3 * x - target, 12, 0.1, **options)
    assert_kept(found["x"], library, dtype)
    assert_close(host(found["x"]), expected, 500 * eps(dtype))


def test_every_rule_has_its_textbook():
    assert set(CLASSES) == set(TEXTBOOK)
    assert {cls.__name__ for cls in WRAPPERS} == {"ClipNorm", "ClipValue", "Partition"}


PEERS = [
    (SGD(0.1), lambda torch, x: torch.optim.SGD(x, 0.1)),
    (SGD(0.05, momentum=0.9), lambda torch, x: torch.optim.SGD(x, 0.05, momentum=0.9)),
    (
        RMSProp(0.05, decay=0.8, epsilon=1e-6),
        lambda torch, x: torch.optim.RMSprop(x, 0.05, alpha=0.8, eps=1e-6),
    ),
    (
        Adam(0.05, beta1=0.8, beta2=0.95, epsilon=1e-6),
        lambda torch, x: torch.optim.Adam(x, 0.05, betas=(0.8, 0.95), eps=1e-6),
    ),
]


@pytest.mark.libraries("torch.*")
@pytest.mark.parametrize(("rule", "peer"), [pytest.param(*p, id=str(p[0])) for p in PEERS])
def test_rule_is_that_of_pytorch(rule, peer, library, rng):
    import torch

    x, target = (library.asarray(rng.standard_normal((4, 3))) for _ in range(2))
    found, _ = run(rule, {"x": x}, lambda p: {"x": p["x"] - target}, 20)
    theirs = x.clone().requires_grad_()
    optimizer = peer(torch, [theirs])
    for _ in range(20):
        theirs.grad = theirs.detach() - target
        optimizer.step()
    assert_close(host(found["x"]), host(theirs), 1e-12)


@FAST
@pytest.mark.parametrize("rule", rules(0.1), ids=str)
def test_learning_rate_may_be_a_schedule_of_steps_from_zero(rule, library, rng):
    seen = []

    def schedule(step):
        seen.append(step)
        return 0.1

    X = library.asarray(rng.standard_normal(3))
    found, state = run(dataclasses.replace(rule, learning_rate=schedule), X, lambda x: x, 4)
    assert seen == [0, 1, 2, 3]
    assert state.step == 4
    assert_close(host(found), host(run(rule, X, lambda x: x, 4)[0]), 0)


@FAST
def test_schedule_scales_each_step(library):
    zero, one = library.asarray(np.zeros(1)), library.asarray(np.ones(1))
    found, _ = run(SGD(lambda step: 10.0**step), zero, lambda _: one, 3)
    assert float(found[0]) == -111.0
