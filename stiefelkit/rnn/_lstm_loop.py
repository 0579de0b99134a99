r"""The time loop of long short-term memory and its back-propagation.

With the gates i, f, g, o side by side in y_t and s = 1/2, for g s = 1, so that a logistic function
is a hyperbolic tangent too,

    y_t = s tanh(s (z_t + h_{t-1} W^T)) + 1 - s
    c_t = f_t c_{t-1} + i_t g_t,    h_t = o_t tanh(c_t)

Backwards, with dh_t and dc_t the cotangents of h_t and c_t, and delta_t that of the argument,

    dc_t = f_{t+1} dc_{t+1} + o_t (1 - tanh(c_t)^2) dh_t,    dh_t = g_t + delta_{t+1} W
    delta_t = (1 - y_t) (y_t + 2s - 1) (g_t dc_t, c_{t-1} dc_t, i_t dc_t, tanh(c_t) dh_t)

All factors of dc_t and dh_t come from what is kept, for all steps at once.
"""

from typing import Any

from .._typing import Array
from .._xp import array_namespace, vanished_as_zero, zeros_like
from ..linalg import OuterProduct
from ._unroll import VANISH_EVERY, _Steps, _transposed


def lstm_forward(W: Array, Z: Array, h: Array, c: Array) -> tuple[Array, Any]:
    """Return h_0, ..., h_T, shape ``(T + 1, B, n)``, and residuals.

    W has the shape ``(4n, n)``, Z ``(T, B, 4n)``, h and c before the first step ``(B, n)``.
    """
    xp, n, T, shape = array_namespace(W), W.shape[1], Z.shape[0], tuple(h.shape)
    s = _scales(W)
    Wt, Z = _transposed(W * s[:, None]), Z * s
    states, memories, squashed = (_Steps(W, T + 1, shape) for _ in range(3))
    gates = _Steps(W, T + 1, (shape[0], 4 * n))
    # Gates, too, have an entry before the first step, which nothing reads: no array is empty.
    gates.put(0, zeros_like(W, (shape[0], 4 * n)))
    squashed.put(0, zeros_like(W, shape))
    h, c = states.put(0, h), memories.put(0, c)
    for t in range(T):
        z = h @ Wt
        z += Z[t, ...]
        y = xp.tanh(z)
        y *= s
        y += 1 - s
        gates.put(t + 1, y)
        c = memories.put(t + 1, y[:, n : 2 * n] * c + y[:, :n] * y[:, 2 * n : 3 * n])
        h = states.put(t + 1, y[:, 3 * n :] * squashed.put(t + 1, xp.tanh(c)))
    H = states.stack()
    return H, (W, H, memories.stack(), gates.stack()[1:, ...], squashed.stack()[1:, ...])


def final_memory(residuals: Any) -> Array:
    """Return c_T."""
    C = residuals[2]
    return C[C.shape[0] - 1, ...]


def lstm_backward(
    G: Array | None, dh: Array, dc: Array, residuals: Any
) -> tuple[Array, Array, Array, Array]:
    """Return the cotangents of W, of Z, and of h and c before the first step.

    G, shape ``(T, B, n)``, is that of all states but the first, or None; dh and dc, shape
    ``(B, n)``, are what comes in addition from behind the last step.
    """
    W, H, C, Y, S = residuals
    xp, n, T = array_namespace(W), W.shape[1], Y.shape[0]
    i, f, g, o = (Y[..., k * n : (k + 1) * n] for k in range(4))
    slopes = (1 - Y) * (Y + (2 * _scales(W) - 1))
    factors = slopes * xp.concat([g, C[:-1, ...], i, S], axis=-1)
    through = o * (1 - S * S)
    deltas: list[Any] = [None] * T
    for t in range(T - 1, -1, -1):
        dh = dh if G is None else G[t, ...] + dh
        dc = dc + through[t, ...] * dh
        if t % VANISH_EVERY == 0:
            dc, dh = vanished_as_zero(dc), vanished_as_zero(dh)
        deltas[t] = factors[t, ...] * xp.concat([dc, dc, dc, dh], axis=-1)
        dc, dh = dc * f[t, ...], deltas[t] @ W
    delta = xp.stack(deltas) if T else 0 * Y
    rows = (xp.reshape(x, (-1, x.shape[-1])) for x in (delta, H[:-1, ...]))
    return OuterProduct(*rows).dense(), delta, dh, dc


def _scales(W: Array) -> Array:
    """Return s for each row of W."""
    n = W.shape[1]
    half = zeros_like(W, (n,)) + 0.5
    return array_namespace(W).concat([half, half, 2 * half, half])
