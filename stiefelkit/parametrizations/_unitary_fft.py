"""The structured unitary matrices of the unitary evolution RNN."""

import dataclasses
import math
from typing import Any, ClassVar, NoReturn

from .._typing import RNG, Array
from .._xp import array_namespace, eye_like, generator, is_complex, uniform
from ..linalg import unitary_fft_apply
from ._base import AbstractParametrization, Params


@dataclasses.dataclass(frozen=True)
class UnitaryFFT(AbstractParametrization):
    r"""Unitary matrices of 7n real parameters, applied by Fourier transforms.

    .. math:: D_3 R_2 F^{-1} D_2 \Pi R_1 F D_1

    Leaves: the phases `omega` of the :math:`D_k`, real, shape ``(..., 3, n)``, and the
    vectors `V` of the reflections :math:`R_k`, shape ``(..., 2, n)``, of any lengths but
    zero. The permutation :math:`\Pi` stays. There are no signs: the phases do their work.

    Parameters
    ----------
    n, p : int
        Rows and columns, which are as many.
    permutation : int or tuple of int
        Row i of :math:`\Pi X` is row ``permutation[i]`` of X; an integer is the seed by which
        the order is drawn.

    Raises
    ------
    ValueError
        For a frame that is not square; by `from_matrix`, as 7n parameters do not span the
        :math:`n^2` dimensions of the unitary group.
    TypeError
        If parameters are drawn for a real dtype.

    Notes
    -----
    Applying it costs :math:`O(nm\log n)` flops, forming the matrix :math:`O(n^2\log n)`.
    [ArjovskyShahBengio:2016]_, equation 6; `init` draws phases uniformly from
    :math:`[-\pi, \pi]` and reflection vectors from the square :math:`[-1, 1]^2` of the complex
    plane, as published there.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import orthonormality_error
    >>> from stiefelkit.parametrizations import UnitaryFFT
    >>> fft = UnitaryFFT(8)
    >>> params = fft.init(rng=0, like=np.empty(0, complex))
    >>> bool(orthonormality_error(fft.matrix(params)) < 1e-14)
    True
    """

    surjective: ClassVar[bool] = False
    complex_only: ClassVar[bool] = True

    permutation: int | tuple[int, ...] = 0

    def __post_init__(self):
        super().__post_init__()
        if self.p != self.n:
            raise ValueError(
                f"`UnitaryFFT` is a square matrix. Got n={self.n} and p={self.p}; leave `p` out."
            )
        if self.free_phases:
            raise ValueError("`UnitaryFFT` has free phases anyway. Leave `free_phases` out.")
        order = self.permutation
        if isinstance(order, int):
            order = generator(order).permutation(self.n)
        order = tuple(int(i) for i in order)
        if sorted(order) != list(range(self.n)):
            raise ValueError(
                f"`UnitaryFFT` takes a seed or a `permutation` of 0, ..., {self.n - 1}. "
                f"Got one of {len(order)} entries that is not."
            )
        object.__setattr__(self, "permutation", order)

    @property
    def fixed(self) -> frozenset[str]:
        """Names of the leaves that optimizers leave alone: none."""
        return frozenset()

    def init(self, *, rng: RNG = None, like: Array) -> Params:
        """Draw phases and reflection vectors, in the library of `like`, which is complex."""
        if not is_complex(like):
            raise TypeError(
                f"`UnitaryFFT` is for complex matrices. Got {like.dtype}; use complex64 or "
                "complex128."
            )
        rng, n = generator(rng), self.n
        omega = uniform(-math.pi, math.pi, (3, n), rng, like)
        return {"omega": omega, "V": uniform_complex(1.0, (2, n), rng, like)}

    def _inverse(self, Q: Array) -> NoReturn:
        raise ValueError(
            f"`UnitaryFFT` has no parameters for a given matrix: its 7n = {7 * self.n} do not "
            f"span the n^2 = {self.n**2} dimensions of the unitary group. Use `init`, or another "
            "parametrization such as `CWY`."
        )

    def _map_forward(self, params: Params) -> tuple[Array, Any]:
        return self.apply_forward(params, eye_like(params["V"], self.n))

    def _map_backward(self, G: Array, residuals: Any) -> Params:
        return self.apply_backward(G, residuals)[0]

    def matrix_forward(self, params: Params) -> tuple[Array, Any]:
        """Return the matrix, and residuals for `matrix_backward`."""
        return self._map_forward(params)

    def matrix_backward(self, G: Array, residuals: Any) -> Params:
        """Return the cotangents of the parameters."""
        return self._map_backward(G, residuals)

    def apply_forward(self, params: Params, X: Array) -> tuple[Array, Any]:
        """Return the product, and residuals for `apply_backward`."""
        options = {"permutation": self.permutation}
        return unitary_fft_apply.forward(params["omega"], params["V"], X, **options)

    def apply_backward(self, G: Array, residuals: Any) -> tuple[Params, Array]:
        """Return the cotangents of the parameters and of `X`."""
        domega, dV, dX = unitary_fft_apply.backward(G, residuals)
        return {"omega": domega, "V": dV}, dX


def uniform_complex(bound: float, shape: tuple[int, ...], rng: RNG, like: Array) -> Array:
    """Draw complex numbers whose real and imaginary parts are uniform in [-bound, bound]."""
    xp = array_namespace(like)
    real, imag = (xp.astype(uniform(-bound, bound, shape, rng, like), like.dtype) for _ in range(2))
    return real + 1j * imag
