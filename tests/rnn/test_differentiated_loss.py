"""Losses given as functions: the same as those with slopes of their own."""

import numpy as np
import pytest

from stiefelkit.optim import Adam
from stiefelkit.rnn import (
    Adding,
    Checkpoint,
    LinearReadout,
    Model,
    OrthogonalCell,
    SquaredError,
    differentiated_loss,
    fit,
)

from .._classes import host

autodiff = pytest.mark.libraries("torch", "jax")


def squared(Y, targets):
    return ((Y - targets.reshape(Y.shape)) ** 2).sum(-1)


@autodiff
@pytest.mark.parametrize("at", ["last", "all"])
def test_slopes_are_those_of_the_same_loss_by_hand(at, library, rng):
    outputs, targets = (library.asarray(rng.standard_normal((3, 5, 2))) for _ in range(2))
    found = differentiated_loss(squared, at=at)
    for here, there in zip(
        found.value(outputs, targets), SquaredError(at).value(outputs, targets), strict=True
    ):
        np.testing.assert_allclose(host(here), host(there), rtol=1e-14)
    assert found.at == at
    assert found.decide(outputs) is outputs


@autodiff
def test_a_network_is_trained_by_it(library):
    task = Adding(4, batch_size=32, updates_per_epoch=5)

    def losses(loss):
        model = Model(OrthogonalCell(2, 4), LinearReadout(1), loss, rng=0, like=library.like())
        return fit(model, task, Adam(1e-2), epochs=1, rng=1).losses

    np.testing.assert_allclose(
        losses(differentiated_loss(squared)), losses(SquaredError()), rtol=1e-10
    )


@pytest.mark.libraries("numpy")
def test_a_library_without_gradients_is_refused(library):
    Y = np.zeros((3, 1))
    with pytest.raises(TypeError, match=r"numpy.*AbstractLoss"):
        differentiated_loss(squared).value(Y, Y)


@autodiff
def test_one_value_a_position_is_wanted(library):
    Y = library.asarray(np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"\(3,\).*Got \(\)"):
        differentiated_loss(lambda Y, targets: (Y - targets).sum()).value(Y, Y)
    with pytest.raises(ValueError, match="first"):
        differentiated_loss(squared, at="first")


@pytest.mark.libraries("torch")
def test_a_checkpoint_refuses_it_and_says_why(library, tmp_path):
    loss = differentiated_loss(squared)
    model = Model(OrthogonalCell(2, 4), LinearReadout(1), loss, rng=0, like=library.like())
    task = Adding(4, batch_size=32, updates_per_epoch=1)
    with pytest.raises(TypeError, match="checkpoint keeps"):
        fit(model, task, Adam(1e-2), epochs=1, rng=1, callbacks=[Checkpoint(str(tmp_path))])
