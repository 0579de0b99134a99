"""The time loop of the unitary evolution RNN: compiled passes between Fourier transforms.

Samples go their way by themselves, some in each thread. All transforms are normalized, so that each
is the adjoint of the other.
"""

import numpy
from scipy import fft

from . import _unitary_passes as passes
from ._activations import IDENTITY, bias_row, kinds
from ._order import frozen
from ._pairs import pairs
from ._threads import in_threads, split

_WORK_FROM = 2**13  # numbers; a smaller loop need not be compiled
_VANISH_EVERY = 8  # as in the reference
_SUMMED = 16  # steps whose gradients are summed before they are added to those of others
# Samples times numbers of a thread: of 2^14 numbers, calls by Python take a third of a step, and no
# two threads can make them at once. `split` counts 2^21 numbers for a thread.
_FOR_A_THREAD = 2**14


def unroll_unitary_fft(omega, V, Z, h0, b=None, /, *, permutation, activation, last=False):
    """Run whole sequences, some samples in each thread, in the memory of the states.

    Benchmark: linalg.Gradients, op unroll_unitary_fft. A step of the reference is thirty passes
    over arrays of their own. Agrees with it to a multiple of log(n) eps in a step.
    """
    out = forward(omega, V, Z, h0, b, permutation=permutation, activation=activation, last=last)
    return out if out is NotImplemented else out[0]


def forward(omega, V, Z, h0, b=None, /, *, permutation, activation, last=False):
    """Run whole sequences and keep the states.

    Benchmark: linalg.Gradients, op unroll_unitary_fft.
    """
    (T, B, n), kind = Z.shape, kinds(Z).get(type(activation))
    if kind is None or activation.has_bias != (b is not None) or T * B * n < _WORK_FROM:
        return NotImplemented
    factors, bias, Z = _Factors(omega, V, permutation), bias_row(b, Z), frozen(Z)
    if not factors.norms.all():
        return NotImplemented  # the reference says what is wrong
    H = numpy.empty((T + 1, B, n), Z.dtype)
    H[0] = h0

    def run(first, end):
        room = numpy.empty((2, end - first, n), Z.dtype)
        alongs = numpy.empty((end - first, 2), Z.real.dtype)
        for t in range(T):
            _, _, middle = factors.to_the_middle(H[t, first:end], *room, alongs)
            back = fft.ifft(middle, norm="ortho", overwrite_x=True)
            h, given = _rows(H[t + 1, first:end]), (_rows(Z[t, first:end]), bias, kind)
            passes.advance(_rows(back), factors.normals[1], factors.phases[2], *given, h)

    in_threads(run, _samples_of_threads(B, n))
    return H[T].copy() if last else H[1:], (omega, V, H, b)


def backward(G, saved, /, *, permutation, activation, last=False):
    """Run back in time, some samples in each thread, and add up all gradients on the way.

    Benchmark: linalg.Gradients, op unroll_unitary_fft. What the factors saw is made once more,
    by two transforms a step.
    """
    omega, V, H, b = saved
    factors, bias, kind = (
        _Factors(omega, V, permutation),
        bias_row(b, H),
        kinds(H)[type(activation)],
    )
    D, dh0 = numpy.empty(H[1:].shape, H.dtype), numpy.zeros(H.shape[1:], H.dtype)
    if last:
        dh0[...], G = G, None

    def run(first, end):
        given = (None if x is None else x[:, first:end] for x in (H, D, G))
        return _Back(factors, bias, kind, *given).run(dh0[first:end])

    found = in_threads(run, _samples_of_threads(*dh0.shape))
    slopes, sums, radial, db = (sum(parts) for parts in zip(*found, strict=True))
    domega = slopes[:, 0, 0, ::2] - slopes[:, 0, 0, 1::2]
    # With a = 2 u^H x and b = 2 u^H g: du = -(g conj(a) + x conj(b)) + Re(a conj(b)) u, u = v/|v|.
    du = radial * factors.normals[:, 0, 0] - sums[:, 0, 0]
    du[:, ::2] -= sums[:, 0, 1, ::2]
    du[:, 1::2] += sums[:, 0, 1, 1::2]
    dV = (du / factors.norms[:, None]).astype(omega.dtype).view(V.dtype)
    db = None if b is None else db[0, 1, 0, ::2].astype(b.dtype)
    return domega.astype(omega.dtype), dV, D, dh0, db


def _samples_of_threads(B, n):
    return split(B, B * n // _FOR_A_THREAD * 2**21)


def _rows(X):
    """View contiguous rows as pairs, an array of three axes."""
    return pairs(X)[None]


class _Factors:
    """The factors of W, made once for all steps, as `_unitary_passes` takes them."""

    def __init__(self, omega, V, permutation):
        c, s = numpy.cos(omega), numpy.sin(omega)
        phases = numpy.stack([c, c, -s, s], axis=-1).reshape(3, 1, -1, 2, 2)
        self.phases = frozen(phases.swapaxes(2, 3).reshape(3, 1, 2, -1))
        self.norms = numpy.linalg.norm(V, axis=-1)
        u = V / (self.norms + (self.norms == 0))[:, None]
        normals = numpy.stack([u, 1j * u], axis=1)[:, None]
        self.normals = frozen(pairs(numpy.asarray(normals, V.dtype)))
        self.order = frozen(numpy.asarray(permutation, numpy.intp))
        self.back = frozen(numpy.argsort(self.order))

    def to_the_middle(self, h, turned, middle, alongs):
        """Return what the first phases, the transform, and all up to the second phases make."""
        passes.turn(_rows(h), self.phases[0], _rows(turned))
        mirrored = fft.fft(turned, norm="ortho")
        reflected = numpy.empty_like(middle)
        passes.reflect(_rows(mirrored), self.normals[0], alongs, _rows(reflected))
        passes.permute(reflected, self.order, middle)
        passes.turn(_rows(middle), self.phases[1], _rows(middle))
        return turned, mirrored, middle


class _Back:
    """The way back of some samples, and the sums of their gradients."""

    def __init__(self, factors, bias, kind, H, D, G):
        self.factors, self.bias, self.kind, self.H, self.D, self.G = factors, bias, kind, H, D, G
        (_, B, n), dtype = D.shape, bias.dtype
        self.turned, self.middle, self.g = numpy.empty((3, B, n), H.dtype)
        self.alongs = numpy.empty((2, B, 2), dtype)
        biased = kind != IDENTITY
        shapes = (3, 1, 1, 2 * n), (2, 1, 2, 2 * n), (2, 1), (1, 2, 1, 2 * n * biased)
        self.sums = [numpy.zeros(shape, dtype) for shape in shapes]

    def run(self, carried):
        """Write the cotangents, those of the first states in place of `carried`; return sums."""
        totals = [numpy.zeros(part.shape) for part in self.sums]
        for t in range(self.D.shape[0] - 1, -1, -1):
            if self.G is not None:
                carried += self.G[t]
            self._step(t, carried)
            if t % _SUMMED == 0:
                for total, part in zip(totals, self.sums, strict=True):
                    total += part
                    part[...] = 0
        return totals

    def _step(self, t, carried):
        factors, (slopes, sums, radial, db) = self.factors, self.sums
        phases, normals, limits = factors.phases, factors.normals, numpy.finfo(self.bias.dtype)
        least = limits.tiny / limits.eps if t % _VANISH_EVERY == 0 else limits.tiny * 0
        cotangents, g, delta = _rows(carried), _rows(self.g), _rows(self.D[t])
        states = _rows(self.H[t + 1])
        passes.recede(cotangents, states, self.bias, self.kind, least, delta, db[0])
        first, second = self.alongs
        seen = factors.to_the_middle(self.H[t], self.turned, self.middle, first)
        back = _rows(fft.ifft(self.middle, norm="ortho"))
        passes.pull_last_turn(delta, phases[2], back, normals[1], second, g, slopes[2])
        passes.pull_reflection(back, g, normals[1], second, sums[1], radial[1])
        turned, mirrored, middle = map(_rows, seen)
        pulled = fft.fft(self.g, norm="ortho")
        passes.pull_turn(_rows(pulled), phases[1], middle, _rows(pulled), slopes[1])
        passes.permute(pulled, factors.back, self.g)
        passes.pull_reflection(mirrored, g, normals[0], first, sums[0], radial[0])
        pulled = _rows(fft.ifft(self.g, norm="ortho", overwrite_x=True))
        passes.pull_turn(pulled, phases[0], turned, cotangents, slopes[0])
