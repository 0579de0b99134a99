"""From the words of the command line to what trains a network."""

import argparse
import functools
from collections.abc import Callable
from typing import Any

from .. import optim, rnn
from ..optim import AbstractOptimizer, Adam, ClipNorm, Cosine, Partition, RMSProp
from ._settings import choose

OPTIMIZERS: dict[str, Callable[..., AbstractOptimizer]] = {
    "sgd": lambda rate: optim.SGD(rate, momentum=0.9),
    "rmsprop": RMSProp,
    # As in the code of the unitary evolution RNN.
    "rmsprop-warm": lambda rate: RMSProp(rate, epsilon=0.0, initial=1e-3),
    "adam": Adam,
    "coordinate-descent": optim.CoordinateDescent,
}

# Trainers of their own, which take no gradient, no learning rate and no clip.
TRAINERS: dict[str, Callable[[], Any]] = {"admm": rnn.ADMM}


def make_fit(options: argparse.Namespace, updates: int) -> Callable[..., rnn.Training]:
    """Return what trains a model on a task, as `rnn.fit` does with an optimizer."""
    choose("optimizer", options.optimizer, OPTIMIZERS | TRAINERS)
    if options.optimizer.lower() in TRAINERS:
        return TRAINERS[options.optimizer.lower()]().fit
    return functools.partial(rnn.fit, optimizer=make_optimizer(options, updates))


def make_optimizer(options: argparse.Namespace, updates: int) -> AbstractOptimizer:
    rule = choose("optimizer", options.optimizer, OPTIMIZERS)

    def scheduled(rate: float) -> AbstractOptimizer:
        if options.schedule == "constant":
            return rule(rate)
        return rule(Cosine(rate, steps=updates, warmup=updates // 20))

    parts: AbstractOptimizer = scheduled(options.learning_rate)
    if options.cell == "orthogonal":
        slow = scheduled(options.orthogonal_learning_rate)
        parts = Partition({"cell/recurrent*": slow, "*": parts})
    return ClipNorm(parts, options.clip) if options.clip else parts
