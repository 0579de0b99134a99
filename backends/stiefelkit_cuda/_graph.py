"""Loops captured as CUDA graphs, one for each set of shapes.

A graph reads and writes the same memory each time, so a captured loop has arrays of its own, into
which inputs are copied and from which outputs are. It is kept with the thread and the stream that
use it, as two launches at once would share that memory.
"""

import collections
import threading

from ._launch import dtype_name

# Captured loops that are kept, the last used ones.
_KEPT = 16
_cache: collections.OrderedDict[tuple, "Graph"] = collections.OrderedDict()
_lock = threading.Lock()


class Graph:
    """A loop over arrays of its own: `run()` reads `inputs` and writes `outputs`."""

    def __init__(self, known, inputs, outputs, run):
        self._known, self._inputs, self._outputs, self._run = known, inputs, outputs, run
        self._launch, self._known_shapes = None, False

    def __call__(self, *arrays):
        """Return what the loop makes of other inputs, None standing for what is not there."""
        for own, x in zip(self._inputs, arrays, strict=True):
            if own is not None:
                own[...] = x
        if self._launch is None and self._known_shapes:
            self._launch = self._known.capture(self._run, self._inputs[0])
        self._known_shapes = True
        (self._launch or self._run)()
        given = {id(own): x for own, x in zip(self._inputs, arrays, strict=True)}
        return [self._released(x, given) for x in self._outputs]

    def _released(self, x, given):
        """Return an output in memory that the next launch does not write to."""
        if x is None or id(x) in given:
            return given.get(id(x))
        return self._known.copy(x, tuple(x.shape))


def captured(known, name, make, arrays, *settings):
    """Return the graph for a loop over arrays like these, made by `make` if there is none."""
    like = next(x for x in arrays if x is not None)
    shapes = tuple(None if x is None else (tuple(x.shape), dtype_name(x)) for x in arrays)
    place = known, str(like.device), known.stream(like), threading.get_ident()
    key = (name, *settings, *shapes, *place)
    with _lock:
        if key not in _cache:
            own = [
                None if x is None else known.empty(tuple(x.shape), x.dtype, like) for x in arrays
            ]
            _cache[key] = Graph(known, own, *make(own))
        _cache.move_to_end(key)
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
        return _cache[key]
