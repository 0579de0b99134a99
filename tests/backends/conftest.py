"""What tests of kernels, and of the modules for PyTorch, share."""

import sys

import pytest


@pytest.fixture
def cuda_host(monkeypatch):
    """Let the CUDA kernels take NumPy arrays, their threads running on the host."""
    from ._cuda_host import COMPILER, Host

    if COMPILER is None:
        pytest.skip("no C++ compiler is at hand")
    return _stand_in(Host(), "numpy", monkeypatch)


@pytest.fixture
def cuda_host_tensors(monkeypatch):
    """Let the CUDA kernels take tensors on the CPU, their threads running there."""
    pytest.importorskip("torch")
    from ._cuda_host import COMPILER
    from ._cuda_host_tensors import HostTensors

    if COMPILER is None:
        pytest.skip("no C++ compiler is at hand")
    return _stand_in(HostTensors(), "torch", monkeypatch)


@pytest.fixture(params=["arrays", "tensors"])
def passes_on_both(request, monkeypatch):
    """Have passes of small tensors run on NumPy arrays, as they do, and as those of larger ones."""
    if request.param == "tensors":
        front = pytest.importorskip("stiefelkit_torch")
        function = sys.modules[front.differentiable_pair.__module__]
        monkeypatch.setattr(function, "are_small", lambda tensors: False)


def _stand_in(host, library, monkeypatch):
    from stiefelkit_cuda import _graph, _launch

    monkeypatch.setattr(_launch, "library", lambda name: host if name == library else None)
    monkeypatch.setattr(_graph, "_cache", type(_graph._cache)())
    return host
