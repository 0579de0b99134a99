"""The time loop of the unitary evolution RNN, whose matrix is applied by Fourier transforms."""

from .._dispatch import dispatchable
from .._typing import Array
from .._xp import array_namespace, conj, index_from_host, size, unit_phase, zeros_like
from ..linalg import unitary_fft_apply
from ..linalg._householder import _unit
from ._activation import AbstractActivation
from ._unroll import advance, output, retrace

_BLOCK = 1 << 18  # entries for which the backward pass remakes what the factors saw


def _check_permutation(omega, V, *_, permutation, **options):
    n = V.shape[-1]
    if sorted(int(i) for i in permutation) != list(range(n)):
        raise ValueError(
            f"`unroll_unitary_fft` takes a `permutation` of 0, ..., {n - 1}. "
            f"Got one of {len(permutation)} entries that is not."
        )


@dispatchable(
    "(3,n),(2,n),(T,B,n),(B,n),(n)?->(T,B,n)",
    kinds={"omega": "real", "V": "complex", "b": "real"},
    batch=False,
    validate=_check_permutation,
)
def unroll_unitary_fft(
    omega: Array,
    V: Array,
    Z: Array,
    h0: Array,
    b: Array | None = None,
    /,
    *,
    permutation: tuple[int, ...],
    activation: AbstractActivation,
    last: bool = False,
) -> Array:
    r"""Run the recurrence of the unitary evolution RNN over all time steps.

    .. math:: h_t = a(z_t + h_{t-1} W^\top, b), \qquad W = D_3 R_2 F^{-1} D_2 \Pi R_1 F D_1

    The transpose in :math:`h W^\top` is the plain one: each row h is multiplied by W.

    Parameters
    ----------
    omega : array, shape ``(3, n)``
        Phases in radians, real.
    V : array, shape ``(2, n)``
        Reflection vectors, complex, of any length but zero.
    Z : array, shape ``(T, B, n)``
        Projected inputs, time first; states are rows.
    h0 : array, shape ``(B, n)``
        State before the first step.
    b : array, shape ``(n,)``, optional
        Real bias of an activation that has one.
    permutation : tuple of int, length n
        As for `unitary_fft_apply`.
    activation : AbstractActivation
    last : bool
        Return the last state only.

    Returns
    -------
    array, shape ``(T, B, n)``, or ``(B, n)`` if `last`

    Raises
    ------
    SingularMatrixError
        For a zero reflection vector on a CPU; elsewhere NaN returns.

    Notes
    -----
    Costs :math:`O(BTn\log n)` flops and keeps the T states. The backward pass applies the
    adjoint in T steps; then the gradients of the factors, sums over time, come from products
    of many states at once. [ArjovskyShahBengio:2016]_, equations 6 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import Identity, unroll_unitary_fft
    >>> h0 = np.asarray([[3.0 + 4.0j]])
    >>> args = np.zeros((3, 1)), np.ones((2, 1), complex), np.zeros((5, 1, 1), complex), h0
    >>> H = unroll_unitary_fft(*args, permutation=(0,), activation=Identity())
    >>> abs(H[:, 0, 0])
    array([5., 5., 5., 5., 5.])
    """
    return _forward(omega, V, Z, h0, b, permutation=permutation, activation=activation, last=last)[
        0
    ]


class _Factors:
    """The factors of W, made once for all steps, and products of W with rows.

    The transforms are not normalized, nor need be: between F and its inverse all is linear.
    """

    def __init__(self, omega, V, permutation):
        order = [int(i) for i in permutation]
        back = sorted(range(len(order)), key=order.__getitem__)
        self.order, self.back = index_from_host(order, V), index_from_host(back, V)
        self.phases = [unit_phase(omega[k, :], V) for k in range(3)]
        self.normals = [_unit(V[k, :])[0] for k in range(2)]
        self.xp = array_namespace(V)

    def product(self, h):
        """Return h W^T."""
        x = self._mirror(0, self._transform(self.xp.fft.fft, self.phases[0] * h))
        x = self.phases[1] * self.xp.take(x, self.order, axis=-1)
        return self.phases[2] * self._mirror(1, self._transform(self.xp.fft.ifft, x))

    def adjoint(self, g):
        """Return g conj(W)."""
        x = self._transform(self.xp.fft.fft, self._mirror(1, conj(self.phases[2]) * g))
        x = self.xp.take(conj(self.phases[1]) * x, self.back, axis=-1)
        return conj(self.phases[0]) * self._transform(self.xp.fft.ifft, self._mirror(0, x))

    def _mirror(self, k, x):
        u = self.normals[k]
        return x - (x @ (2 * conj(u))) * u[:, 0]

    def _transform(self, transform, x):
        # One library refuses to transform an empty array.
        return transform(x, axis=-1) if size(x) else x


def _forward(omega, V, Z, h0, b=None, *, permutation, activation, last=False):
    factors = _Factors(omega, V, permutation)
    H, inputs = advance(factors.product, Z, h0, b, activation)
    return output(H, last), (omega, V, factors, H, inputs, b)


def _backward(G, saved, *, permutation, activation, last=False):
    omega, V, factors, H, inputs, b = saved
    delta, _, dh0, db = retrace(factors.adjoint, G, H, inputs, b, activation, last)
    domega, dV = zeros_like(omega, tuple(omega.shape)), zeros_like(V, tuple(V.shape))
    # In blocks, as a product keeps seven arrays of the size of its argument.
    T, steps = delta.shape[0], max(1, _BLOCK // max(1, size(dh0)))
    for start in range(0, T, steps):
        stop = min(start + steps, T)
        rows = [_rows(X[start:stop, ...]) for X in (H, delta)]
        _, residuals = unitary_fft_apply.forward(omega, V, rows[0].mT, permutation=permutation)
        found = unitary_fft_apply.backward(rows[1].mT, residuals)
        domega, dV = domega + found[0], dV + found[1]
    return domega, dV, delta, dh0, db


def _rows(X):
    return array_namespace(X).reshape(X, (X.shape[0] * X.shape[1], X.shape[2]))


unroll_unitary_fft.defvjp(_forward, _backward)
