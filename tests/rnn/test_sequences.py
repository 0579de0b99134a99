"""Sequences from a file: what is read, how it is split, and what is refused."""

import numpy as np
import pytest

from stiefelkit.rnn import CrossEntropy, DataError, Sequences, SquaredError

T, N, D, C = 4, 40, 3, 5


def arrays(kind="class", at="last", outputs=None, n=N, seed=0):
    """Return the contents of a data file; every sequence begins with its number."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((T, n, D))
    inputs[0, :, 0] = np.arange(n)
    shape = {"last": (n,), "all": (T, n)}[at] + (() if outputs is None else (outputs,))
    if kind == "class":
        return {"inputs": inputs, "targets": np.arange(np.prod(shape)).reshape(shape) % C}
    return {"inputs": inputs, "targets": rng.standard_normal(shape)}


def write(folder, **contents):
    path = str(folder / "data.npz")
    np.savez(path, **contents)
    return path


def numbers(batches):
    return [int(i) for b in batches for i in b.inputs[0, :, 0]]


KINDS = [
    ("class", "last", None, CrossEntropy("last"), C),
    ("class", "all", None, CrossEntropy("all"), C),
    ("real", "last", None, SquaredError("last"), 1),
    ("real", "all", None, SquaredError("all"), 1),
    ("real", "last", 2, SquaredError("last"), 2),
    ("real", "all", 2, SquaredError("all"), 2),
]


@pytest.mark.parametrize(("kind", "at", "outputs", "loss", "size"), KINDS)
def test_targets_say_what_is_learned(kind, at, outputs, loss, size, tmp_path, rng):
    contents = arrays(kind, at, outputs)
    task = Sequences(write(tmp_path, **contents), batch_size=8)
    assert (task.loss, task.input_size, task.output_size) == (loss, D, size)
    batches = list(task.train(rng))
    assert len(batches) == task.updates_per_epoch == 4
    axis = 0 if at == "last" else 1
    found = np.concatenate([b.targets for b in batches], axis=axis)
    np.testing.assert_array_equal(found, contents["targets"].take(numbers(batches), axis=axis))


def test_split_is_a_partition(tmp_path, rng):
    task = Sequences(write(tmp_path, **arrays()))
    train, validation, test = map(numbers, (task.train(rng), task.validation(), task.test()))
    assert sorted(train + validation + test) == list(range(N))
    assert (len(train), len(validation), len(test)) == (28, 6, 6)


def test_split_is_that_of_the_seed(tmp_path):
    path = write(tmp_path, **arrays())
    found = [numbers(Sequences(path, seed=seed).test()) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_test_data_of_their_own_are_the_test(tmp_path, rng):
    test = {f"test_{name}": x for name, x in arrays(n=7, seed=1).items()}
    task = Sequences(write(tmp_path, **arrays(), **test))
    assert numbers(task.test()) == list(range(7))
    assert sorted(numbers(task.train(rng)) + numbers(task.validation())) == list(range(N))


def test_inputs_of_one_number_need_no_axis(tmp_path, rng):
    contents = arrays()
    task = Sequences(write(tmp_path, **{**contents, "inputs": contents["inputs"][..., 0]}))
    assert task.input_size == 1
    assert set(numbers(task.train(rng))) < set(range(N))


def test_classes_of_the_test_count(tmp_path):
    test = {f"test_{name}": x for name, x in arrays(n=7).items()}
    test["test_targets"] = test["test_targets"] + 4
    assert Sequences(write(tmp_path, **arrays(), **test)).output_size == C + 4


@pytest.mark.parametrize("dtype", ["int64", "float64", "bool"])
def test_mask_travels_with_its_sequence(dtype, tmp_path, rng):
    mask = np.arange(T)[:, None] <= np.arange(N) % T
    task = Sequences(write(tmp_path, **arrays(), mask=mask.astype(dtype)), batch_size=8)
    batches = [*task.train(rng), *task.validation(), *task.test()]
    found = np.concatenate([b.mask for b in batches], axis=1)
    np.testing.assert_array_equal(found, mask[:, numbers(batches)])


def test_answers_at_chosen_steps_have_a_mask_with_gaps(tmp_path):
    mask = np.zeros((T, N))
    mask[[1, 3]] = 1
    assert Sequences(write(tmp_path, **arrays(at="all"), mask=mask)).test()[0].mask[1, 0] == 1


def with_entry(name, value, at=0, **options):
    contents = arrays(**options)
    contents[name] = contents[name].copy()
    contents[name].flat[at] = value
    return contents


def without(name):
    return {key: x for key, x in arrays().items() if key != name}


WRONG = {
    "no inputs": (without("inputs"), "lacks `inputs`; it has .'targets'"),
    "no targets": (without("targets"), "lacks `targets`; it has .'inputs'"),
    "NaN input": (with_entry("inputs", np.nan), "NaN"),
    "infinite target": (with_entry("targets", np.inf, kind="real"), "infinite"),
    "negative class": (with_entry("targets", -1), "neither classes nor real"),
    "text as classes": (arrays() | {"targets": np.full(N, "a")}, "neither classes nor real"),
    "boolean classes": (arrays() | {"targets": np.ones(N, bool)}, "neither classes nor real"),
    "complex inputs": (arrays() | {"inputs": np.ones((T, N, D), complex)}, "inputs of another"),
    "inputs of four axes": (arrays() | {"inputs": np.ones((T, N, D, 1))}, r"\(4, 40, 3, 1\)"),
    "no steps": (arrays() | {"inputs": np.ones((0, N, D))}, r"\(0, 40, 3\)"),
    "other number": (arrays() | {"targets": np.zeros(N + 1, int)}, r"\(4, 40, 3\).*\(41,\)"),
    "batch first": (arrays() | {"targets": np.zeros((N + 1, T), int)}, r"\(41, 4\)"),
    "two classes a sequence": (arrays() | {"targets": np.zeros((N, 2), int)}, r"\(40, 2\)"),
    "no numbers a sequence": (arrays() | {"targets": np.zeros((N, 0))}, r"\(40, 0\)"),
    "scalar target": (arrays() | {"targets": np.asarray(1)}, r"targets of shape \(\)"),
    "mask of other shape": (arrays() | {"mask": np.ones((N, T))}, r"mask of shape \(40, 4\)"),
    "mask with a gap": (arrays() | {"mask": np.ones((T, N)) * [[1], [0], [1], [0]]}, "0 after"),
    "mask of weights": (arrays() | {"mask": np.full((T, N), 0.5)}, "not 1"),
    "empty sequence": (arrays() | {"mask": np.eye(T, N)[::-1].cumsum(0)[::-1]}, "not 1"),
    "test of other size": (
        arrays() | {"test_inputs": np.ones((T, 6, D + 1)), "test_targets": np.zeros(6, int)},
        "4 numbers a step.* in place of 3 numbers a step",
    ),
    "test of other kind": (
        arrays() | {"test_inputs": np.ones((T, 6, D)), "test_targets": np.zeros(6)},
        "one real number a sequence in place of .*one class a sequence",
    ),
    "test without inputs": (arrays() | {"test_targets": np.zeros(6, int)}, "lacks `test_inputs`"),
    "two sequences": (arrays(n=2), "too few"),
}


@pytest.mark.parametrize(("contents", "facts"), WRONG.values(), ids=WRONG.keys())
def test_other_forms_are_refused(contents, facts, tmp_path):
    path = write(tmp_path, **contents)
    with pytest.raises(DataError, match=facts) as raised:
        Sequences(path)
    assert f"`{path}`" in str(raised.value)


class Evil:
    """Unpickling would call it."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def damage(path, how):
    """Make a file that is no .npz of arrays."""
    whole = path.read_bytes()
    if how == "pickled":
        np.savez(path, **without("targets"), targets=np.asarray([Evil()] * N, dtype=object))
    elif how == "one array":
        with open(path, "wb") as file:
            np.save(file, np.ones((T, N, D)))
    else:
        text = b"inputs,targets\n1,2\n"
        path.write_bytes(text if how == "text" else whole[: int(how)])


@pytest.mark.parametrize("how", ["pickled", "one array", "text", "0", "10", "300", "4000"])
def test_other_files_are_refused(how, tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays())
    damage(path, how)
    with pytest.raises(DataError, match=r"cannot be read: .* A data file is an \.npz"):
        Sequences(str(path))


@pytest.mark.parametrize("where", ["missing.npz", "."])
def test_missing_files_are_named(where, tmp_path):
    path = str(tmp_path / where)
    with pytest.raises(DataError, match="There is no data file") as raised:
        Sequences(path)
    assert path in str(raised.value)


def targets_or_none(path, flip):
    """Return the test targets of a file of which one byte is changed, None if it is refused."""
    whole = bytearray(path.read_bytes())
    flip(whole)
    path.write_bytes(whole)
    try:
        return Sequences(str(path)).test()[0].targets
    except DataError:
        return None


SMALL = {"inputs": np.ones((3, 10, 1)), "targets": np.arange(10) % 2}


@pytest.mark.parametrize("byte", range(1, 400, 7))
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_flipped_bits_are_noticed_or_harmless(save, byte, tmp_path):
    path = tmp_path / "data.npz"
    save(path, **SMALL)
    expected = Sequences(str(path)).test()[0].targets

    def flip(whole):
        whole[-byte] ^= 1 << byte % 8

    found = targets_or_none(path, flip)
    assert found is None or np.array_equal(found, expected)


@pytest.mark.parametrize("bit", range(8))
def test_flipped_bits_of_a_number_are_noticed(bit, tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, **SMALL)

    def flip(whole):
        whole[whole.index(SMALL["targets"].tobytes()) + bit] ^= 1 << bit

    assert targets_or_none(path, flip) is None


def test_several_real_answers_are_no_answers_by_step(tmp_path):
    # Split into 7 sequences of 7 steps with 7 answers each, a part looks like one target a step.
    inputs, targets = np.zeros((7, 46, 1)), np.arange(46.0)[:, None] + np.zeros(7)
    np.savez(tmp_path / "data.npz", inputs=inputs, targets=targets)
    task = Sequences(str(tmp_path / "data.npz"), batch_size=7)
    batches = list(task.train(np.random.default_rng(0))) + task.validation() + task.test()
    assert any(b.targets.shape == b.inputs.shape[:2] for b in batches)
    assert all((b.targets == b.targets[:, :1]).all() for b in batches)
