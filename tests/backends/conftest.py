"""What tests of kernels share."""

import pytest


@pytest.fixture(params=[False, True], ids=["ascending", "descending"])
def cuda_host(request, monkeypatch):
    """Let the CUDA kernels take NumPy arrays, their threads running in one order or the other."""
    from stiefelkit_cuda import _graph, _launch

    from ._cuda_host import COMPILER, Host

    if COMPILER is None:
        pytest.skip("no C++ compiler is at hand")
    host = Host(request.param)
    monkeypatch.setattr(_launch, "library", lambda name: host if name == "numpy" else None)
    monkeypatch.setattr(_graph, "_cache", type(_graph._cache)())
    return host
