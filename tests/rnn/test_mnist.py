"""Folders of images: what is read from them, in which order, and what is wrong with some."""

import json

import numpy as np
import pytest

from stiefelkit.rnn import MNIST, DataError
from stiefelkit.rnn._config import from_config, to_config

from ._images import idx, write_images

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def samples(batches):
    """Return images as rows of bytes, and labels."""
    rows = [b.inputs.transpose(1, 0, 2).reshape(b.inputs.shape[1], -1) for b in batches]
    return np.rint(255 * np.concatenate(rows)), np.concatenate([b.targets for b in batches])


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("rows", [False, True])
def test_test_images_are_read_in_order(dot, end, rows, tmp_path):
    arrays = write_images(tmp_path, dot=dot, end=end)
    task = MNIST(str(tmp_path), rows)
    batch = task.test()[0]
    assert batch.inputs.shape == ((3, 6, 2) if rows else (6, 6, 1))
    assert (task.input_size, task.output_size) == (2 if rows else 1, 4)
    images, labels = samples(task.test())
    np.testing.assert_array_equal(images, arrays["t10k", "images"].reshape(6, 6))
    np.testing.assert_array_equal(labels, arrays["t10k", "labels"])
    assert 0 <= batch.inputs.min() < batch.inputs.max() <= 1


def test_training_and_validation_images_are_all(tmp_path):
    arrays = write_images(tmp_path, count=40)
    task = MNIST(str(tmp_path), validation_size=0.25, batch_size=8)
    train, validation = list(task.train(np.random.default_rng(0))), task.validation()
    assert len(train) == task.updates_per_epoch == 4
    assert validation[0].inputs.shape[1] == 10
    images, labels = samples([*train, *validation])
    found = sorted((*x, y) for x, y in zip(images.tolist(), labels.tolist(), strict=True))
    whole = arrays["train", "images"].reshape(40, 6).tolist(), arrays["train", "labels"].tolist()
    assert found == sorted((*x, y) for x, y in zip(*whole, strict=True))


def test_permuted_pixels_are_the_pixels_in_one_fixed_order(tmp_path):
    write_images(tmp_path)
    order = np.random.default_rng(92916).permutation(6)
    plain, permuted = (samples(MNIST(str(tmp_path), permuted=p).test())[0] for p in (False, True))
    np.testing.assert_array_equal(permuted, plain[:, order])
    assert not np.array_equal(permuted, plain)


def test_one_seed_gives_one_split_and_one_epoch(tmp_path):
    write_images(tmp_path, count=40)
    task, other = MNIST(str(tmp_path)), MNIST(str(tmp_path), split_seed=1)
    epochs = [samples(list(task.train(np.random.default_rng(seed))))[0] for seed in (5, 5, 6)]
    np.testing.assert_array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], epochs[2])
    parts = [samples(t.validation())[0] for t in (task, MNIST(str(tmp_path)), other)]
    np.testing.assert_array_equal(parts[0], parts[1])
    assert not np.array_equal(parts[0], parts[2])


def test_no_validation_trains_on_all(tmp_path):
    write_images(tmp_path)
    task = MNIST(str(tmp_path), validation_size=0)
    assert task.validation() == []
    assert sum(len(b.targets) for b in task.train(np.random.default_rng(0))) == 12


def test_task_comes_back_through_json(tmp_path):
    write_images(tmp_path)
    task = MNIST(str(tmp_path), rows=True)
    assert from_config(json.loads(json.dumps(to_config(task)))) == task


WHOLE = idx(np.zeros((12, 3, 2)))
DAMAGED = {
    "empty": (IMAGES, b"", "no IDX file of bytes with 3 axes. It begins with nothing"),
    "other": (IMAGES, b"GIF89a", "begins with 47494638, not 00000803"),
    "floats": (IMAGES, b"\0\0\x0d\3" + WHOLE[4:], "begins with 00000d03, not 00000803"),
    "no header": (IMAGES, WHOLE[:9], "is damaged: its header tells of 12 bytes"),
    "cut": (IMAGES, WHOLE[:-1], "header tells of 12 by 3 by 2 bytes, and 71 follow"),
    "longer": (IMAGES, WHOLE + b"0", "header tells of 12 by 3 by 2 bytes, and 73 follow"),
    "labels": (LABELS, idx(np.zeros(11)), "has 12 images of 3 by 2 pixels, .* 11 labels"),
    "no images": (IMAGES, idx(np.zeros((0, 3, 2))), "has 0 images"),
    "other pixels": (
        IMAGES,
        idx(np.zeros((12, 3, 4))),
        r"test images of \(3, 2\) pixels and train",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files_are_named(kind, tmp_path):
    name, contents, fact = DAMAGED[kind]
    write_images(tmp_path)
    (tmp_path / name).write_bytes(contents)
    with pytest.raises(DataError, match=fact):
        MNIST(str(tmp_path))


@pytest.mark.parametrize("cut", [10, 40, -4])
def test_damaged_compression_is_named(cut, tmp_path):
    write_images(tmp_path, count=200, end=".gz")
    path = tmp_path / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=f"{IMAGES}.gz` cannot be read"):
        MNIST(str(tmp_path))


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=f"lacks the file `{IMAGES}`, plain or compressed"):
        MNIST(str(tmp_path))
    with pytest.raises(DataError, match="is no folder with the file"):
        MNIST(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("size", [-0.5, 1, 1.5])
def test_impossible_splits_are_refused(size, tmp_path):
    write_images(tmp_path)
    with pytest.raises(ValueError, match=f"Got validation_size={size} of 12 images"):
        MNIST(str(tmp_path), validation_size=size)
