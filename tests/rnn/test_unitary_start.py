"""The start of the unitary evolution RNN, and the number of its parameters."""

import numpy as np
import pytest

from stiefelkit._tree import tree_leaves
from stiefelkit.rnn import Adding, Copying, CrossEntropy, LinearReadout, Model, UnitaryCell

from .._classes import REAL, assert_close, assert_kept, eps, host
from ._networks import assert_trees_close


def real_size(tree):
    return sum(x.size * (2 if np.iscomplexobj(x) else 1) for x in tree_leaves(tree))


@pytest.mark.parametrize(
    ("task", "n", "count"),
    [
        ((10, 9, "all"), 128, 6153),  # copying
        ((2, 1, "last"), 512, 8193),  # adding
        ((1, 10, "last"), 512, 16394),  # digits of 28 by 28, pixel by pixel
    ],
    ids=["copying", "adding", "digits"],
)
def test_number_of_parameters_is_the_published_one(task, n, count):
    d, outputs, at = task
    cell = UnitaryCell(d, n)
    like = np.empty(0, "complex64")
    model = Model(cell, LinearReadout(outputs), CrossEntropy(at), rng=0, like=like)
    assert real_size(model.params) == count
    assert real_size(model.params["cell"]["recurrent"]) == 7 * n


def test_sizes_of_the_counts_are_those_of_the_tasks():
    assert (Copying().input_size, Copying().output_size) == (10, 9)
    assert (Adding().input_size, Adding().output_size) == (2, 1)


def starts(initialization, n=4000, d=10):
    cell = UnitaryCell(d, n, initialization)
    return cell.init(rng=0, like=np.empty(0, "complex128"))


BOUNDS = {"published": (6 / 4010) ** 0.5, "released": (6 / 8010) ** 0.5}


@pytest.mark.parametrize("initialization", BOUNDS)
def test_start_is_the_published_one(initialization):
    """Uniform numbers: their bounds, and their mean squares within five deviations."""
    params = starts(initialization)
    uniforms = [
        (params["W_in"], BOUNDS[initialization]),
        (params["h0"], (3 / 8000) ** 0.5),
        (params["recurrent"]["omega"], np.pi),
        (params["recurrent"]["V"], 1.0),
    ]
    for x, bound in uniforms:
        parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
        for part in parts:
            assert np.max(np.abs(part)) <= bound
            assert np.mean(part**2) == pytest.approx(bound**2 / 3, rel=5 * 0.9 / part.size**0.5)


def test_bias_starts_at_zero_or_near():
    assert_close(starts("published")["b"], np.zeros(4000), 0)
    b = starts("released")["b"]
    assert 0.0095 < np.max(np.abs(b)) <= 0.01


def test_expected_squared_norm_of_the_first_state_is_one():
    like = np.empty(0, "complex128")
    cell = UnitaryCell(1, 50)
    found = [np.linalg.norm(cell.init(rng=k, like=like)["h0"]) ** 2 for k in range(400)]
    # The 100 reals give each squared norm a deviation of 0.09.
    assert np.mean(found) == pytest.approx(1, abs=5 * 0.09 / 400**0.5)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_one_seed_gives_one_start_on_every_library(dtype, library):
    cell = UnitaryCell(2, 6)
    params = cell.init(rng=3, like=library.like(dtype))
    assert_kept(params["h0"], library, dtype)
    assert_kept(params["b"], library, REAL[dtype])
    expected = cell.init(rng=3, like=np.empty(0, "complex128"))
    assert_trees_close(params, host(expected), 2, eps(dtype))
