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
    None), in the convention dL = Re<g, dz>; `fun` returns a real number. A value that depends on
    no leaf is an error, since a graph that was lost would look like a gradient of 0.
    """

    def evaluate(x, /, *args, **options):
        leaves: list[torch.Tensor] = []
        with torch.inference_mode(False), torch.enable_grad():
            tracked = _map(lambda leaf: _tracked(leaf, leaves), x)
            value = fun(tracked, *args, **options)
            grads = iter(_gradients(value, leaves))
        return value.detach(), _map(lambda leaf: next(grads).resolve_conj(), x)

    return evaluate


def _tracked(leaf, leaves):
    plain = leaf.clone() if leaf.is_inference() else leaf
    leaves.append(plain.detach().requires_grad_())
    return leaves[-1]


def _gradients(value, leaves):
    """Return the gradient by each leaf, 0 for those that are not used; raise if none is."""
    if not isinstance(value, torch.Tensor):
        found = f"a {type(value).__name__}"
    elif not value.requires_grad:
        found = "a tensor without a graph"
    else:
        grads = torch.autograd.grad(value, leaves, allow_unused=True)
        if any(grad is not None for grad in grads):
            pairs = zip(grads, leaves, strict=True)
            return [torch.zeros_like(leaf) if g is None else g for g, leaf in pairs]
        found = "a tensor that does not depend on it"
    raise ValueError(
        "The function to differentiate returns a tensor that depends on its argument. Got "
        f"{found}. `float`, `.item()`, `.numpy()`, `.detach()` and `torch.no_grad()` lose the "
        "graph of the derivatives: return the tensor itself, or give a gradient of your own."
    )


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
