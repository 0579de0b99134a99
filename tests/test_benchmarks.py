"""What benchmarks are made of: arguments for every op, and records that say where they are from."""

import importlib.util
import pathlib
import subprocess
import sys

import pytest

import stiefelkit

FOLDER = pathlib.Path(__file__).parents[1] / "asv_bench"
# In a process of its own, as the benchmarks set variables of the environment.
CALL_ALL = """
import numpy as np
from benchmarks._common import arguments, calls, cotangents, open_library

numpy, rng = open_library("numpy"), np.random.default_rng(0)
for dtype in ("float32", "complex64"):
    for label, (op, variant) in calls().items():
        args, options = arguments(op, "64", dtype, numpy, rng)
        if op.forward is None:
            op(*args, **variant, **options)
        else:
            out, residuals = op.forward(*args, **variant, **options)
            op.backward(cotangents(out, numpy, rng), residuals)
        print(op.name)
"""


def test_every_op_runs_on_its_arguments():
    command = [sys.executable, "-c", CALL_ALL]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == set(stiefelkit.ops())


@pytest.fixture
def timing():
    spec = importlib.util.spec_from_file_location("timing", FOLDER / "timing.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_a_record_names_what_every_figure_depends_on(timing):
    found = timing.environment("absent-package")
    assert found["versions"].keys() >= {"python", "stiefelkit", "numpy", "scipy", "numba"}
    assert found["versions"]["absent-package"] == "not installed"
    assert found["commit"] == timing.commit()


def test_a_record_has_the_commit_and_says_if_files_differ(timing, tmp_path, monkeypatch):
    file = tmp_path / "timing.py"
    file.write_text("")
    monkeypatch.setattr(timing, "__file__", str(file))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert timing.commit() == ""

    def git(*arguments):
        identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        command = ["git", *identity, "-C", str(tmp_path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    git("add", ".")
    git("commit", "--message", "Begin")
    assert timing.commit() == git("rev-parse", "--short", "HEAD")
    file.write_text("changed")
    assert timing.commit() == git("rev-parse", "--short", "HEAD") + "+changes"
