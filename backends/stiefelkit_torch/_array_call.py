"""Passes of small tensors on a CPU, run on NumPy arrays in their memory.

What an operation on them costs is its call, of which a pass has dozens: NumPy's take 1 us,
PyTorch's 4. To autograd, residuals are tensors as those of other passes are.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy
import torch

from stiefelkit import kernels_enabled

from ._places import Place, collect, map_leaves, put_together

# Numbers of a tensor, and multiplications of its product with a square matrix. Of more NumPy's BLAS
# makes threads, which fight PyTorch's for the cores.
_NUMBERS, _WORK = 2**13, 2**18
_DTYPES = frozenset({torch.float32, torch.float64, torch.complex64, torch.complex128})


@dataclasses.dataclass
class ArrayCall:
    """What a call consists of besides tensors, as `Call`; the rest is known once it has run."""

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., tuple[Any, ...]]
    args: Any
    inputs: int
    witnesses: int
    batch_axes: None = None
    output: Any = None
    outputs: int = 0
    residuals: Any = None
    sources: tuple[int, ...] = ()  # which says that residuals are there

    def finished(self, tensors):
        """Run; return the call then, and the tensors of the output and of the residuals.

        Those that residuals are views of are returned, too.
        """
        arrays, outputs, kept, seen = _arrays(tensors), [], [], []
        known = dict(zip(map(id, arrays), tensors, strict=True))

        def take_output(leaf):
            if not isinstance(leaf, numpy.ndarray | numpy.generic):
                return leaf
            made = known[id(leaf)] = _own_tensor(leaf, known)
            outputs.append(made)
            return Place(len(outputs) - 1)

        def take_residual(leaf):
            if not isinstance(leaf, numpy.ndarray):
                return leaf
            if id(leaf.base) in known:
                seen.append(known[id(leaf.base)])
            if id(leaf) not in known:
                known[id(leaf)] = _tensor(leaf)
            kept.append(known[id(leaf)])
            return Place(len(kept) - 1)

        with numpy.errstate(all="ignore"):  # of which PyTorch does not warn either
            output, residuals = self.forward(*put_together(self.args, arrays))
        self.output = map_leaves(take_output, output)
        self.residuals = map_leaves(take_residual, residuals)
        self.outputs = len(outputs)
        return self, outputs, kept, seen

    def run_back(self, saved, cotangents):
        """Return the cotangents of the inputs, None where there is none."""
        kept, given = _arrays(saved), _arrays(cotangents)
        with numpy.errstate(all="ignore"):
            grads = self.backward(
                put_together(self.output, given), put_together(self.residuals, kept)
            )
        found: list[Any] = [None] * self.inputs
        collect(self.args, grads, found)
        # Autograd adds to a gradient in place if it knows of no other tensor in its memory.
        taken = set(map(id, (*kept, *given)))
        for place, array in enumerate(found):
            if isinstance(array, numpy.ndarray | numpy.generic):
                found[place] = _own_tensor(array, taken)
                taken.add(id(array))
        return tuple(found)


def are_small(tensors):
    """Say whether passes take less time on arrays."""
    return kernels_enabled() and all(_is_small(x) for x in tensors)


def _is_small(x):
    size, width = x.numel(), x.shape[-1] if x.ndim > 1 else 1
    little = size <= _NUMBERS and size * width <= _WORK and x.dtype in _DTYPES
    return little and x.device.type == "cpu" and x.layout is torch.strided


def _arrays(tensors):
    arrays = []
    for x in tensors:
        x = x.detach()
        x = x.resolve_conj().resolve_neg() if x.is_conj() or x.is_neg() else x
        arrays.append(x.numpy())
    return arrays


def _tensor(array):
    """Return a tensor in the memory of an array."""
    # What PyTorch does not take.
    if not array.flags.writeable or any(step < 0 for step in array.strides):
        array = array.copy()
    return torch.from_numpy(array)


def _own_tensor(array, others):
    """Return a tensor in memory of its own: no other array's, nor that of a larger one."""
    array = numpy.asarray(array)
    return _tensor(array if array.base is None and id(array) not in others else array.copy())
