"""Steps of training on PyTorch, by ours and by what users would take instead."""

import stiefelkit_torch
import torch
from torch.nn.utils import parametrizations


def weight_step(shape, library, name=None):
    """Return a call that forms an orthogonal weight and takes a cotangent back to its leaves."""
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.linalg.qr(torch.randn(shape))[0])
    register(module, library, name)
    leaves, G = list(module.parameters()), torch.randn(shape)
    with torch.no_grad():  # maps of a skew matrix are cheaper at zero, where they start
        for leaf in leaves:
            leaf += 0.1 / shape[-2] ** 0.5 * torch.randn(leaf.shape)
    return lambda: torch.autograd.grad(module.weight, leaves, G)


def register(module, library, name):
    if library == "stiefelkit":
        stiefelkit_torch.orthogonal(module, "weight", name)
    elif library == "torch":
        parametrizations.orthogonal(module, "weight", name)
    else:
        import geotorch

        geotorch.orthogonal(module, "weight", name or "expm")


def products(count, left, right):
    """Return a call of products of distinct matrices."""
    pairs = [(torch.randn(left), torch.randn(right)) for _ in range(count)]

    def call():
        for A, B in pairs:
            A @ B

    return call


def rnn_step(T, B, n, library, name=None):
    """Return a call of a recurrent network: tanh, 10 inputs and classes, loss at the last step."""
    return rnn_parts(T, B, n, library, name)[0]


def rnn_parts(T, B, n, library, name=None):
    """Return the call, which returns gradients, and what these are of."""
    X, y, readout = torch.randn(T, B, 10), torch.randint(10, (B,)), torch.nn.Linear(n, 10)
    if library == "stiefelkit":
        network = stiefelkit_torch.nn.OrthogonalRNN(10, n)
    else:
        network = torch.nn.RNN(10, n)
    leaves, last = list(network.parameters()), lambda: network(X)[0][-1]
    if name != "unconstrained" and library != "stiefelkit":
        matrix = torch.nn.Linear(n, n, bias=False)
        register(matrix, library, name)
        W_in, _, *biases = leaves
        leaves, h0 = [W_in, *biases, *matrix.parameters()], torch.zeros(1, B, n)

        def last():
            # `nn.RNN` keeps its weights in a list of its own, which no parametrization reaches.
            weights = W_in, matrix.weight, *biases
            return torch.rnn_tanh(X, h0, weights, True, 1, 0.0, True, False, False)[0][-1]

    leaves += readout.parameters()

    def call():
        loss = torch.nn.functional.cross_entropy(readout(last()), y)
        return torch.autograd.grad(loss, leaves)

    return call, leaves


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


def points(n, count):
    """Return random points, tangent vectors of about length one half, and Euclidean gradients."""
    Q = torch.linalg.qr(torch.randn(count, n, n))[0]
    A = torch.randn(count, n, n)
    return Q, Q @ (A - A.mT) * (0.25 / n), torch.randn(count, n, n)


def orgqr_step(n, p, orgqr):
    """Return a call of a product of reflections by a function of torch-householder."""
    V, G = torch.randn(n, p, requires_grad=True), torch.randn(n, p)
    return lambda: torch.autograd.grad(orgqr(V.tril(-1) + torch.eye(n, p)), V, G)


def training_step(T, B, n):
    """Return a call of a network with a matrix by PyTorch's reflections, and an update by Adam."""
    call, leaves = rnn_parts(T, B, n, "torch", "householder")
    rule = torch.optim.Adam(leaves, lr=1e-3)

    def step():
        for leaf, grad in zip(leaves, call(), strict=True):
            leaf.grad = grad
        rule.step()

    return step
