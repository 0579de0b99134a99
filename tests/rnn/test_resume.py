"""A run that goes on from a checkpoint is the uninterrupted run, bit for bit."""

import json

import numpy as np
import pytest

from stiefelkit import optim
from stiefelkit.rnn import (
    Adding,
    Checkpoint,
    CheckpointError,
    EarlyStopping,
    Metrics,
    OrthogonalCell,
    Target,
    fit,
)

from .._classes import DTYPES, NUMPY
from ._networks import assert_trees_equal
from ._runs import (
    CELLS,
    OPTIMIZERS,
    TASK,
    adam,
    model,
    on_host,
    partition,
    sequences,
    train,
    without_seconds,
    write_checkpoint,
)


def assert_same_run(found, expected):
    assert without_seconds(found.history) == without_seconds(expected.history)
    assert_trees_equal(on_host(found.model.params), on_host(expected.model.params))
    assert_trees_equal(on_host(found.state.slots), on_host(expected.state.slots))
    assert (found.state.step, found.epoch) == (expected.state.step, expected.epoch)
    assert found.rng.bit_generator.state == expected.rng.bit_generator.state


def check(folder, *args, **options):
    """Interrupt a run after two of four epochs, go on with other seeds, and compare."""
    whole = train(*args, epochs=4, **options)
    _, path = write_checkpoint(folder, *args, epochs=2, **options)
    assert_same_run(train(*args, epochs=4, resume=path, **{**options, "seed": 9}), whole)


@pytest.mark.libraries("numpy", "strict", "torch")
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resumed_run_is_the_uninterrupted_one(cell, optimizer, library, tmp_path):
    check(tmp_path, cell, OPTIMIZERS[optimizer], like=library.like("float32"))


@NUMPY
@pytest.mark.parametrize("cell", ["CWY", "Orthogonal"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_resumed_run_of_each_dtype(cell, dtype, library, tmp_path):
    check(tmp_path, cell, partition(), like=library.like(dtype))


@pytest.mark.libraries("jax")
def test_resumed_run_of_a_library_that_compiles(library, tmp_path):
    task = Adding(2, batch_size=256, updates_per_epoch=1)
    check(tmp_path, "Orthogonal", adam(), task, like=library.like("float32"))


@NUMPY
def test_resumed_run_of_shuffled_sequences(library, tmp_path):
    check(tmp_path, OrthogonalCell(2, 3), partition(), sequences(tmp_path))


@NUMPY
@pytest.mark.parametrize("cell", ["CWY", "Orthogonal"])
def test_resumed_run_across_repairs_of_drift(cell, library, tmp_path):
    # Optimizers put points back on their manifolds at update 100, and at every 100th.
    task = Adding(2, batch_size=128, updates_per_epoch=45)
    check(tmp_path, cell, partition(), task)


@pytest.mark.libraries("torch")
def test_other_library_goes_on(library, tmp_path):
    whole = train(epochs=4)
    _, path = write_checkpoint(tmp_path)
    run = train(epochs=4, resume=path, like=library.like())
    found, expected = ([r["loss"] for r in x.history] for x in (run, whole))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("interrupted_after", [1, 2, 3])
def test_stopping_remembers_how_long_it_waited(interrupted_after, tmp_path):
    def callbacks(folder):
        stopping = EarlyStopping(2)
        return stopping, Checkpoint(str(folder), others=(stopping,))

    still = {"optimizer": adam(0.0)}  # which never improves
    whole = train(**still, epochs=9, callbacks=callbacks(tmp_path / "whole"))
    assert (whole.epoch, whole.reason) == (3, "validation_loss has not improved for 2 epochs")
    folder = tmp_path / "part"
    train(**still, epochs=interrupted_after, callbacks=callbacks(folder))
    path = str(folder / "last.npz")
    resumed = train(**still, epochs=9, callbacks=callbacks(folder), resume=path)
    assert_same_run(resumed, whole)
    assert resumed.reason == whole.reason


def test_run_that_reached_its_target_stays_so(tmp_path):
    run, path = write_checkpoint(tmp_path, epochs=9, callbacks=[Target(1e9)])
    again = train(epochs=9, callbacks=[Target(1e9)], resume=path)
    assert run.epoch == 1
    assert_same_run(again, run)
    assert again.reason == run.reason == "validation_loss has reached 1000000000.0"


def test_best_stays_the_best_of_both_parts(tmp_path):
    still = {"optimizer": adam(0.0)}
    _, path = write_checkpoint(tmp_path, **still)
    before = (tmp_path / "best.npz").read_bytes()
    run = train(**still, epochs=4, resume=path, callbacks=[Checkpoint(str(tmp_path))])
    assert run.epoch == 4
    assert (tmp_path / "best.npz").read_bytes() == before


def test_metrics_are_complete_after_going_on(tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    _, path = write_checkpoint(tmp_path, callbacks=[Metrics(str(metrics))])
    metrics.write_text("a line that was cut o")
    run = train(epochs=4, resume=path, callbacks=[Metrics(str(metrics))])
    assert [json.loads(line) for line in metrics.read_text().splitlines()] == run.history


def test_finished_run_has_nothing_left_to_do(tmp_path):
    run, path = write_checkpoint(tmp_path)
    assert_same_run(train(epochs=2, resume=path), run)


OTHERS = {
    "cell": {"cell": OrthogonalCell(2, 5)},
    "activation": {"cell": "Elman"},
    "optimizer": {"optimizer": optim.Adam(2e-2)},
    "rule": {"optimizer": optim.SGD(1e-2)},
    "task": {"task": Adding(5, batch_size=128, updates_per_epoch=3)},
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_settings_are_refused(other, tmp_path):
    _, path = write_checkpoint(tmp_path)
    what = {"activation": "cell", "rule": "optimizer"}.get(other, other)
    facts = rf"`.*last\.npz` cannot be gone on from with another {what}. It has .*, this run "
    with pytest.raises(CheckpointError, match=facts):
        train(**OTHERS[other], epochs=4, resume=path)


@pytest.mark.parametrize("dtype", sorted(set(DTYPES) - {"float64"}))
def test_other_dtype_is_refused(dtype, tmp_path):
    _, path = write_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=f"dtype float64, where .* and {dtype} are wanted"):
        train(epochs=4, resume=path, like=np.empty(0, dtype))


def test_model_stays_as_it_was_if_it_cannot_go_on(tmp_path):
    _, path = write_checkpoint(tmp_path)
    fresh = model("Orthogonal")
    before = on_host(fresh.params)
    with pytest.raises(CheckpointError):
        fit(fresh, TASK, adam(), epochs=4, resume=path)
    assert_trees_equal(on_host(fresh.params), before)


def test_two_callbacks_of_a_kind_keep_their_own_memories(tmp_path):
    def pair():
        return EarlyStopping(5, "loss"), EarlyStopping(7, "validation_loss")

    first = pair()
    first[1].waited, first[1].best = 4, -1.0
    train(callbacks=(*first, Checkpoint(str(tmp_path), others=first)))
    second = pair()
    train(callbacks=second, resume=str(tmp_path / "last.npz"))  # has nothing left to train
    assert [(c.best, c.waited) for c in second] == [(c.best, c.waited) for c in first]
    assert second[0].best != second[1].best
