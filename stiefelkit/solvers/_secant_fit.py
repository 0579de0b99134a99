"""How well a secant, and the values at its ends, fit to the model."""

import numpy

from .._xp import eps
from ._line_search import NOISE


def fit(M: numpy.ndarray) -> tuple[numpy.ndarray, float]:
    """Return a positive d for which M D^{-1} is nearest to Hermitian, and how far that is.

    The squares of all differences are a quadratic form in 1/d: its lowest eigenvector.
    """
    form = numpy.diag((abs(M) ** 2).sum(axis=0)) - (M * M.T).real
    if not numpy.all(numpy.isfinite(form)):
        return numpy.ones(len(M)), numpy.inf
    w = numpy.linalg.eigh(form)[1][:, 0]
    w = w * numpy.sign(w.sum())
    if not w.min() > 1e-6 * w.max():
        return numpy.ones(len(M)), numpy.inf
    w = w / numpy.mean(w)
    return 1 / w, relative(M * w - (M * w).conj().T, M * w)


def relative(difference, whole):
    return float(numpy.linalg.norm(difference) / max(numpy.linalg.norm(whole), 1e-300))


def value_error(old, new, step, gradients):
    """Return by how much the values contradict the gradients, whose mean foresees their change."""
    foreseen, change = 0.5 * numpy.vdot(gradients, step).real, new.fun - old.fun
    noise = NOISE * eps(new.x) * max(abs(old.fun), abs(new.fun))
    error = max(abs(change - foreseen) - noise, 0.0)
    return error / max(abs(change), abs(foreseen), 1e-300)
