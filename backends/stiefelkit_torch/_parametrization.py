"""A stiefelkit parametrization as a parametrization of a PyTorch module."""

import functools
import math

import torch

from stiefelkit.linalg import orthonormality_error, orthonormalize
from stiefelkit.parametrizations import AbstractParametrization

from ._call import _own_dtype
from ._function import differentiable_pair
from ._rng import generator

_HALF = (torch.float16, torch.bfloat16)


@functools.cache
def differentiable_matrix(parametrization: AbstractParametrization):
    """Return `parametrization.matrix` as a function of a dict of tensors.

    Equal parametrizations share it, so that layers of one size share what is compiled.
    """

    def backward(G, residuals):
        return (parametrization.matrix_backward(G, residuals),)

    return differentiable_pair(
        parametrization.matrix_forward,
        backward,
        name=f"{type(parametrization).__name__}.matrix",
        batch_axes=lambda args, ndims: [0] * len(ndims),  # the leaves have the same ones
        portable=True,
    )


class Orthogonal(torch.nn.Module):
    """Turns the leaves of a parametrization into a weight, and a weight into leaves.

    The free leaves are what `torch.nn.utils.parametrize` calls originals; fixed ones are buffers.
    A wide weight is the transpose of a frame.
    """

    def __init__(self, weight, parametrization, *, project=False, rng=None):
        super().__init__()
        self.parametrization, self.project = parametrization, project
        self.shape, self.wide = tuple(weight.shape), weight.shape[-2] < weight.shape[-1]
        self.matrix = differentiable_matrix(parametrization)
        leaves = self._start(weight.detach(), rng)
        self.fixed = tuple(name for name in leaves if name in parametrization.fixed)
        self.free = tuple(name for name in leaves if name not in parametrization.fixed)
        # Such as angles and phases of a complex weight.
        real = [name for name in leaves if not leaves[name].is_complex()]
        self.real = frozenset(real if weight.is_complex() else ())
        for name in self.fixed:
            # QR leaves columns in a row, which products and kernels would copy in each step.
            leaf = leaves[name].clone(memory_format=torch.contiguous_format)
            self.register_buffer(name, leaf)
        self._started = leaves

    def forward(self, *leaves):
        """Return the weight; of 16-bit leaves, it is formed in 32."""
        Q = self.matrix(self.params(leaves))
        Q = Q.to(leaves[0].dtype) if leaves[0].dtype in _HALF else Q
        return Q.mT if self.wide else Q

    def params(self, leaves):
        """Return the dict of leaves that the parametrization takes, of 32 bits at least."""
        params = dict(zip(self.free, leaves, strict=True))
        params.update({name: getattr(self, name) for name in self.fixed})
        if self.real:
            return self._of_one_precision(params)
        if leaves[0].dtype in _HALF:
            return {name: leaf.float() for name, leaf in params.items()}
        return params

    def _of_one_precision(self, params):
        """Return real leaves that fit to the complex ones, whatever `Module.to` made of them.

        It makes all of them complex, and `Module.double` leaves those as they are that are.
        """
        kept = [x for name, x in params.items() if name not in self.real] or list(params.values())
        dtype = torch.float32 if kept[0].dtype in _HALF else kept[0].real.dtype
        params = {name: x.real if name in self.real else x for name, x in params.items()}
        return {name: x.to(dtype if name in self.real else x.dtype) for name, x in params.items()}

    def dtype(self, leaves):
        """Return the dtype of the weight: the phases of a complex one are real leaves."""
        dtypes = [leaf.dtype for leaf in (*leaves, *self.buffers())]
        return functools.reduce(torch.promote_types, dtypes)

    @torch.no_grad()
    def right_inverse(self, weight):
        """Return the free leaves of a weight, and take over the fixed ones."""
        # The first call comes from `register_parametrization`, with the start that is known.
        leaves = self._started if self._started is not None else self.leaves(weight)
        self._started = None
        return self.take(leaves)

    def take(self, leaves):
        """Set the fixed leaves, and return the free ones as `parametrize` wants them."""
        for name in self.fixed:
            getattr(self, name).copy_(leaves[name])
        free = tuple(leaves[name] for name in self.free)
        return free if len(free) > 1 else free[0]

    @torch.no_grad()
    def leaves(self, weight):
        """Return the leaves of an orthonormal weight, of another if it may be projected."""
        if tuple(weight.shape) != self.shape:
            raise ValueError(
                f"The weight has shape {self.shape}. Got one of shape {tuple(weight.shape)}."
            )
        with _own_dtype([weight]):
            Q = self._frame(weight)
            error, allowed = _error(Q, weight.dtype)
            if error > allowed and not self.project:
                which = "rows" if self.wide else "columns"
                raise ValueError(
                    f"The weight has orthonormal {which}. Got one with |Q^T Q - I| = {error:.1e}, "
                    f"above {allowed:.1e}. Pass the Q factor of `torch.linalg.qr`, or register by "
                    "`orthogonal(..., project=True)`, which takes that of every value."
                )
            return self._inverse(orthonormalize(Q) if error > allowed else Q, weight.dtype)

    @torch.no_grad()
    def _start(self, weight, rng):
        with _own_dtype([weight]):
            Q = self._frame(weight)
            error, allowed = _error(Q, weight.dtype)
            Q = orthonormalize(Q) if error > allowed else Q
            return self._inverse_or_drawn(Q, weight, rng)

    def _inverse_or_drawn(self, Q, weight, rng):
        try:
            return self._inverse(Q, weight.dtype)
        except ValueError:  # it does not reach every matrix, so it draws one of its own
            rng, batch = generator(rng), Q.shape[:-2]
            drawn = [self.parametrization.init(rng=rng, like=Q) for _ in range(math.prod(batch))]
            stacked = {name: torch.stack([leaves[name] for leaves in drawn]) for name in drawn[0]}
            return {
                name: leaf.reshape(*batch, *leaf.shape[1:]).to(_kind(leaf, weight.dtype))
                for name, leaf in stacked.items()
            }

    def _frame(self, weight):
        Q = weight.detach().mT if self.wide else weight.detach()
        return Q.float() if weight.dtype in _HALF else Q.resolve_conj()

    def _inverse(self, Q, dtype):
        leaves = self.parametrization.from_matrix(Q)
        # In memory of their own: a leaf may be the matrix itself.
        return {name: x.to(_kind(x, dtype), copy=True) for name, x in leaves.items()}

    def extra_repr(self):
        return repr(self.parametrization)


def _kind(leaf, dtype):
    """Return the dtype in which a leaf of a weight of `dtype` is kept."""
    return dtype if dtype in _HALF else leaf.dtype


def _error(Q, dtype):
    """Return how far frames are from orthonormal, and how far rounding can bring them.

    Of as many reflections or rotations as columns, errors grow with the root of n, at about half
    of what is allowed.
    """
    if Q.is_meta or Q.numel() == 0:
        return 0.0, 0.0
    n, p = Q.shape[-2:]
    slack = 2 if dtype in _HALF else max(20.0, 2 * math.sqrt(n))
    error, allowed = float(orthonormality_error(Q).max()), torch.finfo(dtype).eps * math.sqrt(p)
    if not math.isfinite(error) and not bool(torch.isfinite(Q).all()):
        raise ValueError(
            f"The weight has finite numbers. Got NaN or infinite ones in a weight of shape "
            f"{tuple(Q.shape)}."
        )
    return error, slack * allowed
