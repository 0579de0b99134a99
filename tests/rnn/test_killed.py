"""A run that dies while it writes leaves the last complete checkpoint."""

import os
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from stiefelkit.rnn import AbstractCallback, Checkpoint, load

from ._networks import assert_trees_equal
from ._runs import on_host, train, write_checkpoint


class Saboteur(AbstractCallback):
    """Lets writing fail after an epoch, half way through where the file is written."""

    def __init__(self, monkeypatch, place, error):
        self.monkeypatch, self.place, self.error = monkeypatch, place, error

    def epoch(self, run):
        def fail(file, *args, **arrays):
            if hasattr(file, "write"):
                file.write(b"PK half of it")
            raise self.error

        if run.epoch == 2:
            self.monkeypatch.setattr(*self.place, fail)


PLACES = {"savez": (np, "savez"), "fsync": (os, "fsync"), "replace": (os, "replace")}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()])
def test_failing_write_leaves_the_last_checkpoint(place, error, tmp_path, monkeypatch):
    (tmp_path / "reference").mkdir()
    before, _ = write_checkpoint(tmp_path / "reference", epochs=1)
    folder = tmp_path / "run"
    saboteur = Saboteur(monkeypatch, PLACES[place], error)
    with pytest.raises(type(error)):
        train(epochs=3, callbacks=[saboteur, Checkpoint(str(folder))])
    monkeypatch.undo()
    assert sorted(p.name for p in folder.iterdir()) == ["best.npz", "last.npz"]
    assert_trees_equal(on_host(load(str(folder / "last.npz")).params), on_host(before.model.params))


def test_checkpoint_has_the_permissions_of_any_file(tmp_path):
    _, path = write_checkpoint(tmp_path, epochs=1)
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(os.stat(path).st_mode) == stat.S_IMODE(os.stat(plain).st_mode)


SCRIPT = """
import sys
from stiefelkit import rnn, optim
task = rnn.Adding(2, batch_size=256, updates_per_epoch=1)
model = rnn.Model.for_task(rnn.OrthogonalCell(2, 64), task, rng=0)
rnn.fit(model, task, optim.Adam(1e-3), epochs=10**6, rng=0,
        callbacks=[rnn.Checkpoint(sys.argv[1])])
"""


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_run_can_be_gone_on_from(tmp_path):
    last = tmp_path / "last.npz"
    run = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)])
    try:
        wait_for(last.exists)
        written = last.stat().st_mtime_ns
        wait_for(lambda: last.stat().st_mtime_ns > written)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == -signal.SIGKILL
    assert load(str(last)).cell.hidden_size == 64
    left = {p.name for p in tmp_path.iterdir()}
    assert left - {"best.npz", "last.npz"} <= {"best.npz.tmp", "last.npz.tmp"}


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path):
    (tmp_path / "last.npz.tmp").write_bytes(b"half")
    write_checkpoint(tmp_path, epochs=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.npz", "last.npz"]
