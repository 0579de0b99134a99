"""The time loop as a graph, its kernels run on the host and its replay by a stand-in."""

import numpy as np
import pytest
from stiefelkit_cuda import _graph, _launch, _sources, _unroll

import stiefelkit
from stiefelkit.linalg import OuterProduct
from stiefelkit.rnn import Abs, Identity, ModReLU, ReLU, Tanh, unroll

from ._cases import assert_close

FIELDS = [(a, "float64") for a in (Tanh(), ReLU(), ModReLU(), Identity())] + [
    (ReLU(), "float32"),
    (ModReLU(), "complex64"),
    (ModReLU(), "complex128"),
    (Identity(), "complex128"),
]
T, B, N = 9, 3, 5


def draw(rng, activation, dtype, batch=B, n=N):
    def numbers(*shape):
        x = rng.standard_normal(shape)
        x = x + 1j * rng.standard_normal(shape) if dtype.startswith("complex") else x
        return x.astype(dtype)

    W = np.linalg.qr(numbers(n, n))[0]
    b = rng.standard_normal(n).astype(W.real.dtype) / 4 if activation.has_bias else None
    return [W, numbers(T, batch, n), numbers(batch, n), b], numbers(T, batch, n)


# Lengths of states and batches: less than a tile, tiles and their tails, several rounds of packs.
TILED = [(4, 3), (36, 19), (140, 5)]


@pytest.mark.parametrize("tile", _sources.TILES)
@pytest.mark.parametrize(("n", "batch"), TILED)
@pytest.mark.parametrize(("activation", "dtype"), FIELDS, ids=str)
def test_steps_of_one_launch(cuda_host, activation, dtype, n, batch, tile, monkeypatch):
    itemsize = np.dtype(dtype).itemsize
    if _unroll._shared(tile, itemsize) > _launch.SHARED:
        pytest.skip("the sums of this tile do not fit")
    monkeypatch.setattr(_unroll, "_tile", lambda B, n, itemsize: tile)
    monkeypatch.setattr(cuda_host, "captures_products", False)
    rng, options = np.random.default_rng(6), {"activation": activation}
    args, G = draw(rng, activation, dtype, batch, n=n)
    with stiefelkit.use_kernels(False):
        Y, saved = unroll.vjp[0](*args, **options)
        expected = unroll.vjp[1](G, saved, outer=True, **options)
    found, kept = _unroll.forward(*args, outer=True, **options)
    assert_close(found, Y, 4000)
    actual = _unroll.backward(G, kept, outer=True, **options)
    assert_close(tuple(actual[0]), tuple(expected[0]), 4000)
    assert_close(tuple(actual[1:]), tuple(expected[1:]), 4000)
    assert cuda_host.launches == T + (T + 1)  # each step, and the first cotangent


def test_a_tile_fits_its_sizes():
    for B, n, itemsize in ((64, 128, 4), (64, 512, 4), (64, 1024, 4), (128, 190, 8), (1, 4, 16)):
        tile = _unroll._tile(B, n, itemsize)
        assert _unroll._blocks(tile, B, n) <= _unroll._BLOCKS_UP_TO
        assert _unroll._shared(tile, itemsize) <= _launch.SHARED
    assert _unroll._tile(64, 510, 4) is None  # rows that begin in the middle of a pack
    assert _unroll._tile(512, 4096, 4) is None


def test_products_that_no_graph_takes_are_declined(cuda_host, monkeypatch):
    args, _ = draw(np.random.default_rng(7), Tanh(), "float64")
    assert _unroll.unroll(*args, activation=Tanh()) is not NotImplemented
    monkeypatch.setattr(cuda_host, "captures_products", False)
    assert _unroll.unroll(*args, activation=Tanh()) is NotImplemented


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize(("activation", "dtype"), FIELDS, ids=str)
def test_graphs_equal_the_reference(cuda_host, activation, dtype, outer, last):
    rng, options = np.random.default_rng(3), {"activation": activation, "last": last}
    for _ in range(3):  # a captured loop must not remember what it was captured with
        args, G = draw(rng, activation, dtype)
        G = G[0] if last else G
        with stiefelkit.use_kernels(False):
            Y, saved = unroll.vjp[0](*args, **options)
            expected = unroll.vjp[1](G, saved, outer=outer, **options)
        assert_close(_unroll.unroll(*args, **options), Y)
        found, kept = _unroll.forward(*args, outer=outer, **options)
        assert_close(found, Y)
        for a, e in zip(_unroll.backward(G, kept, outer=outer, **options), expected, strict=True):
            if isinstance(e, OuterProduct):
                assert_close(tuple(a), tuple(e))
            else:
                assert_close(a, e)
    assert cuda_host.captures == 2


def test_a_point_of_a_sign_stays_where_it_is(cuda_host):
    args = [np.eye(2), np.zeros((8, 1, 2)), np.zeros((1, 2)), np.asarray([-1.0, 1.0])]
    args[1][0, 0, 0] = 0.5  # below the threshold, and exactly nothing
    for dtype in ("float64", "complex128"):
        W, Z, h0 = (x.astype(dtype) for x in args[:3])
        assert np.all(_unroll.unroll(W, Z, h0, args[3], activation=ModReLU()) == 0)


def test_outputs_have_memory_of_their_own(cuda_host):
    rng, activation = np.random.default_rng(4), Tanh()
    args, _ = draw(rng, activation, "float64")
    for _ in range(3):  # by itself, captured, as a graph
        first = _unroll.unroll(*args, activation=activation)
    kept = first.copy()
    _unroll.unroll(*draw(rng, activation, "float64")[0], activation=activation)
    assert_close(first, kept, 0)


def test_shapes_and_settings_have_graphs_of_their_own(cuda_host):
    rng = np.random.default_rng(5)
    for batch in range(1, _graph._KEPT + 3):
        for _ in range(3):
            args, _ = draw(rng, Tanh(), "float64", batch)
            _unroll.unroll(*args, activation=Tanh())
        assert cuda_host.captures == batch
    assert len(_graph._cache) == _graph._KEPT
    for _ in range(2):
        _unroll.unroll(*args, activation=ReLU())
    _unroll.unroll(*args, activation=Tanh())
    assert cuda_host.captures == _graph._KEPT + 3


def test_shapes_that_come_once_are_not_captured(cuda_host):
    for batch in range(1, 5):
        args, _ = draw(np.random.default_rng(5), Tanh(), "float64", batch)
        _unroll.unroll(*args, activation=Tanh())
    assert cuda_host.captures == 0


def test_two_launches_a_step(cuda_host):
    args, _ = draw(np.random.default_rng(6), Tanh(), "float64")
    for _ in range(2):
        _unroll.unroll(*args, activation=Tanh())
    before = cuda_host.launches
    _unroll.unroll(*args, activation=Tanh())
    assert cuda_host.launches - before == T  # beside as many products


def test_what_has_no_graph_is_declined(cuda_host):
    args, G = draw(np.random.default_rng(7), Abs(), "float64")
    assert _unroll.unroll(*args, activation=Abs()) is NotImplemented
    for activation in (Abs(), Tanh()):  # a backward pass must not decline
        with stiefelkit.use_kernels(False):
            saved = unroll.vjp[0](*args, activation=activation)[1]
            expected = unroll.vjp[1](G, saved, activation=activation)
        for a, e in zip(_unroll.backward(G, saved, activation=activation), expected, strict=True):
            assert_close(a, e)
    short = [args[0], args[1][:3], args[2]]
    assert _unroll.unroll(*short, activation=Tanh()) is NotImplemented
    complex_, _ = draw(np.random.default_rng(7), Tanh(), "complex64")
    assert _unroll.unroll(*complex_, activation=Tanh()) is NotImplemented
    cuda_host.busy = True
    assert _unroll.unroll(*args, activation=Tanh()) is NotImplemented
