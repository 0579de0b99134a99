"""What retractions refuse, and steps of any length."""

import numpy as np
import pytest

from stiefelkit.manifolds import EuclideanMetric
from stiefelkit.retractions import (
    CayleyRetraction,
    ExponentialRetraction,
    PolarRetraction,
    QRRetraction,
)

from .._classes import DTYPES, FAST, assert_close, eps, frame, host, named, normal, orthonormality
from .test_retractions import RETRACTIONS, draw

MAPS = [
    *(QRRetraction(), QRRetraction("cholesky"), PolarRetraction(), CayleyRetraction()),
    *(ExponentialRetraction(), ExponentialRetraction("canonical")),
]


@pytest.mark.parametrize(
    ("retraction", "name", "value"),
    [
        (ExponentialRetraction, "metric", "Euclidean"),
        (ExponentialRetraction, "metric", EuclideanMetric()),
        (QRRetraction, "method", "polar"),
        (PolarRetraction, "method", "qr"),
        (PolarRetraction, "method", np.zeros(2)),
    ],
    ids=str,
)
def test_unknown_options_are_refused(retraction, name, value):
    match = rf"`{retraction.__name__}` takes `{name}` '\w+' or '\w+'. Got"
    with pytest.raises(ValueError, match=match):
        retraction(value)
    with pytest.raises(ValueError, match=match):
        retraction(**{name: value})


@FAST
@pytest.mark.parametrize("kind", ["one column", "normal"])
@pytest.mark.parametrize("length", [10.0, 1e3, 1e6])
@pytest.mark.parametrize("dtype", DTYPES)
def test_newton_schulz_takes_long_steps(kind, length, dtype, library, rng):
    q, z = draw(rng, (7, 3), dtype, kind)
    Q, Z = library.asarray(q, dtype), library.asarray(length * z, dtype)
    found = host(PolarRetraction("newton_schulz").retract(Q, Z))
    assert orthonormality(found) <= 20 * 3**0.5 * eps(dtype)
    # A column of length 1 beside one of `length` is known to eps times their ratio.
    assert_close(found, host(PolarRetraction().retract(Q, Z)), 20 * length * eps(dtype))


def test_newton_schulz_takes_16_bit_floats(rng):
    torch = pytest.importorskip("torch")
    Q, Z = (torch.asarray(x).to(torch.bfloat16) for x in draw(rng, (7, 3), "float64"))
    found, expected = (PolarRetraction(m).retract(Q, Z) for m in ("newton_schulz", "polar"))
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected)


@FAST
@pytest.mark.parametrize("retraction", named(MAPS))
def test_leading_axes_of_differentials_broadcast(retraction, library, rng):
    Q, (Z, X) = frame(rng, (5, 2), "float64"), 0.3 * normal(rng, (2, 3, 5, 2), "float64")
    Z, X = (S - Q @ (Q.T @ S + np.swapaxes(S, -1, -2) @ Q) / 2 for S in (Z, X))
    for step, tangent in ((Z, X[0]), (Z[0], X), (Z[:, None], X)):
        arrays = (library.asarray(x) for x in (Q, step, tangent))
        alike = np.broadcast_arrays(Q, step, tangent)
        expected = retraction.differential(*map(np.ascontiguousarray, alike))
        assert_close(host(retraction.differential(*arrays)), expected, 1e-13)


@pytest.mark.parametrize("retraction", named(RETRACTIONS))
def test_other_libraries_are_refused(retraction):
    torch = pytest.importorskip("torch")
    Q, Z = np.eye(3), torch.zeros(3, 3, dtype=torch.float64)
    with pytest.raises(TypeError, match="of one array library"):
        retraction.retract(Q, Z)
    with pytest.raises(TypeError, match="of one array library"):
        retraction.differential(Q, Q, Z)
    with pytest.raises(ValueError, match="Got p=3 from `Q` and p=2 from `X`"):
        retraction.differential(Q, Q, Q[:, :2])
