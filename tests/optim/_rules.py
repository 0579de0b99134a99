"""The rules that optim exports for any manifold, with a learning rate as first argument."""

import dataclasses

from stiefelkit import optim
from stiefelkit.optim import SGD, AbstractOptimizer
from stiefelkit.optim._base import LeafwiseOptimizer

from .._classes import concrete


def has_rate(cls):
    return "learning_rate" in {f.name for f in dataclasses.fields(cls)}


CLASSES = [cls for cls in concrete(optim, LeafwiseOptimizer) if has_rate(cls)]
WRAPPERS = [cls for cls in concrete(optim, AbstractOptimizer) if not has_rate(cls)]


def rules(learning_rate):
    """Return every rule with its defaults, and those whose options change the algorithm."""
    return [*(cls(learning_rate) for cls in CLASSES), SGD(learning_rate, momentum=0.9)]


def run(rule, params, gradient, steps, manifolds=None, state=None):
    """Return the parameters and the state after some updates."""
    state = rule.init(params, manifolds) if state is None else state
    for _ in range(steps):
        params, state = rule.update(gradient(params), state, params)
    return params, state
