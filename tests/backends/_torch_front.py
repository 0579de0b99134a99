"""Layers with an orthogonal weight, and what tests of them share."""

import numpy as np
import pytest

from stiefelkit.parametrizations import (
    CWY,
    TCWY,
    CayleyMap,
    ExponentialMap,
    Givens,
    TrapezoidalCWY,
    Trivialization,
)

from .._classes import eps, frame, normal, orthonormality

torch = pytest.importorskip("torch")
front = pytest.importorskip("stiefelkit_torch")

NAMES = ("matrix_exp", "cayley", "householder", "tcwy", "cwy", "givens")
# What a name stands for where a base is used, and where it is not.
CLASSES = {
    "matrix_exp": (Trivialization, ExponentialMap),
    "cayley": (Trivialization, CayleyMap),
    "householder": (TrapezoidalCWY, TrapezoidalCWY),
    "tcwy": (TCWY, TCWY),
    "cwy": (CWY, CWY),
    "givens": (Givens, Givens),
}
WEIGHTS = {
    "tall": (5, 3),
    "wide": (3, 5),
    "square": (4, 4),
    "column": (4, 1),
    "one": (1, 1),
    "batch": (2, 5, 3),
    "wide batch": (2, 1, 2, 4),
}
# Each map, those with a base without it too.
CHOICES = [(name, based) for name in NAMES for based in (True, False)]
CHOICES = [(name, based) for name, based in CHOICES if based or CLASSES[name][0] is Trivialization]
every_choice = pytest.mark.parametrize(("chosen", "based"), CHOICES)
every_map = pytest.mark.parametrize("chosen", NAMES)
every_weight = pytest.mark.parametrize("shape", list(WEIGHTS.values()), ids=list(WEIGHTS))


class Layer(torch.nn.Module):
    """A module with one weight, which it multiplies to rows."""

    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.as_tensor(weight))

    def forward(self, X):
        return X @ self.weight.mT


def tall(X):
    """Return a host matrix, or its transpose if it is wide."""
    return X if X.shape[-2] >= X.shape[-1] else np.swapaxes(X, -1, -2)


def like(X, shape):
    """Return a tall host matrix as a weight of `shape`."""
    return X if X.shape[-2:] == shape[-2:] else np.swapaxes(X, -1, -2)


def draw(rng, shape, dtype="float64"):
    return normal(rng, shape, dtype).astype(dtype)


def draw_weight(rng, shape, dtype="float64"):
    """Draw an orthonormal weight: columns of a tall one, rows of a wide one."""
    n, p = max(shape[-2:]), min(shape[-2:])
    return np.ascontiguousarray(like(frame(rng, (*shape[:-2], n, p), dtype), shape).astype(dtype))


def host(x):
    return x.detach().resolve_conj().numpy().copy()


def q_factor(W):
    """Return the Q factor whose R has a positive diagonal, of the tall form of a host matrix."""
    Q, R = np.linalg.qr(tall(W))
    d = np.diagonal(R, axis1=-2, axis2=-1)
    return like(Q * (d / np.abs(d))[..., None, :], W.shape)


def assert_orthonormal(W, steps=1):
    W = tall(host(W) if isinstance(W, torch.Tensor) else W)
    assert orthonormality(W) <= steps * 20 * W.shape[-1] ** 0.5 * eps(W.dtype)


def bound(shape, dtype):
    """Return what factoring a matrix and forming it again may lose."""
    return 30 * max(shape[-2:]) * eps(dtype)


def loss(W):
    """Return a real number that depends on all of a matrix."""
    return (W.real * torch.arange(1.0, 1 + W.shape[-1], dtype=W.real.dtype)).pow(3).sum()
