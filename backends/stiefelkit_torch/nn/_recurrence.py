"""The recurrence of one layer in one direction: a time loop that is one node of the graph."""

import functools

from torch.nn.utils import parametrize

from stiefelkit.parametrizations import CWY, UnitaryFFT
from stiefelkit.rnn import unroll, unroll_cwy, unroll_unitary_fft

from .._function import differentiable_pair


class Recurrence:
    """The time loop of a cell, whose matrix is the weight `name` of a module.

    The matrix is applied as reflections or by Fourier transforms where the cell says that this is
    cheaper than to form it. All functions are made here: a compiler could not make them.
    """

    def __init__(self, cell, name, map_):
        self.cell, self.name, self.map = cell, name, map_
        activation = cell.activation
        self.dense, self.factors = _differentiable(unroll, activation), None
        if isinstance(map_, UnitaryFFT) and cell.by_transforms:
            order = ("permutation", map_.permutation)
            self.factors = _differentiable(unroll_unitary_fft, activation, order)
        elif isinstance(map_, CWY) and map_.k < map_.n:
            self.factors = _differentiable(unroll_cwy, activation)

    def run(self, module, Z, h0, b):
        """Return the states at all steps, given projected inputs."""
        if self.factors is not None and parametrize.is_parametrized(module, self.name):
            parts = module.parametrizations[self.name]
            originals = list(parts.parameters(recurse=False))
            # The map casts up leaves of 16 bits, and then its matrix down.
            if parts[0].dtype(originals) == Z.dtype and self._by_factors(Z):
                return self.factors(*self._factors(parts[0].params(originals)), Z, h0, b)
        return self.dense(getattr(module, self.name), Z, h0, b)

    def _by_factors(self, Z):
        if isinstance(self.map, UnitaryFFT):
            return True
        return self.cell.by_reflections(Z.shape[0] * Z.shape[1])

    def _factors(self, params):
        if isinstance(self.map, UnitaryFFT):
            return params["omega"], params["V"]
        return self.map.reflections(params)


@functools.cache
def _differentiable(op, activation, *options):
    """Return an op with its options as a function of tensors alone, which compilers take."""
    given = {"activation": activation, **dict(options)}

    def forward(*args):
        return op.forward(*args, **given)

    return differentiable_pair(forward, op.backward, name=op.__name__)
