"""What training by ADMM refuses, and what it then leaves."""

import dataclasses

import numpy as np
import pytest

from stiefelkit.rnn import ADMM, Batch, ElmanCell, OrthogonalCell, ReLU, SquaredError

from ._admm_runs import TASK, Sums, network


@dataclasses.dataclass(frozen=True)
class Fixed(Sums):
    """Batches as they are given."""

    batches: tuple = ()

    def train(self, rng):
        yield from self.batches


def batch(steps=4, samples=6, mask=None, value=0.0, target=0):
    return Batch(np.full((steps, samples, 2), value), np.full(samples, target), mask)


MODELS = {
    "cell": {"cell": OrthogonalCell(2, 5)},
    "activation": {"cell": ElmanCell(2, 5, activation=ReLU())},
    "loss": {"loss": SquaredError()},
}
DATA = {
    "mask": ([batch(mask=np.ones((4, 6)))], r"lengths \[4\] and a mask"),
    "lengths": ([batch(3), batch(4)], r"lengths \[3, 4\]"),
    "none": ([], "at least one sequence"),
    "no samples": ([batch(samples=0)], "at least one sequence"),
    "no steps": ([batch(steps=0)], "at least one sequence"),
    "NaN": ([batch(), batch(value=np.nan)], "have to be finite"),
    "classes": ([batch(target=3)], "classes 0 to 2. Got classes from 3 to 3"),
    "negative": ([batch(target=-1)], "classes 0 to 2. Got classes from -1 to -1"),
}


@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
def test_other_models_are_refused(options):
    with pytest.raises(TypeError, match=r"`ADMM` trains an `ElmanCell` with `Tanh`.* Got "):
        ADMM().fit(network(**options), TASK, epochs=1)


@pytest.mark.parametrize(("batches", "message"), DATA.values(), ids=DATA)
def test_data_that_cannot_be_used_are_refused(batches, message):
    with pytest.raises(ValueError, match=message):
        ADMM().fit(network(), Fixed(batches=tuple(batches)), epochs=1)


@pytest.mark.parametrize(
    "options",
    [
        *({name: value} for name in ("rho1", "rho2", "rho3") for value in (0, -1, np.inf, np.nan)),
        *({name: -1} for name in ("weight_decay", "delta", "atol", "rtol")),
        {"weight_decay": 0, "delta": 0},
        {"variant": "other"},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=f"`ADMM` .*{next(iter(options))}"):
        ADMM(**options)


def test_a_sweep_that_is_not_finite_leaves_the_model_as_it_was():
    model = network()
    model.params["cell"]["c"] = np.full(5, np.nan)
    given = model.params
    with pytest.raises(FloatingPointError, match="sweep 1 was not finite"):
        ADMM().fit(model, TASK, epochs=1, rng=0)
    assert model.params is given
