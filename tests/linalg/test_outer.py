"""A gradient as factors is the matrix that they multiply to."""

import numpy as np
import pytest

from stiefelkit import linalg
from stiefelkit._xp import to_host

from .._arguments import draw_like

EPS = np.finfo(np.float64).eps


@pytest.fixture(params=["real", "complex"])
def outer(request, library, rng):
    factors = [draw_like(rng, (7, n), request.param == "complex") for n in (4, 5)]
    dense = sum(np.outer(x, np.conj(y)) for x, y in zip(*factors, strict=True))
    return linalg.OuterProduct(*map(library.asarray, factors)), dense


def test_dense(outer):
    np.testing.assert_allclose(to_host(outer[0].dense()), outer[1], atol=50 * EPS)


def test_shape(outer):
    assert outer[0].shape == (4, 5)


@pytest.mark.parametrize("j", [0, 4])
def test_column(j, outer):
    np.testing.assert_allclose(to_host(outer[0].column(j)), outer[1][:, j], atol=50 * EPS)


@pytest.mark.parametrize("js", [[3], [4, 0], [1, 1, 2]])
def test_columns(js, outer):
    np.testing.assert_allclose(to_host(outer[0].columns(js)), outer[1][:, js], atol=50 * EPS)
