"""The product of diagonal, Fourier, reflection and permutation matrices of the unitary RNN."""

from .._dispatch import dispatchable
from .._xp import array_namespace, conj, index_from_host, size, unit_phase
from ._householder import _reflect_backward, householder_reflect


def _check_permutation(omega, V, X, /, *, permutation):
    n = X.shape[-2]
    if sorted(int(i) for i in permutation) != list(range(n)):
        raise ValueError(
            f"`unitary_fft_apply` takes a `permutation` of 0, ..., {n - 1}. "
            f"Got one of {len(permutation)} entries that is not."
        )


@dispatchable(
    "(3,n),(2,n),(n,m)->(n,m)",
    kinds={"omega": "real", "V": "complex", "X": "complex"},
    validate=_check_permutation,
)
def unitary_fft_apply(omega, V, X, /, *, permutation):
    r"""Apply the unitary matrix of the unitary evolution RNN.

    .. math:: D_3 R_2 F^{-1} D_2 \Pi R_1 F D_1 X

    with :math:`D_k = \operatorname{diag}(e^{i\omega_k})`, reflections :math:`R_k` along
    :math:`v_k`, the unitary Fourier transform F and a permutation :math:`\Pi`.

    Parameters
    ----------
    omega : array, shape ``(..., 3, n)``
        Phases in radians, real.
    V : array, shape ``(..., 2, n)``
        Reflection vectors, complex, of any length but zero.
    X : array, shape ``(..., n, m)``
        Complex.
    permutation : sequence of int, length n
        Row i of :math:`\Pi X` is row ``permutation[i]`` of X.

    Returns
    -------
    array, shape ``(..., n, m)``

    Raises
    ------
    SingularMatrixError
        For a zero reflection vector on a CPU; elsewhere NaN returns.

    Notes
    -----
    Costs :math:`O(nm\log n)` flops and 7n real parameters. [ArjovskyShahBengio:2016]_,
    equation 6.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import unitary_fft_apply
    >>> X = np.asarray([[1.0 + 0j], [1.0]])
    >>> Y = unitary_fft_apply(np.zeros((3, 2)), np.eye(2) + 0j, X, permutation=[0, 1])
    >>> bool(abs(np.linalg.norm(Y) - np.linalg.norm(X)) < 1e-14)
    True
    """
    return _forward(omega, V, X, permutation=permutation)[0]


def _index(permutation, X, inverse=False):
    order = [int(i) for i in permutation]
    if inverse:
        order = sorted(range(len(order)), key=order.__getitem__)
    return index_from_host(order, X)


def _fourier(transform, X):
    # One library refuses to transform an empty array.
    return transform(X, axis=-2, norm="ortho") if size(X) else X


def _forward(omega, V, X, *, permutation):
    xp = array_namespace(X)
    D = [unit_phase(omega[..., k, :, None], X) for k in range(3)]
    first = D[0] * X
    mirrored = _fourier(xp.fft.fft, first)
    permuted = xp.take(householder_reflect(V[..., 0, :], mirrored), _index(permutation, X), axis=-2)
    second = D[1] * permuted
    back = _fourier(xp.fft.ifft, second)
    Y = D[2] * householder_reflect(V[..., 1, :], back)
    return Y, (V, D, first, mirrored, second, back, Y)


def _backward(G, saved, *, permutation):
    V, D, first, mirrored, second, back, Y = saved
    xp = array_namespace(G)

    def slope(g, out):  # of a phase: Im sum g conj(out)
        return xp.sum(xp.imag(g * conj(out)), axis=-1)

    domega = [slope(G, Y)]
    dv2, g = _reflect_backward(conj(D[2]) * G, (V[..., 1, :], back))
    g = _fourier(xp.fft.fft, g)
    domega.append(slope(g, second))
    g = xp.take(conj(D[1]) * g, _index(permutation, G, inverse=True), axis=-2)
    dv1, g = _reflect_backward(g, (V[..., 0, :], mirrored))
    g = _fourier(xp.fft.ifft, g)
    domega.append(slope(g, first))
    return xp.stack(domega[::-1], axis=-2), xp.stack([dv1, dv2], axis=-2), conj(D[0]) * g


unitary_fft_apply.defvjp(_forward, _backward)
