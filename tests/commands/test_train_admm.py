"""`stiefelkit train --optimizer admm`."""

import pytest

from stiefelkit import rnn

from ._command import history, refused, train, write_data


def test_admm_trains_the_elman_cell_with_tanh_and_goes_on(tmp_path):
    options = ("--data", write_data(tmp_path), "--optimizer", "ADMM")
    for name, epochs, resume in (
        ("whole", 3, ()),
        ("run", 1, ()),
        ("run", 3, ("--resume", tmp_path / "run" / "last.npz")),
    ):
        assert train(tmp_path / name, *options, *resume, epochs=epochs) == 0
    assert history(tmp_path / "run") == history(tmp_path / "whole")
    assert {"r1", "r2", "r3", "validation_loss"} < history(tmp_path / "run")[-1].keys()
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert rnn.load(str(tmp_path / "run" / "best.npz")).cell == rnn.ElmanCell(2, 3)


@pytest.mark.parametrize("option", [("--cell", "orthogonal"), ("--activation", "relu")], ids=str)
def test_admm_refuses_other_networks(option, tmp_path, capsys):
    data = write_data(tmp_path)
    arguments = ("train", "--data", data, "--optimizer", "admm", *option, "--out", tmp_path)
    assert "`ADMM` trains an `ElmanCell` with `Tanh`" in refused(capsys, *arguments)
