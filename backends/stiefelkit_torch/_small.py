"""Batches of small matrices on a CPU, by the compiled kernels for NumPy arrays.

Tensors and arrays share their memory. Where there is no such kernel, on a GPU, and where somebody
watches the operations, these decline.
"""

import numpy
import torch

from stiefelkit import kernel_for
from stiefelkit.linalg import cayley as transform
from stiefelkit.linalg import cayley_rotate as rotate

from ._plain import plain


def solve(A, B, /):
    """Eliminate in sixteen systems at once.

    Benchmark: torch_front.SmallBatches. PyTorch calls LAPACK for each system. Agrees with the
    reference to a multiple of n eps times the condition number.
    """
    return _run("solve", A, B)


def cayley(A, /):
    """Transform sixteen square matrices at once.

    Benchmark: torch_front.SmallBatches. PyTorch calls LAPACK for each of them. Agrees with the
    reference to a multiple of n eps times the condition number.
    """
    return _run("cayley", A)


def cayley_forward(A, /):
    """Transform sixteen square matrices at once, and keep the result.

    Benchmark: torch_front.SmallBatches.
    """
    return _run("cayley.forward", A)


def cayley_backward(G, Q, /):
    """Multiply by the transform from both sides, in sixteen matrices at once.

    Benchmark: torch_front.SmallBatches.
    """
    out = _run("cayley.backward", G, Q)
    if out is NotImplemented:
        n = Q.shape[-1]
        Y = Q + torch.eye(n, dtype=Q.dtype, device=Q.device)
        return transform.vjp[1](G, (Q[..., n:, :], Y))
    return out


def cayley_retract(Q, Z, /):
    """Retract sixteen tangent vectors at once, in one pass over them.

    Benchmark: torch_front.SmallBatches. The reference is a dozen passes over memory, and PyTorch
    calls LAPACK for each matrix. Agrees with the reference to a multiple of n eps, times the
    squared length of the tangent vector.
    """
    return _run("cayley_retract", Q, Z)


def cayley_rotate(X, A, d=None, /, *, fixed=False):
    """Rotate sixteen matrices at once, in one pass over them.

    Benchmark: torch_front.SmallBatches. The reference is a dozen passes over memory, and PyTorch
    calls LAPACK for each matrix. Agrees with the reference to a multiple of n eps.
    """
    return _run("cayley_rotate", X, A, d)


def rotate_forward(X, A, d=None, /, *, fixed=False):
    """Rotate sixteen matrices at once, and keep the result.

    Benchmark: torch_front.SmallBatches.
    """
    return _run("cayley_rotate.forward", X, A, d, fixed=fixed)


def rotate_backward(G, saved, /, *, fixed=False):
    """Solve with the adjoint, in sixteen matrices at once.

    Benchmark: torch_front.SmallBatches.
    """
    out = _run("cayley_rotate.backward", G, saved, fixed=fixed)
    if out is NotImplemented:
        return rotate.vjp[1](G, rotate.vjp[0](*saved[:3])[1], fixed=fixed)
    return out


def _run(name, *args, **options):
    """Run a kernel for NumPy arrays on the memory of tensors, or decline."""
    flat = [x for arg in args for x in (arg if isinstance(arg, tuple) else (arg,))]
    tensors = [x for x in flat if x is not None]
    if not plain(*tensors) or any(x.device.type != "cpu" for x in tensors):
        return NotImplemented
    kernel = kernel_for("numpy", name)
    if kernel is None:
        return NotImplemented
    known: dict[int, torch.Tensor] = {}
    out = kernel(*(_arrays(arg, known) for arg in args), **options)
    return _tensors(out, known)


def _arrays(tree, known):
    """Return a tensor, or several, as arrays; `known` says which tensor is which array."""
    if isinstance(tree, tuple):
        return tuple(_arrays(branch, known) for branch in tree)
    if tree is None:
        return None
    array = tree.detach().resolve_conj().resolve_neg().numpy()
    known[id(array)] = tree
    return array


def _tensors(tree, known):
    if isinstance(tree, tuple):
        return tuple(_tensors(branch, known) for branch in tree)
    if not isinstance(tree, numpy.ndarray):
        return tree
    return known.setdefault(id(tree), torch.from_numpy(tree))
