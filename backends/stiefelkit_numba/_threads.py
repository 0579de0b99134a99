"""Parts of a compiled loop in threads: plain ones, or those of whoever calls a kernel.

Threads that wait for more work of their library keep a core busy for a while. A library that runs
these kernels has its own threads do the parts, so that they do not wait meanwhile.
"""

import concurrent.futures
import contextlib
import contextvars
import functools
import itertools
import os

import numba

_FROM = 2**22  # numbers that a loop works at, about 0.5 ms; a thread takes 0.1 ms to wake up
_SHARES = 4  # for each thread, where work is shared: one that wakes up late takes fewer


def _plain_size():
    # Whoever limits the threads of OpenMP or BLAS by it means all of them; Numba does not read it.
    limit = os.environ.get("OMP_NUM_THREADS", "")
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    return min(most, int(limit)) if limit.isdigit() and int(limit) else most


@functools.cache
def _pool(process):
    return concurrent.futures.ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1))


def _run_in_pool(function, count):
    """List ``function(k)`` for all k below `count`; the calling thread works too."""
    results, numbers = [None] * count, itertools.count()

    def work():
        while (k := next(numbers)) < count:
            results[k] = function(k)

    # Threads do not survive a fork. One that has not begun when all is done is not waited for.
    others = [_pool(os.getpid()).submit(work) for _ in range(min(count, threads()) - 1)]
    try:
        work()
    finally:
        done = [other for other in others if not other.cancel()]
        concurrent.futures.wait(done)
    for other in done:
        other.result()
    return results


# How many threads there are, and what calls a function in them: plain ones, as compiled code holds
# no lock. Numba's own do not survive a fork, or cannot be called from two threads at once.
_PLAIN = (lambda: _plain_size()), _run_in_pool
_team = contextvars.ContextVar("stiefelkit_numba_team", default=_PLAIN)


@contextlib.contextmanager
def use_team(size, run):
    """Use other threads, as `stiefelkit_numba.use_team` says."""
    token = _team.set((size, run))
    try:
        yield
    finally:
        _team.reset(token)


def threads():
    """Return how many threads there are."""
    return _team.get()[0]()


def split(panels, work):
    """Return the first and the last panel for each thread; all for one if there is little work.

    `work` is in numbers that the loop works at.
    """
    return _cut(panels, _count(panels, work))


def in_threads(function, parts):
    """Call ``function(first, last)`` for all parts at once, and list what it returns."""
    if len(parts) == 1:
        return [function(*parts[0])]
    return _team.get()[1](lambda k: function(*parts[k]), len(parts))


def share(function, panels, work):
    """Call ``function(first, last)`` for more parts than threads, which take one after another."""
    count = _count(panels, work)
    parts = _cut(panels, min(panels, count * _SHARES) if count > 1 else 1)
    in_threads(function, parts)


def _count(panels, work):
    most = min(panels, work // _FROM * 2)
    return min(most, threads()) if most > 1 else 1


def _cut(panels, count):
    return [(k * panels // count, (k + 1) * panels // count) for k in range(count)]
