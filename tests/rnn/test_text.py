"""The tasks on text: what is read, how it is cut and held out, and what constants achieve."""

import json
import sys

import numpy as np
import pytest

from stiefelkit.rnn import Characters, Topics
from stiefelkit.rnn._config import from_config, to_config
from stiefelkit.rnn._python_text import CODES, encode, entropy, python_topics

TASKS = [Characters(30), Topics(30), Characters(200, batch_size=10), Topics(200, batch_size=10)]
every = pytest.mark.parametrize("task", TASKS, ids=str)
characters = pytest.mark.parametrize("task", TASKS[::2], ids=str)
topics = pytest.mark.parametrize("task", TASKS[1::2], ids=str)


def decode(inputs):
    """Return the texts of a batch of one-hot characters."""
    codes = np.argmax(inputs, axis=-1).T
    return ["".join("\n" if c == 0 else chr(c + 31) for c in row) for row in codes.tolist()]


def texts(batches):
    return [text for batch in batches for text in decode(batch.inputs)]


def parts(task):
    return list(task.train(np.random.default_rng(0))), task.validation(), task.test()


def test_characters_are_codes_of_their_own():
    printable = "".join(map(chr, range(32, 127)))
    np.testing.assert_array_equal(encode("\n" + printable), np.arange(CODES))
    np.testing.assert_array_equal(encode("‘a’ – “b”\tc…"), encode("'a' - \"b\" c?"))


def test_no_paragraph_is_in_two_topics():
    paragraphs = [p for text in python_topics().values() for p in text.split("\n\n") if p]
    assert len(paragraphs) == len(set(paragraphs)) > 1000
    assert list(python_topics()) == sorted(python_topics())


def test_every_paragraph_is_kept_once():
    from pydoc_data.topics import topics as originals

    found = {p for text in python_topics().values() for p in text.split("\n\n")}
    assert found - {""} == {p for t in originals.values() for p in t.strip().split("\n\n")} - {""}


@every
def test_inputs_are_one_hot_windows(task, rng):
    for batch in (next(task.train(rng)), task.validation()[0], task.test()[0]):
        assert batch.inputs.shape[::2] == (task.length, task.input_size) == (task.length, CODES)
        assert set(np.unique(batch.inputs)) == {0, 1}
        np.testing.assert_array_equal(np.sum(batch.inputs, axis=-1), 1)
        assert 0 <= batch.targets.min() <= batch.targets.max() < task.output_size
    assert next(task.train(rng)).inputs.shape[1] == task.batch_size


@characters
def test_targets_are_the_next_characters(task, rng):
    for batch in (next(task.train(rng)), task.validation()[0], task.test()[0]):
        np.testing.assert_array_equal(batch.targets[:-1], np.argmax(batch.inputs[1:], axis=-1))
    # In order, the last target is the first character of the next window.
    held = task.test()[0]
    np.testing.assert_array_equal(held.targets[-1, :-1], np.argmax(held.inputs[0, 1:], axis=-1))


@characters
def test_windows_in_order_are_the_end_of_the_text(task):
    whole = "".join(texts(task.validation()))
    text = "".join("\n" if c == 0 else chr(c + 31) for c in encode(joined()).tolist())
    held = round(0.1 * len(text))
    assert text[-2 * held : -held].startswith(whole)
    assert text[-held:].startswith("".join(texts(task.test())))
    assert held - len(whole) <= task.length


def joined():
    return "\n\n".join(python_topics().values())


@characters
def test_training_windows_are_apart_from_the_rest_and_do_not_overlap(task):
    first = encode(joined())
    first = first[: len(first) - 2 * round(0.1 * len(first))]
    text = "".join("\n" if c == 0 else chr(c + 31) for c in first.tolist())
    found = texts(task.train(np.random.default_rng(3)))
    assert all(window in text for window in found[:50])
    total = len(found) * task.length
    assert len(text) - 2 * task.length <= total <= len(text)


@topics
def test_parts_of_topics_are_disjoint_and_of_every_class(task):
    found = [(texts(p), np.concatenate([b.targets for b in p])) for p in parts(task)]
    pieces = [set(text) for text, _ in found]
    if task.length > 100:  # short ones, such as lines of dashes, repeat by chance
        assert not pieces[0] & pieces[1] | pieces[0] & pieces[2] | pieces[1] & pieces[2]
    for _, labels in found:
        assert set(labels) == set(range(7)) == set(range(len(task.classes)))


@topics
def test_labels_are_those_of_the_topics(task):
    by_name = {"formats": "formatstrings", "debugger": "debugger"}
    labels = np.concatenate([b.targets for b in task.test()])
    pairs = list(zip(texts(task.test()), labels, strict=True))
    plain = {"".join(map(chr, encode(python_topics()[t]) + 31)): n for n, t in by_name.items()}
    for text, name in plain.items():
        label = task.classes.index(name)
        pieces = [piece.replace("\n", chr(31)) for piece, y in pairs if y == label]
        assert pieces
        assert all(piece in text for piece in pieces)


@every
def test_baseline_is_the_loss_of_the_best_constant_answer(task):
    """Of log frequencies, through the loss; no other constant does better."""
    targets = np.concatenate([b.targets.ravel() for b in task.test()])
    counts = np.bincount(targets, minlength=task.output_size)
    best = np.log(np.maximum(counts / targets.size, 1e-30))
    for answer, equal in ((best, True), (0.9 * best, False), (0 * best, False)):
        outputs = np.broadcast_to(answer, (len(targets), task.output_size))
        found = np.mean(task.loss.value(outputs, targets)[0])
        assert bool(found == pytest.approx(task.baseline, rel=1e-9)) is equal
        assert equal or found > task.baseline


def test_entropy_of_known_targets():
    assert entropy(np.asarray([3, 3, 3])) == 0
    assert entropy(np.arange(8)) == pytest.approx(np.log(8))
    assert entropy(np.asarray([[0, 0], [0, 5]])) == pytest.approx(
        0.75 * np.log(4 / 3) + 0.25 * np.log(4)
    )


@every
def test_one_seed_gives_one_epoch_and_the_next_differs(task):
    rng = np.random.default_rng(5)
    epochs = [texts(task.train(rng)) for _ in range(2)]
    assert epochs[0] == texts(task.train(np.random.default_rng(5))) != epochs[1]
    assert len(list(task.train(rng))) == task.updates_per_epoch
    assert texts(task.test()) == texts(task.test()) != texts(task.validation())


@every
def test_task_comes_back_through_json(task):
    assert from_config(json.loads(json.dumps(to_config(task)))) == task


@pytest.mark.parametrize("cls", [Characters, Topics])
@pytest.mark.parametrize("length", [0, -1, 10**6])
def test_impossible_lengths_are_refused(cls, length):
    message = rf"`{cls.__name__}` needs 1 <= length <= \d+.* Got {length}\."
    with pytest.raises(ValueError, match=message):
        cls(length)


@pytest.mark.parametrize("cls", [Characters, Topics])
def test_python_without_the_text_is_named(cls, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(ModuleNotFoundError, match="`pydoc_data`, which this one lacks"):
        cls()
