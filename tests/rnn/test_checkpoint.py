"""Checkpoints: what was written is what is read, and nothing else is."""

import json
import pathlib
import zipfile

import numpy as np
import pytest

from stiefelkit.rnn import CheckpointError, load

from .._classes import DTYPES, assert_close, eps, host
from ._networks import assert_trees_equal, every_cell, with_path
from ._runs import CELLS, model, on_host, train, write_checkpoint


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a checkpoint."""
    _, path = write_checkpoint(tmp_path_factory.mktemp("whole"), epochs=1)
    return pathlib.Path(path).read_bytes()


def contents(whole, tmp_path):
    """Return the members of a checkpoint, its JSON text parsed."""
    path = tmp_path / "whole.npz"
    path.write_bytes(whole)
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    return arrays, json.loads(arrays.pop("__meta__").tobytes())


def rewrite(path, arrays, meta):
    np.savez(path, __meta__=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
    return str(path)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.libraries("numpy", "strict", "torch")
def test_model_comes_back(cell, dtype, library, tmp_path):
    cell = "CWY" if cell == "Elman" and dtype == "complex128" else cell
    run, path = write_checkpoint(tmp_path, cell, epochs=1, like=library.like(dtype))
    check(run.model, load(path, like=library.like(dtype)))


def check(model, found):
    X = np.random.default_rng(0).standard_normal((5, 3, 2))
    assert (found.cell, found.readout, found.loss) == (model.cell, model.readout, model.loss)
    assert_trees_equal(on_host(found.params), on_host(model.params))
    assert type(found.params["readout"]["u"]) is type(model.params["readout"]["u"])
    assert_close(host(found.predict(X)), host(model.predict(X)), 0)


@pytest.mark.parametrize("cell", every_cell())
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_cell_comes_back(cell, dtype, tmp_path):
    run, path = write_checkpoint(tmp_path, cell, epochs=1, like=np.empty(0, dtype))
    check(run.model, load(path))


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_model_moves_to_every_library(dtype, library, tmp_path):
    run, path = write_checkpoint(tmp_path, epochs=1, like=np.empty(0, dtype))
    found = load(path, like=library.like("float64"))
    X = np.random.default_rng(0).standard_normal((5, 3, 2))
    assert_trees_equal(on_host(found.params), on_host(run.model.params))
    assert_close(host(found.predict(X)), host(run.model.predict(X)), 50 * eps(dtype))


def test_nothing_in_a_checkpoint_is_pickled(whole, tmp_path):
    arrays, meta = contents(whole, tmp_path)
    assert {x.dtype.kind for x in arrays.values()} <= set("fc")
    assert (meta["format"], meta["version"]) == ("stiefelkit checkpoint", 1)


def refused(path, facts):
    with pytest.raises(CheckpointError, match=facts) as raised:
        load(str(path))
    assert f"`{path}`" in str(raised.value)
    with pytest.raises(CheckpointError, match=facts):
        train(epochs=2, resume=str(path))


class Evil:
    """Unpickling would call it."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def object_array(path, whole):
    np.savez(path, __meta__=np.asarray([Evil()], dtype=object))


def foreign_npz(path, whole):
    np.savez(path, weights=np.ones(3))


def foreign_zip(path, whole):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("__meta__", "{}")


def one_array(path, whole):
    with open(path, "wb") as file:
        np.save(file, np.ones(3))


def other_format(path, whole):
    rewrite(path, {}, {"format": "another program", "version": 1})


def no_dict(path, whole):
    rewrite(path, {}, ["format", "version"])


def no_version(path, whole):
    rewrite(path, {}, {"format": "stiefelkit checkpoint"})


FOREIGN = {
    "empty": (lambda path, whole: path.write_bytes(b""), "no .npz archive"),
    "text": (lambda path, whole: path.write_text("epoch 1"), "no .npz archive"),
    "directory": (lambda path, whole: path.mkdir(), "There is no file"),
    "missing": (lambda path, whole: None, "There is no file"),
    "object array": (object_array, "Object arrays cannot be loaded"),
    "foreign npz": (foreign_npz, "no checkpoint of stiefelkit"),
    "foreign zip": (foreign_zip, "member `__meta__` is no array"),
    "npy": (one_array, "no .npz archive"),
    "other format": (other_format, "no checkpoint but 'another program'"),
    "no dict": (no_dict, "no checkpoint of stiefelkit"),
    "no version": (no_version, "no checkpoint of stiefelkit"),
}


@pytest.mark.parametrize(("make", "facts"), FOREIGN.values(), ids=FOREIGN.keys())
def test_other_files_are_refused(make, facts, whole, tmp_path):
    path = tmp_path / "other.npz"
    make(path, whole)
    refused(path, facts + r".* A checkpoint is the `last\.npz` or `best\.npz`")


@pytest.mark.parametrize("part", [0.001, 0.3, 0.7, 0.95, 0.999])
def test_truncated_checkpoint_is_refused(part, whole, tmp_path):
    path = tmp_path / "part.npz"
    path.write_bytes(whole[: int(part * len(whole))])
    refused(path, "cannot be read")


def load_or_none(path, data):
    path.write_bytes(data)
    try:
        return on_host(load(str(path)).params)
    except CheckpointError:
        return None


@pytest.mark.parametrize("part", np.linspace(0, 1, 80, endpoint=False).round(4))
def test_flipped_bit_is_noticed_or_harmless(part, whole, tmp_path):
    data = bytearray(whole)
    place = int(part * len(whole))
    data[place] ^= 1 << place % 8
    found = load_or_none(tmp_path / "flipped.npz", data)
    assert found is None or json.dumps(plain(found)) == json.dumps(
        plain(load_or_none(tmp_path / "whole.npz", whole))
    )


def plain(tree):
    return with_path(lambda path, x: x.tolist(), tree)


@pytest.mark.parametrize("byte", range(8))
def test_flipped_bit_of_a_parameter_is_noticed(byte, whole, tmp_path):
    arrays, _ = contents(whole, tmp_path)
    data = bytearray(whole)
    data[whole.index(arrays["params/readout/U"].tobytes()) + byte] ^= 1 << byte
    assert load_or_none(tmp_path / "flipped.npz", data) is None


def test_newer_version_is_named(whole, tmp_path):
    arrays, meta = contents(whole, tmp_path)
    path = rewrite(tmp_path / "new.npz", arrays, meta | {"version": 2})
    refused(path, r"has version 2 of the format.*reads up to 1\. Install a newer stiefelkit")


@pytest.mark.parametrize("name", ["NewCell", "Model", "os"])
def test_unknown_class_is_named(name, whole, tmp_path):
    arrays, meta = contents(whole, tmp_path)
    path = rewrite(tmp_path / "new.npz", arrays, meta | {"cell": meta["cell"] | {"type": name}})
    with pytest.raises(CheckpointError, match=f"There is no class `{name}`.*newer version"):
        load(path)


CONTRADICTIONS = {
    "lacks": lambda arrays, meta: arrays.pop("params/cell/W_in"),
    "no readout": lambda arrays, meta: [arrays.pop(f"params/readout/{k}") for k in "uU"],
    "no parameters": lambda arrays, meta: arrays.clear(),
    "number": lambda arrays, meta: arrays.update({"params/cell/c": np.asarray(1.0)}),
    "size": lambda arrays, meta: meta["cell"].update(input_size=7),
    "field": lambda arrays, meta: meta["cell"].update(color="red"),
    "no cell": lambda arrays, meta: meta.pop("cell"),
}


@pytest.mark.parametrize("change", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_contradictions_are_noticed(change, whole, tmp_path):
    arrays, meta = contents(whole, tmp_path)
    change(arrays, meta)
    path = rewrite(tmp_path / "other.npz", arrays, meta)
    with pytest.raises(CheckpointError, match="holds no model that can be rebuilt"):
        load(path)


@pytest.mark.parametrize("name", ["params/cell/W_in", "slots/cell/W_in/momentum"])
@pytest.mark.parametrize("shape", [None, (9, 9)])
def test_arrays_of_another_model_are_not_gone_on_from(name, shape, whole, tmp_path):
    arrays, meta = contents(whole, tmp_path)
    if shape is None:
        del arrays[name]
    else:
        arrays[name] = np.ones(shape)
    path = rewrite(tmp_path / "other.npz", arrays, meta)
    facts = "lacks the array" if shape is None else r"shape \(9, 9\).*where \(4, 2\)"
    with pytest.raises(CheckpointError, match=facts) as raised:
        train(epochs=2, resume=path)
    assert f"`{name}`" in str(raised.value)
    assert model().cell.hidden_size == 4
