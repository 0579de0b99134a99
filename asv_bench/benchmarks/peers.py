"""What a user would take instead: the same work by PyTorch itself."""

import importlib.util

import numpy as np


def _torch():
    if importlib.util.find_spec("torch") is None:
        raise NotImplementedError("torch is not installed")
    import torch

    return torch


def orthogonal_map(n: int, p: int):
    """Return a call of `torch.nn.utils.parametrizations.orthogonal`, forward and backward."""
    torch = _torch()
    layer = torch.nn.Linear(p, n, bias=False)
    torch.nn.utils.parametrizations.orthogonal(layer, orthogonal_map="householder")
    G = torch.randn(n, p)

    def call():
        layer.zero_grad()
        layer.weight.backward(G)

    return call


def rnn_step(T: int, B: int, n: int):
    """Return a call of `torch.nn.RNN` with a linear readout and cross-entropy, both ways."""
    torch = _torch()
    X, targets = _data(torch, T, B)
    rnn, readout = torch.nn.RNN(10, n), torch.nn.Linear(n, 10)

    def call():
        rnn.zero_grad()
        readout.zero_grad()
        outputs = readout(rnn(X)[0][-1])
        torch.nn.functional.cross_entropy(outputs, targets).backward()

    return call


def orthogonal_rnn_training_step(T: int, B: int, n: int):
    """Return the same with a recurrent matrix by `orthogonal`, and an update by Adam."""
    torch = _torch()
    X, targets = _data(torch, T, B)
    rnn, readout = torch.nn.RNN(10, n), torch.nn.Linear(n, 10)
    matrix = torch.nn.Linear(n, n, bias=False)
    torch.nn.utils.parametrizations.orthogonal(matrix, orthogonal_map="householder")
    free = [rnn.weight_ih_l0, rnn.bias_ih_l0, rnn.bias_hh_l0]
    parameters = [*free, *readout.parameters(), *matrix.parameters()]
    rule = torch.optim.Adam(parameters, lr=1e-3)
    h0 = torch.zeros(1, B, n)

    def call():
        rule.zero_grad()
        # `nn.RNN` keeps its weights in a list of its own, which no parametrization reaches.
        weights = (free[0], matrix.weight, free[1], free[2])
        states, _ = torch.rnn_tanh(X, h0, weights, True, 1, 0.0, True, False, False)
        torch.nn.functional.cross_entropy(readout(states[-1]), targets).backward()
        rule.step()

    return call


def _data(torch, T, B):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((T, B, 10)).astype(np.float32)
    return torch.asarray(inputs), torch.asarray(rng.integers(0, 10, B))
