"""The optimizers for PyTorch with options that change the algorithm, and what they stand for."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from stiefelkit import optim as rules
from stiefelkit.manifolds import Orthogonal, Stiefel

from .._classes import frame, normal

torch = pytest.importorskip("torch")
optim = pytest.importorskip("stiefelkit_torch.optim")
torch.set_num_threads(1)


class Case(NamedTuple):
    """An optimizer with its options, and the rule of a learning rate that it is."""

    cls: Any
    options: dict
    rule: Any
    square: bool = False

    def __str__(self):
        return "-".join([self.cls.__name__, *map(str, self.options)])

    @property
    def manifold(self):
        return Orthogonal() if self.square else Stiefel()

    @property
    def shape(self):
        return (4, 4) if self.square else (5, 2)

    def make(self, params, lr=0.05, **options):
        return self.cls(params, lr=lr, **self.options, **options)


def _turning(pairs, **options):
    return Case(
        optim.CoordinateDescent,
        {"rule": pairs, "rng": 7, **options},
        lambda lr: rules.CoordinateDescent(lr, pairs, **options),
        square=True,
    )


HEAVY, ADAM = rules.SGD(1.0, 0.5), rules.Adam(1.0, 0.8, 0.9, 1e-3)
BETAS = {"betas": (0.8, 0.9), "eps": 1e-3}
CASES = [
    Case(optim.SGD, {}, rules.SGD),
    Case(optim.SGD, {"momentum": 0.8}, lambda lr: rules.SGD(lr, 0.8)),
    Case(optim.Adam, BETAS, lambda lr: rules.Adam(lr, 0.8, 0.9, 1e-3)),
    Case(optim.RMSProp, {"alpha": 0.8}, lambda lr: rules.RMSProp(lr, 0.8)),
    Case(optim.Landing, {"momentum": 0.5}, lambda lr: rules.Landing(lr, HEAVY)),
    Case(optim.Landing, {"penalty": 3.0, **BETAS}, lambda lr: rules.Landing(lr, ADAM, 3.0)),
    Case(optim.POGO, {"momentum": 0.5}, lambda lr: rules.POGO(lr, HEAVY)),
    Case(optim.POGO, BETAS, lambda lr: rules.POGO(lr, ADAM)),
    _turning(rules.Uniform()),
    _turning(rules.Matching(), normalized=True, decay=0.7, max_angle=0.2),
    _turning(rules.GreedyMatching()),
]
every = pytest.mark.parametrize("case", CASES, ids=str)
FEASIBLE = [case for case in CASES if case.cls not in (optim.Landing, optim.POGO)]


def draw(rng, shape, dtype="float64"):
    """Return a frame as a parameter, and a target whose difference is its gradient."""
    Q, B = frame(rng, shape, dtype).astype(dtype), normal(rng, shape, dtype).astype(dtype)
    return torch.nn.Parameter(torch.from_numpy(Q)), torch.from_numpy(B)


def train(optimizer, pairs, steps):
    """Take steps along the gradients X - B of pairs (X, B)."""
    for _ in range(steps):
        for X, B in pairs:
            X.grad = X.detach() - B
        optimizer.step()


def host(x):
    return x.detach().resolve_conj().numpy().copy()


def equal(first, second):
    """Say whether tensors are the same to the last bit."""
    return all(np.array_equal(host(a), host(b)) for a, b in zip(first, second, strict=True))
