"""The structured unitary map: its factors, its permutation, and what it refuses."""

import json

import numpy as np
import pytest

from stiefelkit.parametrizations import UnitaryFFT
from stiefelkit.rnn import OrthogonalCell
from stiefelkit.rnn._config import from_config, to_config

from .._classes import FAST, NUMPY, adjoint, assert_close, eps, host, orthonormality, peak_memory

COMPLEX = ("complex64", "complex128")
dtypes = pytest.mark.parametrize("dtype", COMPLEX)
sizes = pytest.mark.parametrize("n", [1, 2, 5, 8])


def product(map_, params):
    """Return the matrix as the product of its factors, written out."""
    n, omega, V = map_.n, params["omega"], params["V"]
    F = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) / np.sqrt(n)
    D = [np.diag(np.exp(1j * w)) for w in omega]
    R = [np.eye(n) - 2 * np.outer(v, v.conj()) / np.vdot(v, v) for v in V]
    P = np.eye(n)[list(map_.permutation)]
    return D[2] @ R[1] @ adjoint(F) @ D[1] @ P @ R[0] @ F @ D[0]


@FAST
@sizes
@dtypes
def test_matrix_is_the_product_of_the_factors(n, dtype, library):
    map_ = UnitaryFFT(n, permutation=3)
    params = map_.init(rng=1, like=library.like(dtype))
    Q = host(map_.matrix(params))
    assert_close(Q, product(map_, {k: host(x) for k, x in params.items()}), 50 * eps(dtype))
    assert orthonormality(Q) <= 20 * n**0.5 * eps(dtype)


@NUMPY
def test_parameters_are_seven_for_a_row_and_all_free(library):
    params = UnitaryFFT(6).init(rng=0, like=library.like("complex128"))
    assert {name: x.shape for name, x in params.items()} == {"omega": (3, 6), "V": (2, 6)}
    assert sum(x.size * (2 if np.iscomplexobj(x) else 1) for x in params.values()) == 7 * 6
    assert UnitaryFFT(6).fixed == frozenset()


@NUMPY
def test_start_is_the_published_one(library):
    """Uniform numbers: their bounds, and their variance within five deviations."""
    params = UnitaryFFT(20_000).init(rng=0, like=library.like("complex128"))
    parts = [(params["omega"], np.pi), (params["V"].real, 1.0), (params["V"].imag, 1.0)]
    for x, bound in parts:
        assert np.max(np.abs(x)) <= bound
        assert np.mean(x**2) == pytest.approx(bound**2 / 3, rel=5 * 0.9 / x.size**0.5)


@FAST
@dtypes
def test_no_parameters_for_a_given_matrix(dtype, library):
    Q = library.asarray(np.eye(3), dtype)
    with pytest.raises(ValueError, match=r"7n = 21 do not span the n\^2 = 9 .*such as `CWY`"):
        UnitaryFFT(3).from_matrix(Q)


@FAST
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_real_parameters_are_refused(dtype, library):
    with pytest.raises(TypeError, match=f"complex matrices. Got .*{dtype}; use complex64"):
        UnitaryFFT(3).init(rng=0, like=library.like(dtype))


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (lambda: UnitaryFFT(3, 2), "square matrix. Got n=3 and p=2"),
        (lambda: UnitaryFFT(0), "1 <= p <= n. Got n=0"),
        (lambda: UnitaryFFT(3, free_phases=True), "has free phases anyway"),
        (lambda: UnitaryFFT(3, permutation=(0, 1)), "of 0, ..., 2. Got one of 2 entries"),
        (lambda: UnitaryFFT(3, permutation=(0, 1, 1)), "Got one of 3 entries that is not"),
    ],
)
def test_impossible_maps_are_refused(make, fact):
    with pytest.raises(ValueError, match=fact):
        make()


def test_permutation_is_drawn_by_its_seed_and_kept_by_checkpoints():
    map_ = UnitaryFFT(50, permutation=3)
    assert map_ == UnitaryFFT(50, permutation=3) != UnitaryFFT(50, permutation=4)
    assert sorted(map_.permutation) == list(range(50)) != list(map_.permutation)
    found = from_config(json.loads(json.dumps(to_config(map_))))
    assert found == map_
    assert found.permutation == map_.permutation


@NUMPY
def test_product_forms_no_matrix(library, rng):
    map_ = UnitaryFFT(4096)
    params, X = map_.init(rng=0, like=library.like("complex128")), np.ones((4096, 2), complex)

    def work():
        map_.apply_backward(X, map_.apply_forward(params, X)[1])

    assert peak_memory(work) < 30 * X.nbytes  # the matrix is 2048 times X


@NUMPY
@dtypes
def test_orthogonal_cell_starts_from_its_own_draw(dtype, library):
    cell = OrthogonalCell(2, 5, recurrent=UnitaryFFT(5))
    W = cell.recurrent_forward(cell.init(rng=0, like=library.like(dtype))["recurrent"])[0]
    assert orthonormality(host(W)) <= 20 * 5**0.5 * eps(dtype)
