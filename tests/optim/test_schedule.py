"""Learning rates, by their formulas."""

import numpy as np
import pytest

from stiefelkit.optim import Cosine, ExponentialDecay, PiecewiseConstant

from .._classes import assert_kept


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.5), (1, 1.0), (2, 1.5), (3, 2.0), (4, 2.0), (9, 1.1), (14, 0.2), (15, 0.2), (1000, 0.2)],
)
def test_cosine(step, expected):
    """It rises to the initial rate in four steps and falls for ten."""
    assert Cosine(2.0, steps=14, warmup=4, final=0.2)(step) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("step", "expected"), [(0, 1.0), (1, 0.5), (2, 0.0), (3, 0.0)])
def test_cosine_without_warmup(step, expected):
    assert Cosine(1.0, steps=2)(step) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("step", "expected"), [(0, 0.5), (1, 1.0), (2, 1.0), (3, 0.0), (4, 0.0)])
def test_cosine_of_warmup_alone(step, expected):
    assert Cosine(1.0, steps=2, warmup=2)(step) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("step", "expected"), [(0, 3.0), (1, 3 * 0.5**0.5), (2, 1.5), (6, 0.375)])
def test_exponential_decay(step, expected):
    assert ExponentialDecay(3.0, factor=0.5, every=2)(step) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 1.0), (2, 1.0), (3, 0.1), (4, 0.1), (5, 0.01), (10**6, 0.01)]
)
def test_piecewise_constant(step, expected):
    assert PiecewiseConstant((1.0, 0.1, 0.01), (3, 5))(step) == expected


def test_constant():
    assert PiecewiseConstant((0.3,), ())(7) == 0.3


@pytest.mark.parametrize(
    ("rates", "boundaries"), [((1.0,), (2,)), ((1.0, 0.1), ()), ((), ()), ((1.0, 0.1), (1, 2))]
)
def test_pieces_and_boundaries_are_counted(rates, boundaries):
    message = f"one rate more.*{len(rates)} rates and {len(boundaries)} boundaries"
    with pytest.raises(ValueError, match=message):
        PiecewiseConstant(rates, boundaries)


@pytest.mark.libraries("numpy", "strict", "strict-device1", "torch")
@pytest.mark.parametrize(
    "schedule",
    [
        Cosine(2.0, steps=14, warmup=4, final=0.2),
        Cosine(1.0, steps=2),
        ExponentialDecay(3.0, factor=0.5, every=2),
        PiecewiseConstant((1.0, 0.1, 0.01), (3, 5)),
        PiecewiseConstant((0.3,), ()),
    ],
    ids=str,
)
def test_a_step_that_is_an_array_gives_an_array(schedule, library):
    for step in (0, 1, 3, 4, 5, 9, 14, 30):
        found = schedule(library.asarray(np.asarray(float(step))))
        assert_kept(found, library, "float64")
        assert float(found) == pytest.approx(schedule(step), abs=1e-15)
