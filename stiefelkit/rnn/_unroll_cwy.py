r"""The time loop of a recurrent network whose matrix is a product of few reflections.

With W = (I - V R) D, R = S^{-1} V^T the k-by-n factor of compact WY and D = diag(d), a row h goes
to

    h W^T = h D - w V^T,    w = h (R D)^T,

and a cotangent g to g conj(W) = (g - v conj(R)) conj(D) with v = g conj(V). The w of all steps and
the v of all deltas are k numbers a sample, and kept: the VJP of `cwy_apply` at X = D h^T needs

    W_t = w^T,    P_t = S^{-T} v^T,

so that the gradient of V takes two products of n-by-BT with BT-by-k matrices, of the deltas with w
and of the states with v, and no array of n by n is formed.
"""

from .._dispatch import dispatchable
from .._typing import Array
from .._xp import adjoint, array_namespace, conj, zeros_like
from ..linalg._cwy import _cotangent_of_vectors, _factor, _solve
from ._activation import AbstractActivation
from ._unroll import _transposed, advance, output, retrace


@dispatchable(
    "(n,k),(n),(T,B,n),(B,n),(n)?->(T,B,n)",
    kinds={"b": "real"},
    at_most=(("k", "n"),),
    batch=False,
)
def unroll_cwy(
    V: Array,
    d: Array,
    Z: Array,
    h0: Array,
    b: Array | None = None,
    /,
    *,
    activation: AbstractActivation,
    last: bool = False,
) -> Array:
    r"""Run a recurrence whose matrix is a product of k reflections over all time steps.

    .. math:: h_t = a(z_t + h_{t-1} W^\top, b), \qquad
        W = (I - V S^{-1} V^\top) \operatorname{diag}(d)

    The transpose in :math:`h W^\top` is the plain one: each row h is multiplied by W.

    Parameters
    ----------
    V : array, shape ``(n, k)``
        Reflection vectors, one a column, of any length but zero. ``k <= n``.
    d : array, shape ``(n,)``
        Factors of the columns: signs, or unit phases.
    Z : array, shape ``(T, B, n)``
        Projected inputs, time first; states are rows.
    h0 : array, shape ``(B, n)``
        State before the first step.
    b : array, shape ``(n,)``, optional
        Real bias of an activation that has one.
    activation : AbstractActivation
    last : bool
        Return the last state only.

    Returns
    -------
    array, shape ``(T, B, n)``, or ``(B, n)`` if `last`

    Raises
    ------
    SingularMatrixError
        As for `cwy_apply`.

    Notes
    -----
    Costs :math:`4BTnk` flops forward, :math:`8BTnk + 2BTk^2` backward, and :math:`O(nk^2)`
    besides; W takes :math:`6BTn^2`. Keeps the T states and 2k numbers for each, and forms
    nothing of n by n. [LikhosherstovDavisEtAl:2021]_, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.rnn import Identity, unroll_cwy
    >>> V, d, h0 = np.asarray([[1.0], [0.0]]), np.ones(2), np.asarray([[3.0, 4.0]])
    >>> H = unroll_cwy(V, d, np.zeros((2, 1, 2)), h0, activation=Identity())
    >>> H[:, 0, :]              # mirrored to and fro
    array([[-3.,  4.],
           [ 3.,  4.]])
    """
    return _forward(V, d, Z, h0, b, activation=activation, last=last)[0]


def _rows(parts, like, k):
    """Return the k numbers of all samples and steps as rows."""
    xp = array_namespace(like)
    return xp.concat(parts, axis=0) if parts else zeros_like(like, (0, k))


def _forward(V, d, Z, h0, b=None, *, activation, last=False):
    S, parts = _factor(V), []
    R = _solve(S, adjoint(V), V)
    inward, outward = _transposed(R * d), _transposed(V)

    def product(h):
        parts.append(h @ inward)
        return h * d - parts[-1] @ outward

    H, inputs = advance(product, Z, h0, b, activation)
    return output(H, last), (V, d, S, R, H, _rows(parts, V, V.shape[1]), inputs, b)


def _backward(G, saved, *, activation, last=False):
    V, d, S, R, H, w, inputs, b = saved
    Vc, Rc, dc, parts = conj(V), conj(R), conj(d), []

    def product(g):
        parts.append(g @ Vc)
        return (g - parts[-1] @ Rc) * dc

    delta, _, dh0, db = retrace(product, G, H, inputs, b, activation, last)
    v = _rows(parts[::-1], V, V.shape[1])
    dV, dd = _parameter_cotangents(V, d, S, R, H[:-1, ...], delta, w, v)
    return dV, dd, delta, dh0, db


def _parameter_cotangents(V, d, S, R, H, delta, w, v):
    """Return the cotangents of V and d: those of `cwy_apply` at X = diag(d) H^T."""
    xp, n = array_namespace(V), V.shape[0]
    H, delta = (xp.reshape(X, (-1, n)) if X.shape[0] else zeros_like(V, (0, n)) for X in (H, delta))
    A = _solve(S, v.mT @ conj(w), V, adjoint_of=True)
    dV = _cotangent_of_vectors(V, A, delta.mT, w.mT)
    E = H.mT @ conj(v)
    dV = dV - adjoint(_solve(S, adjoint(d[:, None] * E), V, adjoint_of=True))
    # dX = delta^T - R^T v^T, of which only the products with the states h are wanted.
    dd = xp.sum(delta * conj(H), axis=0) - xp.sum(conj(R.mT * E), axis=1)
    return dV, dd


unroll_cwy.defvjp(_forward, _backward)
