"""The recurrence of one layer in one direction: a time loop that is one node of the graph."""

import functools

import torch
from torch.nn import functional
from torch.nn.utils import parametrize

from stiefelkit import kernel_for
from stiefelkit.parametrizations import CWY, UnitaryFFT
from stiefelkit.rnn import unroll, unroll_cwy, unroll_unitary_fft

from .._function import differentiable_pair
from .._projected import Projected
from ._opaque import DenseLoop, FactorLoop, ProjectedLoop, number_of, run_opaque

# Programs that are exported consist of PyTorch's own operations.
_exporting = getattr(torch.compiler, "is_exporting", lambda: False)


class Recurrence:
    """The time loop of a cell, whose matrix is the weight `name` of a module.

    The matrix is applied as reflections or by Fourier transforms where the cell says that this is
    cheaper than to form it. All functions are made here: a compiler could not make them.
    """

    def __init__(self, cell, name, map_):
        self.cell, self.name, self.map = cell, name, map_
        self.compiled = kernel_for("numpy", "unroll.forward") is not None
        activation = cell.activation
        self.projected, self.dense, self.factors = _projected(activation), _dense(activation), None
        if isinstance(map_, UnitaryFFT):
            order = ("permutation", map_.permutation)
            self.factors = _by_factors(unroll_unitary_fft, activation, order)
        elif isinstance(map_, CWY) and map_.k < map_.n:
            self.factors = _by_factors(unroll_cwy, activation)

    def __reduce__(self):
        # Functions of the loop are made anew: those that were made here cannot be pickled.
        return Recurrence, (self.cell, self.name, self.map)

    def prepare(self, module, steps, X):
        """Return a function of inputs, their projection, first state and bias, for some steps.

        To be called before the projection: backward, memory of the loop is then given back before
        the gradient of the map is taken. The function takes what lays projected rows out as steps
        too, or None where they stand as steps. It returns all states, and the last one where that
        has a cotangent of its own, which spares zeros for the others; else None.
        """
        factors = self._factors(module, steps, X)
        W = getattr(module, self.name) if factors is None else None

        def run(X, W_in, c, h0, b, spread):
            if factors is None and spread is None:
                return self.projected(W, X, W_in, c, h0, b)
            Z = functional.linear(X, W_in, c)
            Z = Z if spread is None else spread(Z)
            if factors is None:
                return self.dense(W, Z, h0, b), None
            return self.factors(*factors, Z, h0, b), None

        return run

    def _factors(self, module, steps, X):
        """Return the factors of the matrix, None where it is formed."""
        if self.factors is None or not parametrize.is_parametrized(module, self.name):
            return None
        parts = module.parametrizations[self.name]
        originals = list(parts.parameters(recurse=False))
        # The map casts up leaves of 16 bits, and then its matrix down.
        if len(parts) > 1 or parts[0].dtype(originals) != X.dtype:
            return None
        params = parts[0].params(originals)
        if isinstance(self.map, UnitaryFFT):
            compiled = self.compiled and X.device.type == "cpu"
            by_transforms = self.cell.by_transforms(steps.batch, compiled)
            return (params["omega"], params["V"]) if by_transforms else None
        return self.map.reflections(params) if self.cell.by_reflections(steps.rows) else None


class _Loop:
    """A loop as a function of tensors alone: traced by compilers, or one operation to them.

    With `ends`, what is traced returns the last state, too.
    """

    def __init__(self, traced, loop, ends=False):
        self.traced, self.number, self.ends = traced, number_of(loop), ends

    def __call__(self, *args):
        # Sums of 16-bit numbers are of 32 bits, to which only the traced loop casts.
        as_one = torch.compiler.is_compiling() and args[0].dtype.itemsize > 2
        if not as_one or _exporting() or torch._C._are_functorch_transforms_active():
            return self.traced(*args)
        H = run_opaque(self.number, *args)
        return (H, None) if self.ends else H


@functools.cache
def _projected(activation):
    pair = Projected(activation)
    traced = differentiable_pair(pair.forward, pair.backward, name="unroll", selective=True)
    return _Loop(traced, ProjectedLoop(activation), ends=True)


@functools.cache
def _dense(activation):
    return _Loop(_differentiable(unroll, {"activation": activation}), DenseLoop(activation))


@functools.cache
def _by_factors(op, activation, *options):
    given = {"activation": activation, **dict(options)}
    return _Loop(_differentiable(op, given), FactorLoop(op, given))


def _differentiable(op, options):
    """Return an op with its options as a function of tensors."""

    def forward(*args):
        return op.forward(*args, **options)

    return differentiable_pair(forward, op.backward, name=op.__name__)
