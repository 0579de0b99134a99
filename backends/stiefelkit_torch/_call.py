"""One pair of autograd functions for all hand-derived gradients.

The first runs a forward pass and saves what it leaves, the second runs the backward pass, so that
no graph of the inner operations is made and a second derivative is refused in words.

`torch.func.vmap` runs the batched op once where batch axes are known, and each entry by itself
elsewhere. Residuals have no place in it, so that a backward pass below `vmap` repeats the forward
pass, unless only cotangents are batched, as in `jacrev`.
"""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import torch

from stiefelkit import values_unknown

from ._places import collect, put_together, take_apart
from ._refusals import refuse_batches, refuse_second_derivative

BatchAxes = Callable[[Any, list[int]], list[int]]


@dataclasses.dataclass(frozen=True)
class Call:
    """What a call consists of besides tensors.

    `forward(*args)` returns output and residuals, `backward(G, residuals)` a tree of cotangents for
    each argument. `batch_axes` gives for the tensors of `args` how many of their axes are
    batch, or is None. Residuals are told by where they come from: the inputs and outputs by
    their number, others by None. Without them the forward pass runs again. A `selective` backward
    pass is told which cotangents are needed, and gets None for outputs that have none.

    A witness is an empty tensor that an input has been made to by recorded operations. It goes
    through both passes, so that the cotangents depend on every input, in the residuals or not: a
    second derivative would else leave some out, in silence.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., tuple[Any, ...]]
    batch_axes: BatchAxes | None
    args: Any
    inputs: int
    witnesses: int = 0
    selective: bool = False
    needed: tuple[bool, ...] = ()
    output: Any = None
    outputs: int = 0
    residuals: Any = None
    sources: tuple[int | None, ...] | None = None

    def run(self, tensors):
        with _own_dtype(tensors), _as_traced():
            return self.forward(*put_together(self.args, tensors))

    def taken_apart(self, inputs):
        """Run, and return the tensors of the output and of residuals, and the call then."""
        output, residuals = self.run(inputs)
        outputs: list[torch.Tensor] = []
        kept: list[torch.Tensor] = []
        frame, residuals = take_apart(output, outputs), take_apart(residuals, kept)
        numbers = {id(x): number for number, x in enumerate((*inputs, *outputs))}
        sources = tuple(numbers.get(id(x)) for x in kept)
        made = {"output": frame, "outputs": len(outputs), "residuals": residuals}
        return outputs, kept, dataclasses.replace(self, **made, sources=sources)

    def finished(self, inputs):
        """Run; return the call then, the tensors of the output and of the residuals, no others."""
        outputs, kept, call = self.taken_apart([x.detach() for x in inputs])
        pool = (*inputs, *outputs)
        kept = [x if s is None else pool[s] for x, s in zip(kept, call.sources, strict=True)]
        return call, outputs, kept, ()

    def run_back(self, saved, cotangents):
        """Return the cotangents of the inputs, None where there is none."""
        if self.sources is None:
            _, residuals = self.run(saved)
        else:
            residuals = put_together(self.residuals, saved)
        wanted = (put_together(self.args, self.needed),) if self.selective else ()
        with _own_dtype([*saved, *cotangents]), _as_traced():
            grads = self.backward(put_together(self.output, cotangents), residuals, *wanted)
        found = [None] * self.inputs
        collect(self.args, grads, found)
        return tuple(found)


def _own_dtype(tensors):
    """Return a context that keeps autocast from casting factors of an orthogonal matrix."""
    kind = next(x for x in tensors if x is not None).device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return contextlib.nullcontext()


def _as_traced():
    """Return a context in which no value is looked at, where there is a compiler's tracer."""
    return values_unknown() if torch.compiler.is_compiling() else contextlib.nullcontext()


class Forward(torch.autograd.Function):
    """Return the tensors of the output, those residuals that are neither, and the call."""

    @staticmethod
    def forward(call, *inputs):
        outputs, kept, call = call.taken_apart([x.detach() for x in inputs[: call.inputs]])
        others = [x for x, s in zip(kept, call.sources, strict=True) if s is None]
        return (*outputs, *others, call)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *made, call = output
        outputs, others = made[: call.outputs], made[call.outputs :]
        inputs, witnesses = inputs[1 : 1 + call.inputs], inputs[1 + call.inputs :]
        pool, rest = (*inputs, *outputs), iter(others)
        kept = inputs
        if call.sources is not None:
            kept = [next(rest) if s is None else pool[s] for s in call.sources]
        ctx.save_for_backward(*kept, *witnesses)
        ctx.mark_non_differentiable(*others)
        # Zeros for residuals would take their memory once more.
        ctx.set_materialize_grads(False)
        ctx.call, ctx.like = call, [(x.shape, x.dtype, x.device) for x in outputs]

    @staticmethod
    def backward(ctx, *cotangents):
        given, unused = cotangents[: ctx.call.outputs], (None,) * ctx.call.witnesses
        if all(g is None for g in given):
            return (None,) * (1 + ctx.call.inputs) + unused
        refuse_batches(ctx.call, given)
        if not ctx.call.selective:
            given = [
                torch.zeros(shape, dtype=dtype, device=device) if g is None else g
                for g, (shape, dtype, device) in zip(given, ctx.like, strict=True)
            ]
        needed = ctx.needs_input_grad[1 : 1 + ctx.call.inputs]
        call = dataclasses.replace(ctx.call, needed=needed)
        saved = ctx.saved_tensors
        kept = len(saved) - call.witnesses
        return None, *Backward.apply(call, *saved[:kept], *given, *saved[kept:]), *unused

    @staticmethod
    def jvp(ctx, *tangents):
        raise NotImplementedError(
            f"`{ctx.call.name}` has no forward mode, as its gradient is derived by hand. Use "
            "`torch.func.jacrev` instead of `jacfwd`, and differences of gradients for Hessians."
        )

    @staticmethod
    def vmap(info, in_dims, call, *inputs):
        dims = in_dims[1:]
        if call.batch_axes is None:
            calls = [Forward.apply(call, *_entry(inputs, dims, b)) for b in range(info.batch_size)]
            call, outputs = calls[0][-1], _stack([made[: made[-1].outputs] for made in calls])
        else:
            aligned = _align(call, inputs[: call.inputs], dims, info.batch_size)
            made = Forward.apply(call, *aligned, *inputs[call.inputs :])
            call, outputs = made[-1], made[: made[-1].outputs]
        call = dataclasses.replace(call, residuals=None, sources=None)
        return (*outputs, call), (*(0 for _ in outputs), None)


class Backward(torch.autograd.Function):
    """Return the cotangents of the inputs, given what was saved and those of the outputs."""

    @staticmethod
    def forward(call, *tensors):
        end = len(tensors) - call.witnesses
        kept = end - call.outputs
        tensors = [x if x is None else x.detach() for x in tensors[:end]]
        return call.run_back(tensors[:kept], tensors[kept:])

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.name = inputs[0].name

    @staticmethod
    def backward(ctx, *cotangents):
        refuse_second_derivative(ctx.name)

    @staticmethod
    def vmap(info, in_dims, call, *tensors):
        dims, size = in_dims[1:], info.batch_size
        if call.sources is not None or call.batch_axes is None:
            entries = [Backward.apply(call, *_entry(tensors, dims, b)) for b in range(size)]
            grads = _stack(entries)
        else:
            end = call.inputs + call.outputs
            inputs, given = tensors[: call.inputs], tensors[call.inputs : end]
            aligned = _align(call, inputs, dims, size)
            given = [
                _lead(g, dim, size) for g, dim in zip(given, dims[call.inputs :], strict=False)
            ]
            found = Backward.apply(call, *aligned, *given, *tensors[end:])
            grads = [
                g if g is None else g.reshape(_lead(x, dim, size).shape)
                for g, x, dim in zip(found, inputs, dims, strict=False)
            ]
        return tuple(grads), tuple(None if g is None else 0 for g in grads)


for _function in (Forward, Backward):
    # PyTorch asks for the signature in each call, and to make it takes longer than small products.
    _function.forward.__signature__ = inspect.signature(_function.forward)  # type: ignore[attr-defined]


def _lead(x, dim, size):
    """Return a tensor whose first axis is that of `vmap`."""
    if x is None:
        return None
    return x.expand(size, *x.shape) if dim is None else x.movedim(dim, 0)


def _align(call, inputs, dims, size):
    """Return tensors whose first axis is that of `vmap`, with as many batch axes each."""
    pairs = list(zip(inputs, dims, strict=False))
    axes = call.batch_axes(call.args, [x.ndim - (dim is not None) for x, dim in pairs])
    aligned = []
    for (x, dim), own in zip(pairs, axes, strict=True):
        x = _lead(x, dim, size)
        aligned.append(x.reshape(size, *(1,) * (max(axes) - own), *x.shape[1:]))
    return aligned


def _entry(tensors, dims, b):
    return [x if dim is None else x.select(dim, b) for x, dim in zip(tensors, dims, strict=True)]


def _stack(entries):
    """Stack the tensors of several calls one by one; None stays None."""
    return [
        None if parts[0] is None else torch.stack(parts) for parts in zip(*entries, strict=True)
    ]
