"""Losses and the readout: values against references, slopes against differences."""

import numpy as np
import pytest
from scipy.special import log_softmax

from stiefelkit import rnn
from stiefelkit.rnn import AbstractLoss, CrossEntropy, LinearReadout, SquaredError

from .._classes import (
    DTYPES,
    FAST,
    NUMPY,
    REAL,
    assert_close,
    assert_kept,
    central_difference,
    concrete,
    eps,
    host,
    normal,
)
from ._networks import along, assert_trees_close, draw_direction, on, pairing

B, C = 6, 4
LOSSES = concrete(rnn, AbstractLoss)
reals = pytest.mark.parametrize("dtype", ["float32", "float64"])


def draw(rng, loss, shape, dtype="float64"):
    """Return outputs and targets."""
    outputs = 3 * rng.standard_normal((*shape, C))
    if loss.integer_targets:
        return outputs.astype(dtype), rng.integers(0, C, shape)
    return outputs.astype(dtype), rng.standard_normal((*shape, C)).astype(dtype)


@reals
def test_cross_entropy_equals_scipy(dtype, library, rng):
    outputs, targets = draw(rng, CrossEntropy(), (3, B), dtype)
    found, slope = CrossEntropy().value(library.asarray(outputs), library.asarray(targets))
    logs = log_softmax(outputs.astype(float), axis=-1)
    hot = np.eye(C)[targets]
    assert_kept(found, library, dtype)
    assert_kept(slope, library, dtype)
    assert_close(host(found), -np.sum(logs * hot, axis=-1), 50 * eps(dtype))
    assert_close(host(slope), np.exp(logs) - hot, 20 * eps(dtype))


@FAST
@pytest.mark.parametrize(
    ("outputs", "target", "expected"),
    [
        ([1e4, 0, 0, 0], 0, 0.0),
        ([1e4, 0, 0, 0], 1, 1e4),
        ([-1e4, 0, 0, 0], 0, 1e4 + np.log(3)),
        ([-1e4, 0, 0, 0], 1, np.log(3)),
        ([1e4, 1e4, 1e4, 1e4], 2, np.log(4)),
        ([-1e4, -1e4, -1e4, -1e4], 2, np.log(4)),
    ],
)
@reals
def test_cross_entropy_of_huge_outputs(outputs, target, expected, dtype, library):
    there = library.asarray(np.asarray([outputs], dtype)), library.asarray(np.asarray([target]))
    found, slope = CrossEntropy().value(*there)
    assert host(found)[0] == pytest.approx(expected, rel=4 * eps(dtype))
    assert np.all(np.isfinite(host(slope)))


@NUMPY
@pytest.mark.parametrize("cls", LOSSES)
def test_slope_equals_differences(cls, library, rng):
    outputs, targets = draw(rng, cls(), (3, B))
    step = rng.standard_normal(outputs.shape)
    _, slope = cls().value(outputs, targets)
    expected = central_difference(lambda t: cls().value(outputs + t * step, targets)[0])
    assert_close(np.sum(slope * step, axis=-1), expected, 1e-9)


@pytest.mark.parametrize("cls", LOSSES)
@reals
def test_equal_to_numpy_on_every_library(cls, dtype, library, rng):
    outputs, targets = draw(rng, cls(), (B,), dtype)
    there = library.asarray(outputs), library.asarray(targets)
    expected, found = cls().value(outputs, targets), cls().value(*there)
    largest = np.max(np.abs(host(expected[0])))  # sums are added up in another order
    assert_close(host(found[0]), host(expected[0]), 50 * largest * eps(dtype))
    assert_close(host(found[1]), host(expected[1]), 50 * eps(dtype))
    assert_close(host(cls().decide(there[0])), host(cls().decide(outputs)), 0)


@FAST
@reals
def test_squared_error_is_summed_over_the_outputs(dtype, library):
    outputs = library.asarray(np.asarray([[1.0, 2.0], [3.0, 5.0]], dtype))
    targets = library.asarray(np.asarray([[0.0, 2.0], [1.0, 1.0]], dtype))
    found, slope = SquaredError().value(outputs, targets)
    assert_close(host(found), np.asarray([1.0, 20.0]), 0)
    assert_close(host(slope), np.asarray([[2.0, 0.0], [4.0, 8.0]]), 0)


@FAST
def test_one_output_takes_targets_without_an_axis(library, rng):
    outputs, targets = rng.standard_normal((5, B, 1)), rng.standard_normal((5, B))
    found, _ = SquaredError("all").value(library.asarray(outputs), library.asarray(targets))
    assert_close(host(found), (outputs[..., 0] - targets) ** 2, 1e-14)


@FAST
def test_accuracy_counts_the_right_ones(library):
    outputs = np.eye(3)[[0, 1, 2, 2]] - 0.5
    targets = library.asarray(np.asarray([0, 1, 0, 2]))
    outputs = library.asarray(outputs)
    assert_close(host(CrossEntropy().decide(outputs)), np.asarray([0.0, 1.0, 2.0, 2.0]), 0)
    found = CrossEntropy().measure(outputs, targets)
    assert_close(host(found), np.asarray([1.0, 1.0, 0.0, 1.0]), 0)


def test_only_classes_have_an_accuracy():
    assert [loss.quantity for loss in (CrossEntropy(), SquaredError())] == ["accuracy", None]
    assert SquaredError().measure(np.zeros((2, 1)), np.zeros(2)) is None


READOUT = LinearReadout(3)


@NUMPY
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(B,), (2, B)], ids=str)
def test_readout_is_an_affine_map_of_real_features(dtype, shape, library, rng):
    params = READOUT.init(4, rng=0, like=np.empty(0, dtype))
    params["u"] = params["u"] + np.arange(3, dtype=REAL[dtype])
    H = normal(rng, (*shape, 4), dtype).astype(dtype)
    Y, _ = READOUT.forward(params, H)
    features = np.concatenate([H.real, H.imag], axis=-1) if "complex" in dtype else H
    assert Y.dtype == params["U"].dtype == REAL[dtype]
    assert_close(host(Y), host(features @ params["U"].T + params["u"]), 20 * eps(dtype))


@NUMPY
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(B,), (2, B)], ids=str)
def test_readout_gradient_equals_differences(dtype, shape, library, rng):
    params = READOUT.init(4, rng=0, like=np.empty(0, dtype))
    H, dH = normal(rng, (*shape, 4), dtype), normal(rng, (*shape, 4), dtype)
    Y, residuals = READOUT.forward(params, H)
    g = rng.standard_normal(Y.shape)
    grads, back = READOUT.backward(g, residuals)
    step = draw_direction(rng, params, {"U": READOUT, "u": READOUT})
    expected = central_difference(
        lambda t: np.sum(g * READOUT.forward(along(params, step, t), H + t * dH)[0])
    )
    assert pairing(grads, step) + pairing(back, dH) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_readout_is_equal_to_numpy_on_every_library(dtype, library, rng):
    params = READOUT.init(4, rng=0, like=np.empty(0, dtype))
    H = normal(rng, (2, B, 4), dtype).astype(dtype)
    Y, residuals = READOUT.forward(params, H)
    found, kept = READOUT.forward(on(library, params), library.asarray(H))
    assert_kept(found, library, REAL[dtype])
    assert_close(host(found), host(Y), 50 * eps(dtype))
    grads, dH = READOUT.backward(found, kept)
    expected, dH_expected = READOUT.backward(Y, residuals)
    assert_kept(dH, library, dtype)
    assert_trees_close(grads, expected, 100, eps(dtype))
    assert_close(host(dH), host(dH_expected), 100 * eps(dtype))
