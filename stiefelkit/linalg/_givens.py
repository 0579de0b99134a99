r"""Plane rotations, one and many.

The rotation of rows i and j by an angle and, in the complex case, a phase is the
exponential of :math:`\theta (e^{i\varphi} e_i e_j^\top - e^{-i\varphi} e_j e_i^\top)`. From
the left it takes the rows x, y to c x + s e y and c y - s e* x, with e the phase factor.
"""

from .._dispatch import dispatchable
from .._xp import array_namespace, at, broadcast_shapes, conj, is_complex, sum_real, unit_phase
from ._givens_rounds import frame_columns, rounds


def _factors(theta, phi, X):
    """Return cos(theta) and sin(theta) e^{i phi}, to be multiplied to rows of `X`."""
    xp = array_namespace(theta)
    c, s = xp.cos(theta), xp.sin(theta)
    if not is_complex(X):
        return c, s
    c, s = xp.astype(c, X.dtype), xp.astype(s, X.dtype)
    return c, s if phi is None else s * unit_phase(phi, X)


def _check_phases(op, phi, X):
    if phi is not None and not is_complex(X):
        raise TypeError(
            f"`{op}` takes phases `phi` with a complex `X` only. Got `X` of {X.dtype}. "
            "Leave `phi` out, or cast `X`."
        )


def _check_plane(X, i, j, theta, phi=None, *, side="right", overwrite=False):
    _check_phases("givens_rotate", phi, X)
    if side not in ("left", "right"):
        raise ValueError(f'`givens_rotate` takes `side` "left" or "right". Got {side!r}.')
    n = X.shape[-1 if side == "right" else -2]
    if not (0 <= i < n and 0 <= j < n and i != j):
        what = "columns" if side == "right" else "rows"
        raise ValueError(
            f"`givens_rotate` takes two different {what} i and j of {n}. Got i={i} and j={j}."
        )


@dispatchable(
    "(n,m),i,j,(),()?->(n,m)", kinds={"theta": "real", "phi": "real"}, validate=_check_plane
)
def givens_rotate(X, i, j, theta, phi=None, /, *, side="right", overwrite=False):
    r"""Rotate two columns, or two rows, of a matrix.

    .. math:: X e^{\theta H_{ij}} \quad\text{or}\quad e^{\theta H_{ij}} X,
        \qquad H_{ij} = e^{i\varphi} e_i e_j^\top - e^{-i\varphi} e_j e_i^\top

    Parameters
    ----------
    X : array, shape ``(..., n, m)``
    i, j : int
        The plane.
    theta : array, shape ``(...,)``, or float
        Angle in radians.
    phi : array, shape ``(...,)``, or float, optional
        Phase in radians, for complex `X`.
    side : {"right", "left"}
        Rotate columns, or rows.
    overwrite : bool
        Allow the result to take the memory of `X`.

    Returns
    -------
    array, shape ``(..., n, m)``

    Notes
    -----
    Costs :math:`6n` flops (:math:`6m` for rows), and the copy of `X` unless `overwrite`.
    [MassartAbrol:2022]_, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import givens_rotate
    >>> givens_rotate(np.eye(2), 0, 1, np.pi / 2).round(12) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    xp = array_namespace(X)
    c, s = (f[..., None] for f in _factors(theta, phi, X))
    if side == "right":
        x, y = X[..., :, i], X[..., :, j]
        pair = (c * x - conj(s) * y, s * x + c * y)
    else:
        x, y = X[..., i, :], X[..., j, :]
        pair = (c * x + s * y, c * y - conj(s) * x)
    batch = pair[0].shape[:-1]
    same = tuple(X.shape[:-2]) == tuple(batch)
    if not (overwrite and same):
        X = xp.asarray(xp.broadcast_to(X, (*batch, *X.shape[-2:])), copy=True)
    for k, values in zip((i, j), pair, strict=True):
        X = (at(X)[..., :, k] if side == "right" else at(X)[..., k, :]).set(values)
    return X


def _rotate_forward(X, i, j, theta, phi=None, *, side="right", overwrite=False):
    Y = givens_rotate.reference(X, i, j, theta, phi, side=side)
    return Y, (Y, i, j, theta, phi)


def _rotate_backward(G, saved, *, side="right", overwrite=False):
    Y, i, j, theta, phi = saved
    X = givens_rotate.reference(Y, i, j, -theta, phi, side=side)
    dX = givens_rotate.reference(G, i, j, -theta, phi, side=side)

    def line(A, k):
        return A[..., :, k] if side == "right" else A[..., k, :]

    rows = [line(A, k) for A in (Y, X, G) for k in (i, j)]
    if side == "right":  # columns turn as rows do with i and j exchanged
        rows = [rows[k] for k in (1, 0, 3, 2, 5, 4)]
    return dX, *_angle_cotangents(*rows, theta[..., None], phi if phi is None else phi[..., None])


def _angle_cotangents(yi, yj, xi, xj, gi, gj, theta, phi):
    """Return d/dtheta and d/dphi of Re<g, y> for rows y rotated from x."""
    e = 1 if phi is None else unit_phase(phi, yi)
    dtheta = sum_real(gi, e * yj) - sum_real(gj, (1 if phi is None else conj(e)) * yi)
    if phi is None:
        return dtheta, None
    s = _factors(theta, phi, yi)[1]
    return dtheta, sum_real(gi, 1j * s * xj) + sum_real(gj, 1j * conj(s) * xi)


givens_rotate.defvjp(_rotate_forward, _rotate_backward)


def _check_angles(length):
    if frame_columns(length["n"], length["r"]) is None:
        return "It needs r = np - p(p+1)/2 angles for some p <= n, n(n-1)/2 of them for p = n."
    return None


@dispatchable(
    "(r),(n,m),(r)?->(n,m)",
    kinds={"theta": "real", "phi": "real"},
    check=_check_angles,
    validate=lambda theta, X, phi=None: _check_phases("givens_product", phi, X),
)
def givens_product(theta, X, phi=None, /):
    r"""Apply a product of Givens rotations, each plane once.

    .. math:: Q X, \qquad Q = R_1 R_2 \cdots R_r

    with the planes in the order of ``givens_rounds(n, p)``, round 1 leftmost.

    Parameters
    ----------
    theta : array, shape ``(..., r)``
        Angles in radians; r = n(n-1)/2 for all of SO(n). With r = np - p(p+1)/2 only the
        planes that the first p columns of Q need are turned.
    X : array, shape ``(..., n, m)``
    phi : array, shape ``(..., r)``, optional
        Phases in radians, for complex `X`.

    Returns
    -------
    array, shape ``(..., n, m)``

    Notes
    -----
    Costs :math:`6mr` flops, in rounds of up to n/2 rotations at once. The backward pass
    turns the result back, so it keeps no intermediates.

    Examples
    --------
    >>> import numpy as np
    >>> from stiefelkit.linalg import givens_product
    >>> givens_product(np.asarray([np.pi / 2]), np.eye(2)).round(12) + 0.0
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    xp = array_namespace(X)
    c, s = _factors(theta, phi, X)
    batch = broadcast_shapes(theta.shape[:-1], X.shape[:-2])
    X = xp.asarray(xp.broadcast_to(X, (*batch, *X.shape[-2:])), copy=True)
    for r in reversed(_schedule(theta, X)):
        X, _ = _turn(X, r, c, s)
    return X


def _schedule(theta, X):
    n = X.shape[-2]
    return rounds(n, frame_columns(n, theta.shape[-1]))


def _rows(X, r):
    """Return the two sets of rows that a round turns against each other."""
    xp = array_namespace(X)
    upper = X[..., r.first : r.first + r.size, :]
    return upper, xp.flip(X[..., r.last - r.size + 1 : r.last + 1, :], axis=-2)


def _turn(X, r, c, s):
    """Turn the rows of one round, in place where the library allows it."""
    xp = array_namespace(X)
    c, s = (f[..., r.start : r.start + r.size, None] for f in (c, s))
    x, y = _rows(X, r)
    upper, lower = c * x + s * y, c * y - conj(s) * x
    X = at(X)[..., r.first : r.first + r.size, :].set(upper)
    X = at(X)[..., r.last - r.size + 1 : r.last + 1, :].set(xp.flip(lower, axis=-2))
    return X, (upper, lower)


def _product_forward(theta, X, phi=None):
    Y = givens_product.reference(theta, X, phi)
    return Y, (theta, Y, phi)


def _product_backward(G, saved):
    theta, Y, phi = saved
    xp = array_namespace(Y)
    c, s = _factors(theta, phi, Y)
    X, G = xp.asarray(Y, copy=True), xp.asarray(G, copy=True)
    slopes = []
    for r in _schedule(theta, Y):
        part = slice(r.start, r.start + r.size)
        y, g = [rows + 0 for rows in _rows(X, r)], [rows + 0 for rows in _rows(G, r)]
        X, x = _turn(X, r, c, -s)
        G, _ = _turn(G, r, c, -s)
        angle = theta[..., part, None], None if phi is None else phi[..., part, None]
        slopes.append(_angle_cotangents(*y, *x, *g, *angle))
    if not slopes:
        return theta + 0, G, None if phi is None else phi + 0
    dtheta, dphi = zip(*slopes, strict=True)
    return xp.concat(dtheta, axis=-1), G, None if phi is None else xp.concat(dphi, axis=-1)


givens_product.defvjp(_product_forward, _product_backward)
