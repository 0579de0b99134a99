"""The PyTorch front: recurrent layers against PyTorch's own, and batches of small matrices."""

import importlib.util

import numpy as np

import stiefelkit

from ._common import paired_ratio

SHAPES = ("T200 B64 n128", "T200 B64 n512", "T100 B64 n1024")
DEVICES = ("cpu", "cuda")


def _torch(device):
    if importlib.util.find_spec("torch") is None:
        raise NotImplementedError("torch is not installed")
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise NotImplementedError("torch finds no device")
    return torch


class OrthogonalRNN:
    """Loss at the last step, gradient and an update by SGD: tanh, 10 inputs, 10 classes."""

    params = (DEVICES, SHAPES)
    param_names = ("device", "shape")
    rounds, repeat, timeout = 1, (3, 20, 3.0), 300

    def setup(self, device, shape):
        from stiefelkit_torch.nn import OrthogonalRNN

        torch = self.torch = _torch(device)
        self.device = device
        T, B, self.n = [int(word[1:]) for word in shape.split()]
        rng = np.random.default_rng(0)
        inputs = rng.standard_normal((T, B, 10)).astype(np.float32)
        self.X = torch.asarray(inputs, device=device)
        self.targets = torch.asarray(rng.integers(0, 10, B), device=device)
        self.call = self.step_of(OrthogonalRNN(10, self.n, rng=0, device=device))
        self.call()

    def step_of(self, rnn, *others):
        """Return a call of a step of training of a layer, and of modules that it reads."""
        torch = self.torch
        readout = torch.nn.Linear(self.n, 10, device=self.device)
        modules = torch.nn.ModuleList([rnn, readout, *others])
        rule = torch.optim.SGD(modules.parameters(), lr=1e-3)

        def call():
            rule.zero_grad()
            loss = torch.nn.functional.cross_entropy(readout(rnn(self.X)[0][-1]), self.targets)
            loss.backward()
            rule.step()
            if self.device == "cuda":
                torch.cuda.synchronize()

        return call

    def time_step(self, device, shape):
        self.call()

    def peakmem_step(self, device, shape):
        self.call()

    def track_ratio_to_unconstrained(self, device, shape):
        peer = self.torch.nn.RNN(10, self.n, device=device)
        return paired_ratio(self.call, self.step_of(peer), seconds=4.0)

    def track_ratio_to_torch_orthogonal(self, device, shape):
        return paired_ratio(self.call, self.step_of(self.constrained()), seconds=4.0)

    def constrained(self):
        """Return `torch.nn.RNN` with a matrix by PyTorch's `orthogonal`, formed once in a call."""
        utils, rnn = self.torch.nn.utils, self.torch.nn.RNN(10, self.n, device=self.device)
        utils.parametrizations.orthogonal(rnn, "weight_hh_l0", "householder")
        forward = rnn.forward

        def cached(X):
            with utils.parametrize.cached():
                return forward(X)

        rnn.forward = cached
        return rnn

    track_ratio_to_unconstrained.unit = track_ratio_to_torch_orthogonal.unit = "times"


class ShortSequences(OrthogonalRNN):
    """The same on few steps, where the map and the calls of PyTorch count."""

    params = (DEVICES, ("T10 B64 n32", "T10 B64 n256"))


class SmallBatches:
    """Steps with 10 000 square matrices on a CPU, against those without kernels."""

    params = (("retraction", "update by SGD", "weight by cayley", "solve"), (3, 16))
    param_names = ("what", "n")
    rounds, repeat, timeout = 1, (3, 20, 2.0), 180

    def setup(self, what, n):
        _torch("cpu")
        from ._torch_steps import points, weight_step

        count = 10_000
        self.call = {
            "retraction": lambda: self.retraction(*points(n, count)),
            "update by SGD": lambda: self.update(*points(n, count)),
            "weight by cayley": lambda: weight_step((count, n, n), "stiefelkit", "cayley"),
            "solve": lambda: self.system(*points(n, count)),
        }[what]()
        self.call()

    def retraction(self, Q, Z, G):
        from stiefelkit.manifolds import Stiefel

        return lambda: Stiefel().retract(Q, Z)

    def update(self, Q, Z, G):
        import torch
        from stiefelkit_torch.optim import SGD

        from stiefelkit.manifolds import Stiefel

        parameter = torch.nn.Parameter(Q)
        parameter.grad = G
        return SGD([parameter], lr=1e-3, manifold=Stiefel()).step

    def system(self, Q, Z, G):
        return lambda: stiefelkit.linalg.solve(Q, G)

    def reference(self):
        with stiefelkit.use_kernels(False):
            self.call()

    def time_step(self, what, n):
        self.call()

    def track_ratio_of_references(self, what, n):
        """Return how many times longer it takes without kernels."""
        return paired_ratio(self.reference, self.call)

    track_ratio_of_references.unit = "times"
