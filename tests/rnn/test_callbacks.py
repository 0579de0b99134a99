"""What a run writes down: metrics, pictures, checkpoints, progress."""

import json
import struct
import sys

import numpy as np
import pytest

from stiefelkit import optim
from stiefelkit.rnn import (
    Adding,
    Checkpoint,
    Copying,
    Metrics,
    OrthogonalCell,
    Plot,
    Progress,
    load,
)

from ._networks import assert_trees_equal
from ._runs import TASK, adam, on_host, train


def test_metrics_are_lines_of_json(tmp_path):
    path = tmp_path / "deep" / "metrics.jsonl"
    run = train(callbacks=[Metrics(str(path))], epochs=3)
    assert [json.loads(line) for line in path.read_text().splitlines()] == run.history


def test_metrics_of_an_earlier_run_are_replaced(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("{}\n" * 9)
    run = train(callbacks=[Metrics(str(path))], epochs=1)
    assert [json.loads(line) for line in path.read_text().splitlines()] == run.history


@pytest.mark.parametrize(
    ("task", "panels"), [(TASK, 1), (Copying(1, 256, 1), 2)], ids=["loss", "loss and accuracy"]
)
def test_plot_is_a_picture(task, panels, tmp_path):
    path = tmp_path / "deep" / "curves.png"
    train(OrthogonalCell(task.input_size, 4), task=task, callbacks=[Plot(str(path))])
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (600 * panels, 420)


def test_plot_of_no_epochs_is_none(tmp_path):
    train(epochs=0, callbacks=[Plot(str(tmp_path / "curves.png"))])
    assert list(tmp_path.iterdir()) == []


def test_plot_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install stiefelkit\[train\]"):
        train(callbacks=[Plot(str(tmp_path / "curves.png"))])


def test_last_and_best_are_of_their_epochs(tmp_path):
    # The rate is so large that some epoch is worse than the one before.
    run = train(optimizer=adam(0.3), epochs=6, callbacks=[Checkpoint(str(tmp_path))])
    losses = [record["validation_loss"] for record in run.history]
    best, last = (load(str(tmp_path / f"{name}.npz")) for name in ("best", "last"))
    assert min(losses) < losses[-1]
    assert_trees_equal(on_host(last.params), on_host(run.model.params))
    assert best.evaluate(TASK.validation())["loss"] == pytest.approx(min(losses), rel=1e-12)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.npz", "last.npz"]


def test_best_of_an_accuracy_is_the_highest(tmp_path):
    task = Copying(1, 256, 1)
    callback = Checkpoint(str(tmp_path), "validation_accuracy")
    run = train(OrthogonalCell(10, 4), adam(0.3), task, epochs=5, callbacks=[callback])
    accuracies = [record["validation_accuracy"] for record in run.history]
    found = load(str(tmp_path / "best.npz")).evaluate(task.validation())["accuracy"]
    assert found == pytest.approx(max(accuracies), rel=1e-12)
    assert min(accuracies) < max(accuracies)


class WithoutValidation(Adding):
    """The adding task, all of it for training."""

    def validation(self):
        return []


def test_best_follows_the_training_loss_where_there_is_no_validation(tmp_path):
    task = WithoutValidation(3, 128, 2)
    run = train(task=task, epochs=3, callbacks=[Checkpoint(str(tmp_path))])
    assert "validation_loss" not in run.history[0]
    assert (tmp_path / "best.npz").exists()


@pytest.mark.parametrize(("epochs", "lines", "expected"), [(4, 20, 4), (6, 2, 2), (5, 1, 1)])
def test_progress_without_a_terminal_is_a_few_lines(epochs, lines, expected, capsys):
    run = train(epochs=epochs, callbacks=[Progress(lines)])
    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) == expected
    record = run.history[-1]
    last = f"epoch {epochs:4d}  loss {record['loss']:.4f}"
    assert out.splitlines()[-1].startswith(last)
    assert f"validation loss {record['validation_loss']:.4f}" in out.splitlines()[-1]


def test_progress_on_a_terminal_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    train(epochs=2, callbacks=[Progress()])
    out, err = capsys.readouterr()
    assert out == ""
    assert "epoch    2" in err
    assert f"{2 * TASK.updates_per_epoch}/{2 * TASK.updates_per_epoch}" in err


def test_only_numbers_go_into_the_history_of_a_checkpoint(tmp_path):
    run = train(callbacks=[Checkpoint(str(tmp_path))])
    with np.load(tmp_path / "last.npz", allow_pickle=False) as file:
        meta = json.loads(file["__meta__"].tobytes())
    assert meta["history"] == run.history
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"} == set(meta["environment"]["threads"])


def test_settings_that_cannot_be_kept_are_refused_before_training(tmp_path):
    with pytest.raises(TypeError, match="A checkpoint keeps the dataclasses"):
        train(optimizer=optim.SGD(lambda step: 1e-3), callbacks=[Checkpoint(str(tmp_path))])
    assert not (tmp_path / "last.npz").exists()


def test_unknown_metric_of_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no metric `typo`"):
        train(callbacks=[Checkpoint(str(tmp_path), metric="typo")])
