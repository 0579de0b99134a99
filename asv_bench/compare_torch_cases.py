"""The cases of `compare_torch.py`: ours, peers and bounds, each a call that repeats its work."""

from functools import partial

import stiefelkit_torch
import torch
from benchmarks._torch_steps import points
from compare_torch_rnn import rnn
from compare_torch_weights import Case, batch, frame, square

from stiefelkit.manifolds import Stiefel
from stiefelkit.retractions import (
    CayleyRetraction,
    ExponentialRetraction,
    PolarRetraction,
    QRRetraction,
)


def retractions(n, count=10_000):
    """A step along tangent vectors at many small matrices."""

    def ours(kind):
        Q, Z, _ = points(n, count)
        return partial(Stiefel(retraction=kind()).retract, Q, Z)

    def geoopt_retraction(name):
        import geoopt

        Q, Z, _ = points(n, count)
        return partial(getattr(geoopt, name)().retr, Q, Z)

    kinds = (CayleyRetraction, QRRetraction, PolarRetraction, ExponentialRetraction)
    peers = ("EuclideanStiefel", "CanonicalStiefel")
    return Case(
        f"Retraction of {count} matrices {n}×{n}",
        {
            **{f"stiefelkit {kind.__name__}": partial(ours, kind) for kind in kinds},
            **{f"geoopt {name}": partial(geoopt_retraction, name) for name in peers},
        },
        [(1, *[f"geoopt {name}" for name in peers])],
    )


def updates(n, count=10_000):
    """A step of gradient descent on many small matrices, with all that an optimizer does."""

    def ours():
        Q, _, G = points(n, count)
        parameter = torch.nn.Parameter(Q)
        parameter.grad = G
        group = {"params": [parameter], "manifold": Stiefel()}
        return stiefelkit_torch.optim.SGD([group], lr=1e-3).step

    def geoopt_update(name):
        import geoopt

        Q, _, G = points(n, count)
        parameter = geoopt.ManifoldParameter(Q, manifold=getattr(geoopt, name)())
        parameter.grad = G
        return geoopt.optim.RiemannianSGD([parameter], lr=1e-3).step

    peers = ("EuclideanStiefel", "CanonicalStiefel")
    calls = {f"geoopt {name}": partial(geoopt_update, name) for name in peers}
    title = f"Update by SGD of {count} matrices {n}×{n}"
    return Case(title, {"stiefelkit": ours} | calls, [(1, *calls)])


CASES = {
    "frame-2048x32": partial(frame, 2048, 32, 200, 1000),
    "frame-4096x64": partial(frame, 4096, 64, 1000, 1000),
    "square-512": partial(square, 512),
    "square-1024": partial(square, 1024),
    "batch-3": partial(batch, 3),
    "batch-16": partial(batch, 16),
    "retraction-3": partial(retractions, 3),
    "retraction-16": partial(retractions, 16),
    "update-3": partial(updates, 3),
    "update-16": partial(updates, 16),
    "rnn-128": partial(rnn, 200, 64, 128),
    "rnn-512": partial(rnn, 200, 64, 512),
    "rnn-1024": partial(rnn, 100, 64, 1024),
}
