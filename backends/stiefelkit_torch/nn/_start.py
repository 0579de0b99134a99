"""Numbers that modules start from."""

import torch
from torch.nn.utils import parametrize

from stiefelkit.manifolds import Stiefel


@torch.no_grad()
def set_leaves(module, name, leaves):
    """Write the leaves of a parametrization to those of a weight of a module."""
    parts = module.parametrizations[name]
    free = parts[0].take(leaves)
    free = free if isinstance(free, tuple) else (free,)
    for original, leaf in zip(parts.parameters(recurse=False), free, strict=True):
        original.copy_(leaf)


@torch.no_grad()
def draw_leaves(module, name, rng):
    """Draw a weight of a module anew; a baked one uniformly."""
    if not parametrize.is_parametrized(module, name):
        weight = getattr(module, name)
        n, p = max(weight.shape), min(weight.shape)
        like = torch.empty(
            0, dtype=torch.promote_types(weight.dtype, torch.float32), device=weight.device
        )
        Q = Stiefel().random_point(n, p, rng=rng, like=like)
        weight.copy_(Q if weight.shape[0] >= weight.shape[1] else Q.mT)
        return
    parts = module.parametrizations[name]
    originals, made = list(parts.parameters(recurse=False)), parts[0]
    dtype = made.dtype(originals)
    dtype = dtype if dtype.itemsize > 2 else torch.float32  # the maps factor none of 16 bits
    like = torch.empty(0, dtype=dtype, device=originals[0].device)
    set_leaves(module, name, made.parametrization.init(rng=rng, like=like))
