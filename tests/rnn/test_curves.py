"""One seed, one curve, on every library."""

import functools

import numpy as np
import pytest

from stiefelkit import optim
from stiefelkit.manifolds import Orthogonal
from stiefelkit.parametrizations import CWY
from stiefelkit.rnn import Adding, LSTMCell, OrthogonalCell, UnitaryCell

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


# What the papers train, and on what dtype.
OTHERS = {
    "few reflections": (OrthogonalCell(2, 16, recurrent=CWY(16, k=2)), "float64"),
    "uRNN": (UnitaryCell(2, 4), "complex128"),
    "LSTM": (LSTMCell(2, 4), "float64"),
}


@pytest.mark.libraries("numpy", "torch", "jax")
@pytest.mark.parametrize("name", OTHERS)
def test_every_cell_of_the_papers_has_one_curve(name, library):
    cell, dtype = OTHERS[name]
    found, expected = (
        train(cell, partition(), TASK, epochs=1, like=like).losses
        for like in (library.like(dtype), np.empty(0, dtype))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# Those that take the largest entry are compared after one update: ties are broken by rounding.
RULES = {
    "Uniform": (optim.Uniform(), UPDATES),
    "Cyclic": (optim.Cyclic(), UPDATES),
    "Matching": (optim.Matching(), UPDATES),
    "GaussSouthwell": (optim.GaussSouthwell(), 1),
    "SampledGaussSouthwell": (optim.SampledGaussSouthwell(), 1),
    "BlockGaussSouthwell": (optim.BlockGaussSouthwell(3), 1),
    "GreedyMatching": (optim.GreedyMatching(), 1),
}


@pytest.mark.libraries("numpy", "torch", "jax")
@pytest.mark.parametrize("name", RULES)
def test_every_rule_of_coordinates_has_one_curve(name, library):
    rule, updates = RULES[name]
    cell = OrthogonalCell(2, 6, recurrent=Orthogonal())
    task = Adding(3, batch_size=64, updates_per_epoch=updates)
    optimizer = optim.CoordinateDescent(0.1, rule)
    found, expected = (
        train(cell, optimizer, task, epochs=1, like=like) for like in (library.like(), np.empty(0))
    )
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-9)
    assert_trees_close(host(found.model.params), host(expected.model.params), 1e-9, 1.0)
    start = train(cell, optimizer, task, epochs=0).model.params["cell"]["recurrent"]
    assert np.any(host(found.model.params)["cell"]["recurrent"] != start)
