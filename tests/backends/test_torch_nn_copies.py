"""Recurrent layers are pickled, filled, stacked and handed to PyTorch's own."""

import copy
import pickle

import pytest

from .._classes import assert_close
from ._torch_layers import every_kind, front, host, torch


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(7)


@every_kind
def test_baked_layers_are_pickled(make):
    baked, X = front.bake(make(bidirectional=True)), torch.randn(5, 2, 3)
    kept = pickle.loads(pickle.dumps(baked))
    assert type(kept) is type(baked)
    assert_close(host(kept(X)[0]), host(baked(X)[0]), 0)


@every_kind
def test_layers_made_without_memory_are_filled(make):
    rnn, X = make(bidirectional=True), torch.randn(5, 2, 3)
    with torch.device("meta"):
        filled = make(bidirectional=True)
    assert all(x.is_meta for x in filled.parameters())
    filled.to_empty(device="cpu").load_state_dict(rnn.state_dict())
    assert_close(host(filled(X)[0]), host(rnn(X)[0]), 0)


def test_torch_takes_the_numbers_of_a_baked_layer():
    rnn, peer, X = front.nn.OrthogonalRNN(3, 4), torch.nn.RNN(3, 4), torch.randn(5, 2, 3)
    peer.load_state_dict(front.bake(copy.deepcopy(rnn)).state_dict())
    assert_close(host(peer(X)[0]), host(rnn(X)[0]), 1e-6)


@every_kind
def test_ensembles_of_copies_by_vmap(make):
    rnn, X = make(), torch.randn(5, 2, 3)
    models = [rnn, copy.deepcopy(rnn)]
    for model in models:
        model.reset_parameters()
    state = torch.func.stack_module_state(models)
    found = torch.func.vmap(lambda *s: torch.func.functional_call(rnn, s, (X,))[0])(*state)
    for actual, model in zip(found, models, strict=True):
        assert_close(host(actual), host(model(X)[0]), 1e-4)
