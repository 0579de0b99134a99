"""Compiled kernels on tensors on a CPU, against the references."""

import stiefelkit

from ._common import paired_ratio
from .torch_front import _torch

OPS = ("solve", "cayley", "cayley vjp", "cayley_rotate", "cayley_rotate vjp")


class Sweeps:
    """100 updates of coordinate descent along a frozen gradient, on tensors on a CPU."""

    params = ("uniform", "Gauss-Southwell")
    param_names = ("rule",)
    rounds, repeat, timeout = 1, (3, 20, 2.0), 180

    def setup(self, rule):
        torch = _torch("cpu")
        from stiefelkit import optim

        n, count = 256, 100
        W, G = torch.linalg.qr(torch.randn(n, n))[0], torch.randn(n, n)
        greedy, pairs = rule == "Gauss-Southwell", optim.coordinate_pairs(n, count, rng=0)
        sweep = optim.gauss_southwell_sweep if greedy else optim.coordinate_descent_sweep
        self.call = lambda: sweep(W, G, count if greedy else pairs, learning_rate=1e-3)
        self.call()

    def reference(self):
        with stiefelkit.use_kernels(False):
            self.call()

    def time_sweep(self, rule):
        self.call()

    def track_ratio_of_references(self, rule):
        """Return how many times longer it takes without kernels."""
        return paired_ratio(self.reference, self.call)

    track_ratio_of_references.unit = "times"


class SmallBatches:
    """Steps with 10 000 square matrices on a CPU, against those without kernels."""

    params = (("retraction", "update by SGD", "weight by cayley", *OPS), (3, 16))
    param_names = ("what", "n")
    rounds, repeat, timeout = 1, (3, 20, 2.0), 180

    def setup(self, what, n):
        _torch("cpu")
        from ._torch_steps import points, update_step, weight_step

        count = 10_000
        self.call = {
            "retraction": lambda: self.retraction(*points((count, n, n))),
            "update by SGD": lambda: update_step((count, n, n)),
            "weight by cayley": lambda: weight_step((count, n, n), "stiefelkit", "cayley"),
        }.get(what, lambda: self.op(what, *points((count, n, n))))()
        self.call()

    def retraction(self, Q, Z, G):
        from stiefelkit.manifolds import Stiefel

        return lambda: Stiefel().retract(Q, Z)

    def op(self, what, Q, Z, G):
        """Return a call of an op, or of its forward and backward."""
        name, *gradient = what.split()
        op, A = getattr(stiefelkit.linalg, name), Q.mT @ Z
        args = {"solve": (Q, G), "cayley": (A,), "cayley_rotate": (Q, A)}[name]
        if gradient:
            return lambda: op.backward(G, op.forward(*args)[1])
        return lambda: op(*args)

    def reference(self):
        with stiefelkit.use_kernels(False):
            self.call()

    def time_step(self, what, n):
        self.call()

    def track_ratio_of_references(self, what, n):
        """Return how many times longer it takes without kernels."""
        return paired_ratio(self.reference, self.call)

    track_ratio_of_references.unit = "times"
