"""The rotations that make up a frame: the inverse of `givens_product`."""

from .._dispatch import dispatchable
from .._xp import array_namespace, at, conj, eye_like, is_complex, phase, real
from ._givens import _angle_cotangents, _factors, _rows, _turn
from ._givens_rounds import rounds


@dispatchable("(n,p)->(r),(r),(p)", at_most=(("p", "n"),), kinds={"Q": "frame"})
def givens_angles(Q, /):
    r"""Factor a frame into Givens rotations and signs.

    .. math:: Q = R_1 R_2 \cdots R_r \begin{bmatrix} I \\ 0 \end{bmatrix} \operatorname{diag}(d)

    Parameters
    ----------
    Q : array, shape ``(..., n, p)``
        Orthonormal columns, of either determinant where p = n.

    Returns
    -------
    theta : array, shape ``(..., r)``
        Angles in radians, r = np - p(p+1)/2, such that
        ``givens_product(theta, E, phi) * d[..., None, :]`` is `Q` to rounding, E being the
        first p columns of the identity.
    phi : array, shape ``(..., r)``, or None
        Phases in radians; None for a real frame.
    d : array, shape ``(..., p)``
        Signs, or unit phases of a complex frame.

    Notes
    -----
    Elimination below the diagonal in the order of `givens_rounds`.
    Costs :math:`6pr` flops in at most 2n - 3 steps.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import givens_angles
    >>> theta, phi, d = givens_angles(np.asarray([[0.0, 1.0], [1.0, 0.0]]))
    >>> theta / np.pi, phi, d
    (array([-0.5]), None, array([ 1., -1.]))
    """
    return _forward(Q)[0]


def _entries(X, r):
    """Return the entries X_ii and X_ji of a round: those kept and those cleared."""
    xp, (n, p) = array_namespace(X), X.shape[-2:]
    flat = xp.reshape(X, (*X.shape[:-2], n * p))
    kept, cleared = _strides(r, p)
    return flat[..., kept], xp.flip(flat[..., cleared], axis=-1)


def _strides(r, p):
    """Return where these are in the flattened matrix, the cleared ones from the last pair on."""
    kept, cleared = r.first * (p + 1), (r.last - r.size + 1) * p + r.first + r.size - 1
    step = max(p - 1, 1)
    return (
        slice(kept, kept + (r.size - 1) * (p + 1) + 1, p + 1),
        slice(cleared, cleared + (r.size - 1) * step + 1, step),
    )


def _angles(a, b):
    """Return the angle and phase of the rotation whose inverse clears b against a."""
    xp = array_namespace(a)
    if not is_complex(a):
        return xp.atan2(-b, a), None
    turn = phase(a) * conj(phase(b))
    return xp.atan2(-xp.abs(b), xp.abs(a)), xp.atan2(xp.imag(turn), xp.real(turn))


def _forward(Q):
    xp = array_namespace(Q)
    X = xp.asarray(Q, copy=True)
    thetas, phis = [], []
    for r in rounds(*Q.shape[-2:]):
        theta, phi = _angles(*_entries(X, r))
        X, _ = _turn(X, r._replace(start=0), *_factors(-theta, phi, X))
        thetas.append(theta)
        phis.append(phi)
    d = phase(xp.linalg.diagonal(X))
    if thetas:
        theta = xp.concat(thetas, axis=-1)
        phi = xp.concat(phis, axis=-1) if is_complex(Q) else None
    else:
        theta = real(X)[..., 0, :0]
        phi = theta if is_complex(Q) else None
    return (theta, phi, d), (theta, phi, X)


def _backward(cotangents, saved):
    dtheta, dphi, dd = cotangents
    theta, phi, X = saved
    xp = array_namespace(X)
    c, s = _factors(theta, phi, X)
    X, G = xp.asarray(X, copy=True), _phase_cotangent(X, dd)
    for r in reversed(rounds(*X.shape[-2:])):
        part = slice(r.start, r.start + r.size)
        y, g = [rows + 0 for rows in _rows(X, r)], [rows + 0 for rows in _rows(G, r)]
        X, x = _turn(X, r, c, s)
        G, _ = _turn(G, r, c, s)
        angle = theta[..., part, None], None if phi is None else phi[..., part, None]
        # The elimination turned by minus the angle.
        slope, twist = _angle_cotangents(*y, *x, *g, -angle[0], angle[1])
        slope = dtheta[..., part] - slope
        twist = None if phi is None else dphi[..., part] + twist
        G = _add_entries(G, r, _angle_backward(*_entries(X, r), slope, twist))
    return (G,)


def _angle_backward(a, b, slope, twist):
    """Pull cotangents of `_angles` back to a and b."""
    xp = array_namespace(a)
    ra, rb = xp.abs(a), xp.abs(b)
    scale = slope / (ra**2 + rb**2)
    if not is_complex(a):
        return scale * b, -scale * a
    ua, ub = phase(a), phase(b)
    da = xp.astype(scale * rb, a.dtype) * ua + 1j * xp.astype(twist / ra, a.dtype) * ua
    db = -xp.astype(scale * ra, a.dtype) * ub - 1j * xp.astype(twist / rb, a.dtype) * ub
    return da, db


def _add_entries(G, r, values):
    xp, (n, p) = array_namespace(G), G.shape[-2:]
    kept, cleared = _strides(r, p)
    flat = xp.reshape(G, (*G.shape[:-2], n * p))
    flat = at(flat)[..., kept].add(values[0])
    flat = at(flat)[..., cleared].add(xp.flip(values[1], axis=-1))
    return xp.reshape(flat, tuple(G.shape))


def _phase_cotangent(X, dd):
    """Pull the cotangent of the phases of the diagonal back to the matrix."""
    xp = array_namespace(X)
    diagonal = xp.linalg.diagonal(X)
    u = phase(diagonal)
    dd = (dd - u * xp.astype(real(conj(u) * dd), X.dtype)) / xp.astype(xp.abs(diagonal), X.dtype)
    return dd[..., None, :] * eye_like(X, *X.shape[-2:])


givens_angles.defvjp(_forward, _backward)
