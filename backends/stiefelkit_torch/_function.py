"""Ops, parametrizations and cells as differentiable functions of tensors.

`torch.compile` puts a call into its graph as it is and traces the operations inside afterwards,
which is what `allow_in_graph` is for: nothing of the choice of kernels is compiled, and the program
consists of PyTorch's own operations.
"""

from collections.abc import Callable
from typing import Any

import torch

from ._array_call import ArrayCall, are_small
from ._call import BatchAxes, Call, Forward
from ._eager import run_eagerly, watched_by_autograd_alone
from ._places import Place, put_together, take_apart


def differentiable_pair(
    forward: Callable[..., Any],
    backward: Callable[..., tuple[Any, ...]],
    *,
    name: str,
    batch_axes: BatchAxes | None = None,
    selective: bool = False,
    portable: bool = False,
) -> Callable[..., Any]:
    """Return a function of tensors whose gradient is a hand-derived backward pass.

    Parameters
    ----------
    forward : callable
        ``forward(*args, **options)`` returns output and residuals; both and `args` are trees
        (dicts, lists, tuples) of tensors and of what is no tensor.
    backward : callable
        ``backward(G, residuals)``, with `G` a tree as the output, returns a tuple of one tree for
        each of `args`, with None where nothing is differentiated.
    name : str
        What messages call it.
    batch_axes : callable, optional
        ``batch_axes(args, ndims)`` says how many axes of each tensor of `args` are batch axes,
        given those that it has; leading axes broadcast. `torch.func.vmap` then is one call,
        instead of one for each entry.
    selective : bool
        Call ``backward(G, residuals, wanted)``, with `wanted` the tree of `args` that has booleans
        in place of tensors: whether a cotangent is needed. In `G` None stands for zeros.
    portable : bool
        Say that both passes take arrays of any library, and no tensors among `options`. Of small
        tensors on a CPU they then get NumPy arrays, whose operations take a third of the time of
        PyTorch's. Where only autograd watches, there is less of Python around them.

    Returns
    -------
    callable
        Takes `args` and `options`; only tensors of `args` get gradients. It runs in the dtype of
        its tensors, also under autocast, and has no second derivative and no forward mode.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit.parametrizations import CWY
    >>> from stiefelkit_torch import differentiable_pair
    >>> cwy = CWY(3)
    >>> apply = differentiable_pair(cwy.apply_forward, cwy.apply_backward, name="CWY.apply")
    >>> params = cwy.init(rng=0, like=torch.empty(0))
    >>> X = torch.ones(3, 2, requires_grad=True)
    >>> apply(params, X).sum().backward()
    >>> X.grad.shape
    torch.Size([3, 2])
    """

    def call(*args, **options):
        def run(*args):
            return forward(*args, **options)

        inputs: list[torch.Tensor] = []
        frame = take_apart(args, inputs)
        if not inputs:
            raise TypeError(f"`{name}` takes tensors. Got none.")
        witnesses = _witnesses(inputs)
        counts = len(inputs), len(witnesses)
        alone = portable and watched_by_autograd_alone(inputs)
        if alone and are_small(inputs):
            return run_eagerly(ArrayCall(name, run, backward, frame, *counts), inputs, witnesses)
        call = Call(name, run, backward, batch_axes, frame, *counts, selective)
        if alone and not selective:
            return run_eagerly(call, inputs, witnesses)
        made = Forward.apply(call, *inputs, *witnesses)
        return put_together(made[-1].output, made)

    call.__name__ = call.__qualname__ = name
    return torch.compiler.allow_in_graph(call)


def _witnesses(inputs):
    """Return the witnesses of a call, in memory of their own: views would hold that of inputs."""
    if not torch.is_grad_enabled():
        return []
    return [x.reshape(-1)[:0].clone() for x in inputs if x.requires_grad]


def differentiable(op: Any) -> Callable[..., Any]:
    """Return an op as a function of tensors whose gradient is the op's own.

    Parameters
    ----------
    op : callable
        One of `stiefelkit.ops` with a backward pass.

    Returns
    -------
    callable
        Takes the arguments and options of the op. See `differentiable_pair`.

    Examples
    --------
    >>> import torch
    >>> from stiefelkit.linalg import tcwy_matrix
    >>> from stiefelkit_torch import differentiable
    >>> V = torch.eye(4, 2, requires_grad=True)
    >>> differentiable(tcwy_matrix)(V).sum().backward()
    >>> V.grad.shape
    torch.Size([4, 2])
    """
    places = {p.position: len(p.dims) for p in op.signature.parameters}

    def backward(G, residuals):
        # One cotangent for each array; what is no array stands between them.
        grads = dict(zip(places, op.backward(G, residuals), strict=False))
        return tuple(grads.get(i) for i in range(max(places) + 1))

    def batch_axes(args, ndims):
        cores = [places[i] for i, arg in enumerate(args) if isinstance(arg, Place)]
        return [n - core for n, core in zip(ndims, cores, strict=True)]

    axes = batch_axes if op.signature.batch else None
    return differentiable_pair(
        op.forward, backward, name=op.__name__, batch_axes=axes, portable=True
    )
