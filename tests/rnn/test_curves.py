"""One seed, one curve, on every library."""

import functools

import numpy as np
import pytest

from stiefelkit.rnn import Adding

from .._classes import host
from ._networks import assert_trees_close
from ._runs import CELLS, on_host, partition, train

UPDATES = 20
TASK = Adding(3, batch_size=256, updates_per_epoch=UPDATES)


@functools.cache
def reference(cell):
    run = train(cell, partition(), TASK, epochs=1)
    return run.losses, on_host(run.model.params)


@pytest.mark.parametrize("cell", CELLS)
def test_one_seed_gives_one_curve_on_every_library(cell, library):
    run = train(cell, partition(), TASK, epochs=1, like=library.like())
    losses, params = reference(cell)
    np.testing.assert_allclose(run.losses, losses, rtol=1e-9)
    assert_trees_close(host(run.model.params), params, 1e-9, 1.0)
    assert len(set(run.losses)) == UPDATES


@pytest.mark.libraries("numpy", "torch")
@pytest.mark.parametrize("cell", ["CWY", "Orthogonal"])
def test_one_seed_gives_one_complex_curve(cell, library):
    optimizer = partition()
    found, expected = (
        train(cell, optimizer, TASK, epochs=1, like=like).losses
        for like in (library.like("complex128"), np.empty(0, "complex128"))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)
