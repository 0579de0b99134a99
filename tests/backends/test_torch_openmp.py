"""Compiled kernels in the threads of PyTorch's OpenMP."""

import builtins
import io
import subprocess
import sys
import threading

import pytest

torch = pytest.importorskip("torch")
numba_kernels = pytest.importorskip("stiefelkit_numba")

from stiefelkit_torch import _openmp  # noqa: E402

needs_openmp = pytest.mark.skipif(_openmp.openmp() is None, reason="PyTorch has no GNU OpenMP here")


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@needs_openmp
@pytest.mark.parametrize("count", [1, 2, 7])
def test_parts_run_in_their_order_of_results(count):
    assert _openmp.run(lambda k: k * k, count) == [k * k for k in range(count)]


@needs_openmp
def test_parts_run_at_once():
    # Each waits for the other one: one after the other they would not come to an end.
    meeting = threading.Barrier(2, timeout=20)
    assert sorted(_openmp.run(lambda k: meeting.wait(), 2)) == [0, 1]


@needs_openmp
def test_an_error_in_a_part_is_raised():
    def part(k):
        if k == 1:
            raise ZeroDivisionError("part 1")

    with pytest.raises(ZeroDivisionError, match="part 1"):
        _openmp.run(part, 3)


@needs_openmp
def test_kernels_take_as_many_threads_as_pytorch():
    from stiefelkit_numba import _threads

    plain = _threads.threads()
    with _openmp.in_own_threads():
        assert _threads.threads() == torch.get_num_threads()
    assert _threads.threads() == plain


def test_without_openmp_kernels_take_threads_of_their_own(monkeypatch):
    from stiefelkit_numba import _threads

    _openmp._use_team.cache_clear()
    monkeypatch.setattr(_openmp, "openmp", lambda: None)
    plain = _threads._team.get()
    with _openmp.in_own_threads():
        assert _threads._team.get() is plain
    _openmp._use_team.cache_clear()


@needs_openmp
@pytest.mark.parametrize("name", ["libgomp.so.1", "libgomp.so.1 (deleted)", "libother.so"])
def test_a_library_in_any_folder_is_found_or_left(name, tmp_path, monkeypatch):
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps if "libgomp" in line and "/torch" in line]
    folder = tmp_path / "with a space" / "torch"
    folder.mkdir(parents=True)
    (folder / "libgomp.so.1").symlink_to(lines[0][5])
    listed = " ".join([*lines[0][:5], f"{folder}/{name}\n"])
    monkeypatch.setattr(builtins, "open", lambda path: io.StringIO(listed))
    found = _openmp.openmp.__wrapped__()
    assert (found is not None) == (name == "libgomp.so.1")


FORK = """
import os, torch
from stiefelkit.linalg import cwy_matrix
torch.set_num_threads(2)
V = torch.randn(600, 600, generator=torch.Generator().manual_seed(0))
expected = cwy_matrix(V).numpy().tobytes()
child = os.fork()
if child == 0:  # PyTorch's own operations of this size would hang here
    os._exit(0 if cwy_matrix(V).numpy().tobytes() == expected else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@needs_openmp
def test_kernels_run_in_a_forked_child():
    # In a process of its own, as this one has threads by now.
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], timeout=120, check=True)
