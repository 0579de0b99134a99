"""The CUDA kernels on tensors: what is done with them besides the launch, and who launches."""

import contextlib
import importlib.metadata
import sys
import types

import numpy as np
import pytest

import stiefelkit
from stiefelkit import _kernels
from stiefelkit.linalg import (
    cwy_matrix,
    givens_product,
    givens_rotate,
    householder_matrix,
    orthonormalize,
    tcwy_matrix,
)
from stiefelkit.optim import coordinate_descent_sweep, coordinate_pairs
from stiefelkit.rnn import Abs, ModReLU, Tanh, unroll

from ._cases import assert_close, host

torch = pytest.importorskip("torch")
import stiefelkit_torch  # noqa: E402
from stiefelkit_cuda import (  # noqa: E402
    _TABLES,
    _givens_product,
    _graph,
    _maps,
    _orthonormalize,
    _rotate_columns,
    _unroll,
)
from stiefelkit_cuda._torch import Torch  # noqa: E402


@pytest.fixture
def numbers():
    return np.random.default_rng(13)


def pair(rng, *shape):
    """Return complex numbers, and a tensor of them that is lazily conjugated and transposed."""
    x = rng.standard_normal((*shape, 2)) @ [1, 1j]
    return x, torch.tensor(x.conj().swapaxes(-1, -2).copy()).mH


def real(rng, *shape):
    x = rng.standard_normal(shape)
    return x, torch.tensor(x)


@pytest.mark.usefixtures("cuda_host_tensors")
def test_givens_product(numbers):
    (X, tX), (G, tG) = pair(numbers, 6, 3), pair(numbers, 6, 3)
    (theta, t_theta), (phi, t_phi) = real(numbers, 15), real(numbers, 15)
    with stiefelkit.use_kernels(False):
        Y, saved = givens_product.vjp[0](theta, X, phi)
        expected = givens_product.vjp[1](G, saved)
    found, kept = _givens_product.forward(t_theta, tX, t_phi)
    assert_close(host(found), Y)
    assert_close(host(_givens_product.backward(tG, kept)), expected)
    assert_close(host(tX.resolve_conj()), X, 0)


@pytest.mark.usefixtures("cuda_host_tensors")
def test_orthonormalize(numbers):
    (X, tX), (G, tG) = pair(numbers, 2, 5, 3), pair(numbers, 2, 5, 3)
    with stiefelkit.use_kernels(False):
        Q, saved = orthonormalize.vjp[0](X)
        expected = orthonormalize.vjp[1](G, saved)
    found, kept = _orthonormalize.forward(tX)
    assert_close(host(found), Q)
    (dX,) = _orthonormalize.backward(tG, kept)
    assert_close(host(dX.resolve_conj()), expected[0], 4000)  # times the condition number


@pytest.mark.usefixtures("cuda_host_tensors")
def test_rotations(numbers):
    (W, tW), (G, tG), (theta, t_theta) = pair(numbers, 4, 4), pair(numbers, 4, 4), real(numbers)
    pairs, step = coordinate_pairs(4, phases=True), {"learning_rate": 0.1}
    with stiefelkit.use_kernels(False):
        swept = coordinate_descent_sweep(W, G, pairs, **step)
        turned = givens_rotate(W, 0, 2, theta)
    assert_close(host(_rotate_columns.coordinate_descent_sweep(tW, tG, pairs, **step)), swept)
    for overwrite in (False, True):
        found = _rotate_columns.givens_rotate(tW, 0, 2, t_theta, overwrite=overwrite)
        assert_close(host(found), turned)


@pytest.mark.parametrize("last", [False, True])
def test_unroll(cuda_host_tensors, numbers, last):
    (W, tW), (h0, t0) = pair(numbers, 4, 4), pair(numbers, 2, 4)
    (Z, tZ), (G, tG), (b, tb) = pair(numbers, 9, 2, 4), pair(numbers, 9, 2, 4), real(numbers, 4)
    W, tW, options = W / 4, tW / 4, {"activation": ModReLU(), "last": last}
    G, tG = (G[0], tG[0]) if last else (G, tG)
    with stiefelkit.use_kernels(False):
        H, saved = unroll.vjp[0](W, Z, h0, b, **options)
        expected = unroll.vjp[1](G, saved, **options)
    for _ in range(3):
        found, kept = _unroll.forward(tW, tZ, t0, tb, **options)
        assert_close(host(found), H)
        actual = _unroll.backward(tG, kept, **options)
        assert_close(tuple(host(x.resolve_conj()) for x in actual), expected, 4000)
    assert cuda_host_tensors.host.captures == 2


@pytest.mark.parametrize("shape", [(6, 6), (9, 3), (2, 7, 4)])
@pytest.mark.parametrize(
    ("op", "kernels", "options"),
    [
        (cwy_matrix, _maps.CWY_MATRIX, {}),
        (tcwy_matrix, _maps.TCWY_MATRIX, {}),
        (householder_matrix, _maps.HOUSEHOLDER_MATRIX, {"block": 2}),
    ],
)
def test_maps(cuda_host_tensors, numbers, op, kernels, options, shape):
    for _ in range(3):  # by itself, captured, as a graph
        V, tV = pair(numbers, *shape)
        with stiefelkit.use_kernels(False):
            Q, saved = op.vjp[0](V, **options)
            G, tG = pair(numbers, *Q.shape)
            (expected,) = op.vjp[1](G, saved, **options)
        found, kept = kernels.forward(tV, **options)
        if op is not householder_matrix:
            assert kept[0] is tV
            assert_close(tuple(map(host, kept[1:])), saved[1:], 4000)
        assert_close(host(found), Q)
        (actual,) = kernels.backward(tG, kept, **options)
        assert_close(host(actual), expected, 4000)
    assert cuda_host_tensors.host.captures == 2


def test_maps_of_much_work_are_declined(cuda_host_tensors):
    V = torch.eye(1500)
    assert _maps.CWY_MATRIX.forward(V) is NotImplemented
    with stiefelkit.use_kernels(False):
        saved = cwy_matrix.vjp[0](V)[1]
    assert torch.equal(_maps.CWY_MATRIX.backward(V, saved)[0], cwy_matrix.vjp[1](V, saved)[0])
    assert not _graph._cache


@pytest.fixture
def both_tables(monkeypatch):
    """Tables of kernels as they are where PyTorch and what launches on a GPU are installed."""
    tables = {"torch": stiefelkit_torch.KERNELS, "torch-cuda": _TABLES["TORCH_KERNELS"]}
    others = importlib.metadata.entry_points(group="stiefelkit.kernels")
    entries = [entry for entry in others if entry.name.startswith("numpy")]
    for name, table in tables.items():
        entries.append(types.SimpleNamespace(name=name, load=lambda table=table: table))
    asked = importlib.metadata.entry_points
    monkeypatch.setattr(
        importlib.metadata,
        "entry_points",
        lambda **which: entries if which == {"group": "stiefelkit.kernels"} else asked(**which),
    )
    remembered = _kernels._table, _kernels.kernels_for, _kernels.kernel_for
    for function in remembered:
        function.cache_clear()
    yield
    for function in remembered:
        function.cache_clear()


@pytest.mark.usefixtures("both_tables")
def test_kernels_for_a_gpu_are_asked_before_those_for_a_cpu(cuda_host_tensors, numbers):
    both = [name for name in _TABLES["TORCH_KERNELS"] if name in stiefelkit_torch.KERNELS]
    assert {"unroll.backward", "cwy_matrix", "orthonormalize", "givens_product"} <= set(both)
    for name in both:
        assert list(_kernels.kernels_for("torch", name)) == ["torch-cuda", "torch"]
    (W, tW), (h0, t0), (Z, tZ) = (real(numbers, *s) for s in ((4, 4), (2, 4), (9, 2, 4)))
    kernel = stiefelkit.kernel_for("torch", "unroll")
    for activation, launches in ((Tanh(), 9), (Abs(), 0)):  # which has a kernel on a CPU only
        before = cuda_host_tensors.host.launches
        found = kernel(tW, tZ, t0, None, activation=activation)
        with stiefelkit.use_kernels(False):
            assert_close(host(found), unroll(W, Z, h0, None, activation=activation))
        assert cuda_host_tensors.host.launches - before == launches
    Q = stiefelkit.kernel_for("torch", "cwy_matrix")(tW)
    with stiefelkit.use_kernels(False):
        assert_close(host(Q), cwy_matrix(W))


@pytest.mark.usefixtures("both_tables")
def test_tensors_on_a_cpu_go_on_to_the_kernels_for_a_cpu(numbers):
    pytest.importorskip("numba")
    kernel, W = stiefelkit.kernel_for("torch", "cwy_matrix"), numbers.standard_normal((96, 96))
    with stiefelkit.use_kernels(False):
        assert_close(host(kernel(torch.tensor(W))), cwy_matrix(W), 4000)


@pytest.mark.usefixtures("cuda_host_tensors")
def test_tensors_that_autograd_watches_are_declined():
    X = torch.eye(3).requires_grad_()
    assert _orthonormalize.orthonormalize(X) is NotImplemented
    with torch.no_grad():
        assert _orthonormalize.orthonormalize(X) is not NotImplemented
    with torch.autograd.forward_ad.dual_level():
        assert _orthonormalize.orthonormalize(torch.eye(3)) is NotImplemented
    seen = []

    def kernel(x):
        seen.append(_orthonormalize.orthonormalize(x))
        return x

    torch.func.vmap(kernel)(torch.ones(2, 3, 3))
    assert seen == [NotImplemented]


def test_a_graph_is_captured_after_a_first_run(monkeypatch):
    log = []

    class Stream:
        def wait_stream(self, other):
            log.append("wait")

    class Graph:
        def replay(self):
            log.append("replay")

    @contextlib.contextmanager
    def scope(name):
        log.append(f"enter {name}")
        yield
        log.append(f"leave {name}")

    for name, value in {
        "device": lambda device: contextlib.nullcontext(),
        "current_stream": Stream,
        "Stream": Stream,
        "stream": lambda stream: scope("stream"),
        "CUDAGraph": Graph,
        "graph": lambda graph: scope("graph"),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    replay = Torch().capture(lambda: log.append("run"), torch.empty(1))
    first = ["wait", "enter stream", "run", "leave stream", "wait"]
    assert log == [*first, "enter graph", "run", "leave graph"]
    replay()
    assert log[-1] == "replay"


def test_a_launch_compiles_once_for_the_current_stream(monkeypatch):
    log = []

    class Device:
        def __init__(self, index):
            log.append(("device", index))

        def set_current(self):
            pass

        def create_stream(self, stream):
            return stream.__cuda_stream__()

    class Program:
        def __init__(self, code, kind, options):
            log.append((kind, options))

        def compile(self, target, name_expressions):
            log.append((target, *name_expressions))
            return self

        def get_kernel(self, name):
            return name

    core = types.ModuleType("cuda.core")
    core.Device, core.Program, core.LaunchConfig, core.ProgramOptions = Device, Program, dict, dict
    core.launch = lambda *args: log.append(args)
    monkeypatch.setitem(sys.modules, "cuda", types.ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.core", core)
    stream = types.SimpleNamespace(cuda_stream=77)
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    like = types.SimpleNamespace(device=torch.device("cuda:0"))
    module, name, args = ("small_frames", "float32"), "factorize<float>", [np.int64(5)]
    for _ in range(2):
        Torch().launch(module, name, 3, (32, 2), 128, args, like)
    launched = (0, 77), {"grid": 3, "block": (32, 2), "shmem_size": 128}, name, *args
    compiled = [("c++", {"std": "c++17", "arch": "sm_90"}), ("cubin", name)]
    assert log == [("device", 0), *compiled, launched, ("device", 0), launched]
