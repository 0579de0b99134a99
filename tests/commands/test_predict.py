"""`stiefelkit predict`: one line a sequence, or a file."""

import numpy as np
import pytest

from stiefelkit.__main__ import main
from stiefelkit.rnn import load

from ._command import refused, train, write_data

KINDS = [(False, False), (False, True), (True, False), (True, True)]


@pytest.fixture(scope="module", params=KINDS, ids=lambda k: f"real={k[0]}-by_step={k[1]}")
def trained(request, tmp_path_factory):
    """A checkpoint, its data, and whether it answers at every step."""
    real, by_step = request.param
    folder = tmp_path_factory.mktemp("trained")
    data = write_data(folder, real=real, by_step=by_step, mask=True)
    assert train(folder, "--data", data, epochs=1) == 0
    return str(folder / "best.npz"), data, by_step


def expected(checkpoint, data):
    with np.load(data) as file:
        return load(checkpoint).predict(file["inputs"], file["mask"])


def test_one_line_for_each_sequence(trained, capsys):
    checkpoint, data, by_step = trained
    capsys.readouterr()
    assert main(["predict", checkpoint, data]) == 0
    out, err = capsys.readouterr()
    answers = expected(checkpoint, data)
    found = np.asarray([[float(x) for x in line.split()] for line in out.splitlines()])
    assert err == ""
    assert found.shape == (40, 3 if by_step else 1)
    lines = np.moveaxis(answers, 1, 0) if by_step else answers
    np.testing.assert_array_equal(found, lines.reshape(found.shape))


def test_file_has_all_of_them(trained, tmp_path, capsys):
    checkpoint, data, _ = trained
    capsys.readouterr()
    out = tmp_path / "answers.npz"
    assert main(["predict", checkpoint, data, "--out", str(out)]) == 0
    assert capsys.readouterr() == ("", "")
    with np.load(out, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["predictions"], expected(checkpoint, data))


def test_classes_are_printed_as_integers(tmp_path, capsys):
    data = write_data(tmp_path)
    train(tmp_path, "--data", data, epochs=1)
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "last.npz"), data]) == 0
    assert set(capsys.readouterr().out.split()) <= {"0", "1", "2", "3"}


WRONG = {
    "no inputs": ({"x": np.ones(3)}, r"`inputs` of shape (T, N, 2)"),
    "other size": ({"inputs": np.ones((3, 4, 5))}, "(3, 4, 5)"),
    "one axis": ({"inputs": np.ones(3)}, "(3,)"),
    "mask": ({"inputs": np.ones((3, 4, 2)), "mask": np.ones((4, 3))}, "(4, 3)"),
    "text": ({"inputs": np.full((3, 4, 2), "a")}, "<U1"),
    "NaN": ({"inputs": np.full((3, 4, 2), np.nan)}, "NaN"),
    "objects": ({"inputs": np.asarray([None])}, "cannot be read"),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    assert train(folder, "--data", write_data(folder), epochs=1) == 0
    return str(folder / "last.npz")


@pytest.mark.parametrize(("contents", "fact"), WRONG.values(), ids=WRONG.keys())
def test_other_inputs_are_refused(contents, fact, checkpoint, tmp_path, capsys):
    path = tmp_path / "other.npz"
    np.savez(path, **contents)
    capsys.readouterr()
    assert fact in refused(capsys, "predict", checkpoint, path)


def test_missing_files_are_named(checkpoint, tmp_path, capsys):
    capsys.readouterr()
    nothing = tmp_path / "nothing.npz"
    assert f"There is no data file `{nothing}`" in refused(capsys, "predict", checkpoint, nothing)
    assert f"There is no file `{nothing}`" in refused(capsys, "predict", nothing, nothing)


def test_data_are_no_checkpoint(tmp_path, capsys):
    data = write_data(tmp_path)
    assert f"`{data}` is no checkpoint" in refused(capsys, "predict", data, data)
