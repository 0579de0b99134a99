"""`stiefelkit train`: what it writes, says and can be told."""

import importlib.util
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from stiefelkit import _commands, rnn
from stiefelkit.__main__ import main
from stiefelkit._commands import _settings
from stiefelkit.optim import RMSProp
from stiefelkit.rnn import load
from stiefelkit.rnn._config import to_config

from .._classes import eps
from ..rnn._images import write_images
from ._command import TINY, history, train, write_data

LAST = re.compile(
    r"test: loss (?P<loss>\S+)(, accuracy (?P<accuracy>\S+))?(, without memory (?P<base>\S+))?"
    r"(, \|W'W - I\| (?P<residual>\S+))?; (?P<epochs>\d+) epochs in \S+ s( \((?P<why>.*)\))?; "
    r"written to (?P<folder>.*)"
)
TASKS = {
    "copying": ("copying", "--length", 1, "--hidden-size", 3, "--batch-size", 256),
    "adding": ("adding", "--length", 3),
    "characters": ("characters", "--hidden-size", 3, "--batch-size", 512),
    "topics": ("topics", "--length", 50, "--hidden-size", 3, "--batch-size", 512),
    "digits": ("digits", "--hidden-size", 3, "--batch-size", 512),
    "copying-at-marker": (
        *("copying-at-marker", "--length", 1, "--hidden-size", 3, "--batch-size", 256),
    ),
    "digits-rows": ("digits-rows", "--hidden-size", 3, "--batch-size", 512),
    "digits-permuted": ("Digits-Permuted", "--hidden-size", 3, "--batch-size", 512, "--fold", 4),
}


def last_line(capsys):
    out, err = capsys.readouterr()
    assert err == ""
    return LAST.fullmatch(out.splitlines()[-1])


def check(folder, capsys, epochs, residual=True):
    """Check what a run wrote, and that it said so in the end; return its last line."""
    found = last_line(capsys)
    assert found["folder"] == str(folder)
    assert int(found["epochs"]) == epochs == len(history(folder))
    assert (folder / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    model = load(str(folder / "last.npz"))
    assert load(str(folder / "best.npz")).cell == model.cell
    assert (found["residual"] is not None) is residual
    if residual:
        assert float(found["residual"]) <= 20 * 3 * eps("float32")
        assert float(found["residual"]) == pytest.approx(model.residual(), rel=0.05)
    return found


def test_every_task_is_tried():
    assert set(TASKS) == set(_commands.TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_task_is_trained(task, tmp_path, capsys):
    assert train(tmp_path, *TASKS[task], epochs=1) == 0
    found = check(tmp_path, capsys, 1)
    made = {
        "copying": rnn.Copying(1, 256),
        "copying-at-marker": rnn.CopyingAtMarker(1, 256),
        "adding": rnn.Adding(3),
        "characters": rnn.Characters(),
        "topics": rnn.Topics(50),
    }.get(task)
    assert (found["base"] is None) == (made is None)
    if made is not None:
        assert float(found["base"]) == pytest.approx(made.baseline, abs=1e-4)


@pytest.mark.parametrize("name", sorted(_settings.FOLDER_TASKS))
def test_folder_of_images_is_learned(name, tmp_path, capsys):
    write_images(tmp_path, count=20)
    assert train(tmp_path / "run", name, "--data", tmp_path, epochs=1) == 0
    check(tmp_path / "run", capsys, 1)
    meta = json.loads(np.load(tmp_path / "run" / "last.npz")["__meta__"].tobytes())
    task = {k: meta["task"][k] for k in ("type", "rows", "permuted")}
    assert task == {"type": "MNIST", "rows": "rows" in name, "permuted": "permuted" in name}


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("by_step", [False, True])
@pytest.mark.parametrize("mask", [False, True])
def test_own_data_are_learned(real, by_step, mask, tmp_path, capsys):
    data = write_data(tmp_path, real=real, by_step=by_step, mask=mask)
    assert train(tmp_path / "run", "--data", data) == 0
    found = check(tmp_path / "run", capsys, 2)
    assert (found["accuracy"] is None) is real
    scores = load(str(tmp_path / "run" / "last.npz")).evaluate(rnn.Sequences(data).test())
    assert float(found["loss"]) == pytest.approx(scores["loss"], abs=1e-4)


def run_data(tmp_path, capsys, *options, residual=True):
    """Train on a file with some options, and return the last checkpoint."""
    assert train(tmp_path / "run", "--data", write_data(tmp_path), *options) == 0
    check(tmp_path / "run", capsys, 2, residual)
    return load(str(tmp_path / "run" / "last.npz"))


@pytest.mark.parametrize("name", _commands.matrix_names())
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_every_parametrization_is_trained(name, dtype, tmp_path, capsys):
    model = run_data(tmp_path, capsys, "--parametrization", name, "--dtype", dtype)
    assert type(model.cell.recurrent).__name__.lower() == name
    assert model.params["cell"]["W_in"].dtype == dtype


def test_orthogonal_is_among_them():
    assert {"orthogonal", "cwy", "givens"} < set(_commands.matrix_names())


@pytest.mark.parametrize("name", _commands.names(_commands.ACTIVATIONS))
def test_every_activation_is_trained(name, tmp_path, capsys):
    model = run_data(tmp_path, capsys, "--activation", name)
    assert type(model.cell.activation).__name__.lower() == name


@pytest.mark.parametrize("name", sorted(_commands.OPTIMIZERS))
@pytest.mark.parametrize("clip", ["0", "0.5"])
def test_every_optimizer_is_trained(name, clip, tmp_path, capsys):
    model = run_data(tmp_path, capsys, "--optimizer", name.upper(), "--clip", clip)
    assert np.all(np.isfinite(model.params["readout"]["U"]))


@pytest.mark.parametrize(("name", "cls"), [("elman", rnn.ElmanCell), ("lstm", rnn.LSTMCell)])
def test_baselines_are_not_constrained(name, cls, tmp_path, capsys):
    model = run_data(tmp_path, capsys, "--cell", name, residual=False)
    assert isinstance(model.cell, cls)


@pytest.mark.parametrize(
    ("dtype", "found"),
    [("float32", "complex64"), ("float64", "complex128"), ("complex64", "complex64")],
)
def test_unitary_cell_is_complex(dtype, found, tmp_path, capsys):
    model = run_data(tmp_path, capsys, "--cell", "urnn", "--dtype", dtype)
    assert isinstance(model.cell, rnn.UnitaryCell)
    assert model.params["cell"]["W_in"].dtype == found


def test_unitary_cell_has_the_published_course(tmp_path, capsys):
    assert train(tmp_path, "copying", "--cell", "urnn", "--length", 1, epochs=1) == 0
    check(tmp_path, capsys, 1)
    meta = json.loads(np.load(tmp_path / "last.npz")["__meta__"].tobytes())
    assert meta["optimizer"] == to_config(RMSProp(1e-3, decay=0.9, epsilon=0.0, initial=1e-3))


@pytest.mark.parametrize("start", ["rotation", "haar", "identity"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_start_and_dtype_are_chosen(start, dtype, tmp_path, capsys):
    model = run_data(tmp_path, capsys, "--start", start, "--dtype", dtype)
    assert model.cell.start == start
    assert model.params["cell"]["W_in"].dtype == dtype


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax", "cupy"])
def test_every_backend_gives_the_same_curve(backend, tmp_path, capsys):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    if backend == "cupy" and not importlib.import_module("cupy").is_available():
        pytest.skip("CuPy finds no CUDA device")
    data = write_data(tmp_path)
    # The fewest arrays of different shapes, as eager JAX compiles for each.
    options = ("--data", data, "--parametrization", "orthogonal", "--dtype", "float32")
    for name in ("numpy", backend):
        assert train(tmp_path / name, *options, "--backend", name, epochs=1) == 0
    check(tmp_path / backend, capsys, 1)
    found, expected = history(tmp_path / backend), history(tmp_path / "numpy")
    assert found[0]["loss"] == pytest.approx(expected[0]["loss"], rel=1e-4)


def test_device_is_chosen(tmp_path, capsys):
    run_data(tmp_path, capsys, "--device", "cpu")


def test_patience_ends_a_run(tmp_path, capsys):
    still = ("--learning-rate", 0, "--orthogonal-learning-rate", 0, "--patience", 2)
    assert train(tmp_path, "--data", write_data(tmp_path), *still, epochs=9) == 0
    assert check(tmp_path, capsys, 3)["why"] == "validation_loss has not improved for 2 epochs"


def test_one_seed_gives_one_curve(tmp_path):
    data = write_data(tmp_path)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(tmp_path / name, "--data", data, "--seed", seed)
    found = [history(tmp_path / name) for name in "abc"]
    assert found[0] == found[1] != found[2]


def interrupt(monkeypatch, epoch):
    """Let a run end as by Ctrl-C after an epoch is written."""
    whole = rnn.Plot.epoch

    def stop(self, run):
        if run.epoch == epoch:
            raise KeyboardInterrupt
        whole(self, run)

    monkeypatch.setattr(rnn.Plot, "epoch", stop)


@pytest.mark.parametrize(("every", "at_base"), [(1, True), (10**6, False), (0, False)])
def test_base_of_a_trivialization_moves(every, at_base, tmp_path, capsys):
    options = ("--parametrization", "trivialization", "--rebase-every", every)
    model = run_data(tmp_path, capsys, *options)
    assert np.any(model.params["cell"]["recurrent"]["A"]) != at_base


@pytest.mark.parametrize("start", ["rotation", "cayley", "haar", "identity"])
def test_every_start_is_known(start, tmp_path, capsys):
    assert run_data(tmp_path, capsys, "--start", start).cell.start == start


@pytest.mark.parametrize("parametrization", ["cwy", "orthogonal", "trivialization"])
def test_interrupted_run_goes_on(parametrization, tmp_path, capsys, monkeypatch):
    options = ("--data", write_data(tmp_path), "--parametrization", parametrization)
    patience = ("--patience", 3)
    assert train(tmp_path / "whole", *options, *patience, epochs=4) == 0
    capsys.readouterr()
    with monkeypatch.context() as patch:
        interrupt(patch, 2)
        assert train(tmp_path / "run", *options, *patience, epochs=4) == 130
    message = "stiefelkit: interrupted; the last complete checkpoint is kept\n"
    assert capsys.readouterr().err == message
    assert len(history(tmp_path / "run")) == 2
    resume = ("--resume", tmp_path / "run" / "last.npz")
    assert train(tmp_path / "run", *options, *patience, *resume, epochs=4) == 0
    check(tmp_path / "run", capsys, 4)
    assert history(tmp_path / "run") == history(tmp_path / "whole")


def test_folder_is_named_after_the_task(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = write_data(tmp_path)
    assert main(["train", "--data", data, "--epochs", "1", *TINY]) == 0
    assert {p.name for p in (tmp_path / "runs" / "data").iterdir()} == {
        *("metrics.jsonl", "curves.png", "last.npz", "best.npz")
    }
    assert last_line(capsys)["folder"].replace("\\", "/") == "runs/data"


def test_command_of_its_own(tmp_path):
    data = write_data(tmp_path)
    arguments = ["train", "--data", data, "--epochs", "1", "--out", str(tmp_path / "run"), *TINY]
    command = [sys.executable, "-W", "error", "-m", "stiefelkit", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert LAST.fullmatch(run.stdout.splitlines()[-1])
