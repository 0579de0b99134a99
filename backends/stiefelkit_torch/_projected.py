"""A recurrence together with the projection of its inputs, in the memory of its states.

Of arrays as large as all states, forward makes one and backward none. The compiled kernel for
NumPy arrays runs where it can. Else the projections are made where the states then are, and the
cotangents of the arguments of the activation live for a block of steps only: their products with
inputs and states are taken block by block.
"""

import torch

from stiefelkit import kernels_enabled
from stiefelkit.rnn import unroll

from ._arrays import run_on_arrays
from ._plain import plain
from ._unroll import VANISH_EVERY, _back_in_place, _in_place, vanished_as_zero_

# Rows of a block: enough for a product as fast as one with all rows, few enough for a cache.
_ROWS = 1024


class Projected:
    """Forward and backward pass of ``unroll(W, X W_in^T + c, h0, b)`` for one activation."""

    def __init__(self, activation):
        self.activation = activation

    def forward(self, W, X, W_in, c, h0, b):
        """Return the states of all steps and the last one by itself, and residuals."""
        tensors = [x for x in (W, X, W_in, c, h0, b) if x is not None]
        # Kernels of other devices are those of the op, which also casts 16-bit numbers up.
        apart = W.device.type != "cpu" or W.dtype.itemsize < 4 or not kernels_enabled()
        if apart or not plain(*tensors):
            Z = torch.nn.functional.linear(X, W_in, c)
            H, inner = unroll.forward(W, Z, h0, b, activation=self.activation)
            return (H, (H[-1] if len(H) else h0).clone()), (X, W_in, inner)
        H, inputs = self.states(W, X, W_in, c, h0, b)
        return (H[1:], H[-1].clone()), (X, W_in, (W, H, inputs, b))

    def states(self, W, X, W_in, c, h0, b):
        """Return h_0, ..., h_T, and the arguments of an activation that needs them."""
        out = run_on_arrays(
            "unroll_projected.forward", W, W_in, X, h0, c, b, activation=self.activation
        )
        return self._run(W, X, W_in, c, h0, b) if out is NotImplemented else (out[1][3], None)

    def _run(self, W, X, W_in, c, h0, b):
        (T, B, d), n = X.shape, W.shape[0]
        H = h0.new_empty(T + 1, B, n)
        H[0] = h0
        # Arguments that the derivative needs; the others stand where states are written over them.
        inputs = h0.new_empty(T, B, n) if self.activation.needs_input else None
        Z = H[1:] if inputs is None else inputs
        rows, Wt = (X.reshape(T * B, d), W_in.mT), W.mT.contiguous().resolve_conj()
        if c is None:
            torch.mm(*rows, out=Z.view(T * B, n))
        else:
            torch.addmm(c, *rows, out=Z.view(T * B, n))
        apply, states = _in_place(self.activation, W), H.unbind()
        for t, z in enumerate(Z.unbind()):
            h = states[t + 1]
            z.addmm_(states[t], Wt)
            if apply is None:
                h.copy_(self.activation.apply(z, b))
            else:
                apply(h, b)
        return H, inputs

    def backward(self, G, residuals, wanted):
        """Return the cotangents of all arguments of `forward`, None where none is wanted.

        G has those of all states and of the last one; a zero for one of them may be None.
        """
        X, W_in, inner = residuals
        if type(inner) is tuple:
            return self._compiled_sums(G, X, W_in, inner, wanted) or _Sums(
                self.activation, X, W_in, inner, wanted
            ).run(*G)
        dW, dZ, dh0, db = unroll.backward(_together(*G, len(X)), inner)
        if len(X) == 0 and G[1] is not None:
            dh0 = dh0 + G[1]
        D, R = dZ.reshape(-1, dZ.shape[-1]), X.reshape(-1, X.shape[-1])
        dX = dZ @ W_in.conj() if wanted[1] else None
        return dW, dX, D.mT @ R.conj(), D.sum(0) if wanted[3] else None, dh0, db

    def _compiled_sums(self, G, X, W_in, inner, wanted):
        """Return the cotangents by a compiled kernel, None where there is none."""
        (W, H, _, b), last = inner, G[0] is None
        options = {"activation": self.activation, "fixed": not wanted[1], "last": last}
        saved, G = (W, W_in, X, H, wanted[3], b), G[1] if last else _together(*G, len(X))
        out = run_on_arrays("unroll_projected.backward", G, saved, **options)
        if out is NotImplemented:
            return None
        dW, dW_in, dX, dh0, dc, db = out
        return dW, dX, dW_in, dc, dh0, db


def _together(G, end, T):
    """Return the cotangents of all states, of which the last one has one more."""
    if G is None:
        G = end.new_zeros(T, *end.shape)
    elif end is not None:
        G = G.clone()
    if end is not None:
        G[-1:] += end
    return G


class _Sums:
    """The cotangents of a recurrence, summed up block by block from the last steps on."""

    def __init__(self, activation, X, W_in, inner, wanted):
        self.activation, self.X, self.W_in = activation, X, W_in
        self.W, self.H, self.inputs, self.b = inner
        self.wanted, n, like = wanted, self.W.shape[0], self.H
        self.dW, self.dW_in = like.new_zeros(n, n), torch.zeros_like(W_in)
        self.dX = like.new_empty(X.shape) if wanted[1] else None
        self.dc = like.new_zeros(n) if wanted[3] else None
        self.db = None if self.b is None else torch.zeros_like(self.b)
        self.Wc, self.retrace = self.W.conj().resolve_conj(), _back_in_place(activation, self.W)

    def run(self, G, end):
        T, (B, n) = self.H.shape[0] - 1, self.H.shape[1:]
        size = max(1, min(T, -(-_ROWS // max(1, B))))
        # In front of the rows of a block, what it carries to the step before it.
        memory = self.H.new_empty(size + 1, B, n)
        carried = memory[0].zero_() if end is None else memory[0].copy_(end)
        for stop in range(T, 0, -size):
            start = max(0, stop - size)
            D = memory[1 : 1 + stop - start]
            if G is None:
                D.zero_()
            else:
                D.copy_(G[start:stop])
            D[-1] += carried
            self._steps(D, carried, start)
            self._add(D, start, stop)
        dh0 = carried.clone() if self.wanted[4] else None
        return self.dW, self.dX, self.dW_in, self.dc, dh0, self.db

    def _steps(self, D, carried, start):
        """Turn cotangents of states into those of arguments, from the last step of a block on."""
        deltas, states = D.unbind(), self.H[start + 1 :].unbind()
        for i in range(len(deltas) - 1, -1, -1):
            d, h = deltas[i], states[i]
            if (start + i) % VANISH_EVERY == 0:
                vanished_as_zero_(d)
            if self.retrace is None:
                z = None if self.inputs is None else self.inputs[start + i]
                d.copy_(self.activation.backward(d, h, z, self.b))
            else:
                self.retrace(d, h)
            if i:
                deltas[i - 1].addmm_(d, self.Wc)
            elif start or self.wanted[4]:
                torch.mm(d, self.Wc, out=carried)

    def _add(self, D, start, stop):
        """Add what the steps of a block contribute."""
        rows = D.reshape(-1, D.shape[-1])
        X = self.X[start:stop].reshape(-1, self.X.shape[-1])
        self.dW.addmm_(rows.mT, self.H[start:stop].reshape(rows.shape).conj())
        self.dW_in.addmm_(rows.mT, X.conj())
        if self.dX is not None:
            torch.matmul(D, self.W_in.conj(), out=self.dX[start:stop])
        if self.dc is not None:
            self.dc += rows.sum(0)
        if self.db is not None:
            self.db += self.activation.bias_cotangent(D, self.H[start + 1 : stop + 1])
