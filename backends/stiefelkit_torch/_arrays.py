"""Compiled kernels for NumPy arrays, run on the memory of tensors on a CPU."""

import numpy
import torch

from stiefelkit import kernel_for

from ._openmp import in_own_threads
from ._plain import plain


def run_on_arrays(name, *args, **options):
    """Run a kernel for NumPy arrays on the memory of tensors, or decline."""
    flat = [x for arg in args for x in (arg if isinstance(arg, tuple) else (arg,))]
    tensors = [x for x in flat if isinstance(x, torch.Tensor)]
    if not plain(*tensors) or any(x.device.type != "cpu" for x in tensors):
        return NotImplemented
    kernel = kernel_for("numpy", name)
    if kernel is None:
        return NotImplemented
    known: dict[int, torch.Tensor] = {}
    with in_own_threads():
        out = kernel(*(_arrays(arg, known) for arg in args), **options)
    return _tensors(out, known)


def _arrays(tree, known):
    """Return a tensor, or several, as arrays; `known` says which tensor is which array."""
    if isinstance(tree, tuple):
        return tuple(_arrays(branch, known) for branch in tree)
    if not isinstance(tree, torch.Tensor):
        return tree
    array = tree.detach().resolve_conj().resolve_neg().numpy()
    known[id(array)] = tree
    return array


def _tensors(tree, known):
    if isinstance(tree, tuple):
        branches = [_tensors(branch, known) for branch in tree]
        return tuple(branches) if type(tree) is tuple else type(tree)(*branches)
    if not isinstance(tree, numpy.ndarray):
        return tree
    return known.setdefault(id(tree), torch.from_numpy(tree))
