"""Parameters of a group in one array, as a rule takes them, and back."""

from typing import Any

import torch

from stiefelkit.manifolds import Euclidean

# Entries of a tensor above which it is not stacked: it keeps a device busy by itself, and a
# stack is a copy.
_STACKED = 2**18


def batches(group, keys):
    """Yield lists of parameters that may be stacked: of one shape, dtype, device and key."""
    found: dict[Any, list[torch.Tensor]] = {}
    for p in group["params"]:
        key = keys(p)
        if key is not None:
            alone = id(p) if p.numel() > _STACKED else None
            found.setdefault((p.shape, p.dtype, p.device, alone, key), []).append(p)
    yield from found.values()


def points(params, group):
    return _seen(_stacked([p.detach() for p in params]), group)


def gradients(params, x, group):
    """Return the gradients of what is to be minimized, in arrays of their own if they change."""
    g = _seen(_stacked([p.grad.detach() for p in params]).to(params[0].dtype), group)
    g = -g if group["maximize"] else g
    decay = group.get("weight_decay", 0)
    return g + decay * x if decay else g


def gathered(states, name, group):
    """Return a slot of several parameters: tensors in a stack, host numbers that are equal."""
    values = [s[name] for s in states]
    return _paired(_stacked(values), group) if torch.is_tensor(values[0]) else values[0]


def write(params, y, group):
    y = y.mT if group["rows"] else _unpaired(y, params[0], group)
    torch._foreach_copy_(params, _parts(y.resolve_conj(), len(params)))


def store(params, states, name, value, group):
    """Keep a slot: each parameter has tensors of its own."""
    if not torch.is_tensor(value):
        for s in states:
            s[name] = [int(word) for word in value]
        return
    parts = _parts(_unpaired(value, params[0], group), len(states))
    if name in states[0]:
        torch._foreach_copy_([s[name] for s in states], parts)
    else:
        for s, part in zip(states, parts, strict=True):
            s[name] = part.clone(memory_format=torch.contiguous_format)


def _stacked(tensors):
    found = tensors[0] if len(tensors) == 1 else torch.stack(tensors)
    return found.detach().resolve_conj()


def _parts(value, count):
    return [value] if count == 1 else list(value.unbind())


def _seen(x, group):
    return x.mT if group["rows"] else _paired(x, group)


def _paired(x, group):
    """Return complex numbers on `Euclidean` as pairs of real ones, which they are to PyTorch."""
    flat = isinstance(group["manifold"], Euclidean)
    return torch.view_as_real(x) if flat and x.is_complex() else x


def _unpaired(y, p, group):
    flat = isinstance(group["manifold"], Euclidean)
    return torch.view_as_complex(y.contiguous()) if flat and p.is_complex() else y
