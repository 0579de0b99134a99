"""The PyTorch front: layers and optimizers, against PyTorch's own."""

import importlib.util

import numpy as np

from ._common import paired_ratio
from .optim import FOUND, MADE_OF

SHAPES = ("T200 B64 n128", "T200 B64 n512", "T100 B64 n1024")
DEVICES = ("cpu", "cuda")
# Their sizes, and the shape of what they take.
LAYERS = {
    "OrthogonalLinear": ((256, 256), (64, 256)),
    "OrthogonalLinear, small": ((16, 16), (8, 16)),
    "NonExplodingConv2d": ((16, 3), (64, 16, 16, 16)),
    "UnitaryRNN": ((10, 64), (20, 64, 10)),
    "OrthogonalRNN": ((10, 64), (20, 64, 10)),
}
OPTIMIZERS = [name for name in FOUND if name not in MADE_OF]


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
            loss = torch.nn.functional.cross_entropy(readout(rnn(self.X)[1][-1]), self.targets)
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


class Layers:
    """A layer of each kind, forward and backward, of 64 samples."""

    params = (DEVICES, list(LAYERS))
    param_names = ("device", "layer")
    rounds, repeat = 1, (3, 20, 1.0)

    def setup(self, device, name):
        torch = self.torch = _torch(device)
        from stiefelkit_torch import nn

        sizes, shape = LAYERS[name]
        layer = getattr(nn, name.partition(",")[0])(*sizes, rng=0).to(device)
        self.device = device
        X = torch.randn(shape, device=device, requires_grad=True)
        leaves = [X, *layer.parameters()]

        def call():
            Y = layer(X)
            return torch.autograd.grad((Y if torch.is_tensor(Y) else Y[0]).abs().sum(), leaves)

        self.call = call
        self.call()

    def time_layer(self, device, name):
        self.call()
        if self.device == "cuda":
            self.torch.cuda.synchronize()


class Optimizers:
    """A step of every optimizer of `stiefelkit_torch.optim` on an orthogonal matrix."""

    params = (DEVICES, OPTIMIZERS)
    param_names = ("device", "optimizer")
    rounds, repeat = 1, (3, 20, 1.0)

    def setup(self, device, name):
        torch = self.torch = _torch(device)
        from stiefelkit_torch import optim

        from stiefelkit.manifolds import Orthogonal

        Q, G = torch.linalg.qr(torch.randn(128, 128, device=device))[0], torch.randn(128, 128)
        parameter, self.device = torch.nn.Parameter(Q), device
        parameter.grad = G.to(device)
        self.step = getattr(optim, name)([parameter], lr=1e-3, manifold=Orthogonal()).step
        self.step()

    def time_step(self, device, name):
        self.step()
        if self.device == "cuda":
            self.torch.cuda.synchronize()


class Registration:
    """An orthogonal weight made of a plain one, by every map, and by PyTorch's own."""

    MAPS = ("householder", "tcwy", "givens", "matrix_exp", "cayley")
    params = (("64x64", "512x512", "4096x64"), MAPS)
    param_names = ("shape", "map")
    rounds, repeat, number, timeout = 1, (3, 10, 2.0), 1, 180

    def setup(self, shape, name):
        torch = _torch("cpu")
        from stiefelkit_torch import orthogonal

        self.shape = tuple(map(int, shape.split("x")))[::-1]
        self.call = lambda: orthogonal(torch.nn.Linear(*self.shape), orthogonal_map=name)
        self.call()

    def peer(self):
        import torch

        torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(*self.shape))

    def time_register(self, shape, name):
        self.call()

    def track_ratio_of_torch(self, shape, name):
        """Return how many times longer PyTorch takes."""
        return paired_ratio(self.peer, self.call)

    track_ratio_of_torch.unit = "times"
