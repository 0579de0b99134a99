"""Training by ADMM: that it learns, stays the same everywhere, resumes, and refuses."""

import dataclasses

import numpy as np
import pytest

from stiefelkit._tree import tree_leaves
from stiefelkit.rnn import (
    ADMM,
    AbstractTask,
    Batch,
    Checkpoint,
    CheckpointError,
    CrossEntropy,
    Digits,
    EarlyStopping,
    ElmanCell,
    Model,
    OrthogonalCell,
    ReLU,
    SquaredError,
    load,
)

from .._classes import FAST, assert_close, assert_kept, eps, host
from ._networks import assert_trees_equal
from ._runs import on_host, without_seconds


@dataclasses.dataclass(frozen=True)
class Sums(AbstractTask):
    """Tell in which of three ranges the sum of a random sequence is."""

    steps: int = 4
    samples: int = 30
    batch_size: int = 30
    held: int = 20
    input_size: int = dataclasses.field(default=2, init=False)
    output_size: int = dataclasses.field(default=3, init=False)
    updates_per_epoch: int = dataclasses.field(default=1, init=False)
    loss: CrossEntropy = dataclasses.field(default=CrossEntropy("last"), init=False)

    def draw(self, rng, count):
        inputs = rng.standard_normal((self.steps, count, 2))
        return Batch(inputs, np.digitize(inputs.sum(axis=(0, 2)), [-1.0, 1.0]))

    def train(self, rng):
        whole = self.draw(rng, self.samples)
        for i in range(0, self.samples, self.batch_size):
            rows = slice(i, i + self.batch_size)
            yield Batch(whole.inputs[:, rows], whole.targets[rows])

    def validation(self):
        return [self.draw(np.random.default_rng(9), self.held)] if self.held else []

    def test(self):
        return []


class Rows(Digits):
    """The digits, eight steps of eight pixels."""

    def _load(self):
        return {
            name: Batch(part.inputs.reshape(8, 8, -1).transpose(0, 2, 1), part.targets)
            for name, part in super()._load().items()
        }


TASK = Sums()
SETTINGS = {
    "reset": ADMM(),
    "textbook": ADMM(20, 20, 0.1, weight_decay=0.01, delta=0, variant="textbook"),
}


def network(task=TASK, n=5, like=None, cell=None, loss=None):
    like = np.empty(0) if like is None else like
    cell = ElmanCell(task.input_size, n) if cell is None else cell
    made = Model.for_task(cell, task, rng=0, like=like)
    made.loss = made.loss if loss is None else loss
    return made


def train(admm="reset", *, epochs, task=TASK, seed=1, **options):
    """Return a finished run from a fresh model."""
    callbacks = {k: options.pop(k) for k in ("callbacks", "resume") if k in options}
    admm = SETTINGS[admm] if isinstance(admm, str) else admm
    return admm.fit(network(task, **options), task, epochs=epochs, rng=seed, **callbacks)


def series(run, name):
    return np.asarray([record[name] for record in run.history])


def test_digits_are_learned_row_by_row():
    pytest.importorskip("sklearn")
    task = Rows(validation_size=0)
    object.__setattr__(task, "input_size", 8)
    run = train(task=task, n=64, epochs=20)
    assert run.model.evaluate(task.test())["accuracy"] >= 0.93
    assert np.all(np.diff(series(run, "lagrangian")) < 0)
    assert np.all(np.diff(series(run, "loss")) < 0)
    for name, factor in (("r1", 0.5), ("r2", 0.5), ("r3", 0.03)):
        assert run.history[-1][name] < factor * run.history[0][name]


@pytest.mark.parametrize("variant", SETTINGS)
def test_residuals_and_the_loss_of_the_network_itself_go_down(variant):
    run = train(variant, epochs=300)
    for name in ("r1", "r2", "r3", "loss"):
        values = series(run, name)
        assert values[-1] < 0.1 * np.max(values)
    assert run.history[-1]["accuracy"] == 1


def test_weights_do_not_shrink_from_sweep_to_sweep():
    before = network().params
    after = train(epochs=60).model.params
    for old, new in ((before[k], after[k]) for k in before):
        for name in ("W_in", "recurrent", "U"):
            if name in old:
                assert np.linalg.norm(new[name]) > 0.5 * np.linalg.norm(old[name])


@pytest.fixture(scope="module")
def references():
    return {variant: train(variant, epochs=20) for variant in SETTINGS}


@pytest.mark.parametrize("variant", SETTINGS)
@FAST
def test_every_library_takes_the_same_twenty_sweeps(library, references, variant):
    check_same(train(variant, epochs=20, like=library.like()), references[variant], library)


@pytest.mark.parametrize("variant", SETTINGS)
@pytest.mark.libraries("strictest", "strict-device1", "jax", "cupy", "torch-cuda")
def test_every_other_library_takes_the_same_two_sweeps(library, variant):
    runs = [train(variant, epochs=2, task=Sums(2), like=x) for x in (library.like(), None)]
    check_same(*runs, library)


def check_same(run, reference, library):
    for leaf in tree_leaves(run.model.params):
        assert_kept(leaf, library, "float64")
    # What the libraries round differently grows from sweep to sweep.
    leaves = [tree_leaves(host(r.model.params)) for r in (run, reference)]
    for found, wanted in zip(*leaves, strict=True):
        assert_close(found, wanted, 1e-9)
    for name in run.history[0].keys() - {"seconds", "criterion"}:
        assert_close(series(run, name), series(reference, name), 1e-9)


@pytest.mark.parametrize("variant", SETTINGS)
@FAST
def test_single_precision_is_kept_and_follows_double(library, references, variant):
    run = train(variant, epochs=5, like=library.like("float32"))
    for leaf in tree_leaves(run.model.params):
        assert_kept(leaf, library, "float32")
    loss = series(references[variant], "loss")[:5]
    # The normal equations lose their condition, some thousands, in every sweep.
    np.testing.assert_allclose(series(run, "loss"), loss, rtol=2e4 * eps("float32"))


@pytest.mark.parametrize("variant", SETTINGS)
@pytest.mark.parametrize("samples", [1, 7])
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("n", [1, 3])
def test_the_smallest_sizes_are_trained(variant, steps, samples, n):
    run = train(variant, task=Sums(steps, samples, 7), n=n, epochs=20)
    assert run.epoch == 20
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_batches_are_put_together():
    whole, parts = train(epochs=3), train(task=Sums(batch_size=8), epochs=3)
    assert_trees_equal(parts.model.params, whole.model.params)


def test_history_has_plain_numbers_of_every_sweep(references):
    run = references["reset"]
    names = {"epoch", "step", "loss", "accuracy", "r1", "r2", "r3", "change", "lagrangian"}
    names |= {"criterion", "validation_loss", "validation_accuracy", "seconds"}
    assert {frozenset(record) for record in run.history} == {frozenset(names)}
    assert {type(x) for record in run.history for x in record.values()} == {int, float}
    assert run.losses == [run.history[-1]["loss"]]
    assert "validation_loss" not in train(task=Sums(held=0), epochs=1).history[0]


def test_the_loss_is_that_of_the_model_left_behind(references):
    run = references["reset"]
    scores = run.model.evaluate(TASK.train(np.random.default_rng(1)))
    assert scores["loss"] == pytest.approx(run.history[-1]["loss"], rel=1e-13)


def test_training_stops_within_tolerance():
    rough = ADMM(atol=1e-2, rtol=1e-2)
    run = train(rough, epochs=500)
    assert 1 < run.epoch < 500
    assert "tolerance" in run.reason
    last = run.history[-1]
    assert last["criterion"] <= 1 < run.history[-2]["criterion"]
    assert max(last[k] for k in ("r1", "r2", "r3", "change")) < 0.3
    assert train(ADMM(atol=0, rtol=0), epochs=3).reason == ""


@pytest.mark.parametrize("variant", SETTINGS)
def test_a_resumed_run_is_the_uninterrupted_one(variant, tmp_path, references):
    train(variant, epochs=8, callbacks=[Checkpoint(str(tmp_path))])
    run = train(variant, epochs=20, resume=str(tmp_path / "last.npz"), seed=77)
    reference = references[variant]
    assert without_seconds(run.history) == without_seconds(reference.history)
    assert_trees_equal(on_host(run.model.params), on_host(reference.model.params))


def test_a_run_that_has_stopped_stays_stopped(tmp_path):
    rough = ADMM(atol=1, rtol=1)
    train(rough, epochs=9, callbacks=[Checkpoint(str(tmp_path))])
    run = train(rough, epochs=9, resume=str(tmp_path / "last.npz"))
    assert run.epoch == 1
    assert "tolerance" in run.reason


def test_a_checkpoint_is_of_its_settings_and_holds_the_model(tmp_path):
    run = train(epochs=2, callbacks=[Checkpoint(str(tmp_path)), EarlyStopping(5)])
    path, X = str(tmp_path / "last.npz"), TASK.validation()[0].inputs
    np.testing.assert_array_equal(load(path).predict(X), run.model.predict(X))
    with pytest.raises(CheckpointError, match="another optimizer"):
        train(ADMM(delta=0.5), epochs=3, resume=path)


@pytest.mark.parametrize("variant", SETTINGS)
def test_the_parameters_given_are_not_changed(variant):
    model = network()
    given, before = model.params, on_host(model.params)
    SETTINGS[variant].fit(model, TASK, epochs=2, rng=1)
    assert_trees_equal(given, before)
    assert not np.array_equal(model.params["readout"]["U"], given["readout"]["U"])


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
    "at": {"loss": CrossEntropy("all")},
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
