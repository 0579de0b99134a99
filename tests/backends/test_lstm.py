"""Long short-term memory has the states and the gradients of PyTorch's."""

import numpy as np
import pytest

from stiefelkit.rnn import LSTMCell

T, B, D, N = 7, 3, 2, 5
torch = pytest.importorskip("torch")


def peer(params):
    """Return PyTorch's module with the same weights, and one of its two biases zero."""
    module = torch.nn.LSTM(D, N).double()
    names = {"weight_ih_l0": "W_in", "weight_hh_l0": "recurrent", "bias_ih_l0": "c"}
    with torch.no_grad():
        for theirs, ours in names.items():
            getattr(module, theirs).copy_(torch.asarray(params[ours]))
        module.bias_hh_l0.zero_()
    return module, names


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("home", ["numpy", "torch"])
def test_equal_to_pytorch(home, last):
    rng = np.random.default_rng(5)
    cell = LSTMCell(D, N)
    params = cell.init(rng=rng, like=np.empty(0))
    X, state = rng.standard_normal((T, B, D)), rng.standard_normal((B, 2 * N))
    G = rng.standard_normal((B, N) if last else (T, B, N))
    there = torch.asarray if home == "torch" else np.asarray
    H, residuals = cell.forward(
        {k: there(x) for k, x in params.items()}, there(X), there(state), last=last
    )
    grads, dstate = cell.backward(there(G), residuals)

    module, names = peer(params)
    leaf = torch.tensor(state, requires_grad=True)
    Y, _ = module(
        torch.asarray(X), (leaf[None, :, :N].contiguous(), leaf[None, :, N:].contiguous())
    )
    Y = Y[-1] if last else Y
    torch.sum(Y * torch.asarray(G)).backward()
    close = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(np.asarray(H), Y.detach().numpy(), **close)
    np.testing.assert_allclose(np.asarray(dstate), leaf.grad.numpy(), **close)
    for theirs, ours in names.items():
        np.testing.assert_allclose(
            np.asarray(grads[ours]), getattr(module, theirs).grad.numpy(), **close
        )
