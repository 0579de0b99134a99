"""The recurrence of one layer in one direction: a time loop that is one node of the graph."""

import functools

from torch.nn import functional
from torch.nn.utils import parametrize

from stiefelkit.parametrizations import CWY, UnitaryFFT
from stiefelkit.rnn import unroll, unroll_cwy, unroll_unitary_fft

from .._function import differentiable_pair
from .._projected import Projected


class Recurrence:
    """The time loop of a cell, whose matrix is the weight `name` of a module.

    The matrix is applied as reflections or by Fourier transforms where the cell says that this is
    cheaper than to form it. All functions are made here: a compiler could not make them.
    """

    def __init__(self, cell, name, map_):
        self.cell, self.name, self.map = cell, name, map_
        activation = cell.activation
        self.dense, self.factors = _differentiable(unroll, activation), None
        self.projected = _projected(activation)
        if isinstance(map_, UnitaryFFT) and cell.by_transforms:
            order = ("permutation", map_.permutation)
            self.factors = _differentiable(unroll_unitary_fft, activation, order)
        elif isinstance(map_, CWY) and map_.k < map_.n:
            self.factors = _differentiable(unroll_cwy, activation)

    def prepare(self, module, rows, dtype):
        """Return a function of inputs, their projection, first state and bias, for so many rows.

        To be called before the projection: backward, memory of the loop is then given back before
        the gradient of the map is taken. The function takes what lays projected rows out as steps
        too, or None where they stand as steps.
        """
        loop, factors = self.dense, None
        if self.factors is not None and parametrize.is_parametrized(module, self.name):
            parts = module.parametrizations[self.name]
            originals = list(parts.parameters(recurse=False))
            # The map casts up leaves of 16 bits, and then its matrix down.
            if parts[0].dtype(originals) == dtype and self._by_factors(rows):
                loop, factors = self.factors, self._factors(parts[0].params(originals))
        fused = factors is None
        factors = (getattr(module, self.name),) if factors is None else factors

        def run(X, W_in, c, h0, b, spread):
            if fused and spread is None:
                return self.projected(*factors, X, W_in, c, h0, b)
            Z = functional.linear(X, W_in, c)
            return loop(*factors, Z if spread is None else spread(Z), h0, b)

        return run

    def _by_factors(self, rows):
        return isinstance(self.map, UnitaryFFT) or self.cell.by_reflections(rows)

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


@functools.cache
def _projected(activation):
    pair = Projected(activation)
    return differentiable_pair(pair.forward, pair.backward, name="unroll", selective=True)
