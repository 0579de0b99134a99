"""Random numbers of the host, from a seed of PyTorch's."""

import numpy
import torch


def generator(rng):
    """Return a host generator, by default with a seed that PyTorch draws."""
    # On the host, also where the default device has no values.
    seed = int(torch.randint(2**31, (), device="cpu")) if rng is None else rng
    return numpy.random.default_rng(seed)
