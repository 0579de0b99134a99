"""Headlines paired with what users would take instead, and with the bound: ours over theirs.

Calls are made in turn in one process, so that a busy machine changes both. A peer that is not
installed, or takes minutes, shows as `n/a`. `compare_torch.py` prints more of the same.
"""

import importlib
import importlib.util

import numpy as np

from ._common import paired_ratio
from .solvers import TOLERANCE, _Problem

MAPS = ("torch householder", "torch matrix_exp", "torch cayley", "geotorch")
SQUARE = ("512", "1024")
GEOOPT = ("EuclideanStiefel", "CanonicalStiefel")


def package(name):
    """Import a package, or skip the benchmark."""
    if importlib.util.find_spec(name) is None:
        raise NotImplementedError(f"{name} is not installed")
    return importlib.import_module(name)


def steps():
    """Import the steps on PyTorch, or skip the benchmark."""
    package("torch").manual_seed(0)
    return importlib.import_module("._torch_steps", __package__)


class _Pair:
    unit, timeout, seconds = "times", 300, 2.0

    def track_ratio(self, *params):
        return paired_ratio(self.ours, self.peer, self.seconds)

    track_ratio.unit = "times"


def split(peer):
    """Return the library of a peer, which has to be there, and the name of its map."""
    library, _, name = peer.partition(" ")
    package(library)
    return library, name or None


class Weights(_Pair):
    """`stiefelkit_torch.orthogonal`, forward and backward, in float32."""

    params = (("2048x32", "4096x64", *SQUARE), ("bound", *MAPS, "torch_householder"))
    param_names = ("size", "peer")

    def setup(self, size, peer):
        n, p = (int(s) for s in (size.split("x") * 2)[:2])
        # An exponential of 2048 rows takes 13 s, one of 4096 minutes.
        if p < n and (peer == "torch matrix_exp" or (peer == "geotorch" and n > 2048)):
            raise NotImplementedError(f"{peer} takes minutes")
        make = steps()
        self.ours = make.weight_step((n, p), "stiefelkit")
        if peer == "bound":
            self.peer = make.products(4 if p < n else 7, (n, p), (p, p))
        elif peer == "torch_householder":
            self.peer = make.orgqr_step(n, p, package(peer).torch_householder_orgqr)
        else:
            self.peer = make.weight_step((n, p), *split(peer))


class SmallWeights(_Pair):
    """The same of 10 000 matrices by our map that is the fastest there."""

    params = ((3, 16), ("bound", *MAPS, "geotorch cayley"))
    param_names = ("n", "peer")

    def setup(self, n, peer):
        make, shape = steps(), (10_000, n, n)
        self.ours = make.weight_step(shape, "stiefelkit", "cayley" if n < 8 else "cwy")
        if peer == "bound":
            self.peer = make.products(7, shape, shape)
        else:
            self.peer = make.weight_step(shape, *split(peer))


class SmallRetractions(_Pair):
    """A step along tangent vectors at 10 000 frames, by the like retraction of geoopt.

    The bound is four products, of frames with square matrices of as many columns.
    """

    params = (("3x3", "16x16", "8x4"), ("bound", *GEOOPT))
    param_names = ("size", "peer")

    def setup(self, size, peer):
        from stiefelkit.retractions import CayleyRetraction, QRRetraction

        make, (n, p) = steps(), (int(s) for s in size.split("x"))
        Q, Z, _ = make.points((10_000, n, p))
        retraction = QRRetraction() if peer == "EuclideanStiefel" else CayleyRetraction()
        self.ours = lambda: retraction.retract(Q, Z)
        if peer == "bound":
            self.peer = make.products(4, (10_000, n, p), (10_000, p, p))
        else:
            package("geoopt")
            self.peer = make.geoopt_retraction((10_000, n, p), peer)


class SmallUpdates(_Pair):
    """An update by SGD of 10 000 matrices in PyTorch, by geoopt's."""

    params = (("3x3", "16x16", "8x4"), GEOOPT)
    param_names = ("size", "peer")

    def setup(self, size, peer):
        package("geoopt")
        make, shape = steps(), (10_000, *(int(s) for s in size.split("x")))
        self.ours, self.peer = make.update_step(shape), make.update_step(shape, peer)


class Networks(_Pair):
    """A step of a recurrent network, loss at the last step and gradient."""

    params = (("T200 B64 n128", "T200 B64 n512", "T100 B64 n1024"), ("bound", "torch RNN", *MAPS))
    param_names = ("shape", "peer")
    seconds = 5.0

    def setup(self, shape, peer):
        sizes, make = [int(word[1:]) for word in shape.split()], steps()
        self.ours = make.rnn_step(*sizes, "stiefelkit")
        if peer == "bound":
            self.peer = make.rnn_bound(*sizes)
        elif peer == "torch RNN":
            self.peer = make.rnn_step(*sizes, "torch", "unconstrained")
        else:
            self.peer = make.rnn_step(*sizes, *split(peer))


class Minimize(_Problem, _Pair):
    """`minimize` to a gradient of 1e-5 on NumPy, which both reach."""

    params = (("brockett", "procrustes"), ("ConjugateGradient", "TrustRegions"))
    param_names = ("problem", "peer")

    def setup(self, problem, peer):
        self.pymanopt = package("pymanopt")
        optimizers = package("pymanopt.optimizers")
        self.draw(problem)
        limits = {"max_time": 60.0, "max_iterations": 10**6, "min_gradient_norm": TOLERANCE}
        optimizer = getattr(optimizers, peer)(verbosity=0, min_step_size=0.0, **limits)
        self.ours = lambda: self.run("multisecant", TOLERANCE)
        self.peer = lambda: optimizer.run(self.peer_problem(), initial_point=self.start)
        reached = self.peer().gradient_norm
        if not reached <= 1.01 * TOLERANCE:
            raise NotImplementedError(f"{peer} stops at a gradient of {reached:.1e}")

    def peer_problem(self):
        manifold, problem = self.pymanopt.manifolds.Stiefel(*self.start.shape), self.problem
        on = self.pymanopt.function.numpy(manifold)
        return self.pymanopt.Problem(
            manifold,
            on(lambda X: float(problem.fun(X)[0])),
            euclidean_gradient=on(lambda X: np.asarray(problem.fun(X)[1])),
            euclidean_hessian=on(lambda X, Z: np.asarray(problem.hessp(X, Z))),
        )
