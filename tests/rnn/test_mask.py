"""A padded batch has the loss and the gradient of its sequences, one by one."""

import numpy as np
import pytest

from stiefelkit import rnn
from stiefelkit._tree import tree_map
from stiefelkit.rnn import AbstractLoss, Batch, LinearReadout, Model, SquaredError

from .._classes import FAST, NUMPY, assert_close, eps, host, instances
from ._networks import assert_trees_close, on, some_cells

LENGTHS = (7, 1, 4)
T, B, D, C = max(LENGTHS), len(LENGTHS), 2, 3
losses = pytest.mark.parametrize("loss", instances(rnn, AbstractLoss), ids=str)
cells = pytest.mark.parametrize("cell", some_cells(D, 4))
DTYPES = ("float64", "complex128")


def draw(rng, loss, padding):
    """Return a padded batch, its padding filled with large numbers."""
    inputs = rng.standard_normal((T, B, D))
    mask = (np.arange(T)[:, None] < np.asarray(LENGTHS)).astype(float)
    inputs[mask == 0] = padding
    shape = (B,) if loss.at == "last" else (T, B)
    if loss.integer_targets:
        return Batch(inputs, rng.integers(0, C, shape), mask)
    return Batch(inputs, rng.standard_normal((*shape, C)), mask)


def alone(batch, loss, i):
    """Return sequence i of a batch without its padding."""
    t = LENGTHS[i]
    targets = batch.targets[i : i + 1] if loss.at == "last" else batch.targets[:t, i : i + 1]
    return Batch(batch.inputs[:t, i : i + 1], targets)


def mean(values, weights):
    return tree_map(lambda *x: sum(w * y for w, y in zip(weights, x, strict=True)), *values)


@FAST
@cells
@losses
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding", [0.0, 50.0])
def test_padded_batch_is_its_sequences(cell, loss, dtype, padding, library, rng):
    model = Model(cell, LinearReadout(C), loss, rng=0, like=np.empty(0, dtype))
    batch = draw(rng, loss, padding)
    weights = np.ones(B) / B if loss.at == "last" else np.asarray(LENGTHS) / sum(LENGTHS)
    single = [model.loss_and_grads(model.params, alone(batch, loss, i)) for i in range(B)]
    params = on(library, model.params)
    value, grads, measured = model.loss_and_grads(params, batch.like(params["readout"]["u"]))
    assert_close(host(value), sum(w * s[0] for w, s in zip(weights, single, strict=True)), 1e-14)
    assert_trees_close(
        drop_fixed(grads), mean([drop_fixed(s[1]) for s in single], weights), 50, eps(dtype)
    )
    assert (measured is None) == (loss.quantity is None)
    if measured is not None:
        expected = sum(w * s[2] for w, s in zip(weights, single, strict=True))
        assert_close(host(measured), expected, 1e-15)


def drop_fixed(grads):
    """Return a gradient without the leaves that have none."""
    if isinstance(grads, dict):
        return {k: drop_fixed(g) for k, g in grads.items() if g is not None}
    return grads


@NUMPY
@losses
def test_evaluation_counts_positions(loss, library, rng):
    model = Model(some_cells(D, 4)[0].values[0], LinearReadout(C), loss, rng=0)
    model.params = tree_map(lambda x: x.astype("float64"), model.params)
    batch = draw(rng, loss, 1.0)
    parts = [alone(batch, loss, i) for i in range(B)]
    found, expected = model.evaluate([batch]), model.evaluate(parts)
    assert found.keys() == expected.keys() == {"loss", loss.quantity} - {None}
    assert found == pytest.approx(expected, rel=1e-13)


@NUMPY
@losses
def test_mask_of_ones_is_no_mask(loss, library, rng):
    model = Model(some_cells(D, 4)[0].values[0], LinearReadout(C), loss, rng=0)
    batch = draw(rng, loss, 1.0)
    full, without = batch._replace(mask=np.ones((T, B))), batch._replace(mask=None)
    like = np.empty(0, "float32")
    found = model.loss_and_grads(model.params, full.like(like))
    expected = model.loss_and_grads(model.params, without.like(like))
    assert_close(host(found[0]), host(expected[0]), 4 * eps("float32"))
    assert_trees_close(drop_fixed(found[1]), drop_fixed(expected[1]), 20, eps("float32"))


@FAST
@pytest.mark.parametrize("at", ["last", "all"])
def test_prediction_ends_with_the_sequence(at, library, rng):
    loss = SquaredError(at)
    like = library.like()
    model = Model(some_cells(D, 4)[0].values[0], LinearReadout(C), loss, rng=0, like=like)
    batch = draw(rng, loss, 9.0)
    found = host(model.predict(batch.inputs, batch.mask))
    one = host(model.predict(batch.inputs[: LENGTHS[2], 2:]))
    answer = found[2:] if at == "last" else found[: LENGTHS[2], 2:]
    assert_close(answer, one, 20 * eps("float64"))
