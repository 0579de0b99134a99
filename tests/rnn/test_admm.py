"""Training by ADMM: that it learns, does the same everywhere, stops and resumes."""

import numpy as np
import pytest

from stiefelkit._tree import tree_leaves
from stiefelkit.rnn import ADMM, Checkpoint, CheckpointError, DigitsRows, EarlyStopping, load

from .._classes import FAST, assert_close, assert_kept, eps, host
from ._admm_runs import SETTINGS, TASK, EveryStep, Sums, Windows, network, train
from ._networks import assert_trees_equal
from ._runs import on_host, without_seconds


def series(run, name):
    return np.asarray([record[name] for record in run.history])


def test_digits_are_learned_row_by_row():
    pytest.importorskip("sklearn")
    task = DigitsRows(validation_size=0)
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


def test_the_loss_of_the_outputs_becomes_that_of_the_network():
    gaps = []
    for epochs in (5, 300):
        run = train("textbook", epochs=epochs)
        outputs = run.state.slots["variables"]["outputs"]
        targets = next(TASK.train(np.random.default_rng(1))).targets
        found = np.mean(run.model.loss.value(outputs, targets)[0])
        gaps.append(abs(found - run.history[-1]["loss"]))
    assert gaps[1] < 0.1 * gaps[0]


@pytest.mark.parametrize("steps", [1, 3])
def test_answers_at_every_step_are_learned(steps):
    run = train(task=EveryStep(steps), epochs=100)
    frequencies = np.bincount(EveryStep(steps).whole().targets.ravel())
    p = frequencies / frequencies.sum()
    assert run.history[-1]["loss"] < 0.6 * -np.sum(p * np.log(p))
    assert run.history[-1]["r3"] < 0.1 * run.history[0]["r3"]


@FAST
def test_every_library_learns_answers_at_every_step_alike(library):
    task = EveryStep(2, samples=9)
    check_same(*(train(task=task, epochs=2, like=x) for x in (library.like(), None)), library)


def test_characters_are_predicted_better_than_by_their_frequencies():
    task = Windows()
    run = train(ADMM(rho3=0.03, weight_decay=1.0), task=task, n=8, epochs=8)
    assert run.model.evaluate(task.test())["loss"] < 0.97 * task.text.baseline


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
