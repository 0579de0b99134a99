"""The folds of the digits."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from stiefelkit.rnn import Digits, DigitsRows

FOLDS = range(5)
# Samples per class, and every image as its bytes.
IMAGES, LABELS = load_digits(return_X_y=True)


def samples(batches):
    """Return images as rows and their labels."""
    images = np.concatenate([b.inputs[..., 0].T for b in batches])
    return 8 * (images + 1), np.concatenate([b.targets for b in batches])


def keys(batches):
    """Return a sorted list of samples that can be compared."""
    images, labels = samples(batches)
    return sorted(zip(map(bytes, images.astype(np.uint8)), labels.tolist(), strict=True))


def parts(task):
    return list(task.train(np.random.default_rng(0))), task.validation(), task.test()


def test_test_folds_partition_the_samples():
    found = sorted(key for fold in FOLDS for key in keys(Digits(fold=fold).test()))
    assert len(found) == len(LABELS) == 1797
    assert found == sorted(zip(map(bytes, IMAGES.astype(np.uint8)), LABELS.tolist(), strict=True))


@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("validation_size", [0.1, 0.25])
def test_train_validation_and_test_are_disjoint_and_complete(fold, validation_size):
    train, validation, test = map(keys, parts(Digits(fold=fold, validation_size=validation_size)))
    assert sorted(train + validation + test) == sorted(
        zip(map(bytes, IMAGES.astype(np.uint8)), LABELS.tolist(), strict=True)
    )
    assert len(validation) == pytest.approx(validation_size * (1797 - len(test)), abs=1)
    # The scans are distinct, so that no sample is counted in two parts.
    assert not set(train) & set(validation) | set(train) & set(test) | set(validation) & set(test)


@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("part", [0, 1, 2], ids=["train", "validation", "test"])
def test_parts_are_stratified(fold, part):
    labels = samples(parts(Digits(fold=fold))[part])[1]
    expected = np.bincount(LABELS) * len(labels) / len(LABELS)
    np.testing.assert_allclose(np.bincount(labels, minlength=10), expected, atol=1.5)


def test_no_validation_trains_on_four_folds():
    task = Digits(validation_size=0)
    train, validation, test = parts(task)
    assert validation == [] or sum(len(b.targets) for b in validation) == 0
    assert sum(len(b.targets) for b in train) + sum(len(b.targets) for b in test) == 1797


def test_another_seed_gives_other_folds():
    assert keys(Digits().test()) != keys(Digits(split_seed=1).test())


def test_permuted_digits_are_the_digits_in_one_fixed_order():
    order = np.random.default_rng(92916).permutation(64)
    assert not np.array_equal(order, np.arange(64))
    for_each = [
        (samples(Digits(fold=fold).test())[0], samples(Digits(True, fold=fold).test())[0])
        for fold in FOLDS
    ]
    plain, permuted = (np.concatenate(images) for images in zip(*for_each, strict=True))
    np.testing.assert_array_equal(permuted, plain[:, order])


def test_pixels_are_between_minus_one_and_one():
    inputs = np.concatenate([b.inputs.ravel() for b in parts(Digits())[0]])
    assert (inputs.min(), inputs.max()) == (-1.0, 1.0)


@pytest.mark.parametrize("permuted", [False, True])
def test_rows_are_the_pixels_eight_at_a_time(permuted):
    pixels, rows = (cls(permuted, fold=2).test() for cls in (Digits, DigitsRows))
    assert rows[0].inputs.shape == (8, len(rows[0].targets), 8)
    for step in range(64):
        found = rows[0].inputs[step // 8, :, step % 8]
        np.testing.assert_array_equal(found, pixels[0].inputs[step, :, 0])
    np.testing.assert_array_equal(rows[0].targets, pixels[0].targets)
