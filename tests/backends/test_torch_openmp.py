"""Compiled kernels in the threads of PyTorch's OpenMP."""

import threading

import pytest

torch = pytest.importorskip("torch")
numba_kernels = pytest.importorskip("stiefelkit_numba")

from stiefelkit_torch import _openmp  # noqa: E402

needs_openmp = pytest.mark.skipif(_openmp.openmp() is None, reason="PyTorch has no GNU OpenMP here")


@needs_openmp
@pytest.mark.parametrize("count", [1, 2, 7])
def test_parts_run_in_their_order_of_results(count):
    assert _openmp.run(lambda k: k * k, count) == [k * k for k in range(count)]


@needs_openmp
def test_parts_run_at_once():
    # Each waits for the other one: one after the other they would not come to an end.
    if torch.get_num_threads() < 2:
        pytest.skip("PyTorch uses one thread")
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
