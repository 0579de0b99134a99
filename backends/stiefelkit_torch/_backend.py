"""How to reach PyTorch, and its gradients."""

import numpy
import torch

from stiefelkit import Backend


def _devices():
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ["cpu", *(f"cuda:{i}" for i in range(count))]


def _asarray(host, device=None):
    if isinstance(host, torch.Tensor):
        return torch.asarray(host, device=device)
    # A copy, since PyTorch takes neither negative strides nor, silently, read-only memory.
    return torch.asarray(numpy.array(host, order="C"), device=device)


def _synchronize():
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def value_and_grad(fun):
    """Return a function that gives the value of `fun` and its gradient by autograd.

    The gradient is by the first argument, an array or a tree of arrays (dicts, lists, tuples,
    None), in the convention dL = Re<g, dz>; `fun` returns a real number.
    """

    def evaluate(x, /, *args, **options):
        leaves: list[torch.Tensor] = []
        tracked = _map(lambda leaf: _tracked(leaf, leaves), x)
        with torch.enable_grad():
            value = fun(tracked, *args, **options)
        if isinstance(value, torch.Tensor) and value.requires_grad:
            grads = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        else:  # it depends on none of them
            grads = tuple(torch.zeros_like(leaf) for leaf in leaves)
        ordered = iter(grads)
        value = value.detach() if isinstance(value, torch.Tensor) else value
        return value, _map(lambda leaf: next(ordered).resolve_conj(), x)

    return evaluate


def _tracked(leaf, leaves):
    leaves.append(leaf.detach().requires_grad_())
    return leaves[-1]


def _map(function, tree):
    """Apply `function` to the leaves of a tree, in one order; None stays None."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {key: _map(function, branch) for key, branch in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)([_map(function, branch) for branch in tree])
    return function(tree)


BACKEND = Backend(
    name="torch",
    namespace="array_api_compat.torch",
    version=torch.__version__,
    devices=_devices,
    asarray=_asarray,
    synchronize=_synchronize,
    value_and_grad=value_and_grad,
)
