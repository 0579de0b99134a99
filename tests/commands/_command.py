"""How the tests call a command, and on what data."""

import json

import numpy as np

from stiefelkit.__main__ import main

TINY = ("--hidden-size", "3", "--batch-size", "16")


def write_data(folder, *, real=False, by_step=False, mask=False, n=40):
    """Write sequences of 3 steps of 2 numbers, and return the path."""
    rng = np.random.default_rng(0)
    shape = (3, n) if by_step else (n,)
    contents = {
        "inputs": rng.standard_normal((3, n, 2)),
        "targets": rng.standard_normal(shape) if real else rng.integers(0, 4, shape),
    }
    if mask:
        contents["mask"] = np.arange(3)[:, None] <= np.arange(n) % 3
    path = str(folder / "data.npz")
    np.savez(path, **contents)
    return path


def train(folder, *options, epochs=2):
    """Train a tiny network, the results in `folder`, and return the exit status."""
    arguments = ("train", *options, "--epochs", str(epochs), "--out", str(folder))
    tiny = () if "--hidden-size" in options else TINY
    return main([str(x) for x in (*arguments, *tiny)])


def history(folder):
    """Return the records of metrics.jsonl without their times."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


def refused(capsys, *arguments):
    """Check that a command ends with status 2 and one line, which is returned."""
    status = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith("stiefelkit: ")
    assert err.count("\n") == 1
    return err
