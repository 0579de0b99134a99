"""Passes that only autograd watches: one node of its graph, with little of Python around it.

The functions of `_call` are for `torch.func` and compilers, too. That their arguments are bound,
their contexts set up apart and backward passes nodes of their own, takes 50 us in all.
"""

import torch

from ._call import Backward
from ._places import put_together
from ._plain import ordinary
from ._refusals import refuse_batches


def watched_by_autograd_alone(inputs):
    """Say whether a call may run as one node."""
    return not torch._C._are_functorch_transforms_active() and ordinary(inputs)


def run_eagerly(call, inputs, witnesses):
    """Return the output of a call."""
    calls = [call]
    made = _Eager.apply(calls, *inputs, *witnesses)
    return put_together(calls[0].output, made)


class _Eager(torch.autograd.Function):
    """Return the tensors of the output; replace the call by what it is once it has run."""

    @staticmethod
    def forward(ctx, calls, *inputs):
        inputs, witnesses = inputs[: calls[0].inputs], inputs[calls[0].inputs :]
        calls[0], made, kept, seen = calls[0].finished(inputs)
        ctx.call, ctx.like = calls[0], [(y.shape, y.dtype, y.device) for y in made]
        # Autograd sees what is changed in place in what is saved, and so in views of it.
        ctx.save_for_backward(*kept, *witnesses, *seen)
        ctx.kept = len(kept)
        ctx.set_materialize_grads(False)
        return tuple(made)

    @staticmethod
    def backward(ctx, *cotangents):
        saved, call = ctx.saved_tensors, ctx.call
        nothing = (None,) * call.witnesses
        if all(g is None for g in cotangents):
            return (None,) * (1 + call.inputs) + nothing
        refuse_batches(call, cotangents)
        given = [
            torch.zeros(shape, dtype=dtype, device=device) if g is None else g
            for g, (shape, dtype, device) in zip(cotangents, ctx.like, strict=True)
        ]
        kept, witnesses = saved[: ctx.kept], saved[ctx.kept : ctx.kept + call.witnesses]
        if torch.is_grad_enabled() or not ordinary([*kept, *given]):
            return None, *Backward.apply(call, *kept, *given, *witnesses), *nothing
        kept = [x.detach() for x in kept]
        return None, *call.run_back(kept, given), *nothing
