"""The unitary evolution RNN."""

import dataclasses
import math
from typing import Any, ClassVar, Literal

from .._kernels import kernel_for, kernels_enabled
from .._typing import RNG, Array, Tree
from .._xp import (
    array_namespace,
    device,
    generator,
    is_complex,
    namespace_key,
    real_dtype,
    uniform,
    zeros_like,
)
from ..manifolds import Euclidean
from ..parametrizations import UnitaryFFT
from ..parametrizations._unitary_fft import uniform_complex
from ._activation import AbstractActivation, ModReLU
from ._cell import AbstractCell, check_sizes
from ._unroll_unitary_fft import unroll_unitary_fft

# Units from which transforms take less time in a forward and backward pass: measured on CPUs in
# complex64 with batches of 4 to 128, the second one with both loops compiled; the formulas of the
# notes do not know of caches. The compiled loop with the matrix is for batches that are not small.
_FFT_FROM = 256
_FFT_FROM_COMPILED = 512
_COMPILED_BATCH = 16


@dataclasses.dataclass(frozen=True)
class UnitaryCell(AbstractCell):
    r"""The unitary evolution RNN: a complex state, a matrix of 7n parameters, a learned start.

    .. math:: h_t = \operatorname{modReLU}_b(h_{t-1} W^\top + x_t W_{in}^\top), \qquad
        W = D_3 R_2 F^{-1} D_2 \Pi R_1 F D_1

    Parameters: `W_in`, the leaves of `UnitaryFFT` as `recurrent`, `b`, and the state `h0`
    before the first step, of shape ``(n,)``, which a state given to `forward` replaces.

    Parameters
    ----------
    input_size, hidden_size : int
    initialization : {"published", "released"}
        That of the paper, or of its authors' code, where b is uniform in ±0.01 instead of
        zero, and the range of `W_in` counts real and imaginary units as two.
    recurrence : {"auto", "dense", "fft"}
        Apply W as a matrix formed once for all steps, or by Fourier transforms in every step.
    permutation : int or tuple of int
        The order :math:`\Pi`, or the seed that it is drawn by.

    Raises
    ------
    TypeError
        If parameters are drawn for a real dtype.

    Notes
    -----
    A step of one sample costs :math:`8n^2` flops densely, :math:`O(n \log n)` by transforms,
    whose flops are slower, and whose gradients take two more products. "auto" takes the
    cheaper one, transforms from 256 units on, or from 512 where there are compiled loops, if there
    are 16 samples or more.

    [ArjovskyShahBengio:2016]_, equations 6 to 8 and section 4: phases uniform in
    :math:`\pm\pi`, reflection vectors in ±1, `W_in` in :math:`\pm\sqrt{6/(n + d)}`, `h0` in
    :math:`\pm\sqrt{3/(2n)}`, so that its expected squared norm is 1; real and imaginary parts
    are drawn alike.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import UnitaryCell
    >>> cell = UnitaryCell(1, 4)
    >>> H, _ = cell.forward(cell.init(rng=0, like=np.empty(0, complex)), np.ones((3, 2, 1)))
    >>> H.shape, H.dtype
    ((3, 2, 4), dtype('complex128'))
    """

    complex_only: ClassVar[bool] = True
    orthogonal: ClassVar[bool] = True
    activation: ClassVar[AbstractActivation] = ModReLU()  # type: ignore[misc]

    input_size: int
    hidden_size: int
    initialization: Literal["published", "released"] = "published"
    recurrence: Literal["auto", "dense", "fft"] = "auto"
    permutation: int | tuple[int, ...] = 0

    def __post_init__(self):
        check_sizes(self)
        for name, known in (
            ("initialization", ("published", "released")),
            ("recurrence", ("auto", "dense", "fft")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"`{name}` is one of {', '.join(known)}. Got {getattr(self, name)!r}."
                )
        map_ = UnitaryFFT(self.hidden_size, permutation=self.permutation)
        object.__setattr__(self, "permutation", map_.permutation)

    @property
    def _map(self) -> UnitaryFFT:
        return UnitaryFFT(self.hidden_size, permutation=self.permutation)

    def by_transforms(self, batch: int, compiled: bool) -> bool:
        """Say whether W is applied to so many samples by transforms.

        `compiled` says whether the loops, with the matrix and by transforms, are compiled.
        """
        if self.recurrence != "auto":
            return self.recurrence == "fft"
        compiled = compiled and batch >= _COMPILED_BATCH
        return self.hidden_size >= (_FFT_FROM_COMPILED if compiled else _FFT_FROM)

    def init(self, *, rng: RNG = None, like: Array) -> dict[str, Tree]:
        """Draw parameters in the library, dtype and device of `like`, which is complex."""
        if not is_complex(like):
            raise TypeError(
                f"`UnitaryCell` has a complex state. Got {like.dtype}; use complex64 or complex128."
            )
        n, d, rng = self.hidden_size, self.input_size, generator(rng)
        released = self.initialization == "released"
        bound = math.sqrt(6 / (d + (2 * n if released else n)))
        spread = 0.01 if released else 0.0
        return {
            "W_in": uniform_complex(bound, (n, d), rng, like),
            "recurrent": self._init_recurrent(rng, like),
            "h0": uniform_complex(math.sqrt(3 / (2 * n)), (n,), rng, like),
            "b": uniform(-spread, spread, (n,), rng, like)
            if released
            else zeros_like(like, (n,), real_dtype(like)),
        }

    def _init_recurrent(self, rng: RNG, like: Array) -> Tree:
        return self._map.init(rng=rng, like=like)

    def _recurrent_manifolds(self, params: Tree) -> Tree:
        return dict.fromkeys(params, Euclidean())

    def recurrent_forward(self, params: Tree) -> tuple[Array, Any]:
        return self._map.matrix_forward(params)

    def recurrent_backward(self, G: Array, residuals: Any) -> Tree:
        return self._map.matrix_backward(G, residuals)

    def forward(self, params, X, h0=None, *, last=False, outer=False):
        """Return the states, shape ``(T, B, n)`` or the last one, and residuals.

        As for every cell, but the first state is the learned one by default, and there is no
        cotangent of W that `outer` could leave in factors.
        """
        H, residuals = super().forward(params, X, h0, last=last)
        return H, (h0 is None, residuals)

    def backward(self, G: Array, residuals: Any) -> tuple[dict[str, Tree], Array]:
        """Return the cotangents of the parameters and of the first states, ``(B, n)``."""
        learned, inner = residuals
        grads, dh0 = super().backward(G, inner)
        total = array_namespace(dh0).sum(dh0, axis=0)
        return {**grads, "h0": total if learned else 0 * total}, dh0

    def _first_state(self, params: dict[str, Tree], B: int) -> Array:
        h0 = params["h0"]
        return zeros_like(h0, (B, self.hidden_size)) + h0

    def _loop_forward(self, params, X, h0, *, last, outer):
        if not self.by_transforms(X.shape[1], _is_compiled(X)):
            H, saved = super()._loop_forward(params, X, h0, last=last, outer=outer)
            return H, (None, saved)
        Z, projected = self._project(params, X)
        omega, V = params["recurrent"]["omega"], params["recurrent"]["V"]
        options = {"permutation": self.permutation, "activation": self.activation, "last": last}
        H, saved = unroll_unitary_fft.forward(omega, V, Z, h0, params["b"], **options)
        return H, (projected, saved)

    def _loop_backward(self, G, saved):
        projected, inner = saved
        if projected is None:
            return super()._loop_backward(G, inner)
        domega, dV, dZ, dh0, db = unroll_unitary_fft.backward(G, inner)
        recurrent = {"omega": domega, "V": dV}
        return {**self._project_backward(dZ, projected), "recurrent": recurrent, "b": db}, dh0


def _is_compiled(X):
    """Say whether there are compiled loops, which are for the memory of NumPy arrays."""
    names = {namespace_key(array_namespace(X)), "numpy"}
    loops = [kernel_for(name, "unroll_unitary_fft.forward") for name in names]
    return kernels_enabled() and None not in loops and "cpu" in str(device(X))
