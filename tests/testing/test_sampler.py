"""The check of samplers: ours pass, and distributions that are not uniform do not."""

import pytest

from stiefelkit._xp import array_namespace, from_host, generator, standard_normal, to_host
from stiefelkit.linalg import expm_skew, orthonormalize, random_frame, skew
from stiefelkit.manifolds import Orthogonal, Stiefel
from stiefelkit.testing import check_sampler

from .._classes import DTYPES, FAST, NUMPY
from ._manifolds import failures

dtypes = pytest.mark.parametrize("dtype", DTYPES)


def signed_by_lapack(*shape, rng, like, batch):
    """The Q of a QR factorization as the library returns it."""
    X = standard_normal((*batch, *shape), rng, like)
    return array_namespace(X).linalg.qr(X, mode="reduced")[0]


def near_the_identity(*shape, rng, like, batch):
    return expm_skew(0.5 * skew(standard_normal((*batch, *shape), rng, like)))


def of_uniform_entries(*shape, rng, like, batch):
    """Frames of entries that are not normal: the first column is no uniform direction."""
    X = generator(rng).uniform(-1, 1, (*batch, *shape)) ** 3
    return orthonormalize(from_host(X, like))


def with_one_sign(*shape, rng, like, batch):
    """Uniform but for one sign for all columns of a frame."""
    Q = to_host(random_frame(*shape, rng=rng, like=like, batch=batch))
    Q = Q * abs(Q[..., :1, :1]) / Q[..., :1, :1]
    return from_host(Q, like)


def of_half_the_length(*shape, rng, like, batch):
    return 0.5 * random_frame(*shape, rng=rng, like=like, batch=batch)


def as_permutations(*shape, rng, like, batch):
    """Uniform signed permutations: mean and second moment are those of uniform frames."""
    n = shape[0]
    rng = generator(rng)
    order = rng.permuted(rng.permuted([[*range(n)]] * batch[0], axis=1), axis=1)
    P = 1.0 * (order[..., :, None] == [*range(n)])
    return from_host(P * rng.choice([-1.0, 1.0], (*batch, n, 1)), like)


SAMPLERS = {
    signed_by_lapack: "mean",
    near_the_identity: "mean",
    of_uniform_entries: "fourth moment",
    with_one_sign: "mean",
    of_half_the_length: "second moment",
    as_permutations: "fourth moment",
}


@FAST
@dtypes
@pytest.mark.parametrize("sample", SAMPLERS, ids=lambda f: f.__name__)
def test_other_distributions_are_caught(sample, dtype, library):
    report = check_sampler(sample, 3, 3, rng=0, like=library.like(dtype), count=4000)
    assert SAMPLERS[sample] in failures(report)


@FAST
@dtypes
@pytest.mark.parametrize(("n", "p"), [(1, 1), (3, 3), (4, 2)])
def test_uniform_frames_pass(n, p, dtype, library):
    report = check_sampler(Stiefel(), n, p, rng=0, like=library.like(dtype), count=4000)
    assert report.ok, report
    assert report == check_sampler(random_frame, n, p, rng=0, like=library.like(dtype), count=4000)
    assert len(report) == 9


@NUMPY
def test_columns_that_are_equal_are_caught(library):
    """Each entry alone has its moments."""

    def sample(*shape, rng, like, batch):
        q = random_frame(shape[0], 1, rng=rng, like=like, batch=batch)
        return array_namespace(q).concat([q] * shape[1], axis=-1)

    found = failures(check_sampler(sample, 3, 2, rng=0, like=library.like(), count=4000))
    assert found == {"second moment, from right", "fourth moment, from right"}


@NUMPY
def test_square_frames(library):
    assert check_sampler(Orthogonal(), 3, 3, rng=0, like=library.like(), count=20000).ok
