"""The problems of `compare_minimize.py`: data, starts and tolerances are fixed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Instance(NamedTuple):
    """A problem whose value and gradient are made of one expensive part, like A X.

    The functions take arrays of any library: `data` come first, then the point.
    """

    data: tuple[np.ndarray, ...]
    start: np.ndarray
    tolerance: float
    part: Callable[..., Any]
    value: Callable[..., Any]
    gradient: Callable[..., Any]
    hessian: Callable[..., Any]

    @property
    def square(self) -> bool:
        return self.start.shape[0] == self.start.shape[1]


def brockett(n, p, tolerance):
    """Return tr(X^T A X D) for a symmetric normal matrix A and D = diag(p, ..., 1)."""
    rng = np.random.default_rng(0)
    M = rng.standard_normal((n, n))
    return Instance(
        data=((M + M.T) / 2, np.arange(p, 0, -1.0)),
        start=np.linalg.qr(rng.standard_normal((n, p)))[0],
        tolerance=tolerance,
        part=lambda A, d, X: (A @ X) * d,
        value=lambda A, d, X, AXD: (X * AXD).sum(),
        gradient=lambda A, d, X, AXD: 2 * AXD,
        hessian=lambda A, d, X, Z: 2 * (A @ Z) * d,
    )


def pca(n, p, tolerance):
    """Return -tr(X^T C X)/2 for the covariance C of half as many samples as features."""
    rng = np.random.default_rng(0)
    F = rng.standard_normal((n, n // 2))
    return Instance(
        data=(F @ F.T / (n // 2),),
        start=np.linalg.qr(rng.standard_normal((n, p)))[0],
        tolerance=tolerance,
        part=lambda C, X: C @ X,
        value=lambda C, X, CX: -0.5 * (X * CX).sum(),
        gradient=lambda C, X, CX: -CX,
        hessian=lambda C, X, Z: -(C @ Z),
    )


def procrustes(m, n, tolerance):
    """Return |A Q - B|^2 / 2 for m normal points A and B, A turned, with noise."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((m, n))
    turn, start = np.linalg.qr(rng.standard_normal((2, n, n)))[0]
    start[:, 0] *= np.sign(np.linalg.det(turn @ start))  # in the component of the answer
    return Instance(
        data=(A, A @ turn + 0.1 * rng.standard_normal((m, n))),
        start=start,
        tolerance=tolerance,
        part=lambda A, B, Q: A @ Q - B,
        value=lambda A, B, Q, R: 0.5 * (R * R).sum(),
        gradient=lambda A, B, Q, R: A.T @ R,
        hessian=lambda A, B, Q, Z: A.T @ (A @ Z),
    )


INSTANCES = {
    "Brockett 1000x10": lambda: brockett(1000, 10, 1e-6),
    "Brockett 1000x100": lambda: brockett(1000, 100, 1.0),
    "PCA 5000x20": lambda: pca(5000, 20, 1e-6),
    "Procrustes 500x500": lambda: procrustes(1000, 500, 1e-6),
}


def measured(instance, x):
    """Return value and norm of the Riemannian gradient, computed alike for all."""
    part = instance.part(*instance.data, x)
    G = instance.gradient(*instance.data, x, part)
    M = x.T @ G
    norm = np.linalg.norm(G - x @ ((M + M.T) / 2))
    return {
        "gradient norm": float(norm),
        "value": float(instance.value(*instance.data, x, part)),
    }


def distance(instance, x, y):
    """Return |x - y|, or |x x^T - y y^T| for frames, whose columns have free signs or turns."""
    if instance.square:
        return float(np.linalg.norm(x - y))
    return float(2**0.5 * np.linalg.norm(y - x @ (x.T @ y)))
