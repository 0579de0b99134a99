"""The tasks: the layout of their sequences, their baselines, and their splits."""

import numpy as np
import pytest

from stiefelkit.rnn import AbstractTask, Adding, Copying, CopyingAtMarker, Digits, DigitsRows

BLANK, DELIMITER = 0, 9
DELAYS = (1, 2, 10, 100)
delays = pytest.mark.parametrize("delay", DELAYS)


def symbols(delay, rng):
    """Return the symbols read and those to be written, of a batch."""
    batch = Copying(delay, batch_size=16).draw(rng)
    np.testing.assert_array_equal(np.sum(batch.inputs, axis=-1), 1)
    return np.argmax(batch.inputs, axis=-1), batch.targets


@delays
def test_copying_is_symbols_blanks_delimiter_blanks(delay, rng):
    inputs, targets = symbols(delay, rng)
    assert inputs.shape == targets.shape == (delay + 20, 16)
    assert set(np.unique(inputs[:10])) == set(range(1, 9))
    assert np.all(inputs[10 : 10 + delay - 1] == BLANK)
    assert np.all(inputs[10 + delay - 1] == DELIMITER)
    assert np.all(inputs[10 + delay :] == BLANK)


@delays
def test_copying_writes_one_step_after_the_delimiter(delay, rng):
    inputs, targets = symbols(delay, rng)
    first = np.argmax(inputs == DELIMITER, axis=0) + 1
    assert np.all(first == delay + 10)
    assert np.all(targets[: delay + 10] == BLANK)
    np.testing.assert_array_equal(targets[delay + 10 :], inputs[:10])


@delays
def test_copying_at_the_marker_is_symbols_blanks_marker_blanks(delay, rng):
    batch = CopyingAtMarker(delay, batch_size=16).draw(rng)
    np.testing.assert_array_equal(np.sum(batch.inputs, axis=-1), 1)
    inputs, targets = np.argmax(batch.inputs, axis=-1), batch.targets
    assert inputs.shape == targets.shape == (delay + 20, 16)
    assert np.all((inputs[:10] > BLANK) & (inputs[:10] < DELIMITER))
    assert np.all(np.argmax(inputs == DELIMITER, axis=0) == delay + 10)
    assert np.sum(inputs == DELIMITER) == 16
    assert np.all(inputs[10 : delay + 10] == BLANK)
    assert np.all(inputs[delay + 11 :] == BLANK)
    # The first answer is due in the step of the marker.
    np.testing.assert_array_equal(targets[delay + 10 :], inputs[:10])
    assert np.all(targets[: delay + 10] == BLANK)


@delays
def test_forms_of_copying_differ_in_the_marker_only(delay):
    forms = [cls(delay, 8).draw(np.random.default_rng(0)) for cls in (Copying, CopyingAtMarker)]
    early, late = (np.argmax(batch.inputs, axis=-1) for batch in forms)
    np.testing.assert_array_equal(forms[0].targets, forms[1].targets)
    assert np.unique(np.nonzero(early != late)[0]).tolist() == [delay + 9, delay + 10]
    assert Copying(delay).baseline == CopyingAtMarker(delay).baseline
    assert Copying(delay) != CopyingAtMarker(delay)


@pytest.mark.parametrize(
    ("delay", "value"),
    [(100, 0.17329), (200, 0.09452), (300, 0.06498), (500, 0.03999), (1000, 0.020387)],
)
def test_copying_baselines_are_the_published_ones(delay, value):
    assert Copying(delay).baseline == pytest.approx(value, rel=1e-4)


@delays
@pytest.mark.parametrize("form", [Copying, CopyingAtMarker])
def test_copying_baseline_is_the_loss_without_memory(form, delay, rng):
    task = form(delay, batch_size=4)
    targets = task.draw(rng).targets
    outputs = np.full((*targets.shape, task.output_size), -1e3)
    outputs[: delay + 10, :, BLANK] = 0  # sure of the blanks,
    outputs[delay + 10 :, :, 1:] = 0  # and of nothing else
    assert np.mean(task.loss.value(outputs, targets)[0]) == pytest.approx(task.baseline, rel=1e-12)


LENGTHS = (2, 3, 10, 101)


@pytest.mark.parametrize("length", LENGTHS)
def test_adding_marks_one_number_in_each_half(length, rng):
    batch = Adding(length, batch_size=300).draw(rng)
    numbers, markers = batch.inputs[..., 0], batch.inputs[..., 1]
    assert batch.inputs.shape == (length, 300, 2)
    assert set(np.unique(markers)) <= {0.0, 1.0}
    assert np.all(np.sum(markers[: length // 2], axis=0) == 1)
    assert np.all(np.sum(markers[length // 2 :], axis=0) == 1)
    assert np.all((numbers >= 0) & (numbers < 1))
    np.testing.assert_allclose(batch.targets, np.sum(numbers * markers, axis=0), rtol=1e-15)


@pytest.mark.parametrize("length", [3, 10])
def test_adding_marks_every_step_sometimes(length, rng):
    markers = Adding(length, batch_size=2000).draw(rng).inputs[..., 1]
    halves = (length // 2, length - length // 2)
    expected = np.repeat([1 / n for n in halves], halves)
    # Five standard deviations of a mean of 2000.
    np.testing.assert_allclose(np.mean(markers, axis=1), expected, atol=5 * 0.5 / 2000**0.5)


def test_adding_baseline_is_the_loss_of_the_answer_one(rng):
    task = Adding(5, batch_size=100_000)
    targets = task.draw(rng).targets
    found = np.mean(task.loss.value(np.ones((len(targets), 1)), targets)[0])
    assert found == pytest.approx(task.baseline, abs=5 * 0.2 / 100_000**0.5)
    assert task.baseline == 1 / 6


TASKS = [
    Copying(3, batch_size=5, updates_per_epoch=3),
    CopyingAtMarker(3, batch_size=5, updates_per_epoch=3),
    Adding(4, batch_size=5, updates_per_epoch=3),
    Digits(batch_size=500),
    Digits(permuted=True, batch_size=500, fold=4),
    DigitsRows(batch_size=500),
]
every = pytest.mark.parametrize("task", TASKS, ids=str)


def assert_same(batches, others, equal=True):
    pairs = [
        (x, y) for a, b in zip(batches, others, strict=True) for x, y in zip(a, b, strict=True)
    ]
    assert all(np.array_equal(x, y) for x, y in pairs) is equal


@every
def test_one_seed_gives_one_epoch(task):
    first, second = (list(task.train(np.random.default_rng(5))) for _ in range(2))
    assert_same(first, second)
    assert_same(first, list(task.train(np.random.default_rng(6))), equal=False)


@every
def test_epochs_differ_and_have_the_updates_that_were_said(task, rng):
    first, second = (list(task.train(rng)) for _ in range(2))
    assert_same(first, second, equal=False)
    assert len(first) == len(second) == task.updates_per_epoch


@every
def test_held_out_batches_stay_the_same_and_apart(task):
    assert_same(task.validation(), task.validation())
    assert_same(task.test(), task.test())
    assert_same(task.validation()[:1], task.test()[:1], equal=False)


@every
def test_batches_fit_the_model(task, rng):
    batch = next(task.train(rng))
    assert isinstance(task, AbstractTask)
    assert batch.inputs.shape[1:] == (task.batch_size, task.input_size)
    outputs = np.zeros((*batch.targets.shape, task.output_size))
    assert np.all(np.isfinite(task.loss.value(outputs, batch.targets)[0]))


@pytest.mark.parametrize(
    ("make", "facts"),
    [
        (lambda: Copying(0), "`Copying` needs delay >= 1. Got 0"),
        (lambda: Adding(1), "`Adding` needs length >= 2. Got 1"),
        (lambda: Digits(fold=5), "0 to 4. Got fold=5"),
        (lambda: Digits(fold=-1), "0 to 4. Got fold=-1"),
    ],
)
def test_impossible_tasks_are_refused(make, facts):
    with pytest.raises(ValueError, match=facts):
        make()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("task", [Copying(4, batch_size=32), Adding(8, batch_size=32)], ids=str)
def test_held_out_batches_are_never_trained_on(task, seed):
    trained = next(iter(task.train(np.random.default_rng(seed)))).inputs
    held = [batch.inputs for batch in task.validation() + task.test()]
    assert not any(np.array_equal(trained, inputs) for inputs in held)


@pytest.mark.parametrize("task", [Copying(4, batch_size=32), Adding(8, batch_size=32)], ids=str)
def test_validation_and_test_are_different_draws(task):
    parts = task.validation()[0].inputs, task.test()[0].inputs
    assert not np.array_equal(*parts)
