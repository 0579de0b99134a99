"""Time loops as single operations of a compiled graph.

A compiler that traced a loop would make a graph as long as the sequence. It is told instead what
comes out, of which shape, and which operation takes cotangents back; lengths may then stay unknown
to it. A loop is known to the operations by its number, since these take tensors and integers only.
"""

from typing import Any

import torch

from .._projected import Projected
from .._unroll import backward, forward

_LOOPS: list[Any] = []


class ProjectedLoop:
    """``unroll(W, X W_in^T + c, h0, b)``."""

    inputs, first, before = 1, 4, 1

    def __init__(self, activation):
        self.activation, self.pair = activation, Projected(activation)

    def states(self, *args):
        """Return h_0, ..., h_T, and arguments of an activation that needs them."""
        H, inputs = self.pair.states(*args)
        return H, H.new_empty(0) if inputs is None else inputs

    def cotangents(self, G, H, inputs, args, wanted):
        """Return those of all arguments."""
        W, X, W_in, _, _, b = args
        inner = W, H, inputs if self.activation.needs_input else None, b
        return self.pair.backward((G[1:], None), (X, W_in, inner), wanted)


class DenseLoop:
    """``unroll(W, Z, h0, b)``."""

    inputs, first, before = 1, 2, 1

    def __init__(self, activation):
        self.activation = activation

    def states(self, *args):
        """Return h_0, ..., h_T, and arguments of an activation that needs them."""
        _, (_, H, inputs, _) = forward(*args, activation=self.activation)
        return H, torch.stack(inputs) if inputs else H.new_empty(0)

    def cotangents(self, G, H, inputs, args, wanted):
        """Return those of all arguments."""
        saved = args[0], H, inputs.unbind() if self.activation.needs_input else [], args[3]
        return backward(G[1:], saved, activation=self.activation)


class FactorLoop:
    """A loop by the factors of its matrix, which runs again backward and keeps nothing."""

    inputs, first, before = 2, 3, 0

    def __init__(self, op, options):
        self.op, self.options, self.activation = op, options, options["activation"]

    def states(self, *args):
        """Return h_1, ..., h_T."""
        H = self.op(*args, **self.options)
        return H.clone(), H.new_empty(0)

    def cotangents(self, G, H, inputs, args, wanted):
        """Return those of all arguments."""
        return self.op.backward(G, self.op.forward(*args, **self.options)[1])


def number_of(loop):
    """Return the number by which operations know a loop from now on."""
    _LOOPS.append(loop)
    return len(_LOOPS) - 1


def run_opaque(number, *args):
    """Return h_1, ..., h_T; for a compiler to trace."""
    tensors, present = [x for x in args if x is not None], [x is not None for x in args]
    H, _ = torch.ops.stiefelkit.unroll(tensors, number, present)
    return H[_LOOPS[number].before :]


@torch.library.custom_op("stiefelkit::unroll", mutates_args=())
def _run(
    tensors: list[torch.Tensor], number: int, present: list[bool]
) -> tuple[torch.Tensor, torch.Tensor]:
    return _LOOPS[number].states(*_arguments(tensors, present))


@_run.register_fake
def _(tensors, number, present):
    loop, args = _LOOPS[number], _arguments(tensors, present)
    steps, h0 = args[loop.inputs].shape[0], args[loop.first]
    keeps = loop.before and loop.activation.needs_input
    kept = h0.new_empty((steps, *h0.shape) if keeps else 0)
    return h0.new_empty((loop.before + steps, *h0.shape)), kept


@torch.library.custom_op("stiefelkit::unroll_backward", mutates_args=())
def _run_back(
    G: torch.Tensor,
    H: torch.Tensor,
    inputs: torch.Tensor,
    tensors: list[torch.Tensor],
    number: int,
    present: list[bool],
    needed: list[bool],
) -> list[torch.Tensor]:
    args, wanted = _arguments(tensors, present), _arguments(needed, present)
    grads = _LOOPS[number].cotangents(G, H, inputs, args, wanted)
    there = [g for g, known in zip(grads, present, strict=True) if known]
    return [
        g.contiguous() if wish else x.new_empty(0)
        for g, x, wish in zip(there, tensors, needed, strict=True)
    ]


@_run_back.register_fake
def _(G, H, inputs, tensors, number, present, needed):
    return [x.new_empty(x.shape if wish else 0) for x, wish in zip(tensors, needed, strict=True)]


def _setup(ctx, inputs, output):
    tensors, ctx.number, ctx.present = inputs
    ctx.save_for_backward(*output, *tensors)


def _backward(ctx, G, _):
    H, inputs, *tensors = ctx.saved_tensors
    needed = list(ctx.needs_input_grad[0])
    grads = torch.ops.stiefelkit.unroll_backward(
        G, H, inputs, tensors, ctx.number, ctx.present, needed
    )
    return [g if wish else None for g, wish in zip(grads, needed, strict=True)], None, None


_run.register_autograd(_backward, setup_context=_setup)


def _arguments(tensors, present):
    rest = iter(tensors)
    return [next(rest) if known else None for known in present]
