"""Passes of small tensors on a CPU, run on NumPy arrays in their memory.

What an operation on them costs is its call, of which a pass has dozens: NumPy's take 1 us,
PyTorch's 4. Residuals stay arrays.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy
import torch

from stiefelkit import kernels_enabled

from ._call import refuse_batches, refuse_second_derivative
from ._places import collect, map_leaves, put_together, take_apart
from ._plain import ordinary

# Numbers of a tensor, and multiplications of its product with a square matrix. Of more NumPy's BLAS
# makes threads, which fight PyTorch's for the cores.
_NUMBERS, _WORK = 2**13, 2**18


@dataclasses.dataclass
class ArrayCall:
    """What a call consists of besides tensors; the output's tree is known once it has run."""

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., tuple[Any, ...]]
    args: Any
    output: Any = None


def are_small(tensors):
    """Say whether passes take less time on arrays."""
    return (
        kernels_enabled()
        and all(_is_small(x) for x in tensors)
        and not torch._C._are_functorch_transforms_active()
        and ordinary(tensors)
    )


def _is_small(x):
    size, width = x.numel(), x.shape[-1] if x.ndim > 1 else 1
    little = size <= _NUMBERS and size * width <= _WORK
    return little and x.device.type == "cpu" and x.dtype.itemsize >= 4


def on_arrays(call, inputs):
    """Return the output of a call."""
    made = _OnArrays.apply(call, *inputs)
    return put_together(call.output, made)


class _OnArrays(torch.autograd.Function):
    """Return the tensors of the output."""

    @staticmethod
    def forward(ctx, call, *inputs):
        with numpy.errstate(all="ignore"):  # of which PyTorch does not warn either
            output, ctx.residuals = call.forward(*put_together(call.args, _arrays(inputs)))
        outputs: list[torch.Tensor] = []
        call.output = take_apart(map_leaves(_tensor, output), outputs)
        ctx.call, ctx.like = call, [(y.shape, y.dtype) for y in outputs]
        # Autograd sees what is changed in place: residuals may be in the memory of what is saved.
        ctx.save_for_backward(*inputs, *_sharing(outputs, ctx.residuals))
        ctx.set_materialize_grads(False)
        return tuple(outputs)

    @staticmethod
    def backward(ctx, *cotangents):
        saved, call, count = ctx.saved_tensors, ctx.call, len(ctx.needs_input_grad) - 1
        if all(g is None for g in cotangents):
            return (None,) * (1 + count)
        refuse_batches(call, cotangents)
        given = [
            torch.zeros(shape, dtype=dtype) if g is None else g
            for g, (shape, dtype) in zip(cotangents, ctx.like, strict=True)
        ]
        with numpy.errstate(all="ignore"):
            grads = call.backward(put_together(call.output, _arrays(given)), ctx.residuals)
        found = [None] * count
        collect(call.args, grads, found)
        found = [_tensor(g) for g in found]
        if torch.is_grad_enabled():
            found = _Underived.apply(call.name, found, *saved[:count], *given)
        return None, *found


class _Underived(torch.autograd.Function):
    """Return cotangents as functions of what they depend on, and refuse their derivatives."""

    @staticmethod
    def forward(ctx, name, found, *others):
        ctx.name = name
        return tuple(found)

    @staticmethod
    def backward(ctx, *cotangents):
        refuse_second_derivative(ctx.name)


def _sharing(outputs, residuals):
    """Return the outputs in whose memory there may be residuals."""
    held: list[numpy.ndarray] = []
    map_leaves(lambda x: held.append(x) if isinstance(x, numpy.ndarray) else None, residuals)
    return [y for y in outputs if any(numpy.may_share_memory(x, y.numpy()) for x in held)]


def _arrays(tensors):
    return [x.detach().resolve_conj().resolve_neg().numpy() for x in tensors]


def _tensor(leaf):
    if isinstance(leaf, numpy.generic):
        leaf = numpy.asarray(leaf)
    return torch.from_numpy(leaf) if isinstance(leaf, numpy.ndarray) else leaf
