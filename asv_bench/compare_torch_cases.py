"""The cases of `compare_torch.py`: ours, peers and bounds, each a call that repeats its work."""

from functools import partial

from benchmarks._torch_steps import geoopt_retraction, points, update_step
from compare_torch_rnn import rnn
from compare_torch_weights import Case, batch, frame, registration, single, square

from stiefelkit.manifolds import Stiefel
from stiefelkit.retractions import (
    CayleyRetraction,
    ExponentialRetraction,
    PolarRetraction,
    QRRetraction,
)

GEOOPT = ("EuclideanStiefel", "CanonicalStiefel")


def retractions(n, count=10_000):
    """A step along tangent vectors at many small matrices."""
    shape = (count, n, n)

    def ours(kind):
        Q, Z, _ = points(shape)
        return partial(Stiefel(retraction=kind()).retract, Q, Z)

    kinds = (CayleyRetraction, QRRetraction, PolarRetraction, ExponentialRetraction)
    return Case(
        f"Retraction of {count} matrices {n}×{n}",
        {
            **{f"stiefelkit {kind.__name__}": partial(ours, kind) for kind in kinds},
            **{f"geoopt {name}": partial(geoopt_retraction, shape, name) for name in GEOOPT},
        },
        [(1, *[f"geoopt {name}" for name in GEOOPT])],
    )


def updates(n, count=10_000):
    """A step of gradient descent on many small matrices, with all that an optimizer does."""
    made = partial(partial, update_step, (count, n, n))
    peers = {f"geoopt {name}": made(name) for name in GEOOPT}
    title = f"Update by SGD of {count} matrices {n}×{n}"
    return Case(title, {"stiefelkit": made()} | peers, [(1, *peers)])


CASES = {
    "frame-2048x32": partial(frame, 2048, 32, 200, 1000),
    "frame-4096x64": partial(frame, 4096, 64, 1000, 1000),
    "square-512": partial(square, 512),
    "square-1024": partial(square, 1024),
    "single-8": partial(single, 8, 4),
    "single-64": partial(single, 64, 64),
    "registration-64": partial(registration, 64, 64),
    "registration-512": partial(registration, 512, 512),
    "registration-4096x64": partial(registration, 4096, 64),
    "batch-3": partial(batch, 3),
    "batch-16": partial(batch, 16),
    "retraction-3": partial(retractions, 3),
    "retraction-16": partial(retractions, 16),
    "update-one": partial(updates, 8, count=1),
    "update-3": partial(updates, 3),
    "update-16": partial(updates, 16),
    "rnn-128": partial(rnn, 200, 64, 128),
    "rnn-512": partial(rnn, 200, 64, 512),
    "rnn-1024": partial(rnn, 100, 64, 1024),
}
