"""What every parametrization promises: frames, inverses, and parameters of one form."""

import numpy as np
import pytest

from stiefelkit.linalg import random_block_rotation
from stiefelkit.parametrizations import CWY, CayleyMap
from stiefelkit.testing import check_sampler

from .._classes import (
    DTYPES,
    FAST,
    NUMPY,
    REAL,
    assert_close,
    assert_kept,
    eps,
    frame,
    host,
    orthonormality,
)
from ._draw import CLASSES, SIZES, draw, lift

every = pytest.mark.parametrize("cls", CLASSES)
sizes = pytest.mark.parametrize(("n", "p"), SIZES)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def permuted(n, p):
    return np.eye(n)[:, np.roll(np.arange(n), 1)][:, :p]


def phases(n, p):
    return np.diag(np.exp(1j * np.arange(1, n + 1)))[:, :p]


def signed_frame(sign, n, p, dtype):
    """Return a random frame, of a determinant of the given sign where it is square."""
    Q = frame(np.random.default_rng(8), (n, p), dtype)
    if n == p and np.real(np.linalg.det(Q)) * sign < 0:
        Q[:, 0] *= -1
    return Q


FRAMES = {
    "identity": lambda n, p: np.eye(n, p),
    "minus identity": lambda n, p: -np.eye(n, p),
    "permutation": permuted,
    "reflection": lambda n, p: np.eye(n, p) - 2 * np.full((n, p), 1 / n),
    "half turn": lambda n, p: np.diag([-1.0, -1.0, *[1.0] * n])[:n, :p],
    "phases": phases,
    "permuted phases": lambda n, p: permuted(n, n) @ phases(n, p),
}


def check_inverse(map_, Q, dtype):
    before = host(Q)
    found = map_.matrix(map_.from_matrix(Q))
    assert_close(host(found), before, 20 * map_.p**0.5 * eps(dtype))
    assert_close(host(Q), before, 0)


@FAST
@every
@sizes
@pytest.mark.parametrize("sign", [1, -1])
@dtypes
def test_inverse_returns_frames_of_both_determinants(cls, n, p, sign, dtype, library):
    check_inverse(cls(n, p), library.asarray(signed_frame(sign, n, p, dtype), dtype), dtype)


@NUMPY
@every
@sizes
@pytest.mark.parametrize(
    ("name", "dtype"),
    # Phases are complex.
    [(f, d) for f in FRAMES for d in DTYPES if "phases" not in f or "complex" in d],
)
def test_inverse_returns_special_frames(cls, n, p, name, dtype, library):
    check_inverse(cls(n, p), library.asarray(FRAMES[name](n, p), dtype), dtype)


@NUMPY
@every
@pytest.mark.parametrize(("n", "p"), [(100, 7), (60, 60)])
@dtypes
def test_columns_of_larger_frames_are_orthonormal(cls, n, p, dtype, library, rng):
    params = lift(draw(cls(n, p), rng, dtype), library, dtype)
    found = orthonormality(host(cls(n, p).matrix(params)))
    assert found <= 20 * p**0.5 * eps(dtype)


@FAST
@every
@sizes
@dtypes
def test_init_and_inverse_give_parameters_of_one_form(cls, n, p, dtype, library, rng):
    drawn = cls(n, p).init(rng=rng, like=library.like(dtype))
    inverted = cls(n, p).from_matrix(cls(n, p).matrix(drawn))
    assert {k: (x.shape, x.dtype) for k, x in drawn.items()} == {
        k: (x.shape, x.dtype) for k, x in inverted.items()
    }
    assert cls(n, p).fixed < drawn.keys()
    for x in (*drawn.values(), *inverted.values()):
        assert_kept(x, library, dtype if x.dtype == getattr(library.xp, dtype) else REAL[dtype])


@every
@pytest.mark.parametrize(("n", "p"), [(5, 2), (4, 4)])
@pytest.mark.parametrize("dtype", ["complex128"])
def test_one_seed_draws_one_frame_on_every_library(cls, n, p, dtype, library):
    found, again, other = (
        cls(n, p).matrix(cls(n, p).init(rng=seed, like=library.like(dtype))) for seed in (3, 3, 4)
    )
    assert_kept(found, library, dtype)
    expected = cls(n, p).matrix(cls(n, p).init(rng=3, like=np.empty(0, dtype)))
    assert_close(host(found), host(expected), 100 * eps(dtype))
    assert_close(host(found), host(again), 0)
    assert np.max(np.abs(host(found) - host(other))) > 0.01


@NUMPY
@every
@pytest.mark.parametrize(("n", "p"), [(3, 3), (4, 2)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_initial_frames_are_uniform(cls, n, p, dtype, library):
    """First, second and fourth moments of the Haar measure, and both determinants."""
    drawn = []

    def sample(n, p, *, rng, like, batch):
        drawn.extend(cls(n, p).matrix(cls(n, p).init(rng=rng, like=like)) for _ in range(batch[0]))
        return np.stack(drawn)

    report = check_sampler(sample, n, p, rng=9, like=library.like(dtype), count=500)
    assert report.ok, report
    Q, count = np.stack(drawn), len(drawn)
    # Of whole matrices, as many turn as reflect; entries of one row are uncorrelated.
    minors = np.linalg.det(Q[:, :p, :])
    assert abs(np.mean(minors)) < 5 / count**0.5
    assert abs(np.mean(Q[:, 0, 0] * np.conj(Q[:, 0, -1]))) < 5 * 0.5 / count**0.5


@FAST
@every
@pytest.mark.parametrize(("n", "p"), [(5, 2), (4, 4)])
@pytest.mark.parametrize("batch", [(2,), (2, 1), (0,)], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_batch_of_frames_is_inverted_one_by_one(cls, n, p, batch, dtype, library, rng):
    Q = library.asarray(frame(rng, (*batch, n, p), dtype), dtype)
    params = cls(n, p).from_matrix(Q)
    assert {x.shape[: len(batch)] for x in params.values()} == {batch}
    assert_close(host(cls(n, p).matrix(params)), host(Q), 20 * p**0.5 * eps(dtype))


@FAST
@every
@pytest.mark.parametrize(("n", "p"), [(2, 3), (3, 0), (0, 0), (3, -1)])
def test_frames_have_at_most_as_many_columns_as_rows(cls, n, p, library):
    with pytest.raises(ValueError, match=rf"`{cls.__name__}`.*1 <= p <= n.*n={n} and p={p}"):
        cls(n, p)


@FAST
@every
@pytest.mark.parametrize("shape", [(4, 2), (5, 3), (2, 5), (5,)], ids=str)
def test_inverse_tells_a_wrong_shape(cls, shape, library):
    message = rf"`{cls.__name__}.from_matrix`.*\(\.\.\., 5, 2\).*Got \({shape[0]},"
    with pytest.raises(ValueError, match=message):
        cls(5, 2).from_matrix(library.asarray(np.ones(shape)))


@every
def test_square_by_default(cls):
    assert cls(4) == cls(4, 4)
    assert hash(cls(4)) == hash(cls(4, 4))


def determinant(map_, params):
    return np.linalg.det(map_.matrix(params))


@NUMPY
@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_determinant_of_k_reflections(k, dtype, library, rng):
    map_ = CWY(4, k=k)
    params = draw(map_, rng, dtype)
    sign = (-1) ** k * np.prod(params["d"])
    assert determinant(map_, params) == pytest.approx(sign, abs=1e-14)
    flipped = {**params, "d": params["d"] * np.asarray([-1, 1, 1, 1])}
    assert determinant(map_, flipped) == pytest.approx(-sign, abs=1e-14)


@NUMPY
@pytest.mark.parametrize("n", [1, 4, 5])
@pytest.mark.parametrize("negative", [0, 1, 3])
def test_scaled_cayley_transform_starts_with_the_signs_of_its_matrix(n, negative, library, rng):
    """Turns by less than a right angle are Cayley transforms of blocks with entries tan(t/2)."""
    d = np.where(np.arange(n) >= n - negative, -1.0, 1.0)
    W = random_block_rotation(n, rng=rng, like=np.empty(0), angle=np.pi / 2)
    params = CayleyMap(n).from_matrix(W * d)
    assert_close(params["d"], d, 0)
    # cayley(A) of A = 2 tan(t/2) turns by t.
    t = np.arctan2(np.diag(W, 1), np.diag(W)[:-1])
    assert_close(np.diag(params["A"], 1), 2 * np.tan(t / 2), 1e-14)


def test_classes_are_found():
    assert len(CLASSES) >= 6
