"""Numbers that modules start from."""

import numpy
import torch


def generator(rng):
    """Return a host generator, by default with a seed that PyTorch draws."""
    # On the host, also where the default device has no values.
    seed = int(torch.randint(2**31, (), device="cpu")) if rng is None else rng
    return numpy.random.default_rng(seed)


@torch.no_grad()
def set_leaves(module, name, leaves):
    """Write the leaves of a parametrization to those of a weight of a module."""
    parts = module.parametrizations[name]
    free = parts[0].take(leaves)
    free = free if isinstance(free, tuple) else (free,)
    for original, leaf in zip(parts.parameters(recurse=False), free, strict=True):
        original.copy_(leaf)


def draw_leaves(module, name, rng):
    """Draw a weight of a module anew."""
    parts = module.parametrizations[name]
    originals, made = list(parts.parameters(recurse=False)), parts[0]
    dtype = made.dtype(originals)
    dtype = dtype if dtype.itemsize > 2 else torch.float32  # the maps factor none of 16 bits
    like = torch.empty(0, dtype=dtype, device=originals[0].device)
    set_leaves(module, name, made.parametrization.init(rng=rng, like=like))
