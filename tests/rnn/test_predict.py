"""Predictions, and what a model says of itself."""

import numpy as np
import pytest

from stiefelkit import rnn
from stiefelkit.rnn import AbstractLoss, Batch, LinearReadout, Model, OrthogonalCell

from .._classes import FAST, assert_close, assert_kept, eps, host, instances, orthonormality
from ._networks import every_cell, some_cells

T, B, D, C = 5, 3, 2, 4
losses = pytest.mark.parametrize("loss", instances(rnn, AbstractLoss), ids=str)


def make(library, loss, dtype="float32"):
    cell = some_cells(D, 4)[1].values[0]
    return Model(cell, LinearReadout(C), loss, rng=0, like=library.like(dtype))


@losses
def test_one_answer_for_each_position(loss, library, rng):
    found = make(library, loss).predict(library.asarray(rng.standard_normal((T, B, D))))
    positions = (B,) if loss.at == "last" else (T, B)
    assert tuple(found.shape) == (positions if loss.integer_targets else (*positions, C))


@losses
def test_host_arrays_are_moved_to_the_model(loss, library, rng):
    model, X = make(library, loss), rng.standard_normal((T, B, D))
    mask = np.arange(T)[:, None] < np.asarray([1, 5, 3])
    found = model.predict(X, mask)
    there = model.predict(library.asarray(X, "float32"), library.asarray(mask, "float32"))
    assert type(found) is type(model.params["readout"]["u"])
    assert_close(host(found), host(there), 0)


@pytest.mark.libraries("torch", "strict", "jax")
def test_arrays_of_any_library_are_taken(library, rng):
    model = Model(OrthogonalCell(D, 4), LinearReadout(C), rnn.SquaredError(), rng=0)
    X = rng.standard_normal((T, B, D))
    mask = np.ones((T, B))
    found = model.predict(library.asarray(X), library.asarray(mask))
    assert isinstance(found, np.ndarray)
    assert_close(host(found), host(model.predict(X, mask)), 0)


@FAST
@losses
def test_classes_are_those_of_the_largest_output(loss, library, rng):
    model, X = make(library, loss), library.asarray(rng.standard_normal((T, B, D)), "float32")
    outputs = host(model.outputs(X))
    expected = np.argmax(outputs, axis=-1).astype(float) if loss.integer_targets else outputs
    assert_close(host(model.predict(X)), expected, 0)


@pytest.mark.parametrize("shape", [(T, D), (T, B, D + 1), (D,), (1, T, B, D)], ids=str)
def test_inputs_of_another_shape_are_refused(shape, library):
    with pytest.raises(ValueError, match=r"\(T, B, (d|2)\).*Got") as raised:
        make(library, rnn.CrossEntropy()).predict(np.zeros(shape))
    assert str(shape) in str(raised.value)


@losses
@pytest.mark.parametrize("shape", [(B, T), (T,), (T, B, 1)], ids=str)
def test_mask_of_another_shape_is_refused(shape, loss, library):
    with pytest.raises(ValueError, match=r"mask.*\(5, 3\).*Got") as raised:
        make(library, loss).predict(np.zeros((T, B, D)), np.ones(shape))
    assert str(shape) in str(raised.value)


@FAST
@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "float32", "float64"])
def test_batch_takes_the_dtype_of_the_model(kind, library, rng):
    targets = np.arange(B).astype(kind)
    batch = Batch(rng.standard_normal((T, B, D)), targets, np.ones((T, B), bool))
    found = batch.like(library.like("complex64"))
    assert_kept(found.inputs, library, "float32")
    assert_kept(found.mask, library, "float32")
    assert_kept(found.targets, library, "float32" if "float" in kind else "int64")
    again = found.like(library.like("complex64"))
    assert_close(host(again.inputs), host(found.inputs), 0)


@pytest.mark.parametrize("cell", every_cell(D, 5))
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_residual_is_that_of_the_matrix(cell, dtype):
    model = Model(cell, LinearReadout(C), rnn.CrossEntropy(), rng=0, like=np.empty(0, dtype))
    found = model.residual()
    if not cell.orthogonal:
        assert found is None
        return
    W = host(model.recurrent_matrix())
    assert found == pytest.approx(orthonormality(W), abs=5 * eps(dtype))
    assert found <= 20 * 5 * eps(dtype)


def test_default_is_numpy_in_single_precision():
    model = Model(OrthogonalCell(D, 4), LinearReadout(C), rnn.CrossEntropy(), rng=0)
    assert model.params["readout"]["U"].dtype == np.float32
    assert isinstance(model.params["cell"]["W_in"], np.ndarray)


def test_no_batches_have_no_scores():
    model = Model(OrthogonalCell(D, 4), LinearReadout(C), rnn.CrossEntropy(), rng=0)
    assert model.evaluate([]) == {}
