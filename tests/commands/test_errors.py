"""Wrong input is answered by status 2 and one line with the facts."""

import pytest

from stiefelkit import __version__
from stiefelkit.__main__ import main

from ._command import TINY, history, refused, train, write_data

WRONG = {
    "unknown task": (("copyng",), "no task `copyng`. Did you mean `copying`? There are adding"),
    "no task": ((), "Name one task (adding, characters, copying, "),
    "task and data": (("adding", "--data", "x.npz"), "or a file by --data"),
    "folder": (("mnist",), "`mnist` needs the folder of its files, by --data."),
    "empty folder": (("mnist-rows", "--data", "."), "`.` lacks the file `train-images-idx3-ubyte`"),
    "missing data": (("--data", "no.npz"), "There is no data file `no.npz`"),
    "parametrization": (("adding", "--parametrization", "cwyy"), "Did you mean `cwy`?"),
    "optimizer": (("adding", "--optimizer", "adan"), "no optimizer `adan`. Did you mean `adam`?"),
    "activation": (("adding", "--activation", "tan"), "no activation `tan`. Did you mean `tanh`?"),
    "far from all": (("adding", "--activation", "xyz"), "no activation `xyz`. There are abs"),
    "backend": (("adding", "--backend", "nunpy"), "no backend `nunpy`. Did you mean `numpy`?"),
    "device": (("adding", "--device", "tpu"), "`numpy` has no device `tpu` here. It has cpu"),
    "dtype": (("adding", "--dtype", "float16"), "no dtype `float16`. There are float32, float64"),
    "hidden size": (("adding", "--hidden-size", 0), "--hidden-size is at least 1. Got 0."),
    "batch size": (("adding", "--batch-size", -3), "--batch-size is at least 1. Got -3."),
    "epochs": (("adding", "--epochs", 0), "--epochs is at least 1. Got 0."),
    "patience": (("adding", "--patience", -1), "--patience is at least 0. Got -1."),
    "seed": (("adding", "--seed", -1), "--seed is at least 0. Got -1."),
    "rate": (("adding", "--learning-rate", -0.5), "--learning-rate is at least 0. Got -0.5."),
    "length": (("adding", "--length", 1), "`Adding` needs length >= 2. Got 1."),
    "fold": (("digits", "--fold", 5), "folds 0 to 4. Got fold=5."),
    "complex": (
        ("adding", "--dtype", "complex64", "--activation", "tanh"),
        "`Tanh` is for real states. Use `ModReLU` for complex ones.",
    ),
    "resume": (("adding", "--resume", "no.npz"), "There is no file `no.npz`. A checkpoint is"),
}


@pytest.mark.parametrize(("arguments", "fact"), WRONG.values(), ids=WRONG.keys())
def test_wrong_settings_are_refused(arguments, fact, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fact in refused(capsys, "train", *arguments)


def test_bad_data_are_refused(tmp_path, capsys):
    path = write_data(tmp_path)
    (tmp_path / "data.npz").write_bytes((tmp_path / "data.npz").read_bytes()[:100])
    assert f"`{path}` cannot be read" in refused(capsys, "train", "--data", path)


def test_damaged_checkpoint_is_refused(tmp_path, capsys):
    path = tmp_path / "last.npz"
    path.write_bytes(b"PK\x03\x04 and no more")
    line = refused(capsys, "train", "--data", write_data(tmp_path), "--resume", path)
    assert f"`{path}` cannot be read" in line


@pytest.mark.parametrize(
    ("options", "what"),
    [(("--hidden-size", 4), "cell"), (("--optimizer", "sgd"), "optimizer")],
)
def test_other_settings_do_not_go_on(options, what, tmp_path, capsys):
    data = write_data(tmp_path)
    tiny = ("--batch-size", 16, "--epochs", 1, "--out", tmp_path)
    small = () if what == "cell" else ("--hidden-size", 3)
    train(tmp_path, "--data", data, epochs=1)
    before = history(tmp_path)
    capsys.readouterr()
    resume = ("--resume", tmp_path / "last.npz")
    line = refused(capsys, "train", "--data", data, *tiny, *small, *options, *resume)
    assert f"cannot be gone on from with another {what}" in line
    assert history(tmp_path) == before


def test_folder_that_cannot_be_made_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    data = write_data(tmp_path)
    line = refused(capsys, "train", "--data", data, "--out", tmp_path / "file" / "run")
    assert str(tmp_path / "file") in line


def test_loss_that_diverges_is_one_line(tmp_path, capsys):
    data = write_data(tmp_path, real=True)
    options = ("--learning-rate", 1e200, "--optimizer", "sgd", "--clip", 0, "--out", tmp_path)
    status = main([str(a) for a in ("train", "--data", data, *options, *TINY, "--epochs", 9)])
    line = capsys.readouterr().err
    assert (status, line.count("\n")) == (2, 1)
    assert "The loss was not finite in epoch" in line


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        ((), "COMMAND"),
        (("fly",), "'fly'"),
        (("train", "adding", "--cell", "gru"), "'elman'"),
        (("train", "adding", "--start", "zero"), "'zero'"),
        (("train", "adding", "--epochs", "many"), "'many'"),
        (("predict",), "CHECKPOINT"),
        (("info", "--all"), "--all"),
    ],
)
def test_wrong_usage_ends_with_the_usage(arguments, fact, capsys):
    with pytest.raises(SystemExit) as raised:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert (raised.value.code, out) == (2, "")
    assert err.startswith("usage: stiefelkit")
    assert fact in err.splitlines()[-1]


@pytest.mark.parametrize("command", [(), ("train",), ("predict",), ("info",)])
def test_help_is_printed(command, capsys):
    with pytest.raises(SystemExit) as raised:
        main([*command, "--help"])
    out, err = capsys.readouterr()
    assert (raised.value.code, err) == (0, "")
    assert out.startswith(f"usage: {' '.join(('stiefelkit', *command))}")


def test_help_names_what_can_be_chosen(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    words = capsys.readouterr().out.replace(",", " ").split()
    assert {"copying", "adding", "cwy", "orthogonal", "modrelu", "rmsprop", "mnist"} <= set(words)


def test_version_is_printed(capsys):
    with pytest.raises(SystemExit) as raised:
        main(["--version"])
    assert raised.value.code == 0
    assert capsys.readouterr().out == f"stiefelkit {__version__}\n"
