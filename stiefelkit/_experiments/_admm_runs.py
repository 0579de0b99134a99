"""Models and runs that the parts on ADMM share."""

import functools
from typing import Any

from .._typing import Array
from .._xp import generator, standard_normal, zeros_like
from ..optim import SGD, Adam
from ..rnn import (
    ADMM,
    AbstractCallback,
    AbstractTask,
    Batch,
    CrossEntropy,
    DigitsRows,
    ElmanCell,
    LinearReadout,
    Model,
    Training,
    fit,
)
from ._experiment import Result

# No stop within tolerance, so that all runs have the same number of sweeps.
RESET = ADMM(atol=0, rtol=0)
TEXTBOOK = ADMM(20, 20, 0.1, weight_decay=0.01, delta=0, variant="textbook", atol=0, rtol=0)
RESIDUALS = ("r1", "r2", "r3")


def network(sizes: tuple[int, int, int], at: Any, scale: float, rng: int, like: Array) -> Model:
    """Return an `ElmanCell` and readout, weights normal of variance scale^2/inputs, no biases."""
    d, n, classes = sizes
    draws = generator(rng)
    shapes = {"W_in": (n, d), "recurrent": (n, n), "U": (classes, n)}
    drawn = {k: standard_normal(s, draws, like) * (scale / s[1] ** 0.5) for k, s in shapes.items()}
    U = drawn.pop("U")
    params = {
        "cell": {**drawn, "c": zeros_like(like, (n,))},
        "readout": {"U": U, "u": zeros_like(like, (classes,))},
    }
    return Model(ElmanCell(d, n), LinearReadout(classes), CrossEntropy(at), params=params)


def digits(batch_size: int, validation_size: float) -> DigitsRows:
    """Return the digits row by row; 1437 train but for those kept for validation."""
    return DigitsRows(batch_size=batch_size, validation_size=validation_size)


def rules() -> dict[str, tuple[ADMM | SGD | Adam, int]]:
    """Return the rules that are compared on digits, with their batch sizes."""
    return {
        "ADMM reset": (RESET, 2000),
        "ADMM textbook": (TEXTBOOK, 2000),
        "SGD 0.03, momentum, batch 32": (SGD(0.03, momentum=0.9), 32),
        "Adam 1e-2, full batch": (Adam(1e-2), 2000),
        "Adam 1e-3, batch 32": (Adam(1e-3), 32),
    }


class Watch(AbstractCallback):
    """Keep the records, held-out scores and seconds of a run, and stop at a limit of these.

    They outlive a run that ends by an error.
    """

    def __init__(self, held: list[Batch], limit: float | None):
        self.held, self.limit = held, limit
        self.history: list[dict[str, float]] = []
        self.scores: list[dict[str, float]] = []
        self.seconds: list[float] = []

    def epoch(self, run: Training) -> None:
        self.history.append(run.history[-1])
        self.scores.append(run.model.evaluate(self.held))
        self.seconds.append((self.seconds or [0.0])[-1] + run.history[-1]["seconds"])
        run.stop = run.stop or (self.limit is not None and self.seconds[-1] >= self.limit)


def train(
    rule: Any,
    model: Model,
    task: AbstractTask,
    held: list[Batch],
    epochs: int,
    rng: int,
    limit: float | None = None,
) -> Result:
    """Train, and return by epoch the losses, held-out scores, seconds and residuals.

    The seconds leave out the held-out scores. `finite` says whether all epochs were.
    """
    watch, finite, sweeps = Watch(held, limit), True, isinstance(rule, ADMM)
    run = rule.fit if sweeps else functools.partial(fit, optimizer=rule)
    try:
        run(model, task, epochs=epochs, rng=rng, callbacks=[watch])
    except FloatingPointError:
        finite = False
    return {
        "loss": [record["loss"] for record in watch.history],
        "accuracy": [scores.get("accuracy") for scores in watch.scores],
        "held": [scores.get("loss") for scores in watch.scores],
        "seconds": watch.seconds,
        "finite": finite,
        **{k: [record[k] for record in watch.history] for k in RESIDUALS if sweeps},
    }
