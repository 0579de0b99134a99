"""Steps of training on PyTorch, by ours and by what users would take instead."""

import stiefelkit_torch
import torch
from torch.nn.utils import parametrizations, parametrize

from stiefelkit.manifolds import Stiefel


def weight_step(shape, library, name=None):
    """Return a call that forms an orthogonal weight and takes a cotangent back to its leaves."""
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.linalg.qr(torch.randn(shape))[0])
    register(module, library, name)
    leaves, G = list(module.parameters()), torch.randn(shape)
    leave_start(leaves)
    return lambda: torch.autograd.grad(module.weight, leaves, G)


@torch.no_grad()
def leave_start(leaves):
    """Move free numbers of maps: those of a skew matrix are cheaper at zero, where they start."""
    for leaf in leaves:
        leaf += 0.1 / leaf.shape[-2] ** 0.5 * torch.randn(leaf.shape)


def register(module, library, name, weight="weight"):
    if library == "stiefelkit":
        stiefelkit_torch.orthogonal(module, weight, name)
    elif library == "torch":
        parametrizations.orthogonal(module, weight, name)
    else:
        import geotorch

        geotorch.orthogonal(module, weight, name or "expm")


def products(count, left, right):
    """Return a call of products of distinct matrices."""
    pairs = [(torch.randn(left), torch.randn(right)) for _ in range(count)]

    def call():
        for A, B in pairs:
            A @ B

    return call


def rnn_step(T, B, n, library, name=None, way="looped"):
    """Return a call of a recurrent network: tanh, 10 inputs and classes, loss at the last step."""
    return rnn_parts(T, B, n, library, name, way)[0]


def rnn_parts(T, B, n, library, name=None, way="looped"):
    """Return the call, which returns gradients, and what these are of."""
    X, y, readout = torch.randn(T, B, 10), torch.randint(10, (B,)), torch.nn.Linear(n, 10)
    network = make_network(n, library, name, way)
    leaves = [*network.parameters(), *readout.parameters()]

    def call():
        loss = torch.nn.functional.cross_entropy(readout(network(X)[1][-1]), y)
        return torch.autograd.grad(loss, leaves)

    return call, leaves


def make_network(n, library, name, way):
    """Return a network that is called like `torch.nn.RNN`, and starts as that with an orthogonal W.

    "looped" is what the pages of PyTorch and the examples of geotorch show: a cell, called step by
    step while its matrix is cached. "fused" is `torch.nn.RNN` with a parametrized matrix.
    """
    plain = torch.nn.RNN(10, n)
    # Of other matrices, or larger inputs, gradients vanish into numbers that processors are slow
    # with, and what is measured is that.
    torch.nn.init.orthogonal_(plain.weight_hh_l0)
    if name == "unconstrained":
        return plain
    if library == "stiefelkit":
        network = stiefelkit_torch.nn.OrthogonalRNN(10, n)
        network.load_state_dict(plain.state_dict())
    elif way == "fused":
        register(plain, library, name, "weight_hh_l0")
        network = Cached(plain)
    else:
        network = Cached(Looped(cell_of(plain, library, name)))
    leave_start([x for key, x in network.named_parameters() if "original" in key])
    return network


def cell_of(plain, library, name):
    """Return a cell with the numbers of a layer, and a matrix by one of the peers."""
    W_in, W, b, c = (x.detach() for x in plain.parameters())
    if library == "torch":
        cell = torch.nn.RNNCell(*W_in.shape[::-1])
        cell.load_state_dict(dict(weight_ih=W_in, weight_hh=W, bias_ih=b, bias_hh=c))
        register(cell, library, name, "weight_hh")
        return cell
    cell = KernelCell(*W_in.shape[::-1])
    cell.load_state_dict(
        {"input_kernel.weight": W_in, "input_kernel.bias": b + c, "recurrent_kernel.weight": W}
    )
    register(cell.recurrent_kernel, library, name)
    return cell


class Cached(torch.nn.Module):
    """Forms weights once in a call, where `torch.nn.RNN` reads each of its own four times."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, X):
        with parametrize.cached():
            return self.network(X)


class Looped(torch.nn.Module):
    """Calls a cell step by step; returns the last state as if there were one step."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, X):
        h = X.new_zeros(X.shape[1], self.cell.hidden_size)
        for x in X:
            h = self.cell(x, h)
        return h[None], h[None]


class KernelCell(torch.nn.Module):
    """The cell of geotorch's example of a recurrent network, with a hyperbolic tangent."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.input_kernel = torch.nn.Linear(input_size, hidden_size)
        self.recurrent_kernel = torch.nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x, h):
        return torch.tanh(self.input_kernel(x) + self.recurrent_kernel(h))


def rnn_bound(T, B, n):
    """Return a call of the products each way, of distinct states, and of the gradient's one."""
    W, H = torch.randn(2, n, n), torch.randn(T, B, n)
    left, right = torch.randn(T * B, n), torch.randn(T * B, n)

    def call():
        for matrix in W:
            for h in H:
                h @ matrix
        left.T @ right

    return call


def points(shape):
    """Return random frames, tangent vectors of about length one half, and Euclidean gradients."""
    n, p = shape[-2:]
    Q, A = torch.linalg.qr(torch.randn(shape))[0], torch.randn(shape)
    S = Q.mT @ A
    Z = A - Q @ (S + S.mT) / 2
    return Q, Z * (0.5 / (n * p - p * (p + 1) / 2) ** 0.5), torch.randn(shape)


def geoopt_retraction(shape, name):
    """Return a call of a step along tangent vectors by a manifold of geoopt."""
    import geoopt

    Q, Z, _ = points(shape)
    manifold = getattr(geoopt, name)()
    return lambda: manifold.retr(Q, Z)


def update_step(shape, peer=None):
    """Return a call of an update by SGD, by ours or with a manifold of geoopt."""
    Q, _, G = points(shape)
    if peer is None:
        parameter = torch.nn.Parameter(Q)
        group = {"params": [parameter], "manifold": Stiefel()}
        rule = stiefelkit_torch.optim.SGD([group], lr=1e-3)
    else:
        import geoopt

        parameter = geoopt.ManifoldParameter(Q, manifold=getattr(geoopt, peer)())
        rule = geoopt.optim.RiemannianSGD([parameter], lr=1e-3)
    parameter.grad = G
    return rule.step


def orgqr_step(n, p, orgqr):
    """Return a call of a product of reflections by a function of torch-householder."""
    V, G = torch.randn(n, p, requires_grad=True), torch.randn(n, p)
    return lambda: torch.autograd.grad(orgqr(V.tril(-1) + torch.eye(n, p)), V, G)


def training_step(T, B, n, name):
    """Return a call of `torch.nn.RNN`, with one of PyTorch's maps or none, and Adam's update."""
    call, leaves = rnn_parts(T, B, n, "torch", name, "fused")
    rule = torch.optim.Adam(leaves, lr=1e-3)

    def step():
        for leaf, grad in zip(leaves, call(), strict=True):
            leaf.grad = grad
        rule.step()

    return step
